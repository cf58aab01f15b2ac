//! Leaves and attendance: nights that are off, and sick notes that come late.

use super::attendance::{Office, at, date};
use super::*;
use crate::attendance::Status;
use crate::core::types::Decision;

const NIGHTS: &str = r#"{"shifts": [{"name": "Malam", "days": ["mon","tue","wed","thu","fri"], "from": "22:00",
    "to": "06:00"}]}"#;

fn leave(from: When, to: When) -> NewLeave {
    NewLeave {
        employee: "LEE".into(),
        from,
        to,
        reason: "Sakit".into(),
        deputy: None,
    }
}

fn day(text: &str) -> When {
    When::Day(date(text))
}

#[test]
fn a_leave_in_days_is_of_the_shifts_that_begin_on_them() {
    let mut office = Office::new();
    let nights = serde_json::from_str(NIGHTS).expect("schedule");
    office
        .site
        .core
        .save_schedule(&admin(), "kantor", &nights)
        .expect("saved");
    office.now("2026-09-21 21:30");
    let tuesday = leave(day("2026-09-22"), day("2026-09-22"));
    let made = office
        .site
        .core
        .add_leave(&admin(), &tuesday)
        .expect("registered");
    assert_eq!(
        (made.from, made.to),
        (at("2026-09-22 06:00"), at("2026-09-23 06:00"))
    );
    office.now("2026-09-22 07:00");
    office.seen("LEE", "2026-09-21 21:55", "2026-09-22 06:01");
    office.now("2026-09-23 07:00");
    office.now("2026-09-24 07:00");
    office.seen("LEE", "2026-09-23 22:00", "2026-09-24 06:00");
    let figures = |day| {
        let row = office.row("LEE", day);
        let hours = |seconds| seconds / 3600;
        (
            row.status,
            hours(row.figures.planned_s),
            hours(row.figures.worked_s),
            hours(row.figures.leave_s),
        )
    };
    assert_eq!(
        figures("2026-09-21"),
        (Status::Present, 8, 8, 0),
        "the night before"
    );
    assert_eq!(
        figures("2026-09-22"),
        (Status::OnLeave, 0, 0, 8),
        "the night that is off"
    );
    assert_eq!(
        figures("2026-09-23"),
        (Status::Present, 8, 8, 0),
        "the night behind it"
    );
}

#[test]
fn a_sick_note_that_comes_late_flags_final_days_and_changes_others() {
    let office = Office::new();
    for day in ["22", "23", "24"] {
        office.now(&format!("2026-09-{day} 07:00"));
    }
    office.now("2026-09-24 13:00");
    let status = |day| {
        let row = office.row("LEE", day);
        (row.status, row.state, row.difference)
    };
    use crate::attendance::State::{Corrected, Final, Provisional};
    assert_eq!(status("2026-09-22"), (Status::Absent, Final, false));
    let sick = leave(day("2026-09-22"), day("2026-09-23"));
    let made = office.site.core.add_leave(&admin(), &sick).expect("registered");
    office.now("2026-09-24 13:01");
    assert_eq!(
        status("2026-09-22"),
        (Status::Absent, Final, true),
        "nothing changes by itself"
    );
    assert_eq!(status("2026-09-23"), (Status::OnLeave, Provisional, false));
    let differences = office
        .site
        .core
        .attendance_differences(&admin())
        .expect("differences");
    assert_eq!(differences[0].would_be.status, Status::OnLeave);

    // A mistake: taken back, and nothing is left of it.
    let leaves = |since| office.site.core.leaves(&admin(), since).expect("leaves");
    assert_eq!(leaves(None), []);
    assert_eq!(leaves(Some(date("2026-09-20"))), std::slice::from_ref(&made));
    office
        .site
        .core
        .end_leave(&admin(), made.id, Ending::TakenBack)
        .expect("taken back");
    office.now("2026-09-24 13:02");
    assert_eq!(status("2026-09-22"), (Status::Absent, Final, false));
    assert_eq!(status("2026-09-23"), (Status::Absent, Provisional, false));

    // None: HR takes what the note says.
    office.site.core.add_leave(&admin(), &sick).expect("registered");
    office.now("2026-09-24 13:03");
    office
        .decides_on("LEE", "2026-09-22", Decision::Accepted, None)
        .expect("accepted");
    assert_eq!(status("2026-09-22"), (Status::OnLeave, Corrected, false));
    let long_ago = leave(day("2026-08-03"), day("2026-08-04"));
    let refused = office
        .site
        .core
        .add_leave(&admin(), &long_ago)
        .expect_err("too late");
    assert_eq!(refused.field, Some("from"));
    assert!(refused.message.en().contains("correct"), "{refused}");
}

/// By the shifts that were planned then, not by those of now.
#[test]
fn a_late_leave_follows_the_shifts_of_its_days() {
    let office = Office::new();
    let schedule = |text: &str| {
        let schedule = serde_json::from_str(text).expect("schedule");
        office
            .site
            .core
            .save_schedule(&admin(), "kantor", &schedule)
            .expect("saved");
    };
    schedule(NIGHTS);
    for day in ["2026-09-23 21:30", "2026-09-24 21:30", "2026-09-25 07:00"] {
        office.now(day);
    }
    schedule(
        r#"{"shifts": [{"name": "Siang", "days": ["mon","tue","wed","thu","fri"], "from": "08:00", "to": "17:00"}]}"#,
    );
    let thursday = leave(day("2026-09-24"), day("2026-09-24"));
    let made = office
        .site
        .core
        .add_leave(&admin(), &thursday)
        .expect("registered");
    assert_eq!(
        (made.from, made.to),
        (at("2026-09-24 06:00"), at("2026-09-25 06:00"))
    );
}
