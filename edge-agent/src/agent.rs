//! The running agent: its cameras, the uplink, the gallery, the live views, and their orderly end.
//!
//! Recognition threads block on inference, so they are plain threads. `threads` in agent.toml says how many of
//! them infer at the same time and, where there are fewer cameras, how many threads an inference uses. Everything
//! else waits for the network and is asynchronous.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use hadir_models::Compute;
use hadir_models::model::EMBEDDER;
use hadir_shared::command::{Action, Command};
use hadir_shared::id::CameraId;
use hadir_shared::status::{AgentStatus, Cause, Inference};
use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;

use crate::camera::Camera;
use crate::cameras::{Cameras, Shared};
use crate::clock::DeviceClock;
use crate::config::AgentConfig;
use crate::gallery::{GalleryAccess, GalleryStore};
use crate::live::{LiveTarget, LiveViews};
use crate::modes::Modes;
use crate::outbox::{self, Outbox, OutboxError};
use crate::pipeline::Models;
use crate::placements;
use crate::recognition::Turns;
use crate::uplink::Uplink;
use crate::{metrics, watchdog};

/// Command ids that are remembered, so that a repeated delivery is carried out once.
const REMEMBERED_COMMANDS: usize = 256;
/// The gallery has this long to end.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Why the agent did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentError {
    /// The networks.
    #[error("recognition cannot be started: {0}")]
    Models(#[from] hadir_models::ModelError),
    /// The outbox.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A thread.
    #[error("the system gave no thread for a camera ({0}): close other programs")]
    Thread(std::io::Error),
    /// Signals.
    #[error("the signals to stop cannot be listened to: {0}")]
    Signals(std::io::Error),
}

/// Runs the agent until it is told to stop by SIGINT or SIGTERM.
///
/// # Errors
/// When it cannot start. Once it runs, nothing from outside ends it.
pub(crate) async fn run(config: AgentConfig, compute: &Compute) -> Result<(), AgentError> {
    let stop_signal = stop_signal().map_err(AgentError::Signals)?;
    let _lock = outbox::lock(&config.data)?;
    let clock = Arc::new(DeviceClock::default());
    let shared = Shared {
        models: Arc::new(Models::new(compute)?),
        gallery: Arc::new(GalleryStore::load(gallery_access(&config), clock.clone())),
        outbox: Arc::new(Outbox::open(&config.data, clock.clone())?),
        appended: Arc::new(Notify::new()),
        turns: Arc::new(Turns::new(config.threads)),
        handover: Arc::default(),
    };
    let (gallery, outbox, appended) = (
        shared.gallery.clone(),
        shared.outbox.clone(),
        shared.appended.clone(),
    );
    let modes = Modes::load(&config.data);
    let cameras = Arc::new(Cameras::start(shared, &config.cameras, modes).map_err(AgentError::Thread)?);
    let (stop_cameras, cameras_stopped) = watch::channel(false);
    let (stop_uplink, uplink_stopped) = watch::channel(false);
    let keep_gallery = tokio::spawn({
        let (gallery, stop) = (gallery.clone(), cameras_stopped.clone());
        async move { gallery.keep_current(stop).await }
    });
    let keep_cameras = tokio::spawn({
        let (cameras, stop) = (cameras.clone(), cameras_stopped.clone());
        let (files, taken) = (config.camera_files.clone(), config.camera_stamp.clone());
        async move { cameras.keep_current(&files, taken, stop).await }
    });

    let (commands_to, commands) = mpsc::channel(32);
    let dispatcher = Dispatcher {
        cameras: cameras.clone(),
        gallery: gallery.clone(),
        clock: clock.clone(),
        live: LiveViews::new(live_target(&config)),
        seen: VecDeque::new(),
    };
    let dispatcher = tokio::spawn(dispatcher.run(commands));
    let pulse = Arc::default();
    let uplink = Uplink {
        outbox: outbox.clone(),
        appended,
        commands: commands_to,
        pulse: Arc::clone(&pulse),
    };
    let tell_systemd = tokio::spawn({
        let (cameras, outbox, stop) = (cameras.clone(), outbox.clone(), cameras_stopped.clone());
        async move { watchdog::watch(&cameras, &outbox, &pulse, stop).await }
    });
    let metrics = config.metrics.map(|address| {
        let (cameras, gallery) = (cameras.clone(), gallery.clone());
        let (outbox, clock) = (outbox.clone(), clock.clone());
        let data = config.data.clone();
        let status = move || status(&cameras, &gallery, &outbox, &clock, &data);
        tokio::spawn(metrics::serve(address, status, cameras_stopped.clone()))
    });
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(site = %config.site, agent = %config.agent, version, cameras = config.cameras.len(), "agent starts");
    let uplink = tokio::spawn({
        let cameras = cameras.clone();
        async move {
            uplink
                .run(
                    &config,
                    || status(&cameras, &gallery, &outbox, &clock, &config.data),
                    uplink_stopped,
                )
                .await
        }
    });

    stop_signal.await;
    tracing::info!("agent stops");
    // Cameras first: their last sightings still go through the outbox and the uplink.
    stop_cameras.send_replace(true);
    for task in [keep_gallery, tell_systemd].into_iter().chain(metrics) {
        let _ = tokio::time::timeout(STOP_WITHIN, task).await;
    }
    let _ = keep_cameras.await;
    stop_uplink.send_replace(true);
    let _ = uplink.await;
    dispatcher.abort();
    Ok(())
}

/// Ready when SIGINT or SIGTERM came.
pub(crate) fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// What the gallery is fetched and opened with.
pub(crate) fn gallery_access(config: &AgentConfig) -> GalleryAccess {
    GalleryAccess {
        aggregator: config.aggregator.clone(),
        user_name: config.user_name(),
        token: config.credentials.token.clone(),
        key: config.credentials.gallery_key.clone(),
        data: config.data.clone(),
    }
}

fn live_target(config: &AgentConfig) -> LiveTarget {
    LiveTarget {
        aggregator: config.aggregator.clone(),
        user_name: config.user_name(),
        token: config.credentials.token.clone(),
    }
}

/// What the agent says of itself. While sightings wait for the right time, nobody hears whom the cameras see.
fn status(
    cameras: &Cameras,
    gallery: &GalleryStore,
    outbox: &Outbox,
    clock: &DeviceClock,
    data: &Path,
) -> AgentStatus {
    let now = Instant::now();
    let counts = outbox.depth_and_dropped();
    let unreadable = counts.as_ref().err().map(ToString::to_string);
    let (outbox_depth, outbox_dropped) = counts.unwrap_or_default();
    let unwritten = outbox.problem().map(|(why, _)| why).or(unreadable);
    let (cause, problem) = match (unwritten, cameras.problem()) {
        (Some(text), _) => (Some(Cause::Disk), Some(text)),
        (None, Some(text)) => (Some(Cause::CameraFiles), Some(text)),
        (None, None) => (None, None),
    };
    let of = |camera: &Arc<Camera>| {
        let mut status = camera.status(now);
        status.placement = placements::read(data, &status.id);
        if clock.may_be_unset() {
            status.inference = Inference::Offline;
        }
        status
    };
    AgentStatus {
        online: true,
        version: env!("CARGO_PKG_VERSION").into(),
        model: EMBEDDER.id.into(),
        gallery_version: gallery.people().version,
        outbox_depth,
        outbox_dropped,
        clock_offset_ms: clock.offset().map(|offset| offset.num_milliseconds()),
        cause,
        problem,
        cameras: cameras.all().iter().map(of).collect(),
    }
}

/// Carries out what the aggregator asks.
struct Dispatcher {
    cameras: Arc<Cameras>,
    gallery: Arc<GalleryStore>,
    clock: Arc<DeviceClock>,
    live: LiveViews,
    seen: VecDeque<Uuid>,
}

impl Dispatcher {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(command) = commands.recv().await {
            if !first_time(&mut self.seen, command.id) {
                continue;
            }
            if command.expires_at < self.clock.now() {
                tracing::debug!(id = %command.id, "a command came too late and is ignored");
                continue;
            }
            self.carry_out(command.action, command.expires_at);
        }
    }

    fn carry_out(&self, action: Action, expires_at: DateTime<Utc>) {
        match action {
            Action::Live { camera } => {
                if let Some(camera) = self.camera(&camera)
                    && let Some(end) = self.cameras.end_of(&camera)
                {
                    self.live.start(camera, end);
                }
            }
            Action::Enrol { camera } => {
                if self.camera(&camera).is_some() {
                    self.live.enrol(camera, expires_at - self.clock.now());
                }
            }
            Action::Gallery { version } => self.gallery.want(version),
            Action::Mode { camera, mode } => {
                if let Some(camera) = self.camera(&camera) {
                    tracing::info!(camera = %camera.config().id, ?mode, "camera mode set by command");
                    self.cameras.set_mode(&camera, mode);
                }
            }
            Action::Reload => self.cameras.reload(),
        }
    }

    fn camera(&self, id: &CameraId) -> Option<Arc<Camera>> {
        let camera = self.cameras.get(id);
        if camera.is_none() {
            tracing::warn!(camera = %id, "a command names a camera that this agent does not have");
        }
        camera
    }
}

/// Remembers a command's id; false if it was there already.
fn first_time(seen: &mut VecDeque<Uuid>, id: Uuid) -> bool {
    if seen.contains(&id) {
        return false;
    }
    if seen.len() == REMEMBERED_COMMANDS {
        seen.pop_front();
    }
    seen.push_back(id);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_carried_out_once() {
        let mut seen = VecDeque::new();
        let ids: Vec<Uuid> = (0..=REMEMBERED_COMMANDS).map(|_| Uuid::now_v7()).collect();
        assert!(ids.iter().all(|id| first_time(&mut seen, *id)));
        assert!(!first_time(&mut seen, ids[REMEMBERED_COMMANDS]));
        assert_eq!(seen.len(), REMEMBERED_COMMANDS);
    }
}
