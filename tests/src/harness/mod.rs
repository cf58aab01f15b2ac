//! Starts the real binaries with real configurations, for the demo and the tests.
//!
//! Everything listens on 127.0.0.1. What is started is stopped when its handle is dropped; what it said is
//! kept in a file beside it, whose end every failure shows.

pub mod camera;
pub mod client;
pub mod control;
pub mod device;
pub mod mosquitto;
pub mod paths;
pub mod ports;
pub mod process;
pub mod site;
pub mod staff;
pub mod system;

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

/// Why something of the harness failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A binary is missing.
    #[error(transparent)]
    Paths(#[from] paths::Error),
    /// A process.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// A file.
    #[error("{0}: {1}")]
    File(std::path::PathBuf, std::io::Error),
    /// No port.
    #[error("no port is free: {0}")]
    Port(std::io::Error),
    /// No recording.
    #[error(transparent)]
    Recording(#[from] crate::recordings::Error),
    /// An answer that was not expected.
    #[error("{0}")]
    Http(String),
    /// It took too long.
    #[error("after {} s: {what}", limit.as_secs())]
    Timeout {
        /// What was waited for and what was there instead.
        what: String,
        /// For how long.
        limit: Duration,
    },
    /// Something else.
    #[error("{0}")]
    Other(String),
}

/// Held by a test that needs the processor to itself.
pub async fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

/// Tries again and again until `attempt` gives something; its `Err` says what was there instead.
///
/// # Errors
/// [`Error::Timeout`] with `what` and the last attempt's words.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, Error> {
    let end = tokio::time::Instant::now() + limit;
    loop {
        match attempt().await {
            Ok(found) => return Ok(found),
            Err(instead) if tokio::time::Instant::now() >= end => {
                return Err(Error::Timeout {
                    what: format!("{what}: {instead}"),
                    limit,
                });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
        }
    }
}
