//! Depthwise 3×3 convolution: each channel with its own nine weights, one pixel of zero padding.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, bail};
use candle_nn::VarBuilder;

use super::{Activation, Lanes, Stride, activate, contiguous, lanes, multiply_add, values};
use crate::Threads;

/// The layer, with bias and activation.
#[derive(Debug)]
pub(crate) struct DepthwiseConv3x3 {
    channels: usize,
    stride: Stride,
    /// Nine weights, bias and slope of each block of channels.
    blocks: Vec<Block>,
    threads: Threads,
}

#[derive(Debug)]
struct Block {
    weight: [Lanes; 9],
    bias: Lanes,
    slope: Lanes,
}

impl DepthwiseConv3x3 {
    /// Reads `weight` (channels, 3, 3), `bias` and, for PReLU, `slope` (channels).
    pub(crate) fn new(
        weights: &VarBuilder<'_>,
        channels: usize,
        stride: Stride,
        activation: Activation,
        threads: &Threads,
    ) -> Result<Self> {
        let weight = values(weights, (channels, 3, 3), "weight")?;
        let bias = lanes(&values(weights, channels, "bias")?)?;
        let slope = lanes(&activation.slopes(weights, channels)?)?;
        let blocks = bias.into_iter().zip(slope).enumerate();
        let blocks = blocks
            .map(|(i, (bias, slope))| Block {
                weight: std::array::from_fn(|tap| {
                    std::array::from_fn(|c| weight[(i * bias.len() + c) * 9 + tap])
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

    /// One row of the output from the up to three rows of input that it sees (`None`: padding).
    #[inline(always)]
    fn row(&self, rows: [Option<&[Lanes]>; 3], width: usize, out: &mut [f32]) {
        let n = self.blocks.len();
        for (x, out) in out.as_chunks_mut().0.chunks_exact_mut(n).enumerate() {
            let middle = x * self.stride as usize;
            match rows {
                [Some(a), Some(b), Some(c)] if middle > 0 && middle + 1 < width => {
                    let window = (middle - 1) * n..(middle + 2) * n;
                    inside(
                        &self.blocks,
                        [&a[window.clone()], &b[window.clone()], &c[window]],
                        out,
                    );
                }
                _ => at_edge(&self.blocks, rows, middle, width, out),
            }
        }
    }
}

/// A pixel whose nine neighbours all exist: three runs of three pixels.
#[inline(always)]
fn inside(blocks: &[Block], [a, b, c]: [&[Lanes]; 3], out: &mut [Lanes]) {
    let n = blocks.len();
    // Slices of known equal length, so that the loop below carries no bounds checks.
    let (a0, a1, a2) = (&a[..n], &a[n..2 * n], &a[2 * n..3 * n]);
    let (b0, b1, b2) = (&b[..n], &b[n..2 * n], &b[2 * n..3 * n]);
    let (c0, c1, c2) = (&c[..n], &c[n..2 * n], &c[2 * n..3 * n]);
    let out = &mut out[..n];
    for i in 0..n {
        let Block { weight, bias, slope } = &blocks[i];
        // Three sums, so that no addition waits for eight others.
        let mut sums = [*bias, [0.0; super::LANES], [0.0; super::LANES]];
        for (sum, taps, w) in [
            (0, [&a0[i], &a1[i], &a2[i]], [&weight[0], &weight[1], &weight[2]]),
            (1, [&b0[i], &b1[i], &b2[i]], [&weight[3], &weight[4], &weight[5]]),
            (2, [&c0[i], &c1[i], &c2[i]], [&weight[6], &weight[7], &weight[8]]),
        ] {
            for (x, w) in taps.into_iter().zip(w) {
                multiply_add(&mut sums[sum], x, w);
            }
        }
        let [p, q, r] = sums;
        out[i] = activate(&std::array::from_fn(|c| p[c] + q[c] + r[c]), slope);
    }
}

/// A pixel at the border: neighbours outside count as zero.
#[inline(always)]
fn at_edge(blocks: &[Block], rows: [Option<&[Lanes]>; 3], middle: usize, width: usize, out: &mut [Lanes]) {
    let n = blocks.len();
    for (i, (block, out)) in blocks.iter().zip(out).enumerate() {
        let mut sum = block.bias;
        for (ky, row) in rows.iter().enumerate() {
            let Some(row) = row else { continue };
            for kx in 0..3 {
                // `x + 1`, because the left neighbour of the first column has no number.
                let x1 = middle + kx;
                if x1 >= 1 && x1 <= width {
                    multiply_add(&mut sum, &row[(x1 - 1) * n + i], &block.weight[ky * 3 + kx]);
                }
            }
        }
        *out = activate(&sum, &block.slope);
    }
}

impl CustomOp1 for DepthwiseConv3x3 {
    fn name(&self) -> &'static str {
        "depthwise-conv-3x3"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        if channels != self.channels {
            bail!("{} channels given to a layer of {}", channels, self.channels);
        }
        let input = contiguous(storage, layout)?.as_chunks().0;
        let (rows, cols) = (self.stride.out(height), self.stride.out(width));
        let mut out = vec![0.0; batch * rows * cols * channels];
        let row_blocks = width * self.blocks.len();
        self.threads.for_rows(
            &mut out,
            cols * channels,
            #[inline(always)]
            |i, out| {
                let (picture, y) = (i / rows, i % rows * self.stride as usize);
                let row = |y: usize| &input[(picture * height + y) * row_blocks..][..row_blocks];
                let rows = [
                    y.checked_sub(1).map(row),
                    Some(row(y)),
                    (y + 1 < height).then(|| row(y + 1)),
                ];
                self.row(rows, width, out);
            },
        );
        Ok((CpuStorage::F32(out), Shape::from((batch, rows, cols, channels))))
    }
}
