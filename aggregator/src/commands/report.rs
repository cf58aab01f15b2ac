//! `report`: attendance for the terminal, as JSON or as a file.
//!
//! The command looks into the store beside an aggregator that may be running, which writes down once a minute who is
//! there: today is up to a minute behind.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use hadir_shared::id::EmployeeId;

use super::{Common, Failure, open_existing, operator, print, print_json};
use crate::config::Config;
use crate::core::types::Language;
use crate::core::{AttendanceQuery, Core, Of};
use crate::report::{self, Format};

#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// Who was there on one day, from when to when.
    Daily {
        #[command(flatten)]
        common: Common,
        /// Which day, as YYYY-MM-DD; today when left out.
        #[arg(long)]
        date: Option<NaiveDate>,
        #[command(flatten)]
        how: How,
    },
    /// The same for several days, at most 366.
    Range {
        #[command(flatten)]
        common: Common,
        /// The first day, as YYYY-MM-DD.
        #[arg(long)]
        from: NaiveDate,
        /// The last day, as YYYY-MM-DD.
        #[arg(long)]
        to: NaiveDate,
        #[command(flatten)]
        how: How,
    },
}

/// Of whom, and as what.
#[derive(Debug, Args)]
pub(super) struct How {
    /// Only this employee's.
    #[arg(long, value_name = "ID", group = "of")]
    employee: Option<EmployeeId>,
    /// Only of those directly below this superior.
    #[arg(long, value_name = "ID", group = "of")]
    team: Option<EmployeeId>,
    /// Only of everybody below this superior.
    #[arg(long, value_name = "ID", group = "of")]
    below: Option<EmployeeId>,
    /// Report as JSON.
    #[arg(long, conflicts_with = "output")]
    json: bool,
    /// Write a file: its ending says of which kind (.csv, .xlsx or .pdf).
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// `id` or `en`; the site's language when left out.
    #[arg(long, value_name = "LANGUAGE", value_parser = language)]
    language: Option<Language>,
}

fn language(text: &str) -> Result<Language, String> {
    Language::parse(text).ok_or_else(|| "write `id` or `en`".to_owned())
}

pub(super) fn report(command: ReportCommand) -> Result<(), Failure> {
    match command {
        ReportCommand::Daily { common, date, how } => {
            let config = Config::load(&common.config)?;
            let core = open_existing(&config)?;
            let date = date.unwrap_or_else(|| report::today(core.now(), config.timezone));
            how.write(&core, date, date)
        }
        ReportCommand::Range {
            common,
            from,
            to,
            how,
        } => how.write(&*open_existing(&Config::load(&common.config)?)?, from, to),
    }
}

impl How {
    fn write(self, core: &Core, from: NaiveDate, to: NaiveDate) -> Result<(), Failure> {
        // Before the work, not after it.
        let file = match &self.output {
            Some(path) => Some((path, format(path)?)),
            None => None,
        };
        let of = match (self.employee, self.team, self.below) {
            (Some(id), ..) => Of::Employee(id),
            (_, Some(id), _) => Of::Team(id),
            (.., Some(id)) => Of::Below(id),
            (None, None, None) => Of::Everybody,
        };
        let report = core.attendance(&operator(), &AttendanceQuery { from, to, of })?;
        let settings = core.settings();
        let style = settings.style(
            self.language
                .map_or_else(|| core.language().map(|site| site.language), Ok)?,
        );
        match file {
            None if self.json => print_json(&report),
            None => print(&report::table(&report, &style)),
            Some((path, format)) => {
                let cannot = |error: std::io::Error| {
                    Failure::Wrong(format!(
                        "{} cannot be written: {error}; check the folder, or give another file.",
                        path.display()
                    ))
                };
                std::fs::write(path, format.write(&report, &style)?).map_err(cannot)?;
                print(&format!("The report was written to {}.\n", path.display()));
            }
        }
        Ok(())
    }
}

fn format(path: &Path) -> Result<Format, Failure> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending
        .and_then(|ending| Format::parse(&ending.to_lowercase()))
        .ok_or_else(|| {
            Failure::Wrong(format!(
                "{}: end the file's name with .csv, .xlsx or .pdf.",
                path.display()
            ))
        })
}
