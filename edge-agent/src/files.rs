//! Files that are whole at any moment.

use std::io::Write as _;
use std::path::Path;

/// Writes a file so that at any moment either the old or the new one is there, whole; readable by the owner only, who is
/// the folder's: what a technician's command writes as root, the agent has to read.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
    let temporary = path.with_extension("new");
    // Made anew: what lies there may be a link to somewhere else.
    match std::fs::remove_file(&temporary) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let folder = std::fs::metadata(folder)?;
        if folder.uid() != file.metadata()?.uid() {
            fchown(&file, Some(folder.uid()), Some(folder.gid()))?;
        }
    }
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    match path.parent() {
        // The new name must be on the disk too.
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_whole_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("kept");
        replace(&path, b"a longer first content").expect("written");
        replace(&path, b"second").expect("written");
        assert_eq!(std::fs::read(&path).expect("read"), b"second");
        assert_eq!(
            std::fs::metadata(&path).expect("there").permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(std::fs::read_dir(dir.path()).expect("folder").count(), 1);
        // What was left half-written, or laid there, is not written through.
        let other = dir.path().join("other");
        std::fs::write(&other, b"mine").expect("written");
        std::os::unix::fs::symlink(&other, path.with_extension("new")).expect("link");
        replace(&path, b"third").expect("written");
        assert_eq!(std::fs::read(&other).expect("read"), b"mine");
        assert_eq!(std::fs::read(&path).expect("read"), b"third");
    }
}
