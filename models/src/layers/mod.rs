//! What the two networks are made of, as candle custom operations on the processor.
//!
//! Activations are `f32`, contiguous, in the order picture, row, column, channel (NHWC), and their channels are a
//! multiple of [`LANES`] behind the first convolution. A layer packs its weights once, when it is made, in the
//! order in which its loops read them; a faster kernel changes a layer's inside and nothing around it.
//! candle's own convolutions are not used: grouped ones run channel by channel there, which is nine tenths of
//! the time of such a network.

mod conv3x3;
mod depthwise;
mod linear;
mod pointwise;
mod pool;

use candle_core::{CpuStorage, Layout, Result, Shape, Tensor, bail};
use candle_nn::VarBuilder;
use pulp::Simd;

pub(crate) use conv3x3::Conv3x3;
pub(crate) use depthwise::DepthwiseConv3x3;
pub(crate) use linear::Linear;
pub(crate) use pointwise::Pointwise;
pub(crate) use pool::{MaxPool2x2, UpsampleAdd};

/// Channels come in multiples of this, so that every register width divides them: one register of AVX-512, two of
/// AVX2, four of NEON.
pub(crate) const LANES: usize = 16;

/// The function behind a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// None.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, `slope · x` elsewhere, a slope for each channel (tensor `slope`).
    Prelu,
}

impl Activation {
    /// All three are `x` where positive, `slope · x` elsewhere.
    fn slopes(self, weights: &VarBuilder<'_>, channels: usize) -> Result<Vec<f32>> {
        match self {
            Self::Identity => Ok(vec![1.0; channels]),
            Self::Relu => Ok(vec![0.0; channels]),
            Self::Prelu => values(weights, channels, "slope"),
        }
    }
}

/// The step of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stride {
    /// As many pixels out as in.
    One = 1,
    /// Every second row and column.
    Two = 2,
}

impl Stride {
    /// Side of the output for a 3×3 window with one pixel of padding.
    fn out(self, side: usize) -> usize {
        match self {
            Self::One => side,
            Self::Two => side.div_ceil(2),
        }
    }
}

/// A tensor of the weights as plain numbers in its own order, converted to single precision.
fn values(weights: &VarBuilder<'_>, shape: impl Into<Shape>, name: &str) -> Result<Vec<f32>> {
    weights.get(shape.into(), name)?.flatten_all()?.to_vec1()
}

/// Refuses channels that the loops would leave a rest of.
fn whole_registers(channels: usize) -> Result<()> {
    if channels == 0 || !channels.is_multiple_of(LANES) {
        bail!("{channels} channels are no multiple of {LANES}");
    }
    Ok(())
}

/// The numbers behind a contiguous tensor.
fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("the layer needs a contiguous tensor"),
    }
}

/// Numbers as registers. The rest that [`whole_registers`] rules out is left off.
#[inline(always)]
fn registers<S: Simd>(values: &[f32]) -> &[S::f32s] {
    S::as_simd_f32s(values).0
}

/// The same to write to.
#[inline(always)]
fn registers_mut<S: Simd>(values: &mut [f32]) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(values).0
}

/// `x` where positive, `slope · x` elsewhere.
#[inline(always)]
fn activate<S: Simd>(simd: S, x: S::f32s, slope: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.mul_add_e_f32s(slope, simd.min_f32s(x, zero), simd.max_f32s(x, zero))
}

/// A 1×1 convolution and a depthwise 3×3 one: what both networks repeat, in either order.
#[derive(Debug)]
pub(crate) struct Separable {
    /// The 1×1 convolution.
    pub(crate) pointwise: Pointwise,
    /// The depthwise one.
    pub(crate) depthwise: DepthwiseConv3x3,
}

impl Separable {
    /// YuNet's order: 1×1 first.
    pub(crate) fn pointwise_first(&self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1_no_bwd(&self.pointwise)?
            .apply_op1_no_bwd(&self.depthwise)
    }

    /// SFace's order: 3×3 first.
    pub(crate) fn depthwise_first(&self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1_no_bwd(&self.depthwise)?
            .apply_op1_no_bwd(&self.pointwise)
    }
}

#[cfg(test)]
mod tests;
