//! The rules as tables: what happens, second by second, and what the states then are.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use hadir_shared::id::{AreaId, CameraId, EmployeeId};
use hadir_shared::sighting::{Basis, Method};
use proptest::prelude::*;

use super::*;
use crate::schedule::{Calendar, Exception, Exemption};

fn t(second: i64) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).expect("time")
}

fn who(n: u8) -> EmployeeId {
    EmployeeId::new(format!("E{n}")).expect("id")
}

fn cam(n: u8) -> CameraId {
    CameraId::new(format!("cam-{n}")).expect("id")
}

fn area(n: u8) -> AreaId {
    AreaId::new(format!("area-{n}")).expect("id")
}

/// What happens at a second. Camera `n` watches area `n`.
#[derive(Clone, Copy, Debug)]
enum Fact {
    On(u8),
    Off(u8),
    /// The camera is found, now, not to have watched since that second.
    OffSince(u8, i64),
    /// An employee seen at that second.
    Seen(u8, i64),
    /// The same by camera 2.
    Seen2(u8, i64),
    /// An employee's badge scanned at camera 1 at that second.
    Scanned(u8, i64),
    /// Employee 1 works by `day`, with a leave between these seconds.
    Works(i64, i64),
}
use Fact::{Off, OffSince, On, Scanned, Seen, Seen2, Works};

/// An engine with employees 0 and 1.
fn engine() -> Engine {
    let mut engine = Engine::restore(rules(), Vec::new(), Vec::new(), t(0));
    engine.set_person(&who(0), Terms::default(), t(0));
    engine.set_person(&who(1), Terms::default(), t(0));
    engine
}

/// The site's thresholds; twice as long in area 2; one schedule, `day`. Second 0 is 14:13:20, so there is a break
/// from second 400 to 1000, the shift ends at 1600, another one runs from 1900 to 28000, and the next day's begins at
/// 64000.
fn rules() -> Rules {
    let day = r#"{"timezone": "UTC", "shifts": [
        {"name": "A", "days": ["mon","tue"], "from": "08:00", "to": "14:40", "breaks": [{"from": "14:20", "to": "14:30"}]},
        {"name": "B", "days": ["mon","tue"], "from": "14:45", "to": "22:00"}]}"#;
    let day = serde_json::from_str(day).expect("schedule");
    let long = Thresholds {
        off_after: TimeDelta::seconds(90),
        absent_after: TimeDelta::seconds(600),
    };
    Rules {
        thresholds: Thresholds::default(),
        areas: [(area(2), long)].into(),
        calendars: [(
            "day".to_owned(),
            Calendar::new(day, chrono_tz::UTC, Arc::default()),
        )]
        .into(),
        faces_only: false,
    }
}

fn apply(engine: &mut Engine, second: i64, fact: Fact) -> Vec<Decision> {
    let now = t(second);
    match fact {
        On(n) => engine.set_camera(&cam(n), &area(n), Watch::On, now, now),
        Off(n) => engine.set_camera(&cam(n), &area(n), Watch::Off, now, now),
        OffSince(n, since) => engine.set_camera(&cam(n), &area(n), Watch::Off, t(since), now),
        Seen(n, at) | Seen2(n, at) | Scanned(n, at) => {
            let camera = if matches!(fact, Seen2(..)) { 2 } else { 1 };
            let method = match fact {
                Scanned(..) => Method::Qr,
                _ => Method::Face,
            };
            let place = Place {
                camera: cam(camera),
                area: area(camera),
            };
            let mut decisions = engine.tick(now);
            let seen = crate::presence::Seen {
                method,
                last_at: t(at),
                basis: Basis::Face,
                verified_at: t(at),
            };
            let observed = engine.observe(&who(n), &place, &seen, now);
            decisions.extend(observed.and_then(|observed| observed.decision));
            decisions
        }
        Works(from, to) => {
            let ms = |second| t(second).timestamp_millis();
            let leave = Exception {
                kind: Exemption::OnLeave,
                from: ms(from),
                to: ms(to),
            };
            let terms = Terms {
                schedule: Some("day".into()),
                exceptions: vec![leave],
            };
            engine.set_person(&who(1), terms, now)
        }
    }
}

/// Plays the facts and gives every change of employee `n`'s state, with its second, until `end`.
fn changes(n: u8, facts: &[(i64, Fact)], end: i64) -> Vec<(i64, State, Cause)> {
    let mut engine = engine();
    let mut decisions = Vec::new();
    for (second, fact) in facts {
        decisions.extend(apply(&mut engine, *second, *fact));
    }
    decisions.extend(engine.tick(t(end)));
    let of = decisions.iter().filter(|d| d.employee == who(n));
    of.map(|d| ((d.at - t(0)).num_seconds(), d.to, d.cause)).collect()
}

#[track_caller]
fn check(n: u8, facts: &[(i64, Fact)], end: i64, expected: &[(i64, State, Cause)]) {
    assert_eq!(changes(n, facts, end), expected, "employee {n}: {facts:?}");
}

#[test]
fn the_course_of_an_absence() {
    use Cause::{Due, Sighting};
    use State::{Absent, Available};
    let gone = [(0, On(1)), (10, Seen(0, 10))];
    check(0, &gone, 54, &[(10, Available, Sighting)]);
    check(0, &gone, 55, &[(10, Available, Sighting), (55, State::Off, Due)]);
    let all = [
        (10, Available, Sighting),
        (55, State::Off, Due),
        (310, Absent, Due),
    ];
    check(0, &gone, 309, &all[..2]);
    check(0, &gone, 90_000, &all);
    // Back after the absence, then gone again.
    let back = [gone[0], gone[1], (400, Seen(0, 400))];
    let mut again = all.to_vec();
    again.extend([
        (400, Available, Sighting),
        (445, State::Off, Due),
        (700, Absent, Due),
    ]);
    check(0, &back, 2000, &again);
    // Seen again while off: the next notice comes 45 s after that, not 300.
    check(
        0,
        &[gone[0], gone[1], (60, Seen(0, 60))],
        120,
        &[
            (10, Available, Sighting),
            (55, State::Off, Due),
            (60, Available, Sighting),
            (105, State::Off, Due),
        ],
    );
    // A living track.
    let sits: Vec<(i64, Fact)> = std::iter::once((0, On(1)))
        .chain((1..400).map(|i| (i * 10, Seen(0, i * 10))))
        .collect();
    check(0, &sits, 4000, &[(10, Available, Sighting)]);
}

#[test]
fn who_was_never_seen_is_unknown_and_raises_nothing() {
    check(0, &[(0, On(1))], 100_000, &[]);
}

/// Whoever is known by a badge alone is seen where it is scanned, and not followed from there: no camera could tell that
/// they are gone.
#[test]
fn a_scan_alone_accuses_nobody() {
    use Cause::{Due, Sighting};
    use State::{Absent, Available, Off, Unknown};
    let alone = [(0, On(1)), (10, Scanned(0, 10))];
    let expected = [(10, Available, Sighting), (55, Unknown, Due)];
    check(0, &alone, 200_000, &expected);
    // A face behind the scan is followed, a scan behind the face takes the place of a sighting.
    let face = [alone[0], alone[1], (20, Seen(0, 20))];
    let followed = [(10, Available, Sighting), (65, Off, Due), (320, Absent, Due)];
    check(0, &face, 90_000, &followed);
    let scan = [alone[0], (20, Seen(0, 20)), (100, Scanned(0, 100))];
    let expected = [
        (20, Available, Sighting),
        (65, Off, Due),
        (100, Available, Sighting),
        (145, Off, Due),
        (400, Absent, Due),
    ];
    check(0, &scan, 90_000, &expected);
    // The face comes late: they were followed all the time.
    let late = [alone[0], alone[1], (60, Seen(0, 8))];
    let expected = [
        (10, Available, Sighting),
        (55, Unknown, Due),
        (60, Off, Cause::Late),
        (310, Absent, Due),
    ];
    check(0, &late, 90_000, &expected);
    // A face of the day before counts no more.
    let next_day = [alone[0], (10, Seen(0, 10)), (90_000, Scanned(0, 90_000))];
    let expected = [
        (10, Available, Sighting),
        (55, Off, Due),
        (310, Absent, Due),
        (90_000, Available, Sighting),
        (90_045, Unknown, Due),
    ];
    check(0, &next_day, 200_000, &expected);
}

#[test]
fn blind_time_does_not_count() {
    use Cause::{Cameras, Due, Sighting};
    use State::{Absent, Available, Unknown};
    // 20 s watched, blind for an hour, then the rest.
    let facts = [(0, On(1)), (10, Seen(1, 10)), (30, Off(1)), (3630, On(1))];
    check(
        1,
        &facts,
        10_000,
        &[
            (10, Available, Sighting),
            (55, Unknown, Due),
            (3655, State::Off, Due),
            (3910, Absent, Due),
        ],
    );
    // Off when the camera fails: off until by the clock they would be absent, then unknown.
    let facts = [(0, On(1)), (10, Seen(1, 10)), (110, Off(1)), (1110, On(1))];
    let begin = [
        (10, Available, Sighting),
        (55, State::Off, Due),
        (310, Unknown, Due),
    ];
    check(1, &facts[..3], 1000, &begin);
    let mut rest = begin.to_vec();
    rest.extend([(1110, State::Off, Cameras), (1310, Absent, Due)]);
    check(1, &facts, 5000, &rest);
    // What counts is the camera that saw them last: in front of it they may still be.
    let facts = [
        (0, On(1)),
        (0, On(2)),
        (10, Seen2(0, 10)),
        (10, Seen(1, 10)),
        (20, Off(1)),
    ];
    check(
        0,
        &facts,
        1000,
        &[
            (10, Available, Sighting),
            (100, State::Off, Due),
            (610, Absent, Due),
        ],
    );
    check(1, &facts, 1000, &[(10, Available, Sighting), (55, Unknown, Due)]);
    // Seen elsewhere since.
    let facts = [
        (0, On(1)),
        (0, On(2)),
        (10, Seen(1, 10)),
        (20, Off(1)),
        (30, Seen2(1, 30)),
    ];
    let course = [
        (10, Available, Sighting),
        (120, State::Off, Due),
        (630, Absent, Due),
    ];
    check(1, &facts, 1000, &course);
    // No camera at all: nobody could have seen them.
    check(
        1,
        &[(0, On(2)), (10, Seen(1, 10))],
        1000,
        &[(10, Available, Sighting), (55, Unknown, Due)],
    );
}

#[test]
fn blindness_that_is_noticed_late_is_counted_but_takes_no_alert_back() {
    use Cause::{Cameras, Due, Sighting};
    use State::{Absent, Available, Unknown};
    let facts = [(0, On(1)), (10, Seen(1, 10)), (60, OffSince(1, 20))];
    check(
        1,
        &facts,
        5000,
        &[
            (10, Available, Sighting),
            (55, State::Off, Due),
            (60, Unknown, Cameras),
        ],
    );
    let facts = [(0, On(1)), (10, Seen(1, 10)), (320, OffSince(1, 280))];
    check(
        1,
        &facts,
        5000,
        &[
            (10, Available, Sighting),
            (55, State::Off, Due),
            (310, Absent, Due),
        ],
    );
}

#[test]
fn late_sightings_correct_but_raise_no_alert() {
    use Cause::{Due, Sighting};
    use State::{Absent, Available};
    // Older than what is known.
    check(
        0,
        &[(0, On(1)), (20, Seen(0, 20)), (30, Seen(0, 5))],
        40,
        &[(20, Available, Sighting)],
    );
    // First heard of two hours late: absent, but by no alert (`Due`).
    check(
        0,
        &[(0, On(1)), (7200, Seen(0, 10))],
        9000,
        &[(7200, Absent, Sighting)],
    );
    // Somebody absent turns out to have been there a minute ago: that ends the absence.
    check(
        0,
        &[(0, On(1)), (10, Seen(0, 10)), (400, Seen(0, 340))],
        420,
        &[
            (10, Available, Sighting),
            (55, State::Off, Due),
            (310, Absent, Due),
            (400, State::Off, Sighting),
        ],
    );
    // Or to have been there, but too long ago: nothing changes.
    check(
        0,
        &[(0, On(1)), (10, Seen(0, 10)), (400, Seen(0, 60))],
        420,
        &[
            (10, Available, Sighting),
            (55, State::Off, Due),
            (310, Absent, Due),
        ],
    );
}

/// The states of employee 1, who works by the schedule, has a leave between two seconds, and whom camera 1 watches.
#[track_caller]
fn check_works(leave: (i64, i64), facts: &[(i64, Fact)], end: i64, expected: &[(i64, State, Cause)]) {
    let facts: Vec<_> = [(0, On(1)), (0, Works(leave.0, leave.1))]
        .iter()
        .chain(facts)
        .copied()
        .collect();
    check(1, &facts, end, expected);
}

/// A leave that is long over.
const NO_LEAVE: (i64, i64) = (-20_000, -19_000);

#[test]
fn breaks_and_shifts() {
    use Cause::{Due, Sighting};
    use State::{Absent, Available, Exempt, Unknown};
    // Absent before the break and behind it: one absence. After the shift nothing is counted, and the next one counts
    // anew.
    let course = [
        (10, Available, Sighting),
        (55, State::Off, Due),
        (310, Absent, Due),
        (400, Exempt, Due),
        (1000, Absent, Due),
        (1100, Available, Sighting),
        (1145, State::Off, Due),
        (1400, Absent, Due),
        (1600, Exempt, Due),
        (1900, State::Off, Due),
        (2200, Absent, Due),
        (28_000, Exempt, Due),
        // Has not come yet the next day, and is not accused of that.
        (64_000, Unknown, Due),
    ];
    let seen = [(10, Seen(1, 10)), (1100, Seen(1, 1100))];
    check_works(NO_LEAVE, &seen, 70_000, &course);
    // The count begins anew after a break.
    let facts = [(390, Seen(1, 390))];
    let course = [
        (390, Available, Sighting),
        (435, Exempt, Due),
        (1000, State::Off, Due),
        (1300, Absent, Due),
    ];
    check_works(NO_LEAVE, &facts, 1500, &course);
    // Whoever is seen is there, on a break or not, and is missed by nobody when they go again.
    let facts = [(500, Seen(1, 500))];
    let course = [(400, Exempt, Due), (500, Available, Sighting), (545, Exempt, Due)];
    check_works(NO_LEAVE, &facts, 999, &course);
    // A camera that fails behind the break.
    let facts = [(390, Seen(1, 390)), (1010, Off(1))];
    let course = [
        (390, Available, Sighting),
        (435, Exempt, Due),
        (1000, State::Off, Due),
        (1045, Unknown, Due),
    ];
    check_works(NO_LEAVE, &facts, 1500, &course);
}

#[test]
fn leaves() {
    use Cause::{Due, Sighting};
    use State::{Absent, Available, Exempt};
    // Registered while it runs; afterwards the count begins anew, and the absence before is forgotten.
    let facts = [(10, Seen(1, 10)), (350, Works(350, 1200))];
    let course = [
        (10, Available, Sighting),
        (55, State::Off, Due),
        (310, Absent, Due),
        (350, Exempt, Due),
        (1200, State::Off, Due),
        (1500, Absent, Due),
    ];
    check_works(NO_LEAVE, &facts, 1599, &course);
    // Ended early.
    let facts = [(10, Seen(1, 10)), (200, Works(40, 200))];
    let course = [
        (10, Available, Sighting),
        (55, Exempt, Due),
        (200, State::Off, Due),
        (400, Exempt, Due),
    ];
    check_works((40, 1200), &facts, 500, &course);
}

#[test]
fn an_area_has_its_own_patience() {
    use Cause::{Due, Sighting};
    use State::{Absent, Available};
    let facts = [(0, On(1)), (0, On(2)), (10, Seen2(0, 10))];
    let course = [
        (10, Available, Sighting),
        (100, State::Off, Due),
        (610, Absent, Due),
    ];
    check(0, &facts, 1000, &course);
    // At the same moment at two places: the one with the lesser id counts, in whatever order they come.
    for both in [[Seen(0, 10), Seen2(0, 10)], [Seen2(0, 10), Seen(0, 10)]] {
        let facts = [(0, On(1)), (10, both[0]), (10, both[1])];
        check(0, &facts, 60, &[(10, Available, Sighting), (55, State::Off, Due)]);
    }
}

#[test]
fn a_tick_with_nothing_due_does_nothing() {
    let mut engine = engine();
    apply(&mut engine, 0, On(1));
    for n in 0..100 {
        engine.set_person(&who(n), Terms::default(), t(0));
        apply(&mut engine, 10, Seen(n, 10));
    }
    assert_eq!(engine.next_due(), Some(t(55)));
    assert!(engine.tick(t(54)).is_empty());
    assert_eq!(engine.tick(t(55)).len(), 100);
}

fn restarted(engine: &Engine, now: i64) -> Engine {
    Engine::restore(rules(), engine.people(), engine.cameras(), t(now))
}

/// A sighting does not come from the future.
fn not_ahead(fact: Fact, second: i64) -> Fact {
    match fact {
        Seen(n, at) => Seen(n, at.min(second)),
        Seen2(n, at) => Seen2(n, at.min(second)),
        other => other,
    }
}

fn fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        (1..3u8).prop_map(On),
        (1..3u8).prop_map(Off),
        (0..2u8, 0..2000i64).prop_map(|(n, at)| Seen(n, at)),
        (0..2u8, 0..2000i64).prop_map(|(n, at)| Seen2(n, at)),
        (0..2u8, 0..2000i64).prop_map(|(n, at)| Scanned(n, at)),
        (0..1500i64, 1..500i64).prop_map(|(from, length)| Works(from, from + length)),
    ]
}

proptest! {
    /// A restart at any moment changes neither the states nor anything that comes after.
    #[test]
    fn a_restart_changes_nothing(
        mut facts in proptest::collection::vec((0..2000i64, fact()), 0..40),
        cut in 0..40usize,
    ) {
        facts.sort_by_key(|(second, _)| *second);
        let mut through = engine();
        let mut stopped = engine();
        for (i, (second, fact)) in facts.iter().enumerate() {
            if i == cut {
                // The last thing that it did was the fact before.
                let last = i.checked_sub(1).map_or(0, |last| facts[last].0);
                stopped = restarted(&stopped, last);
                stopped.tick(t(*second));
                through.tick(t(*second));
                prop_assert_eq!(stopped.people(), through.people());
            }
            let fact = not_ahead(*fact, *second);
            prop_assert_eq!(apply(&mut through, *second, fact), apply(&mut stopped, *second, fact));
        }
        prop_assert_eq!(through.tick(t(5000)), stopped.tick(t(5000)));
        prop_assert_eq!(through.people(), stopped.people());
        prop_assert_eq!(through.cameras(), stopped.cameras());
    }

    /// The same sightings in any order, each once or twice, end in the same states.
    #[test]
    fn the_order_of_delivery_does_not_matter(
        seen in proptest::collection::vec((0..2u8, 0..600i64), 1..30),
        shuffled in any::<u64>(),
        blind in proptest::option::of((0..600i64, 0..600i64)),
    ) {
        let end = 700;
        let run = |seen: &[(u8, i64)]| {
            let mut engine = engine();
            apply(&mut engine, 0, On(1));
            if let Some((from, length)) = blind {
                apply(&mut engine, from, Off(1));
                apply(&mut engine, from + length, On(1));
            }
            engine.tick(t(end.max(1200)));
            for (n, at) in seen {
                apply(&mut engine, 1200, Seen(*n, *at));
            }
            engine.people().into_iter().map(|p| (p.id, p.state, p.last_seen)).collect::<Vec<_>>()
        };
        let mut other: Vec<(u8, i64)> = seen.iter().chain(&seen).copied().collect();
        let mut random = shuffled | 1;
        for i in (1..other.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            other.swap(i, (random >> 33) as usize % (i + 1));
        }
        prop_assert_eq!(run(&seen), run(&other));
    }

    /// Lazy queue entries never let a change slip: ticking every second gives what the facts give.
    #[test]
    fn the_queue_misses_nothing(
        mut facts in proptest::collection::vec((0..900i64, fact()), 0..30),
    ) {
        facts.sort_by_key(|(second, _)| *second);
        let mut engine = engine();
        let mut facts = facts.into_iter().peekable();
        for second in 0..1000 {
            while let Some((_, fact)) = facts.next_if(|(at, _)| *at == second) {
                let fact = not_ahead(fact, second);
                apply(&mut engine, second, fact);
            }
            engine.tick(t(second));
            for person in engine.people() {
                prop_assert_eq!(
                    engine.expected(&person.id, t(second)),
                    Some((person.state, person.exemption)),
                    "at {}", second
                );
            }
        }
    }
}

fn consequences(n: u8, facts: &[(i64, Fact)], end: i64) -> Vec<(i64, Consequence)> {
    let mut engine = engine();
    let mut decisions = Vec::new();
    for (second, fact) in facts {
        decisions.extend(apply(&mut engine, *second, *fact));
    }
    decisions.extend(engine.tick(t(end)));
    decisions
        .iter()
        .filter(|d| d.employee == who(n) && d.consequence() != Consequence::None)
        .map(|d| ((d.at - t(0)).num_seconds(), d.consequence()))
        .collect()
}

/// An absence that was raised ends when they are seen or need not be there, whatever state a break left them in.
#[test]
fn an_absence_never_outlives_a_return() {
    // The camera turns out to have failed just before they were absent; the break then begins and ends.
    let facts = [
        (0, Works(0, 1)),
        (0, On(1)),
        (10, Seen(1, 10)),
        (315, OffSince(1, 290)),
        (1010, On(1)),
        (1020, Seen(1, 1020)),
    ];
    // The first is the end of the second's leave.
    assert_eq!(
        consequences(1, &facts, 1030)[1..],
        [
            (10, Consequence::Returned),
            (310, Consequence::Raise),
            (1020, Consequence::Returned)
        ],
    );
    let ends = consequences(1, &facts[..5], 1601);
    assert_eq!(
        ends.last(),
        Some(&(1600, Consequence::Over(Exemption::OffShift))),
        "{ends:?}"
    );
}

/// Nobody is back because an older sighting came late.
#[test]
fn a_late_face_is_no_return() {
    let facts = [
        (0, On(1)),
        (10, Seen(0, 10)),
        (100, Scanned(0, 100)),
        // Absent since 400; then the camera turns out to have failed before that.
        (420, OffSince(1, 390)),
        (450, Seen(0, 90)),
    ];
    let expected = [(10, Consequence::Returned), (400, Consequence::Raise)];
    let found = consequences(0, &facts, 5000);
    let raised: Vec<_> = found
        .into_iter()
        .filter(|(at, _)| *at >= 400 || *at == 10)
        .collect();
    assert_eq!(raised, expected);
}
