//! Recordings, read by an `ffmpeg` child process.
//!
//! ffmpeg decodes, paces and thins out the frames, and writes each as a PPM picture (raw RGB after a header
//! with its size) to a pipe. With the size in each frame, rotated recordings and ones that change their size
//! need no special care. The pipe holds less than one frame, so a slow reader slows ffmpeg down.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use image::RgbImage;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::{Picture, Source, SourceError};

/// The widest picture that recognition is given; wider recordings are scaled down by ffmpeg.
const MAX_WIDTH: u32 = 1920;

/// The largest side of a PPM picture that is read; ffmpeg was asked for far less.
const MAX_SIDE: u32 = 16_384;

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
        return Err(unreadable(path, &output.stderr));
    }
    let parsed: ProbeOutput = serde_json::from_slice(&output.stdout).map_err(|_| unreadable(path, b""))?;
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

/// A running ffmpeg.
pub(super) struct Recording {
    path: PathBuf,
    child: Child,
    pictures: BufReader<ChildStdout>,
    complaints: Option<JoinHandle<Vec<u8>>>,
    fps: f32,
    yielded: u32,
}

impl Recording {
    pub(super) fn start(path: &Path, info: &ClipInfo, fps: f32, pace: Pace) -> Result<Self, SourceError> {
        let fps = fps.min(info.fps);
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error"]);
        if pace.realtime {
            command.arg("-re");
        }
        if pace.looped {
            command.args(["-stream_loop", "-1"]);
        }
        command.arg("-i").arg(file_url(path));
        command.args(["-an", "-sn", "-dn", "-map", "0:v:0"]);
        command
            .arg("-vf")
            .arg(format!("fps={fps:.4},scale=w='min({MAX_WIDTH},iw)':h=-1"));
        command.args(["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1"]);
        // Its own process group: an interrupt from the terminal stops the agent, which then ends ffmpeg.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        command.kill_on_drop(true);
        let mut child = command.spawn().map_err(start_error)?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(SourceError::Ffmpeg("its output could not be opened".into()));
        };
        Ok(Self {
            path: path.to_owned(),
            child,
            pictures: BufReader::new(stdout),
            complaints: Some(tokio::spawn(read_complaints(stderr))),
            fps,
            yielded: 0,
        })
    }
}

#[async_trait]
impl Source for Recording {
    async fn next(&mut self) -> Result<Option<Picture>, SourceError> {
        match read_ppm(&mut self.pictures).await {
            Ok(Some(image)) => {
                let position = Duration::from_secs_f64(f64::from(self.yielded) / f64::from(self.fps));
                self.yielded = self.yielded.wrapping_add(1);
                Ok(Some(Picture { image, position }))
            }
            end => {
                let complaints = match self.complaints.take() {
                    Some(task) => task.await.unwrap_or_default(),
                    None => Vec::new(),
                };
                // Reaped here, so that no zombie stays. An ffmpeg that stopped writing has ended or will.
                let _ = self.child.start_kill();
                let _ = self.child.wait().await;
                match (self.yielded, end) {
                    (0, _) if complaints.is_empty() => Err(SourceError::Empty(self.path.clone())),
                    (0, _) | (_, Err(_)) => Err(unreadable(&self.path, &complaints)),
                    _ => Ok(None),
                }
            }
        }
    }
}

/// The last lines of what ffmpeg complains about, all of it read so that it never blocks.
async fn read_complaints(mut stderr: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut chunk = [0; 1024];
    while let Ok(n @ 1..) = stderr.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..n]);
        let excess = kept.len().saturating_sub(2048);
        kept.drain(..excess);
    }
    kept
}

/// Reads one binary PPM picture (`P6`, 8 bits a channel); `None` at the end of the stream.
async fn read_ppm(from: &mut (impl AsyncRead + Unpin)) -> Result<Option<RgbImage>, std::io::Error> {
    let wrong = || std::io::Error::new(std::io::ErrorKind::InvalidData, "not a PPM picture");
    let mut fields = [0u32; 3];
    let mut magic = [0; 3];
    if from.read(&mut magic[..1]).await? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut magic[1..]).await?;
    if &magic != b"P6\n" {
        return Err(wrong());
    }
    for field in &mut fields {
        loop {
            match from.read_u8().await? {
                digit @ b'0'..=b'9' if *field < MAX_SIDE => *field = *field * 10 + u32::from(digit - b'0'),
                b' ' | b'\n' => break,
                _ => return Err(wrong()),
            }
        }
    }
    let [width, height, depth] = fields;
    if depth != 255 || !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return Err(wrong());
    }
    let mut pixels = vec![0; width as usize * height as usize * 3];
    from.read_exact(&mut pixels).await?;
    RgbImage::from_raw(width, height, pixels)
        .ok_or_else(wrong)
        .map(Some)
}

/// As ffmpeg takes a path literally, whatever colons or dashes it holds.
fn file_url(path: &Path) -> std::ffi::OsString {
    let mut url = std::ffi::OsString::from("file:");
    url.push(path);
    url
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn start_error(error: std::io::Error) -> SourceError {
    match error.kind() {
        std::io::ErrorKind::NotFound => SourceError::FfmpegMissing,
        _ => SourceError::Ffmpeg(error.to_string()),
    }
}

/// The last line of ffmpeg's complaints, without the path that it repeats.
fn unreadable(path: &Path, complaints: &[u8]) -> SourceError {
    let text = String::from_utf8_lossy(complaints);
    let last = text
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or("ffmpeg gave no reason");
    let url = format!("file:{}: ", path.display());
    SourceError::Unreadable {
        path: path.to_owned(),
        detail: last.strip_prefix(&url).unwrap_or(last).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_pictures_one_after_the_other() {
        let stream = [
            b"P6\n2 1\n255\n".as_slice(),
            &[1, 2, 3, 4, 5, 6],
            b"P6\n1 1\n255\n",
            &[7, 8, 9],
        ]
        .concat();
        let mut from = stream.as_slice();
        let first = read_ppm(&mut from).await.expect("valid").expect("a picture");
        assert_eq!(
            (first.dimensions(), first.into_raw()),
            ((2, 1), vec![1, 2, 3, 4, 5, 6])
        );
        let second = read_ppm(&mut from).await.expect("valid").expect("a picture");
        assert_eq!(second.dimensions(), (1, 1));
        assert!(read_ppm(&mut from).await.expect("valid").is_none());
    }

    #[tokio::test]
    async fn damaged_pictures_are_refused() {
        for bytes in [
            b"P5\n1 1\n255\nabc".as_slice(),
            b"P6\n1 1\n65535\nabcdef",
            b"P6\n99999999999 1\n255\nabc",
            b"P6\n0 1\n255\n",
            b"P6\n2 1\n255\nabc",
            b"P6\n-1 1\n255\nabc",
            b"P",
        ] {
            let mut from = bytes;
            assert!(
                read_ppm(&mut from).await.is_err(),
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

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
