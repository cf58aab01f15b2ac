//! A USB badge reader beside a camera: a keyboard that types a badge's number and ends it with Enter.
//!
//! It is read through the kernel's input device, which nobody else gets to see meanwhile: what it types reaches no
//! console. A badge of somebody in the gallery becomes a sighting at its camera, with the method `rfid`; any other is
//! counted and leaves nothing else. The reader may be pulled out and plugged in again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use evdev::{Device, EventStream, EventSummary, KeyCode};
use hadir_models::model::EMBEDDER;
use hadir_shared::id::{CameraId, EmployeeId};
use hadir_shared::sighting::{Basis, Method, Phase};
use hadir_shared::status::CameraMode;
use tokio::sync::{Notify, watch};

use crate::camera::Camera;
use crate::gallery::GalleryStore;
use crate::outbox::{Draft, Outbox};
use crate::pipeline::people::People;

/// A reader that is not there is looked for again after so long.
const RETRY_AFTER: Duration = Duration::from_secs(3);
/// The same badge within this time was held there once.
const ONCE: TimeDelta = TimeDelta::seconds(3);
/// A reader types at once; what comes later than this belongs to another badge.
const TYPED_WITHIN: TimeDelta = TimeDelta::milliseconds(1000);
/// The longest number that a badge has.
const LONGEST: usize = 64;

/// What a reader's badges become.
pub(crate) struct BadgeReader {
    /// Beside which camera it is.
    pub(crate) camera: Arc<Camera>,
    /// Whose badges are known.
    pub(crate) gallery: Arc<GalleryStore>,
    /// Where sightings go.
    pub(crate) outbox: Arc<Outbox>,
    /// Rung when something went there.
    pub(crate) appended: Arc<Notify>,
}

impl BadgeReader {
    /// Reads from this input device until `stop` turns true.
    pub(crate) async fn run(self, device: &Path, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.read_on(device) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn read_on(&self, device: &Path) {
        let camera = &self.camera.config().id;
        let mut told = None;
        loop {
            let problem = match open(device) {
                Ok(mut events) => {
                    told = None;
                    tracing::info!(%camera, reader = %device.display(), "badge reader is read");
                    self.read(&mut events).await
                }
                Err(e) => e,
            };
            let problem = problem.to_string();
            if told.as_ref() != Some(&problem) {
                tracing::warn!(%camera, reader = %device.display(),
                    "the badge reader cannot be read ({problem}): plug it in, and let the agent's user read it (group `input`)");
                told = Some(problem);
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// Gives why it cannot be read any more.
    async fn read(&self, events: &mut EventStream) -> std::io::Error {
        let mut typed = Typed::default();
        let mut last: Option<(String, DateTime<Utc>)> = None;
        loop {
            let event = match events.next_event().await {
                Ok(event) => event,
                Err(e) => return e,
            };
            let EventSummary::Key(_, key, 1) = event.destructure() else {
                continue;
            };
            let now = Utc::now();
            let Some(code) = typed.press(key, now) else {
                continue;
            };
            let again = last.as_ref().is_some_and(|(known, at)| {
                *known == code && (TimeDelta::zero()..ONCE).contains(&(now - *at))
            });
            if !again {
                self.scanned(&code, now);
            }
            last = Some((code, now));
        }
    }

    fn scanned(&self, code: &str, now: DateTime<Utc>) {
        // `count` names nobody, and `off` notes nothing.
        if self.camera.mode() != CameraMode::Recognise {
            return;
        }
        let Some(drafts) = drafts(&self.gallery.people(), code, &self.camera.config().id, now) else {
            self.camera.note_unknown_badge();
            return;
        };
        // What cannot be written waits in the outbox's memory, which tells of it.
        let reading = self.outbox.clock();
        if self.outbox.append(&drafts, reading.as_ref(), now).is_ok() {
            self.appended.notify_one();
        }
    }
}

/// A badge that was held to the reader, as sightings; `None` if it is nobody's.
fn drafts(people: &People, code: &str, camera: &CameraId, now: DateTime<Utc>) -> Option<[Draft; 2]> {
    let person = people.of_badge(code)?;
    let employee = EmployeeId::new(&*person).ok()?;
    Some([Phase::Began, Phase::Ended].map(|phase| Draft {
        phase,
        employee: employee.clone(),
        camera: camera.clone(),
        method: Method::Rfid,
        track: now.timestamp_millis().unsigned_abs(),
        first_at: now,
        last_at: now,
        basis: Basis::Face,
        verified_at: None,
        confidence: 1.0,
        model: EMBEDDER.id.into(),
    }))
}

fn open(device: &Path) -> std::io::Result<EventStream> {
    let mut device = Device::open(device)?;
    device.grab()?;
    device.into_event_stream()
}

/// What was typed so far.
#[derive(Debug, Default)]
struct Typed {
    text: String,
    last_at: Option<DateTime<Utc>>,
}

impl Typed {
    /// Takes a key in; gives the number that it ends.
    fn press(&mut self, key: KeyCode, now: DateTime<Utc>) -> Option<String> {
        let late = self
            .last_at
            .is_some_and(|at| !(TimeDelta::zero()..=TYPED_WITHIN).contains(&(now - at)));
        if late {
            self.text.clear();
        }
        self.last_at = Some(now);
        if matches!(key, KeyCode::KEY_ENTER | KeyCode::KEY_KPENTER) {
            let text = std::mem::take(&mut self.text);
            return (1..=LONGEST).contains(&text.len()).then_some(text);
        }
        // One too long is remembered as such, and not as what its end would be.
        if let Some(character) = character(key).filter(|_| self.text.len() <= LONGEST) {
            self.text.push(character);
        }
        None
    }
}

/// What readers type: digits and, for hexadecimal numbers, letters, which are told in capitals.
fn character(key: KeyCode) -> Option<char> {
    const LETTERS: [(KeyCode, char); 6] = [
        (KeyCode::KEY_A, 'A'),
        (KeyCode::KEY_B, 'B'),
        (KeyCode::KEY_C, 'C'),
        (KeyCode::KEY_D, 'D'),
        (KeyCode::KEY_E, 'E'),
        (KeyCode::KEY_F, 'F'),
    ];
    const DIGITS: [[KeyCode; 2]; 10] = [
        [KeyCode::KEY_0, KeyCode::KEY_KP0],
        [KeyCode::KEY_1, KeyCode::KEY_KP1],
        [KeyCode::KEY_2, KeyCode::KEY_KP2],
        [KeyCode::KEY_3, KeyCode::KEY_KP3],
        [KeyCode::KEY_4, KeyCode::KEY_KP4],
        [KeyCode::KEY_5, KeyCode::KEY_KP5],
        [KeyCode::KEY_6, KeyCode::KEY_KP6],
        [KeyCode::KEY_7, KeyCode::KEY_KP7],
        [KeyCode::KEY_8, KeyCode::KEY_KP8],
        [KeyCode::KEY_9, KeyCode::KEY_KP9],
    ];
    let digit = (0u8..).zip(DIGITS).find(|(_, keys)| keys.contains(&key));
    digit.map(|(digit, _)| char::from(b'0' + digit)).or_else(|| {
        LETTERS
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, letter)| *letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
    }

    #[test]
    fn a_number_ends_with_enter() {
        let mut typed = Typed::default();
        let keys = [
            KeyCode::KEY_0,
            KeyCode::KEY_KP7,
            KeyCode::KEY_LEFTSHIFT,
            KeyCode::KEY_C,
        ];
        for (i, key) in (0..).zip(keys) {
            assert_eq!(typed.press(key, at(10 * i)), None);
        }
        assert_eq!(typed.press(KeyCode::KEY_ENTER, at(60)), Some("07C".into()));
        assert_eq!(
            typed.press(KeyCode::KEY_KPENTER, at(70)),
            None,
            "nothing was typed"
        );
    }

    #[test]
    fn what_was_left_unfinished_is_no_part_of_the_next() {
        let mut typed = Typed::default();
        typed.press(KeyCode::KEY_9, at(0));
        typed.press(KeyCode::KEY_1, at(5000));
        assert_eq!(typed.press(KeyCode::KEY_ENTER, at(5010)), Some("1".into()));
        for i in 0..1000 {
            typed.press(KeyCode::KEY_5, at(6000 + i));
        }
        assert_eq!(typed.press(KeyCode::KEY_ENTER, at(7001)), None, "too long");
        typed.press(KeyCode::KEY_2, at(7010));
        assert_eq!(typed.press(KeyCode::KEY_ENTER, at(7020)), Some("2".into()));
    }

    #[test]
    fn a_known_badge_is_a_sighting_that_begins_and_ends() {
        let people = People::default().with_badges([("0741".to_owned(), "EMP007".into())]);
        let camera = CameraId::new("cam-1").expect("id");
        assert_eq!(drafts(&people, "741", &camera, at(0)), None);
        let drafts = drafts(&people, "0741", &camera, at(1234)).expect("known");
        assert_eq!(drafts.each_ref().map(|d| d.phase), [Phase::Began, Phase::Ended]);
        for draft in drafts {
            assert_eq!((draft.employee.as_str(), draft.method), ("EMP007", Method::Rfid));
            assert_eq!(
                (draft.first_at, draft.last_at, draft.track),
                (at(1234), at(1234), 1234)
            );
        }
    }

    #[test]
    fn a_reader_that_is_not_there_is_told() {
        assert!(open(Path::new("/dev/input/by-id/none")).is_err());
    }
}
