//! Erasure of traces, backup, the check that looks the store over like fsck, and forgetting.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, params};

use super::{Store, Tx, lock, ms};
use crate::core::settings::AttendanceRules;
use crate::error::{Error, Result};

/// Whether nothing is left of what was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// Nothing is.
    Yes,
    /// A reader still holds the write-ahead log; to be tried again.
    NotYet,
}

/// Rules that the schema cannot express. Each query gives the rows that break one.
const INVARIANTS: &[(&str, &str)] = &[
    ("an employee without a status", "select id from employee where id not in (select employee from employee_status)"),
    (
        "an employee who is their own superior, over others",
        "with recursive above (id, top) as (
             select id, supervisor from employee where supervisor is not null
             union select a.id, e.supervisor from above a join employee e on e.id = a.top where e.supervisor is not null
         ) select distinct id from above where id = top",
    ),
    (
        "stretches of presence that overlap",
        "select distinct a.employee from attendance a join attendance b
             on b.employee = a.employee and b.id > a.id and b.began_at <= a.ended_at and b.ended_at >= a.began_at",
    ),
    ("a sighting of nobody", "select id from sighting where employee not in (select id from employee)"),
    (
        "a sighting twice under one number of its agent",
        "select agent || '/' || seq from sighting group by agent, seq having count(*) > 1",
    ),
    (
        "an acknowledged alert without a time",
        "select id from alert where state = 'acknowledged' and acknowledged_at is null",
    ),
    ("a closed alert without a reason", "select id from alert where state = 'closed' and close_reason is null"),
    ("a camera that watches twice at once", "select camera from camera_watch where to_at is null group by camera having count(*) > 1"),
    ("a damaged template", "select id from template where (length(embedding) - 4096) % 4 <> 0"),
];

/// So many sightings are deleted in one go, so that nothing else has to wait for long.
const FORGET_AT_ONCE: u32 = 10_000;

/// So many days, each with what it was made from.
const DAYS_AT_ONCE: u32 = 2_000;

impl Store {
    /// Empties the write-ahead log, so that what was deleted is in no file of the store.
    ///
    /// `secure_delete` zeroes it in the database; the log's older frames still hold it until the log is
    /// truncated, which a reader can delay. Tries for two seconds; what remains is done by
    /// [`Self::finish_erasure`].
    pub fn erase_traces(&self) -> Result<Erased> {
        self.erasure_pending.store(true, Ordering::Release);
        for _ in 0..100 {
            if self.finish_erasure()? == Erased::Yes {
                return Ok(Erased::Yes);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Erased::NotYet)
    }

    /// Tries once more what [`Self::erase_traces`] could not finish.
    pub fn finish_erasure(&self) -> Result<Erased> {
        if !self.pending() {
            return Ok(Erased::Yes);
        }
        let writer = lock(&self.writer);
        // A reader is not worth waiting for while the writer is held.
        writer.busy_timeout(Duration::ZERO)?;
        let busy = writer.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get::<_, i64>(0));
        writer.busy_timeout(super::BUSY_TIMEOUT)?;
        if busy? == 0 {
            self.erasure_pending.store(false, Ordering::Release);
            Ok(Erased::Yes)
        } else {
            Ok(Erased::NotYet)
        }
    }

    /// Looks the store over; gives what is wrong, a sentence each.
    pub fn check(&self) -> Result<Vec<String>> {
        let reader = self.new_reader()?;
        let mut findings = Vec::new();
        {
            let mut query = reader.prepare("pragma integrity_check")?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let finding: String = row.get(0)?;
                if finding != "ok" {
                    findings.push(format!("SQLite: {finding}."));
                }
            }
        }
        {
            let mut query = reader.prepare("pragma foreign_key_check")?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
                findings.push(format!(
                    "A row of {table} refers to a row of {parent} that is not there."
                ));
            }
        }
        for (what, sql) in INVARIANTS {
            let mut query = reader.prepare(sql)?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let which: rusqlite::types::Value = row.get(0)?;
                let which = match which {
                    rusqlite::types::Value::Integer(id) => id.to_string(),
                    rusqlite::types::Value::Text(id) => id,
                    _ => String::new(),
                };
                findings.push(format!("There is {what}: {which}."));
            }
        }
        Ok(findings)
    }

    /// Writes a consistent copy to `to`, which must not exist, while the store is in use.
    pub fn backup(&self, to: &Path) -> Result<()> {
        if to.exists() {
            return Err(Error::conflict(
                "to",
                format!("{} is there already; name another file.", to.display()),
            ));
        }
        let from = self.new_reader()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let copied = Connection::open_with_flags(to, flags)
            .map_err(Error::from)
            .and_then(|mut copy| {
                {
                    let backup = Backup::new(&from, &mut copy)?;
                    while backup.step(1000)? != StepResult::Done {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
                // A copy is one file.
                copy.pragma_update(None, "journal_mode", "delete")?;
                Ok(())
            });
        if copied.is_err() {
            // Nothing half-written stays.
            let _ = std::fs::remove_file(to);
        }
        copied
    }
}

impl Tx<'_> {
    /// Forgets what is no longer needed: single sightings and how many people were where, and days with when somebody was there, after as long as the
    /// rules say; what was set aside, answered, silenced or noted of badges three months ago; what messages said a day
    /// ago. At most 10,000 rows of a kind at a time, and 2,000 days.
    /// Says whether there is more of it.
    pub fn forget(&self, rules: &AttendanceRules, now: DateTime<Utc>) -> Result<bool> {
        let sightings = self.conn().execute(
            // Row ids grow with the time of storing, so the oldest come first and nothing else is read.
            "delete from sighting where rowid in (select rowid from sighting order by rowid limit ?2)
                 and stored_at < ?1",
            params![ms(now - rules.keep_sightings), FORGET_AT_ONCE],
        )?;
        let occupancy = self.forget_occupancy(now - rules.keep_sightings, FORGET_AT_ONCE)?;
        // Sightings may come as late as they are kept; what was watched until then says what the cameras could see.
        self.conn().execute(
            "delete from camera_watch where to_at < ?1",
            [ms(now - crate::ingest::MAX_AGE - TimeDelta::days(3))],
        )?;
        let old = now - rules.keep_days;
        let stretches = self.conn().execute(
            "delete from attendance where id in (select id from attendance where began_at < ?1 limit ?2)
                 and ended_at < ?1",
            params![ms(old), FORGET_AT_ONCE],
        )?;
        self.conn()
            .execute("delete from exemption where to_at < ?1", [ms(old)])?;
        let day = old.date_naive().to_string();
        let mut days = 0;
        for table in ["attendance_evidence", "attendance_decision", "attendance_day"] {
            // Of the same days each, so that none stays without what it was made from.
            days = self.conn().execute(
                &format!(
                    "delete from {table} where (employee, date) in
                         (select employee, date from attendance_day where date < ?1 order by date, employee limit ?2)"
                ),
                params![day, DAYS_AT_ONCE],
            )?;
        }
        let quarter = ms(now - TimeDelta::days(90));
        self.conn()
            .execute("delete from set_aside where at < ?1", params![quarter])?;
        self.conn()
            .execute("delete from badge_conflict where shown_at < ?1", params![quarter])?;
        self.conn()
            .execute("delete from incoming where at < ?1", params![quarter])?;
        self.conn()
            .execute("delete from silence where to_at < ?1", params![quarter])?;
        self.conn()
            .execute("delete from digest where due_at < ?1", params![quarter])?;
        self.conn().execute(
            "delete from conversation where written_at < ?1",
            [ms(now - TimeDelta::days(1))],
        )?;
        // Numbers that are not registered.
        self.conn().execute(
            "delete from message where recipient is null and channel = 'whatsapp' and created_at < ?1",
            [ms(now - TimeDelta::days(1))],
        )?;
        self.blank_messages(Some(now - TimeDelta::days(1)))?;
        let all = FORGET_AT_ONCE as usize;
        Ok(sightings == all || occupancy == all || stretches == all || days == DAYS_AT_ONCE as usize)
    }
}
