//! Where the rows of a chain come from: a feature map, the sum of two, or a picture.

use super::Shape;
use crate::Instructions;
use crate::kernels::rows::AddDoubled;

/// Gives the rows of one picture, one by one.
pub(crate) trait Source: Sync {
    /// Rows, columns and channels.
    fn shape(&self) -> Shape;

    /// A row that lies in memory already.
    fn borrow(&self, _row: usize) -> Option<&[f32]> {
        None
    }

    /// Writes a row. `scratch` is any memory that the source wants to find again at its next row.
    fn fill(&self, row: usize, instructions: Instructions, scratch: &mut Vec<f32>, out: &mut [f32]);
}

/// A feature map without a border.
pub(super) struct Map<'a> {
    pub(super) values: &'a [f32],
    pub(super) shape: Shape,
}

impl Map<'_> {
    fn row(&self, row: usize) -> &[f32] {
        let len = self.shape.row_len();
        &self.values[row * len..][..len]
    }
}

impl Source for Map<'_> {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn borrow(&self, row: usize) -> Option<&[f32]> {
        Some(self.row(row))
    }

    fn fill(&self, row: usize, _: Instructions, _: &mut Vec<f32>, out: &mut [f32]) {
        out.copy_from_slice(self.row(row));
    }
}

/// A map plus one of half its size, each of whose pixels counts for four.
pub(super) struct Sum<'a> {
    pub(super) fine: Map<'a>,
    pub(super) coarse: Map<'a>,
}

impl Source for Sum<'_> {
    fn shape(&self) -> Shape {
        self.fine.shape
    }

    fn fill(&self, row: usize, instructions: Instructions, _: &mut Vec<f32>, out: &mut [f32]) {
        instructions.run(AddDoubled {
            fine: self.fine.row(row),
            coarse: self.coarse.row(row / 2),
            channels: self.fine.shape.channels,
            out,
        });
    }
}
