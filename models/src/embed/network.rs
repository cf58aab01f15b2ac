//! The network SFace: MobileFaceNet's chain of depthwise and pointwise convolutions, PReLU behind each.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;

use crate::Compute;
use crate::layers::buffers::{Buffer, Pool};
use crate::layers::{
    Activation, Chain, Conv3x3, DepthwiseConv3x3, DepthwiseFirst, FromPicture, Linear, Pointwise, Source,
    Stage, Stride,
};

/// Input and output channels of each block, and the step of its depthwise convolution.
pub(super) const BLOCKS: [(usize, usize, Stride); 13] = [
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
/// Channels of the first convolution.
pub(super) const STEM: usize = 32;
/// The first blocks have large maps and few weights: they are computed row by row.
const BY_ROWS: usize = 3;
/// The blocks up to here are computed picture by picture; from here on there are more weights than activations, and
/// all pictures of a batch are multiplied with them together.
const SINGLY: usize = 6;
/// Side of the map behind the blocks that are computed row by row, and behind those computed picture by picture.
const ROWS_SIDE: usize = 56;
const SINGLY_SIDE: usize = 14;
/// The last feature map: 7×7 cells of 1,024 channels.
pub(super) const FEATURES: usize = 7 * 7 * 1024;
pub(super) const EMBEDDING: usize = 128;

#[derive(Debug)]
pub(super) struct SFace {
    first: Chain,
    blocks: Vec<DepthwiseFirst>,
    last: Linear,
    buffers: Pool<4>,
}

impl SFace {
    pub(super) fn new(weights: &[u8], compute: &Compute) -> Result<Self> {
        let weights = VarBuilder::from_slice_safetensors(weights, DType::F32, &Device::Cpu)?;
        let activation = Activation::Prelu;
        let block = |i: usize| {
            let (input, output, stride) = BLOCKS[i];
            let weights = weights.pp("blocks").pp(i);
            Result::Ok((
                DepthwiseConv3x3::new(&weights.pp("depthwise"), input, stride, activation)?,
                Pointwise::new(&weights.pp("pointwise"), input, output, activation)?,
            ))
        };
        let stem = Conv3x3::new(&weights.pp("stem"), STEM, Stride::One, activation)?;
        let mut stages = vec![Stage::Conv3x3(stem)];
        for i in 0..BY_ROWS {
            let (depthwise, pointwise) = block(i)?;
            stages.extend([Stage::Depthwise(depthwise), Stage::Pointwise(pointwise)]);
        }
        let blocks = (BY_ROWS..BLOCKS.len()).map(|i| {
            let (depthwise, pointwise) = block(i)?;
            Ok(DepthwiseFirst {
                depthwise,
                pointwise,
                border: usize::from(i + 1 < BLOCKS.len()),
                compute: compute.clone(),
            })
        });
        Ok(Self {
            first: Chain::new(stages, compute),
            blocks: blocks.collect::<Result<_>>()?,
            last: Linear::new(&weights.pp("fc"), FEATURES, EMBEDDING, compute)?,
            buffers: Pool::new(),
        })
    }

    /// The embeddings of pictures of 112×112, values from -1 to 1.
    pub(super) fn embed(&self, pictures: &[&dyn Source]) -> Result<Vec<Vec<f32>>> {
        let (singly, together) = self.blocks.split_at(SINGLY - BY_ROWS);
        let (rows, gathered) = (bordered(ROWS_SIDE), bordered(SINGLY_SIDE));
        self.buffers.with(|[even, odd, all, last]| {
            let all = all.view((pictures.len(), gathered, gathered, BLOCKS[SINGLY].0))?;
            for (i, &picture) in pictures.iter().enumerate() {
                let map = even.view((1, rows, rows, BLOCKS[BY_ROWS].0))?;
                map.inplace_op1(&FromPicture {
                    chain: &self.first,
                    picture,
                    border: 1,
                })?;
                through(
                    singly,
                    BY_ROWS,
                    map,
                    ROWS_SIDE,
                    [odd, even],
                    Some(all.narrow(0, i, 1)?),
                )?;
            }
            let map = through(together, SINGLY, all, SINGLY_SIDE, [odd, even], None)?;
            let embeddings = last.view((EMBEDDING, pictures.len()))?;
            embeddings.inplace_op2(&map, &self.last)?;
            embeddings.t()?.to_vec2()
        })
    }
}

/// The side of a map with its border.
fn bordered(side: usize) -> usize {
    side + 2
}

/// Computes blocks one after the other, writing by turns to one buffer and the other, and at last to `into` where
/// that is given. `first` is the number of the first of them, `side` that of the map without its border.
fn through(
    blocks: &[DepthwiseFirst],
    first: usize,
    mut map: Tensor,
    mut side: usize,
    buffers: [&mut Buffer; 2],
    mut into: Option<Tensor>,
) -> Result<Tensor> {
    let pictures = map.dim(0)?;
    for (i, (block, (_, channels, stride))) in blocks.iter().zip(&BLOCKS[first..]).enumerate() {
        side = side.div_ceil(*stride as usize);
        let with_border = side + 2 * block.border;
        let out = match into.take_if(|_| i + 1 == blocks.len()) {
            Some(into) => into,
            None => buffers[i % 2].view((pictures, with_border, with_border, *channels))?,
        };
        out.inplace_op2(&map, block)?;
        map = out;
    }
    Ok(map)
}
