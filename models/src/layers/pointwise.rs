//! 1×1 convolution: one matrix product over all pixels, then bias and activation.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, bail};
use candle_nn::VarBuilder;
use pulp::Simd;

use super::{Activation, activate, contiguous, registers, registers_mut, values, whole_registers};
use crate::Threads;
use crate::threads::RowKernel;

/// The layer, with bias and activation.
#[derive(Debug)]
pub(crate) struct Pointwise {
    input: usize,
    output: usize,
    /// Input channel, output channel: the order in which the product reads it without packing.
    weight: Vec<f32>,
    bias: Vec<f32>,
    slope: Vec<f32>,
    threads: Threads,
}

impl Pointwise {
    /// Reads `weight` (output, input), `bias` and, for PReLU, `slope` (output).
    pub(crate) fn new(
        weights: &VarBuilder<'_>,
        input: usize,
        output: usize,
        activation: Activation,
        threads: &Threads,
    ) -> Result<Self> {
        whole_registers(output)?;
        let by_output = values(weights, (output, input), "weight")?;
        let mut weight = vec![0.0; by_output.len()];
        for (o, row) in by_output.chunks_exact(input).enumerate() {
            for (i, &value) in row.iter().enumerate() {
                weight[i * output + o] = value;
            }
        }
        let (bias, slope) = (
            values(weights, output, "bias")?,
            activation.slopes(weights, output)?,
        );
        Ok(Self {
            input,
            output,
            weight,
            bias,
            slope,
            threads: threads.clone(),
        })
    }
}

/// Bias and activation on a row of pixels, in place.
impl RowKernel for Pointwise {
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, _: usize, out: &mut [f32]) {
        let (bias, slope) = (registers::<S>(&self.bias), registers::<S>(&self.slope));
        for pixel in registers_mut::<S>(out).chunks_exact_mut(bias.len()) {
            for ((x, &bias), &slope) in pixel.iter_mut().zip(bias).zip(slope) {
                *x = activate(simd, simd.add_f32s(*x, bias), slope);
            }
        }
    }
}

impl CustomOp1 for Pointwise {
    fn name(&self) -> &'static str {
        "pointwise-conv"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        if channels != self.input {
            bail!("{} channels given to a layer of {}", channels, self.input);
        }
        let pixels = contiguous(storage, layout)?;
        let mut out = vec![0.0; batch * height * width * self.output];
        multiply(
            pixels,
            &self.weight,
            &mut out,
            self.input,
            self.output,
            &self.threads,
        );
        self.threads.for_rows(&mut out, width * self.output, self);
        Ok((
            CpuStorage::F32(out),
            Shape::from((batch, height, width, self.output)),
        ))
    }
}

/// `out = a · b` with `a` of rows × `inner`, `b` of `inner` × `cols`, all row by row.
#[expect(
    unsafe_code,
    reason = "gemm takes pointers and strides; their bounds are checked here"
)]
fn multiply(a: &[f32], b: &[f32], out: &mut [f32], inner: usize, cols: usize, threads: &Threads) {
    let rows = out.len() / cols.max(1);
    assert_eq!(
        (a.len(), b.len(), out.len()),
        (rows * inner, inner * cols, rows * cols),
        "matrix sizes"
    );
    let parallelism = match threads.count() {
        1 => gemm::Parallelism::None,
        n => gemm::Parallelism::Rayon(n),
    };
    threads.install(|| {
        // SAFETY: `a`, `b` and `out` have exactly the elements that these sizes and strides reach (asserted
        // above), `out` is borrowed mutably and so overlaps neither, and it is not read (`read_dst` is false).
        unsafe {
            gemm::gemm(
                rows,
                cols,
                inner,
                out.as_mut_ptr(),
                1,
                cols as isize,
                false,
                a.as_ptr(),
                1,
                inner as isize,
                b.as_ptr(),
                1,
                cols as isize,
                0.0f32,
                1.0f32,
                false,
                false,
                false,
                parallelism,
            );
        }
    });
}
