//! SFace with candle's own operations.

use candle_core::{DType, Device, Result};
use candle_nn::VarBuilder;

use super::network::{BLOCKS, EMBEDDING, FEATURES, STEM};
use crate::Instructions;
use crate::device::{Conv3x3, Depthwise, Linear, Pointwise, upload};
use crate::layers::{Activation, Source, Stride};

#[derive(Debug)]
pub(super) struct SFace {
    stem: Conv3x3,
    blocks: Vec<(Depthwise, Pointwise)>,
    last: Linear,
    device: Device,
}

impl SFace {
    pub(super) fn new(weights: &[u8], device: &Device) -> Result<Self> {
        let weights = VarBuilder::from_slice_safetensors(weights, DType::F32, device)?;
        let activation = Activation::Prelu;
        let blocks = BLOCKS.iter().enumerate().map(|(i, &(input, output, stride))| {
            let weights = weights.pp("blocks").pp(i);
            Ok((
                Depthwise::new(&weights.pp("depthwise"), input, stride, activation)?,
                Pointwise::new(&weights.pp("pointwise"), input, output, activation)?,
            ))
        });
        Ok(Self {
            stem: Conv3x3::new(&weights.pp("stem"), STEM, Stride::One, activation)?,
            blocks: blocks.collect::<Result<_>>()?,
            last: Linear::new(&weights.pp("fc"), FEATURES, EMBEDDING)?,
            device: device.clone(),
        })
    }

    pub(super) fn embed(
        &self,
        pictures: &[&dyn Source],
        instructions: Instructions,
    ) -> Result<Vec<Vec<f32>>> {
        let mut x = self
            .stem
            .forward(&upload(pictures, instructions, &self.device)?)?;
        for (depthwise, pointwise) in &self.blocks {
            x = pointwise.forward(&depthwise.forward(&x)?)?;
        }
        self.last.forward(&x)?.to_vec2()
    }
}
