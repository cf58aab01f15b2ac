//! What the tools write: results on standard output, one complaint a line on standard error.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::Failure;

/// Why a tool stops before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// Its own reason.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// Its results cannot be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Runs a tool with standard output to write to. Where the reader has gone (`| head`), that is its quiet end.
///
/// # Errors
/// The tool's own failure, or that its output cannot be written.
pub(crate) fn to_stdout(tool: impl FnOnce(&mut dyn Write) -> Result<(), Stop>) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let ended = tool(&mut out);
    // What was found before a failure is printed too.
    let flushed = out.flush().map_err(Stop::Write);
    match ended.and(flushed) {
        Ok(()) => Ok(()),
        Err(Stop::Failure(failure)) => Err(failure),
        Err(Stop::Write(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(Stop::Write(e)) => Err(Failure::NotRight(format!("the output cannot be written: {e}"))),
    }
}

/// Writes one JSON value as a line.
pub(crate) fn json_line(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Says on standard error what is wrong with one file; the tool goes on with the next.
pub(crate) fn complain(path: &Path, problem: &str) {
    // Where standard error is closed there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{}: {problem}", path.display());
}
