//! The matrix product behind 1×1 convolutions: pixels × input channels by input channels × output channels, with
//! bias and activation while the sums are still in registers.
//!
//! The sums of a tile, a few pixels by one or two panels of [`LANES`] output channels, stay in registers over all
//! input channels: six pixels by two AVX2 registers, eight by two of AVX-512, six by four of NEON. That is enough
//! independent sums to hide the latency of a multiply-add, and fewer loads than multiply-adds. All pixels pass by
//! one panel before the next is turned to. Measured on an AMD EPYC (Zen 3, 32 KB of first cache): a panel of 1,024
//! input channels (64 KB) that comes from the second cache for every tile costs less (96 % of the peak) than four
//! blocks of it that stay in the first one and sums that are stored and loaded again between them (89 %).

use pulp::Simd;

use super::{Finish, LANES, activate, is_portable, multiply_add, registers};
use crate::instructions::Kernel;

/// Weights in panels of [`LANES`] output channels: panel, input channel, output channel within it.
#[derive(Debug)]
pub(crate) struct Matrix {
    inner: usize,
    panels: Vec<f32>,
    finish: Finish,
    /// No activation.
    plain: bool,
}

impl Matrix {
    /// Packs weights that lie output channel by output channel, each with its `inner` input channels.
    ///
    /// # Panics
    /// When the lengths do not fit together or the output channels are no multiple of [`LANES`].
    pub(crate) fn new(by_output: &[f32], inner: usize, finish: Finish) -> Self {
        let cols = finish.channels();
        assert!(cols.is_multiple_of(LANES) && by_output.len() == inner * cols);
        let mut panels = Vec::with_capacity(by_output.len());
        for panel in by_output.chunks_exact((inner * LANES).max(1)) {
            for i in 0..inner {
                panels.extend(panel.iter().skip(i).step_by(inner));
            }
        }
        Self {
            inner,
            panels,
            plain: finish.is_plain(),
            finish,
        }
    }

    /// Input channels.
    pub(crate) fn inner(&self) -> usize {
        self.inner
    }

    /// Output channels.
    pub(crate) fn cols(&self) -> usize {
        self.finish.channels()
    }
}

/// Where the results of each pixel begin.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Places<'a> {
    /// One behind the other.
    Even {
        /// How many there are.
        pixels: usize,
    },
    /// At these places.
    Listed(&'a [usize]),
}

impl Places<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Even { pixels } => *pixels,
            Self::Listed(places) => places.len(),
        }
    }
}

/// `out[place(i)..][..cols] = activate(a[i] · matrix + bias)` for every pixel `i`.
pub(crate) struct Product<'a> {
    /// Pixel by pixel, `matrix.inner` numbers each.
    pub(crate) a: &'a [f32],
    /// The weights.
    pub(crate) matrix: &'a Matrix,
    /// Where the results go.
    pub(crate) out: &'a mut [f32],
    /// Where in `out` each pixel's `matrix.cols` results begin.
    pub(crate) places: Places<'a>,
}

impl Kernel for Product<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let cols = self.matrix.cols();
        let pixels = self.places.len();
        assert_eq!(
            pixels.checked_mul(self.matrix.inner),
            Some(self.a.len()),
            "pixels"
        );
        // Everything that a tile writes lies between the first pixel's place and the last one's end.
        let end = match self.places {
            Places::Even { pixels } => pixels.checked_mul(cols),
            Places::Listed(places) => match places.iter().max() {
                Some(last) => last.checked_add(cols),
                None => Some(0),
            },
        };
        assert!(end.is_some_and(|end| end <= self.out.len()), "places");
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

impl Product<'_> {
    /// `M` pixels, `R` registers a panel, `P` panels: the largest tile.
    #[inline(always)]
    fn panels<S: Simd, const M: usize, const R: usize, const P: usize>(mut self, simd: S) {
        let panels = registers::<S>(&self.matrix.panels).as_chunks::<R>().0;
        let inner = self.matrix.inner;
        let mut column = 0;
        while column + P * LANES <= self.matrix.cols() {
            let mut b: [&[[S::f32s; R]]; P] = [&[]; P];
            for p in 0..P {
                b[p] = &panels[(column / LANES + p) * inner..][..inner];
            }
            self.pixels::<S, M, R, P>(simd, column, b);
            column += P * LANES;
        }
        // Less than `P` are left where `P` is two.
        if column < self.matrix.cols() {
            self.pixels::<S, M, R, 1>(simd, column, [&panels[column / LANES * inner..][..inner]]);
        }
    }

    /// All pixels by some panels, in tiles of sizes as equal as can be.
    #[inline(always)]
    fn pixels<S: Simd, const M: usize, const R: usize, const P: usize>(
        &mut self,
        simd: S,
        column: usize,
        b: [&[[S::f32s; R]]; P],
    ) {
        let rows = self.places.len();
        let tiles = rows.div_ceil(M);
        let mut row = 0;
        for t in 0..tiles {
            let n = (rows - row).div_ceil(tiles - t);
            // SAFETY: `run` has checked pixels and places; `row + n` is at most their number.
            #[expect(unsafe_code, reason = "a tile checks no bounds")]
            unsafe {
                match n {
                    1 => self.tile::<S, 1, R, P>(simd, column, b, row),
                    2 => self.tile::<S, 2, R, P>(simd, column, b, row),
                    3 if M > 2 => self.tile::<S, 3, R, P>(simd, column, b, row),
                    4 if M > 2 => self.tile::<S, 4, R, P>(simd, column, b, row),
                    5 if M > 2 => self.tile::<S, 5, R, P>(simd, column, b, row),
                    6 if M > 2 => self.tile::<S, 6, R, P>(simd, column, b, row),
                    7 if M > 6 => self.tile::<S, 7, R, P>(simd, column, b, row),
                    8 if M > 6 => self.tile::<S, 8, R, P>(simd, column, b, row),
                    _ => unreachable!("tiles of at most {M} pixels"),
                }
            }
            row += n;
        }
    }

    /// `N` pixels from `row` on by the panels from `column` on.
    ///
    /// # Safety
    /// There are at least `row + N` pixels: `a` holds `inner` numbers for each of them, and `out` `cols` numbers from
    /// the place of each on. `column + P * LANES` is at most `cols`, and `b` has `inner` entries in each panel.
    #[expect(
        unsafe_code,
        reason = "for few input channels the checks would cost as much as the work"
    )]
    #[inline(always)]
    unsafe fn tile<S: Simd, const N: usize, const R: usize, const P: usize>(
        &mut self,
        simd: S,
        column: usize,
        b: [&[[S::f32s; R]]; P],
        row: usize,
    ) {
        let (inner, cols) = (self.matrix.inner, self.matrix.cols());
        let mut a: [&[f32]; N] = [&[]; N];
        let base = self.out.as_mut_ptr();
        let mut out = [std::ptr::null_mut::<S::f32s>(); N];
        for n in 0..N {
            let place = match self.places {
                Places::Even { .. } => (row + n) * cols,
                Places::Listed(places) => places[row + n],
            };
            // SAFETY: the caller's promise; registers of numbers need no more alignment than numbers.
            unsafe {
                a[n] = std::slice::from_raw_parts(self.a.as_ptr().add((row + n) * inner), inner);
                out[n] = base.add(place + column).cast();
            }
        }
        let Finish { bias, bend } = &self.matrix.finish;
        let (bias, bend) = (
            registers::<S>(&bias[column..][..P * LANES]),
            registers::<S>(&bend[column..][..P * LANES]),
        );
        let mut sums = [[[simd.splat_f32s(0.0); R]; P]; N];
        for n in 0..N {
            for p in 0..P {
                for r in 0..R {
                    sums[n][p][r] = bias[p * R + r];
                }
            }
        }
        sums = multiply(simd, a, b, sums);
        if !self.matrix.plain {
            for n in 0..N {
                for p in 0..P {
                    for r in 0..R {
                        sums[n][p][r] = activate(simd, sums[n][p][r], bend[p * R + r]);
                    }
                }
            }
        }
        for n in 0..N {
            for p in 0..P {
                for r in 0..R {
                    // SAFETY: as above: `P * R` registers are `P * LANES` numbers.
                    unsafe { *out[n].add(p * R + r) = sums[n][p][r] };
                }
            }
        }
    }
}

/// Adds the products of `N` rows with `P` panels to the sums.
#[inline(always)]
pub(super) fn multiply<S: Simd, const N: usize, const R: usize, const P: usize>(
    simd: S,
    a: [&[f32]; N],
    b: [&[[S::f32s; R]]; P],
    mut sums: [[[S::f32s; R]; P]; N],
) -> [[[S::f32s; R]; P]; N] {
    let len = b[0].len();
    assert!(
        a.iter().all(|row| row.len() == len) && b.iter().all(|panel| panel.len() == len),
        "input channels"
    );
    for k in 0..len {
        for n in 0..N {
            // SAFETY: `k < len`, and every row and panel has that length.
            #[expect(unsafe_code, reason = "the innermost loop of all")]
            let x = simd.splat_f32s(unsafe { *a[n].get_unchecked(k) });
            for p in 0..P {
                // SAFETY: as above.
                #[expect(unsafe_code, reason = "the innermost loop of all")]
                let panel = unsafe { b[p].get_unchecked(k) };
                for r in 0..R {
                    sums[n][p][r] = multiply_add(simd, x, panel[r], sums[n][p][r]);
                }
            }
        }
    }
    sums
}
