//! One camera's file in `camera_configs/`.

use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use hadir_shared::id::{AreaId, CameraId};
use hadir_shared::status::CameraMode;
use serde::Deserialize;

use crate::pipeline::{BadgeReading, BodyRules, DetectWidth, Follow, Mask};

use super::document::Document;
use super::error::ConfigError;
use super::read;
use super::source::{Logins, SourceConfig, SourceTable};

/// Frames analysed per second where a camera's file does not say. Walking people move about 25 cm between two frames
/// at this rate, within a new face's gate in the tracker; three views of a face, which make a name, take half a second.
pub(crate) const DEFAULT_FPS: f32 = 6.0;

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
    /// The longer side of the picture that the detector sees.
    pub(crate) detect_width: DetectWidth,
    /// The most frames analysed per second.
    pub(crate) recognise_fps: f32,
    /// Where nothing is looked for.
    pub(crate) mask: Mask,
    /// Whether it reads badges.
    pub(crate) badges: BadgeReading,
    /// The USB badge reader beside it, an input device.
    pub(crate) badge_reader: Option<PathBuf>,
    /// Whether and how people are followed whose faces are not seen.
    pub(crate) bodies: BodyRules,
    /// Horizontal field of view of its lens, in degrees.
    pub(crate) fov: Option<f32>,
    /// How far away people are, in metres.
    pub(crate) distance: Option<f32>,
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
    #[serde(default)]
    mask: Vec<Vec<[f32; 2]>>,
    badges: Option<Badges>,
    badge_reader: Option<PathBuf>,
    #[serde(default)]
    bodies: Bodies,
    fov: Option<f32>,
    distance: Option<f32>,
}

/// The table `bodies`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Bodies {
    follow: bool,
    face_within_minutes: f32,
    kept_seconds: f32,
}

impl Default for Bodies {
    fn default() -> Self {
        let BodyRules {
            follow,
            face_within,
            kept,
        } = BodyRules::default();
        Self {
            follow: follow == Follow::Bodies,
            face_within_minutes: face_within.num_minutes() as f32,
            kept_seconds: kept.num_seconds() as f32,
        }
    }
}

impl Bodies {
    fn rules(&self) -> BodyRules {
        let milliseconds = |seconds: f32| TimeDelta::milliseconds((seconds * 1000.0) as i64);
        BodyRules {
            follow: match self.follow {
                true => Follow::Bodies,
                false => Follow::FacesOnly,
            },
            face_within: milliseconds(60.0 * self.face_within_minutes),
            kept: milliseconds(self.kept_seconds),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Badges {
    Qr,
}

/// Reads and checks one camera's file.
pub(super) fn load(path: &Path, logins: &Logins) -> Result<(Document, CameraConfig), Vec<ConfigError>> {
    let (document, file): (Document, CameraFile) =
        read(path, "Give a file of camera_configs/.").map_err(|e| vec![e])?;
    let mut errors = Vec::new();
    let mut wrong = |key: &str, why: &str| errors.push(document.wrong(key, why));
    if file.number == Some(0) {
        wrong("number", "must be 1 or more");
    }
    if file.label.trim().is_empty() {
        wrong("label", "is empty: say what people call this camera");
    }
    if file
        .detect_width
        .is_some_and(|pixels| !(96..=4096).contains(&pixels))
    {
        wrong("detect_width", "must be 96 to 4096 pixels");
    }
    let recognise_fps = file.recognise_fps.unwrap_or(DEFAULT_FPS);
    if !(0.5..=60.0).contains(&recognise_fps) {
        wrong("recognise_fps", "must be 0.5 to 60 frames per second");
    }
    let outside = |corner: &[f32; 2]| corner.iter().any(|share| !(0.0..=1.0).contains(share));
    if file
        .mask
        .iter()
        .any(|polygon| polygon.len() < 3 || polygon.iter().any(outside))
    {
        wrong(
            "mask",
            "needs polygons of three corners or more, each [across, down] in parts of the picture from 0 to 1",
        );
    }
    if file.fov.is_some_and(|degrees| !(5.0..=170.0).contains(&degrees)) {
        wrong(
            "fov",
            "must be 5 to 170 degrees: the lens's horizontal field of view",
        );
    }
    if file
        .distance
        .is_some_and(|metres| !(0.3..=50.0).contains(&metres))
    {
        wrong(
            "distance",
            "must be 0.3 to 50 metres: how far from the camera people are",
        );
    }
    if !(0.1..=1440.0).contains(&file.bodies.face_within_minutes) {
        wrong(
            "face_within_minutes",
            "must be 0.1 to 1440 minutes: how long a body is taken for somebody whose face is not seen",
        );
    }
    if !(1.0..=600.0).contains(&file.bodies.kept_seconds) {
        wrong(
            "kept_seconds",
            "must be 1 to 600 seconds: how long somebody who vanishes in the middle of the picture is waited for",
        );
    }
    let reader = file.badge_reader.as_ref();
    if reader.is_some_and(|path| !path.starts_with("/dev/input")) {
        wrong(
            "badge_reader",
            "must be an input device: look for it in /dev/input/by-id, where names stay the same",
        );
    }
    let login = logins.get(&file.id).cloned();
    let source = file.source.source(&document, login, &mut errors);
    match source {
        Some(source) if errors.is_empty() => Ok((
            document,
            CameraConfig {
                id: file.id,
                number: file.number,
                label: file.label,
                area: file.area,
                mode: file.mode,
                source,
                detect_width: file.detect_width.into(),
                recognise_fps,
                mask: Mask::new(file.mask),
                badges: match file.badges {
                    Some(Badges::Qr) => BadgeReading::Qr,
                    None => BadgeReading::No,
                },
                badge_reader: file.badge_reader,
                bodies: file.bodies.rules(),
                fov: file.fov,
                distance: file.distance,
            },
        )),
        _ => Err(errors),
    }
}
