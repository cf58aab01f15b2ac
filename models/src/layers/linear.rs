//! The fully connected layer at the end.

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, bail};
use candle_nn::VarBuilder;

use super::operations::{numbers, numbers_mut};
use super::values;
use crate::Compute;
use crate::kernels::LANES;
use crate::kernels::dense::{Dense, Weights};

/// The layer. Its input is any tensor with the pictures first; its output is (output, pictures), so that threads
/// share out the weights and not the pictures.
#[derive(Debug)]
pub(crate) struct Linear {
    input: usize,
    weights: Weights,
    compute: Compute,
}

impl Linear {
    /// Reads `weight` (output, input; 16-bit floats) and `bias` (output).
    pub(crate) fn new(
        weights: &VarBuilder<'_>,
        input: usize,
        output: usize,
        compute: &Compute,
    ) -> Result<Self> {
        if !input.is_multiple_of(LANES) {
            bail!("{input} inputs are no multiple of {LANES}");
        }
        let halves: Vec<half::f16> = weights
            .get_with_hints_dtype(
                (output, input),
                "weight",
                Default::default(),
                candle_core::DType::F16,
            )?
            .flatten_all()?
            .to_vec1()?;
        Ok(Self {
            input,
            weights: Weights {
                halves: halves.into_iter().map(half::f16::to_bits).collect(),
                bias: values(weights, output, "bias")?,
            },
            compute: compute.clone(),
        })
    }
}

impl InplaceOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        input: &CpuStorage,
        input_layout: &Layout,
    ) -> Result<()> {
        let (outputs, pictures) = out_layout.shape().dims2()?;
        let input = numbers(input, input_layout)?;
        if outputs != self.weights.bias.len() || input.len() != pictures * self.input {
            bail!(
                "{} numbers given to a layer of {} by {outputs} for {pictures} pictures",
                input.len(),
                self.input
            );
        }
        let out = numbers_mut(out, out_layout)?;
        let instructions = self.compute.instructions();
        self.compute
            .share_out(outputs, out, &|output| output * pictures, &|outputs, out| {
                instructions.run(Dense {
                    weights: &self.weights,
                    input,
                    pictures,
                    first: outputs.start,
                    out,
                });
            });
        Ok(())
    }
}
