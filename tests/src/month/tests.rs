//! That the month is right, and that the check can fail.

use super::*;

fn month(seed: u64, fault: Option<Fault>) -> Outcome {
    run(&Options {
        people: 70,
        days: 14,
        every: 30,
        seed,
        fault,
    })
}

#[test]
fn every_absence_is_raised_once_in_time_and_told_as_the_chart_says() {
    for seed in 1..4 {
        let outcome = month(seed, None);
        assert!(
            outcome.right() && outcome.absences > 100,
            "seed {seed}\n{outcome}"
        );
    }
}

#[test]
fn a_planted_mistake_is_found() {
    let found = |fault| {
        let outcome = month(1, Some(fault));
        assert!(!outcome.right(), "{fault:?}");
        (outcome.missed, outcome.false_, outcome.late, outcome.climbs_wrong)
    };
    assert!(matches!(found(Fault::Miss), (1.., 0, 0, 0)));
    assert!(matches!(found(Fault::Late), (0, 0, 1.., _)));
    assert!(matches!(found(Fault::Twice), (0, 1.., 0, _)));
    assert!(matches!(found(Fault::Break), (_, 1.., ..)));
    assert!(matches!(found(Fault::Order), (0, 0, 0, 1..)));
    assert!(matches!(found(Fault::Silent), (0, 0, 0, 1..)));
    assert!(matches!(found(Fault::Faces), (_, 1.., ..)));
}
