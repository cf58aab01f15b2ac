//! A frame as input of a network, row by row, so that it is never there as a whole in single precision.

use image::RgbImage;

use crate::Instructions;
use crate::frame::{Blended, Frame};
use crate::kernels::columns::{Average, Widths};
use crate::kernels::first::COLOURS;
use crate::kernels::pixels::{Convert, ToRgb};
use crate::layers::{Shape, Source, SourceMemory};

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

    fn fill(&self, row: usize, instructions: Instructions, memory: &mut SourceMemory, out: &mut [f32]) {
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
        let [fine, coarse] = &mut memory.columns;
        let widths = |pixels: usize, pixel: usize| Widths {
            pixels,
            pixel: pixel * self.width,
            columns: self.width,
            column: width,
        };
        // Down first: whole rows at once.
        let blended = self
            .frame
            .blend(covered(row, height, self.height), instructions, &mut memory.sums);
        match blended {
            Blended::Rgb(row) if self.width == width => out.copy_from_slice(row),
            Blended::Rgb(row) => instructions.run(Average {
                columns: fine.fit(widths(width, 1)),
                line: row.as_chunks::<COLOURS>().0,
                out: out.as_chunks_mut().0,
            }),
            Blended::I420 {
                planes: [luma, u, v],
                colours,
            } => {
                memory.planes.resize(3 * self.width, 0.0);
                let (y, uv) = memory.planes.split_at_mut(self.width);
                let (blue, red) = uv.split_at_mut(self.width);
                let (fine, coarse) = (
                    fine.fit(widths(width, 1)),
                    coarse.fit(widths(width.div_ceil(2), 2)),
                );
                for (columns, line, out) in [
                    (fine, luma, &mut *y),
                    (coarse, u, &mut *blue),
                    (coarse, v, &mut *red),
                ] {
                    instructions.run(Average {
                        columns,
                        line: line.as_chunks::<1>().0,
                        out: out.as_chunks_mut().0,
                    });
                }
                instructions.run(ToRgb {
                    planes: [y, blue, red],
                    colours,
                    out: out.as_chunks_mut().0,
                });
            }
        }
    }
}

/// A size of the same shape whose longer side is at most `longest`.
pub(crate) fn fit(width: u32, height: u32, longest: u32) -> (u32, u32) {
    let side = width.max(height);
    if side <= longest {
        return (width, height);
    }
    let scaled = |x: u32| ((f64::from(x) * f64::from(longest) / f64::from(side)).round() as u32).max(1);
    (scaled(width), scaled(height))
}

/// A picture from whose colours a mean is taken off, also from those of its padding. Padding that a convolution adds is
/// the mean, then.
pub(crate) struct WithoutMean<'a> {
    picture: Scaled<'a>,
    mean: [f32; COLOURS],
}

impl<'a> WithoutMean<'a> {
    pub(crate) fn new(picture: Scaled<'a>, mean: [f32; COLOURS]) -> Self {
        Self { picture, mean }
    }
}

impl Source for WithoutMean<'_> {
    fn shape(&self) -> Shape {
        self.picture.shape()
    }

    fn fill(&self, row: usize, instructions: Instructions, memory: &mut SourceMemory, out: &mut [f32]) {
        self.picture.fill(row, instructions, memory, out);
        for pixel in out.as_chunks_mut::<COLOURS>().0 {
            for (value, mean) in pixel.iter_mut().zip(self.mean) {
                *value -= mean;
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

    fn fill(&self, row: usize, instructions: Instructions, _: &mut SourceMemory, out: &mut [f32]) {
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
        let mut memory = SourceMemory::default();
        let mut row = |y: usize| {
            let mut out = vec![7.0; cols * COLOURS];
            picture.fill(y, Instructions::best(), &mut memory, &mut out);
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
