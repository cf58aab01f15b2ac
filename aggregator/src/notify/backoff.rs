//! How long to wait before a message is tried again, and when to give up. Pure.

use chrono::TimeDelta;

/// After so many tries a message is given up.
pub const MAX_ATTEMPTS: u32 = 12;

/// A message older than this helps nobody any more.
pub const MAX_AGE: TimeDelta = TimeDelta::hours(6);

/// Without an answer from the provider, so long is waited for its word by webhook before the message is sent
/// again. The Cloud API has no idempotency key: an answer that was lost can cost a message sent twice.
pub const UNCERTAIN_WAIT: TimeDelta = TimeDelta::seconds(60);

/// Before the try after `attempts` failed ones (at least 1): 5 s, doubled each time up to 10 minutes, give or
/// take a fifth. `jitter` is any random number.
pub fn retry(attempts: u32, jitter: u32) -> TimeDelta {
    spread((5_000 << attempts.saturating_sub(1).min(8)).min(600_000), jitter)
}

/// After "too many to this recipient": 4 to the power of the number of tries, in seconds, as Meta advises; at
/// most an hour.
pub fn pair_rate(attempts: u32, jitter: u32) -> TimeDelta {
    spread((1_000 << (2 * attempts.clamp(1, 6))).min(3_600_000), jitter)
}

/// After "too many": 10 s, doubled each time up to 10 minutes.
pub fn throughput(times: u32, jitter: u32) -> TimeDelta {
    spread((10_000 << times.saturating_sub(1).min(8)).min(600_000), jitter)
}

fn spread(ms: i64, jitter: u32) -> TimeDelta {
    TimeDelta::milliseconds(ms * 4 / 5 + ms * 2 / 5 * i64::from(jitter >> 16) / 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_ends() {
        for (attempts, seconds) in [(0, 5), (1, 5), (2, 10), (3, 20), (7, 320), (8, 600), (1000, 600)] {
            let (least, most) = (retry(attempts, 0), retry(attempts, u32::MAX));
            assert_eq!((least + most).num_milliseconds(), 2000 * seconds, "{attempts}");
        }
        assert_eq!(retry(1, 0).num_milliseconds(), 4000);
        assert_eq!(retry(1, u32::MAX).num_milliseconds(), 6000);
        assert!(pair_rate(0, 0).num_milliseconds() >= 3200 && pair_rate(99, u32::MAX).num_hours() <= 1);
        assert!(throughput(99, u32::MAX).num_minutes() <= 12);
    }
}
