//! Tensors that are made once and written again at every call.

use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor};

/// Numbers of a set of buffers that are kept from one call to the next: 80 MB, which the detector needs for frames of
/// 4096×2304 pixels. A larger set, for a photograph of more pixels, is given back.
const KEPT: usize = 20 << 20;

/// Memory for maps that are not needed at the same time.
#[derive(Debug)]
pub(crate) struct Buffer(Tensor);

impl Buffer {
    /// Nothing yet.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Tensor::zeros(0, DType::F32, &Device::Cpu)?))
    }

    /// A tensor of this shape in this memory, holding whatever is there. The last one must not be read any more.
    pub(crate) fn view(&mut self, shape: impl Into<Shape>) -> Result<Tensor> {
        let shape = shape.into();
        if self.0.elem_count() < shape.elem_count() {
            self.0 = Tensor::zeros(shape.elem_count(), DType::F32, &Device::Cpu)?;
        }
        self.0.narrow(0, 0, shape.elem_count())?.reshape(shape)
    }

    fn len(&self) -> usize {
        self.0.elem_count()
    }
}

/// Sets of buffers: as many as calls ever ran at the same time.
#[derive(Debug)]
pub(crate) struct Pool<const N: usize>(Mutex<Vec<[Buffer; N]>>);

impl<const N: usize> Pool<N> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Runs `work` with a set of buffers.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut [Buffer; N]) -> Result<R>) -> Result<R> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffers = match free {
            Some(buffers) => buffers,
            None => {
                let mut made = Vec::with_capacity(N);
                for _ in 0..N {
                    made.push(Buffer::new()?);
                }
                made.try_into()
                    .map_err(|_| candle_core::Error::Msg("as many buffers as asked for".into()))?
            }
        };
        let result = work(&mut buffers);
        if buffers.iter().map(Buffer::len).sum::<usize>() <= KEPT {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(buffers);
        }
        result
    }
}
