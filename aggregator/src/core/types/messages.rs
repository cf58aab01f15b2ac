//! When no message goes out.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

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
