//! The sighting: the only thing that leaves an agent about a person.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{CameraId, EmployeeId};

/// The most sightings in one MQTT message.
pub const MAX_BATCH: usize = 500;

/// The most seconds between two `continued` sightings of one track.
pub const CONTINUED_EVERY_S: u32 = 10;

/// Where a sighting stands in the life of a track's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The track got its name.
    Began,
    /// The identity still lives; sent at most every [`CONTINUED_EVERY_S`] seconds.
    Continued,
    /// The track ended or lost its name.
    Ended,
}

/// How the employee was identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By face.
    Face,
    /// By a QR badge held before the camera.
    Qr,
    /// By an RFID badge reader.
    Rfid,
}

/// On what it rests that somebody was there at [`Sighting::last_at`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// On what identified them: their face, or their badge.
    #[default]
    Face,
    /// On their body, followed since the face was last seen.
    Body,
}

impl Basis {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Face => "face",
            Self::Body => "body",
        }
    }

    /// From what [`Self::as_str`] gives.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Face, Self::Body]
            .into_iter()
            .find(|basis| basis.as_str() == text)
    }

    pub(crate) fn is_face(&self) -> bool {
        *self == Self::Face
    }
}

/// One employee seen at one camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// UUIDv7, made by the agent; the key by which a repeated delivery is recognised.
    pub id: Uuid,
    /// Position in the agent's outbox: starts at 1, has no gaps.
    pub seq: u64,
    /// Began, continued or ended.
    pub phase: Phase,
    /// Who was seen.
    pub employee: EmployeeId,
    /// By which camera.
    pub camera: CameraId,
    /// How they were identified.
    pub method: Method,
    /// The track's id at that camera. Never reused while the agent runs.
    pub track: u64,
    /// When the track's identity began: the time of the frame, not of the sending.
    #[serde(with = "crate::time")]
    pub first_at: DateTime<Utc>,
    /// When the person was last matched in a frame, by face or by body.
    #[serde(with = "crate::time")]
    pub last_at: DateTime<Utc>,
    /// What `last_at` rests on; left out for `face`.
    #[serde(default, skip_serializing_if = "Basis::is_face")]
    pub basis: Basis,
    /// When a face or a badge last confirmed who it is; left out where that is `last_at`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::time::option"
    )]
    pub verified_at: Option<DateTime<Utc>>,
    /// How sure the identity is, 0 to 1.
    pub confidence: f32,
    /// The embedding model's id, as in [`crate::gallery::Gallery::model`]; empty for badges.
    pub model: String,
}

/// The payload of the topic `sightings`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SightingBatch {
    /// In order of `seq`; at most [`MAX_BATCH`].
    pub sightings: Vec<Sighting>,
}

/// The payload of the topic `acks`: everything up to this `seq` is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The agent may forget its sightings up to and including this one.
    pub stored_through: u64,
}

/// Why a batch was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBatch {
    /// Not the JSON of a batch.
    #[error("not a batch of sightings: {0}")]
    Json(String),
    /// More than [`MAX_BATCH`].
    #[error("{0} sightings in one batch; at most 500 are taken")]
    TooMany(usize),
}

impl SightingBatch {
    /// Reads and checks a payload of the topic `sightings`.
    ///
    /// # Errors
    /// When the payload is not JSON of the right shape or holds too many sightings.
    pub fn parse(payload: &[u8]) -> Result<Self, InvalidBatch> {
        let batch: Self = serde_json::from_slice(payload).map_err(|e| InvalidBatch::Json(e.to_string()))?;
        if batch.sightings.len() > MAX_BATCH {
            return Err(InvalidBatch::TooMany(batch.sightings.len()));
        }
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRE: &str = r#"{"sightings":[{"id":"0190b8a0-5b7e-7c3a-9d55-0f8c3c1f6a10","seq":7,"phase":"began",
        "employee":"EMP001","camera":"cam-1","method":"face","track":12,
        "first_at":"2026-11-22T07:05:09.120Z","last_at":"2026-11-22T07:05:11.000Z",
        "confidence":0.93,"model":"sface-2021dec"}]}"#;

    #[test]
    fn the_wire_format_stays() {
        let batch = SightingBatch::parse(WIRE.as_bytes()).expect("valid");
        let again: serde_json::Value = serde_json::to_value(&batch).expect("serialises");
        let mut wire: serde_json::Value = serde_json::from_str(WIRE).expect("JSON");
        // f32 0.93 is not f64 0.93.
        wire["sightings"][0]["confidence"] = again["sightings"][0]["confidence"].clone();
        assert_eq!(again, wire);
    }

    #[test]
    fn a_body_that_is_followed_says_so() {
        let wire = WIRE.replace(
            r#""confidence":0.93"#,
            r#""basis":"body","verified_at":"2026-11-22T07:05:01.500Z","confidence":0.93"#,
        );
        let sighting = SightingBatch::parse(wire.as_bytes())
            .expect("valid")
            .sightings
            .remove(0);
        assert_eq!(sighting.basis, Basis::Body);
        assert_eq!(
            sighting.verified_at,
            Some(crate::time::parse("2026-11-22T07:05:01.500Z").expect("a time"))
        );
        let again = serde_json::to_value(&sighting).expect("serialises");
        assert_eq!(again["basis"], "body");
        assert_eq!(again["verified_at"], "2026-11-22T07:05:01.500Z");
    }

    #[test]
    fn refuses_other_shapes() {
        assert!(matches!(SightingBatch::parse(b"{}"), Err(InvalidBatch::Json(_))));
        assert!(matches!(
            SightingBatch::parse(b"\xff"),
            Err(InvalidBatch::Json(_))
        ));
        let one = SightingBatch::parse(WIRE.as_bytes())
            .expect("valid")
            .sightings
            .remove(0);
        let many = SightingBatch {
            sightings: vec![one; MAX_BATCH + 1],
        };
        let many = serde_json::to_vec(&many).expect("serialises");
        assert_eq!(
            SightingBatch::parse(&many),
            Err(InvalidBatch::TooMany(MAX_BATCH + 1))
        );
    }
}
