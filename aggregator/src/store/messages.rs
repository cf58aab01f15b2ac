//! The outgoing queue, and which incoming messages were dealt with.

use chrono::{DateTime, Utc};
use hadir_shared::id::EmployeeId;
use rusqlite::{OptionalExtension as _, Row, named_params, params};

use super::{Reader, Tx, ms, read_as, read_option, time, wrong};
use crate::core::types::Language;
use crate::error::Result;
use crate::notify::{Content, MessageState};

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
    /// Their phone, E.164.
    pub phone: &'m str,
    /// In which language.
    pub language: Language,
    /// What it says.
    pub content: Content,
}

/// A message that was claimed for sending.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuedMessage {
    /// Its id.
    pub id: i64,
    /// To where, E.164.
    pub phone: String,
    /// What it says.
    pub content: Content,
    /// How often it was tried before.
    pub attempts: u32,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
}

/// A message as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredMessage {
    /// Its id.
    pub id: i64,
    /// The alert that it is about.
    pub alert: Option<i64>,
    /// To whom.
    pub recipient: Option<EmployeeId>,
    /// To where.
    pub phone: String,
    /// How far it has come.
    pub state: MessageState,
    /// What it is sent as.
    pub form: Form,
    /// Whether there is a template to fall back on.
    pub template: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
}

const STORED: &str =
    "select id, alert, recipient, phone, state, form, template, attempts, created_at from message";

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredMessage> {
    Ok(StoredMessage {
        id: row.get("id")?,
        alert: row.get("alert")?,
        recipient: read_option(row, "recipient", |t| EmployeeId::new(t).ok())?,
        phone: row.get("phone")?,
        state: read_as(row, "state", MessageState::parse)?,
        form: read_as(row, "form", form)?,
        template: row.get("template")?,
        attempts: row.get("attempts")?,
        created_at: time(row, "created_at")?,
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
    let content = match (read_as(row, "form", form)?, template, body) {
        (Form::Template, Some(name), _) => Content::Template {
            name,
            language: read_as(row, "language", Language::parse)?,
            parameters: strings("parameters")?,
            buttons: strings("buttons")?,
        },
        (Form::Text, _, Some(body)) => Content::Text { body },
        _ => return Err(wrong(row, "form", "a message without content")),
    };
    Ok(QueuedMessage {
        id: row.get("id")?,
        phone: row.get("phone")?,
        content,
        attempts: row.get("attempts")?,
        created_at: time(row, "created_at")?,
    })
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

    /// Who at this phone was told of an alert.
    pub fn told_at(&self, alert: i64, phone: &str) -> Result<Option<(EmployeeId, Language)>> {
        let told = self.told(alert)?.into_iter().find(|told| told.phone == phone);
        Ok(told.map(|told| (told.recipient, told.language)))
    }
}

impl Tx<'_> {
    /// Queues a message; `None` if it was queued before.
    pub fn enqueue(&self, message: &NewMessage<'_>, now: DateTime<Utc>) -> Result<Option<i64>> {
        let json = |texts: &[String]| serde_json::Value::from(texts).to_string();
        let (form, template, parameters, buttons, body) = match &message.content {
            Content::Template {
                name,
                parameters,
                buttons,
                ..
            } => (
                "template",
                Some(name.as_str()),
                json(parameters),
                json(buttons),
                None,
            ),
            Content::Text { body } => ("text", None, json(&[]), json(&[]), Some(body.as_str())),
        };
        let mut insert = self.conn().prepare_cached(
            "insert into message (dedup, alert, recipient, phone, form, template, language, parameters, buttons,
                 body, state, due_at, created_at, updated_at)
             values (:dedup, :alert, :recipient, :phone, :form, :template, :language, :parameters, :buttons,
                 :body, 'queued', :now, :now, :now)
             on conflict (dedup) do nothing returning id",
        )?;
        let id = insert
            .query_row(
                named_params! {
                    ":dedup": message.dedup,
                    ":alert": message.alert,
                    ":recipient": message.recipient.map(EmployeeId::as_str),
                    ":phone": message.phone,
                    ":form": form,
                    ":template": template,
                    ":language": message.language.as_str(),
                    ":parameters": parameters,
                    ":buttons": buttons,
                    ":body": body,
                    ":now": ms(now),
                },
                |row| row.get(0),
            )
            .optional()?;
        Ok(id)
    }

    /// Takes messages that are due and marks them as being sent: at most one for each phone, the oldest, so
    /// that a recipient gets them in order. What has been `sending` for five minutes, because its outcome
    /// could not be stored, is taken up again.
    pub fn claim_due(&self, limit: u32, now: DateTime<Utc>) -> Result<Vec<QueuedMessage>> {
        self.run(
            "update message set state = 'failed_temporary' where state = 'sending' and updated_at < ?1 - 300000",
            [ms(now)],
        )?;
        let claimed: Vec<QueuedMessage> = {
            let mut query = self.conn().prepare_cached(
                "select m.* from message m
                 where m.state in ('queued', 'failed_temporary') and m.due_at <= ?1
                     and not exists (select 1 from message o where o.phone = m.phone
                         and (o.state = 'sending'
                             or o.state in ('queued', 'failed_temporary') and o.id < m.id))
                 order by m.id limit ?2",
            )?;
            let rows = query.query_map(params![ms(now), limit], queued)?;
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

    /// The provider has taken a message. A webhook may have said so, and more, before.
    pub fn record_sent(&self, id: i64, provider_id: &str, now: DateTime<Utc>) -> Result<()> {
        self.run(
            // An id that another message has already would be the provider's mistake, and no reason to send
            // this one again.
            "update message set error = null, attempts = attempts + 1, updated_at = ?3,
                 provider_id = case when exists (select 1 from message where provider_id = ?2 and id <> ?1)
                     then provider_id else ?2 end,
                 state = case when state in ('delivered', 'read') then state else 'sent' end
             where id = ?1",
            params![id, provider_id, ms(now)],
        )?;
        Ok(())
    }

    /// A message will be tried again at `due`. `counted` is what this try adds to the number of tries.
    pub fn record_retry(
        &self,
        id: i64,
        due: DateTime<Utc>,
        error: &str,
        counted: u32,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.run(
            "update message set state = 'failed_temporary', due_at = ?2, error = ?3, attempts = attempts + ?4,
                 updated_at = ?5
             where id = ?1 and state in ('queued', 'sending', 'sent', 'failed_temporary')",
            params![id, ms(due), error, counted, ms(now)],
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

    /// Nothing goes to this phone before `until`.
    pub fn slow_recipient(&self, phone: &str, until: DateTime<Utc>) -> Result<()> {
        self.run(
            "update message set due_at = max(due_at, ?2)
             where phone = ?1 and state in ('queued', 'failed_temporary')",
            params![phone, ms(until)],
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
    ) -> Result<bool> {
        let changed = self.run(
            "update message set state = ?2, provider_id = ?3, updated_at = ?4
             where id = ?1 and case ?2
                 when 'sent' then state in ('sending', 'failed_temporary')
                 when 'delivered' then state in ('sending', 'failed_temporary', 'sent')
                 when 'read' then state in ('sending', 'failed_temporary', 'sent', 'delivered')
                 else false end",
            params![id, state.as_str(), provider_id, ms(now)],
        )?;
        Ok(changed == 1)
    }

    /// Messages about an alert that have not gone out will not; gives how many.
    pub fn cancel_unsent(&self, alert: i64, why: &str, now: DateTime<Utc>) -> Result<usize> {
        Ok(self.run(
            "update message set state = 'failed_final', error = ?2, updated_at = ?3
             where alert = ?1 and form = 'template' and state in ('queued', 'failed_temporary')",
            params![alert, why, ms(now)],
        )?)
    }

    /// Messages that were being sent when the aggregator stopped: nobody knows whether they went out. They
    /// are tried again at `due`, unless a webhook says before that they did.
    pub fn recover_sending(&self, due: DateTime<Utc>, now: DateTime<Utc>) -> Result<usize> {
        Ok(self.run(
            "update message set state = 'failed_temporary', due_at = ?1, updated_at = ?2,
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
}
