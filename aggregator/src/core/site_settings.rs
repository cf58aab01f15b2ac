//! What HR sets on the dashboard instead of in `aggregator.toml`: language, quiet hours, how long what is kept; and what it
//! counts for that somebody was known by their body.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::alerts::must_manage;
use super::settings::{AttendanceRules, KEEP_DAYS, KEEP_SIGHTINGS_DAYS};
use super::types::{
    BodyPresence, BodyPresencePatch, Language, NewQuietHours, QuietHours, Retention, RetentionDays,
    RetentionPatch, SiteLanguage, Viewer,
};
use super::{Core, state};
use crate::error::{Error, Result};
use crate::escalation::Hours;
use crate::sentence::say;
use crate::store::Reader;

const LANGUAGE: &str = "language";
const QUIET_HOURS: &str = "quiet_hours";
const RETENTION: &str = "retention";
const BODY_PRESENCE: &str = "body_presence";

/// What it counts for that somebody was known by their body, as it is in force.
pub(super) fn body_presence(reader: &Reader<'_>) -> Result<BodyPresence> {
    Ok(reader.site_setting(BODY_PRESENCE)?.unwrap_or_default())
}

/// How long what is kept, as far as it was set.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    sightings_days: Option<u32>,
    days: Option<u32>,
}

impl Core {
    /// The site's language in force.
    pub(super) fn language_in_force(&self, reader: &Reader<'_>) -> Result<Language> {
        Ok(reader.site_setting(LANGUAGE)?.unwrap_or(self.settings.language))
    }

    /// The language of whoever has none of their own: who is newly registered, mails to administrators, reports.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn language(&self) -> Result<SiteLanguage> {
        Ok(SiteLanguage {
            language: self.store.read(|reader| self.language_in_force(reader))?,
            configured: self.settings.language,
        })
    }

    /// Sets another language than configured (`Some`), or lets the configured one hold again.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR.
    pub fn set_language(&self, viewer: &Viewer, new: Option<Language>) -> Result<SiteLanguage> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|_, tx, _| {
            match new {
                Some(new) => tx.set_site_setting(LANGUAGE, &new)?,
                None => tx.reset_site_setting(LANGUAGE)?,
            }
            tx.audit(&viewer.username, "language of the site changed", now)
        })?;
        self.language()
    }

    /// The quiet hours in force.
    pub(super) fn quiet_hours_in_force(&self, reader: &Reader<'_>) -> Result<Option<Hours>> {
        let set: Option<NewQuietHours> = reader.site_setting(QUIET_HOURS)?;
        Ok(match set {
            Some(set) => set.hours,
            None => self.settings.messages.quiet.clone(),
        })
    }

    /// The quiet hours in force, and what is configured.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn quiet_hours(&self) -> Result<QuietHours> {
        self.store.read(|reader| {
            Ok(QuietHours {
                hours: self.quiet_hours_in_force(reader)?,
                configured: self.settings.messages.quiet.clone(),
                set: reader.site_setting::<NewQuietHours>(QUIET_HOURS)?.is_some(),
            })
        })
    }

    /// Sets other quiet hours than configured (`Some`), or lets those that are configured hold again.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR; `Invalid` when the hours make no sense.
    pub fn set_quiet_hours(&self, viewer: &Viewer, new: Option<&NewQuietHours>) -> Result<QuietHours> {
        must_manage(viewer)?;
        if let Some(hours) = new.and_then(|new| new.hours.as_ref()) {
            if hours.from == hours.to {
                return Err(Error::invalid(
                    "hours",
                    say!(
                        "They begin and end at the same time: no alert would ever go out.",
                        "Jam mulai dan jam selesai sama: tidak akan ada peringatan yang terkirim."
                    ),
                ));
            }
            if hours.days.is_empty() {
                return Err(Error::invalid(
                    "hours",
                    say!(
                        "Give at least one day of the week.",
                        "Pilih paling sedikit satu hari dalam seminggu."
                    ),
                ));
            }
        }
        let now = self.now();
        self.update(|state, tx, changes| {
            match new {
                Some(new) => tx.set_site_setting(QUIET_HOURS, new)?,
                None => tx.reset_site_setting(QUIET_HOURS)?,
            }
            tx.audit(&viewer.username, "quiet hours changed", now)?;
            self.reschedule(state, tx, changes, now)
        })?;
        self.quiet_hours()
    }

    /// When days are final, and how long what is kept, as it is in force.
    pub(super) fn attendance_rules(&self, reader: &Reader<'_>) -> Result<AttendanceRules> {
        let kept: Kept = reader.site_setting(RETENTION)?.unwrap_or_default();
        let days = |set: Option<u32>, configured| set.map_or(configured, |set| TimeDelta::days(set.into()));
        let configured = self.settings.attendance;
        Ok(AttendanceRules {
            keep_sightings: days(kept.sightings_days, configured.keep_sightings),
            keep_days: days(kept.days, configured.keep_days),
            ..configured
        })
    }

    /// What it counts for that somebody was known by their body.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn body_presence(&self) -> Result<BodyPresence> {
        self.store.read(body_presence)
    }

    /// Sets what it counts for: for absences from now on, for attendance from today on.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR.
    pub fn set_body_presence(&self, viewer: &Viewer, patch: BodyPresencePatch) -> Result<BodyPresence> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|state, tx, changes| {
            let before = body_presence(tx)?;
            let set = BodyPresence {
                count_as_worked: patch.count_as_worked.unwrap_or(before.count_as_worked),
                hold_off_absence: patch.hold_off_absence.unwrap_or(before.hold_off_absence),
            };
            tx.set_site_setting(BODY_PRESENCE, &set)?;
            tx.audit(&viewer.username, "presence by body changed", now)?;
            let decisions = state.engine.set_rules(state::rules(tx, &self.settings)?, now);
            self.plan_anew(state, tx, None, now)?;
            self.apply(state, tx, changes, decisions, now)
        })?;
        self.body_presence()
    }

    /// How long what is kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn retention(&self) -> Result<Retention> {
        let rules = self.store.read(|reader| self.attendance_rules(reader))?;
        let configured = self.settings.attendance;
        Ok(Retention {
            keep_sightings_days: rules.keep_sightings.num_days(),
            keep_days: rules.keep_days.num_days(),
            configured: RetentionDays {
                keep_sightings_days: configured.keep_sightings.num_days(),
                keep_days: configured.keep_days.num_days(),
            },
        })
    }

    /// Sets how long what is kept otherwise than configured. What is older is deleted from now on, some of it with every tick.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR; `Invalid` when it makes no sense.
    pub fn set_retention(&self, viewer: &Viewer, patch: &RetentionPatch) -> Result<Retention> {
        must_manage(viewer)?;
        let now = self.now();
        for (field, value, (least, most)) in [
            (
                "keep_sightings_days",
                patch.keep_sightings_days,
                KEEP_SIGHTINGS_DAYS,
            ),
            ("keep_days", patch.keep_days, KEEP_DAYS),
        ] {
            if let Some(Some(days)) = value
                && !(least..=most).contains(&i64::from(days))
            {
                return Err(Error::invalid(
                    field,
                    say!("Give {least} to {most} days.", "Isi {least} sampai {most} hari."),
                ));
            }
        }
        self.update(|state, tx, _| {
            let before: Kept = tx.site_setting(RETENTION)?.unwrap_or_default();
            let kept = Kept {
                sightings_days: patch.keep_sightings_days.unwrap_or(before.sightings_days),
                days: patch.keep_days.unwrap_or(before.days),
            };
            tx.set_site_setting(RETENTION, &kept)?;
            tx.audit(&viewer.username, "retention changed", now)?;
            state.last_forget = None;
            Ok(())
        })?;
        self.retention()
    }
}
