//! The running agent: one capture task and one recognition thread for each camera, the uplink, the gallery, the
//! live views, and their orderly end.
//!
//! Recognition threads block on inference, so they are plain threads. `threads` in agent.toml says how many of
//! them infer at the same time and, where there are fewer cameras, how many threads an inference uses. Everything
//! else waits for the network and is asynchronous.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use hadir_models::Compute;
use hadir_models::model::EMBEDDER;
use hadir_shared::command::{Action, Command};
use hadir_shared::id::{CameraId, EmployeeId};
use hadir_shared::sighting::Method;
use hadir_shared::status::{AgentStatus, CameraMode};
use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;

use crate::camera::Camera;
use crate::capture;
use crate::config::AgentConfig;
use crate::gallery::{GalleryAccess, GalleryStore};
use crate::live::{LiveShot, LiveTarget, LiveViews};
use crate::outbox::{self, Draft, Outbox, OutboxError};
use crate::pipeline::{Event, Models, Outcome, Pipeline, Settings};
use crate::uplink::Uplink;

/// A recognition thread looks up this often when no frame comes, to end tracks and see changes of the gallery.
const LOOK_UP_EVERY: Duration = Duration::from_millis(500);
/// Command ids that are remembered, so that a repeated delivery is carried out once.
const REMEMBERED_COMMANDS: usize = 256;
/// Captures and recognition threads have this long to end.
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
    let models = Arc::new(Models::new(compute)?);
    let outbox = Arc::new(Outbox::open(&config.data)?);
    let appended = Arc::new(Notify::new());
    let gallery = Arc::new(GalleryStore::load(gallery_access(&config)));
    let cameras: Vec<Arc<Camera>> = config
        .cameras
        .iter()
        .cloned()
        .map(|c| Arc::new(Camera::new(c)))
        .collect();
    let (stop_cameras, cameras_stopped) = watch::channel(false);
    let (stop_uplink, uplink_stopped) = watch::channel(false);

    let turns = Arc::new(Turns::new(config.threads));
    let mut threads = Vec::new();
    let mut captures = Vec::new();
    for camera in &cameras {
        captures.push(tokio::spawn(capture::supervise(
            camera.clone(),
            cameras_stopped.clone(),
        )));
        let recognition = Recognition {
            camera: camera.clone(),
            gallery: gallery.clone(),
            outbox: outbox.clone(),
            appended: appended.clone(),
            turns: turns.clone(),
            stop: cameras_stopped.clone(),
        };
        let settings = Settings {
            detect_width: camera.config().detect_width,
        };
        let pipeline = Pipeline::new(settings, models.clone());
        let name = format!("recognise {}", camera.config().id);
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || recognition.run(pipeline));
        threads.push(thread.map_err(AgentError::Thread)?);
    }
    let keep_current = tokio::spawn({
        let (gallery, stop) = (gallery.clone(), cameras_stopped.clone());
        async move { gallery.keep_current(stop).await }
    });

    let (commands_to, commands) = mpsc::channel(32);
    let dispatcher = Dispatcher {
        cameras: cameras.clone(),
        gallery: gallery.clone(),
        live: LiveViews::new(live_target(&config)),
        stop: cameras_stopped.clone(),
        seen: VecDeque::new(),
    };
    let dispatcher = tokio::spawn(dispatcher.run(commands));
    let uplink = Uplink {
        outbox: outbox.clone(),
        appended,
        commands: commands_to,
    };
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(site = %config.site, agent = %config.agent, version, cameras = cameras.len(), "agent starts");
    let uplink = tokio::spawn({
        let (cameras, gallery, outbox) = (cameras.clone(), gallery.clone(), outbox.clone());
        async move {
            uplink
                .run(&config, || status(&cameras, &gallery, &outbox), uplink_stopped)
                .await
        }
    });

    stop_signal.await;
    tracing::info!("agent stops");
    // Cameras first: their last sightings still go through the outbox and the uplink.
    stop_cameras.send_replace(true);
    let ended = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|t| drop(t.join())));
    if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
        tracing::warn!("a recognition thread did not end in time");
    }
    for task in captures.into_iter().chain([keep_current]) {
        let _ = tokio::time::timeout(STOP_WITHIN, task).await;
    }
    stop_uplink.send_replace(true);
    let _ = uplink.await;
    dispatcher.abort();
    for camera in &cameras {
        let (skipped, unknown_tracks) = camera.counts();
        tracing::info!(camera = %camera.config().id, skipped, unknown_tracks, "camera stopped");
    }
    Ok(())
}

/// Ready when SIGINT or SIGTERM came.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
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

fn status(cameras: &[Arc<Camera>], gallery: &GalleryStore, outbox: &Outbox) -> AgentStatus {
    let now = Instant::now();
    let (outbox_depth, outbox_dropped) = outbox.depth_and_dropped().unwrap_or_default();
    AgentStatus {
        online: true,
        version: env!("CARGO_PKG_VERSION").into(),
        model: EMBEDDER.id.into(),
        gallery_version: gallery.people().version,
        outbox_depth,
        outbox_dropped,
        clock_offset_ms: gallery.clock_offset().map(|offset| offset.num_milliseconds()),
        cameras: cameras.iter().map(|camera| camera.status(now)).collect(),
    }
}

/// How many recognition threads infer at the same time.
struct Turns {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Turns {
    fn new(count: usize) -> Self {
        Self {
            free: Mutex::new(count.max(1)),
            freed: Condvar::new(),
        }
    }

    /// Does the work when it is its turn.
    fn take<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Gives the turn back even if the work panics.
        struct Turn<'a>(&'a Turns);
        impl Drop for Turn<'_> {
            fn drop(&mut self) {
                *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                self.0.freed.notify_one();
            }
        }
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .freed
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        drop(free);
        let _turn = Turn(self);
        work()
    }
}

/// Recognition on one camera, on a thread of its own.
struct Recognition {
    camera: Arc<Camera>,
    gallery: Arc<GalleryStore>,
    outbox: Arc<Outbox>,
    appended: Arc<Notify>,
    turns: Arc<Turns>,
    stop: watch::Receiver<bool>,
}

impl Recognition {
    fn run(self, mut pipeline: Pipeline) {
        let mut failing = false;
        while !*self.stop.borrow() {
            let frame = self.camera.take(LOOK_UP_EVERY);
            pipeline.set_people(&self.gallery.people());
            let mode = self.camera.mode();
            let Some(frame) = frame.filter(|_| mode != CameraMode::Off) else {
                self.report(pipeline.idle(mode, Utc::now()));
                continue;
            };
            match self.turns.take(|| pipeline.step(&frame.image, mode, frame.at)) {
                Ok(mut outcome) => {
                    failing = false;
                    let now = Instant::now();
                    self.camera.note_recognised(now);
                    if self.camera.is_watched() {
                        self.camera.show(LiveShot {
                            image: frame.image,
                            at: frame.at,
                            fps: self.camera.fps(now),
                            tracks: std::mem::take(&mut outcome.tracks),
                            faces: std::mem::take(&mut outcome.faces),
                        });
                    }
                    self.report(outcome);
                }
                Err(e) => {
                    if !failing {
                        tracing::error!(camera = %self.camera.config().id, "a frame could not be recognised: {e}");
                    }
                    failing = true;
                }
            }
        }
        self.report(pipeline.finish(self.camera.mode()));
    }

    fn report(&self, outcome: Outcome) {
        if outcome.unknown_ended > 0 {
            self.camera.note_unknown(outcome.unknown_ended);
        }
        let camera = &self.camera.config().id;
        let drafts: Vec<Draft> = outcome
            .events
            .into_iter()
            .filter_map(|event| draft(event, camera))
            .collect();
        if drafts.is_empty() {
            return;
        }
        match self.outbox.append(&drafts, Utc::now()) {
            Ok(()) => self.appended.notify_one(),
            Err(e) => tracing::error!(lost = drafts.len(), "sightings could not be kept: {e}"),
        }
    }
}

fn draft(event: Event, camera: &CameraId) -> Option<Draft> {
    Some(Draft {
        phase: event.phase,
        // The gallery's people are employees, so this is always an id.
        employee: EmployeeId::new(&*event.person).ok()?,
        camera: camera.clone(),
        method: Method::Face,
        track: event.track,
        first_at: event.first_at,
        last_at: event.last_at,
        confidence: event.confidence,
        model: EMBEDDER.id.into(),
    })
}

/// Carries out what the aggregator asks.
struct Dispatcher {
    cameras: Vec<Arc<Camera>>,
    gallery: Arc<GalleryStore>,
    live: LiveViews,
    stop: watch::Receiver<bool>,
    seen: VecDeque<Uuid>,
}

impl Dispatcher {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(command) = commands.recv().await {
            if !first_time(&mut self.seen, command.id) {
                continue;
            }
            if command.expires_at < Utc::now() {
                tracing::debug!(id = %command.id, "a command came too late and is ignored");
                continue;
            }
            self.carry_out(command.action);
        }
    }

    fn carry_out(&self, action: Action) {
        match action {
            Action::Live { camera } => {
                if let Some(camera) = self.camera(&camera) {
                    self.live.start(camera.clone(), self.stop.clone());
                }
            }
            Action::Gallery { version } => self.gallery.want(version),
            Action::Mode { camera, mode } => {
                if let Some(camera) = self.camera(&camera) {
                    tracing::info!(camera = %camera.config().id, ?mode, "camera mode set by command");
                    camera.set_mode(mode);
                }
            }
            Action::Reload => {
                tracing::warn!(
                    "camera configurations are read at start: restart the agent to take changes up"
                );
            }
        }
    }

    fn camera(&self, id: &CameraId) -> Option<&Arc<Camera>> {
        let camera = self.cameras.iter().find(|camera| camera.config().id == *id);
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_command_is_carried_out_once() {
        let mut seen = VecDeque::new();
        let ids: Vec<Uuid> = (0..=REMEMBERED_COMMANDS).map(|_| Uuid::now_v7()).collect();
        assert!(ids.iter().all(|id| first_time(&mut seen, *id)));
        assert!(!first_time(&mut seen, ids[REMEMBERED_COMMANDS]));
        assert_eq!(seen.len(), REMEMBERED_COMMANDS);
    }

    #[test]
    fn no_more_than_so_many_take_their_turn_at_once() {
        let turns = Turns::new(2);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    turns.take(|| {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(5));
                        now.fetch_sub(1, Ordering::SeqCst);
                    });
                });
            }
        });
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    }
}
