//! Network cameras: a real RTSP server with H.264 and H.265 and logins, which goes away and comes back, and cameras
//! that are added, changed and removed while the agent runs.

use std::path::Path;
use std::time::Duration;

use hadir_tests::harness::camera::{Codec, RtspCamera};
use hadir_tests::harness::process::Process;
use hadir_tests::harness::site::{Camera, Source};
use hadir_tests::harness::system::{Agent, Broker, Plan, System};
use hadir_tests::harness::{Error, alone, eventually, paths, ports};
use hadir_tests::recordings::{self, script};
use serde_json::Value;

/// Nowhere but in the cameras' credentials may these stand.
const PASSWORDS: [&str; 2] = ["rahasia-Kamera-1!", "rahasia:Kamera@2"];
/// Who is on the first camera's picture, and who on the second's.
const SEEN: [(&str, &str); 2] = [("EMP102", "cam-1"), ("EMP101", "cam-2")];

fn camera(id: &'static str, number: u32, rtsp: &RtspCamera, transport: &'static str) -> Camera {
    Camera {
        id,
        number,
        label: "Gudang",
        area: "gudang",
        source: Source::Rtsp {
            url: rtsp.url(),
            transport,
            login: rtsp.login,
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rtsp_cameras_are_recognised_lost_and_found_again() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    let logs = folder.path().join("logs");
    let films = paths::recordings().expect("folder");
    let [stays, comes] = [script::stays(), script::short_store()]
        .map(|script| recordings::make(&script, &films).unwrap_or_else(|e| panic!("{e}")));
    let [first, second] = [
        ("camera-1", Codec::H264, PASSWORDS[0]),
        ("camera-2", Codec::H265, PASSWORDS[1]),
    ]
    .map(|(name, codec, password)| RtspCamera {
        name,
        port: ports::free().expect("port"),
        codec,
        login: ["petugas", password],
    });
    let server = first.start(&stays, &logs).await.unwrap_or_else(|e| panic!("{e}"));
    let _second = second
        .start(&comes, &logs)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let agents = vec![Agent {
        id: "gate-1",
        cameras: vec![
            camera("cam-1", 1, &first, "tcp"),
            camera("cam-2", 2, &second, "udp"),
        ],
    }];
    let plan = Plan::with_free_ports(folder.path().to_owned(), Broker::Embedded, agents).expect("ports");
    let mut system = System::start(plan).await.unwrap_or_else(|e| panic!("{e}"));
    let result = async {
        people_arrive(&mut system).await?;
        nobody_is_told_the_passwords(&system, &logs).await?;
        let server = goes_and_comes_back(&system, server, &first, &stays, &logs).await?;
        changes_are_taken_up(&system, &stays).await?;
        nobody_is_told_the_passwords(&system, &logs).await?;
        damaged_credentials_tell_nothing(&system, &logs).await?;
        Ok(server)
    }
    .await;
    let mut server = match result {
        Ok(server) => server,
        Err(e) => panic!("{}", system.explain(e)),
    };
    system.stop().unwrap_or_else(|e| panic!("{e}"));
    server.kill();
}

async fn people_arrive(system: &mut System) -> Result<(), Error> {
    system.wait_for_cameras(Duration::from_secs(90)).await?;
    system.register_staff().await?;
    for (employee, camera) in SEEN {
        eventually(
            "the person is seen at the camera",
            Duration::from_secs(90),
            async || {
                let rows = system.api.get("/api/status").await.map_err(|e| e.to_string())?;
                let row = rows
                    .as_array()
                    .and_then(|rows| rows.iter().find(|row| row["employee"] == employee));
                match row {
                    Some(row) if row["state"] == "available" && row["camera"] == camera => Ok(()),
                    other => Err(format!("{employee} at {camera}: {other:?}")),
                }
            },
        )
        .await?;
    }
    Ok(())
}

/// A camera as the aggregator tells it.
async fn told(system: &System, id: &str) -> Result<Value, String> {
    let cameras = system.api.get("/api/cameras").await.map_err(|e| e.to_string())?;
    let found = cameras
        .as_array()
        .and_then(|list| list.iter().find(|camera| camera["id"] == id));
    found
        .cloned()
        .ok_or_else(|| format!("there is no {id}: {cameras}"))
}

async fn until(system: &System, id: &str, state: &str, seconds: u64) -> Result<(), Error> {
    let what = format!("{id} is {state}");
    eventually(&what, Duration::from_secs(seconds), async || {
        let camera = told(system, id).await?;
        if camera["state"] == state {
            Ok(())
        } else {
            Err(camera.to_string())
        }
    })
    .await
}

async fn goes_and_comes_back(
    system: &System,
    mut server: Process,
    camera: &RtspCamera,
    recording: &Path,
    logs: &Path,
) -> Result<Process, Error> {
    server.kill();
    until(system, "cam-1", "stalled", 10).await?;
    until(system, "cam-1", "offline", 40).await?;
    let camera_told = told(system, "cam-1").await.map_err(Error::Other)?;
    if camera_told["cause"] != "unreachable" {
        return Err(Error::Other(format!("its cause is another: {camera_told}")));
    }
    let problem = camera_told["problem"].to_string();
    let address = camera.url();
    if !problem.contains(address.trim_end_matches("/stream"))
        || problem.contains("/stream")
        || !problem.contains("check its power")
    {
        return Err(Error::Other(format!(
            "the problem does not say what to do: {problem}"
        )));
    }
    let server = camera.start(recording, logs).await?;
    until(system, "cam-1", "streaming", 30).await?;
    Ok(server)
}

async fn changes_are_taken_up(system: &System, recording: &Path) -> Result<(), Error> {
    let mut third = Camera {
        id: "cam-3",
        number: 3,
        label: "Lobi",
        area: "lobi",
        source: Source::Recording(recording.to_owned()),
    };
    system.site.put_camera("gate-1", &third)?;
    until(system, "cam-3", "streaming", 30).await?;
    third.label = "Lobi utara";
    system.site.put_camera("gate-1", &third)?;
    eventually("the new name is taken up", Duration::from_secs(30), async || {
        let camera = told(system, "cam-3").await?;
        if camera["label"] == "Lobi utara" {
            Ok(())
        } else {
            Err(camera.to_string())
        }
    })
    .await?;
    // A mistake changes nothing that runs, and is told.
    third.number = 1;
    system.site.put_camera("gate-1", &third)?;
    eventually("the mistake is told", Duration::from_secs(30), async || {
        let said = system.said("gate-1");
        if said.contains("`number` is 1") {
            Ok(())
        } else {
            Err("the log does not".to_owned())
        }
    })
    .await?;
    until(system, "cam-1", "streaming", 1).await?;
    system.site.remove_camera("gate-1", "cam-3")?;
    eventually("the camera ends", Duration::from_secs(30), async || {
        let said = system.said("gate-1");
        if said.contains("camera stopped camera=cam-3") {
            Ok(())
        } else {
            Err("it does not".to_owned())
        }
    })
    .await?;
    until(system, "cam-1", "streaming", 10).await
}

/// Passwords without quotes, as people write them.
async fn damaged_credentials_tell_nothing(system: &System, logs: &Path) -> Result<(), Error> {
    let path = system.site.bundle("gate-1").join("camera_credentials.toml");
    let good = std::fs::read_to_string(&path).map_err(|e| Error::File(path.clone(), e))?;
    let damaged = format!("cam-9 = \"petugas:{}\"\n{good}", PASSWORDS[0]);
    std::fs::write(&path, &damaged).map_err(|e| Error::File(path.clone(), e))?;
    eventually("the mistake is told", Duration::from_secs(30), async || {
        let said = system.said("gate-1");
        if said.contains("camera_credentials.toml, line 1: is not as it must be") {
            Ok(())
        } else {
            Err("the log does not".to_owned())
        }
    })
    .await?;
    // The next status tells it.
    tokio::time::sleep(Duration::from_secs(6)).await;
    nobody_is_told_the_passwords(system, logs).await
}

/// No process list, no log and no status holds a password.
async fn nobody_is_told_the_passwords(system: &System, logs: &Path) -> Result<(), Error> {
    let mut told = String::new();
    for path in ["/api/cameras", "/api/agents", "/api/status"] {
        told += &system.api.get(path).await?.to_string();
    }
    let mut decoders = 0;
    let mut held = Vec::new();
    let mut look = |what: String, bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        if PASSWORDS.iter().any(|password| text.contains(password)) {
            held.push(what);
        }
    };
    for process in list(Path::new("/proc"))? {
        // One that has ended meanwhile has nothing to say; this one holds them in its memory, not there.
        let Ok(line) = std::fs::read(process.join("cmdline")) else {
            continue;
        };
        decoders += usize::from(line.starts_with(b"ffmpeg\0"));
        look(process.display().to_string(), &line);
    }
    for log in list(logs)? {
        look(
            log.display().to_string(),
            &std::fs::read(&log).unwrap_or_default(),
        );
    }
    for file in ["outbox.sqlite", "outbox.sqlite-wal"] {
        let path = system.site.bundle("gate-1").join("data").join(file);
        look(
            path.display().to_string(),
            &std::fs::read(&path).unwrap_or_default(),
        );
    }
    look("the API".into(), told.as_bytes());
    let stores = [system.site.dir.clone(), system.site.dir.join("data")];
    let stores = stores
        .iter()
        .map(|folder| list(folder))
        .collect::<Result<Vec<_>, _>>()?;
    for store in stores.into_iter().flatten().filter(|path| path.is_file()) {
        look(
            store.display().to_string(),
            &std::fs::read(&store).unwrap_or_default(),
        );
    }
    let credentials = system.site.bundle("gate-1").join("camera_credentials.toml");
    let there = std::fs::read_to_string(&credentials).unwrap_or_default();
    if decoders < 2 || !PASSWORDS.iter().all(|password| there.contains(password)) {
        return Err(Error::Other(format!(
            "the search looks at the wrong things: {decoders} decoders"
        )));
    }
    if held.is_empty() {
        Ok(())
    } else {
        Err(Error::Other(format!("a camera's password stands in {held:?}")))
    }
}

fn list(folder: &Path) -> Result<Vec<std::path::PathBuf>, Error> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::File(folder.to_owned(), e))?;
    Ok(entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
}
