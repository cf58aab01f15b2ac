//! Employees: who is registered, where they are, and their day.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::id::{AreaId, EmployeeId, InvalidId};

use super::Core;
use super::alerts::must_manage;
use super::phone::e164;
use super::templates::no_employee;
use super::types::{
    Deleted, Employee, EmployeePatch, NewEmployee, Notice, State, StatusRow, Summary, Viewer,
};
use super::users;
use crate::error::{Error, Result};
use crate::presence::{MEMORY, Terms};
use crate::sentence::{Sentence, say};
use crate::store::{EmployeeRecord, Reader};

impl Core {
    /// How many are where, of those whom the viewer sees.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn summary(&self, viewer: &Viewer) -> Result<Summary> {
        let sight = self.people().sight(viewer);
        let mut summary = Summary::default();
        for (id, state) in self.store.read(|reader| reader.states())? {
            if !sight.has(&id) {
                continue;
            }
            summary.total += 1;
            *match state {
                State::Available => &mut summary.present,
                State::Absent => &mut summary.absent,
                State::Off => &mut summary.off,
                State::Unknown => &mut summary.unknown,
                State::Exempt => &mut summary.exempt,
            } += 1;
        }
        Ok(summary)
    }

    /// Everybody whom the viewer sees, most urgent first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn status(&self, viewer: &Viewer) -> Result<Vec<StatusRow>> {
        let now = self.now();
        self.store.read(|reader| self.status_in(reader, viewer, now))
    }

    pub(super) fn status_in(
        &self,
        reader: &Reader<'_>,
        viewer: &Viewer,
        now: DateTime<Utc>,
    ) -> Result<Vec<StatusRow>> {
        let sight = self.people().sight(viewer);
        let mut rows = reader.status(now)?;
        rows.retain(|row| sight.has(&row.employee));
        rows.sort_by_cached_key(|row| {
            // Who is absent the longest comes first; of the others, by name.
            let since = (row.state == State::Absent).then_some(row.last_seen).flatten();
            (
                row.state.urgency(),
                since,
                row.name.to_lowercase(),
                row.employee.clone(),
            )
        });
        Ok(rows)
    }

    /// Who is off or absent, longest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn notices(&self, viewer: &Viewer) -> Result<Vec<Notice>> {
        let mut rows = self.status(viewer)?;
        rows.retain(|row| matches!(row.state, State::Off | State::Absent));
        rows.sort_by_key(|row| Reverse(row.seconds_since));
        let notice = |row: StatusRow| Notice {
            employee: row.employee,
            name: row.name,
            state: row.state,
            since: row.since,
            last_seen: row.last_seen,
            camera: row.camera,
        };
        Ok(rows.into_iter().map(notice).collect())
    }

    /// Everybody whom the viewer sees, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn employees(&self, viewer: &Viewer) -> Result<Vec<Employee>> {
        let sight = self.people().sight(viewer);
        let mut employees = self.store.read(|reader| reader.employees())?;
        employees.retain(|employee| sight.has(&employee.id));
        Ok(employees)
    }

    /// One employee.
    ///
    /// # Errors
    /// `NotFound`, also where the viewer may not see them.
    pub fn employee(&self, viewer: &Viewer, id: &EmployeeId) -> Result<Employee> {
        let seen = self.may_see(viewer, id);
        let employee = self.store.read(|reader| reader.employee(id))?;
        employee.filter(|_| seen).ok_or_else(|| no_employee(id))
    }

    /// An employee's name; `None` when there is no such employee, or the viewer may not see them. Never waits
    /// for the store.
    pub fn name_of(&self, viewer: &Viewer, id: &EmployeeId) -> Option<String> {
        let people = self.people();
        people
            .name(id)
            .filter(|_| people.sees(viewer, id))
            .map(str::to_owned)
    }

    /// Registers an employee.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid` or `Conflict` with the field that is to blame.
    pub fn create_employee(&self, viewer: &Viewer, new: NewEmployee) -> Result<Employee> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|state, tx, changes| {
            let id = match new.id.as_deref().map(str::trim).filter(|id| !id.is_empty()) {
                Some(id) => EmployeeId::new(id).map_err(|error| Error::invalid("id", no_id(&error)))?,
                None => next_id(tx)?,
            };
            if tx.employee(&id)?.is_some() {
                return Err(Error::conflict(
                    "id",
                    say!("There is an employee {id} already.", "Karyawan {id} sudah ada."),
                ));
            }
            let record = EmployeeRecord {
                name: name(&new.name)?,
                supervisor: superior(tx, &id, new.supervisor.as_deref())?,
                areas: areas(&new.areas)?,
                phone: self.phone(new.phone.as_deref())?,
                email: email(new.email.as_deref())?,
                badge: badge(tx, &id, new.badge.as_deref())?,
                language: new.language.map_or_else(|| self.language_in_force(tx), Ok)?,
                role_title: title(new.role_title.as_deref())?,
                schedule: schedule(tx, new.schedule.as_deref())?,
                policy: policy(tx, new.policy.as_deref())?,
                consent: consent(new.consent, now)?,
                id: id.clone(),
            };
            tx.register(&record, now)?;
            if record.badge.is_some() {
                changes.gallery = Some(tx.next_gallery()?);
            }
            tx.audit(&viewer.username, &format!("employee {id} added"), now)?;
            let terms = terms(tx, &record, now)?;
            self.plan_anew(state, tx, Some(&id), now)?;
            let decisions = state.engine.set_person(&id, terms, now);
            self.apply(state, tx, changes, decisions, now)?;
            changes.people = true;
            changes.status.insert(id.clone());
            tx.employee(&id)?.ok_or_else(|| no_employee(&id))
        })
    }

    /// Changes an employee. Withdrawing the consent erases their templates.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Invalid` or `Conflict` with the field that is to blame.
    pub fn update_employee(
        &self,
        viewer: &Viewer,
        id: &EmployeeId,
        patch: EmployeePatch,
    ) -> Result<Employee> {
        must_manage(viewer)?;
        let now = self.now();
        let (employee, erased) = self.update(|state, tx, changes| {
            let before = tx.employee(id)?.ok_or_else(|| no_employee(id))?;
            let had_schedule = before.schedule.clone();
            let had_badge = before.badge.clone();
            let record = EmployeeRecord {
                id: id.clone(),
                name: match &patch.name {
                    Some(new) => name(new)?,
                    None => before.name,
                },
                supervisor: match &patch.supervisor {
                    Some(new) => superior(tx, id, new.as_deref())?,
                    None => before.supervisor,
                },
                areas: match &patch.areas {
                    Some(new) => areas(new)?,
                    None => before.areas.clone(),
                },
                phone: match &patch.phone {
                    Some(new) => self.phone(new.as_deref())?,
                    None => before.phone,
                },
                email: match &patch.email {
                    Some(new) => email(new.as_deref())?,
                    None => before.email,
                },
                badge: match &patch.badge {
                    Some(new) => badge(tx, id, new.as_deref())?,
                    None => before.badge,
                },
                language: patch.language.unwrap_or(before.language),
                role_title: match &patch.role_title {
                    Some(new) => title(new.as_deref())?,
                    None => before.role_title,
                },
                schedule: match &patch.schedule {
                    Some(new) => schedule(tx, new.as_deref())?,
                    None => before.schedule,
                },
                policy: match &patch.policy {
                    Some(new) => policy(tx, new.as_deref())?,
                    None => before.policy,
                },
                consent: match patch.consent {
                    Some(new) => consent(new, now)?,
                    None => before.consent,
                },
            };
            tx.change(&record, now)?;
            let erased = if record.consent.is_none() {
                tx.delete_templates(id)?
            } else {
                0
            };
            let moved = record.areas != before.areas && (before.photos > 0 || record.badge.is_some());
            if erased > 0 || moved || record.badge != had_badge {
                changes.gallery = Some(tx.next_gallery()?);
            }
            tx.audit(&viewer.username, &format!("employee {id} changed"), now)?;
            let terms = terms(tx, &record, now)?;
            if record.schedule != had_schedule {
                self.plan_anew(state, tx, Some(id), now)?;
            }
            let decisions = state.engine.set_person(id, terms, now);
            self.apply(state, tx, changes, decisions, now)?;
            changes.people = true;
            changes.status.insert(id.clone());
            Ok((tx.employee(id)?.ok_or_else(|| no_employee(id))?, erased))
        })?;
        if erased > 0 {
            self.erase_traces();
        }
        Ok(employee)
    }

    /// Deletes an employee, their templates, sightings and attendance; nothing of the templates is left in any
    /// file of the store. Whoever had them as superior gets theirs.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Conflict` when no administrator would be left.
    pub fn delete_employee(&self, viewer: &Viewer, id: &EmployeeId) -> Result<Deleted> {
        must_manage(viewer)?;
        let now = self.now();
        let deleted = self.update(|state, tx, changes| {
            let employee = tx.employee(id)?.ok_or_else(|| no_employee(id))?;
            users::may_go_with(tx, viewer, id)?;
            let templates = tx.template_count(id)?;
            tx.delete_employee(id)?;
            let known = templates > 0 || employee.badge.is_some();
            let gallery_version = if known {
                tx.next_gallery()?
            } else {
                tx.gallery_version()?
            };
            // The record names no deleted person.
            tx.audit(&viewer.username, "an employee deleted", now)?;
            state.engine.remove_person(id);
            state.stretches.forget(id);
            changes.gallery = known.then_some(gallery_version);
            changes.people = true;
            let devices = tx.agents()?.len() as u64;
            Ok(Deleted {
                deleted: id.clone(),
                templates,
                gallery_version,
                devices,
            })
        })?;
        self.erase_traces();
        Ok(deleted)
    }

    pub(super) fn phone(&self, text: Option<&str>) -> Result<Option<String>> {
        match text.map(str::trim).filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => match e164(text, &self.settings.country_code) {
                Some(phone) => Ok(Some(phone)),
                None => Err(Error::invalid(
                    "phone",
                    say!(
                        "This is no phone number: write it like 0812-3456-7890 or +62 812 3456 7890.",
                        "Ini bukan nomor telepon: tulis seperti 0812-3456-7890 atau +62 812 3456 7890."
                    ),
                )),
            },
        }
    }
}

pub(super) fn email(text: Option<&str>) -> Result<Option<String>> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match text.parse::<lettre::Address>() {
        Ok(address) if text.is_ascii() && text.len() <= 254 => Ok(Some(address.to_string())),
        _ => Err(Error::invalid(
            "email",
            say!(
                "This is no e-mail address: write it like sari@example.com.",
                "Ini bukan alamat e-mail: tulis seperti sari@example.com."
            ),
        )),
    }
}

/// What is wrong with a text that should be an id.
pub(super) fn no_id(error: &InvalidId) -> Sentence {
    let (text, allowed) = (error.text(), error.allowed().replace(" and ", " dan "));
    say!(
        "{error}.",
        "`{text}` bukan id: gunakan 1 sampai 64 dari {allowed}, diawali huruf atau angka."
    )
}

fn next_id(reader: &Reader<'_>) -> Result<EmployeeId> {
    let used: Vec<u64> = reader
        .superiors()?
        .iter()
        .filter_map(|(id, _)| id.as_str().strip_prefix("EMP")?.parse().ok())
        .collect();
    let next = used.into_iter().max().unwrap_or(0).saturating_add(1);
    EmployeeId::new(format!("EMP{next:03}")).map_err(|error| Error::internal(format!("{error}.")))
}

pub(super) fn name(text: &str) -> Result<String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Error::invalid(
            "name",
            say!(
                "A name has 1 to 100 characters, in one line.",
                "Nama terdiri dari 1 sampai 100 karakter dalam satu baris."
            ),
        ));
    }
    Ok(name.to_owned())
}

pub(super) fn title(text: Option<&str>) -> Result<Option<String>> {
    let Some(title) = text.map(str::trim).filter(|title| !title.is_empty()) else {
        return Ok(None);
    };
    if title.chars().count() > 100 || title.chars().any(char::is_control) {
        return Err(Error::invalid(
            "role_title",
            say!(
                "A title has at most 100 characters, in one line.",
                "Jabatan paling panjang 100 karakter dalam satu baris."
            ),
        ));
    }
    Ok(Some(title.to_owned()))
}

fn schedule(reader: &Reader<'_>, text: Option<&str>) -> Result<Option<String>> {
    let known = reader.schedules()?.into_iter().map(|row| row.name);
    one_of("schedule", text, &known.collect::<Vec<_>>())
}

pub(super) fn policy(reader: &Reader<'_>, text: Option<&str>) -> Result<Option<String>> {
    let known = reader.policies()?.into_iter().map(|row| row.name);
    one_of("policy", text, &known.collect::<Vec<_>>())
}

pub(super) fn one_of(field: &'static str, text: Option<&str>, known: &[String]) -> Result<Option<String>> {
    let Some(name) = text.map(str::trim).filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    if known.iter().any(|one| one == name) {
        return Ok(Some(name.to_owned()));
    }
    let noun = if field == "policy" { "kebijakan" } else { "jadwal" };
    Err(Error::invalid(
        field,
        if known.is_empty() {
            say!(
                "There is no {field} {name}; there is none yet.",
                "Tidak ada {noun} {name}; belum ada satu pun."
            )
        } else {
            say!(
                "There is no {field} {name}; there are {}.",
                "Tidak ada {noun} {name}; yang ada: {}.",
                known.join(", ")
            )
        },
    ))
}

/// When a registered employee has to be there.
pub(super) fn terms(reader: &Reader<'_>, record: &EmployeeRecord, now: DateTime<Utc>) -> Result<Terms> {
    Ok(Terms {
        schedule: record.schedule.clone(),
        exceptions: reader.exceptions_of(&record.id, now - MEMORY)?,
    })
}

fn badge(reader: &Reader<'_>, id: &EmployeeId, text: Option<&str>) -> Result<Option<String>> {
    let Some(badge) = text.map(str::trim).filter(|badge| !badge.is_empty()) else {
        return Ok(None);
    };
    if badge.len() > 64 || badge.chars().any(char::is_control) {
        return Err(Error::invalid(
            "badge",
            say!(
                "A badge number has at most 64 characters.",
                "Nomor kartu paling panjang 64 karakter."
            ),
        ));
    }
    match reader.employee_of_badge(badge)? {
        Some(other) if other != *id => Err(Error::conflict(
            "badge",
            say!(
                "This badge belongs to employee {other}.",
                "Kartu ini milik karyawan {other}."
            ),
        )),
        _ => Ok(Some(badge.to_owned())),
    }
}

pub(super) fn areas(texts: &[String]) -> Result<Vec<AreaId>> {
    let parse =
        |text: &String| AreaId::new(text.trim()).map_err(|error| Error::invalid("areas", no_id(&error)));
    let mut areas = texts.iter().map(parse).collect::<Result<Vec<_>>>()?;
    areas.sort();
    areas.dedup();
    Ok(areas)
}

pub(super) fn consent(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
    match at {
        Some(at) if at > now + TimeDelta::days(1) => Err(Error::invalid(
            "consent",
            say!(
                "The consent lies in the future.",
                "Tanggal persetujuan ini belum tiba."
            ),
        )),
        at => Ok(at),
    }
}

/// The superior of `id`, who must exist and not be below `id`.
fn superior(reader: &Reader<'_>, id: &EmployeeId, text: Option<&str>) -> Result<Option<EmployeeId>> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let top = EmployeeId::new(text).map_err(|error| Error::invalid("supervisor", no_id(&error)))?;
    if top == *id {
        return Err(Error::invalid(
            "supervisor",
            say!(
                "Nobody is their own superior; choose somebody else.",
                "Karyawan tidak dapat menjadi atasan bagi dirinya sendiri; pilih orang lain."
            ),
        ));
    }
    let Some(found) = reader.employee(&top)? else {
        return Err(Error::invalid(
            "supervisor",
            say!("There is no employee {top}.", "Tidak ada karyawan {top}."),
        ));
    };
    if reader.above(&top)?.contains(id) {
        return Err(Error::invalid(
            "supervisor",
            say!(
                "{} stands below this employee; that would be a circle.",
                "{} berada di bawah karyawan ini; susunannya akan melingkar.",
                found.name
            ),
        ));
    }
    Ok(Some(top))
}
