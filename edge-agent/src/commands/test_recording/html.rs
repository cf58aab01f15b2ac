//! The report as one HTML page that needs nothing else. It shows no face and no picture.

use std::fmt::Write as _;

use super::clip::{ClipReport, PersonReport};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1c2430;background:#fff}h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 .25rem;overflow-wrap:anywhere}\
p{margin:.25rem 0;color:#56606e}table{border-collapse:collapse;width:100%;margin:.75rem 0}\
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #dde2e8}td.n,th.n{text-align:right;\
font-variant-numeric:tabular-nums}.bar{position:relative;height:.8rem;min-width:10rem;background:#eef1f5;\
border-radius:.2rem}.bar i{position:absolute;top:0;bottom:0;min-width:2px;background:#1f6f54;border-radius:.2rem}\
.none{color:#9a3b26}";

/// The page.
pub(super) fn page(reports: &[ClipReport], enrolled: usize) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Hadir: test of recordings</title><style>{STYLE}</style>\
         <h1>Who was recognised in these recordings</h1><p>{enrolled} people enrolled, {} recordings. Likeness is the \
         weighted mean cosine between the views of a face and the person's enrolled faces; a name is given from \
         0.43 on, with a clear margin to everybody else.</p>",
        reports.len()
    );
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
             <th class=\"n\">Tracks<th class=\"n\">Likeness<th>When</tr>",
        );
        report.people.iter().for_each(|p| person(page, p, report.seconds));
        page.push_str("</table>");
    }
    let _ = write!(page, "<p>Unknown tracks: {}.</p>", report.unknown_tracks);
    if !report.rejected.is_empty() {
        page.push_str("<table><tr><th>Not used because<th class=\"n\">Count</tr>");
        for (reason, count) in &report.rejected {
            let _ = write!(page, "<tr><td>{}<td class=\"n\">{count}</tr>", explain(reason));
        }
        page.push_str("</table>");
    }
}

fn person(page: &mut String, p: &PersonReport, length: f32) {
    let _ = write!(
        page,
        "<tr><td>{}<td class=\"n\">{:.1} s<td class=\"n\">{:.1} s<td class=\"n\">{:.1} s<td class=\"n\">{}\
         <td class=\"n\">{:.2}<td><div class=\"bar\">",
        escape(&p.name),
        p.first,
        p.last,
        p.seconds,
        p.tracks,
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

    #[test]
    fn names_are_escaped_and_nothing_is_loaded() {
        let report = ClipReport {
            clip: "a<b>.mp4".into(),
            seconds: 4.0,
            frames: 40,
            people: vec![PersonReport {
                name: "<script>alert(1)</script>".into(),
                tracks: 1,
                first: 1.0,
                last: 3.0,
                seconds: 2.0,
                best: 0.7,
                bounds: [0.0; 4],
                spans: vec![[1.0, 3.0]],
            }],
            unknown_tracks: 2,
            rejected: BTreeMap::from([("too_small", 7)]),
        };
        let page = page(&[report], 3);
        assert!(
            !page.contains("<script>") && page.contains("&lt;script&gt;"),
            "{page}"
        );
        assert!(page.contains("left:25.0%;width:50.0%"), "{page}");
        for outside in ["http", "src=", "<img"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
