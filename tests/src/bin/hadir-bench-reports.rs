//! How long reports take, and how much memory: what `make bench-reports` starts.
//!
//! A company lives through a month, and its first team through a year, sighting by sighting through the real core. Then
//! each file is made by a process of its own, and the totals in the files are read by other programs.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Instant;

use chrono::{Days, NaiveDate};
use clap::{Parser, Subcommand};
use hadir_aggregator::core::types::Language;
use hadir_aggregator::core::{AttendanceQuery, Core, Of, Viewer};
use hadir_aggregator::report::Format;
use hadir_shared::clock::SystemClock;
use hadir_tests::reports::{self, Outcome, Plan};

/// Measures reports.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    step: Option<Step>,
    /// How many employees.
    #[arg(long, default_value_t = 1000)]
    people: usize,
    /// How many days.
    #[arg(long, default_value_t = 30)]
    days: u64,
    /// Seconds between two sightings of somebody who is there.
    #[arg(long, default_value_t = 60)]
    every: i64,
    /// Another seed, another company.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the store and the files lie; emptied first.
    #[arg(long, default_value = "target/bench-reports")]
    dir: PathBuf,
    /// The program that holds the files against each other.
    #[arg(long, default_value = "tests/reports/totals.py")]
    totals: PathBuf,
}

#[derive(Subcommand)]
enum Step {
    /// Makes one file, or the figures of charts, and says what it took.
    #[command(hide = true)]
    Make {
        what: String,
        dir: PathBuf,
        from: NaiveDate,
        to: NaiveDate,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.step {
        Some(Step::Make { what, dir, from, to }) => make(what, dir, *from, *to),
        None => measure(&cli),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the program's own output")]
            {
                eprintln!("{error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    #[expect(clippy::print_stdout, reason = "the program's own output")]
    {
        println!("{text}");
    }
}

fn measure(cli: &Cli) -> Outcome<()> {
    if cli.dir.exists() {
        std::fs::remove_dir_all(&cli.dir)?;
    }
    let from = NaiveDate::from_ymd_opt(2026, 9, 7).ok_or("a date")?;
    let before = 365u64.saturating_sub(cli.days);
    let plan = Plan {
        people: cli.people,
        from,
        days: cli.days,
        every: cli.every,
        before,
        seed: cli.seed,
    };
    let began = Instant::now();
    let company = reports::live(&cli.dir, &plan, |_| ())?;
    let size = std::fs::metadata(cli.dir.join("hadir.sqlite"))?.len() >> 20;
    say(&format!("people                       {:>10}", cli.people));
    say(&format!(
        "days                         {:>10}, and {before} before of the first team",
        cli.days
    ));
    say(&format!(
        "sightings                    {:>10}, one in {} s",
        company.sightings, cli.every
    ));
    say(&format!(
        "store                        {size:>10} MB, made in {:.0} s",
        began.elapsed().as_secs_f64()
    ));
    drop(company);
    let to = from + Days::new(cli.days - 1);
    let first = from.checked_sub_days(Days::new(before)).ok_or("a date")?;
    for (what, from) in [
        ("json", from),
        ("csv", from),
        ("xlsx", from),
        ("pdf", from),
        ("patterns", first),
    ] {
        let made = Command::new(std::env::current_exe()?)
            .args(["make", what])
            .arg(&cli.dir)
            .args([from.to_string(), to.to_string()])
            .output()?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned().into());
        }
        say(String::from_utf8_lossy(&made.stdout).trim_end());
    }
    let file = |ending: &str| cli.dir.join(format!("report.{ending}"));
    let totals = Command::new("/usr/bin/python3")
        .arg(&cli.totals)
        .args(["json", "csv", "xlsx", "pdf"].map(file))
        .output()?;
    say(String::from_utf8_lossy(&totals.stdout).trim_end());
    if !totals.status.success() {
        return Err(format!("the totals differ\n{}", String::from_utf8_lossy(&totals.stderr)).into());
    }
    Ok(())
}

fn make(what: &str, dir: &Path, from: NaiveDate, to: NaiveDate) -> Outcome<()> {
    let core = Core::visit(reports::settings(dir)?, Arc::new(SystemClock))?;
    let viewer = Viewer::admin("bench");
    let began = Instant::now();
    let (bytes, of) = if what == "patterns" {
        let query = AttendanceQuery {
            from,
            to,
            of: Of::Team(reports::employee(0)?),
        };
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..5 {
            let began = Instant::now();
            bytes = serde_json::to_vec(&core.patterns(&viewer, &query)?)?.len();
            times.push(began.elapsed());
        }
        times.sort_unstable();
        let (first, median) = (began.elapsed().as_secs_f64(), times[2].as_secs_f64());
        let of = format!(
            "a team's {} days, median of 5 ({first:.3} s together)",
            (to - from).num_days() + 1
        );
        say(&format!(
            "{what:<8} {median:>8.3} s  {:>5} MB at most, {:>9} bytes  {of}",
            peak()?,
            bytes
        ));
        return Ok(());
    } else {
        let query = AttendanceQuery {
            from,
            to,
            of: Of::Everybody,
        };
        let report = core.attendance(&viewer, &query)?;
        let body = match Format::parse(what) {
            Some(format) => format.write(&report, &core.settings().style(Language::En))?,
            None => serde_json::to_vec(&report)?,
        };
        std::fs::write(dir.join(format!("report.{what}")), &body)?;
        (
            body.len(),
            format!("{} people, {} days", report.people.len(), report.days.len()),
        )
    };
    let took = began.elapsed().as_secs_f64();
    say(&format!(
        "{what:<8} {took:>8.3} s  {:>5} MB at most, {bytes:>9} bytes  {of}",
        peak()?
    ));
    Ok(())
}

/// The most memory that this process has held, in MB.
fn peak() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line
        .ok_or("VmHWM")?
        .trim()
        .trim_end_matches("kB")
        .trim()
        .parse()?;
    Ok(kilobytes >> 10)
}
