//! Climbs as tables: who is told when, if nobody answers.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;

/// Messages may go out at any time.
const NOW: QuietTime = QuietTime {
    zone: chrono_tz::Tz::Asia__Jakarta,
    hours: None,
    silences: Vec::new(),
};

/// 2026-11-24, a Tuesday, 09:00 in Jakarta, and so many minutes.
fn t(minute: i64) -> DateTime<Utc> {
    hadir_shared::time::parse("2026-11-24T02:00:00Z").expect("time") + TimeDelta::minutes(minute)
}

fn contact(name: &str, phone: Option<&str>, state: State, leave: Leave) -> Contact {
    Contact {
        id: EmployeeId::new(name).expect("id"),
        phone: phone.map(str::to_owned),
        email: None,
        language: Language::Id,
        state,
        leave,
    }
}

fn usable(name: &str) -> Contact {
    contact(name, Some("+62811"), State::Available, Leave::Here)
}

fn policy(text: &str) -> Policy {
    let policy: Policy = serde_json::from_str(text).expect("policy");
    policy.check().expect("makes sense");
    policy
}

/// For each step, everybody from that level on; for a role, the last two.
fn ladders(policy: &Policy, chain: &[Contact]) -> Vec<Ladder> {
    let ladder = |step: &Step| match step.to {
        Target::Superior(level) => {
            Ladder::First(chain.get(usize::from(level) - 1..).unwrap_or_default().to_vec())
        }
        Target::Role(_) => Ladder::All(chain[chain.len().saturating_sub(2)..].to_vec()),
        _ => Ladder::First(chain.to_vec()),
    };
    policy.steps.iter().map(ladder).collect()
}

/// Climbs without an answer until it ends; `lost` are those whom no message reaches. Gives every line of the history
/// with its minute.
fn climb(policy: &Policy, chain: &[Contact], lost: &[&str]) -> Vec<String> {
    let ladders = ladders(policy, chain);
    let mut taken: Vec<TakenStep> = Vec::new();
    let mut history = Vec::new();
    for _ in 0..200 {
        let Some(at) = next_due(policy, &taken, t(0), &NOW) else {
            return history;
        };
        let at = at.max(taken.last().map_or(t(0), |last| last.at));
        let early = at - TimeDelta::milliseconds(1);
        if taken.last().is_some_and(|last| last.at < at) {
            assert_eq!(
                due_actions(policy, &ladders, &taken, t(0), early, &NOW),
                [],
                "before it is due"
            );
        }
        let actions = due_actions(policy, &ladders, &taken, t(0), at, &NOW);
        assert_ne!(actions, [], "something is due at {at}");
        for action in actions {
            let (step, recipient, outcome, line) = match action {
                Action::Tell {
                    step,
                    recipient,
                    round,
                } => {
                    let outcome = match lost.contains(&recipient.as_str()) {
                        true => Outcome::Undeliverable,
                        false => Outcome::Told,
                    };
                    let again = if round > 0 {
                        format!(" again {round}")
                    } else {
                        String::new()
                    };
                    (
                        step,
                        Some(recipient.clone()),
                        outcome,
                        format!("{recipient}{again}"),
                    )
                }
                Action::PassOver {
                    step,
                    recipient,
                    reason,
                } => {
                    let line = format!("{recipient} {}", reason.code());
                    (step, Some(recipient), Outcome::PassedOver, line)
                }
                Action::NobodyLeft { step } => (step, None, Outcome::NobodyLeft, "nobody left".into()),
                Action::GiveUp { step } => (step, None, Outcome::GaveUp, "gave up".into()),
            };
            history.push(format!("{} {line}", (at - t(0)).num_minutes()));
            taken.push(TakenStep {
                step,
                recipient,
                outcome,
                at,
            });
        }
    }
    panic!("the climb goes on: {history:?}");
}

#[track_caller]
fn check(policy: &Policy, chain: &[Contact], lost: &[&str], expected: &[&str]) {
    assert_eq!(climb(policy, chain, lost), expected);
}

#[test]
fn the_standard_policy_climbs_to_the_top() {
    let chain = [usable("A"), usable("B"), usable("C")];
    let standard = Policy::standard(3);
    check(
        &standard,
        &chain,
        &[],
        &["0 A", "10 B", "20 C", "30 nobody left", "30 gave up"],
    );
    check(
        &standard,
        &chain,
        &["A"],
        &[
            "0 A",
            "0 A undeliverable",
            "0 B",
            "10 C",
            "20 nobody left",
            "30 nobody left",
            "30 gave up",
        ],
    );
    check(
        &Policy::standard(0),
        &[],
        &[],
        &["0 nobody left", "10 nobody left", "10 gave up"],
    );
}

#[test]
fn who_cannot_be_told_is_passed_over() {
    let no_phone = contact("A", None, State::Available, Leave::Here);
    let absent = contact("B", Some("+1"), State::Absent, Leave::Here);
    let away = contact("C", Some("+1"), State::Exempt, Leave::Away);
    let one = policy(r#"{"steps": [{"after_s": 0, "to": {"superior": 1}}]}"#);
    // Behind C stands their deputy D.
    let chain = [no_phone.clone(), absent, away, usable("D"), usable("E")];
    check(
        &one,
        &chain,
        &[],
        &["0 A no_phone", "0 B absent", "0 C on_leave", "0 D", "10 gave up"],
    );
    // Not detected for a minute, not seen yet, or off shift is no reason: the phone is with them.
    for state in [State::Off, State::Unknown, State::Exempt] {
        check(
            &one,
            &[contact("A", Some("+1"), state, Leave::Here)],
            &[],
            &["0 A", "10 gave up"],
        );
    }
    check(
        &one,
        &[no_phone],
        &[],
        &["0 A no_phone", "0 nobody left", "0 gave up"],
    );
    // Everybody of a role is told; nobody twice.
    let role = policy(
        r#"{"steps": [{"after_s": 0, "to": {"superior": 2}}, {"after_s": 300, "to": {"role": "hr"}}]}"#,
    );
    let chain = [usable("A"), usable("B"), usable("C"), usable("D")];
    check(&role, &chain, &[], &["0 B", "5 C", "5 D", "15 gave up"]);
    check(
        &role,
        &chain,
        &["C", "D"],
        &[
            "0 B",
            "5 C",
            "5 D",
            "5 C undeliverable",
            "5 D undeliverable",
            "5 nobody left",
            "10 gave up",
        ],
    );
}

#[test]
fn reminders_and_hours() {
    let chain = [usable("A"), usable("B")];
    let repeated = policy(
        r#"{"steps": [{"after_s": 0, "to": {"superior": 1}, "repeat": {"every_s": 240, "times": 2}},
            {"after_s": 600, "to": {"superior": 2}}]}"#,
    );
    check(
        &repeated,
        &chain,
        &[],
        &["0 A", "4 A again 1", "8 A again 2", "10 B", "20 gave up"],
    );
    // In office hours only, 09:00 being minute 0: until 10:00 today, then tomorrow from 08:00.
    let office = policy(
        r#"{"steps": [{"after_s": 0, "to": {"superior": 1}},
            {"after_s": 4200, "to": {"superior": 2}, "hours": {"days": ["tue", "wed"], "from": "08:00", "to": "10:00"}}]}"#,
    );
    check(&office, &chain, &[], &["0 A", "1380 B", "1390 gave up"]);
    // Over midnight, from another day on.
    let night = policy(
        r#"{"steps": [{"after_s": 0, "to": {"superior": 1}, "hours": {"days": ["fri"], "from": "22:00", "to": "06:00"}}]}"#,
    );
    check(&night, &chain, &[], &["5100 A", "5110 gave up"]);
}

#[test]
fn what_makes_no_sense_is_refused_by_its_step() {
    for (text, says) in [
        (r#"{"steps": []}"#, "1 to 20 steps"),
        (
            r#"{"steps": [{"after_s": 60, "to": {"superior": 1}}, {"after_s": 30, "to": {"superior": 2}}]}"#,
            "Step 2: its time",
        ),
        (
            r#"{"steps": [{"after_s": 90000, "to": {"superior": 1}}]}"#,
            "Step 1: its time",
        ),
        (
            r#"{"steps": [{"after_s": 0, "to": {"superior": 0}}]}"#,
            "Step 1: a superior",
        ),
        (
            r#"{"steps": [{"after_s": 0, "to": {"superior": 1}, "repeat": {"every_s": 1, "times": 2}}]}"#,
            "Step 1: repeat",
        ),
        (
            r#"{"steps": [{"after_s": 0, "to": "area_supervisor", "hours": {"days": [], "from": "08:00", "to": "09:00"}}]}"#,
            "Step 1: its hours",
        ),
    ] {
        let policy: Policy = serde_json::from_str(text).expect(text);
        let refused = policy.check().expect_err(text);
        assert!(refused.en().contains(says), "{refused}");
        let indonesian = refused.to(crate::core::types::Language::Id);
        assert_ne!(indonesian, refused.en());
    }
    assert!(serde_json::from_str::<Policy>(r#"{"steps": [{"after_s": 0, "to": {"boss": 1}}]}"#).is_err());
}

fn any_step() -> impl Strategy<Value = Step> {
    let to = prop_oneof![
        (1..5u8).prop_map(Target::Superior),
        Just(Target::AreaSupervisor),
        Just(Target::Role(crate::core::types::Role::Hr)),
    ];
    let repeat =
        proptest::option::of((60..900u32, 1..4u32).prop_map(|(every_s, times)| Repeat { every_s, times }));
    let hours = proptest::option::weighted(
        0.3,
        (0..24u32, 0..24u32, 0..7u8).prop_map(|(from, to, day)| Hours {
            days: vec![chrono::Weekday::try_from(day).expect("day")],
            from: chrono::NaiveTime::from_hms_opt(from, 0, 0).expect("time"),
            to: chrono::NaiveTime::from_hms_opt(to, 0, 0).expect("time"),
        }),
    );
    (0..3000u32, to, repeat, hours).prop_map(|(after_s, to, repeat, hours)| Step {
        after_s,
        to,
        channel: Channel::Whatsapp,
        repeat,
        hours,
    })
}

proptest! {
    /// Every climb ends; nobody is told for two steps, nor more often than a step says.
    #[test]
    fn every_climb_ends(
        people in proptest::collection::vec((any::<bool>(), 0..5usize, any::<bool>(), any::<bool>()), 0..7),
        mut steps in proptest::collection::vec(any_step(), 1..6),
    ) {
        steps.sort_by_key(|step| step.after_s);
        let policy = Policy { steps };
        prop_assert_eq!(policy.check(), Ok(()));
        let names: Vec<String> = (0..people.len()).map(|i| format!("P{i}")).collect();
        let chain: Vec<Contact> = people
            .iter()
            .zip(&names)
            .map(|((phone, state, here, _), name)| {
                let leave = if *here { Leave::Here } else { Leave::Away };
                contact(name, phone.then_some("+1"), State::ALL[*state], leave)
            })
            .collect();
        let lost = people.iter().zip(&names).filter(|((.., lost), _)| *lost).map(|(_, name)| name.as_str());
        let history = climb(&policy, &chain, &lost.collect::<Vec<_>>());
        prop_assert!(history.last().is_some_and(|line| line.ends_with("gave up")));
        for name in &names {
            let first = history.iter().filter(|line| line.split(' ').skip(1).eq([name.as_str()]));
            prop_assert!(first.count() <= 1, "{:?}", history);
        }
    }
}
