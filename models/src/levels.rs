//! What a detector's three heads say, where it lies.

use candle_core::{Result, Storage, Tensor, bail};

/// Pixels of the picture between neighbouring cells of the three levels.
pub(crate) const STRIDES: [usize; 3] = [8, 16, 32];

/// What the network says of one level.
#[derive(Debug)]
pub(crate) struct Map<'a> {
    /// Pixels of the input between neighbouring cells.
    pub(crate) stride: usize,
    /// Cells in a row.
    pub(crate) cols: usize,
    /// The numbers of each cell, row by row; before the sigmoid, where there is one.
    pub(crate) cells: &'a [f32],
}

/// Hands over the numbers of the heads where they are.
///
/// # Errors
/// When there are not three of them, contiguous and on the processor.
pub(crate) fn read<R>(heads: &[Tensor], read: impl FnOnce([Map<'_>; 3]) -> R) -> Result<R> {
    let guards: Vec<_> = heads.iter().map(Tensor::storage_and_layout).collect();
    let mut maps = Vec::with_capacity(guards.len());
    for ((storage, layout), stride) in guards.iter().zip(STRIDES) {
        let (Storage::Cpu(storage), Some((start, end))) = (&**storage, layout.contiguous_offsets()) else {
            bail!("the heads are contiguous and on the processor");
        };
        maps.push(Map {
            stride,
            cols: layout.shape().dims4()?.2,
            cells: &storage.as_slice()?[start..end],
        });
    }
    match maps.try_into() {
        Ok(maps) => Ok(read(maps)),
        Err(_) => bail!("the network has three levels"),
    }
}
