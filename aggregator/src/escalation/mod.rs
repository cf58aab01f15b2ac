//! Whom an absence is told to: a policy of steps over the chain of responsibility.
//!
//! Pure: the policy, who could be told at each step, what the steps have come to and the time go in; actions
//! come out ([`due_actions`]), and when to ask again ([`next_due`]). A step is settled once somebody was told, or
//! nobody was left; until then it moves up its ladder, past everybody who was told or passed over before.

mod climb;
mod policy;
mod quiet;

use chrono::{DateTime, Utc};
use hadir_shared::id::EmployeeId;

pub use self::climb::{Action, PATIENCE, due_actions, next_due};
pub use self::policy::{Hours, Policy, Repeat, Step, Target};
pub use self::quiet::QuietTime;
use crate::core::types::Language;
use crate::notify::Channel;
use crate::presence::State;

/// What a step has come to for one superior.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// They were told, or are about to be.
    Told,
    /// They could not be told; the next one up is.
    PassedOver,
    /// They were told, but the message did not reach them.
    Undeliverable,
    /// There was nobody to tell.
    NobodyLeft,
    /// Nobody has answered, and there is nobody else: the climb is over.
    GaveUp,
}

/// Why somebody is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// They have no phone number.
    NoPhone,
    /// They have no e-mail address.
    NoEmail,
    /// They are absent themselves.
    Absent,
    /// They are on leave.
    OnLeave,
    /// The message could not be delivered.
    Undeliverable,
}

impl Reason {
    /// As it stands in an alert's history.
    pub fn code(self) -> &'static str {
        match self {
            Reason::NoPhone => "no_phone",
            Reason::NoEmail => "no_email",
            Reason::Absent => "absent",
            Reason::OnLeave => "on_leave",
            Reason::Undeliverable => "undeliverable",
        }
    }
}

/// In an alert's history, where nobody is left to tell.
pub const NOBODY_LEFT: &str = "nobody_left";

/// Whether somebody is at work at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leave {
    /// They are.
    Here,
    /// They are on leave.
    Away,
}

/// Somebody who could be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Who.
    pub id: EmployeeId,
    /// E.164.
    pub phone: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// In which language.
    pub language: Language,
    /// Whether they are there themselves.
    pub state: State,
    /// Whether they are on leave.
    pub leave: Leave,
}

impl Contact {
    /// Where a message of this channel reaches them.
    pub fn address(&self, channel: Channel) -> Option<&str> {
        match channel {
            Channel::Whatsapp => self.phone.as_deref(),
            Channel::Email => self.email.as_deref(),
        }
    }

    /// Why they cannot be told by this channel, if they cannot.
    pub fn obstacle(&self, channel: Channel) -> Option<Reason> {
        match (self.address(channel), self.leave, self.state) {
            (None, ..) => Some(match channel {
                Channel::Whatsapp => Reason::NoPhone,
                Channel::Email => Reason::NoEmail,
            }),
            (_, Leave::Away, _) => Some(Reason::OnLeave),
            (_, _, State::Absent) => Some(Reason::Absent),
            _ => None,
        }
    }
}

/// Who could be told at a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ladder {
    /// The first of them who can be, from the lowest up. Behind somebody on leave stands their deputy.
    First(Vec<Contact>),
    /// All of them.
    All(Vec<Contact>),
}

/// What came of a step of the escalation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenStep {
    /// Which step.
    pub step: u32,
    /// Who was meant; `None` if nobody was left.
    pub recipient: Option<EmployeeId>,
    /// What came of it.
    pub outcome: Outcome,
    /// When.
    pub at: DateTime<Utc>,
}

#[cfg(test)]
mod tests;
