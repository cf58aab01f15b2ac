//! What the edge agents and the aggregator must agree on, and nothing else.
//!
//! Ids, the sighting, MQTT topics and payloads, the sealed gallery, the live view's frames and the clock.
//! Both sides depend on this crate; it depends on neither. No input or output happens here.

pub mod clock;
pub mod command;
pub mod gallery;
pub mod id;
pub mod live;
pub mod secret;
pub mod sighting;
pub mod status;
pub mod time;
pub mod topic;
