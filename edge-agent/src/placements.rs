//! What the last checks of the cameras' mountings found: `camera check` writes it, the running agent reports it. One file
//! for each camera, so that checks do not meet.

use std::path::{Path, PathBuf};

use hadir_shared::id::CameraId;
use hadir_shared::status::Placement;

use crate::files;

fn file(data: &Path, camera: &CameraId) -> PathBuf {
    data.join(format!("placement-{camera}.json"))
}

/// Keeps what a check found. The running agent takes it up by itself.
///
/// # Errors
/// When the data folder cannot be written to.
pub(crate) fn keep(data: &Path, camera: &CameraId, placement: &Placement) -> std::io::Result<()> {
    files::replace(&file(data, camera), &serde_json::to_vec(placement)?)
}

/// What the last check of a camera found, as its file says now; none where that cannot be read.
pub(crate) fn read(data: &Path, camera: &CameraId) -> Option<Placement> {
    let bytes = std::fs::read(file(data, camera)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_taken_up_by_whoever_runs() {
        let dir = tempfile::tempdir().expect("folder");
        let (one, two) = (
            CameraId::new("cam-1").expect("an id"),
            CameraId::new("cam-2").expect("an id"),
        );
        let placement = |eyes| Placement {
            at: hadir_shared::time::parse("2026-11-22T07:05:09.000Z").expect("a time"),
            eyes: Some(eyes),
            wrong: vec!["light".into()],
        };
        assert_eq!(read(dir.path(), &one), None);
        keep(dir.path(), &one, &placement(31.5)).expect("written");
        keep(dir.path(), &two, &placement(12.0)).expect("written");
        keep(dir.path(), &two, &placement(14.0)).expect("written again");
        assert_eq!(read(dir.path(), &one), Some(placement(31.5)));
        assert_eq!(read(dir.path(), &two), Some(placement(14.0)));
        std::fs::write(file(dir.path(), &one), b"{").expect("written");
        assert_eq!(read(dir.path(), &one), None, "damaged");
    }
}
