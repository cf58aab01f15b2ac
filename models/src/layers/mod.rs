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

pub(crate) use conv3x3::Conv3x3;
pub(crate) use depthwise::DepthwiseConv3x3;
pub(crate) use linear::Linear;
pub(crate) use pointwise::Pointwise;
pub(crate) use pool::{MaxPool2x2, UpsampleAdd};

/// Channels that a loop handles together: one AVX-512 register, two of AVX2, four of NEON.
pub(crate) const LANES: usize = 16;

/// [`LANES`] channels of one pixel, or of a weight.
pub(crate) type Lanes = [f32; LANES];

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
    /// All three are `max(x, 0) + slope · min(x, 0)`.
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

/// Groups channels for the loops.
fn lanes(values: &[f32]) -> Result<Vec<Lanes>> {
    match values.as_chunks() {
        (blocks, []) => Ok(blocks.to_vec()),
        _ => bail!("{} channels are no multiple of {LANES}", values.len()),
    }
}

/// The numbers behind a contiguous tensor.
fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("the layer needs a contiguous tensor"),
    }
}

/// `max(x, 0) + slope · min(x, 0)` on every channel of a block.
#[inline(always)]
fn activate(x: &Lanes, slope: &Lanes) -> Lanes {
    std::array::from_fn(|i| x[i].max(0.0) + slope[i] * x[i].min(0.0))
}

/// `sum + x · y` on every channel of a block.
#[inline(always)]
fn multiply_add(sum: &mut Lanes, x: &Lanes, y: &Lanes) {
    for i in 0..LANES {
        sum[i] += x[i] * y[i];
    }
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
