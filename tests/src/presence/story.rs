//! What happens in a recording: who comes, what they do, and where everybody is at every moment.

use std::f32::consts::PI;
use std::fmt;

use crate::recordings::figure::{Block, Build, Chair, Figure, Look, Posture, Stance, Thing, facing_along};
use crate::recordings::person::Person;
use crate::recordings::scene::{Camera, Vec3, WIDTH};
#[cfg(test)]
use crate::recordings::script;

/// Random numbers from a seed.
pub(super) struct Dice(crate::dice::Dice);

impl Dice {
    pub(super) fn new(seed: u64, number: u64) -> Self {
        Self(crate::dice::Dice::new(seed, &[number]))
    }

    fn range(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * self.0.between(0, 1 << 20) as f32 / (1 << 20) as f32
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.0.between(0, of.len() as i64) as usize]
    }
}

/// What a recording shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Two go behind a pillar and come out on each other's side; in the same clothes, once in three.
    Swap,
    /// Somebody sits, gets up and leaves their jacket on the chair; in the colour of what they wear, every second time.
    Jacket,
    /// Two with their backs turned cross twice.
    Cross,
    /// Strangers walk past somebody who sits, before and behind them; in the same clothes, every second time.
    Pass,
    /// Somebody sits with their back turned for longer than an absence takes to be raised.
    Sit,
    /// Somebody bends, goes behind another who stays, and leaves.
    Leave,
}

impl Kind {
    /// Of the recording of this number: of thirty, ten are swaps and ten jackets.
    pub(super) fn of(number: usize) -> Self {
        const ORDER: [Kind; 15] = [
            Kind::Swap,
            Kind::Jacket,
            Kind::Cross,
            Kind::Swap,
            Kind::Jacket,
            Kind::Pass,
            Kind::Swap,
            Kind::Jacket,
            Kind::Sit,
            Kind::Swap,
            Kind::Jacket,
            Kind::Leave,
            Kind::Swap,
            Kind::Jacket,
            Kind::Cross,
        ];
        ORDER[number % ORDER.len()]
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Swap => "swap",
            Kind::Jacket => "jacket",
            Kind::Cross => "cross",
            Kind::Pass => "pass",
            Kind::Sit => "sit",
            Kind::Leave => "leave",
        })
    }
}

/// Part of what somebody does.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Goes to a place at so many metres a second, turned to where they go.
    Walk([f32; 2], f32),
    /// Turns the body so, within so many seconds.
    Turn(f32, f32),
    /// Stays as they are for so many seconds.
    Stay(f32),
    /// Sits down on the chair that stands there.
    Sit,
    /// Gets up.
    Rise,
    /// Bends down for so many seconds.
    Bend(f32),
}

/// The back is turned to the camera.
const BACK: f32 = PI;
/// Seconds to turn into the direction of a walk, to sit down or get up, to bend.
const TURN_S: f32 = 0.35;
const SIT_S: f32 = 0.9;
const BEND_S: f32 = 0.8;
/// Radians of a double step for each metre.
const STEPS: f32 = 4.9;
/// Somebody shifts this often; in between they are still.
const SHIFTS_EVERY_S: f32 = 5.0;

/// Somebody and all that they do.
pub(super) struct Actor {
    pub(super) face: Option<Person>,
    look: Look,
    from_s: f32,
    start: [f32; 2],
    acts: Vec<Act>,
    /// Where the small movements are that they make.
    fidget: f32,
}

/// How somebody is between two acts.
#[derive(Clone, Copy)]
struct Rest {
    at: f32,
    place: [f32; 2],
    facing: f32,
    posture: Posture,
}

impl Actor {
    /// How they stand at a moment; `None` before they come and after their last act.
    fn stance(&self, t: f32) -> Option<Stance> {
        let mut rest = Rest {
            at: self.from_s,
            place: self.start,
            facing: 0.0,
            posture: Posture::Standing,
        };
        if t < rest.at {
            return None;
        }
        for act in &self.acts {
            let (stance, after) = self.during(*act, rest, t);
            if t < after.at {
                return Some(stance);
            }
            rest = after;
        }
        None
    }

    /// When their last act ends.
    fn ends(&self) -> f32 {
        let rest = Rest {
            at: self.from_s,
            place: self.start,
            facing: 0.0,
            posture: Posture::Standing,
        };
        self.acts
            .iter()
            .fold(rest, |rest, act| self.during(*act, rest, rest.at).1)
            .at
    }

    /// How they are at `t` during an act that begins as `rest` says, and how they are after it.
    fn during(&self, act: Act, rest: Rest, t: f32) -> (Stance, Rest) {
        let Rest {
            at,
            place,
            facing,
            posture,
        } = rest;
        let since = t - at;
        match act {
            Act::Walk(to, speed) => {
                let way = [to[0] - place[0], to[1] - place[1]];
                let length = way[0].hypot(way[1]).max(1e-3);
                let share = ((since - TURN_S) * speed / length).clamp(0.0, 1.0);
                let here = [place[0] + way[0] * share, place[1] + way[1] * share];
                let facing = turned(facing, facing_along(here, way), (since / TURN_S).min(1.0));
                let phase = since.max(0.0) * STEPS * speed;
                let after = Rest {
                    at: at + TURN_S + length / speed,
                    place: to,
                    facing: facing_along(to, way),
                    posture: Posture::Standing,
                };
                (self.held(t, here, facing, Posture::Walking { phase }), after)
            }
            Act::Turn(to, lasts) => {
                let facing = turned(facing, to, since / lasts);
                let after = Rest {
                    at: at + lasts,
                    facing: to,
                    ..rest
                };
                (self.held(t, place, facing, posture), after)
            }
            Act::Stay(lasts) => {
                let after = Rest {
                    at: at + lasts,
                    ..rest
                };
                (self.held(t, place, facing, posture), after)
            }
            Act::Sit | Act::Rise => {
                let share = since / SIT_S;
                let (low, end) = match act {
                    Act::Sit => (share, Posture::Seated),
                    _ => (1.0 - share, Posture::Standing),
                };
                let how = if low > 0.6 {
                    Posture::Seated
                } else {
                    Posture::Bending { share: low }
                };
                let after = Rest {
                    at: at + SIT_S,
                    posture: end,
                    ..rest
                };
                (self.held(t, place, facing, how), after)
            }
            Act::Bend(lasts) => {
                let share = (since / BEND_S).min((lasts - since) / BEND_S).clamp(0.0, 1.0);
                let after = Rest {
                    at: at + lasts,
                    ..rest
                };
                (
                    self.held(t, place, facing, Posture::Bending { share: 0.8 * share }),
                    after,
                )
            }
        }
    }

    /// A stance with the small movements of that moment.
    fn held(&self, t: f32, place: [f32; 2], facing: f32, posture: Posture) -> Stance {
        let beat = (t / SHIFTS_EVERY_S + self.fidget).floor();
        let within = (t / SHIFTS_EVERY_S + self.fidget).fract();
        let lean = |beat: f32| ((beat * 12.9898 + self.fidget * 78.233).sin() * 43_758.547).fract();
        // A second of movement, then stillness.
        let sway =
            0.05 * (lean(beat - 1.0) + (lean(beat) - lean(beat - 1.0)) * (SHIFTS_EVERY_S * within).min(1.0));
        Stance {
            place,
            facing: facing + 0.6 * sway,
            head: 3.0 * sway,
            posture,
            sway,
        }
    }
}

/// Between two directions, the shorter way round.
fn turned(from: f32, to: f32, share: f32) -> f32 {
    let way = (to - from + PI).rem_euclid(2.0 * PI) - PI;
    from + way * share
}

/// Everybody and everything at a moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moment {
    /// In the order of the actors.
    pub(super) stances: Vec<Option<Stance>>,
    chairs: Vec<Chair>,
    blocks: Vec<Block>,
}

impl Moment {
    /// What there is to draw.
    pub(super) fn things<'a>(&self, figures: &'a [Figure]) -> Vec<Thing<'a>> {
        let people = self.stances.iter().zip(figures);
        let people = people.filter_map(|(stance, figure)| Some(Thing::Person(figure, (*stance)?)));
        let chairs = self.chairs.iter().map(|chair| Thing::Chair(*chair));
        let blocks = self.blocks.iter().map(|block| Thing::Block(*block));
        people.chain(chairs).chain(blocks).collect()
    }
}

/// A recording's people and things.
pub(super) struct Story {
    pub(super) seconds: f32,
    pub(super) actors: Vec<Actor>,
    chairs: Vec<Chair>,
    blocks: Vec<Block>,
    /// From when on which colour of jacket hangs on the first chair.
    jacket: Option<(f32, Vec3)>,
}

/// Colours of tops and trousers: the share of red, green and blue that is thrown back.
const TOPS: [Vec3; 9] = [
    [0.03, 0.04, 0.09],
    [0.55, 0.55, 0.53],
    [0.18, 0.18, 0.19],
    [0.02, 0.02, 0.022],
    [0.33, 0.05, 0.05],
    [0.05, 0.15, 0.08],
    [0.30, 0.24, 0.15],
    [0.10, 0.22, 0.40],
    [0.42, 0.30, 0.10],
];
const TROUSERS: [Vec3; 5] = [
    [0.03, 0.035, 0.05],
    [0.016, 0.016, 0.017],
    [0.26, 0.21, 0.13],
    [0.07, 0.10, 0.16],
    [0.12, 0.12, 0.125],
];
const CHAIR: Vec3 = [0.03, 0.03, 0.035];
const PILLAR: Vec3 = [0.30, 0.28, 0.25];

fn look(face: Option<Person>, top: Vec3, dice: &mut Dice) -> Look {
    let (hair, skin, height) = match face {
        Some(Person::Obama) => ([0.045, 0.04, 0.038], [0.27, 0.14, 0.085], 1.86),
        Some(Person::Biden) => ([0.50, 0.48, 0.45], [0.48, 0.30, 0.23], 1.82),
        Some(Person::Collins) => ([0.17, 0.11, 0.06], [0.55, 0.36, 0.28], 1.70),
        None => (
            dice.pick(&[[0.02, 0.018, 0.016], [0.05, 0.03, 0.02], [0.16, 0.10, 0.05]]),
            dice.pick(&[[0.36, 0.21, 0.13], [0.22, 0.12, 0.07], [0.45, 0.28, 0.2]]),
            dice.range(1.56, 1.80),
        ),
    };
    Look {
        face,
        top,
        collar: dice.pick(&[[0.5, 0.5, 0.5], [0.05, 0.05, 0.06], [0.3, 0.35, 0.45]]),
        trousers: dice.pick(&TROUSERS),
        shoes: [0.03, 0.025, 0.02],
        hair,
        skin,
        build: Build {
            height,
            girth: dice.range(0.92, 1.15),
        },
    }
}

/// The lens of the demo's office: a little wider than the others.
pub(super) const OFFICE_CAMERA: Camera = Camera {
    focal: 700.0,
    height: 2.5,
    tilt: 0.26,
};

/// Out of the picture to a side (-1 or 1) at this depth.
fn outside(camera: Camera, side: f32, z: f32) -> [f32; 2] {
    let (_, _, per_metre) = camera.project([0.0, 1.0, z]);
    [side * (WIDTH as f32 / 2.0 / per_metre + 0.5), z]
}

/// Comes to a place and shows the face for three seconds.
fn comes(place: [f32; 2]) -> [Act; 3] {
    [Act::Walk(place, 1.1), Act::Turn(0.0, 0.6), Act::Stay(3.0)]
}

impl Story {
    /// Draws one.
    pub(super) fn draw(kind: Kind, camera: Camera, dice: &mut Dice) -> Self {
        let cast = Cast::draw(camera, dice);
        match kind {
            Kind::Swap => cast.swap(dice),
            Kind::Jacket => cast.jacket(dice),
            Kind::Cross => cast.cross(dice),
            Kind::Pass => cast.pass(dice),
            Kind::Sit => cast.sit(dice),
            Kind::Leave => cast.leave(dice),
        }
    }

    /// The demo's office: somebody shows their face, sits with their back turned for longer than it takes to be absent
    /// there, and leaves. The picture is empty at the beginning and at the end.
    pub(super) fn office(person: Person, from_s: f32, seated_s: f32, seconds: f32) -> Self {
        let cast = Cast {
            camera: OFFICE_CAMERA,
            people: [person; 2],
            tops: [TOPS[4]; 2],
            side: 1.0,
            near: 2.9,
        };
        let place = [0.4, cast.near + 1.2];
        let start = cast.outside(1.0, cast.near);
        let acts = cast.sits(place, seated_s);
        let actors = vec![cast.actor(cast.first(), from_s, start, acts, &mut Dice::new(1, 1))];
        Self {
            seconds,
            chairs: vec![Cast::chair(place)],
            ..Cast::story(actors, 0.0)
        }
    }

    /// Everybody, ready to be drawn.
    pub(super) fn figures(&self) -> Result<Vec<Figure>, image::ImageError> {
        self.actors.iter().map(|actor| Figure::new(actor.look)).collect()
    }

    pub(super) fn at(&self, t: f32) -> Moment {
        let mut chairs = self.chairs.clone();
        if let (Some((from, colour)), Some(chair)) = (self.jacket, chairs.first_mut()) {
            chair.jacket = (t >= from).then_some(colour);
        }
        Moment {
            stances: self.actors.iter().map(|actor| actor.stance(t)).collect(),
            chairs,
            blocks: self.blocks.clone(),
        }
    }
}

/// Who and what a story is made of.
struct Cast {
    camera: Camera,
    people: [Person; 2],
    tops: [Vec3; 2],
    /// From which side the first comes.
    side: f32,
    /// How far from the camera they show their faces.
    near: f32,
}

impl Cast {
    fn draw(camera: Camera, dice: &mut Dice) -> Self {
        let first = dice.pick(&[0, 1, 2]);
        let second = (first + dice.pick(&[1, 2])) % 3;
        let top = dice.pick(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let other = (top + dice.pick(&[1, 2, 3, 4, 5, 6, 7, 8])) % TOPS.len();
        Self {
            camera,
            people: [first, second].map(|i: usize| Person::ALL[i]),
            tops: [TOPS[top], TOPS[other]],
            side: dice.pick(&[-1.0, 1.0]),
            near: dice.range(2.6, 3.2),
        }
    }

    fn outside(&self, side: f32, z: f32) -> [f32; 2] {
        outside(self.camera, side, z)
    }

    /// Somebody who comes from a side.
    fn actor(
        &self,
        (face, top): (Option<Person>, Vec3),
        from_s: f32,
        start: [f32; 2],
        acts: Vec<Act>,
        dice: &mut Dice,
    ) -> Actor {
        Actor {
            face,
            look: look(face, top, dice),
            from_s,
            start,
            acts,
            fidget: dice.range(0.0, 10.0),
        }
    }

    fn first(&self) -> (Option<Person>, Vec3) {
        (Some(self.people[0]), self.tops[0])
    }

    fn second(&self) -> (Option<Person>, Vec3) {
        (Some(self.people[1]), self.tops[1])
    }

    /// A story until a little after everybody has left.
    fn story(actors: Vec<Actor>, after_s: f32) -> Story {
        let ends = actors.iter().map(Actor::ends).fold(0.0, f32::max);
        Story {
            seconds: ends + after_s,
            actors,
            chairs: Vec::new(),
            blocks: Vec::new(),
            jacket: None,
        }
    }

    fn chair(place: [f32; 2]) -> Chair {
        Chair {
            place,
            facing: BACK,
            colour: CHAIR,
            jacket: None,
        }
    }

    fn swap(self, dice: &mut Dice) -> Story {
        let behind = self.near + 1.6;
        let path = |side: f32, hidden_s: f32| {
            let mut acts = comes([1.15 * side, self.near + 0.2]).to_vec();
            acts.extend([
                Act::Turn(BACK, 0.8),
                Act::Stay(4.0),
                Act::Walk([0.3 * side, behind], 0.9),
                Act::Stay(hidden_s),
                Act::Walk([-1.2 * side, behind], 0.9),
                Act::Turn(BACK, 0.5),
                Act::Stay(12.0),
                Act::Turn(0.0, 0.8),
                Act::Stay(4.0),
                Act::Walk(self.outside(-side, behind), 1.1),
            ]);
            acts
        };
        let alike = dice.pick(&[true, false, false]);
        let second = (Some(self.people[1]), self.tops[usize::from(!alike)]);
        let hidden = dice.range(0.5, 3.0);
        let starts = [self.side, -self.side].map(|side| self.outside(side, self.near));
        let actors = vec![
            self.actor(self.first(), 1.0, starts[0], path(self.side, hidden), dice),
            self.actor(second, 1.3, starts[1], path(-self.side, hidden + 0.3), dice),
        ];
        Story {
            blocks: vec![Block {
                place: [0.0, self.near + 0.5],
                facing: 0.0,
                size: [1.3, 2.3, 0.4],
                colour: PILLAR,
            }],
            ..Self::story(actors, 8.0)
        }
    }

    fn jacket(self, dice: &mut Dice) -> Story {
        let place = [-0.3 * self.side, self.near + 1.0];
        let mut acts = comes([0.2 * self.side, self.near]).to_vec();
        acts.extend([
            Act::Walk(place, 0.8),
            Act::Turn(BACK, 0.7),
            Act::Sit,
            Act::Stay(dice.range(15.0, 40.0)),
            Act::Rise,
            Act::Walk(self.outside(-self.side, place[1] + dice.range(-0.2, 0.5)), 1.1),
        ]);
        let start = self.outside(self.side, self.near);
        let actor = self.actor(self.first(), 1.0, start, acts, dice);
        let colour = if dice.pick(&[true, false]) {
            self.tops[0]
        } else {
            dice.pick(&TOPS)
        };
        // It hangs there when they have gone the first step.
        let risen = actor.acts[..actor.acts.len() - 1].to_vec();
        let risen = Actor {
            acts: risen,
            ..self.actor(self.first(), 1.0, start, Vec::new(), dice)
        };
        let jacket = Some((risen.ends() + 0.5, colour));
        Story {
            chairs: vec![Self::chair(place)],
            jacket,
            ..Self::story(vec![actor], 25.0)
        }
    }

    fn cross(self, dice: &mut Dice) -> Story {
        let z = self.near + 1.0;
        let path = |side: f32, z: f32, wait_s: f32, leave: f32| {
            let mut acts = comes([0.9 * side, self.near]).to_vec();
            acts.extend([
                Act::Turn(BACK, 0.8),
                Act::Stay(wait_s),
                Act::Walk([-0.9 * side, z], 1.0),
                Act::Turn(BACK, 0.5),
                Act::Stay(8.0),
                Act::Walk([0.9 * side, z], 1.0),
                Act::Turn(BACK, 0.5),
                Act::Stay(12.0),
                Act::Turn(0.0, 0.7),
                Act::Stay(2.0),
                Act::Walk(self.outside(leave, z), 1.1),
            ]);
            acts
        };
        let side = self.side;
        let starts = [side, -side].map(|side| self.outside(side, self.near));
        let wait = dice.range(4.0, 6.0);
        let actors = vec![
            self.actor(self.first(), 1.0, starts[0], path(side, z, wait, side), dice),
            self.actor(
                self.second(),
                1.8,
                starts[1],
                path(-side, z + 0.6, wait - 0.5, -side),
                dice,
            ),
        ];
        Self::story(actors, 8.0)
    }

    /// Comes, sits down with the back to the camera for so long, gets up and goes.
    fn sits(&self, place: [f32; 2], seconds: f32) -> Vec<Act> {
        let mut acts = comes([0.3 * self.side, self.near]).to_vec();
        acts.extend([
            Act::Walk(place, 0.8),
            Act::Turn(BACK, 0.7),
            Act::Sit,
            Act::Stay(seconds),
            Act::Rise,
            Act::Turn(0.0, 0.8),
            Act::Stay(1.0),
            Act::Walk(self.outside(-self.side, self.near + 0.3), 1.1),
        ]);
        acts
    }

    fn pass(self, dice: &mut Dice) -> Story {
        let place = [0.3 * self.side, self.near + 1.3];
        let start = self.outside(self.side, self.near);
        let mut actors = vec![self.actor(self.first(), 1.0, start, self.sits(place, 60.0), dice)];
        let alike = dice.pick(&[true, false]);
        for i in 0..4 {
            let side = dice.pick(&[-1.0, 1.0]);
            let z = place[1] + if i % 2 == 0 { -0.7 } else { 0.7 };
            let top = if alike { self.tops[0] } else { dice.pick(&TOPS) };
            let walk = vec![Act::Walk(self.outside(-side, z), dice.range(0.9, 1.4))];
            let start = self.outside(side, z);
            actors.push(self.actor((None, top), 18.0 + 11.0 * i as f32, start, walk, dice));
        }
        Story {
            chairs: vec![Self::chair(place)],
            ..Self::story(actors, 8.0)
        }
    }

    fn sit(self, dice: &mut Dice) -> Story {
        let place = [0.4 * self.side, self.near + 1.2];
        let start = self.outside(self.side, self.near);
        let acts = self.sits(place, dice.range(330.0, 390.0));
        let actors = vec![self.actor(self.first(), 1.0, start, acts, dice)];
        Story {
            chairs: vec![Self::chair(place)],
            ..Self::story(actors, 8.0)
        }
    }

    fn leave(self, dice: &mut Dice) -> Story {
        let side = self.side;
        let z = self.near + 1.2;
        let mut goes = comes([0.5 * side, self.near]).to_vec();
        goes.extend([
            Act::Turn(BACK, 0.8),
            Act::Stay(8.0),
            Act::Bend(4.0),
            Act::Walk([0.5 * side, z], 0.8),
            Act::Turn(BACK, 0.3),
            Act::Stay(6.0),
            Act::Walk(self.outside(-side, z + 0.4), 1.1),
        ]);
        let mut stays = comes([-0.5 * side, self.near + 0.2]).to_vec();
        stays.extend([
            Act::Turn(BACK, 0.8),
            Act::Stay(30.0),
            Act::Turn(0.0, 0.8),
            Act::Stay(3.0),
            Act::Walk(self.outside(-side, self.near), 1.1),
        ]);
        let starts = [side, -side].map(|side| self.outside(side, self.near));
        let actors = vec![
            self.actor(self.first(), 1.0, starts[0], goes, dice),
            self.actor(self.second(), 4.0, starts[1], stays, dice),
        ];
        Self::story(actors, 8.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_office_a_back_is_turned_for_longer_than_it_takes_to_be_absent() {
        let story = super::super::office_story();
        let facing = |t: f32| story.at(t).stances[0].map(|stance| stance.facing.abs());
        let turned = (0..(story.seconds * 4.0) as u32)
            .filter(|quarter| facing(*quarter as f32 / 4.0).is_some_and(|facing| facing > 2.5));
        let turned = turned.count() as f32 / 4.0;
        assert!(turned >= script::ABSENT_AFTER_S + 3.0, "turned for {turned} s");
        let (from, to) = script::OFFICE;
        for (t, there) in [
            (from - 0.5, false),
            (from + 2.0, true),
            (to - 2.0, true),
            (to + 0.2, false),
        ] {
            assert_eq!(facing(t).is_some(), there, "{t}");
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_story_and_everybody_leaves() {
        for number in 0..30 {
            let kind = Kind::of(number);
            let draw = || Story::draw(kind, Camera::NARROW, &mut Dice::new(7, number as u64));
            let (one, other) = (draw(), draw());
            assert!(
                one.seconds == other.seconds && one.at(20.0) == other.at(20.0),
                "{kind}"
            );
            assert!(one.at(10.0).stances.iter().any(Option::is_some), "{kind}");
            assert!(
                one.at(one.seconds - 1.0).stances.iter().all(Option::is_none),
                "{kind}"
            );
        }
        let kinds = (0..30).map(Kind::of);
        let count = |kind: Kind| kinds.clone().filter(|other| *other == kind).count();
        assert!(count(Kind::Swap) >= 10 && count(Kind::Jacket) >= 10 && count(Kind::Sit) >= 2);
    }

    #[test]
    fn somebody_moves_evenly_from_act_to_act() {
        let mut dice = Dice::new(3, 1);
        let story = Story::draw(Kind::Leave, Camera::WIDE, &mut dice);
        let mut before: Option<[f32; 2]> = None;
        for step in 0..(story.seconds * 8.0) as u32 {
            let stance = story.actors[0].stance(step as f32 / 8.0);
            if let (Some(before), Some(stance)) = (before, stance) {
                let gone = (stance.place[0] - before[0]).hypot(stance.place[1] - before[1]);
                assert!(gone <= 1.2 / 8.0, "{gone} m in an eighth of a second");
            }
            before = stance.map(|stance| stance.place);
        }
    }
}
