//! `hadir-bench-dashboard`: the dashboard with many people and cameras while states change all the time; what
//! `make bench-dashboard` prints.
//!
//! The devices are made up: each speaks MQTT with credentials of its own and says whom its cameras see. Every second some
//! people are seen anew and as many are off again, so both sides of the rules work. The page is measured in Chromium by
//! `browser/bench.mjs`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the program's own output"
)]

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Parser;
use hadir_tests::harness::device::Device;
use hadir_tests::harness::system::{ADMIN, Broker, Plan, System};
use hadir_tests::harness::{Error, process};

/// Cameras of a device.
const CAMERAS: usize = 10;
/// Seconds until somebody is off.
const OFF_AFTER: u32 = 15;
/// The measurement may take so long.
const LIMIT: Duration = Duration::from_secs(600);

/// Measures the dashboard under load.
#[derive(Parser)]
#[command(name = "hadir-bench-dashboard", version, about)]
struct Cli {
    /// Employees.
    #[arg(long, default_value_t = 5000)]
    people: usize,
    /// Cameras, a multiple of ten.
    #[arg(long, default_value_t = 200)]
    cameras: usize,
    /// Changes of state a second.
    #[arg(long, default_value_t = 200)]
    changes: usize,
    /// Seconds of load before memory is read.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("hadir-bench-dashboard: {e}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: &Cli) -> Result<(), Error> {
    let io = |e: std::io::Error| Error::Other(e.to_string());
    let browser = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let folder = tempfile::tempdir().map_err(io)?;
    let plan = Plan {
        off_after: OFF_AFTER,
        // Nobody is to be told of anything: the load is the states.
        absent_after: 6 * 3600,
        staff: Vec::new(),
        ..Plan::with_free_ports(folder.path().to_owned(), Broker::Embedded, Vec::new())?
    };
    let system = System::start(plan).await?;
    println!(
        "{} people, {} cameras, {} changes a second",
        cli.people, cli.cameras, cli.changes
    );
    let company = folder.path().join("company.csv");
    std::fs::write(&company, csv(cli.people)).map_err(io)?;
    system.site.import(&company)?;
    let mut devices = Vec::new();
    for device in 0..cli.cameras / CAMERAS {
        let cameras: Vec<_> = (0..CAMERAS)
            .map(|n| {
                let number = device * CAMERAS + n + 1;
                (
                    number as u32,
                    format!("cam-{number}"),
                    format!("area-{}", device + 1),
                )
            })
            .collect();
        devices.push(Device::connect_with(&system, &format!("gate-{}", device + 1), &cameras).await?);
    }
    // Each is available for `OFF_AFTER` and off afterwards: two changes for each sighting.
    let (people, each) = (cli.people, (cli.changes / 2).max(1));
    let load = tokio::spawn(async move {
        let mut beat = tokio::time::interval(Duration::from_millis(100));
        let mut next = 0;
        for round in 0.. {
            beat.tick().await;
            let seen: Vec<String> = (0..each / 10).map(|n| id((next + n) % people)).collect();
            next += seen.len();
            let device = round % devices.len();
            let camera = format!("cam-{}", device * CAMERAS + 1 + round % CAMERAS);
            if let Err(error) = devices[device].sees(&camera, &seen).await {
                eprintln!("the load stopped: {error}");
                break;
            }
        }
    });
    // Until as many go as come.
    tokio::time::sleep(Duration::from_secs(u64::from(OFF_AFTER) + 5)).await;
    let mut node = Command::new("node");
    node.arg("bench.mjs").current_dir(&browser).stdin(Stdio::null());
    node.env("HADIR_URL", system.dashboard())
        .env("HADIR_USER", ADMIN)
        .env("HADIR_PASSWORD", &system.password)
        .env("HADIR_SECONDS", cli.seconds.to_string());
    let outcome = tokio::task::block_in_place(|| process::run(&mut node, LIMIT))?;
    load.abort();
    print!("{}", outcome.out);
    match outcome.code {
        Some(0) => Ok(()),
        _ => Err(system.explain(Error::Other(outcome.err))),
    }
}

fn id(number: usize) -> String {
    format!("EMP{number:05}")
}

/// Teams of fifty below superiors, who are below one person.
fn csv(people: usize) -> String {
    let mut text = "id,name,supervisor,phone\n".to_owned();
    for number in 0..people {
        let above = match number {
            0 => String::new(),
            n if n % 50 == 0 => id(0),
            n => id(n / 50 * 50),
        };
        text.push_str(&format!("{},Karyawan Nomor {number},{above},\n", id(number)));
    }
    text
}
