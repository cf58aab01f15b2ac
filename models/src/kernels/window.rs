//! A convolution over all channels, 1×1 or 3×3, over one map or over two that lie side by side: what networks call the
//! concatenation of two maps is read where the two are, and never made.
//!
//! As in [`super::product`], the sums of a tile stay in registers over all of a window, and all pixels pass by one
//! panel of weights before the next is turned to.

use pulp::Simd;

use super::product::multiply;
use super::{Finish, LANES, activate, is_portable, registers, registers_mut};
use crate::instructions::Kernel;

/// The most maps that a convolution reads side by side.
pub(crate) const MAPS: usize = 2;

/// Weights in panels of [`LANES`] output channels: panel; map; window row, column, channel of the map; channel within
/// the panel.
#[derive(Debug)]
pub(crate) struct Weights {
    /// Side of the window.
    side: usize,
    /// Channels of each map; 0 where there is no second one.
    channels: [usize; MAPS],
    packed: Vec<f32>,
    finish: Finish,
}

impl Weights {
    /// Packs weights that lie output channel by output channel, each input channel by input channel (those of the first
    /// map first), `side` × `side` numbers each.
    ///
    /// # Panics
    /// When the lengths do not fit together or the output channels are no multiple of [`LANES`].
    pub(crate) fn new(by_output: &[f32], side: usize, channels: [usize; MAPS], finish: Finish) -> Self {
        let (taps, inner) = (side * side, channels[0] + channels[1]);
        let output = finish.channels();
        assert!(output.is_multiple_of(LANES) && by_output.len() == output * inner * taps && inner > 0);
        let mut packed = Vec::with_capacity(by_output.len());
        for panel in by_output.chunks_exact(LANES * inner * taps) {
            let mut first = 0;
            for channels in channels {
                for (tap, channel) in (0..taps).flat_map(|tap| (0..channels).map(move |c| (tap, c))) {
                    let from = (first + channel) * taps + tap;
                    packed.extend(panel.iter().skip(from).step_by(inner * taps));
                }
                first += channels;
            }
        }
        Self {
            side,
            channels,
            packed,
            finish,
        }
    }

    /// Side of the window.
    pub(crate) fn side(&self) -> usize {
        self.side
    }

    /// Channels of each map.
    pub(crate) fn channels(&self) -> [usize; MAPS] {
        self.channels
    }

    /// Channels of the output.
    pub(crate) fn output(&self) -> usize {
        self.finish.channels()
    }

    /// Numbers of a panel.
    fn panel(&self) -> usize {
        self.side * self.side * (self.channels[0] + self.channels[1]) * LANES
    }
}

/// `out[places[i]..][..output] = activate(window at windows[i] · weights + bias)` for every pixel `i`.
pub(crate) struct Windows<'a> {
    /// The maps, each contiguous, pixel by pixel; an empty one where there is no second.
    pub(crate) maps: [&'a [f32]; MAPS],
    /// Pixels of a map's row.
    pub(crate) cols: usize,
    /// The upper left pixel of each window, counted over the map.
    pub(crate) windows: &'a [usize],
    /// The weights.
    pub(crate) weights: &'a Weights,
    /// Where the results go.
    pub(crate) out: &'a mut [f32],
    /// Where in `out` each pixel's results begin.
    pub(crate) places: &'a [usize],
}

impl Kernel for Windows<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        assert_eq!(self.windows.len(), self.places.len(), "pixels");
        if is_portable::<S>() {
            return self.panels::<S, 2, 2, 1>(simd);
        }
        match S::F32_LANES {
            16 => self.panels::<S, 8, 1, 2>(simd),
            8 => self.panels::<S, 6, 2, 1>(simd),
            _ => self.panels::<S, 6, 4, 1>(simd),
        }
    }
}

impl Windows<'_> {
    /// `M` pixels, `R` registers a panel, `P` panels: the largest tile.
    #[inline(always)]
    fn panels<S: Simd, const M: usize, const R: usize, const P: usize>(mut self, simd: S) {
        let mut column = 0;
        while column + P * LANES <= self.weights.output() {
            self.pixels::<S, M, R, P>(simd, column);
            column += P * LANES;
        }
        // Less than `P` are left where `P` is two.
        if column < self.weights.output() {
            self.pixels::<S, M, R, 1>(simd, column);
        }
    }

    /// All pixels by some panels, in tiles of sizes as equal as can be.
    #[inline(always)]
    fn pixels<S: Simd, const M: usize, const R: usize, const P: usize>(&mut self, simd: S, column: usize) {
        let pixels = self.windows.len();
        let tiles = pixels.div_ceil(M);
        let mut first = 0;
        for t in 0..tiles {
            let n = (pixels - first).div_ceil(tiles - t);
            match n {
                1 => self.tile::<S, 1, R, P>(simd, column, first),
                2 => self.tile::<S, 2, R, P>(simd, column, first),
                3 if M > 2 => self.tile::<S, 3, R, P>(simd, column, first),
                4 if M > 2 => self.tile::<S, 4, R, P>(simd, column, first),
                5 if M > 2 => self.tile::<S, 5, R, P>(simd, column, first),
                6 if M > 2 => self.tile::<S, 6, R, P>(simd, column, first),
                7 if M > 6 => self.tile::<S, 7, R, P>(simd, column, first),
                8 if M > 6 => self.tile::<S, 8, R, P>(simd, column, first),
                _ => unreachable!("tiles of at most {M} pixels"),
            }
            first += n;
        }
    }

    /// `N` pixels from `first` on by the panels from `column` on.
    #[inline(always)]
    fn tile<S: Simd, const N: usize, const R: usize, const P: usize>(
        &mut self,
        simd: S,
        column: usize,
        first: usize,
    ) {
        let Weights {
            side,
            channels,
            packed,
            finish: Finish { bias, bend },
        } = self.weights;
        let windows = &self.windows[first..][..N];
        let mut panels: [&[f32]; P] = [&[]; P];
        for p in 0..P {
            panels[p] = &packed[(column / LANES + p) * self.weights.panel()..][..self.weights.panel()];
        }
        let bias = registers::<S>(&bias[column..][..P * LANES]);
        let mut sums = [[[simd.splat_f32s(0.0); R]; P]; N];
        for n in 0..N {
            for p in 0..P {
                for r in 0..R {
                    sums[n][p][r] = bias[p * R + r];
                }
            }
        }
        let mut done = 0;
        for m in 0..MAPS {
            // A row of the window lies in one piece.
            let len = side * channels[m];
            if len == 0 {
                continue;
            }
            for ky in 0..*side {
                let mut a: [&[f32]; N] = [&[]; N];
                for n in 0..N {
                    a[n] = &self.maps[m][(windows[n] + ky * self.cols) * channels[m]..][..len];
                }
                let mut b: [&[[S::f32s; R]]; P] = [&[]; P];
                for p in 0..P {
                    b[p] = registers::<S>(&panels[p][done * LANES..][..len * LANES])
                        .as_chunks::<R>()
                        .0;
                }
                sums = multiply(simd, a, b, sums);
                done += len;
            }
        }
        let bend = registers::<S>(&bend[column..][..P * LANES]);
        for n in 0..N {
            let out = &mut self.out[self.places[first + n] + column..][..P * LANES];
            let out = registers_mut::<S>(out);
            for p in 0..P {
                for r in 0..R {
                    out[p * R + r] = activate(simd, sums[n][p][r], bend[p * R + r]);
                }
            }
        }
    }
}
