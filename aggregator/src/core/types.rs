//! What goes into and comes out of [`super::Core`]: inputs, rows and events, serialised as `docs/api.md` says.

mod alerts;
mod attendance;
mod messages;
mod occupancy;
mod policies;
mod schedules;
mod site;

use chrono::{DateTime, Utc};
use hadir_shared::id::{AgentId, AreaId, CameraId, EmployeeId};
use hadir_shared::sighting::Basis;
use hadir_shared::status::{CameraCounts, CameraMode, CameraState, Inference, Placement};
use serde::{Deserialize, Deserializer, Serialize};

use crate::sentence::Sentence;

pub use self::alerts::{Alert, AlertEvent, AlertFilter, AlertState, CloseReason, Comment, Excuse, What};
pub use self::attendance::{
    AttendanceDay, AttendanceDecision, AttendanceLeave, AttendanceOutcome, AttendancePerson, AttendanceQuery,
    AttendanceReport, AttendanceRow, AttendanceSeen, AttendanceShift, AwayFrom, CorrectionBody, Decision,
    DecisionRow, DifferenceRow, NewDecision, Of, PatternDay, PatternMember, Patterns, Punctuality, SeenTrack,
    TimeSpan, Timeline, TimelineRow, TimelineSeen, Totals,
};
pub use self::messages::{NewSilence, ReportRequest, Silence};
pub use self::occupancy::{AreaOccupancy, Occupancy, OccupancyPoint, OccupancyQuery};
pub use self::policies::{HierarchyProblem, Named, Obstacle, Plan, PlanStep, PolicyRow};
pub use self::schedules::{
    AreaPatch, Ending, ExemptionRow, HolidayRow, NewLeave, ScheduleRow, SiteThresholds, ThresholdsPatch, When,
};
pub use self::site::{
    AuditRow, BodyPresence, BodyPresencePatch, CameraPatch, MessageRow, NewQuietHours, NewUser, QuietHours,
    Retention, RetentionDays, RetentionPatch, SiteLanguage, UserPatch, UserRow,
};
pub use crate::notify::MessageState;
pub use crate::presence::State;
pub use crate::schedule::Exemption;

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees and changes everything.
    Admin,
    /// Sees everything; changes employees, enrolment and alerts.
    Hr,
    /// Sees their own subtree and answers its alerts.
    Supervisor,
    /// Sees cameras and agents, no people.
    Technician,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 4] = [Role::Admin, Role::Hr, Role::Supervisor, Role::Technician];

    /// As it stands in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Hr => "hr",
            Role::Supervisor => "supervisor",
            Role::Technician => "technician",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// Who is looking; limits what every query returns and every command may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// What they may do.
    pub role: Role,
    /// The employee whom the user is, if bound to one; a supervisor sees this employee's subtree.
    pub employee: Option<EmployeeId>,
    /// The user's name, for the record of who did what.
    pub username: String,
}

impl Viewer {
    /// Somebody who may see and do everything: the command line, the demo, tests.
    pub fn admin(username: impl Into<String>) -> Self {
        Self {
            role: Role::Admin,
            employee: None,
            username: username.into(),
        }
    }
}

/// The language of messages and of the dashboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Indonesian.
    #[default]
    Id,
    /// English.
    En,
}

impl Language {
    /// `id` or `en`.
    pub fn as_str(self) -> &'static str {
        match self {
            Language::Id => "id",
            Language::En => "en",
        }
    }

    /// Reads `id` or `en`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "id" => Some(Language::Id),
            "en" => Some(Language::En),
            _ => None,
        }
    }
}

/// `GET /api/summary`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Available.
    pub present: u64,
    /// Absent.
    pub absent: u64,
    /// Not detected for longer than the notice threshold.
    pub off: u64,
    /// Nobody could have seen them, or never seen.
    pub unknown: u64,
    /// Off shift, on a break, on leave or excused.
    pub exempt: u64,
    /// All of them.
    pub total: u64,
}

/// One row of `GET /api/status`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusRow {
    /// Who.
    pub employee: EmployeeId,
    /// Their name.
    pub name: String,
    /// What the rules say of them.
    pub state: State,
    /// Why they need not be there, where they are exempt.
    pub exemption: Option<Exemption>,
    /// The camera of the last sighting.
    pub camera: Option<CameraId>,
    /// That camera's number: CAM 1.
    pub camera_number: Option<u32>,
    /// What that camera is called.
    pub camera_label: Option<String>,
    /// The area of the last sighting.
    pub area: Option<AreaId>,
    /// When they were last seen.
    #[serde(with = "hadir_shared::time::option")]
    pub last_seen: Option<DateTime<Utc>>,
    /// By what: `body` where the face was not seen then, and a face or a badge had named that body before.
    pub basis: Basis,
    /// When a face or a badge last said that it is them.
    #[serde(with = "hadir_shared::time::option")]
    pub verified_at: Option<DateTime<Utc>>,
    /// Whole seconds since they were last seen.
    pub seconds_since: Option<i64>,
    /// When this state began.
    #[serde(with = "hadir_shared::time")]
    pub since: DateTime<Utc>,
    /// The open alert's id.
    pub alert: Option<i64>,
    /// Whether a template of them is stored.
    pub enrolled: bool,
}

/// `GET /api/employees/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Employee {
    /// The company's employee number.
    pub id: EmployeeId,
    /// 1 to 100 characters.
    pub name: String,
    /// The superior; `None` at the top.
    pub supervisor: Option<EmployeeId>,
    /// Where they may appear; empty: everywhere.
    pub areas: Vec<AreaId>,
    /// E.164.
    pub phone: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Badge number.
    pub badge: Option<String>,
    /// When they consented to face recognition.
    #[serde(with = "hadir_shared::time::option")]
    pub consent: Option<DateTime<Utc>>,
    /// In which language they get messages.
    pub language: Language,
    /// What they are, in words.
    pub role_title: Option<String>,
    /// The schedule that they work by; `None`: they have to be there always.
    pub schedule: Option<String>,
    /// The policy for absences of them and of those below them; `None`: as above them.
    pub policy: Option<String>,
    /// How many templates are stored.
    pub photos: u64,
    /// What the rules say of them.
    pub state: State,
}

/// Body of `POST /api/employees`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEmployee {
    /// Made by the aggregator when left out.
    #[serde(default)]
    pub id: Option<String>,
    /// Required.
    pub name: String,
    /// The superior's id.
    #[serde(default)]
    pub supervisor: Option<String>,
    /// Ids of areas; empty: everywhere. An area that is not there yet comes into being.
    #[serde(default)]
    pub areas: Vec<String>,
    /// In any national or international spelling.
    #[serde(default)]
    pub phone: Option<String>,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Badge number.
    #[serde(default)]
    pub badge: Option<String>,
    /// RFC 3339.
    #[serde(default, with = "hadir_shared::time::option")]
    pub consent: Option<DateTime<Utc>>,
    /// The site's language when left out.
    #[serde(default)]
    pub language: Option<Language>,
    /// What they are, in words.
    #[serde(default)]
    pub role_title: Option<String>,
    /// A schedule's name; none: they have to be there always.
    #[serde(default)]
    pub schedule: Option<String>,
    /// The name of the policy for absences of them and of those below them.
    #[serde(default)]
    pub policy: Option<String>,
}

/// Body of `PATCH /api/employees/{id}`: `None` leaves a field as it is, `Some(None)` (JSON `null`) empties it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmployeePatch {
    /// A new name.
    #[serde(default)]
    pub name: Option<String>,
    /// Another superior, or none.
    #[serde(default, deserialize_with = "present")]
    pub supervisor: Option<Option<String>>,
    /// Other areas.
    #[serde(default)]
    pub areas: Option<Vec<String>>,
    /// Another phone, or none.
    #[serde(default, deserialize_with = "present")]
    pub phone: Option<Option<String>>,
    /// Another e-mail address, or none.
    #[serde(default, deserialize_with = "present")]
    pub email: Option<Option<String>>,
    /// Another badge, or none.
    #[serde(default, deserialize_with = "present")]
    pub badge: Option<Option<String>>,
    /// Consent given, or withdrawn (`null`): withdrawing erases the templates.
    #[serde(default, deserialize_with = "present_time")]
    pub consent: Option<Option<DateTime<Utc>>>,
    /// Another language.
    #[serde(default)]
    pub language: Option<Language>,
    /// Another title, or none.
    #[serde(default, deserialize_with = "present")]
    pub role_title: Option<Option<String>>,
    /// Another schedule, or none.
    #[serde(default, deserialize_with = "present")]
    pub schedule: Option<Option<String>>,
    /// Another policy, or none.
    #[serde(default, deserialize_with = "present")]
    pub policy: Option<Option<String>>,
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

fn present_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<DateTime<Utc>>>, D::Error> {
    hadir_shared::time::option::deserialize(from).map(Some)
}

/// Answer of `DELETE /api/employees/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// Who is gone.
    pub deleted: EmployeeId,
    /// How many templates were erased here.
    pub templates: u64,
    /// The gallery without them.
    pub gallery_version: u64,
    /// How many devices are to erase theirs.
    pub devices: u64,
}

/// Answer of `DELETE /api/employees/{id}/photos`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ErasedTemplates {
    /// How many templates were erased.
    pub templates: u64,
    /// The gallery without them.
    pub gallery_version: u64,
}

/// What [`super::Core::add_templates`] stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedTemplates {
    /// The new templates' ids, in the order given.
    pub ids: Vec<i64>,
    /// The gallery with them.
    pub gallery_version: u64,
}

/// One row of `GET /api/areas`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Area {
    /// Its id.
    pub id: AreaId,
    /// What it is called.
    pub name: String,
    /// Who is responsible for it.
    pub supervisor: Option<EmployeeId>,
    /// The policy for absences here; `None`: as of the employee.
    pub policy: Option<String>,
    /// Seconds after which somebody last seen here is off; `None`: as at the site.
    pub off_after_s: Option<u32>,
    /// Seconds after which they are absent; `None`: as at the site.
    pub absent_after_s: Option<u32>,
    /// The cameras that watch it, by number.
    pub cameras: Vec<CameraId>,
}

/// One row of `GET /api/cameras`. `viewers` is the live view's to fill in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Camera {
    /// Its id.
    pub id: CameraId,
    /// CAM 1.
    pub number: u32,
    /// What it is called.
    pub label: String,
    /// What its own configuration calls it.
    pub device_label: String,
    /// The area that it watches.
    pub area: AreaId,
    /// The agent that it belongs to.
    pub agent: AgentId,
    /// What it is used for.
    pub mode: CameraMode,
    /// What capture is doing; `offline` while its agent is.
    pub state: CameraState,
    /// Whether recognition runs; `offline` while its agent is.
    pub inference: Inference,
    /// Frames recognised per second.
    pub fps: f32,
    /// Time of the newest frame.
    #[serde(with = "hadir_shared::time::option")]
    pub last_frame: Option<DateTime<Utc>>,
    /// How many people were in the picture for most of the last minute, named or not, where somebody looked.
    pub people: Option<u32>,
    /// What kind of problem it has: one of [`hadir_shared::status::Cause`], `agent_offline` or `not_configured`.
    pub cause: Option<String>,
    /// Why it is not streaming, in its device's words.
    pub problem: Option<String>,
    /// What it counted since it began.
    pub counts: CameraCounts,
    /// What the last check of its mounting found, if there was one.
    pub placement: Option<Placement>,
    /// How many people watch it live: 0 here, filled in by the live view.
    pub viewers: u32,
}

/// One row of `GET /api/agents`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Whether it is connected.
    pub online: bool,
    /// Its version.
    pub version: String,
    /// Its embedding model.
    pub model: String,
    /// The gallery that it matches against.
    pub gallery_version: u64,
    /// Whether that is the newest.
    pub gallery_current: bool,
    /// Sightings not yet acknowledged.
    pub outbox_depth: u64,
    /// Sightings that it had to drop.
    pub outbox_dropped: u64,
    /// Its clock minus ours.
    pub clock_offset_ms: Option<i64>,
    /// What kind of problem it has: one of [`hadir_shared::status::Cause`].
    pub cause: Option<String>,
    /// What is wrong with its own files, in its own words.
    pub problem: Option<String>,
    /// When something was last heard from it.
    #[serde(with = "hadir_shared::time")]
    pub last_heard: DateTime<Utc>,
    /// Its cameras, by number.
    pub cameras: Vec<CameraId>,
}

/// One row of `GET /api/notices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Who.
    pub employee: EmployeeId,
    /// Their name.
    pub name: String,
    /// `off` or `absent`.
    pub state: State,
    /// Since when.
    #[serde(with = "hadir_shared::time")]
    pub since: DateTime<Utc>,
    /// When they were last seen.
    #[serde(with = "hadir_shared::time::option")]
    pub last_seen: Option<DateTime<Utc>>,
    /// Where.
    pub camera: Option<CameraId>,
}

/// Sightings that could not be taken in, for an administrator to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// When.
    #[serde(with = "hadir_shared::time")]
    pub at: DateTime<Utc>,
    /// Whose.
    pub agent: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// A badge that was in one place while its owner, or the same badge, was in another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadgeConflict {
    /// Whose badge.
    pub employee: EmployeeId,
    /// Their name.
    pub name: String,
    /// Where the badge was shown.
    pub camera: CameraId,
    /// Where its owner was seen, or the badge shown, at the same time.
    pub other: CameraId,
    /// When the badge was first held there.
    #[serde(with = "hadir_shared::time")]
    pub shown_at: DateTime<Utc>,
}

/// How grave a banner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// To know.
    Info,
    /// Something does not work as it should.
    Warning,
    /// Messages do not go out.
    Error,
}

/// Something that an administrator must know, until it is mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner {
    /// What it is about (`whatsapp_token`, …); a newer one of the same key replaces it.
    pub key: &'static str,
    /// How grave.
    pub level: Level,
    /// What is wrong and what to do.
    pub message: Sentence,
}

/// A user, with the hash of the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Unique.
    pub username: String,
    /// argon2id, PHC string.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
    /// The employee whom the user is.
    pub employee: Option<EmployeeId>,
    /// That employee's name, else the user's.
    pub name: String,
}

impl User {
    /// Without the password's hash.
    pub fn row(&self) -> UserRow {
        UserRow {
            username: self.username.clone(),
            role: self.role,
            employee: self.employee.clone(),
            name: self.name.clone(),
        }
    }

    /// The user as somebody who looks.
    pub fn viewer(&self) -> Viewer {
        Viewer {
            role: self.role,
            employee: self.employee.clone(),
            username: self.username.clone(),
        }
    }
}

/// What is published to every subscriber. Who may see it is for the subscriber to ask
/// ([`super::Core::may_see`], [`Viewer::role`]).
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A state, a camera or a last-seen time changed.
    Status(StatusRow),
    /// A state changed: ask [`super::Core::summary`] for each viewer.
    Summary,
    /// An employee was added, changed or deleted.
    Employees,
    /// A camera's state changed.
    Camera(Camera),
    /// An agent's state changed.
    Agent(Agent),
    /// An alert was opened, answered, closed, or the state of one of its messages changed.
    Alert(Alert),
    /// The templates changed: tell these agents to fetch the new gallery.
    Gallery {
        /// The newest version.
        version: u64,
        /// All known agents.
        agents: Vec<AgentId>,
    },
    /// An agent is to use a camera differently.
    CameraMode {
        /// The agent.
        agent: AgentId,
        /// The camera.
        camera: CameraId,
        /// How.
        mode: CameraMode,
    },
    /// Something an administrator must know. For roles `admin` and `hr`.
    Banner(Banner),
    /// It is mended.
    BannerCleared(&'static str),
}
