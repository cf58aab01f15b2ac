//! From identities of tracks to sightings: began, continued every ten seconds, ended.
//!
//! Pure: the identities of a moment come in, the phases that are due go out.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::sighting::{Basis, CONTINUED_EVERY_S, Method, Phase};

use super::people::PersonId;
use super::tracker::TrackId;

/// A sighting that lasts longer is ended, and begun anew. (The aggregator takes none of more than a day.)
const LONGEST: TimeDelta = TimeDelta::hours(12);

/// A track with a name, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Present {
    /// Which track.
    pub(crate) track: TrackId,
    /// Who it is.
    pub(crate) person: PersonId,
    /// By what they are known.
    pub(crate) method: Method,
    /// When it was last matched, with this name.
    pub(crate) last_at: DateTime<Utc>,
    /// To what.
    pub(crate) basis: Basis,
    /// When a face or a badge last confirmed the name.
    pub(crate) verified_at: DateTime<Utc>,
    /// How sure the identity is.
    pub(crate) confidence: f32,
}

/// A phase of a sighting that is to be reported.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// Which.
    pub(crate) phase: Phase,
    /// Which track.
    pub(crate) track: TrackId,
    /// Who.
    pub(crate) person: PersonId,
    /// By what they are known.
    pub(crate) method: Method,
    /// When the track's identity began.
    pub(crate) first_at: DateTime<Utc>,
    /// When the track was last matched.
    pub(crate) last_at: DateTime<Utc>,
    /// To what.
    pub(crate) basis: Basis,
    /// When a face or a badge last confirmed the name.
    pub(crate) verified_at: DateTime<Utc>,
    /// How sure the identity is.
    pub(crate) confidence: f32,
}

/// The sightings that have begun and not ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presence {
    open: BTreeMap<TrackId, Open>,
}

#[derive(Clone, Debug)]
struct Open {
    person: PersonId,
    method: Method,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    basis: Basis,
    verified_at: DateTime<Utc>,
    reported_at: DateTime<Utc>,
    confidence: f32,
}

impl Open {
    fn event(&self, phase: Phase, track: TrackId) -> Event {
        Event {
            phase,
            track,
            person: self.person.clone(),
            method: self.method,
            first_at: self.first_at,
            last_at: self.last_at,
            basis: self.basis,
            verified_at: self.verified_at,
            confidence: self.confidence,
        }
    }
}

impl Presence {
    /// Whether this track's sighting of this person has begun and not ended.
    pub(crate) fn holds(&self, track: TrackId, person: &PersonId) -> bool {
        self.open.get(&track).is_some_and(|open| open.person == *person)
    }

    /// Everybody who is present now; what is to be reported of it, endings first.
    pub(crate) fn update(&mut self, present: &[Present]) -> Vec<Event> {
        let mut events = Vec::new();
        self.open.retain(|track, open| {
            // Somebody who sits there for a day is reported in parts, which no reader takes for a mistake.
            let lives = open.last_at - open.first_at < LONGEST
                && present
                    .iter()
                    .any(|p| p.track == *track && p.person == open.person);
            if !lives {
                events.push(open.event(Phase::Ended, *track));
            }
            lives
        });
        for p in present {
            match self.open.get_mut(&p.track) {
                Some(open) => {
                    // The clock of a device may be set back; a sighting never ends before it began.
                    if p.last_at > open.last_at {
                        (open.last_at, open.basis, open.verified_at) = (p.last_at, p.basis, p.verified_at);
                    }
                    open.confidence = p.confidence;
                    if open.last_at - open.reported_at >= TimeDelta::seconds(i64::from(CONTINUED_EVERY_S)) {
                        open.reported_at = open.last_at;
                        events.push(open.event(Phase::Continued, p.track));
                    }
                }
                None => {
                    let open = Open {
                        person: p.person.clone(),
                        method: p.method,
                        first_at: p.last_at,
                        last_at: p.last_at,
                        basis: p.basis,
                        verified_at: p.verified_at,
                        reported_at: p.last_at,
                        confidence: p.confidence,
                    };
                    events.push(open.event(Phase::Began, p.track));
                    self.open.insert(p.track, open);
                }
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f32) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds((seconds * 1000.0) as i64)
    }

    fn present(track: TrackId, person: &str, last: f32) -> Present {
        Present {
            track,
            person: person.into(),
            method: Method::Face,
            last_at: at(last),
            basis: Basis::Face,
            verified_at: at(last),
            confidence: 0.9,
        }
    }

    /// Who is present (track, person, last matched), and the phases that follow (phase, track, person, last).
    type Step<'a> = (
        &'a [(TrackId, &'a str, f32)],
        &'a [(Phase, TrackId, &'a str, f32)],
    );

    fn check(steps: &[Step<'_>]) {
        let mut presence = Presence::default();
        for (i, (people, expected)) in steps.iter().enumerate() {
            let people: Vec<_> = people.iter().map(|(t, p, last)| present(*t, p, *last)).collect();
            let events = presence.update(&people);
            let found: Vec<_> = events
                .iter()
                .map(|e| (e.phase, e.track, e.person.to_string(), e.last_at))
                .collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(phase, t, p, last)| (*phase, *t, (*p).to_string(), at(*last)))
                .collect();
            assert_eq!(found, expected, "step {i}");
        }
    }

    use Phase::{Began, Continued, Ended};

    #[test]
    fn begins_continues_every_ten_seconds_and_ends() {
        check(&[
            (&[(1, "ani", 0.0)], &[(Began, 1, "ani", 0.0)]),
            (&[(1, "ani", 9.9)], &[]),
            (&[(1, "ani", 10.0)], &[(Continued, 1, "ani", 10.0)]),
            (&[(1, "ani", 19.9)], &[]),
            (&[(1, "ani", 25.0)], &[(Continued, 1, "ani", 25.0)]),
            (&[(1, "ani", 27.0)], &[]),
            (&[], &[(Ended, 1, "ani", 27.0)]),
            (&[], &[]),
        ]);
    }

    #[test]
    fn a_face_that_is_not_seen_does_not_continue() {
        check(&[
            (&[(1, "ani", 0.0)], &[(Began, 1, "ani", 0.0)]),
            (&[(1, "ani", 4.0)], &[]),
            (&[(1, "ani", 4.0)], &[]),
            (&[], &[(Ended, 1, "ani", 4.0)]),
        ]);
    }

    #[test]
    fn another_name_on_a_track_ends_the_first() {
        check(&[
            (
                &[(1, "ani", 0.0), (2, "budi", 0.0)],
                &[(Began, 1, "ani", 0.0), (Began, 2, "budi", 0.0)],
            ),
            (
                &[(1, "citra", 1.0), (2, "budi", 1.0)],
                &[(Ended, 1, "ani", 0.0), (Began, 1, "citra", 1.0)],
            ),
            (&[], &[(Ended, 1, "citra", 1.0), (Ended, 2, "budi", 1.0)]),
        ]);
    }

    #[test]
    fn a_clock_set_back_makes_no_sighting_end_before_it_began() {
        check(&[
            (&[(1, "ani", 100.0)], &[(Began, 1, "ani", 100.0)]),
            (&[(1, "ani", 50.0)], &[]),
            (&[], &[(Ended, 1, "ani", 100.0)]),
        ]);
    }
}
