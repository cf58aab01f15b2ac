//! WhatsApp's Cloud API: sending a message, and what its error codes mean.
//!
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages>,
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media> and
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes>. A document is uploaded first, and the
//! message names it: at the head of a template, or as a message with a caption. Meta advises to go by the
//! code in the body, not by the HTTP status or the texts.

use std::path::PathBuf;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Content, Document, Failure, Messenger, Outgoing, Resume, Uncertain, http};
use crate::error::Result;
use crate::sentence::say;

/// How WhatsApp's Cloud API is reached. Secrets are files, read again when they change.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://graph.facebook.com/v23.0`, or a simulator.
    pub base_url: String,
    /// The sending number's id.
    pub phone_number_id: String,
    /// Holds the access token in one line.
    pub token_file: PathBuf,
    /// Holds the app secret, with which webhooks are signed.
    pub app_secret_file: PathBuf,
    /// What the webhook's verification must name.
    pub verify_token: String,
    /// The WhatsApp Business Account's id, to check its message templates; `None`: they are not checked.
    pub business_account_id: Option<String>,
}

/// Sends messages over the Cloud API.
#[derive(Debug)]
pub struct CloudApi {
    settings: Settings,
    client: reqwest::Client,
    /// Of the sending number; `messages` and `media` are below it.
    url: String,
}

impl CloudApi {
    /// A client; nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self> {
        let client = http::client()?;
        let url = format!(
            "{}/{}",
            settings.base_url.trim_end_matches('/'),
            settings.phone_number_id
        );
        Ok(Self {
            settings,
            client,
            url,
        })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Asks for something below the API's address; gives the status and the body of the answer.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<(u16, Vec<u8>), Failure> {
        let token = self.token()?;
        let url = format!("{}/{path}", self.settings.base_url.trim_end_matches('/'));
        let request = self.client.get(url).query(query).bearer_auth(token.as_str());
        http::answer(request).await
    }

    /// Takes a document to WhatsApp, for 30 days; gives its id there.
    async fn upload(&self, document: &Document) -> Result<String, Failure> {
        let token = self.token()?;
        let form = reqwest::multipart::Form::new()
            .text("messaging_product", "whatsapp")
            .part("file", http::part(document)?);
        let request = self
            .client
            .post(format!("{}/media", self.url))
            .bearer_auth(token.as_str())
            .timeout(http::UPLOAD_TIMEOUT)
            .multipart(form);
        let (status, answer) = http::answer(request).await.map_err(nothing_went_out)?;
        read_upload(status, &answer)
    }

    fn token(&self) -> Result<Zeroizing<String>, Failure> {
        http::secret(&self.settings.token_file).ok_or_else(|| Failure::Stop {
            detail: say!(
                "WhatsApp: {} holds no access token. Put the token into it; sending goes on by itself.",
                "WhatsApp: {} tidak berisi token akses. Isikan token ke dalamnya; pengiriman berlanjut sendiri.",
                self.settings.token_file.display()
            ),
            resume: Resume::NewToken,
        })
    }
}

#[async_trait]
impl Messenger for CloudApi {
    async fn send(&self, message: &Outgoing) -> Result<String, Failure> {
        let uploaded = match &message.document {
            Some(document) => Some((self.upload(document).await?, document.name.as_str())),
            None => None,
        };
        let token = self.token()?;
        let request = self
            .client
            .post(format!("{}/messages", self.url))
            .bearer_auth(token.as_str())
            .json(&body(message, uploaded));
        let (status, answer) = http::answer(request).await?;
        read(status, &answer)
    }

    fn credential(&self) -> Option<[u8; 32]> {
        http::fingerprint(&self.settings.token_file)
    }
}

/// Our reference as it goes out and comes back in webhooks (`biz_opaque_callback_data`).
pub fn reference(id: i64) -> String {
    format!("hadir-{id}")
}

/// Reads what [`reference`] wrote.
pub fn parse_reference(text: &str) -> Option<i64> {
    text.strip_prefix("hadir-")?.parse().ok()
}

/// `document`: the id and the name of what goes with it.
fn body(message: &Outgoing, document: Option<(String, &str)>) -> Value {
    let document = document.map(|(id, name)| json!({"id": id, "filename": name}));
    let mut body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": message.address.trim_start_matches('+'),
        "biz_opaque_callback_data": reference(message.reference),
    });
    match &message.content {
        Content::Text { body: text, buttons } if buttons.is_empty() => {
            if let Some(mut document) = document {
                document["caption"] = text.as_str().into();
                body["type"] = "document".into();
                body["document"] = document;
            } else {
                body["type"] = "text".into();
                body["text"] = json!({"preview_url": false, "body": text});
            }
        }
        Content::Text { body: text, buttons } => {
            let buttons: Vec<Value> = buttons
                .iter()
                .map(
                    |button| json!({"type": "reply", "reply": {"id": button.payload, "title": button.title}}),
                )
                .collect();
            body["type"] = "interactive".into();
            body["interactive"] =
                json!({"type": "button", "body": {"text": text}, "action": {"buttons": buttons}});
            if let Some(document) = document {
                body["interactive"]["header"] = json!({"type": "document", "document": document});
            }
        }
        Content::Template {
            name,
            language,
            parameters,
            buttons,
        } => {
            let parameters: Vec<Value> = parameters
                .iter()
                .map(|text| json!({"type": "text", "text": text}))
                .collect();
            let header = document.map(|document| {
                json!({"type": "header", "parameters": [{"type": "document", "document": document}]})
            });
            let mut components: Vec<Value> = header.into_iter().collect();
            components.push(json!({"type": "body", "parameters": parameters}));
            components.extend(buttons.iter().enumerate().map(|(index, payload)| {
                json!({
                    "type": "button",
                    "sub_type": "quick_reply",
                    "index": index.to_string(),
                    "parameters": [{"type": "payload", "payload": payload}],
                })
            }));
            body["type"] = "template".into();
            body["template"] = json!({
                "name": name,
                "language": {"code": language.as_str()},
                "components": components,
            });
        }
    }
    body
}

/// What an answer means: the provider's id, or what went wrong.
fn read(status: u16, answer: &[u8]) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Sent {
        messages: Vec<SentId>,
    }
    #[derive(Deserialize)]
    struct SentId {
        id: String,
    }

    match status {
        200..=299 if !is_error(answer) => match serde_json::from_slice::<Sent>(answer)
            .ok()
            .and_then(|sent| sent.messages.into_iter().next())
        {
            Some(sent) => Ok(sent.id),
            None => Err(Failure::Temporary {
                detail: "the answer names no message".into(),
                uncertain: Uncertain::Yes,
            }),
        },
        _ => Err(refusal(status, answer)),
    }
}

/// Whatever went wrong with an upload, the message itself was not sent.
fn nothing_went_out(failure: Failure) -> Failure {
    match failure {
        Failure::Temporary { detail, .. } => Failure::Temporary {
            detail,
            uncertain: Uncertain::No,
        },
        other => other,
    }
}

/// What the answer to an upload means: the document's id, or what went wrong.
fn read_upload(status: u16, answer: &[u8]) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Uploaded {
        id: String,
    }
    if (200..=299).contains(&status)
        && let Ok(Uploaded { id }) = serde_json::from_slice(answer)
    {
        return Ok(id);
    }
    // Too large, or something on the way lets no file through. What Meta itself says stands in the body.
    if (400..=499).contains(&status) && !matches!(status, 408 | 429) && !is_error(answer) {
        return Err(Failure::Document {
            detail: format!("the upload was answered with HTTP status {status}"),
        });
    }
    Err(match nothing_went_out(refusal(status, answer)) {
        Failure::Refused { detail } => Failure::Document { detail },
        other => other,
    })
}

#[derive(Deserialize)]
struct Refused {
    error: RefusedError,
}

#[derive(Deserialize)]
struct RefusedError {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_data: Option<RefusedData>,
}

#[derive(Deserialize)]
struct RefusedData {
    #[serde(default)]
    details: Option<String>,
}

fn is_error(answer: &[u8]) -> bool {
    serde_json::from_slice::<Refused>(answer).is_ok()
}

/// What an answer that is no success means.
pub(super) fn refusal(status: u16, answer: &[u8]) -> Failure {
    if let Ok(Refused { error }) = serde_json::from_slice(answer) {
        let detail = error
            .error_data
            .and_then(|data| data.details)
            .unwrap_or(error.message);
        return failure(error.code, &detail);
    }
    match status {
        401 | 403 => failure(190, &format!("HTTP status {status}")),
        429 => Failure::SlowAll {
            detail: "HTTP status 429".into(),
        },
        // Timeouts on the way and errors of the server: it may have gone out.
        200..=299 | 408 | 500..=599 => Failure::Temporary {
            detail: format!("HTTP status {status}"),
            uncertain: Uncertain::Yes,
        },
        _ => Failure::Stop {
            detail: say!(
                "WhatsApp: the address answers with HTTP status {status}. Check base_url and phone_number_id.",
                "WhatsApp: alamatnya menjawab dengan status HTTP {status}. Periksa base_url dan phone_number_id."
            ),
            resume: Resume::After(TimeDelta::minutes(5)),
        },
    }
}

/// What an error code of the Cloud API means, in an answer or in a webhook.
pub fn failure(code: i64, detail: &str) -> Failure {
    let detail = format!("{code}: {}", detail.chars().take(300).collect::<String>());
    let quarter = Resume::After(TimeDelta::minutes(15));
    let stop = |en: &str, id: &str, resume| Failure::Stop {
        detail: say!("WhatsApp: {en} ({detail}).", "WhatsApp: {id} ({detail})."),
        resume,
    };
    match code {
        131_047 => Failure::WindowClosed { detail },
        131_056 => Failure::SlowRecipient { detail },
        // Application, account and throughput limits; spam limit.
        4 | 80_007 | 130_429 | 131_048 => Failure::SlowAll { detail },
        0 | 190 => stop(
            "the access token is not accepted. Make a new one and put it into the token file",
            "token akses ditolak. Buat yang baru dan isikan ke berkas token",
            Resume::NewToken,
        ),
        3 | 10 | 200..=299 | 131_005 => stop(
            "the access token lacks the permission whatsapp_business_messaging",
            "token akses tidak punya izin whatsapp_business_messaging",
            quarter,
        ),
        33 | 131_045 | 133_010 => stop(
            "the sending number is not registered; check phone_number_id",
            "nomor pengirim belum terdaftar; periksa phone_number_id",
            quarter,
        ),
        368 | 131_031 => stop(
            "Meta has restricted or locked the account; see WhatsApp Manager",
            "Meta membatasi atau mengunci akun ini; lihat WhatsApp Manager",
            quarter,
        ),
        131_042 => stop(
            "Meta wants the account's payment settled; see WhatsApp Manager",
            "Meta meminta pembayaran akun ini dilunasi; lihat WhatsApp Manager",
            quarter,
        ),
        // Not on WhatsApp or too old a version; opted out; experiment group; not in the allowed list; itself.
        131_026 | 131_030 | 131_050 | 130_472 | 131_021 => Failure::Undeliverable { detail },
        132_000 | 132_001 | 132_005 | 132_007 | 132_012 | 132_015 | 132_016 => Failure::Template { detail },
        // The document could not be fetched or is of a wrong kind.
        131_052 | 131_053 => Failure::Document { detail },
        // Unknown, service down, internal, overloaded, maintenance, "not delivered to keep engagement healthy".
        1 | 2 | 131_000 | 131_016 | 131_049 | 131_057 | 133_004 => Failure::Temporary {
            detail,
            uncertain: Uncertain::No,
        },
        _ => Failure::Refused { detail },
    }
}

#[cfg(test)]
mod tests;
