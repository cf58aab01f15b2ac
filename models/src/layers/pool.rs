//! Halving and doubling the size of a feature map.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, bail};
use pulp::Simd;

use super::{contiguous, registers, registers_mut, whole_registers};
use crate::Threads;
use crate::threads::RowKernel;

/// The largest value of each 2×2 pixels; an odd last row or column is left out.
#[derive(Debug)]
pub(crate) struct MaxPool2x2 {
    /// The threads that it may use.
    pub(crate) threads: Threads,
}

/// One call of the layer.
struct Pool<'a> {
    input: &'a [f32],
    height: usize,
    width: usize,
    channels: usize,
}

impl RowKernel for Pool<'_> {
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, i: usize, out: &mut [f32]) {
        let (rows, row_len) = (self.height / 2, self.width * self.channels);
        let first = (i / rows * self.height + i % rows * 2) * row_len;
        let (upper, lower) = self.input[first..first + 2 * row_len].split_at(row_len);
        let (upper, lower, out) = (
            registers::<S>(upper),
            registers::<S>(lower),
            registers_mut::<S>(out),
        );
        let n = self.channels * upper.len() / row_len;
        let pairs = upper.chunks_exact(2 * n).zip(lower.chunks_exact(2 * n));
        for (out, (upper, lower)) in out.chunks_exact_mut(n).zip(pairs) {
            let ((a, b), (c, d)) = (upper.split_at(n), lower.split_at(n));
            for (i, out) in out.iter_mut().enumerate() {
                *out = simd.max_f32s(simd.max_f32s(a[i], b[i]), simd.max_f32s(c[i], d[i]));
            }
        }
    }
}

impl CustomOp1 for MaxPool2x2 {
    fn name(&self) -> &'static str {
        "max-pool-2x2"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        whole_registers(channels)?;
        let input = contiguous(storage, layout)?;
        let (rows, cols) = (height / 2, width / 2);
        let mut out = vec![0.0; batch * rows * cols * channels];
        self.threads.for_rows(
            &mut out,
            cols * channels,
            &Pool {
                input,
                height,
                width,
                channels,
            },
        );
        Ok((CpuStorage::F32(out), Shape::from((batch, rows, cols, channels))))
    }
}

/// Adds the second map, each of its pixels doubled in both directions, to the first.
#[derive(Debug)]
pub(crate) struct UpsampleAdd {
    /// The threads that it may use.
    pub(crate) threads: Threads,
}

/// One call of the layer, whose output holds the larger map already.
struct Upsample<'a> {
    small: &'a [f32],
    /// Numbers in a row of the smaller map.
    row_len: usize,
    channels: usize,
}

impl RowKernel for Upsample<'_> {
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, i: usize, out: &mut [f32]) {
        // Heights are even, so rows of a batch pair up across pictures too.
        let row = registers::<S>(&self.small[i / 2 * self.row_len..][..self.row_len]);
        let n = self.channels * row.len() / self.row_len;
        for (out, x) in registers_mut::<S>(out)
            .chunks_exact_mut(2 * n)
            .zip(row.chunks_exact(n))
        {
            let (left, right) = out.split_at_mut(n);
            for ((left, right), &x) in left.iter_mut().zip(right).zip(x) {
                *left = simd.add_f32s(*left, x);
                *right = simd.add_f32s(*right, x);
            }
        }
    }
}

impl CustomOp2 for UpsampleAdd {
    fn name(&self) -> &'static str {
        "upsample-add"
    }

    fn cpu_fwd(
        &self,
        large: &CpuStorage,
        large_layout: &Layout,
        small: &CpuStorage,
        small_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = large_layout.shape().dims4()?;
        whole_registers(channels)?;
        if small_layout.shape().dims() != [batch, height / 2, width / 2, channels]
            || (height | width) % 2 != 0
        {
            bail!(
                "{:?} is not half of {:?}",
                small_layout.shape(),
                large_layout.shape()
            );
        }
        let mut out = contiguous(large, large_layout)?.to_vec();
        let small = contiguous(small, small_layout)?;
        let call = Upsample {
            small,
            row_len: width / 2 * channels,
            channels,
        };
        self.threads.for_rows(&mut out, width * channels, &call);
        Ok((
            CpuStorage::F32(out),
            Shape::from((batch, height, width, channels)),
        ))
    }
}
