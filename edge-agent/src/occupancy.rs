//! How many people are in a camera's picture: one number for the last minute, out of looks that were now dense, now sparse.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Counts are forgotten after this time, and without any of them the number is not known.
const MINUTE: Duration = Duration::from_secs(60);

/// The counts of the last minute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Occupancy {
    counts: VecDeque<(Instant, u32)>,
}

impl Occupancy {
    /// So many people were counted at `now`.
    pub(crate) fn note(&mut self, people: u32, now: Instant) {
        self.forget_before(now);
        self.counts.push_back((now, people));
    }

    /// The number that was reached or exceeded for half of the time since the oldest count of the last minute; `None` if
    /// there is none. (Whoever is missed in one look, or passes, does not change it.)
    pub(crate) fn people(&mut self, now: Instant) -> Option<u32> {
        self.forget_before(now);
        let ends = self.counts.iter().skip(1).map(|(at, _)| *at).chain([now]);
        let mut lengths: Vec<(u32, Duration)> = self
            .counts
            .iter()
            .zip(ends)
            .map(|(&(at, people), end)| (people, end.saturating_duration_since(at)))
            .collect();
        lengths.sort_unstable();
        let all: Duration = lengths.iter().map(|(_, length)| *length).sum();
        let mut sum = Duration::ZERO;
        lengths
            .iter()
            .find(|(_, length)| {
                sum += *length;
                2 * sum >= all
            })
            .map(|(people, _)| *people)
    }

    /// Nothing is counted any more.
    pub(crate) fn clear(&mut self) {
        self.counts.clear();
    }

    fn forget_before(&mut self, now: Instant) {
        while self
            .counts
            .front()
            .is_some_and(|&(at, _)| now.saturating_duration_since(at) > MINUTE)
        {
            self.counts.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_holds_until_the_next_one() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut occupancy = Occupancy::default();
        assert_eq!(occupancy.people(at(0)), None);
        occupancy.note(2, at(0));
        assert_eq!(occupancy.people(at(0)), Some(2));
        // One was missed in a few looks close together.
        for second in 20..23 {
            occupancy.note(1, at(second));
        }
        occupancy.note(2, at(23));
        assert_eq!(occupancy.people(at(30)), Some(2));
        // Both have gone: a minute later nobody was there for most of it.
        occupancy.note(0, at(40));
        assert_eq!(occupancy.people(at(45)), Some(2));
        assert_eq!(occupancy.people(at(83)), Some(0));
        // Nobody looks any more.
        assert_eq!(occupancy.people(at(101)), None);
    }
}
