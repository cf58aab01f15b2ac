//! `hadir-agent`: the edge agent beside the camera, and the technician's tools for it.
//!
//! Exit status: 0 done, 1 the thing checked is not right, 2 usage or configuration.

mod agent;
mod badge_reader;
mod camera;
mod cameras;
mod capture;
mod cli;
mod clock;
mod commands;
mod config;
mod errors;
mod files;
mod gallery;
mod handover;
mod live;
mod metrics;
mod modes;
mod occupancy;
mod outbox;
mod pipeline;
mod placements;
mod recognition;
mod unwritten;
mod uplink;
mod watchdog;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are no mistakes: clap prints them to stdout and says so in its exit code.
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
    };
    // To standard error: standard output belongs to the commands' results.
    // What `retina` says of a camera repeats its address, in which there may be a password.
    let filter = tracing_subscriber::EnvFilter::try_from_env("HADIR_LOG")
        .unwrap_or_else(|_| "info,rumqttc=off,retina=off,rusqlite_migration=warn".into());
    let stderr = std::io::stderr;
    let colours = stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(colours)
        .with_target(false)
        .init();
    match commands::dispatch(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let message = failure.to_string();
            if !message.is_empty() {
                let _ = writeln!(std::io::stderr(), "hadir-agent: {message}");
            }
            failure.exit_code()
        }
    }
}
