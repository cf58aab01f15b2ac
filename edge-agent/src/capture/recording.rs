//! Recordings: any file that ffmpeg reads, in real time or as fast as possible.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::process::Command;

use super::decoder::{Decoder, Input, file_url, last_line, start_error};
use super::{Picture, Source, SourceError};

/// What is known of a recording before it is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClipInfo {
    /// Its own frame rate.
    pub(crate) fps: f32,
    /// Its length, if the container says.
    pub(crate) duration: Option<Duration>,
}

/// How fast a recording is read, and whether it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) realtime: bool,
    pub(super) looped: bool,
}

#[derive(Deserialize)]
struct ProbeOutput {
    #[serde(default)]
    streams: Vec<ProbeStream>,
    #[serde(default)]
    format: ProbeFormat,
}

#[derive(Deserialize)]
struct ProbeStream {
    #[serde(default)]
    avg_frame_rate: String,
    #[serde(default)]
    r_frame_rate: String,
}

#[derive(Default, Deserialize)]
struct ProbeFormat {
    duration: Option<String>,
}

/// Asks ffprobe for a recording's frame rate and length.
///
/// # Errors
/// When the file is missing, is no video, or ffprobe is not installed.
pub(crate) async fn probe(path: &Path) -> Result<ClipInfo, SourceError> {
    match path.metadata() {
        Ok(file) if file.is_file() && file.len() == 0 => return Err(SourceError::EmptyFile(path.to_owned())),
        Ok(file) if file.is_file() => {}
        _ => return Err(SourceError::NoFile(path.to_owned())),
    }
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", "v:0"]);
    command.args([
        "-show_entries",
        "stream=avg_frame_rate,r_frame_rate:format=duration",
        "-of",
        "json",
    ]);
    command
        .arg(file_url(path))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command.output().await.map_err(start_error)?;
    if !output.status.success() {
        return Err(unreadable(path, last_line(&output.stderr)));
    }
    let parsed: ProbeOutput = serde_json::from_slice(&output.stdout).map_err(|_| unreadable(path, None))?;
    let stream = parsed
        .streams
        .first()
        .ok_or_else(|| SourceError::Empty(path.to_owned()))?;
    let fps = [&stream.avg_frame_rate, &stream.r_frame_rate]
        .into_iter()
        .find_map(|text| parse_rate(text))
        // A stream of one picture has no rate.
        .unwrap_or(1.0);
    let duration = parsed.format.duration.and_then(|text| text.parse().ok());
    let duration = duration.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(ClipInfo { fps, duration })
}

/// `"30000/1001"` as frames per second; `None` for `"0/0"` and other nonsense.
fn parse_rate(text: &str) -> Option<f32> {
    let (numerator, denominator) = text.split_once('/')?;
    let rate = numerator.parse::<f32>().ok()? / denominator.parse::<f32>().ok()?;
    (0.01..=1000.0).contains(&rate).then_some(rate)
}

/// Opens a recording from its beginning to its end, as fast as it can be read, at most `fps` frames for each
/// second of it.
///
/// # Errors
/// When ffmpeg cannot be started.
pub(crate) fn open_clip(path: &Path, info: &ClipInfo, fps: f32) -> Result<Box<dyn Source>, SourceError> {
    Ok(Box::new(Recording::start(
        path,
        info,
        fps,
        Pace {
            realtime: false,
            looped: false,
        },
    )?))
}

/// A recording that is being read.
pub(super) struct Recording {
    path: PathBuf,
    decoder: Decoder,
    fps: f32,
    yielded: u32,
}

impl Recording {
    pub(super) fn start(path: &Path, info: &ClipInfo, fps: f32, pace: Pace) -> Result<Self, SourceError> {
        let fps = fps.min(info.fps);
        let (decoder, _) = Decoder::start(&Input::File {
            path,
            fps,
            realtime: pace.realtime,
            looped: pace.looped,
        })?;
        Ok(Self {
            path: path.to_owned(),
            decoder,
            fps,
            yielded: 0,
        })
    }
}

#[async_trait]
impl Source for Recording {
    fn format(&self) -> &'static str {
        "recording"
    }

    fn reuse(&mut self, memory: Vec<u8>) {
        self.decoder.reuse(memory);
    }

    async fn next(&mut self) -> Result<Option<Picture>, SourceError> {
        match self.decoder.next().await {
            Ok(Some(frame)) => {
                let position = Duration::from_secs_f64(f64::from(self.yielded) / f64::from(self.fps));
                self.yielded = self.yielded.wrapping_add(1);
                Ok(Some(Picture { frame, position }))
            }
            end => {
                let complaint = self.decoder.end().await;
                match (self.yielded, end) {
                    (0, _) if complaint.is_none() => Err(SourceError::Empty(self.path.clone())),
                    (0, _) | (_, Err(_)) => Err(unreadable(&self.path, complaint)),
                    _ => Ok(None),
                }
            }
        }
    }
}

/// With ffmpeg's complaint, without the path that it repeats.
fn unreadable(path: &Path, complaint: Option<String>) -> SourceError {
    let complaint = complaint.unwrap_or_else(|| "ffmpeg gave no reason".into());
    let url = format!("file:{}: ", path.display());
    SourceError::Unreadable {
        path: path.to_owned(),
        detail: complaint.strip_prefix(&url).unwrap_or(&complaint).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_rates() {
        assert_eq!(parse_rate("12/1"), Some(12.0));
        assert_eq!(parse_rate("30000/1001").map(f32::round), Some(30.0));
        assert_eq!(parse_rate("0/0"), None);
        assert_eq!(parse_rate("x"), None);
    }

    #[tokio::test]
    async fn a_missing_and_an_unreadable_recording_are_told_apart() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let missing = dir.path().join("none.mp4");
        assert_eq!(probe(&missing).await, Err(SourceError::NoFile(missing)));
        let empty = dir.path().join("empty.mp4");
        std::fs::write(&empty, b"").expect("written");
        assert_eq!(probe(&empty).await, Err(SourceError::EmptyFile(empty)));
        let broken = dir.path().join("broken.mp4");
        std::fs::write(&broken, b"this is no video").expect("written");
        match probe(&broken).await {
            Err(SourceError::Unreadable { detail, .. }) => assert!(!detail.contains("file:"), "{detail}"),
            Err(SourceError::FfmpegMissing) => {}
            other => panic!("{other:?}"),
        }
    }
}
