//! Areas, cameras and agents, and when each camera was watching.

use chrono::{DateTime, Utc};
use hadir_shared::id::{AgentId, AreaId, CameraId, EmployeeId};
use hadir_shared::status::{AgentStatus, CameraMode, CameraState, CameraStatus, Cause, Inference};
use rusqlite::{OptionalExtension as _, Row, named_params, params};

use super::{Reader, Tx, count, ms, read_as, stored, time, time_option};
use crate::core::types::{Agent, Area, Camera, SiteThresholds};
use crate::error::Result;
use crate::presence::CameraLog;

/// A registered camera, for deciding who may say what about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraRow {
    /// Which.
    pub id: CameraId,
    /// The area that it watches.
    pub area: AreaId,
    /// Whose it is.
    pub agent: AgentId,
    /// Its number.
    pub number: u32,
}

fn mode(mode: CameraMode) -> &'static str {
    match mode {
        CameraMode::Recognise => "recognise",
        CameraMode::Count => "count",
        CameraMode::Off => "off",
    }
}

fn state(state: CameraState) -> &'static str {
    match state {
        CameraState::Streaming => "streaming",
        CameraState::Stalled => "stalled",
        CameraState::Offline => "offline",
        CameraState::Disabled => "disabled",
    }
}

fn inference(inference: Inference) -> &'static str {
    match inference {
        Inference::Active => "active",
        Inference::Offline => "offline",
    }
}

const CAMERA: &str = "select c.id, c.number, coalesce(c.own_label, c.label) as label, c.label as device_label, c.area, c.agent, c.mode, c.state, c.inference, c.fps,
    c.last_frame, c.people, c.cause, c.problem, c.counts, c.placement, g.online from camera c join agent g on g.id = c.agent";

fn camera(row: &Row<'_>) -> rusqlite::Result<Camera> {
    let mut camera = Camera {
        id: read_as(row, "id", |t| CameraId::new(t).ok())?,
        number: row.get("number")?,
        label: row.get("label")?,
        device_label: row.get("device_label")?,
        area: read_as(row, "area", |t| AreaId::new(t).ok())?,
        agent: read_as(row, "agent", |t| AgentId::new(t).ok())?,
        mode: read_as(row, "mode", |t| {
            [CameraMode::Recognise, CameraMode::Count, CameraMode::Off]
                .into_iter()
                .find(|m| mode(*m) == t)
        })?,
        state: read_as(row, "state", |t| {
            use CameraState::{Disabled, Offline, Stalled, Streaming};
            [Streaming, Stalled, Offline, Disabled]
                .into_iter()
                .find(|s| state(*s) == t)
        })?,
        inference: read_as(row, "inference", |t| {
            [Inference::Active, Inference::Offline]
                .into_iter()
                .find(|i| inference(*i) == t)
        })?,
        fps: row.get("fps")?,
        last_frame: time_option(row, "last_frame")?,
        people: row.get("people")?,
        cause: row.get("cause")?,
        problem: row.get("problem")?,
        counts: read_as(row, "counts", |t| serde_json::from_str(t).ok())?,
        placement: row
            .get::<_, Option<String>>("placement")?
            .and_then(|t| serde_json::from_str(&t).ok()),
        viewers: 0,
    };
    let online: bool = row.get("online")?;
    if !online && camera.state != CameraState::Disabled {
        camera.state = CameraState::Offline;
        camera.inference = Inference::Offline;
        camera.fps = 0.0;
        camera.people = None;
        camera.cause = Some("agent_offline".into());
        camera.problem = None;
    }
    Ok(camera)
}

impl Reader<'_> {
    /// All areas, by name.
    pub fn areas(&self) -> Result<Vec<Area>> {
        let mut query = self.conn.prepare_cached(
            "select a.id, a.name, a.supervisor, a.policy, a.off_after_s, a.absent_after_s, c.id as camera from area a left join camera c on c.area = a.id
             order by a.name, a.id, c.number",
        )?;
        let mut rows = query.query([])?;
        let mut areas: Vec<Area> = Vec::new();
        while let Some(row) = rows.next()? {
            let id = read_as(row, "id", |t| AreaId::new(t).ok())?;
            if areas.last().is_none_or(|last| last.id != id) {
                areas.push(Area {
                    id,
                    name: row.get("name")?,
                    supervisor: super::read_option(row, "supervisor", |t| EmployeeId::new(t).ok())?,
                    policy: row.get("policy")?,
                    off_after_s: row.get("off_after_s")?,
                    absent_after_s: row.get("absent_after_s")?,
                    cameras: Vec::new(),
                });
            }
            let camera = super::read_option(row, "camera", |t| CameraId::new(t).ok())?;
            if let Some(area) = areas.last_mut() {
                area.cameras.extend(camera);
            }
        }
        Ok(areas)
    }

    /// All cameras, by number.
    pub fn cameras(&self) -> Result<Vec<Camera>> {
        let mut query = self.conn.prepare_cached(&format!("{CAMERA} order by c.number"))?;
        let rows = query.query_map([], camera)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// One camera.
    pub fn camera(&self, id: &CameraId) -> Result<Option<Camera>> {
        let mut query = self.conn.prepare_cached(&format!("{CAMERA} where c.id = ?1"))?;
        Ok(query.query_row([id.as_str()], camera).optional()?)
    }

    /// Whose each camera is.
    pub fn camera_rows(&self) -> Result<Vec<CameraRow>> {
        let mut query = self
            .conn
            .prepare_cached("select id, area, agent, number from camera")?;
        let rows = query.query_map([], |row| {
            Ok(CameraRow {
                id: read_as(row, "id", |t| CameraId::new(t).ok())?,
                area: read_as(row, "area", |t| AreaId::new(t).ok())?,
                agent: read_as(row, "agent", |t| AgentId::new(t).ok())?,
                number: row.get("number")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// All agents, by id.
    pub fn agents(&self) -> Result<Vec<Agent>> {
        let mut query = self.conn.prepare_cached(
            "select g.*, (select version from gallery) as newest,
                 (select group_concat(id, ' ') from (select id from camera where agent = g.id order by number))
                     as cameras
             from agent g order by g.id",
        )?;
        let rows = query.query_map([], |row| {
            let gallery_version = count(row, "gallery_version")?;
            let cameras = super::read_option(row, "cameras", |text| {
                text.split(' ')
                    .map(|id| CameraId::new(id).ok())
                    .collect::<Option<Vec<_>>>()
            })?;
            Ok(Agent {
                id: read_as(row, "id", |t| AgentId::new(t).ok())?,
                online: row.get("online")?,
                version: row.get("version")?,
                model: row.get("model")?,
                gallery_version,
                gallery_current: gallery_version == count(row, "newest")?,
                outbox_depth: count(row, "outbox_depth")?,
                outbox_dropped: count(row, "outbox_dropped")?,
                clock_offset_ms: row.get("clock_offset_ms")?,
                cause: row.get("cause")?,
                problem: row.get("problem")?,
                last_heard: time(row, "last_heard")?,
                cameras: cameras.unwrap_or_default(),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What each camera watched since a moment: what the presence rules begin with after a restart.
    pub fn camera_logs(&self, since: DateTime<Utc>) -> Result<Vec<CameraLog>> {
        let mut query = self.conn.prepare_cached(
            "select c.id, c.area, w.from_at, w.to_at from camera c
             left join camera_watch w on w.camera = c.id and (w.to_at is null or w.to_at >= ?1)
             order by c.id, w.from_at",
        )?;
        let mut rows = query.query([ms(since)])?;
        let mut logs: Vec<CameraLog> = Vec::new();
        while let Some(row) = rows.next()? {
            let id = read_as(row, "id", |t| CameraId::new(t).ok())?;
            if logs.last().is_none_or(|last| last.id != id) {
                let area = read_as(row, "area", |t| AreaId::new(t).ok())?;
                logs.push(CameraLog {
                    id,
                    area,
                    spans: Vec::new(),
                });
            }
            if let (Some(from), Some(log)) = (time_option(row, "from_at")?, logs.last_mut()) {
                log.spans.push((from, time_option(row, "to_at")?));
            }
        }
        Ok(logs)
    }

    /// The site's thresholds, where they were set otherwise than in the configuration.
    pub fn site_thresholds(&self) -> Result<SiteThresholds> {
        let mut query = self
            .conn
            .prepare_cached("select off_after_s, absent_after_s from site_threshold")?;
        Ok(query.query_row([], |row| {
            Ok(SiteThresholds {
                off_after_s: row.get(0)?,
                absent_after_s: row.get(1)?,
            })
        })?)
    }

    /// When the aggregator last did something.
    pub fn alive_at(&self) -> Result<DateTime<Utc>> {
        Ok(self
            .conn
            .query_row("select at from alive", [], |row| time(row, "at"))?)
    }
}

impl Tx<'_> {
    /// Sets the site's thresholds otherwise than in the configuration.
    pub fn set_site_thresholds(&self, set: SiteThresholds) -> Result<()> {
        self.run(
            "update site_threshold set off_after_s = ?1, absent_after_s = ?2",
            params![set.off_after_s, set.absent_after_s],
        )?;
        Ok(())
    }

    /// Changes an area.
    pub fn change_area(&self, area: &Area) -> Result<()> {
        self.run(
            "update area set name = ?2, supervisor = ?3, policy = ?4, off_after_s = ?5, absent_after_s = ?6
             where id = ?1",
            params![
                area.id.as_str(),
                area.name,
                area.supervisor.as_ref().map(EmployeeId::as_str),
                area.policy,
                area.off_after_s,
                area.absent_after_s
            ],
        )?;
        Ok(())
    }

    /// An area comes into being, if it is not there. An area that is still called by its id gets `name`.
    pub fn ensure_area(&self, id: &AreaId, name: &str) -> Result<()> {
        self.run(
            "insert into area (id, name) values (?1, ?2)
             on conflict (id) do update set name = excluded.name where name = id",
            [id.as_str(), name],
        )?;
        Ok(())
    }

    /// What an agent says about itself.
    pub fn save_agent(&self, id: &AgentId, status: &AgentStatus, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "insert into agent (id, online, version, model, gallery_version, outbox_depth, outbox_dropped,
                 clock_offset_ms, cause, problem, last_heard)
             values (:id, 1, :version, :model, :gallery, :depth, :dropped, :offset, :cause, :problem, :now)
             on conflict (id) do update set online = 1, version = :version, model = :model,
                 gallery_version = :gallery, outbox_depth = :depth, outbox_dropped = :dropped,
                 clock_offset_ms = :offset, cause = :cause, problem = :problem, last_heard = :now",
            named_params! {
                ":id": id.as_str(),
                ":version": status.version,
                ":model": status.model,
                ":gallery": stored(status.gallery_version),
                ":depth": stored(status.outbox_depth),
                ":dropped": stored(status.outbox_dropped),
                ":offset": status.clock_offset_ms,
                ":cause": status.cause.map(Cause::as_str),
                ":problem": status.problem,
                ":now": ms(now),
            },
        )?;
        Ok(())
    }

    /// An agent is gone; what it said last stays.
    pub fn set_offline(&self, id: &AgentId) -> Result<()> {
        self.run("update agent set online = 0 where id = ?1", [id.as_str()])?;
        Ok(())
    }

    /// After a restart nobody is connected until heard, and nobody was watching since `at`.
    pub fn set_all_offline(&self, at: DateTime<Utc>) -> Result<()> {
        self.run("update agent set online = 0", [])?;
        self.run(
            "update camera_watch set to_at = max(from_at, ?1) where to_at is null",
            [ms(at)],
        )?;
        Ok(())
    }

    /// The number that a camera gets: the one it has, the one it wishes if that is free, else the next free.
    fn camera_number(&self, id: &CameraId, wished: Option<u32>) -> Result<u32> {
        let taken: Vec<(String, u32)> = {
            let mut query = self.conn().prepare_cached("select id, number from camera")?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        let free = |number: &u32| !taken.iter().any(|(other, n)| n == number && other != id.as_str());
        let own = taken
            .iter()
            .find(|(other, _)| other == id.as_str())
            .map(|(_, number)| *number);
        let wished = wished.filter(|number| *number >= 1);
        Ok(wished
            .filter(free)
            .or(own)
            .unwrap_or_else(|| (1..).find(free).unwrap_or(u32::MAX)))
    }

    /// What an agent says about one of its cameras.
    pub fn save_camera(&self, agent: &AgentId, status: &CameraStatus) -> Result<()> {
        // The first camera of an area names it, until somebody names it otherwise.
        self.ensure_area(&status.area, &status.label)?;
        let number = self.camera_number(&status.id, status.number)?;
        self.run(
            "insert into camera (id, number, label, area, agent, mode, state, inference, fps, last_frame, people,
                 cause, problem, counts, placement)
             values (:id, :number, :label, :area, :agent, :mode, :state, :inference, :fps, :last_frame, :people,
                 :cause, :problem, :counts, :placement)
             on conflict (id) do update set number = :number, label = :label, area = :area, agent = :agent,
                 mode = :mode, state = :state, inference = :inference, fps = :fps,
                 last_frame = coalesce(:last_frame, last_frame), people = :people, cause = :cause, problem = :problem, counts = :counts,
                 placement = :placement",
            named_params! {
                ":id": status.id.as_str(),
                ":number": number,
                ":label": status.label,
                ":area": status.area.as_str(),
                ":agent": agent.as_str(),
                ":mode": mode(status.mode),
                ":state": state(status.state),
                ":inference": inference(status.inference),
                ":fps": if status.fps.is_finite() { f64::from(status.fps) } else { 0.0 },
                ":last_frame": status.last_frame.map(ms),
                ":people": status.people,
                ":cause": status.cause.map(Cause::as_str),
                ":problem": status.problem,
                ":counts": serde_json::to_string(&status.counts).unwrap_or_else(|_| "{}".into()),
                ":placement": status.placement.as_ref().and_then(|found| serde_json::to_string(found).ok()),
            },
        )?;
        Ok(())
    }

    /// Calls a camera otherwise than its own configuration does (`Some`), or as that again.
    pub fn name_camera(&self, id: &CameraId, name: Option<&str>) -> Result<()> {
        self.run(
            "update camera set own_label = ?2 where id = ?1",
            params![id.as_str(), name],
        )?;
        Ok(())
    }

    /// A camera that its agent no longer has. It keeps its number, in case it comes back.
    pub fn retire_camera(&self, id: &CameraId) -> Result<()> {
        self.run(
            "update camera set state = 'disabled', inference = 'offline', fps = 0, people = null,
                 cause = 'not_configured', problem = null where id = ?1",
            [id.as_str()],
        )?;
        Ok(())
    }

    /// What a camera watched, as the presence rules know it. What they have forgotten stays for attendance.
    pub fn save_watch(&self, log: &CameraLog) -> Result<()> {
        // Only the last two spans can have changed since the last time.
        let kept = log.spans.len().saturating_sub(2);
        let changed = log.spans.get(kept).map_or(i64::MAX, |(from, _)| ms(*from));
        self.run(
            "delete from camera_watch where camera = ?1 and (from_at >= ?2 or to_at is null)",
            params![log.id.as_str(), changed],
        )?;
        for (from, to) in log.spans.iter().skip(kept) {
            self.run(
                "insert into camera_watch (camera, from_at, to_at) values (?1, ?2, ?3)",
                params![log.id.as_str(), ms(*from), to.map(ms)],
            )?;
        }
        Ok(())
    }

    /// The aggregator is doing something now.
    pub fn set_alive(&self, now: DateTime<Utc>) -> Result<()> {
        self.run("update alive set at = max(at, ?1)", [ms(now)])?;
        Ok(())
    }
}
