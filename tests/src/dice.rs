//! Random numbers from a seed: the same seed makes the same month.

/// A generator (SplitMix64; Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// One for a purpose: other purposes of the same seed throw other numbers.
    pub(crate) fn new(seed: u64, purpose: &[u64]) -> Self {
        let mut dice = Self(seed);
        for one in purpose {
            dice.0 = dice.next() ^ one;
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `from` to below `to`.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> i64 {
        let width = u64::try_from(to - from).unwrap_or(0).max(1);
        from + (self.next() % width) as i64
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, times: i64) -> bool {
        self.between(0, 100) < times
    }
}
