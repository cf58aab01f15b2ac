//! Making a part of a picture unrecognisable.

use image::RgbImage;

/// How far beyond the box, in parts of it, on each side: hair, ears and chin tell who somebody is too.
const MARGIN: f32 = 0.35;
/// Squares across the widened box. Six leave no face.
const SQUARES: f32 = 6.0;
const SMALLEST_SQUARE: u32 = 8;

/// Replaces the widened box (left, top, width, height) by squares of their average colour.
pub(super) fn pixelate(picture: &mut RgbImage, [x, y, w, h]: [f32; 4]) {
    let (width, height) = picture.dimensions();
    // `as` saturates: what lies outside becomes the border, and NaN becomes 0.
    let left = ((x - w * MARGIN).max(0.0) as u32).min(width);
    let top = ((y - h * MARGIN).max(0.0) as u32).min(height);
    let right = ((x + w * (1.0 + MARGIN)).max(0.0).ceil() as u32).min(width);
    let bottom = ((y + h * (1.0 + MARGIN)).max(0.0).ceil() as u32).min(height);
    let side = ((w.max(h) * (1.0 + 2.0 * MARGIN) / SQUARES) as u32).max(SMALLEST_SQUARE);
    let stride = width as usize * 3;
    let pixels: &mut [u8] = picture;
    for y0 in (top..bottom).step_by(side as usize) {
        for x0 in (left..right).step_by(side as usize) {
            let rows = y0 as usize..bottom.min(y0.saturating_add(side)) as usize;
            let columns = x0 as usize * 3..right.min(x0.saturating_add(side)) as usize * 3;
            let count = (rows.len() * columns.len() / 3).max(1) as u32;
            let mut sums = [0u32; 3];
            for row in rows.clone() {
                for pixel in pixels[row * stride..][columns.clone()].as_chunks::<3>().0 {
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += u32::from(*value);
                    }
                }
            }
            let mean = sums.map(|sum| (sum / count) as u8);
            for row in rows {
                pixels[row * stride..][columns.clone()]
                    .as_chunks_mut::<3>()
                    .0
                    .fill(mean);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise() -> RgbImage {
        RgbImage::from_fn(100, 80, |x, y| {
            image::Rgb([(x * 37 + y * 91) as u8, (x * 11) as u8, (y * 53) as u8])
        })
    }

    #[test]
    fn the_box_and_its_surroundings_become_squares_and_the_rest_stays() {
        let mut picture = noise();
        pixelate(&mut picture, [40.0, 30.0, 20.0, 20.0]);
        let original = noise();
        let changed = |x, y| picture.get_pixel(x, y) != original.get_pixel(x, y);
        assert!(changed(34, 24) && changed(50, 40) && changed(65, 55));
        for (x, y) in [(30, 40), (69, 40), (50, 20), (50, 60), (0, 0)] {
            assert!(!changed(x, y), "{x} {y}");
        }
        let colours: std::collections::HashSet<_> = (40..60)
            .flat_map(|x| (30..50).map(move |y| (x, y)))
            .map(|(x, y)| picture.get_pixel(x, y).0)
            .collect();
        assert!(colours.len() <= 16, "{} colours are left", colours.len());
    }

    #[test]
    fn boxes_over_the_border_or_of_nonsense_do_no_harm() {
        let inf = f32::INFINITY;
        for bounds in [
            [-50.0, -50.0, 60.0, 60.0],
            [90.0, 70.0, 500.0, 500.0],
            [f32::NAN; 4],
            [inf; 4],
            [-inf, 0.0, inf, 9.0],
        ] {
            pixelate(&mut noise(), bounds);
            pixelate(&mut RgbImage::new(1, 1), bounds);
        }
    }
}
