//! What HR says of a day, against or beyond what was seen.

use serde::{Deserialize, Serialize};

use super::{Day, Facts, Figures, Methods, Outcome, Piece, Status, Stretch, day};

/// What is to be otherwise. What is left out stays as it was worked out; when somebody came or went is worked out
/// again from the moments given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Correction {
    /// When they came, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_in: Option<i64>,
    /// When they went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_out: Option<i64>,
    /// What came of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Of the planned time, what they were there, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worked_s: Option<i64>,
    /// What they were gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away_s: Option<i64>,
    /// How much too late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_s: Option<i64>,
    /// How much too early they went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_leave_s: Option<i64>,
    /// There outside of shifts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overtime_s: Option<i64>,
}

/// What follows from a status: nobody who was not there has worked, and time on leave is not planned.
fn settle_status(figures: &mut Figures, status: Status) {
    let (planned_s, leave_s) = match status {
        Status::Absent => (figures.planned_s, figures.leave_s),
        Status::OnLeave | Status::Excused => (0, figures.planned_s + figures.leave_s),
        Status::NotExpected => (0, 0),
        Status::Present | Status::HalfDay | Status::Pending | Status::Unknown => return,
    };
    *figures = Figures {
        planned_s,
        leave_s,
        ..Figures::default()
    };
}

impl Correction {
    /// Works the day out with it.
    pub fn day(&self, facts: &Facts<'_>) -> Day {
        let pieces = self.pieces(facts);
        let mut day = day(&Facts {
            pieces: &pieces,
            ..*facts
        });
        day.outcome = self.apply(day.outcome);
        day
    }

    /// What comes of a day when only what HR gives is otherwise.
    pub fn apply(&self, mut outcome: Outcome) -> Outcome {
        let figures = &mut outcome.figures;
        if let Some(status) = self.status {
            settle_status(figures, status);
        }
        let set = [
            (&mut figures.worked_s, self.worked_s),
            (&mut figures.away_s, self.away_s),
            (&mut figures.late_s, self.late_s),
            (&mut figures.early_leave_s, self.early_leave_s),
            (&mut figures.overtime_s, self.overtime_s),
        ];
        for (figure, value) in set {
            *figure = value.unwrap_or(*figure);
        }
        outcome.status = self.status.unwrap_or(outcome.status);
        outcome
    }

    /// What would have been seen, if it was as HR says.
    fn pieces(&self, facts: &Facts<'_>) -> Vec<Piece> {
        let mut pieces = facts.pieces.to_vec();
        if self.first_in.is_none() && self.last_out.is_none() {
            return pieces;
        }
        let first = pieces.iter().map(|piece| piece.stretch.from).min();
        let last = pieces.iter().map(|piece| piece.stretch.to).max();
        let (came, went) = (self.first_in.or(first), self.last_out.or(last));
        let (Some(came), Some(went)) = (came, went) else {
            return pieces;
        };
        for piece in &mut pieces {
            piece.stretch.from = piece.stretch.from.max(came);
            piece.stretch.to = piece.stretch.to.min(went);
        }
        pieces.retain(|piece| piece.stretch.from <= piece.stretch.to);
        let seen = pieces
            .iter()
            .map(|piece| (piece.stretch.from, piece.stretch.to))
            .reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)));
        let added = match seen {
            Some((first, last)) => vec![(came, first), (last, went)],
            None => vec![(came, went)],
        };
        for (from, to) in added {
            if from < to {
                self.add(facts, &mut pieces, from, to);
            }
        }
        pieces.sort_by_key(|piece| (piece.stretch.from, piece.stretch.to));
        pieces
    }

    /// They were there throughout: in every shift that it touches, and beyond the last.
    fn add(&self, facts: &Facts<'_>, pieces: &mut Vec<Piece>, from: i64, to: i64) {
        let none = || hadir_shared::id::CameraId::new("hr").ok();
        let camera = facts
            .pieces
            .first()
            .map(|piece| piece.stretch.first_camera.clone());
        let Some(camera) = camera.or_else(none) else {
            return;
        };
        let stretch = Stretch {
            from,
            to,
            first_camera: camera.clone(),
            last_camera: camera,
            methods: Methods::HR,
        };
        let shifts: super::Neighbours = [(facts.date, facts.plan.shifts.clone())].into_iter().collect();
        // As if it had been seen, but that all of it is of this day.
        let assigned = super::assign(
            super::Clock(chrono_tz::UTC),
            &shifts,
            std::slice::from_ref(&stretch),
            |_, _| false,
        );
        let of_shifts: Vec<Piece> = assigned
            .into_values()
            .flatten()
            .filter(|piece| piece.shift.is_some())
            .collect();
        if of_shifts.is_empty() {
            pieces.push(Piece { stretch, shift: None });
        } else {
            pieces.extend(of_shifts);
        }
    }
}
