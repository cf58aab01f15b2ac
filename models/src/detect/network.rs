//! The network YuNet: a backbone, a neck that adds coarse features to finer ones, a head for each of three levels.

use candle_core::{DType, Device, Result, bail};
use candle_nn::VarBuilder;

use crate::Compute;
use crate::layers::buffers::Pool;
use crate::layers::{
    Activation, Chain, Conv3x3, DepthwiseConv3x3, FromMap, FromPicture, FromSum, Pointwise, Source, Stage,
    Stride,
};
use crate::levels::{self, Map, STRIDES};

/// Numbers that a head gives for each cell: cls, obj, 4 of the box, 10 of the landmarks.
pub(super) const OUTPUTS: usize = 16;
/// Channels of the first convolution.
pub(super) const STEM: usize = 16;
/// Channels of the features that the heads look at.
pub(super) const FEATURES: usize = 64;

/// Input and output channels of the backbone's pairs of convolutions.
pub(super) const BACKBONE: [(usize, usize); 11] = [
    (16, 16),
    (16, 16),
    (16, 32),
    (32, 32),
    (32, 64),
    (64, 64),
    (64, 64),
    (64, 64),
    (64, 64),
    (64, 64),
    (64, 64),
];
/// The backbone's pairs behind which its map is halved.
pub(super) const HALVED_AFTER: [usize; 4] = [0, 4, 6, 8];
/// The backbone's pairs whose outputs the neck takes, one for each level.
pub(super) const TAKEN_AFTER: [usize; 3] = [6, 8, 10];

#[derive(Debug)]
pub(super) struct YuNet {
    /// From the picture to the first level's map, from there to the second's, from there to the third's.
    backbone: [Chain; 3],
    /// The features of the second and third level.
    neck: [Chain; 2],
    /// The features of the first level, which nothing else needs, and its head; the heads of the others.
    heads: [Chain; 3],
    buffers: Pool<8>,
}

impl YuNet {
    pub(super) fn new(weights: &[u8], compute: &Compute) -> Result<Self> {
        let weights = VarBuilder::from_slice_safetensors(weights, DType::F32, &Device::Cpu)?;
        // A 1×1 convolution and a depthwise one.
        let pair = |name: &str, i: usize, (input, output): (usize, usize), activation: Activation| {
            let weights = weights.pp(name).pp(i);
            let pointwise = Pointwise::new(&weights.pp("pointwise"), input, output, Activation::Identity)?;
            let depthwise = DepthwiseConv3x3::new(&weights.pp("depthwise"), output, Stride::One, activation)?;
            Result::Ok([Stage::Pointwise(pointwise), Stage::Depthwise(depthwise)])
        };
        let stem = Conv3x3::new(&weights.pp("stem"), STEM, Stride::Two, Activation::Relu)?;
        let mut stages = vec![Stage::Conv3x3(stem)];
        let mut backbone = Vec::new();
        for (i, &size) in BACKBONE.iter().enumerate() {
            stages.extend(pair("backbone", i, size, Activation::Relu)?);
            if TAKEN_AFTER.contains(&i) {
                backbone.push(Chain::new(std::mem::take(&mut stages), compute));
            }
            if HALVED_AFTER.contains(&i) {
                stages.push(Stage::Halve);
            }
        }
        let neck = |level: usize| pair("neck", level, (FEATURES, FEATURES), Activation::Relu);
        let head = |level: usize| pair("head", level, (FEATURES, OUTPUTS), Activation::Identity);
        let chain = |stages: [Stage; 2]| Chain::new(stages.into(), compute);
        let finest = Chain::new(neck(0)?.into_iter().chain(head(0)?).collect(), compute);
        let Ok(backbone) = backbone.try_into() else {
            bail!("the backbone has three levels");
        };
        Ok(Self {
            backbone,
            neck: [chain(neck(1)?), chain(neck(2)?)],
            heads: [finest, chain(head(1)?), chain(head(2)?)],
            buffers: Pool::new(),
        })
    }

    /// Looks at a picture whose sides are multiples of 32, values 0 to 255, and gives what it says of each level.
    pub(super) fn look<R>(&self, picture: &dyn Source, read: impl FnOnce([Map<'_>; 3]) -> R) -> Result<R> {
        let size = picture.shape();
        let shape = |level: usize, channels: usize| {
            (
                1,
                size.rows / STRIDES[level],
                size.cols / STRIDES[level],
                channels,
            )
        };
        self.buffers
            .with(|[map0, map1, map2, near, far, head0, head1, head2]| {
                let map0 = map0.view(shape(0, FEATURES))?;
                let map1 = map1.view(shape(1, FEATURES))?;
                let map2 = map2.view(shape(2, FEATURES))?;
                map0.inplace_op1(&FromPicture {
                    chain: &self.backbone[0],
                    picture,
                    border: 0,
                })?;
                map1.inplace_op2(&map0, &FromMap(&self.backbone[1]))?;
                map2.inplace_op2(&map1, &FromMap(&self.backbone[2]))?;
                // From the coarsest level to the finest, each taking in the one before it.
                let far = far.view(shape(2, FEATURES))?;
                far.inplace_op2(&map2, &FromMap(&self.neck[1]))?;
                let head2 = head2.view(shape(2, OUTPUTS))?;
                head2.inplace_op2(&far, &FromMap(&self.heads[2]))?;
                let near = near.view(shape(1, FEATURES))?;
                near.inplace_op3(&map1, &far, &FromSum(&self.neck[0]))?;
                let head1 = head1.view(shape(1, OUTPUTS))?;
                head1.inplace_op2(&near, &FromMap(&self.heads[1]))?;
                let head0 = head0.view(shape(0, OUTPUTS))?;
                head0.inplace_op3(&map0, &near, &FromSum(&self.heads[0]))?;
                levels::read(&[head0, head1, head2], read)
            })
    }
}
