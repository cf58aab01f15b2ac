//! Tracks: which detection of this frame is which face of the frames before.
//!
//! Each track has a constant-velocity Kalman filter for its centre and its size. Detections go to tracks in the
//! order of cost (overlap and distance from the predicted place), the confident ones first, the weak ones to
//! tracks that are left (as in ByteTrack, Zhang et al. 2022). A track that is not seen lives on for a while: for
//! [`MOTION_S`] it can be taken up again by its place, for [`LOST_S`] by its appearance (see
//! [`Tracker::rejoin`]). Ids are never reused. Pure: time comes in.

use chrono::{DateTime, TimeDelta, Utc};

use super::carry;
use super::kalman::{Agility, BoxFilter};

/// A track's id, unique for the camera while the agent runs.
pub(crate) type TrackId = u64;

/// A score from which a detection may start a track.
pub(crate) const CONFIDENT: f32 = 0.6;
/// A face on a body that is followed from behind has to be this sure. (On backs of heads up to 0.71 were found.)
const SURELY_A_FACE: f32 = 0.75;
/// Seconds without a match after which place and motion say no more who it is.
const MOTION_S: f32 = 1.5;
/// Seconds without a match after which a track ends.
const LOST_S: f32 = 5.0;
/// A longer gap than this makes a track's identity doubtful until it is verified again.
const DOUBTFUL_GAP_S: f32 = 0.5;
/// Overlap of two tracks from which they may have been exchanged.
const CROSSING_IOU: f32 = 0.15;
/// Less overlap with the predicted place than this is a jump: another face may have come there (a recording that
/// was cut, a person who stepped in front).
const JUMP_IOU: f32 = 0.4;
/// Farthest place of a match, in face sizes from the predicted one: right away, and more for each second.
const GATE: f32 = 0.9;
const GATE_PER_S: f32 = 2.5;
const GATE_MOST: f32 = 2.5;
/// More for each second while a track's speed is not known: somebody may walk past with 10 face sizes a second.
const GATE_NEW_PER_S: f32 = 5.0;

/// A face that was found in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Detection {
    /// Left, top, width, height in pixels.
    pub(crate) bounds: [f32; 4],
    /// How sure the detector is.
    pub(crate) score: f32,
}

/// Why a track may be another face than the one that was identified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    /// No reason to doubt.
    #[default]
    None,
    /// It overlapped another track; the two may have been exchanged.
    Crossing,
    /// It was not seen for a while, or jumped, or its last view contradicts its name.
    Break,
}

/// One face followed over the frames.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    /// Its id.
    pub(crate) id: TrackId,
    /// When it was first seen.
    pub(crate) first_at: DateTime<Utc>,
    /// When it was last matched to a detection.
    pub(crate) last_at: DateTime<Utc>,
    /// How often it was matched.
    pub(crate) hits: u32,
    /// Whether it may be another face by now than the one that was identified.
    pub(crate) doubt: Doubt,
    /// Frames since the last match.
    misses: u32,
    filter: BoxFilter,
}

/// Walking people start and stop within a second or so: several face sizes a second squared.
const AGILITY: Agility = Agility {
    centre: 6.0,
    size: 1.5,
};

impl Track {
    fn new(id: TrackId, bounds: [f32; 4], now: DateTime<Utc>) -> Self {
        Self {
            id,
            first_at: now,
            last_at: now,
            hits: 1,
            doubt: Doubt::None,
            misses: 0,
            filter: BoxFilter::new(bounds, now),
        }
    }

    /// Where it is expected (or was just found): left, top, width, height.
    pub(crate) fn bounds(&self) -> [f32; 4] {
        self.filter.bounds()
    }

    /// Whether the last look did not find it again.
    pub(crate) fn missed(&self) -> bool {
        self.misses > 0
    }

    /// It is where it was, if it was there.
    fn hold(&mut self, now: DateTime<Utc>) {
        if !self.missed() {
            self.last_at = now;
            self.filter.hold(now);
        }
    }

    fn predict(&mut self, now: DateTime<Utc>) {
        self.filter.predict(AGILITY, self.misses > 1, now);
    }

    fn update(&mut self, bounds: [f32; 4], now: DateTime<Utc>) {
        let jumped = self.hits > 1 && iou(self.bounds(), bounds) < JUMP_IOU;
        self.filter.update(bounds);
        if jumped || seconds(now - self.last_at) > DOUBTFUL_GAP_S {
            self.doubt = Doubt::Break;
        }
        self.last_at = now;
        self.misses = 0;
        self.hits += 1;
    }

    /// Its face is seen again, on the body that was followed.
    fn come_home(&mut self, bounds: [f32; 4], body: Certainty, now: DateTime<Utc>) {
        self.filter = BoxFilter::new(bounds, now);
        self.last_at = now;
        self.misses = 0;
        self.hits += 1;
        // Where the body is certain, so is the name; it is verified with the next view all the same.
        if body == Certainty::Doubtful {
            self.doubt = Doubt::Break;
        }
    }
}

/// A track whose face is not seen, and the body that is followed in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Home {
    /// Which.
    pub(crate) track: TrackId,
    /// Where the body is: left, top, width, height.
    pub(crate) body: [f32; 4],
    /// Whether it may be somebody else's by now.
    pub(crate) certainty: Certainty,
}

/// Whether something may be doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certainty {
    Certain,
    Doubtful,
}

/// What one frame changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TrackUpdate {
    /// For each detection, in their order: its track, if it has one.
    pub(crate) assigned: Vec<Option<TrackId>>,
    /// Tracks that ended.
    pub(crate) ended: Vec<Ended>,
}

/// A track that ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ended {
    /// Which.
    pub(crate) id: TrackId,
    /// How often it had been matched.
    pub(crate) hits: u32,
}

/// All tracks of one camera.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tracker {
    tracks: Vec<Track>,
    last_id: TrackId,
}

impl Tracker {
    /// Takes one frame's detections in. `looked` says of a point whether faces were looked for there; tracks
    /// elsewhere are where they were. A face that no track explains is that of a `home`, if it fits that body alone.
    pub(crate) fn update(
        &mut self,
        detections: &[Detection],
        looked: impl Fn([f32; 2]) -> bool,
        homes: &[Home],
        now: DateTime<Utc>,
    ) -> TrackUpdate {
        let mut assigned: Vec<Option<TrackId>> = vec![None; detections.len()];
        let mut taken = Vec::with_capacity(self.tracks.len());
        for track in &mut self.tracks {
            let held = !looked(centre(track.bounds()));
            match held {
                true => track.hold(now),
                false => track.predict(now),
            }
            taken.push(held);
        }
        for confident in [true, false] {
            for (_, t, d) in self.costs(detections, now, confident) {
                if !taken[t] && assigned[d].is_none() {
                    taken[t] = true;
                    assigned[d] = Some(self.tracks[t].id);
                    self.tracks[t].update(detections[d].bounds, now);
                }
            }
        }
        let on_bodies = self.come_home(detections, homes, (&mut taken, &mut assigned), now);
        for (d, (detection, assigned)) in detections.iter().zip(&mut assigned).enumerate() {
            if assigned.is_none() && detection.score >= CONFIDENT && !on_bodies.contains(&d) {
                self.last_id += 1;
                self.tracks.push(Track::new(self.last_id, detection.bounds, now));
                *assigned = Some(self.last_id);
            }
        }
        for (track, _) in self.tracks.iter_mut().zip(&taken).filter(|(_, taken)| !**taken) {
            track.misses += 1;
        }
        self.mark_crossings(now);
        TrackUpdate {
            assigned,
            ended: self.age(|id| homes.iter().any(|home| home.track == id), now),
        }
    }

    /// Gives faces that are seen again to the tracks whose bodies they are on. Gives the detections on bodies.
    fn come_home(
        &mut self,
        detections: &[Detection],
        homes: &[Home],
        (taken, assigned): (&mut [bool], &mut [Option<TrackId>]),
        now: DateTime<Utc>,
    ) -> Vec<usize> {
        let faces: Vec<[f32; 4]> = detections.iter().map(|detection| detection.bounds).collect();
        let bodies: Vec<[f32; 4]> = homes.iter().map(|home| home.body).collect();
        let pairs = carry::pairs(&faces, &bodies);
        for &(d, h) in &pairs {
            let home = homes[h];
            let Some(t) = self.tracks.iter().position(|track| track.id == home.track) else {
                continue;
            };
            if !taken[t] && assigned[d].is_none() && detections[d].score >= SURELY_A_FACE {
                (taken[t], assigned[d]) = (true, Some(home.track));
                self.tracks[t].come_home(detections[d].bounds, home.certainty, now);
            }
        }
        pairs.into_iter().map(|(d, _)| d).collect()
    }

    /// Nothing moved since the last look: what it found is where it was.
    pub(crate) fn hold(&mut self, now: DateTime<Utc>) {
        for track in &mut self.tracks {
            track.hold(now);
        }
    }

    /// Ends the tracks that have not been seen for too long, except those of which `followed` says that their bodies are.
    pub(crate) fn age(&mut self, followed: impl Fn(TrackId) -> bool, now: DateTime<Utc>) -> Vec<Ended> {
        let mut ended = Vec::new();
        self.tracks.retain(|track| {
            let alive = seconds(now - track.last_at) <= LOST_S || followed(track.id);
            if !alive {
                ended.push(Ended {
                    id: track.id,
                    hits: track.hits,
                });
            }
            alive
        });
        ended
    }

    /// Ends everything, as when the camera stops.
    pub(crate) fn finish(&mut self) -> Vec<Ended> {
        self.tracks
            .drain(..)
            .map(|track| Ended {
                id: track.id,
                hits: track.hits,
            })
            .collect()
    }

    /// The living tracks, oldest first.
    pub(crate) fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// One living track.
    pub(crate) fn get(&self, id: TrackId) -> Option<&Track> {
        self.tracks.iter().find(|track| track.id == id)
    }

    /// The track's identity was verified: it is doubtful no more.
    pub(crate) fn settle(&mut self, id: TrackId) {
        if let Some(track) = self.tracks.iter_mut().find(|track| track.id == id) {
            track.doubt = Doubt::None;
        }
    }

    /// There is a reason to doubt whose face the track is.
    pub(crate) fn doubt(&mut self, id: TrackId) {
        if let Some(track) = self.tracks.iter_mut().find(|track| track.id == id) {
            track.doubt = Doubt::Break;
        }
    }

    /// The track has turned out to be another face than it was: that is a track of its own, whose id is given. Where it is
    /// known when the face that it was before was lost, that track lives on for a while.
    pub(crate) fn split(
        &mut self,
        id: TrackId,
        lost_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> TrackId {
        self.last_id += 1;
        let mut lost = None;
        if let Some(track) = self.tracks.iter_mut().find(|track| track.id == id) {
            lost = lost_at.map(|last_at| Track {
                last_at,
                misses: 1,
                ..track.clone()
            });
            track.id = self.last_id;
            track.first_at = now;
            track.hits = 1;
            track.doubt = Doubt::None;
        }
        self.tracks.extend(lost);
        self.last_id
    }

    /// `new` is the face that `lost` was: `lost` lives on in its place, and the id `new` is no more.
    pub(crate) fn rejoin(&mut self, new: TrackId, lost: TrackId) {
        let Some(old) = self.tracks.iter().position(|track| track.id == lost) else {
            return;
        };
        let (first_at, hits) = (self.tracks[old].first_at, self.tracks[old].hits);
        if let Some(track) = self.tracks.iter_mut().find(|track| track.id == new) {
            track.id = lost;
            track.first_at = first_at;
            track.hits += hits;
            self.tracks.remove(old);
        }
    }

    /// Possible matches of detections of one kind, cheapest first: cost, track, detection.
    fn costs(
        &self,
        detections: &[Detection],
        now: DateTime<Utc>,
        confident: bool,
    ) -> Vec<(f32, usize, usize)> {
        let mut costs = Vec::new();
        for (t, track) in self.tracks.iter().enumerate() {
            let gap = seconds(now - track.last_at);
            // A weak detection carries on what is there; it does not bring a lost face back.
            if gap > if confident { MOTION_S } else { DOUBTFUL_GAP_S } {
                continue;
            }
            let per_s = if track.hits == 1 {
                GATE_NEW_PER_S
            } else {
                GATE_PER_S
            };
            let gate = (GATE + per_s * gap).min(GATE_MOST) * if confident { 1.0 } else { 0.5 };
            for (d, detection) in detections.iter().enumerate() {
                if (detection.score >= CONFIDENT) == confident
                    && let Some(cost) = cost(track, detection.bounds, gate)
                {
                    costs.push((cost, t, d));
                }
            }
        }
        costs.sort_by(|a, b| a.0.total_cmp(&b.0));
        costs
    }

    fn mark_crossings(&mut self, now: DateTime<Utc>) {
        let bounds: Vec<_> = self.tracks.iter().map(Track::bounds).collect();
        for a in 0..bounds.len() {
            for b in 0..a {
                let recent = |t: &Track| seconds(now - t.last_at) <= MOTION_S;
                if recent(&self.tracks[a])
                    && recent(&self.tracks[b])
                    && iou(bounds[a], bounds[b]) > CROSSING_IOU
                {
                    for i in [a, b] {
                        self.tracks[i].doubt = self.tracks[i].doubt.max(Doubt::Crossing);
                    }
                }
            }
        }
    }
}

/// What it costs to say that this detection is that track; `None` if it cannot be.
fn cost(track: &Track, bounds: [f32; 4], gate: f32) -> Option<f32> {
    let expected = track.bounds();
    let size = |b: [f32; 4]| (b[2] * b[3]).max(1.0).sqrt();
    let (a, b) = (size(expected), size(bounds));
    if !(0.45..=2.2).contains(&(b / a)) {
        return None;
    }
    let ([x0, y0], [x1, y1]) = (centre(expected), centre(bounds));
    let distance = (x1 - x0).hypot(y1 - y0) / ((a + b) / 2.0);
    (distance <= gate).then(|| 1.0 - iou(expected, bounds) + distance + 0.3 * (b / a).ln().abs())
}

/// The middle of a box.
pub(super) fn centre([x, y, w, h]: [f32; 4]) -> [f32; 2] {
    [x + w / 2.0, y + h / 2.0]
}

/// The area that two boxes share.
pub(super) fn intersection(a: [f32; 4], b: [f32; 4]) -> f32 {
    let overlap = |i: usize| ((a[i] + a[i + 2]).min(b[i] + b[i + 2]) - a[i].max(b[i])).max(0.0);
    overlap(0) * overlap(1)
}

/// Intersection over union of two boxes.
pub(crate) fn iou(a: [f32; 4], b: [f32; 4]) -> f32 {
    let intersection = intersection(a, b);
    let union = a[2] * a[3] + b[2] * b[3] - intersection;
    if union > 0.0 { intersection / union } else { 0.0 }
}

/// A span of time in seconds.
pub(crate) fn seconds(span: TimeDelta) -> f32 {
    span.num_milliseconds() as f32 / 1000.0
}

#[cfg(test)]
#[path = "tracker_tests.rs"]
mod tests;
