//! When people are to work: weekly schedules of shifts with breaks, holidays, and what excepts one person.
//!
//! Pure: no input or output, no clock. Times of day are local to the schedule's time zone, moments are
//! milliseconds since the epoch. A shift belongs to the day on which it begins: one that begins before a
//! holiday is worked to its end, one that begins on it is not.

mod calendar;
pub(crate) mod hhmm;

use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::attendance::Rules;
use crate::sentence::{Sentence, say};

pub use self::calendar::{Calendar, Exception, Phase, Standing, Window, local_moment, midnight};
pub(crate) use self::hhmm::days;

/// More would be a mistake.
const MAX_SHIFTS: usize = 50;
const MAX_BREAKS: usize = 10;

const DAY: i64 = 24 * 60;
const WEEK: i64 = 7 * DAY;

/// Why somebody need not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exemption {
    /// No shift of theirs runs.
    OffShift,
    /// A break of their shift.
    OnBreak,
    /// They are on leave.
    OnLeave,
    /// Somebody excused them.
    Excused,
}

impl Exemption {
    /// Every exemption.
    pub const ALL: [Exemption; 4] = [
        Exemption::OffShift,
        Exemption::OnBreak,
        Exemption::OnLeave,
        Exemption::Excused,
    ];

    /// As it stands in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Exemption::OffShift => "off_shift",
            Exemption::OnBreak => "on_break",
            Exemption::OnLeave => "on_leave",
            Exemption::Excused => "excused",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// A week of shifts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Where its times are local; the site's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Tz>,
    /// What it does on holidays.
    #[serde(default)]
    pub holidays: OnHolidays,
    /// In any order; none overlaps another.
    pub shifts: Vec<Shift>,
    /// What counts as late, as overtime and so on.
    #[serde(default, skip_serializing_if = "Rules::is_default")]
    pub rules: Rules,
}

/// What a schedule does on holidays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnHolidays {
    /// No shift begins.
    #[default]
    Free,
    /// As on other days: guards, nurses.
    Worked,
}

/// A shift, on one or more days of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// What it is called: `Pagi`.
    pub name: String,
    /// The days on which it begins: `["mon", "tue"]`.
    #[serde(with = "hhmm::days")]
    pub days: Vec<Weekday>,
    /// When it begins: `"08:00"`.
    #[serde(with = "hhmm")]
    pub from: NaiveTime,
    /// When it ends; not after `from`: on the next day.
    #[serde(with = "hhmm")]
    pub to: NaiveTime,
    /// In which nobody has to be there.
    #[serde(default)]
    pub breaks: Vec<Break>,
}

/// A break of a shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// When it begins; before the shift's `from`: on the next day.
    #[serde(with = "hhmm")]
    pub from: NaiveTime,
    /// When it ends.
    #[serde(with = "hhmm")]
    pub to: NaiveTime,
}

fn minute(time: NaiveTime) -> i64 {
    (time - NaiveTime::MIN).num_minutes()
}

impl Shift {
    /// Minutes from its first day's midnight to its beginning and its end.
    fn span(&self) -> (i64, i64) {
        let (from, to) = (minute(self.from), minute(self.to));
        (from, if to <= from { to + DAY } else { to })
    }

    /// The same of a break.
    fn break_span(&self, one: &Break) -> (i64, i64) {
        let (begins, _) = self.span();
        let from = minute(one.from);
        let from = if from < begins { from + DAY } else { from };
        let length = (minute(one.to) - minute(one.from)).rem_euclid(DAY);
        (from, from + length)
    }

    fn problem(&self) -> Option<Sentence> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 50 {
            return Some(say!(
                "Give each shift a name of 1 to 50 characters.",
                "Beri setiap giliran nama sepanjang 1 sampai 50 karakter."
            ));
        }
        if self.days.is_empty() {
            return Some(say!(
                "The shift {name} is on no day: name one, like \"mon\".",
                "Giliran {name} tidak ada pada hari apa pun: pilih paling sedikit satu hari."
            ));
        }
        if self.breaks.len() > MAX_BREAKS {
            return Some(say!(
                "The shift {name} has more than {MAX_BREAKS} breaks.",
                "Giliran {name} memiliki lebih dari {MAX_BREAKS} istirahat."
            ));
        }
        let (from, to) = self.span();
        let mut breaks: Vec<(i64, i64)> = self.breaks.iter().map(|one| self.break_span(one)).collect();
        breaks.sort_unstable();
        let mut free_from = from;
        for (begins, ends) in breaks {
            let written = format!("{}–{}", hhmm::text(begins), hhmm::text(ends));
            if begins == ends {
                return Some(say!(
                    "The break {written} of the shift {name} has no length.",
                    "Istirahat {written} pada giliran {name} mulai dan selesai pada jam yang sama."
                ));
            }
            if begins <= from || ends >= to {
                return Some(say!(
                    "The break {written} does not lie inside the shift {name}, which runs {}–{}.",
                    "Istirahat {written} tidak berada di dalam giliran {name}, yang berlangsung {}–{}.",
                    hhmm::text(from),
                    hhmm::text(to)
                ));
            }
            if begins < free_from {
                return Some(say!(
                    "The break {written} of the shift {name} overlaps another.",
                    "Istirahat {written} pada giliran {name} tumpang tindih dengan yang lain."
                ));
            }
            free_from = ends;
        }
        None
    }
}

impl Schedule {
    /// Whether it makes sense.
    ///
    /// # Errors
    /// A sentence that names the shift or the break that does not.
    pub fn check(&self) -> Result<(), Sentence> {
        if !(1..=MAX_SHIFTS).contains(&self.shifts.len()) {
            return Err(say!(
                "A schedule has 1 to {MAX_SHIFTS} shifts.",
                "Jadwal terdiri dari 1 sampai {MAX_SHIFTS} giliran."
            ));
        }
        if let Some(problem) = self.shifts.iter().find_map(Shift::problem) {
            return Err(problem);
        }
        if let Some(problem) = self.rules.problem() {
            return Err(problem);
        }
        // On a ring of one week.
        let mut week: Vec<(i64, i64, &str)> = Vec::new();
        for shift in &self.shifts {
            let (from, to) = shift.span();
            let starts = shift
                .days
                .iter()
                .map(|day| i64::from(day.num_days_from_monday()) * DAY);
            week.extend(starts.map(|start| (start + from, start + to, shift.name.trim())));
        }
        week.sort_unstable();
        let first = week
            .first()
            .map(|(from, to, name)| (from + WEEK, to + WEEK, *name));
        let next = week.iter().skip(1).copied().chain(first);
        for ((_, ends, one), (begins, _, other)) in week.iter().zip(next) {
            if begins < *ends {
                return Err(if *one == other {
                    say!(
                        "The shift {one} begins again before it has ended.",
                        "Giliran {one} dimulai lagi sebelum berakhir."
                    )
                } else {
                    say!(
                        "The shifts {one} and {other} overlap.",
                        "Giliran {one} dan {other} tumpang tindih."
                    )
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
