//! Runs `docs/attendance-cases.md`: every row of its tables is a case. The page says how they are written.

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use hadir_shared::id::{AreaId, CameraId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::schedule::{Calendar, Exemption, Schedule, local_moment};

const PAGE: &str = include_str!("../../../docs/attendance-cases.md");

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    date: NaiveDate,
    timezone: Tz,
    #[serde(default)]
    holidays: BTreeMap<NaiveDate, String>,
    schedule: Option<Schedule>,
    /// CAM 2 is in the area `area2`, and so on.
    #[serde(default)]
    away_after_min: BTreeMap<AreaId, i64>,
}

struct Case<'a> {
    section: &'a str,
    number: &'a str,
    name: &'a str,
    happened: &'a str,
    expected: &'a str,
}

/// Sections, each with its setting and its cases.
fn page() -> Vec<(Setting, Vec<Case<'static>>)> {
    let mut sections: Vec<(Setting, Vec<Case<'static>>)> = Vec::new();
    let mut lines = PAGE.lines();
    let mut section = "";
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        } else if line == "```json" {
            let json: String = lines.by_ref().take_while(|line| *line != "```").collect();
            let setting = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{section}: {e}"));
            sections.push((setting, Vec::new()));
        } else if let Some(row) = line.strip_prefix("| ") {
            let cells: Vec<&str> = row.trim_end_matches('|').split(" | ").map(str::trim).collect();
            let [number, name, happened, expected, _rule] = cells[..] else {
                panic!("{section}: a row with {} cells: {line}", cells.len())
            };
            if number.parse::<u32>().is_ok() {
                let cases = &mut sections.last_mut().expect("a setting before the table").1;
                cases.push(Case {
                    section,
                    number,
                    name,
                    happened,
                    expected,
                });
            }
        }
    }
    sections
}

/// Milliseconds of `08:00`, `+1 02:00`, `08:00:30`.
fn moment(setting: &Setting, text: &str) -> i64 {
    let (days, time) = match text.trim().split_once(' ') {
        Some((days, time)) => (days.parse::<i64>().expect("days"), time),
        None => (0, text.trim()),
    };
    let mut parts = time
        .split(':')
        .map(|part| part.parse::<i64>().unwrap_or_else(|_| panic!("time {text}")));
    let (hours, minutes, seconds) = (
        parts.next().expect("hours"),
        parts.next().expect("minutes"),
        parts.next().unwrap_or(0),
    );
    let date = setting.date + TimeDelta::days(days);
    let at = local_moment(setting.timezone, date, hours * 60 + minutes).expect("a moment");
    at.timestamp_millis() + seconds * 1000
}

fn span(setting: &Setting, text: &str) -> Span {
    if text.trim() == "all day" {
        return (moment(setting, "00:00"), moment(setting, "+1 00:00"));
    }
    let (from, to) = text.split_once('–').unwrap_or_else(|| panic!("no span: {text}"));
    // Without a day of its own, an end is on the day of the beginning, or on the next.
    let from_at = moment(setting, from);
    let day = from.trim().split_once(' ').map(|(day, _)| day);
    let to_at = match day {
        Some(day) if !to.trim().contains(' ') => moment(setting, &format!("{day} {}", to.trim())),
        _ => moment(setting, to),
    };
    assert!(from_at <= to_at, "{text} ends before it begins");
    (from_at, to_at)
}

/// Seconds of `1:20`, `0:00:30`.
fn seconds(text: &str) -> i64 {
    let mut parts = text
        .split(':')
        .map(|part| part.parse::<i64>().unwrap_or_else(|_| panic!("duration {text}")));
    parts.next().expect("hours") * 3600 + parts.next().expect("minutes") * 60 + parts.next().unwrap_or(0)
}

fn camera(number: &str) -> CameraId {
    CameraId::new(format!("cam{number}")).expect("camera")
}

#[derive(Default)]
struct World {
    stretches: Vec<Stretch>,
    blind: Vec<(Option<CameraId>, Span)>,
    exceptions: Vec<Exception>,
    correction: Correction,
    now: Option<i64>,
}

impl World {
    fn happens(&mut self, setting: &Setting, what: &str) {
        let (word, rest) = what.split_once(' ').unwrap_or((what, ""));
        let (methods, rest) = match (word, rest.strip_prefix("and badge ")) {
            ("seen", None) => (Methods::FACE, rest),
            ("seen", Some(rest)) => (Methods::FACE.or(Methods::QR), rest),
            ("badge", _) => (Methods::RFID, rest),
            _ => (Methods::default(), rest),
        };
        match word {
            "seen" | "badge" => {
                let (when, at) = rest.split_once(" at CAM ").unwrap_or((rest, "1"));
                let (first, last) = at.split_once(" to CAM ").unwrap_or((at, at));
                let (from, to) = if when.contains('–') {
                    span(setting, when)
                } else {
                    (moment(setting, when), moment(setting, when))
                };
                let (first_camera, last_camera) = (camera(first), camera(last));
                self.stretches.push(Stretch {
                    from,
                    to,
                    first_camera,
                    last_camera,
                    methods,
                });
            }
            "blind" => match rest.strip_prefix("CAM ") {
                Some(rest) => {
                    let (number, when) = rest.split_once(' ').expect("a camera and a span");
                    self.blind.push((Some(camera(number)), span(setting, when)));
                }
                None => self.blind.push((None, span(setting, rest))),
            },
            "leave" | "excused" => {
                let (from, to) = span(setting, rest);
                let kind = if word == "leave" {
                    Exemption::OnLeave
                } else {
                    Exemption::Excused
                };
                self.exceptions.push(Exception { kind, from, to });
            }
            "now" => self.now = Some(moment(setting, rest)),
            "HR:" => {
                let (key, value) = rest.split_once(' ').expect("what HR says");
                let correction = &mut self.correction;
                match key {
                    "in" => correction.first_in = Some(moment(setting, value)),
                    "out" => correction.last_out = Some(moment(setting, value)),
                    "status" => {
                        correction.status = Status::ALL.into_iter().find(|one| one.as_str() == value);
                        assert!(correction.status.is_some(), "status {value}");
                    }
                    "worked" => correction.worked_s = Some(seconds(value)),
                    "away" => correction.away_s = Some(seconds(value)),
                    "late" => correction.late_s = Some(seconds(value)),
                    "early" => correction.early_leave_s = Some(seconds(value)),
                    "overtime" => correction.overtime_s = Some(seconds(value)),
                    other => panic!("HR does not say {other}"),
                }
            }
            "nothing" => {}
            other => panic!("nothing like {other} happens"),
        }
    }

    fn day(&self, setting: &Setting) -> Day {
        let holidays: BTreeSet<NaiveDate> = setting.holidays.keys().copied().collect();
        let calendar = setting
            .schedule
            .clone()
            .map(|schedule| Calendar::new(schedule, setting.timezone, Arc::new(holidays)));
        let plan = super::plan(
            calendar.as_ref(),
            setting.date,
            setting.holidays.get(&setting.date).map(String::as_str),
            &self.exceptions,
            (
                300_000,
                setting
                    .away_after_min
                    .iter()
                    .map(|(area, min)| (area.clone(), min * 60_000))
                    .collect(),
            ),
        );
        let mut stretches = self.stretches.clone();
        stretches.sort_by_key(|stretch| stretch.from);
        let days = [-1, 0, 1].map(|days| setting.date + TimeDelta::days(days));
        let neighbours: Neighbours = days
            .into_iter()
            .map(|date| {
                (
                    date,
                    calendar
                        .as_ref()
                        .map_or(Vec::new(), |calendar| planned(calendar, date)),
                )
            })
            .collect();
        let areas = ["1", "2"].map(|number| {
            (
                camera(number),
                AreaId::new(format!("area{number}")).expect("area"),
            )
        });
        let areas = areas.into_iter().collect();
        let mut assigned = assign(Clock(setting.timezone), &neighbours, &stretches, |gone, back| {
            back.from - gone.to <= plan.away_after(&gone.last_camera, &areas)
        });
        let pieces = assigned.remove(&setting.date).unwrap_or_default();
        let always = (moment(setting, "-1 00:00"), moment(setting, "+3 00:00"));
        let watched = |number: &str| {
            let camera = camera(number);
            let blind = self
                .blind
                .iter()
                .filter(|(of, _)| of.as_ref().is_none_or(|of| *of == camera));
            let blind = spans::union(blind.map(|(_, span)| *span).collect());
            (camera, spans::without(&[always], &blind))
        };
        let watch = Watch::new([watched("1"), watched("2")]);
        let any = watch.any(&[camera("1"), camera("2")]);
        let facts = Facts {
            date: setting.date,
            plan: &plan,
            pieces: &pieces,
            watch: &watch,
            any: &any,
            areas: &areas,
            now: self.now.unwrap_or(always.1),
        };
        self.correction.day(&facts)
    }
}

/// A day as the page writes it.
fn written(setting: &Setting, day: &Day) -> String {
    let mut text = vec![day.outcome.status.as_str().to_owned()];
    let clock = |at: i64| {
        let local = chrono::DateTime::from_timestamp_millis(at)
            .expect("time")
            .with_timezone(&setting.timezone);
        let days = (local.date_naive() - setting.date).num_days();
        let form = if at % 60_000 == 0 { "%H:%M" } else { "%H:%M:%S" };
        let time = local.format(form).to_string();
        if days == 0 {
            time
        } else {
            format!("{days:+} {time}")
        }
    };
    text.extend(day.outcome.first_in.map(|at| format!("in {}", clock(at))));
    text.extend(day.outcome.last_out.map(|at| format!("out {}", clock(at))));
    let figures = &day.outcome.figures;
    for (name, value) in [
        ("planned", figures.planned_s),
        ("worked", figures.worked_s),
        ("break", figures.break_s),
        ("away", figures.away_s),
        ("late", figures.late_s),
        ("early", figures.early_leave_s),
        ("overtime", figures.overtime_s),
        ("unobserved", figures.unobserved_s),
        ("leave", figures.leave_s),
    ] {
        if value != 0 {
            let (hours, minutes, seconds) = (value / 3600, value / 60 % 60, value % 60);
            text.push(match seconds {
                0 => format!("{name} {hours}:{minutes:02}"),
                _ => format!("{name} {hours}:{minutes:02}:{seconds:02}"),
            });
        }
    }
    for flag in &day.flags {
        let name = serde_json::to_value(flag).expect("flag");
        text.push(name.as_str().expect("text").replace('_', " "));
    }
    text.join("; ")
}

#[test]
fn the_cases_of_the_page() {
    let (mut cases, mut wrong, mut numbers) = (0, Vec::new(), BTreeSet::new());
    for (setting, rows) in page() {
        if let Some(schedule) = &setting.schedule {
            schedule.check().unwrap_or_else(|problem| panic!("{problem}"));
        }
        for case in rows {
            cases += 1;
            assert!(
                numbers.insert(case.number),
                "two cases are number {}",
                case.number
            );
            let mut world = World::default();
            for what in case.happened.split("; ") {
                world.happens(&setting, what);
            }
            let day = world.day(&setting);
            let is = written(&setting, &day);
            if is != case.expected {
                wrong.push(format!(
                    "{} {} ({}): {}\n  expected {}\n  is       {is}",
                    case.number, case.name, case.section, case.happened, case.expected
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(cases >= 60, "only {cases} cases were found");
}
