//! Alerts: who sees them, and who answers.

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::id::EmployeeId;

use super::Core;
use super::state::{Changes, Memory, Sight};
use super::types::{
    Alert, AlertEvent, AlertFilter, AlertState, CloseReason, Excuse, Exemption, ExemptionRow, Role, Viewer,
    What,
};
use crate::error::{Error, Result};
use crate::sentence::say;
use crate::store::{NewEvent, Reader, Tx};

/// An excuse may last so long.
const MAX_EXCUSE: TimeDelta = TimeDelta::days(31);

/// So many comments an alert has at most: all of them go to whoever looks at it, with every change.
const MAX_COMMENTS: usize = 100;

impl Core {
    /// Alerts of the employees whom the viewer sees, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn alerts(&self, viewer: &Viewer, filter: AlertFilter) -> Result<Vec<Alert>> {
        let sight = self.people().sight(viewer);
        let of = match &sight {
            Sight::Everybody => None,
            Sight::These(ids) => Some(ids),
        };
        self.store.read(|reader| reader.alerts(filter, of))
    }

    /// One alert.
    ///
    /// # Errors
    /// `NotFound`, also where the viewer may not see it.
    pub fn alert(&self, viewer: &Viewer, id: i64) -> Result<Alert> {
        self.store.read(|reader| self.find_alert(reader, viewer, id))
    }

    fn find_alert(&self, reader: &Reader<'_>, viewer: &Viewer, id: i64) -> Result<Alert> {
        let alert = reader
            .alert(id)?
            .filter(|alert| self.may_see(viewer, &alert.employee));
        alert.ok_or_else(|| {
            Error::not_found(
                "id",
                say!("There is no alert {id}.", "Tidak ada peringatan {id}."),
            )
        })
    }

    /// The same for whoever wants to answer it: nobody answers for their own absence but HR and administrators.
    fn find_answerable(&self, reader: &Reader<'_>, viewer: &Viewer, id: i64) -> Result<Alert> {
        let alert = self.find_alert(reader, viewer, id)?;
        if viewer.role == Role::Supervisor && viewer.employee.as_ref() == Some(&alert.employee) {
            return Err(Error::forbidden(say!(
                "This alert is about you; your superior or HR answers it.",
                "Peringatan ini tentang Anda; atasan Anda atau HR yang menjawabnya."
            )));
        }
        refuse_closed(&alert)?;
        Ok(alert)
    }

    /// Somebody has it. The first answer stays; another one changes nothing.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is closed.
    pub fn acknowledge(&self, viewer: &Viewer, id: i64) -> Result<Alert> {
        let now = self.now();
        self.update(|_, tx, changes| {
            let alert = self.find_answerable(tx, viewer, id)?;
            if alert.state == AlertState::Open {
                tx.acknowledge_alert(id, who(viewer), now)?;
                tx.cancel_unsent(id, "It was answered before it went out.", now)?;
                let event = NewEvent {
                    recipient: viewer.employee.as_ref(),
                    ..NewEvent::of(What::Acknowledged)
                };
                tx.add_event(id, now, &event)?;
                tx.audit(&viewer.username, &format!("alert {id} acknowledged"), now)?;
                changes.alerts.insert(id);
            }
            self.find_alert(tx, viewer, id)
        })
    }

    /// Closes an alert, and raises none for the employee until a time.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is closed; `Invalid` when the reason or the end makes no sense.
    pub fn excuse(&self, viewer: &Viewer, id: i64, excuse: Excuse) -> Result<Alert> {
        let now = self.now();
        check_excuse(&excuse, now)?;
        self.update(|state, tx, changes| {
            let alert = self.find_answerable(tx, viewer, id)?;
            self.excuse_alert(state, tx, changes, viewer, &alert, &excuse, now)?;
            self.find_alert(tx, viewer, id)
        })
    }

    /// Notes something on an alert, open or past.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` when there is nothing to note, or too much; `Conflict` when it has enough comments.
    pub fn comment(&self, viewer: &Viewer, id: i64, text: &str) -> Result<Alert> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 500 {
            return Err(Error::invalid(
                "text",
                say!("Write 1 to 500 characters.", "Tulis 1 sampai 500 karakter."),
            ));
        }
        let now = self.now();
        self.update(|_, tx, changes| {
            let alert = self.find_alert(tx, viewer, id)?;
            let commented = |event: &&AlertEvent| event.what == What::Commented;
            if alert.history.iter().filter(commented).count() >= MAX_COMMENTS {
                return Err(Error::conflict(
                    "text",
                    say!(
                        "This alert has 100 notes already; it takes no more.",
                        "Peringatan ini sudah memiliki 100 catatan dan tidak menerima lagi."
                    ),
                ));
            }
            tx.add_comment(id, who(viewer), text, now)?;
            changes.alerts.insert(id);
            self.find_alert(tx, viewer, id)
        })
    }

    /// The same for an excuse that was checked, of an alert that the viewer may answer.
    #[expect(
        clippy::too_many_arguments,
        reason = "state, transaction and changes are one thing in three"
    )]
    pub(super) fn excuse_alert(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        viewer: &Viewer,
        alert: &Alert,
        excuse: &Excuse,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let (id, reason) = (alert.id, excuse.reason.trim());
        tx.cancel_unsent(id, "The absence was excused before it went out.", now)?;
        tx.close_alert(id, CloseReason::Excused, now)?;
        let event = NewEvent {
            recipient: viewer.employee.as_ref(),
            detail: Some(reason),
            ..NewEvent::of(What::Excused)
        };
        tx.add_event(id, now, &event)?;
        tx.audit(&viewer.username, &format!("alert {id} excused"), now)?;
        changes.alerts.insert(id);
        let exemption = ExemptionRow {
            id: 0,
            name: alert.name.clone(),
            kind: Exemption::Excused,
            from: now,
            to: excuse.until,
            reason: reason.to_owned(),
            deputy: None,
            created_by: viewer.username.clone(),
            employee: alert.employee.clone(),
        };
        tx.add_exemption(&exemption, now)?;
        self.take_up_exceptions(state, tx, changes, &exemption.employee, now)
    }

    /// Whether a viewer may see an employee. Never waits for the store.
    pub fn may_see(&self, viewer: &Viewer, employee: &EmployeeId) -> bool {
        self.people().sees(viewer, employee)
    }
}

/// Whether an excuse makes sense.
pub(super) fn check_excuse(excuse: &Excuse, now: DateTime<Utc>) -> Result<()> {
    let reason = excuse.reason.trim();
    if reason.is_empty() || reason.chars().count() > 200 {
        return Err(Error::invalid(
            "reason",
            say!(
                "Give a reason of 1 to 200 characters.",
                "Isi alasan sepanjang 1 sampai 200 karakter."
            ),
        ));
    }
    if excuse.until <= now || excuse.until > now + MAX_EXCUSE {
        return Err(Error::invalid(
            "until",
            say!(
                "Give an end that lies ahead, at most 31 days.",
                "Isi waktu berakhir di masa depan, paling lama 31 hari."
            ),
        ));
    }
    Ok(())
}

fn refuse_closed(alert: &Alert) -> Result<()> {
    match alert.state {
        AlertState::Closed => Err(Error::conflict(
            "id",
            say!(
                "Alert {} is closed; there is nothing left to answer.",
                "Peringatan {} sudah ditutup; tidak ada lagi yang perlu dijawab.",
                alert.id
            ),
        )),
        AlertState::Open | AlertState::Acknowledged => Ok(()),
    }
}

/// Who answers: the employee, else the user.
fn who(viewer: &Viewer) -> &str {
    viewer
        .employee
        .as_ref()
        .map_or(&viewer.username, EmployeeId::as_str)
}

/// Whether a viewer may add, change and delete employees, and enrol them.
pub(super) fn must_manage(viewer: &Viewer) -> Result<()> {
    match viewer.role {
        Role::Admin | Role::Hr => Ok(()),
        Role::Supervisor | Role::Technician => Err(Error::forbidden(say!(
            "Only HR and administrators change this.",
            "Hanya HR dan administrator yang dapat mengubah ini."
        ))),
    }
}
