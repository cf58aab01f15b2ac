//! `hadir-chaos`: kills agents, broker and aggregator at random while sightings are made, and counts what arrived; what
//! `make chaos` starts.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hadir_tests::chaos::{self, Options, Outcome};

/// Kill at random, and count what arrives.
#[derive(Parser)]
#[command(name = "hadir-chaos", version, about)]
struct Cli {
    /// So many sightings are made.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    sightings: u64,
    /// So many processes are killed.
    #[arg(long, value_name = "N", default_value_t = 200)]
    kills: u32,
    /// For so many seconds the broker is gone, half-way through.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    cut: u64,
    /// The same seed kills in the same order; by itself another one each time.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where everything lies; it is removed when all is well.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut seed = [0; 8];
    let _ = getrandom::fill(&mut seed);
    let seed = cli.seed.unwrap_or_else(|| u64::from_le_bytes(seed));
    let dir = cli
        .dir
        .unwrap_or_else(|| std::env::temp_dir().join(format!("hadir-chaos-{seed:016x}")));
    say(&format!("seed {seed}; logs and data are in {}", dir.display()));
    let options = Options {
        dir: dir.clone(),
        sightings: cli.sightings,
        kills: cli.kills,
        cut: Duration::from_secs(cli.cut),
        seed,
    };
    match chaos::run(&options).await {
        Ok(outcome) => {
            say(&outcome.to_string());
            let Outcome {
                lost,
                duplicated,
                disordered,
                ..
            } = outcome;
            if lost + duplicated + disordered == 0 {
                // What is left over hurts nobody.
                let _ = std::fs::remove_dir_all(&dir);
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(e) => {
            say(&format!("hadir-chaos: {e}"));
            ExitCode::from(2)
        }
    }
}

fn say(text: &str) {
    // Where nobody listens there is nobody to be told.
    let _ = writeln!(std::io::stdout(), "{text}");
}
