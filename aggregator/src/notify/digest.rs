//! What a digest says: who was present, away and absent, in one message of a template; and what stands beside a month's
//! report. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{Draft, answers, templates};
use crate::core::types::{AttendancePerson, AttendanceReport, AttendanceRow, Language, State, StatusRow};
use crate::report;

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

/// The message that a month's report goes with.
pub fn month_draft(of: &str, report: &AttendanceReport, language: Language) -> Draft {
    let totals = &report.totals;
    let people = report.people.len();
    let (late, overtime) = (
        report::hours(totals.figures.late_s),
        report::hours(totals.figures.overtime_s),
    );
    let free = totals.on_leave + totals.excused;
    let (present, half, absent, times, workdays) = (
        totals.present,
        totals.half_day,
        totals.absent,
        totals.late,
        totals.workdays,
    );
    let mut numbers = match language {
        Language::Id => format!(
            "{people} orang, {workdays} hari kerja: {present} hadir, {half} setengah hari, {absent} tidak hadir, {free} cuti atau izin; \
             {times} kali terlambat ({late}), lembur {overtime}"
        ),
        Language::En => format!(
            "{people} people, {workdays} workdays: {present} present, {half} half days, {absent} absent, {free} on leave or excused; \
             {times} times late ({late}), overtime {overtime}"
        ),
    };
    let open = report.days.iter().filter(|row| row.difference).count();
    if open > 0 {
        numbers.push_str(&match language {
            Language::Id => format!("; {open} hari menunggu keputusan Anda karena ada data baru"),
            Language::En => format!("; {open} days await your decision, since new data arrived"),
        });
    }
    templates::month([of, &report::month(report.from, language), &numbers])
}
