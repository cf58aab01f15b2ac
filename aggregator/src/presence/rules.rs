//! The rules themselves: the state that follows from when somebody was last seen and when they were watched,
//! and when it may change next.

use super::timeline::Timeline;
use super::{State, Thresholds};

/// The state that follows from the facts alone.
pub(super) fn assess(last_seen: Option<i64>, line: &Timeline, now: i64, thresholds: Thresholds) -> State {
    let Some(seen) = last_seen else {
        return State::Unknown;
    };
    let (off, absent) = limits(thresholds);
    let since = now - seen;
    let watched = line.watched(seen, now);
    if watched >= absent {
        State::Absent
    } else if watched >= off {
        // Blind now, and by the clock they would be absent: nobody knows.
        if since >= absent && !line.watching(now) {
            State::Unknown
        } else {
            State::Off
        }
    } else if since >= off {
        State::Unknown
    } else {
        State::Available
    }
}

/// The next moment after `now` at which [`assess`] may give something else if nothing happens.
pub(super) fn next_change(
    state: State,
    last_seen: Option<i64>,
    line: &Timeline,
    now: i64,
    thresholds: Thresholds,
) -> Option<i64> {
    let seen = last_seen?;
    if matches!(state, State::Absent | State::Exempt) {
        return None;
    }
    let (off, absent) = limits(thresholds);
    let by_clock = [seen + off, seen + absent];
    let watched = line.watched(seen, now);
    let by_watching = [now + (off - watched), now + (absent - watched)];
    let by_watching = by_watching.into_iter().filter(|_| line.watching(now));
    by_clock
        .into_iter()
        .chain(by_watching)
        .filter(|due| *due > now)
        .min()
}

fn limits(thresholds: Thresholds) -> (i64, i64) {
    (
        thresholds.off_after.num_milliseconds(),
        thresholds.absent_after.num_milliseconds(),
    )
}
