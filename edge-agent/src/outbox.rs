//! The outbox: every sighting is written here before it is sent, and stays until the aggregator has said that it
//! is stored.
//!
//! SQLite in WAL mode, one process. `seq` starts at 1 and has no gaps; the counter is stored beside the rows and
//! written in the same transaction, so neither a kill nor a power cut skips or repeats one (`synchronous = full`:
//! sightings are few, each may wait for the disk). Bounded by number and age; what has to be dropped is counted. What
//! cannot be written waits in memory ([`Unwritten`]).
//!
//! Times that were noted while the device's clock was wrong are corrected when it is set (see [`DeviceClock`]).

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::id::{CameraId, EmployeeId};
use hadir_shared::sighting::{Basis, Method, Phase, Sighting};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use rusqlite_migration::{M, Migrations};
use uuid::Uuid;

use crate::clock::{DeviceClock, NUDGED, Reading};
use crate::unwritten::{Noted, Unwritten};

const FILE: &str = "outbox.sqlite";
const LOCK: &str = "agent.lock";

/// The most sightings that wait, about 200 MB.
const MAX_ROWS: u64 = 500_000;
/// The longest that one waits.
const MAX_AGE: TimeDelta = TimeDelta::days(30);
/// So many sightings are corrected in one transaction.
const CORRECTED_AT_ONCE: i64 = 500;
/// The age is looked at every so many sightings.
const AGE_CHECK_EVERY: u64 = 256;

const SCHEMA: &str = "
    -- One sighting that the aggregator has not confirmed yet.
    create table sighting (
        seq     integer primary key,      -- position in the outbox: from 1, no gaps
        last_at integer not null,         -- milliseconds since 1970, for the bound by age
        body    text not null             -- the sighting as it goes over the wire, but for its seq
    ) strict;
    -- One row: the counters.
    create table counter (
        id       integer primary key check (id = 1),
        last_seq integer not null,        -- the last seq that was given
        dropped  integer not null         -- sightings dropped unsent because of the bounds
    ) strict;
    insert into counter (id, last_seq, dropped) values (1, 0, 0);
";

const SCHEMA_2: &str = "
    alter table sighting add column boot text;        -- the start of the machine during which it was noted
    alter table sighting add column ahead integer;    -- the clock of its times minus the time since that start, ms
";

/// A sighting that has no seq and no id yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draft {
    /// Began, continued or ended.
    pub(crate) phase: Phase,
    /// Who.
    pub(crate) employee: EmployeeId,
    /// Where.
    pub(crate) camera: CameraId,
    /// How they were identified.
    pub(crate) method: Method,
    /// Which track.
    pub(crate) track: u64,
    /// When the identity began.
    pub(crate) first_at: DateTime<Utc>,
    /// When the person was last matched.
    pub(crate) last_at: DateTime<Utc>,
    /// By what.
    pub(crate) basis: Basis,
    /// When a face last confirmed who it is, where that was before.
    pub(crate) verified_at: Option<DateTime<Utc>>,
    /// How sure.
    pub(crate) confidence: f32,
    /// The embedding model's id.
    pub(crate) model: String,
}

/// Why the outbox could not do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutboxError {
    /// The data folder, or a file in it.
    #[error("{} cannot be written ({source}): check its owner and the disk's space", path.display())]
    Folder {
        /// The folder or the file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another agent uses it.
    #[error("another hadir-agent runs with the data folder {}: stop it first", .0.display())]
    InUse(PathBuf),
    /// SQLite.
    #[error("the outbox {} cannot be used ({source}): check the disk's space; if the file is damaged, move it away", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file is of a newer or damaged schema.
    #[error("the outbox {} is of another version ({source}): move it away, or run the hadir-agent that wrote it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite_migration::Error,
    },
}

/// Sightings on their way to the aggregator.
pub(crate) struct Outbox {
    path: PathBuf,
    connection: Mutex<Connection>,
    max_rows: u64,
    clock: Arc<DeviceClock>,
    /// What times were last corrected for.
    corrected: Mutex<Option<Reading>>,
    unwritten: Mutex<Unwritten>,
}

/// Makes sure that one agent only works with a data folder. Held while the agent runs; the system lets it go when
/// the process ends, however that happens.
#[derive(Debug)]
pub(crate) struct DataLock(#[expect(dead_code, reason = "held, not used")] File);

/// Takes the data folder for this process, and makes it if need be.
///
/// # Errors
/// [`OutboxError::InUse`] when another agent has it.
pub(crate) fn lock(data: &Path) -> Result<DataLock, OutboxError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| OutboxError::Folder { path, source }
    };
    std::fs::create_dir_all(data).map_err(at(data))?;
    let path = data.join(LOCK);
    let file = File::create(&path).map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(DataLock(file)),
        Err(TryLockError::WouldBlock) => Err(OutboxError::InUse(data.to_owned())),
        Err(TryLockError::Error(source)) => Err(at(&path)(source)),
    }
}

/// Whether an agent works with this data folder now. Makes nothing in it: whoever looks may be another user.
pub(crate) fn is_in_use(data: &Path) -> bool {
    File::open(data.join(LOCK)).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

impl Outbox {
    /// Whether there is one in the data folder.
    pub(crate) fn exists(data: &Path) -> bool {
        data.join(FILE).exists()
    }

    /// Opens `outbox.sqlite` in the data folder, and makes both if need be.
    ///
    /// # Errors
    /// See [`OutboxError`].
    pub(crate) fn open(data: &Path, clock: Arc<DeviceClock>) -> Result<Self, OutboxError> {
        Self::open_bounded(data, clock, MAX_ROWS)
    }

    fn open_bounded(data: &Path, clock: Arc<DeviceClock>, max_rows: u64) -> Result<Self, OutboxError> {
        std::fs::create_dir_all(data).map_err(|source| OutboxError::Folder {
            path: data.to_owned(),
            source,
        })?;
        let path = data.join(FILE);
        let connect = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(&path)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "full")?;
            Ok(connection)
        };
        let mut connection = connect().map_err(|source| OutboxError::Store {
            path: path.clone(),
            source,
        })?;
        Migrations::new(vec![M::up(SCHEMA), M::up(SCHEMA_2)])
            .to_latest(&mut connection)
            .map_err(|source| OutboxError::Version {
                path: path.clone(),
                source,
            })?;
        Ok(Self {
            path,
            connection: Mutex::new(connection),
            max_rows,
            clock,
            corrected: Mutex::new(None),
            unwritten: Mutex::default(),
        })
    }

    /// What the device's clock says, for [`Outbox::append`].
    pub(crate) fn clock(&self) -> Option<Reading> {
        self.clock.read()
    }

    /// Stores sightings and gives each its id and the next seq; all of them or none. `reading` is of the clock by
    /// which their times were noted.
    ///
    /// # Errors
    /// When the store cannot be written. They wait in memory then, see [`Outbox::write_waiting`].
    pub(crate) fn append(
        &self,
        drafts: &[Draft],
        reading: Option<&Reading>,
        now: DateTime<Utc>,
    ) -> Result<(), OutboxError> {
        if drafts.is_empty() {
            return Ok(());
        }
        let mut unwritten = self.unwritten();
        unwritten.add(drafts, reading);
        self.write(&mut unwritten, now)
    }

    /// Tries to store what could not be stored before.
    pub(crate) fn write_waiting(&self, now: DateTime<Utc>) {
        let mut unwritten = self.unwritten();
        if !unwritten.noted().is_empty() {
            // What goes wrong is told when it begins.
            let _ = self.write(&mut unwritten, now);
        }
    }

    fn write(&self, unwritten: &mut Unwritten, now: DateTime<Utc>) -> Result<(), OutboxError> {
        let written = self.store(unwritten.noted());
        match &written {
            Ok(_) => unwritten.written(),
            Err(e) => unwritten.failed(e.to_string()),
        }
        let [before, last] = written?.map(|seq| seq / AGE_CHECK_EVERY);
        // By a clock that is not set yet everything may look old; and so it may until it is corrected.
        if before != last
            && !self.clock.may_be_unset()
            && let Some(reading) = self.clock.read()
        {
            let dropped = self
                .correct(&reading)
                .and_then(|()| self.drop_old(now + moved(reading.ahead, reading.right)));
            // The sightings themselves are written.
            if let Err(e) = dropped {
                tracing::error!("{e}");
            }
        }
        Ok(())
    }

    /// Gives the last seq before, and now.
    fn store(&self, noted: &[Noted]) -> Result<[u64; 2], OutboxError> {
        for (_, reading) in noted {
            self.look_again(reading.as_ref());
        }
        self.transaction(|transaction| {
            let mut last_seq = counter(transaction)?;
            let before = last_seq;
            let mut insert = transaction.prepare(
                "insert into sighting (seq, last_at, body, boot, ahead) values (?1, ?2, ?3, ?4, ?5)",
            )?;
            for (draft, reading) in noted {
                let by = reading
                    .as_ref()
                    .map_or(TimeDelta::zero(), |r| moved(r.ahead, r.right));
                let ahead = reading.as_ref().map(|r| (r.ahead + by).num_milliseconds());
                // What was noted by a clock that is right is never moved.
                let boot = reading.as_ref().filter(|r| !r.confirmed).map(|r| &r.boot);
                last_seq += 1;
                let mut sighting = sighting(draft, last_seq);
                shift(&mut sighting, by);
                let body = serde_json::to_string(&sighting).map_err(to_sql)?;
                let last_at = sighting.last_at.timestamp_millis();
                insert.execute(params![to_i64(last_seq), last_at, body, boot, ahead])?;
            }
            drop(insert);
            transaction.execute("update counter set last_seq = ?1", [to_i64(last_seq)])?;
            self.drop_surplus(transaction, last_seq)?;
            Ok([before, last_seq])
        })
    }

    /// What was noted by the clock as it was before it was corrected is looked for the next time.
    fn look_again(&self, reading: Option<&Reading>) {
        let mut corrected = self.corrected();
        let is_old = |r: &Reading, c: &Reading| r.boot != c.boot || !moved(r.right, c.right).is_zero();
        if reading
            .zip(corrected.as_ref())
            .is_some_and(|(r, c)| !r.confirmed && is_old(r, c))
        {
            *corrected = None;
        }
    }

    /// Why nothing can be written, and for how long that has been so.
    pub(crate) fn problem(&self) -> Option<(String, Duration)> {
        let unwritten = self.unwritten();
        unwritten.problem().map(|(why, since)| (why.to_owned(), since))
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest sightings, in order of seq.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn batch(&self, limit: usize) -> Result<Vec<Sighting>, OutboxError> {
        if let Some(reading) = self.clock.read() {
            self.correct(&reading)?;
        }
        self.with(|connection| {
            let mut select = connection.prepare("select seq, body from sighting order by seq limit ?1")?;
            let rows = select.query_map([to_i64(limit as u64)], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })?;
            rows.map(|row| {
                let (seq, body) = row?;
                let mut sighting: Sighting = serde_json::from_str(&body).map_err(to_sql)?;
                // The column counts: it moves when the outbox is renumbered.
                sighting.seq = seq.unsigned_abs();
                Ok(sighting)
            })
            .collect()
        })
    }

    /// Moves the times that were noted during this start of the machine, if its clock has been set since then.
    fn correct(&self, reading: &Reading) -> Result<(), OutboxError> {
        let known = self.corrected().as_ref().is_some_and(|before| {
            before.boot == reading.boot && moved(before.right, reading.right).is_zero()
        });
        if known {
            return Ok(());
        }
        // Before the rows are read: what comes meanwhile is looked at the next time.
        *self.corrected() = Some(reading.clone());
        let right = reading.right.num_milliseconds();
        let mut after = 0;
        let wrong = |connection: &Connection, after: i64| -> rusqlite::Result<Vec<(i64, i64, String)>> {
            let mut select = connection.prepare(
                "select seq, ahead, body from sighting where boot = ?1 and abs(ahead - ?2) > ?3
                     and seq > ?5 order by seq limit ?4",
            )?;
            let tolerated = NUDGED.num_milliseconds();
            let rows = select.query_map(
                params![reading.boot, right, tolerated, CORRECTED_AT_ONCE, after],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?;
            rows.collect()
        };
        loop {
            // Most often there is nothing to write, and then nothing need be writable.
            let found = self.with(|connection| wrong(connection, after));
            let count = found.and_then(|found| {
                if found.is_empty() {
                    return Ok(0);
                }
                self.transaction(|transaction| {
                    let rows = wrong(transaction, after)?;
                    let mut update = transaction
                        .prepare("update sighting set last_at = ?2, body = ?3, ahead = ?4 where seq = ?1")?;
                    for (seq, ahead, body) in &rows {
                        let mut sighting: Sighting = serde_json::from_str(body).map_err(to_sql)?;
                        shift(&mut sighting, TimeDelta::milliseconds(right - ahead));
                        let body = serde_json::to_string(&sighting).map_err(to_sql)?;
                        update.execute(params![seq, sighting.last_at.timestamp_millis(), body, right])?;
                    }
                    after = rows.last().map_or(after, |(seq, ..)| *seq);
                    Ok(rows.len())
                })
            });
            let count = match count {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(e) => {
                    *self.corrected() = None;
                    return Err(e);
                }
            };
            tracing::warn!(
                sightings = count,
                "the device's clock was wrong: the times of what was seen meanwhile are corrected"
            );
        }
    }

    fn corrected(&self) -> MutexGuard<'_, Option<Reading>> {
        self.corrected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what waits had better wait until it is known what time it is.
    pub(crate) fn clock_may_be_unset(&self) -> bool {
        self.clock.may_be_unset()
    }

    /// The aggregator has stored everything up to this seq: it is deleted here. Gives the number deleted.
    ///
    /// An aggregator that knows a higher seq than this outbox ever gave has known the agent before its data was
    /// lost: what waits is renumbered to come after that, or it would be taken for old.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(crate) fn acknowledge(&self, stored_through: u64) -> Result<usize, OutboxError> {
        self.transaction(|transaction| {
            let last_seq = counter(transaction)?;
            if stored_through <= last_seq {
                return transaction.execute("delete from sighting where seq <= ?1", [to_i64(stored_through)]);
            }
            let offset = to_i64(stored_through);
            // Through negative numbers, so that no row meets one that has not moved yet.
            transaction.execute("update sighting set seq = -(seq + ?1)", [offset])?;
            transaction.execute("update sighting set seq = -seq", [])?;
            transaction.execute("update counter set last_seq = last_seq + ?1", [offset])?;
            Ok(0)
        })
    }

    /// How many sightings wait, and how many had to be dropped since the agent was installed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn depth_and_dropped(&self) -> Result<(u64, u64), OutboxError> {
        let (in_memory, lost) = self.unwritten().depth_and_lost();
        let (depth, dropped) = self.depth_and_dropped_in_store()?;
        Ok((depth + in_memory, dropped + lost))
    }

    fn depth_and_dropped_in_store(&self) -> Result<(u64, u64), OutboxError> {
        self.with(|connection| {
            connection.query_row(
                "select (select count(*) from sighting), dropped from counter",
                [],
                |row| {
                    Ok((
                        row.get::<_, i64>(0)?.unsigned_abs(),
                        row.get::<_, i64>(1)?.unsigned_abs(),
                    ))
                },
            )
        })
    }

    /// Drops the oldest beyond the bound by number.
    fn drop_surplus(&self, transaction: &Transaction<'_>, last_seq: u64) -> rusqlite::Result<()> {
        // Seqs are dense, so the row count follows from the ends without counting.
        let first: Option<i64> = transaction
            .query_row("select min(seq) from sighting", [], |row| row.get(0))
            .optional()?
            .flatten();
        let keep_after = to_i64(last_seq) - to_i64(self.max_rows);
        if first.is_some_and(|first| first <= keep_after) {
            let dropped = transaction.execute("delete from sighting where seq <= ?1", [keep_after])?;
            count_dropped(transaction, dropped)?;
        }
        Ok(())
    }

    /// Drops what is older than the bound by age: from the beginning only, so that no hole comes into what waits.
    fn drop_old(&self, now: DateTime<Utc>) -> Result<(), OutboxError> {
        let oldest = (now - MAX_AGE).timestamp_millis();
        self.transaction(|transaction| {
            let dropped = transaction.execute(
                "delete from sighting where seq < coalesce(
                    (select min(seq) from sighting where last_at >= ?1), (select max(seq) + 1 from sighting))",
                [oldest],
            )?;
            count_dropped(transaction, dropped)
        })
    }

    fn transaction<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, OutboxError> {
        self.with(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, OutboxError> {
        work(&mut self.lock()).map_err(|source| OutboxError::Store {
            path: self.path.clone(),
            source,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A transaction that a panic cut short was rolled back when it was dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By how much times of one clock are moved to be those of another.
fn moved(from: TimeDelta, to: TimeDelta) -> TimeDelta {
    let moved = to - from;
    if moved.abs() > NUDGED {
        moved
    } else {
        TimeDelta::zero()
    }
}

fn shift(sighting: &mut Sighting, by: TimeDelta) {
    let times = [&mut sighting.first_at, &mut sighting.last_at].into_iter();
    for at in times.chain(&mut sighting.verified_at) {
        *at = at.checked_add_signed(by).unwrap_or(*at);
    }
}

fn count_dropped(transaction: &Transaction<'_>, dropped: usize) -> rusqlite::Result<()> {
    if dropped > 0 {
        transaction.execute(
            "update counter set dropped = dropped + ?1",
            [to_i64(dropped as u64)],
        )?;
        tracing::warn!(
            dropped,
            "the outbox is full or too old: the oldest sightings were dropped unsent"
        );
    }
    Ok(())
}

fn counter(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .query_row("select last_seq from counter", [], |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
}

fn sighting(draft: &Draft, seq: u64) -> Sighting {
    let Draft {
        phase,
        employee,
        camera,
        method,
        track,
        first_at,
        last_at,
        basis,
        verified_at,
        confidence,
        model,
    } = draft.clone();
    Sighting {
        id: Uuid::now_v7(),
        seq,
        phase,
        employee,
        camera,
        method,
        track,
        first_at,
        last_at,
        basis,
        verified_at,
        confidence,
        model,
    }
}

/// SQLite's integers are signed; no outbox lives long enough to reach the end of them.
fn to_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn to_sql(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
