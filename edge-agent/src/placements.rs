//! What the last checks of the cameras' mountings found: `camera check` writes it, the running agent reports it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use hadir_shared::id::CameraId;
use hadir_shared::status::Placement;

use crate::files;

const FILE: &str = "placements.json";

type Found = BTreeMap<CameraId, Placement>;

/// Keeps what a check found. The running agent takes it up by itself.
///
/// # Errors
/// When the data folder cannot be written to.
pub(crate) fn keep(data: &Path, camera: &CameraId, placement: Placement) -> std::io::Result<()> {
    let path = data.join(FILE);
    let mut all = read(&path);
    all.insert(camera.clone(), placement);
    files::replace(&path, &serde_json::to_vec(&all)?)?;
    // A technician checks as root, the agent reads as itself.
    use std::os::unix::fs::{MetadataExt as _, chown};
    let folder = std::fs::metadata(data)?;
    chown(&path, Some(folder.uid()), Some(folder.gid()))
}

fn read(path: &Path) -> Found {
    match std::fs::read(path).map(|bytes| serde_json::from_slice(&bytes)) {
        Ok(Ok(all)) => all,
        Ok(Err(e)) => {
            tracing::warn!(path = %path.display(), "what `camera check` found is lost, the file is damaged: {e}");
            Found::new()
        }
        Err(_) => Found::new(),
    }
}

/// What was found, as the file says now.
#[derive(Debug)]
pub(crate) struct Placements {
    path: PathBuf,
    read: Mutex<(Option<SystemTime>, Found)>,
}

impl Placements {
    /// Of a data folder.
    pub(crate) fn of(data: &Path) -> Self {
        Self {
            path: data.join(FILE),
            read: Mutex::default(),
        }
    }

    /// What the last check of a camera found.
    pub(crate) fn get(&self, camera: &CameraId) -> Option<Placement> {
        let written = std::fs::metadata(&self.path)
            .and_then(|file| file.modified())
            .ok();
        let mut kept = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != written {
            *kept = (written, read(&self.path));
        }
        kept.1.get(camera).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placement(eyes: f32) -> Placement {
        Placement {
            at: hadir_shared::time::parse("2026-11-22T07:05:09.000Z").expect("a time"),
            eyes: Some(eyes),
            wrong: vec!["light".into()],
        }
    }

    #[test]
    fn what_was_found_is_taken_up_by_whoever_runs() {
        let dir = tempfile::tempdir().expect("folder");
        let (one, two) = (
            CameraId::new("cam-1").expect("an id"),
            CameraId::new("cam-2").expect("an id"),
        );
        let running = Placements::of(dir.path());
        assert_eq!(running.get(&one), None);
        keep(dir.path(), &one, placement(31.5)).expect("written");
        assert_eq!(running.get(&one), Some(placement(31.5)));
        keep(dir.path(), &two, placement(12.0)).expect("written");
        assert_eq!(running.get(&one), Some(placement(31.5)), "the other stays");
        assert_eq!(Placements::of(dir.path()).get(&two), Some(placement(12.0)));
        std::fs::write(dir.path().join(FILE), b"{").expect("written");
        assert_eq!(Placements::of(dir.path()).get(&two), None, "damaged");
    }
}
