//! Whom an absence is told to: a policy of steps over the chain of responsibility.
//!
//! Pure: the policy, the chain above the employee, what the steps have come to and the time go in; actions
//! come out. A step is settled once somebody was told, or nobody was left; until then it moves up the chain,
//! past everybody who was told or passed over before.

use chrono::TimeDelta;
use hadir_shared::id::EmployeeId;

use crate::presence::State;
use crate::store::{Superior, TakenStep};

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
}

/// Why somebody is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// They have no phone number.
    NoPhone,
    /// They are absent themselves.
    Absent,
    /// The message could not be delivered.
    Undeliverable,
}

impl Reason {
    /// As it stands in an alert's history.
    pub fn code(self) -> &'static str {
        match self {
            Reason::NoPhone => "no_phone",
            Reason::Absent => "absent",
            Reason::Undeliverable => "undeliverable",
        }
    }
}

/// In an alert's history, where nobody is left to tell.
pub const NOBODY_LEFT: &str = "nobody_left";

/// One step of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How long after the alert was opened, if nobody has answered.
    pub after: TimeDelta,
    /// From which level of the chain on: 1 is the direct superior.
    pub from_level: usize,
}

/// What to do about an absence, step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// In order of time.
    pub steps: Vec<Step>,
}

impl Default for Policy {
    /// The direct superior, at once.
    fn default() -> Self {
        Self {
            steps: vec![Step {
                after: TimeDelta::zero(),
                from_level: 1,
            }],
        }
    }
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the message.
    Tell {
        /// For which step.
        step: u32,
        /// To whom.
        recipient: EmployeeId,
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
    /// Record that the chain has ended.
    NobodyLeft {
        /// For which step.
        step: u32,
    },
}

/// What the steps that are due require. `elapsed` is the time since the alert was opened, while nobody has
/// answered; `chain` the superiors, the direct one first; `taken` what the steps have come to so far.
///
/// Calling it again after the actions were recorded gives nothing more.
pub fn due_actions(
    policy: &Policy,
    chain: &[Superior],
    taken: &[TakenStep],
    elapsed: TimeDelta,
) -> Vec<Action> {
    let mut actions = Vec::new();
    // Nobody is told, or passed over, twice for one absence.
    let mut reached: Vec<&EmployeeId> = taken.iter().filter_map(|t| t.recipient.as_ref()).collect();
    for (step, rule) in (0u32..).zip(&policy.steps) {
        let settled =
            |t: &TakenStep| t.step == step && matches!(t.outcome, Outcome::Told | Outcome::NobodyLeft);
        if rule.after > elapsed || taken.iter().any(settled) {
            continue;
        }
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
        let mut told = false;
        for superior in chain.iter().skip(rule.from_level.saturating_sub(1)) {
            if reached.contains(&&superior.id) {
                continue;
            }
            reached.push(&superior.id);
            let recipient = superior.id.clone();
            let reason = match (&superior.phone, superior.state) {
                (None, _) => Reason::NoPhone,
                (_, State::Absent) => Reason::Absent,
                _ => {
                    actions.push(Action::Tell { step, recipient });
                    told = true;
                    break;
                }
            };
            actions.push(Action::PassOver {
                step,
                recipient,
                reason,
            });
        }
        if !told {
            actions.push(Action::NobodyLeft { step });
        }
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::Language;
    use proptest::prelude::*;

    fn id(name: &str) -> EmployeeId {
        EmployeeId::new(name).expect("id")
    }

    fn superior(name: &str, phone: Option<&str>, state: State) -> Superior {
        Superior {
            id: id(name),
            phone: phone.map(str::to_owned),
            language: Language::Id,
            state,
        }
    }

    fn usable(name: &str) -> Superior {
        superior(name, Some("+62811"), State::Available)
    }

    fn tell(name: &str) -> Action {
        Action::Tell {
            step: 0,
            recipient: id(name),
        }
    }

    fn over(name: &str, reason: Reason) -> Action {
        Action::PassOver {
            step: 0,
            recipient: id(name),
            reason,
        }
    }

    fn taken(name: &str, outcome: Outcome) -> TakenStep {
        TakenStep {
            step: 0,
            recipient: Some(id(name)),
            outcome,
        }
    }

    #[track_caller]
    fn check(chain: &[Superior], taken: &[TakenStep], expected: &[Action]) {
        assert_eq!(
            due_actions(&Policy::default(), chain, taken, TimeDelta::zero()),
            expected
        );
    }

    #[test]
    fn the_direct_superior_or_the_next_who_can_be_told() {
        let nobody = Action::NobodyLeft { step: 0 };
        check(&[usable("A"), usable("B")], &[], &[tell("A")]);
        check(
            &[
                superior("A", None, State::Available),
                superior("B", Some("+1"), State::Absent),
                usable("C"),
            ],
            &[],
            &[over("A", Reason::NoPhone), over("B", Reason::Absent), tell("C")],
        );
        // Not detected for a minute, or not seen yet, is no reason: the phone is with them.
        check(&[superior("A", Some("+1"), State::Off)], &[], &[tell("A")]);
        check(&[superior("A", Some("+1"), State::Unknown)], &[], &[tell("A")]);
        check(&[], &[], std::slice::from_ref(&nobody));
        check(
            &[superior("A", None, State::Off)],
            &[],
            &[over("A", Reason::NoPhone), nobody],
        );
    }

    #[test]
    fn an_undelivered_message_goes_to_the_next() {
        let chain = [usable("A"), usable("B")];
        check(&chain, &[taken("A", Outcome::Told)], &[]);
        let lost = taken("A", Outcome::Undeliverable);
        check(
            &chain,
            std::slice::from_ref(&lost),
            &[over("A", Reason::Undeliverable), tell("B")],
        );
        check(
            &chain,
            &[lost, taken("A", Outcome::PassedOver), taken("B", Outcome::Told)],
            &[],
        );
    }

    #[test]
    fn later_steps_go_further_up_in_their_time() {
        let minutes = TimeDelta::minutes;
        let step = |after, from_level| Step {
            after: minutes(after),
            from_level,
        };
        let policy = Policy {
            steps: vec![step(0, 1), step(10, 2), step(20, 3)],
        };
        let chain = [usable("A"), usable("B"), usable("C")];
        let first = taken("A", Outcome::Told);
        assert_eq!(due_actions(&policy, &chain, &[], minutes(0)), [tell("A")]);
        assert_eq!(
            due_actions(&policy, &chain, std::slice::from_ref(&first), minutes(9)),
            []
        );
        let second = Action::Tell {
            step: 1,
            recipient: id("B"),
        };
        assert_eq!(
            due_actions(&policy, &chain, std::slice::from_ref(&first), minutes(10)),
            [second]
        );
        // After a long stop all that is due happens at once, to different people.
        assert_eq!(due_actions(&policy, &chain, &[], minutes(60)).len(), 3);
    }

    proptest! {
        /// Every climb ends, and nobody is told twice.
        #[test]
        fn every_climb_ends(
            people in proptest::collection::vec((any::<bool>(), 0..4usize, any::<bool>()), 0..8),
            levels in proptest::collection::vec(0..5usize, 1..4),
        ) {
            let states = [State::Available, State::Off, State::Absent, State::Unknown];
            let chain: Vec<Superior> = people
                .iter()
                .enumerate()
                .map(|(i, (phone, state, _))| {
                    superior(&format!("P{i}"), phone.then_some("+1"), states[*state])
                })
                .collect();
            let steps = levels.iter().map(|l| Step { after: TimeDelta::zero(), from_level: *l }).collect();
            let policy = Policy { steps };
            let mut taken: Vec<TakenStep> = Vec::new();
            let mut told = Vec::new();
            for _ in 0..=chain.len() * 2 + 2 {
                let actions = due_actions(&policy, &chain, &taken, TimeDelta::zero());
                for action in &actions {
                    taken.push(match action.clone() {
                        Action::Tell { step, recipient } => {
                            prop_assert!(!told.contains(&recipient));
                            told.push(recipient.clone());
                            let reached = people[chain.iter().position(|s| s.id == recipient).expect("in chain")].2;
                            let outcome = if reached { Outcome::Told } else { Outcome::Undeliverable };
                            TakenStep { step, recipient: Some(recipient), outcome }
                        }
                        Action::PassOver { step, recipient, .. } => {
                            TakenStep { step, recipient: Some(recipient), outcome: Outcome::PassedOver }
                        }
                        Action::NobodyLeft { step } => {
                            TakenStep { step, recipient: None, outcome: Outcome::NobodyLeft }
                        }
                    });
                }
                if actions.is_empty() {
                    return Ok(());
                }
            }
            prop_assert!(false, "the climb goes on");
        }
    }
}
