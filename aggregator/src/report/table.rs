//! A report for the terminal.

use chrono::{DateTime, Utc};

use super::words::{self, Column};
use super::{Style, hours};
use crate::core::AttendanceReport;

/// A line for each day.
pub fn table(report: &AttendanceReport, style: &Style) -> String {
    let (zone, language) = (style.zone, style.language);
    let mut text = format!("{} – {} ({})\n", report.from, report.to, report.timezone);
    let time = |at: Option<DateTime<Utc>>| {
        at.map_or_else(
            || "-".to_owned(),
            |at| at.with_timezone(&zone).format("%H:%M").to_string(),
        )
    };
    let mut people = report.people.iter().peekable();
    let word = |column: Column| column.word(language);
    if !report.days.is_empty() {
        text.push_str(&format!(
            "{:<10} {:<12} {:<24} {:<16} {:>6} {:>6} {:>8} {:>8} {:>9} {:>11} {:>8}  {}\n",
            word(Column::Date),
            word(Column::Employee),
            word(Column::Name),
            word(Column::Status),
            word(Column::FirstIn).split(' ').next_back().unwrap_or_default(),
            word(Column::LastOut).split(' ').next_back().unwrap_or_default(),
            word(Column::Worked),
            word(Column::Away),
            word(Column::Late),
            word(Column::EarlyLeave),
            word(Column::Overtime),
            word(Column::Notes),
        ));
    }
    for row in &report.days {
        while people.next_if(|person| person.employee != row.employee).is_some() {}
        let Some(person) = people.peek() else { break };
        let line = format!(
            "{:<10} {:<12} {:<24} {:<16} {:>6} {:>6} {:>8} {:>8} {:>9} {:>11} {:>8}  {}",
            row.date.to_string(),
            row.employee.as_str(),
            person.name,
            words::status(row.status, language),
            time(row.first_in),
            time(row.last_out),
            hours(row.figures.worked_s),
            hours(row.figures.away_s),
            hours(row.figures.late_s),
            hours(row.figures.early_leave_s),
            hours(row.figures.overtime_s),
            words::notes(row, language),
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let totals = &report.totals;
    text.push_str(&format!(
        "{}: {} {}, {} {}, {} {}, {} {}, {} {}\n",
        report.people.len(),
        totals.present,
        words::status(crate::attendance::Status::Present, language),
        totals.half_day,
        words::status(crate::attendance::Status::HalfDay, language),
        totals.absent,
        words::status(crate::attendance::Status::Absent, language),
        totals.on_leave,
        words::status(crate::attendance::Status::OnLeave, language),
        totals.unknown,
        words::status(crate::attendance::Status::Unknown, language),
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::Language;
    use crate::report::{Letterhead, example};

    #[test]
    fn a_terminal_shows_it() {
        let letterhead = Letterhead {
            company: "PT".into(),
            address: String::new(),
            signatory: "HRD".into(),
        };
        let style = Style {
            language: Language::En,
            zone: chrono_tz::Asia::Jakarta,
            letterhead,
        };
        let text = table(&example(), &style);
        assert!(
            text.contains("08:10") && text.contains("7:30") && text.contains("Absent"),
            "{text}"
        );
        assert!(
            text.ends_with("2: 1 Present, 0 Half day, 1 Absent, 0 On leave, 0 Unknown\n"),
            "{text}"
        );
    }
}
