//! The store: SQLite, and the only place that knows SQL.
//!
//! One writer behind a lock, a few readers beside it (WAL). Operations say what the aggregator needs; several
//! of them make one transaction in [`Store::write`]. Both closures block: call from a thread where that is
//! allowed. The lock is never held across an await, because nothing here is asynchronous.
//!
//! `synchronous` is FULL: in WAL mode NORMAL loses the last transactions on a power cut, and a sighting is
//! forgotten by its agent as soon as we acknowledge it. What FULL costs, one fsync a batch, is paid once for
//! up to 500 sightings.

mod alerts;
mod attendance;
mod devices;
mod digests;
mod messages;
mod occupancy;
mod people;
mod policies;
mod schedules;
mod sightings;
mod silences;
mod site_settings;
mod templates;
mod upkeep;
mod users;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags, Row, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

pub use self::alerts::{NewEvent, Told};
pub use self::attendance::{Before, DayRow, PatternRow, Plans, SettledDay};
pub use self::devices::CameraRow;
pub use self::messages::{Form, Kinds, Limits, Load, NewMessage, QueuedMessage, StoredMessage};
pub use self::occupancy::OccupancyRow;
pub use self::people::EmployeeRecord;
pub use self::sightings::{Seen, SightingRow, Stretch};
pub use self::upkeep::Erased;
use crate::error::{Error, Result};

const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("schema.sql")),
    M::up(include_str!("schema_2.sql")),
    M::up(include_str!("schema_3.sql")),
    M::up(include_str!("schema_4.sql")),
    M::up(include_str!("schema_5.sql")),
    M::up(include_str!("schema_6.sql")),
    M::up(include_str!("schema_7.sql")),
    M::up(include_str!("schema_8.sql")),
    M::up(include_str!("schema_9.sql")),
    M::up(include_str!("schema_10.sql")),
    M::up(include_str!("schema_11.sql")),
    M::up(include_str!("schema_12.sql")),
];

/// How long a connection waits for another one's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What the writer keeps in memory at most.
const CACHE_KIB: i64 = 64 << 10;

/// So many pages of 4 KiB are collected in the write-ahead log before they go into the database.
const CHECKPOINT_PAGES: i64 = 10_000;

/// Statements that each connection keeps prepared: all that there are (a batch of 500 sightings of 500 people
/// took 26 ms when each was prepared anew, 18 ms with this; debug build).
const STATEMENTS: usize = 128;

/// The store of one site.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// Templates were deleted and the write-ahead log may still hold them.
    erasure_pending: AtomicBool,
    /// What SQLite said when we last asked whether others wrote.
    data_version: AtomicI64,
    /// For tests: the end of everything, after some steps.
    #[cfg(test)]
    pub(crate) end: std::sync::Arc<End>,
    #[cfg(test)]
    changes: std::sync::atomic::AtomicU64,
}

/// A power cut after so many steps, for tests: nothing is written, and nothing goes out, any more.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct End(std::sync::atomic::AtomicI64);

#[cfg(test)]
impl End {
    pub(crate) fn after(steps: i64) -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self(steps.into()))
    }

    /// A step was made; false if there is no more time for it.
    pub(crate) fn step(&self) -> bool {
        self.0.fetch_sub(1, Ordering::SeqCst) > 0
    }

    pub(crate) fn set(&self, steps: i64) {
        self.0.store(steps, Ordering::SeqCst);
    }

    pub(crate) fn left(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Read operations, in one consistent view of the store.
#[derive(Debug)]
pub struct Reader<'c> {
    conn: &'c Connection,
}

/// Write operations of one transaction; reads see what it wrote.
#[derive(Debug)]
pub struct Tx<'c> {
    reader: Reader<'c>,
}

impl<'c> std::ops::Deref for Tx<'c> {
    type Target = Reader<'c>;

    fn deref(&self) -> &Reader<'c> {
        &self.reader
    }
}

impl Tx<'_> {
    fn conn(&self) -> &Connection {
        self.reader.conn
    }

    /// Runs one statement, prepared once; gives how many rows it changed.
    fn run(&self, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<usize> {
        self.conn().prepare_cached(sql)?.execute(params)
    }
}

impl Store {
    /// Opens the store at `path`, or makes it, and brings it to the current schema.
    pub fn open(path: &Path) -> Result<Self> {
        let mut writer = Connection::open(path).map_err(|error| {
            let error = Error::from(error);
            Error {
                message: format!("{}: {error}", path.display()).into(),
                ..error
            }
        })?;
        writer.busy_timeout(BUSY_TIMEOUT)?;
        writer.pragma_update(None, "journal_mode", "wal")?;
        writer.pragma_update(None, "synchronous", "full")?;
        writer.pragma_update(None, "secure_delete", "on")?;
        // A batch of 500 people touches many pages, and the next one some of them again, which SQLite's 2 MB of cache and a
        // checkpoint every 4 MB read and write each time (38 to 41 % of bare inserts in `make bench-ingest`).
        writer.pragma_update(None, "cache_size", -CACHE_KIB)?;
        writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        // Sorting and statement journals would otherwise leave rows in temporary files.
        writer.pragma_update(None, "temp_store", "memory")?;
        Migrations::from_slice(MIGRATIONS).to_latest(&mut writer).map_err(|error| {
            Error::internal(format!(
                "{}: the store's schema cannot be brought up to date ({error}); was it written by a newer version?",
                path.display()
            ))
        })?;
        writer.pragma_update(None, "foreign_keys", "on")?;
        writer.set_prepared_statement_cache_capacity(STATEMENTS);
        let data_version = data_version(&mut writer)?.into();
        let store = Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            readers: Mutex::new(Vec::new()),
            erasure_pending: AtomicBool::new(true),
            data_version,
            #[cfg(test)]
            end: End::after(i64::MAX),
            #[cfg(test)]
            changes: Default::default(),
        };
        // Whatever a crash between a deletion and its checkpoint left behind.
        store.erase_traces()?;
        Ok(store)
    }

    /// Runs `f` in one transaction, which is committed when `f` succeeds and undone when it does not.
    pub fn write<T>(&self, f: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let mut writer = lock(&self.writer);
        let tx = Transaction::new(&mut writer, TransactionBehavior::Immediate)?;
        let value = f(&Tx {
            reader: Reader { conn: &tx },
        })?;
        #[cfg(test)]
        if tx.total_changes() > self.changes.swap(tx.total_changes(), Ordering::SeqCst) && !self.end.step() {
            return Err(Error::unavailable("the power is gone"));
        }
        tx.commit()?;
        Ok(value)
    }

    /// Whether somebody else wrote into the store since [`Self::took_up`]: what to tell that.
    pub fn changed_elsewhere(&self) -> Result<Option<i64>> {
        let mut writer = lock(&self.writer);
        let version = data_version(&mut writer)?;
        Ok((self.data_version.load(Ordering::Acquire) != version).then_some(version))
    }

    /// What others wrote up to this version is known.
    pub fn took_up(&self, version: i64) {
        self.data_version.store(version, Ordering::Release);
    }

    /// Runs `f` on one consistent view of the store.
    pub fn read<T>(&self, f: impl FnOnce(&Reader<'_>) -> Result<T>) -> Result<T> {
        let pooled = lock(&self.readers).pop();
        let mut reader = match pooled {
            Some(reader) => reader,
            None => self.new_reader()?,
        };
        let tx = Transaction::new(&mut reader, TransactionBehavior::Deferred)?;
        let value = f(&Reader { conn: &tx });
        drop(tx);
        let mut readers = lock(&self.readers);
        if readers.len() < 4 {
            readers.push(reader);
        }
        value
    }

    fn new_reader(&self) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(&self.path, flags)?;
        reader.busy_timeout(BUSY_TIMEOUT)?;
        reader.pragma_update(None, "temp_store", "memory")?;
        reader.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(reader)
    }

    fn pending(&self) -> bool {
        self.erasure_pending.load(Ordering::Acquire)
    }
}

/// Changes when another connection has written; our own writer's changes do not count.
fn data_version(writer: &mut Connection) -> rusqlite::Result<i64> {
    writer
        .prepare_cached("pragma data_version")?
        .query_row([], |row| row.get(0))
}

/// A poisoned lock holds a connection whose transaction was rolled back when the panic dropped it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time as it is stored.
fn ms(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// A stored time.
fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<DateTime<Utc>> {
    let ms: i64 = row.get(column)?;
    DateTime::from_timestamp_millis(ms).ok_or_else(|| wrong(row, column, "no time"))
}

/// A stored time that may be missing.
fn time_option(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let ms: Option<i64> = row.get(column)?;
    match ms {
        None => Ok(None),
        Some(_) => time(row, column).map(Some),
    }
}

/// A stored id or enumeration.
fn read_as<T>(row: &Row<'_>, column: &str, parse: impl FnOnce(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| wrong(row, column, &text))
}

/// A stored id or enumeration that may be missing.
fn read_option<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    match text {
        None => Ok(None),
        Some(text) => parse(&text).map(Some).ok_or_else(|| wrong(row, column, &text)),
    }
}

fn wrong(row: &Row<'_>, column: &str, value: &str) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or(0);
    let error = format!("`{value}` in column {column}");
    rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, error.into())
}

/// A stored count; never negative.
fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| wrong(row, column, "a negative count"))
}

/// A count as it is stored; what would not fit is stored as the largest that does.
fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
