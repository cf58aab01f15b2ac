//! A 1×1 or 3×3 convolution over all channels of a map, or of two maps of one size side by side, block of rows by
//! block of rows. The input maps have a border.

use std::ops::Range;

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, bail};
use candle_nn::VarBuilder;

use super::operations::{map_of, numbers, numbers_mut};
use super::scratch::{self, Scratch};
use super::{Activation, Shape, Stride, values};
use crate::Compute;
use crate::kernels::window::{MAPS, Weights, Windows};

/// Numbers of the input that every panel of weights passes by: half of a second cache of 512 KB.
const BLOCK_LEN: usize = 64 * 1024;

/// Side of a convolution's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    One = 1,
    Three = 3,
}

/// The layer. `out.inplace_op2(&map, &layer)` where it reads one map, `out.inplace_op3(&first, &second, &layer)` where
/// it reads two.
#[derive(Debug)]
pub(crate) struct WindowConv {
    weights: Weights,
    stride: Stride,
    /// Border of the output.
    border: usize,
    compute: Compute,
}

/// What a [`WindowConv`] is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowConvSize {
    pub(crate) side: Side,
    /// Channels of each input map; 0 where there is no second.
    pub(crate) input: [usize; MAPS],
    pub(crate) output: usize,
    pub(crate) stride: Stride,
    pub(crate) activation: Activation,
    /// Border of the output.
    pub(crate) border: usize,
}

impl WindowConv {
    /// Reads `weight` (output, input, side, side) and `bias` (output).
    pub(crate) fn new(weights: &VarBuilder<'_>, size: WindowConvSize, compute: &Compute) -> Result<Self> {
        let WindowConvSize {
            side,
            input,
            output,
            stride,
            activation,
            border,
        } = size;
        let finish = activation.finish(weights, output)?;
        let side = side as usize;
        let by_output = values(weights, (output, input[0] + input[1], side, side), "weight")?;
        Ok(Self {
            weights: Weights::new(&by_output, side, input, finish),
            stride,
            border,
            compute: compute.clone(),
        })
    }

    /// Whether it reads two maps.
    pub(crate) fn reads_two(&self) -> bool {
        self.weights.channels()[1] > 0
    }

    fn write_to(
        &self,
        maps: &[(&CpuStorage, &Layout)],
        out: &mut CpuStorage,
        out_layout: &Layout,
    ) -> Result<()> {
        let mut inputs: [&[f32]; MAPS] = [&[]; MAPS];
        let mut size = None;
        let wanted = self.weights.channels();
        if wanted.iter().filter(|channels| **channels > 0).count() != maps.len() {
            bail!("{} maps given to a layer of {wanted:?} channels", maps.len());
        }
        for ((&(storage, layout), input), channels) in maps.iter().zip(&mut inputs).zip(wanted) {
            let (pictures, shape) = map_of(layout, 1)?;
            let same_size = size.is_none_or(|size| size == (shape.rows, shape.cols));
            if pictures != 1 || shape.channels != channels || !same_size {
                bail!("{:?} given to a layer of {wanted:?} channels", layout.shape());
            }
            size = Some((shape.rows, shape.cols));
            *input = numbers(storage, layout)?;
        }
        let Some((rows, cols)) = size else {
            bail!("no map given to a layer");
        };
        let input = Shape {
            rows,
            cols,
            channels: wanted[0] + wanted[1],
        };
        let output = input.strided(self.stride, self.weights.output());
        if map_of(out_layout, self.border)? != (1, output) {
            bail!("{:?} is no place for a map of {output:?}", out_layout.shape());
        }
        let out = numbers_mut(out, out_layout)?;
        output.clear_border(self.border, out);
        let start_of = |row: usize| output.start_of(row, self.border);
        self.compute.share_out(output.rows, out, &start_of, &|rows, out| {
            scratch::with(|scratch| self.band(inputs, [input, output], rows, scratch, out));
        });
        Ok(())
    }

    /// Computes some rows of the output; `shapes` are those of input and output.
    fn band(
        &self,
        maps: [&[f32]; MAPS],
        [input, output]: [Shape; 2],
        rows: Range<usize>,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) {
        let step = self.stride as usize;
        let pitch = input.cols + 2;
        // Of a bordered map's corner to the first window's.
        let inset = if self.weights.side() == 1 { pitch + 1 } else { 0 };
        let origin = output.start_of(rows.start, self.border);
        let at_once = (BLOCK_LEN / (step * pitch * input.channels)).max(1);
        let blocks = rows.len().div_ceil(at_once);
        let mut first = rows.start;
        for left in (1..=blocks).rev() {
            let block = first..first + (rows.end - first).div_ceil(left);
            first = block.end;
            let Scratch { places, windows, .. } = scratch;
            places.clear();
            windows.clear();
            for row in block {
                let start = output.start_of(row, self.border) - origin;
                places.extend((start..).step_by(output.channels).take(output.cols));
                let corner = row * step * pitch + inset;
                windows.extend((corner..).step_by(step).take(output.cols));
            }
            self.compute.instructions().run(Windows {
                maps,
                cols: pitch,
                windows,
                weights: &self.weights,
                out,
                places,
            });
        }
    }
}

impl InplaceOp2 for WindowConv {
    fn name(&self) -> &'static str {
        "window-conv"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        map: &CpuStorage,
        layout: &Layout,
    ) -> Result<()> {
        self.write_to(&[(map, layout)], out, out_layout)
    }
}

impl InplaceOp3 for WindowConv {
    fn name(&self) -> &'static str {
        "window-conv-of-two"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        first: &CpuStorage,
        first_layout: &Layout,
        second: &CpuStorage,
        second_layout: &Layout,
    ) -> Result<()> {
        self.write_to(&[(first, first_layout), (second, second_layout)], out, out_layout)
    }
}
