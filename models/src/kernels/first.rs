//! The first convolution: 3×3 over the three colours.

use pulp::Simd;

use super::product::multiply;
use super::{Finish, LANES, activate, is_portable, registers, registers_mut};
use crate::instructions::Kernel;

/// Colours of a pixel.
pub(crate) const COLOURS: usize = 3;
/// Numbers that one row of the window covers.
const RUN: usize = 3 * COLOURS;

/// Weights in panels of [`LANES`] output channels: panel; window row, column, colour; channel within it.
#[derive(Debug)]
pub(crate) struct Weights {
    packed: Vec<f32>,
    finish: Finish,
}

impl Weights {
    /// Packs weights that lie output channel by output channel, each colour by colour, nine numbers each.
    ///
    /// # Panics
    /// When the lengths do not fit together or the channels are no multiple of [`LANES`].
    pub(crate) fn new(by_output: &[f32], finish: Finish) -> Self {
        let channels = finish.channels();
        assert!(channels.is_multiple_of(LANES) && by_output.len() == 3 * RUN * channels);
        let mut packed = Vec::with_capacity(by_output.len());
        for panel in by_output.chunks_exact(3 * RUN * LANES) {
            for (tap, colour) in (0..3 * RUN).map(|i| (i / COLOURS, i % COLOURS)) {
                packed.extend(panel.iter().skip(colour * 9 + tap).step_by(3 * RUN));
            }
        }
        Self { packed, finish }
    }

    /// Channels of the output.
    pub(crate) fn channels(&self) -> usize {
        self.finish.channels()
    }
}

/// One row of the output. The three rows of the input have a pixel of padding at either end.
pub(crate) struct Row<'a> {
    /// Above, middle, below; of one length.
    pub(crate) rows: [&'a [f32]; 3],
    /// The weights.
    pub(crate) weights: &'a Weights,
    /// Columns from one window to the next, 1 or 2.
    pub(crate) step: usize,
    /// The row, a whole number of pixels.
    pub(crate) out: &'a mut [f32],
}

impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        assert!(
            self.out.len().is_multiple_of(self.weights.channels()),
            "sizes of a row"
        );
        if is_portable::<S>() {
            return self.columns::<S, 2, 2>(simd);
        }
        match S::F32_LANES {
            16 => self.columns::<S, 8, 1>(simd),
            8 => self.columns::<S, 6, 2>(simd),
            _ => self.columns::<S, 6, 4>(simd),
        }
    }
}

impl Row<'_> {
    /// `M` pixels by `R` registers (a panel) at a time.
    #[inline(always)]
    fn columns<S: Simd, const M: usize, const R: usize>(mut self, simd: S) {
        let cols = self.out.len() / self.weights.channels();
        let mut x = 0;
        while x + M <= cols {
            self.group::<S, M, R>(simd, x);
            x += M;
        }
        while x < cols {
            self.group::<S, 1, R>(simd, x);
            x += 1;
        }
    }

    #[inline(always)]
    fn group<S: Simd, const N: usize, const R: usize>(&mut self, simd: S, x: usize) {
        let channels = self.weights.channels();
        let Finish { bias, bend } = &self.weights.finish;
        for panel in 0..channels / LANES {
            let column = panel * LANES;
            let packed = &self.weights.packed[panel * 3 * RUN * LANES..][..3 * RUN * LANES];
            let packed = registers::<S>(packed).as_chunks::<R>().0;
            let bias = registers::<S>(&bias[column..][..LANES]);
            let mut sums = [[[simd.splat_f32s(0.0); R]; 1]; N];
            for sum in &mut sums {
                sum[0].copy_from_slice(bias);
            }
            for (ky, row) in self.rows.iter().enumerate() {
                let mut a: [&[f32]; N] = [&[]; N];
                for (n, a) in a.iter_mut().enumerate() {
                    *a = &row[(x + n) * self.step * COLOURS..][..RUN];
                }
                sums = multiply(simd, a, [&packed[ky * RUN..][..RUN]], sums);
            }
            let bend = registers::<S>(&bend[column..][..LANES]);
            for (n, sum) in sums.iter().enumerate() {
                let out = &mut self.out[(x + n) * channels + column..][..LANES];
                let out = registers_mut::<S>(out);
                for r in 0..R {
                    out[r] = activate(simd, sum[0][r], bend[r]);
                }
            }
        }
    }
}
