//! Sightings under faults: agents, broker and aggregator are killed at random while sightings are made, and the broker
//! is cut off for a while; afterwards every sighting must be stored exactly once, in order.
//!
//! What was made stands in a ledger that the agents write after their outbox has taken a sighting in
//! (`hadir-agent simulate`, built with the feature `simulate`). What was stored is read from the aggregator's store.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::Method;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tokio::time::Instant;

use crate::harness::client::{self, Api};
use crate::harness::process::{Group, Process};
use crate::harness::site::{Camera, Options as SiteOptions, Site, Source};
use crate::harness::{Error, eventually, mosquitto, paths, ports};

/// The devices.
const AGENTS: [&str; 4] = ["gate-1", "gate-2", "gate-3", "gate-4"];
/// Who is seen.
const EMPLOYEES: [&str; 5] = ["EMP201", "EMP202", "EMP203", "EMP204", "EMP205"];
/// From one kill to the next, on average.
const BETWEEN_KILLS: Duration = Duration::from_millis(1000);
/// What was killed is started again after this at most.
const LONGEST_DOWN: Duration = Duration::from_millis(1500);
/// When nothing is killed any more, everything arrives within this time.
const ARRIVES_WITHIN: Duration = Duration::from_secs(180);

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// A folder for everything; it must not exist.
    pub dir: PathBuf,
    /// So many sightings are made, by four agents together.
    pub sightings: u64,
    /// So many processes are killed.
    pub kills: u32,
    /// For so long the broker is gone, half-way through.
    pub cut: Duration,
    /// The same seed kills in the same order.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Sightings in the store.
    pub sightings: u64,
    /// Processes killed.
    pub kills: u32,
    /// Sightings that an outbox had taken in and that are not stored; and numbers that are missing in the store.
    pub lost: u64,
    /// Sightings that are stored twice, by their number or by what they say.
    pub duplicated: u64,
    /// Sightings that were stored after later ones of the same agent.
    pub disordered: u64,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            sightings,
            kills,
            lost,
            duplicated,
            disordered,
        } = self;
        write!(
            f,
            "sightings={sightings} kills={kills} lost={lost} duplicated={duplicated}"
        )?;
        match disordered {
            0 => Ok(()),
            n => write!(f, " disordered={n}"),
        }
    }
}

/// A process that is started again after it was killed.
struct Part {
    name: &'static str,
    command: Box<dyn Fn() -> Result<Command, Error>>,
    process: Option<Process>,
}

impl Part {
    fn start(&mut self, logs: &Path) -> Result<(), Error> {
        self.process = Some(Process::start(
            self.name,
            &mut (self.command)()?,
            logs,
            Group::Shared,
        )?);
        Ok(())
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }
}

/// Does it.
///
/// # Errors
/// When something does not start, or does not end.
pub async fn run(options: &Options) -> Result<Outcome, Error> {
    let Options { dir, sightings, .. } = options;
    let knows = Command::new(paths::binary("hadir-agent")?)
        .args(["simulate", "--help"])
        .output();
    if !knows.is_ok_and(|output| output.status.success()) {
        let why = "hadir-agent was built without the feature `simulate`: make chaos and make test build it";
        return Err(Error::Other(why.into()));
    }
    let logs = dir.join("logs");
    let [web, mqtt] = [ports::free()?, ports::free()?];
    let site = Site::init(&SiteOptions {
        dir: dir.join("site"),
        id: "cikarang",
        name: "Pabrik Cikarang",
        web,
        mqtt,
        // Nobody is told anything: nobody is absent for so long.
        whatsapp: ports::free()?,
        off_after: 3600,
        absent_after: 7200,
    })?;
    site.add_user("admin", "admin", "a-long-password", None)?;
    for (i, agent) in AGENTS.into_iter().enumerate() {
        site.add_device(agent, &[camera(i)])?;
    }
    let broker = mosquitto::configure(&site, &AGENTS, &dir.join("broker"), mqtt)?;
    let mut parts = vec![
        Part {
            name: "mosquitto",
            command: Box::new(move || Ok(mosquitto::command(&broker))),
            process: None,
        },
        Part {
            name: "aggregator",
            command: Box::new({
                let config = site.config();
                move || {
                    let mut command = Command::new(paths::binary("hadir-aggregator")?);
                    command.args(["run", "--config"]).arg(&config);
                    Ok(command)
                }
            }),
            process: None,
        },
    ];
    let each = sightings.div_ceil(AGENTS.len() as u64);
    let seconds = BETWEEN_KILLS.as_secs_f64() * f64::from(options.kills) + options.cut.as_secs_f64();
    for agent in AGENTS {
        let (config, ledger) = (site.bundle(agent).join("agent.toml"), ledger(dir, agent));
        let rate = (each as f64 / seconds.max(1.0)).max(1.0);
        parts.push(Part {
            name: agent,
            command: Box::new(move || {
                let mut command = Command::new(paths::binary("hadir-agent")?);
                command
                    .args(["simulate", "--config"])
                    .arg(&config)
                    .arg("--ledger")
                    .arg(&ledger);
                command.args(["--total", &each.to_string(), "--rate", &rate.to_string()]);
                command.args(["--employees", &EMPLOYEES.join(",")]);
                Ok(command)
            }),
            process: None,
        });
    }
    parts[0].start(&logs)?;
    parts[1].start(&logs)?;
    register(web).await?;
    for part in &mut parts[2..] {
        part.start(&logs)?;
    }
    let kills = torment(options, &mut parts, &logs).await?;
    let store = site.dir.join("data/hadir.sqlite");
    let arrived = eventually("every sighting arrives", ARRIVES_WITHIN, async || {
        let mut waiting = 0;
        for agent in AGENTS {
            let outbox = site.bundle(agent).join("data/outbox.sqlite");
            waiting += number(&outbox, "select count(*) from sighting")?;
            waiting += each.saturating_sub(read_ledger(dir, agent).len() as u64);
        }
        if waiting == 0 {
            Ok(())
        } else {
            Err(format!("{waiting} are still to come"))
        }
    })
    .await;
    if let Err(e) = arrived {
        let tails: Vec<String> = parts
            .iter()
            .filter_map(|part| Some(part.process.as_ref()?.tail()))
            .collect();
        return Err(Error::Other(format!("{e}\n{}", tails.join("\n"))));
    }
    for part in parts.iter_mut().rev() {
        part.kill();
    }
    look(dir, &store, kills)
}

fn camera(i: usize) -> Camera {
    const IDS: [&str; 4] = ["cam-1", "cam-2", "cam-3", "cam-4"];
    Camera {
        id: IDS[i],
        number: i as u32 + 1,
        label: "Gudang",
        area: "gudang",
        source: Source::Recording("none.mp4".into()),
    }
}

fn ledger(dir: &Path, agent: &str) -> PathBuf {
    dir.join(format!("{agent}.ledger"))
}

fn read_ledger(dir: &Path, agent: &str) -> Vec<u64> {
    let text = std::fs::read_to_string(ledger(dir, agent)).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// Registers who is seen.
async fn register(web: u16) -> Result<(), Error> {
    let base = format!("http://127.0.0.1:{web}");
    let http = client::http()?;
    eventually("the aggregator answers", Duration::from_secs(60), async || {
        let answer = http.get(format!("{base}/healthz")).send().await;
        answer.map(drop).map_err(|e| e.to_string())
    })
    .await?;
    let api = Api::login(&base, "admin", "a-long-password").await?;
    for id in EMPLOYEES {
        let body = json!({"id": id, "name": format!("Karyawan {id}"), "supervisor": null, "areas": []});
        api.must(Method::POST, "/api/employees", Some(&body)).await?;
    }
    Ok(())
}

/// Kills one after the other and starts each again; gives how many were killed.
async fn torment(options: &Options, parts: &mut [Part], logs: &Path) -> Result<u32, Error> {
    let mut random = Random(options.seed | 1);
    let mut due: HashMap<usize, Instant> = HashMap::new();
    let mut kills = 0;
    let mut next = Instant::now() + BETWEEN_KILLS;
    let mut cut = Some(options.kills / 2);
    while kills < options.kills || !due.is_empty() {
        let now = Instant::now();
        let ready: Vec<usize> = due
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(i, _)| *i)
            .collect();
        for i in ready {
            due.remove(&i);
            parts[i].start(logs)?;
        }
        if now >= next && kills < options.kills {
            next = now + BETWEEN_KILLS.mul_f64(2.0 * random.share());
            let i = (random.share() * parts.len() as f64) as usize;
            if parts[i].process.is_some() {
                parts[i].kill();
                kills += 1;
                due.insert(i, now + LONGEST_DOWN.mul_f64(random.share()));
            }
            if cut.is_some_and(|at| kills >= at) {
                cut = None;
                kills += u32::from(parts[0].process.is_some());
                parts[0].kill();
                due.insert(0, now + options.cut);
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(kills)
}

/// A xorshift generator (Marsaglia, "Xorshift RNGs", 2003).
struct Random(u64);

impl Random {
    /// From 0 to below 1.
    fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn open(path: &Path) -> Result<Connection, String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|e| format!("{}: {e}", path.display()))?;
    connection
        .busy_timeout(Duration::from_secs(5))
        .map_err(|e| e.to_string())?;
    Ok(connection)
}

fn number(path: &Path, query: &str) -> Result<u64, String> {
    let number: i64 = open(path)?
        .query_row(query, [], |row| row.get(0))
        .map_err(|e| e.to_string())?;
    Ok(number.unsigned_abs())
}

/// Compares the store with the ledgers.
fn look(dir: &Path, store: &Path, kills: u32) -> Result<Outcome, Error> {
    let store = open(store).map_err(Error::Other)?;
    let rows = |agent: &str| -> rusqlite::Result<Vec<(u64, u64)>> {
        let mut select = store.prepare("select seq, track from sighting where agent = ?1 order by rowid")?;
        let rows = select.query_map([agent], |row| {
            Ok((
                row.get::<_, i64>(0)?.unsigned_abs(),
                row.get::<_, i64>(1)?.unsigned_abs(),
            ))
        })?;
        rows.collect()
    };
    let mut outcome = Outcome {
        sightings: 0,
        kills,
        lost: 0,
        duplicated: 0,
        disordered: 0,
    };
    for agent in AGENTS {
        let stored = rows(agent).map_err(|e| Error::Other(e.to_string()))?;
        count(&mut outcome, &stored, &read_ledger(dir, agent));
    }
    Ok(outcome)
}

/// Adds what one agent's rows (seq and track, in the order in which they were stored) and ledger say.
fn count(outcome: &mut Outcome, stored: &[(u64, u64)], ledger: &[u64]) {
    let mut times: HashMap<u64, u64> = HashMap::new();
    let mut seqs: Vec<u64> = Vec::new();
    for (seq, track) in stored {
        *times.entry(*track).or_default() += 1;
        seqs.push(*seq);
    }
    outcome.sightings += stored.len() as u64;
    outcome.disordered += seqs.windows(2).filter(|pair| pair[0] > pair[1]).count() as u64;
    let missing = ledger.iter().filter(|track| !times.contains_key(track)).count();
    seqs.sort_unstable();
    let last = seqs.last().copied().unwrap_or_default();
    let all = seqs.len();
    seqs.dedup();
    let holes = last - seqs.len() as u64;
    outcome.lost += missing as u64 + holes;
    let repeated: u64 = times.values().map(|times| times - 1).sum();
    outcome.duplicated += repeated.max((all - seqs.len()) as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stored: &[(u64, u64)], ledger: &[u64], expected: [u64; 4]) {
        let mut outcome = Outcome {
            sightings: 0,
            kills: 0,
            lost: 0,
            duplicated: 0,
            disordered: 0,
        };
        count(&mut outcome, stored, ledger);
        let Outcome {
            sightings,
            lost,
            duplicated,
            disordered,
            ..
        } = outcome;
        assert_eq!([sightings, lost, duplicated, disordered], expected, "{stored:?}");
    }

    #[test]
    fn what_is_wrong_is_counted() {
        check(&[(1, 5), (2, 6), (3, 9)], &[5, 6, 9], [3, 0, 0, 0]);
        // One more than the ledger has: killed before it got there.
        check(&[(1, 5), (2, 6)], &[5], [2, 0, 0, 0]);
        check(&[(1, 5), (2, 6)], &[5, 6, 7], [2, 1, 0, 0]);
        check(&[(1, 5), (3, 7)], &[5, 7], [2, 1, 0, 0]);
        check(&[(1, 5), (1, 5), (2, 6)], &[5, 6], [3, 0, 1, 0]);
        check(&[(1, 5), (2, 5)], &[5], [2, 0, 1, 0]);
        check(&[(2, 6), (1, 5)], &[5, 6], [2, 0, 0, 1]);
        check(&[], &[5], [0, 1, 0, 0]);
    }
}
