//! The step function: what is due, and when something will be.

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::id::EmployeeId;

use super::policy::{Policy, Step};
use super::quiet::QuietTime;
use super::{Contact, Ladder, Outcome, Reason, TakenStep};

/// How long whoever was told last has to answer before the climb is given up.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(10);

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the message.
    Tell {
        /// For which step.
        step: u32,
        /// To whom.
        recipient: EmployeeId,
        /// How often they were told at this step before.
        round: u32,
    },
    /// Record that somebody was passed over.
    PassOver {
        /// For which step.
        step: u32,
        /// Who.
        recipient: EmployeeId,
        /// Why.
        reason: Reason,
    },
    /// Record that there was nobody to tell.
    NobodyLeft {
        /// For which step.
        step: u32,
    },
    /// Record that nobody answered and nobody else will be told.
    GiveUp {
        /// One more than the last step.
        step: u32,
    },
}

/// What the steps that are due at `now` require, while nobody has answered. `ladders`: for each step, who could be
/// told; `taken`: what the steps have come to so far, in order of time.
///
/// Once they are recorded, there is nothing more to do before [`next_due`].
pub fn due_actions(
    policy: &Policy,
    ladders: &[Ladder],
    taken: &[TakenStep],
    opened_at: DateTime<Utc>,
    now: DateTime<Utc>,
    quiet: &QuietTime,
) -> Vec<Action> {
    let mut actions = Vec::new();
    if taken.iter().any(|t| t.outcome == Outcome::GaveUp) {
        return actions;
    }
    // Nobody is told for another step, or passed over, twice for one absence.
    let mut reached: Vec<EmployeeId> = taken.iter().filter_map(|t| t.recipient.clone()).collect();
    for ((number, step), ladder) in (0u32..).zip(&policy.steps).zip(ladders) {
        if settled(number, taken) {
            actions.extend(
                repeats(number, step, taken, quiet)
                    .filter(|(_, due)| *due <= now)
                    .map(|(tell, _)| tell),
            );
        } else if due(step, opened_at, quiet) <= now {
            take((number, step), ladder, taken, &mut reached, &mut actions);
        }
    }
    let at_rest = actions.is_empty() && next_step(policy, taken, opened_at, quiet).is_none();
    if at_rest && given_up_at(taken, quiet).is_none_or(|at| at <= now) {
        actions.push(Action::GiveUp { step: end(policy) });
    }
    actions
}

/// When [`due_actions`] will next give something, if nobody answers; `None`: never.
pub fn next_due(
    policy: &Policy,
    taken: &[TakenStep],
    opened_at: DateTime<Utc>,
    quiet: &QuietTime,
) -> Option<DateTime<Utc>> {
    if taken.iter().any(|t| t.outcome == Outcome::GaveUp) {
        return None;
    }
    next_step(policy, taken, opened_at, quiet)
        .or_else(|| Some(given_up_at(taken, quiet).unwrap_or(opened_at)))
}

fn next_step(
    policy: &Policy,
    taken: &[TakenStep],
    opened_at: DateTime<Utc>,
    quiet: &QuietTime,
) -> Option<DateTime<Utc>> {
    let of_step = |(number, step): (u32, &Step)| {
        if settled(number, taken) {
            repeats(number, step, taken, quiet).map(|(_, due)| due).min()
        } else {
            Some(due(step, opened_at, quiet))
        }
    };
    (0u32..).zip(&policy.steps).filter_map(of_step).min()
}

/// `None` if nobody was ever told.
fn given_up_at(taken: &[TakenStep], quiet: &QuietTime) -> Option<DateTime<Utc>> {
    let told = taken
        .iter()
        .filter(|t| t.outcome == Outcome::Told)
        .map(|t| t.at)
        .max();
    told.map(|at| quiet.after(at, PATIENCE))
}

fn end(policy: &Policy) -> u32 {
    u32::try_from(policy.steps.len()).unwrap_or(u32::MAX)
}

fn due(step: &Step, opened_at: DateTime<Utc>, quiet: &QuietTime) -> DateTime<Utc> {
    within(step, opened_at, step.after_s, quiet)
}

/// So many seconds that are not quiet after a moment, in the step's hours.
fn within(step: &Step, from: DateTime<Utc>, seconds: u32, quiet: &QuietTime) -> DateTime<Utc> {
    let mut at = quiet.after(from, TimeDelta::seconds(seconds.into()));
    let Some(hours) = &step.hours else { return at };
    // Where a step's hours lie in quiet ones altogether, its message waits in the queue instead.
    for _ in 0..30 {
        let next = hours.next(at, quiet.zone);
        match quiet.end(next) {
            Some(end) => at = end,
            None => return next,
        }
    }
    hours.next(at, quiet.zone)
}

fn settled(number: u32, taken: &[TakenStep]) -> bool {
    let settles = |t: &TakenStep| matches!(t.outcome, Outcome::Told | Outcome::NobodyLeft);
    taken.iter().any(|t| t.step == number && settles(t))
}

/// Whoever is to be told again at a settled step, and when.
fn repeats<'a>(
    number: u32,
    step: &'a Step,
    taken: &'a [TakenStep],
    quiet: &'a QuietTime,
) -> impl Iterator<Item = (Action, DateTime<Utc>)> + 'a {
    let told = move |t: &&TakenStep| t.step == number && t.outcome == Outcome::Told;
    taken.iter().filter(told).filter_map(move |first| {
        let repeat = step.repeat?;
        let recipient = first.recipient.clone()?;
        // One that did not arrive is one, too.
        let tried = |t: &&TakenStep| matches!(t.outcome, Outcome::Told | Outcome::Undeliverable);
        let of_them = move |t: &&TakenStep| t.step == number && t.recipient == first.recipient;
        let rounds = taken.iter().filter(of_them).filter(tried);
        // Once for each recipient: with the first that arrived.
        if taken.iter().filter(told).find(of_them) != Some(first) {
            return None;
        }
        let round = u32::try_from(rounds.clone().count()).unwrap_or(u32::MAX);
        let last = rounds.map(|t| t.at).max()?;
        let due = within(step, last, repeat.every_s, quiet);
        let step = number;
        (round <= repeat.times).then_some((
            Action::Tell {
                step,
                recipient,
                round,
            },
            due,
        ))
    })
}

/// Takes a step that is not settled.
fn take(
    (step, terms): (u32, &Step),
    ladder: &Ladder,
    taken: &[TakenStep],
    reached: &mut Vec<EmployeeId>,
    actions: &mut Vec<Action>,
) {
    for lost in taken
        .iter()
        .filter(|t| t.step == step && t.outcome == Outcome::Undeliverable)
    {
        let recorded = |t: &TakenStep| {
            t.outcome == Outcome::PassedOver && t.step == step && t.recipient == lost.recipient
        };
        if let (Some(recipient), false) = (&lost.recipient, taken.iter().any(recorded)) {
            let (recipient, reason) = (recipient.clone(), Reason::Undeliverable);
            actions.push(Action::PassOver {
                step,
                recipient,
                reason,
            });
        }
    }
    let (contacts, all): (&[Contact], bool) = match ladder {
        Ladder::First(contacts) => (contacts, false),
        Ladder::All(contacts) => (contacts, true),
    };
    let mut told = false;
    for contact in contacts {
        if reached.contains(&contact.id) {
            continue;
        }
        let recipient = contact.id.clone();
        reached.push(recipient.clone());
        match contact.obstacle(terms.channel) {
            Some(reason) => actions.push(Action::PassOver {
                step,
                recipient,
                reason,
            }),
            None => {
                let round = 0;
                actions.push(Action::Tell {
                    step,
                    recipient,
                    round,
                });
                told = true;
                if !all {
                    break;
                }
            }
        }
    }
    if !told {
        actions.push(Action::NobodyLeft { step });
    }
}
