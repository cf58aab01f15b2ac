//! When a track's face is worth an embedding. Embedding is the dearest step, so a face is embedded often while
//! it is new, seldom once its name is sure, and at once when there is doubt. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::tracker::Doubt;

/// What the decision rests on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TrackState {
    /// Views tried so far.
    pub(crate) attempts: u32,
    /// When the last one was tried.
    pub(crate) last_view_at: Option<DateTime<Utc>>,
    /// The track has a name.
    pub(crate) named: bool,
    /// It is most likely nobody of the gallery, and looks as in its views, as far as is known.
    pub(crate) stranger: bool,
    /// The last try gave no view that could be used.
    pub(crate) unusable: bool,
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
        // The name is held back meanwhile.
        (true, Doubt::Break, _) if state.unusable => 300,
        (true, Doubt::Break, _) => 90,
        (true, Doubt::Crossing, _) => 400,
        // A few more views make the name stand firmer; then it is only verified.
        (true, Doubt::None, 0..=5) => 500,
        (true, Doubt::None, _) => 1500,
        // What it looks like so is known.
        (false, _, _) if state.stranger => 1500,
        // It has to turn or to come nearer first.
        (false, _, 0..=12) if state.unusable => 400,
        // The first views make the name, or show that there is none to be made: one in every frame.
        (false, _, 0..=5) => 100,
        (false, _, 6..=12) => 400,
        // An employee would be known by now.
        (false, _, _) => 600,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of 10 s at 10 frames a second bring a view, for a track that gets its name after `named_after`, or is
    /// a stranger's from the third view on.
    fn views(named_after: u32, stranger: bool, doubt: Doubt) -> u32 {
        let mut state = TrackState {
            doubt,
            ..TrackState::default()
        };
        for i in 0..100 {
            let now = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(100 * i);
            if urgency(&state, now).is_some() {
                state.attempts += 1;
                state.last_view_at = Some(now);
                state.named = state.attempts >= named_after;
                state.stranger = stranger && state.attempts >= 3;
            }
        }
        state.attempts
    }

    #[test]
    fn few_frames_are_embedded() {
        let named = views(3, false, Doubt::None);
        assert!((8..=14).contains(&named), "{named}");
        let stranger = views(u32::MAX, true, Doubt::None);
        assert!((8..=11).contains(&stranger), "{stranger}");
        let open = views(u32::MAX, false, Doubt::None);
        assert!((18..=26).contains(&open), "{open}");
        let doubtful = views(0, false, Doubt::Break);
        assert!(doubtful >= 99, "{doubtful}");
    }

    #[test]
    fn a_clock_set_back_does_not_stop_recognition() {
        let last_view_at = Some(DateTime::UNIX_EPOCH + TimeDelta::hours(1));
        let state = TrackState {
            attempts: 9,
            last_view_at,
            named: true,
            ..TrackState::default()
        };
        assert!(urgency(&state, DateTime::UNIX_EPOCH).is_some());
    }
}
