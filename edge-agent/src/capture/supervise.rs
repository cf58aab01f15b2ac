//! Keeps one camera's source alive: opens it, watches it, starts it again with backoff.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use hadir_shared::status::{CameraMode, CameraState, Cause};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use super::{SourceError, open};
use crate::camera::{Camera, Frame, Problem};
use crate::config::SourceConfig;

/// No picture for this long: the source is stalled and is started again.
const STALLED_AFTER: Duration = Duration::from_secs(5);
/// The first picture may take longer.
const FIRST_WITHIN: Duration = Duration::from_secs(20);
/// And over RTSP longer still: nothing can be decoded before the next key frame, and cameras that save on those
/// ("H.264+") let half a minute pass. One that sends nothing at all is noticed before.
const FIRST_KEY_FRAME_WITHIN: Duration = Duration::from_secs(60);
/// The first wait before another try, doubled with each try up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A source that takes longer to open has failed.
const OPENED_WITHIN: Duration = Duration::from_secs(20);
/// A camera whose pictures stopped is stalled for this long, and offline from then on.
const OFFLINE_AFTER: Duration = Duration::from_secs(15);
/// A source that lived this long was healthy: the waits begin anew.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);

/// Runs until `stop` turns true. Never fails: what goes wrong is the camera's state and its problem.
pub(crate) async fn supervise(camera: Arc<Camera>, mut stop: watch::Receiver<bool>) {
    let mut mode = camera.watch_mode();
    let mut wait = FIRST_WAIT;
    let mut last = None;
    loop {
        if *stop.borrow() {
            return;
        }
        if *mode.borrow_and_update() == CameraMode::Off {
            camera.set_state(CameraState::Disabled, None);
            tokio::select! {
                _ = mode.changed() => {}
                _ = stop.changed() => {}
            }
            continue;
        }
        let began = Instant::now();
        // A task of its own, ended when it is dropped: a panic in what a camera's bytes go through ends this try, and
        // not the supervision.
        let mut streaming = JoinSet::new();
        streaming.spawn(stream(camera.clone()));
        tokio::select! {
            ended = streaming.join_next() => {
                let (problem, picture_at) = match ended {
                    Some(Ok(ended)) => ended,
                    _ => {
                        let text = "the camera sent something that cannot be understood";
                        (Problem::new(Cause::Unreadable, text.into()), None)
                    }
                };
                last = picture_at.or(last);
                if began.elapsed() > HEALTHY_AFTER && last.is_some_and(|last| last > began) {
                    wait = FIRST_WAIT;
                }
                let state = lost(last, Instant::now());
                // Once, where it is handled; repeated failures of the same kind are the state's business.
                if camera.set_state(state, Some(problem.clone())) {
                    tracing::warn!(camera = %camera.config().id, retry_s = wait.as_secs_f32(), "{}", problem.text);
                }
                tokio::select! {
                    () = sleep(wait) => {}
                    never = goes_offline(&camera, last) => match never {},
                    _ = mode.changed() => {}
                    _ = stop.changed() => {}
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            never = goes_offline(&camera, last) => match never {},
            _ = switched_off(&mut mode) => {}
            _ = stop.changed() => {}
        }
    }
}

/// How long the first picture of an open source may take.
pub(crate) fn first_within(source: &SourceConfig) -> Duration {
    match source {
        SourceConfig::Rtsp(_) => FIRST_KEY_FRAME_WITHIN,
        _ => FIRST_WITHIN,
    }
}

/// While it is tried again, a camera that is stalled is offline from some moment on. Never ready.
async fn goes_offline(camera: &Camera, last: Option<Instant>) -> Infallible {
    if let Some(last) = last {
        sleep_until((last + OFFLINE_AFTER).into()).await;
        camera.give_up();
    }
    pending().await
}

async fn switched_off(mode: &mut watch::Receiver<CameraMode>) {
    // The sender lives as long as the camera, which outlives this.
    let _ = mode.wait_for(|mode| *mode == CameraMode::Off).await;
}

/// Streams until the source ends, breaks or stalls; says why, and when the last picture came.
async fn stream(camera: Arc<Camera>) -> (Problem, Option<Instant>) {
    let mut last = None;
    let problem = stream_until_it_ends(&camera, &mut last).await;
    (problem, last)
}

async fn stream_until_it_ends(camera: &Camera, last: &mut Option<Instant>) -> Problem {
    let config = camera.config();
    let mut source = match timeout(OPENED_WITHIN, open(&config.source, config.recognise_fps)).await {
        Ok(Ok(source)) => source,
        Ok(Err(e)) => return e.into(),
        Err(_) => {
            let text = format!("the camera does not answer within {} s", OPENED_WITHIN.as_secs());
            return Problem::new(broken(&config.source, Cause::Unreachable), text);
        }
    };
    loop {
        let limit = match last {
            Some(_) => STALLED_AFTER,
            None => first_within(&config.source),
        };
        if let Some(memory) = camera.spare() {
            source.reuse(memory);
        }
        match timeout(limit, source.next()).await {
            Ok(Ok(Some(picture))) => {
                *last = Some(Instant::now());
                if camera.set_state(CameraState::Streaming, None) {
                    let (width, height) = picture.frame.dimensions();
                    tracing::info!(camera = %config.id, width, height, "camera streams");
                }
                camera.offer(Frame {
                    pixels: Arc::new(picture.frame),
                    at: Utc::now(),
                });
            }
            Ok(Ok(None)) => {
                return match &config.source {
                    SourceConfig::Recording(recording) => SourceError::Ended(recording.path.clone()).into(),
                    source => Problem::new(
                        broken(source, Cause::Ended),
                        "the camera stopped sending; it is being connected again".into(),
                    ),
                };
            }
            Ok(Err(e)) => return e.into(),
            Err(_) => {
                let (cause, key_frames) = match (&last, &config.source) {
                    (None, SourceConfig::Rtsp(_)) => {
                        (Cause::CameraSettings, ", and set its key-frame interval to 2 s")
                    }
                    (_, source) => (broken(source, Cause::NoPicture), ""),
                };
                let text = format!(
                    "no picture for {} s; the camera is being connected again: check its power and cable{key_frames}",
                    limit.as_secs()
                );
                return Problem::new(cause, text);
            }
        }
    }
}

/// What it is that a source does not work without saying why: `network` where it is a camera of the network.
fn broken(source: &SourceConfig, network: Cause) -> Cause {
    match source {
        SourceConfig::Rtsp(_) | SourceConfig::Mjpeg(_) => network,
        SourceConfig::Usb(_) => Cause::UsbCamera,
        SourceConfig::Recording(_) => Cause::Recording,
    }
}

/// What a camera is whose last picture came then.
fn lost(last: Option<Instant>, now: Instant) -> CameraState {
    match last {
        Some(last) if now.duration_since(last) < OFFLINE_AFTER => CameraState::Stalled,
        _ => CameraState::Offline,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_was_there_is_stalled_before_it_is_offline() {
        let start = Instant::now();
        assert_eq!(lost(None, start), CameraState::Offline);
        let after = |seconds| lost(Some(start), start + Duration::from_secs(seconds));
        assert_eq!(after(0), CameraState::Stalled);
        assert_eq!(after(OFFLINE_AFTER.as_secs() - 1), CameraState::Stalled);
        assert_eq!(after(OFFLINE_AFTER.as_secs()), CameraState::Offline);
    }
}
