//! The pipeline's part that follows people whose faces are not seen: looks for them where that is due, puts faces on
//! bodies, and says whose heads have no name.

use chrono::{DateTime, Utc};
use hadir_models::{FrameBuf, ModelError};
use hadir_shared::status::CameraMode;

use super::carry::{self, Follow, Moved, Need};
use super::identity::Evidence;
use super::look::{Look, Pace};
use super::people::PersonId;
use super::presence::Present;
use super::tracker::{self, Certainty, Doubt, Home, TrackId, centre};
use super::{BODY_SHOWN_FOR, BodyRules, COUNTED_HITS, Pipeline, SHOWN_FOR, badge, bodies};

/// What a look at people counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    /// How many are in the picture; `None` if nobody looked.
    pub(super) people: Option<usize>,
    /// Where people are only counted: how many have gone.
    pub(super) gone: u64,
}

impl Pipeline {
    /// Heads of bodies that have no name, as far as is known where they are now. Of whoever is named by the face that is
    /// seen, the body may be in doubt.
    pub(super) fn nameless_heads(&self, now: DateTime<Utc>) -> Vec<[f32; 4]> {
        let named = |body: &bodies::Body| {
            let by_badge = body
                .owner
                .is_some_and(|owner| self.badges.get(owner.track).is_some());
            if by_badge {
                return body.is_settled();
            }
            let track = body.owner.and_then(|owner| self.tracker.get(owner.track));
            track.is_some_and(|track| {
                let by_face = now - track.last_at <= SHOWN_FOR && track.doubt != Doubt::Break;
                self.is_named(track.id) && (by_face || body.is_settled())
            })
        };
        let here = self
            .bodies
            .iter()
            .filter(|body| now - body.last_at <= BODY_SHOWN_FOR);
        here.filter(|body| !named(body))
            .map(|body| carry::head(body.bounds()))
            .collect()
    }

    /// Notes where something has changed in the picture.
    pub(super) fn note_changes(&mut self, size: (u32, u32), now: DateTime<Utc>) {
        if self.looks.view_changed() {
            self.bodies.view_changed(now);
        }
        let looks = &self.looks;
        self.bodies
            .note_changes(|bounds| looks.moved_in(bounds, size), now);
    }

    /// Tracks whose faces are not seen, with the bodies that are followed in their place.
    pub(super) fn homes(&self, now: DateTime<Utc>) -> Vec<Home> {
        let unseen = self
            .tracker
            .tracks()
            .iter()
            .filter(|track| track.last_at < now && self.is_named(track.id));
        unseen
            .filter_map(|track| {
                let body = self.bodies.of(track.id)?;
                Some(Home {
                    track: track.id,
                    body: body.bounds(),
                    certainty: match body.doubtful_since() {
                        None => Certainty::Certain,
                        Some(_) => Certainty::Doubtful,
                    },
                })
            })
            .collect()
    }

    pub(super) fn is_named(&self, track: TrackId) -> bool {
        let evidence = self.evidence.get(&track);
        evidence.is_some_and(|evidence| evidence.identity().is_some()) || self.badges.get(track).is_some()
    }

    /// Bodies of those who are named and whose faces are not seen, or who were named by a badge.
    fn unseen_bodies(&self, now: DateTime<Utc>) -> impl Iterator<Item = &bodies::Body> {
        let tracks = self.tracker.tracks().iter();
        let unseen = tracks.filter(move |track| track.last_at < now && self.is_named(track.id));
        let badges = self.badges.iter().map(|shown| shown.id);
        unseen
            .map(|track| track.id)
            .chain(badges)
            .filter_map(|id| self.bodies.of(id))
    }

    /// A badge names the body beside it, if that is exactly one and it has no other name.
    fn name_by_badges(&mut self, size: (u32, u32), now: DateTime<Utc>) {
        let fresh: Vec<(TrackId, PersonId, [f32; 2])> = self
            .badges
            .iter()
            .filter(|shown| now - shown.last_at <= SHOWN_FOR)
            .map(|shown| (shown.id, shown.person.clone(), shown.at))
            .collect();
        for (id, person, at) in fresh {
            let here: Vec<_> = self
                .bodies
                .iter()
                .filter(|body| body.last_at == now && body.counts(now))
                .filter(|body| !self.is_masked(body.bounds(), size))
                .map(|body| (body.id, body.bounds(), body.owner.map(|owner| owner.track)))
                .collect();
            let bounds: Vec<[f32; 4]> = here.iter().map(|(_, bounds, _)| *bounds).collect();
            let Some((body, bounds, owner)) = badge::beside(at, &bounds).map(|b| here[b]) else {
                continue;
            };
            if owner.is_none_or(|owner| owner == id || !self.is_named(owner)) {
                // Around nothing: where there is no face nothing else says where the body is.
                self.bodies.own(body, id, bounds);
                self.bodies.confirm(id);
                self.forget_elsewhere(&person, now);
            }
        }
        // Whose face is seen is there, and not where their badge was taken.
        let by_face: Vec<PersonId> = self
            .tracker
            .tracks()
            .iter()
            .filter(|track| track.last_at == now)
            .filter_map(|track| Some(self.evidence.get(&track.id)?.identity()?.person.clone()))
            .collect();
        let elsewhere: Vec<TrackId> = self
            .badges
            .iter()
            .filter(|shown| by_face.contains(&shown.person))
            .map(|shown| shown.id)
            .collect();
        for id in elsewhere {
            self.bodies.disown(id);
        }
    }

    /// Whoever has just shown their badge is not where their face was seen once and a body has been followed since.
    fn forget_elsewhere(&mut self, person: &PersonId, now: DateTime<Utc>) {
        let theirs = |track: &&tracker::Track| {
            let evidence = self.evidence.get(&track.id);
            let identity = evidence.and_then(Evidence::identity);
            now - track.last_at > SHOWN_FOR && identity.is_some_and(|identity| identity.person == *person)
        };
        let unseen: Vec<TrackId> = self
            .tracker
            .tracks()
            .iter()
            .filter(theirs)
            .map(|track| track.id)
            .collect();
        for id in unseen {
            if let Some(evidence) = self.evidence.get_mut(&id) {
                evidence.expire();
            }
            self.bodies.disown(id);
        }
    }

    /// Those who are present by a badge: while it is shown, and while the body that it named is surely there.
    pub(super) fn present_by_badges(&mut self, now: DateTime<Utc>) -> Vec<Present> {
        let (bodies, rules) = (&self.bodies, self.settings.bodies);
        let certain = |id| bodies.is_known(id) && bodies.of(id).is_some_and(|body| body.is_certain(now));
        self.badges.note_bodies(certain, now);
        let followed = |shown: &badge::Shown| {
            let body = bodies.of(shown.id).filter(|_| bodies.is_known(shown.id));
            let doubtful = body.and_then(bodies::Body::doubtful_since);
            body.is_some()
                && now - shown.last_at <= rules.face_within
                && doubtful.is_none_or(|since| now - since <= bodies::DOUBT_LASTS)
        };
        let present = self.badges.present(&self.people, followed, now);
        // Nobody is named by a badge that is no longer shown and has no body.
        let gone: Vec<TrackId> = self
            .bodies
            .iter()
            .filter_map(|body| body.owner.map(|owner| owner.track))
            .filter(|id| badge::is_badge(*id) && present.iter().all(|present| present.track != *id))
            .collect();
        for id in gone {
            self.bodies.disown(id);
        }
        present
    }

    /// Why people are to be looked for.
    pub(super) fn need(&self, mode: CameraMode, pace: Pace, now: DateTime<Utc>) -> Need {
        let of_track = |track: &tracker::Track| {
            let seen = now - track.last_at <= SHOWN_FOR && !track.missed();
            let need = match (seen, self.bodies.of(track.id)) {
                // Whether that is still the same person, the body tells.
                (true, Some(_)) if track.doubt != Doubt::None => Need::Instead,
                (true, _) if self.bodies.is_known(track.id) || self.body_looks.in_vain(track.id) => {
                    Need::Beside
                }
                (true, _) => Need::Join,
                (false, Some(body)) if self.bodies.can_wait(body, now) => Need::Seated,
                (false, Some(_)) => Need::Instead,
                (false, None) => return None,
            };
            Some(need)
        };
        let tracks = self
            .tracker
            .tracks()
            .iter()
            .filter(|track| self.is_named(track.id));
        let of_badge = |shown: &badge::Shown| match self.bodies.of(shown.id) {
            Some(_) if !self.bodies.is_known(shown.id) => Need::Join,
            Some(body) if self.bodies.can_wait(body, now) => Need::Seated,
            Some(_) => Need::Instead,
            None => Need::Join,
        };
        let badges = self.badges.iter().map(of_badge);
        let count = match mode {
            CameraMode::Count => Need::CountAll,
            CameraMode::Recognise | CameraMode::Off => Need::Count,
        };
        let watched = (pace == Pace::Every).then_some(Need::Watched);
        tracks
            .filter_map(of_track)
            .chain(badges)
            .chain(watched)
            .fold(count, Need::max)
    }

    /// Whether people are counted by their bodies, so that faces are not asked for.
    pub(super) fn counts_bodies(&self, mode: CameraMode) -> bool {
        mode == CameraMode::Count && self.settings.bodies.follow == Follow::Bodies
    }

    /// Whether a place in a frame of this size is masked. (Who watches sees it, so bodies are looked for there, too.)
    fn is_masked(&self, bounds: [f32; 4], (width, height): (u32, u32)) -> bool {
        let [x, y] = centre(bounds);
        self.settings.mask.hides([x / width as f32, y / height as f32])
    }

    /// How many people are in the picture, as far as was looked: bodies, and faces that are on none.
    fn count(&self, size: (u32, u32), now: DateTime<Utc>) -> usize {
        let bodies: Vec<[f32; 4]> = self
            .bodies
            .iter()
            .filter(|body| body.counts(now))
            .map(bodies::Body::bounds)
            .filter(|bounds| !self.is_masked(*bounds, size))
            .collect();
        let faces = self.tracker.tracks().iter().filter(|track| {
            let seen = now - track.last_at <= SHOWN_FOR && track.hits >= COUNTED_HITS;
            seen && !bodies.iter().any(|body| carry::is_in(track.bounds(), *body))
        });
        bodies.len() + faces.count()
    }

    /// Looks for people, where that is due, notes which faces are on which bodies, and counts.
    pub(super) fn look_for_people(
        &mut self,
        frame: &FrameBuf,
        look: Look,
        mode: CameraMode,
        pace: Pace,
        now: DateTime<Utc>,
    ) -> Result<Counted, ModelError> {
        if self.settings.bodies.follow == Follow::FacesOnly {
            return Ok(Counted {
                people: (look == Look::Whole).then(|| self.count(frame.dimensions(), now)),
                gone: 0,
            });
        }
        let need = self.need(mode, pace, now);
        let moved = match self.looks.moved() {
            true => Moved::Yes,
            false => Moved::No,
        };
        if !self.body_looks.due(need, moved, now) {
            return Ok(Counted::default());
        }
        let size = frame.dimensions();
        let expected: Vec<[f32; 4]> = self
            .unseen_bodies(now)
            .filter(|body| body.is_just_lost())
            .map(bodies::Body::bounds)
            .collect();
        let mut seen = carry::look(frame, &expected, &self.models.person_detector)?;
        if pace != Pace::Every {
            seen.retain(|seen| !self.is_masked(seen.bounds, size));
        }
        let gone = self
            .bodies
            .update(&seen, size.0 as f32, self.settings.bodies.kept, now);
        // The faces of this frame, on the bodies of this frame.
        let faces: Vec<(TrackId, [f32; 4])> = self
            .tracker
            .tracks()
            .iter()
            .filter(|track| track.last_at == now)
            .map(|track| (track.id, track.bounds()))
            .collect();
        let bodies: Vec<_> = self
            .bodies
            .iter()
            .filter(|body| body.last_at == now)
            .map(|body| (body.id, body.bounds()))
            .collect();
        let pairs = carry::pairs(
            &faces.iter().map(|(_, bounds)| *bounds).collect::<Vec<_>>(),
            &bodies.iter().map(|(_, bounds)| *bounds).collect::<Vec<_>>(),
        );
        for (f, b) in pairs {
            let ((track, face), (body, _)) = (faces[f], bodies[b]);
            let in_doubt = self
                .tracker
                .get(track)
                .is_some_and(|track| track.doubt != Doubt::None);
            // What looks like a face on somebody's back takes no name from them, nor does a face that may be anybody's.
            let taken = self
                .bodies
                .owner(body)
                .is_some_and(|owner| owner != track && self.is_named(owner));
            if taken && (in_doubt || !self.is_named(track)) {
                continue;
            }
            // Whoever passes may show their face where somebody else turned theirs away: with the name it goes from one
            // body to another only when it was looked at just now.
            let elsewhere = self
                .bodies
                .of(track)
                .is_some_and(|own| own.id != body && own.last_at == now);
            let confirmed = self
                .evidence
                .get(&track)
                .is_some_and(|evidence| evidence.confirmed_at.is_some_and(|at| now - at <= SHOWN_FOR));
            if elsewhere && self.is_named(track) && !confirmed {
                self.tracker.doubt(track);
                continue;
            }
            // A face that jumped, or was not found for a moment, is on the same body as before.
            let same = self
                .bodies
                .of(track)
                .is_some_and(|own| own.id == body && own.is_certain(now));
            if same && self.bodies.is_known(track) {
                self.tracker.settle(track);
            }
            self.bodies.own(body, track, face);
        }
        self.name_by_badges(size, now);
        let tracks = self.tracker.tracks().iter().map(|track| track.id);
        self.body_looks
            .tried(tracks.map(|id| (id, self.bodies.is_known(id))));
        Ok(Counted {
            people: Some(self.count(size, now)),
            gone: if self.counts_bodies(mode) { gone } else { 0 },
        })
    }
}

/// Whether nobody can say any more that a body is the one whose face was seen once.
pub(super) fn is_too_old(
    evidence: &Evidence,
    body: Option<&bodies::Body>,
    rules: &BodyRules,
    now: DateTime<Utc>,
) -> bool {
    let unseen = evidence
        .asserted
        .is_some_and(|asserted| now - asserted.verified_at > rules.face_within);
    let doubtful = body.and_then(bodies::Body::doubtful_since);
    unseen || doubtful.is_some_and(|since| now - since > bodies::DOUBT_LASTS)
}
