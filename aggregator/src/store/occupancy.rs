//! How many people were in which area, minute by minute.

use chrono::{DateTime, Utc};
use hadir_shared::id::{AreaId, CameraId};
use rusqlite::params;

use super::{Reader, Tx, ms, read_as};
use crate::error::Result;

/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;

/// What an area's cameras counted within some minutes.
#[derive(Clone, Debug, PartialEq)]
pub struct OccupancyRow {
    /// Which area.
    pub area: AreaId,
    /// Which of the steps since the beginning.
    pub step: u32,
    /// People in a minute, on average over the minutes that are known.
    pub mean: f64,
    /// The most in a minute.
    pub most: u32,
    /// How many minutes are known.
    pub minutes: u32,
}

impl Reader<'_> {
    /// The occupancy between two moments in steps of so many minutes, by area and step. Of an area with several cameras it
    /// is what they counted together.
    pub fn occupancy(&self, from: DateTime<Utc>, to: DateTime<Utc>, step: u32) -> Result<Vec<OccupancyRow>> {
        let mut query = self.conn.prepare_cached(
            "select area, (minute - ?1) / ?3 as step, avg(people) as mean, max(people) as most, count(*) as minutes
             from (select minute, area, sum(people) as people from occupancy where minute >= ?1 and minute < ?2
                 group by minute, area)
             group by area, step order by area, step",
        )?;
        let rows = query.query_map(params![ms(from) / MINUTE, ms(to) / MINUTE, step], |row| {
            Ok(OccupancyRow {
                area: read_as(row, "area", |t| AreaId::new(t).ok())?,
                step: row.get("step")?,
                mean: row.get("mean")?,
                most: row.get("most")?,
                minutes: row.get("minutes")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Tx<'_> {
    /// A camera counts so many people in its area now; of a minute the last count stays.
    pub fn note_people(
        &self,
        area: &AreaId,
        camera: &CameraId,
        people: u32,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.run(
            "insert into occupancy (minute, area, camera, people) values (?1, ?2, ?3, ?4)
             on conflict do update set people = excluded.people where people <> excluded.people",
            params![ms(now) / MINUTE, area.as_str(), camera.as_str(), people],
        )?;
        Ok(())
    }

    /// Forgets what was counted before a moment, so many rows at most; says how many they were.
    pub(super) fn forget_occupancy(&self, before: DateTime<Utc>, limit: u32) -> Result<usize> {
        Ok(self.run(
            "delete from occupancy where (minute, area, camera) in
                 (select minute, area, camera from occupancy where minute < ?1 limit ?2)",
            params![ms(before) / MINUTE, limit],
        )?)
    }
}
