//! The sections `[attendance]` and `[reports]`.

use chrono::TimeDelta;
use serde::Deserialize;
use toml::Spanned;

use super::Check;
use crate::core::attendance::MIN_FINAL_AFTER;
use crate::core::settings::{AttendanceRules, KEEP_DAYS, KEEP_SIGHTINGS_DAYS};
use crate::report::Letterhead;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AttendanceFile {
    final_after_h: Option<Spanned<u32>>,
    keep_sightings_days: Option<Spanned<u32>>,
    keep_days: Option<Spanned<u32>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportsFile {
    company: Option<Spanned<String>>,
    address: Option<Spanned<String>>,
    signatory: Option<Spanned<String>>,
}

impl Check<'_> {
    pub(super) fn attendance(&mut self, file: &AttendanceFile) -> AttendanceRules {
        let default = AttendanceRules::default();
        let hours = self.number(
            "attendance.final_after_h",
            file.final_after_h.as_ref(),
            (MIN_FINAL_AFTER.num_hours(), 720),
            "hours after the end of a day",
        );
        let sightings = self.number(
            "attendance.keep_sightings_days",
            file.keep_sightings_days.as_ref(),
            KEEP_SIGHTINGS_DAYS,
            "days",
        );
        let days = self.number("attendance.keep_days", file.keep_days.as_ref(), KEEP_DAYS, "days");
        AttendanceRules {
            final_after: hours.map_or(default.final_after, TimeDelta::hours),
            keep_sightings: sightings.map_or(default.keep_sightings, TimeDelta::days),
            keep_days: days.map_or(default.keep_days, TimeDelta::days),
        }
    }

    fn number(
        &mut self,
        key: &str,
        value: Option<&Spanned<u32>>,
        (least, most): (i64, i64),
        unit: &str,
    ) -> Option<i64> {
        let value = value?;
        let number = i64::from(*value.get_ref());
        if !(least..=most).contains(&number) {
            self.wrong(key, value, format!("write {least} to {most} {unit}"));
        }
        Some(number)
    }

    /// The company is the site if nothing is said.
    pub(super) fn reports(&mut self, file: ReportsFile, site: &str) -> Letterhead {
        let mut line = |key: &str, value: Option<Spanned<String>>, default: &str| match value {
            None => default.to_owned(),
            Some(value) => {
                let text = value.get_ref().trim();
                if text.chars().count() > 150 || text.chars().any(char::is_control) {
                    self.wrong(key, &value, "write at most 150 characters in one line");
                }
                text.to_owned()
            }
        };
        Letterhead {
            company: line("reports.company", file.company, site),
            address: line("reports.address", file.address, ""),
            signatory: line("reports.signatory", file.signatory, "HRD"),
        }
    }
}
