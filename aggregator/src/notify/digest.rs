//! What a digest says: who was present, away and absent, in one message of a template. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{Draft, answers, templates};
use crate::core::types::{AttendancePerson, AttendanceRow, Language, State, StatusRow};

/// Longer than this after its time, a digest says that it is late.
pub const LATE: TimeDelta = TimeDelta::minutes(5);

/// Each of the three lists has so many characters at most: with them all, the message has less than 1,024.
const MAX_LIST: usize = 230;

/// Whoever was away for less today is not worth a line.
const AWAY: i64 = 15 * 60;

/// What a digest is about.
#[derive(Clone, Copy, Debug)]
pub struct Digest<'a> {
    /// The site's name, or that of the superior whose team it is.
    pub of: &'a str,
    /// When it was to be told.
    pub due: DateTime<Utc>,
    /// How it stands, by urgency.
    pub status: &'a [StatusRow],
    /// The day so far.
    pub day: &'a [(&'a AttendancePerson, &'a AttendanceRow)],
}

/// The message.
pub fn draft(digest: &Digest<'_>, language: Language, zone: Tz, now: DateTime<Utc>) -> Draft {
    let due = digest.due.with_timezone(&zone);
    let mut when = due.format(answers::day_and_time(language)).to_string();
    if now - digest.due > LATE {
        let at = now.with_timezone(&zone).format("%H:%M");
        when.push_str(&match language {
            Language::Id => format!(" (terlambat, keadaan pukul {at})"),
            Language::En => format!(" (late, as of {at})"),
        });
    }
    let count = |state| digest.status.iter().filter(|row| row.state == state).count();
    let (present, absent, off) = (count(State::Available), count(State::Absent), count(State::Off));
    let seen = digest
        .day
        .iter()
        .filter(|(_, row)| row.first_in.is_some())
        .count();
    let all = digest.day.len();
    let numbers = match language {
        Language::Id => format!(
            "{seen} dari {all} terlihat hari ini; sekarang {present} hadir, {absent} tidak di tempat, {off} tidak terdeteksi"
        ),
        Language::En => {
            format!("{seen} of {all} seen today; now {present} available, {absent} absent, {off} off")
        }
    };
    let gone = digest.status.iter().filter(|row| row.state == State::Absent);
    let gone = gone.map(|row| {
        let long = row
            .seconds_since
            .map(|seconds| answers::duration(seconds, language));
        format!("{} {}", row.name, long.unwrap_or_default())
    });
    // Whoever need not be there is not missed.
    let exempt = |id: &hadir_shared::id::EmployeeId| {
        digest
            .status
            .iter()
            .any(|row| row.employee == *id && row.state == State::Exempt)
    };
    let missing = digest
        .day
        .iter()
        .filter(|(_, row)| row.first_in.is_none() && !exempt(&row.employee));
    let away = digest.day.iter().filter(|(_, row)| row.figures.away_s >= AWAY);
    let mut away: Vec<_> = away.collect();
    away.sort_by_key(|(_, row)| -row.figures.away_s);
    let away = away.iter().map(|(person, row)| {
        format!(
            "{} {}",
            person.name,
            answers::duration(row.figures.away_s, language)
        )
    });
    let or_none = |items: Vec<String>| match (items.is_empty(), language) {
        (true, Language::Id) => "tidak ada".to_owned(),
        (true, Language::En) => "nobody".to_owned(),
        (false, _) => templates::list(items, MAX_LIST, language),
    };
    templates::digest([
        digest.of,
        &when,
        &numbers,
        &or_none(gone.collect()),
        &or_none(missing.map(|(person, _)| person.name.clone()).collect()),
        &or_none(away.collect()),
    ])
}
