//! How much a view of a face is worth for telling who it is: size, pose, sharpness.
//!
//! Angles are estimated from the five landmarks with a rigid average face; they are good to about ten degrees,
//! enough to weigh one view of a track against another, not to measure a gaze.

use image::RgbImage;

use crate::detect::Face;

/// What speaks for and against a view.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Quality {
    /// Distance of the eyes in pixels of the frame.
    pub eye_distance: f32,
    /// Shorter side of the box in pixels of the frame.
    pub size: f32,
    /// Turned to the side, degrees; positive towards the person's left (right in the frame).
    pub yaw: f32,
    /// Raised or lowered, degrees; positive looks up.
    pub pitch: f32,
    /// Tilted, degrees; positive clockwise in the frame.
    pub roll: f32,
    /// Variance of the Laplacian of the aligned crop's brightness. Medians measured: 130 for press photographs (LFW),
    /// 20 to 50 for indoor cameras with eyes 25 to 35 pixels apart, 9 for the photographs blurred with a Gaussian of
    /// 2 pixels, 4 with one of 3. Below about 10 a picture is too blurred to enrol.
    pub sharpness: f32,
    /// Worth of the view, 0 to 1.
    pub score: f32,
}

/// How far the tip of the nose stands out before the line between the eyes, in distances of the eyes.
const NOSE_DEPTH: f32 = 0.55;
/// From the eyes down to the mouth, in distances of the eyes, seen from the front.
const MOUTH_DROP: f32 = 1.15;
/// From the eyes down to the nose tip, as a part of that.
const NOSE_DROP: f32 = 0.5;

/// Weighs a view: the aligned crop (see [`crate::align::align_crop`]) and the face that it was cut from.
pub fn assess(aligned: &RgbImage, face: &Face) -> Quality {
    let (yaw, pitch, roll) = pose(face);
    let eye_distance = face.eye_distance();
    let size = face.bounds[2].min(face.bounds[3]);
    let sharpness = sharpness(aligned);
    // Each factor falls from 1 to 0 between a value that is good and one that is useless. SFace was trained on
    // faces of 112 pixels, whose eyes are 35 apart; below 10 nothing is left to recognise.
    let factors = [
        ramp(eye_distance, 8.0, 35.0),
        ramp(yaw.abs(), 75.0, 15.0),
        ramp(pitch.abs(), 60.0, 15.0),
        ramp(sharpness, 4.0, 40.0),
        ramp(face.score, 0.4, 0.9),
    ];
    Quality {
        eye_distance,
        size,
        yaw,
        pitch,
        roll,
        sharpness,
        score: factors.iter().product(),
    }
}

/// 0 at `none`, 1 at `full`, straight between, level outside. 0 for what is no number.
fn ramp(value: f32, none: f32, full: f32) -> f32 {
    let share = (value - none) / (full - none);
    if share.is_nan() {
        0.0
    } else {
        share.clamp(0.0, 1.0)
    }
}

/// How a face is turned: [`Quality::yaw`] and [`Quality::pitch`].
pub fn turn(face: &Face) -> [f32; 2] {
    let (yaw, pitch, _) = pose(face);
    [yaw, pitch]
}

/// Yaw, pitch and roll in degrees.
fn pose(face: &Face) -> (f32, f32, f32) {
    let [right_eye, left_eye, nose, right_mouth, left_mouth] = face.landmarks;
    let middle = |a: [f32; 2], b: [f32; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
    let (eyes, mouth) = (middle(right_eye, left_eye), middle(right_mouth, left_mouth));
    let along = [left_eye[0] - right_eye[0], left_eye[1] - right_eye[1]];
    let roll = along[1].atan2(along[0]);
    // Turn the head upright around the middle of the eyes.
    let (sin, cos) = roll.sin_cos();
    let upright = |p: [f32; 2]| {
        let (x, y) = (p[0] - eyes[0], p[1] - eyes[1]);
        [x * cos + y * sin, y * cos - x * sin]
    };
    let (nose, mouth) = (upright(nose), upright(mouth));
    let apart = along[0].hypot(along[1]).max(1e-3);
    // The midline runs from the eyes to the mouth; how far the nose tip leaves it sideways shows the turn. The
    // eyes close up by the cosine of the same angle, so the quotient is a tangent.
    let drop = if mouth[1].abs() < 1e-3 { 1e-3 } else { mouth[1] };
    let share = nose[1] / drop;
    let yaw = ((nose[0] - mouth[0] * share) / apart / NOSE_DEPTH).atan();
    let pitch = ((NOSE_DROP - share) * MOUTH_DROP / NOSE_DEPTH).atan();
    (yaw.to_degrees(), pitch.to_degrees(), roll.to_degrees())
}

/// Variance of the Laplacian over the middle of the crop, where the face is and no border of the frame.
fn sharpness(aligned: &RgbImage) -> f32 {
    let (width, height) = aligned.dimensions();
    let grey = |x: u32, y: u32| {
        let [r, g, b] = aligned.get_pixel(x, y).0.map(f32::from);
        0.299 * r + 0.587 * g + 0.114 * b
    };
    let (mut sum, mut squares, mut count) = (0.0f64, 0.0f64, 0.0f64);
    let margin = |side: u32| (side / 6).max(1);
    for y in margin(height)..height.saturating_sub(margin(height)) {
        for x in margin(width)..width.saturating_sub(margin(width)) {
            let laplacian =
                grey(x - 1, y) + grey(x + 1, y) + grey(x, y - 1) + grey(x, y + 1) - 4.0 * grey(x, y);
            sum += f64::from(laplacian);
            squares += f64::from(laplacian).powi(2);
            count += 1.0;
        }
    }
    if count == 0.0 {
        0.0
    } else {
        (squares / count - (sum / count).powi(2)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A face from the front: eyes 40 apart.
    const FRONTAL: [[f32; 2]; 5] = [
        [80.0, 100.0],
        [120.0, 100.0],
        [100.0, 123.0],
        [84.0, 146.0],
        [116.0, 146.0],
    ];

    fn face(landmarks: [[f32; 2]; 5]) -> Face {
        Face {
            bounds: [60.0, 60.0, 80.0, 110.0],
            landmarks,
            score: 0.95,
        }
    }

    /// The average face turned in space and projected.
    fn turned(yaw: f32, pitch: f32) -> Face {
        let (sy, cy) = yaw.to_radians().sin_cos();
        let (sp, cp) = pitch.to_radians().sin_cos();
        let points = [
            [-0.5, 0.0, 0.0],
            [0.5, 0.0, 0.0],
            [0.0, NOSE_DROP * MOUTH_DROP, NOSE_DEPTH],
            [-0.4, MOUTH_DROP, 0.0],
            [0.4, MOUTH_DROP, 0.0],
        ];
        face(points.map(|[x, y, z]: [f32; 3]| {
            let (x, z) = (x * cy + z * sy, z * cy - x * sy);
            [100.0 + 40.0 * x, 100.0 + 40.0 * (y * cp - z * sp)]
        }))
    }

    /// Stripes; the wider, the less sharp.
    fn stripes(width: u32) -> RgbImage {
        let wave = |x: u32| 125.0 + 35.0 * (std::f32::consts::PI * x as f32 / width as f32).sin();
        RgbImage::from_fn(112, 112, |x, _| image::Rgb([wave(x) as u8; 3]))
    }

    #[test]
    fn a_frontal_face_has_no_angles_and_full_worth() {
        let quality = assess(&stripes(3), &face(FRONTAL));
        assert!(
            quality.yaw.abs() < 1.0 && quality.pitch.abs() < 1.0 && quality.roll.abs() < 0.1,
            "{quality:?}"
        );
        assert_eq!((quality.eye_distance, quality.size), (40.0, 80.0));
        assert!(quality.score > 0.95, "{quality:?}");
    }

    #[test]
    fn angles_are_estimated_with_their_signs() {
        for (yaw, pitch) in [(30.0, 0.0), (-45.0, 0.0), (0.0, 25.0), (0.0, -20.0), (20.0, 10.0)] {
            let found = assess(&stripes(3), &turned(yaw, pitch));
            assert!((found.yaw - yaw).abs() < 5.0, "{yaw}: {found:?}");
            assert!((found.pitch - pitch).abs() < 5.0, "{pitch}: {found:?}");
        }
        let (sin, cos) = 20f32.to_radians().sin_cos();
        let tilted = FRONTAL.map(|[x, y]| [cos * x - sin * y, sin * x + cos * y]);
        let found = assess(&stripes(3), &face(tilted));
        assert!(
            (found.roll - 20.0).abs() < 0.1 && found.yaw.abs() < 1.0 && found.pitch.abs() < 1.0,
            "{found:?}"
        );
    }

    #[test]
    fn worse_views_are_worth_less() {
        let best = assess(&stripes(3), &face(FRONTAL)).score;
        let small = face(FRONTAL.map(|[x, y]| [x / 3.0, y / 3.0]));
        for worse in [
            assess(&stripes(3), &turned(50.0, 0.0)),
            assess(&stripes(24), &face(FRONTAL)),
            assess(&stripes(3), &small),
        ] {
            assert!(worse.score < best / 1.5, "{worse:?}");
        }
        assert_eq!(assess(&RgbImage::new(112, 112), &face(FRONTAL)).score, 0.0);
    }

    #[test]
    fn every_input_gives_a_number() {
        for landmarks in [[[0.0; 2]; 5], [[f32::NAN; 2]; 5], [[f32::INFINITY; 2]; 5]] {
            for crop in [RgbImage::new(0, 0), RgbImage::new(1, 1), RgbImage::new(3, 2)] {
                assert!((0.0..=1.0).contains(&assess(&crop, &face(landmarks)).score));
            }
        }
    }
}
