//! What systemd is told: that the agent is ready, that it stops, and again and again that it works.
//!
//! The watchdog is fed only while every camera's recognition and the uplink with its outbox go round. A camera or a
//! broker that is away is no reason to be restarted; an agent that hangs is, and so is an outbox that cannot be written
//! for minutes: whatever waits in memory is lost then, but nothing says that it would ever come to the disk.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::sync::watch;

use crate::cameras::Cameras;
use crate::capture;
use crate::outbox::Outbox;

/// The uplink's loop goes round every second.
const STANDS_STILL: Duration = Duration::from_secs(20);
/// An outbox that cannot be written for so long stands still, too: a disk that fills up may be cleared meanwhile.
const UNWRITTEN_FOR: Duration = Duration::from_secs(300);

/// A USB camera's thread that should have ended has hung for so long.
const HUNG_FOR: Duration = Duration::from_secs(60);

/// When something was last seen to work.
#[derive(Debug)]
pub(crate) struct Pulse(Mutex<Instant>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Pulse {
    /// It works at `now`.
    pub(crate) fn beat(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Whether it was last seen to work before `age`.
    pub(crate) fn is_older(&self, now: Instant, age: Duration) -> bool {
        now.duration_since(*self.0.lock().unwrap_or_else(PoisonError::into_inner)) > age
    }
}

/// Tells systemd, if it started the agent. Elsewhere nobody listens, which is no failure.
fn tell(state: NotifyState<'_>) {
    if let Err(e) = sd_notify::notify(&[state]) {
        tracing::debug!("systemd could not be told: {e}");
    }
}

/// Tells systemd that the agent works, and feeds its watchdog until `stop` turns true; then that it stops.
pub(crate) async fn watch(
    cameras: &Cameras,
    outbox: &Outbox,
    uplink: &Pulse,
    mut stop: watch::Receiver<bool>,
) {
    tell(NotifyState::Ready);
    // Twice as often as systemd's manual page recommends, so that one bad moment is no restart.
    let every = sd_notify::watchdog_enabled().map_or(Duration::from_secs(10), |limit| limit / 4);
    let mut told = None;
    loop {
        let hangs = what_hangs(cameras, outbox, uplink);
        if hangs.is_none() {
            tell(NotifyState::Watchdog);
        }
        if hangs != told {
            if let Some(what) = &hangs {
                tracing::error!("{what}; if systemd watches, it restarts the agent");
            }
            told = hangs;
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = stop.changed() => break,
        }
    }
    tell(NotifyState::Stopping);
}

fn what_hangs(cameras: &Cameras, outbox: &Outbox, uplink: &Pulse) -> Option<String> {
    let now = Instant::now();
    if let Some(camera) = cameras.stuck(now) {
        return Some(format!("recognition of {camera} stands still"));
    }
    if let Some(number) = capture::hung_usb_camera(now, HUNG_FOR) {
        return Some(format!(
            "the USB camera /dev/video{number} hangs, and is not let go"
        ));
    }
    if uplink.is_older(now, STANDS_STILL) {
        return Some("the uplink stands still".into());
    }
    if let Some((why, since)) = outbox.problem()
        && since > UNWRITTEN_FOR
    {
        return Some(why);
    }
    outbox.depth_and_dropped().err().map(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_grows_old() {
        let pulse = Pulse::default();
        let now = Instant::now();
        pulse.beat(now);
        assert!(!pulse.is_older(now + Duration::from_secs(20), STANDS_STILL));
        assert!(pulse.is_older(now + Duration::from_secs(21), STANDS_STILL));
        pulse.beat(now + Duration::from_secs(30));
        assert!(!pulse.is_older(now + Duration::from_secs(31), STANDS_STILL));
    }
}
