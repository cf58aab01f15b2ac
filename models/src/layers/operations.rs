//! A chain as a candle operation that writes into a tensor which is there already, one for each kind of source.

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, InplaceOp3, Layout, Result, bail};

use super::source::{Map, Sum};
use super::{Chain, Shape, Source};

/// The numbers behind a contiguous tensor.
pub(super) fn numbers<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("the layer needs a contiguous tensor"),
    }
}

/// The same to write to.
pub(super) fn numbers_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (layout.contiguous_offsets(), storage) {
        (Some((start, end)), CpuStorage::F32(values)) => Ok(&mut values[start..end]),
        _ => bail!("the layer writes into a contiguous tensor of single precision"),
    }
}

/// How many maps a tensor holds, and their shape without the border.
pub(super) fn map_of(layout: &Layout, border: usize) -> Result<(usize, Shape)> {
    let (pictures, rows, cols, channels) = layout.shape().dims4()?;
    match (rows.checked_sub(2 * border), cols.checked_sub(2 * border)) {
        (Some(rows @ 1..), Some(cols @ 1..)) => Ok((pictures, Shape { rows, cols, channels })),
        _ => bail!("{:?} is no map with a border of {border}", layout.shape()),
    }
}

impl Chain {
    fn write_to(
        &self,
        source: &dyn Source,
        border: usize,
        out: &mut CpuStorage,
        layout: &Layout,
    ) -> Result<()> {
        let (pictures, shape) = map_of(layout, border)?;
        if (pictures, shape) != (1, self.output(source.shape())?) {
            bail!(
                "{:?} is no place for what comes out of {:?}",
                layout.shape(),
                source.shape()
            );
        }
        self.run(source, border, numbers_mut(out, layout)?)
    }
}

/// A chain that begins with a picture: `out.inplace_op1(&FromPicture { … })`.
pub(crate) struct FromPicture<'a> {
    pub(crate) chain: &'a Chain,
    pub(crate) picture: &'a dyn Source,
    /// Border of the output.
    pub(crate) border: usize,
}

impl InplaceOp1 for FromPicture<'_> {
    fn name(&self) -> &'static str {
        "chain-from-picture"
    }

    fn cpu_fwd(&self, out: &mut CpuStorage, layout: &Layout) -> Result<()> {
        self.chain.write_to(self.picture, self.border, out, layout)
    }
}

/// A chain that begins with a map: `out.inplace_op2(&map, &FromMap(…))`. Neither has a border.
pub(crate) struct FromMap<'a>(pub(crate) &'a Chain);

impl InplaceOp2 for FromMap<'_> {
    fn name(&self) -> &'static str {
        "chain-from-map"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        input: &CpuStorage,
        input_layout: &Layout,
    ) -> Result<()> {
        self.0.write_to(&map(input, input_layout)?, 0, out, out_layout)
    }
}

/// A chain that begins with a map plus a coarser one, each of whose pixels counts for four:
/// `out.inplace_op3(&map, &coarser, &FromSum(…))`.
pub(crate) struct FromSum<'a>(pub(crate) &'a Chain);

impl InplaceOp3 for FromSum<'_> {
    fn name(&self) -> &'static str {
        "chain-from-sum"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        fine: &CpuStorage,
        fine_layout: &Layout,
        coarse: &CpuStorage,
        coarse_layout: &Layout,
    ) -> Result<()> {
        let (fine, coarse) = (map(fine, fine_layout)?, map(coarse, coarse_layout)?);
        let half = Shape {
            rows: fine.shape.rows / 2,
            cols: fine.shape.cols / 2,
            ..fine.shape
        };
        if coarse.shape != half || (fine.shape.rows | fine.shape.cols) % 2 != 0 {
            bail!("{:?} is not half of {:?}", coarse.shape, fine.shape);
        }
        self.0.write_to(&Sum { fine, coarse }, 0, out, out_layout)
    }
}

/// A tensor of one map without a border.
fn map<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<Map<'a>> {
    match map_of(layout, 0)? {
        (1, shape) => Ok(Map {
            values: numbers(storage, layout)?,
            shape,
        }),
        (pictures, _) => bail!("one map is needed, not {pictures}"),
    }
}
