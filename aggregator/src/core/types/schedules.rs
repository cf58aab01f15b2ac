//! When people have to be there, and how long is too long: schedules, holidays, leaves, areas' own rules.

use chrono::{DateTime, NaiveDate, Utc};
use hadir_shared::id::EmployeeId;
use serde::{Deserialize, Deserializer, Serialize};

use crate::schedule::{Exemption, Schedule};

/// One row of `GET /api/schedules`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScheduleRow {
    /// Its name.
    pub name: String,
    /// Its shifts.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// How many employees work by it.
    pub employees: u64,
}

/// One row of `GET /api/holidays`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HolidayRow {
    /// The day.
    pub date: NaiveDate,
    /// What it is called.
    pub name: String,
}

/// One row of `GET /api/leaves`: from when to when an employee need not be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExemptionRow {
    /// Its id.
    pub id: i64,
    /// Whose.
    pub employee: EmployeeId,
    /// Their name.
    pub name: String,
    /// `on_leave` or `excused`.
    pub kind: Exemption,
    /// When it begins.
    #[serde(with = "hadir_shared::time")]
    pub from: DateTime<Utc>,
    /// When it ends.
    #[serde(with = "hadir_shared::time")]
    pub to: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Who is told of absences in their place meanwhile.
    pub deputy: Option<EmployeeId>,
    /// The user who registered it.
    pub created_by: String,
}

/// Body of `POST /api/leaves`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLeave {
    /// Whose.
    pub employee: String,
    /// When it begins.
    pub from: When,
    /// When it ends; a day is included.
    pub to: When,
    /// Why, at most 200 characters.
    #[serde(default)]
    pub reason: String,
    /// Who is told of absences in their place meanwhile.
    #[serde(default)]
    pub deputy: Option<String>,
}

/// How a leave ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What is past of it stays.
    Now,
    /// Nothing of it does.
    TakenBack,
}

/// A day, or a moment: `"2026-11-24"` or RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A day of the site's.
    Day(NaiveDate),
    /// A moment.
    Moment(DateTime<Utc>),
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let day = text.parse().map(When::Day).ok();
        let moment = || hadir_shared::time::parse(&text).map(When::Moment).ok();
        day.or_else(moment).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is neither a day like 2026-11-24 nor a time like 2026-11-24T01:00:00Z"
            ))
        })
    }
}

/// Body of `PATCH /api/areas/{id}`: what is left out stays, `null` empties.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaPatch {
    /// What it is called.
    #[serde(default)]
    pub name: Option<String>,
    /// Who is responsible for it.
    #[serde(default, deserialize_with = "super::present")]
    pub supervisor: Option<Option<String>>,
    /// The policy for absences here.
    #[serde(default, deserialize_with = "super::present")]
    pub policy: Option<Option<String>>,
    /// Seconds after which somebody last seen here is off.
    #[serde(default, deserialize_with = "present_number")]
    pub off_after_s: Option<Option<u32>>,
    /// Seconds after which they are absent.
    #[serde(default, deserialize_with = "present_number")]
    pub absent_after_s: Option<Option<u32>>,
}

/// `GET /api/thresholds`: what was set otherwise than in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SiteThresholds {
    /// Seconds after which somebody is off.
    pub off_after_s: Option<u32>,
    /// Seconds after which they are absent.
    pub absent_after_s: Option<u32>,
}

/// Body of `PATCH /api/thresholds`: what is left out stays, `null` is as configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdsPatch {
    /// Seconds after which somebody is off.
    #[serde(default, deserialize_with = "present_number")]
    pub off_after_s: Option<Option<u32>>,
    /// Seconds after which they are absent.
    #[serde(default, deserialize_with = "present_number")]
    pub absent_after_s: Option<Option<u32>>,
}

fn present_number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::<u32>::deserialize(from).map(Some)
}
