//! What the agents say: sightings and statuses.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use hadir_shared::id::{AgentId, AreaId, CameraId, EmployeeId};
use hadir_shared::sighting::{Ack, Basis, MAX_BATCH, Method, Sighting, SightingBatch};
use hadir_shared::status::{AgentStatus, CameraMode, CameraState, CameraStatus, Inference};

use super::state::{AgentNow, Changes, Memory};
use super::types::{Agent, Area, Banner, Camera, Level, Role, SetAside, Viewer};
use super::{Core, badges, state};
use crate::error::{Error, Result};
use crate::ingest::{self, Known, Position};
use crate::presence::{self, Place, PlaceNow, State, Watch};
use crate::sentence::say;
use crate::store::{Seen, Tx};

/// The most cameras that one agent may have.
const MAX_CAMERAS: usize = 64;

/// More people than this no camera tells apart; a device that says so is not believed.
const MAX_PEOPLE: u32 = 1000;

/// The longest label or problem that is kept, in characters.
const MAX_TEXT: usize = 200;

/// More reasons for not using a face than an agent has; a device that makes up more is not believed.
const MAX_REASONS: usize = 32;

impl Core {
    /// Takes in a batch of sightings, in one transaction. `Some`: publish the acknowledgement. `None`: nothing
    /// can be acknowledged yet (see [`crate::ingest`]); the agent sends again.
    ///
    /// # Errors
    /// When the batch could not be stored: then nothing of it was, and it must not be acknowledged.
    pub fn take_sightings(&self, agent: &AgentId, batch: SightingBatch) -> Result<Option<Ack>> {
        let mut sightings = batch.sightings;
        if sightings.len() > MAX_BATCH {
            return Err(Error::malformed(format!(
                "A batch of {} sightings; at most 500 are taken.",
                sightings.len()
            )));
        }
        if sightings
            .iter()
            .any(|s| s.seq == 0 || i64::try_from(s.seq).is_err())
        {
            return Err(Error::malformed(
                "A sighting's seq is out of range; the batch was not taken in.",
            ));
        }
        sightings.sort_by_key(|sighting| sighting.seq);
        let Some(first) = sightings.first().map(|sighting| sighting.seq) else {
            return Ok(None);
        };
        let now = self.now();
        self.update(|state, tx, changes| {
            let Some(stored_through) = tx.stored_through(agent)? else {
                // Its cameras are not known before its first status, so nothing could be told apart.
                tracing::info!(%agent, "sightings before the first status; waiting for it");
                return Ok(None);
            };
            let gap = state.agents.get(agent).and_then(|agent| agent.gap);
            let position = ingest::position(stored_through, first, gap, now);
            let through = match position {
                Position::Follows => stored_through,
                Position::GivesUp { from, to } => {
                    tracing::warn!(%agent, from, to, "sightings never came");
                    tx.set_aside(
                        agent,
                        "that never came: lost or dropped by the agent",
                        to - from + 1,
                        now,
                    )?;
                    to
                }
                Position::Waits(_) => stored_through,
            };
            let taken = self.store_sightings(state, tx, changes, agent, &sightings, through, now)?;
            let heard = state.agents.get_mut(agent);
            if let Position::Waits(gap) = position {
                if let Some(heard) = heard {
                    heard.gap = Some(gap);
                }
                tracing::info!(%agent, stored_through, first, "sightings missing before this batch");
                return Ok(None);
            }
            if let Some(heard) = heard {
                heard.gap = None;
                heard.last_heard = heard.last_heard.max(now);
            }
            let last = ingest::contiguous(first, sightings.iter().map(|sighting| sighting.seq));
            // An agent that counts anew begins anew; else what is stored only grows.
            let through = match taken {
                Taken::CountsAnew => last,
                Taken::Continues => last.max(through),
            };
            tx.set_stored_through(agent, through, now)?;
            Ok(Some(Ack { stored_through: last }))
        })
    }

    #[expect(clippy::too_many_arguments, reason = "one step of the transaction above")]
    fn store_sightings(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        agent: &AgentId,
        sightings: &[Sighting],
        through: u64,
        now: DateTime<Utc>,
    ) -> Result<Taken> {
        let known = |found: bool| if found { Known::Yes } else { Known::No };
        let mut accepted: Vec<&Sighting> = Vec::with_capacity(sightings.len());
        let mut refused: BTreeMap<String, u64> = BTreeMap::new();
        for sighting in sightings {
            let employee = known(state.engine.state(&sighting.employee).is_some());
            let camera = known(
                state
                    .cameras
                    .get(&sighting.camera)
                    .is_some_and(|camera| camera.agent == *agent),
            );
            match ingest::judge(sighting, employee, camera, now) {
                Ok(()) => accepted.push(sighting),
                // A repeated delivery is counted once.
                Err(reason) if sighting.seq > through => *refused.entry(reason).or_default() += 1,
                Err(_) => {}
            }
        }
        for (reason, number) in refused {
            tracing::warn!(%agent, number, reason, "sightings set aside");
            tx.set_aside(agent, &reason, number, now)?;
        }
        let new = tx.append_sightings(agent, &accepted, now)?;
        let new: Vec<&Sighting> = accepted
            .iter()
            .zip(&new)
            .filter(|(_, new)| **new)
            .map(|(sighting, _)| *sighting)
            .collect();
        let anew = new.iter().any(|sighting| sighting.seq <= through);
        if anew {
            tracing::warn!(%agent, "counts its sightings anew: was it set up again?");
        }
        badges::note(state, tx, &new, now)?;
        self.condense(state, tx, changes, &new, now)?;
        Ok(if anew { Taken::CountsAnew } else { Taken::Continues })
    }

    /// From sightings to presence: stretches of attendance, location, state.
    fn condense(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        sightings: &[&Sighting],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let gap = state.engine.rules().shortest_absence();
        let mut of: HashMap<&EmployeeId, Vec<&Sighting>> = HashMap::new();
        for sighting in sightings {
            of.entry(&sighting.employee).or_default().push(sighting);
        }
        for (employee, mut sightings) in of {
            sightings.sort_by(|a, b| (a.first_at, &a.camera).cmp(&(b.first_at, &b.camera)));
            // Most sightings of a batch continue each other: one write for each stretch.
            let mut stretches: Vec<Seen<'_>> = Vec::new();
            for sighting in &sightings {
                let one = Seen::of(sighting);
                match stretches.last_mut() {
                    Some(seen) if one.from - seen.to <= gap => {
                        (seen.to, seen.last_camera) =
                            (seen.to, seen.last_camera).max((one.to, one.last_camera));
                        seen.methods = seen.methods.or(one.methods);
                    }
                    _ => stretches.push(one),
                }
            }
            for seen in &stretches {
                state.stretches.attend(tx, employee, seen, gap, now)?;
                self.note_arrival(state, tx, employee, seen.from, now)?;
            }
            let newest = |of: &dyn Fn(&Sighting) -> bool| {
                let all = sightings.iter().filter(|sighting| of(sighting));
                all.max_by(|a, b| (a.last_at, &b.camera).cmp(&(b.last_at, &a.camera)))
                    .copied()
            };
            let Some(last) = newest(&|_| true) else { continue };
            // A scan does not say that a camera knows them; nor a body at one camera when the face was seen at another.
            let face = match (last.method, last.basis) {
                (Method::Face, Basis::Face) => None,
                _ => newest(&|sighting| sighting.method == Method::Face && sighting.basis == Basis::Face),
            };
            for sighting in face.into_iter().chain([last]) {
                self.observe(state, tx, changes, sighting, now)?;
            }
        }
        Ok(())
    }

    /// What a sighting changes of the state that somebody is in.
    fn observe(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        newest: &Sighting,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let employee = &newest.employee;
        // Of a camera that is not known no sighting is taken in.
        let Some(camera) = state.cameras.get(&newest.camera) else {
            return Ok(());
        };
        let place = Place {
            camera: newest.camera.clone(),
            area: camera.area.clone(),
        };
        let observed = state
            .engine
            .observe(employee, &place, &presence::Seen::of(newest), now);
        let Some(observed) = observed else {
            return Ok(());
        };
        if observed.place == PlaceNow::Other {
            tx.locate(employee, &place, newest.last_at)?;
        }
        // Of whoever is available the store takes when they were last seen from their newest sighting; a changed
        // state is stored by `apply`.
        if observed.decision.is_none()
            && observed.state != State::Available
            && let Some(facts) = state.engine.person(employee)
        {
            tx.save_presence(&facts)?;
        }
        if observed.decision.is_none() && observed.state == State::Exempt {
            // Seen in a break, too long ago to be there now: back all the same.
            self.close_returned(tx, changes, employee, newest.last_at, now)?;
        }
        changes.status.insert(employee.clone());
        self.apply(state, tx, changes, observed.decision, now)
    }

    /// Takes in what an agent says about itself, or its last will.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn take_status(&self, agent: &AgentId, status: AgentStatus) -> Result<()> {
        let now = self.now();
        let mut foreign = None;
        self.update(|state, tx, changes| {
            if !status.online {
                return self.lose_agent(state, tx, changes, agent, now);
            }
            changes.agents.insert(agent.clone());
            let areas = tx.areas_of(agent)?;
            let problem = status.problem.as_deref().map(cut);
            tx.save_agent(agent, &AgentStatus { problem, ..status.clone() }, now)?;
            let was_online = state.agents.get(agent).is_some_and(|agent| agent.online);
            let heard = AgentNow { online: true, last_heard: now, gap: None };
            let heard = state.agents.entry(agent.clone()).or_insert(heard);
            (heard.online, heard.last_heard) = (true, now);
            let mut own = Vec::new();
            for camera in status.cameras.iter().take(MAX_CAMERAS) {
                let other = state.cameras.get(&camera.id).map(|row| row.agent.clone()).filter(|a| a != agent);
                let taken = other.filter(|other| state.agents.get(other).is_some_and(|other| other.online));
                if let Some(other) = taken {
                    foreign = Some(say!(
                        "Camera {} is configured at the devices {other} and {agent}; {other} keeps it. Give one of them another id.",
                        "Kamera {} diatur di perangkat {other} dan {agent}; {other} yang memakainya. Beri salah satunya ID lain.",
                        camera.id
                    ));
                    continue;
                }
                own.push(camera.id.clone());
                let before = tx.camera(&camera.id)?;
                tx.save_camera(agent, &tidy(camera))?;
                let after = tx.camera(&camera.id)?;
                if let Some(people) = after.as_ref().and_then(|camera| camera.people) {
                    tx.note_people(&camera.area, &camera.id, people, now)?;
                }
                if before != after || !was_online {
                    changes.cameras.insert(camera.id.clone());
                }
                let watch = watches(&status, camera);
                self.set_watch(state, tx, changes, &camera.id, &camera.area, watch, now, now)?;
            }
            let gone: Vec<_> = state
                .cameras
                .values()
                .filter(|camera| camera.agent == *agent && !own.contains(&camera.id))
                .cloned()
                .collect();
            for camera in gone {
                tx.retire_camera(&camera.id)?;
                changes.cameras.insert(camera.id.clone());
                self.set_watch(state, tx, changes, &camera.id, &camera.area, Watch::Off, now, now)?;
            }
            state.cameras = state::cameras(tx)?;
            if tx.areas_of(agent)? != areas {
                // The agent is to have other people's templates than before.
                changes.gallery = Some(tx.next_gallery()?);
            }
            Ok(())
        })?;
        match foreign {
            Some(message) => {
                self.raise_banner(Banner {
                    key: "camera_conflict",
                    level: Level::Warning,
                    message,
                });
            }
            None if status.online => self.clear_banner("camera_conflict"),
            None => {}
        }
        Ok(())
    }

    /// The connection to the broker is lost: no agent counts as heard until it is heard again.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn uplink_lost(&self) -> Result<()> {
        let now = self.now();
        self.update(|state, tx, changes| {
            let online: Vec<AgentId> = state
                .agents
                .iter()
                .filter(|(_, agent)| agent.online)
                .map(|(id, _)| id.clone())
                .collect();
            for agent in online {
                self.lose_agent(state, tx, changes, &agent, now)?;
            }
            Ok(())
        })
    }

    fn lose_agent(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        agent: &AgentId,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let Some(heard) = state.agents.get_mut(agent).filter(|agent| agent.online) else {
            return Ok(());
        };
        heard.online = false;
        heard.gap = None;
        // The broker notices a lost connection late; nobody was watching since the agent was last heard.
        let since = heard.last_heard;
        tx.set_offline(agent)?;
        changes.agents.insert(agent.clone());
        let cameras: Vec<_> = state
            .cameras
            .values()
            .filter(|c| c.agent == *agent)
            .cloned()
            .collect();
        for camera in cameras {
            changes.cameras.insert(camera.id.clone());
            self.set_watch(
                state,
                tx,
                changes,
                &camera.id,
                &camera.area,
                Watch::Off,
                since,
                now,
            )?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one step of the transactions above")]
    fn set_watch(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        camera: &CameraId,
        area: &AreaId,
        watch: Watch,
        from: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let before = state.engine.watch(camera);
        let decisions = state.engine.set_camera(camera, area, watch, from, now);
        if before != watch {
            self.save_watch(state, tx, camera)?;
        }
        self.apply(state, tx, changes, decisions, now)
    }

    pub(super) fn save_watch(&self, state: &Memory, tx: &Tx<'_>, camera: &CameraId) -> Result<()> {
        match state.engine.camera(camera) {
            Some(log) => tx.save_watch(&log),
            None => Ok(()),
        }
    }

    /// All areas, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn areas(&self, viewer: &Viewer) -> Result<Vec<Area>> {
        let mut areas = self.store.read(|reader| reader.areas())?;
        let people = self.people();
        for area in &mut areas {
            area.supervisor = area.supervisor.take().filter(|id| people.sees(viewer, id));
        }
        Ok(areas)
    }

    /// All cameras, by number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cameras(&self, _viewer: &Viewer) -> Result<Vec<Camera>> {
        self.store.read(|reader| reader.cameras())
    }

    /// One camera.
    ///
    /// # Errors
    /// `NotFound`, or when the store cannot be read.
    pub fn camera(&self, id: &CameraId) -> Result<Camera> {
        let camera = self.store.read(|reader| reader.camera(id))?;
        camera
            .ok_or_else(|| Error::not_found("id", say!("There is no camera {id}.", "Tidak ada kamera {id}.")))
    }

    /// All agents, by id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn agents(&self, _viewer: &Viewer) -> Result<Vec<Agent>> {
        self.store.read(|reader| reader.agents())
    }

    /// Sightings that could not be taken in, newest first.
    ///
    /// # Errors
    /// `Forbidden` for whoever does not look after the devices.
    pub fn set_aside(&self, viewer: &Viewer) -> Result<Vec<SetAside>> {
        match viewer.role {
            Role::Admin | Role::Technician => self.store.read(|reader| reader.set_aside_list()),
            Role::Hr | Role::Supervisor => Err(Error::forbidden(say!(
                "Only administrators and technicians see what was set aside.",
                "Hanya administrator dan teknisi yang dapat melihat data yang disisihkan."
            ))),
        }
    }
}

/// How an agent counts.
enum Taken {
    Continues,
    CountsAnew,
}

/// Whether a camera can recognise who is before it now, and we would hear of it. An agent that still has old
/// sightings to send does not tell what is seen now.
fn watches(status: &AgentStatus, camera: &CameraStatus) -> Watch {
    let recognises = camera.mode == CameraMode::Recognise
        && camera.state == CameraState::Streaming
        && camera.inference == Inference::Active;
    let caught_up = status.outbox_depth <= MAX_BATCH as u64;
    if recognises && caught_up {
        Watch::On
    } else {
        Watch::Off
    }
}

/// A device's words, as long as anybody reads.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

/// Texts of a bounded length, a number that a button can show, and the counts that an agent has.
fn tidy(camera: &CameraStatus) -> CameraStatus {
    let mut counts = camera.counts.clone();
    let mut placement = camera.placement.clone();
    let is_word = |key: &String| {
        key.len() <= 40
            && key
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
    };
    counts.rejected.retain(|reason, _| is_word(reason));
    counts.measured.retain(|reason, _| is_word(reason));
    if counts.rejected.len().max(counts.measured.len()) > MAX_REASONS {
        counts.rejected.clear();
        counts.measured.clear();
    }
    counts
        .measured
        .retain(|_, figure| figure.last.is_finite() && figure.limit.is_finite());
    if let Some(found) = &mut placement {
        found.wrong.retain(is_word);
        found.wrong.truncate(MAX_REASONS);
        found.eyes = found.eyes.filter(|eyes| eyes.is_finite());
    }
    let label = cut(camera.label.trim());
    CameraStatus {
        people: camera.people.filter(|people| *people <= MAX_PEOPLE),
        label: if label.is_empty() {
            camera.id.to_string()
        } else {
            label
        },
        number: camera.number.filter(|number| (1..=9999).contains(number)),
        problem: camera.problem.as_deref().map(cut),
        counts,
        placement,
        ..camera.clone()
    }
}
