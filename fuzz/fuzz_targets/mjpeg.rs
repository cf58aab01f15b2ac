//! A camera's multipart stream, arriving in pieces: what comes out does not depend on how it was cut.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../edge-agent/src/capture/multipart.rs"]
mod multipart;

fn parts(boundary: &str, stream: &[u8], step: usize) -> (Vec<Vec<u8>>, bool) {
    let mut parts = multipart::Parts::new(boundary);
    let mut found = Vec::new();
    for piece in stream.chunks(step) {
        parts.push(piece);
        loop {
            match parts.next() {
                Ok(Some(part)) => found.push(part),
                Ok(None) => break,
                Err(_) => return (found, true),
            }
        }
    }
    (found, false)
}

fuzz_target!(|data: &[u8]| {
    let Some((&step, rest)) = data.split_first() else { return };
    let cut = rest.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let named = multipart::boundary(&String::from_utf8_lossy(&rest[..cut]));
    let boundary = named.unwrap_or_else(|| "frame".into());
    let stream = &rest[cut..];
    let (whole, whole_refused) = parts(&boundary, stream, stream.len().max(1));
    let (cut, cut_refused) = parts(&boundary, stream, usize::from(step).max(1));
    if !whole_refused && !cut_refused {
        assert_eq!(whole, cut);
    }
});
