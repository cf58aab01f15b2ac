//! Frames as cameras and decoders give them: RGB, or YUV 4:2:0, which needs half the memory and no conversion of
//! pixels that nobody looks at.

use image::RgbImage;

use crate::kernels::first::COLOURS;
use crate::kernels::pixels::Accumulate;
use crate::{Instructions, ModelError};

/// A frame in either form.
#[derive(Clone, Copy, Debug)]
pub enum Frame<'a> {
    /// Red, green, blue, 8 bits each.
    Rgb(&'a RgbImage),
    /// Brightness for each pixel, colour for each four.
    I420(I420<'a>),
}

/// YUV 4:2:0 in three planes, limited range (black is 16, white 235), as video decoders give it (`yuv420p`).
#[derive(Clone, Copy, Debug)]
pub struct I420<'a> {
    width: usize,
    height: usize,
    /// Y, U, V.
    planes: [&'a [u8]; 3],
    /// Bytes from one row to the next: of Y, of U and V.
    strides: [usize; 2],
    colours: Colours,
}

/// How brightness and colour make red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// ITU-R BT.601: standard definition.
    Bt601,
    /// ITU-R BT.709: high definition.
    Bt709,
}

impl Colours {
    /// What V adds to red, U and V to green, and U to blue.
    #[inline(always)]
    fn factors(self) -> [f32; 4] {
        match self {
            Self::Bt601 => [1.596_027, -0.391_762, -0.812_968, 2.017_232],
            Self::Bt709 => [1.792_741, -0.213_249, -0.532_909, 2.112_402],
        }
    }

    /// Red, green and blue, 0 to 255.
    #[inline(always)]
    pub(crate) fn to_rgb(self, y: f32, u: f32, v: f32) -> [f32; COLOURS] {
        let [red, green_u, green_v, blue] = self.factors();
        let (y, u, v) = (1.164_384 * (y - 16.0), u - 128.0, v - 128.0);
        [y + red * v, y + green_u * u + green_v * v, y + blue * u].map(|colour| colour.clamp(0.0, 255.0))
    }
}

impl<'a> I420<'a> {
    /// A frame of `width` × `height` pixels; U and V have half of that, rounded up. `strides` are the bytes from one
    /// row to the next, of Y and of U and V.
    ///
    /// # Errors
    /// [`ModelError::Planes`] when a plane is too short for that or a stride less than its width.
    pub fn new(
        (width, height): (u32, u32),
        planes: [&'a [u8]; 3],
        strides: [usize; 2],
        colours: Colours,
    ) -> Result<Self, ModelError> {
        let (width, height) = (width as usize, height as usize);
        let fits = |plane: &[u8], stride: usize, width: usize, height: usize| {
            let last_row = height.saturating_sub(1).checked_mul(stride);
            let needed = last_row.and_then(|start| start.checked_add(if height == 0 { 0 } else { width }));
            stride >= width && needed.is_some_and(|needed| plane.len() >= needed)
        };
        let [y, u, v] = planes;
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let all = fits(y, strides[0], width, height)
            && [u, v]
                .iter()
                .all(|plane| fits(plane, strides[1], half_width, half_height));
        if !all {
            return Err(ModelError::Planes { width, height });
        }
        Ok(Self {
            width,
            height,
            planes,
            strides,
            colours,
        })
    }

    /// The part with this left upper corner, which is inside and even, and this size, which is cut to what is there.
    fn part(&self, (left, top): (u32, u32), (width, height): (u32, u32)) -> Self {
        let (left, top) = (left as usize, top as usize);
        let [y, u, v] = self.planes;
        let [stride, half_stride] = self.strides;
        let from = |plane: &'a [u8], at: usize| plane.get(at..).unwrap_or_default();
        let half = top / 2 * half_stride + left / 2;
        Self {
            width: (width as usize).min(self.width - left),
            height: (height as usize).min(self.height - top),
            planes: [from(y, top * stride + left), from(u, half), from(v, half)],
            ..*self
        }
    }

    /// Red, green and blue between four pixels, as [`Frame::between`].
    #[inline]
    fn between(&self, (x, y): (usize, usize), (fx, fy): (f32, f32)) -> [f32; COLOURS] {
        let value = |plane: &[u8], at: usize, right: usize, down: usize| {
            let plane = &plane[at..=at + right + down];
            let value = |at: usize| f32::from(plane[at]);
            let upper = mix(value(0), value(right), fx);
            let lower = mix(value(down), value(right + down), fx);
            mix(upper, lower, fy)
        };
        let [luma, u, v] = self.planes;
        let [stride, half_stride] = self.strides;
        let brightness = value(luma, y * stride + x, 1, stride);
        // Two neighbours often share their colour; where they do not, it lies between.
        let colour = |plane| value(plane, y / 2 * half_stride + x / 2, x % 2, y % 2 * half_stride);
        self.colours.to_rgb(brightness, colour(u), colour(v))
    }

    /// A row of the planes that has this row of pixels.
    fn rows(&self, y: usize) -> [&'a [u8]; 3] {
        let [luma, u, v] = self.planes;
        let half = self.width.div_ceil(2);
        let chroma = y / 2 * self.strides[1];
        [
            &luma[y * self.strides[0]..][..self.width],
            &u[chroma..][..half],
            &v[chroma..][..half],
        ]
    }
}

/// Between two numbers: at `share` of the way from `a` to `b`.
fn mix(a: f32, b: f32, share: f32) -> f32 {
    a + share * (b - a)
}

impl<'a> From<&'a RgbImage> for Frame<'a> {
    fn from(image: &'a RgbImage) -> Self {
        Self::Rgb(image)
    }
}

impl<'a> From<I420<'a>> for Frame<'a> {
    fn from(planes: I420<'a>) -> Self {
        Self::I420(planes)
    }
}

impl Frame<'_> {
    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        match self {
            Self::Rgb(image) => image.dimensions(),
            Self::I420(planes) => (planes.width as u32, planes.height as u32),
        }
    }

    /// The part of it with this left upper corner, which is moved to even pixels, and this size, which is cut to
    /// what is there; and where it begins. `None` for RGB, whose rows cannot be told apart from their parts.
    pub fn part(&self, (left, top): (u32, u32), size: (u32, u32)) -> Option<(Self, (u32, u32))> {
        match self {
            Self::Rgb(_) => None,
            Self::I420(planes) => {
                let (width, height) = self.dimensions();
                let corner = (left.min(width) & !1, top.min(height) & !1);
                Some((Self::I420(planes.part(corner, size)), corner))
            }
        }
    }

    /// A row's brightness: a byte for each pixel, or for an RGB frame its three, whose average is about that.
    pub fn brightness(&self, y: usize) -> &[u8] {
        match self {
            Self::Rgb(image) => {
                let len = image.width() as usize * COLOURS;
                &image.as_raw()[y * len..][..len]
            }
            Self::I420(planes) => planes.rows(y)[0],
        }
    }

    /// Red, green and blue of a pixel that is inside.
    pub(crate) fn pixel(&self, x: usize, y: usize) -> [f32; COLOURS] {
        match self {
            Self::Rgb(image) => image.get_pixel(x as u32, y as u32).0.map(f32::from),
            Self::I420(planes) => {
                let [luma, u, v] = planes.rows(y);
                planes
                    .colours
                    .to_rgb(luma[x].into(), u[x / 2].into(), v[x / 2].into())
            }
        }
    }

    /// Red, green and blue at a point, bilinearly; outside the frame its border goes on. Black where there is no frame
    /// or no point.
    pub(crate) fn at(&self, x: f32, y: f32) -> [f32; COLOURS] {
        let (width, height) = self.dimensions();
        if width < 2 || height < 2 || x.is_nan() || y.is_nan() {
            return [0.0; COLOURS];
        }
        let x = x.clamp(0.0, (width - 1) as f32);
        let y = y.clamp(0.0, (height - 1) as f32);
        let (x0, y0) = (
            (x as usize).min(width as usize - 2),
            (y as usize).min(height as usize - 2),
        );
        self.between((x0, y0), (x - x0 as f32, y - y0 as f32))
    }

    /// Red, green and blue at a point between four pixels, bilinearly. `x` and `y` are the left upper one of them,
    /// `fx` and `fy` how far it is to the next; all four are inside.
    fn between(&self, (x, y): (usize, usize), (fx, fy): (f32, f32)) -> [f32; COLOURS] {
        match self {
            Self::Rgb(image) => {
                let stride = image.width() as usize * COLOURS;
                let pixels = &image.as_raw()[y * stride + x * COLOURS..];
                std::array::from_fn(|c| {
                    let value = |at: usize| f32::from(pixels[at + c]);
                    let upper = mix(value(0), value(COLOURS), fx);
                    let lower = mix(value(stride), value(stride + COLOURS), fx);
                    mix(upper, lower, fy)
                })
            }
            Self::I420(planes) => planes.between((x, y), (fx, fy)),
        }
    }

    /// Red, green and blue along a line, rounded: at `from`, and after each step from there. As [`Self::at`], but a
    /// line that is inside as a whole is asked about that once.
    pub(crate) fn along(&self, from: [f32; 2], step: [f32; 2], out: &mut [[u8; COLOURS]]) {
        let rounded = |colours: [f32; COLOURS]| colours.map(|colour| (colour + 0.5) as u8);
        let point = |i: usize| [0, 1].map(|axis| from[axis] + i as f32 * step[axis]);
        let (width, height) = self.dimensions();
        let inside = |[x, y]: [f32; 2]| {
            (0.0..width.saturating_sub(1) as f32).contains(&x)
                && (0.0..height.saturating_sub(1) as f32).contains(&y)
        };
        match self {
            Self::I420(planes)
                if [0, out.len().saturating_sub(1)]
                    .map(point)
                    .into_iter()
                    .all(inside) =>
            {
                for (i, out) in out.iter_mut().enumerate() {
                    let [x, y] = point(i);
                    let (left, top) = (x as u32, y as u32);
                    let shares = (x - left as f32, y - top as f32);
                    *out = rounded(planes.between((left as usize, top as usize), shares));
                }
            }
            _ => {
                for (i, out) in out.iter_mut().enumerate() {
                    let [x, y] = point(i);
                    *out = rounded(self.at(x, y));
                }
            }
        }
    }

    /// A row of pixels as it is, if it lies in memory so.
    pub(crate) fn row(&self, y: usize) -> Option<&[u8]> {
        match self {
            Self::Rgb(_) => Some(self.brightness(y)),
            Self::I420(_) => None,
        }
    }

    /// The weighted sum of some rows; the weights add up to 1.
    pub(crate) fn blend<'s>(
        &self,
        rows: impl Iterator<Item = (usize, f32)>,
        instructions: Instructions,
        scratch: &'s mut Vec<f32>,
    ) -> Blended<'s> {
        let width = self.dimensions().0 as usize;
        let half = width.div_ceil(2);
        scratch.clear();
        let add = |pixels: &[u8], weight: f32, sums: &mut [f32]| {
            instructions.run(Accumulate { pixels, weight, sums });
        };
        match self {
            Self::Rgb(_) => {
                scratch.resize(COLOURS * width, 0.0);
                for (y, weight) in rows {
                    add(self.brightness(y), weight, scratch);
                }
                Blended::Rgb(scratch)
            }
            Self::I420(planes) => {
                scratch.resize(width + 2 * half, 0.0);
                let (luma, chroma) = scratch.split_at_mut(width);
                let (u, v) = chroma.split_at_mut(half);
                for (y, weight) in rows {
                    for (sums, pixels) in [&mut *luma, &mut *u, &mut *v].into_iter().zip(planes.rows(y)) {
                        add(pixels, weight, sums);
                    }
                }
                Blended::I420 {
                    planes: [luma, u, v],
                    colours: planes.colours,
                }
            }
        }
    }
}

/// A row that was made of several. The way from YUV to red, green and blue is linear, so it comes last, where there
/// are fewest pixels; but for colours that no screen shows, which are cut off then.
pub(crate) enum Blended<'s> {
    /// Red, green and blue of each pixel.
    Rgb(&'s [f32]),
    /// Y of each pixel, U and V of each two.
    I420 {
        /// Y, U, V.
        planes: [&'s [f32]; 3],
        /// How they make red, green and blue.
        colours: Colours,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_have_to_fit() {
        let new = |size, y: &'static [u8], c: &'static [u8], strides| {
            I420::new(size, [y, c, c], strides, Colours::Bt601).map(drop)
        };
        assert!(new((5, 3), &[0; 15], &[0; 6], [5, 3]).is_ok());
        assert!(new((0, 0), &[], &[], [0, 0]).is_ok());
        // The last row needs no padding behind it.
        assert!(new((5, 3), &[0; 21], &[0; 7], [8, 4]).is_ok());
        for (size, y, c, strides) in [
            ((5, 3), &[0u8; 14][..], &[0u8; 6][..], [5, 3]),
            ((5, 3), &[0; 15], &[0; 5], [5, 3]),
            ((5, 3), &[0; 15], &[0; 6], [4, 3]),
            ((5, 3), &[0; 15], &[0; 6], [5, 2]),
            ((u32::MAX, u32::MAX), &[0; 15], &[0; 6], [usize::MAX, usize::MAX]),
        ] {
            assert!(
                matches!(new(size, y, c, strides), Err(ModelError::Planes { .. })),
                "{size:?} {strides:?}"
            );
        }
    }

    #[test]
    fn a_part_has_the_pixels_that_the_whole_has_there() {
        let data: Vec<u8> = (0..=255).cycle().take(11 * 7 + 2 * 6 * 4).collect();
        let (luma, chroma) = data.split_at(77);
        let (u, v) = chroma.split_at(24);
        let whole = Frame::I420(I420::new((11, 7), [luma, u, v], [11, 6], Colours::Bt601).expect("fits"));
        for (corner, size) in [
            ((0, 0), (11, 7)),
            ((3, 3), (4, 3)),
            ((9, 5), (100, 100)),
            ((50, 2), (1, 1)),
        ] {
            let (part, (left, top)) = whole.part(corner, size).expect("YUV");
            let (width, height) = part.dimensions();
            assert!(left % 2 == 0 && top % 2 == 0 && left + width <= 11 && top + height <= 7);
            for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
                let there = whole.pixel((left + x) as usize, (top + y) as usize);
                assert_eq!(part.pixel(x as usize, y as usize), there, "{corner:?} {x} {y}");
            }
        }
        let image = RgbImage::new(9, 9);
        assert!(Frame::Rgb(&image).part((4, 4), (2, 2)).is_none());
    }

    #[test]
    fn a_line_has_the_colours_of_its_points() {
        let data: Vec<u8> = (0..=255).cycle().take(11 * 7 + 2 * 6 * 4).collect();
        let (luma, chroma) = data.split_at(77);
        let (u, v) = chroma.split_at(24);
        let yuv = I420::new((11, 7), [luma, u, v], [11, 6], Colours::Bt709).expect("fits");
        let rgb = RgbImage::from_fn(11, 7, |x, y| image::Rgb([x as u8 * 20, y as u8 * 30, 7]));
        for frame in [Frame::from(yuv), Frame::from(&rgb)] {
            // Inside, up to the border, across it, elsewhere, nowhere.
            for (from, step) in [
                ([1.3, 0.2], [0.7, 0.5]),
                ([9.9, 5.9], [-0.9, -0.5]),
                ([0.0, 6.0], [1.0, 0.0]),
                ([8.0, 3.0], [0.9, 0.9]),
                ([-5.0, 2.0], [1.0, 0.0]),
                ([1e9, -1e9], [1.0, 1.0]),
                ([f32::NAN, 1.0], [0.1, 0.1]),
            ] {
                let mut line = [[99; COLOURS]; 10];
                frame.along(from, step, &mut line);
                for (i, found) in line.iter().enumerate() {
                    let [x, y] = [0, 1].map(|axis| from[axis] + i as f32 * step[axis]);
                    let there = frame.at(x, y).map(|colour| (colour + 0.5) as u8);
                    assert_eq!(*found, there, "{from:?} {step:?} {i}");
                }
            }
        }
    }

    #[test]
    fn brightness_and_colour_make_red_green_and_blue() {
        // Grey levels have no colour; the reference values are those of the standards for 75 % red.
        for colours in [Colours::Bt601, Colours::Bt709] {
            for (y, grey) in [
                (16.0, 0.0),
                (235.0, 255.0),
                (126.0, 128.08),
                (0.0, 0.0),
                (255.0, 255.0),
            ] {
                for colour in colours.to_rgb(y, 128.0, 128.0) {
                    assert!((colour - grey).abs() < 0.1, "{colours:?} {y}: {colour}");
                }
            }
        }
        let close = |found: [f32; 3], expected: [f32; 3]| {
            let off = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 2.0);
            assert!(off, "{found:?} {expected:?}");
        };
        close(Colours::Bt601.to_rgb(65.0, 100.0, 212.0), [191.0, 0.0, 0.0]);
        close(Colours::Bt709.to_rgb(51.0, 109.0, 212.0), [191.0, 0.0, 0.0]);
    }
}
