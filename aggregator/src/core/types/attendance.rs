//! Attendance as the API tells it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use hadir_shared::id::{AreaId, CameraId, EmployeeId};
use serde::{Deserialize, Serialize};

use crate::attendance::{Correction, Figures, Flag, Kind, Outcome, Rules, State, Status};

/// Whose attendance, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttendanceQuery {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Whose.
    pub of: Of,
}

/// Whose attendance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// Everybody's whom the viewer sees.
    Everybody,
    /// Of those directly below a superior.
    Team(EmployeeId),
    /// Of a superior's team and all teams below it, the superior left out.
    Below(EmployeeId),
    /// One employee's.
    Employee(EmployeeId),
}

/// One employee's day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttendanceRow {
    /// Whose.
    pub employee: EmployeeId,
    /// Which day.
    pub date: NaiveDate,
    /// What kind of day it is for them.
    pub kind: Kind,
    /// The holiday's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holiday: Option<String>,
    /// How far it is settled.
    pub state: State,
    /// What came of it.
    pub status: Status,
    /// When they were first seen.
    #[serde(with = "hadir_shared::time::option")]
    pub first_in: Option<DateTime<Utc>>,
    /// When they were last seen.
    #[serde(with = "hadir_shared::time::option")]
    pub last_out: Option<DateTime<Utc>>,
    /// How long of what.
    #[serde(flatten)]
    pub figures: Figures,
    /// What HR should look at.
    pub flags: Vec<Flag>,
    /// Something else would come of it with what arrived since it is final.
    pub difference: bool,
}

/// How many days of what, and how long of what together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All days.
    pub days: u32,
    /// Days that may still change.
    pub provisional: u32,
    /// Days that HR corrected.
    pub corrected: u32,
    /// Days with a shift.
    pub workdays: u32,
    /// Days on which they were there.
    pub present: u32,
    /// Days that were half a day.
    pub half_day: u32,
    /// Days on which they were to be there and were not.
    pub absent: u32,
    /// Days on leave.
    pub on_leave: u32,
    /// Days excused.
    pub excused: u32,
    /// Days on which nobody could have seen them.
    pub unknown: u32,
    /// Days on which they came late.
    pub late: u32,
    /// Days on which they left early.
    pub early_leave: u32,
    /// How long of what.
    #[serde(flatten)]
    pub figures: Figures,
}

impl Totals {
    /// Counts a day.
    pub fn add(&mut self, row: &AttendanceRow) {
        self.days += 1;
        self.provisional += u32::from(row.state == State::Provisional);
        self.corrected += u32::from(row.state == State::Corrected);
        self.workdays += u32::from(row.kind == Kind::Workday);
        let count = match row.status {
            Status::Present => Some(&mut self.present),
            Status::HalfDay => Some(&mut self.half_day),
            Status::Absent => Some(&mut self.absent),
            Status::OnLeave => Some(&mut self.on_leave),
            Status::Excused => Some(&mut self.excused),
            Status::Unknown => Some(&mut self.unknown),
            Status::NotExpected | Status::Pending => None,
        };
        if let Some(count) = count {
            *count += 1;
        }
        self.late += u32::from(row.figures.late_s > 0);
        self.early_leave += u32::from(row.figures.early_leave_s > 0);
        self.figures = self.figures.plus(row.figures);
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            days: self.days + other.days,
            provisional: self.provisional + other.provisional,
            corrected: self.corrected + other.corrected,
            workdays: self.workdays + other.workdays,
            present: self.present + other.present,
            half_day: self.half_day + other.half_day,
            absent: self.absent + other.absent,
            on_leave: self.on_leave + other.on_leave,
            excused: self.excused + other.excused,
            unknown: self.unknown + other.unknown,
            late: self.late + other.late,
            early_leave: self.early_leave + other.early_leave,
            figures: self.figures.plus(other.figures),
        }
    }
}

/// One employee in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttendancePerson {
    /// Who.
    pub employee: EmployeeId,
    /// Their name.
    pub name: String,
    /// Their superior, if the viewer sees one: whose team they are in.
    pub team: Option<EmployeeId>,
    /// The superior's name.
    pub team_name: Option<String>,
    /// Their days together.
    pub totals: Totals,
}

/// A report: what every format of it is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttendanceReport {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Whose days they are: the zone's name.
    pub timezone: String,
    /// When it was made.
    #[serde(with = "hadir_shared::time")]
    pub made_at: DateTime<Utc>,
    /// Everybody together.
    pub totals: Totals,
    /// Everybody, by team and name.
    pub people: Vec<AttendancePerson>,
    /// Their days, in the order of `people` and of time.
    pub days: Vec<AttendanceRow>,
}

impl AttendanceReport {
    /// Of a report of one day: everybody with that day, by name, but those who were not registered yet.
    pub fn of_one_day(&self) -> Vec<(&AttendancePerson, &AttendanceRow)> {
        let mut days = self.days.iter().peekable();
        let people = self.people.iter();
        let mut all: Vec<_> = people
            .filter_map(|person| Some((person, days.next_if(|day| day.employee == person.employee)?)))
            .collect();
        all.sort_by(|a, b| (&a.0.name, &a.0.employee).cmp(&(&b.0.name, &b.0.employee)));
        all
    }
}

/// `GET /api/attendance/{employee}/{date}`: a day with everything behind it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttendanceDay {
    /// Their name.
    pub name: String,
    /// The day as it stands in reports.
    #[serde(flatten)]
    pub row: AttendanceRow,
    /// The rules that hold for it.
    pub rules: Rules,
    /// Each shift: when it was planned, and what came of it.
    pub shifts: Vec<AttendanceShift>,
    /// When and where they were seen.
    pub seen: Vec<AttendanceSeen>,
    /// When, of the planned time, no camera could have seen them.
    pub unobserved: Vec<TimeSpan>,
    /// Leaves and excuses that touch it.
    pub leaves: Vec<AttendanceLeave>,
    /// What would come of it with what arrived since it is final.
    pub would_be: Option<AttendanceOutcome>,
    /// What HR decided, in order.
    pub decisions: Vec<AttendanceDecision>,
}

/// From one moment to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TimeSpan {
    /// When it begins.
    #[serde(with = "hadir_shared::time")]
    pub from: DateTime<Utc>,
    /// When it ends.
    #[serde(with = "hadir_shared::time")]
    pub to: DateTime<Utc>,
}

/// A shift of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttendanceShift {
    /// What it is called.
    pub name: String,
    /// When it was planned.
    #[serde(flatten)]
    pub planned: TimeSpan,
    /// Its breaks.
    pub breaks: Vec<TimeSpan>,
    /// What came of it.
    #[serde(flatten)]
    pub came: AttendanceOutcome,
}

/// What came of a shift, or would come of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AttendanceOutcome {
    /// What came of it.
    pub status: Status,
    /// When they were first seen.
    #[serde(with = "hadir_shared::time::option")]
    pub first_in: Option<DateTime<Utc>>,
    /// When they were last seen.
    #[serde(with = "hadir_shared::time::option")]
    pub last_out: Option<DateTime<Utc>>,
    /// How long of what.
    #[serde(flatten)]
    pub figures: Figures,
}

/// When and where somebody was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttendanceSeen {
    /// From when to when.
    #[serde(flatten)]
    pub span: TimeSpan,
    /// The camera that saw them first.
    pub first_camera: CameraId,
    /// The camera that saw them last.
    pub last_camera: CameraId,
    /// `face`, `qr`, `rfid`.
    pub methods: Vec<String>,
    /// When, of it, they were known by their body alone, which their face had named before.
    pub by_body: Vec<TimeSpan>,
}

/// A leave or an excuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AttendanceLeave {
    /// `on_leave` or `excused`.
    pub kind: crate::schedule::Exemption,
    /// From when to when.
    #[serde(flatten)]
    pub span: TimeSpan,
}

/// What HR did to a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Said how it was.
    Corrected,
    /// Took that back.
    Withdrawn,
    /// Took a difference over.
    Accepted,
    /// Left the day as it is in spite of a difference.
    Dismissed,
}

impl Decision {
    /// As it stands in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Corrected => "corrected",
            Decision::Withdrawn => "withdrawn",
            Decision::Accepted => "accepted",
            Decision::Dismissed => "dismissed",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        use Decision::{Accepted, Corrected, Dismissed, Withdrawn};
        [Corrected, Withdrawn, Accepted, Dismissed]
            .into_iter()
            .find(|one| one.as_str() == text)
    }
}

/// A decision as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// When.
    pub at: DateTime<Utc>,
    /// The user who made it.
    pub who: String,
    /// Which.
    pub what: Decision,
    /// Why.
    pub reason: String,
    /// What HR said.
    pub correction: Option<Correction>,
    /// What counted until then; `None`: the day was not final.
    pub before: Option<Outcome>,
}

/// A decision as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttendanceDecision {
    /// When.
    #[serde(with = "hadir_shared::time")]
    pub at: DateTime<Utc>,
    /// The user who made it.
    pub who: String,
    /// Which.
    pub what: Decision,
    /// Why.
    pub reason: String,
    /// What HR said.
    pub correction: Option<CorrectionBody>,
    /// What counted until then; `null`: the day was not final.
    pub before: Option<AttendanceOutcome>,
}

/// What HR says of a day: what is left out stays as it was worked out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorrectionBody {
    /// When they came.
    #[serde(with = "hadir_shared::time::option", skip_serializing_if = "Option::is_none")]
    pub first_in: Option<DateTime<Utc>>,
    /// When they went.
    #[serde(with = "hadir_shared::time::option", skip_serializing_if = "Option::is_none")]
    pub last_out: Option<DateTime<Utc>>,
    /// What came of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Seconds that they were there, of the planned time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worked_s: Option<i64>,
    /// Seconds that they were gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away_s: Option<i64>,
    /// Seconds that they came too late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_s: Option<i64>,
    /// Seconds that they went too early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_leave_s: Option<i64>,
    /// Seconds there outside of shifts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overtime_s: Option<i64>,
}

/// Body of `POST /api/attendance/{employee}/{date}`: what HR decides.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    /// What.
    pub what: Decision,
    /// Why, 1 to 200 characters.
    pub reason: String,
    /// How it was; with `corrected` alone.
    #[serde(default)]
    pub correction: Option<CorrectionBody>,
}

/// One row of `GET /api/attendance/differences`: a final day for which something arrived that makes a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferenceRow {
    /// Whose.
    pub employee: EmployeeId,
    /// Their name.
    pub name: String,
    /// Which day.
    pub date: NaiveDate,
    /// What counts.
    pub is: AttendanceOutcome,
    /// What would come of it.
    pub would_be: AttendanceOutcome,
}

/// `GET /api/patterns`: the figures behind charts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Patterns {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// How many people it is about.
    pub people: u32,
    /// Mean minutes of presence of one person: by weekday (Monday first) and by hour of the day.
    pub presence: [[f64; 24]; 7],
    /// By weekday (Monday first).
    pub punctuality: [Punctuality; 7],
    /// Seconds away by area, the most first.
    pub away: Vec<AwayFrom>,
    /// Each day.
    pub days: Vec<PatternDay>,
    /// Each person, by team and name; nobody where they are more than 200.
    pub members: Vec<PatternMember>,
}

/// The pattern of one person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PatternMember {
    /// Who.
    pub employee: EmployeeId,
    /// Their name.
    pub name: String,
    /// Days with planned time.
    pub workdays: u32,
    /// Of these, in time.
    pub in_time: u32,
    /// Late.
    pub late: u32,
    /// Seconds late together.
    pub late_s: i64,
    /// Absent.
    pub absent: u32,
    /// Seconds away together.
    pub away_s: i64,
    /// Mean minutes of presence by hour of the day, of the days on which they were there.
    pub presence: [f64; 24],
}

/// `GET /api/timeline`: days as lines of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timeline {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Days, by team, name and date.
    pub rows: Vec<TimelineRow>,
}

/// One day of one person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimelineRow {
    /// Their name.
    pub name: String,
    /// The day as it stands in reports.
    #[serde(flatten)]
    pub row: AttendanceRow,
    /// Each shift: when it was planned, and what came of it.
    pub shifts: Vec<AttendanceShift>,
    /// When and where they were seen.
    pub seen: Vec<TimelineSeen>,
    /// When, of the planned time, no camera could have seen them.
    pub unobserved: Vec<TimeSpan>,
    /// Leaves and excuses that touch it.
    pub leaves: Vec<AttendanceLeave>,
}

/// When and where somebody was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimelineSeen {
    /// From when to when.
    #[serde(flatten)]
    pub span: TimeSpan,
    /// The camera that saw them last.
    pub camera: CameraId,
    /// Its area.
    pub area: Option<AreaId>,
    /// `face`, `qr`, `rfid`, `hr`.
    pub methods: Vec<String>,
}

/// One row of `GET /api/attendance/{employee}/{date}/sightings`: somebody on one track of a camera.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeenTrack {
    /// From when to when.
    #[serde(flatten)]
    pub span: TimeSpan,
    /// Which camera.
    pub camera: CameraId,
    /// Its area.
    pub area: Option<AreaId>,
    /// `face`, `qr` or `rfid`.
    pub method: String,
    /// The track's number at that camera.
    pub track: u64,
    /// How many sightings it had.
    pub sightings: u64,
    /// The highest confidence of them.
    pub confidence: f64,
}

/// How many days of how many people were punctual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Punctuality {
    /// In time.
    pub in_time: u32,
    /// Late.
    pub late: u32,
    /// Not there, although they were to be.
    pub absent: u32,
    /// Seconds late together.
    pub late_s: i64,
}

/// How long people were away from an area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AwayFrom {
    /// Which.
    pub area: AreaId,
    /// What it is called.
    pub name: String,
    /// Seconds.
    pub away_s: i64,
}

/// One day of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PatternDay {
    /// Which.
    pub date: NaiveDate,
    /// Minutes of presence of everybody together.
    pub present_min: u32,
    /// Seconds away of everybody together.
    pub away_s: i64,
    /// How many people had which status.
    pub statuses: BTreeMap<&'static str, u32>,
}
