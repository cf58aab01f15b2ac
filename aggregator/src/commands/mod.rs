//! The command line.
//!
//! Exit status: 0; 1 when what was asked for failed or the thing checked is not right; 2 for a wrong usage or
//! configuration. Reports go to standard output, everything else to standard error.

mod check;
mod import;
mod lock;
mod report;
mod run;
mod templates;
mod user;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use hadir_shared::clock::SystemClock;
use hadir_shared::id::EmployeeId;
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, ConfigError};
use crate::core::import::Mode;
use crate::core::{Core, Role, Viewer};

/// Who is at work, where, and since when: the aggregator of a site.
#[derive(Debug, Parser)]
#[command(name = "hadir-aggregator", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// The site's configuration.
    #[arg(long, value_name = "FILE", default_value = "aggregator.toml", global = true)]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the aggregator until it is told to stop.
    Run {
        #[command(flatten)]
        common: Common,
    },
    /// Check the configuration, the device files and the store.
    Check {
        #[command(flatten)]
        common: Common,
        /// Report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// People who may log in.
    #[command(subcommand)]
    User(UserCommand),
    /// Take employees in from a file.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Hold the message templates that Meta has approved against ours.
    Templates {
        #[command(flatten)]
        common: Common,
        /// Report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Attendance reports.
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// Copy the store into FILE while the aggregator runs.
    Backup {
        #[command(flatten)]
        common: Common,
        /// Where to; must not exist.
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add somebody. The password is read from HADIR_PASSWORD, else from standard input.
    Add {
        #[command(flatten)]
        common: Common,
        /// The name to log in with.
        name: String,
        /// admin, hr, supervisor or technician.
        #[arg(long, value_parser = role)]
        role: Role,
        /// Which employee this is; a supervisor sees everybody below.
        #[arg(long, value_name = "ID")]
        employee: Option<EmployeeId>,
    },
    /// Set somebody's password anew, which ends their sessions. It is read like that of `add`.
    Password {
        #[command(flatten)]
        common: Common,
        /// The name to log in with.
        name: String,
    },
    /// Show who may log in.
    List {
        #[command(flatten)]
        common: Common,
        /// Report as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    /// Register and change employees as a CSV file says: all of them or, if anything is wrong, none.
    ///
    /// The first line names the columns: id and name, and any of supervisor, areas, phone, email, badge, language,
    /// role_title, schedule, policy, consent. What the file has no column for stays as it is.
    Employees {
        #[command(flatten)]
        common: Common,
        /// The file, in UTF-8, with commas or semicolons.
        file: PathBuf,
        /// Check the file and write nothing.
        #[arg(long)]
        dry_run: bool,
        /// Report as JSON.
        #[arg(long)]
        json: bool,
    },
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| {
        let all: Vec<&str> = Role::ALL.into_iter().map(Role::as_str).collect();
        format!("write one of {}", all.join(", "))
    })
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Exit status 2.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// Exit status 1.
    #[error("{0}")]
    Wrong(String),
    /// Exit status 1; what is wrong was reported already.
    #[error("")]
    Reported,
}

impl From<crate::error::Error> for Failure {
    fn from(error: crate::error::Error) -> Self {
        Self::Wrong(error.to_string())
    }
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    // clap ends the process with status 2 on a wrong usage.
    let command = Cli::parse().command;
    let quiet = !matches!(command, Command::Run { .. });
    start_log(if quiet { "warn" } else { "info" });
    match carry_out(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let text = failure.to_string();
            if !text.is_empty() {
                complain(&text);
            }
            ExitCode::from(if matches!(failure, Failure::Configuration(_)) {
                2
            } else {
                1
            })
        }
    }
}

fn carry_out(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run { common } => run::run(&Config::load(&common.config)?),
        Command::Check { common, json } => check::check(&Config::load(&common.config)?, json),
        Command::User(UserCommand::Add {
            common,
            name,
            role,
            employee,
        }) => user::add(&Config::load(&common.config)?, &name, role, employee.as_ref()),
        Command::User(UserCommand::Password { common, name }) => {
            user::password(&Config::load(&common.config)?, &name)
        }
        Command::User(UserCommand::List { common, json }) => user::list(&Config::load(&common.config)?, json),
        Command::Import(ImportCommand::Employees {
            common,
            file,
            dry_run,
            json,
        }) => {
            let mode = if dry_run { Mode::Try } else { Mode::Write };
            import::employees(&Config::load(&common.config)?, &file, mode, json)
        }
        Command::Templates { common, json } => templates::check(&Config::load(&common.config)?, json),
        Command::Report(command) => report::report(command),
        Command::Backup { common, file } => backup(&Config::load(&common.config)?, &file),
    }
}

fn backup(config: &Config, file: &Path) -> Result<(), Failure> {
    open_existing(config)?.backup(file)?;
    print(&format!("The store was copied to {}.\n", file.display()));
    Ok(())
}

/// Whoever may run commands on the aggregator's machine may see everything.
fn operator() -> Viewer {
    Viewer::admin("command line")
}

/// Opens the store beside an aggregator that may be running; it is made if there is none.
fn open(config: &Config) -> Result<Arc<Core>, Failure> {
    std::fs::create_dir_all(&config.data).map_err(|e| {
        Failure::Wrong(format!(
            "The folder {} cannot be made: {e}; check `data` in the configuration.",
            config.data.display()
        ))
    })?;
    Ok(Core::visit(config.settings(), Arc::new(SystemClock))?)
}

/// Opens the store where reading an empty one would only hide a mistake.
fn open_existing(config: &Config) -> Result<Arc<Core>, Failure> {
    let database = config.settings().database;
    if !database.exists() {
        return Err(Failure::Wrong(format!(
            "There is no store at {}: run the aggregator once, or check `data` in the configuration.",
            database.display()
        )));
    }
    open(config)
}

fn start_log(default: &str) {
    // rmqtt tells of each connection at `info`, and warns of what its hooks have told already.
    let quiet = "rmqtt=error,rmqtt_net=error,rmqtt_codec=error";
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(format!("{default},{quiet}")));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// The command's own output. A reader that has gone (`| head`) is no error.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn print_json(body: &impl Serialize) {
    match serde_json::to_string(body) {
        Ok(text) => print(&format!("{text}\n")),
        Err(error) => complain(&format!("The report cannot be written as JSON: {error}.")),
    }
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        let cli = Cli::try_parse_from(["x", "user", "add", "sari", "--role", "hr", "--employee", "EMP1"]);
        assert!(matches!(
            cli.expect("parses").command,
            Command::User(UserCommand::Add { role: Role::Hr, .. })
        ));
        for wrong in [
            &["x", "user", "add", "sari", "--role", "king"][..],
            &[
                "x",
                "user",
                "add",
                "sari",
                "--role",
                "hr",
                "--password",
                "secret-password",
            ],
            &["x", "report", "daily", "--date", "today"],
            &["x", "report", "range", "--from", "2026-11-01"],
            &["x", "report", "daily", "--employee", "E1", "--team", "E2"],
            &["x", "report", "daily", "--json", "--output", "a.pdf"],
        ] {
            assert!(Cli::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }
}
