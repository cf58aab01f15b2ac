//! What the simulated WhatsApp knows: conversations, their messages and the errors that are to be answered.
//!
//! Pure: `now` comes in, webhook events go out.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::errors::ApiError;

/// For how long after a person's last message a business may send free text.
pub const WINDOW: TimeDelta = TimeDelta::hours(24);

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Taken in.
    Accepted,
    /// On its way: one tick.
    Sent,
    /// On the phone: two ticks.
    Delivered,
    /// Seen: two blue ticks.
    Read,
    /// Not to be delivered.
    Failed,
}

impl Status {
    /// As it stands in a webhook.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Accepted => "accepted",
            Status::Sent => "sent",
            Status::Delivered => "delivered",
            Status::Read => "read",
            Status::Failed => "failed",
        }
    }
}

/// A quick-reply button under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Button {
    /// What stands on it.
    pub text: String,
    /// What its press sends.
    pub payload: String,
    /// Whether it was pressed.
    pub pressed: bool,
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `wamid.…`
    pub id: String,
    /// Whether the person wrote it; otherwise the business did.
    pub incoming: bool,
    /// When.
    pub at: DateTime<Utc>,
    /// What it says.
    pub text: String,
    /// Small print.
    pub footer: Option<String>,
    /// Its buttons.
    pub buttons: Vec<Button>,
    /// How far it has come.
    pub status: Status,
    /// Name and language of the template, if it was made from one.
    pub template: Option<(String, String)>,
    /// The template's parameters.
    pub parameters: Vec<String>,
    /// The document that goes with it.
    pub document: Option<SentDocument>,
    /// The code with which its delivery failed.
    pub error: Option<u32>,
}

/// A document that goes with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentDocument {
    /// The id that its upload was answered with; `/sim/media/{id}` has it.
    pub media: String,
    /// What it is called on the phone.
    pub filename: String,
    /// Its media type.
    pub kind: String,
    /// How many bytes.
    pub size: usize,
}

/// What was uploaded.
#[derive(Clone, Debug)]
pub struct Media {
    /// Its media type.
    pub kind: String,
    /// What it holds.
    pub bytes: Bytes,
}

/// All that was said with one person.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Conversation {
    /// The profile's name.
    pub name: String,
    /// In order.
    pub messages: Vec<Message>,
    /// When the person wrote last.
    pub last_incoming: Option<DateTime<Utc>>,
}

/// What a webhook tells the business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message's status.
    Status {
        /// Of which message.
        id: String,
        /// To whom it was.
        to: String,
        /// What it is now.
        status: Status,
        /// Since when.
        at: DateTime<Utc>,
        /// Why it failed, if it did.
        error: Option<ApiError>,
        /// Whether it was made from a template of this category; else free text.
        category: Option<String>,
    },
    /// The person pressed a button of a message.
    Button {
        /// Who.
        from: String,
        /// The profile's name.
        name: String,
        /// The new message's id.
        id: String,
        /// When.
        at: DateTime<Utc>,
        /// The message under which the button was.
        context: String,
        /// What stood on it.
        text: String,
        /// Its payload.
        payload: String,
    },
    /// The person pressed a button of a message that was no template.
    Reply {
        /// Who.
        from: String,
        /// The profile's name.
        name: String,
        /// The new message's id.
        id: String,
        /// When.
        at: DateTime<Utc>,
        /// The message under which the button was.
        context: String,
        /// The button's id.
        reply: String,
        /// What stood on it.
        title: String,
    },
    /// A template's status changed.
    Template {
        /// Its name.
        name: String,
        /// In which language.
        language: String,
        /// `APPROVED`, `PAUSED`, ….
        event: String,
    },
    /// The person wrote something.
    Text {
        /// Who.
        from: String,
        /// The profile's name.
        name: String,
        /// The new message's id.
        id: String,
        /// When.
        at: DateTime<Utc>,
        /// What.
        text: String,
    },
}

/// An error that is to be answered to the next requests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injected {
    /// To messages for this number alone.
    #[serde(default)]
    pub to: Option<String>,
    /// Its code.
    pub code: u32,
    /// To how many requests.
    pub count: u32,
    /// Accept the message and report the failure by webhook afterwards.
    #[serde(default)]
    pub later: bool,
    /// To uploads of documents instead of messages.
    #[serde(default)]
    pub upload: bool,
}

/// A request to `/messages`, as the tests ask for it.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// When it came.
    pub at: DateTime<Utc>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// Its body.
    pub body: serde_json::Value,
    /// The answer.
    pub answer: serde_json::Value,
}

/// How many documents are kept: the last.
const MAX_MEDIA: usize = 100;

/// How many requests are remembered.
const MAX_REQUESTS: usize = 1000;

/// Everything.
#[derive(Default)]
pub struct State {
    /// By the person's number, digits alone.
    pub conversations: BTreeMap<String, Conversation>,
    /// What became of templates that are not approved, by name and language.
    pub template_status: BTreeMap<(String, String), String>,
    /// The access token, where another is accepted by now.
    pub token: Option<String>,
    /// Answered to the next requests, first one first.
    pub injected: VecDeque<Injected>,
    /// The last requests.
    pub requests: VecDeque<Request>,
    /// What was uploaded, by its id.
    pub media: BTreeMap<String, Media>,
    /// Grows with every change: what the page polls for.
    pub revision: u64,
    counter: u64,
}

impl State {
    /// A new message id.
    pub fn next_id(&mut self, to: &str) -> String {
        use base64::Engine as _;
        self.counter += 1;
        // As the real ones: the number and a random part, in base64.
        let random: [u8; 10] = {
            let mut bytes = [0; 10];
            // Without randomness the counter still makes ids differ.
            let _ = getrandom::fill(&mut bytes);
            bytes
        };
        let mut raw = vec![0x1d, 0x06, 0x0c];
        raw.extend_from_slice(to.as_bytes());
        raw.extend_from_slice(&random);
        raw.extend_from_slice(&self.counter.to_be_bytes()[4..]);
        format!("wamid.{}", base64::engine::general_purpose::STANDARD.encode(raw))
    }

    /// Whether free text may be sent to this person.
    pub fn window_open(&self, to: &str, now: DateTime<Utc>) -> bool {
        let last = self.conversations.get(to).and_then(|c| c.last_incoming);
        last.is_some_and(|at| now - at < WINDOW)
    }

    /// Takes the error that is due for this recipient, if one is.
    pub fn take_injected(&mut self, to: &str) -> Option<Injected> {
        let for_them = |i: &Injected| {
            !i.upload
                && i.to
                    .as_deref()
                    .is_none_or(|only| only.trim_start_matches('+') == to)
        };
        let index = self.injected.iter().position(for_them)?;
        Some(self.take(index))
    }

    /// Takes the code of the error that is due for an upload, if one is.
    pub fn take_injected_upload(&mut self) -> Option<u32> {
        let index = self.injected.iter().position(|i| i.upload)?;
        Some(self.take(index).code)
    }

    fn take(&mut self, index: usize) -> Injected {
        let found = &mut self.injected[index];
        let taken = found.clone();
        found.count = found.count.saturating_sub(1);
        if found.count == 0 {
            self.injected.remove(index);
        }
        taken
    }

    /// Keeps what was uploaded; gives its id.
    pub fn keep_media(&mut self, media: Media) -> String {
        self.counter += 1;
        // As the real ones: digits. They sort in the order of their uploads.
        let id = format!("{}", 1_037_543_291_500_000_u64 + self.counter);
        self.media.insert(id.clone(), media);
        if self.media.len() > MAX_MEDIA {
            self.media.pop_first();
        }
        id
    }

    /// Remembers a request.
    pub fn remember(&mut self, request: Request) {
        if self.requests.len() == MAX_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    /// The conversation with a person, begun if there is none.
    pub fn conversation(&mut self, with: &str) -> &mut Conversation {
        self.revision += 1;
        self.conversations
            .entry(with.to_owned())
            .or_insert_with(|| Conversation {
                name: format!("+{with}"),
                ..Conversation::default()
            })
    }

    /// Moves a message's status forward; says whether that changed anything.
    pub fn advance(&mut self, to: &str, id: &str, status: Status) -> bool {
        let conversation = self.conversation(to);
        let Some(message) = conversation.messages.iter_mut().find(|m| m.id == id) else {
            return false;
        };
        let further = status > message.status && message.status != Status::Failed;
        if further {
            message.status = status;
        }
        further
    }

    /// The person presses a button.
    ///
    /// # Errors
    /// A sentence that says why it cannot be pressed.
    pub fn press(
        &mut self,
        from: &str,
        message: &str,
        button: usize,
        now: DateTime<Utc>,
    ) -> Result<Event, String> {
        let id = self.next_id(from);
        let conversation = self.conversation(from);
        let name = conversation.name.clone();
        let found = conversation
            .messages
            .iter_mut()
            .find(|m| m.id == message && !m.incoming);
        let found = found.ok_or_else(|| format!("there is no message {message} to {from}"))?;
        let pressed = found
            .buttons
            .get_mut(button)
            .ok_or_else(|| format!("it has no button {button}"))?;
        if pressed.pressed {
            return Err("that button was pressed already".to_owned());
        }
        pressed.pressed = true;
        let (text, payload) = (pressed.text.clone(), pressed.payload.clone());
        let template = found.template.is_some();
        conversation.hear(id.clone(), text.clone(), now);
        if !template {
            return Ok(Event::Reply {
                from: from.to_owned(),
                name,
                id,
                at: now,
                context: message.to_owned(),
                reply: payload,
                title: text,
            });
        }
        Ok(Event::Button {
            from: from.to_owned(),
            name,
            id,
            at: now,
            context: message.to_owned(),
            text,
            payload,
        })
    }

    /// The person writes something.
    pub fn write(&mut self, from: &str, text: &str, now: DateTime<Utc>) -> Event {
        let id = self.next_id(from);
        let conversation = self.conversation(from);
        conversation.hear(id.clone(), text.to_owned(), now);
        let name = conversation.name.clone();
        Event::Text {
            from: from.to_owned(),
            name,
            id,
            at: now,
            text: text.to_owned(),
        }
    }

    /// The person looks at the conversation: everything delivered is read.
    pub fn read(&mut self, by: &str, now: DateTime<Utc>) -> Vec<Event> {
        let Some(conversation) = self.conversations.get_mut(by) else {
            return Vec::new();
        };
        let mut events = Vec::new();
        for message in &mut conversation.messages {
            if !message.incoming && message.status == Status::Delivered {
                message.status = Status::Read;
                events.push(Event::Status {
                    id: message.id.clone(),
                    to: by.to_owned(),
                    status: Status::Read,
                    at: now,
                    error: None,
                    category: message.template.as_ref().map(|_| "utility".to_owned()),
                });
            }
        }
        if !events.is_empty() {
            self.revision += 1;
        }
        events
    }
}

impl Conversation {
    fn hear(&mut self, id: String, text: String, now: DateTime<Utc>) {
        self.last_incoming = Some(now);
        self.messages.push(Message {
            id,
            incoming: true,
            at: now,
            text,
            footer: None,
            buttons: Vec::new(),
            status: Status::Delivered,
            template: None,
            parameters: Vec::new(),
            document: None,
            error: None,
        });
    }
}
