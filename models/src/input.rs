//! A frame as input of a network, row by row, so that it is never there as a whole in single precision.

use image::RgbImage;

use crate::Instructions;
use crate::frame::{Blended, Frame};
use crate::kernels::first::COLOURS;
use crate::kernels::pixels::Convert;
use crate::layers::{Shape, Source};

/// A frame scaled down, with zeros to the right and below. Values 0 to 255.
pub(crate) struct Scaled<'a> {
    frame: Frame<'a>,
    shape: Shape,
    width: usize,
    height: usize,
}

impl<'a> Scaled<'a> {
    /// The frame at `width` × `height` pixels (at most its own size, at least 1), filled up to multiples of `cell`.
    /// Each pixel is the average over the area that it covers.
    pub(crate) fn new(frame: Frame<'a>, (width, height): (u32, u32), cell: usize) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self {
            frame,
            shape: Shape {
                rows: height.next_multiple_of(cell),
                cols: width.next_multiple_of(cell),
                channels: COLOURS,
            },
            width,
            height,
        }
    }
}

impl Source for Scaled<'_> {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn fill(&self, row: usize, instructions: Instructions, scratch: &mut Vec<f32>, out: &mut [f32]) {
        if row >= self.height {
            return out.fill(0.0);
        }
        let (width, height) = self.frame.dimensions();
        let (width, height) = (width as usize, height as usize);
        let (out, padding) = out.split_at_mut(self.width * COLOURS);
        padding.fill(0.0);
        let same_size = (self.width, self.height) == (width, height);
        if let (true, Some(pixels)) = (same_size, self.frame.row(row)) {
            return instructions.run(Convert {
                pixels,
                scale: 1.0,
                offset: 0.0,
                out,
            });
        }
        // Down first: whole rows at once.
        let blended = self
            .frame
            .blend(covered(row, height, self.height), instructions, scratch);
        match blended {
            Blended::Rgb(row) if self.width == width => out.copy_from_slice(row),
            Blended::Rgb(row) => {
                let pixels = row.as_chunks::<COLOURS>().0;
                let out = out.as_chunks_mut::<COLOURS>().0;
                average(width, |x| pixels[x], out, |averages| averages);
            }
            Blended::I420 {
                planes: [luma, u, v],
                colours,
            } => {
                let out = out.as_chunks_mut::<COLOURS>().0;
                let pixel = |x: usize| [luma[x], u[x / 2], v[x / 2]];
                average(width, pixel, out, |[y, u, v]| colours.to_rgb(y, u, v));
            }
        }
    }
}

/// Which of `from` pixels in a line the pixel `i` of `to` ≤ `from` covers, each with its share in their average.
fn covered(i: usize, from: usize, to: usize) -> impl Iterator<Item = (usize, f32)> {
    // In parts of a pixel: one of `from` has `to` parts, one of `to` has `from`.
    let (start, end) = (i * from, (i + 1) * from);
    let whole = 1.0 / from as f32;
    (start / to..end.div_ceil(to)).map(move |pixel| {
        let parts = end.min((pixel + 1) * to) - start.max(pixel * to);
        (pixel, parts as f32 * whole)
    })
}

/// For each of `out`, the average of the pixels that it covers in a line of `from` ≥ their number, made its colour.
/// What [`covered`] says of each, told step by step: a division for each pixel of a picture costs more than the rest.
fn average(
    from: usize,
    pixel: impl Fn(usize) -> [f32; COLOURS],
    out: &mut [[f32; COLOURS]],
    colour: impl Fn([f32; COLOURS]) -> [f32; COLOURS],
) {
    // In parts of a pixel, as there.
    let to = out.len();
    let (step, rest) = (from / to.max(1), from % to.max(1));
    let part = 1.0 / from as f32;
    let whole = to as f32 * part;
    let add = |sums: &mut [f32; COLOURS], x: usize, share: f32| {
        for (sum, value) in sums.iter_mut().zip(pixel(x)) {
            *sum += share * value;
        }
    };
    // The first pixel that is covered, and how many of its parts the one before has taken.
    let (mut first, mut taken) = (0, 0);
    for out in out {
        let (mut last, mut parts) = (first + step, taken + rest);
        if parts >= to {
            (last, parts) = (last + 1, parts - to);
        }
        let mut sums = [0.0; COLOURS];
        add(&mut sums, first, (to - taken) as f32 * part);
        for x in first + 1..last {
            add(&mut sums, x, whole);
        }
        if parts > 0 {
            add(&mut sums, last, parts as f32 * part);
        }
        *out = colour(sums);
        (first, taken) = (last, parts);
    }
}

/// An aligned crop. Values from -1 to 1.
pub(crate) struct Aligned<'a>(pub(crate) &'a RgbImage);

impl Source for Aligned<'_> {
    fn shape(&self) -> Shape {
        Shape {
            rows: self.0.height() as usize,
            cols: self.0.width() as usize,
            channels: COLOURS,
        }
    }

    fn fill(&self, row: usize, instructions: Instructions, _: &mut Vec<f32>, out: &mut [f32]) {
        instructions.run(Convert {
            pixels: &self.0.as_raw()[row * out.len()..][..out.len()],
            scale: 1.0 / 128.0,
            offset: -127.5 / 128.0,
            out,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Colours, I420};

    fn rows(picture: &Scaled<'_>) -> Vec<Vec<f32>> {
        let Shape { rows, cols, .. } = picture.shape();
        let mut scratch = Vec::new();
        let mut row = |y: usize| {
            let mut out = vec![7.0; cols * COLOURS];
            picture.fill(y, Instructions::best(), &mut scratch, &mut out);
            out
        };
        (0..rows).map(&mut row).collect()
    }

    #[test]
    fn shares_of_every_pixel_add_up_to_one() {
        for (from, to) in [
            (1, 1),
            (7, 3),
            (640, 640),
            (1919, 640),
            (5, 1),
            (1000, 999),
            (1920, 640),
        ] {
            for i in 0..to {
                let shares: Vec<_> = covered(i, from, to).collect();
                let sum: f32 = shares.iter().map(|(_, share)| share).sum();
                assert!((sum - 1.0).abs() < 1e-5, "{from} to {to}: {shares:?}");
                assert!(shares.iter().all(|(pixel, share)| *pixel < from && *share > 0.0));
            }
            // Step by step they are the same.
            let pixel = |x: usize| [x as f32, (x * x % 251) as f32, 1.0];
            let mut averages = vec![[0.0; COLOURS]; to];
            average(from, pixel, &mut averages, |average| average);
            for (i, found) in averages.iter().enumerate() {
                let mut expected = [0.0; COLOURS];
                for (x, share) in covered(i, from, to) {
                    for (sum, value) in expected.iter_mut().zip(pixel(x)) {
                        *sum += share * value;
                    }
                }
                let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-2);
                assert!(close, "{from} to {to}, {i}: {found:?} {expected:?}");
            }
        }
    }

    #[test]
    fn a_smaller_picture_keeps_its_averages_and_is_padded_with_zeros() {
        let frame = RgbImage::from_fn(64, 40, |x, y| {
            image::Rgb([x as u8, y as u8, if x < 32 { 0 } else { 200 }])
        });
        let rows = rows(&Scaled::new((&frame).into(), (16, 10), 32));
        assert_eq!((rows.len(), rows[0].len()), (32, 32 * COLOURS));
        let at = |x: usize, y: usize| &rows[y][x * COLOURS..][..COLOURS];
        for (found, expected) in [
            (at(0, 0), [1.5, 1.5, 0.0]),
            (at(15, 9), [61.5, 37.5, 200.0]),
            (at(16, 0), [0.0; 3]),
            (at(0, 10), [0.0; 3]),
        ] {
            let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3);
            assert!(close, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn yuv_gives_what_its_rgb_gives() {
        // Odd sides, and rows with something behind them.
        let (width, height) = (51, 37);
        let (strides, half) = ([64, 40], 19);
        // No colour so strong that a part of it is cut off.
        let plane = |len: usize, least: usize, range: usize| -> Vec<u8> {
            (0..len).map(|i| (least + i * 7 % range) as u8).collect()
        };
        let planes = [
            plane(64 * height, 100, 60),
            plane(40 * half, 118, 20),
            plane(40 * half, 115, 23),
        ];
        let planes = planes.each_ref().map(Vec::as_slice);
        let yuv = I420::new((width, height as u32), planes, strides, Colours::Bt709).expect("fits");
        let yuv = Frame::from(yuv);
        let rgb = RgbImage::from_fn(width, height as u32, |x, y| {
            image::Rgb(yuv.pixel(x as usize, y as usize).map(|v| v.round() as u8))
        });
        for size in [(width, height as u32), (width, 20), (17, 12), (1, 1)] {
            let (a, b) = (
                rows(&Scaled::new(yuv, size, 32)),
                rows(&Scaled::new((&rgb).into(), size, 32)),
            );
            for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
                // The pixels were rounded.
                assert!((a - b).abs() <= 0.6, "{size:?}: {a} {b}");
            }
        }
    }
}
