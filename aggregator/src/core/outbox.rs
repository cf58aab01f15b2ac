//! The message worker: takes from the durable queue what is due, sends it, and does what the outcome asks for.
//!
//! A message is marked `sending` before it is sent and never sent twice at once. If the aggregator stops in
//! between, nobody knows whether it went out, and the Cloud API has no idempotency key: it waits a minute for
//! a webhook that names our reference, and is then sent again. So it may arrive twice, but is never lost.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;

use super::Core;
use super::state::Changes;
use super::types::{Banner, Level};
use crate::error::Result;
use crate::notify::{Failure, Messenger, Outgoing, Resume, Uncertain, backoff, templates};
use crate::store::{Form, QueuedMessage, StoredMessage, Tx};

/// Messages on their way at once.
const AT_ONCE: usize = 8;

/// The banner while nothing goes out.
const STOPPED: &str = "whatsapp";

/// The banner while a template is refused.
const TEMPLATE: &str = "whatsapp_template";

/// Whether messages may go out at all.
#[derive(Debug, Default)]
pub(super) struct Gate {
    stopped: Option<Stopped>,
    /// Nothing goes out before: we sent too many.
    hold_until: Option<DateTime<Utc>>,
    /// How often in a row that was so.
    held: u32,
}

#[derive(Clone, Debug)]
struct Stopped {
    /// The access token with which it stopped.
    credential: Option<[u8; 32]>,
    since: DateTime<Utc>,
    resume: Resume,
}

/// Any number, to spread retries. Not a secret, so without randomness 0 will do.
pub(super) fn random() -> u32 {
    getrandom::u32().unwrap_or(0)
}

impl Core {
    /// Empties the queue as messages become due, until dropped.
    pub(super) async fn deliver(self: &Arc<Self>, messenger: Arc<dyn Messenger>) {
        loop {
            match self.deliver_due(&messenger).await {
                // There may be more.
                Ok(1..) => continue,
                Ok(0) => {}
                Err(error) => tracing::error!(%error, "the message queue failed"),
            }
            // A retry, or another token, is noticed within a second.
            let _ = tokio::time::timeout(Duration::from_secs(1), self.queued.notified()).await;
        }
    }

    /// Sends what is due now; gives how many messages were tried.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn deliver_due(self: &Arc<Self>, messenger: &Arc<dyn Messenger>) -> Result<usize> {
        let asked = messenger.clone();
        let claimed = self.call(move |core| core.claim(asked.as_ref())).await?;
        let number = claimed.len();
        let sends = futures_util::stream::iter(claimed).for_each_concurrent(AT_ONCE, |message| async move {
            let outgoing = Outgoing {
                reference: message.id,
                phone: message.phone.clone(),
                content: message.content.clone(),
            };
            let outcome = messenger.send(&outgoing).await;
            let credential = messenger.credential();
            let recorded = self.call(move |core| core.record_outcome(&message, outcome, credential)).await;
            if let Err(error) = recorded {
                // It stays `sending` and is taken up at the next start.
                tracing::error!(%error, message = outgoing.reference, "a message's outcome could not be stored");
            }
        });
        sends.await;
        Ok(number)
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what may go out now.
    fn claim(&self, messenger: &dyn Messenger) -> Result<Vec<QueuedMessage>> {
        let now = self.now();
        {
            let mut gate = self.gate();
            if gate.hold_until.is_some_and(|until| now < until) {
                return Ok(Vec::new());
            }
            if let Some(stopped) = &gate.stopped {
                let waited = match stopped.resume {
                    Resume::NewToken => false,
                    Resume::After(time) => now - stopped.since >= time,
                };
                if !waited && messenger.credential() == stopped.credential {
                    return Ok(Vec::new());
                }
                gate.stopped = None;
                tracing::info!("sending again");
            }
        }
        let claimed = self.store.write(|tx| tx.claim_due(AT_ONCE as u32, now))?;
        let (old, fresh): (Vec<_>, Vec<_>) = claimed
            .into_iter()
            .partition(|message| now - message.created_at > backoff::MAX_AGE);
        for message in old {
            let detail = "It waited for more than six hours.".to_owned();
            self.record_outcome(&message, Err(Failure::Undeliverable { detail }), None)?;
        }
        Ok(fresh)
    }

    fn record_outcome(
        &self,
        message: &QueuedMessage,
        outcome: Result<String, Failure>,
        credential: Option<[u8; 32]>,
    ) -> Result<()> {
        let now = self.now();
        if let Err(Failure::Stop { resume, .. }) = &outcome {
            self.gate().stopped = Some(Stopped {
                credential,
                since: now,
                resume: *resume,
            });
        }
        self.update(|_, tx, changes| {
            // It may have been deleted meanwhile, with the person whom it was about.
            let Some(stored) = tx.message(message.id)? else {
                return Ok(());
            };
            changes.alerts.extend(stored.alert);
            match &outcome {
                Ok(provider_id) => tx.record_sent(message.id, provider_id, now),
                Err(failure) => self.handle_failure(tx, changes, &stored, failure, random(), now),
            }
        })?;
        if outcome.is_ok() {
            let mut gate = self.gate();
            gate.held = 0;
            let goes = gate.stopped.is_none();
            drop(gate);
            if goes {
                self.clear_banner(STOPPED);
            }
            if matches!(message.content, crate::notify::Content::Template { .. }) {
                self.clear_banner(TEMPLATE);
            }
        }
        Ok(())
    }

    /// What a failure, told at once or by webhook, asks for.
    pub(super) fn handle_failure(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        message: &StoredMessage,
        failure: &Failure,
        jitter: u32,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let tries = message.attempts + 1;
        match failure {
            Failure::Temporary { detail, uncertain } => {
                tracing::info!(message = message.id, detail, "message will be tried again");
                if tries >= backoff::MAX_ATTEMPTS {
                    return self.give_up(tx, changes, message, detail, now);
                }
                let wait = backoff::retry(tries, jitter);
                let wait = match uncertain {
                    Uncertain::Yes => wait.max(backoff::UNCERTAIN_WAIT),
                    Uncertain::No => wait,
                };
                tx.record_retry(message.id, now + wait, detail, 1, now)
            }
            Failure::SlowRecipient { detail } => {
                if tries >= backoff::MAX_ATTEMPTS {
                    return self.give_up(tx, changes, message, detail, now);
                }
                let due = now + backoff::pair_rate(tries, jitter);
                tx.record_retry(message.id, due, detail, 1, now)?;
                tx.slow_recipient(&message.phone, due)
            }
            Failure::SlowAll { detail } => {
                let mut gate = self.gate();
                gate.held += 1;
                let due = now + backoff::throughput(gate.held, jitter);
                gate.hold_until = Some(due);
                drop(gate);
                tracing::warn!(detail, "WhatsApp wants us to slow down");
                tx.record_retry(message.id, due, detail, 0, now)
            }
            Failure::WindowClosed { detail } => match (message.form, &message.template) {
                (Form::Text, Some(_)) => {
                    changes.queued = true;
                    tx.resend_as_template(message.id, now)
                }
                // An answer that came too late; a template is never refused for this.
                _ => tx.record_failed(message.id, detail, now),
            },
            Failure::Undeliverable { detail } => self.give_up(tx, changes, message, detail, now),
            Failure::Refused { detail } => {
                tracing::error!(message = message.id, detail, "WhatsApp refuses a message");
                self.give_up(tx, changes, message, detail, now)
            }
            Failure::Template { detail } => {
                tracing::error!(
                    message = message.id,
                    detail,
                    "WhatsApp refuses a message template"
                );
                let name = message.template.as_deref().unwrap_or_default();
                self.raise_banner(Banner {
                    key: TEMPLATE,
                    level: Level::Error,
                    message: format!(
                        "WhatsApp: the message template {name} is missing, paused or differs from ours ({detail}). Submit the file of that name and have it approved."
                    ),
                });
                tx.record_failed(message.id, detail, now)
            }
            Failure::Stop { detail, .. } => {
                tracing::error!(detail, "no message goes out");
                self.raise_banner(Banner {
                    key: STOPPED,
                    level: Level::Error,
                    message: detail.clone(),
                });
                tx.record_retry(message.id, now, detail, 0, now)
            }
        }
    }

    /// It will not arrive. Whoever is next is told of the absence instead.
    fn give_up(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        message: &StoredMessage,
        detail: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        tx.record_failed(message.id, detail, now)?;
        match message.alert {
            Some(alert) if message.template.as_deref() == Some(templates::ABSENCE) => {
                self.escalate(tx, changes, alert, now)
            }
            _ => Ok(()),
        }
    }
}
