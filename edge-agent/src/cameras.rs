//! The cameras of a running agent: started, and taken up anew when their files change.
//!
//! Each camera has a capture task and a recognition thread of its own and can be ended alone. Its files are looked
//! at every two seconds; a mistake in them changes nothing that runs, and is told in the log and in the status.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hadir_shared::id::CameraId;
use hadir_shared::status::CameraMode;
use tokio::sync::{Notify, watch};
use tokio::task;
use tokio::time::timeout;

use crate::badge_reader::BadgeReader;
use crate::camera::Camera;
use crate::capture;
use crate::config::{CameraConfig, CameraFiles, CameraStamp};
use crate::gallery::GalleryStore;
use crate::handover::Handover;
use crate::modes::Modes;
use crate::outbox::Outbox;
use crate::pipeline::{Models, Pipeline, Settings};
use crate::recognition::{Recognition, Turns};
use crate::watchdog::Pulse;

/// The files are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Recognition that does nothing for so long, with frames at hand, hangs.
const STANDS_STILL: Duration = Duration::from_secs(20);
/// A camera has this long to end.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// What all cameras share.
pub(crate) struct Shared {
    /// Both networks.
    pub(crate) models: Arc<Models>,
    /// Whom they know.
    pub(crate) gallery: Arc<GalleryStore>,
    /// Where sightings go.
    pub(crate) outbox: Arc<Outbox>,
    /// Rung when something went there.
    pub(crate) appended: Arc<Notify>,
    /// Who infers when.
    pub(crate) turns: Arc<Turns>,
    /// Whom which camera saw just now.
    pub(crate) handover: Arc<Handover>,
}

/// All cameras.
pub(crate) struct Cameras {
    shared: Shared,
    running: Mutex<Vec<Running>>,
    modes: Mutex<Modes>,
    problem: Mutex<Option<String>>,
    asked: Notify,
}

/// A camera with what works for it.
struct Running {
    camera: Arc<Camera>,
    stop: watch::Sender<bool>,
    capture: task::JoinHandle<()>,
    badge_reader: Option<task::JoinHandle<()>>,
    recognition: JoinHandle<()>,
    pulse: Arc<Pulse>,
}

impl Cameras {
    /// Starts these cameras.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(shared: Shared, configs: &[CameraConfig], modes: Modes) -> std::io::Result<Self> {
        let cameras = Self {
            shared,
            running: Mutex::default(),
            modes: Mutex::new(modes),
            problem: Mutex::default(),
            asked: Notify::new(),
        };
        for config in configs {
            let running = cameras.begin(config)?;
            lock(&cameras.running).push(running);
        }
        Ok(cameras)
    }

    /// All of them, in the order of their files.
    pub(crate) fn all(&self) -> Vec<Arc<Camera>> {
        lock(&self.running)
            .iter()
            .map(|running| running.camera.clone())
            .collect()
    }

    /// One of them.
    pub(crate) fn get(&self, id: &CameraId) -> Option<Arc<Camera>> {
        self.all().into_iter().find(|camera| camera.config().id == *id)
    }

    /// A camera whose recognition stands still, though it should not.
    pub(crate) fn stuck(&self, now: Instant) -> Option<CameraId> {
        let running = lock(&self.running);
        let stuck = running.iter().find(|running| {
            // A thread that loops, and frames that are taken while they come.
            let waiting = running
                .camera
                .waiting(now)
                .is_some_and(|time| time > STANDS_STILL);
            running.pulse.is_older(now, STANDS_STILL) || waiting
        });
        stuck.map(|running| running.camera.config().id.clone())
    }

    /// Turns true when this camera ends, which it does when its file changes.
    pub(crate) fn end_of(&self, camera: &Arc<Camera>) -> Option<watch::Receiver<bool>> {
        let running = lock(&self.running);
        let running = running
            .iter()
            .find(|running| Arc::ptr_eq(&running.camera, camera))?;
        Some(running.stop.subscribe())
    }

    /// What is wrong with the files, if they could not be taken up.
    pub(crate) fn problem(&self) -> Option<String> {
        lock(&self.problem).clone()
    }

    /// Uses a camera differently from now on, also after a restart.
    pub(crate) fn set_mode(&self, camera: &Camera, mode: CameraMode) {
        camera.set_mode(mode);
        lock(&self.modes).set(camera.config(), mode);
    }

    /// Looks at the files now.
    pub(crate) fn reload(&self) {
        self.asked.notify_one();
    }

    /// Takes changes of the files up until `stop` turns true, and ends all cameras then. `taken`: of the files as they
    /// were when the cameras were started.
    pub(crate) async fn keep_current(
        &self,
        files: &CameraFiles,
        mut taken: CameraStamp,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut seen = taken.clone();
        loop {
            let asked = tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => false,
                () = self.asked.notified() => true,
                _ = stop.changed() => break,
            };
            let now = files.stamp();
            // Somebody may still be writing: what stayed the same from one look to the next is whole.
            let settled = now == std::mem::replace(&mut seen, now.clone());
            // What was wrong may be mended without a change of the files: a folder that could not be read.
            if asked || settled && (now != taken || self.problem().is_some()) {
                taken = now;
                self.take_up(files).await;
            }
        }
        let running = std::mem::take(&mut *lock(&self.running));
        end(running).await;
    }

    async fn take_up(&self, files: &CameraFiles) {
        let configs = match files.load() {
            Ok(configs) => configs,
            Err(errors) => {
                let first = errors.0.first().map(ToString::to_string);
                let known = std::mem::replace(&mut *lock(&self.problem), first.clone()) == first;
                if !known {
                    tracing::error!("the cameras' files are not right, so nothing is changed:\n{errors}");
                }
                return;
            }
        };
        *lock(&self.problem) = None;
        let gone = {
            let mut running = lock(&self.running);
            let (kept, gone): (Vec<Running>, Vec<Running>) = std::mem::take(&mut *running)
                .into_iter()
                .partition(|running| configs.contains(running.camera.config()));
            *running = kept;
            gone
        };
        for running in &gone {
            tracing::info!(camera = %running.camera.config().id, "camera ends: its file was changed or removed");
        }
        // Before the new ones begin: two of the same camera would report the same people.
        end(gone).await;
        let mut running = lock(&self.running);
        let mut kept = std::mem::take(&mut *running);
        for config in &configs {
            if let Some(place) = kept.iter().position(|running| running.camera.config() == config) {
                running.push(kept.swap_remove(place));
                continue;
            }
            match self.begin(config) {
                Ok(new) => {
                    tracing::info!(camera = %config.id, "camera begins: its file was added or changed");
                    running.push(new);
                }
                Err(e) => tracing::error!(camera = %config.id, "the system gave no thread for it: {e}"),
            }
        }
    }

    fn begin(&self, config: &CameraConfig) -> std::io::Result<Running> {
        let camera = Arc::new(Camera::new(config.clone()));
        if let Some(mode) = lock(&self.modes).get(config) {
            camera.set_mode(mode);
        }
        let (stop, stopped) = watch::channel(false);
        let pulse = Arc::<Pulse>::default();
        let recognition = Recognition {
            camera: camera.clone(),
            gallery: self.shared.gallery.clone(),
            outbox: self.shared.outbox.clone(),
            appended: self.shared.appended.clone(),
            turns: self.shared.turns.clone(),
            handover: self.shared.handover.clone(),
            pulse: pulse.clone(),
            stop: stopped.clone(),
        };
        let badge_reader = config.badge_reader.clone().map(|device| {
            let reader = BadgeReader {
                camera: camera.clone(),
                gallery: self.shared.gallery.clone(),
                outbox: self.shared.outbox.clone(),
                appended: self.shared.appended.clone(),
            };
            let stop = stopped.clone();
            tokio::spawn(async move { reader.run(&device, stop).await })
        });
        let settings = Settings {
            detect_width: config.detect_width,
            mask: config.mask.clone(),
            badges: config.badges,
            bodies: config.bodies,
        };
        let pipeline = Pipeline::new(settings, self.shared.models.clone());
        let recognition = std::thread::Builder::new()
            .name(format!("recognise {}", config.id))
            .spawn(move || recognition.run(pipeline))?;
        Ok(Running {
            capture: tokio::spawn(capture::supervise(camera.clone(), stopped)),
            badge_reader,
            camera,
            stop,
            recognition,
            pulse,
        })
    }
}

/// Ends cameras, and waits until they have.
async fn end(cameras: Vec<Running>) {
    for running in &cameras {
        running.stop.send_replace(true);
    }
    for running in cameras {
        let id = running.camera.config().id.clone();
        let recognition = running.recognition;
        let ended = task::spawn_blocking(move || drop(recognition.join()));
        if timeout(STOP_WITHIN, ended).await.is_err() {
            tracing::warn!(camera = %id, "its recognition did not end in time");
        }
        let _ = timeout(STOP_WITHIN, running.capture).await;
        if let Some(reader) = running.badge_reader {
            let _ = timeout(STOP_WITHIN, reader).await;
        }
        let counts = running.camera.counts();
        tracing::info!(camera = %id, frames = counts.frames, skipped = counts.skipped,
            unknown_tracks = counts.unknown_tracks, "camera stopped");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Held for an assignment only: what a poisoned lock guards is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
