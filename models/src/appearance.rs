//! How cloth looks, to tell people apart whose faces are not seen: a histogram of brightness and colour. It is no
//! biometric of a person, lives only as long as a body is followed, and is written nowhere.

use crate::frame::Frame;

/// Samples across and down.
const ACROSS: usize = 20;
const DOWN: usize = 20;
/// Bins of brightness, and of the two differences of colour.
const BINS: usize = 8;
/// Differences of colour are spread around grey, where most cloth is: the width of the middle, and the last bin.
const GREYISH: f32 = 4.0;
const COLOURFUL: f32 = 12.0;
/// Fewer pixels than this on a side say nothing.
const LEAST_SIDE: f32 = 4.0;
/// Brightness that a frame is brought to, and the darkest that is.
const USUAL_LIGHT: f32 = 110.0;
const DARKEST: f32 = 20.0;

/// By what a frame's colours are multiplied, so that exposure and daylight count for less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light(f32);

impl Light {
    /// Of a frame: what brings its mean brightness to what is usual.
    pub fn of<'a>(frame: impl Into<Frame<'a>>) -> Self {
        let frame = frame.into();
        let (width, height) = frame.dimensions();
        let (mut sum, mut count) = (0.0, 0);
        for y in (0..height as usize).step_by((height as usize / 24).max(1)) {
            for x in (0..width as usize).step_by((width as usize / 32).max(1)) {
                sum += luma(frame.pixel(x, y));
                count += 1;
            }
        }
        Self(USUAL_LIGHT / (sum / count.max(1) as f32).max(DARKEST))
    }
}

/// The histogram of a part of a frame; its numbers add up to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Appearance(Vec<f32>);

impl Appearance {
    /// Of this part of a frame: left, top, width and height in pixels. `None` where less than half of it is inside, or it
    /// is too small.
    pub fn of<'a>(
        frame: impl Into<Frame<'a>>,
        light: Light,
        [left, top, width, height]: [f32; 4],
    ) -> Option<Self> {
        let frame = frame.into();
        let (frame_width, frame_height) = frame.dimensions();
        if !(width >= LEAST_SIDE && height >= LEAST_SIDE) {
            return None;
        }
        let mut histogram = vec![0.0; BINS * BINS * BINS];
        let mut count = 0;
        for i in 0..ACROSS * DOWN {
            let x = left + width * ((i % ACROSS) as f32 + 0.5) / ACROSS as f32;
            let y = top + height * ((i / ACROSS) as f32 + 0.5) / DOWN as f32;
            if (0.0..frame_width as f32).contains(&x) && (0.0..frame_height as f32).contains(&y) {
                count += 1;
                add(
                    &mut histogram,
                    frame.pixel(x as usize, y as usize).map(|c| c * light.0),
                );
            }
        }
        if 2 * count < ACROSS * DOWN {
            return None;
        }
        histogram.iter_mut().for_each(|share| *share /= count as f32);
        Some(Self(histogram))
    }

    /// How like another it is, 0 to 1: the Bhattacharyya coefficient.
    pub fn likeness(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| (a * b).sqrt()).sum()
    }

    /// Takes some of another one over: `share` of 1 is all.
    pub fn blend(&mut self, other: &Self, share: f32) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own += share * (other - *own);
        }
    }
}

/// Brightness of red, green and blue (ITU-R BT.601; which one hardly matters, as long as it is always the same).
fn luma([red, green, blue]: [f32; 3]) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// Adds a pixel to the bins that are nearest to it, so that a small change of light moves little.
fn add(histogram: &mut [f32], [red, green, blue]: [f32; 3]) {
    let luma = luma([red, green, blue]);
    let place = |share: f32| {
        let place = (share * BINS as f32 - 0.5).clamp(0.0, BINS as f32 - 1.001);
        (place as usize, place.fract())
    };
    let difference = |c: f32| ((c / GREYISH).asinh() / COLOURFUL.asinh() + 1.0) / 2.0;
    // Dark cloth is told apart by little; so is what is hardly coloured.
    let axes = [
        place((luma.clamp(0.0, 255.0) / 255.0).sqrt()),
        place(difference(0.564 * (blue - luma))),
        place(difference(0.713 * (red - luma))),
    ];
    for corner in 0..8 {
        let (mut bin, mut weight) = (0, 1.0);
        for (axis, (low, fraction)) in axes.into_iter().enumerate() {
            let upper = corner >> axis & 1;
            bin = bin * BINS + low + upper;
            weight *= if upper == 1 { fraction } else { 1.0 - fraction };
        }
        histogram[bin] += weight;
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    /// Cloth of a colour in a grey room, in some light.
    fn cloth(colour: [u8; 3], light: f32) -> RgbImage {
        RgbImage::from_fn(120, 80, |x, y| {
            let colour = if x < 60 { colour } else { [120; 3] };
            let grain = ((x * 7 + y * 13) % 11) as f32 - 5.0;
            Rgb(colour.map(|c| (f32::from(c) * light + grain).clamp(0.0, 255.0) as u8))
        })
    }

    fn of(frame: &RgbImage) -> Appearance {
        Appearance::of(frame, Light::of(frame), [5.0, 5.0, 50.0, 70.0]).expect("large enough")
    }

    #[test]
    fn cloth_is_like_itself_and_less_like_other_cloth() {
        let red = of(&cloth([150, 60, 60], 1.0));
        assert!(red.likeness(&red) > 0.999);
        for light in [0.8, 1.25] {
            let likeness = red.likeness(&of(&cloth([150, 60, 60], light)));
            assert!(likeness > 0.9, "in light of {light}: {likeness}");
        }
        let blue = of(&cloth([60, 70, 150], 1.0));
        assert!(red.likeness(&blue) < 0.3);
        let mut mixed = red.clone();
        mixed.blend(&blue, 1.0);
        assert!(mixed.likeness(&blue) > 0.999);
    }

    #[test]
    fn what_is_outside_or_tiny_has_none() {
        let frame = cloth([100; 3], 1.0);
        let light = Light::of(&frame);
        for part in [
            [90.0, 0.0, 90.0, 80.0],
            [0.0, 0.0, 3.0, 80.0],
            [f32::NAN, 0.0, 30.0, 30.0],
            [0.0, 0.0, f32::NAN, 30.0],
            [-1e9, 0.0, 10.0, 10.0],
        ] {
            assert_eq!(Appearance::of(&frame, light, part), None, "{part:?}");
        }
        let empty = RgbImage::new(0, 0);
        assert_eq!(
            Appearance::of(&empty, Light::of(&empty), [0.0, 0.0, 9.0, 9.0]),
            None
        );
    }
}
