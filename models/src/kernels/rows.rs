//! Halving and doubling the size of a feature map, row by row; nothing here has weights.

use pulp::Simd;

use super::{LANES, multiply_add, registers, registers_mut};
use crate::instructions::Kernel;

/// The largest value of each 2×2 pixels; an odd last column is left out.
pub(crate) struct Halve<'a> {
    /// Upper and lower row.
    pub(crate) rows: [&'a [f32]; 2],
    /// Channels of a pixel.
    pub(crate) channels: usize,
    /// The row, half as many pixels.
    pub(crate) out: &'a mut [f32],
}

impl Kernel for Halve<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let [upper, lower] = self.rows;
        assert!(
            self.channels > 0
                && self.channels.is_multiple_of(LANES)
                && self.out.len().is_multiple_of(self.channels)
                && upper.len() == lower.len()
                && upper.len() / (2 * self.channels) == self.out.len() / self.channels,
            "sizes of a row"
        );
        let n = self.channels / S::F32_LANES;
        let pairs = registers::<S>(upper)
            .chunks_exact(2 * n)
            .zip(registers::<S>(lower).chunks_exact(2 * n));
        for (out, (upper, lower)) in registers_mut::<S>(self.out).chunks_exact_mut(n).zip(pairs) {
            let ((a, b), (c, d)) = (upper.split_at(n), lower.split_at(n));
            for (i, out) in out.iter_mut().enumerate() {
                *out = simd.max_f32s(simd.max_f32s(a[i], b[i]), simd.max_f32s(c[i], d[i]));
            }
        }
    }
}

/// The largest value of 3×3 pixels around every second one. Columns outside count for nothing; so do rows, where the
/// caller gives one that is inside twice.
pub(crate) struct MaxPool<'a> {
    /// Above, middle, below; of one length.
    pub(crate) rows: [&'a [f32]; 3],
    /// Channels of a pixel.
    pub(crate) channels: usize,
    /// The row, half as many pixels, rounded up.
    pub(crate) out: &'a mut [f32],
}

impl Kernel for MaxPool<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let len = self.rows[0].len();
        assert!(
            self.channels > 0
                && self.channels.is_multiple_of(LANES)
                && self.out.len().is_multiple_of(self.channels)
                && self.rows.iter().all(|row| row.len() == len)
                && (len / self.channels).div_ceil(2) == self.out.len() / self.channels,
            "sizes of a row"
        );
        let n = self.channels / S::F32_LANES;
        let rows = self.rows.map(|row| registers::<S>(row));
        let cols = rows[0].len() / n;
        for (x, out) in registers_mut::<S>(self.out).chunks_exact_mut(n).enumerate() {
            let columns = (2 * x).saturating_sub(1)..(2 * x + 2).min(cols);
            for (i, out) in out.iter_mut().enumerate() {
                let mut most = rows[0][2 * x * n + i];
                for row in rows {
                    for column in columns.clone() {
                        most = simd.max_f32s(most, row[column * n + i]);
                    }
                }
                *out = most;
            }
        }
    }
}

/// A row plus one of a map of half the size, between whose pixels it is interpolated, pixels being squares with values
/// in their middles. The caller gives the two rows of the coarser map that are nearest, with their shares.
pub(crate) struct AddInterpolated<'a> {
    /// The row.
    pub(crate) fine: &'a [f32],
    /// Two rows of half as many pixels; the same one twice at the edge.
    pub(crate) coarse: [&'a [f32]; 2],
    /// How much each of the two counts, in all 1.
    pub(crate) shares: [f32; 2],
    /// Channels of a pixel.
    pub(crate) channels: usize,
    /// The sum.
    pub(crate) out: &'a mut [f32],
}

impl Kernel for AddInterpolated<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        assert!(
            self.channels > 0
                && self.channels.is_multiple_of(LANES)
                && self
                    .coarse
                    .iter()
                    .all(|row| row.len().is_multiple_of(self.channels) && 2 * row.len() == self.fine.len())
                && self.out.len() == self.fine.len(),
            "sizes of a row"
        );
        let n = self.channels / S::F32_LANES;
        let [above, below] = self.coarse.map(|row| registers::<S>(row));
        let last = above.len() / n;
        let fine = registers::<S>(self.fine).chunks_exact(n);
        let out = registers_mut::<S>(self.out).chunks_exact_mut(n);
        for (x, (out, fine)) in out.zip(fine).enumerate() {
            let near = x / 2;
            let far = if x.is_multiple_of(2) {
                near.saturating_sub(1)
            } else {
                (near + 1).min(last - 1)
            };
            let shares = [0, 1].map(|i| [0.75 * self.shares[i], 0.25 * self.shares[i]]);
            let shares = [
                [simd.splat_f32s(shares[0][0]), simd.splat_f32s(shares[0][1])],
                [simd.splat_f32s(shares[1][0]), simd.splat_f32s(shares[1][1])],
            ];
            for (i, out) in out.iter_mut().enumerate() {
                let mut sum = fine[i];
                for (row, shares) in [(above, &shares[0]), (below, &shares[1])] {
                    sum = multiply_add(simd, shares[0], row[near * n + i], sum);
                    sum = multiply_add(simd, shares[1], row[far * n + i], sum);
                }
                *out = sum;
            }
        }
    }
}

/// A row plus the mean of each 2×2 pixels of a map of twice the size.
pub(crate) struct AddMean<'a> {
    /// The row.
    pub(crate) coarse: &'a [f32],
    /// The two rows of twice as many pixels.
    pub(crate) fine: [&'a [f32]; 2],
    /// Channels of a pixel.
    pub(crate) channels: usize,
    /// The sum.
    pub(crate) out: &'a mut [f32],
}

impl Kernel for AddMean<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        assert!(
            self.channels > 0
                && self.channels.is_multiple_of(LANES)
                && self.coarse.len().is_multiple_of(self.channels)
                && self.fine.iter().all(|row| row.len() == 2 * self.coarse.len())
                && self.out.len() == self.coarse.len(),
            "sizes of a row"
        );
        let n = self.channels / S::F32_LANES;
        let [upper, lower] = self.fine.map(|row| registers::<S>(row));
        let quarter = simd.splat_f32s(0.25);
        let coarse = registers::<S>(self.coarse).chunks_exact(n);
        let out = registers_mut::<S>(self.out).chunks_exact_mut(n);
        for (x, (out, coarse)) in out.zip(coarse).enumerate() {
            for (i, out) in out.iter_mut().enumerate() {
                let (left, right) = (2 * x * n + i, (2 * x + 1) * n + i);
                let upper = simd.add_f32s(upper[left], upper[right]);
                let lower = simd.add_f32s(lower[left], lower[right]);
                *out = multiply_add(simd, quarter, simd.add_f32s(upper, lower), coarse[i]);
            }
        }
    }
}

/// A row plus one of half as many pixels, each of which counts for two.
pub(crate) struct AddDoubled<'a> {
    /// The row.
    pub(crate) fine: &'a [f32],
    /// The row of half as many pixels.
    pub(crate) coarse: &'a [f32],
    /// Channels of a pixel.
    pub(crate) channels: usize,
    /// The sum.
    pub(crate) out: &'a mut [f32],
}

impl Kernel for AddDoubled<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        assert!(
            self.channels > 0
                && self.channels.is_multiple_of(LANES)
                && self.coarse.len().is_multiple_of(self.channels)
                && self.fine.len() == 2 * self.coarse.len()
                && self.out.len() == self.fine.len(),
            "sizes of a row"
        );
        let n = self.channels / S::F32_LANES;
        let fine = registers::<S>(self.fine).chunks_exact(2 * n);
        let coarse = registers::<S>(self.coarse).chunks_exact(n);
        let out = registers_mut::<S>(self.out).chunks_exact_mut(2 * n);
        for ((out, fine), coarse) in out.zip(fine).zip(coarse) {
            let ((left, right), (a, b)) = (out.split_at_mut(n), fine.split_at(n));
            for (i, &coarse) in coarse.iter().enumerate() {
                left[i] = simd.add_f32s(a[i], coarse);
                right[i] = simd.add_f32s(b[i], coarse);
            }
        }
    }
}
