//! What a change of state leads to: alerts opened and closed, and who is told.

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::id::{AreaId, EmployeeId};
use sha2::{Digest as _, Sha256};

use super::Core;
use super::state::{Changes, Memory};
use super::types::{AlertState, Banner, CloseReason, Exemption, What};
use crate::error::Result;
use crate::escalation::{self, Action, Ladder, Policy, Target};
use crate::notify::{Channel, Draft, Unasked, WhatsApp, templates};
use crate::presence::{Consequence, Decision};
use crate::store::{Form, NewEvent, NewMessage, Reader, Tx};

/// In an alert's history, where somebody was to be told by a channel that is not configured.
const NOT_CONFIGURED: &str = "not_configured";

/// In an alert's history, where somebody who was told was to be told again, and can no longer be.
const NOT_REACHABLE: &str = "not_reachable";

/// The administrators get a mail about the same trouble once in each such stretch of time.
const ALARM_EVERY_S: i64 = 6 * 3600;

impl Core {
    /// Stores what the presence rules decided, and does what follows from it.
    pub(super) fn apply(
        &self,
        state: &Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        decisions: impl IntoIterator<Item = Decision>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        for decision in decisions {
            let Some(facts) = state.engine.person(&decision.employee) else {
                continue;
            };
            tx.save_presence(&facts)?;
            changes.states = true;
            let employee = &decision.employee;
            let last_seen = facts.last_seen.map(|(seen, _)| seen);
            // The states first: whether a superior is absent too is asked for below.
            match (decision.consequence(), last_seen) {
                (Consequence::Raise, Some(seen)) => {
                    self.open_alert(state, tx, changes, employee, seen, now)?
                }
                (Consequence::Returned, Some(seen)) => {
                    self.close_returned(tx, changes, employee, seen, now)?
                }
                (Consequence::Over(why), _) => self.close_exempt(tx, changes, employee, why, now)?,
                (Consequence::None, _) | (_, None) => {}
            }
            changes.status.insert(decision.employee);
        }
        Ok(())
    }

    fn open_alert(
        &self,
        state: &Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        employee: &EmployeeId,
        last_seen: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        if let Some(alert) = tx.open_alert(employee)? {
            // The same absence goes on behind a break.
            return self.escalate(state, tx, changes, alert, now);
        }
        let area = tx.last_area(employee)?;
        let policy = match tx.policy_for(employee, area.as_ref())? {
            Some(row) => row.policy,
            None => Policy::standard(tx.above(employee)?.len()),
        };
        let alert = tx.open_alert_for(employee, last_seen, &policy, now)?;
        tx.add_event(alert, now, &NewEvent::of(What::Opened))?;
        self.escalate(state, tx, changes, alert, now)
    }

    /// Takes the steps of an open alert's escalation that are due.
    pub(super) fn escalate(
        &self,
        state: &Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        alert: i64,
        now: DateTime<Utc>,
    ) -> Result<()> {
        changes.alerts.insert(alert);
        let Some(about) = tx.alert(alert)?.filter(|alert| alert.state == AlertState::Open) else {
            return Ok(());
        };
        if tx.is_exempt(&about.employee)? {
            // On a break. When it ends, this is called again.
            return tx.set_climb_due(alert, None);
        }
        let policy = match tx.policy_of(alert)? {
            Some(policy) => policy,
            None => Policy::standard(tx.above(&about.employee)?.len()),
        };
        let ladders = ladders(tx, &policy, &about.employee, about.area.as_ref(), now)?;
        let quiet = self.quiet(tx, now)?;
        let taken = tx.steps_taken(alert)?;
        for action in escalation::due_actions(&policy, &ladders, &taken, about.opened_at, now, &quiet) {
            match action {
                Action::Tell {
                    step,
                    recipient,
                    round,
                } => {
                    let mut contacts = ladders.iter().flat_map(|ladder| match ladder {
                        Ladder::First(contacts) | Ladder::All(contacts) => contacts,
                    });
                    let superior = contacts.find(|contact| contact.id == recipient);
                    let channel = policy
                        .steps
                        .get(step as usize)
                        .map(|step| step.channel)
                        .unwrap_or_default();
                    let reached = superior.and_then(|one| Some((one, one.address(channel)?)));
                    let Some((superior, address)) = reached else {
                        // To be told again, and no longer there or reachable: that is a round, too.
                        let event = NewEvent {
                            recipient: Some(&recipient),
                            step: Some(step),
                            detail: Some(NOT_REACHABLE),
                            ..NewEvent::of(What::Message)
                        };
                        tx.add_event(alert, now, &event)?;
                        continue;
                    };
                    let message = NewMessage {
                        dedup: match round {
                            0 => format!("alert/{alert}/{step}/{recipient}"),
                            again => format!("alert/{alert}/{step}/{recipient}/{again}"),
                        },
                        alert: Some(alert),
                        recipient: Some(&recipient),
                        channel,
                        address,
                        language: superior.language,
                        draft: templates::absence_draft(),
                        report: None,
                    };
                    let queued = self.tell(state, tx, changes, &message, (alert, &about.employee), now)?;
                    let detail = queued.is_none().then_some(NOT_CONFIGURED);
                    let event = NewEvent {
                        recipient: Some(&recipient),
                        step: Some(step),
                        message: queued,
                        detail,
                        ..NewEvent::of(What::Message)
                    };
                    tx.add_event(alert, now, &event)?;
                }
                Action::PassOver {
                    step,
                    recipient,
                    reason,
                } => {
                    let event = NewEvent {
                        recipient: Some(&recipient),
                        step: Some(step),
                        detail: Some(reason.code()),
                        ..NewEvent::of(What::PassedOver)
                    };
                    tx.add_event(alert, now, &event)?;
                }
                Action::NobodyLeft { step } => {
                    tracing::warn!(alert, "nobody is left who could be told of an absence");
                    let event = NewEvent {
                        step: Some(step),
                        detail: Some(escalation::NOBODY_LEFT),
                        ..NewEvent::of(What::PassedOver)
                    };
                    tx.add_event(alert, now, &event)?;
                }
                Action::GiveUp { step } => {
                    tracing::warn!(alert, "nobody answered an alert, and nobody else will be told");
                    let event = NewEvent {
                        step: Some(step),
                        ..NewEvent::of(What::GaveUp)
                    };
                    tx.add_event(alert, now, &event)?;
                }
            }
        }
        let due = escalation::next_due(&policy, &tx.steps_taken(alert)?, about.opened_at, &quiet);
        if due.is_some_and(|due| due <= now) {
            // Nobody was left, and nobody was ever told: it is given up at once.
            return self.escalate(state, tx, changes, alert, now);
        }
        tx.set_climb_due(alert, due)
    }

    /// Somebody need not be there any more.
    fn close_exempt(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        employee: &EmployeeId,
        why: Exemption,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let reason = match why {
            Exemption::OffShift => CloseReason::OffShift,
            Exemption::OnBreak | Exemption::OnLeave | Exemption::Excused => CloseReason::Excused,
        };
        let Some(id) = tx.open_alert(employee)? else {
            return Ok(());
        };
        changes.alerts.insert(id);
        tx.cancel_unsent(id, "The absence was over before it went out.", now)?;
        tx.close_alert(id, reason, now)?;
        let detail = Some(why.as_str());
        tx.add_event(
            id,
            now,
            &NewEvent {
                detail,
                ..NewEvent::of(What::Closed)
            },
        )
    }

    /// Somebody was seen again: whoever was told of the absence is told of that; whoever was not is not.
    pub(super) fn close_returned(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        employee: &EmployeeId,
        seen: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let Some(id) = tx.open_alert(employee)? else {
            return Ok(());
        };
        let Some(alert) = tx.alert(id)? else { return Ok(()) };
        changes.alerts.insert(id);
        tx.cancel_unsent(id, "They came back before it went out.", now)?;
        tx.close_alert(id, CloseReason::Returned, now)?;
        tx.add_event(id, now, &NewEvent::of(What::Returned))?;
        for told in tx.told(id)? {
            let away = seen - alert.last_seen;
            let dedup = match told.channel {
                Channel::Whatsapp => format!("alert/{id}/returned/{}", told.recipient),
                Channel::Email => format!("alert/{id}/returned/{}/email", told.recipient),
            };
            let message = NewMessage {
                dedup,
                alert: Some(id),
                recipient: Some(&told.recipient),
                channel: told.channel,
                address: &told.address,
                language: told.language,
                draft: templates::returned(&alert.name, seen, away, self.settings.timezone),
                report: None,
            };
            let message = self.queue(tx, changes, &message, now)?;
            let event = NewEvent {
                recipient: Some(&told.recipient),
                message,
                ..NewEvent::of(What::Message)
            };
            tx.add_event(id, now, &event)?;
        }
        Ok(())
    }

    /// Queues a message about an absence, in the one that still waits for the same recipient where there is one. If
    /// more absences that they will be told of are about to become due, it waits for them; else it goes at once.
    fn tell(
        &self,
        state: &Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        message: &NewMessage<'_>,
        (alert, employee): (i64, &EmployeeId),
        now: DateTime<Utc>,
    ) -> Result<Option<i64>> {
        if !self.has(message.channel) {
            return Ok(None);
        }
        let within = self.settings.messages.group;
        let soon = now + within;
        let climbs = tx.climbs_between(now, soon)?;
        let people = self.people();
        // Whoever is told as HR or as an area's supervisor is above nobody in particular.
        let above_this = |recipient: &EmployeeId| people.is_under(employee, recipient);
        let concerns = |other: &EmployeeId| {
            other != employee
                && message
                    .recipient
                    .is_some_and(|recipient| !above_this(recipient) || people.is_under(other, recipient))
        };
        // More than these at once need no exact moment.
        let absent = state.engine.absent_by(soon).take(1000);
        let due = absent
            .chain(climbs.iter().map(|(id, due)| (id, *due)))
            .filter(|(other, _)| concerns(other))
            .map(|(_, due)| due)
            .max();
        drop(people);
        // A second more: what is due becomes so with the next tick.
        let due = due.map_or(now, |due| (due + TimeDelta::seconds(1)).min(soon));
        // Told again while the last message still waits: that one says it all.
        if let Some(recipient) = message.recipient
            && let Some(waiting) = tx.waiting_about(alert, recipient, message.channel)?
        {
            return Ok(Some(waiting));
        }
        if within.is_zero() || self.is_refused(templates::ABSENCES, message.language) {
            return self.queue_at(tx, changes, message, now, now);
        }
        if let Some(joined) = tx.join_absences(message, alert, due, within, now)? {
            return Ok(Some(joined));
        }
        self.queue_at(tx, changes, message, due, now)
    }

    /// Queues a message, to go out when it is not quiet; `None` where its channel is not configured, or it was queued before.
    pub(super) fn queue(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        message: &NewMessage<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<i64>> {
        let due = self.quiet(tx, now)?.after(now, TimeDelta::zero());
        self.queue_at(tx, changes, message, due, now)
    }

    /// Queues a message whether it is quiet or not; `None` where its channel is not configured, or it was queued before.
    pub(super) fn queue_at(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        message: &NewMessage<'_>,
        due: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<i64>> {
        if !self.has(message.channel) {
            return Ok(None);
        }
        let unasked = self.settings.whatsapp.as_ref().map(WhatsApp::unasked);
        let form = match (message.channel, unasked, &message.draft) {
            (Channel::Whatsapp, Some(Unasked::Templates), Draft::Template { .. })
                if !self.window_is_open(tx, message.address, due)? =>
            {
                Form::Template
            }
            _ => Form::Text,
        };
        changes.queued = true;
        tx.enqueue(message, form, due, now)
    }

    pub(super) fn has(&self, channel: Channel) -> bool {
        match channel {
            Channel::Whatsapp => self.settings.whatsapp.is_some(),
            Channel::Email => self.settings.email.is_some(),
        }
    }

    /// A text in answer to somebody's message, within the 24 hours in which that is allowed.
    pub(super) fn reply(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        to: &NewMessage<'_>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        debug_assert!(matches!(to.draft, Draft::Text(_)), "an answer is a text");
        self.queue_at(tx, changes, to, now, now).map(|_| ())
    }

    /// Says something to the administrators until it is mended, on the dashboard and by mail; by mail once in six hours.
    pub(super) fn alarm(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        banner: Banner,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let language = self.language_in_force(tx)?;
        let administrators = self.settings.email.iter().flat_map(|email| &email.administrators);
        for address in administrators {
            let message = NewMessage {
                // Another trouble is another mail.
                dedup: format!(
                    "banner/{}/{:x}/{}/{address}",
                    banner.key,
                    Sha256::digest(banner.message.en()),
                    now.timestamp() / ALARM_EVERY_S
                ),
                alert: None,
                recipient: None,
                channel: Channel::Email,
                address,
                language,
                draft: Draft::Text(format!(
                    "Hadir {}: {}",
                    self.settings.name,
                    banner.message.to(language)
                )),
                report: None,
            };
            self.queue_at(tx, changes, &message, now, now)?;
        }
        changes.banners.push(banner);
        Ok(())
    }
}

/// Who could be told at each step of a policy of an absence in an area.
pub(super) fn ladders(
    reader: &Reader<'_>,
    policy: &Policy,
    employee: &EmployeeId,
    area: Option<&AreaId>,
    now: DateTime<Utc>,
) -> Result<Vec<Ladder>> {
    let above = reader.above(employee)?;
    let from = |first: EmployeeId| -> Result<Vec<EmployeeId>> {
        let above = reader.above(&first)?;
        Ok(std::iter::once(first).chain(above).collect())
    };
    let ladder = |target: &Target| -> Result<Ladder> {
        let mut ids = match target {
            Target::Superior(level) => {
                let skipped = usize::from(*level).saturating_sub(1);
                above.iter().skip(skipped).cloned().collect()
            }
            Target::AreaSupervisor => match area
                .map(|area| reader.area_supervisor(area))
                .transpose()?
                .flatten()
            {
                Some(first) => from(first)?,
                None => Vec::new(),
            },
            Target::Employee(id) => from(id.clone())?,
            Target::Role(role) => reader.holders(*role)?,
        };
        // Nobody is told of their own absence.
        ids.retain(|id| id != employee);
        let mut contacts = reader.contacts(&ids, now)?;
        contacts.retain(|contact| contact.id != *employee);
        Ok(match target {
            Target::Role(_) => Ladder::All(contacts),
            _ => Ladder::First(contacts),
        })
    };
    policy.steps.iter().map(|step| ladder(&step.to)).collect()
}
