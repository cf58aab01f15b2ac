//! The time in which no message goes out: the site's quiet hours, and silences for maintenance.
//!
//! Such time does not count in a climb: whoever was told at 21:58 and has ten minutes to answer has eight left when
//! quiet hours from 22:00 to 05:00 are over. Otherwise everybody above them would be told at 05:00 at once.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::policy::Hours;

/// More changes between quiet and not than a climb can meet.
const MAX_SPANS: usize = 10_000;

/// When messages must not go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietTime {
    /// The site's, for all hours.
    pub zone: Tz,
    /// Every week.
    pub hours: Option<Hours>,
    /// From when to when.
    pub silences: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl QuietTime {
    /// Messages may go out at any time.
    pub fn never(zone: Tz) -> Self {
        Self {
            zone,
            hours: None,
            silences: Vec::new(),
        }
    }

    /// When the quiet time around `at` ends; `None` if messages may go out then.
    pub fn end(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut end = at;
        for _ in 0..MAX_SPANS {
            let of_hours = self.hours.as_ref().and_then(|hours| hours.end(end, self.zone));
            let mut silences = self.silences.iter();
            let of_silence = silences.find(|(from, to)| *from <= end && end < *to);
            match of_hours.max(of_silence.map(|(_, to)| *to)) {
                Some(later) => end = later,
                None => break,
            }
        }
        (end > at).then_some(end)
    }

    /// The first moment, from `from` on, at which so much time that was not quiet has passed. It is not quiet itself.
    pub fn after(&self, from: DateTime<Utc>, time: TimeDelta) -> DateTime<Utc> {
        let mut at = self.end(from).unwrap_or(from);
        let mut left = time;
        for _ in 0..MAX_SPANS {
            let Some(begins) = self.next_begin(at).filter(|begins| *begins <= at + left) else {
                break;
            };
            left -= begins - at;
            at = self.end(begins).unwrap_or(begins);
        }
        at + left
    }

    /// When it becomes quiet next, after `at`.
    fn next_begin(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let of_hours = self.hours.as_ref().map(|hours| hours.next(at, self.zone));
        let of_silences = self.silences.iter().map(|(from, _)| *from);
        of_hours
            .into_iter()
            .chain(of_silences)
            .filter(|begins| *begins > at)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> DateTime<Utc> {
        hadir_shared::time::parse(&format!("{text}:00+07:00")).expect("time")
    }

    /// Quiet from 22:00 to 05:00 in Jakarta, and on Wednesday from 13:00 to 15:00.
    fn quiet() -> QuietTime {
        let hours = r#"{"days":["mon","tue","wed","thu","fri","sat","sun"],"from":"22:00","to":"05:00"}"#;
        QuietTime {
            zone: Tz::Asia__Jakarta,
            hours: Some(serde_json::from_str(hours).expect("hours")),
            silences: vec![(at("2026-11-25T13:00"), at("2026-11-25T15:00"))],
        }
    }

    #[test]
    fn it_ends_and_does_not_count() {
        let quiet = quiet();
        for (when, end) in [
            ("2026-11-24T21:59", None),
            ("2026-11-24T22:00", Some("2026-11-25T05:00")),
            ("2026-11-25T04:59", Some("2026-11-25T05:00")),
            ("2026-11-25T05:00", None),
            ("2026-11-25T14:00", Some("2026-11-25T15:00")),
        ] {
            assert_eq!(quiet.end(at(when)), end.map(at), "{when}");
        }
        for (from, minutes, then) in [
            ("2026-11-24T12:00", 10, "2026-11-24T12:10"),
            // Eight minutes are left.
            ("2026-11-24T21:58", 10, "2026-11-25T05:08"),
            // Just as quiet begins: when it ends.
            ("2026-11-24T21:50", 10, "2026-11-25T05:00"),
            ("2026-11-24T23:00", 0, "2026-11-25T05:00"),
            ("2026-11-25T12:30", 60, "2026-11-25T15:30"),
            // Over a night and a silence.
            ("2026-11-24T21:00", 60 * 10, "2026-11-25T16:00"),
        ] {
            assert_eq!(
                quiet.after(at(from), TimeDelta::minutes(minutes)),
                at(then),
                "{from} {minutes}"
            );
        }
        let never = QuietTime::never(Tz::Asia__Jakarta);
        assert_eq!(
            (
                never.end(at("2026-11-24T23:00")),
                never.after(at("2026-11-24T23:00"), TimeDelta::hours(9))
            ),
            (None, at("2026-11-25T08:00"))
        );
    }

    #[test]
    fn quiet_all_week_ends_nowhere_and_hangs_nothing() {
        let hours = r#"{"days":["mon","tue","wed","thu","fri","sat","sun"],"from":"00:00","to":"00:00"}"#;
        let quiet = QuietTime {
            hours: Some(serde_json::from_str(hours).expect("hours")),
            ..quiet()
        };
        assert!(
            quiet
                .end(at("2026-11-24T12:00"))
                .is_some_and(|end| end > at("2027-11-24T12:00"))
        );
    }

    proptest! {
        /// What lies after some time is never quiet, and as much time that is not quiet lies before it.
        #[test]
        fn as_much_lies_before(from in 0..7 * 24 * 60i64, minutes in 0..3000i64) {
            let quiet = quiet();
            let from = at("2026-11-22T00:00") + TimeDelta::minutes(from);
            let then = quiet.after(from, TimeDelta::minutes(minutes));
            prop_assert_eq!(quiet.end(then), None);
            let mut counted = 0;
            let mut minute = from;
            while minute < then {
                counted += i64::from(quiet.end(minute).is_none());
                minute += TimeDelta::minutes(1);
            }
            prop_assert_eq!(counted, minutes);
        }
    }
}
