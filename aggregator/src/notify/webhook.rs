//! What WhatsApp's Cloud API tells us: the webhook's verification, its signature, and what its body says.
//!
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks>. Unknown fields, and things of a kind
//! that we do not know, are passed over: Meta adds some without notice. Pure.

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::MessageState;

/// The largest body that is read. Meta's are below 3 MB.
pub const MAX_BODY: usize = 3 << 20;

/// Whether `signature`, the header `X-Hub-Signature-256`, is that of `body`: `sha256=` and the HMAC-SHA256 of
/// the raw body under the app secret, in hexadecimal. In constant time.
pub fn signed(app_secret: &[u8], body: &[u8], signature: &str) -> bool {
    let Some(claimed) = signature.strip_prefix("sha256=").and_then(unhex) else {
        return false;
    };
    // An empty secret would let anybody sign.
    if app_secret.is_empty() {
        return false;
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(app_secret) else {
        return false;
    };
    mac.update(body);
    mac.verify_slice(&claimed).is_ok()
}

/// Whether the webhook's verification names our token. In constant time.
pub fn verified(mode: &str, token: &str, ours: &str) -> bool {
    mode == "subscribe" && !ours.is_empty() && bool::from(token.as_bytes().ct_eq(ours.as_bytes()))
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    digits
        .len()
        .is_multiple_of(2)
        .then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// What happened to a message of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The provider's id of the message.
    pub provider_id: String,
    /// Our own, if it came back.
    pub reference: Option<i64>,
    /// What.
    pub news: News,
}

/// What is told of a message of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It has come as far as this.
    Reached(MessageState),
    /// It did not arrive: an error code of the Cloud API, and what it says.
    Failed(i64, String),
}

/// Somebody wrote to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The provider's id of the message.
    pub provider_id: String,
    /// From where, E.164.
    pub phone: String,
    /// When, if it says so.
    pub at: Option<DateTime<Utc>>,
    /// What.
    pub said: Said,
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// They pressed a button, which answers this.
    Button(String),
    /// They wrote this.
    Text(String),
    /// Something that is neither, such as a picture.
    Other,
}

/// What Meta thinks of a message template of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateNews {
    /// Its name.
    pub name: String,
    /// In which language.
    pub language: String,
    /// `APPROVED`, `PAUSED`, `REJECTED` and so on.
    pub event: String,
    /// Why, if it says so.
    pub reason: Option<String>,
}

/// Everything in one body that concerns us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// In the order they came.
    pub statuses: Vec<Status>,
    /// In the order they came.
    pub messages: Vec<Incoming>,
    /// In the order they came.
    pub templates: Vec<TemplateNews>,
}

/// Reads a body. `None` if it is not JSON of the outer shape at all.
pub fn parse(body: &[u8]) -> Option<Notification> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    let mut notification = Notification::default();
    for change in envelope.entry.into_iter().flat_map(|entry| entry.changes) {
        if change.field == "message_template_status_update" {
            notification.templates.extend(template(&change.value));
            continue;
        }
        let list = |name: &str| change.value[name].as_array().cloned().unwrap_or_default();
        notification
            .statuses
            .extend(list("statuses").into_iter().filter_map(status));
        notification
            .messages
            .extend(list("messages").into_iter().filter_map(incoming));
    }
    Some(notification)
}

fn status(value: serde_json::Value) -> Option<Status> {
    let raw: RawStatus = serde_json::from_value(value).ok()?;
    let news = match raw.status.as_str() {
        "sent" => News::Reached(MessageState::Sent),
        "delivered" => News::Reached(MessageState::Delivered),
        "read" | "played" => News::Reached(MessageState::Read),
        "failed" => {
            let error = raw.errors.into_iter().next().unwrap_or_default();
            let detail = error.error_data.and_then(|data| data.details);
            News::Failed(error.code, detail.or(error.title).unwrap_or_default())
        }
        _ => return None,
    };
    let reference = raw
        .biz_opaque_callback_data
        .and_then(|text| super::cloud_api::parse_reference(&text));
    Some(Status {
        provider_id: raw.id,
        reference,
        news,
    })
}

fn incoming(value: serde_json::Value) -> Option<Incoming> {
    let raw: RawMessage = serde_json::from_value(value).ok()?;
    let said = match (raw.button, raw.interactive.and_then(|i| i.button_reply), raw.text) {
        (Some(button), ..) => Said::Button(button.payload?),
        (_, Some(button), _) => Said::Button(button.id),
        (.., Some(text)) => Said::Text(text.body),
        // A reaction or a note of the system is nothing that is to be answered.
        _ if matches!(raw.kind.as_str(), "reaction" | "system" | "unsupported" | "") => return None,
        _ => Said::Other,
    };
    Some(Incoming {
        provider_id: raw.id,
        phone: e164_of(&raw.from)?,
        at: timestamp(&raw.timestamp),
        said,
    })
}

fn template(value: &serde_json::Value) -> Option<TemplateNews> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let about = value["other_info"]["description"].as_str();
    Some(TemplateNews {
        name: text("message_template_name")?,
        // Webhooks write `en-US`, lists `en_US`.
        language: text("message_template_language")?.replace('-', "_"),
        event: text("event")?,
        reason: about
            .map(str::to_owned)
            .or_else(|| text("reason").filter(|reason| reason != "NONE")),
    })
}

/// A number as the providers write it, digits alone, to E.164.
pub(super) fn e164_of(digits: &str) -> Option<String> {
    let digits = digits.trim_start_matches('+');
    let valid = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| format!("+{digits}"))
}

/// Seconds or milliseconds since 1970, as a number or a text.
pub(super) fn timestamp(value: &serde_json::Value) -> Option<DateTime<Utc>> {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    if number > 100_000_000_000 {
        DateTime::from_timestamp_millis(number)
    } else {
        DateTime::from_timestamp(number, 0)
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    changes: Vec<Change>,
}

// What a change says stays untyped here, so that a status that we cannot read does not hide the others.
#[derive(Deserialize)]
struct Change {
    #[serde(default)]
    field: String,
    #[serde(default)]
    value: serde_json::Value,
}

#[derive(Deserialize)]
struct RawStatus {
    id: String,
    status: String,
    #[serde(default)]
    errors: Vec<RawError>,
    #[serde(default)]
    biz_opaque_callback_data: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawError {
    code: i64,
    title: Option<String>,
    error_data: Option<RawErrorData>,
}

#[derive(Deserialize)]
struct RawErrorData {
    #[serde(default)]
    details: Option<String>,
}

#[derive(Deserialize)]
struct RawMessage {
    id: String,
    from: String,
    #[serde(default)]
    timestamp: serde_json::Value,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<RawText>,
    #[serde(default)]
    button: Option<RawButton>,
    #[serde(default)]
    interactive: Option<RawInteractive>,
}

#[derive(Deserialize)]
struct RawText {
    body: String,
}

#[derive(Deserialize)]
struct RawButton {
    #[serde(default)]
    payload: Option<String>,
}

#[derive(Deserialize)]
struct RawInteractive {
    #[serde(default)]
    button_reply: Option<RawButtonReply>,
}

#[derive(Deserialize)]
struct RawButtonReply {
    id: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `printf '{"object":"whatsapp_business_account","entry":[]}' | openssl dgst -sha256 -hmac app-secret`
    const BODY: &[u8] = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    const SIGNATURE: &str = "sha256=d3e4f9da0ce6c71ab3dba55929b8eeeee2455349e534924ead19f98d143e904f";

    #[test]
    fn only_the_right_signature_of_the_raw_body_counts() {
        assert!(signed(b"app-secret", BODY, SIGNATURE));
        assert!(signed(
            b"app-secret",
            BODY,
            &SIGNATURE.to_uppercase().replace("SHA256", "sha256")
        ));
        assert!(!signed(b"another", BODY, SIGNATURE));
        // The same JSON in another spelling is another body.
        assert!(!signed(
            b"app-secret",
            br#"{"object":"whatsapp_business_account", "entry":[]}"#,
            SIGNATURE
        ));
        for wrong in [
            "",
            "sha256=",
            "sha1=00",
            "sha256=0",
            "sha256=zz",
            &SIGNATURE[..SIGNATURE.len() - 2],
        ] {
            assert!(!signed(b"app-secret", BODY, wrong), "{wrong}");
        }
        assert!(!signed(b"", BODY, SIGNATURE));
    }

    #[test]
    fn verification_needs_our_token() {
        assert!(verified("subscribe", "abc", "abc"));
        assert!(!verified("subscribe", "abd", "abc") && !verified("unsubscribe", "abc", "abc"));
        assert!(!verified("subscribe", "", ""));
    }

    fn envelope(value: &str) -> Vec<u8> {
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":
            {{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"1","phone_number_id":"2"}},{value}}}}}]}}]}}"#
        )
        .into_bytes()
    }

    #[test]
    fn reads_statuses_and_buttons_and_passes_over_the_rest() {
        let body = envelope(
            r#""statuses":[
                {"id":"wamid.A","status":"delivered","timestamp":"1","recipient_id":"628","new_field":{"x":[1]},
                 "biz_opaque_callback_data":"hadir-7"},
                {"id":"wamid.B","status":"failed","errors":[{"code":131026,"title":"Message undeliverable",
                 "error_data":{"details":"Not on WhatsApp."},"href":"https://…"}]},
                {"id":"wamid.C","status":"warming_up"}, {"status":"sent"}, 7],
              "messages":[
                {"from":"6281234","id":"wamid.D","type":"button","button":{"payload":"ack:12","text":"Saya tangani"},
                 "context":{"id":"wamid.A"},"timestamp":"1732430000"},
                {"from":"6281234","id":"wamid.E","type":"interactive","interactive":{"type":"button_reply",
                 "button_reply":{"id":"ack:13","title":"x"}}},
                {"from":"6281234","id":"wamid.G","type":"text","text":{"body":"where lee"}},
                {"from":"x","id":"wamid.H","type":"text","text":{"body":"where lee"}},
                {"from":"6281234","id":"wamid.I","type":"reaction","reaction":{"emoji":"x"}},
                {"from":"6281234","id":"wamid.F","type":"image","image":{}}]"#,
        );
        let seen = parse(&body).expect("JSON");
        let status = |id: &str, reference, news| Status {
            provider_id: id.into(),
            reference,
            news,
        };
        assert_eq!(
            seen.statuses,
            [
                status("wamid.A", Some(7), News::Reached(MessageState::Delivered)),
                status("wamid.B", None, News::Failed(131_026, "Not on WhatsApp.".into())),
            ]
        );
        let incoming = |id: &str, at: Option<i64>, said| Incoming {
            provider_id: id.into(),
            phone: "+6281234".into(),
            at: at.and_then(|at| DateTime::from_timestamp(at, 0)),
            said,
        };
        assert_eq!(
            seen.messages,
            [
                incoming("wamid.D", Some(1_732_430_000), Said::Button("ack:12".into())),
                incoming("wamid.E", None, Said::Button("ack:13".into())),
                incoming("wamid.G", None, Said::Text("where lee".into())),
                incoming("wamid.F", None, Said::Other),
            ]
        );
        assert_eq!(parse(b"{}"), Some(Notification::default()));
        assert_eq!(parse(b"[1"), None);
    }

    #[test]
    fn reads_what_meta_thinks_of_a_template() {
        let body = br#"{"entry":[{"changes":[{"field":"message_template_status_update","value":{"event":"PAUSED",
            "message_template_id":1,"message_template_name":"hadir_absence","message_template_language":"en-US",
            "reason":"NONE","other_info":{"title":"FIRST_PAUSE","description":"Paused for 3 hours."}}}]}]}"#;
        let news = TemplateNews {
            name: "hadir_absence".into(),
            language: "en_US".into(),
            event: "PAUSED".into(),
            reason: Some("Paused for 3 hours.".into()),
        };
        assert_eq!(parse(body).expect("JSON").templates, [news]);
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..300), signature in ".*") {
            let _ = (parse(&body), super::super::waha::parse(&body), super::super::fonnte::parse(&body));
            let _ = signed(b"s", &body, &signature);
        }
    }
}
