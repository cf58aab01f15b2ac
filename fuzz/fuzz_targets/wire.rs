//! Payloads of MQTT messages and frames of the live view.
#![no_main]

use hadir_shared::command::Command;
use hadir_shared::sighting::{Ack, SightingBatch};
use hadir_shared::status::AgentStatus;
use hadir_shared::{live, topic};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(command) = Command::parse(data) {
        let again = serde_json::to_vec(&command).expect("serialises");
        assert_eq!(Command::parse(&again).expect("is read again"), command);
    }
    let _ = serde_json::from_slice::<Ack>(data);
    let _ = serde_json::from_slice::<SightingBatch>(data);
    let _ = AgentStatus::parse(data);
    let _ = live::decode(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = topic::parse(text);
    }
});
