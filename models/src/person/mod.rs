//! Finding people in a frame, whichever way they are turned, with NanoDet-g.
//!
//! NanoDet: RangiLyu, <https://github.com/RangiLyu/nanodet>. What is found is a [`Body`]: a box, without an identity.

mod decode;
mod network;

use serde::Serialize;

use crate::frame::Frame;
use crate::input::{Scaled, WithoutMean};
use crate::overlap::{self, Scored};
use crate::{Compute, ModelError, model};
use network::NanoDet;

/// Frames are padded to multiples of this: the cell of the coarsest of the three feature maps.
const CELL: usize = 32;
/// The longest side that the network is ever given; larger frames are scaled down to it.
const LONGEST_SIDE: u32 = 1280;
/// Of two boxes whose intersection over union is larger, the one with the lower score is left out: the authors' value.
const SAME_BODY: f32 = 0.55;
/// What is taken off red, green and blue: the means of the pictures that the network was trained on. By what they were
/// divided stands in the weights.
const MEAN: [f32; 3] = [123.675, 116.28, 103.53];

/// A person in a frame, in pixels of that frame. The box may reach over its border.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Body {
    /// Left, top, width, height.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
    /// How sure the detector is, 0 to 1.
    pub score: f32,
}

impl Scored for Body {
    fn bounds(&self) -> [f32; 4] {
        self.bounds
    }

    fn score(&self) -> f32 {
        self.score
    }
}

/// Finds people. Made once and shared; a detection changes nothing in it.
#[derive(Debug)]
pub struct PersonDetector {
    network: NanoDet,
}

impl PersonDetector {
    /// A detector that computes so. It runs on the processor, whatever device `compute` names.
    ///
    /// # Errors
    /// [`ModelError::Weights`] when the compiled-in weights are damaged.
    pub fn with_compute(compute: &Compute) -> Result<Self, ModelError> {
        let network =
            NanoDet::new(model::PERSON_DETECTOR_WEIGHTS, compute).map_err(|source| ModelError::Weights {
                model: model::PERSON_DETECTOR.id,
                source,
            })?;
        Ok(Self { network })
    }

    /// The people of a frame, best score first: those of at least this score. The frame is scaled down so that its longer
    /// side is at most `max_side` pixels (at most 1,280); it is never scaled up. People should be 60 pixels high or more
    /// in that picture. A frame without pixels has none.
    ///
    /// # Errors
    /// [`ModelError::Inference`] when a layer refuses its input, which no frame causes.
    pub fn detect<'a>(
        &self,
        frame: impl Into<Frame<'a>>,
        max_side: u32,
        score_threshold: f32,
    ) -> Result<Vec<Body>, ModelError> {
        let frame = frame.into();
        let (width, height) = frame.dimensions();
        if width == 0 || height == 0 {
            return Ok(Vec::new());
        }
        let size = crate::input::fit(width, height, max_side.clamp(1, LONGEST_SIDE));
        let picture = WithoutMean::new(Scaled::new(frame, size, CELL), MEAN);
        let candidates = self
            .network
            .look(&picture, |maps| decode::bodies(&maps, score_threshold))
            .map_err(|source| ModelError::Inference {
                model: model::PERSON_DETECTOR.id,
                source,
            })?;
        let mut bodies = overlap::suppress(candidates, SAME_BODY, usize::MAX);
        let (x, y) = (width as f32 / size.0 as f32, height as f32 / size.1 as f32);
        for body in &mut bodies {
            let [left, top, width, height] = body.bounds;
            body.bounds = [left * x, top * y, width * x, height * y];
        }
        Ok(bodies)
    }
}

#[cfg(test)]
mod tests;
