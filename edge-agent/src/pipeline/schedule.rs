//! When a track's face is worth an embedding. Embedding is the dearest step, so a face is embedded often while
//! it is new, seldom once its name is sure, and at once when there is doubt. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::tracker::Doubt;

/// What the decision rests on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrackState {
    /// Views tried so far.
    pub(crate) attempts: u32,
    /// When the last one was tried.
    pub(crate) last_view_at: Option<DateTime<Utc>>,
    /// The track has a name.
    pub(crate) named: bool,
    /// The track may be another face by now.
    pub(crate) doubt: Doubt,
}

/// How urgently a view is wanted: `None` when it is not, else the larger the more urgent (1: just due).
pub(crate) fn urgency(state: &TrackState, now: DateTime<Utc>) -> Option<f32> {
    let Some(last) = state.last_view_at else {
        return Some(10.0);
    };
    let interval = interval(state);
    let waited = now - last;
    // A clock set back must not stop recognition.
    if waited < TimeDelta::zero() {
        return Some(1.0);
    }
    let urgency = waited.num_milliseconds() as f32 / interval.num_milliseconds() as f32;
    (urgency >= 1.0).then_some(urgency)
}

fn interval(state: &TrackState) -> TimeDelta {
    TimeDelta::milliseconds(match (state.named, state.doubt, state.attempts) {
        (true, Doubt::Break, _) => 90,
        (true, Doubt::Crossing, _) => 400,
        // The first views make the name, or show that there is none to be made.
        (_, _, 0..=5) => 150,
        (_, _, 6..=12) => 400,
        (true, Doubt::None, _) => 1500,
        // A stranger, most likely: an employee would be known by now. Looked at again now and then, because
        // they may come nearer or turn to the camera.
        (false, _, 13..=40) => 1000,
        (false, _, _) => 2000,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of 10 s at 10 frames a second bring a view, for a track that gets its name after `named_after`.
    fn views(named_after: u32, doubt: Doubt) -> u32 {
        let mut state = TrackState {
            attempts: 0,
            last_view_at: None,
            named: false,
            doubt,
        };
        for i in 0..100 {
            let now = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(100 * i);
            if urgency(&state, now).is_some() {
                state.attempts += 1;
                state.last_view_at = Some(now);
                state.named = state.attempts >= named_after;
            }
        }
        state.attempts
    }

    #[test]
    fn few_frames_are_embedded() {
        let (named, stranger, doubtful) = (
            views(3, Doubt::None),
            views(u32::MAX, Doubt::None),
            views(0, Doubt::Break),
        );
        assert!((12..=20).contains(&named), "{named}");
        assert!((12..=22).contains(&stranger), "{stranger}");
        assert!(doubtful >= 99, "{doubtful}");
    }

    #[test]
    fn a_clock_set_back_does_not_stop_recognition() {
        let last_view_at = Some(DateTime::UNIX_EPOCH + TimeDelta::hours(1));
        let state = TrackState {
            attempts: 9,
            last_view_at,
            named: true,
            doubt: Doubt::None,
        };
        assert!(urgency(&state, DateTime::UNIX_EPOCH).is_some());
    }
}
