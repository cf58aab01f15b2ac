//! One module for each command; each offers its clap arguments and `run`.

pub(crate) mod bench;
pub(crate) mod camera;
pub(crate) mod detect;
pub(crate) mod doctor;
pub(crate) mod embed;
pub(crate) mod eval;
mod output;
mod pictures;
pub(crate) mod run;
#[cfg(feature = "simulate")]
pub(crate) mod simulate;
pub(crate) mod test_recording;

use std::process::ExitCode;

use hadir_models::ModelError;

use crate::cli::{Cli, Command};

/// Why a command did not end well. The message is one sentence for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The thing that was checked or read is not right: exit status 1.
    #[error("{0}")]
    NotRight(String),
    /// Usage or configuration: exit status 2.
    #[error("{0}")]
    Usage(String),
}

impl Failure {
    /// The exit status of the command-line contract.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Failure::NotRight(_) => ExitCode::from(1),
            Failure::Usage(_) => ExitCode::from(2),
        }
    }
}

/// Carries out one command.
///
/// # Errors
/// The command's own, as one sentence.
pub(crate) fn dispatch(cli: &Cli) -> Result<(), Failure> {
    let compute = |threads| {
        cli.compute(threads).map_err(|e| match e {
            ModelError::Instructions(_) => {
                Failure::Usage(format!("{e} (--instructions or HADIR_INSTRUCTIONS)"))
            }
            e => Failure::NotRight(e.to_string()),
        })
    };
    match &cli.command {
        Command::Run(args) => run::run(args, compute),
        Command::Doctor(args) => doctor::run(args, compute(1)),
        Command::TestRecording(args) => test_recording::run(args, &compute(1)?),
        Command::Detect(args) => detect::run(args, &compute(1)?),
        Command::Embed(args) => embed::run(args, &compute(1)?),
        Command::Eval(args) => eval::run(args, &compute(1)?),
        #[cfg(feature = "simulate")]
        Command::Simulate(args) => simulate::run(args),
        Command::Camera(args) => camera::run(args, &compute(1)?),
        Command::Bench(args) => bench::run(args, &compute(args.threads.into())?),
    }
}
