//! The live view's frames: a picture, and what is on it as data.
//!
//! One binary WebSocket message is a big-endian `u32` length, that many bytes of JSON ([`Frame`]), and a
//! JPEG. The agent pushes them; the aggregator passes them on to each viewer, with the names that this
//! viewer may see filled in. Faces without an identity are pixelated in the JPEG before it leaves the agent.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{CameraId, EmployeeId};
use crate::sighting::Basis;

/// The largest message that either side takes.
pub const MAX_MESSAGE: usize = 4 << 20;

/// What is on one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Which camera.
    pub camera: CameraId,
    /// When the frame was taken.
    #[serde(with = "crate::time")]
    pub at: DateTime<Utc>,
    /// Width of the picture that the boxes refer to, in pixels.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// Frames recognised per second.
    pub fps: f32,
    /// One box for each living track.
    pub tracks: Vec<TrackBox>,
    /// While somebody is enrolled at this camera: the largest face without a name, as a JPEG (base64). The aggregator
    /// hands it to whoever enrols them and to nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face: Option<String>,
}

/// A track as it stands on a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackBox {
    /// The track's id.
    pub track: u64,
    /// `[x, y, width, height]` in pixels of the picture, from its upper left corner.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
    /// What the box is around: their face, or their body where the face is not seen; left out for `face`.
    #[serde(default, skip_serializing_if = "Basis::is_face")]
    pub basis: Basis,
    /// Who it is, if the track has an identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee: Option<EmployeeId>,
    /// Their name: filled in by the aggregator, for viewers who may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How sure the identity is, 0 to 1; 0 without one.
    pub confidence: f32,
}

/// Why a message is no live frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFrame {
    /// Shorter than it says it is.
    #[error("a live frame was cut short")]
    Short,
    /// The JSON part cannot be read.
    #[error("a live frame's header cannot be read: {0}")]
    Header(String),
    /// What follows the header is no JPEG.
    #[error("a live frame holds no JPEG")]
    Picture,
}

/// Puts header and JPEG into one message.
pub fn encode(frame: &Frame, jpeg: &[u8]) -> Vec<u8> {
    let header = serde_json::to_vec(frame).expect("a frame holds nothing that JSON refuses");
    let length = u32::try_from(header.len()).expect("a header is far below 4 GiB");
    [&length.to_be_bytes(), header.as_slice(), jpeg].concat()
}

/// Takes a message apart into header and JPEG.
///
/// # Errors
/// See [`InvalidFrame`].
pub fn decode(message: &[u8]) -> Result<(Frame, &[u8]), InvalidFrame> {
    let (length, rest) = message.split_first_chunk::<4>().ok_or(InvalidFrame::Short)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| InvalidFrame::Short)?;
    let (header, jpeg) = rest.split_at_checked(length).ok_or(InvalidFrame::Short)?;
    let frame = serde_json::from_slice(header).map_err(|e| InvalidFrame::Header(e.to_string()))?;
    // Every JPEG begins with a start-of-image marker.
    if !jpeg.starts_with(&[0xff, 0xd8]) {
        return Err(InvalidFrame::Picture);
    }
    Ok((frame, jpeg))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame() -> Frame {
        Frame {
            camera: CameraId::new("cam-1").expect("id"),
            at: crate::time::parse("2026-11-22T07:05:09.120Z").expect("time"),
            width: 640,
            height: 360,
            fps: 9.5,
            tracks: vec![TrackBox {
                track: 4,
                bounds: [10.0, 20.0, 64.0, 80.0],
                basis: Basis::Face,
                employee: None,
                name: None,
                confidence: 0.0,
            }],
            face: None,
        }
    }

    #[test]
    fn comes_back() {
        let jpeg = [0xff, 0xd8, 1, 2, 3];
        let message = encode(&frame(), &jpeg);
        assert_eq!(decode(&message), Ok((frame(), jpeg.as_slice())));
        assert_eq!(decode(&message[..3]), Err(InvalidFrame::Short));
        assert_eq!(decode(&encode(&frame(), b"GIF89a")), Err(InvalidFrame::Picture));
    }

    proptest! {
        #[test]
        fn no_message_panics(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&message);
        }
    }
}
