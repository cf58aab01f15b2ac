//! `eval`: how well recognition does on a set of pictures.

mod identify;
mod lfw;
mod pairs;

use hadir_models::Compute;

use super::Failure;

/// Measure recognition on labelled pictures
#[derive(Debug, clap::Args)]
pub(crate) struct EvalArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Pairs(pairs::PairsArgs),
    Identify(identify::IdentifyArgs),
}

/// Carries out the command.
///
/// # Errors
/// The chosen measurement's.
pub(crate) fn run(args: &EvalArgs, compute: &Compute) -> Result<(), Failure> {
    match &args.what {
        What::Pairs(args) => pairs::run(args, compute),
        What::Identify(args) => identify::run(args, compute),
    }
}
