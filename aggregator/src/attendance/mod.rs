//! Attendance: what a day's presence comes to under the rules of somebody's schedule.
//!
//! Pure: no input or output, no clock. Moments are milliseconds since the epoch; what is told is in whole seconds.
//! `docs/attendance.md` explains every rule, `docs/attendance-cases.md` has the cases that the tests run.

mod assign;
mod bodies;
mod correction;
mod day;
mod evidence;
mod plan;
mod record;
mod rules;
mod spans;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use hadir_shared::id::{AreaId, CameraId};
use serde::{Deserialize, Serialize};

pub use self::assign::{Clock, Neighbours, assign};
pub use self::bodies::without_bodies;
pub use self::correction::Correction;
pub use self::day::day;
pub use self::evidence::{Evidence, Pattern, SeenSpan};
pub use self::plan::{plan, planned};
pub use self::record::{Record, State};
pub use self::rules::Rules;
pub use self::spans::{Span, union, without};
use crate::presence::Timeline;
use crate::schedule::Exception;

/// By what somebody was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Methods(u8);

impl Methods {
    /// A face was recognised.
    pub const FACE: Methods = Methods(1);
    /// A QR badge was shown to a camera.
    pub const QR: Methods = Methods(2);
    /// A badge was held to a reader.
    pub const RFID: Methods = Methods(4);
    /// HR says so.
    pub const HR: Methods = Methods(8);

    /// From what the store holds.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & 15)
    }

    /// What the store holds.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// By one or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// By their face, at least among others.
    pub fn face(self) -> bool {
        self.0 & Self::FACE.0 != 0
    }

    /// By a badge alone.
    pub fn only_badge(self) -> bool {
        self.0 & (Self::FACE.0 | Self::HR.0) == 0 && self.0 != 0
    }

    /// What they are called.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (Self::FACE, "face"),
            (Self::QR, "qr"),
            (Self::RFID, "rfid"),
            (Self::HR, "hr"),
        ];
        all.into_iter()
            .filter(move |(method, _)| self.0 & method.0 != 0)
            .map(|(_, name)| name)
    }
}

/// Somebody was there from one moment to another, without a gap that is worth one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// When they were first seen.
    pub from: i64,
    /// When they were last seen.
    pub to: i64,
    /// The camera that saw them first.
    pub first_camera: CameraId,
    /// The camera that saw them last.
    pub last_camera: CameraId,
    /// By what they were seen.
    pub methods: Methods,
}

/// A stretch that belongs to a day, and to a shift of it if to any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The stretch, or what of it belongs there.
    pub stretch: Stretch,
    /// The shift, by its position among the day's.
    pub shift: Option<usize>,
}

/// When the cameras watched.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    cameras: HashMap<CameraId, Timeline>,
}

impl Watch {
    /// From the spans in which each camera watched, in any order.
    pub fn new(spans: impl IntoIterator<Item = (CameraId, Vec<Span>)>) -> Self {
        Self {
            cameras: spans
                .into_iter()
                .map(|(camera, spans)| (camera, Timeline::union(spans)))
                .collect(),
        }
    }

    /// When any of these cameras watched, for [`day`].
    pub fn any<'a>(&self, cameras: impl IntoIterator<Item = &'a CameraId>) -> Timeline {
        Timeline::unite(cameras.into_iter().filter_map(|camera| self.cameras.get(camera)))
    }
}

/// What kind of day it is for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// At least one shift begins.
    Workday,
    /// Their schedule has no shift.
    RestDay,
    /// Their shifts are off for a holiday.
    Holiday,
    /// They have no schedule.
    Unplanned,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// They were there.
    Present,
    /// They were there for a part that makes half a day.
    HalfDay,
    /// They were to be there and were not.
    Absent,
    /// They were on leave.
    OnLeave,
    /// They were excused.
    Excused,
    /// They were not to be there and were not.
    #[default]
    NotExpected,
    /// A shift of theirs has not ended, and they were not seen so far.
    Pending,
    /// They were not seen, and for most of the time nobody could have seen them.
    Unknown,
}

impl Status {
    /// Every one.
    pub const ALL: [Status; 8] = [
        Status::Present,
        Status::HalfDay,
        Status::Absent,
        Status::OnLeave,
        Status::Excused,
        Status::NotExpected,
        Status::Pending,
        Status::Unknown,
    ];

    /// As it stands in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Present => "present",
            Status::HalfDay => "half_day",
            Status::Absent => "absent",
            Status::OnLeave => "on_leave",
            Status::Excused => "excused",
            Status::NotExpected => "not_expected",
            Status::Pending => "pending",
            Status::Unknown => "unknown",
        }
    }
}

/// What HR should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// A badge was shown without the owner's face being seen, on a day on which their face was seen otherwise.
    BadgeWithoutFace,
    /// Seen by badge alone: nobody can say what was between the scans.
    BadgeOnly,
    /// Seen by badge alone, and once: when they came or when they left is not known.
    OneScan,
    /// For a part of the planned time nobody could have seen them.
    NotObserved,
    /// There although on leave or excused.
    SeenOnLeave,
    /// There outside of any shift.
    OutsideShift,
}

/// How long of what, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// The shifts without their breaks and without leave.
    pub planned_s: i64,
    /// Of the planned time, what they were there.
    pub worked_s: i64,
    /// Breaks between their first in and last out.
    pub break_s: i64,
    /// Of the planned time between first in and last out, what they were gone.
    pub away_s: i64,
    /// Of the planned time, what was over when they came.
    pub late_s: i64,
    /// Of the planned time, what was left when they went.
    pub early_leave_s: i64,
    /// There outside of shifts.
    pub overtime_s: i64,
    /// Of the planned time, what no camera could have seen.
    pub unobserved_s: i64,
    /// Of the shifts, what they were on leave or excused.
    pub leave_s: i64,
}

impl Figures {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            planned_s: self.planned_s + other.planned_s,
            worked_s: self.worked_s + other.worked_s,
            break_s: self.break_s + other.break_s,
            away_s: self.away_s + other.away_s,
            late_s: self.late_s + other.late_s,
            early_leave_s: self.early_leave_s + other.early_leave_s,
            overtime_s: self.overtime_s + other.overtime_s,
            unobserved_s: self.unobserved_s + other.unobserved_s,
            leave_s: self.leave_s + other.leave_s,
        }
    }
}

/// One shift on one day, as it was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedShift {
    /// What it is called.
    pub name: String,
    /// When it begins.
    pub from: i64,
    /// When it ends.
    pub to: i64,
    /// Its breaks, in order.
    pub breaks: Vec<Span>,
}

/// What was to be on a day. Kept with a final day, so that a change of a schedule changes no past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What kind of day it is.
    pub kind: Kind,
    /// The holiday's name.
    pub holiday: Option<String>,
    /// The shifts that begin, in order.
    pub shifts: Vec<PlannedShift>,
    /// What counts how.
    pub rules: Rules,
    /// Leaves and excuses that touch the day.
    pub exceptions: Vec<Exception>,
    /// A gap counts from so many milliseconds on.
    pub away_after: i64,
    /// The same where areas have a threshold of their own: it holds for whoever was seen there last.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub away_after_by_area: BTreeMap<AreaId, i64>,
    /// Time in which they were known by their body alone does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub faces_only: bool,
}

/// What came of one shift.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftDay {
    /// What it is called.
    pub name: String,
    /// What came of it.
    pub status: Status,
    /// When they came.
    pub first_in: Option<i64>,
    /// When they went.
    pub last_out: Option<i64>,
    /// How long of what; overtime stands with the day.
    pub figures: Figures,
}

/// What came of a day, as it is paid by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What came of it.
    pub status: Status,
    /// When they were first seen.
    pub first_in: Option<i64>,
    /// When they were last seen.
    pub last_out: Option<i64>,
    /// How long of what.
    pub figures: Figures,
}

/// What came of a day, and out of what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// What counts.
    pub outcome: Outcome,
    /// What HR should look at.
    pub flags: BTreeSet<Flag>,
    /// Each shift.
    pub shifts: Vec<ShiftDay>,
    /// When, of the planned time, no camera could have seen them.
    pub unobserved: Vec<Span>,
    /// When they were there, for charts: gaps that do not count are part of it.
    pub there: Vec<Span>,
    /// Seconds away, by the camera that had seen them last.
    pub away_by_camera: BTreeMap<CameraId, i64>,
}

/// What a day is worked out from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Which day.
    pub date: NaiveDate,
    /// What was to be.
    pub plan: &'a Plan,
    /// What was seen, in order.
    pub pieces: &'a [Piece],
    /// When each camera watched.
    pub watch: &'a Watch,
    /// When any camera watched that could see them.
    pub any: &'a Timeline,
    /// Where each camera is.
    pub areas: &'a HashMap<CameraId, AreaId>,
    /// Up to when all is known.
    pub now: i64,
}

impl Plan {
    /// From how many milliseconds on a gap counts after this camera saw somebody last.
    pub fn away_after(&self, camera: &CameraId, areas: &HashMap<CameraId, AreaId>) -> i64 {
        let own = areas.get(camera);
        let own = own.and_then(|area| self.away_after_by_area.get(area));
        own.copied().unwrap_or(self.away_after)
    }
}

impl Facts<'_> {
    fn away_after(&self, camera: &CameraId) -> i64 {
        self.plan.away_after(camera, self.areas)
    }
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;
