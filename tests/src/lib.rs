//! End to end: what the demo and the tests over the whole system are made of.
//!
//! The recordings, the WhatsApp simulator, and a harness that starts the real binaries.

pub mod chaos;
mod dice;
pub mod harness;
pub mod month;
pub mod presence;
pub mod recordings;
pub mod reports;
pub mod simulator;
