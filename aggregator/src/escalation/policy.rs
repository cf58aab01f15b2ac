//! Policies, as they are written and checked.

use chrono::{DateTime, Datelike as _, Days, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use hadir_shared::id::EmployeeId;
use serde::{Deserialize, Serialize};

use crate::core::types::Role;
use crate::notify::Channel;
use crate::schedule::{days, hhmm, local_moment};
use crate::sentence::{Sentence, say};

/// Longer policies are a mistake.
const MAX_STEPS: usize = 20;

/// A day: what takes longer helps nobody.
const MAX_AFTER_S: u32 = 86_400;

/// Up to which level the standard policy climbs.
const STANDARD_LEVELS: u8 = 15;

/// How long each superior has to answer by it.
const STANDARD_WAIT_S: u32 = 600;

/// What to do about an absence, step by step, until somebody answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// In order of time.
    pub steps: Vec<Step>,
}

/// One step of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// How many seconds after the alert was opened, if nobody has answered.
    pub after_s: u32,
    /// Whom.
    pub to: Target,
    /// By which way.
    #[serde(default, skip_serializing_if = "Channel::is_whatsapp")]
    pub channel: Channel,
    /// Whether they are told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// Only in these hours of the site; what would be due outside waits for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
}

/// Whom a step tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The superior at this level, 1 the direct one; whoever cannot be told, or was, is passed over upwards.
    Superior(u8),
    /// Whoever is responsible for the area of the last sighting, else their superiors.
    AreaSupervisor,
    /// Everybody with a login of this role that is bound to an employee.
    Role(Role),
    /// This employee, else their superiors.
    Employee(EmployeeId),
}

/// How often somebody who does not answer is told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// Seconds between.
    pub every_s: u32,
    /// How many times after the first.
    pub times: u32,
}

/// Hours of the week, in the site's time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// On which days they begin.
    #[serde(with = "days")]
    pub days: Vec<Weekday>,
    /// From when.
    #[serde(with = "hhmm")]
    pub from: NaiveTime,
    /// To when; not after `from`: on the next day.
    #[serde(with = "hhmm")]
    pub to: NaiveTime,
}

impl Policy {
    /// Where none was made: the direct superior at once, then level by level up to the top of a chain of `superiors`,
    /// ten minutes each, and HR at last.
    pub fn standard(superiors: usize) -> Self {
        let levels = u8::try_from(superiors)
            .unwrap_or(u8::MAX)
            .clamp(1, STANDARD_LEVELS);
        let step = |index: u8, to| Step {
            after_s: u32::from(index) * STANDARD_WAIT_S,
            to,
            channel: Channel::Whatsapp,
            repeat: None,
            hours: None,
        };
        let mut steps: Vec<Step> = (0..levels)
            .map(|index| step(index, Target::Superior(index + 1)))
            .collect();
        steps.push(step(levels, Target::Role(Role::Hr)));
        Self { steps }
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// A sentence that names the step that does not.
    pub fn check(&self) -> Result<(), Sentence> {
        if !(1..=MAX_STEPS).contains(&self.steps.len()) {
            return Err(say!(
                "A policy has 1 to {MAX_STEPS} steps.",
                "Kebijakan terdiri dari 1 sampai {MAX_STEPS} langkah."
            ));
        }
        let mut before = 0;
        for (number, step) in (1..).zip(&self.steps) {
            let wrong = |what: Sentence| {
                Err(what.of(format_args!("Step {number}"), format_args!("Langkah {number}")))
            };
            if step.after_s < before || step.after_s > MAX_AFTER_S {
                return wrong(say!(
                    "its time may not be before the step above, and is at most 24 hours (86400 seconds) \
                     after the alert.",
                    "waktunya tidak boleh mendahului langkah di atasnya, dan paling lama 24 jam (86400 \
                     detik) setelah peringatan."
                ));
            }
            before = step.after_s;
            if matches!(step.to, Target::Superior(level) if !(1..=MAX_STEPS as u8).contains(&level)) {
                return wrong(say!(
                    "a superior has a level from 1, the direct one, to 20.",
                    "tingkat atasan dimulai dari 1, atasan langsung, sampai 20."
                ));
            }
            if let Some(repeat) = step.repeat
                && !((10..=MAX_AFTER_S).contains(&repeat.every_s) && (1..=20).contains(&repeat.times))
            {
                return wrong(say!(
                    "repeat 1 to 20 times, every 10 seconds to 24 hours.",
                    "ulangi 1 sampai 20 kali, dengan jarak 10 detik sampai 24 jam."
                ));
            }
            if step.hours.as_ref().is_some_and(|hours| hours.days.is_empty()) {
                return wrong(say!(
                    "its hours are on no day.",
                    "pilih paling sedikit satu hari untuk jamnya."
                ));
            }
        }
        Ok(())
    }
}

impl Hours {
    /// The first moment at or after `at` that lies in them.
    pub(super) fn next(&self, at: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        let mut windows = self.windows(at, zone);
        let next = windows.find(|(_, to)| at < *to);
        // Only at the end of all calendars there is none.
        next.map_or(at + TimeDelta::days(7), |(from, _)| at.max(from))
    }

    /// When those in which `at` lies end; `None` if it lies in none.
    pub(super) fn end(&self, at: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let mut windows = self.windows(at, zone);
        windows
            .find(|(from, to)| *from <= at && at < *to)
            .map(|(_, to)| to)
    }

    /// From when to when they are, from the day before `at` on, for nine days.
    fn windows(
        &self,
        at: DateTime<Utc>,
        zone: Tz,
    ) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> + '_ {
        let minute = |time: NaiveTime| (time - NaiveTime::MIN).num_minutes();
        let (from, to) = (minute(self.from), minute(self.to));
        let to = if to <= from { to + 24 * 60 } else { to };
        let today = at.with_timezone(&zone).date_naive();
        let first = today.checked_sub_days(Days::new(1)).unwrap_or(today);
        let days = first.iter_days().take(9);
        days.filter(|day| self.days.contains(&day.weekday()))
            .filter_map(move |day| local_moment(zone, day, from).zip(local_moment(zone, day, to)))
    }
}
