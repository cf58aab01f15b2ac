//! Pictures from outside, decoded within bounds: JPEG and PNG, turned as their EXIF orientation says.
//!
//! Sizes are checked before anything is decoded, so a small file cannot ask for a lot of memory. A JPEG that is
//! cut short is refused; decoders would fill the rest with grey, and a face could be half of it.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

/// The longest side that is accepted.
pub const MAX_SIDE: u32 = 16_384;
/// The most pixels that are accepted.
pub const MAX_PIXELS: u64 = 50_000_000;
/// The largest file that is read.
pub const MAX_BYTES: u64 = 256 << 20;
/// The most that a decoder may allocate: 16-bit RGBA of [`MAX_PIXELS`].
const MAX_ALLOC: u64 = 8 * MAX_PIXELS + (16 << 20);

/// Why a picture cannot be used. The text is a sentence for whoever gave the picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file cannot be read at all.
    #[error("the file cannot be read ({0}); check its name and permissions")]
    Read(#[source] std::io::Error),
    /// Nothing in it.
    #[error("the file is empty; choose a JPEG or PNG picture")]
    Empty,
    /// Another format, or no picture.
    #[error("this is not a JPEG or PNG picture; save it as one of these")]
    Format,
    /// More pixels than are accepted.
    #[error(
        "the picture is too large ({width}x{height} pixels); scale it to at most 50 million pixels and 16,384 on a side"
    )]
    TooLarge {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// A larger file than is read.
    #[error("the file is too large; a picture has at most 256 MB")]
    FileTooLarge,
    /// The end is missing.
    #[error("the picture is cut short; copy or upload it again")]
    Truncated,
    /// Its inside is wrong.
    #[error("the picture is damaged ({0}); copy or upload it again")]
    Damaged(#[source] ImageError),
}

/// Reads and decodes a picture.
///
/// # Errors
/// See [`PictureError`].
pub fn load(path: &Path) -> Result<RgbImage, PictureError> {
    let file = File::open(path).map_err(PictureError::Read)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(PictureError::Read)?;
    decode(&bytes)
}

/// Decodes a picture.
///
/// # Errors
/// See [`PictureError`]; never [`PictureError::Read`].
pub fn decode(bytes: &[u8]) -> Result<RgbImage, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(PictureError::FileTooLarge);
    }
    let format = image::guess_format(bytes).map_err(|_| PictureError::Format)?;
    if !matches!(format, ImageFormat::Jpeg | ImageFormat::Png) {
        return Err(PictureError::Format);
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| damaged(e, bytes, format))?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(PictureError::TooLarge { width, height });
    }
    if format == ImageFormat::Jpeg && !jpeg_is_whole(bytes) {
        return Err(PictureError::Truncated);
    }
    // An unreadable orientation is no reason to refuse the pixels.
    let orientation = decoder
        .orientation()
        .unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| damaged(e, bytes, format))?;
    picture.apply_orientation(orientation);
    Ok(picture.into_rgb8())
}

/// Tells a picture that ends too early from one that is wrong inside.
fn damaged(error: ImageError, bytes: &[u8], format: ImageFormat) -> PictureError {
    let whole = match format {
        ImageFormat::Png => bytes.windows(4).any(|chunk| chunk == b"IEND"),
        _ => jpeg_is_whole(bytes),
    };
    if whole {
        PictureError::Damaged(error)
    } else {
        PictureError::Truncated
    }
}

/// Whether a JPEG has an end marker behind its first scan. Segments before the scan are skipped by their
/// lengths: one of them may hold a thumbnail with an end marker of its own.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    const END: [u8; 2] = [0xff, 0xd9];
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    loop {
        let marker = match bytes.get(at..at + 2) {
            // Fill bytes may stand before a marker.
            Some([0xff, 0xff]) => {
                at += 1;
                continue;
            }
            Some([0xff, marker]) => *marker,
            _ => return false,
        };
        // Markers without a length.
        if matches!(marker, 0x01 | 0xd0..=0xd8) {
            at += 2;
            continue;
        }
        let Some(&[high, low]) = bytes.get(at + 2..at + 4) else {
            return false;
        };
        at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
        if marker == START_OF_SCAN {
            // Inside a scan 0xff is followed by 0x00 or a restart marker, so this is the end.
            return bytes
                .get(at..)
                .is_some_and(|scan| scan.windows(2).any(|pair| pair == END));
        }
    }
}

#[cfg(test)]
mod tests;
