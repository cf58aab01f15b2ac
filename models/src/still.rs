//! A face in one still picture, looked at closely: for pictures of which there is no second one.
//!
//! A track has many views; a single poor picture (a face of 16 to 60 pixels, blurred, from above) has one, and its
//! embedding depends on where exactly the landmarks were set. So the landmarks are set several times, at several sizes
//! and tilts, and the embedding is the mean over six crops: blurred and mirrored ones among them, and with a little more
//! around the face than usual. Enrolled pictures in turn get poorer copies of themselves as templates, so that a poor
//! picture meets its like.
//!
//! Measured on photographs (LFW) that were degraded to surveillance pictures, 67 people enrolled, named rightly where
//! one in a hundred is named wrongly: one embedding and the most alike template 35 %, mean of the templates 46 %, and of
//! four sets of landmarks 51 %, and of six crops 55 %, [`crate::lineup::Lineup`] instead 57 %.

use image::RgbImage;
use image::imageops::{self, FilterType};

use crate::align::{align_crop, align_crop_zoomed};
use crate::detect::{DetectOptions, Detector, Face};
use crate::embed::{Embedder, Embedding};
use crate::frame::Frame;
use crate::upright::{FACE, FIRST, LookSize, STEP, Upright, look_at};
use crate::{FrameBuf, ModelError};

/// A probe's face is taken where the detector is hardly sure; nobody is named by that alone.
const PROBE_SCORE: f32 = 0.1;
/// An enrolled picture's face must be a little surer.
const TEMPLATE_SCORE: f32 = 0.4;
/// Small pictures are looked at enlarged, too; not beyond this longer side.
const ENLARGED_TO: u32 = 1280;
/// Sizes of the face, in pixels, at which its landmarks are set besides the usual one.
const OTHER_SIZES: [f32; 3] = [48.0, 60.0, 90.0];
/// Landmarks farther off than this, in sizes of the face, are of something else.
const ASTRAY: f32 = 0.35;
/// How much more than usual the crops show, and how much they are blurred (standard deviation in pixels).
const ZOOM: f64 = 0.94;
const WIDER_ZOOM: f64 = 0.9;
const BLUR: f32 = 1.5;
/// Poorer copies of an enrolled picture: blurred so much, and scaled to so many pixels and back.
const COPIES: [(f32, u32); 2] = [(1.75, 32), (2.8, 20)];

/// The templates of an enrolled picture: its face as it is, and two poorer copies. `None` where no face is found.
///
/// # Errors
/// Those of the networks.
pub fn templates(
    picture: &RgbImage,
    detector: &Detector,
    embedder: &Embedder,
) -> Result<Option<Vec<Embedding>>, ModelError> {
    let options = DetectOptions {
        score_threshold: TEMPLATE_SCORE,
        ..DetectOptions::still()
    };
    let faces = detector.detect(picture, &options)?;
    let Some(face) = main(&faces, picture.dimensions()) else {
        return Ok(None);
    };
    let crop = align_crop(picture, &face.landmarks);
    let poorer = COPIES.map(|(blur, side)| {
        let small = FrameBuf::from(imageops::blur(&crop, blur)).to_rgb(side);
        imageops::resize(&small, crop.width(), crop.height(), FilterType::CatmullRom)
    });
    let crops: Vec<RgbImage> = [crop].into_iter().chain(poorer).collect();
    embedder.embed(&crops).map(Some)
}

/// The embedding of a probe: the mean over six crops. `None` where no face is found.
///
/// # Errors
/// Those of the networks.
pub fn probe(
    picture: &RgbImage,
    detector: &Detector,
    embedder: &Embedder,
) -> Result<Option<Embedding>, ModelError> {
    let Some([first, doubled, upright, mean]) = landmarks(picture, detector)? else {
        return Ok(None);
    };
    let crop = |landmarks: &Landmarks, zoom| align_crop_zoomed(Frame::from(picture), landmarks, zoom);
    let blurred = |crop: &RgbImage| imageops::blur(crop, BLUR);
    let [first, doubled, upright] = [first, doubled, upright].map(|landmarks| crop(&landmarks, ZOOM));
    let crops = [
        imageops::flip_horizontal(&blurred(&first)),
        first,
        imageops::flip_horizontal(&doubled),
        imageops::flip_horizontal(&blurred(&upright)),
        upright,
        blurred(&crop(&mean, WIDER_ZOOM)),
    ];
    let embeddings = embedder.embed(&crops)?;
    let mut sum = vec![0.0; crate::model::EMBEDDER.embedding_len];
    for embedding in &embeddings {
        for (sum, value) in sum.iter_mut().zip(embedding.as_slice()) {
            *sum += value;
        }
    }
    Ok(Embedding::new(sum))
}

type Landmarks = [[f32; 2]; 5];

/// Four sets of landmarks: from the picture as it is, from twice its size, from an upright look, and the mean of
/// several such looks.
fn landmarks(picture: &RgbImage, detector: &Detector) -> Result<Option<[Landmarks; 4]>, ModelError> {
    let options = DetectOptions {
        score_threshold: PROBE_SCORE,
        ..DetectOptions::still()
    };
    let mut found = [const { None }; 3];
    for (found, times) in found.iter_mut().zip(1..) {
        let (width, height) = picture.dimensions();
        let (width, height) = (width.saturating_mul(times), height.saturating_mul(times));
        if times > 1 && width.max(height) > ENLARGED_TO {
            break;
        }
        let enlarged;
        let looked_at = if times == 1 {
            picture
        } else {
            enlarged = imageops::resize(picture, width, height, FilterType::CatmullRom);
            &enlarged
        };
        let faces = detector.detect(looked_at, &options)?;
        *found = main(&faces, (width, height)).map(|face| shrink(face, times as f32));
    }
    let surest = found.iter().flatten().max_by(|a, b| a.score.total_cmp(&b.score));
    let Some(surest) = surest.cloned() else {
        return Ok(None);
    };
    let [first, doubled, _] = found.map(|face| face.unwrap_or_else(|| surest.clone()).landmarks);
    let (upright, mean) = looks(picture, &surest, detector)?.unwrap_or((surest.landmarks, surest.landmarks));
    Ok(Some([first, doubled, upright, mean]))
}

/// The landmarks of the best upright look, and the mean of those that agree with it, the surer the more.
fn looks(
    picture: &RgbImage,
    face: &Face,
    detector: &Detector,
) -> Result<Option<(Landmarks, Landmarks)>, ModelError> {
    let mut memory = RgbImage::default();
    let mut look = |tilt, pixels| {
        let size = LookSize {
            face: pixels,
            score: PROBE_SCORE,
        };
        look_at(picture.into(), face, tilt, size, detector, &mut memory)
    };
    let mut tried: Vec<Upright> = Vec::new();
    for tilt in FIRST {
        tried.extend(look(tilt, FACE)?);
    }
    let Some(tilt) = surest(&tried).map(|best| best.tilt) else {
        return Ok(None);
    };
    for tilt in [tilt - STEP, tilt + STEP] {
        tried.extend(look(tilt, FACE)?);
    }
    let Some(best) = surest(&tried).cloned() else {
        return Ok(None);
    };
    let mut agreeing: Vec<Upright> = tried
        .into_iter()
        .filter(|look| (look.tilt - best.tilt).abs() <= STEP)
        .collect();
    for pixels in OTHER_SIZES {
        agreeing.extend(look(best.tilt, pixels)?);
    }
    let size = face.bounds[2].max(face.bounds[3]);
    let astray = |look: &Upright| {
        let pairs = look
            .landmarks
            .iter()
            .flatten()
            .zip(best.landmarks.iter().flatten());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) > ASTRAY * size
    };
    let (mut sum, mut weights) = ([[0.0; 2]; 5], 0.0);
    for look in agreeing.iter().filter(|look| !astray(look)) {
        let weight = look.face.score.powi(2);
        weights += weight;
        for (sum, value) in sum.iter_mut().flatten().zip(look.landmarks.iter().flatten()) {
            *sum += weight * value;
        }
    }
    let mean = if weights > 0.0 {
        sum.map(|point| point.map(|x| x / weights))
    } else {
        best.landmarks
    };
    Ok(Some((best.landmarks, mean)))
}

fn surest(looks: &[Upright]) -> Option<&Upright> {
    looks.iter().max_by(|a, b| a.face.score.total_cmp(&b.face.score))
}

/// The face that a picture is of: large, in the middle, and surely a face.
fn main(faces: &[Face], (width, height): (u32, u32)) -> Option<&Face> {
    let (width, height) = (width as f32, height as f32);
    let rank = |face: &Face| {
        let [x, y] = face.center();
        let off = ((x - width / 2.0) / width).hypot((y - height / 2.0) / height);
        face.area().sqrt() / width.min(height) - 0.5 * off + 0.3 * face.score
    };
    faces.iter().max_by(|a, b| rank(a).total_cmp(&rank(b)))
}

/// A face of an enlarged picture, in pixels of the original.
fn shrink(face: &Face, times: f32) -> Face {
    let back = |x: f32| (x + 0.5) / times - 0.5;
    let [x, y, width, height] = face.bounds;
    Face {
        bounds: [back(x), back(y), width / times, height / times],
        landmarks: face.landmarks.map(|point| point.map(back)),
        score: face.score,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::cosine;

    const PORTRAIT: &[u8] = include_bytes!("../tests/data/astronaut.png");

    fn portrait() -> RgbImage {
        image::load_from_memory(PORTRAIT).expect("a picture").into_rgb8()
    }

    #[test]
    fn a_poor_copy_is_like_its_original_and_more_so_than_by_one_look() {
        let (detector, embedder) = (
            Detector::new().expect("weights"),
            Embedder::new().expect("weights"),
        );
        let picture = portrait();
        let templates = templates(&picture, &detector, &embedder)
            .expect("runs")
            .expect("a face");
        assert_eq!(templates.len(), 3);
        // The face is about 40 pixels wide in the copy.
        let side = picture.width() / 3;
        let poor = imageops::blur(&FrameBuf::from(picture).to_rgb(side), 1.2);
        let probe = probe(&poor, &detector, &embedder).expect("runs").expect("a face");
        let closely = cosine(&probe, &templates[1]);
        let faces = detector.detect(&poor, &DetectOptions::still()).expect("runs");
        let once = embedder
            .embed(&[align_crop(&poor, &faces[0].landmarks)])
            .expect("runs");
        let once = cosine(&once[0], &templates[0]);
        assert!(closely > once && closely > 0.7, "{closely} {once}");
    }

    #[test]
    fn pictures_without_a_face_give_nothing() {
        let (detector, embedder) = (
            Detector::new().expect("weights"),
            Embedder::new().expect("weights"),
        );
        for size in [(0, 0), (1, 1), (3, 200), (64, 64)] {
            let grey = RgbImage::from_pixel(size.0, size.1, image::Rgb([127; 3]));
            assert!(
                probe(&grey, &detector, &embedder).expect("runs").is_none(),
                "{size:?}"
            );
            assert!(
                templates(&grey, &detector, &embedder).expect("runs").is_none(),
                "{size:?}"
            );
        }
    }
}
