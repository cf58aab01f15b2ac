//! The outgoing queue, and what is known of incoming messages.

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::id::EmployeeId;
use rusqlite::{OptionalExtension as _, Row, named_params, params};

use super::{Reader, Tx, ms, read_as, time, wrong};
use crate::core::types::{Language, MessageRow, ReportRequest};
use crate::error::{Error, Result};
use crate::notify::{Channel, Draft, MessageState, Uncertain, templates};

/// What a message is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A template, which may be sent at any time.
    Template,
    /// Text, which may be sent within 24 hours of the recipient's last message.
    Text,
}

/// A message to be queued.
#[derive(Clone, Debug)]
pub struct NewMessage<'m> {
    /// One message is ever queued for each of these.
    pub dedup: String,
    /// The alert that it is about.
    pub alert: Option<i64>,
    /// To whom.
    pub recipient: Option<&'m EmployeeId>,
    /// By which way.
    pub channel: Channel,
    /// To where: E.164, or an e-mail address.
    pub address: &'m str,
    /// In which language.
    pub language: Language,
    /// What it says.
    pub draft: Draft,
    /// The report that goes with it.
    pub report: Option<ReportRequest>,
}

/// A message that was claimed for sending.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuedMessage {
    /// Its id.
    pub id: i64,
    /// To where.
    pub address: String,
    /// In which language.
    pub language: Language,
    /// What it is sent as.
    pub form: Form,
    /// What it says.
    pub draft: Draft,
    /// The report that goes with it.
    pub report: Option<ReportRequest>,
    /// From when on it should have gone out.
    pub wanted_at: DateTime<Utc>,
}

/// A message as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMessage {
    /// Its id.
    pub id: i64,
    /// By which way.
    pub channel: Channel,
    /// To where.
    pub address: String,
    /// How far it has come.
    pub state: MessageState,
    /// What it is sent as.
    pub form: Form,
    /// Whether there is a template to fall back on.
    pub template: Option<String>,
    /// Whether a report goes with it.
    pub has_report: bool,
    /// In which language.
    pub language: Language,
    /// How often it was tried.
    pub attempts: u32,
    /// The provider's id of the last try that was taken.
    pub provider_id: Option<String>,
}

/// How much may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages at once.
    pub at_once: u32,
    /// Messages to one address within a minute.
    pub per_recipient: u32,
    /// Messages altogether within a second.
    pub per_second: u32,
    /// Which.
    pub kinds: Kinds,
    /// With a document or without.
    pub load: Load,
}

/// Whether a document goes with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// None.
    Plain,
    /// One.
    Documents,
}

/// Which messages may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    /// Every one.
    All,
    /// It is quiet: those that are about no alert.
    NoAlerts,
}

const STORED: &str =
    "select id, channel, address, state, form, template, document is not null as has_report, language, attempts,
    provider_id from message";

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredMessage> {
    Ok(StoredMessage {
        id: row.get("id")?,
        channel: read_as(row, "channel", Channel::parse)?,
        address: row.get("address")?,
        state: read_as(row, "state", MessageState::parse)?,
        form: read_as(row, "form", form)?,
        template: row.get("template")?,
        has_report: row.get("has_report")?,
        language: read_as(row, "language", Language::parse)?,
        attempts: row.get("attempts")?,
        provider_id: row.get("provider_id")?,
    })
}

fn form(text: &str) -> Option<Form> {
    match text {
        "template" => Some(Form::Template),
        "text" => Some(Form::Text),
        _ => None,
    }
}

fn queued(row: &Row<'_>) -> rusqlite::Result<QueuedMessage> {
    let strings = |column: &str| -> rusqlite::Result<Vec<String>> {
        let json: String = row.get(column)?;
        serde_json::from_str(&json).map_err(|_| wrong(row, column, "no list of texts"))
    };
    let body: Option<String> = row.get("body")?;
    let template: Option<String> = row.get("template")?;
    let draft = match (template, body) {
        (Some(name), _) => Draft::Template {
            name,
            parameters: strings("parameters")?,
            buttons: strings("buttons")?,
        },
        (None, Some(body)) => Draft::Text(body),
        (None, None) => return Err(wrong(row, "body", "a message without content")),
    };
    let report: Option<String> = row.get("document")?;
    let report = report
        .map(|json| serde_json::from_str(&json).map_err(|_| wrong(row, "document", "no report")))
        .transpose()?;
    Ok(QueuedMessage {
        id: row.get("id")?,
        address: row.get("address")?,
        language: read_as(row, "language", Language::parse)?,
        form: read_as(row, "form", form)?,
        draft,
        report,
        wanted_at: time(row, "wanted_at")?,
    })
}

fn json(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

impl Reader<'_> {
    /// A message by the provider's id.
    pub fn message_of_provider(&self, provider_id: &str) -> Result<Option<StoredMessage>> {
        let mut query = self
            .conn
            .prepare_cached(&format!("{STORED} where provider_id = ?1"))?;
        Ok(query.query_row([provider_id], stored).optional()?)
    }

    /// A message by our own id.
    pub fn message(&self, id: i64) -> Result<Option<StoredMessage>> {
        let mut query = self.conn.prepare_cached(&format!("{STORED} where id = ?1"))?;
        Ok(query.query_row([id], stored).optional()?)
    }

    /// How far a message has come.
    pub fn message_row(&self, id: i64) -> Result<Option<MessageRow>> {
        let mut query = self
            .conn
            .prepare_cached("select id, channel, state, attempts, error from message where id = ?1")?;
        let row = query.query_row([id], |row| {
            Ok(MessageRow {
                id: row.get("id")?,
                channel: read_as(row, "channel", Channel::parse)?,
                state: read_as(row, "state", MessageState::parse)?,
                attempts: row.get("attempts")?,
                error: row.get("error")?,
            })
        });
        Ok(row.optional()?)
    }

    /// Whether somebody at this phone was told of an alert.
    pub fn was_told_at(&self, alert: i64, phone: &str) -> Result<bool> {
        Ok(self.told(alert)?.iter().any(|told| told.address == phone))
    }

    /// The alerts that a message is about, in order.
    pub fn about(&self, message: i64) -> Result<Vec<i64>> {
        let mut query = self
            .conn
            .prepare_cached("select alert from message_about where message = ?1 order by alert")?;
        let rows = query.query_map([message], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The newest message about absences that went to an address.
    pub fn last_absences_told(&self, address: &str) -> Result<Option<i64>> {
        let mut query = self.conn.prepare_cached(
            "select id from message where address = ?1 and template = ?2 and sent_at is not null
                 order by sent_at desc limit 1",
        )?;
        Ok(query
            .query_row(params![address, templates::ABSENCE], |row| row.get(0))
            .optional()?)
    }

    /// How many answers went to numbers that are not registered.
    pub fn replies_to_strangers(&self, since: DateTime<Utc>) -> Result<u32> {
        let mut query = self.conn.prepare_cached(
            "select count(*) from message where recipient is null and channel = 'whatsapp' and created_at > ?1",
        )?;
        Ok(query.query_row([ms(since)], |row| row.get(0))?)
    }

    /// How many answers went to a phone.
    pub fn replies_to(&self, phone: &str, since: DateTime<Utc>) -> Result<u32> {
        let mut query = self.conn.prepare_cached(
            "select count(*) from message where address = ?1 and sent_at > ?2 and dedup like 'reply/%'",
        )?;
        Ok(query.query_row(params![phone, ms(since)], |row| row.get(0))?)
    }

    /// The message about an alert that has not gone out to somebody yet.
    pub fn waiting_about(&self, alert: i64, recipient: &EmployeeId, channel: Channel) -> Result<Option<i64>> {
        let mut query = self.conn.prepare_cached(
            "select m.id from message_about a join message m on m.id = a.message
             where a.alert = ?1 and m.recipient = ?2 and m.channel = ?3 and m.template = ?4
                 and m.state in ('queued', 'failed_temporary') limit 1",
        )?;
        let found = query.query_row(
            params![alert, recipient.as_str(), channel.as_str(), templates::ABSENCE],
            |row| row.get(0),
        );
        Ok(found.optional()?)
    }

    /// When somebody with this phone last wrote to us.
    pub fn last_written(&self, phone: &str) -> Result<Option<DateTime<Utc>>> {
        let mut query = self
            .conn
            .prepare_cached("select written_at from conversation where phone = ?1")?;
        Ok(query
            .query_row([phone], |row| time(row, "written_at"))
            .optional()?)
    }
}

impl Tx<'_> {
    /// Queues a message, to go out at `due` or later; `None` if it was queued before.
    pub fn enqueue(
        &self,
        message: &NewMessage<'_>,
        form: Form,
        due: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<i64>> {
        let (template, parameters, buttons, body) = match &message.draft {
            Draft::Template {
                name,
                parameters,
                buttons,
            } => (Some(name.as_str()), json(parameters), json(buttons), None),
            Draft::Text(body) => (None, json(&[]), json(&[]), Some(body.as_str())),
        };
        let report = message.report.as_ref().map(serde_json::to_string).transpose();
        let report =
            report.map_err(|error| Error::internal(format!("A report cannot be named: {error}.")))?;
        let mut insert = self.conn().prepare_cached(
            "insert into message (dedup, channel, recipient, address, form, template, language, parameters, buttons,
                 body, document, state, due_at, wanted_at, created_at, updated_at)
             values (:dedup, :channel, :recipient, :address, :form, :template, :language, :parameters, :buttons,
                 :body, :document, 'queued', :due, :due, :now, :now)
             on conflict (dedup) do nothing returning id",
        )?;
        let id: Option<i64> = insert
            .query_row(
                named_params! {
                    ":dedup": message.dedup,
                    ":channel": message.channel.as_str(),
                    ":recipient": message.recipient.map(EmployeeId::as_str),
                    ":address": message.address,
                    ":form": match form { Form::Template => "template", Form::Text => "text" },
                    ":template": template,
                    ":language": message.language.as_str(),
                    ":parameters": parameters,
                    ":buttons": buttons,
                    ":body": body,
                    ":document": report,
                    ":due": ms(due),
                    ":now": ms(now),
                },
                |row| row.get(0),
            )
            .optional()?;
        if let (Some(id), Some(alert)) = (id, message.alert) {
            self.add_about(id, alert)?;
        }
        Ok(id)
    }

    fn add_about(&self, message: i64, alert: i64) -> Result<()> {
        self.run(
            "insert or ignore into message_about (message, alert) values (?1, ?2)",
            [message, alert],
        )?;
        Ok(())
    }

    /// Adds an absence to the message about others that still waits for the same recipient, and lets it wait until
    /// `due`, at most `within` after it was queued; `None` if there is none.
    pub fn join_absences(
        &self,
        message: &NewMessage<'_>,
        alert: i64,
        due: DateTime<Utc>,
        within: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<Option<i64>> {
        let mut update = self.conn().prepare_cached(
            "update message set due_at = max(due_at, min(?6, created_at + ?5))
             where id = (select id from message where address = ?1 and recipient is ?2 and channel = ?3
                 and template = ?4 and state = 'queued' and attempts = 0 and created_at + ?5 >= ?7
                 order by id desc limit 1)
             returning id",
        )?;
        let found: Option<i64> = update
            .query_row(
                params![
                    message.address,
                    message.recipient.map(EmployeeId::as_str),
                    message.channel.as_str(),
                    templates::ABSENCE,
                    within.num_milliseconds(),
                    ms(due),
                    ms(now)
                ],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(id) = found {
            self.add_about(id, alert)?;
        }
        Ok(found)
    }

    /// Takes messages of a channel that are due and marks them as being sent: at most one for each address, the
    /// oldest, so that a recipient gets them in order. What has been `sending` for five minutes, because its outcome
    /// could not be stored, is taken up again.
    pub fn claim_due(
        &self,
        channel: Channel,
        limits: Limits,
        now: DateTime<Utc>,
    ) -> Result<Vec<QueuedMessage>> {
        self.run(
            "update message set state = 'failed_temporary'
             where state in ('queued', 'sending', 'failed_temporary') and state = 'sending'
                 and updated_at < ?1 - 300000 and channel = ?2",
            params![ms(now), channel.as_str()],
        )?;
        let gone: u32 = self
            .conn()
            .prepare_cached("select count(*) from message where channel = ?2 and sent_at > ?1 - 1000")?
            .query_row(params![ms(now), channel.as_str()], |row| row.get(0))?;
        let limit = limits.at_once.min(limits.per_second.saturating_sub(gone));
        let claimed: Vec<QueuedMessage> = {
            let mut query = self.conn().prepare_cached(
                // The whole list of states, so that the partial indexes are used.
                "select m.* from message m
                 where m.state in ('queued', 'sending', 'failed_temporary') and m.state <> 'sending'
                     and m.due_at <= ?1 and m.channel = ?3
                     and not exists (select 1 from message o
                         where o.state in ('queued', 'sending', 'failed_temporary') and o.address = m.address
                             and o.channel = m.channel
                             -- In order among those about alerts, and among the others.
                             and (o.state = 'sending' or o.id < m.id
                                 and (o.dedup like 'alert/%') = (m.dedup like 'alert/%')
                                 and (o.state = 'failed_temporary' or o.due_at <= ?1)))
                     and (?5 or m.dedup not like 'alert/%')
                     and (m.document is not null) = ?6
                     and (select count(*) from message s where s.address = m.address and s.channel = m.channel
                         and s.sent_at > ?1 - 60000) < ?4
                 -- Alerts first. The plus keeps SQLite from walking through the whole table in order of the ids.
                 order by (m.dedup like 'alert/%') desc, +m.id limit ?2",
            )?;
            let rows = query.query_map(
                params![
                    ms(now),
                    limit,
                    channel.as_str(),
                    limits.per_recipient,
                    limits.kinds == Kinds::All,
                    limits.load == Load::Documents
                ],
                queued,
            )?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        for message in &claimed {
            self.run(
                "update message set state = 'sending', updated_at = ?2 where id = ?1",
                params![message.id, ms(now)],
            )?;
        }
        Ok(claimed)
    }

    /// What a message about absences says when it goes out.
    pub fn fill_in(&self, id: i64, parameters: &[String], buttons: &[String]) -> Result<()> {
        self.run(
            "update message set parameters = ?2, buttons = ?3 where id = ?1",
            params![id, json(parameters), json(buttons)],
        )?;
        Ok(())
    }

    /// The provider has taken a message. A webhook may have said so, and more, before; what is queued again after a failure
    /// that was told by webhook stays so.
    pub fn record_sent(&self, id: i64, provider_id: &str, now: DateTime<Utc>) -> Result<()> {
        self.run(
            // An id that another message has already would be the provider's mistake, and no reason to send
            // this one again.
            "update message set error = null, attempts = attempts + 1, updated_at = ?3, sent_at = ?3,
                 provider_id = case when exists (select 1 from message where provider_id = ?2 and id <> ?1)
                     then provider_id else ?2 end,
                 state = case when state in ('queued', 'delivered', 'read', 'failed_temporary', 'failed_final')
                     then state else 'sent' end
             where id = ?1",
            params![id, provider_id, ms(now)],
        )?;
        Ok(())
    }

    /// A message will be tried again at `due`. `counted` is what this try adds to the number of tries, `uncertain`
    /// whether it may have gone out.
    pub fn record_retry(
        &self,
        id: i64,
        due: DateTime<Utc>,
        error: &str,
        counted: u32,
        uncertain: Uncertain,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.run(
            "update message set state = 'failed_temporary', due_at = ?2, error = ?3, attempts = attempts + ?4,
                 updated_at = ?5, uncertain = max(uncertain, ?6)
             where id = ?1 and state in ('queued', 'sending', 'sent', 'failed_temporary')",
            params![
                id,
                ms(due),
                error,
                counted,
                ms(now),
                uncertain == Uncertain::Yes
            ],
        )?;
        Ok(())
    }

    /// A message will not be tried again.
    pub fn record_failed(&self, id: i64, error: &str, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "update message set state = 'failed_final', error = ?2, updated_at = ?3
             where id = ?1 and state in ('queued', 'sending', 'sent', 'failed_temporary')",
            params![id, error, ms(now)],
        )?;
        Ok(())
    }

    /// A text is no longer allowed: it goes out again as its template.
    pub fn resend_as_template(&self, id: i64, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "update message set form = 'template', state = 'queued', due_at = ?2, updated_at = ?2
             where id = ?1 and template is not null and state in ('queued', 'sending', 'sent', 'failed_temporary')",
            params![id, ms(now)],
        )?;
        Ok(())
    }

    /// A message goes out again without its document.
    pub fn drop_document(&self, id: i64, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "update message set document = null, state = 'queued', due_at = ?2, updated_at = ?2
             where id = ?1 and state in ('queued', 'sending', 'sent', 'failed_temporary')",
            params![id, ms(now)],
        )?;
        Ok(())
    }

    /// Nothing goes to this address before `until`.
    pub fn slow_recipient(&self, channel: Channel, address: &str, until: DateTime<Utc>) -> Result<()> {
        self.run(
            "update message set due_at = max(due_at, ?3)
             where channel = ?1 and address = ?2 and state in ('queued', 'failed_temporary')",
            params![channel.as_str(), address, ms(until)],
        )?;
        Ok(())
    }

    /// What the provider says of a message. States only go forward, in whatever order they come.
    pub fn record_status(
        &self,
        id: i64,
        state: MessageState,
        provider_id: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.run(
            "update message set state = ?2, provider_id = ?3, updated_at = ?4, sent_at = coalesce(sent_at, ?4)
             where id = ?1 and case ?2
                 when 'sent' then state in ('sending', 'failed_temporary')
                 when 'delivered' then state in ('sending', 'failed_temporary', 'sent')
                 when 'read' then state in ('sending', 'failed_temporary', 'sent', 'delivered')
                 else false end",
            params![id, state.as_str(), provider_id, ms(now)],
        )?;
        Ok(())
    }

    /// What has not gone out of an alert will not: messages about it alone are not sent, others leave it out.
    pub fn cancel_unsent(&self, alert: i64, why: &str, now: DateTime<Utc>) -> Result<()> {
        let mut query = self.conn().prepare_cached(
            "select m.id, (select count(*) from message_about where message = m.id) from message_about a
             join message m on m.id = a.message
             where a.alert = ?1 and m.template = ?2 and m.state in ('queued', 'failed_temporary')",
        )?;
        let rows = query.query_map(params![alert, templates::ABSENCE], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let unsent: Vec<(i64, u32)> = rows.collect::<rusqlite::Result<_>>()?;
        for (message, about) in unsent {
            self.run(
                "update alert_event set message = null, detail = 'cancelled' where alert = ?1 and message = ?2",
                [alert, message],
            )?;
            if about > 1 {
                self.run(
                    "delete from message_about where alert = ?1 and message = ?2",
                    [alert, message],
                )?;
            } else {
                self.record_failed(message, why, now)?;
            }
        }
        Ok(())
    }

    /// A message about several absences becomes one about each of these.
    pub fn split_message(&self, id: i64, about: &[i64], now: DateTime<Utc>) -> Result<()> {
        for alert in about.iter().skip(1) {
            let copy: i64 = self
                .conn()
                .prepare_cached(
                    "insert into message (dedup, channel, recipient, address, form, template, language, parameters,
                         buttons, state, due_at, wanted_at, created_at, updated_at)
                     select dedup || '/of/' || ?2, channel, recipient, address, form, template, language, '[]', '[]',
                         'queued', ?3, wanted_at, created_at, ?3 from message where id = ?1 returning id",
                )?
                .query_row(params![id, alert, ms(now)], |row| row.get(0))?;
            self.run(
                "update message_about set message = ?2 where message = ?1 and alert = ?3",
                params![id, copy, alert],
            )?;
            self.run(
                "update alert_event set message = ?2 where message = ?1 and alert = ?3",
                params![id, copy, alert],
            )?;
        }
        self.run(
            "update message set state = 'queued', due_at = ?2, updated_at = ?2 where id = ?1",
            params![id, ms(now)],
        )?;
        Ok(())
    }

    /// What waits about alerts beyond `after` goes out at `due`.
    pub fn reschedule_alerts(&self, after: DateTime<Utc>, due: DateTime<Utc>) -> Result<()> {
        self.run(
            "update message set due_at = ?2, wanted_at = ?2
             where state in ('queued', 'sending', 'failed_temporary') and state = 'queued'
                 and due_at > ?1 and dedup like 'alert/%'",
            [ms(after), ms(due)],
        )?;
        Ok(())
    }

    /// Blanks what messages said that are out, of those older than `before` if that is given.
    pub fn blank_messages(&self, before: Option<DateTime<Utc>>) -> Result<()> {
        self.run(
            "update message set parameters = '[]', body = case when body is null then null else '' end,
                 document = null
             where state in ('sent', 'delivered', 'read', 'failed_final') and updated_at < ?1
                 and (parameters <> '[]' or body <> '' or document is not null)",
            [before.map_or(i64::MAX, ms)],
        )?;
        Ok(())
    }

    /// Messages that were being sent when the aggregator stopped: nobody knows whether they went out. They
    /// are tried again at `due`, unless a webhook says before that they did.
    pub fn recover_sending(&self, due: DateTime<Utc>, now: DateTime<Utc>) -> Result<usize> {
        Ok(self.run(
            "update message set state = 'failed_temporary', due_at = ?1, updated_at = ?2, uncertain = 1,
                 error = 'The aggregator stopped while it was being sent.' where state = 'sending'",
            params![ms(due), ms(now)],
        )?)
    }

    /// An incoming message; false if it was dealt with before.
    pub fn remember_incoming(&self, provider_id: &str, now: DateTime<Utc>) -> Result<bool> {
        let added = self.run(
            "insert or ignore into incoming (provider_id, at) values (?1, ?2)",
            params![provider_id, ms(now)],
        )?;
        Ok(added == 1)
    }

    /// Somebody registered wrote to us.
    pub fn note_written(&self, phone: &str, at: DateTime<Utc>) -> Result<()> {
        self.run(
            "insert into conversation (phone, written_at) values (?1, ?2)
             on conflict (phone) do update set written_at = max(written_at, excluded.written_at)",
            params![phone, ms(at)],
        )?;
        Ok(())
    }
}
