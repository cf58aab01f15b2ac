//! Finding people in a frame, whichever way they are turned, with NanoDet-g.
//!
//! NanoDet: RangiLyu, <https://github.com/RangiLyu/nanodet>. What is found is a [`Body`]: a box, without an identity.

mod decode;
mod network;

use image::{RgbImage, imageops};
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
/// A closer look is a square of this side in the network's picture.
const LOOK_SIDE: u32 = 192;
/// And so many times as wide as the root of the body's area, so that this is 60 pixels. The network has bands of sizes in
/// which it knows people badly: of 15 people the mean score was 0.7 at 60, 0.4 at 90, 0.8 at 120, 0.4 at 180.
const AROUND: f32 = 3.2;
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
        let size = crate::input::fit(width, height, max_side.clamp(1, LONGEST_SIDE));
        self.detect_at(frame, size, score_threshold)
    }

    /// The people around where somebody is expected (left, top, width, height), looked at in the size that the network
    /// knows best, for which a small body is enlarged.
    ///
    /// # Errors
    /// [`ModelError::Inference`] when a layer refuses its input, which no frame causes.
    pub fn detect_around<'a>(
        &self,
        frame: impl Into<Frame<'a>>,
        [left, top, width, height]: [f32; 4],
        score_threshold: f32,
    ) -> Result<Vec<Body>, ModelError> {
        let frame = frame.into();
        let side = AROUND * (width * height).sqrt();
        if !(1.0..1e6).contains(&side) {
            return Ok(Vec::new());
        }
        let (x, y) = (left + (width - side) / 2.0, top + (height - side) / 2.0);
        let (mut bodies, x, y) = if side > LOOK_SIDE as f32 {
            let corner = (x.max(0.0) as u32 & !1, y.max(0.0) as u32 & !1);
            let cut;
            let (part, (x, y)) = match (frame.part(corner, (side as u32, side as u32)), frame) {
                (Some(part), _) => part,
                (None, Frame::Rgb(image)) => {
                    let (left, top) = (corner.0.min(image.width()), corner.1.min(image.height()));
                    cut = imageops::crop_imm(image, left, top, side as u32, side as u32).to_image();
                    (Frame::from(&cut), (left, top))
                }
                (None, Frame::I420(_)) => return Ok(Vec::new()),
            };
            let (width, height) = part.dimensions();
            // Somebody is expected outside.
            if width == 0 || height == 0 {
                return Ok(Vec::new());
            }
            // What is cut off at the border must not make the rest larger.
            let scale = LOOK_SIDE as f32 / side;
            let size =
                [width, height].map(|length| ((length as f32 * scale).round() as u32).clamp(1, length));
            (
                self.detect_at(part, (size[0], size[1]), score_threshold)?,
                x as f32,
                y as f32,
            )
        } else {
            let mut enlarged = RgbImage::new(LOOK_SIDE, LOOK_SIDE);
            let step = side / LOOK_SIDE as f32;
            let lines = enlarged
                .as_mut()
                .as_chunks_mut()
                .0
                .chunks_exact_mut(LOOK_SIDE as usize);
            for (i, line) in lines.enumerate() {
                frame.along([x, y + i as f32 * step], [step, 0.0], line);
            }
            let mut bodies = self.detect_at((&enlarged).into(), (LOOK_SIDE, LOOK_SIDE), score_threshold)?;
            for body in &mut bodies {
                body.bounds = body.bounds.map(|length| length * step);
            }
            (bodies, x, y)
        };
        for body in &mut bodies {
            (body.bounds[0], body.bounds[1]) = (body.bounds[0] + x, body.bounds[1] + y);
        }
        Ok(bodies)
    }

    /// The people in a copy of the frame of this size, in pixels of the frame.
    fn detect_at(
        &self,
        frame: Frame<'_>,
        size: (u32, u32),
        score_threshold: f32,
    ) -> Result<Vec<Body>, ModelError> {
        let (width, height) = frame.dimensions();
        if width == 0 || height == 0 {
            return Ok(Vec::new());
        }
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
