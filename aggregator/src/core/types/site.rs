//! Users, settings of the site, and the record of who changed what, as the API tells and takes them.

use chrono::{DateTime, Utc};
use hadir_shared::id::EmployeeId;
use hadir_shared::status::CameraMode;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Language, MessageState, Role};
use crate::escalation::Hours;
use crate::notify::Channel;

/// One row of `GET /api/users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserRow {
    /// Unique.
    pub username: String,
    /// What they may do.
    pub role: Role,
    /// The employee whom the user is.
    pub employee: Option<EmployeeId>,
    /// That employee's name, else the user's.
    pub name: String,
}

/// Body of `POST /api/users`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// 1 to 64 characters of a-z, 0-9, ., -, _ and @.
    pub username: String,
    /// 10 to 1000 characters.
    pub password: String,
    /// What they may do.
    pub role: Role,
    /// The employee whom the user is; a supervisor is one.
    #[serde(default)]
    pub employee: Option<String>,
}

/// Body of `PATCH /api/users/{username}`: changed fields only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserPatch {
    /// A new password.
    pub password: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// The employee whom the user is; `null` for none.
    #[serde(deserialize_with = "present")]
    pub employee: Option<Option<String>>,
}

/// One row of `GET /api/audit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    /// Grows.
    pub id: i64,
    /// When.
    #[serde(with = "hadir_shared::time")]
    pub at: DateTime<Utc>,
    /// The user; empty: a command on the machine itself.
    pub who: String,
    /// What they changed.
    pub what: String,
}

/// `GET /api/site-language`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SiteLanguage {
    /// The one in force.
    pub language: Language,
    /// As in the configuration.
    pub configured: Language,
}

/// `GET /api/quiet-hours`: when no message goes out but answers and digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuietHours {
    /// Those in force; `null`: there are none.
    pub hours: Option<Hours>,
    /// As in the configuration.
    pub configured: Option<Hours>,
    /// Whether they were set otherwise than configured.
    pub set: bool,
}

/// Body of `PUT /api/quiet-hours`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewQuietHours {
    /// `null`: there are none.
    pub hours: Option<Hours>,
}

/// `GET /api/body-presence`: what it counts for that somebody was known by their body alone, which their face had named
/// before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BodyPresence {
    /// Such time is worked.
    pub count_as_worked: bool,
    /// Whoever is seen so is not absent.
    pub hold_off_absence: bool,
}

impl Default for BodyPresence {
    fn default() -> Self {
        Self {
            count_as_worked: true,
            hold_off_absence: true,
        }
    }
}

/// Body of `PATCH /api/body-presence`: changed fields only.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodyPresencePatch {
    /// See [`BodyPresence::count_as_worked`].
    pub count_as_worked: Option<bool>,
    /// See [`BodyPresence::hold_off_absence`].
    pub hold_off_absence: Option<bool>,
}

/// `GET /api/retention`: how many days what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// Single sightings.
    pub keep_sightings_days: i64,
    /// Days of attendance with their evidence.
    pub keep_days: i64,
    /// As in the configuration.
    pub configured: RetentionDays,
}

/// The same numbers by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RetentionDays {
    /// Single sightings.
    pub keep_sightings_days: i64,
    /// Days of attendance with their evidence.
    pub keep_days: i64,
}

/// Body of `PATCH /api/retention`: changed fields only, `null` as configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionPatch {
    /// Single sightings.
    #[serde(deserialize_with = "present")]
    pub keep_sightings_days: Option<Option<u32>>,
    /// Days of attendance with their evidence.
    #[serde(deserialize_with = "present")]
    pub keep_days: Option<Option<u32>>,
}

/// `GET /api/messages/{id}`: how far a message has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageRow {
    /// Its id.
    pub id: i64,
    /// By which way.
    pub channel: Channel,
    /// How far it has come.
    pub state: MessageState,
    /// How often it was tried.
    pub attempts: u32,
    /// What the provider said where it failed.
    pub error: Option<String>,
}

/// Body of `PATCH /api/cameras/{id}`: changed fields only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CameraPatch {
    /// What it is called; `null`: as its own configuration says.
    #[serde(deserialize_with = "present")]
    pub label: Option<Option<String>>,
    /// How it is used.
    pub mode: Option<CameraMode>,
}

/// A field that is there, `null` or not.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}
