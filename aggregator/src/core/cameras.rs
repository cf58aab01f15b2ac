//! What is done to a camera from the dashboard: another name, another use; and the record of pictures that were kept.

use chrono::{DateTime, Utc};
use hadir_shared::id::{CameraId, EmployeeId};

use super::Core;
use super::alerts::must_manage;
use super::schedules::label;
use super::templates::no_employee;
use super::types::{Camera, CameraPatch, Event, Role, Viewer};
use crate::error::{Error, Result};
use crate::sentence::say;
use crate::store::{Reader, Tx};

impl Core {
    /// Calls a camera otherwise, or uses it otherwise. Of the use, its device is told; the camera's row says it when the
    /// device has done it.
    ///
    /// # Errors
    /// `Forbidden` but for administrators, HR and technicians; `NotFound`; `Invalid` name; `Conflict` when the device is
    /// not connected and so cannot be told.
    pub fn update_camera(&self, viewer: &Viewer, id: &CameraId, patch: &CameraPatch) -> Result<Camera> {
        if viewer.role == Role::Supervisor {
            return Err(Error::forbidden(say!(
                "Only administrators, HR and technicians change cameras.",
                "Hanya administrator, HR dan teknisi yang dapat mengubah kamera."
            )));
        }
        let now = self.now();
        let name = match &patch.label {
            Some(Some(text)) => Some(Some(label("label", text, 100)?)),
            Some(None) => Some(None),
            None => None,
        };
        let changed = self.update(|state, tx, changes| {
            let camera = find(tx, id)?;
            if patch.mode.is_some() && !state.agents.get(&camera.agent).is_some_and(|agent| agent.online) {
                return Err(Error::conflict(
                    "mode",
                    say!(
                        "The device {} is not connected, so it cannot be told; try again when it is back.",
                        "Perangkat {} tidak tersambung sehingga tidak dapat diberi tahu; coba lagi setelah \
                         tersambung.",
                        camera.agent
                    ),
                ));
            }
            if let Some(name) = &name {
                tx.name_camera(id, name.as_deref())?;
                record(tx, viewer, &format!("camera {id} renamed"), now)?;
            }
            if let Some(mode) = patch.mode {
                record(
                    tx,
                    viewer,
                    &format!("camera {id} switched to {}", mode.as_str()),
                    now,
                )?;
            }
            changes.cameras.insert(id.clone());
            find(tx, id)
        })?;
        if let Some(mode) = patch.mode {
            self.publish_event(Event::CameraMode {
                agent: changed.agent.clone(),
                camera: id.clone(),
                mode,
            });
        }
        Ok(changed)
    }

    /// Somebody looks at the face of whoever stands before a camera, to enrol them.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR; `NotFound`; `Conflict` when the employee has not consented.
    pub fn begin_enrolment(&self, viewer: &Viewer, employee: &EmployeeId, id: &CameraId) -> Result<()> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|_, tx, _| {
            find(tx, id)?;
            let person = tx.employee(employee)?.ok_or_else(|| no_employee(employee))?;
            if person.consent.is_none() {
                return Err(Error::conflict(
                    "enrol",
                    say!(
                        "{} has not consented to face recognition.",
                        "{} belum menyetujui pengenalan wajah.",
                        person.name
                    ),
                ));
            }
            record(
                tx,
                viewer,
                &format!("employee {employee} enrolled at camera {id}"),
                now,
            )
        })
    }

    /// Somebody keeps a picture of the live view.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR; `NotFound`.
    pub fn note_snapshot(&self, viewer: &Viewer, id: &CameraId) -> Result<()> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|_, tx, _| {
            find(tx, id)?;
            record(tx, viewer, &format!("picture of camera {id} kept"), now)
        })
    }
}

fn record(tx: &Tx<'_>, viewer: &Viewer, what: &str, now: DateTime<Utc>) -> Result<()> {
    tx.audit(&viewer.username, what, now)
}

fn find(reader: &Reader<'_>, id: &CameraId) -> Result<Camera> {
    reader
        .camera(id)?
        .ok_or_else(|| Error::not_found("id", say!("There is no camera {id}.", "Tidak ada kamera {id}.")))
}
