//! What somebody writes to us on WhatsApp: who they are, what they may ask and do, and the answer.
//!
//! Whoever has a login of role `admin` or `hr` asks about everybody, everybody else about themselves and those below
//! them. Whether there is somebody of a name beyond that is not told. What is refused stands in the record.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use hadir_shared::id::EmployeeId;
use sha2::{Digest as _, Sha256};

use super::Core;
use super::alerts::check_excuse;
use super::incoming::record_name;
use super::state::{Changes, Memory};
use super::types::{
    Alert, AlertState, AttendanceQuery, Employee, Excuse, Of, ReportRequest, Role, Viewer, What,
};
use crate::error::Result;
use crate::notify::answers::{self, Answer};
use crate::notify::commands::{self, Command};
use crate::notify::templates::Payload;
use crate::notify::webhook::{Incoming, Said};
use crate::notify::{Channel, Draft};
use crate::store::{NewEvent, NewMessage, Tx};

/// Strangers are answered so often within [`STRANGER_TIME`], all of them together: enough for whoever mistyped, and
/// too little to make us send masses of messages.
const STRANGERS: u32 = 20;
const STRANGER_TIME: TimeDelta = TimeDelta::hours(1);

/// Whoever gets more answers than this within [`CHATTY_TIME`] is a program that answers ours.
const CHATTY: u32 = 30;
const CHATTY_TIME: TimeDelta = TimeDelta::minutes(10);

/// A webhook that comes so late answers nothing that is still asked.
const MAX_DELAY: TimeDelta = TimeDelta::hours(12);

/// So many people of one name are listed.
const MAX_NAMED: usize = 5;

/// Who writes.
struct Sender<'m> {
    employee: Employee,
    viewer: Viewer,
    message: &'m Incoming,
}

impl Core {
    /// Somebody wrote to us.
    pub(super) fn take_message(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        message: &Incoming,
    ) -> Result<()> {
        let now = self.now();
        // The providers' ids hold numbers, and texts.
        let id = format!("{:x}", Sha256::digest(&message.provider_id));
        if !tx.remember_incoming(&id, now)? {
            return Ok(());
        }
        let written = message.at.unwrap_or(now).min(now);
        if now - written > MAX_DELAY {
            tracing::warn!("a message that came more than twelve hours late was passed over");
            return Ok(());
        }
        let Some(sender) = self.sender(tx, message)? else {
            return self.refuse_stranger(tx, changes, message, &id, now);
        };
        tx.note_written(&message.phone, written)?;
        let mut reported = None;
        let answer = match &message.said {
            Said::Button(payload) => match Payload::parse(payload) {
                Some(payload) => self.press(tx, changes, &sender, payload, now)?,
                None => return Ok(()),
            },
            Said::Text(text) => {
                let command = commands::parse(text, now, self.settings.timezone);
                let answers_an_alert = matches!(command, Command::Ack(_) | Command::Excuse { .. });
                if !answers_an_alert && tx.replies_to(&message.phone, now - CHATTY_TIME)? >= CHATTY {
                    tracing::warn!("somebody asks too much, or an automatic reply answers ours; no answer");
                    return Ok(());
                }
                let (answer, day) = self.obey(state, tx, changes, &sender, command, now)?;
                reported = day;
                answer
            }
            Said::Other => answers::not_understood(sender.employee.language),
        };
        let reply = NewMessage {
            dedup: format!("reply/{id}"),
            alert: None,
            recipient: Some(&sender.employee.id),
            channel: Channel::Whatsapp,
            address: &message.phone,
            language: sender.employee.language,
            draft: Draft::Text(answer),
            report: None,
        };
        self.reply(tx, changes, &reply, now)?;
        let (Some(date), Some(format)) = (reported, self.settings.digest.document) else {
            return Ok(());
        };
        // By itself: a caption is shorter than the answer may be.
        let document = NewMessage {
            dedup: format!("{}/document", reply.dedup),
            draft: Draft::Text(answers::report_document(date, reply.language)),
            report: Some(ReportRequest {
                from: date,
                to: date,
                of: Of::Everybody,
                seen_by: match sender.viewer.role {
                    Role::Admin | Role::Hr => None,
                    Role::Supervisor | Role::Technician => sender.viewer.employee.clone(),
                },
                format,
            }),
            ..reply
        };
        self.reply(tx, changes, &document, now)
    }

    /// Whose phone it is. Where several share one, whoever has a login, else the first.
    fn sender<'m>(&self, tx: &Tx<'_>, message: &'m Incoming) -> Result<Option<Sender<'m>>> {
        let mut senders = Vec::new();
        for employee in tx.employees_with_phone(&message.phone)? {
            let role = tx.role_of(&employee.id)?;
            let viewer = Viewer {
                role: match role {
                    Some(role @ (Role::Admin | Role::Hr)) => role,
                    // A supervisor's own subtree is themselves where nobody is below them.
                    _ => Role::Supervisor,
                },
                employee: Some(employee.id.clone()),
                username: String::new(),
            };
            let viewer = Viewer {
                username: record_name(&viewer),
                ..viewer
            };
            let sender = Sender {
                employee,
                viewer,
                message,
            };
            senders.push((role.is_none(), sender));
        }
        senders.sort_by_key(|(without, _)| *without);
        Ok(senders.into_iter().next().map(|(_, sender)| sender))
    }

    fn refuse_stranger(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        message: &Incoming,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        if tx.replies_to_strangers(now - STRANGER_TIME)? >= STRANGERS {
            tracing::warn!("too many messages from numbers that are not registered; they get no answer");
            return Ok(());
        }
        // No more of the number than is needed to find out whose it is.
        let end: String = message
            .phone
            .chars()
            .skip(message.phone.len().saturating_sub(3))
            .collect();
        tx.audit(
            Channel::Whatsapp.as_str(),
            &format!("refused: a number that is not registered, ending in {end}"),
            now,
        )?;
        let reply = NewMessage {
            dedup: format!("reply/{id}"),
            alert: None,
            recipient: None,
            channel: Channel::Whatsapp,
            address: &message.phone,
            language: self.language_in_force(tx)?,
            draft: Draft::Text(answers::stranger(&self.settings.name)),
            report: None,
        };
        self.reply(tx, changes, &reply, now)
    }

    fn press(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        sender: &Sender<'_>,
        payload: Payload,
        now: DateTime<Utc>,
    ) -> Result<String> {
        match payload {
            Payload::Ack(alert) => self.ack(tx, changes, sender, &[alert], now),
            Payload::AckAll(message) => {
                let about = tx.about(message)?;
                self.ack(tx, changes, sender, &about, now)
            }
            Payload::Excuse(id) => match self.answerable(tx, sender, id, now)? {
                Ok(alert) => Ok(answers::how_to_excuse(id, &alert.name, sender.employee.language)),
                Err(refusal) => Ok(refusal),
            },
        }
    }

    /// Gives the answer, and the day whose report is to follow it.
    fn obey(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        sender: &Sender<'_>,
        command: Command,
        now: DateTime<Utc>,
    ) -> Result<(String, Option<NaiveDate>)> {
        let (zone, language) = (self.settings.timezone, sender.employee.language);
        let answer = match command {
            Command::Ack(Some(alert)) => self.ack(tx, changes, sender, &[alert], now)?,
            Command::Ack(None) => {
                let about = match tx.last_absences_told(&sender.message.phone)? {
                    Some(last) => tx.about(last)?,
                    None => Vec::new(),
                };
                self.ack(tx, changes, sender, &about, now)?
            }
            Command::Excuse { alert, until, reason } => {
                let alert = match self.answerable(tx, sender, alert, now)? {
                    Ok(alert) => alert,
                    Err(refusal) => return Ok((refusal, None)),
                };
                let reason = match reason.is_empty() {
                    true => Channel::Whatsapp.as_str().to_owned(),
                    false => reason,
                };
                let excuse = until.map(|until| Excuse { reason, until });
                let Some(excuse) = excuse.filter(|excuse| check_excuse(excuse, now).is_ok()) else {
                    return Ok((answers::how_to_excuse(alert.id, &alert.name, language), None));
                };
                self.excuse_alert(state, tx, changes, &sender.viewer, &alert, &excuse, now)?;
                answers::excused(&alert.name, excuse.until, now, language, zone)
            }
            Command::Status => {
                let rows = self.status_in(tx, &sender.viewer, now)?;
                answers::status(&self.settings.name, &rows, language, zone, now)
            }
            Command::Report(date) => {
                let (answer, made) = self.report(state, tx, sender, date, now)?;
                return Ok((answer, made.then_some(date)));
            }
            Command::Where(name) => {
                let name = name.to_lowercase();
                let rows = self.status_in(tx, &sender.viewer, now)?;
                let named = |row: &&super::StatusRow| {
                    row.name.to_lowercase().contains(&name)
                        || row.employee.as_str().eq_ignore_ascii_case(&name)
                };
                let found: Vec<_> = rows.iter().filter(named).collect();
                match found.len() {
                    0 => self.refuse(tx, sender, "where", now)?,
                    1..=MAX_NAMED => answers::whereabouts(&found, language, zone, now),
                    many => answers::too_many(many, language),
                }
            }
            Command::Help => answers::help(language),
            Command::Unknown => answers::not_understood(language),
        };
        Ok((answer, None))
    }

    /// What to say of a day, and whether there is a report of it.
    fn report(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        sender: &Sender<'_>,
        date: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<(String, bool)> {
        let language = sender.employee.language;
        state.stretches.write(tx, usize::MAX, now)?;
        let query = AttendanceQuery {
            from: date,
            to: date,
            of: Of::Everybody,
        };
        Ok(match self.attendance_in(tx, &sender.viewer, &query) {
            Ok(report) => (answers::report(&report, language, self.settings.timezone), true),
            Err(_) => (answers::not_understood(language), false),
        })
    }

    fn refuse(&self, tx: &Tx<'_>, sender: &Sender<'_>, what: &str, now: DateTime<Utc>) -> Result<String> {
        tx.audit(
            &sender.viewer.username,
            &format!("refused: {what}, of somebody who is not below them"),
            now,
        )?;
        Ok(answers::refused(sender.employee.language))
    }

    /// The alert, if it is one that they may answer: they were told of it on this phone, or see whom it is about. Else
    /// what to say.
    fn answerable(
        &self,
        tx: &Tx<'_>,
        sender: &Sender<'_>,
        id: i64,
        now: DateTime<Utc>,
    ) -> Result<Result<Alert, String>> {
        let language = sender.employee.language;
        let alert = match tx.alert(id)? {
            Some(alert)
                if self.may_see(&sender.viewer, &alert.employee)
                    || tx.was_told_at(id, &sender.message.phone)? =>
            {
                alert
            }
            _ => return Ok(Err(self.refuse(tx, sender, &format!("alert {id}"), now)?)),
        };
        if alert.employee == sender.employee.id && sender.viewer.role == Role::Supervisor {
            return Ok(Err(answers::not_your_own(language)));
        }
        Ok(match alert.state {
            AlertState::Closed => Err(answers::answered(&alert.name, Answer::Over, language)),
            AlertState::Open | AlertState::Acknowledged => Ok(alert),
        })
    }

    /// "I have it", of some alerts; the answer says what became of each.
    fn ack(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        sender: &Sender<'_>,
        alerts: &[i64],
        now: DateTime<Utc>,
    ) -> Result<String> {
        let language = sender.employee.language;
        let mut lines: Vec<String> = Vec::new();
        for id in alerts {
            let line = match self.answerable(tx, sender, *id, now)? {
                Ok(alert) => {
                    let answer = self.take_over(tx, changes, &sender.employee.id, &alert, now)?;
                    answers::answered(&alert.name, answer, language)
                }
                Err(refusal) => refusal,
            };
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        if lines.is_empty() {
            return Ok(answers::nothing_to_answer(language));
        }
        Ok(lines.join("\n"))
    }

    /// The first who answers has it.
    fn take_over<'a>(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        who: &EmployeeId,
        alert: &'a Alert,
        now: DateTime<Utc>,
    ) -> Result<Answer<'a>> {
        if alert.state == AlertState::Open {
            tx.acknowledge_alert(alert.id, who.as_str(), now)?;
            tx.cancel_unsent(alert.id, "It was answered before it went out.", now)?;
            let event = NewEvent {
                recipient: Some(who),
                ..NewEvent::of(What::Acknowledged)
            };
            tx.add_event(alert.id, now, &event)?;
            changes.alerts.insert(alert.id);
            return Ok(Answer::Yours);
        }
        Ok(match &alert.acknowledged_by {
            Some(by) if self.people().name(who) != Some(by) => Answer::Others(by),
            _ => Answer::Yours,
        })
    }
}
