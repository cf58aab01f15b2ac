//! YUYV (YUV 4:2:2, BT.601, limited range), as USB cameras send it, to RGB.

use image::RgbImage;

/// Converts one frame; `None` when `data` is too short for the size.
pub(super) fn to_rgb(width: u32, height: u32, data: &[u8]) -> Option<RgbImage> {
    let pixels = width as usize * height as usize;
    if !pixels.is_multiple_of(2) || data.len() < pixels * 2 {
        return None;
    }
    let mut rgb = vec![0; pixels * 3];
    let (pairs, _) = data[..pixels * 2].as_chunks::<4>();
    let (out, _) = rgb.as_chunks_mut::<6>();
    for (&[y0, u, y1, v], out) in pairs.iter().zip(out) {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        // Fixed point, 8 bits: 1.164, 1.596, 0.392, 0.813, 2.017.
        let (r, g, b) = (409 * v, -100 * u - 208 * v, 516 * u);
        for (y, out) in [y0, y1].into_iter().zip(out.as_chunks_mut::<3>().0) {
            let y = 298 * (i32::from(y) - 16) + 128;
            *out = [r, g, b].map(|c| ((y + c) >> 8).clamp(0, 255) as u8);
        }
    }
    RgbImage::from_raw(width, height, rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One pair of pixels of the same colour.
    fn check(yuv: [u8; 3], rgb: [u8; 3]) {
        let [y, u, v] = yuv;
        let picture = to_rgb(2, 1, &[y, u, y, v]).expect("long enough");
        for pixel in picture.pixels() {
            for (is, expected) in pixel.0.into_iter().zip(rgb) {
                assert!(is.abs_diff(expected) <= 2, "{yuv:?}: {:?}, not {rgb:?}", pixel.0);
            }
        }
    }

    #[test]
    fn known_colours() {
        check([16, 128, 128], [0, 0, 0]);
        check([235, 128, 128], [255, 255, 255]);
        check([81, 90, 240], [255, 0, 0]);
        check([145, 54, 34], [0, 255, 0]);
        check([41, 240, 110], [0, 0, 255]);
    }

    #[test]
    fn a_short_frame_is_refused() {
        assert!(to_rgb(2, 2, &[0; 7]).is_none());
        assert!(to_rgb(1, 1, &[0; 8]).is_none());
    }
}
