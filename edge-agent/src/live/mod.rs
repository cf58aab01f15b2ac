//! The live view: recognised frames, pushed to the aggregator while somebody watches.
//!
//! **Architecture invariant:** a face without a name is made unrecognisable here, before the picture is encoded;
//! no other way leads a picture off the device.

mod pace;
mod pixelate;
mod stream;

use base64::Engine as _;
use chrono::{DateTime, Utc};
use hadir_models::FrameBuf;
use hadir_shared::id::{CameraId, EmployeeId};
use hadir_shared::live::{Frame, TrackBox, encode};
use hadir_shared::sighting::Basis;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use std::sync::Arc;

use crate::pipeline::TrackView;
use crate::pipeline::tracker::iou;

use pace::Level;
pub(crate) use stream::{LiveTarget, LiveViews};

/// A smaller face is of no use for enrolment, in pixels.
const MIN_FACE: f32 = 40.0;
/// What is kept around a face, in parts of it on each side.
const AROUND: f32 = 0.6;
/// A template is made of it: the JPEG must not blur it.
const FACE_QUALITY: u8 = 92;

/// A face is that of a named track if the boxes overlap this much.
const SAME_BOX_IOU: f32 = 0.35;

/// A recognised frame, as it may be shown.
#[derive(Clone, Debug)]
pub(crate) struct LiveShot {
    /// The picture as it was captured.
    pub(crate) pixels: Arc<FrameBuf>,
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// Frames recognised per second.
    pub(crate) fps: f32,
    /// The tracks in it.
    pub(crate) tracks: Vec<TrackView>,
    /// Everything that looks like a face.
    pub(crate) faces: Vec<[f32; 4]>,
    /// Heads of people without a name, whether or not their faces were found.
    pub(crate) heads: Vec<[f32; 4]>,
}

/// Makes the message that shows a frame: scaled down, faces without a name pixelated, as JPEG.
///
/// # Errors
/// When the picture cannot be encoded, which no picture of a camera causes.
fn message(
    camera: &CameraId,
    shot: &LiveShot,
    level: Level,
    faces: Faces,
) -> Result<Vec<u8>, image::ImageError> {
    let mut picture = shot.pixels.to_rgb(level.width);
    let scale = picture.width() as f32 / shot.pixels.dimensions().0.max(1) as f32;
    for bounds in nameless(shot).into_iter().chain(shot.heads.iter().copied()) {
        pixelate::pixelate(&mut picture, bounds.map(|x| x * scale));
    }
    let mut jpeg = Vec::with_capacity(64 << 10);
    JpegEncoder::new_with_quality(&mut jpeg, level.quality).encode(
        picture.as_raw(),
        picture.width(),
        picture.height(),
        ExtendedColorType::Rgb8,
    )?;
    let frame = Frame {
        camera: camera.clone(),
        at: shot.at,
        width: picture.width(),
        height: picture.height(),
        fps: shot.fps,
        tracks: shot.tracks.iter().map(|track| track_box(track, scale)).collect(),
        face: match faces {
            Faces::None => None,
            Faces::Nameless => largest(shot).map(|bounds| crop(shot, bounds)).transpose()?,
        },
    };
    Ok(encode(&frame, &jpeg))
}

/// Which faces go with the picture by themselves, to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Faces {
    /// None: as always.
    None,
    /// The largest one without a name: somebody is being enrolled.
    Nameless,
}

/// The largest face without a name, if any is worth enrolling. A track goes on for a while after its face has left the
/// picture: what counts is what can be seen.
fn largest(shot: &LiveShot) -> Option<[f32; 4]> {
    let (width, height) = shot.pixels.dimensions();
    let seen = |from: f32, length: f32, all: u32| (from + length).min(all as f32) - from.max(0.0);
    let size = |[x, y, w, h]: &[f32; 4]| seen(*x, *w, width).min(seen(*y, *h, height));
    let all = nameless(shot)
        .into_iter()
        .filter(|bounds| size(bounds) >= MIN_FACE);
    all.max_by(|a, b| size(a).total_cmp(&size(b)))
}

/// A face with what is around it, as the camera gave it.
fn crop(shot: &LiveShot, [x, y, w, h]: [f32; 4]) -> Result<String, image::ImageError> {
    let (width, height) = shot.pixels.dimensions();
    let mut picture = shot.pixels.to_rgb(width);
    // Whoever stands beside is not enrolled.
    for other in nameless(shot) {
        if iou(other, [x, y, w, h]) < SAME_BOX_IOU {
            pixelate::pixelate(&mut picture, other);
        }
    }
    // `as` saturates: what lies outside becomes the border.
    let left = ((x - w * AROUND).max(0.0) as u32).min(width);
    let top = ((y - h * AROUND).max(0.0) as u32).min(height);
    let right = ((x + w * (1.0 + AROUND)).max(0.0) as u32).min(width);
    let bottom = ((y + h * (1.0 + AROUND)).max(0.0) as u32).min(height);
    let face = image::imageops::crop_imm(&picture, left, top, right - left, bottom - top).to_image();
    let mut jpeg = Vec::with_capacity(32 << 10);
    JpegEncoder::new_with_quality(&mut jpeg, FACE_QUALITY).encode(
        face.as_raw(),
        face.width(),
        face.height(),
        ExtendedColorType::Rgb8,
    )?;
    Ok(base64::engine::general_purpose::STANDARD.encode(jpeg))
}

/// The faces that nobody may recognise: those of tracks without a name, and of no named track.
fn nameless(shot: &LiveShot) -> Vec<[f32; 4]> {
    let by_face = shot.tracks.iter().filter(|track| track.basis == Basis::Face);
    let (named, unnamed): (Vec<_>, Vec<_>) = by_face.partition(|track| track.person.is_some());
    let is_named = |face: &&[f32; 4]| {
        named
            .iter()
            .any(|track| iou(track.bounds, **face) >= SAME_BOX_IOU)
    };
    let faces = shot.faces.iter().filter(|face| !is_named(face)).copied();
    unnamed.iter().map(|track| track.bounds).chain(faces).collect()
}

fn track_box(track: &TrackView, scale: f32) -> TrackBox {
    TrackBox {
        track: track.track,
        bounds: track.bounds.map(|x| x * scale),
        employee: track
            .person
            .as_ref()
            .and_then(|person| EmployeeId::new(&**person).ok()),
        basis: track.basis,
        name: None,
        confidence: track.confidence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hadir_shared::live::decode;
    use pace::Pacer;

    fn message_of(shot: &LiveShot) -> Vec<u8> {
        let camera = CameraId::new("cam-1").expect("id");
        message(&camera, shot, Pacer::default().level(), Faces::None).expect("encoded")
    }

    fn shot(width: u32, tracks: &[([f32; 4], Option<&str>)], faces: &[[f32; 4]]) -> LiveShot {
        let noise = |x: u32, y: u32| ((x * 7919 + y * 104_729) % 251) as u8;
        let image = image::RgbImage::from_fn(width, width / 2, |x, y| image::Rgb([noise(x, y); 3]));
        let tracks = tracks.iter().enumerate().map(|(i, (bounds, person))| TrackView {
            track: i as u64 + 1,
            bounds: *bounds,
            basis: Basis::Face,
            first_at: DateTime::UNIX_EPOCH,
            matched: true,
            person: person.map(Into::into),
            confidence: if person.is_some() { 0.9 } else { 0.0 },
            standing: 0.6,
        });
        LiveShot {
            pixels: Arc::new(image.into()),
            at: DateTime::UNIX_EPOCH,
            fps: 9.5,
            tracks: tracks.collect(),
            faces: faces.to_vec(),
            heads: Vec::new(),
        }
    }

    /// The spread of brightness in a part of the pushed picture; pixelated noise has next to none.
    fn spread(message: &[u8], [x, y, w, h]: [u32; 4]) -> f32 {
        let (_, jpeg) = decode(message).expect("a live frame");
        let picture = image::load_from_memory(jpeg).expect("a JPEG").into_luma8();
        let values: Vec<f32> = (y..y + h)
            .flat_map(|y| (x..x + w).map(move |x| (x, y)))
            .map(|(x, y)| f32::from(picture.get_pixel(x, y).0[0]))
            .collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt()
    }

    #[test]
    fn faces_without_a_name_cannot_be_seen_and_named_ones_can() {
        let tracks = [
            ([40.0, 40.0, 40.0, 50.0], Some("EMP001")),
            ([200.0, 40.0, 40.0, 50.0], None),
        ];
        let faces = [
            [42.0, 41.0, 40.0, 50.0],
            [201.0, 41.0, 38.0, 50.0],
            [320.0, 100.0, 30.0, 30.0],
        ];
        let message = message_of(&shot(400, &tracks, &faces));
        assert!(
            spread(&message, [45, 45, 30, 40]) > 30.0,
            "the named face is hidden"
        );
        assert!(
            spread(&message, [205, 45, 30, 40]) < 15.0,
            "the unnamed track can be seen"
        );
        assert!(
            spread(&message, [323, 103, 24, 24]) < 15.0,
            "the face without a track can be seen"
        );
        let (frame, _) = decode(&message).expect("a live frame");
        assert_eq!(
            frame.tracks[0].employee.as_ref().map(EmployeeId::as_str),
            Some("EMP001")
        );
        assert_eq!(
            (frame.tracks[1].employee.as_ref(), frame.tracks[1].confidence),
            (None, 0.0)
        );
    }

    #[test]
    fn only_while_somebody_is_enrolled_the_largest_nameless_face_goes_along() {
        let tracks = [
            ([40.0, 40.0, 90.0, 90.0], Some("EMP001")),
            ([200.0, 40.0, 60.0, 70.0], None),
        ];
        let shot = shot(400, &tracks, &[[320.0, 100.0, 30.0, 30.0]]);
        let camera = CameraId::new("cam-1").expect("id");
        let face = |faces| {
            let message = message(&camera, &shot, Pacer::default().level(), faces).expect("encoded");
            assert!(
                spread(&message, [205, 45, 50, 60]) < 15.0,
                "the picture itself stays as it is"
            );
            decode(&message).expect("a live frame").0.face
        };
        assert_eq!(face(Faces::None), None);
        let jpeg = base64::engine::general_purpose::STANDARD
            .decode(face(Faces::Nameless).expect("a face"))
            .expect("base64");
        let picture = image::load_from_memory(&jpeg).expect("a JPEG");
        // 60 wide with 36 on each side; 70 high with 42 below and, at the border, 40 above.
        assert_eq!((picture.width(), picture.height()), (132, 152));
        // A small face beside the large one is hidden in the crop, too.
        let beside = LiveShot {
            faces: vec![[265.0, 100.0, 24.0, 24.0]],
            ..shot.clone()
        };
        let told = message(&camera, &beside, Pacer::default().level(), Faces::Nameless).expect("encoded");
        let crop = decode(&told).expect("a live frame").0.face.expect("a face");
        let crop = base64::engine::general_purpose::STANDARD
            .decode(crop)
            .expect("base64");
        let crop = image::load_from_memory(&crop).expect("a JPEG").into_luma8();
        let spread = |x: std::ops::Range<u32>, y: std::ops::Range<u32>| {
            let values = y.flat_map(|y| x.clone().map(move |x| (x, y)));
            let values: Vec<f32> = values
                .map(|(x, y)| f32::from(crop.get_pixel(x, y).0[0]))
                .collect();
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt()
        };
        // The crop begins 36 to the left of the face, and at the top.
        assert!(
            spread(103..123, 102..122) < 20.0,
            "whoever stands beside can be seen"
        );
        assert!(spread(40..80, 45..80) > 30.0, "the face itself is hidden");
        // Whoever walked out of the picture is followed for a moment more.
        let gone = LiveShot {
            tracks: vec![TrackView {
                bounds: [420.0, 40.0, 90.0, 90.0],
                ..shot.tracks[1].clone()
            }],
            faces: Vec::new(),
            ..shot.clone()
        };
        let message_of = |shot: &LiveShot| {
            message(&camera, shot, Pacer::default().level(), Faces::Nameless).expect("encoded")
        };
        assert_eq!(decode(&message_of(&gone)).expect("a live frame").0.face, None);
        let named = LiveShot {
            tracks: shot.tracks[..1].to_vec(),
            faces: vec![[320.0, 100.0, 30.0, 30.0]],
            ..shot.clone()
        };
        assert_eq!(
            decode(&message_of(&named)).expect("a live frame").0.face,
            None,
            "somebody with a name is not enrolled, and a small face is of no use"
        );
    }

    #[test]
    fn wide_pictures_and_their_boxes_are_scaled_down() {
        let shot = shot(1920, &[([200.0, 400.0, 100.0, 120.0], Some("EMP001"))], &[]);
        let message = message_of(&shot);
        let (frame, jpeg) = decode(&message).expect("a live frame");
        assert_eq!((frame.width, frame.height), (960, 480));
        assert_eq!(frame.tracks[0].bounds, [100.0, 200.0, 50.0, 60.0]);
        assert_eq!(image::load_from_memory(jpeg).expect("a JPEG").width(), 960);
    }
}
