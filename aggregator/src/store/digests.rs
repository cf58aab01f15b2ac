//! Which digests were told.

use chrono::{DateTime, Utc};
use rusqlite::params;

use super::{Reader, Tx, ms, time_option};
use crate::error::Result;

impl Reader<'_> {
    /// Whether any digest of a kind was ever told.
    pub fn has_digests(&self, kind: &str) -> Result<bool> {
        let mut query = self
            .conn
            .prepare_cached("select exists (select 1 from digest where kind = ?1)")?;
        Ok(query.query_row([kind], |row| row.get(0))?)
    }

    /// When the last digest of a kind was due that was told.
    pub fn last_digest(&self, kind: &str) -> Result<Option<DateTime<Utc>>> {
        let mut query = self
            .conn
            .prepare_cached("select max(due_at) from digest where kind = ?1")?;
        Ok(query.query_row([kind], |row| time_option(row, "max(due_at)"))?)
    }
}

impl Tx<'_> {
    /// Notes that a digest is told; false if it was before.
    pub fn add_digest(&self, kind: &str, due: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool> {
        let added = self.run(
            "insert or ignore into digest (kind, due_at, told_at) values (?1, ?2, ?3)",
            params![kind, ms(due), ms(now)],
        )?;
        Ok(added == 1)
    }
}
