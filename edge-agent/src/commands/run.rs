//! `run`: the agent itself.

use std::path::{Path, PathBuf};

use clap::Args;
use hadir_models::Compute;

use super::Failure;
use crate::{agent, config};

/// Arguments of `run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// The agent's configuration
    #[arg(long, value_name = "FILE", default_value = "agent.toml")]
    pub(crate) config: PathBuf,
}

/// Checks the configuration and runs until SIGINT or SIGTERM. `compute` says how the networks are computed with so
/// many threads.
///
/// # Errors
/// A wrong configuration is a usage error; what prevents the start otherwise is told in a sentence.
pub(crate) fn run(
    args: &RunArgs,
    compute: impl FnOnce(usize) -> Result<Compute, Failure>,
) -> Result<(), Failure> {
    let config = load(&args.config)?;
    // With a camera for each thread, an inference has one thread; with fewer cameras it may use them all. A camera
    // that is off counts: a command may switch it on.
    let threads = if config.cameras.len() < config.threads {
        config.threads
    } else {
        1
    };
    let compute = compute(threads)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::NotRight(format!("the agent cannot start: {e}")))?;
    runtime
        .block_on(agent::run(config, &compute))
        .map_err(|e| Failure::NotRight(e.to_string()))?;
    // What still blocks (a dead camera's driver) does not keep the process alive.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    Ok(())
}

/// Reads the configuration; all of its mistakes are one usage error.
pub(super) fn load(path: &Path) -> Result<config::AgentConfig, Failure> {
    config::load(path).map_err(|errors| Failure::Usage(format!("the configuration is not right:\n{errors}")))
}
