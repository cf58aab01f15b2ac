//! Depthwise 3×3 convolution: each channel with its own nine weights.

use pulp::Simd;

use super::{Finish, LANES, activate, is_portable, multiply_add, registers};
use crate::instructions::Kernel;

/// Numbers of one chunk of [`LANES`] channels: nine weights, bias and bend of each.
const CHUNK: usize = 11 * LANES;

/// Weights in chunks of [`LANES`] channels: chunk; nine weights (row by row), bias, bend; channel within it.
#[derive(Debug)]
pub(crate) struct Weights {
    channels: usize,
    packed: Vec<f32>,
}

impl Weights {
    /// Packs weights that lie channel by channel, nine each.
    ///
    /// # Panics
    /// When the lengths do not fit together or the channels are no multiple of [`LANES`].
    pub(crate) fn new(by_channel: &[f32], finish: &Finish) -> Self {
        let channels = finish.channels();
        assert!(channels.is_multiple_of(LANES) && by_channel.len() == 9 * channels);
        let mut packed = Vec::with_capacity(channels / LANES * CHUNK);
        for first in (0..channels).step_by(LANES) {
            let weights = &by_channel[9 * first..][..9 * LANES];
            for tap in 0..9 {
                packed.extend(weights.iter().skip(tap).step_by(9));
            }
            packed.extend(&finish.bias[first..][..LANES]);
            packed.extend(&finish.bend[first..][..LANES]);
        }
        Self { channels, packed }
    }

    /// Channels of the input and of the output.
    pub(crate) fn channels(&self) -> usize {
        self.channels
    }
}

/// One row of the output. The three rows of the input have a pixel of padding at either end, so that every window
/// is inside them.
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
        let channels = self.weights.channels;
        let cols = self.out.len() / channels;
        assert!(
            self.out.len() == cols * channels
                && (1..=2).contains(&self.step)
                && cols > 0
                && self
                    .rows
                    .iter()
                    .all(|row| row.len() >= ((cols - 1) * self.step + 3) * channels),
            "sizes of a row"
        );
        match self.step {
            1 => self.steps::<S, 1>(simd, cols),
            _ => self.steps::<S, 2>(simd, cols),
        }
    }
}

impl Row<'_> {
    #[inline(always)]
    fn steps<S: Simd, const STEP: usize>(mut self, simd: S, cols: usize) {
        // At least eight sums: as many as hide the latency of a multiply-add.
        let most = match S::F32_LANES {
            _ if is_portable::<S>() => 2,
            16 => 8,
            _ => 4,
        };
        let groups = cols.div_ceil(most);
        let mut x = 0;
        for i in 0..groups {
            let n = (cols - x).div_ceil(groups - i);
            let Self {
                rows,
                weights,
                ref mut out,
                ..
            } = self;
            // SAFETY: `run` has checked that the windows of all `cols` pixels lie inside the rows.
            #[expect(unsafe_code, reason = "the inner loop checks no bounds")]
            unsafe {
                match n {
                    1 => group::<S, STEP, 1>(simd, rows, weights, x, out),
                    2 => group::<S, STEP, 2>(simd, rows, weights, x, out),
                    3 => group::<S, STEP, 3>(simd, rows, weights, x, out),
                    4 => group::<S, STEP, 4>(simd, rows, weights, x, out),
                    // With AVX-512 only.
                    5 if most > 4 => group::<S, STEP, 5>(simd, rows, weights, x, out),
                    6 if most > 4 => group::<S, STEP, 6>(simd, rows, weights, x, out),
                    7 if most > 4 => group::<S, STEP, 7>(simd, rows, weights, x, out),
                    8 if most > 4 => group::<S, STEP, 8>(simd, rows, weights, x, out),
                    _ => unreachable!("groups of at most {most} pixels"),
                }
            }
            x += n;
        }
    }
}

/// `G` neighbouring pixels from column `x` on.
///
/// # Safety
/// `out` has at least `x + G` pixels, each row at least `(x + G - 1) * STEP + 3`, a pixel being the weights' number
/// of channels.
#[expect(unsafe_code, reason = "the inner loop has no room for bounds checks")]
#[inline(always)]
unsafe fn group<S: Simd, const STEP: usize, const G: usize>(
    simd: S,
    rows: [&[f32]; 3],
    weights: &Weights,
    x: usize,
    out: &mut [f32],
) {
    // SAFETY: the caller's promise; the last number is how many registers make a chunk.
    unsafe {
        match LANES / S::F32_LANES {
            1 => chunks::<S, STEP, G, 1>(simd, rows, weights, x, out),
            2 => chunks::<S, STEP, G, 2>(simd, rows, weights, x, out),
            _ => chunks::<S, STEP, G, 4>(simd, rows, weights, x, out),
        }
    }
}

/// The same, where a chunk of [`LANES`] channels is `R` registers. All of a chunk is taken from a row before the
/// next row is turned to: with many channels the pixels of a window fall into the same few sets of the first cache.
///
/// # Safety
/// That of [`group`].
#[expect(unsafe_code, reason = "the inner loop has no room for bounds checks")]
#[inline(always)]
unsafe fn chunks<S: Simd, const STEP: usize, const G: usize, const R: usize>(
    simd: S,
    rows: [&[f32]; 3],
    weights: &Weights,
    x: usize,
    out: &mut [f32],
) {
    // Registers of a pixel.
    let n = weights.channels / S::F32_LANES;
    let chunks = registers::<S>(&weights.packed)
        .as_chunks::<R>()
        .0
        .as_chunks::<11>()
        .0;
    for (chunk, packed) in chunks.iter().enumerate() {
        let [taps @ .., bias, bend] = packed;
        let mut sums = [*bias; G];
        for ky in 0..3 {
            // SAFETY: the caller's promise; registers of numbers need no more alignment than numbers.
            let row = unsafe { rows[ky].as_ptr().cast::<S::f32s>().add(x * STEP * n + chunk * R) };
            for kx in 0..3 {
                for r in 0..R {
                    let weight = taps[3 * ky + kx][r];
                    for g in 0..G {
                        // SAFETY: the pixel is at most `(G - 1) * STEP + 2` behind the first one.
                        let value = unsafe { *row.add((g * STEP + kx) * n + r) };
                        sums[g][r] = multiply_add(simd, value, weight, sums[g][r]);
                    }
                }
            }
        }
        for g in 0..G {
            for r in 0..R {
                // SAFETY: the caller's promise.
                let out = unsafe {
                    &mut *out
                        .as_mut_ptr()
                        .cast::<S::f32s>()
                        .add((x + g) * n + chunk * R + r)
                };
                *out = activate(simd, sums[g][r], bend[r]);
            }
        }
    }
}
