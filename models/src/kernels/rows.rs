//! Halving and doubling the size of a feature map, row by row.

use pulp::Simd;

use super::{LANES, registers, registers_mut};
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
