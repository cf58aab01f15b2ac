//! A report to be printed and signed: a head, the sums, a chart, a table for each team, and, of several days, the days of
//! each person.

mod canvas;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use krilla::error::KrillaError;
use krilla::metadata::Metadata;

use self::canvas::{Canvas, Color, HEIGHT, WIDTH, Weight};
use super::words::{self, Column};
use super::{Style, hours};
use crate::attendance::Status;
use crate::core::types::Language;
use crate::core::{AttendancePerson, AttendanceReport, AttendanceRow, Totals};

const MARGIN: f32 = 36.0;
const BOTTOM: f32 = HEIGHT - 44.0;
const ROW: f32 = 13.0;
const TEXT: f32 = 7.5;

const INK: Color = (31, 41, 55);
const FAINT: Color = (97, 107, 122);
const RULE: Color = (213, 218, 225);
const SHADE: Color = (238, 241, 245);
const ACCENT: Color = (15, 98, 254);
const RED: Color = (180, 35, 24);
const AMBER: Color = (147, 90, 0);

/// How a status looks in charts, in the order in which it is stacked.
const STACK: [(Status, Color); 6] = [
    (Status::Present, (36, 138, 85)),
    (Status::HalfDay, (134, 196, 160)),
    (Status::OnLeave, (96, 125, 168)),
    (Status::Excused, (158, 178, 208)),
    (Status::Unknown, (170, 176, 186)),
    (Status::Absent, (204, 62, 50)),
];

/// More bars than this are drawn by the week.
const MAX_BARS: usize = 62;

/// The file.
///
/// # Errors
/// Those of the writer.
pub(super) fn pdf(report: &AttendanceReport, style: &Style) -> Result<Vec<u8>, KrillaError> {
    let mut paper = Paper {
        canvas: Canvas::new(),
        y: MARGIN,
        style,
    };
    paper.head(report);
    paper.sums(&report.totals, report.people.len());
    if report.from < report.to {
        paper.chart(report);
    }
    let mut days: BTreeMap<&str, Vec<&AttendanceRow>> = BTreeMap::new();
    for row in &report.days {
        days.entry(row.employee.as_str()).or_default().push(row);
    }
    let of = |person: &AttendancePerson| days.get(person.employee.as_str()).map_or(&[][..], Vec::as_slice);
    for people in report.people.chunk_by(|a, b| a.team == b.team) {
        if report.from == report.to {
            paper.one_day(people, &of);
        } else {
            paper.summary(people);
        }
    }
    if report.from < report.to {
        for person in &report.people {
            paper.person(person, of(person));
        }
    }
    paper.signature(report);
    paper.footers(report);
    let (title, _) = titles(report, style.language);
    let metadata = Metadata::new()
        .title(title)
        .language(style.language.as_str().to_owned())
        .creator("Hadir".to_owned())
        .authors(vec![style.letterhead.company.clone()]);
    paper.canvas.write(metadata)
}

/// What the report is called, and what days it is of.
fn titles(report: &AttendanceReport, language: Language) -> (String, String) {
    let title = match language {
        Language::Id => "Laporan Kehadiran",
        Language::En => "Attendance Report",
    };
    let days = if report.from == report.to {
        date(report.from, language)
    } else {
        format!("{} – {}", date(report.from, language), date(report.to, language))
    };
    (title.to_owned(), days)
}

/// `23 November 2026`.
fn date(date: NaiveDate, language: Language) -> String {
    use chrono::Datelike as _;
    format!("{} {}", date.day(), words::month(date, language))
}

/// `Sen 23/11`.
fn short_date(date: NaiveDate, language: Language) -> String {
    use chrono::Datelike as _;
    let names = match language {
        Language::Id => ["Sen", "Sel", "Rab", "Kam", "Jum", "Sab", "Min"],
        Language::En => ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    };
    let day = names[date.weekday().num_days_from_monday() as usize % 7];
    format!("{day} {}", date.format("%d/%m"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

/// A column of a table: its word, its width, and the side that its cells stand at.
struct Head {
    word: String,
    width: f32,
    align: Align,
}

fn left(word: impl Into<String>, width: f32) -> Head {
    Head {
        word: word.into(),
        width,
        align: Align::Left,
    }
}

fn right(word: impl Into<String>, width: f32) -> Head {
    Head {
        word: word.into(),
        width,
        align: Align::Right,
    }
}

/// What a cell says, and how.
struct Cell {
    text: String,
    color: Color,
}

fn cell(text: impl Into<String>) -> Cell {
    Cell {
        text: text.into(),
        color: INK,
    }
}

/// A duration, nothing where there is none.
fn long(seconds: i64) -> Cell {
    cell(if seconds == 0 {
        String::new()
    } else {
        hours(seconds)
    })
}

/// One that somebody should look at.
fn bad(seconds: i64) -> Cell {
    Cell {
        color: AMBER,
        ..long(seconds)
    }
}

struct Paper<'a> {
    canvas: Canvas,
    y: f32,
    style: &'a Style,
}

impl Paper<'_> {
    fn word(&self, id: &'static str, en: &'static str) -> &'static str {
        match self.style.language {
            Language::Id => id,
            Language::En => en,
        }
    }

    fn head(&mut self, report: &AttendanceReport) {
        let letterhead = &self.style.letterhead;
        let (title, days) = titles(report, self.style.language);
        let made = report.made_at.with_timezone(&self.style.zone);
        let made = format!(
            "{} {}",
            self.word("Dibuat", "Made"),
            made.format("%Y-%m-%d %H:%M")
        );
        let right =
            |canvas: &Canvas, text: &str, size| WIDTH - MARGIN - canvas.width(text, size, Weight::Regular);
        self.canvas
            .text((MARGIN, 50.0), &letterhead.company, 15.0, Weight::Medium, INK);
        self.canvas
            .text((MARGIN, 63.0), &letterhead.address, 8.0, Weight::Regular, FAINT);
        let x = WIDTH - MARGIN - self.canvas.width(&title, 13.0, Weight::Medium);
        self.canvas.text((x, 50.0), &title, 13.0, Weight::Medium, INK);
        let x = right(&self.canvas, &days, 9.0);
        self.canvas.text((x, 63.0), &days, 9.0, Weight::Regular, INK);
        let mut made = format!("{made} ({})", report.timezone);
        if let Some(provisional) = words::provisional(report, self.style.language) {
            made = format!("{provisional} · {made}");
        }
        let x = right(&self.canvas, &made, 7.0);
        self.canvas.text((x, 74.0), &made, 7.0, Weight::Regular, FAINT);
        self.canvas
            .area((MARGIN, 82.0), (WIDTH - 2.0 * MARGIN, 1.2), ACCENT);
        self.y = 96.0;
    }

    /// The most important sums, side by side.
    fn sums(&mut self, totals: &Totals, people: usize) {
        let figures = &totals.figures;
        let all = [
            (people.to_string(), self.word("Karyawan", "Employees")),
            (totals.present.to_string(), self.word("Hadir", "Present")),
            (
                totals.half_day.to_string(),
                self.word("Setengah hari", "Half days"),
            ),
            (totals.absent.to_string(), self.word("Tidak hadir", "Absent")),
            (
                (totals.on_leave + totals.excused).to_string(),
                self.word("Cuti/izin", "Leave"),
            ),
            (
                totals.unknown.to_string(),
                self.word("Tidak diketahui", "Unknown"),
            ),
            (totals.late.to_string(), self.word("Terlambat", "Late")),
            (hours(figures.worked_s), self.word("Bekerja", "Worked")),
            (hours(figures.away_s), self.word("Di luar", "Away")),
            (hours(figures.overtime_s), self.word("Lembur", "Overtime")),
        ];
        let width = (WIDTH - 2.0 * MARGIN) / all.len() as f32;
        for (number, (value, word)) in all.iter().enumerate() {
            let x = MARGIN + width * number as f32;
            self.canvas.area((x, self.y), (width - 6.0, 34.0), SHADE);
            self.canvas
                .text((x + 6.0, self.y + 16.0), value, 12.0, Weight::Medium, INK);
            self.canvas
                .text((x + 6.0, self.y + 27.0), word, 7.0, Weight::Regular, FAINT);
        }
        self.y += 48.0;
    }

    /// How many people had which status, day by day or week by week.
    fn chart(&mut self, report: &AttendanceReport) {
        use chrono::Datelike as _;
        let dates = report
            .from
            .iter_days()
            .take_while(|date| *date <= report.to)
            .count();
        let by_week = dates > MAX_BARS;
        let mut bars: BTreeMap<NaiveDate, [u32; STACK.len()]> = BTreeMap::new();
        for row in &report.days {
            let Some(at) = STACK.iter().position(|(status, _)| *status == row.status) else {
                continue;
            };
            let begins = if by_week {
                row.date.week(chrono::Weekday::Mon).first_day()
            } else {
                row.date
            };
            bars.entry(begins).or_default()[at] += 1;
        }
        let most = bars
            .values()
            .map(|bar| bar.iter().sum::<u32>())
            .max()
            .unwrap_or(0);
        if most == 0 {
            return;
        }
        let step = if by_week { 7 } else { 1 };
        let places = dates.div_ceil(step) + usize::from(by_week);
        let (height, axis) = (84.0, 24.0);
        let room = (WIDTH - 2.0 * MARGIN - axis) / places as f32;
        let base = self.y + height;
        for (share, line) in [(0.0, base), (0.5, base - height / 2.0), (1.0, base - height)] {
            self.canvas
                .area((MARGIN + axis, line), (WIDTH - 2.0 * MARGIN - axis, 0.4), RULE);
            let value = (most as f32 * share).round().to_string();
            self.canvas
                .text((MARGIN, line + 2.0), &value, 6.5, Weight::Regular, FAINT);
        }
        let first = if by_week {
            report.from.week(chrono::Weekday::Mon).first_day()
        } else {
            report.from
        };
        let every = places.div_ceil(31);
        for (number, begins) in first.iter_days().step_by(step).take(places).enumerate() {
            let x = MARGIN + axis + room * number as f32;
            let mut top = base;
            for (count, (_, color)) in bars.get(&begins).into_iter().flatten().zip(STACK) {
                let tall = height * *count as f32 / most as f32;
                top -= tall;
                if tall > 0.0 {
                    self.canvas
                        .area((x + room * 0.15, top), (room * 0.7, tall), color);
                }
            }
            if begins <= report.to && number % every == 0 {
                let label = if begins.day() == 1 || number == 0 || by_week {
                    begins.format("%d/%m").to_string()
                } else {
                    begins.format("%d").to_string()
                };
                let x = x + (room - self.canvas.width(&label, 6.0, Weight::Regular)) / 2.0;
                self.canvas
                    .text((x, base + 9.0), &label, 6.0, Weight::Regular, FAINT);
            }
        }
        let mut x = MARGIN + axis;
        for (status, color) in STACK {
            let word = words::status(status, self.style.language);
            self.canvas.area((x, base + 16.0), (7.0, 7.0), color);
            self.canvas
                .text((x + 10.0, base + 22.0), word, 7.0, Weight::Regular, INK);
            x += 22.0 + self.canvas.width(word, 7.0, Weight::Regular);
        }
        self.y = base + 36.0;
    }

    /// Room for so much more on the page, or a new one.
    fn need(&mut self, height: f32) -> bool {
        if self.y + height <= BOTTOM {
            return false;
        }
        self.canvas.next_page();
        self.y = MARGIN + 8.0;
        true
    }

    fn title(&mut self, text: &str, beside: &str) {
        self.canvas
            .text((MARGIN, self.y + 10.0), text, 10.0, Weight::Medium, INK);
        let x = MARGIN + self.canvas.width(text, 10.0, Weight::Medium) + 8.0;
        self.canvas
            .text((x, self.y + 10.0), beside, 7.5, Weight::Regular, FAINT);
        self.y += 16.0;
    }

    fn heads(&mut self, heads: &[Head]) {
        let width: f32 = heads.iter().map(|head| head.width).sum();
        self.canvas.area((MARGIN, self.y), (width, ROW), SHADE);
        let cells: Vec<Cell> = heads
            .iter()
            .map(|head| Cell {
                text: head.word.clone(),
                color: FAINT,
            })
            .collect();
        self.cells(heads, &cells, Weight::Medium);
    }

    fn cells(&mut self, heads: &[Head], cells: &[Cell], weight: Weight) {
        let mut x = MARGIN;
        for (head, cell) in heads.iter().zip(cells) {
            if !cell.text.is_empty() {
                let text = self.canvas.fit(&cell.text, TEXT, weight, head.width - 6.0);
                let at = match head.align {
                    Align::Left => x + 3.0,
                    Align::Right => x + head.width - 3.0 - self.canvas.width(&text, TEXT, weight),
                };
                self.canvas
                    .text((at, self.y + 9.2), &text, TEXT, weight, cell.color);
            }
            x += head.width;
        }
        self.y += ROW;
    }

    fn table(&mut self, heads: &[Head], rows: impl Iterator<Item = Vec<Cell>>, total: Option<Vec<Cell>>) {
        let width: f32 = heads.iter().map(|head| head.width).sum();
        self.heads(heads);
        for row in rows {
            if self.need(ROW) {
                self.heads(heads);
            }
            self.cells(heads, &row, Weight::Regular);
            self.canvas.area((MARGIN, self.y), (width, 0.3), RULE);
        }
        if let Some(total) = total {
            if self.need(ROW + 2.0) {
                self.heads(heads);
            }
            self.canvas.area((MARGIN, self.y), (width, 0.8), INK);
            self.cells(heads, &total, Weight::Medium);
        }
        self.y += 12.0;
    }

    fn team_title(&mut self, people: &[AttendancePerson]) {
        self.need(16.0 + 3.0 * ROW);
        let none = self.word("Tanpa atasan", "No superior");
        let name = people.first().and_then(|person| person.team_name.clone());
        let name = name.map_or_else(
            || none.to_owned(),
            |name| format!("{} {name}", self.word("Tim", "Team")),
        );
        self.title(
            &name,
            &format!("{} {}", people.len(), self.word("orang", "people")),
        );
    }

    /// A team on one day.
    fn one_day<'r>(
        &mut self,
        people: &[AttendancePerson],
        of: &impl Fn(&AttendancePerson) -> &'r [&'r AttendanceRow],
    ) {
        self.team_title(people);
        let word = |column: Column| column.word(self.style.language);
        let heads = [
            left(word(Column::Employee), 58.0),
            left(word(Column::Name), 120.0),
            left(word(Column::Status), 66.0),
            right(word(Column::FirstIn), 52.0),
            right(word(Column::LastOut), 52.0),
            right(word(Column::Worked), 46.0),
            right(word(Column::Break), 46.0),
            right(word(Column::Away), 46.0),
            right(word(Column::Late), 52.0),
            right(word(Column::EarlyLeave), 56.0),
            right(word(Column::Overtime), 48.0),
            left(word(Column::State), 50.0),
            left(word(Column::Notes), 77.0),
        ];
        let rows: Vec<Vec<Cell>> = people
            .iter()
            .flat_map(|person| of(person).iter().map(move |row| (person, *row)))
            .map(|(person, row)| {
                let figures = &row.figures;
                vec![
                    cell(person.employee.as_str()),
                    cell(&person.name),
                    self.status(row),
                    self.time(row.first_in, row.date),
                    self.time(row.last_out, row.date),
                    long(figures.worked_s),
                    long(figures.break_s),
                    bad(figures.away_s),
                    bad(figures.late_s),
                    bad(figures.early_leave_s),
                    long(figures.overtime_s),
                    self.state(row),
                    cell(words::notes(row, self.style.language)),
                ]
            })
            .collect();
        let totals = people
            .iter()
            .fold(Totals::default(), |sum, person| sum.plus(person.totals));
        let total = self.total_of_days(&totals, 5);
        self.table(&heads, rows.into_iter(), Some(total));
    }

    /// Sums below columns of days, behind `lead` columns.
    fn total_of_days(&self, totals: &Totals, lead: usize) -> Vec<Cell> {
        let figures = &totals.figures;
        let mut cells = vec![cell(self.word("Jumlah", "Total"))];
        cells.extend((1..lead).map(|_| cell("")));
        cells.extend([
            cell(hours(figures.worked_s)),
            cell(hours(figures.break_s)),
            cell(hours(figures.away_s)),
            cell(hours(figures.late_s)),
            cell(hours(figures.early_leave_s)),
            cell(hours(figures.overtime_s)),
        ]);
        cells
    }

    /// A team over several days, one line for each.
    fn summary(&mut self, people: &[AttendancePerson]) {
        self.team_title(people);
        let word = |column: Column| column.word(self.style.language);
        let heads = [
            left(word(Column::Employee), 56.0),
            left(word(Column::Name), 122.0),
            right(self.word("Hari kerja", "Workdays"), 48.0),
            right(self.word("Hadir", "Present"), 40.0),
            right(self.word("½ hari", "Half"), 34.0),
            right(self.word("Tdk hadir", "Absent"), 42.0),
            right(self.word("Cuti/izin", "Leave"), 42.0),
            right(self.word("Tdk diket.", "Unknown"), 44.0),
            right(self.word("Terlambat (×)", "Late (×)"), 56.0),
            right(word(Column::Planned), 50.0),
            right(word(Column::Worked), 50.0),
            right(word(Column::Away), 44.0),
            right(word(Column::Late), 48.0),
            right(word(Column::EarlyLeave), 52.0),
            right(word(Column::Overtime), 41.0),
        ];
        let line = |name: [Cell; 2], totals: &Totals| {
            let figures = &totals.figures;
            let mut cells = Vec::from(name);
            cells.extend(
                [
                    totals.workdays,
                    totals.present,
                    totals.half_day,
                    totals.absent,
                    totals.on_leave + totals.excused,
                    totals.unknown,
                    totals.late,
                ]
                .map(|number| cell(number.to_string())),
            );
            cells.extend([
                cell(hours(figures.planned_s)),
                cell(hours(figures.worked_s)),
                cell(hours(figures.away_s)),
                cell(hours(figures.late_s)),
                cell(hours(figures.early_leave_s)),
                cell(hours(figures.overtime_s)),
            ]);
            cells
        };
        let rows: Vec<Vec<Cell>> = people
            .iter()
            .map(|person| {
                line(
                    [cell(person.employee.as_str()), cell(&person.name)],
                    &person.totals,
                )
            })
            .collect();
        let totals = people
            .iter()
            .fold(Totals::default(), |sum, person| sum.plus(person.totals));
        let total = line([cell(self.word("Jumlah", "Total")), cell("")], &totals);
        self.table(&heads, rows.into_iter(), Some(total));
    }

    /// One person's days.
    fn person(&mut self, person: &AttendancePerson, rows: &[&AttendanceRow]) {
        if rows.is_empty() {
            return;
        }
        self.need(16.0 + 4.0 * ROW);
        let team = person.team_name.as_deref().unwrap_or_default();
        let beside = if team.is_empty() {
            person.employee.to_string()
        } else {
            format!("{} · {} {team}", person.employee, self.word("Tim", "Team"))
        };
        self.title(&person.name, &beside);
        let word = |column: Column| column.word(self.style.language);
        let heads = [
            left(word(Column::Date), 58.0),
            left(word(Column::Status), 84.0),
            right(word(Column::FirstIn), 62.0),
            right(word(Column::LastOut), 62.0),
            right(word(Column::Worked), 52.0),
            right(word(Column::Break), 52.0),
            right(word(Column::Away), 52.0),
            right(word(Column::Late), 56.0),
            right(word(Column::EarlyLeave), 58.0),
            right(word(Column::Overtime), 52.0),
            left(word(Column::State), 58.0),
            left(word(Column::Notes), 123.0),
        ];
        let rows: Vec<Vec<Cell>> = rows
            .iter()
            .map(|row| {
                let figures = &row.figures;
                vec![
                    cell(short_date(row.date, self.style.language)),
                    self.status(row),
                    self.time(row.first_in, row.date),
                    self.time(row.last_out, row.date),
                    long(figures.worked_s),
                    long(figures.break_s),
                    bad(figures.away_s),
                    bad(figures.late_s),
                    bad(figures.early_leave_s),
                    long(figures.overtime_s),
                    self.state(row),
                    Cell {
                        color: FAINT,
                        ..cell(words::notes(row, self.style.language))
                    },
                ]
            })
            .collect();
        let total = self.total_of_days(&person.totals, 4);
        self.table(&heads, rows.into_iter(), Some(total));
    }

    fn status(&self, row: &AttendanceRow) -> Cell {
        let color = match row.status {
            Status::Absent => RED,
            Status::Unknown => AMBER,
            Status::NotExpected | Status::Pending => FAINT,
            Status::Present | Status::HalfDay | Status::OnLeave | Status::Excused => INK,
        };
        Cell {
            color,
            ..cell(words::of_day(row, self.style.language))
        }
    }

    fn state(&self, row: &AttendanceRow) -> Cell {
        Cell {
            color: FAINT,
            ..cell(words::state(row.state, self.style.language))
        }
    }

    fn time(&self, at: Option<DateTime<Utc>>, date: NaiveDate) -> Cell {
        let Some(at) = at else { return cell("") };
        let local = at.with_timezone(&self.style.zone);
        let form = if local.date_naive() == date {
            "%H:%M"
        } else {
            "%d/%m %H:%M"
        };
        cell(local.format(form).to_string())
    }

    fn signature(&mut self, report: &AttendanceReport) {
        self.need(104.0);
        let note = self.word(
            "Jam dan menit dibulatkan ke bawah; jumlah dihitung dari waktu yang tepat.",
            "Hours and minutes are rounded down; sums are of the exact times.",
        );
        self.canvas
            .text((MARGIN, self.y + 8.0), note, 6.5, Weight::Regular, FAINT);
        let x = WIDTH - MARGIN - 190.0;
        let made = report.made_at.with_timezone(&self.style.zone).date_naive();
        let made = date(made, self.style.language);
        self.canvas
            .text((x, self.y + 20.0), &made, 8.0, Weight::Regular, INK);
        let known = self.word("Mengetahui,", "Acknowledged by");
        self.canvas
            .text((x, self.y + 32.0), known, 8.0, Weight::Regular, INK);
        self.canvas.area((x, self.y + 84.0), (190.0, 0.6), INK);
        let signatory = self.style.letterhead.signatory.clone();
        self.canvas
            .text((x, self.y + 94.0), &signatory, 8.0, Weight::Regular, INK);
        self.y += 104.0;
    }

    fn footers(&mut self, report: &AttendanceReport) {
        let pages = self.canvas.pages();
        let (title, days) = titles(report, self.style.language);
        let what = format!("{} · {title} · {days}", self.style.letterhead.company);
        for page in 0..pages {
            let number = match self.style.language {
                Language::Id => format!("Halaman {} dari {pages}", page + 1),
                Language::En => format!("Page {} of {pages}", page + 1),
            };
            let y = HEIGHT - 24.0;
            self.canvas
                .text_on(page, (MARGIN, y), &what, 7.0, Weight::Regular, FAINT);
            let x = WIDTH - MARGIN - self.canvas.width(&number, 7.0, Weight::Regular);
            self.canvas
                .text_on(page, (x, y), &number, 7.0, Weight::Regular, FAINT);
        }
    }
}
