//! Where the built binaries and the recordings are.

use std::io;
use std::path::{Path, PathBuf};

/// Why a binary or folder was not found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The running program's own path is unknown.
    #[error("the path of the running program is unknown: {0}")]
    OwnPath(io::Error),
    /// The running program lies in no build folder.
    #[error("{0} lies in no build folder; run it with cargo or make")]
    NoBuildFolder(PathBuf),
    /// A binary has not been built.
    #[error("{0} is not there; run `cargo build --workspace --bins` first (`make` does it)")]
    NotBuilt(PathBuf),
}

/// The folder of the built binaries: that of the running program, or the one above for a test.
fn binaries() -> Result<PathBuf, Error> {
    let own = std::env::current_exe().map_err(Error::OwnPath)?;
    let folder = own.parent().ok_or_else(|| Error::NoBuildFolder(own.clone()))?;
    let folder = if folder.ends_with("deps") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    Ok(folder.to_owned())
}

/// A built binary of the workspace.
///
/// # Errors
/// When it has not been built.
pub fn binary(name: &str) -> Result<PathBuf, Error> {
    let path = binaries()?.join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::NotBuilt(path))
    }
}

/// Where rendered recordings are kept: `target/demo`.
///
/// # Errors
/// When the running program lies in no build folder.
pub fn recordings() -> Result<PathBuf, Error> {
    let binaries = binaries()?;
    let target = binaries
        .parent()
        .ok_or_else(|| Error::NoBuildFolder(binaries.clone()))?;
    Ok(target.join("demo"))
}

/// The repository.
pub fn repository() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}
