//! A message to try whether messages arrive: how it stands now, as a digest tells it, to one employee.

use hadir_shared::id::EmployeeId;

use super::Core;
use super::alerts::must_manage;
use super::types::{AttendanceQuery, Language, MessageRow, Of, Role, Viewer};
use crate::error::{Error, Result};
use crate::notify::Channel;
use crate::notify::digest::{self, Digest};
use crate::sentence::say;
use crate::store::NewMessage;

impl Core {
    /// Queues a test message to an employee by WhatsApp, whether it is quiet or not; gives its id. It tells what that
    /// employee may see.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR; `Conflict` when WhatsApp is not configured; `Invalid` when there is no
    /// such employee, or they have no phone number.
    pub fn send_test_message(&self, viewer: &Viewer, employee: &EmployeeId) -> Result<MessageRow> {
        must_manage(viewer)?;
        if !self.has(Channel::Whatsapp) {
            return Err(Error::conflict(
                "employee",
                say!(
                    "WhatsApp is not configured; add a [whatsapp] section to aggregator.toml.",
                    "WhatsApp belum diatur; tambahkan bagian [whatsapp] di aggregator.toml."
                ),
            ));
        }
        let now = self.now();
        let id = self.update(|state, tx, changes| {
            let person = tx.employee(employee)?;
            let person = person.ok_or_else(|| {
                Error::invalid(
                    "employee",
                    say!(
                        "There is no employee {employee}.",
                        "Tidak ada karyawan {employee}."
                    ),
                )
            })?;
            let Some(phone) = &person.phone else {
                return Err(Error::invalid(
                    "employee",
                    say!(
                        "{} has no phone number.",
                        "{} tidak memiliki nomor telepon.",
                        person.name
                    ),
                ));
            };
            state.stretches.write(tx, usize::MAX, now)?;
            let sees = Viewer {
                role: match tx.role_of(employee)? {
                    Some(role @ (Role::Admin | Role::Hr)) => role,
                    _ => Role::Supervisor,
                },
                employee: Some(employee.clone()),
                username: "test message".to_owned(),
            };
            let status = self.status_in(tx, &sees, now)?;
            let date = self.today(now);
            let query = AttendanceQuery {
                from: date,
                to: date,
                of: Of::Everybody,
            };
            let report = self.attendance_in(tx, &sees, &query)?;
            let day = report.of_one_day();
            let of = match person.language {
                Language::Id => format!("Uji coba: {}", self.settings.name),
                Language::En => format!("Test: {}", self.settings.name),
            };
            let told = Digest {
                of: &of,
                due: now,
                status: &status,
                day: &day,
            };
            let message = NewMessage {
                dedup: format!("test/{}/{employee}", now.timestamp_millis()),
                alert: None,
                recipient: Some(employee),
                channel: Channel::Whatsapp,
                address: phone,
                language: person.language,
                draft: digest::draft(&told, person.language, self.settings.timezone, now),
                report: None,
            };
            tx.audit(&viewer.username, &format!("test message to {employee}"), now)?;
            let queued = self.queue_at(tx, changes, &message, now, now)?;
            queued.ok_or_else(|| {
                Error::conflict(
                    "employee",
                    say!(
                        "A test message is on its way already.",
                        "Pesan uji sedang dikirim; tunggu sebentar."
                    ),
                )
            })
        })?;
        self.message_state(viewer, id)
    }

    /// How far a message has come.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR; `NotFound`.
    pub fn message_state(&self, viewer: &Viewer, id: i64) -> Result<MessageRow> {
        must_manage(viewer)?;
        let row = self.store.read(|reader| reader.message_row(id))?;
        row.ok_or_else(|| Error::not_found("id", say!("There is no message {id}.", "Tidak ada pesan {id}.")))
    }
}
