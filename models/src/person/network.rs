//! The network NanoDet-g: a backbone of cross-stage partial blocks, a neck that takes coarse features to finer ones and
//! back, a head for each of three levels.
//!
//! A stage begins with a convolution `stem`; pairs of convolutions `reduce` and `expand` follow, the second reading the
//! first; a convolution `fuse` reads both of the last pair, and what comes after the stage reads `fuse` and `stem`.

use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::VarBuilder;

use crate::Compute;
use crate::layers::buffers::{Buffer, Pool};
use crate::layers::{
    Activation, Chain, Conv3x3, FromPicture, Resample, Resampling, Side, Source, Stage, Stride, WindowConv,
    WindowConvSize,
};
use crate::levels::{self, Map, STRIDES};

/// Numbers that a head gives for each cell: person, 4 × 11 of the box, 3 that mean nothing.
pub(super) const OUTPUTS: usize = 48;
/// Channels of the first convolution, whose map is a quarter as large as the picture.
const STEM: usize = 32;
/// Channels of the features that the heads look at.
const FEATURES: usize = 128;

/// A stage of the backbone: input channels, channels of its stem, of a pair's convolutions, and how many pairs.
struct StageSize {
    input: [usize; 2],
    stem: usize,
    pair: usize,
    pairs: usize,
}

const STAGES: [StageSize; 4] = [
    StageSize {
        input: [STEM, 0],
        stem: 32,
        pair: 16,
        pairs: 1,
    },
    StageSize {
        input: [32, 32],
        stem: 64,
        pair: 32,
        pairs: 2,
    },
    StageSize {
        input: [64, 64],
        stem: 128,
        pair: 64,
        pairs: 2,
    },
    StageSize {
        input: [128, 128],
        stem: 256,
        pair: 128,
        pairs: 3,
    },
];

#[derive(Debug)]
struct StageLayers {
    stem: WindowConv,
    /// `reduce` and `expand`.
    pairs: Vec<[WindowConv; 2]>,
    fuse: WindowConv,
}

#[derive(Debug)]
pub(super) struct NanoDet {
    first: Chain,
    stages: [StageLayers; 4],
    /// From each of the last three stages to the features.
    laterals: [WindowConv; 3],
    /// Of each level: 3×3, and the head itself.
    heads: [[WindowConv; 2]; 3],
    compute: Compute,
    buffers: Pool<15>,
}

impl NanoDet {
    pub(super) fn new(weights: &[u8], compute: &Compute) -> Result<Self> {
        let weights = VarBuilder::from_slice_safetensors(weights, DType::F32, &Device::Cpu)?;
        let conv = |name: &str, side, input, output, stride, activation| {
            let size = WindowConvSize {
                side,
                input,
                output,
                stride,
                activation,
                border: 1,
            };
            WindowConv::new(&weights.pp(name), size, compute)
        };
        let three = |name: &str, input, output, stride| {
            conv(name, Side::Three, input, output, stride, Activation::LeakyRelu)
        };
        let stage = |i: usize| {
            let StageSize {
                input,
                stem,
                pair,
                pairs,
            } = STAGES[i];
            let name = |layer: &str| format!("stages.{i}.{layer}");
            let stride = if i == 0 { Stride::One } else { Stride::Two };
            let pairs = (0..pairs).map(|p| {
                let before = if p == 0 { [stem, 0] } else { [pair, pair] };
                Ok([
                    three(&name(&format!("reduce.{p}")), before, pair, Stride::One)?,
                    three(&name(&format!("expand.{p}")), [pair, 0], pair, Stride::One)?,
                ])
            });
            Result::Ok(StageLayers {
                stem: three(&name("stem"), input, stem, stride)?,
                pairs: pairs.collect::<Result<_>>()?,
                fuse: three(&name("fuse"), [pair, pair], stem, Stride::One)?,
            })
        };
        let lateral = |level: usize| {
            let stem = STAGES[level + 1].stem;
            let name = format!("laterals.{level}");
            let plain = Activation::Identity;
            conv(&name, Side::One, [stem, stem], FEATURES, Stride::One, plain)
        };
        let head = |level: usize| {
            let features = [FEATURES, 0];
            let last = WindowConvSize {
                side: Side::One,
                input: features,
                output: OUTPUTS,
                stride: Stride::One,
                activation: Activation::Identity,
                border: 0,
            };
            Result::Ok([
                three(&format!("heads.{level}.0"), features, FEATURES, Stride::One)?,
                WindowConv::new(&weights.pp(format!("heads.{level}.1")), last, compute)?,
            ])
        };
        let stem = Conv3x3::new(&weights.pp("stem"), STEM, Stride::Two, Activation::LeakyRelu)?;
        Ok(Self {
            first: Chain::new(vec![Stage::Conv3x3(stem), Stage::MaxPool], compute),
            stages: [stage(0)?, stage(1)?, stage(2)?, stage(3)?],
            laterals: [lateral(0)?, lateral(1)?, lateral(2)?],
            heads: [head(0)?, head(1)?, head(2)?],
            compute: compute.clone(),
            buffers: Pool::new(),
        })
    }

    /// Looks at a picture whose sides are multiples of 32, and gives what it says of each level.
    pub(super) fn look<R>(&self, picture: &dyn Source, read: impl FnOnce([Map<'_>; 3]) -> R) -> Result<R> {
        let size = picture.shape();
        let shape = |stride: usize, channels: usize, border: usize| {
            (
                1,
                size.rows / stride + 2 * border,
                size.cols / stride + 2 * border,
                channels,
            )
        };
        let resample = |how| Resample {
            how,
            instructions: self.compute.instructions(),
        };
        let compute = |layer: &WindowConv, from: [&Tensor; 2], to: Tensor| {
            // Of one map there is no second.
            match layer.reads_two() {
                true => to.inplace_op3(from[0], from[1], layer)?,
                false => to.inplace_op2(from[0], layer)?,
            }
            Result::Ok(to)
        };
        self.buffers.with(|buffers| {
            let [input, stem0, stem1, fuse0, fuse1, a, b, c, d, rest @ ..] = buffers;
            let [lateral0, lateral1, lateral2, head0, head1, head2] = rest;
            let picture_map = input.view(shape(4, STEM, 1))?;
            picture_map.inplace_op1(&FromPicture {
                chain: &self.first,
                picture,
                border: 1,
            })?;
            let mut before = [picture_map.clone(), picture_map];
            let mut features = Vec::with_capacity(STRIDES.len());
            let mut laterals = [lateral0, lateral1, lateral2].into_iter();
            for (i, (layers, size)) in self.stages.iter().zip(&STAGES).enumerate() {
                let stride = 4 << i;
                let (stem, fuse) = match i % 2 {
                    0 => (&mut *stem0, &mut *fuse0),
                    _ => (&mut *stem1, &mut *fuse1),
                };
                let stem = stem.view(shape(stride, size.stem, 1))?;
                let stem = compute(&layers.stem, [&before[0], &before[1]], stem)?;
                let mut pair = [stem.clone(), stem.clone()];
                for (p, [reduce, expand]) in layers.pairs.iter().enumerate() {
                    let (reduced, expanded) = match p % 2 {
                        0 => (&mut *a, &mut *b),
                        _ => (&mut *c, &mut *d),
                    };
                    let reduced = reduced.view(shape(stride, size.pair, 1))?;
                    let reduced = compute(reduce, [&pair[0], &pair[1]], reduced)?;
                    let expanded = expanded.view(shape(stride, size.pair, 1))?;
                    let expanded = compute(expand, [&reduced, &reduced], expanded)?;
                    pair = [expanded, reduced];
                }
                let fuse = fuse.view(shape(stride, size.stem, 1))?;
                let fuse = compute(&layers.fuse, [&pair[0], &pair[1]], fuse)?;
                before = [fuse, stem];
                if i > 0
                    && let Some(lateral) = laterals.next()
                {
                    let lateral = lateral.view(shape(stride, FEATURES, 1))?;
                    features.push(compute(&self.laterals[i - 1], [&before[0], &before[1]], lateral)?);
                }
            }
            let [fine, middle, coarse] = features.as_slice() else {
                bail!("the backbone has three levels");
            };
            // From the coarsest level to the finest, and back.
            let add = |map: &Tensor, other: &Tensor, how, level: usize, to: &mut Buffer| {
                let to = to.view(shape(STRIDES[level], FEATURES, 1))?;
                to.inplace_op3(map, other, &resample(how))?;
                Result::Ok(to)
            };
            let down1 = add(middle, coarse, Resampling::Up, 1, a)?;
            let level0 = add(fine, &down1, Resampling::Up, 0, b)?;
            let level1 = add(&down1, &level0, Resampling::Down, 1, c)?;
            let level2 = add(coarse, &level1, Resampling::Down, 2, d)?;
            let mut heads = Vec::with_capacity(STRIDES.len());
            for (level, (features, head)) in [level0, level1, level2]
                .iter()
                .zip([head0, head1, head2])
                .enumerate()
            {
                let [first, last] = &self.heads[level];
                let hidden = input.view(shape(STRIDES[level], FEATURES, 1))?;
                let hidden = compute(first, [features, features], hidden)?;
                let head = head.view(shape(STRIDES[level], OUTPUTS, 0))?;
                heads.push(compute(last, [&hidden, &hidden], head)?);
            }
            levels::read(&heads, read)
        })
    }
}
