//! Keeps one camera's source alive: opens it, watches it, starts it again with backoff.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use hadir_shared::status::{CameraMode, CameraState};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::{SourceError, open};
use crate::camera::{Camera, Frame};
use crate::config::SourceConfig;

/// No picture for this long: the source is stalled and is started again.
const STALLED_AFTER: Duration = Duration::from_secs(5);
/// The first wait before another try, doubled with each try up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A source that lived this long was healthy: the waits begin anew.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);

/// Runs until `stop` turns true. Never fails: what goes wrong is the camera's state and its problem.
pub(crate) async fn supervise(camera: Arc<Camera>, mut stop: watch::Receiver<bool>) {
    let mut mode = camera.watch_mode();
    let mut wait = FIRST_WAIT;
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
        tokio::select! {
            outcome = stream(&camera) => {
                if began.elapsed() > HEALTHY_AFTER {
                    wait = FIRST_WAIT;
                }
                let (state, problem) = outcome;
                // Once, where it is handled; repeated failures of the same kind are the state's business.
                if camera.set_state(state, Some(problem.clone())) {
                    tracing::warn!(camera = %camera.config().id, retry_s = wait.as_secs_f32(), "{problem}");
                }
                tokio::select! {
                    () = sleep(wait) => {}
                    _ = mode.changed() => {}
                    _ = stop.changed() => {}
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            _ = switched_off(&mut mode) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn switched_off(mode: &mut watch::Receiver<CameraMode>) {
    // The sender lives as long as the camera, which outlives this.
    let _ = mode.wait_for(|mode| *mode == CameraMode::Off).await;
}

/// Streams until the source ends, breaks or stalls; says in what state that leaves the camera, and why.
async fn stream(camera: &Camera) -> (CameraState, String) {
    let config = camera.config();
    let mut source = match open(&config.source, config.recognise_fps).await {
        Ok(source) => source,
        Err(e) => return (CameraState::Offline, e.to_string()),
    };
    loop {
        match timeout(STALLED_AFTER, source.next()).await {
            Ok(Ok(Some(picture))) => {
                if camera.set_state(CameraState::Streaming, None) {
                    tracing::info!(camera = %config.id, width = picture.image.width(), height = picture.image.height(), "camera streams");
                }
                camera.offer(Frame {
                    image: Arc::new(picture.image),
                    at: Utc::now(),
                });
            }
            Ok(Ok(None)) => {
                let problem = match &config.source {
                    SourceConfig::Recording(recording) => {
                        SourceError::Ended(recording.path.clone()).to_string()
                    }
                    SourceConfig::Usb(device) => {
                        format!("the USB camera {device} stopped; it is being started again")
                    }
                };
                return (CameraState::Offline, problem);
            }
            Ok(Err(e)) => return (CameraState::Offline, e.to_string()),
            Err(_) => {
                let seconds = STALLED_AFTER.as_secs();
                let problem = format!(
                    "no picture for {seconds} s; the camera is being connected again: check its power and cable"
                );
                return (CameraState::Stalled, problem);
            }
        }
    }
}
