//! The rules themselves: the state that follows from when somebody was last seen, when they were watched and
//! when they have to be there, and when it may change next.
//!
//! The count towards absence begins with the last sighting, with the shift, or with the end of a break, a leave
//! or an excuse, whichever came last. Time that no camera watched is left out. Whoever is known by scans alone is not
//! followed: no camera could tell that they are gone.

use super::timeline::Timeline;
use super::{State, Thresholds};
use crate::schedule::{Exemption, Phase, Standing};

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    /// When somebody was last seen.
    pub last_seen: Option<i64>,
    /// When a camera last knew their face.
    pub last_face: Option<i64>,
    /// When they could have been.
    pub line: &'a Timeline,
    /// Whether they have to be there now.
    pub phase: &'a Phase,
    /// After how long they are off and absent.
    pub thresholds: Thresholds,
}

/// A face that was known so long before the last scan counts no more, in milliseconds.
const FACE_COUNTS: i64 = 24 * 3_600_000;

impl Facts<'_> {
    /// Whether a camera knows the face of whoever was last `seen`, so that it could tell that they are gone.
    fn followed(&self, seen: i64, came_from: i64) -> bool {
        self.last_face
            .is_some_and(|face| face >= came_from.max(seen - FACE_COUNTS))
    }
}

/// The state that follows from the facts, and why somebody is exempt.
pub(super) fn assess(facts: &Facts<'_>, now: i64) -> (State, Option<Exemption>) {
    let (off, absent) = limits(facts.thresholds);
    // Whoever is there is there, on a break or not.
    if facts.last_seen.is_some_and(|seen| now - seen < off) {
        return (State::Available, None);
    }
    match &facts.phase.standing {
        Standing::Exempt(why) => (State::Exempt, Some(*why)),
        Standing::OnDuty {
            from,
            before,
            came_from,
        } => {
            let state = match facts.last_seen {
                Some(seen) if seen >= *came_from && !facts.followed(seen, *came_from) => State::Unknown,
                Some(seen) if seen >= *came_from => {
                    on_duty(facts.line, seen, *from, before, now, off, absent)
                }
                // Has not come today, or came past a badge reader alone.
                _ => State::Unknown,
            };
            (state, None)
        }
    }
}

fn on_duty(
    line: &Timeline,
    seen: i64,
    from: i64,
    before: &[(i64, i64)],
    now: i64,
    off: i64,
    absent: i64,
) -> State {
    // Was absent before a break and has not been seen since.
    let was_absent = |&(begins, ends): &(i64, i64)| {
        let begins = seen.max(begins);
        // What would have been due when the break began was not.
        begins < ends && line.reached(begins, absent).is_some_and(|due| due < ends)
    };
    if before.iter().any(was_absent) {
        return State::Absent;
    }
    let begins = seen.max(from);
    let counted = line.watched(begins, now);
    if counted >= absent {
        State::Absent
    } else if counted >= off {
        // Blind now, and by the clock they would be absent: nobody knows.
        if now - begins >= absent && !line.watching(now) {
            State::Unknown
        } else {
            State::Off
        }
    } else if now - begins >= off {
        State::Unknown
    } else {
        // Their break has just ended.
        State::Off
    }
}

/// The next moment after `now` at which [`assess`] may give something else if nothing happens.
pub(super) fn next_change(facts: &Facts<'_>, state: State, now: i64) -> Option<i64> {
    let phase_ends = (facts.phase.until < i64::MAX).then_some(facts.phase.until);
    let Some(seen) = facts.last_seen else {
        return phase_ends.filter(|due| *due > now);
    };
    let (off, absent) = limits(facts.thresholds);
    let gone = Some(seen + off);
    let by_counting = match &facts.phase.standing {
        // Who is absent stays so until they are seen or exempt.
        Standing::OnDuty { from, came_from, .. }
            if state != State::Absent && seen >= *came_from && facts.followed(seen, *came_from) =>
        {
            let begins = seen.max(*from);
            [
                Some(begins + off),
                Some(begins + absent),
                facts.line.reached(begins, off),
                facts.line.reached(begins, absent),
            ]
        }
        _ => [None; 4],
    };
    [gone, phase_ends]
        .into_iter()
        .chain(by_counting)
        .flatten()
        .filter(|due| *due > now)
        .min()
}

fn limits(thresholds: Thresholds) -> (i64, i64) {
    (
        thresholds.off_after.num_milliseconds(),
        thresholds.absent_after.num_milliseconds(),
    )
}
