//! `hadir-bench-ingest`: how many sightings a second the aggregator takes in, beside the same batches as bare SQLite
//! inserts with the same durability, and what a tick with nothing due costs; what `make bench-ingest` starts.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Parser;
use hadir_aggregator::core::{Core, Settings};
use hadir_shared::clock::ManualClock;
use hadir_shared::id::{AgentId, AreaId, CameraId, EmployeeId, SiteId};
use hadir_shared::sighting::{Basis, Method, Phase, Sighting, SightingBatch};
use hadir_shared::status::{AgentStatus, CameraCounts, CameraMode, CameraState, CameraStatus, Inference};
use rusqlite::{Connection, params};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Take sightings in, and insert the same beside it.
#[derive(Parser)]
#[command(name = "hadir-bench-ingest", version, about)]
struct Cli {
    /// How many people are registered.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    employees: usize,
    /// How many sightings are taken in.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    sightings: usize,
    /// How many of them come in a batch.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=500))]
    batch: u16,
    /// Where the stores lie; on the disk that counts. They are removed.
    #[arg(long, value_name = "DIR")]
    dir: Option<std::path::PathBuf>,
}

const AGENTS: usize = 16;
const CAMERAS: usize = 12;
/// Batches that one side takes before it is the other's turn.
const TURN: usize = 25;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "hadir-bench-ingest: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Outcome<()> {
    let folder = match &cli.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir_in(std::env::current_dir()?)?,
    };
    let start = DateTime::from_timestamp(1_790_000_000, 0).ok_or("a time")?;

    let few = site(&folder.path().join("few"), 100, start)?;
    let many = site(&folder.path().join("many"), cli.employees, start)?;
    let bare = bare(&folder.path().join("bare.sqlite"))?;

    let batch = usize::from(cli.batch);
    let mut seqs = [0u64; AGENTS];
    let (mut ours, mut theirs): (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    let (mut sighted, mut taken) = (0, 0);
    while sighted < cli.sightings {
        // Everybody is seen every ten seconds, each always by the same agent.
        let mut batches = Vec::new();
        for _ in 0..TURN {
            let agent = sighted % cli.employees / batch % AGENTS;
            let round = sighted / cli.employees;
            let at = start + TimeDelta::seconds(10 * (round as i64 + 1));
            let sightings: Vec<Sighting> = (0..batch)
                .map(|n| {
                    seqs[agent] += 1;
                    let employee = (sighted + n) % cli.employees;
                    sighting(seqs[agent], agent, employee, at)
                })
                .collect();
            sighted += batch;
            batches.push((agent, at, sightings));
        }
        let began = Instant::now();
        for (_, at, sightings) in &batches {
            insert(&bare, sightings, *at)?;
        }
        theirs.push(began.elapsed());
        let began = Instant::now();
        for (agent, at, sightings) in batches {
            many.clock.set(at);
            let ack = many
                .core
                .take_sightings(&agent_id(agent)?, SightingBatch { sightings })?;
            if ack.is_none() {
                return Err("a batch was not acknowledged".into());
            }
            // A tick every second, as the aggregator has: it writes what ingest leaves for later.
            taken += batch;
            if taken % (cli.employees / 10).max(batch) < batch {
                many.core.tick()?;
            }
        }
        ours.push(began.elapsed());
    }
    let stored: i64 = Connection::open(folder.path().join("many/hadir.sqlite"))?.query_row(
        "select count(*) from sighting",
        [],
        |row| row.get(0),
    )?;
    if usize::try_from(stored)? != sighted {
        return Err(format!("{stored} sightings are stored, and not {sighted}").into());
    }

    let rows = (TURN * batch) as f64;
    let per_second = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        rows / times[times.len() / 2].as_secs_f64()
    };
    let (ours, theirs) = (per_second(&mut ours), per_second(&mut theirs));
    let mut out = std::io::stdout();
    writeln!(out, "employees                    {:>12}", cli.employees)?;
    writeln!(
        out,
        "sightings                    {sighted:>12}, {batch} in a batch"
    )?;
    writeln!(out, "aggregator                   {ours:>12.0} rows/s")?;
    writeln!(out, "bare SQLite inserts          {theirs:>12.0} rows/s")?;
    writeln!(
        out,
        "share                        {:>12.0} %",
        100.0 * ours / theirs
    )?;
    for (site, employees) in [(&few, 100), (&many, cli.employees)] {
        let ns = tick(site)?;
        let label = format!("tick, {employees} employees");
        writeln!(out, "{label:<28} {ns:>12} ns")?;
    }
    writeln!(
        out,
        "(medians; synchronous = full, WAL, one transaction for each batch)"
    )?;
    Ok(())
}

struct Site {
    clock: Arc<ManualClock>,
    core: Arc<Core>,
}

/// A site with so many employees, all of whose cameras watch.
fn site(folder: &Path, employees: usize, start: DateTime<Utc>) -> Outcome<Site> {
    std::fs::create_dir_all(folder)?;
    let database = folder.join("hadir.sqlite");
    let settings = Settings::new(SiteId::new("bench")?, "Bench", chrono_tz::Asia::Jakarta, database);
    let clock = Arc::new(ManualClock::new(start));
    drop(Core::open(settings.clone(), clock.clone())?);
    let mut store = Connection::open(&settings.database)?;
    let hired = store.transaction()?;
    for n in 0..employees {
        let id = employee_id(n);
        hired.execute(
            "insert into employee (id, name, created_at, updated_at) values (?1, ?1, 0, 0)",
            [&id],
        )?;
        hired.execute(
            "insert into employee_status (employee, state, since) values (?1, 'unknown', 0)",
            [&id],
        )?;
    }
    hired.commit()?;
    drop(store);
    let core = Core::open(settings, clock.clone())?;
    for agent in 0..AGENTS {
        let cameras = (0..CAMERAS).map(|n| {
            Ok(CameraStatus {
                id: camera_id(agent, n)?,
                number: None,
                label: format!("{agent}/{n}"),
                area: AreaId::new(format!("area-{agent}"))?,
                mode: CameraMode::Recognise,
                state: CameraState::Streaming,
                inference: Inference::Active,
                fps: 7.0,
                last_frame: None,
                people: None,
                cause: None,
                problem: None,
                counts: CameraCounts::default(),
                placement: None,
            })
        });
        let status = AgentStatus {
            online: true,
            cameras: cameras.collect::<Outcome<_>>()?,
            ..AgentStatus::default()
        };
        core.take_status(&agent_id(agent)?, status)?;
    }
    Ok(Site { clock, core })
}

/// The table of sightings, and nothing else.
fn bare(path: &Path) -> Outcome<Connection> {
    let store = Connection::open(path)?;
    store.pragma_update(None, "journal_mode", "wal")?;
    store.pragma_update(None, "synchronous", "full")?;
    store.execute_batch(
        "create table sighting (id text primary key, agent text not null, seq integer not null, phase text not null,
             employee text not null, camera text not null, method text not null, track integer not null,
             first_at integer not null, last_at integer not null, confidence real not null, model text not null,
             stored_at integer not null) strict;
         create index sighting_employee_at on sighting (employee, last_at);
         create index sighting_agent_seq on sighting (agent, seq);",
    )?;
    Ok(store)
}

fn insert(store: &Connection, sightings: &[Sighting], now: DateTime<Utc>) -> Outcome<()> {
    let tx = store.unchecked_transaction()?;
    {
        let mut insert = tx.prepare_cached(
            "insert or ignore into sighting values (?1, 'agent', ?2, 'continued', ?3, ?4, 'face', ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        for one in sightings {
            insert.execute(params![
                one.id.to_string(),
                i64::try_from(one.seq)?,
                one.employee.as_str(),
                one.camera.as_str(),
                i64::try_from(one.track)?,
                one.first_at.timestamp_millis(),
                one.last_at.timestamp_millis(),
                f64::from(one.confidence),
                one.model,
                now.timestamp_millis()
            ])?;
        }
    }
    tx.commit()?;
    Ok(())
}

/// Nanoseconds of a tick with nothing due: the median.
fn tick(site: &Site) -> Outcome<u128> {
    // The first does what is done hourly, and notes that it lives.
    site.core.tick()?;
    let mut times = Vec::new();
    for _ in 0..10_001 {
        let began = Instant::now();
        site.core.tick()?;
        times.push(began.elapsed().as_nanos());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

fn employee_id(n: usize) -> String {
    format!("EMP{n:06}")
}

fn agent_id(n: usize) -> Outcome<AgentId> {
    Ok(AgentId::new(format!("agent-{n:02}"))?)
}

fn camera_id(agent: usize, n: usize) -> Outcome<CameraId> {
    Ok(CameraId::new(format!("cam-{agent:02}-{n:02}"))?)
}

fn sighting(seq: u64, agent: usize, employee: usize, at: DateTime<Utc>) -> Sighting {
    Sighting {
        id: Uuid::now_v7(),
        seq,
        phase: Phase::Continued,
        employee: EmployeeId::new(employee_id(employee)).expect("an id"),
        camera: camera_id(agent, employee % CAMERAS).expect("an id"),
        method: Method::Face,
        track: seq,
        first_at: at - TimeDelta::seconds(10),
        last_at: at,
        basis: Basis::Face,
        verified_at: None,
        confidence: 0.9,
        model: "sface-2021dec".into(),
    }
}
