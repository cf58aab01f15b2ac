//! When people have to be there: schedules, holidays, leaves, and the areas' own thresholds.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use hadir_shared::id::{AreaId, EmployeeId};

use super::Core;
use super::alerts::must_manage;
use super::people::{no_id, policy};
use super::state::{self, Changes, Memory};
use super::templates::no_employee;
use super::types::{
    Area, AreaPatch, Ending, Exemption, ExemptionRow, HolidayRow, NewLeave, ScheduleRow, Viewer, When,
};
use crate::error::{Error, Result};
use crate::presence::MEMORY;
use crate::schedule::{Schedule, midnight};
use crate::sentence::say;
use crate::store::{Plans, Reader, Tx};

/// A leave may last so long.
const MAX_LEAVE: TimeDelta = TimeDelta::days(400);

/// More days off than this are a mistake.
const MAX_HOLIDAYS: usize = 1000;

impl Core {
    /// Every schedule, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn schedules(&self, _viewer: &Viewer) -> Result<Vec<ScheduleRow>> {
        self.store.read(|reader| reader.schedules())
    }

    /// Adds a schedule or changes it; it holds for whoever works by it from now on.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid` with what makes no sense.
    pub fn save_schedule(&self, viewer: &Viewer, name: &str, schedule: &Schedule) -> Result<ScheduleRow> {
        must_manage(viewer)?;
        plain_name(name)?;
        schedule
            .check()
            .map_err(|problem| Error::invalid("shifts", problem))?;
        let now = self.now();
        self.update(|state, tx, changes| {
            tx.save_schedule(name, schedule, now)?;
            tx.audit(&viewer.username, &format!("schedule {name} saved"), now)?;
            self.take_up_rules(state, tx, changes, now)?;
            let saved = tx.schedules()?.into_iter().find(|row| row.name == name);
            saved.ok_or_else(|| no_schedule(name))
        })
    }

    /// Deletes a schedule that nobody works by.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Conflict` while somebody works by it.
    pub fn delete_schedule(&self, viewer: &Viewer, name: &str) -> Result<()> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|state, tx, changes| {
            let row = tx.schedules()?.into_iter().find(|row| row.name == name);
            let row = row.ok_or_else(|| no_schedule(name))?;
            if row.employees > 0 {
                return Err(Error::conflict(
                    "name",
                    say!(
                        "{} employees work by the schedule {name}; give them another one first.",
                        "{} karyawan bekerja dengan jadwal {name}; beri mereka jadwal lain dahulu.",
                        row.employees
                    ),
                ));
            }
            tx.delete_schedule(name)?;
            tx.audit(&viewer.username, &format!("schedule {name} deleted"), now)?;
            self.take_up_rules(state, tx, changes, now)
        })
    }

    /// Every holiday, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn holidays(&self, _viewer: &Viewer) -> Result<Vec<HolidayRow>> {
        let holidays = self.store.read(|reader| reader.holidays())?;
        Ok(holidays
            .into_iter()
            .map(|(date, name)| HolidayRow { date, name })
            .collect())
    }

    /// Adds a holiday or calls it otherwise.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid`; `Conflict` when there are too many.
    pub fn save_holiday(&self, viewer: &Viewer, date: NaiveDate, name: &str) -> Result<HolidayRow> {
        must_manage(viewer)?;
        let name = label("name", name, 100)?;
        let now = self.now();
        self.update(|state, tx, changes| {
            if tx.holidays()?.len() >= MAX_HOLIDAYS {
                return Err(Error::conflict(
                    "date",
                    say!(
                        "There are {MAX_HOLIDAYS} holidays already; delete old ones.",
                        "Sudah ada {MAX_HOLIDAYS} hari libur; hapus yang lama."
                    ),
                ));
            }
            tx.save_holiday(date, &name)?;
            tx.audit(&viewer.username, &format!("holiday {date} saved"), now)?;
            self.take_up_rules(state, tx, changes, now)?;
            Ok(HolidayRow { date, name })
        })
    }

    /// The day is none any more.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`.
    pub fn delete_holiday(&self, viewer: &Viewer, date: NaiveDate) -> Result<()> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|state, tx, changes| {
            if !tx.delete_holiday(date)? {
                return Err(Error::not_found(
                    "date",
                    say!("{date} is no holiday.", "{date} bukan hari libur."),
                ));
            }
            tx.audit(&viewer.username, &format!("holiday {date} deleted"), now)?;
            self.take_up_rules(state, tx, changes, now)
        })
    }

    /// Leaves and excuses, of those whom the viewer sees, that have not ended, or not before a day.
    ///
    /// # Errors
    /// When the store cannot be read; `Invalid` for an absurd day.
    pub fn leaves(&self, viewer: &Viewer, since: Option<NaiveDate>) -> Result<Vec<ExemptionRow>> {
        let sight = self.people().sight(viewer);
        let since = since
            .map(|day| self.moment("from", When::Day(day), 0))
            .transpose()?;
        let since = since.unwrap_or_else(|| self.now());
        let mut rows = self.store.read(|reader| reader.exemptions(since))?;
        rows.retain(|row| sight.has(&row.employee));
        for row in &mut rows {
            row.deputy = row.deputy.take().filter(|id| sight.has(id));
        }
        Ok(rows)
    }

    /// Registers a leave. One that is told late holds for days that are final, too: they are flagged with the
    /// difference.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid` with the field that is to blame.
    pub fn add_leave(&self, viewer: &Viewer, new: &NewLeave) -> Result<ExemptionRow> {
        must_manage(viewer)?;
        let now = self.now();
        let reason = new.reason.trim();
        if reason.chars().count() > 200 || reason.chars().any(char::is_control) {
            return Err(Error::invalid(
                "reason",
                say!(
                    "A reason has at most 200 characters, in one line.",
                    "Alasan paling panjang 200 karakter dalam satu baris."
                ),
            ));
        }
        self.update(|state, tx, changes| {
            let employee = registered(tx, "employee", &new.employee)?;
            let calendar = state
                .engine
                .person(&employee)
                .and_then(|facts| facts.terms.schedule)
                .and_then(|name| state.engine.rules().calendars.get(&name));
            let shifts_end = |date: NaiveDate| -> Result<Option<DateTime<Utc>>> {
                // By what was planned, where that is known: they may have worked by another schedule then.
                let known = tx.days_of(&employee, date, date, &mut Plans::new())?.pop();
                let ends: Option<i64> = match known {
                    Some(day) => day.plan.shifts.iter().map(|shift| shift.to).max(),
                    None => calendar
                        .and_then(|calendar| calendar.windows(date).into_iter().map(|shift| shift.to).max()),
                };
                Ok(ends.and_then(DateTime::from_timestamp_millis))
            };
            let (from, to) = self.leave_span(shifts_end, new)?;
            if to <= from {
                return Err(Error::invalid(
                    "to",
                    say!(
                        "A leave ends after it begins.",
                        "Cuti harus berakhir setelah dimulai."
                    ),
                ));
            }
            if to - from > MAX_LEAVE {
                return Err(Error::invalid(
                    "to",
                    say!("A leave lasts at most 400 days.", "Cuti paling lama 400 hari."),
                ));
            }
            if from < now && !self.keeps_watch(self.today(from), now)? {
                return Err(Error::invalid(
                    "from",
                    say!(
                        "Days of so long ago cannot be worked out again. Let the leave begin later, and \
                         correct those days on the page Reports (attendance: on leave).",
                        "Hari yang sudah selama itu tidak dapat dihitung ulang. Mulai cutinya lebih akhir, \
                         dan koreksi hari-hari itu di halaman Laporan (kehadiran: Cuti)."
                    ),
                ));
            }
            let deputy = new
                .deputy
                .as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty());
            let deputy = deputy.map(|text| registered(tx, "deputy", text)).transpose()?;
            if deputy.as_ref() == Some(&employee) {
                return Err(Error::invalid(
                    "deputy",
                    say!(
                        "Nobody is their own deputy; choose somebody else.",
                        "Karyawan tidak dapat menjadi pengganti bagi dirinya sendiri; pilih orang lain."
                    ),
                ));
            }
            let row = ExemptionRow {
                id: 0,
                name: String::new(),
                kind: Exemption::OnLeave,
                from,
                to,
                reason: reason.to_owned(),
                deputy,
                created_by: viewer.username.clone(),
                employee,
            };
            let id = tx.add_exemption(&row, now)?;
            tx.audit(&viewer.username, &format!("leave {id} added"), now)?;
            self.note_past(state, tx, &row, now)?;
            self.take_up_exceptions(state, tx, changes, &row.employee, now)?;
            tx.exemption(id)?.ok_or_else(|| no_leave(id))
        })
    }

    /// Ends a leave or an excuse now, or takes it back as if it had never been.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Conflict` when one that is over is to end, or one to be taken back was so long ago that
    /// its days cannot be worked out without it.
    pub fn end_leave(&self, viewer: &Viewer, id: i64, how: Ending) -> Result<()> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|state, tx, changes| {
            let row = tx.exemption(id)?.ok_or_else(|| no_leave(id))?;
            // Exactly which days were taken back has to be known when its row is gone.
            let days = format!("{} to {}", self.today(row.from), self.today(row.to));
            if row.to <= now && how == Ending::Now {
                return Err(Error::conflict(
                    "id",
                    say!("This leave is over already.", "Cuti ini sudah berakhir."),
                ));
            }
            if row.from >= now {
                tx.end_exemption(id, now)?;
                tx.audit(&viewer.username, &format!("leave {id} taken back, {days}"), now)?;
            } else if how == Ending::Now {
                tx.end_exemption(id, now)?;
                tx.audit(&viewer.username, &format!("leave {id} ended"), now)?;
            } else if self.keeps_watch(self.today(row.from), now)? {
                tx.end_exemption(id, row.from)?;
                tx.audit(&viewer.username, &format!("leave {id} taken back, {days}"), now)?;
                self.note_past(state, tx, &row, now)?;
            } else {
                return Err(Error::conflict(
                    "id",
                    say!(
                        "This leave was so long ago that its days cannot be worked out again; correct them \
                         on the page Reports instead.",
                        "Cuti ini sudah terlalu lama sehingga hari-harinya tidak dapat dihitung ulang; \
                         koreksi hari-hari itu di halaman Laporan."
                    ),
                ));
            }
            self.take_up_exceptions(state, tx, changes, &row.employee, now)
        })
    }

    /// Changes what an area is called, who is responsible for it, and when somebody last seen there is off and
    /// absent.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Invalid` with the field that is to blame.
    pub fn update_area(&self, viewer: &Viewer, id: &AreaId, patch: &AreaPatch) -> Result<Area> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|state, tx, changes| {
            let find = |tx: &Tx<'_>| -> Result<Area> {
                let area = tx.areas()?.into_iter().find(|area| area.id == *id);
                area.ok_or_else(|| {
                    Error::not_found("id", say!("There is no area {id}.", "Tidak ada area {id}."))
                })
            };
            let mut area = find(tx)?;
            if let Some(name) = &patch.name {
                area.name = label("name", name, 100)?;
            }
            if let Some(supervisor) = &patch.supervisor {
                let text = supervisor
                    .as_deref()
                    .map(str::trim)
                    .filter(|text| !text.is_empty());
                area.supervisor = text.map(|text| registered(tx, "supervisor", text)).transpose()?;
            }
            if let Some(name) = &patch.policy {
                area.policy = policy(tx, name.as_deref())?;
            }
            area.off_after_s = patch.off_after_s.unwrap_or(area.off_after_s);
            area.absent_after_s = patch.absent_after_s.unwrap_or(area.absent_after_s);
            let site = super::thresholds::in_force(tx, &self.settings)?;
            let off = area.off_after_s.map_or(site.off_after.num_seconds(), i64::from);
            let absent = area
                .absent_after_s
                .map_or(site.absent_after.num_seconds(), i64::from);
            if !(1..=3600).contains(&off) {
                return Err(Error::invalid(
                    "off_after_s",
                    say!("Give 1 to 3600 seconds.", "Isi 1 sampai 3600 detik."),
                ));
            }
            if absent > 86_400 || absent <= off {
                return Err(Error::invalid(
                    "absent_after_s",
                    say!(
                        "Give more than the {off} seconds after which somebody is off, at most 86400.",
                        "Isi lebih dari {off} detik, yaitu saat seseorang dianggap tidak terdeteksi; paling \
                         banyak 86400."
                    ),
                ));
            }
            tx.change_area(&area)?;
            tx.audit(&viewer.username, &format!("area {id} changed"), now)?;
            self.take_up_rules(state, tx, changes, now)?;
            find(tx)
        })
    }

    /// The rules are read anew from the store.
    pub(super) fn take_up_rules(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let decisions = state.engine.set_rules(state::rules(tx, &self.settings)?, now);
        // Its holidays and schedules are today's, too.
        self.plan_anew(state, tx, None, now)?;
        self.apply(state, tx, changes, decisions, now)
    }

    /// The leaves and excuses of an employee are read anew from the store.
    pub(super) fn take_up_exceptions(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        employee: &EmployeeId,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let Some(facts) = state.engine.person(employee) else {
            return Ok(());
        };
        let mut terms = facts.terms;
        terms.exceptions = tx.exceptions_of(employee, now - MEMORY)?;
        let decisions = state.engine.set_person(employee, terms, now);
        self.apply(state, tx, changes, decisions, now)?;
        changes.status.insert(employee.clone());
        Ok(())
    }

    /// From when to when a leave is. In days, it is of the shifts that begin on them: the night before is worked to its
    /// end, and the last night is off to its end.
    fn leave_span(
        &self,
        shifts_end: impl Fn(NaiveDate) -> Result<Option<DateTime<Utc>>>,
        new: &NewLeave,
    ) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
        let shifts_end = |when: When, days_before: u64| match when {
            When::Day(date) => match date.checked_sub_days(Days::new(days_before)) {
                Some(date) => shifts_end(date),
                None => Ok(None),
            },
            When::Moment(_) => Ok(None),
        };
        let from = self.moment("from", new.from, 0)?;
        // A last day is a day off.
        let to = self.moment("to", new.to, 1)?;
        let later = |at: DateTime<Utc>, shift: Option<DateTime<Utc>>| shift.map_or(at, |ends| at.max(ends));
        Ok((
            later(from, shifts_end(new.from, 1)?),
            later(to, shifts_end(new.to, 0)?),
        ))
    }

    /// A leave was added or taken back: the days that are final and that it touches are held against it.
    fn note_past(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        leave: &ExemptionRow,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut at = leave.from;
        while at < leave.to.min(now) {
            self.note_arrival(state, tx, &leave.employee, at, now)?;
            at += TimeDelta::days(1);
        }
        Ok(())
    }

    /// The moment that was meant: of a day, its midnight, or that of so many days after.
    fn moment(&self, field: &'static str, when: When, days_after: i64) -> Result<DateTime<Utc>> {
        let moment = match when {
            When::Moment(at) => Some(at),
            When::Day(date) => date
                .checked_add_signed(TimeDelta::days(days_after))
                .and_then(|date| midnight(self.settings.timezone, date)),
        };
        let plausible = moment.filter(|at| (*at - self.now()).abs() < MAX_LEAVE * 10);
        plausible.ok_or_else(|| {
            Error::invalid(
                field,
                say!(
                    "This date is too far away; check the year.",
                    "Tanggal ini terlalu jauh; periksa tahunnya."
                ),
            )
        })
    }
}

/// A name that stands in an address.
pub(super) fn plain_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 50 || !name.chars().all(plain) {
        return Err(Error::invalid(
            "name",
            say!(
                "This name has to be made of 1 to 50 letters, digits, `-`, `_` or `.`.",
                "Nama ini harus terdiri dari 1 sampai 50 huruf, angka, `-`, `_` atau `.`."
            ),
        ));
    }
    Ok(())
}

/// A name in one line.
pub(super) fn label(field: &'static str, text: &str, longest: usize) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > longest || text.chars().any(char::is_control) {
        return Err(Error::invalid(
            field,
            say!(
                "A name has 1 to {longest} characters, in one line.",
                "Nama terdiri dari 1 sampai {longest} karakter dalam satu baris."
            ),
        ));
    }
    Ok(text.to_owned())
}

/// The employee that a field names.
pub(super) fn registered(reader: &Reader<'_>, field: &'static str, text: &str) -> Result<EmployeeId> {
    let id = EmployeeId::new(text.trim()).map_err(|error| Error::invalid(field, no_id(&error)))?;
    match reader.employee(&id)? {
        Some(_) => Ok(id),
        None => Err(Error::invalid(field, no_employee(&id).message)),
    }
}

fn no_schedule(name: &str) -> Error {
    Error::not_found(
        "name",
        say!("There is no schedule {name}.", "Tidak ada jadwal {name}."),
    )
}

fn no_leave(id: i64) -> Error {
    Error::not_found("id", say!("There is no leave {id}.", "Tidak ada cuti {id}."))
}
