//! A report as a workbook: a summary of everybody, and a sheet for each team with its days.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, Utc};
use rust_xlsxwriter::{
    Color, DocProperties, Format, FormatAlign, FormatBorder, Formula, Workbook, Worksheet, XlsxError,
};

use super::Style;
use super::words::{self, Column};
use crate::attendance::{Figures, Status};
use crate::core::types::Language;
use crate::core::{AttendancePerson, AttendanceReport, AttendanceRow, Totals};

/// Excel takes no longer name of a sheet.
const MAX_SHEET_NAME: usize = 31;

/// Rows above the table: company, address, title, a blank one.
const HEAD: u32 = 4;

const INK: Color = Color::RGB(0x001F_2937);
const FAINT: Color = Color::RGB(0x0061_6B7A);
const RULE: Color = Color::RGB(0x00D5_DAE1);
const HEADER: Color = Color::RGB(0x00EE_F1F5);
const RED: Color = Color::RGB(0x00B4_2318);
const AMBER: Color = Color::RGB(0x0093_5A00);

struct Formats {
    company: Format,
    faint: Format,
    title: Format,
    header: Format,
    text: Format,
    absent: Format,
    number: Format,
    date: Format,
    time: Format,
    next_day: Format,
    duration: Format,
    late: Format,
    total_text: Format,
    total_number: Format,
    total_duration: Format,
}

impl Formats {
    fn new() -> Self {
        let plain = || Format::new().set_font_name("Calibri").set_font_color(INK);
        let cell = || {
            plain()
                .set_border_bottom(FormatBorder::Thin)
                .set_border_bottom_color(RULE)
        };
        let total = || {
            plain()
                .set_bold()
                .set_border_top(FormatBorder::Thin)
                .set_border_bottom(FormatBorder::Double)
        };
        Self {
            company: plain().set_bold().set_font_size(14),
            faint: plain().set_font_color(FAINT),
            title: plain().set_bold().set_font_size(12),
            header: plain()
                .set_bold()
                .set_background_color(HEADER)
                .set_border_bottom(FormatBorder::Thin)
                .set_text_wrap()
                .set_align(FormatAlign::Top),
            text: cell(),
            absent: cell().set_font_color(RED),
            number: cell().set_num_format("0"),
            date: cell().set_num_format("yyyy-mm-dd").set_align(FormatAlign::Left),
            time: cell().set_num_format("hh:mm"),
            next_day: cell().set_num_format("dd/mm hh:mm"),
            duration: cell().set_num_format("[h]:mm"),
            late: cell().set_num_format("[h]:mm").set_font_color(AMBER),
            total_text: total(),
            total_number: total().set_num_format("0"),
            total_duration: total().set_num_format("[h]:mm"),
        }
    }
}

/// What a figure of [`Totals`] counts: its words, and the figure.
type Counted = ((&'static str, &'static str), fn(&Totals) -> u32);

const COUNTED: [Counted; 9] = [
    (("Hari kerja", "Workdays"), |t| t.workdays),
    (("Hadir", "Present"), |t| t.present),
    (("Setengah hari", "Half days"), |t| t.half_day),
    (("Tidak hadir", "Absent"), |t| t.absent),
    (("Cuti", "On leave"), |t| t.on_leave),
    (("Izin", "Excused"), |t| t.excused),
    (("Tidak diketahui", "Unknown"), |t| t.unknown),
    (("Hari terlambat", "Days late"), |t| t.late),
    (("Hari pulang awal", "Days left early"), |t| t.early_leave),
];

/// What a figure of [`Figures`] is: its column, and the figure.
type Figure = (Column, fn(&Figures) -> i64);

const FIGURES: [Figure; 9] = [
    (Column::Planned, |f| f.planned_s),
    (Column::Worked, |f| f.worked_s),
    (Column::Break, |f| f.break_s),
    (Column::Away, |f| f.away_s),
    (Column::Late, |f| f.late_s),
    (Column::EarlyLeave, |f| f.early_leave_s),
    (Column::Overtime, |f| f.overtime_s),
    (Column::Unobserved, |f| f.unobserved_s),
    (Column::Leave, |f| f.leave_s),
];

/// The workbook.
///
/// # Errors
/// Those of the writer, if a figure is beyond what a workbook holds.
pub(super) fn xlsx(report: &AttendanceReport, style: &Style) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let made = report.made_at.with_timezone(&style.zone);
    let created = rust_xlsxwriter::ExcelDateTime::from_ymd(
        u16::try_from(made.year()).unwrap_or(1900),
        u8::try_from(made.month()).unwrap_or(1),
        u8::try_from(made.day()).unwrap_or(1),
    )?;
    book.set_properties(
        &DocProperties::new()
            .set_title(title(report, style.language))
            .set_company(&style.letterhead.company)
            .set_author("Hadir")
            .set_creation_datetime(&created),
    );
    let formats = Formats::new();
    let mut names = HashSet::new();
    let summary_name = match style.language {
        Language::Id => "Ringkasan",
        Language::En => "Summary",
    };
    names.insert(summary_name.to_lowercase());
    summary(
        book.add_worksheet().set_name(summary_name)?,
        report,
        style,
        &formats,
    )?;

    let mut days: BTreeMap<&str, Vec<&AttendanceRow>> = BTreeMap::new();
    for row in &report.days {
        days.entry(row.employee.as_str()).or_default().push(row);
    }
    for people in report.people.chunk_by(|a, b| a.team == b.team) {
        let none = match style.language {
            Language::Id => "Tanpa atasan",
            Language::En => "No superior",
        };
        let wanted = people
            .first()
            .and_then(|person| person.team_name.as_deref())
            .unwrap_or(none);
        let name = sheet_name(wanted, &mut names);
        team(
            book.add_worksheet().set_name(name)?,
            report,
            people,
            &days,
            style,
            &formats,
        )?;
    }
    book.save_to_buffer()
}

fn title(report: &AttendanceReport, language: Language) -> String {
    let what = match language {
        Language::Id => "Laporan kehadiran",
        Language::En => "Attendance report",
    };
    if report.from == report.to {
        format!("{what} {}", report.from)
    } else {
        format!("{what} {} – {}", report.from, report.to)
    }
}

/// Everything that sheets share.
fn begin(
    sheet: &mut Worksheet,
    report: &AttendanceReport,
    of: &str,
    style: &Style,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let letterhead = &style.letterhead;
    sheet.write_string_with_format(0, 0, &letterhead.company, &formats.company)?;
    let made = report.made_at.with_timezone(&style.zone).format("%Y-%m-%d %H:%M");
    let (made_word, page) = match style.language {
        Language::Id => ("Dibuat", "Halaman &P dari &N"),
        Language::En => ("Made", "Page &P of &N"),
    };
    let mut under = if letterhead.address.is_empty() {
        format!("{made_word} {made} ({})", report.timezone)
    } else {
        format!(
            "{} · {made_word} {made} ({})",
            letterhead.address, report.timezone
        )
    };
    if let Some(provisional) = words::provisional(report, style.language) {
        under.push_str(&format!(" · {provisional}"));
    }
    sheet.write_string_with_format(1, 0, under, &formats.faint)?;
    let what = title(report, style.language);
    let what = if of.is_empty() {
        what
    } else {
        format!("{what} · {of}")
    };
    sheet.write_string_with_format(2, 0, what, &formats.title)?;
    sheet
        .set_landscape()
        .set_paper_size(9)
        .set_print_fit_to_pages(1, 0)
        .set_footer(format!("&L{}&R{page}", letterhead.company.replace('&', "&&")));
    sheet.set_repeat_rows(HEAD, HEAD)?;
    sheet.set_freeze_panes(HEAD + 1, 0)?;
    Ok(())
}

fn header(sheet: &mut Worksheet, columns: &[(String, f64)], formats: &Formats) -> Result<(), XlsxError> {
    for (at, (name, width)) in (0u16..).zip(columns) {
        sheet.write_string_with_format(HEAD, at, name, &formats.header)?;
        sheet.set_column_width(at, *width)?;
    }
    Ok(())
}

fn summary(
    sheet: &mut Worksheet,
    report: &AttendanceReport,
    style: &Style,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let language = style.language;
    begin(sheet, report, "", style, formats)?;
    let word = |words: (&'static str, &'static str)| match language {
        Language::Id => words.0,
        Language::En => words.1,
    };
    let mut columns: Vec<(String, f64)> = vec![
        (Column::Employee.word(language).into(), 12.0),
        (Column::Name.word(language).into(), 26.0),
        (Column::Team.word(language).into(), 20.0),
    ];
    columns.extend(COUNTED.iter().map(|(words, _)| (word(*words).to_owned(), 9.0)));
    columns.extend(
        FIGURES
            .iter()
            .map(|(column, _)| (column.word(language).to_owned(), 10.0)),
    );
    header(sheet, &columns, formats)?;
    let mut row = HEAD + 1;
    for person in &report.people {
        names(sheet, row, person, formats)?;
        sheet.write_string_with_format(
            row,
            2,
            person.team_name.as_deref().unwrap_or_default(),
            &formats.text,
        )?;
        let mut at = 3;
        for (_, figure) in COUNTED {
            sheet.write_number_with_format(row, at, figure(&person.totals), &formats.number)?;
            at += 1;
        }
        for (_, figure) in FIGURES {
            duration(sheet, row, at, figure(&person.totals.figures), &formats.duration)?;
            at += 1;
        }
        row += 1;
    }
    total_word(sheet, row, 3, language, formats)?;
    let mut at = 3;
    for (_, figure) in COUNTED {
        let value = figure(&report.totals).to_string();
        sum(sheet, row, at, &value, &formats.total_number)?;
        at += 1;
    }
    for (_, figure) in FIGURES {
        sum(
            sheet,
            row,
            at,
            &days(figure(&report.totals.figures)).to_string(),
            &formats.total_duration,
        )?;
        at += 1;
    }
    filter(sheet, row, at)
}

fn team(
    sheet: &mut Worksheet,
    report: &AttendanceReport,
    people: &[AttendancePerson],
    of: &BTreeMap<&str, Vec<&AttendanceRow>>,
    style: &Style,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let language = style.language;
    let name = people
        .first()
        .and_then(|person| person.team_name.as_deref())
        .unwrap_or_default();
    begin(sheet, report, name, style, formats)?;
    let lead = [
        (Column::Employee, 12.0),
        (Column::Name, 26.0),
        (Column::Date, 11.0),
        (Column::Status, 14.0),
        (Column::FirstIn, 8.0),
        (Column::LastOut, 11.0),
    ];
    let mut columns: Vec<(String, f64)> = lead
        .into_iter()
        .map(|(column, width)| (column.word(language).to_owned(), width))
        .collect();
    columns.extend(
        FIGURES
            .iter()
            .map(|(column, _)| (column.word(language).to_owned(), 9.0)),
    );
    columns.push((Column::State.word(language).into(), 12.0));
    columns.push((Column::Notes.word(language).into(), 34.0));
    header(sheet, &columns, formats)?;
    let first_figure = u16::try_from(lead.len()).unwrap_or(0);
    let mut row = HEAD + 1;
    let mut totals = Totals::default();
    for person in people {
        totals = totals.plus(person.totals);
        for day in of.get(person.employee.as_str()).into_iter().flatten() {
            names(sheet, row, person, formats)?;
            let date = day.date.and_time(chrono::NaiveTime::MIN);
            sheet.write_number_with_format(row, 2, serial(date), &formats.date)?;
            let bad = matches!(day.status, Status::Absent | Status::Unknown);
            let format = if bad { &formats.absent } else { &formats.text };
            sheet.write_string_with_format(row, 3, words::of_day(day, language), format)?;
            time(sheet, row, 4, day.first_in, day.date, style, formats)?;
            time(sheet, row, 5, day.last_out, day.date, style, formats)?;
            let mut at = first_figure;
            for (column, figure) in FIGURES {
                let value = figure(&day.figures);
                let bad = value > 0 && matches!(column, Column::Late | Column::EarlyLeave | Column::Away);
                duration(
                    sheet,
                    row,
                    at,
                    value,
                    if bad { &formats.late } else { &formats.duration },
                )?;
                at += 1;
            }
            sheet.write_string_with_format(row, at, words::state(day.state, language), &formats.text)?;
            sheet.write_string_with_format(row, at + 1, words::notes(day, language), &formats.text)?;
            row += 1;
        }
    }
    total_word(sheet, row, first_figure, language, formats)?;
    let mut at = first_figure;
    for (_, figure) in FIGURES {
        sum(
            sheet,
            row,
            at,
            &days(figure(&totals.figures)).to_string(),
            &formats.total_duration,
        )?;
        at += 1;
    }
    sheet.write_blank(row, at, &formats.total_text)?;
    sheet.write_blank(row, at + 1, &formats.total_text)?;
    filter(sheet, row, at + 2)
}

fn names(
    sheet: &mut Worksheet,
    row: u32,
    person: &AttendancePerson,
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.write_string_with_format(row, 0, person.employee.as_str(), &formats.text)?;
    sheet.write_string_with_format(row, 1, &person.name, &formats.text)?;
    Ok(())
}

fn total_word(
    sheet: &mut Worksheet,
    row: u32,
    columns: u16,
    language: Language,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let word = match language {
        Language::Id => "Jumlah",
        Language::En => "Total",
    };
    sheet.write_string_with_format(row, 0, word, &formats.total_text)?;
    for at in 1..columns {
        sheet.write_blank(row, at, &formats.total_text)?;
    }
    Ok(())
}

/// The sum of the rows above, with its value, for readers that do not compute.
fn sum(sheet: &mut Worksheet, row: u32, at: u16, value: &str, format: &Format) -> Result<(), XlsxError> {
    let column = rust_xlsxwriter::utility::column_number_to_name(at);
    // Rows count from 1 there.
    let (first, last) = (HEAD + 2, row);
    let formula = if last < first {
        Formula::new("=0")
    } else {
        // What is filtered away does not count.
        Formula::new(format!("=SUBTOTAL(109,{column}{first}:{column}{last})"))
    };
    sheet.write_formula_with_format(row, at, formula.set_result(value), format)?;
    Ok(())
}

fn filter(sheet: &mut Worksheet, row: u32, columns: u16) -> Result<(), XlsxError> {
    if row > HEAD + 1 {
        sheet.autofilter(HEAD, 0, row - 1, columns - 1)?;
    }
    Ok(())
}

/// A spreadsheet counts in days.
fn days(seconds: i64) -> f64 {
    seconds as f64 / 86_400.0
}

fn duration(
    sheet: &mut Worksheet,
    row: u32,
    at: u16,
    seconds: i64,
    format: &Format,
) -> Result<(), XlsxError> {
    if seconds == 0 {
        // Zeros everywhere hide what matters; an empty cell adds up the same.
        sheet.write_blank(row, at, format)?;
    } else {
        sheet.write_number_with_format(row, at, days(seconds), format)?;
    }
    Ok(())
}

fn time(
    sheet: &mut Worksheet,
    row: u32,
    at: u16,
    moment: Option<DateTime<Utc>>,
    date: NaiveDate,
    style: &Style,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let Some(moment) = moment else {
        sheet.write_blank(row, at, &formats.text)?;
        return Ok(());
    };
    let local = moment.with_timezone(&style.zone).naive_local();
    let format = if local.date() == date {
        &formats.time
    } else {
        &formats.next_day
    };
    sheet.write_number_with_format(row, at, serial(local), format)?;
    Ok(())
}

/// Days since the beginning of 1900 as spreadsheets count them.
fn serial(at: NaiveDateTime) -> f64 {
    let epoch = NaiveDate::from_ymd_opt(1899, 12, 30)
        .unwrap_or_default()
        .and_time(chrono::NaiveTime::MIN);
    (at - epoch).num_seconds() as f64 / 86_400.0
}

/// A name that Excel takes and no other sheet has.
fn sheet_name(wanted: &str, taken: &mut HashSet<String>) -> String {
    let plain: String = wanted
        .chars()
        .map(|c| {
            if "[]:*?/\\".contains(c) || c.is_control() {
                ' '
            } else {
                c
            }
        })
        .collect();
    let plain = plain.trim().trim_matches('\'').trim();
    let plain = if plain.is_empty() { "Tim" } else { plain };
    for number in 1.. {
        let ending = if number == 1 {
            String::new()
        } else {
            format!(" ({number})")
        };
        // Excel counts in UTF-16.
        let mut name = String::new();
        let mut left = MAX_SHEET_NAME - ending.len();
        for c in plain.chars() {
            match left.checked_sub(c.len_utf16()) {
                Some(rest) => left = rest,
                None => break,
            }
            name.push(c);
        }
        let name = format!("{}{ending}", name.trim_end().trim_end_matches('\''));
        // `History` is Excel's own.
        if !name.eq_ignore_ascii_case("history") && taken.insert(name.to_lowercase()) {
            return name;
        }
    }
    plain.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_have_names_of_their_own() {
        let mut taken = HashSet::new();
        for (wanted, name) in [
            ("Sari", "Sari"),
            ("SARI", "SARI (2)"),
            ("A/B: [c]*?", "A B   c"),
            ("''", "Tim"),
            ("History", "History (2)"),
            (
                "Raden Mas Panji Sosrokartono Kusumodiningrat",
                "Raden Mas Panji Sosrokartono Ku",
            ),
            (
                "Raden Mas Panji Sosrokartono Kusumawardhani",
                "Raden Mas Panji Sosrokarton (2)",
            ),
        ] {
            assert_eq!(sheet_name(wanted, &mut taken), name, "{wanted}");
        }
    }

    #[test]
    fn days_are_counted_as_spreadsheets_do() {
        let at = |text: &str| serial(text.parse().expect("time"));
        assert_eq!(at("2026-11-23T00:00:00"), 46_349.0);
        assert_eq!(at("2026-11-23T12:00:00"), 46_349.5);
    }
}
