//! What the aggregator asks of an agent: the payload of the topic `commands`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::CameraId;
use crate::status::CameraMode;

/// A request with an id and an expiry, after which it must not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// UUIDv7; a repeated delivery of the same id is carried out once.
    pub id: Uuid,
    /// After this time the command is void.
    #[serde(with = "crate::time")]
    pub expires_at: DateTime<Utc>,
    /// What is asked.
    #[serde(flatten)]
    pub action: Action,
}

/// What is asked of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Action {
    /// Dial the aggregator's WebSocket and push this camera's live view.
    Live {
        /// Which camera.
        camera: CameraId,
    },
    /// Somebody is enrolled at this camera until the command expires: the live view brings the largest face without a
    /// name, too.
    Enrol {
        /// Which camera.
        camera: CameraId,
    },
    /// A new gallery is there: fetch it now.
    Gallery {
        /// The version to be fetched.
        version: u64,
    },
    /// Read the camera configurations again now.
    Reload,
    /// Use a camera differently.
    Mode {
        /// Which camera.
        camera: CameraId,
        /// How.
        mode: CameraMode,
    },
}

impl Command {
    /// Reads a payload of the topic `commands`.
    ///
    /// # Errors
    /// When it is not JSON of the right shape.
    pub fn parse(payload: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_format_stays() {
        let wire = r#"{"id":"0190b8a0-5b7e-7c3a-9d55-0f8c3c1f6a10","expires_at":"2026-11-22T07:05:39.000Z","command":"live","camera":"cam-1"}"#;
        let command = Command::parse(wire.as_bytes()).expect("valid");
        assert_eq!(
            command.action,
            Action::Live {
                camera: CameraId::new("cam-1").expect("id")
            }
        );
        assert_eq!(serde_json::to_string(&command).expect("serialises"), wire);
        assert!(Command::parse(br#"{"command":"format-disk"}"#).is_err());
    }
}
