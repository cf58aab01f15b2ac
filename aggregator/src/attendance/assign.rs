//! To which day and shift a stretch of presence belongs.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;

use super::{Piece, PlannedShift, Stretch};
use crate::schedule::midnight;

/// Whoever is seen so long before a shift or after it has come to it, or is still there from it.
const REACH: i64 = 4 * 3_600_000;

/// Where days begin.
#[derive(Clone, Copy, Debug)]
pub struct Clock(pub Tz);

impl Clock {
    /// The day of a moment.
    pub fn date(self, at: i64) -> Option<NaiveDate> {
        Some(
            DateTime::from_timestamp_millis(at)?
                .with_timezone(&self.0)
                .date_naive(),
        )
    }

    fn next_midnight(self, at: i64) -> Option<i64> {
        let next = self.date(at)?.succ_opt()?;
        Some(midnight(self.0, next)?.timestamp_millis())
    }
}

/// The shifts of consecutive days: of those that are asked for, and of one before and one behind.
pub type Neighbours = BTreeMap<NaiveDate, Vec<PlannedShift>>;

/// Gives each stretch, or each part of it, to a day:
///
/// 1. What touches a shift belongs to it as a whole; what touches several is divided in the middle between them.
/// 2. What is up to four hours before or after a shift belongs to it; between two, to the nearer.
/// 3. The rest belongs to the day on which it is, divided at midnight, and to no shift.
///
/// Stretches without an absence between them, as `joined` says, go together: that an area's threshold is shorter moves
/// nobody's presence elsewhere.
pub fn assign(
    clock: Clock,
    shifts: &Neighbours,
    stretches: &[Stretch],
    joined: impl Fn(&Stretch, &Stretch) -> bool,
) -> BTreeMap<NaiveDate, Vec<Piece>> {
    let all: Vec<(NaiveDate, usize, i64, i64)> = shifts
        .iter()
        .flat_map(|(date, shifts)| {
            let numbered = shifts.iter().enumerate();
            numbered.map(|(number, shift)| (*date, number, shift.from, shift.to))
        })
        .collect();
    let mut days: BTreeMap<NaiveDate, Vec<Piece>> = BTreeMap::new();
    for group in stretches.chunk_by(joined) {
        let Some(stretch) = whole(group) else { continue };
        let mut give = |date: NaiveDate, shift: Option<usize>, from: i64, to: i64| {
            for one in group {
                let (from, to) = (one.from.max(from), one.to.min(to));
                // What only touches a part has nothing in it, unless it is all that there is.
                if from < to || (from == to && (one.from == one.to || group.len() == 1)) {
                    let stretch = Stretch {
                        from,
                        to,
                        ..one.clone()
                    };
                    days.entry(date).or_default().push(Piece { stretch, shift });
                }
            }
        };
        // Ends grow with beginnings, for shifts do not overlap.
        let first = all.partition_point(|shift| shift.3 < stretch.from);
        let touched = all[first..].iter().take_while(|shift| shift.2 <= stretch.to);
        let touched: Vec<_> = touched.collect();
        if let Some(last) = touched.len().checked_sub(1) {
            let mut from = stretch.from;
            for (number, (date, shift, _, ends)) in touched.iter().enumerate() {
                let to = if number == last {
                    stretch.to
                } else {
                    // Shifts of neighbouring days overlap where a schedule was changed in between.
                    i64::midpoint(*ends, touched[number + 1].2).clamp(from, stretch.to)
                };
                give(*date, Some(*shift), from, to);
                from = to;
            }
            continue;
        }
        let before = first.checked_sub(1).map(|number| &all[number]);
        let before = before.map(|shift| (stretch.from - shift.3, shift));
        let behind = all.get(first).map(|shift| (shift.2 - stretch.to, shift));
        let near = before
            .into_iter()
            .chain(behind)
            .filter(|(distance, _)| *distance <= REACH);
        if let Some((_, (date, shift, ..))) = near.min_by_key(|(distance, _)| *distance) {
            give(*date, Some(*shift), stretch.from, stretch.to);
            continue;
        }
        let mut from = stretch.from;
        while let Some(date) = clock.date(from) {
            let to = clock
                .next_midnight(from)
                .map_or(stretch.to, |next| next.min(stretch.to));
            give(date, None, from, to);
            if to >= stretch.to || to <= from {
                break;
            }
            from = to;
        }
    }
    days
}

/// From the first to the last of a group.
fn whole(group: &[Stretch]) -> Option<Stretch> {
    let to = group.iter().map(|stretch| stretch.to).max()?;
    Some(Stretch {
        to,
        ..group.first()?.clone()
    })
}
