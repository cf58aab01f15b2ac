//! Arithmetic of spans of time: sorted, disjoint, half-open, in milliseconds.

/// From one moment to another.
pub type Span = (i64, i64);

/// The spans, sorted, overlapping and touching ones made one, empty ones gone.
pub fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|(from, to)| from < to);
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// What lies between two moments.
pub(super) fn clip(spans: &[Span], from: i64, to: i64) -> impl Iterator<Item = Span> {
    let clipped = spans.iter().map(move |span| (span.0.max(from), span.1.min(to)));
    clipped.filter(|(from, to)| from < to)
}

/// What is in the one and not in the other.
pub fn without(spans: &[Span], others: &[Span]) -> Vec<Span> {
    let mut left = Vec::with_capacity(spans.len());
    for &(mut from, to) in spans {
        for &(begins, ends) in others {
            if ends <= from || begins >= to {
                continue;
            }
            if from < begins {
                left.push((from, begins));
            }
            from = from.max(ends);
        }
        if from < to {
            left.push((from, to));
        }
    }
    left
}

/// How long they are together.
pub(super) fn length(spans: impl IntoIterator<Item = Span>) -> i64 {
    spans.into_iter().map(|(from, to)| to - from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn minutes(spans: &[Span]) -> Vec<bool> {
        (0..60)
            .map(|at| spans.iter().any(|(from, to)| *from <= at && at < *to))
            .collect()
    }

    proptest! {
        #[test]
        fn spans_are_sets_of_moments(
            a in prop::collection::vec((0i64..60, 0i64..60), 0..6),
            b in prop::collection::vec((0i64..60, 0i64..60), 0..6),
            from in 0i64..60, to in 0i64..60,
        ) {
            let (a, b) = (union(a), union(b));
            let (of_a, of_b) = (minutes(&a), minutes(&b));
            let left = without(&a, &b);
            let expected: Vec<bool> = of_a.iter().zip(&of_b).map(|(a, b)| *a && !*b).collect();
            prop_assert_eq!(minutes(&left), expected.clone());
            prop_assert_eq!(length(left) as usize, expected.iter().filter(|at| **at).count());
            let cut: Vec<Span> = clip(&a, from, to).collect();
            let expected: Vec<bool> = (0..60).map(|at| of_a[at as usize] && from <= at && at < to).collect();
            prop_assert_eq!(minutes(&cut), expected);
        }
    }
}
