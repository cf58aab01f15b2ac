//! From when to when no message goes out.

use chrono::{DateTime, Utc};
use rusqlite::params;

use super::{Reader, Tx, ms, time};
use crate::core::types::Silence;
use crate::error::Result;

impl Reader<'_> {
    /// The silences that end after a moment, in order.
    pub fn silences(&self, after: DateTime<Utc>) -> Result<Vec<Silence>> {
        let mut query = self.conn.prepare_cached(
            "select from_at, to_at, reason, created_by from silence where to_at > ?1 order by from_at, id",
        )?;
        let rows = query.query_map([ms(after)], |row| {
            Ok(Silence {
                from: time(row, "from_at")?,
                until: time(row, "to_at")?,
                reason: row.get("reason")?,
                created_by: row.get("created_by")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Tx<'_> {
    /// Adds a silence.
    pub fn add_silence(&self, silence: &Silence, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "insert into silence (from_at, to_at, reason, created_by, created_at) values (?1, ?2, ?3, ?4, ?5)",
            params![
                ms(silence.from),
                ms(silence.until),
                silence.reason,
                silence.created_by,
                ms(now)
            ],
        )?;
        Ok(())
    }

    /// Ends the silence that there is; gives how many there were.
    pub fn end_silence(&self, now: DateTime<Utc>) -> Result<usize> {
        Ok(self.run(
            "update silence set to_at = ?1 where from_at <= ?1 and to_at > ?1",
            [ms(now)],
        )?)
    }
}
