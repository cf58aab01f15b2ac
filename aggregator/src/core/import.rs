//! Employees from a CSV file (RFC 4180; commas or, as spreadsheets here write it, semicolons): all of them or, if anything
//! is wrong, none.
//!
//! What the file has a column for is set as it stands there, what it has none for stays. Superiors may stand below those
//! who have them. Everything that is wrong is said with its line and the name of the person.

mod read;

use chrono::{DateTime, Utc};
use hadir_shared::id::EmployeeId;
use serde::Serialize;

use super::alerts::must_manage;
use super::people::terms;
use super::policies;
use super::state::{Changes, Memory};
use super::types::{Employee, HierarchyProblem, Language, Viewer};
use super::{Core, Presence};
use crate::error::Result;
use crate::sentence::Sentence;
use crate::store::{EmployeeRecord, Reader, Tx};
use read::Row;

/// The columns that a file may have; `id` and `name` it must.
pub const COLUMNS: [&str; 12] = [
    "id",
    "name",
    "supervisor",
    "areas",
    "phone",
    "email",
    "badge",
    "language",
    "role_title",
    "schedule",
    "policy",
    "consent",
];

/// So many rows are told of one file.
const MAX_ROWS: usize = 200;

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything is checked and nothing is.
    Try,
    /// It is.
    Write,
}

/// What an import did, or what is wrong with the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Import {
    /// Employees who were not registered before.
    pub added: usize,
    /// Employees of whom something changed.
    pub changed: usize,
    /// Employees of whom nothing did.
    pub unchanged: usize,
    /// The first 200 of whom something is new or changed.
    pub rows: Vec<ImportRow>,
    /// What is wrong with the file; if there is anything, nothing was written.
    pub problems: Vec<ImportProblem>,
    /// What keeps absences from being told to somebody now: to be mended before it matters.
    pub hierarchy: Vec<HierarchyProblem>,
}

impl Import {
    /// The same, its problems in this language.
    #[must_use]
    pub fn to(mut self, language: Language) -> Self {
        for problem in &mut self.problems {
            problem.message = problem.message.to(language).into();
        }
        self
    }
}

/// What a file changes of one employee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportRow {
    /// Who.
    pub id: EmployeeId,
    /// Their name.
    pub name: String,
    /// Whether they were not registered before.
    pub added: bool,
    /// What changes, of somebody who was.
    pub changes: Vec<ImportChange>,
}

/// A field that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportChange {
    /// The column.
    pub field: &'static str,
    /// What stood there.
    pub from: String,
    /// What will.
    pub to: String,
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportProblem {
    /// The line, from 1.
    pub line: u64,
    /// The column.
    pub column: Option<&'static str>,
    /// What is wrong, with the name of whom it concerns.
    pub message: Sentence,
}

impl Core {
    /// Registers and changes employees as a CSV file says. Where that is a command's doing, a running aggregator takes
    /// it up with its next tick.
    ///
    /// # Errors
    /// `Forbidden`; `Internal` when the store cannot be written. What is wrong with the file is no error but told.
    pub fn import_employees(&self, viewer: &Viewer, csv: &[u8], mode: Mode) -> Result<Import> {
        must_manage(viewer)?;
        let now = self.now();
        // A wrong file is found without holding up whoever writes.
        let tried = self
            .store
            .read(|reader| Ok(self.try_import(reader, csv, now).0))?;
        if mode == Mode::Try || !tried.problems.is_empty() {
            return Ok(tried);
        }
        self.update(|state, tx, changes| {
            let (mut import, mut rows) = self.try_import(tx, csv, now);
            if !import.problems.is_empty() {
                return Ok(import);
            }
            rows.retain(|row| {
                row.before
                    .as_ref()
                    .is_none_or(|before| differs(before, &row.record))
            });
            write(tx, viewer, &rows, now)?;
            if self.presence == Presence::Runs {
                self.take_up(state, tx, changes, &rows, now)?;
            }
            changes.people |= !rows.is_empty();
            let cards = |row: &Row| {
                row.before.as_ref().and_then(|before| before.badge.as_ref()) != row.record.badge.as_ref()
            };
            let moved = |row: &Row| {
                row.before
                    .as_ref()
                    .is_some_and(|before| before.areas != row.record.areas)
            };
            if rows.iter().any(|row| cards(row) || moved(row)) {
                changes.gallery = Some(tx.next_gallery()?);
            }
            import.hierarchy = policies::problems(tx, now)?;
            Ok(import)
        })
    }

    /// What runs knows those who are new, and by what schedule who works.
    fn take_up(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        rows: &[Row],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let planned = |row: &&Row| {
            let before = row.before.as_ref();
            before.is_none_or(|before| before.schedule != row.record.schedule)
        };
        let anew: Vec<&Row> = rows.iter().filter(planned).collect();
        match &anew[..] {
            [] => {}
            [row] => self.plan_anew(state, tx, Some(&row.record.id), now)?,
            _ => self.plan_anew(state, tx, None, now)?,
        }
        for row in rows {
            let decisions = state
                .engine
                .set_person(&row.record.id, terms(tx, &row.record, now)?, now);
            self.apply(state, tx, changes, decisions, now)?;
            changes.status.insert(row.record.id.clone());
        }
        Ok(())
    }

    /// What an import would do, and the rows.
    fn try_import(&self, reader: &Reader<'_>, csv: &[u8], now: DateTime<Utc>) -> (Import, Vec<Row>) {
        let mut import = Import::default();
        let rows = self.read_employees(reader, csv, now).unwrap_or_else(|problems| {
            import.problems = problems;
            Vec::new()
        });
        for row in &rows {
            match &row.before {
                None => import.added += 1,
                Some(before) if differs(before, &row.record) => import.changed += 1,
                Some(_) => {
                    import.unchanged += 1;
                    continue;
                }
            }
            if import.rows.len() < MAX_ROWS {
                let before = row.before.as_ref().map(as_record);
                import.rows.push(ImportRow {
                    id: row.record.id.clone(),
                    name: row.record.name.clone(),
                    added: before.is_none(),
                    changes: before.map_or(Vec::new(), |before| self.changes(&before, &row.record)),
                });
            }
        }
        (import, rows)
    }

    /// What is otherwise, field by field, as a file would have it.
    fn changes(&self, before: &EmployeeRecord, now: &EmployeeRecord) -> Vec<ImportChange> {
        let fields = |record: &EmployeeRecord| {
            let areas: Vec<&str> = record.areas.iter().map(|area| area.as_str()).collect();
            let day = |at: DateTime<Utc>| at.with_timezone(&self.settings.timezone).date_naive().to_string();
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            [
                ("name", record.name.clone()),
                (
                    "supervisor",
                    record
                        .supervisor
                        .as_ref()
                        .map_or_else(String::new, ToString::to_string),
                ),
                ("areas", areas.join("|")),
                ("phone", text(&record.phone)),
                ("email", text(&record.email)),
                ("badge", text(&record.badge)),
                ("language", record.language.as_str().to_owned()),
                ("role_title", text(&record.role_title)),
                ("schedule", text(&record.schedule)),
                ("policy", text(&record.policy)),
                ("consent", record.consent.map_or_else(String::new, day)),
            ]
        };
        let pairs = fields(before).into_iter().zip(fields(now));
        pairs
            .filter(|(from, to)| from != to)
            .map(|((field, from), (_, to))| ImportChange { field, from, to })
            .collect()
    }
}

fn differs(before: &Employee, record: &EmployeeRecord) -> bool {
    as_record(before) != *record
}

fn as_record(before: &Employee) -> EmployeeRecord {
    EmployeeRecord {
        id: before.id.clone(),
        name: before.name.clone(),
        supervisor: before.supervisor.clone(),
        areas: before.areas.clone(),
        phone: before.phone.clone(),
        email: before.email.clone(),
        badge: before.badge.clone(),
        language: before.language,
        role_title: before.role_title.clone(),
        schedule: before.schedule.clone(),
        policy: before.policy.clone(),
        consent: before.consent,
    }
}

fn write(tx: &Tx<'_>, viewer: &Viewer, rows: &[Row], now: DateTime<Utc>) -> Result<()> {
    // Badges may change hands, and superiors stand below: first everybody without either.
    for row in rows {
        let bare = EmployeeRecord {
            supervisor: None,
            badge: None,
            ..row.record.clone()
        };
        match &row.before {
            None => tx.register(&bare, now)?,
            Some(_) => tx.change(&bare, now)?,
        }
    }
    for row in rows {
        tx.change(&row.record, now)?;
        let (id, before) = (&row.record.id, &row.before);
        let done = if before.is_none() { "added" } else { "changed" };
        tx.audit(&viewer.username, &format!("employee {id} {done}"), now)?;
    }
    Ok(())
}
