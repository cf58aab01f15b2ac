//! Schedules as they are written, and what they say of a moment.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeZone as _};
use chrono_tz::Tz;

use super::Exemption::{Excused, OffShift, OnBreak, OnLeave};
use super::*;

const JAKARTA: Tz = Tz::Asia__Jakarta;

/// Monday to Friday 08:00–17:00 with a lunch break; nights from Saturday to Sunday.
const WEEK: &str = r#"{"shifts": [
    {"name": "Pagi", "days": ["mon","tue","wed","thu","fri"], "from": "08:00", "to": "17:00",
     "breaks": [{"from": "12:00", "to": "13:00"}]},
    {"name": "Malam", "days": ["sat"], "from": "22:00", "to": "06:00", "breaks": [{"from": "02:00", "to": "02:30"}]}]}"#;

fn parse(text: &str) -> Result<Schedule, String> {
    let schedule: Schedule = serde_json::from_str(text).map_err(|error| error.to_string())?;
    schedule.check().map_err(|problem| problem.to_string())?;
    Ok(schedule)
}

fn calendar(text: &str, zone: Tz, holidays: &[&str]) -> Calendar {
    let holidays: BTreeSet<NaiveDate> = holidays.iter().map(|day| day.parse().expect("date")).collect();
    Calendar::new(parse(text).expect("schedule"), zone, Arc::new(holidays))
}

/// Milliseconds of a local time in a zone.
fn at(zone: Tz, local: &str) -> i64 {
    let local = chrono::NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M").expect("time");
    zone.from_local_datetime(&local)
        .earliest()
        .expect("exists")
        .timestamp_millis()
}

/// What holds, and from when to when, in local time.
fn told(phase: &Phase, zone: Tz) -> (Option<Exemption>, String, String) {
    let local = |ms| {
        let at = DateTime::from_timestamp_millis(ms)
            .expect("time")
            .with_timezone(&zone);
        at.format("%m-%d %H:%M").to_string()
    };
    let exemption = match phase.standing {
        Standing::Exempt(why) => Some(why),
        Standing::OnDuty { .. } => None,
    };
    (exemption, local(phase.from), local(phase.until))
}

#[track_caller]
fn check(calendar: &Calendar, zone: Tz, local: &str, expected: (Option<Exemption>, &str, &str)) {
    let (exemption, from, until) = told(&calendar.phase(at(zone, local)), zone);
    assert_eq!((exemption, from.as_str(), until.as_str()), expected, "{local}");
}

#[test]
fn a_week_with_a_holiday() {
    // 2026-11-24 is a Tuesday; Wednesday is a holiday.
    let week = calendar(WEEK, JAKARTA, &["2026-11-25"]);
    check(
        &week,
        JAKARTA,
        "2026-11-24 07:59",
        (Some(OffShift), "11-23 17:00", "11-24 08:00"),
    );
    check(
        &week,
        JAKARTA,
        "2026-11-24 08:00",
        (None, "11-24 08:00", "11-24 12:00"),
    );
    check(
        &week,
        JAKARTA,
        "2026-11-24 12:00",
        (Some(OnBreak), "11-24 12:00", "11-24 13:00"),
    );
    check(
        &week,
        JAKARTA,
        "2026-11-24 13:00",
        (None, "11-24 13:00", "11-24 17:00"),
    );
    check(
        &week,
        JAKARTA,
        "2026-11-24 17:00",
        (Some(OffShift), "11-24 17:00", "11-26 08:00"),
    );
    check(
        &week,
        JAKARTA,
        "2026-11-29 00:30",
        (None, "11-28 22:00", "11-29 02:00"),
    );
    check(
        &week,
        JAKARTA,
        "2026-11-29 02:10",
        (Some(OnBreak), "11-29 02:00", "11-29 02:30"),
    );
    check(
        &week,
        JAKARTA,
        "2026-11-29 05:59",
        (None, "11-29 02:30", "11-29 06:00"),
    );
    // A night that begins before a holiday is worked to its end; one that begins on it is not.
    let sunday = calendar(WEEK, JAKARTA, &["2026-11-29"]);
    check(
        &sunday,
        JAKARTA,
        "2026-11-29 00:30",
        (None, "11-28 22:00", "11-29 02:00"),
    );
    let saturday = calendar(WEEK, JAKARTA, &["2026-11-28"]);
    check(
        &saturday,
        JAKARTA,
        "2026-11-29 00:30",
        (Some(OffShift), "11-29 00:30", "11-30 08:00"),
    );
    let guards = WEEK.replacen('{', r#"{"holidays": "worked", "#, 1);
    let guards = calendar(&guards, JAKARTA, &["2026-11-25"]);
    check(
        &guards,
        JAKARTA,
        "2026-11-25 09:00",
        (None, "11-25 08:00", "11-25 12:00"),
    );
}

#[test]
fn zones_and_changes_of_the_clock() {
    let east = WEEK.replacen('{', r#"{"timezone": "Asia/Jayapura", "#, 1);
    let east = calendar(&east, JAKARTA, &[]);
    check(
        &east,
        JAKARTA,
        "2026-11-24 06:00",
        (None, "11-24 06:00", "11-24 10:00"),
    );
    // Berlin skips 02:00–03:00 on 2026-03-29 and has it twice on 2026-10-25, both Sundays.
    let berlin = Tz::Europe__Berlin;
    let nights = calendar(WEEK, berlin, &[]);
    let window = |date: &str| nights.windows(date.parse().expect("date")).remove(0);
    let hours = |window: Window| (window.to - window.from) / 3_600_000;
    assert_eq!(
        [
            hours(window("2026-03-28")),
            hours(window("2026-10-24")),
            hours(window("2026-11-28"))
        ],
        [7, 9, 8]
    );
    assert_eq!(
        window("2026-03-28").breaks,
        [],
        "02:00–02:30 is not there that night"
    );
}

#[test]
fn exceptions_begin_anew_when_they_end() {
    let week = calendar(WEEK, JAKARTA, &[]);
    let jakarta = |local| at(JAKARTA, local);
    let exceptions = [
        Exception {
            kind: Excused,
            from: jakarta("2026-11-24 09:00"),
            to: jakarta("2026-11-24 10:00"),
        },
        Exception {
            kind: OnLeave,
            from: jakarta("2026-11-24 15:00"),
            to: jakarta("2026-11-26 00:00"),
        },
    ];
    let phase = |local| {
        let now = jakarta(local);
        week.phase(now).except(&exceptions, now)
    };
    assert_eq!(
        told(&phase("2026-11-24 08:30"), JAKARTA),
        (None, "11-24 08:00".into(), "11-24 09:00".into())
    );
    assert_eq!(
        told(&phase("2026-11-24 09:30"), JAKARTA),
        (Some(Excused), "11-24 09:00".into(), "11-24 10:00".into())
    );
    let resumed = phase("2026-11-24 13:30");
    assert_eq!(
        told(&resumed, JAKARTA),
        (None, "11-24 13:00".into(), "11-24 15:00".into())
    );
    let Standing::OnDuty { before, .. } = resumed.standing else {
        panic!("on duty")
    };
    assert_eq!(
        before,
        [(jakarta("2026-11-24 10:00"), jakarta("2026-11-24 12:00"))]
    );
    assert_eq!(told(&phase("2026-11-25 09:00"), JAKARTA).0, Some(OnLeave));
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let one = |shift: &str| format!(r#"{{"shifts": [{shift}]}}"#);
    for (text, says) in [
        (
            one(r#"{"name": "A", "days": [], "from": "08:00", "to": "09:00"}"#),
            "on no day",
        ),
        (
            one(r#"{"name": " ", "days": ["mon"], "from": "08:00", "to": "09:00"}"#),
            "name",
        ),
        (
            one(r#"{"name": "A", "days": ["monday"], "from": "08:00", "to": "09:00"}"#),
            "`monday` is no day",
        ),
        (
            one(r#"{"name": "A", "days": ["mon"], "from": "8", "to": "09:00"}"#),
            "`8` is no time",
        ),
        (
            one(
                r#"{"name": "A", "days": ["mon"], "from": "08:00", "to": "12:00", "breaks": [{"from": "11:30", "to": "12:30"}]}"#,
            ),
            "11:30–12:30 does not lie inside the shift A",
        ),
        (
            one(r#"{"name": "A", "days": ["mon"], "from": "08:00", "to": "17:00",
                "breaks": [{"from": "11:00", "to": "12:00"}, {"from": "11:30", "to": "12:30"}]}"#),
            "overlaps another",
        ),
        (
            one(
                r#"{"name": "A", "days": ["mon"], "from": "08:00", "to": "17:00", "breaks": [{"from": "11:00", "to": "11:00"}]}"#,
            ),
            "no length",
        ),
        (
            one(
                r#"{"name": "A", "days": ["sun"], "from": "22:00", "to": "06:00"}, {"name": "B", "days": ["mon"], "from": "05:00", "to": "09:00"}"#,
            ),
            "A and B overlap",
        ),
        (
            one(
                r#"{"name": "A", "days": ["mon"], "from": "08:00", "to": "12:00"}, {"name": "A", "days": ["mon"], "from": "11:00", "to": "13:00"}"#,
            ),
            "begins again",
        ),
        (r#"{"shifts": []}"#.into(), "1 to"),
        (r#"{"timezone": "Mars", "shifts": []}"#.into(), "Mars"),
    ] {
        let refused = parse(&text).expect_err(&text);
        assert!(refused.contains(says), "{refused}");
    }
    // A day and night without a pause is one shift of 24 hours, seven times a week.
    let always = one(
        r#"{"name": "A", "days": ["mon","tue","wed","thu","fri","sat","sun"], "from": "08:00", "to": "08:00"}"#,
    );
    let always = parse(&always).expect("fits exactly");
    assert_eq!(parse(&serde_json::to_string(&always).expect("JSON")), Ok(always));
}
