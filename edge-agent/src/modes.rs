//! What a camera is used for by command, kept over a restart: a camera that somebody switched off stays off.
//!
//! A command holds until the camera's file names another mode than it did when the command came.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hadir_shared::id::CameraId;
use hadir_shared::status::CameraMode;
use serde::{Deserialize, Serialize};

use crate::config::CameraConfig;
use crate::files;

const FILE: &str = "modes.json";

/// The modes that were set by command.
#[derive(Debug)]
pub(crate) struct Modes {
    path: PathBuf,
    set: BTreeMap<CameraId, Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    mode: CameraMode,
    /// What the camera's file said then.
    instead_of: CameraMode,
}

impl Modes {
    /// What the data folder kept; nothing where that cannot be read.
    pub(crate) fn load(data: &Path) -> Self {
        let path = data.join(FILE);
        let set = match std::fs::read(&path).map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(set)) => set,
            Ok(Err(e)) => {
                tracing::error!(path = %path.display(), "the modes set by command are lost, the file is damaged: {e}");
                BTreeMap::new()
            }
            Err(_) => BTreeMap::new(),
        };
        Self { path, set }
    }

    /// The mode that was set for this camera, if it still holds.
    pub(crate) fn get(&self, config: &CameraConfig) -> Option<CameraMode> {
        let entry = self.set.get(&config.id)?;
        (entry.instead_of == config.mode).then_some(entry.mode)
    }

    /// Keeps a mode for this camera.
    pub(crate) fn set(&mut self, config: &CameraConfig, mode: CameraMode) {
        let entry = Entry {
            mode,
            instead_of: config.mode,
        };
        if self.set.insert(config.id.clone(), entry) == Some(entry) {
            return;
        }
        let written = serde_json::to_vec(&self.set)
            .map_err(std::io::Error::from)
            .and_then(|bytes| files::replace(&self.path, &bytes));
        if let Err(e) = written {
            tracing::error!(path = %self.path.display(), "the camera's mode is lost at the next restart: {e}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::camera;

    #[test]
    fn a_mode_outlives_a_restart_until_the_file_says_something_new() {
        let dir = tempfile::tempdir().expect("folder");
        let mut modes = Modes::load(dir.path());
        let recognise = camera("cam-1", CameraMode::Recognise);
        assert_eq!(modes.get(&recognise), None);
        modes.set(&recognise, CameraMode::Off);
        let modes = Modes::load(dir.path());
        assert_eq!(modes.get(&recognise), Some(CameraMode::Off));
        assert_eq!(modes.get(&camera("cam-1", CameraMode::Count)), None);
        assert_eq!(modes.get(&camera("cam-2", CameraMode::Recognise)), None);
        std::fs::write(dir.path().join(FILE), b"{").expect("written");
        assert_eq!(Modes::load(dir.path()).get(&recognise), None);
    }
}
