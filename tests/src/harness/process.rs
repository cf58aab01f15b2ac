//! A process that the harness started: its log, its end.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to stop when it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// Why a process failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started.
    #[error("{program} cannot be started: {error}")]
    Start {
        /// Which program.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// Its log cannot be written.
    #[error("{0}: {1}")]
    Log(PathBuf, io::Error),
    /// It ended by itself.
    #[error("{name} ended with {status}:\n{tail}")]
    Ended {
        /// Which one.
        name: String,
        /// How.
        status: ExitStatus,
        /// The end of its log.
        tail: String,
    },
    /// It did not stop when it was asked to, or not in order.
    #[error("{name} was asked to stop, but {what}:\n{tail}")]
    Stop {
        /// Which one.
        name: String,
        /// What it did instead.
        what: String,
        /// The end of its log.
        tail: String,
    },
}

/// Who gets a Ctrl-C of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The process, too: the harness may be gone before it can stop it.
    Shared,
    /// The harness alone, which stops the process in its turn.
    Own,
}

/// A started process; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command; what it says goes to `<logs>/<name>.log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, command: &mut Command, logs: &Path, group: Group) -> Result<Self, Error> {
        let log = logs.join(format!("{name}.log"));
        let at_log = |e| Error::Log(log.clone(), e);
        std::fs::create_dir_all(logs).map_err(at_log)?;
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(at_log)?;
        let both = file.try_clone().map_err(at_log)?;
        command.stdin(Stdio::null()).stdout(file).stderr(both);
        if group == Group::Own {
            command.process_group(0);
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| Error::Start { program, error })?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The last lines of its log.
    pub fn tail(&self) -> String {
        tail(&self.log)
    }

    /// All that it said.
    pub fn said(&self) -> String {
        // A log that cannot be read has nothing to say.
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When it has ended, with the end of its log.
    pub fn check(&mut self) -> Result<(), Error> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(Error::Ended {
                name: self.name.clone(),
                status,
                tail: self.tail(),
            }),
            // Where its state cannot be asked, its work will show.
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not, or its exit status is not 0.
    pub fn stop(mut self) -> Result<(), Error> {
        let stop = |what: String, tail| Error::Stop {
            name: self.name.clone(),
            what,
            tail,
        };
        let pid = self.child.id().to_string();
        // The shell's own `kill`: no program of that name need be installed.
        let sent = Command::new("sh")
            .args(["-c", "kill -TERM \"$1\"", "sh", &pid])
            .status();
        if !sent.is_ok_and(|s| s.success()) {
            return self.check();
        }
        let end = Instant::now() + STOP_LIMIT;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(stop(format!("ended with {status}"), tail(&self.log))),
                Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(50)),
                Ok(None) => {
                    return Err(stop(
                        format!("still ran after {} s", STOP_LIMIT.as_secs()),
                        tail(&self.log),
                    ));
                }
                Err(e) => return Err(stop(e.to_string(), tail(&self.log))),
            }
        }
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// The last lines of a log.
pub fn tail(log: &Path) -> String {
    const LINES: usize = 25;
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LINES);
    format!("--- {} ---\n{}", log.display(), lines[from..].join("\n"))
}

/// What a command that ran to its end said.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit status; `None`: a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be started or does not end within `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Result<Outcome, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let start = |error| Error::Start {
        program: program.clone(),
        error,
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(start)?;
    // Both pipes are read while it runs, so that it never waits for a reader.
    let (out, err) = (
        child.stdout.take().map(read_all),
        child.stderr.take().map(read_all),
    );
    let end = Instant::now() + limit;
    let status = loop {
        match child.try_wait().map_err(start)? {
            Some(status) => break status,
            None if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
            None => {
                // It fails only when it has ended in this moment.
                let _ = child.kill();
                let _ = child.wait();
                let error = io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("it still ran after {} s", limit.as_secs()),
                );
                return Err(start(error));
            }
        }
    };
    let text = |reader: Option<std::thread::JoinHandle<String>>| {
        reader.and_then(|r| r.join().ok()).unwrap_or_default()
    };
    Ok(Outcome {
        code: status.code(),
        out: text(out),
        err: text(err),
    })
}

fn read_all(mut pipe: impl io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could be read until then is what there is.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
