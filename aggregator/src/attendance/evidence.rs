//! What is kept of a day beside its figures: out of what they came, and what charts need.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use hadir_shared::id::{AreaId, CameraId};
use serde::{Deserialize, Serialize};

use super::spans::{clip, length};
use super::{Day, Facts, Methods, Piece, ShiftDay, Span};
use crate::schedule::{Exception, local_moment};

/// Out of what a day was worked out. Stays when sightings and stretches are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// When and where they were seen.
    pub stretches: Vec<SeenSpan>,
    /// When, of the planned time, no camera could have seen them.
    pub unobserved: Vec<Span>,
    /// Leaves and excuses.
    pub exceptions: Vec<Exception>,
    /// What came of each shift.
    pub shifts: Vec<ShiftDay>,
}

/// A stretch of presence, or what of it belongs to the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenSpan {
    /// When it began.
    pub from: i64,
    /// When it ended.
    pub to: i64,
    /// The camera that saw them first.
    pub first_camera: CameraId,
    /// The camera that saw them last.
    pub last_camera: CameraId,
    /// `face`, `qr`, `rfid`.
    pub methods: Vec<String>,
    /// When, of it, they were known by their body alone, which their face had named before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_body: Vec<Span>,
}

impl SeenSpan {
    fn new(piece: &Piece, by_body: &[Span]) -> Self {
        let stretch = &piece.stretch;
        Self {
            from: stretch.from,
            to: stretch.to,
            first_camera: stretch.first_camera.clone(),
            last_camera: stretch.last_camera.clone(),
            methods: Methods::names(stretch.methods).map(ToOwned::to_owned).collect(),
            by_body: clip(by_body, stretch.from, stretch.to).collect(),
        }
    }
}

impl Evidence {
    /// Of a day and what it was worked out from; `by_body`: when they were known by their body alone.
    pub fn new(facts: &Facts<'_>, day: &Day, by_body: &[Span]) -> Self {
        let stretches = facts.pieces.iter().map(|piece| SeenSpan::new(piece, by_body));
        Self {
            stretches: stretches.collect(),
            unobserved: day.unobserved.clone(),
            exceptions: facts.plan.exceptions.clone(),
            shifts: day.shifts.clone(),
        }
    }
}

/// When somebody was there, hour by hour, and where they were away from: what charts are drawn from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// The first hour with presence, from the day's midnight: 22, or 24 for one after the next midnight.
    #[serde(rename = "h", default, skip_serializing_if = "is_zero")]
    pub first_hour: u8,
    /// Minutes of presence in it and in those that follow.
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub minutes: Vec<u8>,
    /// Seconds away, by the area in which they had been seen last.
    #[serde(rename = "a", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub away: BTreeMap<AreaId, i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

impl Pattern {
    /// Of a day in a place; `area` knows where each camera is.
    pub fn new(day: &Day, date: NaiveDate, zone: Tz, area: impl Fn(&CameraId) -> Option<AreaId>) -> Self {
        let mut pattern = Self::default();
        let hour = |hour: u8| {
            let at = local_moment(zone, date, i64::from(hour) * 60);
            at.map_or(i64::MAX, |at| at.timestamp_millis())
        };
        if let (Some(first), Some(last)) = (day.there.first(), day.there.last()) {
            let mut begins = hour(0);
            for number in 0..48 {
                let ends = hour(number + 1);
                if ends > first.0 && begins < last.1 {
                    let minutes = length(clip(&day.there, begins, ends)) / 60_000;
                    if pattern.minutes.is_empty() {
                        pattern.first_hour = number;
                    }
                    // An hour that the clocks repeat has two.
                    pattern
                        .minutes
                        .push(u8::try_from(minutes.min(120)).unwrap_or(120));
                }
                begins = ends;
            }
        }
        for (camera, seconds) in &day.away_by_camera {
            if let Some(area) = area(camera) {
                *pattern.away.entry(area).or_default() += seconds;
            }
        }
        pattern
    }

    /// The hours from the day's midnight with the minutes there.
    pub fn hours(&self) -> impl Iterator<Item = (u8, u8)> {
        let first = self.first_hour;
        self.minutes
            .iter()
            .zip(0u8..)
            .map(move |(minutes, number)| (first + number, *minutes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_those_of_the_place() {
        let date = NaiveDate::from_ymd_opt(2026, 11, 23).expect("date");
        let zone = chrono_tz::Asia::Jakarta;
        let at = |minute| {
            local_moment(zone, date, minute)
                .expect("moment")
                .timestamp_millis()
        };
        let day = Day {
            there: vec![
                (at(22 * 60 + 30), at(23 * 60 + 10)),
                (at(25 * 60), at(26 * 60 + 5)),
            ],
            away_by_camera: [(CameraId::new("cam-1").expect("id"), 60)].into(),
            ..Day::default()
        };
        let pattern = Pattern::new(&day, date, zone, |_| AreaId::new("gudang").ok());
        let hours: Vec<(u8, u8)> = pattern.hours().collect();
        assert_eq!(hours, [(22, 30), (23, 10), (24, 0), (25, 60), (26, 5)]);
        let text = serde_json::to_string(&pattern).expect("json");
        assert_eq!(text, r#"{"h":22,"m":[30,10,0,60,5],"a":{"gudang":60}}"#);
        assert_eq!(serde_json::from_str::<Pattern>(&text).expect("pattern"), pattern);
        assert_eq!(
            serde_json::from_str::<Pattern>("{}").expect("none"),
            Pattern::default()
        );
    }
}
