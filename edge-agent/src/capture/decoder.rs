//! An `ffmpeg` child process that decodes, scales and thins out, and writes raw frames to a pipe.
//!
//! It reads a file, or what is written to its standard input. The pipe holds a few frames at most, so a slow reader
//! slows ffmpeg down. No secret ever stands in its command line.
//!
//! A frame of 1920×1080 has 3 MB, and a pipe 64 kB: at every few of them the one side waits for the other to wake up,
//! which costs more than the copying. So the pipe is made larger, and what has begun to come is waited for a moment.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use hadir_models::FrameBuf;
use tokio::io::{AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::SourceError;
use super::y4m::Y4mReader;
use crate::config::DecoderPreset;

/// The widest frame that recognition is given; wider ones are scaled down.
const MAX_WIDTH: u32 = 1920;

/// The most that Linux gives to whom is not root.
const PIPE: usize = 1 << 20;

/// What is to be decoded, and how much of it.
#[derive(Debug)]
pub(super) enum Input<'a> {
    /// A file, thinned out to so many frames a second in equal steps.
    File {
        path: &'a Path,
        fps: f32,
        realtime: bool,
        looped: bool,
    },
    /// An elementary stream on standard input as it arrives, of which at most so many frames a second are kept.
    Stream {
        codec: Codec,
        preset: DecoderPreset,
        fps: f32,
    },
}

/// How a stream is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// H.264, Annex B.
    H264,
    /// H.265, Annex B.
    H265,
    /// One JPEG picture after the other.
    Jpeg,
}

impl Codec {
    /// As people call it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Codec::H264 => "H.264",
            Codec::H265 => "H.265",
            Codec::Jpeg => "MJPEG",
        }
    }

    /// ffmpeg's name of the raw format.
    fn format(self) -> &'static str {
        match self {
            Codec::H264 => "h264",
            Codec::H265 => "hevc",
            Codec::Jpeg => "mjpeg",
        }
    }
}

/// A running ffmpeg.
pub(super) struct Decoder {
    child: Child,
    frames: Y4mReader<BufReader<ChildStdout>>,
    complaints: Option<JoinHandle<Vec<u8>>>,
}

impl Decoder {
    /// Starts ffmpeg. What is to be decoded goes into the pipe that is given with an [`Input::Stream`].
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(input: &Input<'_>) -> Result<(Self, Option<ChildStdin>), SourceError> {
        let mut command = Command::new("ffmpeg");
        command.args(arguments(input));
        command.stdin(match input {
            Input::File { .. } => Stdio::null(),
            Input::Stream { .. } => Stdio::piped(),
        });
        // Its own process group: an interrupt from the terminal stops the agent, which then ends ffmpeg.
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        command.kill_on_drop(true);
        let mut child = command.spawn().map_err(start_error)?;
        let stdin = child.stdin.take();
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(SourceError::Ffmpeg("its output could not be opened".into()));
        };
        // Where the system refuses, it is as it was before.
        if let Err(e) = rustix::pipe::fcntl_setpipe_size(&stdout, PIPE) {
            tracing::debug!("the pipe from ffmpeg stays small: {e}");
        }
        let decoder = Self {
            child,
            frames: Y4mReader::new(BufReader::new(stdout)),
            complaints: Some(tokio::spawn(read_complaints(stderr))),
        };
        Ok((decoder, stdin))
    }

    /// The next frame; `None` when ffmpeg has no more.
    ///
    /// # Errors
    /// When it broke off inside a frame.
    pub(super) async fn next(&mut self) -> Result<Option<FrameBuf>, std::io::Error> {
        self.frames.next().await
    }

    /// Memory for the next frame.
    pub(super) fn reuse(&mut self, memory: Vec<u8>) {
        self.frames.reuse(memory);
    }

    /// Ends ffmpeg, and gives the last thing that it complained about.
    pub(super) async fn end(&mut self) -> Option<String> {
        // Reaped here, so that no zombie stays. An ffmpeg that stopped writing has ended or will.
        let _ = self.child.start_kill();
        let _ = self.child.wait().await;
        let complaints = match self.complaints.take() {
            Some(task) => task.await.unwrap_or_default(),
            None => Vec::new(),
        };
        last_line(&complaints)
    }
}

fn arguments(input: &Input<'_>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    let mut add = |list: &[&str]| arguments.extend(list.iter().map(OsString::from));
    add(&["-nostdin", "-v", "error"]);
    let thin_out = match input {
        Input::File {
            path,
            fps,
            realtime,
            looped,
        } => {
            // No more threads than it needs: each holds frames, and together they take a sixth more processor time.
            add(&["-threads", "1"]);
            if *realtime {
                add(&["-re"]);
            }
            if *looped {
                add(&["-stream_loop", "-1"]);
            }
            add(&["-i"]);
            arguments.push(file_url(path));
            // `pass`: a recording shorter than one step still gives its picture.
            format!("fps={fps:.4}:eof_action=pass")
        }
        Input::Stream { codec, preset, fps } => {
            // No delay: every frame is decoded when it has come. Its time is that of its arrival.
            // (`-fflags nobuffer` would lose the first key frame, and with it everything up to the next.)
            add(&["-threads", "1", "-flags", "low_delay"]);
            add(&["-probesize", "32", "-analyzeduration", "0"]);
            add(hardware(*preset, *codec));
            add(&["-use_wallclock_as_timestamps", "1", "-f", codec.format()]);
            // `-vsync` because ffmpeg 4, which Jetsons have, knows no `-fps_mode`.
            add(&["-i", "pipe:0", "-vsync", "passthrough"]);
            // A tenth less than the interval: a camera's clock is not ours.
            format!(
                "select=isnan(prev_selected_t)+gte(t-prev_selected_t\\,{:.4})",
                0.9 / fps
            )
        }
    };
    let mut add = |list: &[&str]| arguments.extend(list.iter().map(OsString::from));
    let filter = format!("{thin_out},scale=w='min({MAX_WIDTH},iw)':h=-1:out_range=tv,format=yuv420p");
    add(&["-an", "-sn", "-dn", "-map", "0:v:0", "-vf", &filter]);
    add(&["-f", "yuv4mpegpipe", "pipe:1"]);
    arguments
}

/// What makes ffmpeg use the decoder of a device. Frames come back to main memory by themselves.
fn hardware(preset: DecoderPreset, codec: Codec) -> &'static [&'static str] {
    match (preset, codec) {
        // The V4L2 M2M decoder of the Pi 4; its HEVC block, as that of the Pi 5, is reached through DRM by the ffmpeg
        // of Raspberry Pi OS. The Pi 5 has no H.264 decoder.
        (DecoderPreset::RaspberryPi4, Codec::H264) => &["-c:v", "h264_v4l2m2m"],
        (DecoderPreset::RaspberryPi4 | DecoderPreset::RaspberryPi5, Codec::H265) => &["-hwaccel", "drm"],
        // The decoders of jetson-ffmpeg, and those of NVIDIA's own ffmpeg.
        (DecoderPreset::JetsonNvmpi, Codec::H264) => &["-c:v", "h264_nvmpi"],
        (DecoderPreset::JetsonNvmpi, Codec::H265) => &["-c:v", "hevc_nvmpi"],
        (DecoderPreset::JetsonNvv4l2, Codec::H264) => &["-c:v", "h264_nvv4l2dec"],
        (DecoderPreset::JetsonNvv4l2, Codec::H265) => &["-c:v", "hevc_nvv4l2dec"],
        (DecoderPreset::Software | DecoderPreset::RaspberryPi5, _) | (_, Codec::Jpeg) => &[],
    }
}

/// The last of what ffmpeg complains about, all of it read so that it never blocks.
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

/// The last line that says something.
pub(super) fn last_line(complaints: &[u8]) -> Option<String> {
    String::from_utf8_lossy(complaints)
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .map(str::to_owned)
}

/// As ffmpeg takes a path literally, whatever colons or dashes it holds.
pub(super) fn file_url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn start_error(error: std::io::Error) -> SourceError {
    match error.kind() {
        std::io::ErrorKind::NotFound => SourceError::FfmpegMissing,
        _ => SourceError::Ffmpeg(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(input: &Input<'_>) -> String {
        let arguments: Vec<_> = arguments(input)
            .into_iter()
            .map(|a| a.into_string().expect("text"))
            .collect();
        arguments.join(" ")
    }

    #[test]
    fn a_preset_chooses_the_decoder_where_the_device_has_one() {
        let with = |preset, codec| {
            said(&Input::Stream {
                codec,
                preset,
                fps: 10.0,
            })
        };
        use DecoderPreset::*;
        for (preset, codec, expected) in [
            (RaspberryPi4, Codec::H264, "-c:v h264_v4l2m2m -use"),
            (RaspberryPi4, Codec::H265, "-hwaccel drm -use"),
            (RaspberryPi5, Codec::H265, "-hwaccel drm -use"),
            (RaspberryPi5, Codec::H264, "-analyzeduration 0 -use"),
            (JetsonNvmpi, Codec::H265, "-c:v hevc_nvmpi -use"),
            (JetsonNvv4l2, Codec::H264, "-c:v h264_nvv4l2dec -use"),
            (JetsonNvmpi, Codec::Jpeg, "-analyzeduration 0 -use"),
            (Software, Codec::H264, "-analyzeduration 0 -use"),
        ] {
            let said = with(preset, codec);
            assert!(said.contains(expected), "{preset:?} {codec:?}: {said}");
        }
    }

    #[test]
    fn a_path_is_taken_literally() {
        let said = said(&Input::File {
            path: Path::new("-i: odd.mp4"),
            fps: 5.0,
            realtime: false,
            looped: true,
        });
        assert!(said.contains("-stream_loop -1 -i file:-i: odd.mp4 "), "{said}");
    }
}
