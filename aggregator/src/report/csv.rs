//! A report as CSV that a spreadsheet opens right: in UTF-8 with its mark, in Indonesian with semicolons, because a comma
//! separates decimals there.

use chrono::{DateTime, Utc};

use super::words::{self, Column};
use super::{Style, exact};
use crate::core::types::Language;
use crate::core::{AttendancePerson, AttendanceReport, AttendanceRow};

/// A row for each day (RFC 4180 but for the separator), times in the site's time, durations as h:mm:ss.
pub(super) fn csv(report: &AttendanceReport, style: &Style) -> Vec<u8> {
    let separator = match style.language {
        Language::Id => b';',
        Language::En => b',',
    };
    let mut writer = csv::WriterBuilder::new()
        .delimiter(separator)
        .terminator(csv::Terminator::CRLF)
        .from_writer("\u{feff}".as_bytes().to_vec());
    // Writing into memory does not fail.
    let _ = writer.write_record(Column::OF_A_DAY.map(|column| column.word(style.language)));
    let mut people = report.people.iter().peekable();
    for row in &report.days {
        while people.next_if(|person| person.employee != row.employee).is_some() {}
        let Some(person) = people.peek() else { break };
        let _ = writer.write_record(Column::OF_A_DAY.map(|column| cell(column, person, row, style)));
    }
    writer.into_inner().unwrap_or_default()
}

fn cell(column: Column, person: &AttendancePerson, row: &AttendanceRow, style: &Style) -> String {
    let time = |at: Option<DateTime<Utc>>| {
        let text = at.map(|at| {
            at.with_timezone(&style.zone)
                .format("%Y-%m-%d %H:%M:%S")
                .to_string()
        });
        text.unwrap_or_default()
    };
    let figures = &row.figures;
    match column {
        Column::Date => row.date.to_string(),
        Column::Employee => plain(person.employee.as_str()),
        Column::Name => plain(&person.name),
        Column::Team => plain(person.team_name.as_deref().unwrap_or_default()),
        Column::Status => words::of_day(row, style.language).to_owned(),
        Column::FirstIn => time(row.first_in),
        Column::LastOut => time(row.last_out),
        Column::Planned => exact(figures.planned_s),
        Column::Worked => exact(figures.worked_s),
        Column::Break => exact(figures.break_s),
        Column::Away => exact(figures.away_s),
        Column::Late => exact(figures.late_s),
        Column::EarlyLeave => exact(figures.early_leave_s),
        Column::Overtime => exact(figures.overtime_s),
        Column::Unobserved => exact(figures.unobserved_s),
        Column::Leave => exact(figures.leave_s),
        Column::State => words::state(row.state, style.language).to_owned(),
        Column::Notes => plain(&words::notes(row, style.language)),
    }
}

/// Text that no spreadsheet takes for a formula.
fn plain(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Letterhead, example};

    fn written(language: Language) -> Vec<String> {
        let letterhead = Letterhead {
            company: "PT".into(),
            address: String::new(),
            signatory: "HRD".into(),
        };
        let style = Style {
            language,
            zone: chrono_tz::Asia::Jakarta,
            letterhead,
        };
        let text = String::from_utf8(csv(&example(), &style)).expect("utf-8");
        assert!(text.starts_with('\u{feff}'));
        text.trim_start_matches('\u{feff}')
            .split("\r\n")
            .map(ToOwned::to_owned)
            .collect()
    }

    #[test]
    fn an_indonesian_spreadsheet_opens_it() {
        let lines = written(Language::Id);
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert!(lines[0].starts_with("Tanggal;ID karyawan;Nama;Tim;Kehadiran;Masuk;Pulang;Jadwal;"));
        assert_eq!(
            lines[1],
            "2026-11-23;E1;\"Lee, \"\"Min\"\"\";Sari;Hadir;2026-11-23 08:10:30;2026-11-23 17:00:00;8:00:00;7:30:00;\
             1:00:00;0:01:00;0:10:30;0:00:00;0:00:00;0:00:00;0:00:00;Final;\
             tak terpantau, kartu tanpa wajah, ada data baru"
        );
        assert!(
            lines[2].contains(";Libur;;;0:00:00;") && lines[2].ends_with(";Sementara;Natal"),
            "{}",
            lines[2]
        );
        assert!(lines[3].contains(";E2;'=1+1;Sari;Tidak hadir;"), "{}", lines[3]);
    }

    #[test]
    fn an_english_one_has_commas() {
        let lines = written(Language::En);
        assert!(lines[0].starts_with("Date,Employee ID,Name,Team,Attendance,First in,Last out,Planned,"));
        assert!(
            lines[1].contains(",\"not observed, badge without face, new data arrived\""),
            "{}",
            lines[1]
        );
    }
}
