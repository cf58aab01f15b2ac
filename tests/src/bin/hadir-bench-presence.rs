//! `hadir-bench-presence`: people who turn round, cross, hide and leave on drawn recordings, and whether the agent knows
//! that they are there; what `make bench-presence` starts.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use hadir_tests::presence::{Error, Options, Total, Verdict, measure};

/// Whether people are followed who show no face.
#[derive(Parser)]
#[command(name = "hadir-bench-presence", version, about)]
struct Cli {
    /// How many recordings.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1000))]
    scripts: u32,
    /// The same seed draws the same recordings; without one, the time does.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Of these only the ones with these numbers, as printed before each.
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    only: Vec<usize>,
    /// Keep the recordings in this folder.
    #[arg(long, value_name = "DIR")]
    keep: Option<std::path::PathBuf>,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(total) if total.right() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(e) => {
            // Nothing is left to do where even stderr is closed.
            let _ = writeln!(std::io::stderr(), "hadir-bench-presence: {e}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> Result<Total, Error> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let options = Options {
        scripts: cli.scripts as usize,
        seed: cli.seed.unwrap_or(since_1970.as_secs()),
    };
    let scratch = tempfile::tempdir()?;
    let folder = cli.keep.as_deref().unwrap_or(scratch.path());
    std::fs::create_dir_all(folder)?;
    let mut out = std::io::stdout();
    writeln!(out, "seed={} scripts={}", options.seed, options.scripts)?;
    let (mut bodies, mut faces) = (Total::default(), Total::default());
    for number in (0..options.scripts).filter(|number| cli.only.is_empty() || cli.only.contains(number)) {
        let measured = measure(&options, number, folder)?;
        writeln!(
            out,
            "{:02} {} {:.0} s",
            measured.number, measured.kind, measured.seconds
        )?;
        tell(&mut out, "bodies", &measured.bodies)?;
        tell(&mut out, "faces", &measured.faces)?;
        bodies.add(&measured.bodies);
        faces.add(&measured.faces);
    }
    writeln!(out, "faces alone: {faces}")?;
    writeln!(out, "{bodies}")?;
    Ok(bodies)
}

fn tell(out: &mut impl std::io::Write, by: &str, verdict: &Verdict) -> std::io::Result<()> {
    for person in &verdict.people {
        writeln!(
            out,
            "   {by:<6} {:<14} present {:6.1}  named {:6.1}  on record {:6.1}  by face {:6.1}  by body {:6.1}  \
             missed {:5.1}  wrong {:4.1}  held {:3.1}  false absences {}",
            person.name,
            person.present_s,
            person.named_s,
            person.kept_s,
            person.by_face_s,
            person.by_body_s,
            person.named_s - person.kept_s,
            person.wrong_s,
            person.held_s,
            person.false_absences
        )?;
    }
    Ok(())
}
