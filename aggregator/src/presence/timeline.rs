//! When somebody was watched: the union of what several cameras watched, with the time between two moments
//! found by binary search.
//!
//! Times are milliseconds since the epoch.

/// Disjoint spans in order of time. The last one ends at [`OPEN`] while the watching goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    spans: Vec<Span>,
}

/// The end of a span that has not ended.
pub(crate) const OPEN: i64 = i64::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: i64,
    to: i64,
    /// Length of all spans before this one.
    before: i64,
}

impl Timeline {
    /// The union of `spans`, which may overlap and come in any order.
    pub(crate) fn union(mut spans: Vec<(i64, i64)>) -> Self {
        spans.retain(|(from, to)| from < to);
        spans.sort_unstable();
        let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
        for (from, to) in spans {
            match merged.last_mut() {
                Some(last) if from <= last.to => last.to = last.to.max(to),
                last => {
                    let before = last.map_or(0, |last| last.before + (last.to - last.from));
                    merged.push(Span { from, to, before });
                }
            }
        }
        Self { spans: merged }
    }

    /// The union of several.
    pub(crate) fn unite<'a>(lines: impl IntoIterator<Item = &'a Self>) -> Self {
        let spans = lines.into_iter().flat_map(|line| line.spans.iter());
        Self::union(spans.map(|span| (span.from, span.to)).collect())
    }

    /// What of the time between `from` and `to` was not watched.
    pub(crate) fn gaps(&self, mut from: i64, to: i64) -> Vec<(i64, i64)> {
        let mut gaps = Vec::new();
        let first = self.spans.partition_point(|span| span.to <= from);
        for span in self.spans[first..].iter().take_while(|span| span.from < to) {
            if from < span.from {
                gaps.push((from, span.from));
            }
            from = from.max(span.to);
        }
        if from < to {
            gaps.push((from, to));
        }
        gaps
    }

    /// Whether somebody is watching at and after `at`.
    pub(crate) fn watching(&self, at: i64) -> bool {
        let after = self.spans.partition_point(|span| span.from <= at);
        after.checked_sub(1).is_some_and(|last| at < self.spans[last].to)
    }

    /// How much of the time between `from` and `to` was watched; 0 when `to` is not after `from`.
    pub(crate) fn watched(&self, from: i64, to: i64) -> i64 {
        if to <= from {
            0
        } else {
            self.until(to) - self.until(from)
        }
    }

    /// When the watched time from `from` on reaches `amount` (above 0), if everything goes on as it stands.
    pub(crate) fn reached(&self, from: i64, amount: i64) -> Option<i64> {
        let goal = self.until(from).saturating_add(amount);
        let behind = self.spans.partition_point(|span| span.before < goal);
        let span = self.spans[behind.checked_sub(1)?];
        let at = span.from.saturating_add(goal - span.before);
        (at <= span.to && at > from).then_some(at)
    }

    fn until(&self, at: i64) -> i64 {
        let after = self.spans.partition_point(|span| span.from < at);
        match after.checked_sub(1).map(|last| self.spans[last]) {
            Some(span) => span.before + (at.min(span.to) - span.from),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_the_union() {
        let line = Timeline::union(vec![(50, OPEN), (10, 20), (15, 30), (30, 31), (5, 5)]);
        for (from, to, watched) in [
            (0, 10, 0),
            (0, 31, 21),
            (12, 14, 2),
            (20, 40, 11),
            (31, 50, 0),
            (40, 60, 10),
            (60, 40, 0),
        ] {
            assert_eq!(line.watched(from, to), watched, "{from}..{to}");
        }
        assert!(line.watching(10) && !line.watching(31) && line.watching(1000) && !line.watching(0));
        assert_eq!(Timeline::default().watched(0, 100), 0);
        assert_eq!(line.gaps(0, 60), [(0, 10), (31, 50)]);
        assert_eq!(line.gaps(35, 40), [(35, 40)]);
        assert_eq!(line.gaps(12, 20), []);
        assert_eq!(Timeline::default().gaps(3, 5), [(3, 5)]);
        for (from, amount, at) in [
            (0, 1, Some(11)),
            (0, 21, Some(31)),
            (0, 22, Some(51)),
            (25, 6, Some(31)),
            (25, 7, Some(51)),
            (i64::MIN, 30, Some(59)),
            (60, 5, Some(65)),
        ] {
            assert_eq!(line.reached(from, amount), at, "{from}+{amount}");
        }
        assert_eq!(Timeline::union(vec![(0, 10)]).reached(5, 6), None);
        assert_eq!(Timeline::default().reached(0, 1), None);
    }
}
