//! From a face in a frame to a view that can be compared: upright, aligned, judged, embedded.

use hadir_models::detect::{Detector, Face};
use hadir_models::embed::{Embedder, Embedding};
use hadir_models::frame::Frame;
use hadir_models::person::PersonDetector;
use hadir_models::{Compute, ModelError, align, quality, upright};
use image::RgbImage;

/// Eyes nearer to each other than this, in pixels of the frame, leave nothing to recognise.
pub(super) const MIN_EYE_DISTANCE: f32 = 8.0;
/// The upright look must be at least this sure that it is a face.
pub(super) const MIN_SCORE: f32 = 0.65;
/// Turned further to the side or up than this, in degrees, a face is not compared.
pub(super) const MAX_YAW: f32 = 65.0;
pub(super) const MAX_PITCH: f32 = 50.0;
/// Below this variance of the Laplacian there is no detail left.
pub(super) const MIN_SHARPNESS: f32 = 2.0;

/// The networks, made once and shared by all cameras.
#[derive(Debug)]
pub(crate) struct Models {
    /// Finds faces.
    pub(crate) detector: Detector,
    /// Makes embeddings.
    pub(crate) embedder: Embedder,
    /// Finds people.
    pub(crate) person_detector: PersonDetector,
}

impl Models {
    /// Makes them from the weights in the binary.
    ///
    /// # Errors
    /// When the weights are damaged.
    pub(crate) fn new(compute: &Compute) -> Result<Self, ModelError> {
        Ok(Self {
            detector: Detector::with_compute(compute)?,
            embedder: Embedder::with_compute(compute)?,
            person_detector: PersonDetector::with_compute(compute)?,
        })
    }
}

/// A view of a face that can be compared.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// What it is compared by.
    pub(crate) embedding: Embedding,
    /// Its weight in a vote, above 0.
    pub(crate) weight: f32,
    /// The head's tilt, where the next look begins.
    pub(crate) tilt: i32,
}

/// Why a face gives no view, with the figure behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ViewError {
    /// Too few pixels: so many between the eyes.
    TooSmall(f32),
    /// Turned away too far: by so many degrees.
    TurnedAway(f32),
    /// No detail in it: the variance of the Laplacian.
    Blurred(f32),
    /// Perhaps no face at all: the detector's score.
    HardlyAFace(f32),
}

impl ViewError {
    /// The figure behind it.
    pub(super) fn figure(self) -> f32 {
        let (ViewError::TooSmall(figure)
        | ViewError::TurnedAway(figure)
        | ViewError::Blurred(figure)
        | ViewError::HardlyAFace(figure)) = self;
        figure
    }
}

/// A view that is ready to be embedded: its aligned crop, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared {
    /// Its weight in a vote, above 0.
    pub(crate) weight: f32,
    /// The head's tilt, where the next look begins.
    pub(crate) tilt: i32,
}

/// Makes a view of a face.
///
/// # Errors
/// Outer: those of the networks. Inner: why the face gives no view.
pub(crate) fn take(
    frame: Frame<'_>,
    face: &Face,
    last_tilt: Option<i32>,
    models: &Models,
) -> Result<Result<Taken, ViewError>, ModelError> {
    let mut aligned = RgbImage::default();
    let prepared = prepare(
        frame,
        face,
        last_tilt,
        models,
        &mut RgbImage::default(),
        &mut aligned,
    )?;
    let Prepared { weight, tilt } = match prepared {
        Ok(prepared) => prepared,
        Err(why) => return Ok(Err(why)),
    };
    let embedding = models.embedder.embed(&[aligned])?.pop();
    Ok(embedding
        .map(|embedding| Taken {
            embedding,
            weight,
            tilt,
        })
        .ok_or(ViewError::HardlyAFace(face.score)))
}

/// Finds the face upright and cuts it out into `aligned`. `look` is any picture, whose memory is used.
///
/// # Errors
/// Outer: those of the networks. Inner: why the face gives no view.
pub(crate) fn prepare(
    frame: Frame<'_>,
    face: &Face,
    last_tilt: Option<i32>,
    models: &Models,
    look: &mut RgbImage,
    aligned: &mut RgbImage,
) -> Result<Result<Prepared, ViewError>, ModelError> {
    if face.eye_distance() < MIN_EYE_DISTANCE * 0.75 {
        return Ok(Err(ViewError::TooSmall(face.eye_distance())));
    }
    let Some(upright) = upright::straighten(frame, face, last_tilt, &models.detector, look)? else {
        return Ok(Err(ViewError::HardlyAFace(0.0)));
    };
    align::align_crop_into(frame, &upright.landmarks, aligned);
    Ok(weigh(aligned, &upright.face).map(|weight| Prepared {
        weight,
        tilt: upright.tilt,
    }))
}

/// The weight of a view in the vote, or why it has none.
fn weigh(aligned: &RgbImage, face: &Face) -> Result<f32, ViewError> {
    let quality = quality::assess(aligned, face);
    if quality.eye_distance < MIN_EYE_DISTANCE {
        Err(ViewError::TooSmall(quality.eye_distance))
    } else if face.score < MIN_SCORE {
        Err(ViewError::HardlyAFace(face.score))
    } else if quality.yaw.abs() > MAX_YAW || quality.pitch.abs() > MAX_PITCH {
        Err(ViewError::TurnedAway(quality.yaw.abs().max(quality.pitch.abs())))
    } else if quality.sharpness < MIN_SHARPNESS {
        Err(ViewError::Blurred(quality.sharpness))
    } else {
        // The root: a view of half the worth still says something, and counts for more than half.
        Ok(quality.score.clamp(1e-4, 1.0).sqrt())
    }
}
