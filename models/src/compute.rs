//! How a network is computed: with which instructions, and on how many threads; or on another device.
//!
//! One thread is the calling one; more are a pool of their own. candle would otherwise take every core of the
//! machine, which a device with several cameras has better uses for.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::{Instructions, ModelError};

/// The instructions and threads of one network or of several. Clones share the threads.
#[derive(Clone)]
pub struct Compute {
    instructions: Instructions,
    threads: usize,
    pool: Option<Arc<rayon::ThreadPool>>,
    /// Where the networks run with candle's own operations; `None`: on the processor, with the kernels.
    #[cfg(any(test, feature = "cuda"))]
    device: Option<candle_core::Device>,
}

impl Compute {
    /// `threads` threads; 0 and 1 both mean the calling thread alone.
    ///
    /// # Errors
    /// [`ModelError::Instructions`] when the processor lacks them, [`ModelError::Threads`] when the system gives no
    /// threads.
    pub fn new(instructions: Instructions, threads: usize) -> Result<Self, ModelError> {
        if !instructions.is_available() {
            return Err(ModelError::Instructions(instructions));
        }
        let pool = match threads {
            0 | 1 => None,
            _ => Some(
                rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .thread_name(|i| format!("inference-{i}"))
                    .build()
                    .map(Arc::new)
                    .map_err(|source| ModelError::Threads { threads, source })?,
            ),
        };
        Ok(Self {
            instructions,
            threads: threads.max(1),
            pool,
            #[cfg(any(test, feature = "cuda"))]
            device: None,
        })
    }

    /// A CUDA device, by its number. What comes before and behind the networks still runs on the calling thread.
    ///
    /// # Errors
    /// [`ModelError::Device`] when there is none of this number.
    #[cfg(feature = "cuda")]
    pub fn cuda(number: usize) -> Result<Self, ModelError> {
        let device = candle_core::Device::new_cuda(number);
        Ok(Self {
            device: Some(device.map_err(|source| ModelError::Device { number, source })?),
            ..Self::default()
        })
    }

    /// candle's own operations on the processor: the way for other devices, where there is none.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self {
            device: Some(candle_core::Device::Cpu),
            ..Self::default()
        }
    }

    /// The device that the networks run on where it is not the processor with the kernels.
    #[cfg(any(test, feature = "cuda"))]
    pub(crate) fn device(&self) -> Option<&candle_core::Device> {
        self.device.as_ref()
    }

    /// The instructions.
    pub fn instructions(&self) -> Instructions {
        self.instructions
    }

    /// Runs work that is shared out with rayon's `join` on these threads.
    fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Shares out rows: `work` is given some of them and the part of `out` that begins where its first row does.
    /// `start_of` says where a row begins; rows lie in order, and what lies between two of them belongs to neither.
    pub(crate) fn share_out(
        &self,
        rows: usize,
        out: &mut [f32],
        start_of: &(impl Fn(usize) -> usize + Sync),
        work: &(impl Fn(Range<usize>, &mut [f32]) + Sync),
    ) {
        if rows == 0 {
            return;
        }
        let out = &mut out[start_of(0)..];
        self.install(|| split(self.threads.min(rows), 0..rows, out, start_of, work));
    }
}

/// Halves the rows until there are as many parts as threads.
fn split(
    parts: usize,
    rows: Range<usize>,
    out: &mut [f32],
    start_of: &(impl Fn(usize) -> usize + Sync),
    work: &(impl Fn(Range<usize>, &mut [f32]) + Sync),
) {
    if parts <= 1 {
        return work(rows, out);
    }
    let left = parts / 2;
    let middle = rows.start + rows.len() * left / parts;
    let (upper, lower) = out.split_at_mut(start_of(middle) - start_of(rows.start));
    rayon::join(
        || split(left, rows.start..middle, upper, start_of, work),
        || split(parts - left, middle..rows.end, lower, start_of, work),
    );
}

impl Default for Compute {
    /// The best instructions of this processor, on the calling thread.
    fn default() -> Self {
        Self {
            instructions: Instructions::best(),
            threads: 1,
            pool: None,
            #[cfg(any(test, feature = "cuda"))]
            device: None,
        }
    }
}

impl fmt::Display for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(any(test, feature = "cuda"))]
        if let Some(device) = &self.device {
            return write!(f, "candle's operations on {:?}", device.location());
        }
        match self.threads {
            1 => write!(f, "{} instructions on one thread", self.instructions),
            threads => write!(f, "{} instructions on {threads} threads", self.instructions),
        }
    }
}

impl fmt::Debug for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Compute({self})")
    }
}
