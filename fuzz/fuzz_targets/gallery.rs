//! A sealed gallery as it comes over the network, and what is inside the seal.
#![no_main]

use hadir_shared::gallery::{self, Gallery};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let key = [7; 32];
    assert!(gallery::open(data, "cikarang.gate-1", &key).is_err(), "nobody can forge a seal");
    if let Ok(gallery) = serde_json::from_slice::<Gallery>(data) {
        let sealed = gallery::seal(&gallery, "cikarang.gate-1", &key).expect("seals");
        assert_eq!(gallery::open(&sealed, "cikarang.gate-1", &key), Ok(gallery));
    }
});
