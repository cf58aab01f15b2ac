//! Employees, who is above whom, and what is known of their presence.

use chrono::{DateTime, Utc};
use hadir_shared::id::{AreaId, CameraId, EmployeeId};
use hadir_shared::sighting::Basis;
use rusqlite::{OptionalExtension as _, Row, named_params, params};

use super::{Reader, Tx, count, ms, read_as, read_option, time, time_option};
use crate::core::types::{BodyPresence, Employee, Language, StatusRow};
use crate::error::Result;
use crate::notify::Channel;
use crate::notify::templates::mark_free;
use crate::presence::{PersonFacts, Place, State, Terms};
use crate::schedule::Exemption;

/// An employee as registered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in `Employee`")]
pub struct EmployeeRecord {
    pub id: EmployeeId,
    pub name: String,
    pub supervisor: Option<EmployeeId>,
    pub areas: Vec<AreaId>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub badge: Option<String>,
    pub language: Language,
    pub role_title: Option<String>,
    pub schedule: Option<String>,
    pub policy: Option<String>,
    pub consent: Option<DateTime<Utc>>,
}

const EMPLOYEE: &str = "select e.id, e.name, e.supervisor, e.phone, e.email, e.badge, e.consent_at, e.language,
    e.role_title, e.schedule, e.policy, s.state,
    (select count(*) from template t where t.employee = e.id) as photos,
    (select group_concat(a.area, ' ') from (select area from employee_area where employee = e.id order by area) a)
        as areas
    from employee e join employee_status s on s.employee = e.id";

fn employee(row: &Row<'_>) -> rusqlite::Result<Employee> {
    Ok(Employee {
        id: read_as(row, "id", |t| EmployeeId::new(t).ok())?,
        name: row.get("name")?,
        supervisor: read_option(row, "supervisor", |t| EmployeeId::new(t).ok())?,
        areas: areas(row)?,
        phone: row.get("phone")?,
        email: row.get("email")?,
        badge: row.get("badge")?,
        consent: time_option(row, "consent_at")?,
        language: read_as(row, "language", Language::parse)?,
        role_title: row.get("role_title")?,
        schedule: row.get("schedule")?,
        policy: row.get("policy")?,
        photos: count(row, "photos")?,
        state: read_as(row, "state", State::parse)?,
    })
}

/// Area ids hold no space, so a list of them is one text.
fn areas(row: &Row<'_>) -> rusqlite::Result<Vec<AreaId>> {
    let all = read_option(row, "areas", |text| {
        text.split(' ')
            .map(|id| AreaId::new(id).ok())
            .collect::<Option<Vec<_>>>()
    })?;
    Ok(all.unwrap_or_default())
}

/// When `s.employee` was last seen: of whoever is available the newest sighting says so (or this of so many of them),
/// which spares a write with every sighting.
macro_rules! last_seen {
    () => {
        last_seen!("last_at", 1)
    };
    ($when:literal, $of:literal) => {
        concat!(
            "case when s.state = 'available' then max(s.last_seen, coalesce((select ",
            $when,
            " from (select * from sighting where employee = s.employee order by last_at desc limit ",
            $of,
            ")), 0)) else s.last_seen end as last_seen"
        )
    };
}

const STATUS: &str = concat!(
    "select e.id, e.name, s.state, s.exemption, s.since, ",
    last_seen!(),
    ", l.camera, l.area,
    c.number, coalesce(c.own_label, c.label) as label,
    (select id from alert where employee = e.id and state <> 'closed') as alert,
    exists (select 1 from template t where t.employee = e.id) as enrolled,
    (select basis from sighting n where n.employee = e.id order by last_at desc limit 1) as basis,
    (select max(coalesce(verified_at, last_at)) from
        (select verified_at, last_at from sighting n where n.employee = e.id order by last_at desc limit 20)) as verified_at
    from employee e join employee_status s on s.employee = e.id
    left join employee_location l on l.employee = e.id
    left join camera c on c.id = l.camera"
);

fn status(row: &Row<'_>, now: DateTime<Utc>) -> rusqlite::Result<StatusRow> {
    let last_seen = time_option(row, "last_seen")?;
    Ok(StatusRow {
        employee: read_as(row, "id", |t| EmployeeId::new(t).ok())?,
        name: row.get("name")?,
        state: read_as(row, "state", State::parse)?,
        exemption: read_option(row, "exemption", Exemption::parse)?,
        camera: read_option(row, "camera", |t| t.parse().ok())?,
        camera_number: row.get("number")?,
        camera_label: row.get("label")?,
        area: read_option(row, "area", |t| AreaId::new(t).ok())?,
        last_seen,
        basis: read_option(row, "basis", Basis::parse)?.unwrap_or_default(),
        verified_at: time_option(row, "verified_at")?,
        seconds_since: last_seen.map(|seen| (now - seen).num_seconds().max(0)),
        since: time(row, "since")?,
        alert: row.get("alert")?,
        enrolled: row.get("enrolled")?,
    })
}

impl Reader<'_> {
    /// Everybody, by name.
    pub fn employees(&self) -> Result<Vec<Employee>> {
        let mut query = self
            .conn
            .prepare_cached(&format!("{EMPLOYEE} order by e.name, e.id"))?;
        let rows = query.query_map([], employee)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// One employee.
    pub fn employee(&self, id: &EmployeeId) -> Result<Option<Employee>> {
        let mut query = self.conn.prepare_cached(&format!("{EMPLOYEE} where e.id = ?1"))?;
        Ok(query.query_row([id.as_str()], employee).optional()?)
    }

    /// Whose phone this is, by id.
    pub fn employees_with_phone(&self, phone: &str) -> Result<Vec<Employee>> {
        let mut query = self
            .conn
            .prepare_cached(&format!("{EMPLOYEE} where e.phone = ?1 order by e.id"))?;
        let rows = query.query_map([phone], employee)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Who has this badge.
    pub fn employee_of_badge(&self, badge: &str) -> Result<Option<EmployeeId>> {
        let mut query = self
            .conn
            .prepare_cached("select id from employee where badge = ?1")?;
        Ok(query
            .query_row([badge], |row| read_as(row, "id", |t| EmployeeId::new(t).ok()))
            .optional()?)
    }

    /// Everybody with their superior.
    pub fn superiors(&self) -> Result<Vec<(EmployeeId, Option<EmployeeId>)>> {
        let mut query = self.conn.prepare_cached("select id, supervisor from employee")?;
        let rows = query.query_map([], |row| {
            let id = read_as(row, "id", |t| EmployeeId::new(t).ok())?;
            Ok((id, read_option(row, "supervisor", |t| EmployeeId::new(t).ok())?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Everybody's state.
    pub fn states(&self) -> Result<Vec<(EmployeeId, State)>> {
        let mut query = self
            .conn
            .prepare_cached("select employee, state from employee_status")?;
        let rows = query.query_map([], |row| {
            Ok((
                read_as(row, "employee", |t| EmployeeId::new(t).ok())?,
                read_as(row, "state", State::parse)?,
            ))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether somebody need not be there.
    pub fn is_exempt(&self, employee: &EmployeeId) -> Result<bool> {
        let mut query = self
            .conn
            .prepare_cached("select state = 'exempt' from employee_status where employee = ?1")?;
        Ok(query
            .query_row([employee.as_str()], |row| row.get(0))
            .optional()?
            .unwrap_or(false))
    }

    /// The area of somebody's last sighting.
    pub fn last_area(&self, employee: &EmployeeId) -> Result<Option<AreaId>> {
        let mut query = self
            .conn
            .prepare_cached("select area from employee_location where employee = ?1")?;
        let area = query.query_row([employee.as_str()], |row| {
            read_as(row, "area", |t| AreaId::new(t).ok())
        });
        Ok(area.optional()?)
    }

    /// Everybody's name.
    pub fn names(&self) -> Result<Vec<(EmployeeId, String)>> {
        let mut query = self.conn.prepare_cached("select id, name from employee")?;
        let rows = query.query_map([], |row| {
            Ok((read_as(row, "id", |t| EmployeeId::new(t).ok())?, row.get("name")?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Everybody's status, in no particular order.
    pub fn status(&self, now: DateTime<Utc>) -> Result<Vec<StatusRow>> {
        let mut query = self.conn.prepare_cached(STATUS)?;
        let rows = query.query_map([], |row| status(row, now))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The status of those named, for events.
    pub fn status_of<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i EmployeeId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<StatusRow>> {
        let mut query = self.conn.prepare_cached(&format!("{STATUS} where e.id = ?1"))?;
        let mut rows = Vec::new();
        for id in ids {
            rows.extend(
                query
                    .query_row([id.as_str()], |row| status(row, now))
                    .optional()?,
            );
        }
        Ok(rows)
    }

    /// What the presence rules begin with after a restart; of leaves and excuses those that ended since a moment or
    /// have not.
    pub fn people_facts(&self, since: DateTime<Utc>, bodies: &BodyPresence) -> Result<Vec<PersonFacts>> {
        const AND_SO_ON: &str = ", e.schedule, l.camera, l.area,
             (select last_at from sighting f where f.employee = s.employee and f.method = 'face'
                 order by last_at desc limit 1) as last_face from employee_status s join employee e on e.id = s.employee
             left join employee_location l on l.employee = s.employee";
        let last_seen = match bodies.hold_off_absence {
            true => last_seen!(),
            false => last_seen!(
                "max(case basis when 'body' then coalesce(verified_at, first_at) else last_at end)",
                20
            ),
        };
        let mut query = self.conn.prepare_cached(&format!(
            "select s.employee, s.state, s.exemption, s.since, {last_seen}{AND_SO_ON}"
        ))?;
        let mut exceptions = self.exceptions(ms(since))?;
        let rows = query.query_map([], |row| {
            let id = read_as(row, "employee", |t| EmployeeId::new(t).ok())?;
            let camera = read_option(row, "camera", |t| CameraId::new(t).ok())?;
            let area = read_option(row, "area", |t| AreaId::new(t).ok())?;
            let place = camera.zip(area).map(|(camera, area)| Place { camera, area });
            Ok(PersonFacts {
                terms: Terms {
                    schedule: row.get("schedule")?,
                    exceptions: exceptions.remove(id.as_str()).unwrap_or_default(),
                },
                id,
                state: read_as(row, "state", State::parse)?,
                exemption: read_option(row, "exemption", Exemption::parse)?,
                since: time(row, "since")?,
                last_seen: time_option(row, "last_seen")?.zip(place),
                last_face: time_option(row, "last_face")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Tx<'_> {
    /// Registers an employee, whose state is unknown.
    pub fn register(&self, employee: &EmployeeRecord, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "insert into employee (id, name, supervisor, phone, email, badge, language, role_title, schedule, policy,
                 consent_at, created_at, updated_at)
             values (:id, :name, :supervisor, :phone, :email, :badge, :language, :role_title, :schedule, :policy, :consent, :now,
                 :now)",
            named_params! {
                ":id": employee.id.as_str(),
                ":name": employee.name,
                ":supervisor": employee.supervisor.as_ref().map(EmployeeId::as_str),
                ":phone": employee.phone,
                ":email": employee.email,
                ":badge": employee.badge,
                ":language": employee.language.as_str(),
                ":role_title": employee.role_title,
                ":schedule": employee.schedule,
                ":policy": employee.policy,
                ":consent": employee.consent.map(ms),
                ":now": ms(now),
            },
        )?;
        self.run(
            "insert into employee_status (employee, state, since) values (?1, 'unknown', ?2)",
            params![employee.id.as_str(), ms(now)],
        )?;
        self.set_areas(&employee.id, &employee.areas)
    }

    /// Changes an employee's registration.
    pub fn change(&self, employee: &EmployeeRecord, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "update employee set name = :name, supervisor = :supervisor, phone = :phone, email = :email, badge = :badge,
                 language = :language, role_title = :role_title, schedule = :schedule, policy = :policy, consent_at = :consent,
                 updated_at = :now
             where id = :id",
            named_params! {
                ":id": employee.id.as_str(),
                ":name": employee.name,
                ":supervisor": employee.supervisor.as_ref().map(EmployeeId::as_str),
                ":phone": employee.phone,
                ":email": employee.email,
                ":badge": employee.badge,
                ":language": employee.language.as_str(),
                ":role_title": employee.role_title,
                ":schedule": employee.schedule,
                ":policy": employee.policy,
                ":consent": employee.consent.map(ms),
                ":now": ms(now),
            },
        )?;
        self.readdress(employee, now)?;
        self.set_areas(&employee.id, &employee.areas)
    }

    fn set_areas(&self, id: &EmployeeId, areas: &[AreaId]) -> Result<()> {
        self.run("delete from employee_area where employee = ?1", [id.as_str()])?;
        for area in areas {
            self.ensure_area(area, area.as_str())?;
            self.run(
                "insert or ignore into employee_area (employee, area) values (?1, ?2)",
                [id.as_str(), area.as_str()],
            )?;
        }
        Ok(())
    }

    /// Deletes an employee and all that refers to them. Whoever had them as superior gets theirs.
    ///
    /// Templates may have gone with them: [`super::Store::erase_traces`] must follow the commit.
    pub fn delete_employee(&self, id: &EmployeeId) -> Result<()> {
        self.run(
            "update employee set supervisor = (select supervisor from employee where id = ?1)
             where supervisor = ?1",
            [id.as_str()],
        )?;
        // Alerts of others that they answered keep no id of a deleted person.
        self.run(
            "update alert set acknowledged_by = null where acknowledged_by = ?1",
            [id.as_str()],
        )?;
        // What was done to their row, and their own login.
        self.run(
            "delete from audit where what in ('employee ' || ?1 || ' added', 'employee ' || ?1 || ' changed')",
            [id.as_str()],
        )?;
        let users: Vec<String> = {
            let mut query = self
                .conn()
                .prepare_cached("select username from user where employee = ?1")?;
            let rows = query.query_map([id.as_str()], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        for name in users.iter().map(String::as_str).chain([id.as_str()]) {
            self.rename_author(name, "")?;
        }
        self.run("delete from user where employee = ?1", [id.as_str()])?;
        self.run(
            "delete from conversation where phone = (select phone from employee where id = ?1)",
            [id.as_str()],
        )?;
        for sql in [
            "delete from sighting where employee = ?1",
            "delete from audit where substr(what, 1, length('attendance of ' || ?1 || ' on ')) = 'attendance of ' || ?1 || ' on '",
            "delete from audit where what in ('test message to ' || ?1, 'photo of employee ' || ?1 || ' tried')",
            "delete from audit where substr(what, 1, length('employee ' || ?1 || ' enrolled at ')) = 'employee ' || ?1 || ' enrolled at '",
            "update audit set who = 'whatsapp' where who = 'whatsapp ' || ?1",
            "update exemption set created_by = 'whatsapp' where created_by = 'whatsapp ' || ?1",
        ] {
            self.run(sql, [id.as_str()])?;
        }
        self.delete_unsent_naming(id)?;
        // Messages about their absences, and about nobody else's.
        self.run(
            "delete from message where id in (select a.message from message_about a join alert l on l.id = a.alert
                     where l.employee = ?1)
                 and not exists (select 1 from message_about a join alert l on l.id = a.alert
                     where a.message = message.id and l.employee <> ?1)",
            [id.as_str()],
        )?;
        // Others may name them, too ("Sari already has it"); what is out is needed no more. An absence that is not out
        // yet is filled in anew when it goes.
        self.blank_messages(None)?;
        self.run("delete from employee where id = ?1", [id.as_str()])?;
        Ok(())
    }

    /// Answers and digests that name somebody and are not out for good. What is on its way is not sent again.
    fn delete_unsent_naming(&self, id: &EmployeeId) -> Result<()> {
        let name: Option<String> = self
            .conn()
            .query_row("select name from employee where id = ?1", [id.as_str()], |row| {
                row.get(0)
            })
            .optional()?;
        // As it stands in messages.
        let Some(name) = name.map(|name| mark_free(&name)).filter(|name| !name.is_empty()) else {
            return Ok(());
        };
        let unsent: Vec<(i64, Option<String>, String)> = {
            let mut query = self.conn().prepare_cached(
                "select id, body, parameters from message
                 where state in ('queued', 'sending', 'failed_temporary') and dedup not like 'alert/%'",
            )?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        for (message, body, parameters) in unsent {
            let parameters: Vec<String> = serde_json::from_str(&parameters).unwrap_or_default();
            let mut texts = body.iter().chain(&parameters);
            if texts.any(|text| mark_free(text).contains(&name)) {
                self.run("delete from message where id = ?1", [message])?;
            }
        }
        Ok(())
    }

    /// What waits for somebody goes to where they are reached now; answers are not for another phone, and nothing goes
    /// where they are not reached any more.
    fn readdress(&self, employee: &EmployeeRecord, now: DateTime<Utc>) -> Result<()> {
        for (channel, address) in [
            (Channel::Whatsapp, &employee.phone),
            (Channel::Email, &employee.email),
        ] {
            let (id, channel) = (employee.id.as_str(), channel.as_str());
            self.run(
                "update message set state = 'failed_final', updated_at = ?4,
                     error = 'The recipient is not reached there any more.'
                 where recipient = ?1 and channel = ?2 and address is not ?3
                     and state in ('queued', 'sending', 'failed_temporary') and (?3 is null or dedup like 'reply/%')",
                params![id, channel, address, ms(now)],
            )?;
            self.run(
                "update message set address = ?3
                 where recipient = ?1 and channel = ?2 and address <> ?3
                     and state in ('queued', 'sending', 'failed_temporary')",
                params![id, channel, address],
            )?;
        }
        Ok(())
    }

    /// What the presence rules gave.
    pub fn save_presence(&self, facts: &PersonFacts) -> Result<()> {
        self.run(
            "update employee_status set state = ?2, exemption = ?3, since = ?4, last_seen = ?5 where employee = ?1",
            params![
                facts.id.as_str(),
                facts.state.as_str(),
                facts.exemption.map(Exemption::as_str),
                ms(facts.since),
                facts.last_seen.as_ref().map(|(seen, _)| ms(*seen))
            ],
        )?;
        Ok(())
    }
}
