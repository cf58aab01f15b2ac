//! The live view's relay: one stream from an agent, any number of viewers.
//!
//! The first viewer of a camera makes the aggregator ask its agent for a stream, again every few seconds
//! until the agent's WebSocket is there. Each viewer sees the newest frame; a slow one skips frames and
//! delays nobody. Ten seconds after the last viewer has gone the agent's socket is closed. Nothing is stored.
//!
//! No input or output happens here: sockets are in `web/`, commands go out over `mqtt`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hadir_shared::id::{CameraId, EmployeeId};
use hadir_shared::live::{self, Frame, InvalidFrame};
use tokio::sync::{Notify, watch};

/// The agent is asked again after this time while its stream is not there.
pub const ASK_EVERY: Duration = Duration::from_secs(3);
/// Whoever is enrolled is asked for so often; the agent forgets it a little later.
const ENROL_EVERY: Duration = Duration::from_secs(5);
/// The stream goes on for this time after the last viewer has gone.
pub const LINGER: Duration = Duration::from_secs(10);
/// Without a frame for this time the view counts as stalled.
pub const STALLED_AFTER: Duration = Duration::from_secs(5);
/// The most viewers of one camera.
pub const MAX_VIEWERS: u32 = 100;

/// Every camera that is watched.
#[derive(Debug, Default)]
pub struct Hub {
    feeds: Mutex<HashMap<CameraId, Feed>>,
    streams: AtomicU64,
    changed: Notify,
}

/// What a viewer sees now.
#[derive(Clone, Debug, PartialEq)]
pub enum View {
    /// The agent was asked for its stream.
    Connecting,
    /// The newest frame.
    Frame(Arc<LiveFrame>),
    /// The stream is there, but no frame for a while.
    Stalled,
    /// The camera or its agent is not there; why, in a sentence.
    Offline(String),
}

/// A frame as the agent sent it, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveFrame {
    /// What is on it.
    pub frame: Frame,
    jpeg: Bytes,
}

#[derive(Debug)]
struct Feed {
    viewers: u32,
    /// Of the viewers, those who enrol somebody.
    enrolling: u32,
    enrol_asked_at: Option<Instant>,
    /// When the last viewer went, or the feed came into being; only while there is none.
    unwatched_since: Option<Instant>,
    /// The number of the agent's connection, to tell an old one that ends late from the new one.
    stream: Option<u64>,
    /// Newest frame, or the stream's beginning.
    fed_at: Instant,
    asked_at: Option<Instant>,
    view: watch::Sender<View>,
    /// The number of the connection that may go on.
    wanted: watch::Sender<Option<u64>>,
}

impl LiveFrame {
    /// Takes an agent's message apart.
    ///
    /// # Errors
    /// When it is no live frame.
    pub fn parse(message: &Bytes) -> Result<Self, InvalidFrame> {
        let (frame, jpeg) = live::decode(message)?;
        Ok(Self {
            frame,
            jpeg: message.slice_ref(jpeg),
        })
    }

    /// The message for one viewer: `name` gives the names of the employees whom they may see; of others
    /// nothing is left but the box. Only whoever enrols somebody is shown the face by itself.
    pub fn for_viewer(&self, purpose: Purpose, name: impl Fn(&EmployeeId) -> Option<String>) -> Vec<u8> {
        let mut frame = self.frame.clone();
        if purpose != Purpose::Enrol {
            frame.face = None;
        }
        for track in &mut frame.tracks {
            track.name = track.employee.as_ref().and_then(&name);
            if track.name.is_none() {
                track.employee = None;
                track.confidence = 0.0;
            }
        }
        live::encode(&frame, &self.jpeg)
    }
}

impl Hub {
    /// Begins to watch a camera; `None` when too many do already.
    pub fn watch(self: &Arc<Self>, camera: &CameraId, purpose: Purpose, now: Instant) -> Option<Viewing> {
        let mut feeds = self.lock();
        let feed = feeds.entry(camera.clone()).or_insert_with(|| Feed::new(now));
        if feed.viewers >= MAX_VIEWERS {
            return None;
        }
        feed.viewers += 1;
        feed.enrolling += u32::from(purpose == Purpose::Enrol);
        feed.unwatched_since = None;
        let mut view = feed.view.subscribe();
        view.mark_changed();
        drop(feeds);
        self.changed.notify_one();
        Some(Viewing {
            hub: self.clone(),
            camera: camera.clone(),
            purpose,
            view,
        })
    }

    /// An agent's stream begins; an older one of the same camera is told to end.
    pub fn stream(self: &Arc<Self>, camera: &CameraId, now: Instant) -> Stream {
        let mut feeds = self.lock();
        let feed = feeds.entry(camera.clone()).or_insert_with(|| Feed::new(now));
        let number = self.streams.fetch_add(1, Ordering::Relaxed);
        feed.stream = Some(number);
        feed.fed_at = now;
        feed.wanted.send_replace(Some(number));
        let wanted = feed.wanted.subscribe();
        Stream {
            hub: self.clone(),
            camera: camera.clone(),
            number,
            wanted,
        }
    }

    /// How many watch a camera.
    pub fn viewers(&self, camera: &CameraId) -> u32 {
        self.lock().get(camera).map_or(0, |feed| feed.viewers)
    }

    /// The cameras that somebody watches.
    pub fn watched(&self) -> Vec<CameraId> {
        self.lock()
            .iter()
            .filter(|(_, feed)| feed.viewers > 0)
            .map(|(camera, _)| camera.clone())
            .collect()
    }

    /// The cameras at which somebody is enrolled, whose agents are to be told so (again).
    pub fn enrolments(&self, now: Instant) -> Vec<CameraId> {
        let mut feeds = self.lock();
        let due = feeds.iter_mut().filter(|(_, feed)| {
            feed.enrolling > 0
                && feed
                    .enrol_asked_at
                    .is_none_or(|at| now.duration_since(at) >= ENROL_EVERY)
        });
        due.map(|(camera, feed)| {
            feed.enrol_asked_at = Some(now);
            camera.clone()
        })
        .collect()
    }

    /// Ends when somebody new watches, so that [`Self::tick`] can follow at once.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Does what is due; the cameras whose agents are to be asked for a stream. `problem` says why a camera
    /// cannot be seen at present, if it cannot. To be called about once a second.
    pub fn tick(&self, now: Instant, problem: impl Fn(&CameraId) -> Option<String>) -> Vec<CameraId> {
        let mut ask = Vec::new();
        self.lock().retain(|camera, feed| {
            if feed.is_over(now) {
                feed.wanted.send_replace(None);
                return false;
            }
            if feed.viewers == 0 {
                return true;
            }
            if feed.stream.is_some() {
                if now.duration_since(feed.fed_at) >= STALLED_AFTER {
                    feed.show(View::Stalled);
                }
            } else if let Some(problem) = problem(camera) {
                feed.show(View::Offline(problem));
            } else {
                feed.show(View::Connecting);
                if feed.asked_at.is_none_or(|at| now.duration_since(at) >= ASK_EVERY) {
                    feed.asked_at = Some(now);
                    ask.push(camera.clone());
                }
            }
            true
        });
        ask
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CameraId, Feed>> {
        // Each change of a feed is complete before anything can panic.
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed {
    fn new(now: Instant) -> Self {
        Self {
            viewers: 0,
            enrolling: 0,
            enrol_asked_at: None,
            unwatched_since: Some(now),
            stream: None,
            fed_at: now,
            asked_at: None,
            view: watch::Sender::new(View::Connecting),
            wanted: watch::Sender::new(None),
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        self.unwatched_since
            .is_some_and(|since| self.stream.is_none() || now.duration_since(since) >= LINGER)
    }

    fn show(&self, view: View) {
        self.view.send_if_modified(|shown| {
            let differs = *shown != view;
            *shown = view;
            differs
        });
    }
}

/// Somebody who watches a camera, until dropped.
#[derive(Debug)]
pub struct Viewing {
    hub: Arc<Hub>,
    camera: CameraId,
    purpose: Purpose,
    view: watch::Receiver<View>,
}

/// What somebody watches a camera for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To see who is there.
    Look,
    /// To enrol whoever stands before it.
    Enrol,
}

impl Viewing {
    /// Waits for something that was not seen yet, and gives the newest; frames between are skipped.
    /// `None` when the feed is no more.
    pub async fn next(&mut self) -> Option<View> {
        self.view.changed().await.ok()?;
        Some(self.view.borrow_and_update().clone())
    }
}

impl Drop for Viewing {
    fn drop(&mut self) {
        if let Some(feed) = self.hub.lock().get_mut(&self.camera) {
            feed.viewers -= 1;
            if self.purpose == Purpose::Enrol {
                feed.enrolling -= 1;
                feed.enrol_asked_at = None;
            }
            if feed.viewers == 0 {
                feed.unwatched_since = Some(Instant::now());
            }
        }
    }
}

/// An agent's stream, until dropped.
#[derive(Debug)]
pub struct Stream {
    hub: Arc<Hub>,
    camera: CameraId,
    number: u64,
    wanted: watch::Receiver<Option<u64>>,
}

impl Stream {
    /// Passes a frame on to whoever watches.
    pub fn push(&self, frame: LiveFrame, now: Instant) {
        if let Some(feed) = self.hub.lock().get_mut(&self.camera)
            && feed.stream == Some(self.number)
        {
            feed.fed_at = now;
            feed.view.send_replace(View::Frame(Arc::new(frame)));
        }
    }

    /// Ends when nobody watches any more or a newer stream took over.
    pub async fn unwanted(&mut self) {
        let number = self.number;
        // An error means that the feed is no more, which is unwanted too.
        let _ = self.wanted.wait_for(|wanted| *wanted != Some(number)).await;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(feed) = self.hub.lock().get_mut(&self.camera)
            && feed.stream == Some(self.number)
        {
            feed.stream = None;
            feed.asked_at = None;
            feed.show(View::Connecting);
            self.hub.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use hadir_shared::live::TrackBox;

    use super::*;

    fn camera() -> CameraId {
        CameraId::new("cam-1").expect("id")
    }

    fn frame(n: u32) -> LiveFrame {
        let track = |track, employee: Option<&str>| TrackBox {
            basis: hadir_shared::sighting::Basis::Face,
            track,
            bounds: [1.0, 2.0, 3.0, 4.0],
            employee: employee.map(|id| EmployeeId::new(id).expect("id")),
            name: Some("from the agent".into()),
            confidence: 0.9,
        };
        let frame = Frame {
            camera: camera(),
            at: hadir_shared::time::parse("2026-11-22T07:05:09.120Z").expect("time"),
            width: n,
            height: 360,
            fps: 9.5,
            tracks: vec![track(1, Some("EMP001")), track(2, Some("EMP002")), track(3, None)],
            face: Some("the face of a stranger".into()),
        };
        LiveFrame::parse(&live::encode(&frame, &[0xff, 0xd8, 7]).into()).expect("a frame")
    }

    fn width(view: Option<View>) -> u32 {
        match view {
            Some(View::Frame(frame)) => frame.frame.width,
            other => panic!("{other:?}"),
        }
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_agent_is_asked_until_its_stream_is_there() {
        let (hub, now) = (Arc::new(Hub::default()), Instant::now());
        assert!(hub.tick(now, |_| None).is_empty());
        let mut viewing = hub.watch(&camera(), Purpose::Look, now).expect("room");
        assert!(hub.changed().now_or_never().is_some(), "a first viewer is news");
        assert_eq!(viewing.next().now_or_never(), Some(Some(View::Connecting)));
        assert_eq!(hub.tick(now, |_| None), [camera()]);
        assert!(hub.tick(now + seconds(1), |_| None).is_empty());
        assert_eq!(hub.tick(now + seconds(3), |_| None), [camera()]);

        let stream = hub.stream(&camera(), now + seconds(4));
        assert!(hub.tick(now + seconds(7), |_| None).is_empty());
        stream.push(frame(1), now + seconds(8));
        assert_eq!(width(viewing.next().now_or_never().flatten()), 1);

        // A second viewer sees the newest frame at once and causes no second stream.
        let mut second = hub
            .watch(&camera(), Purpose::Look, now + seconds(9))
            .expect("room");
        assert_eq!(hub.viewers(&camera()), 2);
        assert_eq!(width(second.next().now_or_never().flatten()), 1);
        assert!(hub.tick(now + seconds(9), |_| None).is_empty());
    }

    #[test]
    fn a_slow_viewer_skips_frames() {
        let (hub, now) = (Arc::new(Hub::default()), Instant::now());
        let (mut slow, mut quick) = (
            hub.watch(&camera(), Purpose::Look, now).expect("room"),
            hub.watch(&camera(), Purpose::Look, now).expect("room"),
        );
        let stream = hub.stream(&camera(), now);
        for n in 1..=3 {
            stream.push(frame(n), now);
            assert_eq!(width(quick.next().now_or_never().flatten()), n);
        }
        assert_eq!(width(slow.next().now_or_never().flatten()), 3);
        assert!(slow.next().now_or_never().is_none(), "nothing newer");
    }

    #[test]
    fn states_are_told() {
        let (hub, now) = (Arc::new(Hub::default()), Instant::now());
        let mut viewing = hub.watch(&camera(), Purpose::Look, now).expect("room");
        assert!(hub.tick(now, |_| Some("The device is off.".into())).is_empty());
        assert_eq!(
            viewing.next().now_or_never(),
            Some(Some(View::Offline("The device is off.".into())))
        );
        let stream = hub.stream(&camera(), now);
        stream.push(frame(1), now);
        assert_eq!(width(viewing.next().now_or_never().flatten()), 1);
        hub.tick(now + seconds(5), |_| None);
        assert_eq!(viewing.next().now_or_never(), Some(Some(View::Stalled)));
        stream.push(frame(2), now + seconds(6));
        assert_eq!(width(viewing.next().now_or_never().flatten()), 2);
        drop(stream);
        assert_eq!(viewing.next().now_or_never(), Some(Some(View::Connecting)));
        assert_eq!(
            hub.tick(now + seconds(6), |_| None),
            [camera()],
            "asked again at once"
        );
    }

    #[test]
    fn the_stream_ends_ten_seconds_after_the_last_viewer() {
        let hub = Arc::new(Hub::default());
        let viewing = hub.watch(&camera(), Purpose::Look, Instant::now()).expect("room");
        let mut stream = hub.stream(&camera(), Instant::now());
        drop(viewing);
        let gone = Instant::now();
        hub.tick(gone + seconds(8), |_| None);
        assert!(stream.unwanted().now_or_never().is_none(), "it lingers");
        hub.tick(gone + seconds(10), |_| None);
        assert!(stream.unwanted().now_or_never().is_some());
        assert_eq!(hub.viewers(&camera()), 0);
    }

    #[test]
    fn a_newer_stream_takes_over() {
        let (hub, now) = (Arc::new(Hub::default()), Instant::now());
        let mut viewing = hub.watch(&camera(), Purpose::Look, now).expect("room");
        let mut old = hub.stream(&camera(), now);
        let mut new = hub.stream(&camera(), now);
        assert!(old.unwanted().now_or_never().is_some() && new.unwanted().now_or_never().is_none());
        old.push(frame(1), now);
        new.push(frame(2), now);
        drop(old);
        assert_eq!(width(viewing.next().now_or_never().flatten()), 2);
        assert!(hub.tick(now, |_| None).is_empty());
    }

    #[test]
    fn names_are_for_those_who_may_see_them() {
        let only_first = |id: &EmployeeId| (id.as_str() == "EMP001").then(|| "Lee Min".to_owned());
        let message = frame(1).for_viewer(Purpose::Look, only_first);
        let (seen, jpeg) = live::decode(&message).expect("a frame");
        assert_eq!(jpeg, [0xff, 0xd8, 7]);
        let named: Vec<_> = seen
            .tracks
            .iter()
            .map(|t| (t.employee.is_some(), t.name.as_deref()))
            .collect();
        assert_eq!(named, [(true, Some("Lee Min")), (false, None), (false, None)]);
        assert!(!String::from_utf8_lossy(&message).contains("EMP002"));
        assert_eq!(seen.face, None);
        let enrolling = frame(1).for_viewer(Purpose::Enrol, only_first);
        let (seen, _) = live::decode(&enrolling).expect("a frame");
        assert_eq!(seen.face.as_deref(), Some("the face of a stranger"));
    }

    #[test]
    fn agents_are_asked_while_somebody_is_enrolled() {
        let (hub, now) = (Arc::new(Hub::default()), Instant::now());
        let _look = hub.watch(&camera(), Purpose::Look, now).expect("room");
        assert!(hub.enrolments(now).is_empty());
        let enrolling = hub.watch(&camera(), Purpose::Enrol, now).expect("room");
        assert_eq!(hub.enrolments(now), [camera()]);
        assert!(hub.enrolments(now + seconds(4)).is_empty());
        assert_eq!(hub.enrolments(now + seconds(5)), [camera()]);
        drop(enrolling);
        assert!(hub.enrolments(now + seconds(60)).is_empty());
    }

    #[test]
    fn the_number_of_viewers_is_bounded() {
        let (hub, now) = (Arc::new(Hub::default()), Instant::now());
        let all: Vec<_> = (0..MAX_VIEWERS)
            .map(|_| hub.watch(&camera(), Purpose::Look, now).expect("room"))
            .collect();
        assert!(hub.watch(&camera(), Purpose::Look, now).is_none());
        drop(all);
        assert!(hub.watch(&camera(), Purpose::Look, now).is_some());
    }
}
