//! Network cameras over RTSP.
//!
//! The protocol is spoken here, by `retina`, so the camera's password never stands in a process list; only the
//! elementary stream goes to ffmpeg. One task receives and writes to ffmpeg. When ffmpeg cannot keep up, what waits
//! is dropped up to the next frame that can be decoded by itself: a camera does not wait for its viewers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use hadir_shared::status::Cause;
use reqwest::Url;
use retina::client::{
    Credentials, Demuxed, InitialTimestampPolicy, PlayOptions, Session, SessionGroup, SessionOptions,
    SetupOptions, TcpTransportOptions, Transport, UdpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat, VideoFrame};
use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::decoder::{Codec, Decoder, Input};
use super::{ENDED, NO_SUCH_STREAM, Picture, REFUSES_LOGIN, Source, SourceError};
use crate::config::{RtspSource, RtspTransport};

/// A camera that does not answer for this long is not there.
const ANSWERS_WITHIN: Duration = Duration::from_secs(8);
/// A camera that plays and sends nothing for this long is lost.
const SILENT_AFTER: Duration = Duration::from_secs(8);
/// So many encoded frames wait for ffmpeg: about two seconds.
const WAITING: usize = 50;

/// A playing stream and its decoder.
pub(super) struct Rtsp {
    source: RtspSource,
    codec: Codec,
    decoder: Decoder,
    receiver: Option<JoinHandle<Option<SourceError>>>,
    writer: JoinHandle<()>,
    began: Instant,
}

impl Rtsp {
    /// Connects and begins to play, for at most `fps` frames a second.
    pub(super) async fn open(source: &RtspSource, fps: f32) -> Result<Self, SourceError> {
        let (session, codec) = timeout(ANSWERS_WITHIN, play(source)).await.map_err(|_| {
            source.error(
                Cause::Unreachable,
                "it does not answer: check its power, cable and address",
            )
        })??;
        let (decoder, stdin) = Decoder::start(&Input::Stream {
            codec,
            preset: source.decoder,
            fps,
        })?;
        let stdin = stdin.ok_or_else(|| SourceError::Ffmpeg("its input could not be opened".into()))?;
        let (to, from) = mpsc::channel(WAITING);
        let for_task = source.clone();
        Ok(Self {
            source: source.clone(),
            codec,
            decoder,
            receiver: Some(tokio::spawn(
                async move { receive(session, &for_task, &to).await },
            )),
            writer: tokio::spawn(write(from, stdin)),
            began: Instant::now(),
        })
    }
}

impl Drop for Rtsp {
    fn drop(&mut self) {
        if let Some(receiver) = &self.receiver {
            receiver.abort();
        }
        self.writer.abort();
    }
}

#[async_trait]
impl Source for Rtsp {
    fn format(&self) -> &'static str {
        self.codec.as_str()
    }

    fn reuse(&mut self, memory: Vec<u8>) {
        self.decoder.reuse(memory);
    }

    async fn next(&mut self) -> Result<Option<Picture>, SourceError> {
        let end = match self.decoder.next().await {
            Ok(Some(frame)) => {
                let position = self.began.elapsed();
                return Ok(Some(Picture { frame, position }));
            }
            end => end,
        };
        // The connection ended first, and ffmpeg after it; or ffmpeg by itself.
        if let Some(mut receiver) = self.receiver.take() {
            let lost = timeout(Duration::from_millis(200), &mut receiver).await;
            receiver.abort();
            match lost {
                Ok(Ok(Some(error))) => return Err(error),
                // A panic in the protocol's code is the end of this connection, not of the agent.
                Ok(Err(_)) => {
                    return Err(self
                        .source
                        .error(Cause::Unreadable, "it sent something that cannot be understood"));
                }
                Ok(Ok(None)) | Err(_) => {}
            }
        }
        let complaint = self.decoder.end().await;
        let detail = complaint.or_else(|| end.err().map(|e| e.to_string()));
        Err(self.source.error(
            Cause::Unreadable,
            &format!(
                "its picture cannot be decoded ({}); check `decoder`, and what the camera is set to send",
                detail.unwrap_or_else(|| "ffmpeg gave no reason".into())
            ),
        ))
    }
}

/// Connects, chooses the video and begins to play it.
async fn play(source: &RtspSource) -> Result<(Demuxed, Codec), SourceError> {
    let failed = |e: &retina::Error| explain(e, source);
    let credentials = source.login.as_ref().map(|login| Credentials {
        username: login.user.clone(),
        password: login.password.to_string(),
    });
    let options = SessionOptions::default()
        .creds(credentials)
        .user_agent("hadir-agent".into())
        .session_group(Arc::new(SessionGroup::default()));
    let mut session = Session::describe(source.url.clone(), options)
        .await
        .map_err(|e| failed(&e))?;
    let (i, codec) = session
        .streams()
        .iter()
        .enumerate()
        .filter(|(_, stream)| stream.media() == "video")
        .find_map(|(i, stream)| {
            let codec = match stream.encoding_name() {
                "h264" => Codec::H264,
                "h265" => Codec::H265,
                "jpeg" => Codec::Jpeg,
                _ => return None,
            };
            Some((i, codec))
        })
        .ok_or_else(|| {
            source.error(
                Cause::CameraSettings,
                "it offers no H.264, H.265 or MJPEG video: set one of these in the camera",
            )
        })?;
    let transport = match source.transport {
        RtspTransport::Tcp => Transport::Tcp(TcpTransportOptions::default()),
        RtspTransport::Udp => Transport::Udp(UdpTransportOptions::default()),
    };
    let setup = SetupOptions::default()
        .transport(transport)
        .frame_format(FrameFormat::SIMPLE);
    session.setup(i, setup).await.map_err(|e| failed(&e))?;
    // Many cameras send no usable timestamps at first, and none are needed here.
    let options = PlayOptions::default().initial_timestamp(InitialTimestampPolicy::Permissive);
    let playing = session.play(options).await.map_err(|e| failed(&e))?;
    let demuxed = playing.demuxed().map_err(|e| failed(&e))?;
    Ok((demuxed, codec))
}

/// Receives until the connection ends, and says why it did; `None`: ffmpeg ended first, and says why.
async fn receive(
    mut session: Demuxed,
    source: &RtspSource,
    to: &mpsc::Sender<VideoFrame>,
) -> Option<SourceError> {
    // Nothing can be decoded before the first frame that stands by itself, nor behind a gap.
    let mut whole = false;
    // Whole frames alone count: what else comes would have half a frame wait, and grow, for ever.
    let mut silent_at = Instant::now() + SILENT_AFTER;
    loop {
        let Ok(item) = timeout_at(silent_at, session.next()).await else {
            return Some(source.error(
                Cause::NoPicture,
                "it sends no picture: check its power, cable and, with UDP, the firewall",
            ));
        };
        match item {
            Some(Ok(CodecItem::VideoFrame(frame))) => {
                silent_at = Instant::now() + SILENT_AFTER;
                whole = frame.is_random_access_point() || (whole && frame.loss() == 0);
                if !whole {
                    continue;
                }
                match to.try_send(frame) {
                    Ok(()) => {}
                    Err(mpsc::error::TrySendError::Full(_)) => whole = false,
                    Err(mpsc::error::TrySendError::Closed(_)) => return None,
                }
            }
            Some(Ok(_)) => {}
            Some(Err(e)) => return Some(explain(&e, source)),
            None => return Some(source.error(Cause::Ended, ENDED)),
        }
    }
}

/// Hands frames to ffmpeg until either side ends.
async fn write(mut frames: mpsc::Receiver<VideoFrame>, mut stdin: ChildStdin) {
    while let Some(frame) = frames.recv().await {
        if stdin.write_all(frame.data()).await.is_err() {
            return;
        }
    }
}

/// What went wrong and what to do.
fn explain(error: &retina::Error, source: &RtspSource) -> SourceError {
    // The first line; what follows is for finding the packet in a capture.
    let text = error.to_string();
    let what = without_address(text.lines().next().unwrap_or_default(), &source.url);
    let (cause, detail) = match error.status_code() {
        Some(401 | 403) => (Cause::Login, REFUSES_LOGIN.to_owned()),
        Some(404) => (Cause::Address, NO_SUCH_STREAM.to_owned()),
        Some(461) => (
            Cause::CameraSettings,
            "it refuses the transport: set `transport` to the other of \"tcp\" and \"udp\"".to_owned(),
        ),
        Some(_) => (
            Cause::CameraSettings,
            format!("it refuses ({what}): check its settings"),
        ),
        None if text.starts_with("Unable to connect") => (
            Cause::Unreachable,
            format!("it cannot be reached ({what}): check its power, cable and address"),
        ),
        None => (
            match ["Error reading", "Error receiving", "Error writing", "Timeout"]
                .iter()
                .any(|lost| text.starts_with(lost))
            {
                true => Cause::Unreachable,
                // What it sends is not what the protocol asks for, or not known here.
                false => Cause::Unreadable,
            },
            format!("the connection failed ({what}): check its network; it is connected again"),
        ),
    };
    source.error(cause, &detail)
}

/// Some cameras want a password in the path of their address, or behind it: neither is repeated.
fn without_address(text: &str, url: &Url) -> String {
    let words = text.split(' ').map(|word| match word.contains("://") {
        true => "its address",
        false => word,
    });
    let text = words.collect::<Vec<_>>().join(" ");
    // With what is behind it first, or that would be left.
    let query = url.query().map_or(String::new(), |query| format!("?{query}"));
    let secrets = [query.as_str(), url.path().trim_end_matches('/')].into_iter();
    let secrets = secrets.filter(|secret| !secret.is_empty());
    secrets.fold(text, |text, secret| text.replace(secret, "…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_may_hold_is_not_repeated() {
        let url = Url::parse("rtsp://10.0.0.9/user=admin&password=rahasia?key=kunci").expect("an address");
        for said in [
            "DESCRIBE response at rtsp://10.0.0.9/user=admin&password=rahasia?key=kunci has no content type",
            "no such file: /user=admin&password=rahasia?key=kunci (404)",
            "base \"rtsp://10.0.0.9/user=admin&password=rahasia/\"",
        ] {
            let told = without_address(said, &url);
            assert!(!told.contains("rahasia") && !told.contains("kunci"), "{told}");
        }
        let root = Url::parse("rtsp://10.0.0.9").expect("an address");
        assert_eq!(without_address("and/or nothing", &root), "and/or nothing");
    }
}
