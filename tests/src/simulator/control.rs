//! The page that looks like a phone, and what the page and the tests ask for below `/sim/`.

use std::sync::{Arc, PoisonError};

use chrono::{TimeDelta, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use warp::http::{HeaderValue, Response};

use super::state::{Injected, WINDOW};
use super::webhook::{self, Disorder};
use super::{Shared, json_answer};

const PAGE: &str = include_str!("page.html");

/// The longest text that is taken from the person.
const MAX_TEXT: usize = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Press {
    message: String,
    button: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Write {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verify {
    verify_token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateStatus {
    status: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
}

pub(super) async fn answer(
    shared: &Arc<Shared>,
    method: &str,
    path: &[&str],
    body: &[u8],
) -> Response<String> {
    let result = match (method, path) {
        ("GET", []) => return page(),
        ("GET", ["sim", "health"]) => {
            Ok(json!({"status": "ok", "templates": shared.account.templates.len()}))
        }
        ("GET", ["sim", "conversations"]) => Ok(conversations(shared)),
        ("GET", ["sim", "requests"]) => Ok(json!(shared.state().requests)),
        ("POST", ["sim", "conversations", who, "press"]) => parse(body).and_then(|p: Press| {
            let event = shared.state().press(who, &p.message, p.button, Utc::now())?;
            shared.emit(event);
            Ok(json!({}))
        }),
        ("POST", ["sim", "conversations", who, "text"]) => parse(body).and_then(|w: Write| {
            let text = w.text.trim();
            if text.is_empty() || text.chars().count() > MAX_TEXT {
                return Err(format!("a text has 1 to {MAX_TEXT} characters"));
            }
            let event = shared.state().write(who, text, Utc::now());
            shared.emit(event);
            Ok(json!({}))
        }),
        ("POST", ["sim", "conversations", who, "read"]) => {
            let events = shared.state().read(who, Utc::now());
            let count = events.len();
            events.into_iter().for_each(|e| shared.emit(e));
            Ok(json!({"read": count}))
        }
        ("POST", ["sim", "conversations", who, "name"]) => parse(body).map(|n: Name| {
            shared.state().conversation(who).name = n.name;
            json!({})
        }),
        // The person's last message was a day ago.
        ("POST", ["sim", "conversations", who, "close-window"]) => {
            shared.state().conversation(who).last_incoming =
                Some(Utc::now() - WINDOW - TimeDelta::minutes(1));
            Ok(json!({}))
        }
        // Meta pauses, disables or approves a template, and says so.
        ("POST", ["sim", "templates", name, language]) => parse(body).and_then(|s: TemplateStatus| {
            if !shared.account.templates.has(name, language) {
                return Err(format!("there is no template {name} in {language}"));
            }
            let key = ((*name).to_owned(), (*language).to_owned());
            shared.state().template_status.insert(key, s.status.clone());
            shared.emit(super::state::Event::Template {
                name: (*name).to_owned(),
                language: (*language).to_owned(),
                event: s.status,
            });
            Ok(json!({}))
        }),
        // The access token expires, and this one is accepted from now on.
        ("POST", ["sim", "token"]) => parse(body).map(|t: Token| {
            shared.state().token = Some(t.token);
            json!({})
        }),
        ("POST", ["sim", "errors"]) => parse(body).map(|i: Injected| {
            if i.count > 0 {
                shared.state().injected.push_back(i);
            }
            json!({})
        }),
        ("POST", ["sim", "webhooks"]) => parse(body).map(|d: Disorder| {
            *shared.disorder.lock().unwrap_or_else(PoisonError::into_inner) = d;
            json!({})
        }),
        ("POST", ["sim", "verify"]) => match (parse::<Verify>(body), &shared.webhook) {
            (Ok(v), Some(url)) => webhook::verify(&shared.client, url, &v.verify_token)
                .await
                .map(|()| json!({})),
            (Ok(_), None) => Err("no webhook is set".to_owned()),
            (Err(e), _) => Err(e),
        },
        _ => {
            // As the Graph API says it.
            let message = format!(
                "Unsupported {} request: /{}",
                method.to_lowercase(),
                path.join("/")
            );
            return json_answer(
                404,
                &json!({"error": {"message": message, "type": "GraphMethodException", "code": 100}}),
            );
        }
    };
    match result {
        Ok(value) => json_answer(200, &value),
        Err(message) => json_answer(400, &json!({"error": {"message": message}})),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|e| e.to_string())
}

fn conversations(shared: &Shared) -> Value {
    let now = Utc::now();
    let state = shared.state();
    let list: Vec<Value> = state
        .conversations
        .iter()
        .map(|(number, c)| {
            json!({"wa_id": number, "name": c.name, "window_open": state.window_open(number, now), "messages": c.messages})
        })
        .collect();
    json!({"revision": state.revision, "number": shared.account.number, "conversations": list})
}

fn page() -> Response<String> {
    let mut answer = Response::new(PAGE.to_owned());
    let headers = answer.headers_mut();
    headers.insert(
        "content-type",
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(
        "content-security-policy",
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'",
        ),
    );
    answer
}
