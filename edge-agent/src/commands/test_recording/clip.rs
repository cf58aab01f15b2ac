//! One clip through the pipeline.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hadir_models::FrameBuf;
use hadir_shared::sighting::Basis;
use hadir_shared::status::CameraMode;
use image::RgbImage;
use indicatif::ProgressBar;
use serde::Serialize;

use crate::capture::{open_clip, probe};
use crate::commands::Failure;
use crate::pipeline::people::{People, PersonId};
use crate::pipeline::tracker::{TrackId, seconds};
use crate::pipeline::{
    BadgeReading, BodyRules, DetectWidth, Event, Mask, Models, Outcome, Pace, Pipeline, Reason, Settings,
    TrackView,
};

/// A person who was not seen for longer than this was away: by the face, and by the body, which is looked for less often.
const ABSENCE: TimeDelta = TimeDelta::milliseconds(1500);
const BODY_ABSENCE: TimeDelta = TimeDelta::milliseconds(2500);

/// How a clip is looked at.
pub(super) struct Options {
    /// The longer side of the picture that the detector sees.
    pub(super) detect_width: DetectWidth,
    /// The most frames for each second of the clip.
    pub(super) fps: f32,
    /// Where nothing is looked for.
    pub(super) mask: Mask,
    /// Whether and how people are followed whose faces are not seen.
    pub(super) bodies: BodyRules,
    /// Whether pictures of faces are kept for the report.
    pub(super) faces: Faces,
    /// Where it is written what is seen in every frame.
    pub(super) frames: Option<FramesFile>,
}

/// A file with a line of JSON for every analysed frame.
pub(super) struct FramesFile(RefCell<BufWriter<File>>);

impl FramesFile {
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        Ok(Self(RefCell::new(BufWriter::new(File::create(path)?))))
    }

    fn write(&self, clip: &Path, at: DateTime<Utc>, outcome: &Outcome) -> std::io::Result<()> {
        #[derive(Serialize)]
        struct Track<'a> {
            track: TrackId,
            name: Option<&'a str>,
            basis: Basis,
            matched: bool,
            #[serde(rename = "box")]
            bounds: [f32; 4],
        }
        let tracks: Vec<Track<'_>> = outcome
            .tracks
            .iter()
            .map(|track| Track {
                track: track.track,
                name: track.person.as_deref(),
                basis: track.basis,
                matched: track.matched,
                bounds: track.bounds.map(f32::round),
            })
            .collect();
        let at = seconds(at - DateTime::UNIX_EPOCH);
        let line = serde_json::json!({"clip": clip, "at": at, "tracks": tracks, "people": outcome.people});
        let mut file = self.0.borrow_mut();
        writeln!(file, "{line}")?;
        file.flush()
    }
}

/// Whether a report shows the faces of those who were recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Faces {
    /// It shows none.
    Hidden,
    /// It shows the best one of each.
    Shown,
}

/// Widths of faces, in pixels of the clip; one wider than 1920 pixels is scaled down to that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Widths {
    /// The smallest.
    pub(super) min: f32,
    /// Half of them are smaller.
    pub(super) median: f32,
    /// The largest.
    pub(super) max: f32,
}

impl Widths {
    fn of(mut widths: Vec<f32>) -> Option<Self> {
        widths.sort_by(f32::total_cmp);
        Some(Self {
            min: widths.first()?.round(),
            median: widths[widths.len() / 2].round(),
            max: widths.last()?.round(),
        })
    }
}

/// Tracks of faces, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tracks {
    /// They got a name.
    pub(super) recognised: u64,
    /// They might have: too few usable views, or like two people.
    pub(super) unsure: u64,
    /// They are like nobody in the gallery.
    pub(super) unknown: u64,
}

/// How many people were in the picture at once, named or not, in the looks that counted them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Occupancy {
    /// In half of the looks there were fewer.
    pub(super) median: usize,
    /// The most.
    pub(super) most: usize,
}

impl Occupancy {
    fn of(mut counts: Vec<usize>) -> Option<Self> {
        counts.sort_unstable();
        Some(Self {
            median: *counts.get(counts.len() / 2)?,
            most: *counts.last()?,
        })
    }
}

/// What was seen in a clip. Times are in seconds from its start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ClipReport {
    /// The file.
    pub(super) clip: PathBuf,
    /// Its length.
    pub(super) seconds: f32,
    /// Frames analysed.
    pub(super) frames: u32,
    /// Who was recognised, by name.
    pub(super) people: Vec<PersonReport>,
    /// Tracks of faces that got no name.
    pub(super) unknown_tracks: u64,
    /// Faces that were not used and tracks that got no name, by reason.
    pub(super) rejected: BTreeMap<&'static str, u64>,
    /// For some of these the last figure behind them, and the limit that it missed.
    pub(super) measured: BTreeMap<&'static str, [f32; 2]>,
    /// All tracks, by what became of them.
    pub(super) tracks: Tracks,
    /// How wide the faces were.
    pub(super) face_width: Option<Widths>,
    /// How many people were in the picture at once.
    pub(super) occupancy: Option<Occupancy>,
}

/// One person in a clip.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PersonReport {
    /// The folder's name in the gallery.
    pub(super) name: String,
    /// In how many tracks.
    pub(super) tracks: usize,
    /// When the first of those tracks began.
    pub(super) first: f32,
    /// When the last one was last seen.
    pub(super) last: f32,
    /// How long they were seen in all.
    pub(super) seconds: f32,
    /// How much of that by their body, their face not being seen.
    pub(super) by_body: f32,
    /// From when to when their sightings tell that they were there: a stretch of doubt that a face settled is part of it.
    pub(super) sightings: Vec<[f32; 2]>,
    /// The highest standing: a weighted mean cosine over the views of a track.
    pub(super) best: f32,
    /// Where the face was then: left, top, width, height in pixels of the clip.
    #[serde(rename = "box")]
    pub(super) bounds: [f32; 4],
    /// From when to when they were seen.
    pub(super) spans: Vec<[f32; 2]>,
    /// How wide their face was.
    pub(super) face_width: Option<Widths>,
    /// Their face at its best, if it was asked for.
    #[serde(skip)]
    pub(super) face: Option<RgbImage>,
}

/// Runs a clip.
///
/// # Errors
/// A sentence on why it cannot be read.
pub(super) async fn run(
    path: &Path,
    options: &Options,
    people: &Arc<People>,
    models: &Arc<Models>,
    progress: &ProgressBar,
) -> Result<ClipReport, Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::NotRight(e.to_string());
    let info = probe(path).await.map_err(|e| wrong(&e))?;
    let mut source = open_clip(path, &info, options.fps).map_err(|e| wrong(&e))?;
    let mut pipeline = Pipeline::new(
        Settings {
            detect_width: options.detect_width,
            mask: options.mask.clone(),
            badges: BadgeReading::No,
            bodies: options.bodies,
        },
        models.clone(),
    );
    pipeline.set_people(people);
    let mut named = Named::new(options.faces);
    let (mut widths, mut counts) = (Vec::new(), Vec::new());
    progress.set_length(info.duration.map_or(0, |duration| duration.as_millis() as u64));
    let (mut frames, mut unknown_tracks, mut length) = (0, 0, 0.0f32);
    while let Some(picture) = source.next().await.map_err(|e| wrong(&e))? {
        let now = DateTime::UNIX_EPOCH + TimeDelta::from_std(picture.position).unwrap_or_default();
        let outcome = pipeline
            .step(&picture.frame, CameraMode::Recognise, Pace::Sparing, now)
            .map_err(|e| wrong(&e))?;
        for track in &outcome.tracks {
            named.note(track, &picture.frame, now);
            if track.matched && track.basis == Basis::Face {
                widths.push(track.bounds[2]);
            }
        }
        counts.extend(outcome.people);
        progress.set_position(picture.position.as_millis() as u64);
        named.record(&outcome.events);
        if let Some(frames_to) = &options.frames {
            frames_to.write(path, now, &outcome).map_err(|e| wrong(&e))?;
        }
        unknown_tracks += outcome.unknown_ended;
        frames += 1;
        length = picture.position.as_secs_f32();
    }
    let end = pipeline.finish(CameraMode::Recognise);
    named.record(&end.events);
    unknown_tracks += end.unknown_ended;
    let rejected = |reasons: &[Reason]| -> u64 {
        let counts = pipeline.rejected().filter(|(reason, _)| reasons.contains(reason));
        counts.map(|(_, rejected)| rejected.count).sum()
    };
    let tracks = Tracks {
        recognised: named.tracks(),
        unsure: rejected(&[Reason::TooFewViews, Reason::ThinMargin, Reason::SeenElsewhere]),
        unknown: rejected(&[Reason::NotInGallery]),
    };
    Ok(ClipReport {
        clip: path.to_owned(),
        seconds: info.duration.map_or(length, |duration| duration.as_secs_f32()),
        frames,
        people: named.people(),
        unknown_tracks,
        rejected: pipeline
            .rejected()
            .map(|(reason, rejected)| (reason.as_str(), rejected.count))
            .collect(),
        measured: pipeline
            .rejected()
            .filter_map(|(reason, rejected)| {
                let (last, limit) = rejected.measured?;
                Some((reason.as_str(), [last, limit]))
            })
            .collect(),
        tracks,
        face_width: Widths::of(widths),
        occupancy: Occupancy::of(counts),
    })
}

/// The names that tracks had at any time.
struct Named {
    faces: Faces,
    tracks: BTreeMap<(PersonId, TrackId), Seen>,
    /// From when to when the sightings of each person tell of them, in seconds from the clip's start.
    sightings: BTreeMap<PersonId, Vec<[f32; 2]>>,
}

struct Seen {
    /// From when to when; a longer absence begins a new one.
    spans: Vec<[DateTime<Utc>; 2]>,
    best: f32,
    bounds: [f32; 4],
    widths: Vec<f32>,
    /// How long by the body.
    by_body: TimeDelta,
    face: Option<RgbImage>,
}

impl Named {
    fn new(faces: Faces) -> Self {
        Self {
            faces,
            tracks: BTreeMap::new(),
            sightings: BTreeMap::new(),
        }
    }

    /// How many tracks had a name.
    fn tracks(&self) -> u64 {
        let tracks: BTreeSet<TrackId> = self.tracks.keys().map(|(_, track)| *track).collect();
        tracks.len() as u64
    }

    fn note(&mut self, track: &TrackView, frame: &FrameBuf, now: DateTime<Utc>) {
        let Some(person) = track.person.clone().filter(|_| track.matched) else {
            return;
        };
        // The identity is the track's, so it holds from the track's beginning.
        let seen = self.tracks.entry((person, track.track)).or_insert_with(|| Seen {
            spans: vec![[track.first_at, now]],
            best: f32::MIN,
            bounds: track.bounds,
            widths: Vec::new(),
            by_body: TimeDelta::zero(),
            face: None,
        });
        let absence = match track.basis {
            Basis::Face => {
                seen.widths.push(track.bounds[2]);
                ABSENCE
            }
            Basis::Body => BODY_ABSENCE,
        };
        match seen.spans.last_mut() {
            Some([_, end]) if now - *end <= absence => {
                if track.basis == Basis::Body {
                    seen.by_body += now - *end;
                }
                *end = now;
            }
            _ => seen.spans.push([now, now]),
        }
        if track.standing > seen.best {
            seen.best = track.standing;
            seen.bounds = track.bounds;
            seen.face = match self.faces {
                Faces::Shown => Some(cut_out(frame, track.bounds)),
                Faces::Hidden => None,
            };
        }
    }

    /// Takes phases of sightings in.
    fn record(&mut self, events: &[Event]) {
        for event in events {
            let times = [event.first_at, event.last_at].map(|at| seconds(at - DateTime::UNIX_EPOCH));
            let of_person = self.sightings.entry(event.person.clone()).or_default();
            match of_person.iter_mut().find(|sighting| sighting[0] == times[0]) {
                Some(sighting) => *sighting = times,
                None => of_person.push(times),
            }
        }
    }

    fn people(mut self) -> Vec<PersonReport> {
        let from_start = |at: DateTime<Utc>| seconds(at - DateTime::UNIX_EPOCH);
        let mut people: Vec<PersonReport> = Vec::new();
        let mut widths: BTreeMap<PersonId, Vec<f32>> = BTreeMap::new();
        for ((person, _), seen) in self.tracks {
            widths.entry(person.clone()).or_default().extend(&seen.widths);
            let spans: Vec<[f32; 2]> = seen.spans.iter().map(|span| span.map(from_start)).collect();
            let (first, last) = (spans[0][0], spans[spans.len() - 1][1]);
            match people.last_mut().filter(|last| last.name == *person) {
                Some(known) => {
                    known.tracks += 1;
                    known.first = known.first.min(first);
                    known.last = known.last.max(last);
                    known.spans.extend(spans);
                    known.by_body += seconds(seen.by_body);
                    if seen.best > known.best {
                        known.best = seen.best;
                        known.bounds = seen.bounds;
                        known.face = seen.face;
                    }
                }
                None => people.push(PersonReport {
                    name: person.to_string(),
                    tracks: 1,
                    first,
                    last,
                    seconds: 0.0,
                    by_body: seconds(seen.by_body),
                    sightings: self.sightings.remove(&person).unwrap_or_default(),
                    best: seen.best,
                    bounds: seen.bounds,
                    spans,
                    face_width: None,
                    face: seen.face,
                }),
            }
        }
        for person in &mut people {
            person.seconds = covered(&mut person.spans);
            person.bounds = person.bounds.map(f32::round);
            person.face_width = widths.remove(person.name.as_str()).and_then(Widths::of);
        }
        people
    }
}

/// A face with a little around it.
fn cut_out(frame: &FrameBuf, [x, y, width, height]: [f32; 4]) -> RgbImage {
    let image = frame.to_rgb(u32::MAX);
    let margin = 0.3 * width.max(height);
    // `as` saturates, so what lies outside becomes the border.
    let (left, top) = ((x - margin) as u32, (y - margin) as u32);
    let (left, top) = (left.min(image.width()), top.min(image.height()));
    let right = ((x + width + margin) as u32).clamp(left, image.width());
    let bottom = ((y + height + margin) as u32).clamp(top, image.height());
    image::imageops::crop_imm(&image, left, top, right - left, bottom - top).to_image()
}

/// Sorts spans and adds up the time that they cover, overlaps once.
fn covered(spans: &mut [[f32; 2]]) -> f32 {
    spans.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let (mut sum, mut end) = (0.0, f32::MIN);
    for [from, to] in spans {
        sum += (*to - from.max(end)).max(0.0);
        end = end.max(*to);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(id: TrackId, person: Option<&str>, first: i64, standing: f32) -> TrackView {
        TrackView {
            track: id,
            bounds: [1.0, 2.0, 3.0, 4.0],
            basis: Basis::Face,
            first_at: DateTime::UNIX_EPOCH + TimeDelta::milliseconds(first),
            matched: true,
            person: person.map(Into::into),
            confidence: 0.9,
            standing,
        }
    }

    #[test]
    fn a_person_is_summed_up_over_their_tracks() {
        let mut named = Named::new(Faces::Shown);
        let frame = FrameBuf::from(RgbImage::new(20, 10));
        let at = |ms| DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms);
        named.note(&track(1, None, 0, 0.0), &frame, at(500));
        named.note(&track(1, Some("ani"), 0, 0.5), &frame, at(1000));
        named.note(&track(1, Some("ani"), 0, 0.6), &frame, at(2000));
        named.note(&track(3, Some("ani"), 5000, 0.4), &frame, at(6000));
        named.note(&track(2, Some("budi"), 1000, 0.7), &frame, at(1500));
        assert_eq!(named.tracks(), 3);
        let people = named.people();
        assert_eq!(people.len(), 2);
        let ani = &people[0];
        assert_eq!(
            (ani.name.as_str(), ani.tracks, ani.first, ani.last, ani.seconds),
            ("ani", 2, 0.0, 6.0, 3.0)
        );
        assert!((ani.best - 0.6).abs() < 1e-6);
        let widths = ani.face_width.expect("seen");
        assert_eq!((widths.min, widths.median, widths.max), (3.0, 3.0, 3.0));
        assert!(ani.face.is_some());
    }

    #[test]
    fn overlapping_spans_count_once() {
        assert_eq!(covered(&mut [[3.0, 5.0], [0.0, 2.0], [1.0, 4.0]]), 5.0);
        assert_eq!(covered(&mut []), 0.0);
    }
}
