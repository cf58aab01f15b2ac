//! Sightings, and what they are condensed into: where somebody is, and their stretches of presence.

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::id::{AgentId, CameraId, EmployeeId};
use hadir_shared::sighting::{CONTINUED_EVERY_S, Method, Phase, Sighting};
use rusqlite::{OptionalExtension as _, params};

use super::{Reader, Tx, count, ms, read_as, stored, time};
use crate::attendance::{Methods, Span, union, without};
use crate::core::types::{BadgeConflict, SetAside};
use crate::error::{Error, Result};
use crate::presence::Place;

impl Reader<'_> {
    /// Up to which `seq` everything of an agent is stored or set aside.
    pub fn stored_through(&self, agent: &AgentId) -> Result<Option<u64>> {
        let mut query = self
            .conn
            .prepare_cached("select stored_through from agent where id = ?1")?;
        Ok(query
            .query_row([agent.as_str()], |row| count(row, "stored_through"))
            .optional()?)
    }

    /// The newest 200 entries of what was set aside.
    pub fn set_aside_list(&self) -> Result<Vec<SetAside>> {
        let mut query = self
            .conn
            .prepare_cached("select at, agent, reason, count from set_aside order by id desc limit 200")?;
        let rows = query.query_map([], |row| {
            Ok(SetAside {
                at: time(row, "at")?,
                agent: row.get("agent")?,
                reason: row.get("reason")?,
                count: count(row, "count")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The newest 200 badges that were in two places at once.
    pub fn badge_conflicts(&self) -> Result<Vec<BadgeConflict>> {
        let mut query = self.conn.prepare_cached(
            "select b.employee, e.name, b.camera, b.other, b.shown_at
             from badge_conflict b join employee e on e.id = b.employee
             order by b.shown_at desc limit 200",
        )?;
        let rows = query.query_map([], |row| {
            Ok(BadgeConflict {
                employee: read_as(row, "employee", |t| EmployeeId::new(t).ok())?,
                name: row.get("name")?,
                camera: read_as(row, "camera", |t| CameraId::new(t).ok())?,
                other: read_as(row, "other", |t| CameraId::new(t).ok())?,
                shown_at: time(row, "shown_at")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// A sighting as it stands behind a day.
#[derive(Clone, Debug, PartialEq)]
pub struct SightingRow {
    /// Which camera.
    pub camera: CameraId,
    /// `face`, `qr` or `rfid`.
    pub method: String,
    /// The track's number at that camera.
    pub track: u64,
    /// When it began, in milliseconds.
    pub first_at: i64,
    /// When it ended.
    pub last_at: i64,
    /// 0 to 1.
    pub confidence: f64,
    /// How many sightings it stands for.
    pub number: u64,
}

impl Reader<'_> {
    /// The sightings of an employee that ended between two moments, in order of their beginning.
    pub fn sightings_between(
        &self,
        employee: &EmployeeId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<SightingRow>> {
        let mut query = self.conn.prepare_cached(
            "select camera, method, track, first_at, last_at, confidence from sighting
             where employee = ?1 and last_at >= ?2 and last_at < ?3 order by first_at, last_at",
        )?;
        let rows = query.query_map(params![employee.as_str(), ms(from), ms(to)], |row| {
            Ok(SightingRow {
                camera: read_as(row, "camera", |t| CameraId::new(t).ok())?,
                method: row.get("method")?,
                track: count(row, "track")?,
                first_at: row.get("first_at")?,
                last_at: row.get("last_at")?,
                confidence: row.get("confidence")?,
                number: 1,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Reader<'_> {
    /// From when to when, between two moments, somebody was known by their body alone, which their face had named before,
    /// and no camera saw their face, no reader their badge: in milliseconds, in order, none touching another.
    pub fn body_spans(
        &self,
        employee: &EmployeeId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Span>> {
        let mut query = self.conn.prepare_cached(
            "select coalesce(verified_at, first_at) as verified, max(last_at) as last_at from sighting
             where employee = ?1 and basis = 'body' and last_at >= ?2 and last_at < ?3 group by verified",
        )?;
        let rows = query.query_map(params![employee.as_str(), ms(from), ms(to)], |row| {
            Ok((row.get("verified")?, row.get("last_at")?))
        })?;
        let spans = union(rows.collect::<rusqlite::Result<_>>()?);
        let (Some(&(first, _)), Some(&(_, last))) = (spans.first(), spans.last()) else {
            return Ok(spans);
        };
        // A track tells of itself from its beginning; what is new in a sighting is what came since the one before.
        let mut query = self.conn.prepare_cached(
            "select max(first_at, last_at - ?4) as since, last_at from sighting
             where employee = ?1 and basis = 'face' and last_at > ?2 and last_at < ?3 + ?4",
        )?;
        let rows = query.query_map(params![employee.as_str(), first, last, SINCE_THE_LAST], |row| {
            Ok((row.get("since")?, row.get("last_at")?))
        })?;
        let known = union(rows.collect::<rusqlite::Result<_>>()?);
        Ok(without(&spans, &known))
    }
}

/// A track speaks so often, in milliseconds, with a little room.
const SINCE_THE_LAST: i64 = CONTINUED_EVERY_S as i64 * 1000 + 2000;

impl Tx<'_> {
    /// The cameras at which somebody's badge was shown at some time between these, or their face seen throughout and
    /// for `slack` before and after.
    pub fn seen_elsewhere(
        &self,
        employee: &EmployeeId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        slack: TimeDelta,
    ) -> Result<Vec<CameraId>> {
        let mut query = self.conn().prepare_cached(
            // A track speaks every ten seconds, so one of those times is near; nothing later is read.
            "select distinct camera from sighting
             where employee = ?1 and last_at between ?2 and ?4 and first_at <= ?3
                 and (method <> 'face' and basis = 'face' or first_at <= ?2 - ?5 and last_at >= ?3 + ?5)",
        )?;
        let near = ms(to + TimeDelta::seconds(30));
        let rows = query.query_map(
            params![
                employee.as_str(),
                ms(from),
                ms(to),
                near,
                slack.num_milliseconds()
            ],
            |row| read_as(row, "camera", |t| CameraId::new(t).ok()),
        )?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// A badge was in two places at once. Said again, it changes nothing.
    pub fn save_badge_conflict(
        &self,
        employee: &EmployeeId,
        camera: &CameraId,
        other: &CameraId,
        shown_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.run(
            "insert or ignore into badge_conflict (employee, camera, other, shown_at, noted_at)
             values (?1, ?2, ?3, ?4, ?5)",
            params![
                employee.as_str(),
                camera.as_str(),
                other.as_str(),
                ms(shown_at),
                ms(now)
            ],
        )?;
        Ok(())
    }

    /// Stores sightings; says for each whether it was new.
    pub fn append_sightings(
        &self,
        agent: &AgentId,
        sightings: &[&Sighting],
        now: DateTime<Utc>,
    ) -> Result<Vec<bool>> {
        // By position: looking names up took a fifth of the time.
        let mut insert = self.conn().prepare_cached(
            "insert or ignore into sighting (id, agent, seq, phase, employee, camera, method, track, first_at,
                 last_at, confidence, model, stored_at, basis, verified_at)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?;
        let mut new = Vec::with_capacity(sightings.len());
        let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
        for sighting in sightings {
            let phase = match sighting.phase {
                Phase::Began => "began",
                Phase::Continued => "continued",
                Phase::Ended => "ended",
            };
            let method = match sighting.method {
                Method::Face => "face",
                Method::Qr => "qr",
                Method::Rfid => "rfid",
            };
            let changed = insert.execute(params![
                &*sighting.id.as_hyphenated().encode_lower(&mut id),
                agent.as_str(),
                stored(sighting.seq),
                phase,
                sighting.employee.as_str(),
                sighting.camera.as_str(),
                method,
                stored(sighting.track),
                ms(sighting.first_at),
                ms(sighting.last_at),
                f64::from(sighting.confidence),
                sighting.model,
                ms(now),
                sighting.basis.as_str(),
                sighting.verified_at.map(ms),
            ])?;
            new.push(changed == 1);
        }
        Ok(new)
    }

    /// Everything of this agent up to `seq` is stored or set aside.
    pub fn set_stored_through(&self, agent: &AgentId, seq: u64, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "update agent set stored_through = ?2, last_heard = max(last_heard, ?3) where id = ?1",
            params![agent.as_str(), stored(seq), ms(now)],
        )?;
        Ok(())
    }

    /// Records that sightings could not be taken in. The same reason on the same day is one entry.
    pub fn set_aside(&self, agent: &AgentId, reason: &str, number: u64, now: DateTime<Utc>) -> Result<()> {
        let changed = self.run(
            "update set_aside set count = count + ?3, at = ?4
             where id = (select max(id) from set_aside where agent = ?1 and reason = ?2 and at > ?4 - 86400000)",
            params![agent.as_str(), reason, stored(number), ms(now)],
        )?;
        if changed == 0 {
            self.run(
                "insert into set_aside (at, agent, reason, count) values (?4, ?1, ?2, ?3)",
                params![agent.as_str(), reason, stored(number), ms(now)],
            )?;
        }
        Ok(())
    }

    /// Somebody is somewhere since `at`, and was elsewhere before.
    pub fn locate(&self, employee: &EmployeeId, place: &Place, at: DateTime<Utc>) -> Result<()> {
        self.run(
            "insert into employee_location (employee, camera, area, at) values (?1, ?2, ?3, ?4)
             on conflict (employee) do update set camera = excluded.camera, area = excluded.area, at = excluded.at",
            params![employee.as_str(), place.camera.as_str(), place.area.as_str(), ms(at)],
        )?;
        Ok(())
    }

    /// The newest stretch of presence of somebody.
    pub fn newest_stretch(&self, employee: &EmployeeId) -> Result<Option<Stretch>> {
        let mut query = self.conn().prepare_cached(
            "select id, began_at, ended_at, last_camera, methods from attendance
             where employee = ?1 order by began_at desc limit 1",
        )?;
        let found = query.query_row([employee.as_str()], |row| {
            Ok(Stretch {
                id: row.get("id")?,
                began: time(row, "began_at")?,
                ended: time(row, "ended_at")?,
                last_camera: read_as(row, "last_camera", |t| CameraId::new(t).ok())?,
                methods: Methods::from_bits(row.get("methods")?),
            })
        });
        Ok(found.optional()?)
    }

    /// Stretches of presence have gone on; what is given is what they are now.
    pub fn prolong_attendance(&self, prolonged: &[&Stretch]) -> Result<()> {
        let mut update = self.conn().prepare_cached(
            "update attendance set ended_at = max(ended_at, ?2), last_camera = ?3, methods = ?4 where id = ?1",
        )?;
        for stretch in prolonged {
            let camera = stretch.last_camera.as_str();
            let values = params![stretch.id, ms(stretch.ended), camera, stretch.methods.bits()];
            if update.execute(values)? == 0 {
                return Err(Error::internal(format!(
                    "The stretch of presence {} is gone.",
                    stretch.id
                )));
            }
        }
        Ok(())
    }

    /// Who was seen after their newest stretch of presence ended, and when that was: what a stop left unwritten.
    pub fn unfinished_stretches(&self) -> Result<Vec<(EmployeeId, DateTime<Utc>)>> {
        let mut query = self.conn().prepare_cached(
            "select id, ended from (
                 select e.id as id, coalesce((select max(last_at) from sighting where employee = e.id), 0) as seen,
                     coalesce((select ended_at from attendance where employee = e.id order by began_at desc limit 1), 0)
                         as ended
                 from employee e)
             where seen > ended",
        )?;
        let rows = query.query_map([], |row| {
            Ok((
                read_as(row, "id", |t| EmployeeId::new(t).ok())?,
                time(row, "ended")?,
            ))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What was seen of an employee after a moment, in order.
    pub fn sightings_after(
        &self,
        employee: &EmployeeId,
        after: DateTime<Utc>,
    ) -> Result<Vec<StoredSighting>> {
        let mut query = self.conn().prepare_cached(
            "select camera, method, first_at, last_at from sighting where employee = ?1 and last_at > ?2
             order by first_at, camera",
        )?;
        let rows = query.query_map(params![employee.as_str(), ms(after)], |row| {
            Ok(StoredSighting {
                camera: read_as(row, "camera", |t| CameraId::new(t).ok())?,
                methods: read_as(row, "method", |t| match t {
                    "face" => Some(Methods::FACE),
                    "qr" => Some(Methods::QR),
                    "rfid" => Some(Methods::RFID),
                    _ => None,
                })?,
                from: time(row, "first_at")?,
                to: time(row, "last_at")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Somebody was present for a time. Stretches that come closer to each other than `gap` become one; so the result is
    /// the same in whatever order they come. Gives the stretch that it is part of now.
    pub fn extend_attendance(
        &self,
        employee: &EmployeeId,
        seen: &Seen<'_>,
        gap: TimeDelta,
    ) -> Result<Stretch> {
        let (mut began, mut ended, gap) = (ms(seen.from), ms(seen.to), gap.num_milliseconds());
        let mut camera = seen.camera.as_str().to_owned();
        let mut last_camera = seen.last_camera.as_str().to_owned();
        let mut methods = seen.methods;
        let mut kept: Option<i64> = None;
        // Newest first: nearly always the one that is extended.
        let mut find = self.conn().prepare_cached(
            "select id, camera, last_camera, methods, began_at, ended_at from attendance
             where employee = ?1 and began_at <= ?2 and ended_at >= ?3 and id <> coalesce(?4, -1)
             order by began_at desc limit 1",
        )?;
        loop {
            let near = find
                .query_row(
                    params![employee.as_str(), ended + gap, began - gap, kept],
                    |row| {
                        Ok((
                            row.get::<_, i64>("id")?,
                            (row.get::<_, i64>("began_at")?, row.get::<_, String>("camera")?),
                            (
                                row.get::<_, i64>("ended_at")?,
                                row.get::<_, String>("last_camera")?,
                            ),
                            Methods::from_bits(row.get("methods")?),
                        ))
                    },
                )
                .optional()?;
            let Some((id, first, last, near_methods)) = near else {
                break;
            };
            methods = methods.or(near_methods);
            (began, camera) = (began, camera).min(first.clone());
            (ended, last_camera) = (ended, last_camera).max(last.clone());
            if kept.is_none()
                && (began, &camera) == (first.0, &first.1)
                && (ended, &last_camera) == (last.0, &last.1)
                && methods == near_methods
            {
                return stretch(id, began, ended, &last_camera, methods);
            }
            match kept {
                None => kept = Some(id),
                Some(_) => {
                    self.run("delete from attendance where id = ?1", [id])?;
                }
            }
        }
        let id = match kept {
            Some(id) => {
                self.run(
                    "update attendance set camera = ?2, began_at = ?3, ended_at = ?4, last_camera = ?5, methods = ?6
                     where id = ?1",
                    params![id, camera, began, ended, last_camera, methods.bits()],
                )?;
                id
            }
            None => {
                self.run(
                    "insert into attendance (employee, camera, began_at, ended_at, last_camera, methods)
                     values (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![
                        employee.as_str(),
                        camera,
                        began,
                        ended,
                        last_camera,
                        methods.bits()
                    ],
                )?;
                self.conn().last_insert_rowid()
            }
        };
        stretch(id, began, ended, &last_camera, methods)
    }
}

fn stretch(id: i64, began: i64, ended: i64, last_camera: &str, methods: Methods) -> Result<Stretch> {
    let wrong = || Error::internal("The store holds a stretch of presence that is none.");
    let at = |ms| DateTime::from_timestamp_millis(ms).ok_or_else(wrong);
    Ok(Stretch {
        id,
        began: at(began)?,
        ended: at(ended)?,
        last_camera: CameraId::new(last_camera).map_err(|_| wrong())?,
        methods,
    })
}

/// From when to when somebody was seen, and by what.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// The beginning.
    pub from: DateTime<Utc>,
    /// The end.
    pub to: DateTime<Utc>,
    /// The camera that saw them first.
    pub camera: &'a CameraId,
    /// The camera that saw them last.
    pub last_camera: &'a CameraId,
    /// By what.
    pub methods: Methods,
}

impl<'a> Seen<'a> {
    /// What one sighting says.
    pub fn of(sighting: &'a Sighting) -> Self {
        Self {
            from: sighting.first_at,
            to: sighting.last_at,
            camera: &sighting.camera,
            last_camera: &sighting.camera,
            methods: match sighting.method {
                Method::Face => Methods::FACE,
                Method::Qr => Methods::QR,
                Method::Rfid => Methods::RFID,
            },
        }
    }
}

/// A sighting, as far as it matters to stretches of presence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSighting {
    /// The beginning.
    pub from: DateTime<Utc>,
    /// The end.
    pub to: DateTime<Utc>,
    /// Where.
    pub camera: CameraId,
    /// By what.
    pub methods: Methods,
}

impl StoredSighting {
    /// What it says.
    pub fn seen(&self) -> Seen<'_> {
        Seen {
            from: self.from,
            to: self.to,
            camera: &self.camera,
            last_camera: &self.camera,
            methods: self.methods,
        }
    }
}

/// A stretch of presence, as far as it matters to whoever goes on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its id.
    pub id: i64,
    /// The first sighting's beginning.
    pub began: DateTime<Utc>,
    /// The last sighting's end.
    pub ended: DateTime<Utc>,
    /// The camera of the last sighting.
    pub last_camera: CameraId,
    /// By what they were seen.
    pub methods: Methods,
}
