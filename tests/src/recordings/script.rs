//! Who comes, stays, turns and leaves, on which recording, when.

use super::person::{Person, Pose};
use super::scene::Place;

/// A side of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The left edge.
    Left,
    /// The right edge.
    Right,
}

/// Somebody's stay in front of the camera.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// Who.
    pub person: Person,
    /// When they begin to come into the picture, in seconds; below zero: they are there from the start.
    pub comes: f32,
    /// When they are out of it again; beyond the end: they stay.
    pub gone: f32,
    /// Where they stand: metres from the middle, metres from the camera.
    pub stands: [f32; 2],
    /// From where they come.
    pub from: Side,
    /// Where they go.
    pub to: Side,
}

/// One recording.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its name; the file is named after it.
    pub name: &'static str,
    /// What it shows.
    pub place: Place,
    /// How long it is, in seconds; it is made to be looped.
    pub seconds: f32,
    /// Who comes when.
    pub visits: Vec<Visit>,
}

/// Metres a second, at an easy walk.
const PACE: f32 = 0.95;

impl Visit {
    /// Where the person is at `t` seconds; `out` is the distance from the middle at which they are out of
    /// the picture. `None` while they are not there.
    pub fn pose(&self, t: f32, out: f32) -> Option<Pose> {
        if t < self.comes || t > self.gone {
            return None;
        }
        let [x, z] = self.stands;
        let edge = |side| if side == Side::Left { -out } else { out };
        let (start, end) = (edge(self.from), edge(self.to));
        let walk_in = (x - start).abs() / PACE;
        let walk_out = (end - x).abs() / PACE;
        let (since, left) = (t - self.comes, self.gone - t);
        // Eased, so that nobody starts or stops at once.
        let (x, walking, heading) = if since < walk_in {
            let p = ease_out(since / walk_in);
            (start + (x - start) * p, 1.0 - p * p, (x - start).signum())
        } else if left < walk_out {
            let p = ease_in(1.0 - left / walk_out);
            (x + (end - x) * p, p.sqrt().min(1.0), (end - x).signum())
        } else {
            (x, 0.0, 0.0)
        };
        // A phase of each person's own, so that two of them do not move in step.
        let phase = 1.7 * (self.person as u8) as f32;
        let step = (t * 5.4 + phase).sin();
        // While standing: looking around, to one side, then to the other.
        let glance = ((t + phase) * 0.9).sin();
        let glance = glance.signum() * glance.abs().powi(3) * 0.62;
        Some(Pose {
            x: x + 0.018 * (t * 0.8 + phase).sin(),
            z: z + 0.05 * (t * 0.5 + phase).sin(),
            bob: 0.022 * step.abs() * walking + 0.004 * (t * 1.3 + phase).sin(),
            turn: glance * (1.0 - walking) - 0.42 * heading * walking,
            lean: 0.020 * step * walking + 0.012 * (t * 0.7 + phase).sin(),
        })
    }
}

fn ease_out(p: f32) -> f32 {
    1.0 - (1.0 - p).powf(1.7)
}

fn ease_in(p: f32) -> f32 {
    p.powf(1.7)
}

/// How long the demo's recordings are, in seconds; they are looped.
pub const LOOP_S: f32 = 105.0;
/// After so many seconds somebody is absent in the demo.
pub const ABSENT_AFTER_S: f32 = 30.0;
/// Who works in the demo's office, and from when to when they are in the picture: most of the time with their back turned,
/// longer than it takes to be absent.
pub const IN_OFFICE: Person = Person::Collins;
/// See [`IN_OFFICE`].
pub const OFFICE: (f32, f32) = (13.5, 63.5);

/// The demo's recording of the store: two people, for a while both at once.
///
/// With thresholds of 15 s and 30 s, each person of the demo is available, off, absent and back within
/// one loop: nobody is seen on any camera for at least 40 s of it.
pub fn store() -> Script {
    Script {
        name: "store",
        place: Place::Store,
        seconds: LOOP_S,
        visits: vec![
            Visit {
                person: Person::Biden,
                comes: 14.0,
                gone: 30.0,
                stands: [0.52, 3.25],
                from: Side::Right,
                to: Side::Right,
            },
            Visit {
                person: Person::Obama,
                comes: 1.0,
                gone: 26.0,
                stands: [-0.42, 2.95],
                from: Side::Left,
                to: Side::Left,
            },
        ],
    }
}

/// The demo's recording of the lobby: a third person, who goes on into the office, and one of the two from the store
/// afterwards.
pub fn lobby() -> Script {
    Script {
        name: "lobby",
        place: Place::Lobby,
        seconds: LOOP_S,
        visits: vec![
            Visit {
                person: Person::Collins,
                comes: 2.0,
                gone: 12.0,
                stands: [0.25, 2.75],
                from: Side::Right,
                to: Side::Left,
            },
            Visit {
                person: Person::Biden,
                comes: 33.0,
                gone: 43.0,
                stands: [-0.15, 3.0],
                from: Side::Left,
                to: Side::Right,
            },
        ],
    }
}

/// For tests: Obama in the store for the first seconds.
pub fn short_store() -> Script {
    Script {
        name: "short-store",
        place: Place::Store,
        seconds: 62.0,
        visits: vec![Visit {
            person: Person::Obama,
            comes: 0.0,
            gone: 12.0,
            stands: [-0.2, 2.9],
            from: Side::Left,
            to: Side::Left,
        }],
    }
}

/// For tests: Collins in the lobby for the first seconds.
pub fn short_lobby() -> Script {
    Script {
        name: "short-lobby",
        place: Place::Lobby,
        seconds: 62.0,
        visits: vec![Visit {
            person: Person::Collins,
            comes: 0.0,
            gone: 12.0,
            stands: [0.2, 2.8],
            from: Side::Right,
            to: Side::Right,
        }],
    }
}

/// For tests: Biden, who stays.
pub fn stays() -> Script {
    Script {
        name: "stays",
        place: Place::Lobby,
        seconds: 20.0,
        visits: vec![Visit {
            person: Person::Biden,
            comes: -10.0,
            gone: 99.0,
            stands: [0.1, 2.9],
            from: Side::Left,
            to: Side::Left,
        }],
    }
}

/// Every recording.
pub fn all() -> Vec<Script> {
    vec![store(), lobby(), short_store(), short_lobby(), stays()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_out_of_sight_long_enough_to_be_absent_within_one_loop() {
        let scripts = [store(), lobby()];
        let seconds = LOOP_S;
        assert!(scripts.iter().all(|s| s.seconds == seconds));
        for person in Person::ALL {
            let mut stays: Vec<(f32, f32)> = scripts
                .iter()
                .flat_map(|s| {
                    s.visits
                        .iter()
                        .filter(|v| v.person == person)
                        .map(|v| (v.comes, v.gone))
                })
                .collect();
            assert!(!stays.is_empty(), "{person:?} is on no recording");
            if person == IN_OFFICE {
                stays.push(OFFICE);
            }
            stays.sort_by(|a, b| a.0.total_cmp(&b.0));
            stays.push((stays[0].0 + seconds, 0.0));
            let longest = stays.windows(2).map(|w| w[1].0 - w[0].1).fold(0.0, f32::max);
            assert!(
                longest >= ABSENT_AFTER_S + 10.0,
                "{person:?} is away for {longest} s at most"
            );
        }
    }

    #[test]
    fn somebody_comes_in_from_outside_stands_and_leaves() {
        let visit = store().visits[1];
        let at = |t| visit.pose(t, 2.0).expect("there");
        assert!(visit.pose(0.9, 2.0).is_none() && visit.pose(26.1, 2.0).is_none());
        assert!(at(1.0).x < -1.9 && at(25.99).x < -1.9);
        assert!((at(12.0).x - visit.stands[0]).abs() < 0.1);
    }
}
