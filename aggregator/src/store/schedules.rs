//! When people have to be there: schedules, holidays, leaves and excuses.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use hadir_shared::id::EmployeeId;
use rusqlite::{OptionalExtension as _, Row, named_params, params};

use super::{Reader, Tx, count, ms, read_as, read_option, time, wrong};
use crate::core::types::{ExemptionRow, ScheduleRow};
use crate::error::Result;
use crate::schedule::{Exception, Exemption, Schedule};

const EXEMPTION: &str = "select x.id, x.employee, e.name, x.kind, x.from_at, x.to_at, x.reason, x.deputy,
    x.created_by from exemption x join employee e on e.id = x.employee";

fn exemption(row: &Row<'_>) -> rusqlite::Result<ExemptionRow> {
    Ok(ExemptionRow {
        id: row.get("id")?,
        employee: read_as(row, "employee", |t| EmployeeId::new(t).ok())?,
        name: row.get("name")?,
        kind: read_as(row, "kind", Exemption::parse)?,
        from: time(row, "from_at")?,
        to: time(row, "to_at")?,
        reason: row.get("reason")?,
        deputy: read_option(row, "deputy", |t| EmployeeId::new(t).ok())?,
        created_by: row.get("created_by")?,
    })
}

impl Reader<'_> {
    /// Every schedule, by name.
    pub fn schedules(&self) -> Result<Vec<ScheduleRow>> {
        let mut query = self.conn.prepare_cached(
            "select name, definition, (select count(*) from employee where schedule = s.name) as employees
             from schedule s order by name",
        )?;
        let rows = query.query_map([], |row| {
            let text: String = row.get("definition")?;
            Ok(ScheduleRow {
                name: row.get("name")?,
                schedule: serde_json::from_str::<Schedule>(&text)
                    .map_err(|_| wrong(row, "definition", "no schedule"))?,
                employees: count(row, "employees")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Every holiday and what it is called, in order.
    pub fn holidays(&self) -> Result<BTreeMap<NaiveDate, String>> {
        let mut query = self.conn.prepare_cached("select date, name from holiday")?;
        let rows = query.query_map([], |row| {
            Ok((read_as(row, "date", |text| text.parse().ok())?, row.get("name")?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Leaves and excuses that end after a moment, in order of time.
    pub fn exemptions(&self, ending_after: DateTime<Utc>) -> Result<Vec<ExemptionRow>> {
        let mut query = self.conn.prepare_cached(&format!(
            "{EXEMPTION} where x.to_at > ?1 order by x.from_at, x.id"
        ))?;
        let rows = query.query_map([ms(ending_after)], exemption)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// One leave or excuse.
    pub fn exemption(&self, id: i64) -> Result<Option<ExemptionRow>> {
        let mut query = self
            .conn
            .prepare_cached(&format!("{EXEMPTION} where x.id = ?1"))?;
        Ok(query.query_row([id], exemption).optional()?)
    }

    /// What the presence rules ask of one employee.
    pub fn exceptions_of(
        &self,
        employee: &EmployeeId,
        ending_after: DateTime<Utc>,
    ) -> Result<Vec<Exception>> {
        let mut query = self.conn.prepare_cached(
            "select kind, from_at, to_at from exemption where employee = ?1 and to_at > ?2 order by from_at",
        )?;
        let rows = query.query_map(params![employee.as_str(), ms(ending_after)], exception)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The same of everybody who has any.
    pub(super) fn exceptions(&self, ending_after: i64) -> Result<HashMap<String, Vec<Exception>>> {
        let mut query = self.conn.prepare_cached(
            "select employee, kind, from_at, to_at from exemption where to_at > ?1 order by from_at",
        )?;
        let mut rows = query.query([ending_after])?;
        let mut of: HashMap<String, Vec<Exception>> = HashMap::new();
        while let Some(row) = rows.next()? {
            of.entry(row.get("employee")?).or_default().push(exception(row)?);
        }
        Ok(of)
    }
}

fn exception(row: &Row<'_>) -> rusqlite::Result<Exception> {
    Ok(Exception {
        kind: read_as(row, "kind", Exemption::parse)?,
        from: row.get("from_at")?,
        to: row.get("to_at")?,
    })
}

impl Tx<'_> {
    /// Adds a schedule or changes it.
    pub fn save_schedule(&self, name: &str, schedule: &Schedule, now: DateTime<Utc>) -> Result<()> {
        let definition = serde_json::to_string(schedule).map_err(|error| {
            crate::error::Error::internal(format!("A schedule cannot be written: {error}."))
        })?;
        self.run(
            "insert into schedule (name, definition, updated_at) values (?1, ?2, ?3)
             on conflict (name) do update set definition = excluded.definition, updated_at = excluded.updated_at",
            params![name, definition, ms(now)],
        )?;
        Ok(())
    }

    /// Deletes a schedule that nobody works by; false if there is none of that name.
    pub fn delete_schedule(&self, name: &str) -> Result<bool> {
        Ok(self.run("delete from schedule where name = ?1", [name])? > 0)
    }

    /// Adds a holiday or calls it otherwise.
    pub fn save_holiday(&self, date: NaiveDate, name: &str) -> Result<()> {
        self.run(
            "insert into holiday (date, name) values (?1, ?2) on conflict (date) do update set name = excluded.name",
            params![date.to_string(), name],
        )?;
        Ok(())
    }

    /// It is none any more; false if it was none.
    pub fn delete_holiday(&self, date: NaiveDate) -> Result<bool> {
        Ok(self.run("delete from holiday where date = ?1", [date.to_string()])? > 0)
    }

    /// Adds a leave or an excuse.
    pub fn add_exemption(&self, new: &ExemptionRow, now: DateTime<Utc>) -> Result<i64> {
        let mut insert = self.conn().prepare_cached(
            "insert into exemption (employee, kind, from_at, to_at, reason, deputy, created_by, created_at)
             values (:employee, :kind, :from, :to, :reason, :deputy, :by, :now) returning id",
        )?;
        let id = insert.query_row(
            named_params! {
                ":employee": new.employee.as_str(),
                ":kind": new.kind.as_str(),
                ":from": ms(new.from),
                ":to": ms(new.to),
                ":reason": new.reason,
                ":deputy": new.deputy.as_ref().map(EmployeeId::as_str),
                ":by": new.created_by,
                ":now": ms(now),
            },
            |row| row.get(0),
        )?;
        Ok(id)
    }

    /// Ends a leave or an excuse at a moment; one that has not begun by then is gone.
    pub fn end_exemption(&self, id: i64, at: DateTime<Utc>) -> Result<()> {
        self.run(
            "delete from exemption where id = ?1 and from_at >= ?2",
            params![id, ms(at)],
        )?;
        self.run(
            "update exemption set to_at = ?2 where id = ?1 and to_at > ?2",
            params![id, ms(at)],
        )?;
        Ok(())
    }
}
