//! WAHA, which drives a WhatsApp of one's own over HTTP: sending, and what its webhooks say.
//!
//! <https://waha.devlike.pro/docs/how-to/send-messages/>, `/how-to/events/`, `/how-to/sessions/` and `/how-to/security/`.
//! There are no templates and no buttons: what can be answered stands below the text. The answer names the message
//! differently with each engine, or not at all; what it says of it later is matched by the last part of the id.

use std::path::PathBuf;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::TimeDelta;
use hmac::{Hmac, Mac};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha512;

use super::webhook::{Incoming, News, Notification, Said, Status, e164_of, unhex};
use super::{Content, Failure, MessageState, Messenger, Outgoing, Resume, Uncertain, http, templates};
use crate::error::Result;
use crate::sentence::say;

/// How WAHA is reached. Secrets are files, read again when they change.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `http://127.0.0.1:3000`.
    pub base_url: String,
    /// The session's name; `default` in WAHA Core.
    pub session: String,
    /// Holds the API key in one line.
    pub key_file: PathBuf,
    /// Holds the key with which webhooks are signed (`config.webhooks[].hmac.key`).
    pub webhook_key_file: PathBuf,
}

/// Sends messages over WAHA.
#[derive(Debug)]
pub struct Waha {
    settings: Settings,
    client: reqwest::Client,
    /// Its API, below which `sendText` and `sendFile` are.
    url: String,
}

impl Waha {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When none can be made.
    pub fn new(settings: Settings) -> Result<Self> {
        let url = format!("{}/api", settings.base_url.trim_end_matches('/'));
        Ok(Self {
            settings,
            client: http::client()?,
            url,
        })
    }
}

#[async_trait]
impl Messenger for Waha {
    async fn send(&self, message: &Outgoing) -> Result<String, Failure> {
        let key = http::secret(&self.settings.key_file).ok_or_else(|| Failure::Stop {
            detail: say!(
                "WAHA: {} holds no API key. Put the key into it; sending goes on by itself.",
                "WAHA: {} tidak berisi kunci API. Isikan kunci ke dalamnya; pengiriman berlanjut sendiri.",
                self.settings.key_file.display()
            ),
            resume: Resume::NewToken,
        })?;
        let Content::Text { body, buttons } = &message.content else {
            return Err(Failure::Refused {
                detail: "WAHA knows no templates".into(),
            });
        };
        let text = templates::plain(body, buttons, message.language);
        let mut body = json!({
            "session": self.settings.session,
            "chatId": format!("{}@c.us", message.address.trim_start_matches('+')),
        });
        let what = if let Some(document) = &message.document {
            body["caption"] = text.into();
            body["file"] = json!({
                "mimetype": document.content_type,
                "filename": document.name,
                "data": BASE64.encode(&document.bytes),
            });
            "sendFile"
        } else {
            body["text"] = text.into();
            body["linkPreview"] = false.into();
            "sendText"
        };
        let mut request = self
            .client
            .post(format!("{}/{what}", self.url))
            .header("X-Api-Key", key.as_str())
            .json(&body);
        if message.document.is_some() {
            request = request.timeout(http::UPLOAD_TIMEOUT);
        }
        let (status, answer) = http::answer(request).await?;
        match read(status, &answer, message.reference) {
            // WAHA Core sends text alone with some engines, and says that Plus is needed.
            Err(failure)
                if message.document.is_some()
                    && (matches!(status, 404 | 413) || failure.detail().contains("Plus")) =>
            {
                let detail = failure.detail().to_owned();
                Err(Failure::Document { detail })
            }
            other => other,
        }
    }

    fn credential(&self) -> Option<[u8; 32]> {
        http::fingerprint(&self.settings.key_file)
    }
}

/// What an answer means: the provider's id, or what went wrong.
fn read(status: u16, answer: &[u8], reference: i64) -> Result<String, Failure> {
    let body: Value = serde_json::from_slice(answer).unwrap_or_default();
    let said = ["error", "message"]
        .into_iter()
        .find_map(|key| body[key].as_str())
        .or_else(|| body["exception"]["message"].as_str())
        .unwrap_or_default();
    let detail = format!(
        "HTTP status {status}: {}",
        said.chars().take(300).collect::<String>()
    );
    let stop = |en: &str, id: &str, minutes| Failure::Stop {
        detail: say!("WAHA: {en} ({detail}).", "WAHA: {id} ({detail})."),
        resume: Resume::After(TimeDelta::minutes(minutes)),
    };
    match status {
        200..=299 => Ok(message_id(&body).map_or_else(|| format!("waha-{reference}"), last_part)),
        401 | 403 => Err(Failure::Stop {
            detail: say!(
                "WAHA: the API key is not accepted; put the right one into the key file ({detail}).",
                "WAHA: kunci API ditolak; isikan yang benar ke berkas kunci ({detail})."
            ),
            resume: Resume::NewToken,
        }),
        404 => Err(stop(
            "there is no such address; check base_url",
            "alamat itu tidak ada; periksa base_url",
            5,
        )),
        422 if said.contains("does not exist") => Err(stop(
            "there is no such session; check `session`",
            "sesi itu tidak ada; periksa `session`",
            5,
        )),
        422 => Err(stop(
            "the session is not working; open WAHA's dashboard, start it and scan the QR code",
            "sesi tidak berjalan; buka dasbor WAHA, jalankan sesinya dan pindai kode QR",
            1,
        )),
        429 => Err(Failure::SlowAll { detail }),
        // "server returned error 463" or 475: WhatsApp lets this number begin no more new conversations for now.
        500 if said.contains("463") || said.contains("475") => Err(Failure::SlowRecipient { detail }),
        500 if said.contains("No LID") || said.contains("not on WhatsApp") => {
            Err(Failure::Undeliverable { detail })
        }
        500..=599 | 408 => Err(Failure::Temporary {
            detail,
            uncertain: Uncertain::Yes,
        }),
        _ => Err(Failure::Refused { detail }),
    }
}

/// The id in an answer, wherever the engine puts it.
fn message_id(body: &Value) -> Option<&str> {
    [
        &body["id"],
        &body["id"]["_serialized"],
        &body["key"]["id"],
        &body["_data"]["id"]["_serialized"],
        &body["_data"]["id"]["id"],
        &body["id"]["id"],
    ]
    .into_iter()
    .find_map(Value::as_str)
}

/// `true_628…@c.us_3EB0…` and its like, down to what is the same everywhere.
fn last_part(id: &str) -> String {
    let mut parts = id.split('_').skip(2);
    parts.next().unwrap_or(id).to_owned()
}

/// Whether `signature`, the header `X-Webhook-Hmac`, is that of `body`: the HMAC-SHA512 of the raw body, in hexadecimal.
/// In constant time.
pub fn signed(key: &[u8], body: &[u8], signature: &str) -> bool {
    let Some(claimed) = unhex(signature) else {
        return false;
    };
    if key.is_empty() {
        return false;
    }
    let Ok(mut mac) = Hmac::<Sha512>::new_from_slice(key) else {
        return false;
    };
    mac.update(body);
    mac.verify_slice(&claimed).is_ok()
}

#[derive(Deserialize)]
struct Envelope {
    event: String,
    #[serde(default)]
    payload: Value,
}

/// Reads a webhook's body. `None` if it is not JSON of the outer shape at all.
pub fn parse(body: &[u8]) -> Option<Notification> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let payload = envelope.payload;
    let mut notification = Notification::default();
    let id = payload["id"].as_str().unwrap_or_default();
    match envelope.event.as_str() {
        "message" if payload["fromMe"] != true => {
            // Some engines hide the number behind an id of WhatsApp's own and tell it beside.
            let from = payload["from"].as_str().unwrap_or_default();
            let beside = || {
                let told = [
                    payload["_data"]["key"]["remoteJidAlt"].as_str(),
                    payload["_data"]["Info"]["SenderAlt"].as_str(),
                ];
                told.into_iter().flatten().find_map(phone)
            };
            let sender = match from.ends_with("@lid") {
                true => beside(),
                false => phone(from),
            };
            if let (Some(phone), Some(text)) = (sender, payload["body"].as_str()) {
                notification.messages.push(Incoming {
                    provider_id: id.to_owned(),
                    phone,
                    at: super::webhook::timestamp(&payload["timestamp"]),
                    said: Said::Text(text.to_owned()),
                });
            }
        }
        "message.ack" => {
            let news = match payload["ack"].as_i64() {
                Some(-1) => Some(News::Failed(131_026, "WhatsApp did not take it".into())),
                Some(1) => Some(News::Reached(MessageState::Sent)),
                Some(2) => Some(News::Reached(MessageState::Delivered)),
                Some(3 | 4) => Some(News::Reached(MessageState::Read)),
                _ => None,
            };
            notification.statuses.extend(news.map(|news| Status {
                provider_id: last_part(id),
                reference: None,
                news,
            }));
        }
        _ => {}
    }
    Some(notification)
}

/// The number of a private chat; groups, channels and hidden ids have none.
fn phone(jid: &str) -> Option<String> {
    let (user, server) = jid.split_once('@')?;
    // The device behind a colon is not part of the number.
    let user = user.split(':').next().unwrap_or(user);
    matches!(server, "c.us" | "s.whatsapp.net").then(|| e164_of(user))?
}

#[cfg(test)]
mod tests;
