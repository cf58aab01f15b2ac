//! WhatsApp's webhooks: what became of our messages, what Meta thinks of our templates, and who wrote to us.

use chrono::{DateTime, TimeDelta, Utc};

use super::Core;
use super::outbox::random;
use super::state::{Changes, Memory};
use super::types::Viewer;
use crate::error::{Error, Result};
use crate::notify::webhook::{self, News, Notification, Status};
use crate::notify::{Channel, MessageState, WhatsApp, cloud_api, fonnte, waha};
use crate::store::Tx;

/// For so long after somebody wrote, text may be sent to them; a minute less than WhatsApp says.
const WINDOW: TimeDelta = TimeDelta::minutes(24 * 60 - 1);

impl Core {
    /// The webhook's verification (`GET`): the challenge to answer with.
    ///
    /// # Errors
    /// `Forbidden` when it does not name our token.
    pub fn webhook_challenge(&self, mode: &str, token: &str, challenge: &str) -> Result<String> {
        let ours = match &self.settings.whatsapp {
            Some(WhatsApp::Cloud(settings)) => settings.verify_token.as_str(),
            _ => "",
        };
        if webhook::verified(mode, token, ours) {
            Ok(challenge.to_owned())
        } else {
            Err(Error::forbidden(
                "The verification does not name this site's verify_token.",
            ))
        }
    }

    /// A notification (`POST`), `body` the raw bytes. `proof`: the header `X-Hub-Signature-256` of the Cloud API,
    /// `X-Webhook-Hmac` of WAHA, or for Fonnte the `key` in the address. Repeated deliveries change nothing.
    ///
    /// # Errors
    /// `Forbidden` on a wrong signature or key; `Invalid` when the body cannot be read.
    pub fn take_webhook(&self, proof: Option<&str>, body: &[u8]) -> Result<()> {
        let notification = self.read_webhook(proof.unwrap_or_default(), body)?;
        for status in notification.statuses {
            self.update(|state, tx, changes| self.take_message_status(state, tx, changes, &status))?;
        }
        for message in notification.messages {
            self.update(|state, tx, changes| self.take_message(state, tx, changes, &message))?;
        }
        for news in notification.templates {
            self.take_template_news(&news)?;
        }
        Ok(())
    }

    fn read_webhook(&self, proof: &str, body: &[u8]) -> Result<Notification> {
        type Read = fn(&[u8]) -> Option<Notification>;
        let nothing = || Error::forbidden("No webhook is expected here.");
        let whatsapp = self.settings.whatsapp.as_ref().ok_or_else(nothing)?;
        let secret = whatsapp.webhook_secret();
        let (genuine, read): (bool, Read) = match whatsapp {
            WhatsApp::Cloud(_) => (webhook::signed(secret.as_bytes(), body, proof), webhook::parse),
            WhatsApp::Waha(_) => (waha::signed(secret.as_bytes(), body, proof), waha::parse),
            WhatsApp::Fonnte(_) => (fonnte::signed(secret.as_bytes(), proof), fonnte::parse),
            WhatsApp::LogOnly => return Err(nothing()),
        };
        if !genuine {
            return Err(Error::forbidden(
                "The signature is not that of this body under this site's secret.",
            ));
        }
        read(body).ok_or_else(|| Error::malformed("The notification is not JSON as documented."))
    }

    fn take_message_status(
        &self,
        state: &Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        status: &Status,
    ) -> Result<()> {
        let now = self.now();
        // By our own reference where the answer to the sending was lost, so that we never learned theirs.
        let message = match (tx.message_of_provider(&status.provider_id)?, status.reference) {
            (Some(message), _) => Some(message),
            (None, Some(reference)) => tx.message(reference)?,
            (None, None) => None,
        };
        let Some(message) = message else { return Ok(()) };
        changes.alerts.extend(tx.about(message.id)?);
        match &status.news {
            News::Reached(reached) => {
                tx.record_status(message.id, *reached, &status.provider_id, now)?;
            }
            // Of an earlier try, or told again: it has been dealt with.
            News::Failed(..)
                if message
                    .provider_id
                    .as_ref()
                    .is_some_and(|id| *id != status.provider_id || message.state != MessageState::Sent) => {}
            News::Failed(code, detail) => {
                let failure = cloud_api::failure(*code, detail);
                self.handle_failure(state, tx, changes, &message, &failure, random(), now)?;
            }
        }
        Ok(())
    }

    /// Whether text may be sent to a phone now.
    pub(super) fn window_is_open(&self, tx: &Tx<'_>, phone: &str, now: DateTime<Utc>) -> Result<bool> {
        let written = tx.last_written(phone)?;
        Ok(written.is_some_and(|at| now - at < WINDOW))
    }
}

/// Who writes on WhatsApp, as the record of who did what names them.
pub(super) fn record_name(viewer: &Viewer) -> String {
    match &viewer.employee {
        Some(employee) => format!("{} {employee}", Channel::Whatsapp.as_str()),
        None => Channel::Whatsapp.as_str().to_owned(),
    }
}
