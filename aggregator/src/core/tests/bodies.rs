//! Whoever is known by their body: on the page, in the evidence, and what HR lets it count for.

use super::attendance::{Office, at, date};
use super::*;
use crate::core::types::{BodyPresence, BodyPresencePatch};

const WORKED: BodyPresencePatch = BodyPresencePatch {
    count_as_worked: Some(false),
    hold_off_absence: None,
};
const ABSENCE: BodyPresencePatch = BodyPresencePatch {
    count_as_worked: None,
    hold_off_absence: Some(false),
};

/// LEE's face was seen at `face`, their body until `second`.
fn by_body(seq: u64, face: i64, second: i64) -> Sighting {
    Sighting {
        first_at: t(face),
        basis: Basis::Body,
        verified_at: Some(t(face)),
        ..seen(seq, "LEE", second)
    }
}

/// LEE turns round after ten seconds and stays for ten minutes.
fn turns_round(site: &mut Site) {
    site.take(vec![seen(1, "LEE", 10)]);
    for minute in 1..=10 {
        site.until(60 * minute);
        site.take(vec![by_body(minute as u64 + 1, 10, 60 * minute)]);
    }
}

#[test]
fn whoever_turns_their_back_stays_and_the_row_says_when_the_face_was_seen() {
    let mut site = Site::new();
    turns_round(&mut site);
    let row = site.row("LEE");
    assert_eq!((row.state, row.basis), (types::State::Available, Basis::Body));
    assert_eq!((row.last_seen, row.verified_at), (Some(t(600)), Some(t(10))));
    site.take(vec![seen(20, "LEE", 605)]);
    let row = site.row("LEE");
    assert_eq!((row.basis, row.verified_at), (Basis::Face, Some(t(605))));
    assert!(site.alerts().is_empty());
}

#[test]
fn where_hr_says_so_a_body_holds_off_no_absence() {
    let mut site = Site::new();
    assert_eq!(site.core.body_presence().expect("read"), BodyPresence::default());
    let set = site.core.set_body_presence(&admin(), ABSENCE).expect("set");
    assert_eq!((set.count_as_worked, set.hold_off_absence), (true, false));
    turns_round(&mut site);
    assert_eq!(site.state("LEE"), types::State::Absent);
    assert_eq!(site.alerts().len(), 1);
    // Also over a restart, right after the face was seen.
    site.take(vec![seen(20, "LEE", 601)]);
    assert_eq!(site.state("LEE"), types::State::Available);
    site.until(620);
    site.take(vec![by_body(21, 601, 620)]);
    site.restart();
    site.status(true);
    site.until(601 + 59);
    site.take(vec![by_body(22, 601, 601 + 59)]);
    site.until(601 + 61);
    assert_eq!(site.state("LEE"), types::State::Off);
    let supervisor = Viewer {
        role: Role::Supervisor,
        ..admin()
    };
    assert!(site.core.set_body_presence(&supervisor, ABSENCE).is_err());
}

#[test]
fn a_day_tells_what_was_by_body_and_counts_it_as_hr_says() {
    const DAY: &str = "2026-09-22";
    let mut office = Office::new();
    office.now("2026-09-22 07:00");
    office.now("2026-09-22 18:00");
    office.seen("LEE", "2026-09-22 07:55", "2026-09-22 09:00");
    // The back from nine to eleven, then the face.
    for time in ["09:30", "10:00", "10:40", "11:00"] {
        office.seen_by_body(
            "LEE",
            "2026-09-22 07:55",
            "2026-09-22 09:00",
            &format!("2026-09-22 {time}"),
        );
    }
    office.seen("LEE", "2026-09-22 11:00", "2026-09-22 17:04");
    let day = |office: &Office| {
        let day = office.site.core.attendance_day(&admin(), &who("LEE"), date(DAY));
        day.expect("day")
    };
    let eight = 8 * 3600;
    let before = day(&office);
    assert_eq!(before.row.figures.worked_s, eight);
    let spans: Vec<_> = before.seen.iter().flat_map(|seen| &seen.by_body).collect();
    assert_eq!(spans.len(), 1);
    assert_eq!(
        (spans[0].from, spans[0].to),
        (at("2026-09-22 09:00"), at("2026-09-22 11:00"))
    );
    let set = office.site.core.set_body_presence(&admin(), WORKED);
    set.expect("set");
    let after = day(&office);
    assert_eq!(after.row.figures.worked_s, eight - 2 * 3600);
    assert_eq!(after.row.figures.away_s, 2 * 3600);
    assert_eq!(after.seen, before.seen, "the evidence is the same");
    let report = office.report(Of::Everybody, DAY, DAY).expect("report");
    let row = report
        .days
        .iter()
        .find(|row| row.employee == who("LEE"))
        .expect("LEE");
    assert_eq!(row.figures.worked_s, eight - 2 * 3600, "reports count alike");
    // And it stays in the evidence of a final day.
    office.now("2026-09-25 07:00");
    let last = day(&office);
    assert_eq!((last.seen, last.row.figures.away_s), (before.seen, 2 * 3600));
}
