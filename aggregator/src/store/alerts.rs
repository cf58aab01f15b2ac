//! Alerts and what happened to them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use hadir_shared::id::{AreaId, CameraId, EmployeeId};
use rusqlite::{OptionalExtension as _, Row, named_params, params, params_from_iter};

use super::{Reader, Tx, ms, read_as, read_option, time, time_option};
use crate::core::types::{Alert, AlertEvent, AlertFilter, AlertState, CloseReason, Language, What};
use crate::error::Result;
use crate::escalation::{Outcome, Policy, TakenStep};
use crate::notify::{Channel, MessageState, templates};

/// Somebody who was told of an absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub recipient: EmployeeId,
    /// By which way.
    pub channel: Channel,
    /// Where the message went.
    pub address: String,
    /// In which language.
    pub language: Language,
}

const ALERT_STATES: [(AlertState, &str); 3] = [
    (AlertState::Open, "open"),
    (AlertState::Acknowledged, "acknowledged"),
    (AlertState::Closed, "closed"),
];

const CLOSE_REASONS: [(CloseReason, &str); 4] = [
    (CloseReason::Returned, "returned"),
    (CloseReason::Excused, "excused"),
    (CloseReason::Deleted, "deleted"),
    (CloseReason::OffShift, "off_shift"),
];

const WHATS: [(What, &str); 9] = [
    (What::Opened, "opened"),
    (What::Message, "message"),
    (What::PassedOver, "passed_over"),
    (What::Acknowledged, "acknowledged"),
    (What::Excused, "excused"),
    (What::Returned, "returned"),
    (What::GaveUp, "gave_up"),
    (What::Closed, "closed"),
    // In a table of its own.
    (What::Commented, "commented"),
];

fn text<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    table
        .iter()
        .find(|(v, _)| v == value)
        .map_or("", |(_, text)| text)
}

fn value<T: Copy>(table: &[(T, &'static str)], text: &str) -> Option<T> {
    table.iter().find(|(_, t)| *t == text).map(|(value, _)| *value)
}

const ALERT: &str = "select a.id, a.employee, e.name, a.camera, a.area, a.last_seen, a.opened_at, a.state,
    coalesce((select name from employee where id = a.acknowledged_by), a.acknowledged_by) as answered_by,
    a.acknowledged_at, a.closed_at, a.close_reason from alert a join employee e on e.id = a.employee";

fn alert(row: &Row<'_>) -> rusqlite::Result<Alert> {
    Ok(Alert {
        id: row.get("id")?,
        employee: read_as(row, "employee", |t| EmployeeId::new(t).ok())?,
        name: row.get("name")?,
        camera: read_option(row, "camera", |t| CameraId::new(t).ok())?,
        area: read_option(row, "area", |t| AreaId::new(t).ok())?,
        last_seen: time(row, "last_seen")?,
        opened_at: time(row, "opened_at")?,
        state: read_as(row, "state", |t| value(&ALERT_STATES, t))?,
        acknowledged_by: row.get("answered_by")?,
        acknowledged_at: time_option(row, "acknowledged_at")?,
        closed_at: time_option(row, "closed_at")?,
        close_reason: read_option(row, "close_reason", |t| value(&CLOSE_REASONS, t))?,
        history: Vec::new(),
    })
}

impl Reader<'_> {
    /// Alerts with their history, newest first, of everybody or of these; all that are open, or the newest 500.
    pub fn alerts(&self, filter: AlertFilter, of: Option<&HashSet<EmployeeId>>) -> Result<Vec<Alert>> {
        let (state, limit) = match filter {
            AlertFilter::Open => ("a.state <> 'closed'", ""),
            AlertFilter::All => ("true", "limit 500"),
        };
        let (whose, ids) = match of {
            None => ("true", None),
            Some(ids) => (
                "a.employee in (select value from json_each(?1))",
                Some(serde_json::to_string(ids).unwrap_or_else(|_| "[]".into())),
            ),
        };
        let mut query = self.conn.prepare_cached(&format!(
            "{ALERT} where {state} and {whose} order by a.opened_at desc, a.id desc {limit}"
        ))?;
        let rows = query.query_map(params_from_iter(ids), alert)?;
        let mut alerts: Vec<Alert> = rows.collect::<rusqlite::Result<_>>()?;
        for alert in &mut alerts {
            alert.history = self.history(alert.id)?;
        }
        Ok(alerts)
    }

    /// One alert with its history.
    pub fn alert(&self, id: i64) -> Result<Option<Alert>> {
        let mut query = self.conn.prepare_cached(&format!("{ALERT} where a.id = ?1"))?;
        let Some(mut alert) = query.query_row([id], alert).optional()? else {
            return Ok(None);
        };
        alert.history = self.history(id)?;
        Ok(Some(alert))
    }

    fn history(&self, id: i64) -> Result<Vec<AlertEvent>> {
        let mut query = self.conn.prepare_cached(
            "select v.at, v.what, v.recipient, e.name, m.channel, m.state, v.detail, v.id from alert_event v
             left join employee e on e.id = v.recipient left join message m on m.id = v.message
             where v.alert = ?1
             union all
             select c.at, 'commented', e.id, coalesce(e.name, c.who), null, null, c.text, c.id from alert_comment c
             left join employee e on e.id = c.who
             where c.alert = ?1 order by 1, 8",
        )?;
        let rows = query.query_map([id], |row| {
            Ok(AlertEvent {
                at: time(row, "at")?,
                what: read_as(row, "what", |t| value(&WHATS, t))?,
                recipient: read_option(row, "recipient", |t| EmployeeId::new(t).ok())?,
                recipient_name: row.get("name")?,
                channel: read_option(row, "channel", Channel::parse)?,
                message_state: read_option(row, "state", MessageState::parse)?,
                detail: row.get("detail")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The alert of an employee that is not closed.
    pub fn open_alert(&self, employee: &EmployeeId) -> Result<Option<i64>> {
        let mut query = self
            .conn
            .prepare_cached("select id from alert where employee = ?1 and state <> 'closed'")?;
        Ok(query
            .query_row([employee.as_str()], |row| row.get(0))
            .optional()?)
    }

    /// The alerts that nobody has answered.
    pub fn open_alerts(&self) -> Result<Vec<i64>> {
        let mut query = self
            .conn
            .prepare_cached("select id from alert where state = 'open' order by id")?;
        let rows = query.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The employees whose alerts' climbs have something to do after `from`, up to `to`, and when.
    pub fn climbs_between(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(EmployeeId, DateTime<Utc>)>> {
        let mut query = self.conn.prepare_cached(
            "select employee, due_at from alert where state = 'open' and due_at > ?1 and due_at <= ?2",
        )?;
        let rows = query.query_map([ms(from), ms(to)], |row| {
            Ok((
                read_as(row, "employee", |t| EmployeeId::new(t).ok())?,
                time(row, "due_at")?,
            ))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// When the next climb has something to do.
    pub fn next_climb(&self) -> Result<Option<DateTime<Utc>>> {
        let sql = "select min(due_at) as due from alert where state = 'open' and due_at is not null";
        let mut query = self.conn.prepare_cached(sql)?;
        Ok(query.query_row([], |row| time_option(row, "due"))?)
    }

    /// The alerts whose climb has something to do at `now`, in order of time.
    pub fn climbs_due(&self, now: DateTime<Utc>) -> Result<Vec<i64>> {
        let mut query = self.conn.prepare_cached(
            "select id from alert where state = 'open' and due_at is not null and due_at <= ?1 order by due_at, id",
        )?;
        let rows = query.query_map([ms(now)], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What the steps of an alert's escalation have come to, in order.
    pub fn steps_taken(&self, alert: i64) -> Result<Vec<TakenStep>> {
        let mut query = self.conn.prepare_cached(
            "select v.step, v.at, v.recipient, v.what, v.detail, m.state from alert_event v
             left join message m on m.id = v.message
             where v.alert = ?1 and v.step is not null order by v.id",
        )?;
        let rows = query.query_map([alert], |row| {
            let what = read_as(row, "what", |t| value(&WHATS, t))?;
            let detail: Option<String> = row.get("detail")?;
            let state = read_option(row, "state", MessageState::parse)?;
            Ok(TakenStep {
                step: row.get("step")?,
                recipient: read_option(row, "recipient", |t| EmployeeId::new(t).ok())?,
                at: time(row, "at")?,
                outcome: match (what, state, detail.as_deref()) {
                    (What::GaveUp, ..) => Outcome::GaveUp,
                    (What::PassedOver, _, Some("nobody_left")) => Outcome::NobodyLeft,
                    (What::PassedOver, ..) => Outcome::PassedOver,
                    (_, Some(MessageState::FailedFinal), _) => Outcome::Undeliverable,
                    _ => Outcome::Told,
                },
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Who has been told of an absence, as far as we know.
    pub fn told(&self, alert: i64) -> Result<Vec<Told>> {
        let mut query = self.conn.prepare_cached(
            "select distinct m.recipient, m.channel, m.address, m.language from message_about a
             join message m on m.id = a.message
             where a.alert = ?1 and m.template = ?2 and m.recipient is not null
                 and (m.uncertain or m.state in ('sending', 'sent', 'delivered', 'read'))",
        )?;
        let rows = query.query_map(params![alert, templates::ABSENCE], |row| {
            Ok(Told {
                recipient: read_as(row, "recipient", |t| EmployeeId::new(t).ok())?,
                channel: read_as(row, "channel", Channel::parse)?,
                address: row.get("address")?,
                language: read_as(row, "language", Language::parse)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Tx<'_> {
    /// Opens an alert for an absence, from where the employee is known to have been last.
    pub fn open_alert_for(
        &self,
        employee: &EmployeeId,
        last_seen: DateTime<Utc>,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Result<i64> {
        let id = self.conn().query_row(
            "insert into alert (employee, camera, area, last_seen, opened_at, state, policy, due_at)
             select ?1, l.camera, l.area, ?2, ?3, 'open', ?4, ?3
             from employee e left join employee_location l on l.employee = e.id where e.id = ?1 returning id",
            params![
                employee.as_str(),
                ms(last_seen),
                ms(now),
                super::policies::written(policy)?
            ],
            |row| row.get(0),
        )?;
        Ok(id)
    }

    /// When an alert's climb has something to do next.
    pub fn set_climb_due(&self, alert: i64, due: Option<DateTime<Utc>>) -> Result<()> {
        self.run(
            "update alert set due_at = ?2 where id = ?1",
            params![alert, due.map(ms)],
        )?;
        Ok(())
    }

    /// Adds to an alert's history.
    pub fn add_event(&self, alert: i64, at: DateTime<Utc>, event: &NewEvent<'_>) -> Result<()> {
        self.run(
            "insert into alert_event (alert, at, what, recipient, step, message, detail)
             values (:alert, :at, :what, :recipient, :step, :message, :detail)",
            named_params! {
                ":alert": alert,
                ":at": ms(at),
                ":what": text(&WHATS, &event.what),
                ":recipient": event.recipient.map(EmployeeId::as_str),
                ":step": event.step,
                ":message": event.message,
                ":detail": event.detail,
            },
        )?;
        Ok(())
    }

    /// Somebody noted something. `by`: an employee's id, else a user's name.
    pub fn add_comment(&self, alert: i64, by: &str, text: &str, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "insert into alert_comment (alert, at, who, text) values (?1, ?2, ?3, ?4)",
            params![alert, ms(now), by, text],
        )?;
        Ok(())
    }

    /// Somebody has it. `by`: an employee's id, else a user's name. The first who answers stays.
    pub fn acknowledge_alert(&self, alert: i64, by: &str, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "update alert set state = 'acknowledged', acknowledged_by = ?2, acknowledged_at = ?3
             where id = ?1 and state = 'open'",
            params![alert, by, ms(now)],
        )?;
        Ok(())
    }

    /// An absence is over.
    pub fn close_alert(&self, alert: i64, reason: CloseReason, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "update alert set state = 'closed', closed_at = ?2, close_reason = ?3 where id = ?1",
            params![alert, ms(now), text(&CLOSE_REASONS, &reason)],
        )?;
        Ok(())
    }
}

/// A line to be added to an alert's history.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'e> {
    /// What happened.
    pub what: What,
    /// Whom it concerns.
    pub recipient: Option<&'e EmployeeId>,
    /// The step of the escalation that it belongs to.
    pub step: Option<u32>,
    /// The message that went out for it.
    pub message: Option<i64>,
    /// A code, or an excuse's reason.
    pub detail: Option<&'e str>,
}

impl NewEvent<'_> {
    /// Something that concerns nobody in particular.
    pub fn of(what: What) -> Self {
        Self {
            what,
            recipient: None,
            step: None,
            message: None,
            detail: None,
        }
    }
}
