//! Pictures as they come from outside: whole, cut short, damaged, enormous, turned.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, Rgb};

use super::*;

/// Left half dark, right half bright.
fn halves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| {
        Rgb([if x < width / 2 { 20 } else { 230 }; 3])
    })
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90)
        .encode_image(picture)
        .expect("encodes");
    bytes
}

fn png(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (width, height) = picture.dimensions();
    PngEncoder::new(&mut bytes)
        .write_image(picture, width, height, ExtendedColorType::Rgb8)
        .expect("encodes");
    bytes
}

/// A segment APP1 as cameras write it, behind the start of a JPEG.
fn with_exif(jpeg: &[u8], orientation: u8, thumbnail: &[u8]) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    exif.extend(thumbnail);
    let len = u16::try_from(exif.len() + 2).expect("short").to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &len, &exif, &jpeg[2..]].concat()
}

#[test]
fn jpeg_and_png_are_read() {
    let picture = halves(40, 30);
    assert_eq!(decode(&png(&picture)).expect("reads"), picture);
    let found = decode(&jpeg(&picture)).expect("reads");
    assert_eq!(found.dimensions(), (40, 30));
    assert!(found.get_pixel(2, 2)[0] < 40 && found.get_pixel(37, 2)[0] > 210);
}

#[test]
fn pictures_are_turned_as_their_camera_says() {
    // 6: the camera was held so that the picture has to be turned clockwise.
    let found = decode(&with_exif(&jpeg(&halves(40, 30)), 6, &[])).expect("reads");
    assert_eq!(found.dimensions(), (30, 40));
    assert!(found.get_pixel(15, 2)[0] < 40 && found.get_pixel(15, 37)[0] > 210);
    let found = decode(&with_exif(&jpeg(&halves(40, 30)), 3, &[])).expect("reads");
    assert!(found.get_pixel(2, 15)[0] > 210 && found.get_pixel(37, 15)[0] < 40);
    // An orientation that means nothing is none.
    assert_eq!(
        decode(&with_exif(&jpeg(&halves(40, 30)), 77, &[]))
            .expect("reads")
            .dimensions(),
        (40, 30)
    );
}

#[test]
fn every_picture_that_is_cut_short_is_refused() {
    let picture = RgbImage::from_fn(60, 50, |x, y| Rgb([(x * y) as u8, (3 * x) as u8, (5 * y) as u8]));
    // The thumbnail inside has an end marker of its own.
    let whole = with_exif(&jpeg(&picture), 1, &jpeg(&halves(8, 8)));
    assert!(decode(&whole).is_ok());
    for cut in 1..whole.len() {
        let error = decode(&whole[..cut]).expect_err("refused");
        assert!(
            matches!(error, PictureError::Truncated | PictureError::Format),
            "{cut}: {error}"
        );
    }
    let whole = png(&picture);
    for cut in 1..whole.len() - 12 {
        let error = decode(&whole[..cut]).expect_err("refused");
        assert!(
            matches!(error, PictureError::Truncated | PictureError::Format),
            "{cut}: {error}"
        );
    }
}

#[test]
fn what_is_no_picture_is_refused_with_a_sentence() {
    for (bytes, expected) in [
        (&b""[..], "the file is empty; choose a JPEG or PNG picture"),
        (
            b"<html>",
            "this is not a JPEG or PNG picture; save it as one of these",
        ),
        (
            b"GIF89a\x01\0\x01\0",
            "this is not a JPEG or PNG picture; save it as one of these",
        ),
        (
            &[0xff, 0xd8, 0xff],
            "the picture is cut short; copy or upload it again",
        ),
    ] {
        assert_eq!(decode(bytes).expect_err("refused").to_string(), expected);
    }
    let missing = load(Path::new("/no/such/picture.jpg")).expect_err("refused");
    assert!(matches!(missing, PictureError::Read(_)), "{missing}");
    assert!(load(Path::new("/")).is_err());
}

#[test]
fn damaged_pictures_never_panic() {
    let picture = RgbImage::from_fn(40, 30, |x, y| Rgb([(x * y) as u8, x as u8, y as u8]));
    for whole in [jpeg(&picture), png(&picture)] {
        for i in 0..whole.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[i] ^= change;
                if let Err(error) = decode(&bytes) {
                    assert!(error.to_string().contains(';'), "{error}");
                }
            }
        }
    }
}

#[test]
fn enormous_pictures_are_refused_before_they_are_decoded() {
    // Headers alone: what follows would never fit.
    for (width, height) in [(20_000u32, 20_000u32), (20_000, 10), (10, 20_000), (8_000, 8_000)] {
        let mut bytes = png(&RgbImage::new(1, 1));
        bytes[16..20].copy_from_slice(&width.to_be_bytes());
        bytes[20..24].copy_from_slice(&height.to_be_bytes());
        let crc = crc32(&bytes[12..29]).to_be_bytes();
        bytes[29..33].copy_from_slice(&crc);
        check_too_large(&bytes, width, height);

        let mut bytes = jpeg(&RgbImage::new(8, 8));
        let frame = bytes
            .windows(2)
            .position(|pair| pair == [0xff, 0xc0])
            .expect("a frame header");
        bytes[frame + 5..frame + 7].copy_from_slice(&(height as u16).to_be_bytes());
        bytes[frame + 7..frame + 9].copy_from_slice(&(width as u16).to_be_bytes());
        check_too_large(&bytes, width, height);
    }
}

fn check_too_large(bytes: &[u8], width: u32, height: u32) {
    let error = decode(bytes).expect_err("refused");
    assert!(
        matches!(error, PictureError::TooLarge { width: w, height: h } if (w, h) == (width, height)),
        "{error}"
    );
}

/// The checksum of a PNG chunk.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1))
        })
    })
}
