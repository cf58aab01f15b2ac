//! Attendance: days are planned when they begin and become final some time after they have ended; reports and charts
//! are made of them; HR decides what was not seen right.

mod decide;
mod report;
mod settle;
mod timeline;

pub(super) use self::report::check;
pub use self::settle::MIN_FINAL_AFTER;
pub(super) use self::settle::Progress;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use hadir_shared::id::{AreaId, CameraId, EmployeeId};

use super::settings::Settings;
use crate::attendance::{
    self as rules, Clock, Correction, Day, Evidence, Facts, Neighbours, Pattern, Piece, Plan, Span, Stretch,
    Watch, without_bodies,
};
use crate::error::{Error, Result};
use crate::presence::Timeline;
use crate::schedule::midnight;
use crate::sentence::say;
use crate::store::{DayRow, Plans, Reader};

/// Everything that days of several employees are worked out from.
struct Bench {
    zone: Tz,
    now: i64,
    watch: Watch,
    /// When each camera watched is not known, as of days before it was noted: then nothing is taken for blind.
    known: bool,
    cameras: HashMap<CameraId, AreaId>,
    /// When any camera of these areas watched.
    any: HashMap<Vec<AreaId>, Arc<Timeline>>,
    plans: Plans,
    /// Whether the evidence is to tell when that was, which takes time.
    tells_bodies: bool,
}

/// A day that was worked out, and from what.
struct Worked {
    row: DayRow,
    day: Day,
    plan: Plan,
    pieces: Vec<Piece>,
    /// When they were known by their body alone, as far as that was asked for.
    by_body: Vec<Span>,
    /// What HR says of it.
    correction: Option<Correction>,
}

impl Bench {
    /// For the days from one to another.
    fn new(
        reader: &Reader<'_>,
        settings: &Settings,
        from: NaiveDate,
        to: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let zone = settings.timezone;
        // Night shifts and overtime reach into the next day.
        let (begins, ends) = (moment(zone, before(from))?, moment(zone, after(after(to)))?);
        let watched = reader.watched_between(begins, ends.min(now))?;
        Ok(Self {
            zone,
            now: now.timestamp_millis(),
            known: !watched.is_empty(),
            watch: Watch::new(watched),
            cameras: reader.camera_areas()?,
            any: HashMap::new(),
            plans: Plans::new(),
            tells_bodies: false,
        })
    }

    /// When anything watched that could see somebody who may appear in these areas.
    fn any(&mut self, areas: &[AreaId]) -> Arc<Timeline> {
        if let Some(any) = self.any.get(areas) {
            return any.clone();
        }
        let any = if self.known {
            let theirs = self
                .cameras
                .iter()
                .filter(|(_, area)| areas.is_empty() || areas.contains(area));
            self.watch.any(theirs.map(|(camera, _)| camera))
        } else {
            Timeline::union(vec![(i64::MIN / 2, i64::MAX / 2)])
        };
        let any = Arc::new(any);
        self.any.insert(areas.to_vec(), any.clone());
        any
    }

    /// The provisional days of an employee from one to another, worked out.
    fn open_days(
        &mut self,
        reader: &Reader<'_>,
        employee: &EmployeeId,
        areas: &[AreaId],
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<Worked>> {
        let Some((first, last)) = reader.provisional_of(employee, from, to)? else {
            return Ok(Vec::new());
        };
        let days = self.days(reader, employee, areas, first, last)?;
        Ok(days.into_iter().filter_map(|(_, worked)| worked).collect())
    }

    /// The days of an employee from one to another, in order; those that are provisional are worked out.
    fn days(
        &mut self,
        reader: &Reader<'_>,
        employee: &EmployeeId,
        areas: &[AreaId],
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<(DayRow, Option<Worked>)>> {
        let rows = reader.days_of(employee, before(from), after(to), &mut self.plans)?;
        let open = |row: &&DayRow| row.settled.is_none() && (from..=to).contains(&row.date);
        let dates: Vec<NaiveDate> = rows.iter().filter(open).map(|row| row.date).collect();
        let (Some(first), Some(last)) = (dates.first(), dates.last()) else {
            let rows = rows.into_iter().filter(|row| (from..=to).contains(&row.date));
            return Ok(rows.map(|row| (row, None)).collect());
        };
        let mut worked = self.work(reader, employee, areas, &rows, *first, *last)?;
        let rows = rows.into_iter().filter(|row| (from..=to).contains(&row.date));
        Ok(rows
            .map(|row| {
                let one = if row.settled.is_none() {
                    worked.remove(&row.date)
                } else {
                    None
                };
                (row, one)
            })
            .collect())
    }

    /// Works out days of an employee, final or not, by their plans, which `rows` has.
    fn work(
        &mut self,
        reader: &Reader<'_>,
        employee: &EmployeeId,
        areas: &[AreaId],
        rows: &[DayRow],
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<BTreeMap<NaiveDate, Worked>> {
        let clock = Clock(self.zone);
        let (begins, ends) = (
            moment(self.zone, before(from))?,
            moment(self.zone, after(after(to)))?,
        );
        let stretches = reader.stretches_between(employee, begins, ends)?;
        let shifts: Neighbours = rows
            .iter()
            .map(|row| (row.date, row.plan.shifts.clone()))
            .collect();
        let plan_of = |at: i64| {
            let date = clock.date(at)?;
            Some(&rows[rows.binary_search_by_key(&date, |row| row.date).ok()?].plan)
        };
        let joined = |gone: &Stretch, back: &Stretch| {
            plan_of(gone.to)
                .is_some_and(|plan| back.from - gone.to <= plan.away_after(&gone.last_camera, &self.cameras))
        };
        let mut pieces = rules::assign(clock, &shifts, &stretches, joined);
        let asked = |row: &&DayRow| (from..=to).contains(&row.date);
        let faces_only = rows.iter().filter(asked).any(|row| row.plan.faces_only);
        let by_body = match self.tells_bodies || faces_only {
            true => body_spans(
                reader,
                employee,
                pieces.range(from..=to).flat_map(|(_, pieces)| pieces),
            )?,
            false => Vec::new(),
        };
        let exceptions = reader.exceptions_of(employee, begins)?;
        let any = self.any(areas);
        let mut worked = BTreeMap::new();
        for row in rows.iter().filter(asked) {
            let mut plan = Plan::clone(&row.plan);
            plan.except(&exceptions);
            let pieces = pieces.remove(&row.date).unwrap_or_default();
            let correction = reader.correction(employee, row.date)?;
            let counted = match plan.faces_only {
                false => Cow::Borrowed(&pieces),
                true => Cow::Owned(without_bodies(&pieces, &by_body)),
            };
            let facts = self.facts(row.date, &plan, &counted, &any);
            let day = work(&facts, correction.as_ref());
            worked.insert(
                row.date,
                Worked {
                    row: row.clone(),
                    day,
                    plan,
                    pieces,
                    by_body: by_body.clone(),
                    correction,
                },
            );
        }
        Ok(worked)
    }

    fn facts<'a>(
        &'a self,
        date: NaiveDate,
        plan: &'a Plan,
        pieces: &'a [Piece],
        any: &'a Timeline,
    ) -> Facts<'a> {
        Facts {
            date,
            plan,
            pieces,
            watch: &self.watch,
            any,
            areas: &self.cameras,
            now: self.now,
        }
    }

    /// What is kept of a day beside its figures.
    fn keep(&mut self, worked: &Worked, areas: &[AreaId]) -> (Pattern, Evidence) {
        let any = self.any(areas);
        let facts = self.facts(worked.row.date, &worked.plan, &worked.pieces, &any);
        let evidence = Evidence::new(&facts, &worked.day, &worked.by_body);
        let area = |camera: &CameraId| self.cameras.get(camera).cloned();
        (
            Pattern::new(&worked.day, worked.row.date, self.zone, area),
            evidence,
        )
    }
}

/// When, within these pieces, somebody was known by their body alone.
fn body_spans<'p>(
    reader: &Reader<'_>,
    employee: &EmployeeId,
    pieces: impl Iterator<Item = &'p Piece> + Clone,
) -> Result<Vec<Span>> {
    let from = pieces.clone().map(|piece| piece.stretch.from).min();
    let to = pieces.map(|piece| piece.stretch.to).max();
    let bounds = from.zip(to).and_then(|(from, to)| {
        let at = DateTime::from_timestamp_millis;
        Some((at(from)?, at(to + 1)?))
    });
    bounds.map_or(Ok(Vec::new()), |(from, to)| reader.body_spans(employee, from, to))
}

fn work(facts: &Facts<'_>, correction: Option<&Correction>) -> Day {
    match correction {
        Some(correction) => correction.day(facts),
        None => rules::day(facts),
    }
}

/// The beginning of a day.
fn moment(zone: Tz, date: NaiveDate) -> Result<DateTime<Utc>> {
    midnight(zone, date).ok_or_else(|| {
        Error::invalid(
            "date",
            say!(
                "This date is too far away; check the year.",
                "Tanggal ini terlalu jauh; periksa tahunnya."
            ),
        )
    })
}

fn before(date: NaiveDate) -> NaiveDate {
    date.pred_opt().unwrap_or(date)
}

fn after(date: NaiveDate) -> NaiveDate {
    date.succ_opt().unwrap_or(date)
}

/// The days from one to another.
fn dates(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    from.iter_days().take_while(move |date| *date <= to)
}
