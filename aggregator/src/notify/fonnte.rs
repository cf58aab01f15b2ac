//! Fonnte: sending, and what its webhooks say.
//!
//! <https://docs.fonnte.com/api-send-message/>, `/file-limitation/`, `/webhook-reply-message/` and `/webhook-update-message-status/`. Whether a
//! message was taken stands in the body's `status`, not in the HTTP status. Webhooks are not signed: their address
//! carries a secret instead. There are no buttons: what can be answered stands below the text.

use std::path::PathBuf;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::webhook::{Incoming, News, Notification, Said, Status, e164_of, timestamp};
use super::{Content, Failure, MessageState, Messenger, Outgoing, Resume, Uncertain, http, templates};
use crate::error::Result;
use crate::sentence::say;

/// How Fonnte is reached. Secrets are files, read again when they change.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://api.fonnte.com`.
    pub base_url: String,
    /// Holds the device's token in one line.
    pub token_file: PathBuf,
    /// Holds the secret that the webhook's address carries (`?key=…`).
    pub webhook_key_file: PathBuf,
}

/// Sends messages over Fonnte.
#[derive(Debug)]
pub struct Fonnte {
    settings: Settings,
    client: reqwest::Client,
    url: String,
}

impl Fonnte {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When none can be made.
    pub fn new(settings: Settings) -> Result<Self> {
        let url = format!("{}/send", settings.base_url.trim_end_matches('/'));
        Ok(Self {
            settings,
            client: http::client()?,
            url,
        })
    }
}

#[async_trait]
impl Messenger for Fonnte {
    async fn send(&self, message: &Outgoing) -> Result<String, Failure> {
        let token = http::secret(&self.settings.token_file).ok_or_else(|| Failure::Stop {
            detail: say!(
                "Fonnte: {} holds no token. Put the device's token into it; sending goes on by itself.",
                "Fonnte: {} tidak berisi token. Isikan token perangkat ke dalamnya; pengiriman berlanjut sendiri.",
                self.settings.token_file.display()
            ),
            resume: Resume::NewToken,
        })?;
        let Content::Text { body, buttons } = &message.content else {
            return Err(Failure::Refused {
                detail: "Fonnte knows no templates".into(),
            });
        };
        let mut form = reqwest::multipart::Form::new()
            .text("target", message.address.trim_start_matches('+').to_owned())
            .text("message", templates::plain(body, buttons, message.language))
            // The number is international already.
            .text("countryCode", "0");
        let mut timeout = None;
        if let Some(document) = &message.document {
            form = form
                .text("filename", document.name.clone())
                .part("file", http::part(document)?);
            timeout = Some(http::UPLOAD_TIMEOUT);
        }
        let mut request = self
            .client
            .post(&self.url)
            .header("Authorization", token.as_str())
            .multipart(form);
        if let Some(timeout) = timeout {
            request = request.timeout(timeout);
        }
        let (status, answer) = http::answer(request).await?;
        match read(status, &answer) {
            // Too large, of a kind that it does not take, or not in the package that was paid for.
            Err(Failure::Refused { detail }) if message.document.is_some() && detail.contains("file") => {
                Err(Failure::Document { detail })
            }
            Err(Failure::Temporary { detail, .. }) if message.document.is_some() && status == 413 => {
                Err(Failure::Document { detail })
            }
            other => other,
        }
    }

    fn credential(&self) -> Option<[u8; 32]> {
        http::fingerprint(&self.settings.token_file)
    }
}

/// What an answer means: the provider's id, or what went wrong.
fn read(status: u16, answer: &[u8]) -> Result<String, Failure> {
    let body: Value = serde_json::from_slice(answer).unwrap_or_default();
    let field = |name: &str| {
        let mut fields = body.as_object()?.iter();
        fields
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    let taken = field("status").and_then(|status| match status {
        Value::Bool(taken) => Some(*taken),
        Value::String(text) => Some(text.eq_ignore_ascii_case("true")),
        _ => None,
    });
    if taken == Some(true) {
        let id = field("id").and_then(|id| match id {
            Value::Array(ids) => ids.first().and_then(plain_id),
            one => plain_id(one),
        });
        return id.ok_or_else(|| Failure::Temporary {
            detail: "the answer names no message".into(),
            uncertain: Uncertain::Yes,
        });
    }
    let reason = field("reason")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_lowercase();
    let detail = match reason.as_str() {
        "" => format!("HTTP status {status}"),
        reason => reason.chars().take(300).collect(),
    };
    let stop = |en: &str, id: &str, resume| Failure::Stop {
        detail: say!("Fonnte: {en} ({detail}).", "Fonnte: {id} ({detail})."),
        resume,
    };
    let minutes = |minutes| Resume::After(TimeDelta::minutes(minutes));
    Err(
        if reason.contains("token") || reason.contains("unknown user") || matches!(status, 401 | 403) {
            stop(
                "the token is not accepted; put the device's token into the token file",
                "token ditolak; isikan token perangkat ke berkas token",
                Resume::NewToken,
            )
        } else if reason.contains("disconnected") {
            stop(
                "the device is disconnected; connect it in Fonnte's dashboard",
                "perangkat terputus; sambungkan di dasbor Fonnte",
                minutes(2),
            )
        } else if reason.contains("quota") {
            stop(
                "the quota is used up; top it up in Fonnte's dashboard",
                "kuota habis; isi ulang di dasbor Fonnte",
                minutes(15),
            )
        } else if reason.contains("target") {
            Failure::Undeliverable { detail }
        } else if status == 429 {
            Failure::SlowAll { detail }
        } else if taken.is_none() {
            Failure::Temporary {
                detail,
                uncertain: if !(400..500).contains(&status) {
                    Uncertain::Yes
                } else {
                    Uncertain::No
                },
            }
        } else {
            Failure::Refused { detail }
        },
    )
}

fn plain_id(value: &Value) -> Option<String> {
    match value {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// Whether a webhook's address names our key. In constant time.
pub fn signed(ours: &[u8], claimed: &str) -> bool {
    !ours.is_empty() && bool::from(claimed.as_bytes().ct_eq(ours))
}

/// Reads a webhook's body. `None` if it is no JSON object.
pub fn parse(body: &[u8]) -> Option<Notification> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.as_object()?;
    let mut notification = Notification::default();
    let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
    // Somebody wrote: `member` is there in groups only.
    if let (Some(phone), Some(said), None) =
        (text("sender").and_then(e164_of), text("message"), text("member"))
    {
        let at = timestamp(&body["timestamp"]);
        // Its webhooks name no message; one that is repeated has the same time and text.
        let id = plain_id(&body["inboxid"])
            .unwrap_or_else(|| format!("{phone}/{}/{said}", at.map_or(0, |at| at.timestamp())));
        notification.messages.push(Incoming {
            provider_id: format!("fonnte-{id}"),
            phone,
            at,
            said: Said::Text(said.to_owned()),
        });
    }
    let id = plain_id(&body["id"]);
    let state = ["state", "status"].into_iter().find_map(|name| {
        let value = plain_id(&body[name])?.to_lowercase();
        match value.as_str() {
            "sent" | "1" => Some(News::Reached(MessageState::Sent)),
            "delivered" | "2" => Some(News::Reached(MessageState::Delivered)),
            "read" | "3" => Some(News::Reached(MessageState::Read)),
            "invalid" | "expired" => Some(News::Failed(131_026, value)),
            _ => None,
        }
    });
    if let (Some(provider_id), Some(news)) = (id, state) {
        notification.statuses.push(Status {
            provider_id,
            reference: None,
            news,
        });
    }
    Some(notification)
}

#[cfg(test)]
mod tests;
