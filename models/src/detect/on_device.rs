//! YuNet with candle's own operations.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;

use super::network::{BACKBONE, FEATURES, HALVED_AFTER, OUTPUTS, STEM, TAKEN_AFTER};
use crate::Instructions;
use crate::device::{Conv3x3, Depthwise, Pointwise, double, halve, upload};
use crate::layers::{Activation, Source, Stride};
use crate::levels::{Map, STRIDES};

/// A 1×1 convolution and a depthwise one.
#[derive(Debug)]
struct Pair(Pointwise, Depthwise);

impl Pair {
    fn new(
        weights: &VarBuilder<'_>,
        (input, output): (usize, usize),
        activation: Activation,
    ) -> Result<Self> {
        Ok(Self(
            Pointwise::new(&weights.pp("pointwise"), input, output, Activation::Identity)?,
            Depthwise::new(&weights.pp("depthwise"), output, Stride::One, activation)?,
        ))
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.1.forward(&self.0.forward(x)?)
    }
}

#[derive(Debug)]
pub(super) struct YuNet {
    stem: Conv3x3,
    backbone: Vec<Pair>,
    neck: Vec<Pair>,
    heads: Vec<Pair>,
    device: Device,
}

impl YuNet {
    pub(super) fn new(weights: &[u8], device: &Device) -> Result<Self> {
        let weights = VarBuilder::from_slice_safetensors(weights, DType::F32, device)?;
        let pairs = |name: &str, sizes: &[(usize, usize)], activation: Activation| {
            let pair = |(i, &size)| Pair::new(&weights.pp(name).pp(i), size, activation);
            sizes.iter().enumerate().map(pair).collect::<Result<_>>()
        };
        Ok(Self {
            stem: Conv3x3::new(&weights.pp("stem"), STEM, Stride::Two, Activation::Relu)?,
            backbone: pairs("backbone", &BACKBONE, Activation::Relu)?,
            neck: pairs("neck", &[(FEATURES, FEATURES); 3], Activation::Relu)?,
            heads: pairs("head", &[(FEATURES, OUTPUTS); 3], Activation::Identity)?,
            device: device.clone(),
        })
    }

    pub(super) fn look<R>(
        &self,
        picture: &dyn Source,
        instructions: Instructions,
        read: impl FnOnce([Map<'_>; 3]) -> R,
    ) -> Result<R> {
        let mut x = self
            .stem
            .forward(&upload(&[picture], instructions, &self.device)?)?;
        let mut taken = Vec::with_capacity(STRIDES.len());
        for (i, pair) in self.backbone.iter().enumerate() {
            x = pair.forward(&x)?;
            if TAKEN_AFTER.contains(&i) {
                taken.push(x.clone());
            }
            if HALVED_AFTER.contains(&i) {
                x = halve(&x)?;
            }
        }
        let mut coarser: Option<Tensor> = None;
        let mut cells: [Vec<f32>; 3] = Default::default();
        for level in (0..STRIDES.len()).rev() {
            let features = match &coarser {
                Some(coarser) => (&taken[level] + double(coarser)?)?,
                None => taken[level].clone(),
            };
            let features = self.neck[level].forward(&features)?;
            cells[level] = self.heads[level].forward(&features)?.flatten_all()?.to_vec1()?;
            coarser = Some(features);
        }
        let cols = picture.shape().cols;
        Ok(read(std::array::from_fn(|level| Map {
            stride: STRIDES[level],
            cols: cols / STRIDES[level],
            cells: &cells[level],
        })))
    }
}
