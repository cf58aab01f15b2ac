//! `hadir-month`: a month in a company, through the real presence and escalation rules, held against the truth; what
//! `make month` starts.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use hadir_tests::month::{self, Fault, Options};

/// A month of shifts, breaks, leaves, habits and broken cameras.
#[derive(Parser)]
#[command(name = "hadir-month", version, about)]
struct Cli {
    /// How many people.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    people: u32,
    /// How many days, from a Monday on.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// A track speaks every so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=40))]
    every: u32,
    /// The same seed makes the same month.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Plant a mistake in the answers of the rules: it must be found.
    #[arg(long, value_enum)]
    fault: Option<Fault>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = month::run(&Options {
        people: cli.people as usize,
        days: cli.days as usize,
        every: cli.every.into(),
        seed: cli.seed,
        fault: cli.fault,
    });
    // Whoever closed the pipe has read enough.
    let _ = writeln!(std::io::stdout(), "{outcome}");
    if outcome.right() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
