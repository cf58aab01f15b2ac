//! Halving and doubling the size of a feature map.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, bail};

use super::contiguous;
use crate::Threads;

/// The largest value of each 2×2 pixels; an odd last row or column is left out.
#[derive(Debug)]
pub(crate) struct MaxPool2x2 {
    /// The threads that it may use.
    pub(crate) threads: Threads,
}

impl CustomOp1 for MaxPool2x2 {
    fn name(&self) -> &'static str {
        "max-pool-2x2"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        let input = contiguous(storage, layout)?;
        let (rows, cols) = (height / 2, width / 2);
        let mut out = vec![0.0; batch * rows * cols * channels];
        let row_len = width * channels;
        self.threads.for_rows(
            &mut out,
            cols * channels,
            #[inline(always)]
            |i, out| {
                let first = (i / rows * height + i % rows * 2) * row_len;
                let (upper, lower) = input[first..first + 2 * row_len].split_at(row_len);
                let pairs = upper
                    .chunks_exact(2 * channels)
                    .zip(lower.chunks_exact(2 * channels));
                for (out, (upper, lower)) in out.chunks_exact_mut(channels).zip(pairs) {
                    let (a, b) = upper.split_at(channels);
                    let (c, d) = lower.split_at(channels);
                    let pairs = a.iter().zip(b).zip(c.iter().zip(d));
                    for (out, ((a, b), (c, d))) in out.iter_mut().zip(pairs) {
                        *out = a.max(*b).max(c.max(*d));
                    }
                }
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
        let small_len = width / 2 * channels;
        self.threads.for_rows(
            &mut out,
            width * channels,
            #[inline(always)]
            |i, out| {
                // Heights are even, so rows of a batch pair up across pictures too.
                let row = &small[i / 2 * small_len..][..small_len];
                for (out, x) in out.chunks_exact_mut(2 * channels).zip(row.chunks_exact(channels)) {
                    let (left, right) = out.split_at_mut(channels);
                    for ((left, right), x) in left.iter_mut().zip(right).zip(x) {
                        *left += x;
                        *right += x;
                    }
                }
            },
        );
        Ok((
            CpuStorage::F32(out),
            Shape::from((batch, height, width, channels)),
        ))
    }
}
