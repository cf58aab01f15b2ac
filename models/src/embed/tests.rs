//! The embedder against stored outputs of ONNX Runtime, and alignment against OpenCV's; see `models/convert`.

use super::*;
use crate::Instructions;
use crate::align::align_crop;
use crate::detect::{DetectOptions, Detector};
use crate::matching::cosine;
use crate::picture;

fn aligned() -> RgbImage {
    picture::decode(include_bytes!("../../tests/data/aligned.png")).expect("a picture")
}

fn reference() -> Vec<f32> {
    let json: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/data/reference.json")).expect("JSON");
    json["feature"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|v| v.as_f64().expect("a number") as f32)
        .collect()
}

#[test]
fn the_network_gives_what_onnx_runtime_gives() {
    let expected = Embedding::new(reference()).expect("a direction");
    let computes = Instructions::available().map(|i| Compute::new(i, 1).expect("available"));
    for compute in computes.chain([Compute::plain()]) {
        let embedder = Embedder::with_compute(&compute).expect("embedder");
        let found = embedder.embed(&[aligned()]).expect("embeds");
        let [found] = found.as_slice() else {
            panic!("one embedding")
        };
        let differences = found
            .as_slice()
            .iter()
            .zip(expected.as_slice())
            .map(|(a, b)| (a - b).abs());
        let largest = differences.fold(0.0, f32::max);
        assert!(largest <= 1e-3, "{compute:?}: {largest}");
        assert!(
            cosine(found, &expected) >= 0.9999,
            "{compute:?}: {}",
            cosine(found, &expected)
        );
    }
}

#[test]
fn the_whole_path_gives_what_opencv_gives() {
    let portrait = picture::decode(include_bytes!("../../tests/data/astronaut.png")).expect("a picture");
    let faces = Detector::new()
        .and_then(|d| d.detect(&portrait, &DetectOptions::default()))
        .expect("detects");
    let crop = align_crop(&portrait, &faces[0].landmarks);
    let differences = crop
        .as_raw()
        .iter()
        .zip(aligned().into_raw())
        .map(|(a, b)| a.abs_diff(b) as f64);
    let mean = differences.sum::<f64>() / crop.as_raw().len() as f64;
    assert!(mean < 0.5, "crops differ by {mean} on average");
    let expected = Embedding::new(reference()).expect("a direction");
    let found = Embedder::new().and_then(|e| e.embed(&[crop])).expect("embeds");
    assert!(
        cosine(&found[0], &expected) >= 0.999,
        "{}",
        cosine(&found[0], &expected)
    );
}

#[test]
fn a_batch_gives_what_single_faces_give() {
    let embedder = Compute::new(Instructions::best(), 2).and_then(|compute| Embedder::with_compute(&compute));
    let embedder = embedder.expect("embedder");
    // More than one pass holds, all different.
    let crops: Vec<RgbImage> = (0..BATCH as u8 + 2)
        .map(|i| {
            let mut crop = aligned();
            crop.iter_mut().for_each(|v| *v = v.saturating_add(7 * i));
            crop
        })
        .collect();
    let together = embedder.embed(&crops).expect("embeds");
    assert_eq!(together.len(), crops.len());
    for (crop, found) in crops.iter().zip(&together) {
        let single = embedder.embed(std::slice::from_ref(crop)).expect("embeds");
        let largest = single[0]
            .as_slice()
            .iter()
            .zip(found.as_slice())
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(largest < 1e-5, "{largest}");
    }
    assert!(cosine(&together[0], &together[9]) < 0.9999, "different crops");
}

#[test]
fn nothing_gives_nothing_and_other_sizes_are_errors() {
    let embedder = Embedder::new().expect("embedder");
    assert_eq!(embedder.embed(&[]).expect("embeds"), []);
    for (width, height) in [(0, 0), (1, 1), (112, 111), (224, 224)] {
        let error = embedder
            .embed(&[aligned(), RgbImage::new(width, height)])
            .expect_err("refused");
        assert!(matches!(error, ModelError::CropSize { .. }), "{error}");
    }
    for value in [0, 255] {
        let flat = RgbImage::from_pixel(112, 112, image::Rgb([value; 3]));
        assert_eq!(embedder.embed(&[flat]).expect("embeds").len(), 1);
    }
}

#[test]
fn embeddings_have_unit_length_or_are_none() {
    let mut values = vec![0.0; 128];
    (values[3], values[4]) = (3.0, -4.0);
    let embedding = Embedding::new(values).expect("a direction");
    assert!((embedding.as_slice()[3] - 0.6).abs() < 1e-6 && (embedding.as_slice()[4] + 0.8).abs() < 1e-6);
    for bad in [
        vec![],
        vec![1.0; 127],
        vec![0.0; 128],
        vec![f32::NAN; 128],
        vec![f32::INFINITY; 128],
    ] {
        assert_eq!(Embedding::new(bad), None);
    }
}
