//! How many threads an inference may use: the calling one alone, or a pool of its own.
//!
//! candle and gemm would otherwise take every core of the machine, which a device with several cameras has
//! better uses for.

use std::fmt;
use std::sync::Arc;

use pulp::{Simd, WithSimd};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::ModelError;

/// The threads of one network. Clones share them.
#[derive(Clone)]
pub struct Threads {
    count: usize,
    pool: Option<Arc<rayon::ThreadPool>>,
}

impl Threads {
    /// The calling thread alone.
    pub const ONE: Self = Self { count: 1, pool: None };

    /// `count` threads; 0 and 1 both mean the calling thread alone.
    ///
    /// # Errors
    /// [`ModelError::Threads`] when the system gives none.
    pub fn new(count: usize) -> Result<Self, ModelError> {
        if count <= 1 {
            return Ok(Self::ONE);
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .thread_name(|i| format!("inference-{i}"))
            .build()
            .map_err(|source| ModelError::Threads { count, source })?;
        Ok(Self {
            count,
            pool: Some(Arc::new(pool)),
        })
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Runs `work` where rayon's own splitting stays within these threads.
    pub(crate) fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Has the kernel compute each piece of `row_len` values of `out`, with the processor's widest instructions.
    pub(crate) fn for_rows(&self, out: &mut [f32], row_len: usize, kernel: &impl RowKernel) {
        let arch = pulp::Arch::new();
        if row_len == 0 {
            return;
        }
        match &self.pool {
            // Several rows at once, so that the choice of instructions is not made for each.
            Some(pool) => pool.install(|| {
                let rows = out.len().div_ceil(row_len).div_ceil(self.count * 2).max(1);
                out.par_chunks_mut(row_len * rows)
                    .enumerate()
                    .for_each(|(i, out)| {
                        arch.dispatch(Rows {
                            out,
                            row_len,
                            first: i * rows,
                            kernel,
                        })
                    });
            }),
            None => arch.dispatch(Rows {
                out,
                row_len,
                first: 0,
                kernel,
            }),
        }
    }
}

/// Computes its output row by row, in any order.
pub(crate) trait RowKernel: Sync {
    /// Fills row `i`. To be `#[inline(always)]` down to its loops: what is not inlined is compiled for the oldest
    /// processor. For the same reason this is no closure; a closure is called through a shim that is not inlined.
    fn row<S: Simd>(&self, simd: S, i: usize, out: &mut [f32]);
}

/// What is compiled for each instruction set.
struct Rows<'a, K> {
    out: &'a mut [f32],
    row_len: usize,
    first: usize,
    kernel: &'a K,
}

impl<K: RowKernel> WithSimd for Rows<'_, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (i, out) in self.out.chunks_mut(self.row_len).enumerate() {
            self.kernel.row(simd, self.first + i, out);
        }
    }
}

impl Default for Threads {
    fn default() -> Self {
        Self::ONE
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Threads").field(&self.count).finish()
    }
}
