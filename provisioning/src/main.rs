//! `hadir-provision`: makes a site's folder, and for each device its credentials and its bundle.
//!
//! Works on files only: the aggregator reads the devices' files by itself, and a bundle is copied onto its
//! device. Whatever is made is made whole or not at all: folders and files are prepared beside their place
//! and renamed into it.

mod device;
mod files;
mod site;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Prepares a site and its devices.
#[derive(Parser)]
#[command(name = "hadir-provision", version, about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new site's folder with the aggregator's configuration.
    Init(site::InitArgs),
    /// Devices: add one, revoke one, list them.
    #[command(subcommand)]
    Device(DeviceCommand),
}

#[derive(Subcommand)]
enum DeviceCommand {
    /// Make a device's credentials and its bundle.
    Add(device::AddArgs),
    /// Refuse a device from now on.
    Revoke(device::RevokeArgs),
    /// List the site's devices.
    List(device::ListArgs),
}

/// Where the site is and how to answer.
#[derive(Args)]
struct SiteFolder {
    /// The site's folder, made by `init`.
    #[arg(long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// Print JSON instead of sentences.
    #[arg(long)]
    json: bool,
}

/// Why a command could not be carried out, in a sentence that says what to do. Exit status 2.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Usage(String),
    #[error("{path}: {source}; check that the folder exists and may be written")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path}: {message}")]
    Config { path: PathBuf, message: String },
    #[error("the operating system gave no random bytes: {0}")]
    Random(String),
}

fn main() -> ExitCode {
    let report = match Cli::parse().command {
        Command::Init(args) => site::init(&args),
        Command::Device(DeviceCommand::Add(args)) => device::add(&args),
        Command::Device(DeviceCommand::Revoke(args)) => device::revoke(&args),
        Command::Device(DeviceCommand::List(args)) => device::list(&args),
    };
    // Nothing is left to do about a closed pipe.
    let status = match report {
        Ok(report) => {
            let _ = writeln!(std::io::stdout(), "{report}");
            0
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "hadir-provision: {error}");
            2
        }
    };
    ExitCode::from(status)
}
