//! The report as one HTML page that needs nothing else. It shows no face unless that was asked for.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;

use super::clip::{ClipReport, Occupancy, PersonReport, Tracks};
use super::{GalleryReport, RECOMMENDED_WIDTH};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1c2430;background:#fff}h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 .25rem;overflow-wrap:anywhere}\
p{margin:.25rem 0;color:#56606e}table{border-collapse:collapse;width:100%;margin:.75rem 0}\
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #dde2e8}td.n,th.n{text-align:right;\
font-variant-numeric:tabular-nums}.bar{position:relative;height:.8rem;min-width:10rem;background:#eef1f5;\
border-radius:.2rem}.bar i{position:absolute;top:0;bottom:0;min-width:2px;background:#1f6f54;border-radius:.2rem}\
.none{color:#9a3b26}.shares{display:flex;height:.8rem;border-radius:.2rem;overflow:hidden;background:#eef1f5}\
.shares i{background:#1f6f54}.shares i+i{background:#d9a441}.shares i+i+i{background:#8a94a3}\
img{height:4rem;border-radius:.2rem;vertical-align:middle;margin-right:.6rem}";

/// The page.
pub(super) fn page(reports: &[ClipReport], gallery: &GalleryReport, missing: &[String]) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Hadir: test of recordings</title><style>{STYLE}</style>\
         <h1>Who was recognised in these recordings</h1><p>{} people enrolled, {} recordings. Likeness is the \
         weighted mean cosine between the views of a face and the person's enrolled faces; a name is given from \
         {:.2} on, with a clear margin to everybody else.</p>",
        gallery.people,
        reports.len(),
        crate::pipeline::NAME_AT
    );
    if let Some((a, b, cosine)) = &gallery.most_alike {
        let _ = write!(
            page,
            "<p>Most alike of the enrolled are {} and {} ({cosine:.2}). A threshold of {:.2} tells everybody apart; \
             the agent raises it for those alone who need it.</p>",
            escape(a),
            escape(b),
            gallery.suggested_threshold
        );
    }
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(|name| escape(name)).collect();
        let _ = write!(
            page,
            "<p class=\"none\">Expected, but not recognised: {}.</p>",
            names.join(", ")
        );
    }
    reports.iter().for_each(|report| clip(&mut page, report));
    page.push_str("</html>\n");
    page
}

fn clip(page: &mut String, report: &ClipReport) {
    let name = escape(&report.clip.display().to_string());
    let _ = write!(
        page,
        "<h2>{name}</h2><p>{:.1} s, {} frames analysed.</p>",
        report.seconds, report.frames
    );
    if report.people.is_empty() {
        page.push_str("<p class=\"none\">Nobody of the gallery was recognised.</p>");
    } else {
        page.push_str(
            "<table><tr><th>Person<th class=\"n\">First seen<th class=\"n\">Last seen<th class=\"n\">Seen for\
             <th class=\"n\">By the body<th class=\"n\">Tracks<th class=\"n\">Face<th class=\"n\">Likeness<th>When</tr>",
        );
        report.people.iter().for_each(|p| person(page, p, report.seconds));
        page.push_str("</table>");
    }
    if let Some(Occupancy { median, most }) = report.occupancy {
        let _ = write!(
            page,
            "<p>At most {most} people were in the picture at once, named or not; in half of the looks {median}.</p>"
        );
    }
    shares(page, report.tracks);
    if let Some(width) = report.face_width {
        let enough = width.median >= RECOMMENDED_WIDTH;
        let _ = write!(
            page,
            "<p{}>Faces were {} to {} pixels wide, half of them below {}; {RECOMMENDED_WIDTH} are recommended{}.</p>",
            if enough { "" } else { " class=\"none\"" },
            width.min,
            width.max,
            width.median,
            if enough {
                ""
            } else {
                ": bring the camera nearer, or use a longer lens or its main stream"
            }
        );
    }
    if !report.rejected.is_empty() {
        page.push_str("<table><tr><th>Not used because<th class=\"n\">Count<th>Last measured</tr>");
        for (reason, count) in &report.rejected {
            let measured = report
                .measured
                .get(reason)
                .map_or(String::new(), |figures| super::measured(reason, *figures));
            let _ = write!(
                page,
                "<tr><td>{}<td class=\"n\">{count}<td>{measured}</tr>",
                explain(reason)
            );
        }
        page.push_str("</table>");
    }
}

/// What became of the tracks.
fn shares(page: &mut String, tracks: Tracks) {
    let Tracks {
        recognised,
        unsure,
        unknown,
    } = tracks;
    let all = recognised + unsure + unknown;
    let _ = write!(
        page,
        "<p>Tracks of faces: {recognised} recognised, {unsure} unsure, {unknown} like nobody in the gallery.</p>"
    );
    if all > 0 {
        let percent = |count: u64| 100.0 * count as f64 / all as f64;
        let [a, b, c] = [recognised, unsure, unknown].map(percent);
        let _ = write!(
            page,
            "<div class=\"shares\"><i style=\"width:{a:.1}%\"></i><i style=\"width:{b:.1}%\"></i>\
             <i style=\"width:{c:.1}%\"></i></div>"
        );
    }
}

/// A picture inside the page.
fn picture(image: &RgbImage) -> String {
    let mut jpeg = std::io::Cursor::new(Vec::new());
    match image.write_to(&mut jpeg, image::ImageFormat::Jpeg) {
        Ok(()) => format!(
            "<img alt=\"\" src=\"data:image/jpeg;base64,{}\">",
            STANDARD.encode(jpeg.into_inner())
        ),
        // A face at the very border may leave nothing.
        Err(_) => String::new(),
    }
}

fn person(page: &mut String, p: &PersonReport, length: f32) {
    let _ = write!(
        page,
        "<tr><td>{}{}<td class=\"n\">{:.1} s<td class=\"n\">{:.1} s<td class=\"n\">{:.1} s<td class=\"n\">{:.1} s\
         <td class=\"n\">{}<td class=\"n\">{} px<td class=\"n\">{:.2}<td><div class=\"bar\">",
        p.face.as_ref().map(picture).unwrap_or_default(),
        escape(&p.name),
        p.first,
        p.last,
        p.seconds,
        p.by_body,
        p.tracks,
        p.face_width.map_or(0.0, |width| width.median),
        p.best
    );
    let percent = |t: f32| (100.0 * t / length.max(0.1)).clamp(0.0, 100.0);
    for [from, to] in &p.spans {
        let (left, width) = (percent(*from), percent(*to) - percent(*from));
        let _ = write!(page, "<i style=\"left:{left:.1}%;width:{width:.1}%\"></i>");
    }
    page.push_str("</div></tr>");
}

/// A reason in words.
fn explain(reason: &str) -> &str {
    match reason {
        "too_small" => "Face: too few pixels between the eyes",
        "turned_away" => "Face: turned away too far",
        "blurred" => "Face: blurred",
        "hardly_a_face" => "Face: hardly recognisable as one",
        "too_few_views" => "Track: too few usable views",
        "not_in_gallery" => "Track: like nobody in the gallery",
        "thin_margin" => "Track: like two people",
        "unknown_badge" => "Badge: belongs to nobody",
        "badge_conflict" => "Badge: beside somebody else's face",
        "seen_elsewhere" => "Track: the person was seen elsewhere in the picture",
        other => other,
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use super::super::clip::Widths;

    fn report(face: Option<RgbImage>) -> ClipReport {
        ClipReport {
            clip: "a<b>.mp4".into(),
            seconds: 4.0,
            frames: 40,
            people: vec![PersonReport {
                by_body: 1.5,
                sightings: vec![[0.5, 2.0]],
                name: "<script>alert(1)</script>".into(),
                tracks: 1,
                first: 1.0,
                last: 3.0,
                seconds: 2.0,
                best: 0.7,
                bounds: [0.0; 4],
                spans: vec![[1.0, 3.0]],
                face_width: None,
                face,
            }],
            unknown_tracks: 2,
            rejected: BTreeMap::from([("too_small", 7)]),
            measured: BTreeMap::from([("too_small", [5.5, 8.0])]),
            tracks: Tracks {
                recognised: 1,
                unsure: 0,
                unknown: 3,
            },
            face_width: Some(Widths {
                min: 20.0,
                median: 30.0,
                max: 70.0,
            }),
            occupancy: Some(Occupancy { median: 1, most: 4 }),
        }
    }

    fn page_of(face: Option<RgbImage>) -> String {
        let gallery = GalleryReport {
            people: 3,
            most_alike: Some(("<a>".into(), "b".into(), 0.5)),
            suggested_threshold: 0.55,
        };
        page(&[report(face)], &gallery, &["<c>".into()])
    }

    #[test]
    fn names_are_escaped_and_nothing_is_loaded() {
        let page = page_of(None);
        for (part, there) in [
            ("<script>", false),
            ("<a>", false),
            ("<c>", false),
            ("&lt;script&gt;", true),
            ("left:25.0%;width:50.0%", true),
            ("width:75.0%", true),
            (
                "half of them below 30; 48 are recommended: bring the camera nearer",
                true,
            ),
            ("<td class=\"n\">2.0 s<td class=\"n\">1.5 s", true),
            ("At most 4 people", true),
            ("http", false),
            ("src=", false),
            ("<img", false),
        ] {
            assert_eq!(page.contains(part), there, "{part}: {page}");
        }
    }

    #[test]
    fn faces_are_shown_where_they_were_asked_for() {
        let page = page_of(Some(RgbImage::new(20, 20)));
        assert!(page.contains("src=\"data:image/jpeg;base64,/9j/"), "{page}");
        assert!(!page_of(Some(RgbImage::new(0, 0))).contains("<img"));
    }
}
