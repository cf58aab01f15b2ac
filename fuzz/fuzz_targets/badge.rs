//! Pictures as a camera might see them, searched for badges.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../edge-agent/src/pipeline/qr.rs"]
mod qr;

fuzz_target!(|data: &[u8]| {
    let Some((&width, pixels)) = data.split_first() else { return };
    let width = usize::from(width).max(1);
    let height = pixels.len() / width;
    // Each pixel drawn large, so that finder patterns can come into being.
    let scale = 3;
    let codes = qr::read((width * scale, height * scale), |x, y| pixels[y / scale * width + x / scale]);
    assert!(codes.iter().all(|(code, _)| !code.is_empty() && code.len() <= 64));
});
