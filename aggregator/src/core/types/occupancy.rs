//! How many people were in which area.

use chrono::{DateTime, NaiveDate, Utc};
use hadir_shared::id::AreaId;
use serde::Serialize;

/// What of it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OccupancyQuery {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// How many minutes make one point.
    pub step_min: u32,
}

/// `GET /api/occupancy`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Occupancy {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// How many minutes make one point.
    pub step_min: u32,
    /// Areas of which something is known, by id.
    pub areas: Vec<AreaOccupancy>,
}

/// How many people were in one area.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AreaOccupancy {
    /// Which.
    pub area: AreaId,
    /// In order of time; where no camera looked there is none.
    pub points: Vec<OccupancyPoint>,
}

/// How many people were there for some minutes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OccupancyPoint {
    /// When they begin.
    #[serde(with = "hadir_shared::time")]
    pub at: DateTime<Utc>,
    /// People in a minute, on average.
    pub mean: f64,
    /// The most in a minute.
    pub most: u32,
    /// In how many of the minutes somebody looked.
    pub minutes: u32,
}
