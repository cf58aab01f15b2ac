//! Pixels of 8 bits as numbers of a network's input.

use pulp::Simd;

use super::first::COLOURS;
use crate::frame::Colours;
use crate::instructions::Kernel;

/// `out = pixel · scale + offset`.
pub(crate) struct Convert<'a> {
    /// The pixels' colours.
    pub(crate) pixels: &'a [u8],
    /// The factor.
    pub(crate) scale: f32,
    /// What is added.
    pub(crate) offset: f32,
    /// As many numbers.
    pub(crate) out: &'a mut [f32],
}

impl Kernel for Convert<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (out, &pixel) in self.out.iter_mut().zip(self.pixels) {
            *out = f32::from(pixel) * self.scale + self.offset;
        }
    }
}

/// `sums += weight · pixel`.
pub(crate) struct Accumulate<'a> {
    /// The pixels' colours.
    pub(crate) pixels: &'a [u8],
    /// The factor.
    pub(crate) weight: f32,
    /// As many numbers.
    pub(crate) sums: &'a mut [f32],
}

impl Kernel for Accumulate<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (sum, &pixel) in self.sums.iter_mut().zip(self.pixels) {
            *sum += f32::from(pixel) * self.weight;
        }
    }
}

/// Red, green and blue of brightness and colour.
pub(crate) struct ToRgb<'a> {
    /// Y, U, V of each pixel.
    pub(crate) planes: [&'a [f32]; 3],
    /// How they make red, green and blue.
    pub(crate) colours: Colours,
    /// As many pixels.
    pub(crate) out: &'a mut [[f32; COLOURS]],
}

impl Kernel for ToRgb<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let [y, u, v] = self.planes;
        for (((out, &y), &u), &v) in self.out.iter_mut().zip(y).zip(u).zip(v) {
            *out = self.colours.to_rgb(y, u, v);
        }
    }
}
