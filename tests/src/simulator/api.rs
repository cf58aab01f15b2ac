//! `POST /{version}/{phone_number_id}/messages` as the Cloud API answers it.
//!
//! After <https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api>
//! and `.../support/error-codes`. Free text outside the 24-hour window is accepted and fails afterwards, by
//! a status webhook with 131047.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::errors::ApiError;
use super::media;
use super::state::{Button, Event, Message, State, Status};
use super::templates::Templates;

/// The longest free text.
const MAX_TEXT: usize = 4096;
/// The longest text below a document.
const MAX_CAPTION: usize = 1024;

/// Whose account is simulated.
#[derive(Clone, Debug)]
pub struct Account {
    /// The access token.
    pub token: String,
    /// The business phone number's id.
    pub phone_number_id: String,
    /// The number itself, digits alone.
    pub number: String,
    /// The approved templates.
    pub templates: Templates,
}

/// A message that was accepted: the answer, and the statuses that will follow.
#[derive(Debug)]
pub struct Accepted {
    /// The answer's body.
    pub answer: Value,
    /// In order.
    pub events: Vec<Event>,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// `v23.0`
    pub version: &'a str,
    /// From the path.
    pub phone_number_id: &'a str,
    /// The header `Authorization`.
    pub authorization: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// Answers a request.
///
/// # Errors
/// As the Cloud API refuses it.
pub fn send(
    account: &Account,
    state: &mut State,
    now: DateTime<Utc>,
    request: Incoming<'_>,
) -> Result<Accepted, ApiError> {
    authorise_token(account, state, request.authorization)?;
    check_address(account, request.version, request.phone_number_id)?;
    let body: Value = serde_json::from_slice(request.body)
        .map_err(|_| ApiError::graph(100, "(#100) The parameter messaging_product is required."))?;
    let to = check_envelope(&body)?;
    if to == account.number {
        return Err(ApiError::new(
            131_021,
            "Recipient phone number and sender phone number are the same",
        ));
    }
    let (message, category) = content(account, state, &body)?;
    let injected = state.take_injected(&to);
    if let Some(refused) = injected.as_ref().filter(|i| !i.later) {
        return Err(ApiError::new(
            refused.code,
            "Asked for by the simulator's operator",
        ));
    }
    let failure = match injected {
        Some(later) => Some(ApiError::new(later.code, "Asked for by the simulator's operator")),
        None if message.template.is_none() && !state.window_open(&to, now) => Some(ApiError::new(
            131_047,
            "Message failed to send because more than 24 hours have passed since the customer last replied to this number.",
        )),
        None => None,
    };
    let id = state.next_id(&to);
    let error = failure.as_ref().map(|f| f.code);
    state.conversation(&to).messages.push(Message {
        id: id.clone(),
        at: now,
        error,
        ..message
    });
    let follow = |status, error| Event::Status {
        id: id.clone(),
        to: to.clone(),
        status,
        at: now,
        error,
        category: category.clone(),
    };
    let events = match failure {
        Some(error) => vec![follow(Status::Failed, Some(error))],
        None => vec![follow(Status::Sent, None), follow(Status::Delivered, None)],
    };
    let input = body["to"].as_str().unwrap_or(&to);
    let mut sent = json!({"id": id});
    if category.is_some() {
        // Answered for template messages alone.
        sent["message_status"] = json!("accepted");
    }
    let answer = json!({
        "messaging_product": "whatsapp",
        "contacts": [{"input": input, "wa_id": to}],
        "messages": [sent],
    });
    Ok(Accepted { answer, events })
}

/// Whether a request bears the access token.
///
/// # Errors
/// 190 if not.
pub fn authorise_token(
    account: &Account,
    state: &State,
    authorization: Option<&str>,
) -> Result<(), ApiError> {
    let token = authorization
        .and_then(|h| h.strip_prefix("Bearer "))
        .map(str::trim);
    match token {
        Some(token) if token == state.token.as_ref().unwrap_or(&account.token) => Ok(()),
        Some(_) => {
            let message = "Error validating access token: Session has expired";
            Err(ApiError::graph(190, message))
        }
        None => {
            let message = "An active access token must be used to query information about the current user.";
            Err(ApiError::graph(190, message))
        }
    }
}

/// Whether the address is that of the account's number.
///
/// # Errors
/// 33 if not.
pub fn check_address(account: &Account, version: &str, phone_number_id: &str) -> Result<(), ApiError> {
    let versioned = version
        .strip_prefix('v')
        .is_some_and(|v| v.parse::<f32>().is_ok());
    if !versioned || phone_number_id != account.phone_number_id {
        let message = format!(
            "Unsupported post request. Object with ID '{}' does not exist, cannot be loaded due to missing permissions, or does not support this operation",
            phone_number_id
        );
        return Err(ApiError::graph(33, message));
    }
    Ok(())
}

/// Checks what all messages have in common and returns the recipient's number, digits alone.
fn check_envelope(body: &Value) -> Result<String, ApiError> {
    if body["messaging_product"] != "whatsapp" {
        return Err(ApiError::graph(
            100,
            "(#100) The parameter messaging_product is required.",
        ));
    }
    match body["recipient_type"].as_str() {
        None | Some("individual") => {}
        Some(other) => {
            return Err(ApiError::new(
                100,
                format!("Param recipient_type '{other}' is not supported"),
            ));
        }
    }
    let to = body["to"]
        .as_str()
        .ok_or_else(|| ApiError::graph(100, "(#100) The parameter to is required."))?;
    let digits: String = to.chars().filter(char::is_ascii_digit).collect();
    let only_decoration = to.chars().all(|c| c.is_ascii_digit() || "+-() ".contains(c));
    // E.164: at most 15 digits, and no country code begins with 0.
    if !only_decoration || !(7..=15).contains(&digits.len()) || digits.starts_with('0') {
        return Err(ApiError::new(
            100,
            "Invalid parameter: 'to' is no valid phone number",
        ));
    }
    Ok(digits)
}

/// What the message says, and the template's category if it is one.
fn content(account: &Account, state: &State, body: &Value) -> Result<(Message, Option<String>), ApiError> {
    let empty = Message {
        id: String::new(),
        incoming: false,
        at: DateTime::<Utc>::MIN_UTC,
        text: String::new(),
        footer: None,
        buttons: Vec::new(),
        status: Status::Accepted,
        template: None,
        parameters: Vec::new(),
        document: None,
        error: None,
    };
    match body["type"].as_str().unwrap_or("text") {
        "text" => {
            let text = body["text"]["body"].as_str().filter(|t| !t.is_empty());
            let text =
                text.ok_or_else(|| ApiError::graph(100, "(#100) The parameter text['body'] is required."))?;
            if text.chars().count() > MAX_TEXT {
                let message =
                    format!("(#100) Param text['body'] must be at most {MAX_TEXT} characters long.");
                return Err(ApiError::graph(100, message));
            }
            Ok((
                Message {
                    text: text.to_owned(),
                    ..empty
                },
                None,
            ))
        }
        "template" => {
            if !body["template"].is_object() {
                return Err(ApiError::graph(100, "(#100) The parameter template is required."));
            }
            let (template, filled) = account.templates.fill(&body["template"])?;
            let document = filled
                .document
                .map(|named| media::named(state, &named))
                .transpose()?;
            let key = (template.name.clone(), template.language.clone());
            match state.template_status.get(&key).map(String::as_str) {
                None | Some("APPROVED") => {}
                Some("PAUSED") => {
                    return Err(ApiError::new(132_015, "Template is paused due to low quality"));
                }
                Some("DISABLED") => return Err(ApiError::new(132_016, "Template is disabled")),
                Some(other) => {
                    let message = format!("template name ({}) is {other} in {}", key.0, key.1);
                    return Err(ApiError::new(132_001, message));
                }
            }
            let buttons = filled
                .buttons
                .into_iter()
                .map(|(text, payload)| Button {
                    text,
                    payload,
                    pressed: false,
                })
                .collect();
            let message = Message {
                text: filled.text,
                footer: filled.footer,
                buttons,
                template: Some((template.name.clone(), template.language.clone())),
                parameters: filled.parameters,
                document,
                ..empty
            };
            Ok((message, Some(template.category.clone())))
        }
        "document" => {
            let document = media::named(state, &body["document"])?;
            let caption = body["document"]["caption"].as_str().unwrap_or_default();
            if caption.chars().count() > MAX_CAPTION {
                let message = format!(
                    "(#100) Param document['caption'] must be at most {MAX_CAPTION} characters long."
                );
                return Err(ApiError::graph(100, message));
            }
            let message = Message {
                text: caption.to_owned(),
                document: Some(document),
                ..empty
            };
            Ok((message, None))
        }
        "interactive" => Ok((interactive(&body["interactive"], empty)?, None)),
        other => Err(ApiError::new(
            131_051,
            format!("Message type '{other}' is not supported by this simulator"),
        )),
    }
}

/// Reply buttons, after `.../messages/interactive-reply-buttons-messages`.
fn interactive(interactive: &Value, empty: Message) -> Result<Message, ApiError> {
    let wrong = |what: &str| ApiError::new(131_009, what.to_owned());
    if interactive["type"] != "button" {
        return Err(ApiError::new(
            131_051,
            "Only reply buttons are known to this simulator",
        ));
    }
    let text = interactive["body"]["text"].as_str().unwrap_or_default();
    if !(1..=1024).contains(&text.chars().count()) {
        return Err(wrong(
            "interactive['body']['text'] must have 1 to 1024 characters",
        ));
    }
    let none = Vec::new();
    let listed = interactive["action"]["buttons"].as_array().unwrap_or(&none);
    if !(1..=3).contains(&listed.len()) {
        return Err(wrong("interactive['action']['buttons'] must hold 1 to 3 buttons"));
    }
    let mut buttons: Vec<Button> = Vec::new();
    for one in listed {
        let part = |name: &str| one["reply"][name].as_str().unwrap_or_default().to_owned();
        let (payload, text) = (part("id"), part("title"));
        let fits = one["type"] == "reply"
            && (1..=256).contains(&payload.chars().count())
            && (1..=20).contains(&text.chars().count());
        if !fits || buttons.iter().any(|b| b.text == text || b.payload == payload) {
            return Err(wrong(
                "a button needs an id of up to 256 and a title of up to 20 characters of its own",
            ));
        }
        buttons.push(Button {
            text,
            payload,
            pressed: false,
        });
    }
    Ok(Message {
        text: text.to_owned(),
        buttons,
        ..empty
    })
}
