//! Quiet time: the site's quiet hours, and silences for maintenance.

use chrono::{DateTime, TimeDelta, Utc};

use super::Core;
use super::alerts::must_manage;
use super::state::{Changes, Memory};
use super::types::{Banner, Level, NewSilence, Silence, Viewer};
use crate::error::{Error, Result};
use crate::escalation::QuietTime;
use crate::sentence::say;
use crate::store::{Reader, Tx};

/// The longest silence.
const MAX_SILENCE: TimeDelta = TimeDelta::days(7);

/// The banner while there is silence.
const SILENCE: &str = "silence";

impl Core {
    /// When no message goes out, as far as it still matters.
    pub(super) fn quiet(&self, reader: &Reader<'_>, now: DateTime<Utc>) -> Result<QuietTime> {
        let silences = reader.silences(now - MAX_SILENCE)?;
        Ok(QuietTime {
            zone: self.settings.timezone,
            hours: self.quiet_hours_in_force(reader)?,
            silences: silences.into_iter().map(|one| (one.from, one.until)).collect(),
        })
    }

    /// The silence that there is now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn silence(&self) -> Result<Option<Silence>> {
        let now = self.now();
        let silences = self.store.read(|reader| reader.silences(now))?;
        Ok(silences.into_iter().find(|one| one.from <= now))
    }

    /// Lets no message go out until a time, instead of the silence that there is. Absences are recorded meanwhile, and
    /// climbs stand still.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR; `Invalid` when the reason or the end makes no sense.
    pub fn begin_silence(&self, viewer: &Viewer, new: &NewSilence) -> Result<Silence> {
        must_manage(viewer)?;
        let now = self.now();
        let reason = new.reason.trim();
        if reason.is_empty() || reason.chars().count() > 200 {
            return Err(Error::invalid(
                "reason",
                say!(
                    "Give a reason of 1 to 200 characters.",
                    "Isi alasan sepanjang 1 sampai 200 karakter."
                ),
            ));
        }
        if new.until <= now || new.until > now + MAX_SILENCE {
            return Err(Error::invalid(
                "until",
                say!(
                    "Give an end that lies ahead, at most 7 days.",
                    "Isi waktu berakhir di masa depan, paling lama 7 hari."
                ),
            ));
        }
        let silence = Silence {
            from: now,
            until: new.until,
            reason: reason.to_owned(),
            created_by: viewer.username.clone(),
        };
        self.update(|state, tx, changes| {
            tx.end_silence(now)?;
            tx.add_silence(&silence, now)?;
            tx.audit(&viewer.username, "silence began", now)?;
            state.silence_until = Some(silence.until);
            self.reschedule(state, tx, changes, now)
        })?;
        self.show_silence()?;
        Ok(silence)
    }

    /// Ends the silence that there is now; without one, changes nothing.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR.
    pub fn end_silence(&self, viewer: &Viewer) -> Result<()> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|state, tx, changes| {
            if tx.end_silence(now)? > 0 {
                tx.audit(&viewer.username, "silence ended", now)?;
            }
            state.silence_until = None;
            self.reschedule(state, tx, changes, now)
        })?;
        self.show_silence()
    }

    /// It is quiet at other times than before: what waits for its end waits for another one.
    pub(super) fn reschedule(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        now: DateTime<Utc>,
    ) -> Result<()> {
        state.next_digest = None;
        changes.queued = true;
        let due = self.quiet(tx, now)?.after(now, TimeDelta::zero());
        tx.reschedule_alerts(now + self.settings.messages.group, due)?;
        for alert in tx.open_alerts()? {
            self.escalate(state, tx, changes, alert, now)?;
        }
        Ok(())
    }

    /// Raises or clears the banner.
    pub(super) fn show_silence(&self) -> Result<()> {
        match self.silence()? {
            Some(silence) => {
                let until = silence
                    .until
                    .with_timezone(&self.settings.timezone)
                    .format("%Y-%m-%d %H:%M");
                self.raise_banner(Banner {
                    key: SILENCE,
                    level: Level::Warning,
                    message: say!(
                        "Silence until {until}: no message goes out ({}).",
                        "Senyap sampai {until}: tidak ada pesan yang keluar ({}).",
                        silence.reason
                    ),
                });
            }
            None => self.clear_banner(SILENCE),
        }
        Ok(())
    }
}
