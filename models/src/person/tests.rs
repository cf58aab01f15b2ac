//! The person detector against stored outputs of ONNX Runtime; see `models/convert`.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use image::imageops;

use super::*;
use crate::frame::Colours;
use crate::levels::Map;
use crate::{FrameBuf, I420Buf, Instructions};

const PORTRAIT: &[u8] = include_bytes!("../../tests/data/astronaut.png");
/// Left, top, width, height of the part that the stored outputs belong to.
const PART: [u32; 4] = [122, 48, 128, 160];

/// Every instruction set of this machine, on one and on two threads.
fn every_compute() -> impl Iterator<Item = Compute> {
    Instructions::available().flat_map(|i| [1, 2].map(|threads| Compute::new(i, threads).expect("available")))
}

fn portrait() -> RgbImage {
    crate::picture::decode(PORTRAIT).expect("a picture")
}

#[test]
fn the_network_gives_what_onnx_runtime_gives() {
    let [x, y, width, height] = PART;
    let part = imageops::crop_imm(&portrait(), x, y, width, height).to_image();
    let stored = include_bytes!("../../tests/data/nanodet.safetensors");
    let stored: HashMap<String, Tensor> =
        candle_core::safetensors::load_buffer(stored, &Device::Cpu).expect("tensors");
    for compute in every_compute() {
        let detector = PersonDetector::with_compute(&compute).expect("detector");
        let mut largest = 0.0f32;
        let compare = |maps: [Map<'_>; 3]| {
            for map in maps {
                let expected = stored[&format!("stride{}", map.stride)]
                    .to_vec2::<f32>()
                    .expect("numbers");
                let cells = map.cells.as_chunks::<{ network::OUTPUTS }>().0;
                assert_eq!((expected.len(), expected[0].len()), (cells.len(), 45));
                for (cell, expected) in cells.iter().zip(expected) {
                    for (found, expected) in cell.iter().zip(expected) {
                        largest = largest.max((found - expected).abs());
                    }
                }
            }
        };
        let picture = WithoutMean::new(Scaled::new((&part).into(), (width, height), CELL), MEAN);
        detector.network.look(&picture, compare).expect("runs");
        assert!(largest <= 1e-3, "{compute:?}: {largest}");
    }
}

#[test]
fn a_person_is_found_in_pixels_of_the_frame() {
    let detector = PersonDetector::with_compute(&Compute::default()).expect("detector");
    let mut frame = RgbImage::from_pixel(750, 460, image::Rgb([120; 3]));
    imageops::overlay(&mut frame, &portrait(), 400, 230);
    for max_side in [750, 352] {
        let found = detector.detect(&frame, max_side, 0.4).expect("detects");
        let [body] = found.as_slice() else {
            panic!("one body, not {found:?}")
        };
        let [x, y, width, height] = body.bounds;
        assert!(
            (380.0..500.0).contains(&x) && (220.0..280.0).contains(&y),
            "{body:?}"
        );
        assert!(
            (550.0..660.0).contains(&(x + width)) && (430.0..480.0).contains(&(y + height)),
            "{body:?}"
        );
    }
}

#[test]
fn a_closer_look_finds_who_is_small_or_at_the_border() {
    let detector = PersonDetector::with_compute(&Compute::default()).expect("detector");
    for (side, at) in [(60, [300, 150]), (460, [1200, 600]), (90, [0, 410])] {
        let frame_size = if side > 400 { (1920, 1080) } else { (640, 480) };
        let mut frame = RgbImage::from_pixel(frame_size.0, frame_size.1, image::Rgb([120; 3]));
        let small = imageops::resize(&portrait(), side, side, imageops::FilterType::Triangle);
        imageops::overlay(&mut frame, &small, at[0], at[1]);
        let [x, y] = at.map(|length| length as f32);
        let expected = [x + 0.05 * side as f32, y, 0.9 * side as f32, side as f32];
        let found = detector.detect_around(&frame, expected, 0.4).expect("detects");
        let [left, top, width, height] = found.first().expect("a body").bounds;
        let near = |a: f32, b: f32| (a - b).abs() < 0.35 * side as f32;
        assert!(
            near(left, expected[0]) && near(top, y) && near(width, expected[2]) && near(height, side as f32),
            "{found:?} is not {expected:?}"
        );
    }
    for bounds in [
        [f32::NAN; 4],
        [0.0; 4],
        [1e9, 1e9, 50.0, 50.0],
        [1e4, 1e4, 300.0, 300.0],
        [-1e9, 0.0, 600.0, 600.0],
    ] {
        let frame = RgbImage::from_pixel(320, 180, image::Rgb([127; 3]));
        assert_eq!(detector.detect_around(&frame, bounds, 0.4).expect("detects"), []);
        let data = vec![128; I420Buf::bytes((320, 180)).expect("small")];
        let yuv = FrameBuf::I420(I420Buf::new((320, 180), data, Colours::Bt709).expect("fits"));
        assert_eq!(detector.detect_around(&yuv, bounds, 0.4).expect("detects"), []);
    }
}

#[test]
fn frames_without_a_person_or_without_pixels_give_none() {
    let detector = PersonDetector::with_compute(&Compute::default()).expect("detector");
    for (width, height) in [(0, 0), (0, 9), (1, 1), (1, 300), (33, 2), (31, 65), (320, 180)] {
        let frame = RgbImage::from_pixel(width, height, image::Rgb([127; 3]));
        for max_side in [0, 1, 16, u32::MAX] {
            let found = detector.detect(&frame, max_side, 0.4).expect("detects");
            assert_eq!(found, [], "{width}x{height}");
        }
    }
}
