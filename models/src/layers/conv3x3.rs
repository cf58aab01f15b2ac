//! The first convolution: 3×3 over the three colours, one pixel of zero padding.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, bail};
use candle_nn::VarBuilder;

use super::{Activation, LANES, Lanes, Stride, activate, contiguous, lanes, values};
use crate::Threads;

const COLOURS: usize = 3;
/// Numbers that one row of the window covers.
const RUN: usize = 3 * COLOURS;
/// Output pixels computed together, so that additions do not wait for each other.
const TOGETHER: usize = 4;

/// The layer, with bias and activation.
#[derive(Debug)]
pub(crate) struct Conv3x3 {
    channels: usize,
    stride: Stride,
    blocks: Vec<Block>,
    threads: Threads,
}

/// The weights of [`LANES`] output channels.
#[derive(Debug)]
struct Block {
    /// For each row of the window, in the order of the input: column, colour.
    weight: [[Lanes; RUN]; 3],
    bias: Lanes,
    slope: Lanes,
}

impl Conv3x3 {
    /// Reads `weight` (channels, 3 colours, 3, 3), `bias` and, for PReLU, `slope` (channels).
    pub(crate) fn new(
        weights: &VarBuilder<'_>,
        channels: usize,
        stride: Stride,
        activation: Activation,
        threads: &Threads,
    ) -> Result<Self> {
        let weight = values(weights, (channels, COLOURS, 3, 3), "weight")?;
        let bias = lanes(&values(weights, channels, "bias")?)?;
        let slope = lanes(&activation.slopes(weights, channels)?)?;
        let at = |channel: usize, colour: usize, ky: usize, kx: usize| {
            weight[((channel * COLOURS + colour) * 3 + ky) * 3 + kx]
        };
        let blocks = bias.into_iter().zip(slope).enumerate();
        let blocks = blocks
            .map(|(block, (bias, slope))| Block {
                weight: std::array::from_fn(|ky| {
                    std::array::from_fn(|j| {
                        std::array::from_fn(|c| at(block * LANES + c, j % COLOURS, ky, j / COLOURS))
                    })
                }),
                bias,
                slope,
            })
            .collect();
        Ok(Self {
            channels,
            stride,
            blocks,
            threads: threads.clone(),
        })
    }

    #[inline(always)]
    fn row(&self, rows: [Option<&[f32]>; 3], width: usize, out: &mut [f32]) {
        let n = self.blocks.len();
        let step = self.stride as usize;
        let out = out.as_chunks_mut().0;
        let cols = out.len() / n;
        let mut x = 0;
        while x < cols {
            let middle = x * step;
            // The last column that the group looks at has to exist, and the first not to be the border's.
            let last = middle + (TOGETHER - 1) * step + 1;
            if x > 0 && x + TOGETHER <= cols && last < width {
                let start = (middle - 1) * COLOURS;
                let len = (last - (middle - 1) + 1) * COLOURS;
                let rows = rows.map(|row| row.map(|row| &row[start..start + len]));
                group(
                    &self.blocks,
                    rows,
                    step * COLOURS,
                    &mut out[x * n..(x + TOGETHER) * n],
                );
                x += TOGETHER;
            } else {
                at_edge(&self.blocks, rows, middle, width, &mut out[x * n..(x + 1) * n]);
                x += 1;
            }
        }
    }
}

/// [`TOGETHER`] neighbouring pixels, all columns of whose windows exist.
#[inline(always)]
fn group(blocks: &[Block], rows: [Option<&[f32]>; 3], step: usize, out: &mut [Lanes]) {
    let n = blocks.len();
    for (i, block) in blocks.iter().enumerate() {
        let mut sums = [block.bias; TOGETHER];
        for (row, weight) in rows.iter().zip(&block.weight) {
            let Some(row) = row else { continue };
            let row = &row[..(TOGETHER - 1) * step + RUN];
            for (j, weight) in weight.iter().enumerate() {
                for (p, sum) in sums.iter_mut().enumerate() {
                    scale_add(sum, row[p * step + j], weight);
                }
            }
        }
        for (p, sum) in sums.iter().enumerate() {
            out[p * n + i] = activate(sum, &block.slope);
        }
    }
}

/// A pixel at the border: neighbours outside count as zero.
#[inline(always)]
fn at_edge(blocks: &[Block], rows: [Option<&[f32]>; 3], middle: usize, width: usize, out: &mut [Lanes]) {
    for (block, out) in blocks.iter().zip(out) {
        let mut sum = block.bias;
        for (row, weight) in rows.iter().zip(&block.weight) {
            let Some(row) = row else { continue };
            for kx in 0..3 {
                // `x + 1`, because the left neighbour of the first column has no number.
                let x1 = middle + kx;
                if x1 >= 1 && x1 <= width {
                    for colour in 0..COLOURS {
                        scale_add(
                            &mut sum,
                            row[(x1 - 1) * COLOURS + colour],
                            &weight[kx * COLOURS + colour],
                        );
                    }
                }
            }
        }
        *out = activate(&sum, &block.slope);
    }
}

#[inline(always)]
fn scale_add(sum: &mut Lanes, x: f32, weight: &Lanes) {
    for i in 0..LANES {
        sum[i] += x * weight[i];
    }
}

impl CustomOp1 for Conv3x3 {
    fn name(&self) -> &'static str {
        "conv-3x3"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, colours) = layout.shape().dims4()?;
        if colours != COLOURS {
            bail!("a picture has {COLOURS} colours, not {colours}");
        }
        let input = contiguous(storage, layout)?;
        let (rows, cols) = (self.stride.out(height), self.stride.out(width));
        let mut out = vec![0.0; batch * rows * cols * self.channels];
        let row_len = width * COLOURS;
        self.threads.for_rows(
            &mut out,
            cols * self.channels,
            #[inline(always)]
            |i, out| {
                let (picture, y) = (i / rows, i % rows * self.stride as usize);
                let row = |y: usize| &input[(picture * height + y) * row_len..][..row_len];
                let rows = [
                    y.checked_sub(1).map(row),
                    Some(row(y)),
                    (y + 1 < height).then(|| row(y + 1)),
                ];
                self.row(rows, width, out);
            },
        );
        Ok((
            CpuStorage::F32(out),
            Shape::from((batch, rows, cols, self.channels)),
        ))
    }
}
