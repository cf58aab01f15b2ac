//! Once everything has been made, nothing large is allocated from frame to frame.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hadir_models::align::align_crop_into;
use hadir_models::detect::{DetectOptions, Detector};
use hadir_models::embed::Embedder;
use hadir_models::{Compute, Instructions, picture, quality};
use image::{RgbImage, imageops};

/// Allocations above this many bytes are counted.
const SMALL: usize = 4096;

static LARGE: AtomicUsize = AtomicUsize::new(0);
/// The counter sees all threads, so the tests run one by one.
static ALONE: Mutex<()> = Mutex::new(());

struct Counting;

#[expect(unsafe_code, reason = "the interface of an allocator")]
// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count(size: usize) {
    if size > SMALL {
        LARGE.fetch_add(1, Ordering::Relaxed);
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations above [`SMALL`] bytes while `work` runs.
fn large(work: impl FnOnce()) -> usize {
    let before = LARGE.load(Ordering::Relaxed);
    work();
    LARGE.load(Ordering::Relaxed) - before
}

/// Portraits side by side on a frame of this size.
fn frame(width: u32, height: u32, faces: u32) -> RgbImage {
    let portrait = picture::decode(include_bytes!("data/astronaut.png")).expect("a picture");
    let side = (width / faces).min(height);
    let portrait = imageops::resize(&portrait, side, side, imageops::FilterType::Triangle);
    let mut frame = RgbImage::new(width, height);
    for i in 0..faces {
        imageops::overlay(&mut frame, &portrait, i64::from(i * side), 0);
    }
    frame
}

#[test]
fn a_frame_is_looked_at_without_large_allocations() {
    let _alone = ALONE.lock();
    for threads in [1, 2] {
        let compute = Compute::new(Instructions::best(), threads).expect("available");
        let detector = Detector::with_compute(&compute).expect("detector");
        let embedder = Embedder::with_compute(&compute).expect("embedder");
        // A frame as it is, one that is scaled down for the network, one that is looked at a second time.
        let frames = [
            (frame(640, 360, 3), Some(640)),
            (frame(1280, 720, 3), Some(640)),
            (frame(1000, 600, 2), None),
        ];
        let mut crops = [RgbImage::default(), RgbImage::default(), RgbImage::default()];
        let mut look = || {
            for (frame, max_side) in &frames {
                let options = DetectOptions {
                    max_side: *max_side,
                    ..DetectOptions::default()
                };
                let faces = detector.detect(frame, &options).expect("detects");
                assert!(faces.len() >= 2, "{faces:?}");
                let count = faces.len().min(crops.len());
                for (face, crop) in faces.iter().zip(&mut crops) {
                    align_crop_into(frame, &face.landmarks, crop);
                    assert!(quality::assess(crop, face).score > 0.0);
                }
                assert_eq!(embedder.embed(&crops[..count]).expect("embeds").len(), count);
            }
        };
        assert!(large(&mut look) > 0, "the counter counts");
        // Every thread's own memory is there once each has had its share.
        for _ in 0..4 {
            look();
        }
        assert_eq!(large(|| (0..6).for_each(|_| look())), 0, "{threads} threads");
    }
}
