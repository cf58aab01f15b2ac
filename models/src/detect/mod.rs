//! Finding faces in a frame with YuNet.
//!
//! Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20 (2023). The
//! decoding and the suppression of overlapping boxes give what OpenCV's `FaceDetectorYN` gives.

mod decode;
mod network;
#[cfg(any(test, feature = "cuda"))]
mod on_device;

use serde::Serialize;

use crate::frame::Frame;
use crate::input::{Scaled, fit};
use crate::layers::Source;
use crate::levels::Map;
use crate::overlap::{self, Scored};
use crate::{Compute, ModelError, model};
use network::YuNet;

/// Frames are padded to multiples of this: the cell of the coarsest of the three feature maps.
const CELL: usize = 32;

/// The longest side that the network is ever given; larger frames are scaled down to it. It bounds the memory of
/// an inference (about 8 bytes a pixel).
const LONGEST_SIDE: u32 = 4096;

/// Finds faces. Made once and shared; a detection changes nothing in it.
#[derive(Debug)]
pub struct Detector {
    network: Network,
}

/// The network, in either form.
#[allow(clippy::large_enum_variant, reason = "there is one of it, not many")]
#[derive(Debug)]
enum Network {
    Kernels(YuNet),
    #[cfg(any(test, feature = "cuda"))]
    Device(on_device::YuNet, Compute),
}

impl Network {
    fn new(compute: &Compute) -> candle_core::Result<Self> {
        #[cfg(any(test, feature = "cuda"))]
        if let Some(device) = compute.device() {
            let network = on_device::YuNet::new(model::DETECTOR_WEIGHTS, device)?;
            return Ok(Self::Device(network, compute.clone()));
        }
        Ok(Self::Kernels(YuNet::new(model::DETECTOR_WEIGHTS, compute)?))
    }

    /// Looks at a picture whose sides are multiples of 32, values 0 to 255, and gives what it says of each level.
    fn look<R>(&self, picture: &dyn Source, read: impl FnOnce([Map<'_>; 3]) -> R) -> candle_core::Result<R> {
        match self {
            Self::Kernels(network) => network.look(picture, read),
            #[cfg(any(test, feature = "cuda"))]
            Self::Device(network, compute) => network.look(picture, compute.instructions(), read),
        }
    }
}

/// How to look for faces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectOptions {
    /// The frame is scaled down so that its longer side is at most this many pixels; it is never scaled up.
    /// `None`: at its own size (up to 4,096).
    pub max_side: Option<u32>,
    /// Faces with a lower score are left out.
    pub score_threshold: f32,
    /// Of two boxes whose intersection over union is larger, the one with the lower score is left out.
    pub nms_iou: f32,
    /// Only so many of the best boxes are looked at.
    pub top_k: usize,
}

impl Default for DetectOptions {
    fn default() -> Self {
        Self {
            max_side: None,
            score_threshold: model::DETECTOR.threshold,
            nms_iou: 0.3,
            top_k: 5000,
        }
    }
}

impl DetectOptions {
    /// For photographs: at their own size, only very large ones scaled down.
    pub fn still() -> Self {
        Self {
            max_side: Some(STILL_MAX_SIDE),
            ..Self::default()
        }
    }
}

/// Longest side of a photograph.
const STILL_MAX_SIDE: u32 = 2560;

/// Faces that are larger in the network's input are looked for in a smaller copy. Measured: faces up to 480 pixels
/// high score above 0.9, from 600 on the network finds parts of them at 0.6, or nothing.
const LARGE_FACE: f32 = 512.0;
/// Longer side of the smaller copy: a face that fills it is known well. Frames up to twice that need none, nor do those
/// that are less high than such a face. Measured: a face 700 pixels high, cut off above and below in a picture of 450, is
/// found at 0.69.
const SMALL_COPY: u32 = 320;

/// A face in a frame, in pixels of that frame. The box may reach over its border.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Face {
    /// Left, top, width, height.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
    /// Right eye, left eye, nose tip, right and left corner of the mouth (the person's right, so left in the frame).
    pub landmarks: [[f32; 2]; 5],
    /// How sure the detector is, 0 to 1.
    pub score: f32,
}

impl Face {
    /// Distance of the eyes.
    pub fn eye_distance(&self) -> f32 {
        let [[x0, y0], [x1, y1], ..] = self.landmarks;
        (x1 - x0).hypot(y1 - y0)
    }

    /// Middle of the box.
    pub fn center(&self) -> [f32; 2] {
        let [x, y, width, height] = self.bounds;
        [x + width / 2.0, y + height / 2.0]
    }

    /// Area of the box.
    pub fn area(&self) -> f32 {
        let [_, _, width, height] = self.bounds;
        width * height
    }

    /// Moves it, as to the frame from a part that begins there.
    pub fn shift(&mut self, x: f32, y: f32) {
        let [left, top, width, height] = self.bounds;
        self.bounds = [left + x, top + y, width, height];
        self.landmarks = self.landmarks.map(|[px, py]| [px + x, py + y]);
    }

    fn scale(&mut self, x: f32, y: f32) {
        let [left, top, width, height] = self.bounds;
        self.bounds = [left * x, top * y, width * x, height * y];
        self.landmarks = self.landmarks.map(|[px, py]| [px * x, py * y]);
    }
}

impl Scored for Face {
    fn bounds(&self) -> [f32; 4] {
        self.bounds
    }

    fn score(&self) -> f32 {
        self.score
    }
}

/// The face that a portrait shows: the largest, where a face away from the middle counts for less (its area minus
/// twice the square of its distance from the middle of the frame).
pub fn main_face<'a>(faces: &[Face], frame: impl Into<Frame<'a>>) -> Option<usize> {
    let (width, height) = frame.into().dimensions();
    let middle = [width as f32 / 2.0, height as f32 / 2.0];
    let rank = |face: &Face| {
        let [x, y] = face.center();
        face.area() - 2.0 * ((x - middle[0]).powi(2) + (y - middle[1]).powi(2))
    };
    let by_rank = |a: &(usize, f32), b: &(usize, f32)| a.1.total_cmp(&b.1);
    faces.iter().map(rank).enumerate().max_by(by_rank).map(|(i, _)| i)
}

impl Detector {
    /// A detector that runs on the calling thread.
    ///
    /// # Errors
    /// [`ModelError::Weights`] when the compiled-in weights are damaged.
    pub fn new() -> Result<Self, ModelError> {
        Self::with_compute(&Compute::default())
    }

    /// A detector that computes so.
    ///
    /// # Errors
    /// [`ModelError::Weights`] when the compiled-in weights are damaged.
    pub fn with_compute(compute: &Compute) -> Result<Self, ModelError> {
        let network = Network::new(compute).map_err(|source| ModelError::Weights {
            model: model::DETECTOR.id,
            source,
        })?;
        Ok(Self { network })
    }

    /// The faces of a frame, best score first. A frame without pixels has none. A large one is looked at twice,
    /// because the network knows faces up to about 500 pixels: as it is, and a smaller copy for larger faces.
    ///
    /// # Errors
    /// [`ModelError::Inference`] when a layer refuses its input, which no frame causes.
    pub fn detect<'a>(
        &self,
        frame: impl Into<Frame<'a>>,
        options: &DetectOptions,
    ) -> Result<Vec<Face>, ModelError> {
        let frame = frame.into();
        let (width, height) = frame.dimensions();
        if width == 0 || height == 0 {
            return Ok(Vec::new());
        }
        let longest = options.max_side.unwrap_or(LONGEST_SIDE).clamp(1, LONGEST_SIDE);
        let size = fit(width, height, longest);
        let faces = self.detect_at(frame, size, options)?;
        if size.0.max(size.1) <= 2 * SMALL_COPY || size.1 as f32 <= LARGE_FACE {
            return Ok(faces);
        }
        let large = self.detect_at(frame, fit(width, height, SMALL_COPY), options)?;
        Ok(with_large(
            faces,
            large,
            LARGE_FACE * width as f32 / size.0 as f32,
        ))
    }

    /// The faces that the network finds in a copy of the frame of this size, in pixels of the frame.
    fn detect_at(
        &self,
        frame: Frame<'_>,
        size: (u32, u32),
        options: &DetectOptions,
    ) -> Result<Vec<Face>, ModelError> {
        let failed = |source| ModelError::Inference {
            model: model::DETECTOR.id,
            source,
        };
        let picture = Scaled::new(frame, size, CELL);
        let candidates = self
            .network
            .look(&picture, |maps| decode::faces(&maps, options.score_threshold))
            .map_err(failed)?;
        let mut faces = overlap::suppress(candidates, options.nms_iou, options.top_k);
        let (x, y) = (
            frame.dimensions().0 as f32 / size.0 as f32,
            frame.dimensions().1 as f32 / size.1 as f32,
        );
        faces.iter_mut().for_each(|face| face.scale(x, y));
        Ok(faces)
    }
}

/// Puts the faces of two looks together: from the closer look (`faces`) those that it can know, from the look at
/// a smaller copy (`large`) those above the size `from`. What the closer look saw inside of these are their parts.
fn with_large(mut faces: Vec<Face>, mut large: Vec<Face>, from: f32) -> Vec<Face> {
    let size = |face: &Face| face.bounds[2].max(face.bounds[3]);
    large.retain(|face| size(face) > from);
    faces.retain(|face| {
        let [x, y] = face.center();
        let part = large.iter().any(|large| {
            let [left, top, width, height] = large.bounds;
            (left..left + width).contains(&x) && (top..top + height).contains(&y)
        });
        // A face near the limit may be just below it in the other look, so it is not dropped from both.
        !part && size(face) <= 1.25 * from
    });
    faces.append(&mut large);
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    faces
}

#[cfg(test)]
mod tests;
