//! The network SFace: MobileFaceNet's chain of depthwise and pointwise convolutions, PReLU behind each.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;

use crate::Threads;
use crate::layers::{Activation, Conv3x3, DepthwiseConv3x3, Linear, Pointwise, Separable, Stride};

/// Input and output channels of each block, and the step of its depthwise convolution.
const BLOCKS: [(usize, usize, Stride); 13] = [
    (32, 64, Stride::One),
    (64, 128, Stride::Two),
    (128, 128, Stride::One),
    (128, 256, Stride::Two),
    (256, 256, Stride::One),
    (256, 512, Stride::Two),
    (512, 512, Stride::One),
    (512, 512, Stride::One),
    (512, 512, Stride::One),
    (512, 512, Stride::One),
    (512, 512, Stride::One),
    (512, 1024, Stride::Two),
    (1024, 1024, Stride::One),
];
/// The last feature map: 7×7 cells of 1,024 channels.
const FEATURES: usize = 7 * 7 * 1024;
const EMBEDDING: usize = 128;

#[derive(Debug)]
pub(super) struct SFace {
    stem: Conv3x3,
    blocks: Vec<Separable>,
    last: Linear,
}

impl SFace {
    pub(super) fn new(weights: &[u8], threads: &Threads) -> Result<Self> {
        let weights = VarBuilder::from_slice_safetensors(weights, DType::F32, &Device::Cpu)?;
        let activation = Activation::Prelu;
        let blocks = BLOCKS.iter().enumerate().map(|(i, &(input, output, stride))| {
            let weights = weights.pp("blocks").pp(i);
            Ok(Separable {
                depthwise: DepthwiseConv3x3::new(
                    &weights.pp("depthwise"),
                    input,
                    stride,
                    activation,
                    threads,
                )?,
                pointwise: Pointwise::new(&weights.pp("pointwise"), input, output, activation, threads)?,
            })
        });
        Ok(Self {
            stem: Conv3x3::new(&weights.pp("stem"), 32, Stride::One, activation, threads)?,
            blocks: blocks.collect::<Result<_>>()?,
            last: Linear::new(&weights.pp("fc"), FEATURES, EMBEDDING, threads)?,
        })
    }

    /// `input`: (batch, 112, 112, RGB), values from -1 to 1. Gives (batch, 128).
    pub(super) fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let mut x = input.apply_op1_no_bwd(&self.stem)?;
        for block in &self.blocks {
            x = block.depthwise_first(&x)?;
        }
        x.apply_op1_no_bwd(&self.last)
    }
}
