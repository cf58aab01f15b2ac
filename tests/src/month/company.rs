//! A company and what its people and cameras do in a month: the truth that nobody tells the engine.
//!
//! All times are whole seconds since the month's first midnight, UTC. Shifts are worked out here by fixed offsets from
//! UTC, not by the code that is tested.

use crate::dice::Dice;

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 86_400;

/// From when to when; the end is not part of it.
pub(super) type Span = (i64, i64);

/// One shift of one person.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) span: Span,
    pub(super) breaks: Vec<Span>,
}

/// From when to when, in minutes after midnight, and its breaks.
type Shift = (i64, i64, &'static [(i64, i64)]);

/// A kind of shift.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// From Monday, so many days a week.
    pub(super) days: usize,
    /// Each with its breaks.
    pub(super) shifts: &'static [Shift],
}

/// What is worked. The last has two shifts a day.
pub(super) const KINDS: [Kind; 5] = [
    Kind {
        name: "office",
        days: 5,
        shifts: &[(480, 1020, &[(720, 780)])],
    },
    Kind {
        name: "morning",
        days: 6,
        shifts: &[(360, 840, &[(600, 630)])],
    },
    Kind {
        name: "evening",
        days: 6,
        shifts: &[(840, 1320, &[(1080, 1125)])],
    },
    Kind {
        name: "night",
        days: 5,
        shifts: &[(1320, 1800, &[(1440, 1455), (1560, 1590)])],
    },
    Kind {
        name: "split",
        days: 5,
        shifts: &[(480, 720, &[]), (810, 1050, &[])],
    },
];

/// Name, and hours east of UTC: WIB, WITA, WIT.
pub(super) const ZONES: [(&str, i64); 3] = [("Asia/Jakarta", 7), ("Asia/Makassar", 8), ("Asia/Jayapura", 9)];

/// A leave, and who stands in for them.
#[derive(Clone, Debug)]
pub(super) struct Leave {
    pub(super) span: Span,
    pub(super) deputy: Option<usize>,
}

/// Somebody, and what they do.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) superior: Option<usize>,
    pub(super) phone: bool,
    pub(super) kind: usize,
    pub(super) zone: usize,
    pub(super) windows: Vec<Window>,
    pub(super) leaves: Vec<Leave>,
    /// In front of which camera they are when.
    pub(super) there: Vec<(Span, usize)>,
}

/// Why a camera sees nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is down: nothing is seen, and nothing comes later.
    Camera,
    /// Its device is cut off: what it sees comes when it is back.
    Agent,
}

/// A camera, its area, and when it was in trouble, in order and apart from each other.
#[derive(Clone, Debug)]
pub(super) struct Camera {
    pub(super) area: usize,
    pub(super) troubles: Vec<(Span, Trouble)>,
}

impl Camera {
    /// What troubles it at a second.
    pub(super) fn trouble(&self, at: i64) -> Option<(Span, Trouble)> {
        let after = self.troubles.partition_point(|((from, _), _)| *from <= at);
        let last = self.troubles.get(after.checked_sub(1)?)?;
        (at < last.0.1).then_some(*last)
    }
}

/// The whole of it.
#[derive(Clone, Debug)]
pub(super) struct Company {
    pub(super) people: Vec<Person>,
    pub(super) cameras: Vec<Camera>,
    pub(super) areas: usize,
    /// The month's length.
    pub(super) end: i64,
    /// A day of the month on which nobody begins a shift.
    pub(super) holiday: usize,
    seed: u64,
    every: i64,
}

/// A sighting as it reaches the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Delivery {
    pub(super) at: i64,
    pub(super) seen: i64,
    /// When the face was last seen: then, or before.
    pub(super) verified: i64,
    pub(super) person: usize,
    pub(super) camera: usize,
}

impl Company {
    /// Founds a company of so many people, and lets so many days go by in it. A track speaks every `every` seconds.
    pub(super) fn new(people: usize, days: usize, every: i64, seed: u64) -> Self {
        let mut company = Self {
            people: Vec::new(),
            cameras: Vec::new(),
            areas: people / 40 + 2,
            end: days as i64 * DAY,
            holiday: if days > 9 { 9 } else { usize::MAX },
            seed,
            every,
        };
        company.mount_cameras();
        for index in 0..people {
            let person = company.person(index, people);
            company.people.push(person);
        }
        company
    }

    /// Two cameras in each area, on one device. Area 0 is the canteen.
    fn mount_cameras(&mut self) {
        for area in 0..self.areas {
            let mut dice = Dice::new(self.seed, &[1, area as u64]);
            let mut cut_off = Vec::new();
            let mut at = dice.between(0, 6 * DAY);
            while at < self.end {
                let to = at + length(&mut dice, 30, 4 * HOUR);
                cut_off.push(((at, to), Trouble::Agent));
                at = to + dice.between(HOUR, 12 * DAY);
            }
            for _ in 0..2 {
                let mut troubles = cut_off.clone();
                let mut at = dice.between(0, 3 * DAY);
                while at < self.end {
                    let to = at + length(&mut dice, 20, 3 * HOUR);
                    // While its device is cut off, a camera is not heard to fail.
                    if !cut_off.iter().any(|((a, b), _)| at <= *b && *a <= to) {
                        troubles.push(((at, to), Trouble::Camera));
                    }
                    at = to + dice.between(MINUTE, 4 * DAY);
                }
                troubles.sort_by_key(|(span, _)| *span);
                self.cameras.push(Camera { area, troubles });
            }
        }
    }

    fn person(&self, index: usize, people: usize) -> Person {
        let mut dice = Dice::new(self.seed, &[2, index as u64]);
        // The top, managers of 64, supervisors of 8, and those below them.
        let superior = match index {
            0 => None,
            _ if index.is_multiple_of(64) => Some(0),
            _ if index.is_multiple_of(8) => Some(index / 64 * 64),
            _ => Some(index / 8 * 8),
        };
        let kind = if index.is_multiple_of(8) {
            0
        } else {
            dice.between(0, KINDS.len() as i64) as usize
        };
        let zone = if dice.percent(80) {
            0
        } else {
            dice.between(1, 3) as usize
        };
        let windows = self.windows(kind, zone);
        let leaves = self.leaves(&mut dice, index, people, &windows);
        let mut person = Person {
            superior,
            phone: dice.percent(88),
            kind,
            zone,
            windows,
            leaves,
            there: Vec::new(),
        };
        person.there = self.month(&mut dice, index, &person);
        person
    }

    /// The month begins on a Monday. A shift that began before it is not known of.
    fn windows(&self, kind: usize, zone: usize) -> Vec<Window> {
        let kind = KINDS[kind];
        let offset = ZONES[zone].1 * HOUR;
        let mut windows = Vec::new();
        for day in 0..(self.end / DAY) as usize + 2 {
            if day % 7 >= kind.days || day == self.holiday {
                continue;
            }
            let midnight = day as i64 * DAY - offset;
            let span = |(from, to): (i64, i64)| (midnight + from * MINUTE, midnight + to * MINUTE);
            for (from, to, breaks) in kind.shifts {
                windows.push(Window {
                    span: span((*from, *to)),
                    breaks: breaks.iter().copied().map(span).collect(),
                });
            }
        }
        windows
    }

    fn leaves(&self, dice: &mut Dice, index: usize, people: usize, windows: &[Window]) -> Vec<Leave> {
        let mut leaves = Vec::new();
        let deputy = |dice: &mut Dice| {
            let other = dice.between(0, people as i64) as usize;
            (dice.percent(50) && other != index).then_some(other)
        };
        if dice.percent(10) {
            let from = dice.between(0, self.end / DAY) * DAY - 7 * HOUR;
            let to = from + dice.between(1, 6) * DAY;
            leaves.push(Leave {
                span: (from, to),
                deputy: deputy(dice),
            });
        }
        if dice.percent(10) && !windows.is_empty() {
            // Some hours in the middle of a shift.
            let window = &windows[dice.between(0, windows.len() as i64) as usize];
            let from = window.span.0 + dice.between(0, 3 * HOUR);
            let to = from + dice.between(20 * MINUTE, 5 * HOUR);
            let apart = leaves
                .iter()
                .all(|one: &Leave| to < one.span.0 || one.span.1 < from);
            if apart {
                leaves.push(Leave {
                    span: (from, to),
                    deputy: deputy(dice),
                });
            }
        }
        leaves.sort_by_key(|one| one.span);
        leaves
    }

    /// Where somebody is, shift by shift.
    fn month(&self, dice: &mut Dice, index: usize, person: &Person) -> Vec<(Span, usize)> {
        let home = 1 + index % (self.areas - 1);
        let mut there = Vec::new();
        let mut free_from = 0;
        for window in &person.windows {
            let on_leave = person
                .leaves
                .iter()
                .any(|one| one.span.0 <= window.span.0 && window.span.1 <= one.span.1);
            if on_leave || dice.percent(3) {
                continue;
            }
            let late = if dice.percent(5) { dice.between(0, HOUR) } else { 0 };
            let arrives = window.span.0 + dice.between(-900, 300) + late;
            let early = if dice.percent(4) {
                dice.between(0, 2 * HOUR)
            } else {
                0
            };
            let leaves = window.span.1 + dice.between(-240, 1800) - early;
            let mut away: Vec<Span> = Vec::new();
            for (from, to) in &window.breaks {
                if dice.percent(70) {
                    let over = if dice.percent(8) {
                        dice.between(4 * MINUTE, 40 * MINUTE)
                    } else {
                        0
                    };
                    away.push((
                        from + dice.between(-240, 180),
                        to + dice.between(-400, 330) + over,
                    ));
                }
            }
            for one in person
                .leaves
                .iter()
                .filter(|one| one.span.0 < window.span.1 && window.span.0 < one.span.1)
            {
                away.push((
                    one.span.0 + dice.between(-120, 600),
                    one.span.1 + dice.between(-600, 900),
                ));
            }
            for _ in 0..dice.between(0, 7) {
                let from = dice.between(window.span.0, window.span.1);
                let length = match dice.between(0, 100) {
                    0..60 => dice.between(20, 240),
                    60..85 => dice.between(240, 660),
                    _ => dice.between(6 * MINUTE, 90 * MINUTE),
                };
                away.push((from, from + length));
            }
            away.sort_unstable();
            let mut at = arrives.max(free_from);
            let until = leaves.min(self.end - 1);
            for (from, to) in away.into_iter().chain([(until, until)]) {
                if from > at && at < until {
                    self.stay(dice, home, (at, from.min(until)), &mut there);
                }
                at = at.max(to);
            }
            free_from = there.last().map_or(free_from, |((_, to), _)| to + 1);
        }
        there
    }

    /// Somebody stays from one second to another, before one camera or another, mostly of their own area. Where one
    /// takes over from the other, both see them.
    fn stay(&self, dice: &mut Dice, home: usize, (from, to): Span, there: &mut Vec<(Span, usize)>) {
        let mut at = from.max(0);
        while at < to {
            let area = if dice.percent(85) { home } else { 0 };
            let camera = area * 2 + dice.between(0, 2) as usize;
            let until = to.min(at + dice.between(2 * MINUTE, HOUR));
            there.push(((at, until), camera));
            at = until;
        }
    }

    /// What reaches the engine of somebody between two moments of their life, in no particular order, some of it twice.
    pub(super) fn deliveries(&self, person: usize, ((from, to), camera): (Span, usize)) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        let mut dice = Dice::new(self.seed, &[3, person as u64, from as u64]);
        let seen = (from..to).step_by(self.every as usize).chain([to]);
        // Of some stays the face is seen throughout, of some now and then, of some at the beginning alone.
        let face_every = [1, 30, i64::MAX][dice.between(0, 3) as usize];
        let mut verified = from;
        for (number, seen) in seen.enumerate() {
            if number as i64 % face_every == 0 {
                verified = seen;
            }
            let at = match self.cameras[camera].trouble(seen) {
                None => seen,
                Some((_, Trouble::Camera)) => continue,
                Some(((_, back), Trouble::Agent)) => back,
            };
            if at >= self.end {
                continue;
            }
            let one = Delivery {
                at,
                seen,
                verified,
                person,
                camera,
            };
            deliveries.push(one);
            if dice.percent(2) {
                deliveries.push(one);
            }
        }
        deliveries
    }

    /// After how many seconds somebody answers what they are told of an absence, if they do.
    pub(super) fn answers(&self, person: usize, due: i64, recipient: usize) -> Option<i64> {
        let mut dice = Dice::new(self.seed, &[4, person as u64, due as u64, recipient as u64]);
        dice.percent(45).then(|| dice.between(5, 25 * MINUTE))
    }

    /// After how many seconds without detection somebody last seen by a camera is absent: in the canteen later.
    pub(super) fn absent_after(&self, camera: usize) -> i64 {
        if self.cameras[camera].area == 0 { 600 } else { 300 }
    }

    /// Everybody above somebody, from below.
    pub(super) fn above(&self, person: usize) -> Vec<usize> {
        std::iter::successors(self.people[person].superior, |one| self.people[*one].superior).collect()
    }
}

/// Mostly short, seldom long.
fn length(dice: &mut Dice, from: i64, to: i64) -> i64 {
    let longest = dice.between(from + 1, to);
    dice.between(from, longest + 1)
}
