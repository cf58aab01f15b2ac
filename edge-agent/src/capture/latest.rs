//! A place for one item, the latest: what was not taken in time is replaced.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A slot that holds the latest item only.
#[derive(Debug)]
pub(crate) struct Latest<T> {
    slot: Mutex<Option<T>>,
    filled: Condvar,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self {
            slot: Mutex::new(None),
            filled: Condvar::new(),
        }
    }
}

impl<T> Latest<T> {
    /// Puts an item in; gives back the one that nobody took.
    pub(crate) fn put(&self, item: T) -> Option<T> {
        let skipped = self.lock().replace(item);
        self.filled.notify_one();
        skipped
    }

    /// Takes the item, waiting for one for at most `timeout`.
    pub(crate) fn take(&self, timeout: Duration) -> Option<T> {
        let until = Instant::now() + timeout;
        let mut slot = self.lock();
        loop {
            if let Some(item) = slot.take() {
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

    /// Whether an item waits.
    pub(crate) fn is_filled(&self) -> bool {
        self.lock().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
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
        assert_eq!(latest.put(1), None);
        assert_eq!(latest.put(2), Some(1));
        assert_eq!(latest.take(Duration::ZERO), Some(2));
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
