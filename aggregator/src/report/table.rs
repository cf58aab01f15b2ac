//! A report for the terminal.

use chrono::{DateTime, NaiveDate, Utc};

use super::words::{self, Column};
use super::{Style, hours};
use crate::attendance::Status;
use crate::core::AttendanceReport;

/// A line for each day.
pub fn table(report: &AttendanceReport, style: &Style) -> String {
    let (zone, language) = (style.zone, style.language);
    let mut text = format!("{} – {} ({})\n", report.from, report.to, report.timezone);
    if let Some(provisional) = words::provisional(report, language) {
        text.push_str(&format!("{provisional}\n"));
    }
    let time = |at: Option<DateTime<Utc>>, date: NaiveDate| {
        let Some(at) = at.map(|at| at.with_timezone(&zone)) else {
            return "-".to_owned();
        };
        let time = at.format("%H:%M").to_string();
        match (at.date_naive() - date).num_days() {
            0 => time,
            days => format!("{time} {days:+}"),
        }
    };
    let mut people = report.people.iter().peekable();
    let word = |column: Column| column.word(language);
    if !report.days.is_empty() {
        text.push_str(&format!(
            "{:<10} {:<12} {:<24} {:<16} {:>8} {:>8} {:>8} {:>8} {:>9} {:>11} {:>8}  {:<11}  {}\n",
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
            word(Column::State),
            word(Column::Notes),
        ));
    }
    for row in &report.days {
        while people.next_if(|person| person.employee != row.employee).is_some() {}
        let Some(person) = people.peek() else { break };
        let line = format!(
            "{:<10} {:<12} {:<24} {:<16} {:>8} {:>8} {:>8} {:>8} {:>9} {:>11} {:>8}  {:<11}  {}",
            row.date.to_string(),
            row.employee.as_str(),
            person.name,
            words::of_day(row, language),
            time(row.first_in, row.date),
            time(row.last_out, row.date),
            hours(row.figures.worked_s),
            hours(row.figures.away_s),
            hours(row.figures.late_s),
            hours(row.figures.early_leave_s),
            hours(row.figures.overtime_s),
            words::state(row.state, language),
            words::notes(row, language),
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let totals = &report.totals;
    let counts = [
        (totals.present, Status::Present),
        (totals.half_day, Status::HalfDay),
        (totals.absent, Status::Absent),
        (totals.on_leave, Status::OnLeave),
        (totals.excused, Status::Excused),
        (totals.unknown, Status::Unknown),
    ];
    let counts = counts.map(|(count, status)| format!("{count} {}", words::status(status, language)));
    text.push_str(&format!("{}: {}\n", report.people.len(), counts.join(", ")));
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
        let mut report = example();
        // A night shift, left in the morning.
        report.days[0].last_out = report.days[0]
            .last_out
            .map(|at| at + chrono::TimeDelta::hours(13));
        let text = table(&report, &style);
        assert!(
            text.contains("06:00 +1") && text.contains("1 of 3 days is still provisional"),
            "{text}"
        );
        assert!(
            text.contains("08:10") && text.contains("7:30") && text.contains("Absent"),
            "{text}"
        );
        assert!(
            text.ends_with("2: 1 Present, 0 Half day, 1 Absent, 0 On leave, 0 Excused, 0 Unknown\n"),
            "{text}"
        );
    }
}
