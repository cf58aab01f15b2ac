//! Where a camera's pictures come from, as its file says it, and who logs in there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hadir_shared::id::CameraId;
use reqwest::Url;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::document::Document;
use super::error::ConfigError;
use super::{Secret, read_secrets};

/// Where a camera's pictures come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SourceConfig {
    /// A file that ffmpeg reads.
    Recording(RecordingSource),
    /// A USB camera.
    Usb(UsbDevice),
    /// A network camera that speaks RTSP.
    Rtsp(RtspSource),
    /// A network camera that sends JPEG pictures over HTTP.
    Mjpeg(MjpegSource),
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

/// A network camera that speaks RTSP.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RtspSource {
    /// The address of the stream that is used, without credentials.
    pub(crate) url: Url,
    /// How pictures travel.
    pub(crate) transport: RtspTransport,
    /// Who decodes them.
    pub(crate) decoder: DecoderPreset,
    /// Who logs in.
    pub(crate) login: Option<Login>,
}

/// A network camera that sends JPEG pictures over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MjpegSource {
    /// The address, without credentials.
    pub(crate) url: Url,
    /// Who logs in.
    pub(crate) login: Option<Login>,
}

/// How RTSP sends pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RtspTransport {
    /// On the connection itself: nothing is lost.
    #[default]
    Tcp,
    /// In datagrams: for cameras that cannot do otherwise.
    Udp,
}

/// Which decoder ffmpeg uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DecoderPreset {
    /// The processor.
    #[default]
    Software,
    /// H.264 by V4L2 M2M, H.265 by DRM.
    #[serde(rename = "raspberry-pi-4")]
    RaspberryPi4,
    /// H.265 by DRM; it has no decoder for H.264, which the processor does.
    #[serde(rename = "raspberry-pi-5")]
    RaspberryPi5,
    /// jetson-ffmpeg.
    JetsonNvmpi,
    /// NVIDIA's own ffmpeg.
    #[serde(rename = "jetson-nvv4l2")]
    JetsonNvv4l2,
}

/// Which of a camera's two streams is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stream {
    #[default]
    Main,
    Sub,
}

/// A user of a camera. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// The user's name.
    pub(crate) user: String,
    /// Their password.
    pub(crate) password: Zeroizing<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(…)")
    }
}

/// Who logs in at which camera.
pub(super) type Logins = BTreeMap<CameraId, Login>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginEntry {
    user: String,
    password: Secret,
}

/// Reads `camera_credentials.toml`; there need not be one.
pub(super) fn load_logins(path: &Path) -> Result<Logins, Vec<ConfigError>> {
    if !path.exists() {
        return Ok(Logins::new());
    }
    let form =
        "for each camera `[its-id]`, and below it `user = \"…\"` and `password = \"…\"`, both in quotes";
    let (document, entries): (Document, BTreeMap<CameraId, LoginEntry>) =
        read_secrets(path, "", form).map_err(|e| vec![e])?;
    let mut errors = Vec::new();
    let mut logins = Logins::new();
    for (camera, LoginEntry { user, password }) in entries {
        if user.trim().is_empty() {
            let key = format!("{camera}.user");
            errors.push(document.wrong(&key, "is empty: give the user's name at the camera"));
        }
        let password = password.0;
        logins.insert(camera, Login { user, password });
    }
    if errors.is_empty() {
        Ok(logins)
    } else {
        Err(errors)
    }
}

// One table with optional keys rather than an untagged enum: so a misspelt key is named in the message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceTable {
    recording: Option<PathBuf>,
    #[serde(rename = "loop")]
    looped: Option<bool>,
    realtime: Option<bool>,
    usb: Option<UsbDevice>,
    rtsp: Option<String>,
    sub: Option<String>,
    stream: Option<Stream>,
    transport: Option<RtspTransport>,
    decoder: Option<DecoderPreset>,
    mjpeg: Option<String>,
}

impl SourceTable {
    /// The one source that the table describes. Relative paths are relative to the folder of the file.
    pub(super) fn source(
        self,
        document: &Document,
        login: Option<Login>,
        errors: &mut Vec<ConfigError>,
    ) -> Option<SourceConfig> {
        let kinds = [
            ("recording", self.recording.is_some()),
            ("usb", self.usb.is_some()),
            ("rtsp", self.rtsp.is_some()),
            ("mjpeg", self.mjpeg.is_some()),
        ];
        let mut chosen = kinds.iter().filter(|(_, there)| *there).map(|(kind, _)| *kind);
        let (Some(kind), None) = (chosen.next(), chosen.next()) else {
            errors.push(document.wrong(
                "source",
                "needs exactly one of `rtsp` (an address), `mjpeg` (an address), `usb` (a number or a device path) \
                 and `recording` (a file)",
            ));
            return None;
        };
        for (key, there, of) in [
            ("loop", self.looped.is_some(), "recording"),
            ("realtime", self.realtime.is_some(), "recording"),
            ("sub", self.sub.is_some(), "rtsp"),
            ("stream", self.stream.is_some(), "rtsp"),
            ("transport", self.transport.is_some(), "rtsp"),
            ("decoder", self.decoder.is_some(), "rtsp"),
        ] {
            if there && of != kind {
                let why = format!("belongs to `{of}`, not to `{kind}`: remove it");
                errors.push(document.wrong(&format!("source.{key}"), why));
            }
        }
        let mut address = |key: &str, url: &str, schemes: &[&str]| {
            let checked = camera_address(url, schemes);
            checked
                .map_err(|why| errors.push(document.wrong(&format!("source.{key}"), why)))
                .ok()
        };
        if let Some(recording) = self.recording {
            return Some(SourceConfig::Recording(RecordingSource {
                path: document.folder().join(recording),
                looped: self.looped.unwrap_or(false),
                realtime: self.realtime.unwrap_or(true),
            }));
        }
        if let Some(url) = self.mjpeg {
            let url = address("mjpeg", &url, &["http", "https"])?;
            return Some(SourceConfig::Mjpeg(MjpegSource { url, login }));
        }
        if let Some(usb) = self.usb {
            return Some(SourceConfig::Usb(usb));
        }
        let main = address("rtsp", &self.rtsp?, &["rtsp"]);
        let sub = self.sub.map(|url| address("sub", &url, &["rtsp"]));
        let url = match (self.stream.unwrap_or_default(), sub) {
            (Stream::Main, _) => main?,
            (Stream::Sub, Some(sub)) => sub?,
            (Stream::Sub, None) => {
                let why =
                    "is \"sub\", and there is no `sub`: give the address of the camera's second stream there";
                errors.push(document.wrong("source.stream", why));
                return None;
            }
        };
        Some(SourceConfig::Rtsp(RtspSource {
            url,
            transport: self.transport.unwrap_or_default(),
            decoder: self.decoder.unwrap_or_default(),
            login,
        }))
    }
}

/// An address without credentials in it.
fn camera_address(text: &str, schemes: &[&str]) -> Result<Url, String> {
    let scheme = schemes[0];
    let url = Url::parse(text)
        .ok()
        .filter(|url| schemes.contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty()));
    let Some(url) = url else {
        return Err(format!(
            "is no address: give one like {scheme}://192.168.1.20/stream1"
        ));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "has a user name or password in it: put them into camera_credentials.toml, under the camera's id, and \
             leave the address without them"
                .into(),
        );
    }
    Ok(url)
}
