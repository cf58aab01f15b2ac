//! Renders the recordings of the demo and the tests and prints their paths.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hadir_tests::harness::paths;
use hadir_tests::recordings::{self, script};

/// Renders the recordings that the demo and the tests use.
#[derive(Parser)]
#[command(name = "hadir-recordings", version, about)]
struct Cli {
    /// Where to put them (default: `demo` in the build's target folder).
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Only the one of this name.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Nothing is left to do where even stderr is closed.
            let _ = writeln!(std::io::stderr(), "hadir-recordings: {e}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> Result<(), Box<dyn std::error::Error>> {
    let folder = match &cli.to {
        Some(folder) => folder.clone(),
        None => paths::recordings()?,
    };
    let wanted = |name: &str| cli.only.as_deref().is_none_or(|only| only == name);
    let scripts: Vec<_> = script::all().into_iter().filter(|s| wanted(s.name)).collect();
    if scripts.is_empty() {
        let names: Vec<_> = script::all().iter().map(|s| s.name).collect();
        return Err(format!(
            "there is no recording of that name; there are {}",
            names.join(", ")
        )
        .into());
    }
    for script in scripts {
        let path = recordings::make(&script, &folder)?;
        writeln!(std::io::stdout(), "{}", path.display())?;
    }
    Ok(())
}
