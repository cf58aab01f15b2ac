//! What the networks are made of.
//!
//! On the processor, layers are joined to candle operations that compute several of them at once: a [`Chain`] row
//! by row, a [`DepthwiseFirst`] or a [`WindowConv`] block by block, a [`Linear`]. They write into tensors that are there already
//! ([`buffers`]), so that nothing is allocated from call to call. candle's own convolutions are not used: grouped
//! ones run channel by channel there, which is nine tenths of the time of such a network.
//!
//! Activations are `f32`, contiguous, in the order picture, row, column, channel (NHWC). A map may have a border of
//! one pixel of zeros, which spares a 3×3 convolution the edges.

pub(crate) mod buffers;
mod chain;
mod depthwise_first;
mod linear;
mod operations;
mod resample;
mod scratch;
mod source;
mod window_conv;

use candle_core::{Result, Shape as TensorShape, bail};
use candle_nn::VarBuilder;

pub(crate) use chain::{Chain, Stage};
pub(crate) use depthwise_first::DepthwiseFirst;
pub(crate) use linear::Linear;
pub(crate) use operations::{FromMap, FromPicture, FromSum};
pub(crate) use resample::{Resample, Resampling};
pub(crate) use source::{Source, SourceMemory};
pub(crate) use window_conv::{Side, WindowConv, WindowConvSize};

use crate::kernels::product::Matrix;
use crate::kernels::{Finish, LANES, depthwise, first};

/// The function behind a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// None.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, `slope · x` elsewhere, a slope for each channel (tensor `slope`).
    Prelu,
    /// `x` where positive, `0.1 · x` elsewhere.
    LeakyRelu,
}

/// Slope of [`Activation::LeakyRelu`].
pub(crate) const LEAK: f32 = 0.1;

impl Activation {
    /// Bias (tensor `bias`) and slope of each channel.
    fn finish(self, weights: &VarBuilder<'_>, channels: usize) -> Result<Finish> {
        if channels == 0 || !channels.is_multiple_of(LANES) {
            bail!("{channels} channels are no multiple of {LANES}");
        }
        let bias = values(weights, channels, "bias")?;
        let slope = match self {
            Self::Identity => vec![1.0; channels],
            Self::Relu => vec![0.0; channels],
            Self::Prelu => values(weights, channels, "slope")?,
            Self::LeakyRelu => vec![LEAK; channels],
        };
        Ok(Finish::new(bias, slope))
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
        side.div_ceil(self as usize)
    }
}

/// The size of one picture's feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) channels: usize,
}

impl Shape {
    fn strided(self, stride: Stride, channels: usize) -> Self {
        Self {
            rows: stride.out(self.rows),
            cols: stride.out(self.cols),
            channels,
        }
    }

    fn resized(self, rows: usize, cols: usize) -> Self {
        Self { rows, cols, ..self }
    }

    /// Numbers in a row without a border.
    fn row_len(self) -> usize {
        self.cols * self.channels
    }

    /// Numbers in a row with its border.
    fn pitch(self, border: usize) -> usize {
        (self.cols + 2 * border) * self.channels
    }

    /// Numbers of the map with its border.
    fn bordered_len(self, border: usize) -> usize {
        (self.rows + 2 * border) * self.pitch(border)
    }

    /// Where a row begins, behind its border.
    fn start_of(self, row: usize, border: usize) -> usize {
        (row + border) * self.pitch(border) + border * self.channels
    }

    /// Sets the border to zeros.
    fn clear_border(self, border: usize, map: &mut [f32]) {
        if border == 0 {
            return;
        }
        let (pitch, margin) = (self.pitch(border), border * self.channels);
        map[..border * pitch].fill(0.0);
        for row in map[border * pitch..].chunks_exact_mut(pitch) {
            row[..margin].fill(0.0);
            row[pitch - margin..].fill(0.0);
        }
        map[(self.rows + border) * pitch..].fill(0.0);
    }
}

/// A 3×3 convolution over the three colours, with one pixel of padding.
#[derive(Debug)]
pub(crate) struct Conv3x3 {
    weights: first::Weights,
    stride: Stride,
}

impl Conv3x3 {
    /// Reads `weight` (channels, 3 colours, 3, 3), `bias` and, for PReLU, `slope` (channels).
    pub(crate) fn new(
        weights: &VarBuilder<'_>,
        channels: usize,
        stride: Stride,
        activation: Activation,
    ) -> Result<Self> {
        let finish = activation.finish(weights, channels)?;
        let by_output = values(weights, (channels, first::COLOURS, 3, 3), "weight")?;
        Ok(Self {
            weights: first::Weights::new(&by_output, finish),
            stride,
        })
    }
}

/// A depthwise 3×3 convolution, with one pixel of padding.
#[derive(Debug)]
pub(crate) struct DepthwiseConv3x3 {
    weights: depthwise::Weights,
    stride: Stride,
}

impl DepthwiseConv3x3 {
    /// Reads `weight` (channels, 3, 3), `bias` and, for PReLU, `slope` (channels).
    pub(crate) fn new(
        weights: &VarBuilder<'_>,
        channels: usize,
        stride: Stride,
        activation: Activation,
    ) -> Result<Self> {
        let finish = activation.finish(weights, channels)?;
        let by_channel = values(weights, (channels, 3, 3), "weight")?;
        Ok(Self {
            weights: depthwise::Weights::new(&by_channel, &finish),
            stride,
        })
    }
}

/// A 1×1 convolution.
#[derive(Debug)]
pub(crate) struct Pointwise {
    matrix: Matrix,
}

impl Pointwise {
    /// Reads `weight` (output, input), `bias` and, for PReLU, `slope` (output).
    pub(crate) fn new(
        weights: &VarBuilder<'_>,
        input: usize,
        output: usize,
        activation: Activation,
    ) -> Result<Self> {
        let finish = activation.finish(weights, output)?;
        let by_output = values(weights, (output, input), "weight")?;
        Ok(Self {
            matrix: Matrix::new(&by_output, input, finish),
        })
    }
}

/// A tensor of the weights as plain numbers in its own order, converted to single precision.
fn values(weights: &VarBuilder<'_>, shape: impl Into<TensorShape>, name: &str) -> Result<Vec<f32>> {
    weights.get(shape.into(), name)?.flatten_all()?.to_vec1()
}

#[cfg(test)]
mod tests;
