//! What an agent says about itself: the retained payload of the topic `status`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{AreaId, CameraId};

/// The last will, which the broker publishes when the agent is gone: `{"online":false}`.
pub const LAST_WILL: &str = r#"{"online":false}"#;

/// What a camera's capture is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameraState {
    /// Frames arrive.
    Streaming,
    /// Connected, but no frame for a while; being restarted.
    Stalled,
    /// Cannot be reached.
    #[default]
    Offline,
    /// Switched off by its configuration or a command.
    Disabled,
}

/// Whether recognition runs on a camera's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inference {
    /// Frames are being recognised.
    Active,
    /// They are not.
    #[default]
    Offline,
}

/// What kind of problem a camera or an agent has, for readers of any language; the sentence beside it says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The camera does not answer, or the connection to it failed.
    Unreachable,
    /// It refuses the user name or the password, or asks for a login that is not known.
    Login,
    /// There is no stream at its address.
    Address,
    /// It refuses, or sends what cannot be used, as it is set up.
    CameraSettings,
    /// It plays, but no picture comes.
    NoPicture,
    /// What it sends cannot be read as pictures.
    Unreadable,
    /// It ended the connection, or the recording has ended; it is tried again.
    Ended,
    /// The USB camera is not there, or does not work.
    UsbCamera,
    /// The recording is missing, or cannot be played.
    Recording,
    /// Something that the agent needs is not installed, or does not start.
    Software,
    /// Sightings cannot be written to the agent's disk.
    Disk,
    /// The cameras' files are not right.
    CameraFiles,
    /// Of an agent that is newer than whoever reads this.
    #[serde(other)]
    Other,
}

impl Cause {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Login => "login",
            Self::Address => "address",
            Self::CameraSettings => "camera_settings",
            Self::NoPicture => "no_picture",
            Self::Unreadable => "unreadable",
            Self::Ended => "ended",
            Self::UsbCamera => "usb_camera",
            Self::Recording => "recording",
            Self::Software => "software",
            Self::Disk => "disk",
            Self::CameraFiles => "camera_files",
            Self::Other => "other",
        }
    }
}

/// What a camera is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameraMode {
    /// Faces are identified.
    #[default]
    Recognise,
    /// People are counted, nobody is identified.
    Count,
    /// Nothing is captured.
    Off,
}

impl CameraMode {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recognise => "recognise",
            Self::Count => "count",
            Self::Off => "off",
        }
    }
}

/// One camera of an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CameraStatus {
    /// The camera's id.
    pub id: CameraId,
    /// Its number on the dashboard ("CAM 1"), if its configuration names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// What it is called, for people.
    pub label: String,
    /// The area that it watches.
    pub area: AreaId,
    /// What it is used for.
    #[serde(default)]
    pub mode: CameraMode,
    /// What capture is doing.
    pub state: CameraState,
    /// Whether recognition runs.
    pub inference: Inference,
    /// Frames recognised per second, over the last seconds.
    pub fps: f32,
    /// Time of the newest frame.
    #[serde(default, with = "crate::time::option")]
    pub last_frame: Option<DateTime<Utc>>,
    /// How many people were in the picture for most of the last minute, named or not; `None` when nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<u32>,
    /// What kind of problem that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Why it is not streaming, in an English sentence for the technician, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What was counted since the camera began.
    #[serde(default)]
    pub counts: CameraCounts,
    /// What the last check of its mounting found, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
}

/// What a check of a camera's mounting found (`hadir-agent camera check`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// When it was checked.
    #[serde(with = "crate::time")]
    pub at: DateTime<Utc>,
    /// Pixels between the eyes at 3 m; where neither lens nor distance is known, where people stood; `None`: too few
    /// faces were seen.
    pub eyes: Option<f32>,
    /// What has to be changed: `faces` (too few were seen), `size`, `sharpness`, `light`, `angle`; empty: nothing.
    pub wrong: Vec<String>,
}

/// Counted on a camera since it began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CameraCounts {
    /// Frames that were captured.
    pub frames: u64,
    /// Frames that were skipped because recognition was busy.
    pub skipped: u64,
    /// Tracks that ended without a name: all that an unknown face leaves behind.
    pub unknown_tracks: u64,
    /// Faces that were not used and tracks that got no name, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// For some of these the last figure behind them.
    pub measured: BTreeMap<String, Measured>,
}

/// The figure for which a face was not used, or a track got no name, and the limit that it missed. `too_small`: pixels
/// between the eyes; `turned_away`: degrees; `blurred`: variance of the Laplacian; `hardly_a_face`: the detector's
/// score; `not_in_gallery`, `thin_margin`: mean cosine to the nearest person, and what it is above the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The figure.
    pub last: f32,
    /// What it would have to reach; for `turned_away` what it may not exceed.
    pub limit: f32,
}

/// The payload of the topic `status`. The last will is the default value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentStatus {
    /// False only in the last will and in the farewell of an orderly stop.
    pub online: bool,
    /// The agent's version.
    pub version: String,
    /// The embedding model's id.
    pub model: String,
    /// The gallery that the agent matches against; 0 when it has none.
    pub gallery_version: u64,
    /// Sightings not yet acknowledged.
    pub outbox_depth: u64,
    /// Sightings that had to be dropped because the outbox was full, since the agent was installed.
    pub outbox_dropped: u64,
    /// The device's clock minus the aggregator's, in milliseconds, if it is known.
    pub clock_offset_ms: Option<i64>,
    /// What kind of problem `problem` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What is wrong with the agent's own files, in an English sentence for the technician, if they could not be
    /// written or taken up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Every camera of the agent.
    pub cameras: Vec<CameraStatus>,
}

impl AgentStatus {
    /// Reads a payload of the topic `status`.
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
    fn the_last_will_is_the_default_status() {
        assert_eq!(
            AgentStatus::parse(LAST_WILL.as_bytes()).expect("valid"),
            AgentStatus::default()
        );
    }

    #[test]
    fn a_cause_of_a_newer_agent_is_no_reason_to_refuse_its_status() {
        let cause = |text: &str| AgentStatus::parse(text.as_bytes()).expect("valid").cause;
        assert_eq!(
            cause(r#"{"online":true,"cause":"camera_files"}"#),
            Some(Cause::CameraFiles)
        );
        assert_eq!(
            cause(r#"{"online":true,"cause":"moonshine"}"#),
            Some(Cause::Other)
        );
        assert_eq!(cause(r#"{"online":true}"#), None);
    }

    #[test]
    fn causes_are_written_as_they_are_sent() {
        let written = [
            Cause::Unreachable,
            Cause::Login,
            Cause::Address,
            Cause::CameraSettings,
            Cause::NoPicture,
            Cause::Unreadable,
            Cause::Ended,
            Cause::UsbCamera,
            Cause::Recording,
            Cause::Software,
            Cause::Disk,
            Cause::CameraFiles,
            Cause::Other,
        ];
        for cause in written {
            assert_eq!(serde_json::to_value(cause).expect("JSON"), cause.as_str());
        }
    }
}
