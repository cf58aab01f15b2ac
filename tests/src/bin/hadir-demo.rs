//! `hadir-demo`: the whole system on this machine, with people on recordings; what `make demo` starts.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use hadir_tests::harness::process::Group;
use hadir_tests::harness::site::{Camera, Site, Source};
use hadir_tests::harness::staff::{self, Employee};
use hadir_tests::harness::system::{ADMIN, Agent, Broker, Plan, System};
use hadir_tests::harness::{Error, paths, ports};
use hadir_tests::presence;
use hadir_tests::recordings::{self, script};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

/// Seconds until off and absent: short, so that everything happens within three minutes, but longer than the
/// 10 s that may lie between two sightings of somebody who stays.
const THRESHOLDS: [u32; 2] = [15, script::ABSENT_AFTER_S as u32];
/// The supervisor who may log in besides the administrator.
const SUPERVISOR: (&str, &str) = ("sari", "EMP002");

/// Starts the demo: two cameras, three people, their supervisors' phones.
#[derive(Parser)]
#[command(name = "hadir-demo", version, about)]
struct Cli {
    /// Where its data lie; made anew at every start.
    #[arg(long, value_name = "DIR", default_value = ".demo")]
    dir: PathBuf,
    /// Go on with the data of the last run.
    #[arg(long)]
    keep: bool,
    /// Port of the dashboard; the next free one is taken where it is in use.
    #[arg(long, default_value_t = 8080, value_name = "PORT")]
    web_port: u16,
    /// Port of the simulated phones.
    #[arg(long, default_value_t = 8090, value_name = "PORT")]
    phones_port: u16,
    /// Port of the MQTT broker.
    #[arg(long, default_value_t = 1883, value_name = "PORT")]
    mqtt_port: u16,
    /// Stop by itself after so many seconds.
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Print the addresses as one line of JSON.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            say(&format!("hadir-demo: {e}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: &Cli) -> Result<(), Error> {
    // From here on a Ctrl-C ends the demo in order.
    let at_signal = |e| Error::Other(format!("signals cannot be awaited: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(at_signal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(at_signal)?;
    let asked_to_stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    tokio::pin!(asked_to_stop);

    let mut system = tokio::select! {
        system = start(cli) => system?,
        () = &mut asked_to_stop => return Ok(()),
    };
    announce(cli, &system)?;
    let end = cli.seconds.map(|s| Instant::now() + Duration::from_secs(s));
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = &mut asked_to_stop => break,
            _ = every_second.tick() => {
                system.check()?;
                if end.is_some_and(|end| Instant::now() >= end) {
                    break;
                }
            }
        }
    }
    say("Stopping …");
    // Waiting for processes blocks, which this thread may.
    tokio::task::block_in_place(|| system.stop())?;
    say(&format!("Stopped. Logs and data are in {}.", cli.dir.display()));
    Ok(())
}

async fn start(cli: &Cli) -> Result<System, Error> {
    let folder = paths::recordings()?;
    let mut films = Vec::new();
    for script in [script::store(), script::lobby()] {
        say(&format!("Recording “{}” …", script.name));
        let film = tokio::task::block_in_place(|| recordings::make(&script, &folder))?;
        films.push(film);
    }
    let [store, lobby]: [PathBuf; 2] = films
        .try_into()
        .map_err(|_| Error::Other("two recordings were asked for".into()))?;
    say("Recording “office” …");
    let office = tokio::task::block_in_place(|| presence::office(&folder))?;
    let dir = std::path::absolute(&cli.dir).map_err(|e| Error::File(cli.dir.clone(), e))?;
    let resumed = cli.keep && dir.join("site/aggregator.toml").is_file();
    if !resumed {
        clear(&dir)?;
    }
    std::fs::create_dir_all(&dir).map_err(|e| Error::File(dir.clone(), e))?;
    let plan = Plan {
        ports: choose_ports(cli, resumed, &dir)?,
        dir,
        site_id: "cikarang",
        site_name: "Pabrik Cikarang (demo)",
        broker: Broker::Embedded,
        off_after: THRESHOLDS[0],
        absent_after: THRESHOLDS[1],
        agents: vec![
            agent(
                "gate-1",
                [Camera {
                    id: "cam-1",
                    number: 1,
                    label: "Gudang A",
                    area: "gudang",
                    source: Source::Recording(store),
                }],
            ),
            agent(
                "gate-2",
                [
                    Camera {
                        id: "cam-2",
                        number: 2,
                        label: "Lobi",
                        area: "lobi",
                        source: Source::Recording(lobby),
                    },
                    Camera {
                        id: "cam-3",
                        number: 3,
                        label: "Kantor",
                        area: "kantor",
                        source: Source::Recording(office),
                    },
                ],
            ),
        ],
        staff: staff::company(),
        group: Group::Own,
    };
    say("Starting WhatsApp simulator, aggregator and two agents …");
    if resumed {
        let site = Site {
            dir: plan.dir.join("site"),
            id: plan.site_id,
        };
        let password = read_password(&plan.dir)?;
        return System::resume(plan, site, password).await;
    }
    let mut system = System::start(plan).await?;
    say("Registering the company and enrolling three people …");
    let registered = async {
        system.register_staff().await?;
        system.wait_for_cameras(Duration::from_secs(90)).await?;
        system
            .site
            .add_user(SUPERVISOR.0, "supervisor", &system.password, Some(SUPERVISOR.1))
    };
    if let Err(e) = registered.await {
        return Err(system.explain(e));
    }
    write_password(&system.plan.dir, &system.password)?;
    Ok(system)
}

fn agent(id: &'static str, cameras: impl Into<Vec<Camera>>) -> Agent {
    Agent {
        id,
        cameras: cameras.into(),
    }
}

/// Removes the last run's data; only what a demo has made.
fn clear(dir: &std::path::Path) -> Result<(), Error> {
    for part in ["site", "logs", "broker"] {
        let path = dir.join(part);
        if let Err(e) = std::fs::remove_dir_all(&path)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Error::File(path, e));
        }
    }
    Ok(())
}

fn choose_ports(cli: &Cli, resumed: bool, dir: &std::path::Path) -> Result<[u16; 3], Error> {
    if resumed {
        return kept_ports(dir);
    }
    let mut taken = Vec::new();
    for (what, wished) in [
        ("dashboard", cli.web_port),
        ("phones", cli.phones_port),
        ("MQTT broker", cli.mqtt_port),
    ] {
        let port = ports::from(wished, &taken)?;
        if port != wished {
            say(&format!("Port {wished} is in use; the {what} takes {port}."));
        }
        taken.push(port);
    }
    Ok([taken[0], taken[1], taken[2]])
}

/// The ports that the last run's configuration names: devices know them.
fn kept_ports(dir: &std::path::Path) -> Result<[u16; 3], Error> {
    let path = dir.join("site/aggregator.toml");
    let text = std::fs::read_to_string(&path).map_err(|e| Error::File(path.clone(), e))?;
    let table: toml::Table = text
        .parse()
        .map_err(|e| Error::Other(format!("{}: {e}", path.display())))?;
    let port = |section: &str, key: &str| {
        let value = table.get(section)?.get(key)?.as_str()?;
        let value = value.trim_end_matches("/v23.0");
        value.rsplit(':').next()?.parse().ok()
    };
    let ports = [
        port("web", "listen"),
        port("whatsapp", "base_url"),
        port("mqtt", "listen"),
    ];
    match ports {
        [Some(web), Some(phones), Some(mqtt)] => Ok([web, phones, mqtt]),
        _ => Err(Error::Other(format!(
            "{} is not a demo's configuration; start without --keep",
            path.display()
        ))),
    }
}

fn write_password(dir: &std::path::Path, password: &str) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = dir.join("site/secrets/demo-password");
    let file = std::fs::File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&path);
    file.and_then(|mut f| f.write_all(password.as_bytes()))
        .map_err(|e| Error::File(path, e))
}

fn read_password(dir: &std::path::Path) -> Result<String, Error> {
    let path = dir.join("site/secrets/demo-password");
    std::fs::read_to_string(&path).map_err(|e| Error::File(path, e))
}

fn announce(cli: &Cli, system: &System) -> Result<(), Error> {
    let text = if cli.json {
        json!({
            "dashboard": system.dashboard(), "username": ADMIN, "password": system.password,
            "phones": system.phones(), "broker": format!("127.0.0.1:{}", system.plan.ports[2]),
            "dir": system.plan.dir, "off_after_s": THRESHOLDS[0], "absent_after_s": THRESHOLDS[1],
            "employees": system.plan.staff.iter().map(|e: &Employee| json!({"id": e.id, "name": e.name})).collect::<Vec<_>>(),
        })
        .to_string()
    } else {
        format!(
            "\n  Dashboard   {}\n              user {ADMIN}, password {password}\n              \
             (or as supervisor: user {}, same password)\n  \
             Phones      {}   WhatsApp as the supervisors see it; its buttons work\n  \
             Broker      127.0.0.1:{}\n\n  \
             Off after {} s, absent after {} s (45 s and 5 min otherwise), so that within three minutes\n  \
             everybody comes, leaves, is missed and returns. Ctrl-C stops everything.\n",
            system.dashboard(),
            SUPERVISOR.0,
            system.phones(),
            system.plan.ports[2],
            THRESHOLDS[0],
            THRESHOLDS[1],
            password = system.password,
        )
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|e| Error::File("standard output".into(), e))
}

/// Progress goes to stderr, so that stdout holds the addresses alone.
fn say(text: &str) {
    // Nothing is left to do where even stderr is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}
