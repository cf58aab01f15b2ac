//! Which digests were told.

use chrono::{DateTime, Utc};
use rusqlite::params;

use super::{Reader, Tx, ms};
use crate::error::Result;

impl Reader<'_> {
    /// Whether any digest of a kind was ever told.
    pub fn has_digests(&self, kind: &str) -> Result<bool> {
        let mut query = self
            .conn
            .prepare_cached("select exists (select 1 from digest where kind = ?1)")?;
        Ok(query.query_row([kind], |row| row.get(0))?)
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
