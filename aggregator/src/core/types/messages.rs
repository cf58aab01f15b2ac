//! When no message goes out, and which report goes with one.

use chrono::{DateTime, NaiveDate, Utc};
use hadir_shared::id::EmployeeId;
use serde::{Deserialize, Serialize};

use super::attendance::Of;
use crate::report::Format;

/// `GET /api/silence`: from when to when no message goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Silence {
    /// Since when.
    #[serde(with = "hadir_shared::time")]
    pub from: DateTime<Utc>,
    /// Until when.
    #[serde(with = "hadir_shared::time")]
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Which user said so.
    pub created_by: String,
}

/// Body of `PUT /api/silence`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSilence {
    /// Until when; at most 7 days ahead.
    #[serde(with = "hadir_shared::time")]
    pub until: DateTime<Utc>,
    /// Why, 1 to 200 characters.
    pub reason: String,
}

/// The report that goes with a message as a document. The file is made when the message goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRequest {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Of whom.
    pub of: Of,
    /// Only of those whom this employee sees as a supervisor; `None`: of everybody.
    pub seen_by: Option<EmployeeId>,
    /// As what.
    pub format: Format,
}
