//! The loops that the networks spend their time in, over plain slices of `f32`.
//!
//! Each is written once and compiled for every instruction set ([`crate::instructions`]). A pixel's channels lie
//! together (NHWC) and are a multiple of [`LANES`]; weights are packed in the order in which the loops read them.
//! Sizes are checked when a kernel starts; its inner loops rely on that.

#![allow(
    clippy::needless_range_loop,
    reason = "one number indexes registers, weights and pixels alike"
)]

pub(crate) mod binary16;
pub(crate) mod columns;
pub(crate) mod dense;
pub(crate) mod depthwise;
pub(crate) mod first;
pub(crate) mod pixels;
pub(crate) mod product;
pub(crate) mod rows;
pub(crate) mod window;

use pulp::Simd;

use crate::instructions::Portable;

/// Channels come in multiples of this, so that every register width divides them: one register of AVX-512, two of
/// AVX2, four of NEON.
pub(crate) const LANES: usize = 16;

/// What comes behind a convolution's sum: `x + bias`, and of that `x` where positive, `slope · x` elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Finish {
    /// For each output channel.
    bias: Vec<f32>,
    /// For each output channel the slope minus 1, see [`activate`].
    bend: Vec<f32>,
}

impl Finish {
    /// For each output channel its bias and its slope: 1 for no activation, 0 for ReLU, PReLU's own.
    ///
    /// # Panics
    /// When they are not as many.
    pub(crate) fn new(bias: Vec<f32>, slope: Vec<f32>) -> Self {
        assert_eq!(bias.len(), slope.len(), "channels");
        let bend = slope.into_iter().map(|slope| slope - 1.0).collect();
        Self { bias, bend }
    }

    /// Output channels.
    pub(crate) fn channels(&self) -> usize {
        self.bias.len()
    }

    /// Whether there is no activation.
    fn is_plain(&self) -> bool {
        self.bend.iter().all(|bend| *bend == 0.0)
    }
}

/// Whether this is the code for every processor of the architecture.
#[inline(always)]
pub(crate) fn is_portable<S: Simd>() -> bool {
    std::any::TypeId::of::<S>() == std::any::TypeId::of::<Portable>()
}

/// Numbers as registers. A rest of less than a register is left off.
#[inline(always)]
pub(crate) fn registers<S: Simd>(values: &[f32]) -> &[S::f32s] {
    S::as_simd_f32s(values).0
}

/// The same to write to.
#[inline(always)]
pub(crate) fn registers_mut<S: Simd>(values: &mut [f32]) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(values).0
}

/// `a · b + c`, in one instruction where there is one.
#[inline(always)]
pub(crate) fn multiply_add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    // The portable registers' own calls a function that computes the exact result of a fused multiplication.
    if is_portable::<S>() {
        simd.add_f32s(simd.mul_f32s(a, b), c)
    } else {
        simd.mul_add_e_f32s(a, b, c)
    }
}

/// `x` where positive, `slope · x` elsewhere, with `bend` the slope minus 1. What is no number stays none; an infinity
/// may become none.
#[inline(always)]
pub(crate) fn activate<S: Simd>(simd: S, x: S::f32s, bend: S::f32s) -> S::f32s {
    // In this order of the arguments no instruction set puts the zero in the place of what is no number, or the sum
    // brings it back.
    multiply_add(simd, bend, simd.min_f32s(simd.splat_f32s(0.0), x), x)
}

#[cfg(test)]
pub(crate) mod tests;
