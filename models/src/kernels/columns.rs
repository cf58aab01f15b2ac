//! Fewer columns: each the average of the pixels of a line that it covers.

use pulp::Simd;

use crate::instructions::Kernel;

/// So many pixels need no loop: enough for a picture of a third of the width.
const TAPS: usize = 4;

/// Which pixels of a line each column covers, and with what share.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// What they were made for.
    widths: Widths,
    /// For each column the first pixel, and behind it so many shares.
    first: Vec<usize>,
    taps: usize,
    shares: Vec<f32>,
}

/// Pixels and columns of the same line, and how wide they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Widths {
    /// Pixels of the line, at least one.
    pub(crate) pixels: usize,
    /// The width of a pixel, at least 1, in any unit.
    pub(crate) pixel: usize,
    /// Columns to be made of it.
    pub(crate) columns: usize,
    /// The width of a column, at least 1, in the same unit. All columns lie inside the line.
    pub(crate) column: usize,
}

impl Columns {
    /// Makes them for these widths, if they are others than before.
    pub(crate) fn fit(&mut self, widths: Widths) -> &Self {
        if self.widths == widths {
            return self;
        }
        self.widths = widths;
        let Widths {
            pixels,
            pixel,
            columns,
            column,
        } = widths;
        self.taps = (column.div_ceil(pixel) + 1).max(TAPS).min(pixels);
        self.first.clear();
        self.shares.clear();
        self.shares.resize(columns * self.taps, 0.0);
        let whole = 1.0 / column as f32;
        for (i, shares) in self.shares.chunks_exact_mut(self.taps).enumerate() {
            let (start, end) = (i * column, (i + 1) * column);
            let first = (start / pixel).min(pixels - self.taps);
            self.first.push(first);
            for (x, share) in (first..).zip(shares) {
                let covered = end.min((x + 1) * pixel).saturating_sub(start.max(x * pixel));
                *share = covered as f32 * whole;
            }
        }
        self
    }
}

/// The columns of a line, whose pixels have `N` numbers each.
pub(crate) struct Average<'a, const N: usize> {
    /// Which pixels they cover.
    pub(crate) columns: &'a Columns,
    /// The pixels, as many as the columns were made for.
    pub(crate) line: &'a [[f32; N]],
    /// The columns, as many as were made.
    pub(crate) out: &'a mut [[f32; N]],
}

impl<const N: usize> Kernel for Average<'_, N> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { columns, line, out } = self;
        assert_eq!(
            (line.len(), out.len()),
            (columns.widths.pixels, columns.widths.columns)
        );
        let places = out.iter_mut().zip(&columns.first);
        if columns.taps == TAPS {
            let shares = columns.shares.as_chunks::<TAPS>().0;
            for ((out, &first), shares) in places.zip(shares) {
                let pixels = &line[first..first + TAPS];
                let mut sums = [0.0; N];
                for tap in 0..TAPS {
                    for i in 0..N {
                        sums[i] += shares[tap] * pixels[tap][i];
                    }
                }
                *out = sums;
            }
        } else {
            for ((out, &first), shares) in places.zip(columns.shares.chunks_exact(columns.taps)) {
                let mut sums = [0.0; N];
                for (share, pixel) in shares.iter().zip(&line[first..]) {
                    for i in 0..N {
                        sums[i] += share * pixel[i];
                    }
                }
                *out = sums;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Instructions;

    /// The columns by their definition: every pixel is cut into its parts.
    fn by_parts(line: &[[f32; 2]], widths: Widths) -> Vec<[f32; 2]> {
        let parts: Vec<[f32; 2]> = line
            .iter()
            .flat_map(|pixel| std::iter::repeat_n(*pixel, widths.pixel))
            .collect();
        let mean = |parts: &[[f32; 2]]| {
            [0, 1].map(|i| parts.iter().map(|part| f64::from(part[i])).sum::<f64>() / parts.len() as f64)
        };
        parts
            .chunks_exact(widths.column)
            .take(widths.columns)
            .map(|parts| mean(parts).map(|mean| mean as f32))
            .collect()
    }

    #[test]
    fn columns_are_the_averages_of_what_they_cover() {
        // The same columns again and again, as memory that is used for every picture.
        let mut columns = Columns::default();
        for (pixels, pixel, count, column) in [
            (1, 1, 1, 1),
            (7, 3, 3, 7),
            (5, 1, 1, 5),
            (100, 99, 99, 100),
            (1920, 800, 800, 1920),
            (1919, 640, 640, 1919),
            // Colours: a pixel is as wide as two of the line that the columns were made for, whose sides may be odd.
            (960, 1600, 800, 1920),
            (26, 34, 17, 51),
            (26, 102, 51, 51),
            (2, 6, 3, 3),
        ] {
            let widths = Widths {
                pixels,
                pixel,
                columns: count,
                column,
            };
            let line: Vec<[f32; 2]> = (0..pixels).map(|x| [x as f32, (x * x % 251) as f32]).collect();
            let expected = by_parts(&line, widths);
            assert_eq!(expected.len(), count, "{widths:?}");
            for instructions in Instructions::available() {
                let mut out = vec![[7.0; 2]; count];
                instructions.run(Average {
                    columns: columns.fit(widths),
                    line: &line,
                    out: &mut out,
                });
                for (found, expected) in out.iter().flatten().zip(expected.iter().flatten()) {
                    let close = (found - expected).abs() <= 1e-3 * expected.abs().max(1.0);
                    assert!(close, "{widths:?} {instructions}: {found} {expected}");
                }
            }
        }
    }
}
