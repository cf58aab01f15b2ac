//! A depthwise convolution and the 1×1 convolution behind it, block of rows by block of rows: what the first gives
//! is still in the cache when the second multiplies it, and is never written to memory.
//!
//! A block may span several pictures, so that small maps of a batch are multiplied with the weights together.

use std::ops::Range;

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, bail};

use super::operations::{map_of, numbers, numbers_mut};
use super::scratch::{self, Scratch};
use super::{DepthwiseConv3x3, Pointwise, Shape};
use crate::Compute;
use crate::kernels::depthwise::Row;
use crate::kernels::product::{Places, Product};

/// Numbers of a block that the product reads again and again: half of a second cache of 512 KB.
const BLOCK_LEN: usize = 64 * 1024;

/// The two layers. The input map has a border.
#[derive(Debug)]
pub(crate) struct DepthwiseFirst {
    pub(crate) depthwise: DepthwiseConv3x3,
    pub(crate) pointwise: Pointwise,
    /// Border of the output.
    pub(crate) border: usize,
    pub(crate) compute: Compute,
}

impl DepthwiseFirst {
    fn output(&self, input: Shape) -> Result<Shape> {
        let channels = self.depthwise.weights.channels();
        if input.channels != channels || self.pointwise.matrix.inner() != channels {
            bail!("{} channels given to a layer of {channels}", input.channels);
        }
        Ok(input.strided(self.depthwise.stride, self.pointwise.matrix.cols()))
    }

    /// Computes some rows, counted over all pictures.
    fn band(&self, call: &Call<'_>, rows: Range<usize>, scratch: &mut Scratch, out: &mut [f32]) {
        let instructions = self.compute.instructions();
        let (input, output) = (call.input_shape, call.output_shape);
        let step = self.depthwise.stride as usize;
        let len = output.cols * input.channels;
        let origin = call.start_of(rows.start, self.border);
        let at_once = (BLOCK_LEN / (output.cols * input.channels)).max(1);
        let blocks = rows.len().div_ceil(at_once);
        let mut first = rows.start;
        for left in (1..=blocks).rev() {
            let block = first..first + (rows.end - first).div_ceil(left);
            first = block.end;
            let pixels = scratch::at_least(&mut scratch.rows, block.len() * len);
            scratch.places.clear();
            for (row, out) in block.zip(pixels.chunks_exact_mut(len)) {
                let (picture, y) = (row / output.rows, row % output.rows);
                let picture = &call.input[picture * input.bordered_len(1)..];
                let pitch = input.pitch(1);
                let above = &picture[y * step * pitch..][..3 * pitch];
                instructions.run(Row {
                    rows: [&above[..pitch], &above[pitch..2 * pitch], &above[2 * pitch..]],
                    weights: &self.depthwise.weights,
                    step,
                    out,
                });
                let start = call.start_of(row, self.border) - origin;
                let places = (start..).step_by(output.channels).take(output.cols);
                scratch.places.extend(places);
            }
            instructions.run(Product {
                a: pixels,
                matrix: &self.pointwise.matrix,
                out,
                places: Places::Listed(&scratch.places),
            });
        }
    }
}

/// What all bands of one call see.
struct Call<'a> {
    input: &'a [f32],
    input_shape: Shape,
    output_shape: Shape,
}

impl Call<'_> {
    /// Where a row begins in the output of all pictures.
    fn start_of(&self, row: usize, border: usize) -> usize {
        let shape = self.output_shape;
        row / shape.rows * shape.bordered_len(border) + shape.start_of(row % shape.rows, border)
    }
}

impl InplaceOp2 for DepthwiseFirst {
    fn name(&self) -> &'static str {
        "depthwise-first"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        input: &CpuStorage,
        input_layout: &Layout,
    ) -> Result<()> {
        let (pictures, input_shape) = map_of(input_layout, 1)?;
        let output_shape = self.output(input_shape)?;
        if map_of(out_layout, self.border)? != (pictures, output_shape) {
            bail!(
                "{:?} is no place for {pictures} maps of {output_shape:?}",
                out_layout.shape()
            );
        }
        let out = numbers_mut(out, out_layout)?;
        for out in out.chunks_exact_mut(output_shape.bordered_len(self.border)) {
            output_shape.clear_border(self.border, out);
        }
        let call = Call {
            input: numbers(input, input_layout)?,
            input_shape,
            output_shape,
        };
        let start_of = |row: usize| call.start_of(row, self.border);
        self.compute
            .share_out(pictures * output_shape.rows, out, &start_of, &|rows, out| {
                scratch::with(|scratch| self.band(&call, rows, scratch, out));
            });
        Ok(())
    }
}
