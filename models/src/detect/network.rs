//! The network YuNet: a backbone, a neck that adds coarse features to finer ones, a head for each of three levels.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;

use crate::Threads;
use crate::layers::{
    Activation, Conv3x3, DepthwiseConv3x3, MaxPool2x2, Pointwise, Separable, Stride, UpsampleAdd,
};

/// Pixels between neighbouring cells of the three levels.
pub(super) const STRIDES: [usize; 3] = [8, 16, 32];
/// Numbers that a head gives for each cell: cls, obj, 4 of the box, 10 of the landmarks.
pub(super) const OUTPUTS: usize = 16;

/// Input and output channels of the backbone's pairs of convolutions.
const BACKBONE: [(usize, usize); 11] = [
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
const HALVED_AFTER: [usize; 4] = [0, 4, 6, 8];
/// The backbone's pairs whose outputs the neck takes, one for each level.
const TAKEN_AFTER: [usize; 3] = [6, 8, 10];

/// What the network says of one level.
#[derive(Debug)]
pub(super) struct Map {
    /// Pixels of the input between neighbouring cells.
    pub(super) stride: usize,
    /// Cells in a row.
    pub(super) cols: usize,
    /// [`OUTPUTS`] numbers for each cell, row by row. The first two are before the sigmoid.
    pub(super) cells: Vec<f32>,
}

#[derive(Debug)]
pub(super) struct YuNet {
    stem: Conv3x3,
    backbone: Vec<Separable>,
    neck: Vec<Separable>,
    heads: Vec<Separable>,
    pool: MaxPool2x2,
    upsample: UpsampleAdd,
}

impl YuNet {
    pub(super) fn new(weights: &[u8], threads: &Threads) -> Result<Self> {
        let weights = VarBuilder::from_slice_safetensors(weights, DType::F32, &Device::Cpu)?;
        let pair = |name: &str, i: usize, (input, output): (usize, usize), activation: Activation| {
            let weights = weights.pp(name).pp(i);
            let identity = Activation::Identity;
            Ok(Separable {
                pointwise: Pointwise::new(&weights.pp("pointwise"), input, output, identity, threads)?,
                depthwise: DepthwiseConv3x3::new(
                    &weights.pp("depthwise"),
                    output,
                    Stride::One,
                    activation,
                    threads,
                )?,
            })
        };
        let backbone = BACKBONE
            .iter()
            .enumerate()
            .map(|(i, &size)| pair("backbone", i, size, Activation::Relu));
        let neck = (0..3).map(|i| pair("neck", i, (64, 64), Activation::Relu));
        let heads = (0..3).map(|i| pair("head", i, (64, OUTPUTS), Activation::Identity));
        Ok(Self {
            stem: Conv3x3::new(&weights.pp("stem"), 16, Stride::Two, Activation::Relu, threads)?,
            backbone: backbone.collect::<Result<_>>()?,
            neck: neck.collect::<Result<_>>()?,
            heads: heads.collect::<Result<_>>()?,
            pool: MaxPool2x2 {
                threads: threads.clone(),
            },
            upsample: UpsampleAdd {
                threads: threads.clone(),
            },
        })
    }

    /// `input`: (1, rows, columns, RGB), both sides multiples of 32, values 0 to 255.
    pub(super) fn forward(&self, input: &Tensor) -> Result<Vec<Map>> {
        let mut x = input.apply_op1_no_bwd(&self.stem)?;
        let mut taken = Vec::with_capacity(STRIDES.len());
        for (i, pair) in self.backbone.iter().enumerate() {
            x = pair.pointwise_first(&x)?;
            if TAKEN_AFTER.contains(&i) {
                taken.push(x.clone());
            }
            if HALVED_AFTER.contains(&i) {
                x = x.apply_op1_no_bwd(&self.pool)?;
            }
        }
        // From the coarsest level to the finest, each taking in the one before it.
        let mut coarser: Option<Tensor> = None;
        let mut maps = Vec::with_capacity(STRIDES.len());
        for level in (0..STRIDES.len()).rev() {
            let features = match &coarser {
                Some(coarser) => taken[level].apply_op2_no_bwd(coarser, &self.upsample)?,
                None => taken[level].clone(),
            };
            let features = self.neck[level].pointwise_first(&features)?;
            let cells = self.heads[level].pointwise_first(&features)?;
            let cols = cells.dim(2)?;
            maps.push(Map {
                stride: STRIDES[level],
                cols,
                cells: cells.flatten_all()?.to_vec1()?,
            });
            coarser = Some(features);
        }
        maps.reverse();
        Ok(maps)
    }
}
