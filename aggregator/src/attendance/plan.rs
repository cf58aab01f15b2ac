//! What was to be on a day, from the schedule.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use hadir_shared::id::AreaId;

use super::{Kind, Plan, PlannedShift, Rules};
use crate::schedule::{Calendar, Exception};

/// The shifts that begin on a day.
pub fn planned(calendar: &Calendar, date: NaiveDate) -> Vec<PlannedShift> {
    let windows = calendar.windows(date).into_iter();
    windows
        .map(|window| PlannedShift {
            name: window.name,
            from: window.from,
            to: window.to,
            breaks: window.breaks,
        })
        .collect()
}

/// The plan of somebody who works by a schedule, or by none. A gap counts from `away_after` milliseconds on, or what an
/// area says.
pub fn plan(
    calendar: Option<&Calendar>,
    date: NaiveDate,
    holiday: Option<&str>,
    exceptions: &[Exception],
    (away_after, away_after_by_area): (i64, BTreeMap<AreaId, i64>),
) -> Plan {
    let shifts = calendar.map_or(Vec::new(), |calendar| planned(calendar, date));
    let kind = match calendar {
        None => Kind::Unplanned,
        Some(_) if !shifts.is_empty() => Kind::Workday,
        Some(calendar) if holiday.is_some() && calendar.rests_on(date) => Kind::Holiday,
        Some(_) => Kind::RestDay,
    };
    let mut plan = Plan {
        kind,
        holiday: holiday.map(ToOwned::to_owned),
        exceptions: Vec::new(),
        shifts,
        rules: calendar.map_or_else(Rules::default, Calendar::rules),
        away_after,
        away_after_by_area,
        faces_only: false,
    };
    plan.except(exceptions);
    plan
}

impl Plan {
    /// These leaves and excuses hold, as far as they touch the day's shifts.
    pub fn except(&mut self, exceptions: &[Exception]) {
        let shifts = &self.shifts;
        let touched = |one: &&Exception| {
            shifts
                .iter()
                .any(|shift| one.from < shift.to && shift.from < one.to)
        };
        self.exceptions = exceptions.iter().filter(touched).copied().collect();
    }
}
