//! Reports as text: CSV for spreadsheets, a table for the terminal.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use chrono_tz::Tz;

use crate::core::DailyReport;

/// The day that it is at the site.
pub fn today(now: DateTime<Utc>, zone: Tz) -> NaiveDate {
    now.with_timezone(&zone).date_naive()
}

/// A day's attendance as CSV (RFC 4180), times with the site's offset.
pub fn csv(report: &DailyReport, zone: Tz) -> String {
    let mut text = String::from("date,employee,name,first_seen,last_seen,seconds_present,seconds_away\r\n");
    let time = |at: Option<DateTime<Utc>>| {
        at.map(|at| {
            at.with_timezone(&zone)
                .to_rfc3339_opts(SecondsFormat::Secs, false)
        })
        .unwrap_or_default()
    };
    for row in &report.rows {
        let cells = [
            report.date.to_string(),
            cell(row.employee.as_str()),
            cell(&row.name),
            time(row.first_seen),
            time(row.last_seen),
            row.seconds_present.to_string(),
            row.seconds_away.to_string(),
        ];
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// A cell that no spreadsheet takes for a formula, quoted where CSV asks for it.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// A day's attendance for the terminal, times in the site's zone.
pub fn table(report: &DailyReport, zone: Tz) -> String {
    let mut text = format!("Attendance on {} ({})\n", report.date, report.timezone);
    if report.rows.is_empty() {
        text.push_str("Nobody is registered.\n");
    }
    let time = |at: Option<DateTime<Utc>>| {
        at.map_or_else(
            || "-".to_owned(),
            |at| at.with_timezone(&zone).format("%H:%M:%S").to_string(),
        )
    };
    for row in &report.rows {
        let hours = |seconds: i64| format!("{}:{:02}", seconds / 3600, seconds % 3600 / 60);
        text.push_str(&format!(
            "{:<12} {:<30} {:>8} {:>8}  present {:>5}  away {:>5}\n",
            row.employee.as_str(),
            row.name,
            time(row.first_seen),
            time(row.last_seen),
            hours(row.seconds_present),
            hours(row.seconds_away),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::DailyRow;
    use hadir_shared::id::EmployeeId;

    #[test]
    fn csv_is_quoted_and_holds_no_formula() {
        let at = hadir_shared::time::parse("2026-11-22T01:02:03.000Z").ok();
        let row = |id: &str, name: &str, first_seen| DailyRow {
            employee: EmployeeId::new(id).expect("id"),
            name: name.into(),
            first_seen,
            last_seen: first_seen,
            seconds_present: 3661,
            seconds_away: 0,
        };
        let report = DailyReport {
            date: NaiveDate::from_ymd_opt(2026, 11, 22).expect("date"),
            timezone: "Asia/Jakarta".into(),
            rows: vec![row("E1", "Lee, \"Min\"", at), row("E2", "=1+1", None)],
        };
        let zone = chrono_tz::Asia::Jakarta;
        let lines: Vec<String> = csv(&report, zone).lines().map(ToOwned::to_owned).collect();
        assert_eq!(
            lines[1],
            "2026-11-22,E1,\"Lee, \"\"Min\"\"\",2026-11-22T08:02:03+07:00,2026-11-22T08:02:03+07:00,3661,0"
        );
        assert_eq!(lines[2], "2026-11-22,E2,'=1+1,,,3661,0");
        assert!(table(&report, zone).contains("08:02:03") && table(&report, zone).contains("1:01"));
        assert_eq!(
            today(at.expect("time") + chrono::TimeDelta::hours(17), zone).to_string(),
            "2026-11-23"
        );
    }
}
