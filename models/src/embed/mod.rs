//! Turning an aligned face into an embedding with SFace.
//!
//! Zhong et al., "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition", IEEE Transactions on
//! Image Processing 30 (2021), on the network MobileFaceNet.

mod network;
#[cfg(any(test, feature = "cuda"))]
mod on_device;

use image::RgbImage;

use crate::align::CROP_SIDE;
use crate::input::Aligned;
use crate::layers::Source;
use crate::{Compute, ModelError, model};
use network::SFace;

/// Faces that go through the network together; more are taken in several passes, which bounds the memory.
const BATCH: usize = 8;

/// What a face is compared by: a direction, of unit length.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// Brings numbers to unit length. `None` where they are not as many as the model gives, not finite, or have no
    /// direction.
    pub fn new(mut values: Vec<f32>) -> Option<Self> {
        let length = values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        if values.len() != model::EMBEDDER.embedding_len || !length.is_finite() || length < 1e-12 {
            return None;
        }
        values
            .iter_mut()
            .for_each(|x| *x = (f64::from(*x) / length) as f32);
        Some(Self(values))
    }

    /// The numbers.
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// The numbers.
    pub fn into_vec(self) -> Vec<f32> {
        self.0
    }
}

/// Makes embeddings. Holds 26 MB of weights, so it is made once and shared; embedding changes nothing in it.
#[derive(Debug)]
pub struct Embedder {
    network: Network,
}

/// The network, in either form.
#[allow(clippy::large_enum_variant, reason = "there is one of it, not many")]
#[derive(Debug)]
enum Network {
    Kernels(SFace),
    #[cfg(any(test, feature = "cuda"))]
    Device(on_device::SFace, Compute),
}

impl Network {
    fn new(compute: &Compute) -> candle_core::Result<Self> {
        #[cfg(any(test, feature = "cuda"))]
        if let Some(device) = compute.device() {
            let network = on_device::SFace::new(model::EMBEDDER_WEIGHTS, device)?;
            return Ok(Self::Device(network, compute.clone()));
        }
        Ok(Self::Kernels(SFace::new(model::EMBEDDER_WEIGHTS, compute)?))
    }

    /// The embeddings of pictures of 112×112, values from -1 to 1.
    fn embed(&self, pictures: &[&dyn Source]) -> candle_core::Result<Vec<Vec<f32>>> {
        match self {
            Self::Kernels(network) => network.embed(pictures),
            #[cfg(any(test, feature = "cuda"))]
            Self::Device(network, compute) => network.embed(pictures, compute.instructions()),
        }
    }
}

impl Embedder {
    /// An embedder that runs on the calling thread.
    ///
    /// # Errors
    /// [`ModelError::Weights`] when the compiled-in weights are damaged.
    pub fn new() -> Result<Self, ModelError> {
        Self::with_compute(&Compute::default())
    }

    /// An embedder that computes so.
    ///
    /// # Errors
    /// [`ModelError::Weights`] when the compiled-in weights are damaged.
    pub fn with_compute(compute: &Compute) -> Result<Self, ModelError> {
        let network = Network::new(compute).map_err(|source| ModelError::Weights {
            model: model::EMBEDDER.id,
            source,
        })?;
        Ok(Self { network })
    }

    /// The embeddings of aligned faces (see [`crate::align::align_crop`]), in their order.
    ///
    /// # Errors
    /// [`ModelError::CropSize`] for a picture that is not 112×112; [`ModelError::Inference`] when a layer refuses
    /// its input or the result has no direction, which no crop causes.
    pub fn embed(&self, aligned: &[RgbImage]) -> Result<Vec<Embedding>, ModelError> {
        for crop in aligned {
            let (width, height) = crop.dimensions();
            if (width, height) != (CROP_SIDE, CROP_SIDE) {
                return Err(ModelError::CropSize {
                    expected: CROP_SIDE,
                    width,
                    height,
                });
            }
        }
        let failed = |source| ModelError::Inference {
            model: model::EMBEDDER.id,
            source,
        };
        let mut embeddings = Vec::with_capacity(aligned.len());
        for batch in aligned.chunks(BATCH) {
            for raw in self.raw(batch).map_err(failed)? {
                let embedding = Embedding::new(raw).ok_or_else(|| {
                    failed(candle_core::Error::Msg("the embedding has no direction".into()))
                })?;
                embeddings.push(embedding);
            }
        }
        Ok(embeddings)
    }

    /// The network's own outputs, before they are brought to unit length.
    fn raw(&self, crops: &[RgbImage]) -> candle_core::Result<Vec<Vec<f32>>> {
        let pictures: Vec<Aligned<'_>> = crops.iter().map(Aligned).collect();
        let pictures: Vec<&dyn Source> = pictures.iter().map(|picture| picture as &dyn Source).collect();
        self.network.embed(&pictures)
    }
}

#[cfg(test)]
mod tests;
