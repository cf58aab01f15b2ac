//! Face detection and recognition, and the detection of people: YuNet, SFace and NanoDet-g as candle networks.
//!
//! The weights are compiled in; nothing is downloaded, and nothing here does input or output except
//! [`picture::load`]. The way of a face: [`detect::Detector`] finds it in a frame, [`upright::straighten`] looks at it
//! again with the head upright, [`align::align_crop`] cuts it out, [`quality::assess`] says how much the view is
//! worth, [`embed::Embedder`] makes it an embedding, and [`matching::Index`] ranks the people it may be.
//! [`person::PersonDetector`] finds people whose faces cannot be seen. See `weights/` for the model cards.

pub mod align;
pub mod appearance;
#[doc(hidden)]
pub mod bench;
mod compute;
pub mod detect;
#[cfg(any(test, feature = "cuda"))]
mod device;
pub mod embed;
mod error;
pub mod frame;
mod frame_buf;
mod input;
mod instructions;
mod kernels;
mod layers;
mod levels;
pub mod lineup;
pub mod matching;
pub mod model;
mod overlap;
pub mod person;
pub mod picture;
pub mod quality;
pub mod still;
pub mod upright;

pub use compute::Compute;
pub use error::ModelError;
pub use frame_buf::{FrameBuf, I420Buf};
pub use instructions::Instructions;
