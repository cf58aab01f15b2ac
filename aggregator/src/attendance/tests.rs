//! What holds of every day, whatever was seen.

use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Asia::Jakarta;
use hadir_shared::id::{AreaId, CameraId};
use proptest::prelude::*;

use super::*;
use crate::schedule::{Calendar, Exemption, Schedule, midnight};

const DAY: i64 = 86_400_000;

fn monday() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 23).expect("date")
}

fn begins(date: NaiveDate) -> i64 {
    midnight(Jakarta, date).expect("midnight").timestamp_millis()
}

fn calendars() -> Vec<Option<Calendar>> {
    let schedules = [
        r#"{"shifts": [{"name": "a", "days": ["mon","tue","wed","thu","fri"], "from": "08:00", "to": "17:00",
            "breaks": [{"from": "12:00", "to": "13:00"}]}]}"#,
        r#"{"shifts": [{"name": "a", "days": ["mon","tue","wed"], "from": "22:00", "to": "06:00",
            "breaks": [{"from": "02:00", "to": "02:30"}]}]}"#,
        r#"{"shifts": [{"name": "a", "days": ["mon","wed"], "from": "06:00", "to": "14:00"},
            {"name": "b", "days": ["mon","tue"], "from": "14:00", "to": "22:00"}],
            "rules": {"late_grace_min": 0, "overtime_after_min": 0, "absent_below_percent": 10}}"#,
    ];
    let of = |text: &&str| {
        let schedule: Schedule = serde_json::from_str(text).expect("schedule");
        schedule.check().expect("sense");
        Some(Calendar::new(schedule, Jakarta, Arc::default()))
    };
    schedules.iter().map(of).chain([None]).collect()
}

fn neighbours(calendar: Option<&Calendar>) -> Neighbours {
    (-2..=4)
        .map(|days| monday() + TimeDelta::days(days))
        .map(|date| {
            (
                date,
                calendar.map_or(Vec::new(), |calendar| planned(calendar, date)),
            )
        })
        .collect()
}

/// Stretches in order, five minutes apart at least.
fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
    prop::collection::vec((300..20_000i64, 0..40_000i64, 0..3u8, 1..8u8), 0..20).prop_map(|all| {
        let mut at = begins(monday());
        let camera = |number: u8| CameraId::new(format!("cam{number}")).expect("camera");
        all.into_iter()
            .map(|(gap, length, number, methods)| {
                let from = at + gap * 1000;
                at = from + length * 1000;
                Stretch {
                    from,
                    to: at,
                    first_camera: camera(number),
                    last_camera: camera(2 - number),
                    methods: Methods::from_bits(methods),
                }
            })
            .take_while(|stretch| stretch.to < begins(monday()) + 3 * DAY)
            .collect()
    })
}

fn blind() -> impl Strategy<Value = Vec<Span>> {
    prop::collection::vec((0..3 * DAY, 0..DAY / 4), 0..4).prop_map(|all| {
        let from = begins(monday());
        spans::union(
            all.into_iter()
                .map(|(at, long)| (from + at, from + at + long))
                .collect(),
        )
    })
}

proptest! {
    #[test]
    fn every_second_of_presence_is_of_one_day(
        stretches in stretches(), which in 0..4usize, threshold in 0..3_600_000i64,
    ) {
        let joined = |gone: &Stretch, back: &Stretch| back.from - gone.to <= threshold;
        let calendar = calendars().swap_remove(which);
        let days = assign(Clock(Jakarta), &neighbours(calendar.as_ref()), &stretches, joined);
        let mut pieces: Vec<Span> = days.values().flatten().map(|p| (p.stretch.from, p.stretch.to)).collect();
        pieces.sort_unstable();
        for pair in pieces.windows(2) {
            prop_assert!(pair[0].1 <= pair[1].0, "{pair:?} overlap");
        }
        let seen = stretches.iter().map(|stretch| (stretch.from, stretch.to));
        prop_assert_eq!(spans::length(pieces.iter().copied()), spans::length(seen.clone()));
        prop_assert_eq!(spans::union(pieces), spans::union(seen.collect()));
    }

    #[test]
    fn the_figures_of_a_day_add_up(
        stretches in stretches(), blind in blind(), which in 0..4usize, off in 0..3i64,
        leave in prop::option::of((0..DAY, 0..DAY)), now in prop::option::of(0..2 * DAY),
        own in prop::option::of(60_000..3_600_000i64),
    ) {
        let calendar = calendars().swap_remove(which);
        let date = monday() + TimeDelta::days(off);
        let exceptions: Vec<Exception> = leave
            .map(|(from, long)| (begins(date) + from, begins(date) + from + long))
            .filter(|(from, to)| from < to)
            .map(|(from, to)| Exception { kind: Exemption::OnLeave, from, to })
            .into_iter()
            .collect();
        let area = |number: u8| AreaId::new(format!("area{number}")).expect("area");
        let own: BTreeMap<AreaId, i64> = own.map(|after| (area(1), after)).into_iter().collect();
        let plan = plan(calendar.as_ref(), date, None, &exceptions, (300_000, own.clone()));
        let now = begins(date) + now.unwrap_or(4 * DAY);
        let seen: Vec<Stretch> = stretches
            .into_iter()
            .filter(|stretch| stretch.from < now)
            .map(|stretch| Stretch { to: stretch.to.min(now), ..stretch })
            .collect();
        let mut days = assign(Clock(Jakarta), &neighbours(calendar.as_ref()), &seen, |gone, back| back.from - gone.to <= 300_000);
        let pieces = days.remove(&date).unwrap_or_default();
        let always = (begins(monday()) - 4 * DAY, begins(monday()) + 8 * DAY);
        let watched = spans::without(&[always], &blind);
        let cameras = ["cam0", "cam1", "cam2"].map(|id| CameraId::new(id).expect("camera"));
        let watch = Watch::new([(cameras[0].clone(), watched.clone()), (cameras[1].clone(), vec![always])]);
        let any = watch.any(&cameras);
        let areas = cameras.iter().zip(0..).map(|(camera, number)| (camera.clone(), area(number))).collect();
        let facts = Facts { date, plan: &plan, pieces: &pieces, watch: &watch, any: &any, areas: &areas, now };
        let one = day(&facts);
        prop_assert_eq!(&one, &day(&facts));
        let figures = one.outcome.figures;
        for figure in [
            figures.planned_s, figures.worked_s, figures.break_s, figures.away_s, figures.late_s,
            figures.early_leave_s, figures.overtime_s, figures.unobserved_s, figures.leave_s,
        ] {
            prop_assert!(figure >= 0);
        }
        if plan.kind == Kind::Workday {
            // Rounded down, each part by less than a second.
            let parts = figures.worked_s + figures.away_s + figures.late_s + figures.early_leave_s;
            prop_assert!(parts <= figures.planned_s, "{figures:?}");
            prop_assert!(figures.unobserved_s <= figures.planned_s);
        }
        let there = spans::length(pieces.iter().map(|piece| (piece.stretch.from, piece.stretch.to)));
        let by_badge = pieces.iter().all(|piece| !piece.stretch.methods.face());
        if plan.kind == Kind::RestDay && !by_badge {
            prop_assert!(figures.overtime_s <= there / 1000 && figures.worked_s == 0);
        }
        prop_assert_eq!(one.outcome.first_in.is_some(), !pieces.is_empty());
        // Whoever was there all the time is nothing but present.
        let full = one.shifts.iter().all(|shift| shift.status == Status::Present);
        if full && figures.worked_s == figures.planned_s && plan.kind == Kind::Workday && figures.planned_s > 0 {
            prop_assert_eq!(one.outcome.status, Status::Present);
        }
    }
}
