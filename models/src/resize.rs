//! A frame as input of the detector: scaled down if it has to be, padded to whole cells.

use candle_core::{Device, Result, Tensor};
use image::RgbImage;

/// Colours of a pixel.
const COLOURS: usize = 3;

/// The frame at `width` × `height` pixels (at most its own size, at least 1), with zeros to the right and below
/// up to multiples of `cell`. Shape (1, rows, columns, 3), values 0 to 255.
pub(crate) fn padded(frame: &RgbImage, width: u32, height: u32, cell: usize) -> Result<Tensor> {
    let rows = (height as usize).next_multiple_of(cell);
    let cols = (width as usize).next_multiple_of(cell);
    let mut out = vec![0.0; rows * cols * COLOURS];
    if (width, height) == frame.dimensions() {
        let row_len = width as usize * COLOURS;
        for (out, row) in out
            .chunks_exact_mut(cols * COLOURS)
            .zip(frame.as_raw().chunks_exact(row_len))
        {
            for (out, &value) in out.iter_mut().zip(row) {
                *out = f32::from(value);
            }
        }
    } else {
        shrink(frame, width as usize, height as usize, cols * COLOURS, &mut out);
    }
    Tensor::from_vec(out, (1, rows, cols, COLOURS), &Device::Cpu)
}

/// Averages over the area that each pixel of the result covers.
fn shrink(frame: &RgbImage, width: usize, height: usize, stride: usize, out: &mut [f32]) {
    let (from_width, from_height) = (frame.width() as usize, frame.height() as usize);
    let across = coverage(from_width, width);
    let down = coverage(from_height, height);
    let mut narrow = vec![0.0; width * COLOURS];
    for (row, targets) in frame.as_raw().chunks_exact(from_width * COLOURS).zip(down) {
        narrow.fill(0.0);
        for (pixel, targets) in row.as_chunks::<COLOURS>().0.iter().zip(&across) {
            for &(x, share) in targets.iter().filter(|(_, share)| *share > 0.0) {
                for (sum, &value) in narrow[x * COLOURS..][..COLOURS].iter_mut().zip(pixel) {
                    *sum += share * f32::from(value);
                }
            }
        }
        for (y, share) in targets.into_iter().filter(|(_, share)| *share > 0.0) {
            for (sum, value) in out[y * stride..][..narrow.len()].iter_mut().zip(&narrow) {
                *sum += share * value;
            }
        }
    }
}

/// For each of `from` pixels in a line: the (at most two) of `to` ≤ `from` pixels that it falls into, and its
/// share in their average.
fn coverage(from: usize, to: usize) -> Vec<[(usize, f32); 2]> {
    let scale = to as f64 / from as f64;
    (0..from)
        .map(|i| {
            let (start, end) = (i as f64 * scale, (i + 1) as f64 * scale);
            let first = (start as usize).min(to - 1);
            let border = (first + 1) as f64;
            let second = (first + 1).min(to - 1);
            [
                (first, (end.min(border) - start) as f32),
                (second, (end - border).max(0.0) as f32),
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_every_target_add_up_to_one() {
        for (from, to) in [(1, 1), (7, 3), (640, 640), (1919, 640), (5, 1), (1000, 999)] {
            let mut sums = vec![0.0; to];
            for (target, share) in coverage(from, to).into_iter().flatten() {
                sums[target] += share;
            }
            assert!(
                sums.iter().all(|sum| (sum - 1.0).abs() < 1e-4),
                "{from} to {to}: {sums:?}"
            );
        }
    }

    #[test]
    fn a_smaller_picture_keeps_its_averages_and_is_padded_with_zeros() {
        let frame = RgbImage::from_fn(64, 40, |x, y| {
            image::Rgb([x as u8, y as u8, if x < 32 { 0 } else { 200 }])
        });
        let tensor = padded(&frame, 16, 10, 32).expect("padded");
        assert_eq!(tensor.dims(), [1, 32, 32, 3]);
        let values: Vec<f32> = tensor.flatten_all().and_then(|t| t.to_vec1()).expect("values");
        let at = |x: usize, y: usize| &values[(y * 32 + x) * 3..][..3];
        assert_eq!(at(0, 0), [1.5, 1.5, 0.0]);
        assert_eq!(at(15, 9), [61.5, 37.5, 200.0]);
        assert_eq!(at(16, 0), [0.0; 3]);
        assert_eq!(at(0, 10), [0.0; 3]);
    }
}
