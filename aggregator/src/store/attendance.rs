//! Days of attendance: what was to be, what came of it, out of what, and what HR decided.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use hadir_shared::id::{AreaId, CameraId, EmployeeId};
use rusqlite::{OptionalExtension as _, Row, named_params, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Reader, Tx, ms, read_as, read_option, time, wrong};
use crate::attendance::{
    Correction, Day, Evidence, Figures, Flag, Methods, Outcome, Pattern, Plan, Record, Span, State, Status,
    Stretch,
};
use crate::core::types::{Decision, DecisionRow};
use crate::error::{Error, Result};

/// A day of an employee as it is stored.
#[derive(Clone, Debug)]
pub struct DayRow {
    /// Which day.
    pub date: NaiveDate,
    /// What was to be.
    pub plan: Arc<Plan>,
    /// What came of it; `None` while it is provisional.
    pub settled: Option<SettledDay>,
}

/// What came of a day that is final.
#[derive(Clone, Debug)]
pub struct SettledDay {
    /// Whether HR has said how it was.
    pub state: State,
    /// What counts.
    pub outcome: Outcome,
    /// What HR should look at.
    pub flags: Vec<Flag>,
    /// What would come of it with what arrived since.
    pub difference: Option<Outcome>,
}

/// Plans that were read already: most days share one.
pub type Plans = HashMap<i64, Arc<Plan>>;

/// What becomes of a plan that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It holds.
    Kept,
    /// The new one holds.
    Replaced,
}

/// A day that is to be charted.
#[derive(Clone, Debug)]
pub struct PatternRow {
    /// Which day.
    pub date: NaiveDate,
    /// What came of it.
    pub status: Status,
    /// What was planned.
    pub planned_s: i64,
    /// How much too late they came.
    pub late_s: i64,
    /// Hours there, areas away from.
    pub pattern: Pattern,
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    read_option(row, column, |text| serde_json::from_str(text).ok())
}

fn text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal(format!("A day cannot be written: {error}.")))
}

fn date(row: &Row<'_>) -> rusqlite::Result<NaiveDate> {
    read_as(row, "date", |text| text.parse().ok())
}

fn id(row: &Row<'_>) -> rusqlite::Result<EmployeeId> {
    read_as(row, "employee", |text| EmployeeId::new(text).ok())
}

fn outcome(row: &Row<'_>) -> rusqlite::Result<Outcome> {
    Ok(Outcome {
        status: read_as(row, "status", |text| {
            Status::ALL.into_iter().find(|status| status.as_str() == text)
        })?,
        first_in: row.get("first_in")?,
        last_out: row.get("last_out")?,
        figures: Figures {
            planned_s: row.get("planned_s")?,
            worked_s: row.get("worked_s")?,
            break_s: row.get("break_s")?,
            away_s: row.get("away_s")?,
            late_s: row.get("late_s")?,
            early_leave_s: row.get("early_leave_s")?,
            overtime_s: row.get("overtime_s")?,
            unobserved_s: row.get("unobserved_s")?,
            leave_s: row.get("leave_s")?,
        },
    })
}

fn state(row: &Row<'_>) -> rusqlite::Result<State> {
    read_as(row, "state", |text| {
        State::ALL.into_iter().find(|state| state.as_str() == text)
    })
}

impl Reader<'_> {
    /// The last day that was planned for anybody.
    pub fn last_planned(&self) -> Result<Option<NaiveDate>> {
        let mut query = self
            .conn
            .prepare_cached("select max(date) as date from attendance_day")?;
        Ok(query.query_row([], |row| read_option(row, "date", |text| text.parse().ok()))?)
    }

    /// When anybody was seen first.
    pub fn first_presence(&self) -> Result<Option<DateTime<Utc>>> {
        let mut query = self
            .conn
            .prepare_cached("select min(began_at) as began_at from attendance")?;
        Ok(query.query_row([], |row| super::time_option(row, "began_at"))?)
    }

    /// The days of an employee from one to another, in order.
    pub fn days_of(
        &self,
        employee: &EmployeeId,
        from: NaiveDate,
        to: NaiveDate,
        plans: &mut Plans,
    ) -> Result<Vec<DayRow>> {
        let mut query = self.conn.prepare_cached(
            "select date, plan, state, status, first_in, last_out, planned_s, worked_s, break_s, away_s, late_s,
                 early_leave_s, overtime_s, unobserved_s, leave_s, flags, difference
             from attendance_day where employee = ?1 and date between ?2 and ?3 order by date",
        )?;
        let mut rows = query.query(params![employee.as_str(), from.to_string(), to.to_string()])?;
        let mut days = Vec::new();
        while let Some(row) = rows.next()? {
            let state = state(row)?;
            let settled = match state {
                State::Provisional => None,
                State::Final | State::Corrected => Some(SettledDay {
                    state,
                    outcome: outcome(row)?,
                    flags: json(row, "flags")?.unwrap_or_default(),
                    difference: json(row, "difference")?,
                }),
            };
            days.push(DayRow {
                date: date(row)?,
                plan: self.plan(row.get("plan")?, plans)?,
                settled,
            });
        }
        Ok(days)
    }

    /// The first and the last provisional day of an employee between two.
    pub fn provisional_of(
        &self,
        employee: &EmployeeId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Option<(NaiveDate, NaiveDate)>> {
        let mut query = self.conn.prepare_cached(
            "select min(date) as first, max(date) as last from attendance_day
             where employee = ?1 and date between ?2 and ?3 and state = 'provisional'",
        )?;
        let day = |row: &Row<'_>, column| read_option(row, column, |text| text.parse().ok());
        let found = query.query_row(
            params![employee.as_str(), from.to_string(), to.to_string()],
            |row| Ok((day(row, "first")?, day(row, "last")?)),
        )?;
        Ok(found.0.zip(found.1))
    }

    fn plan(&self, id: i64, plans: &mut Plans) -> Result<Arc<Plan>> {
        if let Some(plan) = plans.get(&id) {
            return Ok(plan.clone());
        }
        let mut query = self
            .conn
            .prepare_cached("select definition from day_plan where id = ?1")?;
        let plan: Plan = query.query_row([id], |row| {
            json(row, "definition")?.ok_or_else(|| wrong(row, "definition", "no plan"))
        })?;
        let plan = Arc::new(plan);
        plans.insert(id, plan.clone());
        Ok(plan)
    }

    /// Stretches of presence that reach into a time, in order.
    pub fn stretches_between(
        &self,
        employee: &EmployeeId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Stretch>> {
        // They do not overlap, so that only the last one that began before can reach into it.
        let mut query = self.conn.prepare_cached(
            "select began_at, ended_at, camera, last_camera, methods from attendance
             where employee = ?1 and began_at < ?3 and began_at >=
                 coalesce((select max(began_at) from attendance where employee = ?1 and began_at < ?2), ?2)
                 and ended_at >= ?2
             order by began_at",
        )?;
        let camera = |row: &Row<'_>, column| read_as(row, column, |text| CameraId::new(text).ok());
        let rows = query.query_map(params![employee.as_str(), ms(from), ms(to)], |row| {
            Ok(Stretch {
                from: row.get("began_at")?,
                to: row.get("ended_at")?,
                first_camera: camera(row, "camera")?,
                last_camera: camera(row, "last_camera")?,
                methods: Methods::from_bits(row.get("methods")?),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// When each camera watched, as far as it reaches into a time.
    pub fn watched_between(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(CameraId, Vec<Span>)>> {
        let mut query = self.conn.prepare_cached(
            "select camera, from_at, coalesce(to_at, ?2) as to_at from camera_watch
             where from_at < ?2 and coalesce(to_at, ?2) > ?1 order by camera, from_at",
        )?;
        let mut rows = query.query(params![ms(from), ms(to)])?;
        let mut watched: Vec<(CameraId, Vec<Span>)> = Vec::new();
        while let Some(row) = rows.next()? {
            let camera = read_as(row, "camera", |text| CameraId::new(text).ok())?;
            if watched.last().is_none_or(|last| last.0 != camera) {
                watched.push((camera, Vec::new()));
            }
            if let Some(last) = watched.last_mut() {
                last.1.push((row.get("from_at")?, row.get("to_at")?));
            }
        }
        Ok(watched)
    }

    /// Up to so many provisional days up to a date, the oldest first.
    pub fn provisional(
        &self,
        through: NaiveDate,
        limit: u32,
    ) -> Result<BTreeMap<NaiveDate, Vec<EmployeeId>>> {
        let mut query = self.conn.prepare_cached(
            "select employee, date from attendance_day where state = 'provisional' and date <= ?1
             order by date limit ?2",
        )?;
        self.grouped(&mut query, params![through.to_string(), limit])
    }

    /// Up to so many days for which something arrived after they were final.
    pub fn arrivals(&self, limit: u32) -> Result<BTreeMap<NaiveDate, Vec<EmployeeId>>> {
        let mut query = self
            .conn
            .prepare_cached("select employee, date from attendance_arrival limit ?1")?;
        self.grouped(&mut query, params![limit])
    }

    fn grouped(
        &self,
        query: &mut rusqlite::CachedStatement<'_>,
        params: impl rusqlite::Params,
    ) -> Result<BTreeMap<NaiveDate, Vec<EmployeeId>>> {
        let mut rows = query.query(params)?;
        let mut days: BTreeMap<NaiveDate, Vec<EmployeeId>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            days.entry(date(row)?).or_default().push(id(row)?);
        }
        Ok(days)
    }

    /// The final days with a difference that HR has to decide on, the oldest first.
    pub fn differences(&self) -> Result<Vec<(EmployeeId, NaiveDate)>> {
        let mut query = self.conn.prepare_cached(
            "select employee, date from attendance_day where difference is not null order by date, employee",
        )?;
        let rows = query.query_map([], |row| Ok((id(row)?, date(row)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Out of what a final day was worked out.
    pub fn evidence(&self, employee: &EmployeeId, day: NaiveDate) -> Result<Option<Evidence>> {
        let mut query = self
            .conn
            .prepare_cached("select evidence from attendance_evidence where employee = ?1 and date = ?2")?;
        let found = query.query_row(params![employee.as_str(), day.to_string()], |row| {
            json(row, "evidence")?.ok_or_else(|| wrong(row, "evidence", "no evidence"))
        });
        Ok(found.optional()?)
    }

    /// Out of what final days came, by date.
    pub fn evidence_between(
        &self,
        employee: &EmployeeId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<HashMap<NaiveDate, Evidence>> {
        let mut query = self.conn.prepare_cached(
            "select date, evidence from attendance_evidence where employee = ?1 and date between ?2 and ?3",
        )?;
        let rows = query.query_map(
            params![employee.as_str(), from.to_string(), to.to_string()],
            |row| {
                let evidence = json(row, "evidence")?;
                Ok((
                    date(row)?,
                    evidence.ok_or_else(|| wrong(row, "evidence", "no evidence"))?,
                ))
            },
        )?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// A final day with what HR and late sightings made of it.
    pub fn record(&self, employee: &EmployeeId, day: NaiveDate) -> Result<Option<Record>> {
        let mut query = self.conn.prepare_cached(
            "select * from attendance_day where employee = ?1 and date = ?2 and state <> 'provisional'",
        )?;
        let found = query
            .query_row(params![employee.as_str(), day.to_string()], |row| {
                Ok((
                    state(row)?,
                    outcome(row)?,
                    json(row, "difference")?,
                    json(row, "dismissed")?,
                ))
            })
            .optional()?;
        let Some((state, outcome, difference, dismissed)) = found else {
            return Ok(None);
        };
        let correction = match state {
            State::Corrected => Some(self.correction(employee, day)?.unwrap_or_default()),
            State::Final | State::Provisional => None,
        };
        Ok(Some(Record {
            outcome,
            correction,
            difference,
            dismissed,
        }))
    }

    /// What HR says of a day, if it does.
    pub fn correction(&self, employee: &EmployeeId, day: NaiveDate) -> Result<Option<Correction>> {
        let mut query = self.conn.prepare_cached(
            "select correction from attendance_decision
             where employee = ?1 and date = ?2 and what in ('corrected', 'withdrawn') order by id desc limit 1",
        )?;
        let found = query
            .query_row(params![employee.as_str(), day.to_string()], |row| {
                json(row, "correction")
            })
            .optional()?;
        Ok(found.flatten())
    }

    /// What HR decided about a day, in order.
    pub fn decisions(&self, employee: &EmployeeId, day: NaiveDate) -> Result<Vec<DecisionRow>> {
        let mut query = self.conn.prepare_cached(
            "select at, who, what, reason, correction, before from attendance_decision
             where employee = ?1 and date = ?2 order by id",
        )?;
        let rows = query.query_map(params![employee.as_str(), day.to_string()], |row| {
            Ok(DecisionRow {
                at: time(row, "at")?,
                who: row.get("who")?,
                what: read_as(row, "what", Decision::parse)?,
                reason: row.get("reason")?,
                correction: json(row, "correction")?,
                before: json(row, "before")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What charts of an employee are drawn from: the final days from one to another.
    pub fn patterns_of(
        &self,
        employee: &EmployeeId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<PatternRow>> {
        let mut query = self.conn.prepare_cached(
            "select date, status, planned_s, late_s, pattern from attendance_day
             where employee = ?1 and date between ?2 and ?3 and state <> 'provisional' order by date",
        )?;
        let rows = query.query_map(
            params![employee.as_str(), from.to_string(), to.to_string()],
            |row| {
                Ok(PatternRow {
                    date: date(row)?,
                    status: read_as(row, "status", |text| {
                        Status::ALL.into_iter().find(|status| status.as_str() == text)
                    })?,
                    planned_s: row.get("planned_s")?,
                    late_s: row.get("late_s")?,
                    pattern: json(row, "pattern")?.unwrap_or_default(),
                })
            },
        )?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The area of each camera that is known.
    pub fn camera_areas(&self) -> Result<HashMap<CameraId, AreaId>> {
        Ok(self
            .camera_rows()?
            .into_iter()
            .map(|row| (row.id, row.area))
            .collect())
    }
}

impl Tx<'_> {
    /// Says what is to be on a day for those who work by a schedule or by none and are registered before it ends; for one
    /// of them, or for all. What was said of it already holds, or does not.
    pub fn plan_day(
        &self,
        day: NaiveDate,
        ends: DateTime<Utc>,
        schedule: Option<&str>,
        employee: Option<&EmployeeId>,
        plan: &Plan,
        before: Before,
    ) -> Result<()> {
        let plan = text(plan)?;
        self.run("insert or ignore into day_plan (definition) values (?1)", [&plan])?;
        self.run(
            "insert into attendance_day (employee, date, plan, state)
             select id, ?1, (select id from day_plan where definition = ?3), 'provisional' from employee
                 where schedule is ?4 and created_at < ?2 and (?5 is null or id = ?5)
             on conflict (employee, date) do update set plan = excluded.plan where state = 'provisional' and ?6",
            params![
                day.to_string(),
                ms(ends),
                plan,
                schedule,
                employee.map(EmployeeId::as_str),
                before == Before::Replaced
            ],
        )?;
        Ok(())
    }

    /// A day becomes final, or what counts of a final one changes.
    pub fn settle_day(
        &self,
        employee: &EmployeeId,
        date: NaiveDate,
        record: &Record,
        day: Option<(&Day, &Pattern, &Evidence)>,
    ) -> Result<()> {
        let figures = record.outcome.figures;
        let optional = |outcome: &Option<Outcome>| outcome.as_ref().map(text).transpose();
        self.run(
            "update attendance_day set state = :state, status = :status, first_in = :first_in, last_out = :last_out,
                 planned_s = :planned, worked_s = :worked, break_s = :break, away_s = :away, late_s = :late,
                 early_leave_s = :early, overtime_s = :overtime, unobserved_s = :unobserved, leave_s = :leave,
                 difference = :difference, dismissed = :dismissed
             where employee = :employee and date = :date",
            named_params! {
                ":employee": employee.as_str(),
                ":date": date.to_string(),
                ":state": record.state().as_str(),
                ":status": record.outcome.status.as_str(),
                ":first_in": record.outcome.first_in,
                ":last_out": record.outcome.last_out,
                ":planned": figures.planned_s,
                ":worked": figures.worked_s,
                ":break": figures.break_s,
                ":away": figures.away_s,
                ":late": figures.late_s,
                ":early": figures.early_leave_s,
                ":overtime": figures.overtime_s,
                ":unobserved": figures.unobserved_s,
                ":leave": figures.leave_s,
                ":difference": optional(&record.difference)?,
                ":dismissed": optional(&record.dismissed)?,
            },
        )?;
        if let Some((day, pattern, evidence)) = day {
            self.run(
                "update attendance_day set flags = ?3, pattern = ?4 where employee = ?1 and date = ?2",
                params![
                    employee.as_str(),
                    date.to_string(),
                    text(&day.flags)?,
                    text(pattern)?
                ],
            )?;
            self.run(
                "insert or replace into attendance_evidence (employee, date, evidence) values (?1, ?2, ?3)",
                params![employee.as_str(), date.to_string(), text(evidence)?],
            )?;
        }
        Ok(())
    }

    /// Something arrived for a day that may be final.
    pub fn note_arrival(&self, employee: &EmployeeId, day: NaiveDate) -> Result<()> {
        self.run(
            "insert or ignore into attendance_arrival (employee, date)
             select employee, date from attendance_day
             where employee = ?1 and date = ?2 and state <> 'provisional'",
            params![employee.as_str(), day.to_string()],
        )?;
        Ok(())
    }

    /// It was looked at.
    pub fn end_arrival(&self, employee: &EmployeeId, day: NaiveDate) -> Result<()> {
        self.run(
            "delete from attendance_arrival where employee = ?1 and date = ?2",
            params![employee.as_str(), day.to_string()],
        )?;
        Ok(())
    }

    /// HR decided something about a day.
    pub fn add_decision(&self, employee: &EmployeeId, day: NaiveDate, decision: &DecisionRow) -> Result<()> {
        self.run(
            "insert into attendance_decision (employee, date, at, who, what, reason, correction, before)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                employee.as_str(),
                day.to_string(),
                ms(decision.at),
                decision.who,
                decision.what.as_str(),
                decision.reason,
                decision.correction.as_ref().map(text).transpose()?,
                decision.before.as_ref().map(text).transpose()?,
            ],
        )?;
        Ok(())
    }
}
