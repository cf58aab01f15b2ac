//! A day as it is kept, and what may change it: before it is final everything that is seen, afterwards HR alone.

use serde::{Deserialize, Serialize};

use super::{Correction, Day, Outcome};

/// How far a day is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It may still change by itself.
    Provisional,
    /// It changes no more.
    Final,
    /// HR has said how it was.
    Corrected,
}

impl State {
    /// Every one.
    pub const ALL: [State; 3] = [State::Provisional, State::Final, State::Corrected];

    /// As it stands in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Provisional => "provisional",
            State::Final => "final",
            State::Corrected => "corrected",
        }
    }
}

/// What of a final day is kept apart from its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What counts.
    pub outcome: Outcome,
    /// What HR said, if it did.
    pub correction: Option<Correction>,
    /// What would come of it with what has arrived since, where that is something else.
    pub difference: Option<Outcome>,
    /// A difference that HR has looked at and left.
    pub dismissed: Option<Outcome>,
}

impl Record {
    /// A day that has just become final.
    pub fn new(day: &Day, correction: Option<Correction>) -> Self {
        Self {
            outcome: day.outcome.clone(),
            correction,
            difference: None,
            dismissed: None,
        }
    }

    /// How far it is settled.
    pub fn state(&self) -> State {
        match self.correction {
            None => State::Final,
            Some(_) => State::Corrected,
        }
    }

    /// Something arrived for it: what counts stays, and what is different is noted.
    pub fn arrived(&mut self, now: &Day) {
        let same = now.outcome == self.outcome || Some(&now.outcome) == self.dismissed.as_ref();
        self.difference = (!same).then(|| now.outcome.clone());
    }

    /// HR takes the difference over. Says whether there was one.
    pub fn accept(&mut self) -> bool {
        match self.difference.take() {
            Some(outcome) => {
                self.outcome = outcome;
                // From now on it is what HR said.
                self.correction.get_or_insert_with(Correction::default);
                true
            }
            None => false,
        }
    }

    /// HR leaves the day as it is. Says whether there was a difference.
    pub fn dismiss(&mut self) -> bool {
        match self.difference.take() {
            Some(outcome) => {
                self.dismissed = Some(outcome);
                true
            }
            None => false,
        }
    }

    /// HR corrects the day: `now` is what comes of it so.
    pub fn correct(&mut self, correction: Correction, now: &Day) {
        *self = Self::new(now, Some(correction));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attendance::{Figures, Status};

    fn day(worked_s: i64) -> Day {
        let figures = Figures {
            worked_s,
            ..Figures::default()
        };
        Day {
            outcome: Outcome {
                status: Status::Present,
                first_in: Some(0),
                last_out: Some(1),
                figures,
            },
            ..Day::default()
        }
    }

    #[test]
    fn a_final_day_changes_by_hr_alone() {
        let mut record = Record::new(&day(100), None);
        assert_eq!(record.state(), State::Final);
        record.arrived(&day(100));
        assert_eq!(
            (record.difference.clone(), record.accept(), record.dismiss()),
            (None, false, false)
        );
        record.arrived(&day(200));
        assert_eq!(
            (record.outcome.figures.worked_s, record.state()),
            (100, State::Final)
        );
        assert_eq!(record.difference, Some(day(200).outcome));
        assert!(record.dismiss());
        record.arrived(&day(200));
        assert_eq!(record.difference, None, "looked at already");
        record.arrived(&day(300));
        assert!(record.accept());
        assert_eq!(
            (record.outcome.figures.worked_s, record.state()),
            (300, State::Corrected)
        );
        record.arrived(&day(300));
        assert_eq!(record.difference, None);
        record.arrived(&day(100));
        assert_eq!(
            record.difference,
            Some(day(100).outcome),
            "and back is a difference, too"
        );
        record.correct(
            Correction {
                worked_s: Some(50),
                ..Correction::default()
            },
            &day(50),
        );
        assert_eq!(
            (
                record.outcome.figures.worked_s,
                record.difference,
                record.dismissed
            ),
            (50, None, None)
        );
    }
}
