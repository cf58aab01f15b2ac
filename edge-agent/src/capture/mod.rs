//! Capture: where a camera's pictures come from.
//!
//! One [`Source`] for each kind of camera; [`supervise`] keeps a camera's source alive and hands its frames to
//! recognition through [`Latest`], which holds one frame: a slow detector drops frames, it never builds a queue.

mod latest;
mod recording;
mod supervise;
#[cfg(feature = "usb-camera")]
mod usb;
#[cfg(feature = "usb-camera")]
mod yuyv;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use image::RgbImage;

use crate::config::{SourceConfig, UsbDevice};

pub(crate) use latest::Latest;
pub(crate) use recording::{open_clip, probe};
pub(crate) use supervise::supervise;

/// One picture from a source.
#[derive(Debug)]
pub(crate) struct Picture {
    /// The pixels.
    pub(crate) image: RgbImage,
    /// Where it stands in a recording; counted from the source's start for a camera.
    pub(crate) position: Duration,
}

/// Something that yields pictures. Dropping it releases the device or ends the child process.
#[async_trait]
pub(crate) trait Source: Send {
    /// The next picture; `None` when the source has come to its end.
    ///
    /// # Errors
    /// When the source broke; it yields nothing more then.
    async fn next(&mut self) -> Result<Option<Picture>, SourceError>;
}

/// Why a source yields no picture, as one sentence with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    /// No ffmpeg on this device.
    #[error("ffmpeg is not installed, and recordings are read by it: install it (sudo apt install ffmpeg)")]
    FfmpegMissing,
    /// ffmpeg could not be started for another reason.
    #[error("ffmpeg could not be started: {0}")]
    Ffmpeg(String),
    /// No such file.
    #[error("the recording {} does not exist: check the path", .0.display())]
    NoFile(PathBuf),
    /// A file of no bytes.
    #[error("the recording {} is an empty file: copy it again", .0.display())]
    EmptyFile(PathBuf),
    /// ffmpeg cannot make sense of it.
    #[error("the recording {} cannot be read as video ({detail}): give a file that ffmpeg can play", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What ffmpeg said.
        detail: String,
    },
    /// It can be read but holds no picture.
    #[error("the recording {} holds no picture: give one with a video stream", .0.display())]
    Empty(PathBuf),
    /// It came to its end.
    #[error("the recording {} has ended; it starts again (set `loop = true` to have no gap)", .0.display())]
    Ended(PathBuf),
    /// No such USB camera.
    #[error("there is no USB camera {device}: {found}")]
    #[cfg_attr(not(feature = "usb-camera"), allow(dead_code))]
    NoUsbCamera {
        /// The one that was asked for.
        device: UsbDevice,
        /// What was found instead.
        found: String,
    },
    /// It is there but does not work.
    #[error(
        "the USB camera {device} cannot be used ({detail}): close other programs that use it, or replug it"
    )]
    #[cfg_attr(not(feature = "usb-camera"), allow(dead_code))]
    Usb {
        /// Which.
        device: UsbDevice,
        /// What the driver said.
        detail: String,
    },
    /// Built without USB cameras.
    #[error("this hadir-agent was built without USB cameras: build it with the feature `usb-camera`")]
    #[cfg_attr(feature = "usb-camera", allow(dead_code))]
    UsbNotBuilt,
}

/// Opens a camera's source, to yield at most `fps` pictures a second where the source allows it.
///
/// # Errors
/// See [`SourceError`].
pub(crate) async fn open(source: &SourceConfig, fps: f32) -> Result<Box<dyn Source>, SourceError> {
    match source {
        SourceConfig::Recording(recording) => {
            let info = probe(&recording.path).await?;
            let pace = recording::Pace {
                realtime: recording.realtime,
                looped: recording.looped,
            };
            Ok(Box::new(recording::Recording::start(
                &recording.path,
                &info,
                fps,
                pace,
            )?))
        }
        #[cfg(feature = "usb-camera")]
        SourceConfig::Usb(device) => Ok(Box::new(usb::UsbSource::open(device, fps).await?)),
        #[cfg(not(feature = "usb-camera"))]
        SourceConfig::Usb(_) => Err(SourceError::UsbNotBuilt),
    }
}

/// Looks whether a source could be opened, for the technician.
///
/// # Errors
/// See [`SourceError`].
pub(crate) async fn check(source: &SourceConfig) -> Result<String, SourceError> {
    match source {
        SourceConfig::Recording(recording) => {
            let info = probe(&recording.path).await?;
            let mut clip = open_clip(&recording.path, &info, 1.0)?;
            match clip.next().await? {
                Some(picture) => Ok(format!(
                    "{}×{}, {:.1} frames per second",
                    picture.image.width(),
                    picture.image.height(),
                    info.fps
                )),
                None => Err(SourceError::Empty(recording.path.clone())),
            }
        }
        #[cfg(feature = "usb-camera")]
        SourceConfig::Usb(device) => {
            let mut camera = usb::UsbSource::open(device, 5.0).await?;
            let late = || SourceError::Usb {
                device: device.clone(),
                detail: "no picture within 5 s".into(),
            };
            let picture = tokio::time::timeout(Duration::from_secs(5), camera.next())
                .await
                .map_err(|_| late())??;
            let picture = picture.ok_or_else(late)?;
            Ok(format!("{}×{}", picture.image.width(), picture.image.height()))
        }
        #[cfg(not(feature = "usb-camera"))]
        SourceConfig::Usb(_) => Err(SourceError::UsbNotBuilt),
    }
}
