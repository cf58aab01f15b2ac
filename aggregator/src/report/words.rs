//! The words of reports, in both languages.

use chrono::{Datelike as _, NaiveDate};

use crate::attendance::{Flag, Kind, State, Status};
use crate::core::types::Language::{self, En, Id};
use crate::core::{AttendanceReport, AttendanceRow};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Date,
    Employee,
    Name,
    Team,
    Status,
    FirstIn,
    LastOut,
    Planned,
    Worked,
    Break,
    Away,
    Late,
    EarlyLeave,
    Overtime,
    Unobserved,
    Leave,
    State,
    Notes,
}

impl Column {
    /// Those of a day, in order.
    pub(super) const OF_A_DAY: [Column; 18] = [
        Column::Date,
        Column::Employee,
        Column::Name,
        Column::Team,
        Column::Status,
        Column::FirstIn,
        Column::LastOut,
        Column::Planned,
        Column::Worked,
        Column::Break,
        Column::Away,
        Column::Late,
        Column::EarlyLeave,
        Column::Overtime,
        Column::Unobserved,
        Column::Leave,
        Column::State,
        Column::Notes,
    ];

    pub(super) fn word(self, language: Language) -> &'static str {
        match (self, language) {
            (Column::Date, Id) => "Tanggal",
            (Column::Date, En) => "Date",
            (Column::Employee, Id) => "ID karyawan",
            (Column::Employee, En) => "Employee ID",
            (Column::Name, Id) => "Nama",
            (Column::Name, En) => "Name",
            (Column::Team, Id) => "Tim",
            (Column::Team, En) => "Team",
            (Column::Status, Id) => "Kehadiran",
            (Column::Status, En) => "Attendance",
            (Column::FirstIn, Id) => "Masuk",
            (Column::FirstIn, En) => "First in",
            (Column::LastOut, Id) => "Pulang",
            (Column::LastOut, En) => "Last out",
            (Column::Planned, Id) => "Jadwal",
            (Column::Planned, En) => "Planned",
            (Column::Worked, Id) => "Bekerja",
            (Column::Worked, En) => "Worked",
            (Column::Break, Id) => "Istirahat",
            (Column::Break, En) => "Break",
            (Column::Away, Id) => "Di luar",
            (Column::Away, En) => "Away",
            (Column::Late, Id) => "Terlambat",
            (Column::Late, En) => "Late",
            (Column::EarlyLeave, Id) => "Pulang awal",
            (Column::EarlyLeave, En) => "Early leave",
            (Column::Overtime, Id) => "Lembur",
            (Column::Overtime, En) => "Overtime",
            (Column::Unobserved, Id) => "Tak terpantau",
            (Column::Unobserved, En) => "Not observed",
            (Column::Leave, Id) => "Cuti/izin",
            (Column::Leave, En) => "Leave",
            (Column::State, Id) => "Keadaan",
            (Column::State, En) => "State",
            (Column::Notes, Id) => "Catatan",
            (Column::Notes, En) => "Notes",
        }
    }
}

pub(super) fn status(status: Status, language: Language) -> &'static str {
    match (status, language) {
        (Status::Present, Id) => "Hadir",
        (Status::Present, En) => "Present",
        (Status::HalfDay, Id) => "Setengah hari",
        (Status::HalfDay, En) => "Half day",
        (Status::Absent, Id) => "Tidak hadir",
        (Status::Absent, En) => "Absent",
        (Status::OnLeave, Id) => "Cuti",
        (Status::OnLeave, En) => "On leave",
        (Status::Excused, Id) => "Izin",
        (Status::Excused, En) => "Excused",
        (Status::NotExpected, Id) => "Libur",
        (Status::NotExpected, En) => "Day off",
        (Status::Pending, Id) => "Belum terlihat",
        (Status::Pending, En) => "Not seen yet",
        (Status::Unknown, Id) => "Tidak diketahui",
        (Status::Unknown, En) => "Unknown",
    }
}

/// What came of a day. Whoever has no schedule is not off either.
pub(super) fn of_day(row: &AttendanceRow, language: Language) -> &'static str {
    match (row.status, row.kind, language) {
        (Status::NotExpected, Kind::Unplanned, Id) => "Tanpa jadwal",
        (Status::NotExpected, Kind::Unplanned, En) => "No schedule",
        (one, _, _) => status(one, language),
    }
}

/// How many days of a report may still change, if any may.
pub(super) fn provisional(report: &AttendanceReport, language: Language) -> Option<String> {
    let (days, of) = (report.totals.provisional, report.totals.days);
    (days > 0).then(|| match (language, days) {
        (Id, _) => format!("{days} dari {of} hari masih sementara"),
        (En, 1) => format!("1 of {of} days is still provisional"),
        (En, _) => format!("{days} of {of} days are still provisional"),
    })
}

pub(super) fn state(state: State, language: Language) -> &'static str {
    match (state, language) {
        (State::Provisional, Id) => "Sementara",
        (State::Provisional, En) => "Provisional",
        (State::Final, Id) => "Final",
        (State::Final, En) => "Final",
        (State::Corrected, Id) => "Dikoreksi",
        (State::Corrected, En) => "Corrected",
    }
}

fn flag(flag: Flag, language: Language) -> &'static str {
    match (flag, language) {
        (Flag::BadgeWithoutFace, Id) => "kartu tanpa wajah",
        (Flag::BadgeWithoutFace, En) => "badge without face",
        (Flag::BadgeOnly, Id) => "hanya kartu",
        (Flag::BadgeOnly, En) => "badge only",
        (Flag::OneScan, Id) => "hanya satu pindaian",
        (Flag::OneScan, En) => "one scan",
        (Flag::NotObserved, Id) => "tak terpantau",
        (Flag::NotObserved, En) => "not observed",
        (Flag::SeenOnLeave, Id) => "terlihat saat cuti",
        (Flag::SeenOnLeave, En) => "seen on leave",
        (Flag::OutsideShift, Id) => "di luar jadwal",
        (Flag::OutsideShift, En) => "outside of shifts",
    }
}

const MONTHS: [(&str, &str); 12] = [
    ("Januari", "January"),
    ("Februari", "February"),
    ("Maret", "March"),
    ("April", "April"),
    ("Mei", "May"),
    ("Juni", "June"),
    ("Juli", "July"),
    ("Agustus", "August"),
    ("September", "September"),
    ("Oktober", "October"),
    ("November", "November"),
    ("Desember", "December"),
];

/// `Oktober 2026`.
pub fn month(of: NaiveDate, language: Language) -> String {
    let (id, en) = MONTHS[of.month0() as usize % 12];
    let name = match language {
        Id => id,
        En => en,
    };
    format!("{name} {}", of.year())
}

/// What stands beside a day.
pub(super) fn notes(row: &AttendanceRow, language: Language) -> String {
    let mut notes: Vec<&str> = row.holiday.as_deref().into_iter().collect();
    notes.extend(row.flags.iter().map(|one| flag(*one, language)));
    if row.difference {
        notes.push(match language {
            Id => "ada data baru",
            En => "new data arrived",
        });
    }
    notes.join(", ")
}
