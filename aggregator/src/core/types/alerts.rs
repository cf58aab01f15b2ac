//! Alerts and what happened to them.

use chrono::{DateTime, Utc};
use hadir_shared::id::{AreaId, CameraId, EmployeeId};
use serde::{Deserialize, Serialize};

use super::MessageState;
use crate::notify::Channel;

/// Which alerts are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertFilter {
    /// Those not closed.
    #[default]
    Open,
    /// The newest 500 of all.
    All,
}

/// How far an alert has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Nobody has answered yet.
    Open,
    /// Somebody has it.
    Acknowledged,
    /// Over.
    Closed,
}

/// Why an alert is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// They were seen again.
    Returned,
    /// Somebody excused them.
    Excused,
    /// Their registration was deleted.
    Deleted,
    /// Their shift ended.
    OffShift,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The absence began to be told.
    Opened,
    /// Somebody was to be told.
    Message,
    /// Somebody could not be told, and their superior is instead.
    PassedOver,
    /// Somebody has it.
    Acknowledged,
    /// Somebody excused the absence.
    Excused,
    /// They were seen again.
    Returned,
    /// Nobody answered, and nobody else will be told.
    GaveUp,
    /// It was closed.
    Closed,
    /// Somebody noted something.
    Commented,
}

/// One line of an alert's history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertEvent {
    /// When.
    #[serde(with = "hadir_shared::time")]
    pub at: DateTime<Utc>,
    /// What.
    pub what: What,
    /// The employee whom it concerns: who was told, passed over, or answered.
    pub recipient: Option<EmployeeId>,
    /// Their name.
    pub recipient_name: Option<String>,
    /// By which way a message went out, where one did.
    pub channel: Option<Channel>,
    /// How far that message has come.
    pub message_state: Option<MessageState>,
    /// More, in words.
    pub detail: Option<String>,
}

/// One row of `GET /api/alerts`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    /// Its id.
    pub id: i64,
    /// Who is absent.
    pub employee: EmployeeId,
    /// Their name.
    pub name: String,
    /// Where they were last seen.
    pub camera: Option<CameraId>,
    /// Where they were last seen.
    pub area: Option<AreaId>,
    /// When they were last seen.
    #[serde(with = "hadir_shared::time")]
    pub last_seen: DateTime<Utc>,
    /// When it was opened.
    #[serde(with = "hadir_shared::time")]
    pub opened_at: DateTime<Utc>,
    /// How far it has come.
    pub state: AlertState,
    /// Who has it: an employee's name, else a user's.
    pub acknowledged_by: Option<String>,
    /// Since when.
    #[serde(with = "hadir_shared::time::option")]
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When it was over.
    #[serde(with = "hadir_shared::time::option")]
    pub closed_at: Option<DateTime<Utc>>,
    /// Why.
    pub close_reason: Option<CloseReason>,
    /// What happened, oldest first.
    pub history: Vec<AlertEvent>,
}

/// Body of `POST /api/alerts/{id}/comment`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// 1 to 500 characters.
    pub text: String,
}

/// Body of `POST /api/alerts/{id}/excuse`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excuse {
    /// Why, 1 to 200 characters.
    pub reason: String,
    /// Until when no alert is raised for them; at most 31 days ahead.
    #[serde(with = "hadir_shared::time")]
    pub until: DateTime<Utc>,
}
