//! `simulate`: the agent's outbox and uplink with made-up sightings, for tests of what happens when things are killed.
//!
//! Only in programs built with the feature `simulate`: a device in use must not be able to make sightings up.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use clap::Args;
use hadir_models::model::EMBEDDER;
use hadir_shared::id::EmployeeId;
use hadir_shared::sighting::{Basis, Method, Phase};
use hadir_shared::status::AgentStatus;
use tokio::sync::{Notify, mpsc, watch};

use super::{Failure, run};
use crate::agent;
use crate::camera::Camera;
use crate::config::AgentConfig;
use crate::outbox::{self, Draft, Outbox};
use crate::uplink::Uplink;

/// At most so many sightings are written at once, as when several tracks end in one frame.
const AT_ONCE: u64 = 4;

/// Arguments of `simulate`.
#[derive(Args, Debug)]
pub(crate) struct SimulateArgs {
    /// The agent's configuration
    #[arg(long, value_name = "FILE", default_value = "agent.toml")]
    config: PathBuf,
    /// File that gets a line for each sighting that the outbox took in: the number in its `track`
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// So many lines, then no more sightings are made
    #[arg(long, value_name = "N")]
    total: u64,
    /// Sightings a second
    #[arg(long, value_name = "R", default_value_t = 20.0)]
    rate: f64,
    /// Who is seen
    #[arg(long, value_name = "ID", required = true, value_delimiter = ',')]
    employees: Vec<EmployeeId>,
}

/// Makes sightings until there are enough, and sends them until SIGTERM.
///
/// # Errors
/// What prevents the start, in a sentence.
pub(crate) fn run(args: &SimulateArgs) -> Result<(), Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::NotRight(e.to_string());
    let config = run::load(&args.config)?;
    let _lock = outbox::lock(&config.data).map_err(|e| wrong(&e))?;
    let outbox = Arc::new(Outbox::open(&config.data, Arc::default()).map_err(|e| wrong(&e))?);
    let appended = Arc::new(Notify::new());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| wrong(&e))?;
    let camera = Arc::new(Camera::new(config.cameras[0].clone()));
    std::thread::scope(|scope| {
        let stop = watch::Sender::new(false);
        let maker = scope.spawn({
            let (outbox, appended, camera, stopped) =
                (outbox.clone(), appended.clone(), camera.clone(), stop.subscribe());
            move || make(args, &outbox, &appended, &camera, &stopped)
        });
        let sent = runtime.block_on(send(&config, &outbox, &appended, &camera, &stop));
        let made = maker
            .join()
            .unwrap_or_else(|_| Err("the maker of sightings failed".into()));
        sent.and(made).map_err(Failure::NotRight)
    })
}

async fn send(
    config: &AgentConfig,
    outbox: &Arc<Outbox>,
    appended: &Arc<Notify>,
    camera: &Camera,
    stop: &watch::Sender<bool>,
) -> Result<(), String> {
    let signal = agent::stop_signal().map_err(|e| e.to_string())?;
    let (commands, _received) = mpsc::channel(32);
    let uplink = Uplink {
        outbox: outbox.clone(),
        appended: appended.clone(),
        commands,
        pulse: Arc::default(),
    };
    let status = || {
        let (outbox_depth, outbox_dropped) = outbox.depth_and_dropped().unwrap_or_default();
        AgentStatus {
            online: true,
            version: env!("CARGO_PKG_VERSION").into(),
            model: EMBEDDER.id.into(),
            outbox_depth,
            outbox_dropped,
            cameras: vec![camera.status(Instant::now())],
            ..AgentStatus::default()
        }
    };
    tokio::join!(uplink.run(config, status, stop.subscribe()), async {
        signal.await;
        stop.send_replace(true);
    });
    Ok(())
}

/// Writes sightings into the outbox, and then into the ledger.
fn make(
    args: &SimulateArgs,
    outbox: &Outbox,
    appended: &Notify,
    camera: &Camera,
    stopped: &watch::Receiver<bool>,
) -> Result<(), String> {
    let (mut made, last) = read_ledger(args)?;
    let mut ledger = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&args.ledger)
        .map_err(|e| format!("the ledger {} cannot be written: {e}", args.ledger.display()))?;
    // What was killed between outbox and ledger has no line; its numbers are not used again.
    let mut next = last + AT_ONCE + 1;
    while !*stopped.borrow() {
        if made >= args.total {
            std::thread::sleep(Duration::from_millis(100));
            continue;
        }
        let count = (next % AT_ONCE + 1).min(args.total - made);
        let drafts: Vec<Draft> = (next..next + count)
            .map(|track| draft(args, camera, track))
            .collect();
        // They wait in memory where they cannot be written.
        let mut written = outbox
            .append(&drafts, outbox.clock().as_ref(), Utc::now())
            .is_ok();
        while !written && !*stopped.borrow() {
            std::thread::sleep(Duration::from_millis(100));
            outbox.write_waiting(Utc::now());
            written = outbox.problem().is_none();
        }
        appended.notify_one();
        let lines: String = (next..next + count).map(|track| format!("{track}\n")).collect();
        ledger
            .write_all(lines.as_bytes())
            .map_err(|e| format!("the ledger cannot be written: {e}"))?;
        next += count;
        made += count;
        std::thread::sleep(Duration::from_secs_f64(count as f64 / args.rate));
    }
    Ok(())
}

/// How many lines the ledger has, and the highest number in it.
fn read_ledger(args: &SimulateArgs) -> Result<(u64, u64), String> {
    let Ok(file) = std::fs::File::open(&args.ledger) else {
        return Ok((0, 0));
    };
    let (mut lines, mut last) = (0, 0);
    for line in std::io::BufReader::new(file).lines() {
        let number = line.ok().and_then(|line| line.parse::<u64>().ok());
        let number = number.ok_or_else(|| format!("{} is no ledger", args.ledger.display()))?;
        (lines, last) = (lines + 1, last.max(number));
    }
    Ok((lines, last))
}

fn draft(args: &SimulateArgs, camera: &Camera, track: u64) -> Draft {
    let now = Utc::now();
    let who = track as usize % args.employees.len();
    Draft {
        phase: [Phase::Began, Phase::Continued, Phase::Ended][track as usize % 3],
        employee: args.employees[who].clone(),
        camera: camera.config().id.clone(),
        method: Method::Face,
        track,
        first_at: now - TimeDelta::seconds(1),
        last_at: now,
        basis: Basis::Face,
        verified_at: None,
        confidence: 0.9,
        model: EMBEDDER.id.into(),
    }
}
