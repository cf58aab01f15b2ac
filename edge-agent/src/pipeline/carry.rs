//! From faces to bodies and back: when people are looked for, which face is on which body, and when a body stands in for
//! a face. Pure, but for [`look`], which runs the detector.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use hadir_models::appearance::{Appearance, Light};
use hadir_models::frame::Frame;
use hadir_models::person::{Body as Found, PersonDetector};
use hadir_models::{FrameBuf, ModelError};

use super::bodies::{GOES_ON_AT, STRONG, Seen};
use super::tracker::{TrackId, centre, iou};

/// Whether and how people are followed by their bodies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BodyRules {
    /// Whether at all.
    pub(crate) follow: Follow,
    /// A body whose face was not seen for longer than this is no longer that person.
    pub(crate) face_within: TimeDelta,
    /// How long one that vanished in the middle of the picture is remembered.
    pub(crate) kept: TimeDelta,
}

/// Whether people are followed by their bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Whoever turns round stays.
    #[default]
    Bodies,
    /// A face that is lost is lost.
    FacesOnly,
}

impl Default for BodyRules {
    fn default() -> Self {
        Self {
            follow: Follow::Bodies,
            face_within: TimeDelta::minutes(90),
            kept: TimeDelta::seconds(30),
        }
    }
}

/// The longer side of the picture in which people are looked for. Of 142 people on recordings of 480 × 270 pixels, 142 were
/// found at 0.25 with 7 boxes of nobody; in 352 pixels as many with 43, in 448 with 35.
pub(crate) const PEOPLE_WIDTH: u32 = 288;

/// Why people are looked for, the most urgent last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// Nothing else: how many people there are is to be known now and then.
    Count,
    /// The camera is there to count them.
    CountAll,
    /// Faces with names are seen, and their bodies known: how these look now is to be known when a face turns away.
    Beside,
    /// A body stands in for a face, and stays where it is; or has been out of sight for a while.
    Seated,
    /// Somebody watches: heads of strangers are to be hidden.
    Watched,
    /// A face with a name is seen, and on which body it is is not yet known.
    Join,
    /// A body stands in for a face and goes about, or is in doubt; or a face has just been lost.
    Instead,
}

/// How long after the last look the next one is due; `looks`: how many there were. (Whoever asks soon after the start is
/// to hear how many people there are, too.)
fn due_after(need: Need, moved: Moved, looks: u32) -> TimeDelta {
    TimeDelta::milliseconds(match (need, moved) {
        (Need::Count, _) => (500 << looks.min(5)).min(10_000),
        (Need::CountAll, Moved::Yes) => 500,
        (Need::CountAll, Moved::No) => 2000,
        (Need::Instead | Need::Join, _) => 150,
        (Need::Seated, Moved::Yes) => 500,
        (Need::Watched, Moved::Yes) => 300,
        (Need::Seated | Need::Watched, Moved::No) => 2000,
        (Need::Beside, _) => 4000,
    })
}

/// Whether something has changed in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    Yes,
    No,
}

/// The network knows people badly whose boxes have roots of their areas in these bands, in pixels of its picture.
const BADLY_KNOWN: [std::ops::RangeInclusive<f32>; 2] = [78.0..=102.0, 163.0..=198.0];
/// Whoever is found with less is looked at again.
const LOOK_AGAIN_BELOW: f32 = 0.4;
/// So many closer looks are made in one frame.
const CLOSER_LOOKS: usize = 2;
/// What a closer look finds is who is expected, if the boxes overlap so much.
const EXPECTED_IOU: f32 = 0.4;

/// Finds people in a frame. At those who are `expected` (left, top, width, height) a closer look is taken where they are
/// not found, or badly.
pub(super) fn look(
    frame: &FrameBuf,
    expected: &[[f32; 4]],
    detector: &PersonDetector,
) -> Result<Vec<Seen>, ModelError> {
    let frame = Frame::from(frame);
    let (width, height) = frame.dimensions();
    let scale = (PEOPLE_WIDTH as f32 / width.max(height).max(1) as f32).min(1.0);
    let mut found = detector.detect(frame, PEOPLE_WIDTH, GOES_ON_AT)?;
    let badly = |bounds: [f32; 4], found: &[Found]| {
        let size = (bounds[2] * bounds[3]).sqrt() * scale;
        let score = found
            .iter()
            .filter(|body| iou(body.bounds, bounds) >= EXPECTED_IOU)
            .map(|body| body.score)
            .fold(0.0, f32::max);
        score < LOOK_AGAIN_BELOW || (score < STRONG && BADLY_KNOWN.iter().any(|band| band.contains(&size)))
    };
    let again: Vec<[f32; 4]> = expected
        .iter()
        .copied()
        .filter(|bounds| badly(*bounds, &found))
        .take(CLOSER_LOOKS)
        .collect();
    for bounds in again {
        let closer = detector.detect_around(frame, bounds, GOES_ON_AT)?;
        let best = closer
            .into_iter()
            .find(|body| iou(body.bounds, bounds) >= EXPECTED_IOU);
        if let Some(best) = best {
            // The better look counts.
            let is_better =
                |body: &Found| iou(body.bounds, best.bounds) < EXPECTED_IOU || body.score > best.score;
            found.retain(is_better);
            if found
                .iter()
                .all(|body| iou(body.bounds, best.bounds) < EXPECTED_IOU)
            {
                found.push(best);
            }
        }
    }
    let light = Light::of(frame);
    Ok(found
        .into_iter()
        .map(|Found { bounds, score }| Seen {
            bounds,
            score,
            torso: Appearance::of(frame, light, torso(bounds)),
            head: Appearance::of(frame, light, scalp(bounds)),
        })
        .collect())
}

/// A box at least this many times as high as wide shows somebody from head to foot, others head and shoulders.
const TALL: f32 = 1.9;

/// Where the torso is in a body, without what is beside it: left, top, width, height.
fn torso([x, y, w, h]: [f32; 4]) -> [f32; 4] {
    // By the width, for a desk may hide the legs.
    let from = (0.45 * w).clamp(0.17 * h, 0.40 * h);
    let to = (1.1 * w).clamp(0.42 * h, 0.90 * h);
    [x + 0.27 * w, y + from, 0.46 * w, to - from]
}

/// Where the head is in a body, without what is around it: left, top, width, height.
fn scalp([x, y, w, h]: [f32; 4]) -> [f32; 4] {
    let height = if h >= TALL * w { 0.15 } else { 0.35 } * h;
    let width = (0.5 * w).min(height);
    [x + (w - width) / 2.0, y + 0.02 * h, width, height]
}

/// Where the head is in a body, whichever way it is turned, with some room: left, top, width, height.
pub(super) fn head([x, y, w, h]: [f32; 4]) -> [f32; 4] {
    // Of people from head to foot the head is 0.15 of the height, of head and shoulders up to 0.45.
    let height = (0.5 * h).min(0.75 * w);
    [x + 0.1 * w, y - 0.05 * h, 0.8 * w, height + 0.05 * h]
}

/// Whether a face (left, top, width, height) is where a body has its head. (Of some 500 faces on their bodies the middle was
/// 0.2 to 0.74 across, 0.2 to 0.4 of the body's width below its top, the face 0.2 to 0.4 of the body's width wide; behind a
/// desk the box is hardly more than the head.)
fn fits(face: [f32; 4], [x, y, w, h]: [f32; 4]) -> bool {
    let [fx, fy] = centre(face);
    let (across, down, width) = ((fx - x) / w, fy - y, face[2] / w);
    let hidden = h < 1.2 * w && face[3] > 0.4 * h;
    let (deepest, widest) = if hidden {
        (0.7 * h, 0.85)
    } else {
        ((0.7 * h).min(0.6 * w), 0.45)
    };
    (0.15..=0.85).contains(&across) && (0.0..=deepest).contains(&down) && (0.16..=widest).contains(&width)
}

/// Whether the middle of a face is in a body.
pub(super) fn is_in(face: [f32; 4], [x, y, w, h]: [f32; 4]) -> bool {
    let [fx, fy] = centre(face);
    (x..x + w).contains(&fx) && (y..y + h).contains(&fy)
}

/// Which face is on which body, where that is beyond doubt: faces and bodies by their places in these lists.
pub(super) fn pairs(faces: &[[f32; 4]], bodies: &[[f32; 4]]) -> Vec<(usize, usize)> {
    let of = |f: usize| (0..bodies.len()).filter(move |b| fits(faces[f], bodies[*b]));
    let on = |b: usize| (0..faces.len()).filter(|f| fits(faces[*f], bodies[b])).count();
    (0..faces.len())
        .filter_map(|f| {
            let mut bodies = of(f);
            match (bodies.next(), bodies.next()) {
                (Some(body), None) if on(body) == 1 => Some((f, body)),
                _ => None,
            }
        })
        .collect()
}

/// So many looks have to be in vain before a face's body is looked for less often: it may be too near to be a body.
const IN_VAIN: u32 = 6;

/// When people were last looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct BodyLooks {
    last_at: Option<DateTime<Utc>>,
    looks: u32,
    /// For tracks whose bodies are not known, in how many looks they were not found.
    vain: HashMap<TrackId, u32>,
}

impl BodyLooks {
    /// Notes of every track whether its body is known after a look.
    pub(super) fn tried(&mut self, tracks: impl Iterator<Item = (TrackId, bool)>) {
        let before = std::mem::take(&mut self.vain);
        let unknown = tracks.filter(|(_, known)| !known);
        self.vain = unknown
            .map(|(track, _)| (track, before.get(&track).map_or(1, |looks| looks + 1)))
            .collect();
    }

    /// Whether the body of a track was looked for often enough.
    pub(super) fn in_vain(&self, track: TrackId) -> bool {
        self.vain.get(&track).is_some_and(|looks| *looks >= IN_VAIN)
    }

    /// Whether a look is due.
    pub(super) fn due(&mut self, need: Need, moved: Moved, now: DateTime<Utc>) -> bool {
        let due = self.last_at.is_none_or(|at| {
            let since = now - at;
            since >= due_after(need, moved, self.looks) || since < TimeDelta::zero()
        });
        if due {
            self.looks = self.looks.saturating_add(1);
            self.last_at = Some(now);
        }
        due
    }
}
