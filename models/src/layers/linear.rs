//! The fully connected layer at the end: a dot product with a long row of weights for each output.
//!
//! Bound by reading the weights (25 MB for SFace), so each row is read once for all pictures of a batch.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, bail};
use candle_nn::VarBuilder;

use super::{LANES, Lanes, contiguous, multiply_add, values};
use crate::Threads;

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

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (a.as_chunks::<LANES>().0, b.as_chunks::<LANES>().0);
    let mut sums = [[0.0; LANES]; SUMS];
    for (a, b) in a.as_chunks::<SUMS>().0.iter().zip(b.as_chunks::<SUMS>().0) {
        for i in 0..SUMS {
            multiply_add(&mut sums[i], &a[i], &b[i]);
        }
    }
    let [p, q, r, s] = sums;
    let total: Lanes = std::array::from_fn(|c| (p[c] + q[c]) + (r[c] + s[c]));
    total.iter().sum()
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
        // Output by output, so that threads share out the weights and not the pictures.
        let mut by_output = vec![0.0; self.output * batch];
        self.threads.for_rows(
            &mut by_output,
            batch,
            #[inline(always)]
            |o, out| {
                let weight = &self.weight[o * self.input..][..self.input];
                for (out, picture) in out.iter_mut().zip(input.chunks_exact(self.input)) {
                    *out = self.bias[o] + dot(picture, weight);
                }
            },
        );
        let out = (0..batch)
            .flat_map(|n| by_output.iter().skip(n).step_by(batch).copied())
            .collect();
        Ok((CpuStorage::F32(out), Shape::from((batch, self.output))))
    }
}
