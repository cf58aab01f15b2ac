//! Turning a face upright: the 112×112 crop that SFace expects, as OpenCV's `FaceRecognizerSF::alignCrop` cuts it.
//!
//! The similarity transform (rotation, one scale, shift) that brings the five landmarks closest to fixed places
//! in the least-squares sense (Umeyama, "Least-squares estimation of transformation parameters between two point
//! patterns", 1991; in two dimensions it has the closed form used here), then bilinear sampling with black
//! outside the frame.

use image::RgbImage;

use crate::frame::Frame;

/// Side of an aligned crop in pixels.
pub const CROP_SIDE: u32 = 112;

/// Where the landmarks belong: right eye, left eye, nose tip, right and left corner of the mouth.
const TEMPLATE: [[f64; 2]; 5] = [
    [38.2946, 51.6963],
    [73.5318, 51.5014],
    [56.0252, 71.7366],
    [41.5493, 92.3655],
    [70.7299, 92.2041],
];

/// A similarity transform: `x' = a x - b y + tx`, `y' = b x + a y + ty`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Similarity {
    a: f64,
    b: f64,
    tx: f64,
    ty: f64,
}

/// Cuts out the face whose landmarks these are (in the order of [`crate::detect::Face::landmarks`], in pixels
/// of the frame), upright, at 112×112 pixels. Landmarks that lie in one point or are not finite give a black crop.
pub fn align_crop<'a>(frame: impl Into<Frame<'a>>, landmarks: &[[f32; 2]; 5]) -> RgbImage {
    let mut crop = RgbImage::default();
    align_crop_into(frame, landmarks, &mut crop);
    crop
}

/// The same into a crop that is there already, whose memory is used again.
pub fn align_crop_into<'a>(frame: impl Into<Frame<'a>>, landmarks: &[[f32; 2]; 5], crop: &mut RgbImage) {
    if crop.dimensions() != (CROP_SIDE, CROP_SIDE) {
        *crop = RgbImage::new(CROP_SIDE, CROP_SIDE);
    }
    match to_frame(landmarks) {
        Some(transform) => sample(frame.into(), transform, crop),
        None => crop.fill(0),
    }
}

/// Cuts a face out with more around it than usual: `zoom` below 1 shows more, about the middle of the face. Outside the
/// frame its border goes on.
pub(crate) fn align_crop_zoomed(frame: Frame<'_>, landmarks: &[[f32; 2]; 5], zoom: f64) -> RgbImage {
    const MIDDLE: [f64; 2] = [56.0, 62.0];
    let mut crop = RgbImage::new(CROP_SIDE, CROP_SIDE);
    let Some(Similarity { a, b, tx, ty }) = to_frame(landmarks) else {
        return crop;
    };
    for (u, v, out) in crop.enumerate_pixels_mut() {
        let u = (f64::from(u) - MIDDLE[0]) / zoom + MIDDLE[0];
        let v = (f64::from(v) - MIDDLE[1]) / zoom + MIDDLE[1];
        let (x, y) = (a * u - b * v + tx, b * u + a * v + ty);
        out.0 = frame.at(x as f32, y as f32).map(|colour| (colour + 0.5) as u8);
    }
    crop
}

/// The transform from the crop to the frame; `None` where the landmarks give none.
fn to_frame(landmarks: &[[f32; 2]; 5]) -> Option<Similarity> {
    let points = landmarks.map(|[x, y]| [f64::from(x), f64::from(y)]);
    let mean = |points: &[[f64; 2]; 5], i: usize| points.iter().map(|p| p[i]).sum::<f64>() / 5.0;
    let (px, py) = (mean(&points, 0), mean(&points, 1));
    let (qx, qy) = (mean(&TEMPLATE, 0), mean(&TEMPLATE, 1));
    let (mut a, mut b, mut size) = (0.0, 0.0, 0.0);
    for (p, q) in points.iter().zip(&TEMPLATE) {
        let (x, y, u, v) = (p[0] - px, p[1] - py, q[0] - qx, q[1] - qy);
        a += x * u + y * v;
        b += x * v - y * u;
        size += x * x + y * y;
    }
    // Forward (frame to crop) it is (a, b) / size; its inverse is the conjugate over the square.
    let square = a * a + b * b;
    if !(square.is_finite() && square > f64::EPSILON && size > f64::EPSILON) {
        return None;
    }
    let (a, b) = (a * size / square, -b * size / square);
    Some(Similarity {
        a,
        b,
        tx: px - (a * qx - b * qy),
        ty: py - (b * qx + a * qy),
    })
}

fn sample(frame: Frame<'_>, to_frame: Similarity, crop: &mut RgbImage) {
    let (width, height) = frame.dimensions();
    let (width, height) = (i64::from(width), i64::from(height));
    let pixel = |x: i64, y: i64| {
        let inside = (0..width).contains(&x) && (0..height).contains(&y);
        if inside {
            frame.pixel(x as usize, y as usize).map(f64::from)
        } else {
            [0.0; 3]
        }
    };
    for (u, v, out) in crop.enumerate_pixels_mut() {
        let (u, v) = (f64::from(u), f64::from(v));
        let Similarity { a, b, tx, ty } = to_frame;
        let (x, y) = (a * u - b * v + tx, b * u + a * v + ty);
        // `as` saturates, so a point far outside stays outside.
        let (x0, y0) = (x.floor() as i64, y.floor() as i64);
        if x0 < -1 || y0 < -1 || x0 >= width || y0 >= height {
            out.0 = [0; 3];
            continue;
        }
        let (fx, fy) = (x - x0 as f64, y - y0 as f64);
        let upper = (pixel(x0, y0), pixel(x0 + 1, y0));
        let lower = (pixel(x0, y0 + 1), pixel(x0 + 1, y0 + 1));
        out.0 = std::array::from_fn(|c| {
            let mix = |(left, right): ([f64; 3], [f64; 3])| left[c] + fx * (right[c] - left[c]);
            let (upper, lower) = (mix(upper), mix(lower));
            (upper + fy * (lower - upper)).round() as u8
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The template turned by `degrees`, scaled and shifted.
    fn placed(degrees: f64, scale: f64, shift: [f64; 2]) -> [[f32; 2]; 5] {
        let (sin, cos) = degrees.to_radians().sin_cos();
        TEMPLATE.map(|[x, y]| {
            [
                (scale * (cos * x - sin * y) + shift[0]) as f32,
                (scale * (sin * x + cos * y) + shift[1]) as f32,
            ]
        })
    }

    #[test]
    fn the_transform_undoes_rotation_scale_and_shift() {
        for (degrees, scale, shift) in [
            (0.0, 1.0, [0.0, 0.0]),
            (30.0, 2.5, [40.0, -7.0]),
            (-170.0, 0.3, [500.0, 300.0]),
        ] {
            let found = to_frame(&placed(degrees, scale, shift)).expect("a transform");
            let (sin, cos) = f64::to_radians(degrees).sin_cos();
            for (found, expected) in [
                (found.a, scale * cos),
                (found.b, scale * sin),
                (found.tx, shift[0]),
                (found.ty, shift[1]),
            ] {
                assert!(
                    (found - expected).abs() < 1e-3,
                    "{degrees}: {found} is not {expected}"
                );
            }
        }
    }

    #[test]
    fn a_face_in_place_is_cut_out_unchanged() {
        let frame = RgbImage::from_fn(112, 112, |x, y| {
            image::Rgb([(2 * x) as u8, (2 * y) as u8, (x ^ y) as u8])
        });
        assert_eq!(align_crop(&frame, &placed(0.0, 1.0, [0.0, 0.0])), frame);
    }

    #[test]
    fn landmarks_without_a_transform_give_a_black_crop() {
        let frame = RgbImage::from_pixel(20, 20, image::Rgb([200; 3]));
        for bad in [0.0, 7.0, f32::NAN, f32::INFINITY] {
            assert_eq!(align_crop(&frame, &[[bad; 2]; 5]), RgbImage::new(112, 112));
        }
        assert_eq!(
            align_crop(&RgbImage::new(0, 0), &placed(0.0, 1.0, [0.0, 0.0])),
            RgbImage::new(112, 112)
        );
        let far = align_crop(&frame, &placed(0.0, 1.0, [1e20, -1e20]));
        assert_eq!(far, RgbImage::new(112, 112));
    }
}
