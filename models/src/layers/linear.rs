//! The fully connected layer at the end: a dot product with a long row of weights for each output.
//!
//! Bound by reading the weights (25 MB for SFace), so each row is read once for all pictures of a batch.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, bail};
use candle_nn::VarBuilder;
use pulp::Simd;

use super::{LANES, contiguous, registers, values};
use crate::Threads;
use crate::threads::RowKernel;

/// Independent sums of a dot product.
const SUMS: usize = 4;

/// The layer. Its input is any tensor with the batch first; its output is (batch, output).
#[derive(Debug)]
pub(crate) struct Linear {
    input: usize,
    output: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
    threads: Threads,
}

impl Linear {
    /// Reads `weight` (output, input) and `bias` (output). `input` has to be a multiple of 64.
    pub(crate) fn new(
        weights: &VarBuilder<'_>,
        input: usize,
        output: usize,
        threads: &Threads,
    ) -> Result<Self> {
        if !input.is_multiple_of(LANES * SUMS) {
            bail!("{input} inputs are no multiple of {}", LANES * SUMS);
        }
        let weight = values(weights, (output, input), "weight")?;
        let bias = values(weights, output, "bias")?;
        Ok(Self {
            input,
            output,
            weight,
            bias,
            threads: threads.clone(),
        })
    }
}

/// One call of the layer: a row is one output of all pictures, so that threads share out the weights and not the
/// pictures.
struct Call<'a> {
    layer: &'a Linear,
    input: &'a [f32],
}

impl RowKernel for Call<'_> {
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, o: usize, out: &mut [f32]) {
        let weight = registers::<S>(&self.layer.weight[o * self.layer.input..][..self.layer.input]);
        for (out, picture) in out.iter_mut().zip(self.input.chunks_exact(self.layer.input)) {
            *out = self.layer.bias[o] + dot(simd, registers::<S>(picture), weight);
        }
    }
}

#[inline(always)]
fn dot<S: Simd>(simd: S, a: &[S::f32s], b: &[S::f32s]) -> f32 {
    let zero = simd.splat_f32s(0.0);
    let (mut p, mut q, mut r, mut s) = (zero, zero, zero, zero);
    for (a, b) in a.as_chunks::<SUMS>().0.iter().zip(b.as_chunks::<SUMS>().0) {
        p = simd.mul_add_e_f32s(a[0], b[0], p);
        q = simd.mul_add_e_f32s(a[1], b[1], q);
        r = simd.mul_add_e_f32s(a[2], b[2], r);
        s = simd.mul_add_e_f32s(a[3], b[3], s);
    }
    simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(p, q), simd.add_f32s(r, s)))
}

impl CustomOp1 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let batch = layout.shape().dims().first().copied().unwrap_or(0);
        let input = contiguous(storage, layout)?;
        if input.len() != batch * self.input {
            bail!(
                "{} numbers given to a layer of {} for {batch} pictures",
                input.len(),
                self.input
            );
        }
        let mut by_output = vec![0.0; self.output * batch];
        self.threads
            .for_rows(&mut by_output, batch, &Call { layer: self, input });
        let out = (0..batch)
            .flat_map(|n| by_output.iter().skip(n).step_by(batch).copied())
            .collect();
        Ok((CpuStorage::F32(out), Shape::from((batch, self.output))))
    }
}
