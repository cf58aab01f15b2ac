//! Recognition on one camera: look where something moved, detect, track, embed what is worth it, identify each track,
//! report presence.
//!
//! One [`Pipeline`] belongs to one camera and is driven frame by frame, in the order of time, by one thread. It
//! reads no clock: a frame's time comes with it. What it decides goes out as [`Outcome`]; nothing is sent here.

mod badge;
mod bodies;
mod carry;
mod detect_width;
mod follow;
mod identity;
mod kalman;
mod look;
mod mask;
mod motion;
pub(crate) mod people;
mod presence;
mod qr;
mod rejections;
mod schedule;
pub(crate) mod tracker;
pub(crate) mod view;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hadir_models::detect::{DetectOptions, Face};
use hadir_models::frame::Frame;
use hadir_models::{FrameBuf, ModelError};
use hadir_shared::sighting::{Basis, Method, Phase};
use hadir_shared::status::CameraMode;
use image::RgbImage;

use badge::{Badges, BesideFace};
use bodies::Bodies;
use carry::BodyLooks;
use follow::is_too_old;
use identity::{Asserted, Checked, Claim, Evidence, Unnamed, View};
use look::{Followed, Looks};
use people::{People, PersonId};
use presence::{Presence, Present};
use rejections::Rejections;
use schedule::TrackState;
use tracker::{Detection, Doubt, Ended, TrackId, Tracker, centre};
use view::ViewError;

pub(crate) use carry::{BodyRules, Follow, PEOPLE_WIDTH};
pub(crate) use detect_width::DetectWidth;
pub(crate) use identity::{Known, NAME_AT, rise};
pub(crate) use look::{Look, Pace};
pub(crate) use mask::Mask;
pub(crate) use presence::Event;
pub(crate) use qr::BadgeReading;
pub(crate) use rejections::{Reason, Rejected};
pub(crate) use view::Models;

/// Faces that the detector is less sure of are not even followed.
const WEAKEST: f32 = 0.4;
/// At most so many faces of one frame are embedded, which bounds a frame's time; the others wait for the next.
const VIEWS_A_FRAME: usize = 4;
/// A box is shown this long after its face was last found, so that it does not flicker.
const SHOWN_FOR: TimeDelta = TimeDelta::milliseconds(400);
/// The box of a body longer, because people are looked for less often.
const BODY_SHOWN_FOR: TimeDelta = TimeDelta::milliseconds(2500);
/// And a face without a name stays hidden in the live view this long after it was last found.
const HIDDEN_FOR: TimeDelta = TimeDelta::milliseconds(1000);
/// A clock that is being disciplined may go back by so much.
const CLOCK_JITTER: TimeDelta = TimeDelta::milliseconds(500);
/// A face that was not found again is looked for in every frame this long.
const SOUGHT_FOR: TimeDelta = TimeDelta::milliseconds(1000);
/// A track without a name is looked at in every frame up to so many views.
const OPEN_VIEWS: u32 = 6;
/// Tracks with fewer matches were hardly faces; they are not counted as unknown people.
const COUNTED_HITS: u32 = 3;

/// How one camera's frames are to be recognised.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How large a picture the detector sees.
    pub(crate) detect_width: DetectWidth,
    /// Where nothing is looked for.
    pub(crate) mask: Mask,
    /// Whether badges are looked for.
    pub(crate) badges: BadgeReading,
    /// Whether and how people are followed whose faces are not seen.
    pub(crate) bodies: BodyRules,
}

/// A track as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrackView {
    /// Its id.
    pub(crate) track: TrackId,
    /// Left, top, width, height in pixels of the frame: of the face, or of the body where that stands in for it.
    pub(crate) bounds: [f32; 4],
    /// Which of the two.
    pub(crate) basis: Basis,
    /// When the track was first seen.
    pub(crate) first_at: DateTime<Utc>,
    /// It was found in this very frame.
    pub(crate) matched: bool,
    /// Who it is.
    pub(crate) person: Option<PersonId>,
    /// How sure that is; 0 without a name.
    pub(crate) confidence: f32,
    /// The standing behind it: a weighted mean cosine; 0 without a name.
    pub(crate) standing: f32,
}

/// Something that looks like a face.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Found {
    /// Left, top, width, height in pixels of the frame.
    bounds: [f32; 4],
    /// A track follows it.
    is_track: bool,
    /// When a look first did not find it again.
    missed_at: Option<DateTime<Utc>>,
}

impl Found {
    /// Whether it is still there, as far as is known, after a look that found `all`. Tracks are remembered elsewhere.
    fn stays(&mut self, look: Look, all: &[[f32; 4]], now: DateTime<Utc>) -> bool {
        if !look.covers(centre(self.bounds)) {
            return true;
        }
        let missed_at = *self.missed_at.get_or_insert(now);
        let found_again = all.iter().any(|bounds| tracker::iou(*bounds, self.bounds) > 0.1);
        !self.is_track && !found_again && (TimeDelta::zero()..=HIDDEN_FOR).contains(&(now - missed_at))
    }
}

/// What came of one frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Whether the detector looked at it.
    pub(crate) look: Look,
    /// How many people are in the picture, named or not, where they were counted.
    pub(crate) people: Option<usize>,
    /// The tracks in the picture.
    pub(crate) tracks: Vec<TrackView>,
    /// Everything that looks like a face, named or not: what is to be made unrecognisable where it has no name.
    pub(crate) faces: Vec<[f32; 4]>,
    /// Heads of bodies without a name, whether or not a face was found there: to be made unrecognisable, too.
    pub(crate) heads: Vec<[f32; 4]>,
    /// Phases of sightings that are due.
    pub(crate) events: Vec<Event>,
    /// Whom the camera knows by their face just now, and how they look.
    pub(crate) known: Vec<Known>,
    /// Tracks that ended without ever having had a name; where people are only counted, those who have gone.
    pub(crate) unknown_ended: u64,
}

/// Recognition on one camera.
pub(crate) struct Pipeline {
    settings: Settings,
    models: Arc<Models>,
    people: Arc<People>,
    /// Whom other cameras saw just now.
    expected: Arc<[Known]>,
    tracker: Tracker,
    bodies: Bodies,
    body_looks: BodyLooks,
    evidence: HashMap<TrackId, Evidence>,
    tilts: HashMap<TrackId, i32>,
    presence: Presence,
    badges: Badges,
    rejected: Rejections,
    now: Option<DateTime<Utc>>,
    looks: Looks,
    /// Everything that looks like a face, as far as was looked.
    found: Vec<Found>,
    /// Memory for the looks at tilted faces.
    look: RgbImage,
    /// Memory for the aligned faces of a frame.
    aligned: [RgbImage; VIEWS_A_FRAME],
}

impl Pipeline {
    /// A pipeline that has seen nothing yet and knows nobody.
    pub(crate) fn new(settings: Settings, models: Arc<Models>) -> Self {
        Self {
            settings,
            models,
            people: Arc::default(),
            expected: Arc::default(),
            tracker: Tracker::default(),
            bodies: Bodies::default(),
            body_looks: BodyLooks::default(),
            evidence: HashMap::new(),
            tilts: HashMap::new(),
            presence: Presence::default(),
            badges: Badges::default(),
            rejected: Rejections::default(),
            now: None,
            looks: Looks::default(),
            found: Vec::new(),
            look: RgbImage::default(),
            aligned: std::array::from_fn(|_| RgbImage::default()),
        }
    }

    /// Faces not used and tracks not named so far, by reason.
    pub(crate) fn rejected(&self) -> impl Iterator<Item = (Reason, Rejected)> {
        self.rejected.iter()
    }

    /// Recognises against this gallery from now on. Whoever is not in it loses the name at once.
    pub(crate) fn set_people(&mut self, people: &Arc<People>) {
        if Arc::ptr_eq(&self.people, people) {
            return;
        }
        self.people = people.clone();
        self.expected = identity::registered(&self.expected, people);
        for evidence in self.evidence.values_mut() {
            evidence.regallery(&self.people);
        }
    }

    /// Other cameras saw these people just now.
    pub(crate) fn expect(&mut self, expected: Arc<[Known]>) {
        self.expected = expected;
    }

    /// Takes one frame in.
    ///
    /// # Errors
    /// Those of the networks. The frame is lost then, the tracks live on.
    pub(crate) fn step(
        &mut self,
        frame: &FrameBuf,
        mode: CameraMode,
        pace: Pace,
        now: DateTime<Utc>,
    ) -> Result<Outcome, ModelError> {
        let mut unknown_ended = self.note_time(mode, now);
        let mut look = self.decide(frame, mode, pace, now);
        if self.counts_bodies(mode) && pace != Pace::Every && look != Look::Still {
            // Nobody's face is asked for.
            look = Look::Spared;
        }
        self.note_changes(frame.dimensions(), now);
        // Looks are due often enough that a badge that is held still stays.
        if look != Look::Still && mode == CameraMode::Recognise {
            self.read_badges(frame, now);
        }
        if matches!(look, Look::Still | Look::Spared) {
            if look == Look::Still {
                self.tracker.hold(now);
                self.bodies.hold(now);
            }
            let counted = self.look_for_people(frame, look, mode, pace, now)?;
            let outcome = self.idle(mode, now);
            return Ok(Outcome {
                look,
                people: counted.people,
                tracks: self.shown(now),
                faces: self.hidden(now),
                heads: self.nameless_heads(now),
                unknown_ended: unknown_ended + outcome.unknown_ended + counted.gone,
                ..outcome
            });
        }
        let (mut faces, look) = self.detect(frame, look)?;
        let all: Vec<[f32; 4]> = faces.iter().map(|face| face.bounds).collect();
        let (width, height) = frame.dimensions();
        faces.retain(|face| {
            let [x, y] = face.center();
            !self.settings.mask.hides([x / width as f32, y / height as f32])
        });
        let detections: Vec<_> = faces
            .iter()
            .map(|f| Detection {
                bounds: f.bounds,
                score: f.score,
            })
            .collect();
        let homes = self.homes(now);
        let update = self
            .tracker
            .update(&detections, |point| look.covers(point), &homes, now);
        unknown_ended += self.forget(&update.ended, mode);
        let is_track = |bounds: &[f32; 4]| {
            let mut tracks = faces.iter().zip(&update.assigned);
            tracks.any(|(face, track)| track.is_some() && face.bounds == *bounds)
        };
        self.found.retain_mut(|found| found.stays(look, &all, now));
        self.found.extend(all.iter().map(|bounds| Found {
            bounds: *bounds,
            is_track: is_track(bounds),
            missed_at: None,
        }));
        if mode == CameraMode::Recognise {
            let seen: Vec<_> = faces
                .iter()
                .zip(&update.assigned)
                .filter_map(|(face, id)| Some((face, (*id)?)))
                .collect();
            unknown_ended += self.take_views(frame, &seen, now)?;
            self.rejoin(now);
        } else {
            self.evidence.clear();
            self.badges.finish();
        }
        let counted = self.look_for_people(frame, look, mode, pace, now)?;
        self.settle_claims(now);
        let events = self.report(now);
        let known = self.known(&events);
        Ok(Outcome {
            look,
            known,
            people: counted.people,
            tracks: self.shown(now),
            faces: self.hidden(now),
            heads: self.nameless_heads(now),
            events,
            unknown_ended: unknown_ended + counted.gone,
        })
    }

    /// Where the detector is to look at this frame.
    fn decide(&mut self, frame: &FrameBuf, mode: CameraMode, pace: Pace, now: DateTime<Utc>) -> Look {
        let mut followed: Vec<Followed> = self
            .tracker
            .tracks()
            .iter()
            .map(|track| {
                let evidence = self.evidence.get(&track.id);
                let state = evidence.map_or_else(TrackState::default, |e| e.state(track));
                // One that is too small is no better in the next frame; if it comes nearer, it moves.
                let hopeless = state.stranger
                    || state.attempts >= OPEN_VIEWS
                    || evidence.is_some_and(|evidence| evidence.too_small);
                let open = if state.named {
                    track.doubt != Doubt::None
                } else {
                    !hopeless
                };
                let wanted =
                    mode == CameraMode::Recognise && open && schedule::urgency(&state, now).is_some();
                // Whoever was lost comes back by moving.
                let there = now - track.last_at <= SOUGHT_FOR;
                Followed {
                    bounds: track.bounds(),
                    open: there && (wanted || track.missed()),
                }
            })
            .collect();
        // What is no track is hidden from who watches, so it must not be cut by a look either.
        followed.extend(
            self.found
                .iter()
                .filter(|found| !found.is_track)
                .map(|found| Followed {
                    bounds: found.bounds,
                    open: false,
                }),
        );
        let Settings {
            detect_width, mask, ..
        } = &self.settings;
        self.looks.decide(
            frame.into(),
            detect_width.of(frame.dimensions()),
            mask,
            pace,
            &followed,
            now,
        )
    }

    /// Finds the faces where this says, or in all of the frame if it has no parts; says where it was.
    fn detect(&self, frame: &FrameBuf, look: Look) -> Result<(Vec<Face>, Look), ModelError> {
        let detect_width = self.settings.detect_width.of(frame.dimensions());
        let frame = Frame::from(frame);
        let mut options = DetectOptions {
            max_side: Some(detect_width),
            score_threshold: WEAKEST,
            ..DetectOptions::default()
        };
        let part = match look {
            Look::Part(part) => frame.part(part.corner, part.size),
            _ => None,
        };
        let Some((part, (left, top))) = part else {
            let faces = self.models.detector.detect(frame, &options)?;
            return Ok((faces, Look::Whole));
        };
        let longest = |frame: Frame<'_>| {
            let (width, height) = frame.dimensions();
            f64::from(width.max(height))
        };
        // Faces are as large as in a look at everything.
        let share = longest(part) / longest(frame);
        options.max_side = Some((f64::from(detect_width) * share).round() as u32);
        let mut faces = self.models.detector.detect(part, &options)?;
        faces
            .iter_mut()
            .for_each(|face| face.shift(left as f32, top as f32));
        faces.retain(|face| look.covers(face.center()));
        Ok((faces, look))
    }

    /// Everything that looks like a face, as far as is known now.
    fn hidden(&self, now: DateTime<Utc>) -> Vec<[f32; 4]> {
        // A stranger whose face was missed in this frame is still there.
        let missed = self
            .tracker
            .tracks()
            .iter()
            .filter(|t| t.last_at < now && now - t.last_at <= HIDDEN_FOR);
        let missed = missed.map(|track| track.bounds());
        self.found
            .iter()
            .map(|found| found.bounds)
            .chain(missed)
            .collect()
    }

    /// Time passed without a frame: tracks age, and what the gallery took away is reported.
    pub(crate) fn idle(&mut self, mode: CameraMode, now: DateTime<Utc>) -> Outcome {
        let mut unknown_ended = self.note_time(mode, now);
        let homes = self.homes(now);
        let ended = self
            .tracker
            .age(|id| homes.iter().any(|home| home.track == id), now);
        unknown_ended += self.forget(&ended, mode);
        if mode != CameraMode::Recognise {
            self.evidence.clear();
            self.badges.finish();
        }
        self.settle_claims(now);
        Outcome {
            events: self.report(now),
            unknown_ended,
            ..Outcome::default()
        }
    }

    /// The camera stops: everything ends.
    pub(crate) fn finish(&mut self, mode: CameraMode) -> Outcome {
        let ended = self.tracker.finish();
        let unknown_ended = self.forget(&ended, mode) + self.forget_bodies(mode);
        self.badges.finish();
        Outcome {
            events: self.presence.update(&[]),
            unknown_ended,
            ..Outcome::default()
        }
    }

    /// A clock that was set back would keep lost tracks alive until it has caught up: everything ends instead,
    /// and begins anew.
    fn note_time(&mut self, mode: CameraMode, now: DateTime<Utc>) -> u64 {
        let set_back = self.now.is_some_and(|before| now + CLOCK_JITTER < before);
        self.now = Some(now);
        if set_back {
            self.badges.finish();
            let ended = self.tracker.finish();
            self.forget(&ended, mode) + self.forget_bodies(mode)
        } else {
            0
        }
    }

    /// Embeds the faces that are worth it. Gives the number of unknown tracks that this showed to have ended.
    fn take_views(
        &mut self,
        frame: &FrameBuf,
        seen: &[(&Face, TrackId)],
        now: DateTime<Utc>,
    ) -> Result<u64, ModelError> {
        let mut unknown_ended = 0;
        let mut due: Vec<(f32, &Face, TrackId)> = Vec::new();
        for &(face, id) in seen {
            let evidence = self.evidence.entry(id).or_default();
            let track = self.tracker.get(id);
            let mut state = track.map(|track| evidence.state(track)).unwrap_or_default();
            state.stranger &= !evidence.is_turned_anew(face);
            if let Some(urgency) = schedule::urgency(&state, now) {
                due.push((urgency, face, id));
            }
        }
        due.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut prepared = Vec::with_capacity(VIEWS_A_FRAME);
        let mut looked_at = 0;
        for (_, face, id) in due {
            if looked_at == VIEWS_A_FRAME {
                break;
            }
            let evidence = self.evidence.entry(id).or_default();
            let aligned = &mut self.aligned[prepared.len()];
            let tilt = self.tilts.get(&id).copied();
            match view::prepare(frame.into(), face, tilt, &self.models, &mut self.look, aligned)? {
                Ok(view) => {
                    looked_at += 1;
                    evidence.looks(face);
                    prepared.push((id, view));
                }
                Err(why) => {
                    // Not looked at again in the very next frame, which will hardly be better. A face that is
                    // too small costs nothing to look at, and may come nearer: it is not grown tired of.
                    let evidence = self.evidence.entry(id).or_default();
                    evidence.too_small = matches!(why, ViewError::TooSmall(_));
                    evidence.unusable = true;
                    match why {
                        ViewError::TooSmall(_) => evidence.last_view_at = Some(now),
                        _ => {
                            looked_at += 1;
                            evidence.tried(now);
                            // It may be upright again.
                            self.tilts.remove(&id);
                        }
                    }
                    self.rejected.note(why.into(), Some(why.figure()), 1);
                }
            }
        }
        let embeddings = self.models.embedder.embed(&self.aligned[..prepared.len()])?;
        for ((id, view), embedding) in prepared.into_iter().zip(embeddings) {
            self.tilts.insert(id, view.tilt);
            let weight = view.weight;
            let evidence = self.evidence.entry(id).or_default();
            let doubt = self.tracker.get(id).map_or(Doubt::None, |track| track.doubt);
            let unknown = !evidence.was_named;
            evidence.expect(&self.expected);
            match evidence.add(View { embedding, weight }, &self.people, doubt, now) {
                Checked::Confirmed => {
                    self.tracker.settle(id);
                    let face = self.tracker.get(id).map(tracker::Track::bounds);
                    let body = self.bodies.of(id).map(bodies::Body::bounds);
                    if face
                        .zip(body)
                        .is_some_and(|(face, body)| carry::is_in(face, body))
                    {
                        self.bodies.confirm(id);
                    }
                }
                Checked::Open => {}
                Checked::Suspicious => {
                    self.tracker.doubt(id);
                    self.bodies.suspect(id, now);
                }
                Checked::Another => {
                    let counts = self
                        .tracker
                        .get(id)
                        .is_some_and(|track| track.hits >= COUNTED_HITS);
                    unknown_ended += u64::from(unknown && counts);
                    self.split(id, now);
                }
            }
        }
        Ok(unknown_ended)
    }

    /// A track has turned out to be another face: that goes on under an id of its own. Whose face it was until then may be
    /// seen elsewhere in a moment, and is the same track still.
    fn split(&mut self, id: TrackId, now: DateTime<Utc>) {
        let Some(mut evidence) = self.evidence.remove(&id) else {
            return;
        };
        let before = evidence.take_before();
        let lost_at = before
            .as_ref()
            .map(|_| now - SHOWN_FOR - TimeDelta::milliseconds(1));
        let new = self.tracker.split(id, lost_at, now);
        self.evidence.insert(new, evidence);
        if let Some(before) = before {
            self.evidence.insert(id, before);
        }
        self.bodies.rename(id, new);
        if let Some(tilt) = self.tilts.remove(&id) {
            self.tilts.insert(new, tilt);
        }
    }

    /// Gives new tracks the identity of a face that was lost moments ago, where they look alike.
    fn rejoin(&mut self, now: DateTime<Utc>) {
        let lost: Vec<TrackId> = self
            .tracker
            .tracks()
            .iter()
            .filter(|t| now - t.last_at > SHOWN_FOR)
            .map(|t| t.id)
            .collect();
        for old in lost {
            let Some(before) = self.evidence.get(&old) else {
                continue;
            };
            let same = |id: &TrackId| {
                self.evidence
                    .get(id)
                    .is_some_and(|evidence| evidence.same_face(before))
            };
            let Some(lost_at) = self.tracker.get(old).map(|t| t.last_at) else {
                continue;
            };
            let new = self
                .tracker
                .tracks()
                .iter()
                .filter(|t| t.first_at > lost_at && t.last_at == now)
                .map(|t| t.id);
            let Some(new) = new.into_iter().find(same) else {
                continue;
            };
            if let (Some(before), Some(mut evidence)) =
                (self.evidence.remove(&old), self.evidence.remove(&new))
            {
                evidence.absorb(before, &self.people);
                self.evidence.insert(old, evidence);
                if let Some(tilt) = self.tilts.remove(&new) {
                    self.tilts.insert(old, tilt);
                }
                // What was followed in its place was another, or a thing.
                self.bodies.disown(old);
                self.bodies.rename(new, old);
                self.tracker.rejoin(new, old);
            }
        }
    }

    /// Looks for badges, where that is wanted and due.
    fn read_badges(&mut self, frame: &FrameBuf, now: DateTime<Utc>) {
        if self.settings.badges == BadgeReading::No || !self.badges.due(now) {
            return;
        }
        let scans = badge::read(frame.into());
        let faces: Vec<BesideFace> = self
            .shown(now)
            .into_iter()
            .map(|track| BesideFace {
                person: track.person,
                bounds: track.bounds,
            })
            .collect();
        let noticed = self.badges.show(&scans, &faces, &self.people, now);
        for (reason, count) in [
            (Reason::UnknownBadge, noticed.unknown),
            (Reason::BadgeConflict, noticed.conflicts),
        ] {
            self.rejected.note(reason, None, count);
        }
    }

    /// One person is on one track at most.
    fn settle_claims(&mut self, now: DateTime<Utc>) {
        let claims: Vec<Claim> = self
            .tracker
            .tracks()
            .iter()
            .filter_map(|track| {
                let identity = self.evidence.get(&track.id)?.identity()?;
                Some(Claim {
                    track: track.id,
                    person: identity.person.clone(),
                    standing: identity.standing,
                    visible: now - track.last_at <= SHOWN_FOR,
                    in_doubt: track.doubt != Doubt::None,
                    held: self.presence.holds(track.id, &identity.person),
                })
            })
            .collect();
        for id in identity::losers(&claims) {
            if let Some(evidence) = self.evidence.get_mut(&id) {
                evidence.yield_name();
            }
        }
    }

    /// The phases of sightings that are due.
    fn report(&mut self, now: DateTime<Utc>) -> Vec<Event> {
        let mut present = Vec::new();
        for track in self.tracker.tracks() {
            if track.last_at == now && track.doubt != Doubt::Break {
                self.bodies.follow_face(track.id, track.bounds(), now);
            }
            let Some(evidence) = self.evidence.get_mut(&track.id) else {
                continue;
            };
            if track.last_at < now
                && is_too_old(evidence, self.bodies.of(track.id), &self.settings.bodies, now)
            {
                evidence.expire();
            }
            let Some(identity) = evidence.identity().cloned() else {
                continue;
            };
            let by_face = track.last_at == now && track.doubt != Doubt::Break;
            let by_body = track.last_at < now
                && self.bodies.is_known(track.id)
                && self.bodies.of(track.id).is_some_and(|body| body.is_certain(now));
            if by_face {
                evidence.asserted = Some(Asserted {
                    at: now,
                    basis: Basis::Face,
                    verified_at: now,
                });
            } else if let (true, Some(asserted)) = (by_body, &mut evidence.asserted) {
                (asserted.at, asserted.basis) = (now, Basis::Body);
            }
            if let Some(asserted) = evidence.asserted {
                let confidence = identity.confidence();
                present.push(Present {
                    track: track.id,
                    person: identity.person,
                    method: Method::Face,
                    last_at: asserted.at,
                    basis: asserted.basis,
                    verified_at: asserted.verified_at,
                    confidence,
                });
            }
        }
        present.extend(self.present_by_badges(now));
        self.presence.update(&present)
    }

    /// Whom a face has just been reported of, and how they look.
    fn known(&self, events: &[Event]) -> Vec<Known> {
        let by_face = events
            .iter()
            .filter(|event| event.basis == Basis::Face && event.phase != Phase::Ended);
        by_face
            .filter_map(|event| self.evidence.get(&event.track)?.known())
            .collect()
    }

    fn shown(&self, now: DateTime<Utc>) -> Vec<TrackView> {
        let badges = self.badges.iter().filter_map(|shown| self.by_badge(shown, now));
        let tracks = self.tracker.tracks().iter();
        tracks
            .filter_map(|track| {
                let by_face = now - track.last_at <= SHOWN_FOR;
                let body = self
                    .bodies
                    .of(track.id)
                    .filter(|body| now - body.last_at <= BODY_SHOWN_FOR);
                let (bounds, basis, doubtful) = match (by_face, body) {
                    // After a gap the name is held back until a fresh view has confirmed it.
                    (true, _) => (track.bounds(), Basis::Face, track.doubt == Doubt::Break),
                    (false, Some(body)) => (body.bounds(), Basis::Body, !body.is_settled()),
                    (false, None) => return None,
                };
                let identity = self.evidence.get(&track.id).and_then(Evidence::identity);
                let identity = identity.filter(|_| !doubtful);
                Some(TrackView {
                    track: track.id,
                    bounds,
                    basis,
                    first_at: track.first_at,
                    matched: match basis {
                        Basis::Face => track.last_at == now,
                        Basis::Body => body.is_some_and(|body| body.is_certain(now)),
                    },
                    person: identity.map(|i| i.person.clone()),
                    confidence: identity.map_or(0.0, identity::Identity::confidence),
                    standing: identity.map_or(0.0, |i| i.standing),
                })
            })
            .chain(badges)
            .collect()
    }

    /// A body that a badge has named, as it is shown.
    fn by_badge(&self, shown: &badge::Shown, now: DateTime<Utc>) -> Option<TrackView> {
        let body = self.bodies.of(shown.id)?;
        let sure = self.bodies.is_known(shown.id) && body.is_settled();
        (now - body.last_at <= BODY_SHOWN_FOR).then(|| TrackView {
            track: shown.id,
            bounds: body.bounds(),
            basis: Basis::Body,
            first_at: shown.last_at,
            matched: body.is_certain(now),
            person: sure.then(|| shown.person.clone()),
            confidence: if sure { 1.0 } else { 0.0 },
            standing: 0.0,
        })
    }

    /// Forgets all bodies; where they are what is counted, counts them.
    fn forget_bodies(&mut self, mode: CameraMode) -> u64 {
        let gone = self.bodies.clear();
        if self.counts_bodies(mode) { gone } else { 0 }
    }

    /// Forgets ended tracks; counts those that stayed unknown.
    fn forget(&mut self, ended: &[Ended], mode: CameraMode) -> u64 {
        let mut unknown = 0;
        for track in ended {
            self.bodies.disown(track.id);
            self.tilts.remove(&track.id);
            let evidence = self.evidence.remove(&track.id).unwrap_or_default();
            let (named, nearest) = (evidence.was_named, evidence.nearest);
            tracing::debug!(
                track = track.id,
                hits = track.hits,
                attempts = evidence.attempts,
                named,
                nearest,
                "track ends"
            );
            if track.hits < COUNTED_HITS || named || self.counts_bodies(mode) {
                continue;
            }
            unknown += 1;
            if mode == CameraMode::Recognise {
                let why = evidence.why_not();
                let figure = match why {
                    Unnamed::NotInGallery => Some(nearest),
                    Unnamed::ThinMargin => Some(evidence.margin),
                    Unnamed::TooFewViews | Unnamed::SeenElsewhere => None,
                };
                self.rejected.note(why.into(), figure, 1);
            }
        }
        unknown
    }
}

#[cfg(test)]
mod tests;
