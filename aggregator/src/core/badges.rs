//! A badge that is in one place while its owner, or the same badge, is in another: somebody lent it or copied it.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::id::{CameraId, EmployeeId};
use hadir_shared::sighting::{Basis, Method, Sighting};

use super::Core;
use super::state::Memory;
use super::types::{BadgeConflict, Role, Viewer};
use crate::error::{Error, Result};
use crate::sentence::say;
use crate::store::Tx;

/// A face elsewhere contradicts a badge if it was there so long before and after: two devices' clocks differ a little,
/// and a door is walked through in a moment.
const SLACK: TimeDelta = TimeDelta::seconds(10);

/// Where each badge was shown last, so that a face elsewhere can be compared without asking the store.
pub(super) type LastShown = HashMap<EmployeeId, Shown>;

/// A badge in front of a camera.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    camera: CameraId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// Records which of these sightings and what is known contradict each other. Cameras of one area may well see the same
/// person at once; those of two areas may not.
pub(super) fn note(
    state: &mut Memory,
    tx: &Tx<'_>,
    sightings: &[&Sighting],
    now: DateTime<Utc>,
) -> Result<()> {
    // While the body that a badge named is followed, the badge itself is not shown.
    let shown = sightings
        .iter()
        .filter(|sighting| sighting.method == Method::Face || sighting.basis == Basis::Face);
    for sighting in shown {
        let Sighting {
            employee,
            camera,
            first_at,
            last_at,
            ..
        } = sighting;
        let elsewhere = |other: &CameraId| {
            let area = |camera: &CameraId| state.cameras.get(camera).map(|row| row.area.clone());
            area(other) != area(camera)
        };
        if sighting.method == Method::Face {
            let shown = state.badges.get(employee);
            if let Some(shown) = shown
                .filter(|s| *first_at <= s.from - SLACK && s.to + SLACK <= *last_at && elsewhere(&s.camera))
            {
                tx.save_badge_conflict(employee, &shown.camera, camera, shown.from, now)?;
            }
            continue;
        }
        for other in tx.seen_elsewhere(employee, *first_at, *last_at, SLACK)? {
            if elsewhere(&other) {
                tx.save_badge_conflict(employee, camera, &other, *first_at, now)?;
            }
        }
        let newer = state
            .badges
            .get(employee)
            .is_none_or(|shown| shown.to <= *last_at);
        if newer {
            let shown = Shown {
                camera: camera.clone(),
                from: *first_at,
                to: *last_at,
            };
            state.badges.insert(employee.clone(), shown);
        }
    }
    Ok(())
}

impl Core {
    /// Badges that were in two places at once, newest first.
    ///
    /// # Errors
    /// `Forbidden` for whoever does not look after badges.
    pub fn badge_conflicts(&self, viewer: &Viewer) -> Result<Vec<BadgeConflict>> {
        match viewer.role {
            Role::Admin | Role::Hr => self.store.read(|reader| reader.badge_conflicts()),
            Role::Technician | Role::Supervisor => Err(Error::forbidden(say!(
                "Only administrators and HR see whose badge was in two places.",
                "Hanya administrator dan HR yang dapat melihat kartu siapa yang berada di dua tempat."
            ))),
        }
    }
}
