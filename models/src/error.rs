//! What can go wrong in a network. Frames of any size and content are valid, so it is little.

/// Why a network could not be made or run.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The compiled-in weights do not fit the network: a build mistake.
    #[error("the weights of {model} do not fit the network: {source}")]
    Weights {
        /// The model's id.
        model: &'static str,
        /// Which tensor, and why.
        source: candle_core::Error,
    },
    /// A layer refused its input: a mistake in the network.
    #[error("{model} could not be run: {source}")]
    Inference {
        /// The model's id.
        model: &'static str,
        /// Which layer, and why.
        source: candle_core::Error,
    },
    /// The embedder takes aligned crops of one size.
    #[error("an aligned face has {expected}x{expected} pixels, but this picture has {width}x{height}")]
    CropSize {
        /// Side of an aligned crop.
        expected: u32,
        /// The given width.
        width: u32,
        /// The given height.
        height: u32,
    },
    /// The planes of a YUV frame are shorter than its size says.
    #[error("the planes of a YUV frame do not hold {width}x{height} pixels")]
    Planes {
        /// Its width.
        width: usize,
        /// Its height.
        height: usize,
    },
    /// The processor does not have the instructions that were asked for.
    #[error(
        "this processor has no {0} instructions; leave the choice to the program, or ask for \"portable\""
    )]
    Instructions(crate::Instructions),
    /// There is no such device, or it cannot be used.
    #[cfg(feature = "cuda")]
    #[error("CUDA device {number} cannot be used: {source}")]
    Device {
        /// Its number.
        number: usize,
        /// The driver's reason.
        source: candle_core::Error,
    },
    /// The system gave no threads.
    #[error("{threads} threads for inference cannot be started: {source}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// The system's reason.
        source: rayon::ThreadPoolBuildError,
    },
}
