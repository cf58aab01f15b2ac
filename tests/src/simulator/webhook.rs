//! Webhooks to the business: their JSON, their signature, and their delivery with retries.
//!
//! After <https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages>
//! (and `/status`, `/button`, `/interactive`, `/text` below it), `.../reference/message_template_status_update` and
//! `.../webhooks/overview` (verification, `X-Hub-Signature-256`, retries).

use std::time::Duration;

use hmac::{Hmac, Mac as _};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::mpsc;

use super::state::{Event, Status};

/// Where webhooks go, and how they are signed.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The receiver.
    pub url: String,
    /// The app's secret.
    pub app_secret: String,
    /// The WhatsApp Business Account's id.
    pub account_id: String,
    /// The business number's id.
    pub phone_number_id: String,
    /// The business number, digits alone.
    pub number: String,
}

/// How statuses are delivered; for tests of what the documentation warns of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disorder {
    /// Later statuses of a message first.
    pub reversed: bool,
    /// Everything twice.
    pub duplicated: bool,
}

/// For how long an undeliverable webhook is tried again. The real one: days.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);

/// The body of a webhook.
pub fn body(subscription: &Subscription, event: &Event) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": subscription.number,
            "phone_number_id": subscription.phone_number_id,
        },
    });
    match event {
        Event::Status {
            id,
            to,
            status,
            at,
            error,
            category,
        } => {
            let mut entry = json!({
                "id": id,
                "status": status.as_str(),
                "timestamp": at.timestamp().to_string(),
                "recipient_id": to,
            });
            if let Some(error) = error {
                entry["errors"] = json!([error.in_webhook()]);
            } else {
                let category = category.as_deref().unwrap_or("service");
                entry["pricing"] = json!({
                    "billable": category != "service", "pricing_model": "PMP", "type": "regular", "category": category,
                });
                if *status == Status::Sent {
                    entry["conversation"] = json!({"id": short_hash(to), "origin": {"type": category}});
                }
            }
            value["statuses"] = json!([entry]);
        }
        Event::Button {
            from,
            name,
            id,
            at,
            context,
            text,
            payload,
        } => {
            value["contacts"] = json!([{"profile": {"name": name}, "wa_id": from}]);
            value["messages"] = json!([{
                "context": {"from": subscription.number, "id": context},
                "from": from, "id": id, "timestamp": at.timestamp().to_string(),
                "type": "button", "button": {"payload": payload, "text": text},
            }]);
        }
        Event::Reply {
            from,
            name,
            id,
            at,
            context,
            reply,
            title,
        } => {
            value["contacts"] = json!([{"profile": {"name": name}, "wa_id": from}]);
            value["messages"] = json!([{
                "context": {"from": subscription.number, "id": context},
                "from": from, "id": id, "timestamp": at.timestamp().to_string(), "type": "interactive",
                "interactive": {"type": "button_reply", "button_reply": {"id": reply, "title": title}},
            }]);
        }
        Event::Template {
            name,
            language,
            event,
        } => {
            let paused = event == "PAUSED";
            let mut value = json!({
                "event": event, "message_template_id": 594_425_479_261_596_u64, "message_template_name": name,
                "message_template_language": language, "reason": "NONE", "message_template_category": "UTILITY",
            });
            if paused {
                value["other_info"] = json!({"title": "FIRST_PAUSE", "description": "Paused for 3 hours because of low quality."});
            }
            return json!({
                "object": "whatsapp_business_account",
                "entry": [{"id": subscription.account_id, "time": 0,
                    "changes": [{"value": value, "field": "message_template_status_update"}]}],
            });
        }
        Event::Text {
            from,
            name,
            id,
            at,
            text,
        } => {
            value["contacts"] = json!([{"profile": {"name": name}, "wa_id": from}]);
            value["messages"] = json!([{
                "from": from, "id": id, "timestamp": at.timestamp().to_string(),
                "type": "text", "text": {"body": text},
            }]);
        }
    }
    json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": subscription.account_id, "changes": [{"value": value, "field": "messages"}]}],
    })
}

fn short_hash(text: &str) -> String {
    use sha2::Digest as _;
    Sha256::digest(text.as_bytes())
        .iter()
        .take(16)
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// The value of `X-Hub-Signature-256`.
pub fn signature(app_secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(app_secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    format!("sha256={hex}")
}

/// Delivers events, one after the other, until `events` is closed.
///
/// A receiver that is not up or answers anything but 200 gets the same body again, at growing intervals.
pub async fn deliver(
    client: reqwest::Client,
    subscription: Subscription,
    mut events: mpsc::UnboundedReceiver<Event>,
) {
    while let Some(event) = events.recv().await {
        let body = body(&subscription, &event).to_string();
        let signature = signature(&subscription.app_secret, body.as_bytes());
        let began = tokio::time::Instant::now();
        let mut pause = Duration::from_millis(250);
        loop {
            let sent = client
                .post(&subscription.url)
                .header("content-type", "application/json")
                .header("user-agent", "facebookexternalua")
                .header("x-hub-signature-256", &signature)
                .timeout(Duration::from_secs(10))
                .body(body.clone())
                .send()
                .await;
            let problem = match sent {
                Ok(answer) if answer.status() == 200 => break,
                Ok(answer) => format!("it answered {}", answer.status()),
                Err(e) => e.without_url().to_string(),
            };
            if began.elapsed() > GIVE_UP_AFTER {
                tracing::warn!(%problem, "a webhook was given up");
                break;
            }
            tracing::debug!(%problem, "a webhook is tried again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
}

/// The verification that precedes a subscription: the receiver must answer the challenge.
///
/// # Errors
/// A sentence that says what it answered instead.
pub async fn verify(client: &reqwest::Client, url: &str, verify_token: &str) -> Result<(), String> {
    const CHALLENGE: &str = "1158201444";
    let mut url = reqwest::Url::parse(url).map_err(|e| e.to_string())?;
    url.query_pairs_mut()
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.challenge", CHALLENGE)
        .append_pair("hub.verify_token", verify_token);
    let answer = client
        .get(url)
        .send()
        .await
        .map_err(|e| e.without_url().to_string())?;
    let status = answer.status();
    let text = answer.text().await.map_err(|e| e.without_url().to_string())?;
    if status == 200 && text == CHALLENGE {
        return Ok(());
    }
    Err(format!(
        "the callback URL answered {status} and not the challenge"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hmac_sha256_of_the_raw_body() {
        // RFC 4231, test case 2.
        assert_eq!(
            signature("Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
