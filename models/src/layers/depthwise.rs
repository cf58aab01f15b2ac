//! Depthwise 3×3 convolution: each channel with its own nine weights, one pixel of zero padding.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, bail};
use candle_nn::VarBuilder;
use pulp::Simd;

use super::{Activation, Stride, activate, contiguous, registers, registers_mut, values, whole_registers};
use crate::Threads;
use crate::threads::RowKernel;

/// The layer, with bias and activation.
#[derive(Debug)]
pub(crate) struct DepthwiseConv3x3 {
    channels: usize,
    stride: Stride,
    /// Window, channel.
    weight: Vec<f32>,
    bias: Vec<f32>,
    slope: Vec<f32>,
    threads: Threads,
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
        whole_registers(channels)?;
        let by_channel = values(weights, (channels, 3, 3), "weight")?;
        let weight = (0..9)
            .flat_map(|tap| by_channel.iter().skip(tap).step_by(9).copied())
            .collect();
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
    layer: &'a DepthwiseConv3x3,
    input: &'a [f32],
    height: usize,
    width: usize,
    /// Rows of the output.
    rows: usize,
}

impl RowKernel for Call<'_> {
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, i: usize, out: &mut [f32]) {
        let &Self {
            layer, height, width, ..
        } = self;
        let (picture, y) = (i / self.rows, i % self.rows * layer.stride as usize);
        let row_len = width * layer.channels;
        let row = |y: usize| registers::<S>(&self.input[(picture * height + y) * row_len..][..row_len]);
        // `None`: padding.
        let rows = [
            y.checked_sub(1).map(row),
            Some(row(y)),
            (y + 1 < height).then(|| row(y + 1)),
        ];
        let tap = |tap: usize| registers::<S>(&layer.weight[tap * layer.channels..][..layer.channels]);
        let parts = Parts {
            weight: std::array::from_fn(tap),
            bias: registers::<S>(&layer.bias),
            slope: registers::<S>(&layer.slope),
        };
        let n = parts.bias.len();
        for (x, out) in registers_mut::<S>(out).chunks_exact_mut(n).enumerate() {
            let middle = x * layer.stride as usize;
            match rows {
                [Some(a), Some(b), Some(c)] if middle > 0 && middle + 1 < width => {
                    let window = (middle - 1) * n..(middle + 2) * n;
                    inside(
                        simd,
                        &parts,
                        [&a[window.clone()], &b[window.clone()], &c[window]],
                        out,
                    );
                }
                _ => at_edge(simd, &parts, rows, middle, width, out),
            }
        }
    }
}

/// The layer's numbers as registers.
struct Parts<'a, S: Simd> {
    weight: [&'a [S::f32s]; 9],
    bias: &'a [S::f32s],
    slope: &'a [S::f32s],
}

/// A pixel whose nine neighbours all exist: three runs of three pixels.
#[inline(always)]
fn inside<S: Simd>(simd: S, parts: &Parts<'_, S>, [a, b, c]: [&[S::f32s]; 3], out: &mut [S::f32s]) {
    let n = out.len();
    // Slices of one length, so that the loop below carries no bounds checks.
    let [w0, w1, w2, w3, w4, w5, w6, w7, w8] = parts.weight;
    let (w0, w1, w2) = (&w0[..n], &w1[..n], &w2[..n]);
    let (w3, w4, w5) = (&w3[..n], &w4[..n], &w5[..n]);
    let (w6, w7, w8) = (&w6[..n], &w7[..n], &w8[..n]);
    let (bias, slope) = (&parts.bias[..n], &parts.slope[..n]);
    let (a0, a1, a2) = (&a[..n], &a[n..2 * n], &a[2 * n..3 * n]);
    let (b0, b1, b2) = (&b[..n], &b[n..2 * n], &b[2 * n..3 * n]);
    let (c0, c1, c2) = (&c[..n], &c[n..2 * n], &c[2 * n..3 * n]);
    for i in 0..n {
        // Three sums, so that no addition waits for eight others.
        let mut upper = simd.mul_add_e_f32s(a0[i], w0[i], bias[i]);
        let mut middle = simd.mul_f32s(b0[i], w3[i]);
        let mut lower = simd.mul_f32s(c0[i], w6[i]);
        upper = simd.mul_add_e_f32s(a1[i], w1[i], upper);
        middle = simd.mul_add_e_f32s(b1[i], w4[i], middle);
        lower = simd.mul_add_e_f32s(c1[i], w7[i], lower);
        upper = simd.mul_add_e_f32s(a2[i], w2[i], upper);
        middle = simd.mul_add_e_f32s(b2[i], w5[i], middle);
        lower = simd.mul_add_e_f32s(c2[i], w8[i], lower);
        let sum = simd.add_f32s(simd.add_f32s(upper, middle), lower);
        out[i] = activate(simd, sum, slope[i]);
    }
}

/// A pixel at the border: neighbours outside count as zero.
#[inline(always)]
fn at_edge<S: Simd>(
    simd: S,
    parts: &Parts<'_, S>,
    rows: [Option<&[S::f32s]>; 3],
    middle: usize,
    width: usize,
    out: &mut [S::f32s],
) {
    let n = out.len();
    for (i, out) in out.iter_mut().enumerate() {
        let mut sum = parts.bias[i];
        for (ky, row) in rows.iter().enumerate() {
            let Some(row) = row else { continue };
            for kx in 0..3 {
                // `x + 1`, because the left neighbour of the first column has no number.
                let x1 = middle + kx;
                if x1 >= 1 && x1 <= width {
                    sum = simd.mul_add_e_f32s(row[(x1 - 1) * n + i], parts.weight[ky * 3 + kx][i], sum);
                }
            }
        }
        *out = activate(simd, sum, parts.slope[i]);
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
        let input = contiguous(storage, layout)?;
        let (rows, cols) = (self.stride.out(height), self.stride.out(width));
        let mut out = vec![0.0; batch * rows * cols * channels];
        let call = Call {
            layer: self,
            input,
            height,
            width,
            rows,
        };
        self.threads.for_rows(&mut out, cols * channels, &call);
        Ok((CpuStorage::F32(out), Shape::from((batch, rows, cols, channels))))
    }
}
