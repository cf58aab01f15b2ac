//! The first convolution: 3×3 over the three colours, one pixel of zero padding.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, bail};
use candle_nn::VarBuilder;
use pulp::Simd;

use super::{Activation, Stride, activate, contiguous, registers, registers_mut, values, whole_registers};
use crate::Threads;
use crate::threads::RowKernel;

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
    /// Window row, window column, colour, channel: the order of the input.
    weight: Vec<f32>,
    bias: Vec<f32>,
    slope: Vec<f32>,
    threads: Threads,
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
        whole_registers(channels)?;
        let by_channel = values(weights, (channels, COLOURS, 3, 3), "weight")?;
        let mut weight = Vec::with_capacity(by_channel.len());
        for (ky, kx, colour) in (0..3 * RUN).map(|i| (i / RUN, i % RUN / COLOURS, i % COLOURS)) {
            let first = (colour * 3 + ky) * 3 + kx;
            weight.extend(by_channel.iter().skip(first).step_by(3 * RUN));
        }
        let (bias, slope) = (
            values(weights, channels, "bias")?,
            activation.slopes(weights, channels)?,
        );
        Ok(Self {
            channels,
            stride,
            weight,
            bias,
            slope,
            threads: threads.clone(),
        })
    }
}

/// One call of the layer.
struct Call<'a> {
    layer: &'a Conv3x3,
    input: &'a [f32],
    height: usize,
    width: usize,
    /// Rows of the output.
    rows: usize,
}

/// The layer's numbers as registers.
struct Parts<'a, S: Simd> {
    /// For each number of the window, all output channels.
    weight: &'a [S::f32s],
    bias: &'a [S::f32s],
    slope: &'a [S::f32s],
}

impl RowKernel for Call<'_> {
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, i: usize, out: &mut [f32]) {
        let &Self {
            layer, height, width, ..
        } = self;
        let step = layer.stride as usize;
        let (picture, y) = (i / self.rows, i % self.rows * step);
        let row_len = width * COLOURS;
        let row = |y: usize| &self.input[(picture * height + y) * row_len..][..row_len];
        // `None`: padding.
        let rows = [
            y.checked_sub(1).map(row),
            Some(row(y)),
            (y + 1 < height).then(|| row(y + 1)),
        ];
        let parts = Parts::<S> {
            weight: registers::<S>(&layer.weight),
            bias: registers::<S>(&layer.bias),
            slope: registers::<S>(&layer.slope),
        };
        let n = parts.bias.len();
        let out = registers_mut::<S>(out);
        let cols = out.len() / n;
        let mut x = 0;
        while x < cols {
            let middle = x * step;
            // The last column that the group looks at has to exist, and the first not to be the border's.
            let last = middle + (TOGETHER - 1) * step + 1;
            if x > 0 && x + TOGETHER <= cols && last < width {
                let run = (middle - 1) * COLOURS..(last + 1) * COLOURS;
                let rows = rows.map(|row| row.map(|row| &row[run.clone()]));
                group(
                    simd,
                    &parts,
                    rows,
                    step * COLOURS,
                    &mut out[x * n..(x + TOGETHER) * n],
                );
                x += TOGETHER;
            } else {
                at_edge(simd, &parts, rows, middle, width, &mut out[x * n..(x + 1) * n]);
                x += 1;
            }
        }
    }
}

/// [`TOGETHER`] neighbouring pixels, all columns of whose windows exist.
#[inline(always)]
fn group<S: Simd>(
    simd: S,
    parts: &Parts<'_, S>,
    rows: [Option<&[f32]>; 3],
    step: usize,
    out: &mut [S::f32s],
) {
    let n = parts.bias.len();
    for i in 0..n {
        let (mut p, mut q, mut r, mut s) = (parts.bias[i], parts.bias[i], parts.bias[i], parts.bias[i]);
        for (ky, row) in rows.iter().enumerate() {
            let Some(row) = row else { continue };
            let row = &row[..(TOGETHER - 1) * step + RUN];
            for j in 0..RUN {
                let weight = parts.weight[(ky * RUN + j) * n + i];
                p = simd.mul_add_e_f32s(simd.splat_f32s(row[j]), weight, p);
                q = simd.mul_add_e_f32s(simd.splat_f32s(row[step + j]), weight, q);
                r = simd.mul_add_e_f32s(simd.splat_f32s(row[2 * step + j]), weight, r);
                s = simd.mul_add_e_f32s(simd.splat_f32s(row[3 * step + j]), weight, s);
            }
        }
        for (at, sum) in [p, q, r, s].into_iter().enumerate() {
            out[at * n + i] = activate(simd, sum, parts.slope[i]);
        }
    }
}

/// A pixel at the border: neighbours outside count as zero.
#[inline(always)]
fn at_edge<S: Simd>(
    simd: S,
    parts: &Parts<'_, S>,
    rows: [Option<&[f32]>; 3],
    middle: usize,
    width: usize,
    out: &mut [S::f32s],
) {
    let n = parts.bias.len();
    for (i, out) in out.iter_mut().enumerate() {
        let mut sum = parts.bias[i];
        for (ky, row) in rows.iter().enumerate() {
            let Some(row) = row else { continue };
            for j in 0..RUN {
                // `x + 1`, because the left neighbour of the first column has no number.
                let x1 = middle + j / COLOURS;
                if x1 >= 1 && x1 <= width {
                    let value = simd.splat_f32s(row[(x1 - 1) * COLOURS + j % COLOURS]);
                    sum = simd.mul_add_e_f32s(value, parts.weight[(ky * RUN + j) * n + i], sum);
                }
            }
        }
        *out = activate(simd, sum, parts.slope[i]);
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
        let call = Call {
            layer: self,
            input,
            height,
            width,
            rows,
        };
        self.threads.for_rows(&mut out, cols * self.channels, &call);
        Ok((
            CpuStorage::F32(out),
            Shape::from((batch, rows, cols, self.channels)),
        ))
    }
}
