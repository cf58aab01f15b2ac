//! Where the rows of a chain come from: a feature map, the sum of two, or a picture.

use super::Shape;
use crate::Instructions;
use crate::kernels::columns::Columns;
use crate::kernels::rows::AddDoubled;

/// Memory that a source finds again at its next row.
#[derive(Debug, Default)]
pub(crate) struct SourceMemory {
    /// The sum of some rows.
    pub(crate) sums: Vec<f32>,
    /// A row with fewer columns, plane by plane.
    pub(crate) planes: Vec<f32>,
    /// How those columns are made: for brightness or all colours, and for the planes of colour.
    pub(crate) columns: [Columns; 2],
}

/// Gives the rows of one picture, one by one.
pub(crate) trait Source: Sync {
    /// Rows, columns and channels.
    fn shape(&self) -> Shape;

    /// A row that lies in memory already.
    fn borrow(&self, _row: usize) -> Option<&[f32]> {
        None
    }

    /// Writes a row.
    fn fill(&self, row: usize, instructions: Instructions, memory: &mut SourceMemory, out: &mut [f32]);
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

    fn fill(&self, row: usize, _: Instructions, _: &mut SourceMemory, out: &mut [f32]) {
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

    fn fill(&self, row: usize, instructions: Instructions, _: &mut SourceMemory, out: &mut [f32]) {
        instructions.run(AddDoubled {
            fine: self.fine.row(row),
            coarse: self.coarse.row(row / 2),
            channels: self.fine.shape.channels,
            out,
        });
    }
}
