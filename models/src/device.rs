//! The networks with candle's own operations, for a device that is not the processor (feature `cuda`).
//!
//! Maps are (picture, row, column, channel) here too. A depthwise convolution is a sum of nine shifted copies, each
//! multiplied by its weights: as many launches whatever the number of channels, where candle's grouped convolution
//! makes one for each. The same code runs on the processor, which is how it is tested where there is no other
//! device; the kernels are many times faster there.

use candle_core::{Device, Result, Tensor};
use candle_nn::VarBuilder;

use crate::Instructions;
use crate::layers::{Activation, LEAK, Shape, Source, SourceMemory, Stride};

/// What comes behind a convolution's sum, in shapes that go with (picture, row, column, channel).
#[derive(Debug)]
struct Finish {
    bias: Tensor,
    activation: Activation,
    /// PReLU's.
    slope: Option<Tensor>,
}

impl Finish {
    fn new(weights: &VarBuilder<'_>, channels: usize, activation: Activation) -> Result<Self> {
        let slope = (activation == Activation::Prelu).then(|| weights.get(channels, "slope"));
        Ok(Self {
            bias: weights.get(channels, "bias")?,
            activation,
            slope: slope.transpose()?,
        })
    }

    fn apply(&self, sum: &Tensor) -> Result<Tensor> {
        let x = sum.broadcast_add(&self.bias)?;
        match (self.activation, &self.slope) {
            (Activation::Relu, _) => x.relu(),
            (Activation::Prelu, Some(slope)) => x.relu()? - x.neg()?.relu()?.broadcast_mul(slope)?,
            (Activation::LeakyRelu, _) => x.relu()? - (x.neg()?.relu()? * f64::from(LEAK))?,
            (Activation::Identity | Activation::Prelu, _) => Ok(x),
        }
    }
}

/// A 3×3 convolution over the three colours, with one pixel of padding.
#[derive(Debug)]
pub(crate) struct Conv3x3 {
    weight: Tensor,
    stride: Stride,
    finish: Finish,
}

impl Conv3x3 {
    pub(crate) fn new(
        weights: &VarBuilder<'_>,
        channels: usize,
        stride: Stride,
        activation: Activation,
    ) -> Result<Self> {
        Ok(Self {
            weight: weights.get((channels, 3, 3, 3), "weight")?,
            stride,
            finish: Finish::new(weights, channels, activation)?,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.permute((0, 3, 1, 2))?.contiguous()?;
        let sum = x.conv2d(&self.weight, 1, self.stride as usize, 1, 1)?;
        self.finish.apply(&sum.permute((0, 2, 3, 1))?.contiguous()?)
    }
}

/// A depthwise 3×3 convolution, with one pixel of padding.
#[derive(Debug)]
pub(crate) struct Depthwise {
    /// Row by row of the window, each with its channels.
    taps: [Tensor; 9],
    stride: Stride,
    finish: Finish,
}

impl Depthwise {
    pub(crate) fn new(
        weights: &VarBuilder<'_>,
        channels: usize,
        stride: Stride,
        activation: Activation,
    ) -> Result<Self> {
        let weight = weights
            .get((channels, 3, 3), "weight")?
            .reshape((channels, 9))?
            .t()?
            .contiguous()?;
        let mut taps = Vec::with_capacity(9);
        for tap in 0..9 {
            taps.push(weight.get(tap)?);
        }
        let Ok(taps) = taps.try_into() else {
            candle_core::bail!("a window has nine weights")
        };
        Ok(Self {
            taps,
            stride,
            finish: Finish::new(weights, channels, activation)?,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (_, height, width, _) = x.dims4()?;
        let step = self.stride as usize;
        let (rows, cols) = (height.div_ceil(step), width.div_ceil(step));
        // One pixel on each side; where every second one is taken, one more, so that the pairs are whole.
        let x = x.pad_with_zeros(1, 1, step)?.pad_with_zeros(2, 1, step)?;
        let mut sum: Option<Tensor> = None;
        for (tap, weight) in self.taps.iter().enumerate() {
            let shifted = every(&x.narrow(1, tap / 3, rows * step)?, 1, step)?;
            let shifted = every(&shifted.narrow(2, tap % 3, cols * step)?, 2, step)?;
            let product = shifted.broadcast_mul(weight)?;
            sum = Some(match sum {
                Some(sum) => (sum + product)?,
                None => product,
            });
        }
        match sum {
            Some(sum) => self.finish.apply(&sum),
            None => candle_core::bail!("a window has nine weights"),
        }
    }
}

/// Every `step`-th entry of a dimension.
fn every(x: &Tensor, dim: usize, step: usize) -> Result<Tensor> {
    if step == 1 {
        return Ok(x.clone());
    }
    let mut shape = x.dims().to_vec();
    shape[dim] /= step;
    shape.insert(dim + 1, step);
    x.reshape(shape)?.narrow(dim + 1, 0, 1)?.squeeze(dim + 1)
}

/// A 1×1 convolution.
#[derive(Debug)]
pub(crate) struct Pointwise {
    /// Input, output.
    weight: Tensor,
    finish: Finish,
}

impl Pointwise {
    pub(crate) fn new(
        weights: &VarBuilder<'_>,
        input: usize,
        output: usize,
        activation: Activation,
    ) -> Result<Self> {
        Ok(Self {
            weight: weights.get((output, input), "weight")?.t()?.contiguous()?,
            finish: Finish::new(weights, output, activation)?,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (pictures, rows, cols, channels) = x.dims4()?;
        let product = x.reshape(((), channels))?.matmul(&self.weight)?;
        self.finish.apply(&product.reshape((pictures, rows, cols, ()))?)
    }
}

/// The largest value of each 2×2 pixels. Both sides are even.
pub(crate) fn halve(x: &Tensor) -> Result<Tensor> {
    let (pictures, rows, cols, channels) = x.dims4()?;
    let pairs = x
        .reshape((pictures, rows / 2, 2, cols / 2, 2 * channels))?
        .max(2)?;
    pairs.reshape((pictures, rows / 2, cols / 2, 2, channels))?.max(3)
}

/// Each pixel as four.
pub(crate) fn double(x: &Tensor) -> Result<Tensor> {
    let (pictures, rows, cols, channels) = x.dims4()?;
    x.reshape((pictures, rows, 1, cols, 1, channels))?
        .broadcast_as((pictures, rows, 2, cols, 2, channels))?
        .reshape((pictures, 2 * rows, 2 * cols, channels))
}

/// A fully connected layer. Everything but the pictures is its input.
#[derive(Debug)]
pub(crate) struct Linear {
    /// Input, output.
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    pub(crate) fn new(weights: &VarBuilder<'_>, input: usize, output: usize) -> Result<Self> {
        Ok(Self {
            weight: weights.get((output, input), "weight")?.t()?.contiguous()?,
            bias: weights.get(output, "bias")?,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.flatten_from(1)?.matmul(&self.weight)?.broadcast_add(&self.bias)
    }
}

/// Pictures of one size on the device.
pub(crate) fn upload(
    pictures: &[&dyn Source],
    instructions: Instructions,
    device: &Device,
) -> Result<Tensor> {
    let Some(first) = pictures.first() else {
        candle_core::bail!("at least one picture is needed")
    };
    let Shape { rows, cols, channels } = first.shape();
    let (mut values, mut memory) = (
        vec![0.0; pictures.len() * rows * cols * channels],
        SourceMemory::default(),
    );
    let lines = values.chunks_exact_mut(cols * channels);
    for (line, (picture, row)) in lines.zip(pictures.iter().flat_map(|p| (0..rows).map(move |row| (p, row))))
    {
        picture.fill(row, instructions, &mut memory, line);
    }
    Tensor::from_vec(values, (pictures.len(), rows, cols, channels), device)
}
