//! Network cameras: GStreamer's RTSP server, which plays a recording.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::{Group, Process};
use super::site::must_succeed;
use super::{Error, eventually, paths, ports};

/// Debian's, because it is the one that has GStreamer's bindings.
const PYTHON: &str = "/usr/bin/python3";

/// How a camera's picture is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// H.264.
    H264,
    /// H.265.
    H265,
}

/// What a camera is to be.
#[derive(Clone, Debug)]
pub struct RtspCamera {
    /// Its name, for its log.
    pub name: &'static str,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// How its picture is encoded.
    pub codec: Codec,
    /// Who may see it, by digest authentication: user and password.
    pub login: [&'static str; 2],
}

impl RtspCamera {
    /// Its address, without credentials.
    pub fn url(&self) -> String {
        format!("rtsp://{}/stream", ports::local(self.port))
    }

    /// Starts it, playing `recording` over and over for ten minutes from each connection on.
    ///
    /// # Errors
    /// When GStreamer or ffmpeg is missing, or it does not answer.
    pub async fn start(&self, recording: &Path, logs: &Path) -> Result<Process, Error> {
        let clip = self.clip(recording)?;
        let mut command = Command::new(PYTHON);
        command.arg(paths::repository().join("tests/rtsp/server.py"));
        command
            .args(["--port", &self.port.to_string(), "--clip"])
            .arg(clip);
        command.args(["--codec", if self.codec == Codec::H264 { "h264" } else { "h265" }]);
        let [user, password] = self.login;
        command
            .env("HADIR_CAMERA_USER", user)
            .env("HADIR_CAMERA_PASSWORD", password);
        let mut process = Process::start(self.name, &mut command, logs, Group::Shared)?;
        let address = ports::local(self.port);
        eventually("the camera listens", Duration::from_secs(20), async || {
            process.check().map_err(|e| e.to_string())?;
            let connected = tokio::net::TcpStream::connect(address).await;
            connected.map(drop).map_err(|e| e.to_string())
        })
        .await?;
        Ok(process)
    }

    /// The recording, long enough and in this encoding, beside itself.
    fn clip(&self, recording: &Path) -> Result<PathBuf, Error> {
        let (suffix, encoder): (_, &[&str]) = match self.codec {
            Codec::H264 => ("h264", &["-c:v", "copy"]),
            // A key frame every two seconds, as cameras send them.
            Codec::H265 => (
                "h265",
                &[
                    "-c:v",
                    "libx265",
                    "-preset",
                    "ultrafast",
                    "-crf",
                    "24",
                    "-tag:v",
                    "hvc1",
                    "-x265-params",
                    "log-level=error:keyint=24:min-keyint=24",
                ],
            ),
        };
        let once = recording.with_extension(format!("{suffix}.mp4"));
        let long = recording.with_extension(format!("{suffix}-long.mp4"));
        if !long.is_file() {
            ffmpeg(recording, encoder, 0, &once)?;
            ffmpeg(&once, &["-c:v", "copy"], 30, &long)?;
        }
        Ok(long)
    }
}

/// Encodes `from` into `to`, `again` times more behind itself. Nothing half-written stays under its name.
fn ffmpeg(from: &Path, encoder: &[&str], again: u32, to: &Path) -> Result<(), Error> {
    let part = to.with_extension(format!("{}.part", std::process::id()));
    let mut command = Command::new("ffmpeg");
    command
        .args([
            "-nostdin",
            "-v",
            "error",
            "-y",
            "-stream_loop",
            &again.to_string(),
            "-i",
        ])
        .arg(from);
    command.args(encoder).args(["-f", "mp4"]).arg(&part);
    must_succeed("ffmpeg", &mut command)?;
    std::fs::rename(&part, to).map_err(|e| Error::File(to.to_owned(), e))
}
