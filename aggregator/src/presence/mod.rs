//! Who is available, off, absent or unknown: the rules.
//!
//! Pure: no input or output, no clock; facts and `now` come in, decisions go out. The facts are three: when
//! each employee was last seen and last known by face, when each camera was watching, and when each employee has to be there
//! ([`crate::schedule`]). Everything else follows from them, so that a restart, or another order of the same
//! sightings, gives the same states.
//!
//! *Watched time* is what counts towards absence: the time in which the camera that saw the employee last was
//! watching. While it is not, they may be where they were, and the timers stand still: no other camera could tell.
//! Whoever goes elsewhere is seen there. A badge reader follows nobody: whoever is known by scans alone is unknown soon
//! after each, never absent.

mod engine;
mod rules;
mod timeline;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

pub use self::engine::{
    CameraLog, Cause, Consequence, Decision, Engine, MEMORY, Observed, PersonFacts, Place, PlaceNow, Rules,
    Seen, Terms, Watch,
};
pub use self::timeline::Timeline;

/// What the rules say of an employee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Detected.
    Available,
    /// Not detected for longer than the notice threshold.
    Off,
    /// Not detected for longer than the absence threshold.
    Absent,
    /// Not seen in this shift yet, or nobody could have seen them.
    Unknown,
    /// Off shift, on a break, on leave or excused.
    Exempt,
}

impl State {
    /// Every state.
    pub const ALL: [State; 5] = [
        State::Available,
        State::Off,
        State::Absent,
        State::Unknown,
        State::Exempt,
    ];

    /// As it stands in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Available => "available",
            State::Off => "off",
            State::Absent => "absent",
            State::Unknown => "unknown",
            State::Exempt => "exempt",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Where it stands in a list that begins with the most urgent.
    pub fn urgency(self) -> u8 {
        match self {
            State::Absent => 0,
            State::Off => 1,
            State::Unknown => 2,
            State::Available => 3,
            State::Exempt => 4,
        }
    }
}

/// After how long without detection somebody is off, and absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// 45 s by default.
    pub off_after: TimeDelta,
    /// 5 min by default.
    pub absent_after: TimeDelta,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            off_after: TimeDelta::seconds(45),
            absent_after: TimeDelta::seconds(300),
        }
    }
}

#[cfg(test)]
mod tests;
