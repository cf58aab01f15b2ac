//! Capture: where a camera's pictures come from.
//!
//! One [`Source`] for each kind of camera; [`supervise`] keeps a camera's source alive and hands its frames to
//! recognition through [`Latest`], which holds one frame: a slow detector drops frames, it never builds a queue.

mod decoder;
mod latest;
mod mjpeg;
mod multipart;
mod recording;
mod rtsp;
mod supervise;
#[cfg(feature = "usb-camera")]
mod usb;
mod y4m;
#[cfg(feature = "usb-camera")]
mod yuyv;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hadir_models::FrameBuf;
use hadir_shared::status::Cause;
use tokio::time::timeout;

use crate::camera::Problem;
use crate::config::{MjpegSource, RtspSource, SourceConfig, UsbDevice};

pub(crate) use latest::Latest;
pub(crate) use recording::{open_clip, probe};
pub(crate) use supervise::{first_within, supervise};
#[cfg(feature = "usb-camera")]
pub(crate) use usb::hung as hung_usb_camera;

/// One picture from a source.
#[derive(Debug)]
pub(crate) struct Picture {
    /// The pixels.
    pub(crate) frame: FrameBuf,
    /// Where it stands in a recording; counted from the source's start for a camera.
    pub(crate) position: Duration,
}

/// Something that yields pictures. Dropping it releases the device or ends the child process.
#[async_trait]
pub(crate) trait Source: Send {
    /// How its pictures are encoded, or where they come from.
    fn format(&self) -> &'static str;

    /// Memory of a frame that nobody needs any more, for the next one. Sources that have no use for it let it go.
    fn reuse(&mut self, memory: Vec<u8>) {
        drop(memory);
    }

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
    /// A network camera.
    #[error("the camera at {address} does not work: {detail}")]
    Network {
        /// Its address, which holds no secret.
        address: String,
        /// What kind of problem it is.
        cause: Cause,
        /// What is wrong, and what to do.
        detail: String,
    },
    /// Built without USB cameras.
    #[error("this hadir-agent was built without USB cameras: build it with the feature `usb-camera`")]
    #[cfg_attr(feature = "usb-camera", allow(dead_code))]
    UsbNotBuilt,
}

impl SourceError {
    /// What kind of problem it is.
    fn cause(&self) -> Cause {
        match self {
            Self::FfmpegMissing | Self::Ffmpeg(_) | Self::UsbNotBuilt => Cause::Software,
            Self::NoFile(_) | Self::EmptyFile(_) | Self::Unreadable { .. } | Self::Empty(_) => {
                Cause::Recording
            }
            Self::Ended(_) => Cause::Ended,
            Self::NoUsbCamera { .. } | Self::Usb { .. } => Cause::UsbCamera,
            Self::Network { cause, .. } => *cause,
        }
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        Self::new(error.cause(), error.to_string())
    }
}

impl RtspSource {
    fn error(&self, cause: Cause, detail: &str) -> SourceError {
        network_error(&self.url, cause, detail)
    }
}

impl MjpegSource {
    fn error(&self, cause: Cause, detail: &str) -> SourceError {
        network_error(&self.url, cause, detail)
    }
}

fn network_error(url: &reqwest::Url, cause: Cause, detail: &str) -> SourceError {
    // Not the rest: some cameras want a password in the path, or a key behind it.
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    SourceError::Network {
        address: format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default()),
        cause,
        detail: detail.to_owned(),
    }
}

// Of network cameras.
const REFUSES_LOGIN: &str =
    "it refuses the user name or the password: put them into camera_credentials.toml, under this camera's id";
const NO_SUCH_STREAM: &str = "it has no such stream: check the path of the address";
const ENDED: &str = "it ended the connection; it is connected again";

/// A USB camera that its driver has not let go for so long: never one, without USB cameras.
#[cfg(not(feature = "usb-camera"))]
pub(crate) fn hung_usb_camera(_now: Instant, _age: Duration) -> Option<u32> {
    None
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
        SourceConfig::Rtsp(source) => Ok(Box::new(rtsp::Rtsp::open(source, fps).await?)),
        SourceConfig::Mjpeg(source) => Ok(Box::new(mjpeg::Mjpeg::open(source, fps).await?)),
        #[cfg(feature = "usb-camera")]
        SourceConfig::Usb(device) => Ok(Box::new(usb::UsbSource::open(device, fps).await?)),
        #[cfg(not(feature = "usb-camera"))]
        SourceConfig::Usb(_) => Err(SourceError::UsbNotBuilt),
    }
}

/// Pictures are counted for this long.
const COUNTED_FOR: Duration = Duration::from_secs(2);

/// Looks what a source yields, for the technician.
///
/// # Errors
/// See [`SourceError`].
pub(crate) async fn check(source: &SourceConfig) -> Result<String, SourceError> {
    let (mut opened, said) = match source {
        SourceConfig::Recording(recording) => {
            let info = probe(&recording.path).await?;
            let clip = open_clip(&recording.path, &info, 1.0)?;
            (clip, format!("{:.1} frames per second", info.fps))
        }
        other => {
            let opened = open(other, 60.0).await?;
            let said = opened.format().to_owned();
            (opened, said)
        }
    };
    let first_within = first_within(source);
    let first = timeout(first_within, opened.next()).await;
    let first = first.unwrap_or(Ok(None))?.ok_or_else(|| match source {
        SourceConfig::Recording(recording) => SourceError::Empty(recording.path.clone()),
        SourceConfig::Rtsp(source) => source.error(Cause::NoPicture, NO_PICTURE),
        SourceConfig::Mjpeg(source) => source.error(Cause::NoPicture, NO_PICTURE),
        SourceConfig::Usb(device) => SourceError::Usb {
            device: device.clone(),
            detail: format!("no picture within {} s", first_within.as_secs()),
        },
    })?;
    let (width, height) = first.frame.dimensions();
    if matches!(source, SourceConfig::Recording(_)) {
        return Ok(format!("{width}×{height}, {said}"));
    }
    let began = Instant::now();
    let mut count = 0;
    while let Ok(Ok(Some(_))) = timeout(COUNTED_FOR.saturating_sub(began.elapsed()), opened.next()).await {
        count += 1;
    }
    let rate = f64::from(count) / COUNTED_FOR.as_secs_f64();
    Ok(format!(
        "{width}×{height}, {said}, {rate:.1} frames per second decoded"
    ))
}

const NO_PICTURE: &str =
    "it plays, but no picture comes: check `decoder` and `transport`, and set its key-frame interval to 2 s";
