//! Messages to people: what they say, how they reach WhatsApp, and what its answers mean.
//!
//! The queue itself is durable and lives in the store; [`crate::core`] empties it. A [`Messenger`] sends one
//! message and says what came of it in words that do not depend on the provider: WhatsApp's own Cloud API, WAHA,
//! Fonnte, the log alone, or e-mail.

pub mod answers;
pub mod backoff;
pub mod cloud_api;
pub mod commands;
pub mod digest;
pub mod fonnte;
mod http;
pub mod log_only;
pub mod mail;
pub mod template_check;
pub mod templates;
pub mod waha;
pub mod webhook;
pub mod whatsapp;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

pub use self::http::secret;
pub use self::whatsapp::{Unasked, WhatsApp};
use crate::core::types::Language;
use crate::sentence::Sentence;

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Waits for its time.
    Queued,
    /// On its way to the provider.
    Sending,
    /// Taken by the provider.
    Sent,
    /// On the recipient's phone.
    Delivered,
    /// Read.
    Read,
    /// Will be tried again.
    FailedTemporary,
    /// Will not.
    FailedFinal,
}

impl MessageState {
    /// Every state.
    pub const ALL: [MessageState; 7] = [
        MessageState::Queued,
        MessageState::Sending,
        MessageState::Sent,
        MessageState::Delivered,
        MessageState::Read,
        MessageState::FailedTemporary,
        MessageState::FailedFinal,
    ];

    /// As it stands in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            MessageState::Queued => "queued",
            MessageState::Sending => "sending",
            MessageState::Sent => "sent",
            MessageState::Delivered => "delivered",
            MessageState::Read => "read",
            MessageState::FailedTemporary => "failed_temporary",
            MessageState::FailedFinal => "failed_final",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// By which way a message goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// WhatsApp, by whichever provider.
    #[default]
    Whatsapp,
    /// E-mail.
    Email,
}

impl Channel {
    /// Both.
    pub const ALL: [Channel; 2] = [Channel::Whatsapp, Channel::Email];

    /// As it stands in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Whatsapp => "whatsapp",
            Channel::Email => "email",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }

    /// Whether it is the usual one.
    pub fn is_whatsapp(&self) -> bool {
        *self == Channel::Whatsapp
    }
}

/// A button below a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub title: String,
    /// What it answers.
    pub payload: String,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// An approved message template with its parameters, which may be sent at any time.
    Template {
        /// The template's name.
        name: String,
        /// In which language.
        language: Language,
        /// Of the body, in order.
        parameters: Vec<String>,
        /// What each quick-reply button answers, in order.
        buttons: Vec<String>,
    },
    /// Text, which may be sent within 24 hours of the recipient's last message.
    Text {
        /// What it says.
        body: String,
        /// At most three, below it.
        buttons: Vec<Button>,
    },
}

/// What a message says, before it is known whether text may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draft {
    /// A message template, or its text where text may be sent.
    Template {
        /// The template's name.
        name: String,
        /// Of the body, in order.
        parameters: Vec<String>,
        /// What each quick-reply button answers, in order.
        buttons: Vec<String>,
    },
    /// Text only.
    Text(String),
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Our own id, which comes back with what the provider says of the message later.
    pub reference: i64,
    /// To where: E.164, or an e-mail address.
    pub address: String,
    /// The recipient's.
    pub language: Language,
    /// What it says.
    pub content: Content,
    /// What goes with it.
    pub document: Option<Document>,
}

/// A file that goes with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What the file is called.
    pub name: String,
    /// Its media type.
    pub content_type: &'static str,
    /// What it holds.
    pub bytes: Bytes,
}

/// When sending begins again after it was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// With another access token.
    NewToken,
    /// After this time, or with another access token.
    After(TimeDelta),
}

/// Why a message did not go out, and so what to do. `detail` is what the provider said, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Try again later.
    Temporary {
        /// For the record.
        detail: String,
        /// It may have gone out all the same: wait for the provider's word before trying again.
        uncertain: Uncertain,
    },
    /// This recipient gets too many; the others do not.
    SlowRecipient {
        /// For the record.
        detail: String,
    },
    /// All of us together send too many.
    SlowAll {
        /// For the record.
        detail: String,
    },
    /// The 24 hours are over: only a template may be sent.
    WindowClosed {
        /// For the record.
        detail: String,
    },
    /// This recipient cannot be reached at all.
    Undeliverable {
        /// For the record.
        detail: String,
    },
    /// The template is missing, paused, or takes other parameters: no message of this kind goes out.
    Template {
        /// For the record.
        detail: String,
    },
    /// The document is not taken: it may go out without.
    Document {
        /// For the record.
        detail: String,
    },
    /// The provider will never take this message.
    Refused {
        /// For the record.
        detail: String,
    },
    /// No message goes out at all until something is mended.
    Stop {
        /// For the banner: what is wrong and what to do.
        detail: Sentence,
        /// When to go on.
        resume: Resume,
    },
}

impl Failure {
    /// For the record.
    pub fn detail(&self) -> &str {
        match self {
            Failure::Temporary { detail, .. }
            | Failure::SlowRecipient { detail }
            | Failure::SlowAll { detail }
            | Failure::WindowClosed { detail }
            | Failure::Undeliverable { detail }
            | Failure::Template { detail }
            | Failure::Document { detail }
            | Failure::Refused { detail } => detail,
            Failure::Stop { detail, .. } => detail.en(),
        }
    }
}

/// Whether a message that failed may have gone out all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncertain {
    /// The provider said no, or was not reached.
    No,
    /// There was no answer.
    Yes,
}

/// A way to send messages.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// Sends one message; gives the provider's id for it.
    async fn send(&self, message: &Outgoing) -> Result<String, Failure>;

    /// Changes whenever the access token does; `None` while there is none, or where none is needed.
    fn credential(&self) -> Option<[u8; 32]>;
}
