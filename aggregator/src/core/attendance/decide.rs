//! A day with everything behind it, and what HR decides about it.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use hadir_shared::id::EmployeeId;

use super::report::told;
use super::settle::areas_of;
use super::{Bench, Worked, after, before, moment};
use crate::attendance::{Correction, Evidence, Outcome, Record, ShiftDay, Span, State, Status};
use crate::core::Core;
use crate::core::alerts::must_manage;
use crate::core::types::{
    AttendanceDay, AttendanceDecision, AttendanceLeave, AttendanceOutcome, AttendanceSeen, AttendanceShift,
    CorrectionBody, Decision, DecisionRow, DifferenceRow, NewDecision, TimeSpan, Viewer,
};
use crate::error::{Error, Result};
use crate::sentence::say;
use crate::store::{DayRow, Reader, Tx};

/// Nobody works longer on one day.
const MAX_FIGURE: i64 = 48 * 3600;

/// So many differences are told at once.
const MAX_DIFFERENCES: usize = 1000;

impl Core {
    /// A day of an employee with everything behind it.
    ///
    /// # Errors
    /// `NotFound` when the viewer sees no such employee, or there is no such day of theirs.
    pub fn attendance_day(
        &self,
        viewer: &Viewer,
        employee: &EmployeeId,
        date: NaiveDate,
    ) -> Result<AttendanceDay> {
        self.write_all_stretches()?;
        self.store
            .read(|reader| self.attendance_day_in(reader, viewer, employee, date))
    }

    fn attendance_day_in(
        &self,
        reader: &Reader<'_>,
        viewer: &Viewer,
        employee: &EmployeeId,
        date: NaiveDate,
    ) -> Result<AttendanceDay> {
        let person = reader.employee(employee)?;
        let person = person.filter(|_| self.people().sees(viewer, employee));
        let person = person.ok_or_else(|| no_employee(employee))?;
        let mut bench = Bench::new(reader, &self.settings, date, date, self.now())?;
        bench.tells_bodies = true;
        let days = bench.days(reader, employee, &person.areas, date, date)?;
        let Some((row, worked)) = days.into_iter().next() else {
            return Err(no_day(&person.name, date));
        };
        let (evidence, rules) = match &worked {
            Some(worked) => (bench.keep(worked, &person.areas).1, worked.plan.rules),
            None => (
                reader.evidence(employee, date)?.unwrap_or_default(),
                row.plan.rules,
            ),
        };
        let told = told(employee, &row, worked.as_ref())?;
        let would_be = row
            .settled
            .as_ref()
            .and_then(|settled| settled.difference.as_ref());
        let decisions = reader.decisions(employee, date)?;
        Ok(AttendanceDay {
            name: person.name,
            row: told,
            rules,
            shifts: shifts(&row, &evidence),
            seen: evidence
                .stretches
                .iter()
                .filter_map(|seen| {
                    Some(AttendanceSeen {
                        span: span((seen.from, seen.to))?,
                        first_camera: seen.first_camera.clone(),
                        last_camera: seen.last_camera.clone(),
                        methods: seen.methods.clone(),
                        by_body: spans(&seen.by_body),
                    })
                })
                .collect(),
            unobserved: spans(&evidence.unobserved),
            leaves: leaves(&evidence),
            would_be: would_be.map(outcome),
            decisions: decisions.iter().map(decision).collect(),
        })
    }

    /// The final days for which something arrived that makes a difference, of those whom the viewer sees.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn attendance_differences(&self, viewer: &Viewer) -> Result<Vec<DifferenceRow>> {
        self.store.read(|reader| {
            let mut rows = Vec::new();
            let people = self.people();
            for (employee, date) in reader.differences()? {
                if rows.len() == MAX_DIFFERENCES {
                    break;
                }
                let Some(name) = people.name(&employee).filter(|_| people.sees(viewer, &employee)) else {
                    continue;
                };
                let record = reader.record(&employee, date)?;
                if let Some((record, would_be)) = record.and_then(|mut record| {
                    let would_be = record.difference.take()?;
                    Some((record, would_be))
                }) {
                    rows.push(DifferenceRow {
                        name: name.to_owned(),
                        employee,
                        date,
                        is: outcome(&record.outcome),
                        would_be: outcome(&would_be),
                    });
                }
            }
            Ok(rows)
        })
    }

    /// HR decides about a day.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound` for an employee who is not registered (any more) or a day that is not theirs; `Invalid`
    /// with the field that is to blame; `Conflict` when there is nothing to decide.
    pub fn decide_attendance(
        &self,
        viewer: &Viewer,
        employee: &EmployeeId,
        date: NaiveDate,
        new: &NewDecision,
    ) -> Result<AttendanceDay> {
        must_manage(viewer)?;
        let now = self.now();
        let reason = new.reason.trim();
        if reason.is_empty() || reason.chars().count() > 200 || reason.chars().any(char::is_control) {
            return Err(Error::invalid(
                "reason",
                say!(
                    "Say why, in 1 to 200 characters in one line.",
                    "Tulis alasannya, 1 sampai 200 karakter dalam satu baris."
                ),
            ));
        }
        if date > self.today(now) {
            return Err(Error::invalid(
                "date",
                say!("{date} has not begun.", "{date} belum dimulai."),
            ));
        }
        let correction = self.correction(date, new)?;
        if new.what == Decision::Accepted && self.difference_grew(employee, date, now)? {
            return Err(Error::conflict(
                "what",
                say!(
                    "More has arrived meanwhile: look at the difference again before you accept it.",
                    "Sementara itu ada data baru: periksa lagi selisihnya sebelum Anda menerimanya."
                ),
            ));
        }
        self.update(|state, tx, _| {
            state.stretches.write(tx, usize::MAX, now)?;
            let name = match tx.employee(employee)? {
                Some(person) => person.name,
                None => return Err(no_employee(employee)),
            };
            let mut plans = crate::store::Plans::new();
            let rows = tx.days_of(employee, before(date), after(date), &mut plans)?;
            let Some(row) = rows.iter().find(|row| row.date == date) else {
                return Err(no_day(&name, date));
            };
            let record = tx.record(employee, date)?;
            let earlier = tx.decisions(employee, date)?;
            let made = DecisionRow {
                at: now,
                who: viewer.username.clone(),
                what: new.what,
                reason: reason.to_owned(),
                correction: correction.clone(),
                before: record.as_ref().map(|record| record.outcome.clone()),
            };
            match new.what {
                Decision::Corrected => {
                    tx.add_decision(employee, date, &made)?;
                }
                Decision::Withdrawn => {
                    let corrected = match &record {
                        Some(record) => record.state() == State::Corrected,
                        None => tx.correction(employee, date)?.is_some(),
                    };
                    if !corrected {
                        return Err(Error::conflict(
                            "what",
                            say!("This day was not corrected.", "Hari itu tidak pernah dikoreksi."),
                        ));
                    }
                    tx.add_decision(employee, date, &made)?;
                }
                Decision::Accepted | Decision::Dismissed => {
                    let none = || {
                        Error::conflict(
                            "what",
                            say!(
                                "There is no difference to decide on.",
                                "Tidak ada selisih yang perlu diputuskan."
                            ),
                        )
                    };
                    let mut record = record.clone().ok_or_else(none)?;
                    let decided = match new.what {
                        Decision::Accepted => record.accept(),
                        _ => record.dismiss(),
                    };
                    if !decided {
                        return Err(none());
                    }
                    tx.add_decision(employee, date, &made)?;
                    let fresh = match new.what == Decision::Accepted && self.keeps_watch(date, now)? {
                        true => Some(self.work_again(tx, employee, &rows, row)?),
                        false => None,
                    };
                    let fresh = fresh
                        .as_ref()
                        .map(|(worked, pattern, evidence)| (&worked.day, pattern, evidence));
                    tx.settle_day(employee, date, &record, fresh)?;
                }
            }
            if matches!(new.what, Decision::Corrected | Decision::Withdrawn) {
                match &record {
                    Some(record) => {
                        let base = uncorrected(record, &earlier);
                        self.correct_final(tx, employee, (&rows, row), (record, base), correction.clone())?;
                    }
                    None => {
                        let (worked, ..) = self.work_again(tx, employee, &rows, row)?;
                        check(&worked, correction.as_ref())?;
                    }
                }
            }
            let what = new.what.as_str();
            tx.audit(
                &viewer.username,
                &format!("attendance of {employee} on {date} {what}"),
                now,
            )?;
            self.attendance_day_in(tx, viewer, employee, date)
        })
    }

    /// Whether what cameras watched on a day is still kept, without which it cannot be worked out again.
    pub(in crate::core) fn keeps_watch(&self, date: NaiveDate, now: DateTime<Utc>) -> Result<bool> {
        Ok(now - moment(self.settings.timezone, before(date))? < crate::ingest::MAX_AGE + TimeDelta::days(3))
    }

    /// Holds a final day's difference against what has arrived since; says whether it is another now.
    fn difference_grew(&self, employee: &EmployeeId, date: NaiveDate, now: DateTime<Utc>) -> Result<bool> {
        if !self.keeps_watch(date, now)? {
            return Ok(false);
        }
        self.update(|state, tx, _| {
            state.stretches.write(tx, usize::MAX, now)?;
            let Some(mut record) = tx.record(employee, date)? else {
                return Ok(false);
            };
            let shown = record.difference.clone();
            let rows = tx.days_of(
                employee,
                before(date),
                after(date),
                &mut crate::store::Plans::new(),
            )?;
            let row = rows.iter().find(|row| row.date == date);
            let (Some(row), Some(_)) = (row, &shown) else {
                return Ok(false);
            };
            let (worked, ..) = self.work_again(tx, employee, &rows, row)?;
            record.arrived(&worked.day);
            let grew = record.difference != shown;
            if grew {
                tx.settle_day(employee, date, &record, None)?;
            }
            Ok(grew)
        })
    }

    /// HR corrects a final day, or takes that back (`None`). Only what is said is changed; with other moments the day is
    /// worked out again. `base`: what counted before HR said anything.
    fn correct_final(
        &self,
        tx: &Tx<'_>,
        employee: &EmployeeId,
        (rows, row): (&[DayRow], &DayRow),
        (record, base): (&Record, Option<Outcome>),
        correction: Option<Correction>,
    ) -> Result<()> {
        let date = row.date;
        let worked = match self.keeps_watch(date, self.now())? {
            true => Some(self.work_again(tx, employee, rows, row)?),
            false => None,
        };
        let moments = correction
            .as_ref()
            .is_some_and(|said| said.first_in.is_some() || said.last_out.is_some());
        let (base, worked) = match (base.filter(|_| !moments), worked) {
            (Some(base), worked) => (base, worked),
            (None, Some((worked, pattern, evidence))) => {
                check(&worked, correction.as_ref())?;
                let record = Record::new(&worked.day, correction);
                return tx.settle_day(employee, date, &record, Some((&worked.day, &pattern, &evidence)));
            }
            (None, None) => {
                return Err(Error::conflict(
                    "correction",
                    say!(
                        "What the cameras watched on {date} is not kept any more, so the day cannot be \
                         worked out again; give the figures instead (worked, away, late, …).",
                        "Data pantauan kamera untuk {date} sudah tidak disimpan, jadi hari itu tidak dapat \
                         dihitung ulang; isi angkanya langsung (bekerja, di luar, terlambat, …)."
                    ),
                ));
            }
        };
        let said = |outcome: Outcome| match &correction {
            Some(correction) => correction.apply(outcome),
            None => outcome,
        };
        let mut decided = Record {
            outcome: said(base),
            difference: record.difference.clone().map(said),
            dismissed: record.dismissed.clone().map(said),
            correction: correction.clone(),
        };
        if let Some((worked, ..)) = &worked {
            decided.arrived(&worked.day);
        }
        let same = worked.filter(|(worked, ..)| worked.day.outcome == decided.outcome);
        let fresh = same
            .as_ref()
            .map(|(worked, pattern, evidence)| (&worked.day, pattern, evidence));
        tx.settle_day(employee, date, &decided, fresh)
    }

    /// Works a day out as it stands now, with what HR says of it.
    fn work_again(
        &self,
        tx: &Tx<'_>,
        employee: &EmployeeId,
        rows: &[DayRow],
        row: &DayRow,
    ) -> Result<(Worked, crate::attendance::Pattern, Evidence)> {
        let date = row.date;
        let mut bench = Bench::new(tx, &self.settings, date, date, self.now())?;
        let areas = areas_of(tx, employee)?;
        let mut worked = bench.work(tx, employee, &areas, rows, date, date)?;
        let worked = worked
            .remove(&date)
            .ok_or_else(|| Error::internal("A day could not be worked out."))?;
        let (pattern, evidence) = bench.keep(&worked, &areas);
        Ok((worked, pattern, evidence))
    }

    /// What HR says, if it makes sense.
    fn correction(&self, date: NaiveDate, new: &NewDecision) -> Result<Option<Correction>> {
        let body = match (&new.what, &new.correction) {
            (Decision::Corrected, Some(body)) if *body != CorrectionBody::default() => body,
            (Decision::Corrected, _) => {
                return Err(Error::invalid(
                    "correction",
                    say!(
                        "Say what was otherwise: at least one of the figures.",
                        "Isi apa yang seharusnya: paling sedikit satu angka."
                    ),
                ));
            }
            (_, Some(_)) => {
                return Err(Error::invalid(
                    "correction",
                    "A correction goes with `corrected` alone.",
                ));
            }
            (_, None) => return Ok(None),
        };
        let zone = self.settings.timezone;
        // A night shift begins on its day and ends on the next; who came early came the evening before.
        let (first, last) = (
            moment(zone, date)?
                .checked_sub_signed(TimeDelta::hours(12))
                .ok_or_else(|| {
                    Error::invalid(
                        "date",
                        say!(
                            "This date is too far away; check the year.",
                            "Tanggal ini terlalu jauh; periksa tahunnya."
                        ),
                    )
                })?,
            moment(zone, after(after(date)))?,
        );
        for (field, at) in [("first_in", body.first_in), ("last_out", body.last_out)] {
            if at.is_some_and(|at| at < first || at > last) {
                return Err(Error::invalid(
                    field,
                    say!("This is no time of {date}.", "Waktu ini bukan pada {date}."),
                ));
            }
            if at.is_some_and(|at| at > self.now()) {
                return Err(Error::invalid(
                    field,
                    say!("This is still to come.", "Waktu ini belum tiba."),
                ));
            }
        }
        if let Some(status) = body
            .status
            .filter(|status| matches!(status, Status::Pending | Status::Unknown))
        {
            return Err(Error::invalid(
                "status",
                say!(
                    "`{}` is what nobody knows yet; say what came of the day.",
                    "`{}` berarti belum diketahui; isi bagaimana hari itu berakhir.",
                    status.as_str()
                ),
            ));
        }
        for (field, value) in [
            ("worked_s", body.worked_s),
            ("away_s", body.away_s),
            ("late_s", body.late_s),
            ("early_leave_s", body.early_leave_s),
            ("overtime_s", body.overtime_s),
        ] {
            if value.is_some_and(|value| !(0..=MAX_FIGURE).contains(&value)) {
                return Err(Error::invalid(
                    field,
                    say!(
                        "Give 0 to 172800 seconds (48 hours).",
                        "Isi 0 sampai 48 jam (172800 detik)."
                    ),
                ));
            }
        }
        Ok(Some(Correction {
            first_in: body.first_in.map(|at| at.timestamp_millis()),
            last_out: body.last_out.map(|at| at.timestamp_millis()),
            status: body.status,
            worked_s: body.worked_s,
            away_s: body.away_s,
            late_s: body.late_s,
            early_leave_s: body.early_leave_s,
            overtime_s: body.overtime_s,
        }))
    }
}

/// What counted before HR said anything that holds; `None` where it did so before the day was final.
fn uncorrected(record: &Record, decisions: &[DecisionRow]) -> Option<Outcome> {
    let mut base = None;
    for decision in decisions {
        match decision.what {
            Decision::Corrected | Decision::Accepted => {
                base.get_or_insert_with(|| decision.before.clone());
            }
            Decision::Withdrawn => base = None,
            Decision::Dismissed => {}
        }
    }
    base.unwrap_or_else(|| Some(record.outcome.clone()))
}

/// Whether what HR says fits what was seen.
fn check(worked: &Worked, correction: Option<&Correction>) -> Result<()> {
    let Some(correction) = correction else {
        return Ok(());
    };
    let pieces = worked.pieces.iter().map(|piece| &piece.stretch);
    let seen = (
        pieces.clone().map(|seen| seen.from).min(),
        pieces.map(|seen| seen.to).max(),
    );
    let moments = (correction.first_in.or(seen.0), correction.last_out.or(seen.1));
    let given = correction.first_in.is_some() || correction.last_out.is_some();
    match moments {
        (Some(_), None) => Err(Error::invalid(
            "last_out",
            say!(
                "They were not seen on this day: say when they went, too.",
                "Karyawan ini tidak terlihat pada hari itu: isi juga kapan ia pulang."
            ),
        )),
        (None, Some(_)) => Err(Error::invalid(
            "first_in",
            say!(
                "They were not seen on this day: say when they came, too.",
                "Karyawan ini tidak terlihat pada hari itu: isi juga kapan ia datang."
            ),
        )),
        (Some(came), Some(went)) if given && came >= went => {
            let field = if correction.last_out.is_some() {
                "last_out"
            } else {
                "first_in"
            };
            Err(Error::invalid(
                field,
                say!(
                    "They went before they came.",
                    "Waktu pulang mendahului waktu datang."
                ),
            ))
        }
        _ => Ok(()),
    }
}

pub(super) fn shifts(row: &DayRow, evidence: &Evidence) -> Vec<AttendanceShift> {
    let came = |number: usize| evidence.shifts.get(number);
    row.plan
        .shifts
        .iter()
        .enumerate()
        .filter_map(|(number, shift)| {
            Some(AttendanceShift {
                name: shift.name.clone(),
                planned: span((shift.from, shift.to))?,
                breaks: spans(&shift.breaks),
                came: shift_outcome(came(number)?),
            })
        })
        .collect()
}

fn shift_outcome(shift: &ShiftDay) -> AttendanceOutcome {
    AttendanceOutcome {
        status: shift.status,
        first_in: shift.first_in.and_then(DateTime::from_timestamp_millis),
        last_out: shift.last_out.and_then(DateTime::from_timestamp_millis),
        figures: shift.figures,
    }
}

fn outcome(outcome: &Outcome) -> AttendanceOutcome {
    AttendanceOutcome {
        status: outcome.status,
        first_in: outcome.first_in.and_then(DateTime::from_timestamp_millis),
        last_out: outcome.last_out.and_then(DateTime::from_timestamp_millis),
        figures: outcome.figures,
    }
}

fn decision(row: &DecisionRow) -> AttendanceDecision {
    AttendanceDecision {
        at: row.at,
        who: row.who.clone(),
        what: row.what,
        reason: row.reason.clone(),
        correction: row.correction.as_ref().map(body),
        before: row.before.as_ref().map(outcome),
    }
}

fn body(correction: &Correction) -> CorrectionBody {
    let at = |at: Option<i64>| -> Option<DateTime<Utc>> { at.and_then(DateTime::from_timestamp_millis) };
    CorrectionBody {
        first_in: at(correction.first_in),
        last_out: at(correction.last_out),
        status: correction.status,
        worked_s: correction.worked_s,
        away_s: correction.away_s,
        late_s: correction.late_s,
        early_leave_s: correction.early_leave_s,
        overtime_s: correction.overtime_s,
    }
}

pub(super) fn leaves(evidence: &Evidence) -> Vec<AttendanceLeave> {
    let exceptions = evidence.exceptions.iter();
    exceptions
        .filter_map(|one| {
            Some(AttendanceLeave {
                kind: one.kind,
                span: span((one.from, one.to))?,
            })
        })
        .collect()
}

pub(super) fn span((from, to): Span) -> Option<TimeSpan> {
    Some(TimeSpan {
        from: DateTime::from_timestamp_millis(from)?,
        to: DateTime::from_timestamp_millis(to)?,
    })
}

pub(super) fn spans(spans: &[Span]) -> Vec<TimeSpan> {
    spans.iter().filter_map(|one| span(*one)).collect()
}

pub(super) fn no_employee(id: &EmployeeId) -> Error {
    Error::not_found(
        "employee",
        say!(
            "There is no employee {id}, or there is none any more.",
            "Tidak ada karyawan {id}, atau sudah dihapus."
        ),
    )
}

fn no_day(name: &str, date: NaiveDate) -> Error {
    Error::not_found(
        "date",
        say!(
            "{name} was not registered on {date}, or the day was deleted.",
            "{name} belum terdaftar pada {date}, atau hari itu sudah dihapus."
        ),
    )
}
