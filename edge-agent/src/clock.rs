//! Times that were noted while the device's clock was wrong.
//!
//! A device without a battery for its clock starts with a time that is hours or years off, until the network sets it.
//! What it saw meanwhile is not lost: every sighting is stored with how far the clock was ahead of the time since the
//! machine started, which no setting of the clock changes. When the clock is set, or when the aggregator says that it
//! is wrong and nobody sets it, the difference tells by how much the noted times have to be moved. A device that was
//! switched off before that leaves times that nobody can correct; they go out as they are.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// A clock that agrees with the aggregator's to this is right; the aggregator's answer is good to about a second.
const AGREES: TimeDelta = TimeDelta::seconds(5);
/// A clock that is kept right is nudged by less than this.
pub(crate) const NUDGED: TimeDelta = TimeDelta::seconds(2);
/// So long after the machine has started its clock must have been set, if anybody sets it.
const SET_BY: TimeDelta = TimeDelta::minutes(5);

/// The device's clock, against the time since the machine started.
#[derive(Debug, Default)]
pub(crate) struct DeviceClock {
    /// What the aggregator's clock was ahead of the time since the start, when it last answered.
    aggregator: Mutex<Option<TimeDelta>>,
    /// Which start of the machine; asked for once, because a reading is taken with every frame.
    boot: OnceLock<Option<Arc<str>>>,
}

/// A moment, as the machine knows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Which start of the machine.
    pub(crate) boot: Arc<str>,
    /// How far the device's clock is ahead of the time since that start.
    pub(crate) ahead: TimeDelta,
    /// And how far a clock that is right is ahead of it, as far as is known.
    pub(crate) right: TimeDelta,
    /// The aggregator's clock agrees with the device's: what is noted now needs no correction later.
    pub(crate) confirmed: bool,
}

impl Reading {
    /// Whether the device's clock has been set since this earlier reading.
    pub(crate) fn stepped_since(&self, before: &Self) -> bool {
        before.boot != self.boot || (self.ahead - before.ahead).abs() > NUDGED
    }
}

impl DeviceClock {
    /// The aggregator has said what time it has.
    pub(crate) fn heard(&self, aggregator: DateTime<Utc>) {
        let ahead = since_start().map(|since| aggregator.signed_duration_since(DateTime::UNIX_EPOCH) - since);
        *self.aggregator() = ahead;
    }

    /// The device's clock minus the aggregator's, to about a second, if that is known.
    pub(crate) fn offset(&self) -> Option<TimeDelta> {
        Some(ahead()? - (*self.aggregator())?)
    }

    /// The time, by the aggregator's clock where the device's is wrong.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let wrong = self.offset().filter(|offset| offset.abs() > AGREES);
        Utc::now() - wrong.unwrap_or_default()
    }

    /// What is noted with a sighting, and compared with what was noted. `None` where the machine does not tell when
    /// it started.
    pub(crate) fn read(&self) -> Option<Reading> {
        let boot = self.boot.get_or_init(|| {
            let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
            Some(Arc::from(id.trim()))
        });
        let ahead = ahead()?;
        let aggregator = *self.aggregator();
        Some(Reading {
            boot: boot.clone()?,
            ahead,
            right: right(ahead, aggregator),
            confirmed: aggregator.is_some_and(|aggregator| (aggregator - ahead).abs() <= AGREES),
        })
    }

    /// Whether the clock may be wrong without anybody having said so: then sightings wait a little.
    pub(crate) fn may_be_unset(&self) -> bool {
        self.aggregator().is_none() && since_start().is_some_and(|since| since < SET_BY)
    }

    fn aggregator(&self) -> std::sync::MutexGuard<'_, Option<TimeDelta>> {
        self.aggregator.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The device's clock is believed as long as the aggregator's agrees.
fn right(device: TimeDelta, aggregator: Option<TimeDelta>) -> TimeDelta {
    aggregator
        .filter(|aggregator| (*aggregator - device).abs() > AGREES)
        .unwrap_or(device)
}

fn ahead() -> Option<TimeDelta> {
    let since = since_start()?;
    Some(Utc::now().signed_duration_since(DateTime::UNIX_EPOCH) - since)
}

/// The time since the machine started, sleep included.
fn since_start() -> Option<TimeDelta> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    parse_uptime(&text)
}

/// `"23412.53 46123.11"`: seconds since the start, and seconds that all processors were idle.
fn parse_uptime(text: &str) -> Option<TimeDelta> {
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    (0.0..1e10)
        .contains(&seconds)
        .then(|| TimeDelta::milliseconds((seconds * 1000.0) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_believed_unless_the_aggregators_is_far_from_it() {
        let s = TimeDelta::seconds;
        assert_eq!(right(s(1000), None), s(1000));
        assert_eq!(right(s(1000), Some(s(1004))), s(1000));
        assert_eq!(right(s(1000), Some(s(4600))), s(4600));
        assert_eq!(right(s(1000), Some(s(900))), s(900));
    }

    #[test]
    fn the_time_since_the_start_is_read() {
        assert_eq!(parse_uptime("12.34 5.6\n"), Some(TimeDelta::milliseconds(12_340)));
        for text in ["", "x 1", "-3 1", "NaN 1", "1e300 1"] {
            assert_eq!(parse_uptime(text), None, "{text}");
        }
    }

    #[test]
    fn the_offset_is_of_now() {
        let clock = DeviceClock::default();
        assert_eq!(clock.offset(), None);
        clock.heard(Utc::now() + TimeDelta::hours(1));
        let offset = clock.offset().expect("heard");
        assert!(
            (offset + TimeDelta::hours(1)).abs() < TimeDelta::seconds(2),
            "{offset}"
        );
        let reading = clock.read().expect("Linux tells");
        assert!((reading.right - reading.ahead - TimeDelta::hours(1)).abs() < TimeDelta::seconds(2));
        assert!(!reading.boot.is_empty() && !reading.confirmed && !clock.may_be_unset());
        clock.heard(Utc::now());
        let after = clock.read().expect("Linux tells");
        assert!(after.confirmed && after.right == after.ahead && !after.stepped_since(&reading));
    }
}
