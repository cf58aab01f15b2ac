//! Writing files and folders so that nothing half-written stays.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::Error;

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody on the machine.
    Public,
    /// The owner alone: credentials and keys.
    Secret,
}

/// One file to be made, with its path below a common folder.
pub(crate) struct NewFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) access: Access,
}

impl NewFile {
    pub(crate) fn new(path: impl Into<PathBuf>, text: impl Into<String>, access: Access) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
            access,
        }
    }
}

/// Names the file in an input or output error.
pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

/// Makes the folder `dir`, only its owner's, with `folders` and `files` in it, or nothing at all.
/// `dir` may exist if it is empty.
pub(crate) fn create_folder(dir: &Path, folders: &[&str], files: &[NewFile]) -> Result<(), Error> {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) || dir.is_file() {
        return Err(Error::Usage(format!(
            "{} is there already and not empty; name a new folder, or remove it first",
            dir.display()
        )));
    }
    let draft = draft_of(dir)?;
    let made = fill(&draft, folders, files).and_then(|()| fs::rename(&draft, dir).map_err(at(dir)));
    if made.is_err() {
        // The error that led here is the one to report.
        let _ = fs::remove_dir_all(&draft);
    }
    made
}

/// Writes one file, replacing it whole.
pub(crate) fn write_file(path: &Path, text: &str, access: Access) -> Result<(), Error> {
    let draft = draft_of(path)?;
    let written = write_new(&draft, text, access).and_then(|()| fs::rename(&draft, path).map_err(at(path)));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

/// The place beside `path` where it is prepared.
fn draft_of(path: &Path) -> Result<PathBuf, Error> {
    let name = path
        .file_name()
        .ok_or_else(|| Error::Usage(format!("{} is no name for a file or folder", path.display())))?;
    Ok(path.with_file_name(format!(".{}.{}.new", name.to_string_lossy(), std::process::id())))
}

fn fill(draft: &Path, folders: &[&str], files: &[NewFile]) -> Result<(), Error> {
    make_folder(draft)?;
    for folder in folders {
        make_folder(&draft.join(folder))?;
    }
    for file in files {
        write_new(&draft.join(&file.path), &file.text, file.access)?;
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(at(path))
}

fn write_new(path: &Path, text: &str, access: Access) -> Result<(), Error> {
    let mode = match access {
        Access::Public => 0o644,
        Access::Secret => 0o600,
    };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(at(path))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(at(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_whole_or_not_at_all() {
        let tmp = tempfile::tempdir().expect("temporary folder");
        let dir = tmp.path().join("site");
        // A file below a folder that nobody makes cannot be written.
        let bad = [
            NewFile::new("a", "1", Access::Public),
            NewFile::new("none/b", "2", Access::Secret),
        ];
        assert!(create_folder(&dir, &[], &bad).is_err());
        assert_eq!(
            fs::read_dir(tmp.path()).expect("readable").count(),
            0,
            "something half-written stayed"
        );

        create_folder(&dir, &["none"], &bad).expect("made");
        assert_eq!(fs::read_to_string(dir.join("none/b")).expect("readable"), "2");
        assert!(
            matches!(create_folder(&dir, &[], &[]), Err(Error::Usage(_))),
            "an existing folder was taken"
        );
    }

    #[test]
    fn secrets_are_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let tmp = tempfile::tempdir().expect("temporary folder");
        let path = tmp.path().join("key");
        write_file(&path, "a", Access::Secret).expect("written");
        write_file(&path, "b", Access::Secret).expect("replaced");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(
            (
                fs::read_to_string(&path).expect("readable").as_str(),
                mode & 0o777
            ),
            ("b", 0o600)
        );
    }
}
