//! The message worker: takes from the durable queue what is due, sends it, and does what the outcome asks for.
//!
//! A message is marked `sending` before it is sent and never sent twice at once. If the aggregator stops in
//! between, nobody knows whether it went out, and the Cloud API has no idempotency key: it waits a minute for
//! a webhook that names our reference, and is then sent again. So it may arrive twice, but is never lost.
//!
//! Each channel has a line of its own: WhatsApp that stands still holds up no mail.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;
use tokio::sync::Notify;

use super::Core;
use super::message_templates::Problem;
use super::state::{Changes, Memory};
use super::types::{AttendanceQuery, Banner, Language, Level, ReportRequest, Role, Viewer};
use crate::error::{ErrorKind, Result};
use crate::notify::{
    Channel, Content, Document, Draft, Failure, Messenger, Outgoing, Resume, Uncertain, backoff, templates,
};
use crate::report;
use crate::sentence::say;
use crate::store::{Form, Kinds, Limits, Load, QueuedMessage, Reader, StoredMessage, Tx};

/// Messages of a channel on their way at once: without a document, and with one.
const AT_ONCE: u32 = 8;
const DOCUMENTS_AT_ONCE: u32 = 2;

/// A digest is tried so often with its document where that fails for now.
const TRIES_WITH_DOCUMENT: u32 = 2;

/// Without another access token it is tried again after so long.
const PROBE_AFTER: TimeDelta = TimeDelta::minutes(15);

/// So long after the last "too many", it counts as the first again.
const FORGIVEN_AFTER: TimeDelta = TimeDelta::minutes(10);

/// The banner while a template is refused.
pub(super) const TEMPLATE: &str = "whatsapp_template";

/// The banner while documents are not taken.
fn document_banner(channel: Channel) -> &'static str {
    match channel {
        Channel::Whatsapp => "whatsapp_document",
        Channel::Email => "email_document",
    }
}

/// A message that goes out now.
#[derive(Debug)]
struct Claimed {
    outgoing: Outgoing,
    /// The report that goes with it.
    report: Option<ReportRequest>,
}

/// One channel's way out.
#[derive(Debug, Default)]
pub(super) struct Line {
    gate: Mutex<Gate>,
    /// A message was queued.
    queued: Notify,
    /// The same, for those with a document.
    documents: Notify,
}

impl Line {
    /// A message was queued.
    pub(super) fn wake(&self) {
        self.queued.notify_one();
        self.documents.notify_one();
    }
}

/// Whether messages may go out at all.
#[derive(Debug, Default)]
struct Gate {
    stopped: Option<Stopped>,
    /// Nothing goes out before: we sent too many.
    hold_until: Option<DateTime<Utc>>,
    /// How often in a row that was so.
    held: u32,
}

#[derive(Clone, Debug)]
struct Stopped {
    /// The access token with which it stopped; the outer `None`: to be found out.
    credential: Option<Option<[u8; 32]>>,
    since: DateTime<Utc>,
    resume: Resume,
}

/// The banner while nothing of a channel goes out.
fn stopped_banner(channel: Channel) -> &'static str {
    match channel {
        Channel::Whatsapp => "whatsapp",
        Channel::Email => "email",
    }
}

/// Any number, to spread retries. Not a secret, so without randomness 0 will do.
pub(super) fn random() -> u32 {
    getrandom::u32().unwrap_or(0)
}

impl Core {
    /// Empties a channel's queue as messages become due, until dropped. No alert waits for a document that is on its way.
    pub(super) async fn deliver(self: &Arc<Self>, channel: Channel, messenger: Arc<dyn Messenger>) {
        tokio::join!(
            self.deliver_all(channel, Load::Plain, &messenger),
            self.deliver_all(channel, Load::Documents, &messenger)
        );
    }

    async fn deliver_all(self: &Arc<Self>, channel: Channel, load: Load, messenger: &Arc<dyn Messenger>) {
        let line = self.line(channel);
        let queued = match load {
            Load::Plain => &line.queued,
            Load::Documents => &line.documents,
        };
        loop {
            match self.deliver_some(channel, load, messenger).await {
                // There may be more.
                Ok(1..) => continue,
                Ok(0) => {}
                Err(error) => tracing::error!(%error, channel = channel.as_str(), "the message queue failed"),
            }
            // A retry, or another token, is noticed within a second.
            let _ = tokio::time::timeout(Duration::from_secs(1), queued.notified()).await;
        }
    }

    /// Sends what is due now by a channel; gives how many messages were tried.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn deliver_due(
        self: &Arc<Self>,
        channel: Channel,
        messenger: &Arc<dyn Messenger>,
    ) -> Result<usize> {
        let plain = self.deliver_some(channel, Load::Plain, messenger).await?;
        Ok(plain + self.deliver_some(channel, Load::Documents, messenger).await?)
    }

    async fn deliver_some(
        self: &Arc<Self>,
        channel: Channel,
        load: Load,
        messenger: &Arc<dyn Messenger>,
    ) -> Result<usize> {
        let asked = messenger.clone();
        let claimed = self
            .call(move |core| core.claim(channel, load, asked.as_ref()))
            .await?;
        let number = claimed.len();
        let sends =
            futures_util::stream::iter(claimed).for_each_concurrent(AT_ONCE as usize, |claimed| async move {
                let credential = messenger.credential();
                let (outgoing, outcome) = match self.enclose(claimed).await {
                    Ok(outgoing) => {
                        let outcome = messenger.send(&outgoing).await;
                        (outgoing, outcome)
                    }
                    Err((outgoing, failure)) => (outgoing, Err(failure)),
                };
                let id = outgoing.reference;
                let recorded = self
                    .call(move |core| core.record_outcome(channel, &outgoing, outcome, credential))
                    .await;
                if let Err(error) = recorded {
                    // It stays `sending` and is taken up at the next start.
                    tracing::error!(%error, message = id, "a message's outcome could not be stored");
                }
            });
        sends.await;
        Ok(number)
    }

    /// Makes the document that goes with a message.
    async fn enclose(self: &Arc<Self>, claimed: Claimed) -> Result<Outgoing, (Outgoing, Failure)> {
        let Claimed { mut outgoing, report } = claimed;
        let Some(request) = report else {
            return Ok(outgoing);
        };
        // One after the other: a large report takes memory while it is written.
        let _alone = self.documents.lock().await;
        let language = outgoing.language;
        match self.call(move |core| core.document(&request, language)).await {
            Ok(document) => {
                outgoing.document = Some(document);
                Ok(outgoing)
            }
            Err(error) => {
                let detail = error.to_string();
                let failure = match error.kind {
                    ErrorKind::Unavailable => Failure::Temporary {
                        detail,
                        uncertain: Uncertain::No,
                    },
                    _ => Failure::Document { detail },
                };
                Err((outgoing, failure))
            }
        }
    }

    fn document(&self, request: &ReportRequest, language: Language) -> Result<Document> {
        let viewer = match &request.seen_by {
            None => Viewer::admin("message"),
            Some(employee) => Viewer {
                role: Role::Supervisor,
                employee: Some(employee.clone()),
                username: "message".to_owned(),
            },
        };
        let query = AttendanceQuery {
            from: request.from,
            to: request.to,
            of: request.of.clone(),
        };
        let made = self.attendance(&viewer, &query)?;
        Ok(Document {
            name: report::file_name(&made, request.format),
            content_type: request.format.content_type(),
            bytes: request
                .format
                .write(&made, &self.settings.style(language))?
                .into(),
        })
    }

    pub(super) fn line(&self, channel: Channel) -> &Line {
        match channel {
            Channel::Whatsapp => &self.lines.0,
            Channel::Email => &self.lines.1,
        }
    }

    fn gate(&self, channel: Channel) -> MutexGuard<'_, Gate> {
        self.line(channel)
            .gate
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what may go out now.
    fn claim(&self, channel: Channel, load: Load, messenger: &dyn Messenger) -> Result<Vec<Claimed>> {
        let now = self.now();
        {
            let mut gate = self.gate(channel);
            if gate.hold_until.is_some_and(|until| now < until) {
                return Ok(Vec::new());
            }
            if let Some(stopped) = &mut gate.stopped {
                let wait = match stopped.resume {
                    // It may have been the other side's mistake.
                    Resume::NewToken => PROBE_AFTER,
                    Resume::After(time) => time,
                };
                let current = messenger.credential();
                let refused = *stopped.credential.get_or_insert(current);
                if now - stopped.since < wait && current == refused {
                    return Ok(Vec::new());
                }
                gate.stopped = None;
                tracing::info!(channel = channel.as_str(), "sending again");
            }
        }
        let (old, fresh): (Vec<_>, Vec<_>) = self.store.write(|tx| {
            let quiet = self.quiet(tx, now)?;
            let limits = Limits {
                at_once: match load {
                    Load::Plain => AT_ONCE,
                    Load::Documents => DOCUMENTS_AT_ONCE,
                },
                load,
                per_recipient: self.settings.messages.per_recipient,
                per_second: self.settings.messages.per_second,
                kinds: match quiet.end(now) {
                    Some(_) => Kinds::NoAlerts,
                    None => Kinds::All,
                },
            };
            let claimed = tx.claim_due(channel, limits, now)?;
            let (old, mut fresh): (Vec<_>, Vec<_>) = claimed
                .into_iter()
                // Quiet time makes nothing old.
                .partition(|message| quiet.after(message.wanted_at, backoff::MAX_AGE) < now);
            for message in &mut fresh {
                self.fill_in(tx, message, now)?;
            }
            Ok((old, fresh))
        })?;
        for message in old {
            let detail = "It waited for more than six hours.".to_owned();
            self.record_outcome(
                channel,
                &self.outgoing(message).outgoing,
                Err(Failure::Undeliverable { detail }),
                None,
            )?;
        }
        Ok(fresh.into_iter().map(|message| self.outgoing(message)).collect())
    }

    fn outgoing(&self, message: QueuedMessage) -> Claimed {
        let QueuedMessage {
            draft,
            language,
            mut report,
            ..
        } = message;
        let template = match message.form {
            Form::Template => templates::template(&draft, language),
            Form::Text => None,
        };
        let mut content = template.unwrap_or_else(|| templates::text(&draft, language));
        if let Content::Template { name, .. } = &mut content
            && report.is_some()
        {
            let with = templates::with_document(name);
            if templates::goes_without_document(Some(name)) && self.is_refused(with, language) {
                report = None;
            } else {
                *name = with.to_owned();
            }
        }
        let outgoing = Outgoing {
            content,
            reference: message.id,
            address: message.address,
            language,
            document: None,
        };
        Claimed { outgoing, report }
    }

    /// A message about absences says how it is as it goes out.
    fn fill_in(&self, tx: &Tx<'_>, message: &mut QueuedMessage, now: DateTime<Utc>) -> Result<()> {
        match &message.draft {
            Draft::Template { name, .. } if name == templates::ABSENCE => {}
            Draft::Template { .. } | Draft::Text(_) => return Ok(()),
        }
        let alerts = self.told_of(tx, message.id)?;
        let absences: Vec<_> = alerts.iter().map(About::absence).collect();
        if absences.is_empty() {
            return Ok(());
        }
        message.draft = templates::absences(
            message.id,
            &absences,
            message.language,
            self.settings.timezone,
            now,
        );
        match &message.draft {
            Draft::Template {
                parameters, buttons, ..
            } => tx.fill_in(message.id, parameters, buttons),
            Draft::Text(_) => Ok(()),
        }
    }

    fn told_of(&self, reader: &Reader<'_>, message: i64) -> Result<Vec<About>> {
        let areas = reader.areas()?;
        let mut all = Vec::new();
        for id in reader.about(message)? {
            let Some(alert) = reader.alert(id)? else { continue };
            let camera = match &alert.camera {
                Some(id) => reader.camera(id)?.map(|camera| camera.number),
                None => None,
            };
            let area = areas.iter().find(|area| Some(&area.id) == alert.area.as_ref());
            all.push(About {
                alert: id,
                name: alert.name,
                area: area.map(|area| area.name.clone()),
                camera,
                last_seen: alert.last_seen,
            });
        }
        Ok(all)
    }

    fn record_outcome(
        &self,
        channel: Channel,
        message: &Outgoing,
        outcome: Result<String, Failure>,
        credential: Option<[u8; 32]>,
    ) -> Result<()> {
        let now = self.now();
        if let Err(Failure::Stop { resume, .. }) = &outcome {
            self.gate(channel).stopped = Some(Stopped {
                credential: Some(credential),
                since: now,
                resume: *resume,
            });
        }
        let id = message.reference;
        self.update(|state, tx, changes| {
            // It may have been deleted meanwhile, with the person whom it was about.
            let Some(stored) = tx.message(id)? else {
                return Ok(());
            };
            changes.alerts.extend(tx.about(id)?);
            match &outcome {
                Ok(provider_id) => {
                    if let Content::Template { name, language, .. } = &message.content {
                        self.template_went_out(name, *language);
                    }
                    tx.record_sent(id, provider_id, now)
                }
                Err(failure) => self.handle_failure(state, tx, changes, &stored, failure, random(), now),
            }
        })?;
        if outcome.is_ok() {
            let mut gate = self.gate(channel);
            if gate.hold_until.is_none_or(|until| now - until > FORGIVEN_AFTER) {
                gate.held = 0;
            }
            let goes = gate.stopped.is_none();
            drop(gate);
            if goes {
                self.clear_banner(stopped_banner(channel));
            }
            if message.document.is_some() {
                self.clear_banner(document_banner(channel));
            }
        }
        Ok(())
    }

    /// What a failure, told at once or by webhook, asks for.
    #[expect(
        clippy::too_many_arguments,
        reason = "state, transaction and changes are one thing in three"
    )]
    pub(super) fn handle_failure(
        &self,
        state: &Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        message: &StoredMessage,
        failure: &Failure,
        jitter: u32,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let tries = message.attempts + 1;
        let channel = message.channel;
        match failure {
            Failure::Temporary { detail, uncertain } => {
                let without =
                    message.has_report && templates::goes_without_document(message.template.as_deref());
                if without && tries >= TRIES_WITH_DOCUMENT {
                    return self.leave_document(tx, changes, message, detail, now);
                }
                tracing::info!(message = message.id, detail, "message will be tried again");
                if tries >= backoff::MAX_ATTEMPTS {
                    return self.give_up(state, tx, changes, message, detail, now);
                }
                let wait = backoff::retry(tries, jitter);
                let wait = match uncertain {
                    Uncertain::Yes => wait.max(backoff::UNCERTAIN_WAIT),
                    Uncertain::No => wait,
                };
                tx.record_retry(message.id, now + wait, detail, 1, *uncertain, now)
            }
            Failure::SlowRecipient { detail } => {
                if tries >= backoff::MAX_ATTEMPTS {
                    return self.give_up(state, tx, changes, message, detail, now);
                }
                let due = now + backoff::pair_rate(tries, jitter);
                tx.record_retry(message.id, due, detail, 1, Uncertain::No, now)?;
                tx.slow_recipient(channel, &message.address, due)
            }
            Failure::SlowAll { detail } => {
                let mut gate = self.gate(channel);
                gate.held += 1;
                let due = now + backoff::throughput(gate.held, jitter);
                gate.hold_until = Some(due);
                drop(gate);
                tracing::warn!(detail, channel = channel.as_str(), "we are to send less");
                tx.record_retry(message.id, due, detail, 0, Uncertain::No, now)
            }
            Failure::WindowClosed { detail } => match (message.form, &message.template) {
                (Form::Text, Some(_)) => {
                    changes.queued = true;
                    tx.resend_as_template(message.id, now)
                }
                // An answer that came too late; a template is never refused for this.
                _ => tx.record_failed(message.id, detail, now),
            },
            Failure::Undeliverable { detail } => self.give_up(state, tx, changes, message, detail, now),
            Failure::Refused { detail } | Failure::Document { detail } if message.has_report => {
                tracing::error!(
                    message = message.id,
                    channel = channel.as_str(),
                    detail,
                    "a document is not taken"
                );
                if templates::goes_without_document(message.template.as_deref()) {
                    return self.leave_document(tx, changes, message, detail, now);
                }
                self.document_alarm(tx, changes, channel, detail, now)?;
                self.give_up(state, tx, changes, message, detail, now)
            }
            Failure::Refused { detail } | Failure::Document { detail } => {
                tracing::error!(
                    message = message.id,
                    channel = channel.as_str(),
                    detail,
                    "a message is refused"
                );
                self.give_up(state, tx, changes, message, detail, now)
            }
            Failure::Template { detail } => {
                tracing::error!(
                    message = message.id,
                    detail,
                    "WhatsApp refuses a message template"
                );
                let about = tx.about(message.id)?;
                let named = message.template.as_deref().unwrap_or_default();
                let name = match (about.len(), message.has_report) {
                    (0 | 1, false) => named,
                    (0 | 1, true) => templates::with_document(named),
                    _ => templates::ABSENCES,
                };
                let problem = Problem::Refused(detail.clone());
                self.note_template(tx, changes, name, message.language.as_str(), Some(problem))?;
                if about.len() > 1 {
                    // One by one, then, by the template that was approved before there were groups.
                    changes.queued = true;
                    return tx.split_message(message.id, &about, now);
                }
                if message.has_report && templates::goes_without_document(Some(named)) {
                    // By the template that was approved before there were documents.
                    changes.queued = true;
                    return tx.drop_document(message.id, now);
                }
                self.give_up(state, tx, changes, message, detail, now)
            }
            Failure::Stop { detail, resume } => {
                tracing::error!(channel = channel.as_str(), %detail, "no message goes out");
                // Told by webhook, nobody has stopped it yet.
                self.gate(channel).stopped.get_or_insert(Stopped {
                    credential: None,
                    since: now,
                    resume: *resume,
                });
                let banner = Banner {
                    key: stopped_banner(channel),
                    level: Level::Error,
                    message: detail.clone(),
                };
                self.alarm(tx, changes, banner, now)?;
                tx.record_retry(message.id, now, detail.en(), 0, Uncertain::No, now)
            }
        }
    }

    /// The message goes out without its document.
    fn leave_document(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        message: &StoredMessage,
        detail: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.document_alarm(tx, changes, message.channel, detail, now)?;
        changes.queued = true;
        tx.drop_document(message.id, now)
    }

    fn document_alarm(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        channel: Channel,
        detail: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let banner = Banner {
            key: document_banner(channel),
            level: Level::Warning,
            message: say!(
                "A report did not go out as a document: {detail}. It is on the page Reports. Where documents cannot \
                 be sent at all, set `document = \"none\"` in the section [digest].",
                "Sebuah laporan tidak terkirim sebagai dokumen: {detail}. Laporan itu ada di halaman Laporan. Kalau \
                 dokumen sama sekali tidak bisa dikirim, isi `document = \"none\"` di bagian [digest]."
            ),
        };
        self.alarm(tx, changes, banner, now)
    }

    /// It will not arrive. Whoever is next is told of the absence instead.
    fn give_up(
        &self,
        state: &Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        message: &StoredMessage,
        detail: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        tx.record_failed(message.id, detail, now)?;
        if message.template.as_deref() != Some(templates::ABSENCE) {
            return Ok(());
        }
        for alert in tx.about(message.id)? {
            self.escalate(state, tx, changes, alert, now)?;
        }
        Ok(())
    }
}

/// What is told of one absence.
struct About {
    alert: i64,
    name: String,
    area: Option<String>,
    camera: Option<u32>,
    last_seen: DateTime<Utc>,
}

impl About {
    fn absence(&self) -> templates::Absence<'_> {
        templates::Absence {
            alert: self.alert,
            name: &self.name,
            area: self.area.as_deref(),
            camera: self.camera,
            last_seen: self.last_seen,
        }
    }
}
