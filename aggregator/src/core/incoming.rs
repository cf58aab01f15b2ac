//! WhatsApp's webhook: what became of our messages, and who pressed a button.

use super::Core;
use super::outbox::random;
use super::state::Changes;
use super::types::{AlertState, What};
use crate::error::{Error, Result};
use crate::notify::cloud_api;
use crate::notify::templates::{self, Answer};
use crate::notify::webhook::{self, News, Reply, Status};
use crate::store::{NewEvent, NewMessage, Tx};

impl Core {
    /// The webhook's verification (`GET`): the challenge to answer with.
    ///
    /// # Errors
    /// `Forbidden` when it does not name our token.
    pub fn webhook_challenge(&self, mode: &str, token: &str, challenge: &str) -> Result<String> {
        let ours = self
            .settings
            .whatsapp
            .as_ref()
            .map_or("", |whatsapp| &whatsapp.verify_token);
        if webhook::verified(mode, token, ours) {
            Ok(challenge.to_owned())
        } else {
            Err(Error::forbidden(
                "The verification does not name this site's verify_token.",
            ))
        }
    }

    /// A notification (`POST`): `signature` is the header `X-Hub-Signature-256`, `body` the raw bytes. Repeated
    /// deliveries change nothing.
    ///
    /// # Errors
    /// `Forbidden` on a wrong signature; `Invalid` when the body cannot be read.
    pub fn take_webhook(&self, signature: Option<&str>, body: &[u8]) -> Result<()> {
        let secret = self
            .settings
            .whatsapp
            .as_ref()
            .map(|whatsapp| whatsapp.app_secret())
            .unwrap_or_default();
        if !signature.is_some_and(|signature| webhook::signed(secret.as_bytes(), body, signature)) {
            return Err(Error::forbidden(
                "The signature is not that of this body under this site's app secret.",
            ));
        }
        let notification = webhook::parse(body)
            .ok_or_else(|| Error::malformed("The notification is not JSON as documented."))?;
        for status in notification.statuses {
            self.update(|_, tx, changes| self.take_message_status(tx, changes, &status))?;
        }
        for reply in notification.replies {
            self.update(|_, tx, changes| self.take_reply(tx, changes, &reply))?;
        }
        Ok(())
    }

    fn take_message_status(&self, tx: &Tx<'_>, changes: &mut Changes, status: &Status) -> Result<()> {
        let now = self.now();
        // By our own reference where the answer to the sending was lost, so that we never learned theirs.
        let message = match (tx.message_of_provider(&status.provider_id)?, status.reference) {
            (Some(message), _) => Some(message),
            (None, Some(reference)) => tx.message(reference)?,
            (None, None) => None,
        };
        let Some(message) = message else { return Ok(()) };
        changes.alerts.extend(message.alert);
        match &status.news {
            News::Reached(state) => {
                tx.record_status(message.id, *state, &status.provider_id, now)?;
            }
            News::Failed(code, detail) => {
                let failure = cloud_api::failure(*code, detail);
                self.handle_failure(tx, changes, &message, &failure, random(), now)?;
            }
        }
        Ok(())
    }

    fn take_reply(&self, tx: &Tx<'_>, changes: &mut Changes, reply: &Reply) -> Result<()> {
        let now = self.now();
        if !tx.remember_incoming(&reply.provider_id, now)? {
            return Ok(());
        }
        let Some(id) = templates::parse_ack(&reply.payload) else {
            return Ok(());
        };
        // A button counts only from a phone that was told of this very alert.
        let (Some(alert), Some((sender, language))) = (tx.alert(id)?, tx.told_at(id, &reply.phone)?) else {
            tracing::warn!(
                alert = id,
                "an answer from a phone that was not told of this alert; passed over"
            );
            return Ok(());
        };
        let answer = match (alert.state, &alert.acknowledged_by) {
            (AlertState::Open, _) => {
                tx.acknowledge_alert(id, sender.as_str(), now)?;
                let event = NewEvent {
                    recipient: Some(&sender),
                    ..NewEvent::of(What::Acknowledged)
                };
                tx.add_event(id, now, &event)?;
                changes.alerts.insert(id);
                Answer::Yours
            }
            (AlertState::Acknowledged, Some(by)) if self.people().name(&sender) != Some(by) => {
                Answer::Others(by)
            }
            (AlertState::Acknowledged, _) => Answer::Yours,
            (AlertState::Closed, _) => Answer::Over,
        };
        let message = NewMessage {
            dedup: format!("reply/{}", reply.provider_id),
            alert: Some(id),
            recipient: Some(&sender),
            phone: &reply.phone,
            language,
            content: templates::answered(&alert.name, answer, language),
        };
        self.reply(tx, changes, &message, now)
    }
}
