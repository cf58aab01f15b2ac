//! `import employees`: from a CSV file.

use std::path::Path;

use super::{Failure, open, operator, print, print_json};
use crate::config::Config;
use crate::core::import::{Import, Mode};

pub(super) fn employees(config: &Config, file: &Path, mode: Mode, json: bool) -> Result<(), Failure> {
    let csv = std::fs::read(file)
        .map_err(|error| Failure::Wrong(format!("{} cannot be read: {error}.", file.display())))?;
    let import = open(config)?.import_employees(&operator(), &csv, mode)?;
    if json {
        print_json(&import);
    } else {
        print(&text(&import, file, mode));
    }
    if import.problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::Reported)
    }
}

fn text(import: &Import, file: &Path, mode: Mode) -> String {
    let mut text = String::new();
    for problem in &import.problems {
        let column = problem
            .column
            .map(|column| format!(", {column}"))
            .unwrap_or_default();
        text.push_str(&format!(
            "{}, line {}{column}: {}\n",
            file.display(),
            problem.line,
            problem.message
        ));
    }
    if !import.problems.is_empty() {
        let number = import.problems.len();
        text.push_str(&format!(
            "{number} problems; nothing was written. Mend them and try again.\n"
        ));
        return text;
    }
    let Import {
        added,
        changed,
        unchanged,
        ..
    } = import;
    let would = match mode {
        Mode::Try => "The file is right. It would be: ",
        Mode::Write => "",
    };
    text.push_str(&format!(
        "{would}{added} added, {changed} changed, {unchanged} unchanged.\n"
    ));
    for problem in &import.hierarchy {
        text.push_str(&format!("note: {}\n", problem.message));
    }
    text
}
