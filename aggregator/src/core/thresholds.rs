//! When somebody is off and absent, at the whole site: as configured, or as it was set on the dashboard.

use chrono::TimeDelta;

use super::Core;
use super::alerts::must_manage;
use super::settings::{Settings, Thresholds};
use super::types::{SiteThresholds, ThresholdsPatch, Viewer};
use crate::error::{Error, Result};
use crate::sentence::say;
use crate::store::Reader;

/// Those in force.
pub(super) fn in_force(reader: &Reader<'_>, settings: &Settings) -> Result<Thresholds> {
    let set = reader.site_thresholds()?;
    let seconds = |set: Option<u32>, configured| set.map_or(configured, |set| TimeDelta::seconds(set.into()));
    Ok(Thresholds {
        off_after: seconds(set.off_after_s, settings.thresholds.off_after),
        absent_after: seconds(set.absent_after_s, settings.thresholds.absent_after),
    })
}

impl Core {
    /// Those in force.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn thresholds(&self) -> Result<Thresholds> {
        self.store.read(|reader| in_force(reader, &self.settings))
    }

    /// What was set otherwise than configured.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn site_thresholds(&self) -> Result<SiteThresholds> {
        self.store.read(|reader| reader.site_thresholds())
    }

    /// Sets them otherwise, or as configured again.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR; `Invalid` when they make no sense, also together with an area's own.
    pub fn set_thresholds(&self, viewer: &Viewer, patch: &ThresholdsPatch) -> Result<SiteThresholds> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|state, tx, changes| {
            let before = tx.site_thresholds()?;
            let set = SiteThresholds {
                off_after_s: patch.off_after_s.unwrap_or(before.off_after_s),
                absent_after_s: patch.absent_after_s.unwrap_or(before.absent_after_s),
            };
            if set.off_after_s.is_some_and(|off| !(1..=3600).contains(&off)) {
                return Err(Error::invalid(
                    "off_after_s",
                    say!("Give 1 to 3600 seconds.", "Isi 1 sampai 3600 detik."),
                ));
            }
            if set
                .absent_after_s
                .is_some_and(|absent| !(2..=86_400).contains(&absent))
            {
                return Err(Error::invalid(
                    "absent_after_s",
                    say!("Give 2 to 86400 seconds.", "Isi 2 sampai 86400 detik."),
                ));
            }
            tx.set_site_thresholds(set)?;
            let site = in_force(tx, &self.settings)?;
            if site.off_after >= site.absent_after {
                return Err(Error::invalid(
                    "absent_after_s",
                    say!(
                        "Give more than the {} seconds after which somebody is off.",
                        "Isi lebih dari {} detik, yaitu saat seseorang dianggap tidak terdeteksi.",
                        site.off_after.num_seconds()
                    ),
                ));
            }
            for area in tx.areas()? {
                let off = area.off_after_s.map_or(site.off_after.num_seconds(), i64::from);
                let absent = area
                    .absent_after_s
                    .map_or(site.absent_after.num_seconds(), i64::from);
                if off >= absent {
                    return Err(Error::invalid(
                        "off_after_s",
                        say!(
                            "In {} somebody would be absent after {absent} seconds and off after {off}: \
                             change that area first.",
                            "Di {} seseorang akan dianggap tidak di tempat setelah {absent} detik dan tidak \
                             terdeteksi setelah {off}: ubah area itu dahulu.",
                            area.name
                        ),
                    ));
                }
            }
            tx.audit(&viewer.username, "thresholds changed", now)?;
            self.take_up_rules(state, tx, changes, now)?;
            Ok(set)
        })
    }
}
