//! What may be taken in from an agent, and what may be acknowledged: the rules. Pure.
//!
//! **Acknowledging.** An agent numbers its sightings without gaps, sends the oldest first and forgets what is
//! acknowledged; so an acknowledgement may only name a `seq` up to which everything is stored or set aside.
//! A batch that begins further on leaves a gap. Either the missing ones are still to come (an earlier batch
//! could not be stored), or they never will (the agent's outbox overflowed, or our store was restored from a
//! backup). The agent settles it: without an acknowledgement it sends its oldest again. If the same `seq` is
//! still its oldest after [`GAP_PATIENCE`], nothing before it exists any more; the gap is given up, counted
//! among what was set aside, and the acknowledgements go on.
//!
//! An agent that was set up anew counts from 1 again: its sightings have new ids under old numbers. Then what
//! is stored counts anew, from that batch on. No acknowledgement ever goes beyond the batch that it answers.

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::sighting::{Basis, Sighting};

/// How long a gap is waited for.
pub const GAP_PATIENCE: TimeDelta = TimeDelta::seconds(20);

/// A sighting may lie so far ahead of our clock.
const MAX_AHEAD: TimeDelta = TimeDelta::minutes(2);

/// A sighting may be so old. Longer than any outage; as long as single sightings are kept, so that a repeated
/// delivery is always recognised.
pub const MAX_AGE: TimeDelta = TimeDelta::days(30);

/// A track may have lasted so long.
const MAX_TRACK: TimeDelta = TimeDelta::hours(24);

/// Whether an employee or a camera is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is, and the agent may speak of it.
    Yes,
    /// It is not.
    No,
}

/// Whether a sighting is taken in; if not, why, in words for an administrator that name no person.
pub fn judge(sighting: &Sighting, employee: Known, camera: Known, now: DateTime<Utc>) -> Result<(), String> {
    let Sighting {
        first_at, last_at, ..
    } = sighting;
    if employee == Known::No {
        Err("of an employee who is not registered".into())
    } else if camera == Known::No {
        Err(format!(
            "from camera {}, which is not this agent's",
            sighting.camera
        ))
    } else if *last_at > now + MAX_AHEAD {
        Err("more than 2 minutes in the future: check the clocks".into())
    } else if *last_at < now - MAX_AGE {
        Err("more than 30 days old".into())
    } else if first_at > last_at {
        Err("ends before it begins".into())
    } else if *last_at - *first_at > MAX_TRACK {
        Err("of a track longer than 24 hours".into())
    } else if sighting
        .verified_at
        .is_some_and(|at| sighting.basis == Basis::Face || !(*last_at - MAX_TRACK..=*last_at).contains(&at))
    {
        Err("with a face or badge that was seen after it, or more than 24 hours before".into())
    } else if !(0.0..=1.0).contains(&sighting.confidence) {
        Err("with a confidence that is not between 0 and 1".into())
    } else {
        Ok(())
    }
}

/// A gap before a batch that is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The oldest `seq` that the agent has sent since.
    pub first: u64,
    /// When it was first sent.
    pub since: DateTime<Utc>,
}

/// What a batch means for the acknowledgements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// It follows what is stored, or repeats it.
    Follows,
    /// Something is missing before it; this is waited for.
    Waits(Gap),
    /// What is missing before it will not come.
    GivesUp {
        /// The first missing `seq`.
        from: u64,
        /// The last missing `seq`.
        to: u64,
    },
}

/// Where a batch that begins with `first` stands.
pub fn position(stored_through: u64, first: u64, gap: Option<Gap>, now: DateTime<Utc>) -> Position {
    if first <= stored_through.saturating_add(1) {
        return Position::Follows;
    }
    match gap {
        // A later batch, sent before the oldest was answered, says nothing new.
        Some(gap) if gap.first < first => Position::Waits(gap),
        Some(gap) if gap.first == first && now - gap.since >= GAP_PATIENCE => Position::GivesUp {
            from: stored_through + 1,
            to: first - 1,
        },
        Some(gap) if gap.first == first => Position::Waits(gap),
        _ => Position::Waits(Gap { first, since: now }),
    }
}

/// The last of the numbers that follow `first` without a gap. `seqs` in order.
pub fn contiguous(first: u64, seqs: impl IntoIterator<Item = u64>) -> u64 {
    seqs.into_iter().fold(
        first,
        |last, seq| if seq == last.saturating_add(1) { seq } else { last },
    )
}

#[cfg(test)]
mod tests {
    use hadir_shared::sighting::SightingBatch;

    use super::*;

    fn t(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + second, 0).expect("time")
    }

    fn sighting() -> Sighting {
        let wire = r#"{"sightings":[{"id":"0190b8a0-5b7e-7c3a-9d55-0f8c3c1f6a10","seq":7,"phase":"began",
            "employee":"E1","camera":"cam-1","method":"face","track":12,"first_at":"2026-11-22T07:05:09.120Z",
            "last_at":"2026-11-22T07:05:11.000Z","confidence":0.93,"model":"m"}]}"#;
        let sighting = SightingBatch::parse(wire.as_bytes())
            .expect("valid")
            .sightings
            .remove(0);
        Sighting {
            first_at: t(0),
            last_at: t(5),
            ..sighting
        }
    }

    #[test]
    fn what_makes_no_sense_is_set_aside() {
        #[track_caller]
        fn check(change: impl FnOnce(&mut Sighting), reason: &str) {
            let mut sighting = sighting();
            change(&mut sighting);
            let refused = judge(&sighting, Known::Yes, Known::Yes, t(10)).expect_err("was taken");
            assert!(refused.contains(reason), "{refused}");
        }
        assert_eq!(judge(&sighting(), Known::Yes, Known::Yes, t(10)), Ok(()));
        assert!(judge(&sighting(), Known::No, Known::Yes, t(10)).is_err());
        assert!(judge(&sighting(), Known::Yes, Known::No, t(10)).is_err());
        check(|s| s.last_at = t(131), "future");
        check(|s| s.last_at = t(-31 * 86_400), "30 days");
        check(|s| s.first_at = t(6), "before it begins");
        check(|s| s.first_at = t(-86_401), "24 hours");
        check(|s| s.confidence = f32::NAN, "confidence");
        check(|s| s.confidence = 1.5, "confidence");
    }

    #[test]
    fn a_gap_is_waited_for_and_then_given_up() {
        use Position::{Follows, GivesUp, Waits};
        assert_eq!(position(10, 11, None, t(0)), Follows);
        assert_eq!(position(10, 3, None, t(0)), Follows);
        let gap = Gap {
            first: 15,
            since: t(0),
        };
        assert_eq!(position(10, 15, None, t(0)), Waits(gap));
        assert_eq!(
            position(10, 21, Some(gap), t(60)),
            Waits(gap),
            "a later batch is not the oldest"
        );
        assert_eq!(position(10, 15, Some(gap), t(19)), Waits(gap));
        assert_eq!(position(10, 15, Some(gap), t(20)), GivesUp { from: 11, to: 14 });
        // Something older came after all: wait for what is before that.
        assert_eq!(
            position(10, 13, Some(gap), t(30)),
            Waits(Gap {
                first: 13,
                since: t(30)
            })
        );
        assert_eq!(contiguous(5, [6, 7, 7, 9]), 7);
        assert_eq!(contiguous(5, [5, 6]), 6);
    }
}
