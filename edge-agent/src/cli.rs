//! The command line, as clap reads it.

use clap::{Parser, Subcommand};
use hadir_models::{Compute, Instructions, ModelError};

use crate::commands::{bench, detect, doctor, embed, eval, run, test_recording};

/// Recognises employees beside the camera and reports sightings, nothing else.
#[derive(Debug, Parser)]
#[command(name = "hadir-agent", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Vector instructions of the networks: avx512, avx2, neon, portable; by themselves the widest that the
    /// processor has
    #[arg(long, global = true, value_name = "NAME", env = "HADIR_INSTRUCTIONS")]
    pub(crate) instructions: Option<Instructions>,
    /// Run the networks on this CUDA device, counted from 0
    #[cfg(feature = "cuda")]
    #[arg(long, global = true, value_name = "N", env = "HADIR_GPU")]
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
        Compute::new(self.instructions.unwrap_or_else(Instructions::best), threads)
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the agent: capture, recognise, report
    Run(run::RunArgs),
    /// Check everything that this agent needs, and say what to do about what is wrong
    Doctor(doctor::DoctorArgs),
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
}
