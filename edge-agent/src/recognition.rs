//! Recognition on one camera, on a thread of its own, and the turns that these threads take.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use hadir_models::model::EMBEDDER;
use hadir_shared::id::{CameraId, EmployeeId};
use hadir_shared::sighting::Basis;
use hadir_shared::status::CameraMode;
use tokio::sync::{Notify, watch};

use crate::camera::Camera;
use crate::clock::Reading;
use crate::gallery::GalleryStore;
use crate::handover::Handover;
use crate::live::LiveShot;
use crate::outbox::{Draft, Outbox};
use crate::pipeline::{Event, Look, Outcome, Pace, Pipeline};
use crate::watchdog::Pulse;

/// A recognition thread looks up this often when no frame comes, to end tracks and see changes of the gallery.
const LOOK_UP_EVERY: Duration = Duration::from_millis(500);

/// Whom the other cameras saw is asked this often.
const EXPECTED_EVERY: Duration = Duration::from_secs(1);

/// How many recognition threads infer at the same time, one after the other in the order in which they came: without
/// that order a thread with the next frame at hand would be faster than one that has to be woken, every time.
pub(crate) struct Turns {
    tickets: Mutex<Tickets>,
    freed: Condvar,
}

struct Tickets {
    /// The next one that is given.
    next: u64,
    /// Those before this one may work.
    called: u64,
}

impl Turns {
    /// So many at once; at least one.
    pub(crate) fn new(count: usize) -> Self {
        Self {
            tickets: Mutex::new(Tickets {
                next: 0,
                called: count.max(1) as u64,
            }),
            freed: Condvar::new(),
        }
    }

    /// Does the work when it is its turn.
    fn take<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Gives the turn back even if the work panics.
        struct Turn<'a>(&'a Turns);
        impl Drop for Turn<'_> {
            fn drop(&mut self) {
                self.0.lock().called += 1;
                self.0.freed.notify_all();
            }
        }
        let mut tickets = self.lock();
        let mine = tickets.next;
        tickets.next += 1;
        let waited = self.freed.wait_while(tickets, |tickets| tickets.called <= mine);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        let _turn = Turn(self);
        work()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Recognition on one camera.
pub(crate) struct Recognition {
    /// Whose frames are recognised.
    pub(crate) camera: Arc<Camera>,
    /// Against whom.
    pub(crate) gallery: Arc<GalleryStore>,
    /// Where sightings go.
    pub(crate) outbox: Arc<Outbox>,
    /// Rung when something went there.
    pub(crate) appended: Arc<Notify>,
    /// Shared by all cameras.
    pub(crate) turns: Arc<Turns>,
    /// Shared by all cameras, too.
    pub(crate) handover: Arc<Handover>,
    /// Told at every turn of its loop.
    pub(crate) pulse: Arc<Pulse>,
    /// Turns true at the end.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Recognition {
    /// Runs until told to stop. Blocks, so it needs a thread of its own.
    pub(crate) fn run(self, mut pipeline: Pipeline) {
        let mut failing = false;
        let mut asked_at = None;
        let mut reading = self.outbox.clock();
        while !*self.stop.borrow() {
            self.pulse.beat(Instant::now());
            let frame = self.camera.take(LOOK_UP_EVERY);
            let people = self.gallery.people();
            pipeline.set_people(&people);
            let id = &self.camera.config().id;
            if asked_at.is_none_or(|at: Instant| at.elapsed() >= EXPECTED_EVERY) {
                asked_at = Some(Instant::now());
                pipeline.expect(self.handover.expected(id, &people, Utc::now()));
            }
            let mode = self.camera.mode();
            let clock = self.outbox.clock();
            let stepped = clock
                .as_ref()
                .zip(reading.as_ref())
                .is_some_and(|(now, before)| now.stepped_since(before));
            if stepped {
                // What was seen by the old clock ends by it. Of which clock the frame's time is, nobody knows.
                self.report(pipeline.finish(mode), reading.as_ref());
                if let Some(frame) = frame {
                    self.camera.give_back(frame.pixels);
                }
                reading = clock;
                continue;
            }
            reading = clock;
            let Some(frame) = frame.filter(|_| mode != CameraMode::Off) else {
                self.report(pipeline.idle(mode, Utc::now()), reading.as_ref());
                continue;
            };
            let watched = self.camera.is_watched();
            let pace = if watched { Pace::Every } else { Pace::Sparing };
            match self
                .turns
                .take(|| pipeline.step(&frame.pixels, mode, pace, frame.at))
            {
                Ok(mut outcome) => {
                    failing = false;
                    let now = Instant::now();
                    self.camera.note_recognised(now);
                    self.camera.note_rejected(pipeline.rejected());
                    if let Some(people) = outcome.people {
                        self.camera.note_people(people, now);
                    }
                    // Where faces are in a frame that was spared is not known, so it is not shown.
                    if watched && outcome.look != Look::Spared {
                        self.camera.show(LiveShot {
                            pixels: frame.pixels.clone(),
                            at: frame.at,
                            fps: self.camera.fps(now),
                            tracks: std::mem::take(&mut outcome.tracks),
                            faces: std::mem::take(&mut outcome.faces),
                            heads: std::mem::take(&mut outcome.heads),
                        });
                    }
                    self.handover
                        .note(id, std::mem::take(&mut outcome.known), frame.at);
                    self.report(outcome, reading.as_ref());
                }
                Err(e) => {
                    if !failing {
                        tracing::error!(camera = %self.camera.config().id, "a frame could not be recognised: {e}");
                    }
                    failing = true;
                }
            }
            self.camera.give_back(frame.pixels);
        }
        self.report(pipeline.finish(self.camera.mode()), reading.as_ref());
    }

    fn report(&self, outcome: Outcome, reading: Option<&Reading>) {
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
        // What cannot be written waits in the outbox's memory, which tells of it.
        if self.outbox.append(&drafts, reading, Utc::now()).is_ok() {
            self.appended.notify_one();
        }
    }
}

fn draft(event: Event, camera: &CameraId) -> Option<Draft> {
    Some(Draft {
        phase: event.phase,
        // The gallery's people are employees, so this is always an id.
        employee: EmployeeId::new(&*event.person).ok()?,
        camera: camera.clone(),
        method: event.method,
        track: event.track,
        first_at: event.first_at,
        last_at: event.last_at,
        basis: event.basis,
        verified_at: (event.basis == Basis::Body).then_some(event.verified_at),
        confidence: event.confidence,
        model: EMBEDDER.id.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

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

    #[test]
    fn nobody_waits_while_others_go_twice() {
        let turns = Turns::new(1);
        let order = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for name in 0..3 {
                let (turns, order) = (&turns, &order);
                scope.spawn(move || {
                    for _ in 0..20 {
                        turns.take(|| {
                            order.lock().expect("no panic").push(name);
                            std::thread::sleep(Duration::from_millis(2));
                        });
                    }
                });
            }
        });
        let order = order.into_inner().expect("no panic");
        // Once all three are there, and until the first has finished.
        let middle = &order[10..50];
        assert!(
            middle
                .windows(3)
                .all(|three| three[0] != three[1] && three[1] != three[2] && three[0] != three[2]),
            "{order:?}"
        );
    }
}
