//! What the core holds in memory: the presence engine, who is above whom, and the agents' connections.

use std::collections::{BTreeSet, HashMap, HashSet};

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::id::{AgentId, CameraId, EmployeeId};

use super::attendance::Progress;
use super::badges::LastShown;
use super::settings::Settings;
use super::site_settings;
use super::stretches::Stretches;
use super::types::{Banner, Role, Viewer};
use crate::error::Result;
use crate::ingest::Gap;
use crate::presence::{Engine, MEMORY, Rules, Thresholds};
use crate::schedule::Calendar;
use crate::store::{CameraRow, Reader};

/// After a start digests wait so long.
const DIGESTS_AFTER: TimeDelta = TimeDelta::minutes(1);

/// An agent's connection.
#[derive(Clone, Debug)]
pub(super) struct AgentNow {
    pub(super) online: bool,
    pub(super) last_heard: DateTime<Utc>,
    /// Sightings of it that are missing before those it sends.
    pub(super) gap: Option<Gap>,
}

/// Everything that changes together, behind one lock.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) engine: Engine,
    pub(super) agents: HashMap<AgentId, AgentNow>,
    pub(super) cameras: HashMap<CameraId, CameraRow>,
    pub(super) badges: LastShown,
    pub(super) stretches: Stretches,
    /// When the next alert's climb has something to do.
    pub(super) next_climb: Option<DateTime<Utc>>,
    /// When the next digest is due; `None`: to be found out.
    pub(super) next_digest: Option<DateTime<Utc>>,
    /// When the silence ends, if there is one.
    pub(super) silence_until: Option<DateTime<Utc>>,
    pub(super) last_tick: Option<DateTime<Utc>>,
    pub(super) last_alive: DateTime<Utc>,
    pub(super) last_forget: Option<DateTime<Utc>>,
    pub(super) attendance: Progress,
}

impl Memory {
    /// The state that the store holds, as of `at`.
    pub(super) fn load(
        reader: &Reader<'_>,
        settings: &Settings,
        at: DateTime<Utc>,
    ) -> Result<(Self, People)> {
        let agents = reader.agents()?.into_iter().map(|agent| {
            (
                agent.id,
                AgentNow {
                    online: agent.online,
                    last_heard: agent.last_heard,
                    gap: None,
                },
            )
        });
        let bodies = site_settings::body_presence(reader)?;
        let state = Self {
            engine: Engine::restore(
                rules(reader, settings)?,
                reader.people_facts(at - MEMORY, &bodies)?,
                reader.camera_logs(at - MEMORY)?,
                at,
            ),
            agents: agents.collect(),
            cameras: cameras(reader)?,
            badges: LastShown::new(),
            stretches: Stretches::begin(),
            next_climb: reader.next_climb()?,
            // Devices tell of what they saw meanwhile first.
            next_digest: Some(at + DIGESTS_AFTER),
            silence_until: reader.silences(at)?.last().map(|silence| silence.until),
            last_tick: None,
            last_alive: reader.alive_at()?,
            last_forget: None,
            attendance: Progress::begin(),
        };
        Ok((state, People::load(reader)?))
    }

    /// Takes over what was read from the store again after a change failed.
    pub(super) fn reload(&mut self, loaded: Self) {
        let (last_tick, last_forget) = (self.last_tick, self.last_forget);
        *self = Self {
            last_tick,
            last_forget,
            ..loaded
        };
    }
}

/// What the store and the configuration say of thresholds and schedules.
pub(super) fn rules(reader: &Reader<'_>, settings: &Settings) -> Result<Rules> {
    let holidays = Arc::new(reader.holidays()?.into_keys().collect::<BTreeSet<_>>());
    let calendars = reader.schedules()?.into_iter().map(|row| {
        let calendar = Calendar::new(row.schedule, settings.timezone, holidays.clone());
        (row.name, calendar)
    });
    let site = super::thresholds::in_force(reader, settings)?;
    let seconds = |own: Option<u32>, site| own.map_or(site, |own| TimeDelta::seconds(own.into()));
    let areas = reader.areas()?.into_iter().filter_map(|area| {
        let own = Thresholds {
            off_after: seconds(area.off_after_s, site.off_after),
            absent_after: seconds(area.absent_after_s, site.absent_after),
        };
        (own != site).then_some((area.id, own))
    });
    Ok(Rules {
        thresholds: site,
        areas: areas.collect(),
        calendars: calendars.collect(),
        faces_only: !site_settings::body_presence(reader)?.hold_off_absence,
    })
}

/// Whose each camera is.
pub(super) fn cameras(reader: &Reader<'_>) -> Result<HashMap<CameraId, CameraRow>> {
    Ok(reader
        .camera_rows()?
        .into_iter()
        .map(|row| (row.id.clone(), row))
        .collect())
}

/// Who there is, and who is above whom: what the edges ask for with every event and live frame.
#[derive(Debug, Default)]
pub(super) struct People {
    superiors: HashMap<EmployeeId, Option<EmployeeId>>,
    names: HashMap<EmployeeId, String>,
}

/// Whom a viewer may see.
#[derive(Debug)]
pub(super) enum Sight {
    Everybody,
    These(HashSet<EmployeeId>),
}

impl Sight {
    pub(super) fn has(&self, id: &EmployeeId) -> bool {
        match self {
            Sight::Everybody => true,
            Sight::These(ids) => ids.contains(id),
        }
    }
}

impl People {
    pub(super) fn load(reader: &Reader<'_>) -> Result<Self> {
        let superiors = reader.superiors()?.into_iter().collect();
        Ok(Self {
            superiors,
            names: reader.names()?.into_iter().collect(),
        })
    }

    pub(super) fn name(&self, id: &EmployeeId) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// Whether `top` is `id` or above them.
    pub(super) fn is_under(&self, id: &EmployeeId, top: &EmployeeId) -> bool {
        let mut at = Some(id);
        // No chain is longer than there are people; a cycle, which no write lets in, ends here too.
        for _ in 0..=self.superiors.len() {
            match at {
                None => return false,
                Some(id) if id == top => return true,
                Some(id) => at = self.superiors.get(id).and_then(Option::as_ref),
            }
        }
        false
    }

    pub(super) fn sees(&self, viewer: &Viewer, id: &EmployeeId) -> bool {
        match (viewer.role, &viewer.employee) {
            (Role::Admin | Role::Hr, _) => true,
            (Role::Supervisor, Some(own)) => self.is_under(id, own),
            (Role::Supervisor, None) | (Role::Technician, _) => false,
        }
    }

    pub(super) fn sight(&self, viewer: &Viewer) -> Sight {
        match viewer.role {
            Role::Admin | Role::Hr => Sight::Everybody,
            Role::Supervisor | Role::Technician => Sight::These(
                self.superiors
                    .keys()
                    .filter(|id| self.sees(viewer, id))
                    .cloned()
                    .collect(),
            ),
        }
    }
}

/// What a change touched: what the subscribers are told after it is stored.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) status: BTreeSet<EmployeeId>,
    pub(super) states: bool,
    pub(super) people: bool,
    pub(super) alerts: BTreeSet<i64>,
    pub(super) cameras: BTreeSet<CameraId>,
    pub(super) agents: BTreeSet<AgentId>,
    pub(super) gallery: Option<u64>,
    pub(super) queued: bool,
    pub(super) banners: Vec<Banner>,
}
