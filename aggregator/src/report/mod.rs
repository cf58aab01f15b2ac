//! Reports as files: CSV, XLSX and PDF for HR, a table for the terminal. All of them are made from an
//! [`AttendanceReport`] and compute nothing but its layout.

mod csv;
mod pdf;
mod table;
mod words;
mod xlsx;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

pub use self::table::table;
pub use self::words::month;
use crate::core::AttendanceReport;
use crate::core::types::Language;
use crate::error::{Error, Result};

/// The day that it is at the site.
pub fn today(now: DateTime<Utc>, zone: Tz) -> NaiveDate {
    now.with_timezone(&zone).date_naive()
}

/// Who makes the report: what stands at its head and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letterhead {
    /// The company.
    pub company: String,
    /// Its address, in one line; may be empty.
    pub address: String,
    /// Who signs: `Manajer HRD`.
    pub signatory: String,
}

/// How a report is written.
#[derive(Clone, Debug)]
pub struct Style {
    /// In which language.
    pub language: Language,
    /// In whose time.
    pub zone: Tz,
    /// Who makes it.
    pub letterhead: Letterhead,
}

/// Hours and minutes, rounded down: `7:58`.
pub fn hours(seconds: i64) -> String {
    format!("{}:{:02}", seconds / 3600, seconds / 60 % 60)
}

/// Hours, minutes and seconds: `7:58:30`.
fn exact(seconds: i64) -> String {
    format!("{}:{:02}", hours(seconds), seconds % 60)
}

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// For spreadsheets and other programs.
    Csv,
    /// For Excel and its like.
    Xlsx,
    /// To be printed and signed.
    Pdf,
}

impl Format {
    /// Every kind.
    pub const ALL: [Format; 3] = [Format::Csv, Format::Xlsx, Format::Pdf];

    /// The ending of its files' names, which is what it is called in the API, too.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Xlsx => "xlsx",
            Format::Pdf => "pdf",
        }
    }

    /// Reads what [`Self::ending`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.ending() == text)
    }

    /// Its media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8",
            Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Format::Pdf => "application/pdf",
        }
    }

    /// Makes the file.
    ///
    /// # Errors
    /// When the report is larger than such a file can be.
    pub fn write(self, report: &AttendanceReport, style: &Style) -> Result<Vec<u8>> {
        let failed = |error: &dyn std::fmt::Debug| {
            Error::internal(format!(
                "The report cannot be written as {}: {error:?}; ask for fewer days or people.",
                self.ending()
            ))
        };
        match self {
            Format::Csv => Ok(csv::csv(report, style)),
            Format::Xlsx => xlsx::xlsx(report, style).map_err(|error| failed(&error)),
            Format::Pdf => pdf::pdf(report, style).map_err(|error| failed(&error)),
        }
    }
}

/// What a file of the report is called.
pub fn file_name(report: &AttendanceReport, format: Format) -> String {
    let ending = format.ending();
    if report.from == report.to {
        format!("attendance-{}.{ending}", report.from)
    } else {
        format!("attendance-{}-{}.{ending}", report.from, report.to)
    }
}

/// A report of two people and three days, for tests.
#[cfg(test)]
pub fn example() -> AttendanceReport {
    use crate::attendance::{Figures, Flag, Kind, State, Status};
    use crate::core::types::{AttendancePerson, AttendanceRow, Totals};
    use hadir_shared::id::EmployeeId;
    let date = NaiveDate::from_ymd_opt(2026, 11, 23).expect("date");
    let at = |text: &str| Some(hadir_shared::time::parse(text).expect("time"));
    let id = |text: &str| EmployeeId::new(text).expect("id");
    let lee = AttendanceRow {
        employee: id("E1"),
        date,
        kind: Kind::Workday,
        holiday: None,
        state: State::Final,
        status: Status::Present,
        first_in: at("2026-11-23T01:10:30.000Z"),
        last_out: at("2026-11-23T10:00:00.000Z"),
        figures: Figures {
            planned_s: 28_800,
            worked_s: 27_000,
            break_s: 3600,
            away_s: 60,
            late_s: 630,
            ..Figures::default()
        },
        flags: vec![Flag::NotObserved, Flag::BadgeWithoutFace],
        difference: true,
    };
    let holiday = AttendanceRow {
        date: date.succ_opt().expect("date"),
        kind: Kind::Holiday,
        holiday: Some("Natal".into()),
        state: State::Provisional,
        status: Status::NotExpected,
        first_in: None,
        last_out: None,
        figures: Figures::default(),
        flags: Vec::new(),
        difference: false,
        ..lee.clone()
    };
    let absent = AttendanceRow {
        employee: id("E2"),
        status: Status::Absent,
        first_in: None,
        last_out: None,
        figures: Figures {
            planned_s: 28_800,
            ..Figures::default()
        },
        flags: Vec::new(),
        difference: false,
        ..lee.clone()
    };
    let of = |rows: &[&AttendanceRow]| {
        let mut totals = Totals::default();
        rows.iter().for_each(|row| totals.add(row));
        totals
    };
    let person = |id: &EmployeeId, name: &str, totals| AttendancePerson {
        employee: id.clone(),
        name: name.to_owned(),
        team: Some(EmployeeId::new("SARI").expect("id")),
        team_name: Some("Sari".into()),
        totals,
    };
    AttendanceReport {
        from: date,
        to: holiday.date,
        timezone: "Asia/Jakarta".into(),
        made_at: at("2026-11-25T03:00:00.000Z").expect("time"),
        totals: of(&[&lee, &holiday, &absent]),
        people: vec![
            person(&lee.employee, "Lee, \"Min\"", of(&[&lee, &holiday])),
            person(&absent.employee, "=1+1", of(&[&absent])),
        ],
        days: vec![lee, holiday, absent],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_the_sites_midnight() {
        let at = hadir_shared::time::parse("2026-11-22T18:00:00.000Z").expect("time");
        assert_eq!(today(at, chrono_tz::Asia::Jakarta).to_string(), "2026-11-23");
        assert_eq!(
            (hours(28_799), exact(28_799)),
            ("7:59".to_owned(), "7:59:59".to_owned())
        );
        assert_eq!(
            file_name(&example(), Format::Pdf),
            "attendance-2026-11-23-2026-11-24.pdf"
        );
    }
}
