//! Days are planned when they begin, become final some time after they have ended, and are compared when something
//! arrives later.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use hadir_shared::id::{AreaId, EmployeeId};

use super::{Bench, after, before, dates, moment};
use crate::attendance::{self, Record};
use crate::core::Core;
use crate::core::site_settings::body_presence;
use crate::core::state::Memory;
use crate::error::Result;
use crate::presence::Thresholds;
use crate::store::{Before, Reader, Tx};

/// So many days of employees are settled in one go, so that nothing else has to wait for long.
const AT_ONCE: u32 = 500;

/// Days before this are not made up for.
const MAX_BACK: u64 = 400;

impl Core {
    /// The day that it is at the site.
    pub(in crate::core) fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        crate::report::today(now, self.settings.timezone)
    }

    /// The last day that is to be final.
    fn final_through(&self, now: DateTime<Utc>) -> NaiveDate {
        // The day ends at its midnight.
        let ended = self.today(now - self.settings.attendance.final_after);
        before(ended)
    }

    /// Whether there is something for [`Self::settle`] to do.
    pub(in crate::core) fn attendance_due(&self, state: &Memory, now: DateTime<Utc>) -> bool {
        state.attendance.planned_through != Some(self.today(now))
            || state.attendance.settled_through != Some(self.final_through(now))
            || state.attendance.arrivals
    }

    /// Plans days, settles and compares some.
    pub(in crate::core) fn settle(&self, now: DateTime<Utc>) -> Result<()> {
        let (today, through) = (self.today(now), self.final_through(now));
        {
            let mut state = self.lock();
            if state.attendance.planned_through != Some(today) {
                self.store.write(|tx| self.plan_days(&state, tx, today))?;
                state.attendance.planned_through = Some(today);
            }
        }
        if self.lock().attendance.settled_through != Some(through) {
            // What goes on is in it.
            let done = self.update(|state, tx, _| {
                state.stretches.write(tx, usize::MAX, now)?;
                self.settle_days(tx, through, now)
            })?;
            self.lock().attendance.settled_through = done.then_some(through);
        }
        if self.lock().attendance.arrivals {
            let done = self.update(|state, tx, _| {
                state.stretches.write(tx, usize::MAX, now)?;
                self.compare(tx, now)
            })?;
            self.lock().attendance.arrivals = !done;
        }
        Ok(())
    }

    /// Plans everybody's days since the last that was planned. Today's follows what holds now, those before stay.
    fn plan_days(&self, state: &Memory, tx: &Tx<'_>, today: NaiveDate) -> Result<()> {
        let first = match tx.last_planned()? {
            Some(last) => last,
            None => tx.first_presence()?.map_or(today, |at| self.today(at)),
        };
        for date in dates(first.max(today - Days::new(MAX_BACK)), before(today)) {
            self.plan_day(state, tx, date, None, Before::Kept)?;
        }
        self.plan_day(state, tx, today, None, Before::Replaced)
    }

    fn plan_day(
        &self,
        state: &Memory,
        tx: &Tx<'_>,
        date: NaiveDate,
        employee: Option<&EmployeeId>,
        before: Before,
    ) -> Result<()> {
        let ends = moment(self.settings.timezone, after(date))?;
        let holidays = tx.holidays()?;
        let faces_only = !body_presence(tx)?.count_as_worked;
        let rules = state.engine.rules();
        let absent_after = |thresholds: &Thresholds| thresholds.absent_after.num_milliseconds();
        let by_area = rules.areas.iter();
        let by_area: BTreeMap<AreaId, i64> = by_area
            .map(|(area, own)| (area.clone(), absent_after(own)))
            .filter(|(_, own)| *own != absent_after(&rules.thresholds))
            .collect();
        let holiday = holidays.get(&date).map(String::as_str);
        let schedules = rules
            .calendars
            .iter()
            .map(|(name, calendar)| (Some(name.as_str()), Some(calendar)));
        for (name, calendar) in schedules.chain([(None, None)]) {
            let away_after = (absent_after(&rules.thresholds), by_area.clone());
            let plan = attendance::Plan {
                faces_only,
                ..attendance::plan(calendar, date, holiday, &[], away_after)
            };
            tx.plan_day(date, ends, name, employee, &plan, before)?;
        }
        Ok(())
    }

    /// What is to be from today on may have changed, for one employee or for everybody.
    pub(in crate::core) fn plan_anew(
        &self,
        state: &Memory,
        tx: &Tx<'_>,
        employee: Option<&EmployeeId>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.plan_day(state, tx, self.today(now), employee, Before::Replaced)
    }

    /// Says whether all days up to one are final.
    fn settle_days(&self, tx: &Tx<'_>, through: NaiveDate, now: DateTime<Utc>) -> Result<bool> {
        let days = tx.provisional(through, AT_ONCE)?;
        let mut number = 0;
        for (date, employees) in days {
            number += employees.len();
            let mut bench = Bench::new(tx, &self.settings, date, date, now)?;
            bench.tells_bodies = true;
            for employee in employees {
                let areas = areas_of(tx, &employee)?;
                for (_, worked) in bench.days(tx, &employee, &areas, date, date)? {
                    let Some(worked) = worked else { continue };
                    let (pattern, evidence) = bench.keep(&worked, &areas);
                    let record = Record::new(&worked.day, worked.correction.clone());
                    tx.settle_day(&employee, date, &record, Some((&worked.day, &pattern, &evidence)))?;
                }
            }
        }
        Ok(number < AT_ONCE as usize)
    }

    /// Something was seen of an employee so long ago that days may be final for which it matters.
    pub(in crate::core) fn note_arrival(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        employee: &EmployeeId,
        from: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let date = self.today(from);
        // A night shift's evening may be final before its morning is old.
        if before(date) > self.final_through(now) {
            return Ok(());
        }
        for date in [before(date), date, after(date)] {
            tx.note_arrival(employee, date)?;
        }
        state.attendance.arrivals = true;
        Ok(())
    }

    /// Holds final days against what arrived since. Says whether that was all.
    fn compare(&self, tx: &Tx<'_>, now: DateTime<Utc>) -> Result<bool> {
        let days = tx.arrivals(AT_ONCE)?;
        let mut number = 0;
        for (date, employees) in days {
            number += employees.len();
            let mut bench = Bench::new(tx, &self.settings, date, date, now)?;
            for employee in employees {
                tx.end_arrival(&employee, date)?;
                let Some(mut record) = tx.record(&employee, date)? else {
                    continue;
                };
                let areas = areas_of(tx, &employee)?;
                let rows = tx.days_of(&employee, before(date), after(date), &mut bench.plans)?;
                let mut worked = bench.work(tx, &employee, &areas, &rows, date, date)?;
                if let Some(worked) = worked.remove(&date) {
                    record.arrived(&worked.day);
                    tx.settle_day(&employee, date, &record, None)?;
                }
            }
        }
        Ok(number < AT_ONCE as usize)
    }
}

pub(super) fn areas_of(reader: &Reader<'_>, employee: &EmployeeId) -> Result<Vec<AreaId>> {
    Ok(reader
        .employee(employee)?
        .map(|employee| employee.areas)
        .unwrap_or_default())
}

/// What of attendance is to be done, in memory.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::core) struct Progress {
    /// Everybody's days are planned up to this one.
    pub(in crate::core) planned_through: Option<NaiveDate>,
    /// All days up to this one are final.
    pub(in crate::core) settled_through: Option<NaiveDate>,
    /// Something may have arrived for final days.
    pub(in crate::core) arrivals: bool,
}

impl Progress {
    /// Nothing is known yet.
    pub(in crate::core) fn begin() -> Self {
        Self {
            arrivals: true,
            ..Self::default()
        }
    }
}

/// The shortest time after which a day may be final: night shifts and overtime reach into the next one.
pub const MIN_FINAL_AFTER: TimeDelta = TimeDelta::hours(24);
