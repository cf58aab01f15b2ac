//! Escalation policies, where they hold, and who can be told.

use chrono::{DateTime, Utc};
use hadir_shared::id::{AreaId, EmployeeId};
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Reader, Tx, count, ms, read_as, read_option, wrong};
use crate::core::types::{Language, PolicyRow, Role};
use crate::error::{Error, Result};
use crate::escalation::{Contact, Leave, Policy};
use crate::presence::State;

/// A policy as it is stored.
pub(super) fn written(policy: &Policy) -> Result<String> {
    serde_json::to_string(policy)
        .map_err(|error| Error::internal(format!("A policy cannot be written: {error}.")))
}

fn policy(row: &Row<'_>, column: &str) -> rusqlite::Result<Policy> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|_| wrong(row, column, "no policy"))
}

impl Reader<'_> {
    /// Every policy, by name.
    pub fn policies(&self) -> Result<Vec<PolicyRow>> {
        let mut query = self.conn.prepare_cached(
            "select name, definition, (select count(*) from employee where policy = p.name) as teams,
                 (select count(*) from area where policy = p.name) as areas from policy p order by name",
        )?;
        let rows = query.query_map([], |row| {
            Ok(PolicyRow {
                name: row.get("name")?,
                policy: policy(row, "definition")?,
                areas: count(row, "areas")?,
                teams: count(row, "teams")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The policy for an absence of somebody last seen in an area: the area's, else that of the nearest of themselves
    /// and their superiors who has one, else the default. `None`: the standard one.
    pub fn policy_for(&self, employee: &EmployeeId, area: Option<&AreaId>) -> Result<Option<PolicyRow>> {
        let mut of_area = self
            .conn
            .prepare_cached("select policy from area where id = ?1")?;
        let mut name: Option<String> = match area {
            Some(area) => of_area
                .query_row([area.as_str()], |row| row.get(0))
                .optional()?
                .flatten(),
            None => None,
        };
        let mut of_employee = self
            .conn
            .prepare_cached("select policy from employee where id = ?1")?;
        for id in std::iter::once(employee.clone()).chain(self.above(employee)?) {
            if name.is_some() {
                break;
            }
            name = of_employee
                .query_row([id.as_str()], |row| row.get(0))
                .optional()?
                .flatten();
        }
        let name = name.as_deref().unwrap_or("default");
        Ok(self.policies()?.into_iter().find(|row| row.name == name))
    }

    /// The policy that an alert was opened with.
    pub fn policy_of(&self, alert: i64) -> Result<Option<Policy>> {
        let mut query = self
            .conn
            .prepare_cached("select policy from alert where id = ?1 and policy is not null")?;
        Ok(query.query_row([alert], |row| policy(row, "policy")).optional()?)
    }

    /// The ids of everybody above an employee, the direct superior first.
    pub fn above(&self, id: &EmployeeId) -> Result<Vec<EmployeeId>> {
        // `union` ends even on a cycle, which no write lets in.
        let mut query = self.conn.prepare_cached(
            "with recursive above (id, level) as (
                 select supervisor, 1 from employee where id = ?1 and supervisor is not null
                 union
                 select e.supervisor, a.level + 1 from above a join employee e on e.id = a.id
                     where e.supervisor is not null and a.level < 100
             )
             select id from above order by level",
        )?;
        let rows = query.query_map([id.as_str()], |row| {
            read_as(row, "id", |t| EmployeeId::new(t).ok())
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Those named, as they can be told at `now`; behind each who is on leave, their deputy.
    pub fn contacts(&self, ids: &[EmployeeId], now: DateTime<Utc>) -> Result<Vec<Contact>> {
        let mut query = self.conn.prepare_cached(
            "select e.id, e.phone, e.email, e.language, s.state, x.id is not null as away, x.deputy from employee e
             join employee_status s on s.employee = e.id
             left join exemption x on x.id = (select id from exemption where employee = e.id
                 and kind = 'on_leave' and from_at <= ?2 and to_at > ?2 order by deputy is null, id limit 1)
             where e.id = ?1",
        )?;
        let mut contact = |id: &EmployeeId| -> Result<Option<(Contact, Option<EmployeeId>)>> {
            let found = query.query_row(params![id.as_str(), ms(now)], |row| {
                let contact = Contact {
                    id: read_as(row, "id", |t| EmployeeId::new(t).ok())?,
                    phone: row.get("phone")?,
                    email: row.get("email")?,
                    language: read_as(row, "language", Language::parse)?,
                    state: read_as(row, "state", State::parse)?,
                    leave: if row.get("away")? {
                        Leave::Away
                    } else {
                        Leave::Here
                    },
                };
                Ok((contact, read_option(row, "deputy", |t| EmployeeId::new(t).ok())?))
            });
            Ok(found.optional()?)
        };
        let mut contacts = Vec::new();
        for id in ids {
            let Some((one, deputy)) = contact(id)? else {
                continue;
            };
            contacts.push(one);
            // A deputy of a deputy is one step too far.
            if let Some(deputy) = deputy {
                contacts.extend(contact(&deputy)?.map(|(deputy, _)| deputy));
            }
        }
        Ok(contacts)
    }

    /// The employees who have a login of this role.
    pub fn holders(&self, role: Role) -> Result<Vec<EmployeeId>> {
        let mut query = self.conn.prepare_cached(
            "select distinct employee from user where role = ?1 and employee is not null order by employee",
        )?;
        let rows = query.query_map([role.as_str()], |row| {
            read_as(row, "employee", |t| EmployeeId::new(t).ok())
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Who is responsible for an area.
    pub fn area_supervisor(&self, area: &AreaId) -> Result<Option<EmployeeId>> {
        let mut query = self
            .conn
            .prepare_cached("select supervisor from area where id = ?1")?;
        let found = query.query_row([area.as_str()], |row| {
            read_option(row, "supervisor", |t| EmployeeId::new(t).ok())
        });
        Ok(found.optional()?.flatten())
    }
}

impl Tx<'_> {
    /// Adds a policy or changes it.
    pub fn save_policy(&self, name: &str, policy: &Policy, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "insert into policy (name, definition, updated_at) values (?1, ?2, ?3)
             on conflict (name) do update set definition = excluded.definition, updated_at = excluded.updated_at",
            params![name, written(policy)?, ms(now)],
        )?;
        Ok(())
    }

    /// Deletes a policy that holds nowhere.
    pub fn delete_policy(&self, name: &str) -> Result<()> {
        self.run("delete from policy where name = ?1", [name])?;
        Ok(())
    }
}
