//! What the configuration needs of the agent.

#[allow(dead_code)]
#[path = "../../edge-agent/src/pipeline/mask.rs"]
mod mask;
#[allow(dead_code)]
#[path = "../../edge-agent/src/pipeline/qr.rs"]
mod qr;

pub(crate) use mask::Mask;
pub(crate) use qr::BadgeReading;
