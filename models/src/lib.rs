//! Face detection and recognition: YuNet and SFace as candle networks.
//!
//! The weights are compiled in; nothing is downloaded, and nothing here does input or output except
//! [`picture::load`]. The way of a face: [`detect::Detector`] finds it in a frame, [`align::align_crop`] turns it
//! upright, [`quality::assess`] says how much the view is worth, [`embed::Embedder`] makes it an embedding, and
//! [`matching::Index`] ranks the people it may be. See `weights/` for the model cards.

pub mod align;
#[doc(hidden)]
pub mod bench;
mod compute;
pub mod detect;
#[cfg(any(test, feature = "cuda"))]
mod device;
pub mod embed;
mod error;
pub mod frame;
mod input;
mod instructions;
mod kernels;
mod layers;
pub mod matching;
pub mod model;
pub mod picture;
pub mod quality;

pub use compute::Compute;
pub use error::ModelError;
pub use instructions::Instructions;
