//! Frames that own their pixels, as capture hands them on.

use image::RgbImage;

use crate::frame::{Colours, Frame, I420};
use crate::input::Scaled;
use crate::layers::{Source as _, SourceMemory};
use crate::{Instructions, ModelError};

/// A frame with its pixels; [`Frame`] is the borrowed form.
#[derive(Clone, Debug)]
pub enum FrameBuf {
    /// Red, green, blue, 8 bits each.
    Rgb(RgbImage),
    /// YUV 4:2:0, as video decoders give it.
    I420(I420Buf),
}

/// YUV 4:2:0 in one piece of memory: the planes Y, U and V one after the other, without gaps (`yuv420p`).
#[derive(Clone)]
pub struct I420Buf {
    size: (u32, u32),
    colours: Colours,
    data: Vec<u8>,
}

impl I420Buf {
    /// Bytes of a frame of this size; `None` where they cannot be counted.
    pub fn bytes((width, height): (u32, u32)) -> Option<usize> {
        let luma = (width as usize).checked_mul(height as usize)?;
        let chroma = (width.div_ceil(2) as usize).checked_mul(height.div_ceil(2) as usize)?;
        luma.checked_add(chroma.checked_mul(2)?)
    }

    /// A frame of `size` (width, height) in pixels.
    ///
    /// # Errors
    /// [`ModelError::Planes`] when `data` has not [`I420Buf::bytes`] of that size.
    pub fn new(size: (u32, u32), data: Vec<u8>, colours: Colours) -> Result<Self, ModelError> {
        if Self::bytes(size) == Some(data.len()) {
            Ok(Self { size, colours, data })
        } else {
            let (width, height) = (size.0 as usize, size.1 as usize);
            Err(ModelError::Planes { width, height })
        }
    }

    /// Gives the memory back, to be used for another frame.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    fn planes(&self) -> I420<'_> {
        let (width, height) = self.size;
        let (half_width, half_height) = (width.div_ceil(2) as usize, height.div_ceil(2) as usize);
        let (luma, chroma) = self.data.split_at(width as usize * height as usize);
        let (u, v) = chroma.split_at(half_width * half_height);
        I420::new(
            self.size,
            [luma, u, v],
            [width as usize, half_width],
            self.colours,
        )
        .expect("the length was checked when the frame was made")
    }
}

impl std::fmt::Debug for I420Buf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "I420Buf({}×{})", self.size.0, self.size.1)
    }
}

impl<'a> From<&'a FrameBuf> for Frame<'a> {
    fn from(frame: &'a FrameBuf) -> Self {
        match frame {
            FrameBuf::Rgb(image) => Frame::Rgb(image),
            FrameBuf::I420(planes) => Frame::I420(planes.planes()),
        }
    }
}

impl From<RgbImage> for FrameBuf {
    fn from(image: RgbImage) -> Self {
        Self::Rgb(image)
    }
}

impl FrameBuf {
    /// Width and height in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        match self {
            Self::Rgb(image) => image.dimensions(),
            Self::I420(planes) => planes.size,
        }
    }

    /// The frame in red, green and blue, scaled down where it is wider than `max_width`, each pixel the average
    /// over the area that it covers.
    pub fn to_rgb(&self, max_width: u32) -> RgbImage {
        let (width, height) = self.dimensions();
        if let (Self::Rgb(image), true) = (self, width <= max_width) {
            return image.clone();
        }
        let scaled_width = width.min(max_width.max(1));
        let scaled_height = u64::from(height) * u64::from(scaled_width) / u64::from(width.max(1));
        // At most the height, because the width is not larger either.
        let size = (
            scaled_width,
            u32::try_from(scaled_height)
                .unwrap_or(height)
                .max(u32::from(height > 0)),
        );
        let mut rgb = RgbImage::new(size.0, size.1);
        if size.0 == 0 || size.1 == 0 {
            return rgb;
        }
        let source = Scaled::new(self.into(), size, 1);
        let (mut memory, mut row) = (SourceMemory::default(), vec![0.0; size.0 as usize * 3]);
        for (y, out) in rgb.chunks_exact_mut(row.len()).enumerate() {
            source.fill(y, Instructions::best(), &mut memory, &mut row);
            for (out, value) in out.iter_mut().zip(&row) {
                *out = (value + 0.5) as u8;
            }
        }
        rgb
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey level for each pixel, without colour.
    fn grey(size: (u32, u32), level: impl Fn(u32, u32) -> u8) -> FrameBuf {
        let (width, height) = size;
        let mut data: Vec<u8> = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| level(x, y))
            .collect();
        data.resize(I420Buf::bytes(size).expect("small"), 128);
        FrameBuf::I420(I420Buf::new(size, data, Colours::Bt601).expect("fits"))
    }

    #[test]
    fn data_of_another_length_is_refused() {
        assert_eq!(I420Buf::bytes((5, 3)), Some(15 + 2 * 6));
        assert_eq!(I420Buf::bytes((0, 0)), Some(0));
        for len in [0, 26, 28] {
            let made = I420Buf::new((5, 3), vec![0; len], Colours::Bt601);
            assert!(matches!(made, Err(ModelError::Planes { .. })), "{len}");
        }
    }

    #[test]
    fn a_frame_is_scaled_down_and_coloured() {
        let frame = grey((64, 32), |x, _| if x < 32 { 16 } else { 235 });
        let rgb = frame.to_rgb(16);
        assert_eq!(rgb.dimensions(), (16, 8));
        assert_eq!(
            (rgb.get_pixel(2, 4).0, rgb.get_pixel(12, 4).0),
            ([0; 3], [255; 3])
        );
        assert_eq!(frame.to_rgb(1000).dimensions(), (64, 32));
        let image = RgbImage::from_fn(9, 5, |x, y| image::Rgb([x as u8, y as u8, 7]));
        assert_eq!(FrameBuf::from(image.clone()).to_rgb(9), image);
        // Wide and flat, or nothing at all.
        assert_eq!(
            FrameBuf::from(RgbImage::new(900, 1)).to_rgb(10).dimensions(),
            (10, 1)
        );
        assert_eq!(
            FrameBuf::from(RgbImage::new(0, 0)).to_rgb(10).dimensions(),
            (0, 0)
        );
    }
}
