//! A place for one item, the latest: what was not taken in time is replaced.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A slot that holds the latest item only.
#[derive(Debug)]
pub(crate) struct Latest<T> {
    slot: Mutex<Slot<T>>,
    filled: Condvar,
}

#[derive(Debug)]
struct Slot<T> {
    item: Option<T>,
    /// Since when it was never empty.
    since: Option<Instant>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self {
            slot: Mutex::new(Slot {
                item: None,
                since: None,
            }),
            filled: Condvar::new(),
        }
    }
}

impl<T> Latest<T> {
    /// Puts an item in; gives back the one that nobody took.
    pub(crate) fn put(&self, item: T) -> Option<T> {
        let mut slot = self.lock();
        slot.since.get_or_insert_with(Instant::now);
        let skipped = slot.item.replace(item);
        drop(slot);
        self.filled.notify_one();
        skipped
    }

    /// Takes the item, waiting for one for at most `timeout`.
    pub(crate) fn take(&self, timeout: Duration) -> Option<T> {
        let until = Instant::now() + timeout;
        let mut slot = self.lock();
        loop {
            if let Some(item) = slot.item.take() {
                slot.since = None;
                return Some(item);
            }
            let left = until.checked_duration_since(Instant::now())?;
            slot = self
                .filled
                .wait_timeout(slot, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// For how long items have been waiting without one being taken.
    pub(crate) fn waiting(&self, now: Instant) -> Option<Duration> {
        self.lock()
            .since
            .map(|since| now.saturating_duration_since(since))
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        // Whole items only are put in, so what a poisoned lock guards is whole too.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_latest_and_tells_what_was_skipped() {
        let latest = Latest::default();
        let start = Instant::now();
        let waits = |latest: &Latest<i32>| {
            let long = latest.waiting(start + Duration::from_secs(60));
            long.is_some_and(|long| long > Duration::from_secs(50))
        };
        assert!(!waits(&latest));
        assert_eq!(latest.put(1), None);
        assert_eq!(latest.put(2), Some(1));
        assert!(waits(&latest));
        assert_eq!(latest.take(Duration::ZERO), Some(2));
        assert!(!waits(&latest));
        assert_eq!(latest.take(Duration::from_millis(5)), None);
    }

    #[test]
    fn a_waiting_taker_is_woken() {
        let latest = std::sync::Arc::new(Latest::default());
        let taker = std::thread::spawn({
            let latest = latest.clone();
            move || latest.take(Duration::from_secs(10))
        });
        latest.put(7);
        assert_eq!(taker.join().expect("no panic"), Some(7));
    }
}
