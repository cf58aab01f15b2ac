//! The command line, as clap reads it.

use clap::{Parser, Subcommand};
use hadir_models::{Compute, Instructions, ModelError};

#[cfg(feature = "simulate")]
use crate::commands::simulate;
use crate::commands::{bench, camera, detect, doctor, embed, eval, run, test_recording};

/// Recognises employees beside the camera and reports sightings, nothing else.
#[derive(Debug, Parser)]
#[command(name = "hadir-agent", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Vector instructions of the networks: avx512, avx2, neon, portable; by themselves the widest that the
    /// processor has
    #[arg(long, global = true, value_name = "NAME", env = "HADIR_INSTRUCTIONS", value_parser = instructions)]
    pub(crate) instructions: Option<Wanted>,
    /// Run the networks on this CUDA device, counted from 0
    #[cfg(feature = "cuda")]
    #[arg(
        long,
        global = true,
        value_name = "N",
        env = "HADIR_GPU",
        conflicts_with = "instructions"
    )]
    pub(crate) gpu: Option<usize>,
}

impl Cli {
    /// How the networks are computed, with so many threads.
    ///
    /// # Errors
    /// When the processor lacks the instructions or there is no such device.
    pub(crate) fn compute(&self, threads: usize) -> Result<Compute, ModelError> {
        #[cfg(feature = "cuda")]
        if let Some(number) = self.gpu {
            return Compute::cuda(number);
        }
        let wanted = self.instructions.and_then(|wanted| wanted.0);
        Compute::new(wanted.unwrap_or_else(Instructions::best), threads)
    }
}

/// The instructions that were asked for; `None`: the best ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted(Option<Instructions>);

/// An empty name, as a variable in a unit's environment may have, is no wish.
fn instructions(name: &str) -> Result<Wanted, String> {
    match name {
        "" => Ok(Wanted(None)),
        name => name.parse().map(|wanted| Wanted(Some(wanted))),
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the agent: capture, recognise, report
    Run(run::RunArgs),
    /// Check everything that this agent needs, and say what to do about what is wrong
    Doctor(doctor::DoctorArgs),
    /// Look whether a camera hangs where faces can be recognised
    Camera(camera::CameraArgs),
    /// Try recordings: who is recognised in them, when, how surely
    TestRecording(test_recording::TestRecordingArgs),
    /// Find the faces in pictures
    Detect(detect::DetectArgs),
    /// Turn the faces in pictures into embeddings
    Embed(embed::EmbedArgs),
    /// Measure accuracy on a set of pictures
    Eval(eval::EvalArgs),
    /// Measure speed
    Bench(bench::BenchArgs),
    /// Send made-up sightings, for tests
    #[cfg(feature = "simulate")]
    Simulate(simulate::SimulateArgs),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_chosen_by_name_or_left_to_the_program() {
        let parse = |arguments: &[&str]| Cli::try_parse_from([&["hadir-agent", "bench"], arguments].concat());
        for (name, expected) in [
            ("portable", Instructions::Portable),
            ("PORTABLE", Instructions::Portable),
            ("", Instructions::best()),
        ] {
            let cli = parse(&["--instructions", name]).expect("a name");
            let compute = cli.compute(1).expect("available");
            assert_eq!(compute.instructions(), expected, "{name}");
        }
        assert!(parse(&["--instructions", "mmx"]).is_err());
        let missing = [Instructions::Avx512, Instructions::Avx2, Instructions::Neon]
            .into_iter()
            .find(|i| !i.is_available())
            .expect("no processor has them all");
        let cli = parse(&["--instructions", missing.as_str()]).expect("a name");
        assert!(matches!(cli.compute(1), Err(ModelError::Instructions(_))));
    }
}
