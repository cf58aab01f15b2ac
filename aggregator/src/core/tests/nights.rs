//! Night shifts, and areas with thresholds of their own, from the sighting to the day.

use super::attendance::{Office, at, date};
use super::*;
use crate::attendance::State;
use crate::core::AreaPatch;

#[test]
fn what_arrives_late_of_a_night_is_held_against_its_evening() {
    let mut office = Office::new();
    let nights = r#"{"shifts": [{"name": "Malam", "days": ["mon","tue","wed","thu","fri"], "from": "22:00", "to": "06:00"}]}"#;
    let nights = serde_json::from_str(nights).expect("schedule");
    office
        .site
        .core
        .save_schedule(&admin(), "kantor", &nights)
        .expect("saved");
    office.now("2026-09-21 21:30");
    office.now("2026-09-22 07:00");
    office.seen("LEE", "2026-09-21 22:00", "2026-09-22 03:00");
    office.now("2026-09-23 13:00");
    let monday = office.row("LEE", "2026-09-21");
    assert_eq!(
        (monday.state, monday.figures.worked_s, monday.difference),
        (State::Final, 5 * 3600, false)
    );
    // The night's sightings are those of the evening and of the morning.
    let tracks = |day| {
        let tracks = office.site.core.sightings_of(&admin(), &who("LEE"), date(day));
        tracks.expect("sightings")
    };
    let night = tracks("2026-09-21");
    assert_eq!(
        (
            night.first().map(|one| one.span.from),
            night.last().map(|one| one.span.to)
        ),
        (Some(at("2026-09-21 22:00")), Some(at("2026-09-22 03:00")))
    );
    assert_eq!(tracks("2026-09-22"), []);
    // Of Tuesday's morning, which is not final, but of Monday's shift, which is.
    office.seen("LEE", "2026-09-22 03:00", "2026-09-22 06:00");
    office.now("2026-09-23 13:01");
    let monday = office.row("LEE", "2026-09-21");
    assert_eq!((monday.figures.worked_s, monday.difference), (5 * 3600, true));
    let differences = office
        .site
        .core
        .attendance_differences(&admin())
        .expect("differences");
    let worked = |row: &DifferenceRow| (row.date, row.would_be.figures.worked_s);
    assert_eq!(
        differences.iter().map(worked).collect::<Vec<_>>(),
        [(date("2026-09-21"), 8 * 3600)]
    );
}

#[test]
fn an_areas_threshold_holds_for_attendance_as_for_alerts() {
    for (absent_after_s, away) in [(120, 180), (900, 0)] {
        let mut office = Office::new();
        let patch = AreaPatch {
            absent_after_s: Some(Some(absent_after_s)),
            ..AreaPatch::default()
        };
        let area = hadir_shared::id::AreaId::new("gudang").expect("id");
        office
            .site
            .core
            .update_area(&admin(), &area, &patch)
            .expect("patched");
        office.now("2026-09-22 07:00");
        office.now("2026-09-22 18:00");
        office.seen("LEE", "2026-09-22 08:00", "2026-09-22 10:00");
        office.seen("LEE", "2026-09-22 10:03", "2026-09-22 17:00");
        let row = office.row("LEE", "2026-09-22");
        assert_eq!(
            (row.figures.away_s, row.figures.worked_s),
            (away, 8 * 3600 - away),
            "absent after {absent_after_s} s"
        );
    }
}
