//! Several layers computed together, row by row: a row of a layer is computed when the next one asks for it, and
//! only the few rows that are still needed are kept. So the large maps between the first layers of a network are
//! never written to memory.

use std::ops::Range;

use candle_core::{Result, bail};

use super::scratch::{self, Scratch};
use super::source::{Source, SourceMemory};
use super::{Conv3x3, DepthwiseConv3x3, Pointwise, Shape, Stride};
use crate::kernels::product::{Places, Product};
use crate::kernels::{
    LANES, depthwise, first,
    rows::{Halve, MaxPool},
};
use crate::{Compute, Instructions};

/// A layer of a chain.
#[derive(Debug)]
pub(crate) enum Stage {
    Conv3x3(Conv3x3),
    Depthwise(DepthwiseConv3x3),
    Pointwise(Pointwise),
    /// The largest value of each 2×2 pixels; an odd last row or column is left out.
    Halve,
    /// The largest value of 3×3 pixels around every second row and column.
    MaxPool,
}

impl Stage {
    fn output(&self, input: Shape) -> Result<Shape> {
        let expected = match self {
            Self::Conv3x3(_) => first::COLOURS,
            Self::Depthwise(layer) => layer.weights.channels(),
            Self::Pointwise(layer) => layer.matrix.inner(),
            // The kernels want whole registers.
            Self::Halve | Self::MaxPool => input.channels.next_multiple_of(LANES),
        };
        if input.channels != expected {
            bail!("{} channels given to a layer of {expected}", input.channels);
        }
        Ok(match self {
            Self::Conv3x3(layer) => input.strided(layer.stride, layer.weights.channels()),
            Self::Depthwise(layer) => input.strided(layer.stride, expected),
            Self::Pointwise(layer) => Shape {
                channels: layer.matrix.cols(),
                ..input
            },
            Self::Halve => Shape {
                rows: input.rows / 2,
                cols: input.cols / 2,
                ..input
            },
            Self::MaxPool => input.strided(Stride::Two, input.channels),
        })
    }

    /// The rows of the input that row `row` of the output is made from; those outside the input are padding.
    fn window(&self, row: usize) -> Range<isize> {
        let row = row as isize;
        let three = |step: isize| row * step - 1..row * step + 2;
        match self {
            Self::Conv3x3(layer) => three(layer.stride as isize),
            Self::Depthwise(layer) => three(layer.stride as isize),
            Self::Pointwise(_) => row..row + 1,
            Self::Halve => 2 * row..2 * row + 2,
            Self::MaxPool => three(2),
        }
    }

    /// Pixels of zeros that it wants at either end of an input row.
    fn padding(&self) -> usize {
        match self {
            Self::Conv3x3(_) | Self::Depthwise(_) => 1,
            Self::Pointwise(_) | Self::Halve | Self::MaxPool => 0,
        }
    }

    /// Computes a row from the rows of its window.
    fn compute(
        &self,
        input: &Ring<'_>,
        source: &dyn Source,
        row: usize,
        instructions: Instructions,
        out: &mut [f32],
    ) {
        let window = self.window(row);
        let at = |i: isize| input.row(window.start + i, source);
        match self {
            Self::Conv3x3(layer) => instructions.run(first::Row {
                rows: [at(0), at(1), at(2)],
                weights: &layer.weights,
                step: layer.stride as usize,
                out,
            }),
            Self::Depthwise(layer) => instructions.run(depthwise::Row {
                rows: [at(0), at(1), at(2)],
                weights: &layer.weights,
                step: layer.stride as usize,
                out,
            }),
            Self::Pointwise(layer) => instructions.run(Product {
                a: at(0),
                matrix: &layer.matrix,
                places: Places::Even {
                    pixels: out.len() / layer.matrix.cols(),
                },
                out,
            }),
            Self::Halve => instructions.run(Halve {
                rows: [at(0), at(1)],
                channels: input.shape.channels,
                out,
            }),
            Self::MaxPool => {
                // A row outside counts for nothing: the one beside it stands in for it.
                let inside =
                    |i: isize| at(i.clamp(-window.start, input.shape.rows as isize - 1 - window.start));
                instructions.run(MaxPool {
                    rows: [inside(0), inside(1), inside(2)],
                    channels: input.shape.channels,
                    out,
                });
            }
        }
    }
}

/// The last rows of a layer's output.
struct Ring<'a> {
    shape: Shape,
    padding: usize,
    slots: usize,
    /// The rows in their slots (row modulo slots), behind them one of zeros. Empty where rows are borrowed.
    values: &'a mut [f32],
    /// The next row to be computed.
    next: usize,
}

impl Ring<'_> {
    fn padded_len(shape: Shape, padding: usize) -> usize {
        (shape.cols + 2 * padding) * shape.channels
    }

    /// A row with its padding; zeros for one outside.
    fn row<'s>(&'s self, row: isize, source: &'s dyn Source) -> &'s [f32] {
        let len = Self::padded_len(self.shape, self.padding);
        let inside = usize::try_from(row).ok().filter(|row| *row < self.shape.rows);
        match inside {
            Some(row) if self.values.is_empty() => source.borrow(row).unwrap_or_default(),
            Some(row) => &self.values[row % self.slots * len..][..len],
            None => &self.values[self.slots * len..][..len],
        }
    }

    /// A row to write to, without its padding.
    fn slot(&mut self, row: usize) -> &mut [f32] {
        let len = Self::padded_len(self.shape, self.padding);
        let margin = self.padding * self.shape.channels;
        &mut self.values[row % self.slots * len..][margin..len - margin]
    }
}

/// The layers, in their order.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(super) stages: Vec<Stage>,
    pub(super) compute: Compute,
}

impl Chain {
    /// # Panics
    /// Without a layer.
    pub(crate) fn new(stages: Vec<Stage>, compute: &Compute) -> Self {
        assert!(!stages.is_empty(), "a chain has layers");
        Self {
            stages,
            compute: compute.clone(),
        }
    }

    /// What comes out of an input of this shape.
    ///
    /// # Errors
    /// When a layer is given another number of channels than it has.
    pub(crate) fn output(&self, input: Shape) -> Result<Shape> {
        self.stages
            .iter()
            .try_fold(input, |shape, stage| stage.output(shape))
    }

    /// Computes one picture. `out` is its map with `border` pixels of zeros around it.
    pub(super) fn run(&self, source: &dyn Source, border: usize, out: &mut [f32]) -> Result<()> {
        let mut shapes = Vec::with_capacity(self.stages.len() + 1);
        shapes.push(source.shape());
        for stage in &self.stages {
            shapes.push(stage.output(shapes[shapes.len() - 1])?);
        }
        let shape = shapes[self.stages.len()];
        if out.len() != shape.bordered_len(border) {
            bail!(
                "{} numbers for a map of {shape:?} with a border of {border}",
                out.len()
            );
        }
        shape.clear_border(border, out);
        let start_of = |row: usize| shape.start_of(row, border);
        self.compute.share_out(shape.rows, out, &start_of, &|rows, out| {
            scratch::with(|scratch| self.band(source, &shapes, rows, border, scratch, out));
        });
        Ok(())
    }

    /// Computes some rows of the output.
    fn band(
        &self,
        source: &dyn Source,
        shapes: &[Shape],
        rows: Range<usize>,
        border: usize,
        scratch: &mut Scratch,
        out: &mut [f32],
    ) {
        let instructions = self.compute.instructions();
        let ring_len = |i: usize| {
            let stage = &self.stages[i];
            if i == 0 && stage.padding() == 0 && source.borrow(0).is_some() {
                return 0;
            }
            let slots = stage.window(0).len();
            (slots + 1) * Ring::padded_len(shapes[i], stage.padding())
        };
        let total = (0..self.stages.len()).map(ring_len).sum();
        let mut rest = scratch::at_least(&mut scratch.rows, total);
        rest.fill(0.0);
        let mut rings = Vec::with_capacity(self.stages.len());
        for (i, stage) in self.stages.iter().enumerate() {
            let values;
            (values, rest) = rest.split_at_mut(ring_len(i));
            rings.push(Ring {
                shape: shapes[i],
                padding: stage.padding(),
                slots: stage.window(0).len(),
                values,
                next: 0,
            });
        }
        // The first row of each layer that the first row of the band asks for.
        let mut first = rows.start;
        for (ring, stage) in rings.iter_mut().zip(&self.stages).rev() {
            first = stage.window(first).start.max(0) as usize;
            ring.next = first;
        }
        let Some((last, earlier)) = self.stages.split_last() else {
            return;
        };
        let mut feed = Feed {
            source,
            instructions,
            memory: &mut scratch.source,
        };
        let shape = shapes[self.stages.len()];
        let origin = shape.start_of(rows.start, border);
        for row in rows {
            feed.through(earlier, &mut rings, last.window(row).end);
            let out = &mut out[shape.start_of(row, border) - origin..][..shape.row_len()];
            last.compute(&rings[earlier.len()], source, row, instructions, out);
        }
    }
}

/// What all layers of a chain share while they run.
struct Feed<'a> {
    source: &'a dyn Source,
    instructions: Instructions,
    memory: &'a mut SourceMemory,
}

impl Feed<'_> {
    /// Computes the rows of the last ring up to `end`. `stages` are the layers before it, `rings` those up to it.
    fn through(&mut self, stages: &[Stage], rings: &mut [Ring<'_>], end: isize) {
        let (before, ring) = rings.split_at_mut(stages.len());
        let ring = &mut ring[0];
        let end = usize::try_from(end).unwrap_or(0).min(ring.shape.rows);
        while ring.next < end {
            let row = ring.next;
            match stages.split_last() {
                Some((stage, earlier)) => {
                    self.through(earlier, before, stage.window(row).end);
                    stage.compute(
                        &before[earlier.len()],
                        self.source,
                        row,
                        self.instructions,
                        ring.slot(row),
                    );
                }
                None if ring.values.is_empty() => {}
                None => self
                    .source
                    .fill(row, self.instructions, self.memory, ring.slot(row)),
            }
            ring.next += 1;
        }
    }
}
