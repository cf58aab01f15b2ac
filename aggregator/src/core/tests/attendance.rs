//! Attendance: days are planned, become final, and change by HR alone.

use chrono::NaiveDate;

use super::*;
use crate::attendance::{State, Status};
use crate::core::types::{CorrectionBody, Decision, NewDecision};
use crate::schedule::local_moment;

/// Tuesday.
const DAY: &str = "2026-09-22";

pub(super) fn date(text: &str) -> NaiveDate {
    text.parse().expect("date")
}

/// A moment in Jakarta: `2026-09-22 08:00`.
pub(super) fn at(text: &str) -> chrono::DateTime<chrono::Utc> {
    let (day, time) = text.split_once(' ').expect("day and time");
    let (hour, minute) = time.split_once(':').expect("hour and minute");
    let minute = hour.parse::<i64>().expect("hour") * 60 + minute.parse::<i64>().expect("minute");
    local_moment(chrono_tz::Asia::Jakarta, date(day), minute).expect("moment")
}

pub(super) struct Office {
    pub(super) site: Site,
    seq: u64,
}

impl Office {
    /// LEE works in the office, and the camera has watched for a month.
    pub(super) fn new() -> Self {
        let site = Site::new();
        let store = rusqlite::Connection::open(site.folder.path().join("hadir.sqlite")).expect("store");
        let sql = "insert into camera_watch (camera, from_at, to_at) values ('cam-1', ?1, ?2)";
        let from = t(-86_400 * 3).timestamp_millis();
        store
            .execute(sql, [from, t(86_400 * 30).timestamp_millis()])
            .expect("watch");
        let schedule = r#"{"shifts": [{"name": "Kantor", "days": ["mon","tue","wed","thu","fri"], "from": "08:00",
            "to": "17:00", "breaks": [{"from": "12:00", "to": "13:00"}]}]}"#;
        let schedule = serde_json::from_str(schedule).expect("schedule");
        site.core
            .save_schedule(&admin(), "kantor", &schedule)
            .expect("saved");
        let patch = EmployeePatch {
            schedule: Some(Some("kantor".into())),
            ..EmployeePatch::default()
        };
        site.core
            .update_employee(&admin(), &who("LEE"), patch)
            .expect("patched");
        Self { site, seq: 0 }
    }

    pub(super) fn now(&self, text: &str) {
        self.site.clock.set(at(text));
        // Work is done in portions.
        for _ in 0..5 {
            self.site.core.tick().expect("tick");
        }
    }

    pub(super) fn seen(&mut self, employee: &str, from: &str, to: &str) {
        self.seq += 1;
        let sighting = Sighting {
            first_at: at(from),
            last_at: at(to),
            ..seen(self.seq, employee, 0)
        };
        assert!(self.site.take(vec![sighting]).is_some());
    }

    /// Their face was seen from `from` to `face`, their body until `to`.
    pub(super) fn seen_by_body(&mut self, employee: &str, from: &str, face: &str, to: &str) {
        self.seq += 1;
        let sighting = Sighting {
            first_at: at(from),
            last_at: at(to),
            basis: Basis::Body,
            verified_at: Some(at(face)),
            ..seen(self.seq, employee, 0)
        };
        assert!(self.site.take(vec![sighting]).is_some());
    }

    pub(super) fn row(&self, employee: &str, day: &str) -> AttendanceRow {
        self.site
            .core
            .attendance_day(&admin(), &who(employee), date(day))
            .expect("day")
            .row
    }

    pub(super) fn report(&self, of: Of, from: &str, to: &str) -> Result<AttendanceReport> {
        let query = AttendanceQuery {
            from: date(from),
            to: date(to),
            of,
        };
        self.site.core.attendance(&admin(), &query)
    }

    fn decides(&self, what: Decision, correction: Option<CorrectionBody>) -> Result<AttendanceDay> {
        self.decides_on("LEE", DAY, what, correction)
    }

    pub(super) fn decides_on(
        &self,
        employee: &str,
        day: &str,
        what: Decision,
        correction: Option<CorrectionBody>,
    ) -> Result<AttendanceDay> {
        let new = NewDecision {
            what,
            reason: "seperti disepakati".into(),
            correction,
        };
        self.site
            .core
            .decide_attendance(&admin(), &who(employee), date(day), &new)
    }

    /// Tuesday, with LEE from 7:55 to 17:04.
    pub(super) fn tuesday(&mut self) {
        self.now("2026-09-22 07:00");
        self.now("2026-09-22 18:00");
        self.seen("LEE", "2026-09-22 07:55", "2026-09-22 12:02");
        self.seen("LEE", "2026-09-22 12:57", "2026-09-22 17:04");
    }
}

fn worked(row: &AttendanceRow) -> (State, Status, i64, i64) {
    (
        row.state,
        row.status,
        row.figures.worked_s,
        row.figures.overtime_s,
    )
}

#[test]
fn a_day_is_planned_worked_out_and_final() {
    let mut office = Office::new();
    office.now("2026-09-22 07:00");
    assert_eq!(
        worked(&office.row("LEE", DAY)),
        (State::Provisional, Status::Pending, 0, 0)
    );
    office.tuesday();
    let eight = 8 * 3600;
    assert_eq!(
        worked(&office.row("LEE", DAY)),
        (State::Provisional, Status::Present, eight, 0)
    );
    let report = office.report(Of::Everybody, DAY, DAY).expect("report");
    assert_eq!(report.people.len(), 4);
    assert_eq!(
        (report.totals.present, report.totals.figures.worked_s),
        (1, eight)
    );
    let teams: Vec<_> = report
        .people
        .iter()
        .map(|p| (p.name.as_str(), p.team_name.as_deref()))
        .collect();
    assert_eq!(
        teams,
        [
            ("Ibu Hana", None),
            ("Sari", Some("Budi")),
            ("Budi", Some("Ibu Hana")),
            ("Lee Min", Some("Sari"))
        ]
    );
    // A schedule that changes on Wednesday changes Wednesday.
    office.now("2026-09-23 09:00");
    let other = r#"{"shifts": [{"name": "Pendek", "days": ["mon","tue","wed","thu","fri"], "from": "08:00", "to": "10:00"}]}"#;
    let other = serde_json::from_str(other).expect("schedule");
    office
        .site
        .core
        .save_schedule(&admin(), "kantor", &other)
        .expect("saved");
    office.now("2026-09-23 09:01");
    assert_eq!(office.row("LEE", DAY).figures.planned_s, eight);
    assert_eq!(office.row("LEE", "2026-09-23").figures.planned_s, 2 * 3600);
    // Noon of the day after the next.
    office.now("2026-09-24 11:59");
    assert_eq!(office.row("LEE", DAY).state, State::Provisional);
    office.now("2026-09-24 12:00");
    assert_eq!(
        worked(&office.row("LEE", DAY)),
        (State::Final, Status::Present, eight, 0)
    );
    // Its evidence stays, whatever is forgotten.
    let store = rusqlite::Connection::open(office.site.folder.path().join("hadir.sqlite")).expect("store");
    store.execute("delete from sighting", []).expect("deleted");
    store.execute("delete from attendance", []).expect("deleted");
    office.site.restart();
    let day = office
        .site
        .core
        .attendance_day(&admin(), &who("LEE"), date(DAY))
        .expect("day");
    assert_eq!(
        (
            day.seen.len(),
            day.shifts.len(),
            day.shifts[0].came.figures.worked_s
        ),
        (2, 1, eight)
    );
    assert_eq!(day.seen[0].span.from, at("2026-09-22 07:55"));
    let settled = office.report(Of::Everybody, DAY, DAY).expect("report").totals;
    assert_eq!((report.totals.provisional, settled.provisional), (4, 0));
    let provisional = report.totals.provisional;
    assert_eq!(
        Totals {
            provisional,
            ..settled
        },
        report.totals,
        "the same figures"
    );
    assert_eq!(office.site.core.check().expect("check"), Vec::<String>::new());
}

#[test]
fn what_arrives_for_a_final_day_changes_nothing_silently() {
    let mut office = Office::new();
    office.tuesday();
    office.now("2026-09-24 12:00");
    office.seen("LEE", "2026-09-22 17:05", "2026-09-22 18:04");
    office.now("2026-09-24 12:01");
    let eight = 8 * 3600;
    let row = office.row("LEE", DAY);
    assert_eq!(
        (worked(&row), row.difference),
        ((State::Final, Status::Present, eight, 0), true)
    );
    let differences = office
        .site
        .core
        .attendance_differences(&admin())
        .expect("differences");
    assert_eq!(differences.len(), 1);
    assert_eq!(
        (
            differences[0].is.figures.overtime_s,
            differences[0].would_be.figures.overtime_s
        ),
        (0, 3840)
    );
    // HR leaves it: the same is not asked again.
    let day = office.decides(Decision::Dismissed, None).expect("dismissed");
    assert!(!day.row.difference && day.would_be.is_none());
    assert_eq!(
        office
            .site
            .core
            .attendance_differences(&admin())
            .expect("differences"),
        []
    );
    assert_eq!(
        office.decides(Decision::Accepted, None).expect_err("none").kind,
        ErrorKind::Conflict
    );
    // More arrives, and HR takes it over.
    office.seen("LEE", "2026-09-22 18:05", "2026-09-22 19:04");
    office.now("2026-09-24 12:02");
    let day = office.decides(Decision::Accepted, None).expect("accepted");
    assert_eq!(worked(&day.row), (State::Corrected, Status::Present, eight, 7440));
    let decisions: Vec<_> = day.decisions.iter().map(|d| (d.what, d.who.as_str())).collect();
    assert_eq!(
        decisions,
        [(Decision::Dismissed, "test"), (Decision::Accepted, "test")]
    );
    assert_eq!(
        day.decisions[1].before.map(|before| before.figures.overtime_s),
        Some(0)
    );
    // A repeated delivery is no difference.
    office.now("2026-09-24 12:03");
    assert_eq!(
        office
            .site
            .core
            .attendance_differences(&admin())
            .expect("differences"),
        []
    );
}

#[test]
fn hr_corrects_before_and_after_the_close() {
    let mut office = Office::new();
    office.now("2026-09-22 07:00");
    office.now("2026-09-22 18:00");
    office.seen("LEE", "2026-09-22 09:00", "2026-09-22 17:00");
    assert_eq!(office.row("LEE", DAY).figures.late_s, 3600);
    let came = |text: &str| {
        Some(CorrectionBody {
            first_in: Some(at(text)),
            ..CorrectionBody::default()
        })
    };
    let day = office
        .decides(Decision::Corrected, came("2026-09-22 08:00"))
        .expect("corrected");
    assert_eq!(worked(&day.row), (State::Corrected, Status::Present, 8 * 3600, 0));
    assert_eq!(day.row.figures.late_s, 0);
    office.now("2026-09-24 12:00");
    assert_eq!(
        worked(&office.row("LEE", DAY)),
        (State::Corrected, Status::Present, 8 * 3600, 0)
    );
    let day = office.decides(Decision::Withdrawn, None).expect("withdrawn");
    assert_eq!(
        (worked(&day.row), day.row.figures.late_s),
        ((State::Final, Status::Present, 7 * 3600, 0), 3600)
    );
    assert_eq!(
        office
            .decides(Decision::Withdrawn, None)
            .expect_err("not corrected")
            .kind,
        ErrorKind::Conflict
    );
    let status = CorrectionBody {
        status: Some(Status::OnLeave),
        worked_s: Some(0),
        ..CorrectionBody::default()
    };
    let day = office
        .decides(Decision::Corrected, Some(status))
        .expect("corrected");
    assert_eq!(worked(&day.row), (State::Corrected, Status::OnLeave, 0, 0));
    assert!(
        office
            .site
            .audit()
            .contains(&"test: attendance of LEE on 2026-09-22 corrected".to_owned())
    );
    let report = office.report(Of::Employee(who("LEE")), DAY, DAY).expect("report");
    assert_eq!((report.totals.on_leave, report.totals.present), (1, 0));
}

#[test]
fn what_cannot_be_decided_is_refused_with_the_field() {
    let mut office = Office::new();
    office.tuesday();
    let moments = |came: Option<&str>, went: Option<&str>| {
        Some(CorrectionBody {
            first_in: came.map(at),
            last_out: went.map(at),
            ..CorrectionBody::default()
        })
    };
    let figure = |worked_s| {
        Some(CorrectionBody {
            worked_s: Some(worked_s),
            ..CorrectionBody::default()
        })
    };
    let status = |status| {
        Some(CorrectionBody {
            status: Some(status),
            ..CorrectionBody::default()
        })
    };
    for (employee, day, what, correction, field) in [
        ("LEE", DAY, Decision::Corrected, None, "correction"),
        (
            "LEE",
            DAY,
            Decision::Corrected,
            Some(CorrectionBody::default()),
            "correction",
        ),
        ("LEE", DAY, Decision::Withdrawn, figure(60), "correction"),
        ("LEE", DAY, Decision::Corrected, figure(-1), "worked_s"),
        ("LEE", DAY, Decision::Corrected, figure(200_000), "worked_s"),
        ("LEE", DAY, Decision::Corrected, status(Status::Pending), "status"),
        (
            "LEE",
            DAY,
            Decision::Corrected,
            moments(Some("2026-09-20 08:00"), None),
            "first_in",
        ),
        (
            "LEE",
            DAY,
            Decision::Corrected,
            moments(None, Some("2026-09-22 19:00")),
            "last_out",
        ),
        (
            "LEE",
            DAY,
            Decision::Corrected,
            moments(Some("2026-09-22 17:30"), None),
            "first_in",
        ),
        (
            "LEE",
            DAY,
            Decision::Corrected,
            moments(Some("2026-09-22 10:00"), Some("2026-09-22 09:00")),
            "last_out",
        ),
        // Not seen at all: one moment is not enough.
        (
            "SARI",
            DAY,
            Decision::Corrected,
            moments(Some("2026-09-22 10:00"), None),
            "last_out",
        ),
        (
            "SARI",
            DAY,
            Decision::Corrected,
            moments(None, Some("2026-09-22 10:00")),
            "first_in",
        ),
        ("LEE", "2026-09-23", Decision::Corrected, figure(60), "date"),
        // Before anybody was registered.
        ("LEE", "2026-09-01", Decision::Corrected, figure(60), "date"),
        ("NOBODY", DAY, Decision::Corrected, figure(60), "employee"),
        ("LEE", DAY, Decision::Dismissed, None, "what"),
    ] {
        let error = office
            .decides_on(employee, day, what, correction)
            .expect_err(field);
        assert_eq!(error.field, Some(field), "{}", error.message);
    }
    // Nothing of all that was kept.
    let day = office
        .site
        .core
        .attendance_day(&admin(), &who("LEE"), date(DAY))
        .expect("day");
    assert_eq!((day.decisions.len(), day.row.state), (0, State::Provisional));
    let reason = |reason: &str| NewDecision {
        what: Decision::Corrected,
        reason: reason.into(),
        correction: figure(60),
    };
    for wrong in ["", "  ", "a\nb", &"x".repeat(201)] {
        let error = office
            .site
            .core
            .decide_attendance(&admin(), &who("LEE"), date(DAY), &reason(wrong));
        assert_eq!(error.expect_err("reason").field, Some("reason"));
    }
    let sari = Viewer {
        role: Role::Supervisor,
        employee: Some(who("SARI")),
        username: "sari".into(),
    };
    let refused = office
        .site
        .core
        .decide_attendance(&sari, &who("LEE"), date(DAY), &reason("x"));
    assert_eq!(refused.expect_err("forbidden").kind, ErrorKind::Forbidden);
    // Somebody who has left.
    office
        .site
        .core
        .delete_employee(&admin(), &who("LEE"))
        .expect("deleted");
    let traces = office.site.audit();
    assert!(!traces.iter().any(|line| line.contains("LEE")), "{traces:?}");
    assert_eq!(office.site.core.check().expect("check"), Vec::<String>::new());
    let gone = office.decides(Decision::Corrected, figure(60)).expect_err("gone");
    assert_eq!((gone.kind, gone.field), (ErrorKind::NotFound, Some("employee")));
    assert_eq!(
        office
            .report(Of::Employee(who("LEE")), DAY, DAY)
            .expect_err("gone")
            .kind,
        ErrorKind::NotFound
    );
}

#[test]
fn reports_are_of_those_whom_the_viewer_sees() {
    let mut office = Office::new();
    office.tuesday();
    let names = |viewer: &Viewer, of: Of| {
        let query = AttendanceQuery {
            from: date(DAY),
            to: date(DAY),
            of,
        };
        let report = office.site.core.attendance(viewer, &query)?;
        assert_eq!(report.of_one_day().len(), report.people.len());
        Ok::<_, Error>(
            report
                .people
                .into_iter()
                .map(|person| person.employee.to_string())
                .collect::<Vec<_>>(),
        )
    };
    let sari = Viewer {
        role: Role::Supervisor,
        employee: Some(who("SARI")),
        username: "sari".into(),
    };
    assert_eq!(names(&sari, Of::Everybody).expect("report"), ["SARI", "LEE"]);
    assert_eq!(
        names(&sari, Of::Team(who("BUDI"))).expect_err("above").kind,
        ErrorKind::NotFound
    );
    assert_eq!(names(&admin(), Of::Team(who("BUDI"))).expect("report"), ["SARI"]);
    assert_eq!(
        names(&admin(), Of::Below(who("BUDI"))).expect("report"),
        ["SARI", "LEE"]
    );
    assert_eq!(
        names(&admin(), Of::Employee(who("LEE"))).expect("report"),
        ["LEE"]
    );
    let technician = Viewer {
        role: Role::Technician,
        employee: None,
        username: "tono".into(),
    };
    assert_eq!(names(&technician, Of::Everybody).expect("report"), [""; 0]);
    let lee = office
        .site
        .core
        .attendance_day(&technician, &who("LEE"), date(DAY));
    assert_eq!(lee.expect_err("not seen").kind, ErrorKind::NotFound);
    for (from, to, what) in [
        ("2026-09-22", "2026-09-21", "is before"),
        ("2016-09-22", "2026-09-22", "3653 days"),
        ("0001-01-01", "0001-01-02", "too far away"),
    ] {
        let error = office.report(Of::Everybody, from, to).expect_err(what);
        assert!(
            error.kind == ErrorKind::Invalid && error.message.en().contains(what),
            "{}",
            error.message
        );
    }
    // Nobody was registered then, and nothing is claimed of the days to come.
    assert_eq!(
        office
            .report(Of::Everybody, "2026-08-01", "2026-08-31")
            .expect("report")
            .days,
        []
    );
    assert_eq!(
        office
            .report(Of::Everybody, "2026-09-23", "2026-09-30")
            .expect("report")
            .days,
        []
    );
}

#[test]
fn charts_have_hours_punctuality_and_areas() {
    let mut office = Office::new();
    office.now("2026-09-22 07:00");
    office.now("2026-09-22 18:00");
    office.seen("LEE", "2026-09-22 08:30", "2026-09-22 10:00");
    office.seen("LEE", "2026-09-22 10:15", "2026-09-22 17:00");
    let charts = || {
        let query = AttendanceQuery {
            from: date(DAY),
            to: date(DAY),
            of: Of::Employee(who("LEE")),
        };
        office.site.core.patterns(&admin(), &query).expect("patterns")
    };
    let live = charts();
    office.now("2026-09-24 12:00");
    let settled = charts();
    assert_eq!(live, settled, "the same before and after the close");
    let tuesday = settled.presence[1];
    assert_eq!(
        (
            tuesday[7],
            tuesday[8],
            tuesday[9],
            tuesday[10],
            tuesday[16],
            tuesday[17]
        ),
        (0.0, 30.0, 60.0, 45.0, 60.0, 0.0)
    );
    assert_eq!(
        (settled.punctuality[1].late, settled.punctuality[1].late_s),
        (1, 1800)
    );
    assert_eq!(
        (settled.away[0].area.as_str(), settled.away[0].away_s),
        ("gudang", 900)
    );
    assert_eq!((settled.days[0].present_min, settled.days[0].away_s), (495, 900));
    assert_eq!(settled.days[0].statuses.get("present"), Some(&1));
}

#[test]
fn days_are_kept_as_long_as_the_rules_say() {
    let mut office = Office::new();
    office.tuesday();
    office.now("2026-09-24 12:00");
    let keep = settings::AttendanceRules {
        keep_sightings: TimeDelta::days(40),
        keep_days: TimeDelta::days(400),
        ..settings::AttendanceRules::default()
    };
    let forget = |at| {
        office
            .site
            .core
            .store
            .write(|tx| tx.forget(&keep, at))
            .expect("forgotten")
    };
    let count = |table: &str| {
        let store =
            rusqlite::Connection::open(office.site.folder.path().join("hadir.sqlite")).expect("store");
        store
            .query_row(&format!("select count(*) from {table}"), [], |row| {
                row.get::<_, i64>(0)
            })
            .expect("count")
    };
    forget(at("2026-10-30 00:00"));
    assert_eq!((count("sighting"), count("attendance")), (2, 2));
    forget(at("2026-11-05 00:00"));
    assert_eq!((count("sighting"), count("attendance")), (0, 2));
    assert!(office.row("LEE", DAY).first_in.is_some());
    // Monday's and Tuesday's.
    forget(at("2027-10-27 00:00"));
    assert_eq!((count("attendance"), count("attendance_evidence")), (2, 8));
    forget(at("2027-10-28 00:00"));
    assert_eq!((count("attendance"), count("attendance_evidence")), (0, 4));
    forget(at("2027-10-29 00:00"));
    assert_eq!((count("attendance"), count("attendance_evidence")), (0, 0));
}

/// One device alone sends what it kept: its last stretch goes on, and the day that is final is held against all of it.
#[test]
fn what_goes_on_late_is_a_difference_too() {
    let mut office = Office::new();
    office.now("2026-09-22 07:00");
    office.now("2026-09-22 18:00");
    office.seen("LEE", "2026-09-22 08:00", "2026-09-22 10:00");
    office.now("2026-09-24 12:01");
    assert_eq!(
        worked(&office.row("LEE", DAY)),
        (State::Final, Status::HalfDay, 2 * 3600, 0)
    );
    office.seen("LEE", "2026-09-22 10:02", "2026-09-22 12:00");
    office.now("2026-09-24 12:02");
    let row = office.row("LEE", DAY);
    assert!(row.difference && row.figures.worked_s == 2 * 3600, "{row:?}");
    // More of it, before HR has looked: what they saw is not what they would accept.
    office.seen("LEE", "2026-09-22 12:00", "2026-09-22 17:00");
    let stale = office.decides(Decision::Accepted, None).expect_err("stale");
    assert_eq!(stale.field, Some("what"), "{stale}");
    let day = office.decides(Decision::Accepted, None).expect("accepted");
    assert_eq!(day.row.figures.worked_s, 8 * 3600);
    // Taken back, what was final counts again, and the difference is there again.
    let day = office.decides(Decision::Withdrawn, None).expect("withdrawn");
    assert_eq!(
        (day.row.figures.worked_s, day.row.difference, day.row.state),
        (2 * 3600, true, State::Final)
    );
}

/// What HR left stays left when they correct something else.
#[test]
fn a_figure_that_is_corrected_changes_nothing_else() {
    let mut office = Office::new();
    office.now("2026-09-22 07:00");
    office.now("2026-09-22 18:00");
    office.seen("LEE", "2026-09-22 08:00", "2026-09-22 16:00");
    office.now("2026-09-24 12:01");
    office.seen("LEE", "2026-09-22 16:00", "2026-09-22 17:30");
    office.now("2026-09-24 12:02");
    office.decides(Decision::Dismissed, None).expect("dismissed");
    let figures = |late_s| CorrectionBody {
        late_s: Some(late_s),
        ..CorrectionBody::default()
    };
    let day = office
        .decides(Decision::Corrected, Some(figures(60)))
        .expect("corrected");
    assert_eq!(
        (
            day.row.figures.worked_s,
            day.row.figures.late_s,
            day.row.difference
        ),
        (7 * 3600, 60, false)
    );
    // Long after, when nobody knows any more what cameras watched.
    office.now("2026-11-20 12:00");
    let day = office
        .decides(Decision::Corrected, Some(figures(120)))
        .expect("corrected");
    assert_eq!(
        (day.row.figures.worked_s, day.row.figures.late_s),
        (7 * 3600, 120)
    );
    let times = CorrectionBody {
        first_in: Some(at("2026-09-22 09:00")),
        ..CorrectionBody::default()
    };
    let refused = office
        .decides(Decision::Corrected, Some(times))
        .expect_err("too old");
    assert_eq!(refused.field, Some("correction"), "{refused}");
    let day = office.decides(Decision::Withdrawn, None).expect("withdrawn");
    assert_eq!((day.row.figures.worked_s, day.row.figures.late_s), (7 * 3600, 0));
}
