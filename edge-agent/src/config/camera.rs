//! One camera's file in `camera_configs/`.

use std::path::{Path, PathBuf};

use hadir_shared::id::{AreaId, CameraId};
use hadir_shared::status::CameraMode;
use serde::Deserialize;

use super::error::ConfigError;
use super::read_toml;

/// Frames analysed per second where a camera's file does not say. Walking people move about 15 cm between
/// two frames at this rate, far less than a face's gate in the tracker.
pub(crate) const DEFAULT_FPS: f32 = 10.0;

/// The longer side of the picture that the detector sees, in pixels, where a file does not say.
pub(crate) const DEFAULT_DETECT_WIDTH: u32 = 640;

/// A camera as its file describes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CameraConfig {
    /// Its id, unique within the site.
    pub(crate) id: CameraId,
    /// What people call it by: CAM 1.
    pub(crate) number: Option<u32>,
    /// What it is called.
    pub(crate) label: String,
    /// The area that it watches.
    pub(crate) area: AreaId,
    /// What it is used for.
    pub(crate) mode: CameraMode,
    /// Where its pictures come from.
    pub(crate) source: SourceConfig,
    /// The longer side of the picture that the detector sees, in pixels.
    pub(crate) detect_width: u32,
    /// The most frames analysed per second.
    pub(crate) recognise_fps: f32,
}

/// Where a camera's pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceConfig {
    /// A file that ffmpeg reads.
    Recording(RecordingSource),
    /// A USB camera.
    Usb(UsbDevice),
}

/// A recording that stands in for a camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordingSource {
    /// The file.
    pub(crate) path: PathBuf,
    /// From the beginning again when it ends.
    pub(crate) looped: bool,
    /// At its own speed; otherwise as fast as it can be read.
    pub(crate) realtime: bool,
}

/// A USB camera, as the system knows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum UsbDevice {
    /// The number in `/dev/video<number>`.
    Index(u32),
    /// The device's path, which may be a stable name below `/dev/v4l/by-id/`.
    Path(PathBuf),
}

impl std::fmt::Display for UsbDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            UsbDevice::Index(index) => write!(f, "/dev/video{index}"),
            UsbDevice::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CameraFile {
    id: CameraId,
    number: Option<u32>,
    label: String,
    area: AreaId,
    #[serde(default)]
    mode: CameraMode,
    source: SourceTable,
    detect_width: Option<u32>,
    recognise_fps: Option<f32>,
}

// One table with optional keys rather than an untagged enum: so a misspelt key is named in the message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceTable {
    recording: Option<PathBuf>,
    #[serde(rename = "loop")]
    looped: Option<bool>,
    realtime: Option<bool>,
    usb: Option<UsbDevice>,
}

/// Reads and checks one camera's file.
pub(super) fn load(path: &Path) -> Result<CameraConfig, Vec<ConfigError>> {
    let file: CameraFile = read_toml(path, "").map_err(|e| vec![e])?;
    let mut errors = Vec::new();
    let mut wrong = |key: &str, why: &str| errors.push(ConfigError::key(path, key, why));
    if file.number == Some(0) {
        wrong("number", "must be 1 or more");
    }
    if file.label.trim().is_empty() {
        wrong("label", "is empty: say what people call this camera");
    }
    let detect_width = file.detect_width.unwrap_or(DEFAULT_DETECT_WIDTH);
    if !(96..=4096).contains(&detect_width) {
        wrong("detect_width", "must be 96 to 4096 pixels");
    }
    let recognise_fps = file.recognise_fps.unwrap_or(DEFAULT_FPS);
    if !(0.5..=60.0).contains(&recognise_fps) {
        wrong("recognise_fps", "must be 0.5 to 60 frames per second");
    }
    let base = path.parent().unwrap_or(Path::new(""));
    let source = match (file.source.recording, file.source.usb) {
        (Some(recording), None) => Some(SourceConfig::Recording(RecordingSource {
            path: base.join(recording),
            looped: file.source.looped.unwrap_or(false),
            realtime: file.source.realtime.unwrap_or(true),
        })),
        (None, Some(usb)) => {
            if file.source.looped.is_some() || file.source.realtime.is_some() {
                wrong(
                    "source",
                    "has `loop` or `realtime`, which belong to a recording, not to a USB camera",
                );
            }
            Some(SourceConfig::Usb(usb))
        }
        _ => {
            wrong(
                "source",
                "needs exactly one of `recording` (a file) and `usb` (a number or a device path)",
            );
            None
        }
    };
    match source {
        Some(source) if errors.is_empty() => Ok(CameraConfig {
            id: file.id,
            number: file.number,
            label: file.label,
            area: file.area,
            mode: file.mode,
            source,
            detect_width,
            recognise_fps,
        }),
        _ => Err(errors),
    }
}
