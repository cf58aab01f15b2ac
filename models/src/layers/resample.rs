//! A map plus another one brought to its size: `out.inplace_op3(&map, &other, &Resample::…)`. All three have a border,
//! and the larger one's sides are even.

use candle_core::{CpuStorage, InplaceOp3, Layout, Result, bail};

use super::Shape;
use super::operations::{map_of, numbers, numbers_mut};
use crate::Instructions;
use crate::kernels::rows::{AddInterpolated, AddMean};

/// How the other map is brought to the size of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resampling {
    /// It is half as large: bilinear interpolation, pixels being squares with values in their middles.
    Up,
    /// It is twice as large: the mean of each 2×2 pixels.
    Down,
}

/// The layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resample {
    pub(crate) how: Resampling,
    pub(crate) instructions: Instructions,
}

impl Resample {
    fn rows(self, shape: Shape, map: &[f32], other: &[f32], out: &mut [f32]) {
        let other_shape = match self.how {
            Resampling::Up => shape.resized(shape.rows / 2, shape.cols / 2),
            Resampling::Down => shape.resized(shape.rows * 2, shape.cols * 2),
        };
        let of_other = |row: usize| &other[other_shape.start_of(row, 1)..][..other_shape.row_len()];
        for row in 0..shape.rows {
            let start = shape.start_of(row, 1);
            let (map, out) = (
                &map[start..][..shape.row_len()],
                &mut out[start..][..shape.row_len()],
            );
            let channels = shape.channels;
            match self.how {
                Resampling::Up => {
                    let near = row / 2;
                    let far = if row.is_multiple_of(2) {
                        near.saturating_sub(1)
                    } else {
                        (near + 1).min(other_shape.rows - 1)
                    };
                    self.instructions.run(AddInterpolated {
                        fine: map,
                        coarse: [of_other(near), of_other(far)],
                        shares: [0.75, 0.25],
                        channels,
                        out,
                    });
                }
                Resampling::Down => self.instructions.run(AddMean {
                    coarse: map,
                    fine: [of_other(2 * row), of_other(2 * row + 1)],
                    channels,
                    out,
                }),
            }
        }
    }
}

impl InplaceOp3 for Resample {
    fn name(&self) -> &'static str {
        "resample"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        map: &CpuStorage,
        map_layout: &Layout,
        other: &CpuStorage,
        other_layout: &Layout,
    ) -> Result<()> {
        let (shape, other_shape) = (map_of(map_layout, 1)?, map_of(other_layout, 1)?);
        let (larger, smaller) = match self.how {
            Resampling::Up => (shape.1, other_shape.1),
            Resampling::Down => (other_shape.1, shape.1),
        };
        let fits = shape.0 == 1
            && other_shape.0 == 1
            && larger == smaller.resized(2 * smaller.rows, 2 * smaller.cols)
            && map_of(out_layout, 1)? == shape;
        if !fits {
            bail!(
                "{:?} and {:?} do not fit together",
                map_layout.shape(),
                other_layout.shape()
            );
        }
        let out = numbers_mut(out, out_layout)?;
        shape.1.clear_border(1, out);
        self.rows(
            shape.1,
            numbers(map, map_layout)?,
            numbers(other, other_layout)?,
            out,
        );
        Ok(())
    }
}
