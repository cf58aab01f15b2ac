//! What a file says: its rows, checked one by one, together, and with those who are registered.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use hadir_shared::id::EmployeeId;

use super::{COLUMNS, ImportProblem};
use crate::core::Core;
use crate::core::people::{areas, consent, email, name, one_of, title};
use crate::core::types::{Employee, Language};
use crate::error::{Error, Result};
use crate::schedule::midnight;
use crate::sentence::{Sentence, say};
use crate::store::{EmployeeRecord, Reader};

/// A larger file is a mistake.
const MAX_FILE: usize = 64 << 20;

/// So many problems are told of one file.
const MAX_PROBLEMS: usize = 200;

/// What is wrong with a row, by column.
type Wrong = Vec<(Option<&'static str>, Sentence)>;

/// The names that rows may refer to, and the language of whoever is given none.
struct Known {
    language: Language,
    schedules: Vec<String>,
    policies: Vec<String>,
}

impl Known {
    fn read(core: &Core, reader: &Reader<'_>) -> Result<Self> {
        Ok(Self {
            language: core.language_in_force(reader)?,
            schedules: reader.schedules()?.into_iter().map(|row| row.name).collect(),
            policies: reader.policies()?.into_iter().map(|row| row.name).collect(),
        })
    }
}

/// A row of the file.
pub(super) struct Row {
    line: u64,
    pub(super) record: EmployeeRecord,
    pub(super) before: Option<Employee>,
}

impl Core {
    /// Reads and checks the whole file.
    pub(super) fn read_employees(
        &self,
        reader: &Reader<'_>,
        csv: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Vec<Row>, Vec<ImportProblem>> {
        let whole = |line, message: Sentence| {
            vec![ImportProblem {
                line,
                column: None,
                message,
            }]
        };
        if csv.len() > MAX_FILE {
            return Err(whole(
                1,
                say!(
                    "The file is larger than 64 MB; is it the right one?",
                    "Berkas ini lebih besar dari 64 MB; apakah berkasnya benar?"
                ),
            ));
        }
        let text = std::str::from_utf8(csv).map_err(|error| {
            let line = csv[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count() as u64 + 1;
            whole(
                line,
                say!(
                    "This is not UTF-8 text; save the file as \"CSV UTF-8\".",
                    "Ini bukan teks UTF-8; simpan berkas sebagai \"CSV UTF-8\"."
                ),
            )
        })?;
        let text = text.trim_start_matches('\u{feff}');
        let head = text.lines().next().unwrap_or_default();
        let delimiter = if head.matches(';').count() > head.matches(',').count() {
            b';'
        } else {
            b','
        };
        let mut file = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let columns = columns(&mut file).map_err(|message| whole(1, message))?;
        let stored = |error: Error| whole(1, error.message);
        let existing = reader.employees().map_err(stored)?;
        let existing: HashMap<EmployeeId, Employee> =
            existing.into_iter().map(|one| (one.id.clone(), one)).collect();
        let known = Known::read(self, reader).map_err(stored)?;
        let mut problems = Vec::new();
        let mut rows: Vec<Row> = Vec::new();
        for line in file.records() {
            let cells = match line {
                Ok(cells) => cells,
                Err(error) => {
                    let line = error.position().map_or(1, |position| position.line());
                    let message = match error.kind() {
                        csv::ErrorKind::UnequalLengths {
                            expected_len, len, ..
                        } => {
                            say!(
                                "This line has {len} cells, the first one {expected_len}.",
                                "Baris ini memiliki {len} sel, baris pertama {expected_len}."
                            )
                        }
                        other => say!(
                            "This line cannot be read: {other:?}.",
                            "Baris ini tidak dapat dibaca: {other:?}."
                        ),
                    };
                    problems.extend(whole(line, message));
                    continue;
                }
            };
            let line = cells.position().map_or(1, |position| position.line());
            if cells.iter().all(str::is_empty) {
                continue;
            }
            let cell = |column: &str| {
                let index = columns.iter().position(|one| *one == column)?;
                cells.get(index)
            };
            match self.row(&known, &existing, cell, now) {
                Ok((record, before)) => rows.push(Row { line, record, before }),
                Err(wrong) => problems.extend(wrong.into_iter().map(|(column, message)| ImportProblem {
                    line,
                    column,
                    message,
                })),
            }
        }
        if rows.is_empty() && problems.is_empty() {
            problems.extend(whole(
                1,
                say!("The file names nobody.", "Berkas ini tidak memuat siapa pun."),
            ));
        }
        together(&rows, &existing, &mut problems);
        if problems.is_empty() {
            return Ok(rows);
        }
        problems.sort_by_key(|problem| problem.line);
        let more = problems.len().saturating_sub(MAX_PROBLEMS);
        problems.truncate(MAX_PROBLEMS);
        if more > 0 {
            let line = problems.last().map_or(1, |problem| problem.line);
            problems.extend(whole(
                line,
                say!(
                    "And {more} more problems below.",
                    "Dan {more} masalah lagi di bawahnya."
                ),
            ));
        }
        Err(problems)
    }

    /// One row by itself: the record, and who it was before.
    fn row<'c>(
        &self,
        known: &Known,
        existing: &HashMap<EmployeeId, Employee>,
        cell: impl Fn(&str) -> Option<&'c str>,
        now: DateTime<Utc>,
    ) -> Result<(EmployeeRecord, Option<Employee>), Wrong> {
        let called = cell("name").unwrap_or_default().to_owned();
        let who = if called.is_empty() {
            cell("id").unwrap_or_default().to_owned()
        } else {
            called
        };
        let mut wrong = Vec::new();
        let id = EmployeeId::new(cell("id").unwrap_or_default());
        let Ok(id) = id else {
            wrong.push((
                Some("id"),
                say!(
                    "{who}: the id has 1 to 64 letters, digits, -, _ or .; give everybody one.",
                    "{who}: id terdiri dari 1 sampai 64 huruf, angka, -, _ atau .; beri setiap orang satu."
                ),
            ));
            return Err(wrong);
        };
        let before = existing.get(&id).cloned();
        // What has no column stays as it was.
        let mut field = |column: &'static str, result: Result<Option<String>>| match result {
            Ok(value) => value,
            Err(error) => {
                wrong.push((Some(column), error.message.of(&who, &who)));
                None
            }
        };
        let old = |of: fn(&Employee) -> Option<String>| before.as_ref().and_then(of);
        let phone = match cell("phone") {
            Some(text) => field("phone", self.phone(Some(text))),
            None => old(|before| before.phone.clone()),
        };
        let email = match cell("email") {
            Some(text) => field("email", email(Some(text))),
            None => old(|before| before.email.clone()),
        };
        let role_title = match cell("role_title") {
            Some(text) => field("role_title", title(Some(text))),
            None => old(|before| before.role_title.clone()),
        };
        let schedule = match cell("schedule") {
            Some(text) => field("schedule", one_of("schedule", Some(text), &known.schedules)),
            None => old(|before| before.schedule.clone()),
        };
        let policy = match cell("policy") {
            Some(text) => field("policy", one_of("policy", Some(text), &known.policies)),
            None => old(|before| before.policy.clone()),
        };
        let badge = match cell("badge") {
            Some("") => None,
            Some(text) if text.len() <= 64 && !text.chars().any(char::is_control) => Some(text.to_owned()),
            Some(_) => field(
                "badge",
                Err(Error::invalid(
                    "badge",
                    say!(
                        "A badge number has at most 64 characters.",
                        "Nomor kartu paling panjang 64 karakter."
                    ),
                )),
            ),
            None => old(|before| before.badge.clone()),
        };
        let called = field("name", name(cell("name").unwrap_or_default()).map(Some)).unwrap_or_default();
        let areas = match cell("areas") {
            Some(text) => {
                let texts = text
                    .split([';', '|', ','])
                    .map(str::trim)
                    .filter(|text| !text.is_empty());
                areas(&texts.map(str::to_owned).collect::<Vec<_>>())
            }
            None => Ok(before
                .as_ref()
                .map(|before| before.areas.clone())
                .unwrap_or_default()),
        };
        let areas = areas.unwrap_or_else(|error| {
            wrong.push((Some("areas"), error.message.of(&who, &who)));
            Vec::new()
        });
        let supervisor = match cell("supervisor") {
            Some("") => None,
            Some(text) => EmployeeId::new(text)
                .inspect_err(|_| {
                    wrong.push((
                        Some("supervisor"),
                        say!(
                            "{who}: {text} is no employee's id.",
                            "{who}: {text} bukan id karyawan."
                        ),
                    ))
                })
                .ok(),
            None => before.as_ref().and_then(|before| before.supervisor.clone()),
        };
        let language = match cell("language") {
            None | Some("") => before.as_ref().map_or(known.language, |before| before.language),
            Some(text) => Language::parse(&text.to_lowercase()).unwrap_or_else(|| {
                wrong.push((
                    Some("language"),
                    say!(
                        "{who}: write the language as id or en.",
                        "{who}: tulis bahasanya sebagai id atau en."
                    ),
                ));
                known.language
            }),
        };
        // An empty cell withdraws no consent: that erases the face, and is done on purpose only.
        let consented = match cell("consent") {
            None | Some("") => Ok(before.as_ref().and_then(|before| before.consent)),
            // A consent that was given before stays what it is.
            Some(text) if before.is_some() && is_yes(text) => {
                match before.as_ref().and_then(|before| before.consent) {
                    Some(given) => Ok(Some(given)),
                    None => Ok(Some(now)),
                }
            }
            Some(text) => self.consented(text, now).and_then(|at| consent(Some(at), now)),
        };
        let consent = consented.unwrap_or_else(|error| {
            wrong.push((Some("consent"), error.message.of(&who, &who)));
            None
        });
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let record = EmployeeRecord {
            id,
            name: called,
            supervisor,
            areas,
            phone,
            email,
            badge,
            language,
            role_title,
            schedule,
            policy,
            consent,
        };
        Ok((record, before))
    }

    /// A day of the site, or a time.
    fn consented(&self, text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
        let day = text.parse::<NaiveDate>().ok();
        let at = day
            .and_then(|day| midnight(self.settings.timezone, day))
            .or_else(|| hadir_shared::time::parse(text).ok());
        match is_yes(text) {
            true => Ok(now),
            false => at.ok_or_else(|| {
                Error::invalid(
                    "consent",
                    say!(
                        "Write when they consented, like 2026-11-24, or yes for today.",
                        "Tulis tanggal persetujuannya, misalnya 2026-11-24, atau ya untuk hari ini."
                    ),
                )
            }),
        }
    }
}

fn is_yes(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "yes" | "ya")
}

/// Which column is which.
fn columns(file: &mut csv::Reader<&[u8]>) -> Result<Vec<&'static str>, Sentence> {
    let head = file.headers().map_err(|error| {
        say!(
            "The first line cannot be read: {error}.",
            "Baris pertama tidak dapat dibaca: {error}."
        )
    })?;
    let all = COLUMNS.join(", ");
    let mut columns: Vec<&'static str> = Vec::new();
    for title in head {
        let known = COLUMNS
            .into_iter()
            .find(|column| title.eq_ignore_ascii_case(column));
        match known {
            None => {
                return Err(say!(
                    "The first line names a column {title:?}; it may name {all}.",
                    "Baris pertama memuat kolom {title:?}; yang dikenal: {all}."
                ));
            }
            Some(column) if columns.contains(&column) => {
                return Err(say!(
                    "The first line names the column {column} twice.",
                    "Baris pertama memuat kolom {column} dua kali."
                ));
            }
            Some(column) => columns.push(column),
        }
    }
    for needed in ["id", "name"] {
        if !columns.contains(&needed) {
            return Err(say!(
                "The first line has to name the columns; {needed} is missing. It may name {all}.",
                "Baris pertama harus memuat nama kolom; {needed} tidak ada. Yang dikenal: {all}."
            ));
        }
    }
    Ok(columns)
}

/// What the rows have to be together, and with those who are registered already.
fn together(rows: &[Row], existing: &HashMap<EmployeeId, Employee>, problems: &mut Vec<ImportProblem>) {
    let mut problem = |line, column, message| {
        problems.push(ImportProblem {
            line,
            column: Some(column),
            message,
        });
    };
    let mut first: HashMap<&EmployeeId, u64> = HashMap::new();
    for row in rows {
        if let Some(line) = first.insert(&row.record.id, row.line) {
            let (id, name) = (&row.record.id, &row.record.name);
            problem(
                row.line,
                "id",
                say!(
                    "{name}: the id {id} stands in line {line} already.",
                    "{name}: id {id} sudah ada di baris {line}."
                ),
            );
        }
    }
    // Who would have which superior and badge.
    let mut superiors: HashMap<&EmployeeId, Option<&EmployeeId>> = HashMap::new();
    let mut names: HashMap<&EmployeeId, &str> = HashMap::new();
    let mut badges: BTreeMap<&str, &EmployeeId> = BTreeMap::new();
    for one in existing.values().filter(|one| !first.contains_key(&one.id)) {
        superiors.insert(&one.id, one.supervisor.as_ref());
        names.insert(&one.id, &one.name);
        badges.extend(one.badge.as_deref().map(|badge| (badge, &one.id)));
    }
    for row in rows {
        superiors.insert(&row.record.id, row.record.supervisor.as_ref());
        names.insert(&row.record.id, &row.record.name);
    }
    for row in rows {
        let name = &row.record.name;
        if let Some(badge) = row.record.badge.as_deref()
            && let Some(other) = badges.insert(badge, &row.record.id)
            && *other != row.record.id
        {
            let other = names.get(other).copied().unwrap_or_default();
            problem(
                row.line,
                "badge",
                say!(
                    "{name}: the badge {badge} is that of {other}.",
                    "{name}: kartu {badge} milik {other}."
                ),
            );
        }
        if let Some(superior) = &row.record.supervisor
            && !superiors.contains_key(superior)
        {
            problem(
                row.line,
                "supervisor",
                say!(
                    "{name}: there is no employee {superior}, neither in this file nor registered.",
                    "{name}: tidak ada karyawan {superior}, baik di berkas ini maupun yang terdaftar."
                ),
            );
        }
    }
    // Each cycle once, where it is met first.
    let mut seen: HashSet<&EmployeeId> = HashSet::new();
    for row in rows {
        let mut chain: Vec<&EmployeeId> = Vec::new();
        let mut at = Some(&row.record.id);
        while let Some(id) = at.filter(|id| !seen.contains(id)) {
            if let Some(from) = chain.iter().position(|one| *one == id) {
                let mut people: Vec<&str> = chain[from..]
                    .iter()
                    .filter_map(|id| names.get(id).copied())
                    .collect();
                people.push(names.get(id).copied().unwrap_or_default());
                problem(
                    row.line,
                    "supervisor",
                    say!(
                        "Nobody can be above themselves: {}.",
                        "Rantai atasan tidak boleh melingkar: {}.",
                        people.join(" → ")
                    ),
                );
                break;
            }
            chain.push(id);
            at = superiors.get(id).copied().flatten();
        }
        seen.extend(chain);
    }
}
