//! The files of a report, read by others than those who wrote them, have the totals of the API.

use std::process::Command;

use chrono::{Days, NaiveDate};
use hadir_aggregator::core::types::Language;
use hadir_aggregator::core::{AttendanceQuery, Of, Viewer};
use hadir_aggregator::report::Format;
use hadir_tests::reports::{Plan, live};

#[test]
fn every_format_has_the_same_totals() {
    let folder = tempfile::tempdir().expect("folder");
    let from = NaiveDate::from_ymd_opt(2026, 9, 7).expect("date");
    let plan = Plan {
        people: 130,
        from,
        days: 9,
        every: 300,
        before: 0,
        seed: 7,
    };
    let company = live(folder.path(), &plan, |_| ()).unwrap_or_else(|e| panic!("{e}"));
    let query = AttendanceQuery {
        from,
        to: from + Days::new(8),
        of: Of::Everybody,
    };
    let report = company
        .core
        .attendance(&Viewer::admin("test"), &query)
        .expect("report");
    assert_eq!((report.people.len(), report.days.len()), (130, 130 * 9));
    let totals = &report.totals;
    for (what, count) in [
        ("present", totals.present),
        ("absent", totals.absent),
        ("late", totals.late),
        ("early", totals.early_leave),
    ] {
        assert!(count > 0, "nobody was {what}: {totals:?}");
    }
    assert!(totals.figures.overtime_s > 0 && totals.figures.away_s > 0 && totals.figures.unobserved_s > 0);
    let file = |ending: &str| folder.path().join(format!("report.{ending}"));
    std::fs::write(file("json"), serde_json::to_vec(&report).expect("json")).expect("file");
    for format in Format::ALL {
        let style = company.core.settings().style(Language::En);
        std::fs::write(
            file(format.ending()),
            format.write(&report, &style).expect("made"),
        )
        .expect("file");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/totals.py");
    let check = || {
        let mut python = Command::new("/usr/bin/python3");
        let held = python
            .arg(script)
            .args(["json", "csv", "xlsx", "pdf"].map(file))
            .output()
            .expect("python3");
        let said = [held.stdout, held.stderr].concat();
        (held.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    let (same, said) = check();
    assert!(
        same && said.contains("totals equal: 130 people, 1170 days"),
        "{said}"
    );
    // A second more in the API is noticed.
    let mut other = report;
    other.totals.figures.worked_s += 1;
    std::fs::write(file("json"), serde_json::to_vec(&other).expect("json")).expect("file");
    let (same, said) = check();
    assert!(!same && said.contains("CSV, Worked"), "{said}");
}
