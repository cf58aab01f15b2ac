//! What a schedule says of a moment.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{Exemption, OnHolidays, Schedule, Shift};
use crate::attendance::Rules;

/// A shift that begins later than this is not looked for; nothing is claimed beyond.
const AHEAD_DAYS: u64 = 40;

/// Somebody who came before their shift began has come to it.
const EARLY: i64 = 2 * 3_600_000;

/// A schedule in a place, with the days that are holidays there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    schedule: Schedule,
    zone: Tz,
    holidays: Arc<BTreeSet<NaiveDate>>,
}

/// One shift on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// What the shift is called.
    pub name: String,
    /// When it begins.
    pub from: i64,
    /// When it ends.
    pub to: i64,
    /// Its breaks, in order.
    pub breaks: Vec<(i64, i64)>,
}

/// Whether somebody has to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They have.
    OnDuty {
        /// Since the shift began, or its last break ended.
        from: i64,
        /// Stretches of the same shift before, between its breaks, in order.
        before: Vec<(i64, i64)>,
        /// Whoever was seen at or after this moment has come to this shift.
        came_from: i64,
    },
    /// They have not.
    Exempt(Exemption),
}

/// From when to when one person need not be there: a leave, or an excuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Which.
    pub kind: Exemption,
    /// When it begins.
    pub from: i64,
    /// When it ends; exclusive.
    pub to: i64,
}

/// What holds from one moment to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// What.
    pub standing: Standing,
    /// From when.
    pub from: i64,
    /// Until when; exclusive.
    pub until: i64,
}

impl Phase {
    /// Of somebody without a schedule: always to be there.
    pub const ALWAYS: Phase = Phase {
        standing: Standing::OnDuty {
            from: i64::MIN,
            before: Vec::new(),
            came_from: i64::MIN,
        },
        from: i64::MIN,
        until: i64::MAX,
    };

    /// Whether it says something of this moment.
    pub fn holds(&self, at: i64) -> bool {
        self.from <= at && at < self.until
    }

    /// The same for somebody with exceptions, at the moment `at`, for which it must hold. After an exception they
    /// begin anew, as if their shift began then.
    pub fn except(mut self, exceptions: &[Exception], at: i64) -> Self {
        if let Some(now) = exceptions.iter().find(|one| one.from <= at && at < one.to) {
            return Self {
                standing: Standing::Exempt(now.kind),
                from: now.from,
                until: now.to,
            };
        }
        let ended = exceptions.iter().map(|one| one.to).filter(|to| *to <= at).max();
        let next = exceptions
            .iter()
            .map(|one| one.from)
            .filter(|from| *from > at)
            .min();
        self.until = self.until.min(next.unwrap_or(i64::MAX));
        if let Some(ended) = ended {
            self.from = self.from.max(ended);
            if let Standing::OnDuty { from, before, .. } = &mut self.standing {
                *from = (*from).max(ended);
                before.retain_mut(|(begins, ends)| {
                    *begins = (*begins).max(ended);
                    begins < ends
                });
            }
        }
        self
    }
}

impl Calendar {
    /// A schedule at a site.
    pub fn new(schedule: Schedule, site: Tz, holidays: Arc<BTreeSet<NaiveDate>>) -> Self {
        let zone = schedule.timezone.unwrap_or(site);
        Self {
            schedule,
            zone,
            holidays,
        }
    }

    /// By what rules presence becomes attendance.
    pub fn rules(&self) -> Rules {
        self.schedule.rules
    }

    /// Whether shifts would begin on a day if it was no holiday.
    pub fn rests_on(&self, date: NaiveDate) -> bool {
        self.schedule.holidays == OnHolidays::Free
            && self.holidays.contains(&date)
            && self
                .schedule
                .shifts
                .iter()
                .any(|shift| shift.days.contains(&date.weekday()))
    }

    /// In which time zone its times are.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The shifts that begin on a day, in order.
    pub fn windows(&self, date: NaiveDate) -> Vec<Window> {
        if self.schedule.holidays == OnHolidays::Free && self.holidays.contains(&date) {
            return Vec::new();
        }
        let of_day = self
            .schedule
            .shifts
            .iter()
            .filter(|shift| shift.days.contains(&date.weekday()));
        let mut windows: Vec<Window> = of_day.filter_map(|shift| self.window(shift, date)).collect();
        windows.sort_by_key(|window| window.from);
        windows
    }

    fn window(&self, shift: &Shift, date: NaiveDate) -> Option<Window> {
        let span = |(from, to)| Some((self.moment(date, from)?, self.moment(date, to)?));
        let (from, to) = span(shift.span())?;
        let breaks = shift.breaks.iter().filter_map(|one| span(shift.break_span(one)));
        // When the clocks change, a break may fall into the hour that is not there.
        let mut breaks: Vec<(i64, i64)> = breaks.filter(|(from, to)| from < to).collect();
        breaks.sort_unstable();
        (from < to).then(|| Window {
            name: shift.name.clone(),
            from,
            to,
            breaks,
        })
    }

    fn moment(&self, date: NaiveDate, minute: i64) -> Option<i64> {
        let at = local_moment(self.zone, date, minute)?;
        Some(at.timestamp_millis())
    }

    /// What holds at a moment.
    pub fn phase(&self, at: i64) -> Phase {
        let unknown = Phase {
            standing: Standing::Exempt(Exemption::OffShift),
            from: at,
            until: at.saturating_add(86_400_000),
        };
        let Some(date) =
            DateTime::from_timestamp_millis(at).map(|utc| utc.with_timezone(&self.zone).date_naive())
        else {
            return unknown;
        };
        let Some(day_before) = date.pred_opt() else {
            return unknown;
        };
        let mut ended = at;
        for date in [day_before, date] {
            for window in self.windows(date) {
                if window.from <= at && at < window.to {
                    return during(&window, at);
                }
                if window.to <= at {
                    ended = window.to;
                }
            }
        }
        let next = (0..AHEAD_DAYS)
            .filter_map(|ahead| date.checked_add_days(Days::new(ahead)))
            .flat_map(|date| self.windows(date))
            .map(|window| window.from)
            .find(|from| *from > at);
        Phase {
            standing: Standing::Exempt(Exemption::OffShift),
            from: ended,
            until: next.unwrap_or(at.saturating_add(AHEAD_DAYS as i64 * 86_400_000)),
        }
    }
}

/// The beginning of a day.
pub fn midnight(zone: Tz, date: NaiveDate) -> Option<DateTime<Utc>> {
    local_moment(zone, date, 0)
}

/// The moment that the clocks show so many minutes after a day's midnight. Where they show it twice, the first; where
/// they skip it, the first moment after.
pub fn local_moment(zone: Tz, date: NaiveDate, minute: i64) -> Option<DateTime<Utc>> {
    let local = date
        .and_hms_opt(0, 0, 0)?
        .checked_add_signed(TimeDelta::minutes(minute))?;
    let found = (0..=24).find_map(|quarter| {
        // No change of clocks is longer than some hours, nor anything but quarters of one.
        let local = local.checked_add_signed(TimeDelta::minutes(15 * quarter))?;
        zone.from_local_datetime(&local).earliest()
    });
    found.map(|at| at.with_timezone(&Utc))
}

fn during(window: &Window, at: i64) -> Phase {
    let mut before = Vec::new();
    let mut from = window.from;
    for &(begins, ends) in &window.breaks {
        if at < begins {
            return on_duty(window, before, from, begins);
        }
        if at < ends {
            return Phase {
                standing: Standing::Exempt(Exemption::OnBreak),
                from: begins,
                until: ends,
            };
        }
        before.push((from, begins));
        from = ends;
    }
    on_duty(window, before, from, window.to)
}

fn on_duty(window: &Window, before: Vec<(i64, i64)>, from: i64, until: i64) -> Phase {
    Phase {
        standing: Standing::OnDuty {
            from,
            before,
            came_from: window.from - EARLY,
        },
        from,
        until,
    }
}
