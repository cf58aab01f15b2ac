//! One camera as the parts of a running agent share it: its configuration, its latest frame, how it is doing,
//! and who watches its live view.
//!
//! Locks here are held for a few assignments only, never across a call that waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use hadir_models::FrameBuf;
use hadir_shared::status::{CameraCounts, CameraMode, CameraState, CameraStatus, Cause, Inference, Measured};
use tokio::sync::watch;

use crate::capture::Latest;
use crate::config::CameraConfig;
use crate::live::LiveShot;
use crate::occupancy::Occupancy;
use crate::pipeline::{Reason, Rejected};

/// Recognition counts as running while its last frame is at most this old.
const ACTIVE_FOR: Duration = Duration::from_secs(3);
/// The frame rate is measured over this time.
const RATE_OVER: Duration = Duration::from_secs(5);

/// A captured frame with its time.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// The pixels.
    pub(crate) pixels: Arc<FrameBuf>,
    /// When it was taken.
    pub(crate) at: DateTime<Utc>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Its kind.
    pub(crate) cause: Cause,
    /// A sentence for the technician, with what to do.
    pub(crate) text: String,
}

impl Problem {
    pub(crate) fn new(cause: Cause, text: String) -> Self {
        Self { cause, text }
    }
}

/// A camera of the running agent.
pub(crate) struct Camera {
    config: CameraConfig,
    latest: Latest<Frame>,
    mode: watch::Sender<CameraMode>,
    vitals: Mutex<Vitals>,
    spare: Mutex<Option<Vec<u8>>>,
    live: watch::Sender<Option<Arc<LiveShot>>>,
}

#[derive(Debug, Default)]
struct Vitals {
    state: CameraState,
    problem: Option<Problem>,
    last_frame: Option<DateTime<Utc>>,
    recognised: VecDeque<Instant>,
    occupancy: Occupancy,
    counts: CameraCounts,
    /// Badges of nobody that were held to the reader beside it.
    unknown_badges: u64,
}

impl Camera {
    /// A camera that has yielded nothing yet.
    pub(crate) fn new(config: CameraConfig) -> Self {
        let state = if config.mode == CameraMode::Off {
            CameraState::Disabled
        } else {
            CameraState::Offline
        };
        Self {
            mode: watch::Sender::new(config.mode),
            config,
            latest: Latest::default(),
            vitals: Mutex::new(Vitals {
                state,
                ..Vitals::default()
            }),
            spare: Mutex::default(),
            live: watch::Sender::new(None),
        }
    }

    /// What its file says.
    pub(crate) fn config(&self) -> &CameraConfig {
        &self.config
    }

    /// What it is used for now.
    pub(crate) fn mode(&self) -> CameraMode {
        *self.mode.borrow()
    }

    /// Uses it differently from now on.
    pub(crate) fn set_mode(&self, mode: CameraMode) {
        self.mode.send_replace(mode);
    }

    /// To be told of a change of the mode.
    pub(crate) fn watch_mode(&self) -> watch::Receiver<CameraMode> {
        self.mode.subscribe()
    }

    /// Hands a frame to recognition; one that was not taken in time is skipped.
    pub(crate) fn offer(&self, frame: Frame) {
        let at = frame.at;
        let skipped = self.latest.put(frame);
        let was_skipped = skipped.is_some();
        if let Some(skipped) = skipped {
            self.give_back(skipped.pixels);
        }
        let mut vitals = self.vitals();
        vitals.last_frame = Some(at);
        vitals.counts.frames += 1;
        vitals.counts.skipped += u64::from(was_skipped);
    }

    /// A frame that is not needed any more; its memory is used again, if nobody else holds it.
    pub(crate) fn give_back(&self, pixels: Arc<FrameBuf>) {
        if let Some(FrameBuf::I420(planes)) = Arc::into_inner(pixels) {
            *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = Some(planes.into_data());
        }
    }

    /// Memory for a frame, if there is some.
    pub(crate) fn spare(&self) -> Option<Vec<u8>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The latest frame, waiting for at most `timeout`.
    pub(crate) fn take(&self, timeout: Duration) -> Option<Frame> {
        self.latest.take(timeout)
    }

    /// For how long frames have been waiting without one being taken.
    pub(crate) fn waiting(&self, now: Instant) -> Option<Duration> {
        self.latest.waiting(now)
    }

    /// Notes what capture is doing; true if that is new.
    pub(crate) fn set_state(&self, state: CameraState, problem: Option<Problem>) -> bool {
        let mut vitals = self.vitals();
        let new = vitals.state != state || vitals.problem != problem;
        vitals.state = state;
        vitals.problem = problem;
        new
    }

    /// It has been stalled for long enough: it is offline, for the same reason.
    pub(crate) fn give_up(&self) {
        let mut vitals = self.vitals();
        if vitals.state == CameraState::Stalled {
            vitals.state = CameraState::Offline;
        }
    }

    /// Notes that a frame went through recognition at `now`.
    pub(crate) fn note_recognised(&self, now: Instant) {
        let mut vitals = self.vitals();
        vitals.recognised.push_back(now);
        vitals.forget_before(now);
    }

    /// Notes how many people were counted in a frame at `now`.
    pub(crate) fn note_people(&self, people: usize, now: Instant) {
        let people = u32::try_from(people).unwrap_or(u32::MAX);
        self.vitals().occupancy.note(people, now);
    }

    /// Counts tracks that ended without a name: all that an unknown face leaves behind.
    pub(crate) fn note_unknown(&self, tracks: u64) {
        self.vitals().counts.unknown_tracks += tracks;
    }

    /// Counts a badge of nobody that was held to the reader beside it.
    pub(crate) fn note_unknown_badge(&self) {
        self.vitals().unknown_badges += 1;
    }

    /// Notes what was turned down so far, by reason.
    pub(crate) fn note_rejected(&self, rejected: impl Iterator<Item = (Reason, Rejected)>) {
        let mut vitals = self.vitals();
        for (reason, Rejected { count, measured }) in rejected {
            let reason = reason.as_str();
            if vitals.counts.rejected.get(reason) == Some(&count) {
                continue;
            }
            vitals.counts.rejected.insert(reason.to_owned(), count);
            if let Some((last, limit)) = measured {
                let measured = Measured { last, limit };
                vitals.counts.measured.insert(reason.to_owned(), measured);
            }
        }
    }

    /// Frames recognised per second at `now`.
    pub(crate) fn fps(&self, now: Instant) -> f32 {
        let mut vitals = self.vitals();
        vitals.forget_before(now);
        vitals.fps(now)
    }

    /// What was counted since it began.
    pub(crate) fn counts(&self) -> CameraCounts {
        self.vitals().all_counts()
    }

    /// As the agent's status tells it.
    pub(crate) fn status(&self, now: Instant) -> CameraStatus {
        let mode = self.mode();
        let mut vitals = self.vitals();
        vitals.forget_before(now);
        let recent = vitals
            .recognised
            .back()
            .is_some_and(|&at| now.duration_since(at) <= ACTIVE_FOR);
        let active = recent && mode == CameraMode::Recognise && vitals.state == CameraState::Streaming;
        if mode == CameraMode::Off || vitals.state != CameraState::Streaming {
            vitals.occupancy.clear();
        }
        CameraStatus {
            id: self.config.id.clone(),
            number: self.config.number,
            label: self.config.label.clone(),
            area: self.config.area.clone(),
            mode,
            state: vitals.state,
            inference: if active {
                Inference::Active
            } else {
                Inference::Offline
            },
            fps: vitals.fps(now),
            last_frame: vitals.last_frame,
            people: vitals.occupancy.people(now),
            cause: vitals.problem.as_ref().map(|problem| problem.cause),
            problem: vitals.problem.as_ref().map(|problem| problem.text.clone()),
            counts: vitals.all_counts(),
            placement: None,
        }
    }

    /// Whether somebody watches, so that [`Self::show`] is worth its work.
    pub(crate) fn is_watched(&self) -> bool {
        self.live.receiver_count() > 0
    }

    /// Shows a recognised frame to whoever watches.
    pub(crate) fn show(&self, shot: LiveShot) {
        self.live.send_replace(Some(Arc::new(shot)));
    }

    /// Watches; the latest shot only is kept.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Arc<LiveShot>>> {
        self.live.subscribe()
    }

    fn vitals(&self) -> MutexGuard<'_, Vitals> {
        // Plain values, each valid by itself: a poisoned lock guards nothing half-done.
        self.vitals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vitals {
    fn forget_before(&mut self, now: Instant) {
        while self
            .recognised
            .front()
            .is_some_and(|&at| now.duration_since(at) > RATE_OVER)
        {
            self.recognised.pop_front();
        }
    }

    fn all_counts(&self) -> CameraCounts {
        let mut counts = self.counts.clone();
        if self.unknown_badges > 0 {
            let reason = Reason::UnknownBadge.as_str().to_owned();
            *counts.rejected.entry(reason).or_default() += self.unknown_badges;
        }
        counts
    }

    fn fps(&self, now: Instant) -> f32 {
        match self.recognised.front() {
            Some(&first) if self.recognised.len() > 1 => {
                let seconds = now.duration_since(first).as_secs_f32().max(0.1);
                ((self.recognised.len() - 1) as f32 / seconds * 10.0).round() / 10.0
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing;

    fn camera(mode: CameraMode) -> Camera {
        Camera::new(testing::camera("cam-1", mode))
    }

    fn frame() -> Frame {
        Frame {
            pixels: Arc::new(image::RgbImage::new(2, 2).into()),
            at: Utc::now(),
        }
    }

    #[test]
    fn inference_is_active_while_frames_are_recognised() {
        let camera = camera(CameraMode::Recognise);
        let start = Instant::now();
        assert_eq!(camera.status(start).state, CameraState::Offline);
        assert!(camera.set_state(CameraState::Streaming, None));
        assert!(!camera.set_state(CameraState::Streaming, None));
        for i in 0..20 {
            camera.note_recognised(start + Duration::from_millis(100 * i));
        }
        let now = start + Duration::from_millis(1900);
        assert_eq!(camera.status(now).inference, Inference::Active);
        assert!((camera.status(now).fps - 10.0).abs() < 0.2);
        let later = now + Duration::from_secs(6);
        assert_eq!(camera.status(later).inference, Inference::Offline);
        assert_eq!(camera.status(later).fps, 0.0);
        camera.note_recognised(later);
        camera.set_mode(CameraMode::Count);
        assert_eq!(camera.status(later).inference, Inference::Offline);
    }

    #[test]
    fn people_are_counted_while_frames_come() {
        let camera = camera(CameraMode::Count);
        let now = Instant::now();
        camera.set_state(CameraState::Streaming, None);
        assert_eq!(camera.status(now).people, None);
        camera.note_people(3, now);
        assert_eq!(camera.status(now).people, Some(3));
        camera.set_state(CameraState::Stalled, None);
        assert_eq!(camera.status(now).people, None);
    }

    #[test]
    fn frames_that_nobody_took_are_counted() {
        let camera = camera(CameraMode::Off);
        assert_eq!(camera.status(Instant::now()).state, CameraState::Disabled);
        camera.offer(frame());
        camera.offer(frame());
        assert!(camera.take(Duration::ZERO).is_some());
        camera.offer(frame());
        camera.note_rejected(
            [(
                Reason::TooSmall,
                Rejected {
                    count: 3,
                    measured: Some((5.5, 8.0)),
                },
            )]
            .into_iter(),
        );
        camera.note_rejected(
            [(
                Reason::TooSmall,
                Rejected {
                    count: 4,
                    measured: Some((5.5, 8.0)),
                },
            )]
            .into_iter(),
        );
        let counts = camera.counts();
        assert_eq!(
            (counts.frames, counts.skipped, counts.rejected["too_small"]),
            (3, 1, 4)
        );
    }
}
