//! What counts as late, as overtime and so on: part of a schedule.

use crate::sentence::{Sentence, say};
use serde::{Deserialize, Serialize};

/// The rules of a schedule by which presence becomes attendance. What is left out is as in [`Rules::default`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Minutes after the beginning of a shift that are not late yet; from the next one on all are.
    pub late_grace_min: u32,
    /// Minutes before the end of a shift in which leaving is not early yet.
    pub early_leave_grace_min: u32,
    /// How many minutes outside of shifts make overtime; fewer are none. `null`: there is no overtime.
    pub overtime_after_min: Option<u32>,
    /// Overtime is counted in whole steps of so many minutes.
    pub overtime_step_min: u32,
    /// A day of which less than this share of the planned time was worked is half a day.
    pub half_day_below_percent: u32,
    /// Below this share it is an absence. 0: only for whoever was not there at all.
    pub absent_below_percent: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            late_grace_min: 5,
            early_leave_grace_min: 5,
            overtime_after_min: Some(30),
            overtime_step_min: 1,
            half_day_below_percent: 50,
            absent_below_percent: 0,
        }
    }
}

impl Rules {
    /// Whether they are those that hold where nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What makes no sense, in a sentence.
    pub fn problem(&self) -> Option<Sentence> {
        let minutes = [
            (
                "late_grace_min",
                "Toleransi terlambat",
                self.late_grace_min,
                0,
                240,
            ),
            (
                "early_leave_grace_min",
                "Toleransi pulang awal",
                self.early_leave_grace_min,
                0,
                240,
            ),
            (
                "overtime_after_min",
                "Lembur mulai",
                self.overtime_after_min.unwrap_or(0),
                0,
                720,
            ),
            (
                "overtime_step_min",
                "Kelipatan lembur",
                self.overtime_step_min,
                1,
                120,
            ),
        ];
        if let Some((key, label, _, least, most)) = minutes
            .into_iter()
            .find(|(.., value, least, most)| !(least..=most).contains(&value))
        {
            return Some(say!(
                "Give {least} to {most} minutes for {key}.",
                "Isi {least} sampai {most} menit untuk \"{label}\"."
            ));
        }
        if self.half_day_below_percent > 100 || self.absent_below_percent > self.half_day_below_percent {
            return Some(say!(
                "Give shares of 0 to 100 percent, and for absent_below_percent no more than for \
                 half_day_below_percent.",
                "Isi 0 sampai 100 persen; \"Tidak hadir di bawah\" tidak boleh lebih besar dari \"Setengah \
                 hari di bawah\"."
            ));
        }
        None
    }
}
