//! The detector against stored outputs of ONNX Runtime (network) and OpenCV (faces); see `models/convert`.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use image::{RgbImage, imageops};

use super::*;
use crate::Instructions;

const PORTRAIT: &[u8] = include_bytes!("../../tests/data/astronaut.png");
const REFERENCE: &str = include_str!("../../tests/data/reference.json");

/// Every instruction set of this machine, on one and on two threads; and the way for other devices.
fn every_compute() -> impl Iterator<Item = Compute> {
    Instructions::available()
        .flat_map(|i| [1, 2].map(|threads| Compute::new(i, threads).expect("available")))
        .chain([Compute::plain()])
}

fn portrait() -> RgbImage {
    crate::picture::decode(PORTRAIT).expect("a picture")
}

fn reference() -> serde_json::Value {
    serde_json::from_str(REFERENCE).expect("JSON")
}

fn numbers(value: &serde_json::Value) -> Vec<f32> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|v| v.as_f64().expect("a number") as f32)
        .collect()
}

/// Largest difference between the network's output and the stored one, over all levels.
fn largest_difference(frame: &RgbImage, label: &str, compute: &Compute) -> f32 {
    let stored = include_bytes!("../../tests/data/yunet.safetensors");
    let stored: HashMap<String, Tensor> =
        candle_core::safetensors::load_buffer(stored, &Device::Cpu).expect("tensors");
    let detector = Detector::with_compute(compute).expect("detector");
    let mut largest = 0.0f32;
    let compare = |maps: [Map<'_>; 3]| {
        for map in maps {
            let cells = map.cells.as_chunks::<16>().0;
            for (head, first, count) in [("cls", 0, 1), ("obj", 1, 1), ("bbox", 2, 4), ("kps", 6, 10)] {
                let expected = stored[&format!("{label}.{head}_{}", map.stride)]
                    .to_vec2::<f32>()
                    .expect("numbers");
                assert_eq!((expected.len(), expected[0].len()), (cells.len(), count));
                for (cell, expected) in cells.iter().zip(expected) {
                    for (&found, expected) in cell[first..].iter().zip(expected) {
                        let found = if count == 1 {
                            1.0 / (1.0 + (-found).exp())
                        } else {
                            found
                        };
                        largest = largest.max((found - expected).abs());
                    }
                }
            }
        }
    };
    let picture = Scaled::new(frame.into(), frame.dimensions(), CELL);
    detector.network.look(&picture, compare).expect("runs");
    largest
}

#[test]
fn the_network_gives_what_onnx_runtime_gives() {
    let portrait = portrait();
    let [x, y, width, height] = numbers(&reference()["part"])[..] else {
        panic!("four numbers")
    };
    let part = imageops::crop_imm(&portrait, x as u32, y as u32, width as u32, height as u32).to_image();
    for (frame, label) in [(&portrait, "whole"), (&part, "part")] {
        for compute in every_compute() {
            let difference = largest_difference(frame, label, &compute);
            assert!(difference <= 1e-3, "{label}, {compute:?}: {difference}");
        }
    }
}

#[test]
fn the_face_is_the_one_that_opencv_finds() {
    let detector = Detector::new().expect("detector");
    let found = detector
        .detect(&portrait(), &DetectOptions::default())
        .expect("detects");
    let expected = reference();
    let expected = expected["faces"].as_array().expect("a list");
    assert_eq!(found.len(), expected.len());
    for (face, expected) in found.iter().zip(expected) {
        let expected = numbers(expected);
        let numbers = face
            .bounds
            .iter()
            .chain(face.landmarks.as_flattened())
            .chain([&face.score]);
        for (found, expected) in numbers.zip(expected) {
            assert!((found - expected).abs() < 0.01, "{face:?}");
        }
    }
}

#[test]
fn several_threads_find_the_same() {
    let one = Detector::new().expect("detector");
    let two = Compute::new(Instructions::best(), 2).and_then(|compute| Detector::with_compute(&compute));
    let two = two.expect("detector");
    let options = DetectOptions::default();
    let (one, two) = (
        one.detect(&portrait(), &options).expect("one"),
        two.detect(&portrait(), &options).expect("two"),
    );
    assert_eq!(one.len(), two.len());
    assert!(
        one.iter()
            .zip(&two)
            .all(|(a, b)| (a.score - b.score).abs() < 1e-4)
    );
}

#[test]
fn a_scaled_down_frame_gives_boxes_in_its_own_pixels() {
    let detector = Detector::new().expect("detector");
    let at = |max_side| {
        let options = DetectOptions {
            max_side,
            ..DetectOptions::default()
        };
        let faces = detector.detect(&portrait(), &options).expect("detects");
        let [face] = faces.as_slice() else {
            panic!("one face, not {faces:?}")
        };
        face.clone()
    };
    let own = at(None);
    // A limit above the frame's size changes nothing: frames are never scaled up.
    assert_eq!(at(Some(4000)), own);
    let smaller = at(Some(120));
    for (a, b) in own
        .landmarks
        .as_flattened()
        .iter()
        .zip(smaller.landmarks.as_flattened())
    {
        assert!((a - b).abs() < 5.0, "{own:?} {smaller:?}");
    }
}

#[test]
fn a_face_too_large_for_the_network_is_found_in_a_smaller_copy() {
    // A face of 90 by 110 pixels, brought to 870 by 1060.
    let frame = imageops::crop_imm(&portrait(), 50, 20, 150, 190).to_image();
    let large = imageops::resize(&frame, 1450, 1837, imageops::FilterType::Triangle);
    let detector = Detector::new().expect("detector");
    let faces = |frame: &RgbImage| {
        detector
            .detect(frame, &DetectOptions::default())
            .expect("detects")
    };
    let (expected, found) = (faces(&frame), faces(&large));
    let ([expected], [found]) = (expected.as_slice(), found.as_slice()) else {
        panic!("{expected:?} {found:?}")
    };
    assert!(found.score > 0.85, "{found:?}");
    for (small, large) in expected
        .landmarks
        .as_flattened()
        .iter()
        .zip(found.landmarks.as_flattened())
    {
        assert!(
            (small * 29.0 / 3.0 - large).abs() < 45.0,
            "{expected:?} {found:?}"
        );
    }
}

#[test]
fn a_face_as_tall_as_a_camera_picture_is_found_in_one_look() {
    // From the hair to the chin: 130 of 140 pixels, brought to 1080; the detector sees 800 × 450.
    let head = imageops::crop_imm(&portrait(), 60, 15, 130, 140).to_image();
    let head = imageops::resize(&head, 1003, 1080, imageops::FilterType::Triangle);
    let mut frame = RgbImage::from_pixel(1920, 1080, image::Rgb([90; 3]));
    imageops::overlay(&mut frame, &head, 400, 0);
    let options = DetectOptions {
        max_side: Some(800),
        ..DetectOptions::default()
    };
    let faces = Detector::new()
        .expect("detector")
        .detect(&frame, &options)
        .expect("detects");
    let [face] = faces.as_slice() else {
        panic!("{faces:?}")
    };
    assert!(face.score > 0.8 && face.bounds[3] > 700.0, "{face:?}");
}

#[test]
fn two_looks_are_put_together() {
    let face = |x: f32, side: f32, score: f32| Face {
        bounds: [x, 0.0, side, side],
        landmarks: [[0.0; 2]; 5],
        score,
    };
    let check = |closer: &[Face], smaller: &[Face], expected: &[f32]| {
        let found = with_large(closer.to_vec(), smaller.to_vec(), 500.0);
        assert_eq!(found.iter().map(|face| face.score).collect::<Vec<_>>(), expected);
    };
    // A part of a large face, a small face beside it that the smaller copy shows too.
    check(
        &[face(300.0, 300.0, 0.6), face(2000.0, 100.0, 0.8)],
        &[face(0.0, 900.0, 0.9), face(2000.0, 100.0, 0.7)],
        &[0.9, 0.8],
    );
    // Above the limit in the closer look, just below it in the other.
    check(&[face(0.0, 510.0, 0.9)], &[face(0.0, 490.0, 0.8)], &[0.9]);
    check(&[face(0.0, 490.0, 0.9)], &[face(0.0, 510.0, 0.8)], &[0.8]);
    // Far above the limit, and not confirmed.
    check(&[face(0.0, 700.0, 0.6)], &[], &[]);
}

#[test]
fn frames_without_a_face_or_without_pixels_give_none() {
    let detector = Detector::new().expect("detector");
    for (width, height) in [(0, 0), (0, 9), (1, 1), (1, 300), (33, 2), (31, 65)] {
        let frame = RgbImage::from_pixel(width, height, image::Rgb([127; 3]));
        for max_side in [None, Some(0), Some(1), Some(16)] {
            let options = DetectOptions {
                max_side,
                ..DetectOptions::default()
            };
            assert_eq!(
                detector.detect(&frame, &options).expect("detects"),
                [],
                "{width}x{height}"
            );
        }
    }
}

#[test]
fn sizes_keep_their_shape() {
    for (size, longest, expected) in [
        ((640, 360), 640, (640, 360)),
        ((1920, 1080), 640, (640, 360)),
        ((1080, 1920), 640, (360, 640)),
        ((5, 4), 640, (5, 4)),
        ((10_000, 1), 640, (640, 1)),
    ] {
        assert_eq!(fit(size.0, size.1, longest), expected);
    }
}

#[test]
fn the_main_face_is_large_and_central() {
    let face = |x: f32, y: f32, side: f32| Face {
        bounds: [x - side / 2.0, y - side / 2.0, side, side],
        landmarks: [[0.0; 2]; 5],
        score: 0.9,
    };
    let frame = RgbImage::new(250, 250);
    assert_eq!(main_face(&[], &frame), None);
    assert_eq!(
        main_face(&[face(30.0, 30.0, 90.0), face(125.0, 125.0, 80.0)], &frame),
        Some(1)
    );
    assert_eq!(
        main_face(&[face(100.0, 125.0, 120.0), face(125.0, 125.0, 40.0)], &frame),
        Some(0)
    );
}

#[test]
fn faces_are_written_as_the_command_line_promises() {
    let face = Face {
        bounds: [1.0, 2.0, 3.0, 4.0],
        landmarks: [[5.0, 6.0]; 5],
        score: 0.5,
    };
    let json = serde_json::to_value(face).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!({"box": [1.0, 2.0, 3.0, 4.0], "landmarks": vec![[5.0, 6.0]; 5], "score": 0.5})
    );
}

#[test]
fn networks_can_be_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Detector>();
    shared::<crate::embed::Embedder>();
}
