//! One aggregator per store: a lock on a file beside it, which ends with the process however it ends.

use std::fs::{File, TryLockError};
use std::path::Path;

/// Holds the lock until dropped.
#[derive(Debug)]
pub(super) struct Lock(#[allow(dead_code)] File);

/// Takes the lock of the store in `folder`; the error is a sentence.
pub(super) fn take(folder: &Path) -> Result<Lock, String> {
    let path = folder.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.map_err(|e| {
        format!(
            "The lock {} cannot be opened: {e}; check who owns it.",
            path.display()
        )
    })?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(format!(
            "Another aggregator runs with the store in {}; stop it first, or set another `data`.",
            folder.display()
        )),
        Err(TryLockError::Error(e)) => Err(format!("The lock {} cannot be taken: {e}.", path.display())),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_second_aggregator_is_told() {
        let dir = tempfile::tempdir().expect("folder");
        let first = super::take(dir.path()).expect("free");
        let error = super::take(dir.path()).expect_err("taken");
        assert!(error.starts_with("Another aggregator runs"), "{error}");
        drop(first);
        super::take(dir.path()).expect("free again");
    }
}
