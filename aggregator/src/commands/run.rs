//! `run`: puts the parts together and keeps them going until SIGINT or SIGTERM.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Failure, lock};
use crate::broker::Broker;
use crate::config::{Config, Mqtt};
use crate::core::Core;
use crate::devices::Devices;
use crate::live::Hub;
use crate::mqtt::{self, Link, Login};
use crate::web::{self, Web};
use hadir_shared::clock::SystemClock;
use hadir_shared::id::{AgentId, CameraId};
use hadir_shared::status::CameraState;

/// A revoked device loses its connection within this time.
const SCAN_EVERY: Duration = Duration::from_secs(3);
const LIVE_EVERY: Duration = Duration::from_secs(1);

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    // Before anything is opened: what follows takes the store for its own.
    std::fs::create_dir_all(&config.data).map_err(|e| {
        Failure::Wrong(format!(
            "The folder {} cannot be made: {e}; check `data`.",
            config.data.display()
        ))
    })?;
    let _lock = lock::take(&config.data).map_err(Failure::Wrong)?;
    let core = Core::open(config.settings(), Arc::new(SystemClock))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Wrong(format!("The system gives no threads: {e}.")))?;
    let ended = runtime.block_on(run_until_told(config, core));
    // A thread that blocks on the store is given the time to finish its transaction.
    runtime.shutdown_timeout(Duration::from_secs(5));
    ended
}

async fn run_until_told(config: &Config, core: Arc<Core>) -> Result<(), Failure> {
    let no_signals = |e: std::io::Error| Failure::Wrong(format!("Signals cannot be received: {e}."));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;

    let devices = Arc::new(Devices::new(config.devices.clone(), config.site.clone()));
    let listener = listen(config).await?;
    let (broker, login) = match &config.mqtt {
        Mqtt::Embedded { listen } => {
            let broker = Broker::start(*listen, &config.site, devices.clone()).await;
            let broker = broker.map_err(|e| Failure::Wrong(e.to_string()))?;
            let login = Login::embedded(&broker);
            (Some(Arc::new(broker)), login)
        }
        Mqtt::External {
            host,
            port,
            username,
            password,
        } => (
            None,
            Login {
                host: host.clone(),
                port: *port,
                client_id: format!("hadir-aggregator-{}", config.site),
                username: username.clone(),
                password: password.clone(),
            },
        ),
    };

    let (stop, stopping) = watch::channel(false);
    let hub = Arc::new(Hub::default());
    let web = Web::new(
        core.clone(),
        hub.clone(),
        devices.clone(),
        config.web.public_url.clone(),
        stopping,
    )?;
    let (link, connection) = mqtt::prepare(&login, core.clone());

    let mut parts = JoinSet::new();
    let inside = core.clone();
    parts.spawn(async move {
        let ended = inside.run().await;
        ("the core", ended.err().map(|e| e.to_string()))
    });
    parts.spawn(async move {
        mqtt::run(connection).await;
        ("the MQTT client", None)
    });
    parts.spawn(drive_live(hub, link.clone(), core.clone()));
    parts.spawn(watch_devices(devices, broker.clone(), config.site.clone()));
    let mut server = tokio::spawn(web::serve(listener, Arc::new(web)));
    tracing::info!(site = %config.site, url = %config.web.public_url, "the aggregator runs");

    let ended = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        part = parts.join_next() => Err(match part {
            Some(Ok((part, why))) => format!("{part} ended: {}", why.as_deref().unwrap_or("no reason given")),
            Some(Err(error)) => format!("a part broke down: {error}"),
            None => "nothing runs".to_owned(),
        }),
        served = &mut server => Err(format!("the web server ended: {served:?}")),
    };
    tracing::info!("the aggregator stops");
    let _ = stop.send(true);
    link.disconnect();
    if !server.is_finished() {
        let _ = server.await;
    }
    parts.shutdown().await;
    ended.map_err(|why| Failure::Wrong(format!("The aggregator had to stop: {why}.")))
}

async fn listen(config: &Config) -> Result<TcpListener, Failure> {
    let address = config.web.listen;
    TcpListener::bind(address).await.map_err(|error| {
        Failure::Wrong(if error.kind() == std::io::ErrorKind::AddrInUse {
            format!(
                "Port {} is in use, so the dashboard cannot be served on {address}; stop the other program or change \
                 `web.listen`.",
                address.port()
            )
        } else {
            format!("The dashboard cannot be served on {address}: {error}; check `web.listen`.")
        })
    })
}

/// Asks agents for the streams that somebody wants to see.
async fn drive_live(hub: Arc<Hub>, link: Link, core: Arc<Core>) -> (&'static str, Option<String>) {
    loop {
        let watched = hub.watched();
        // What is known of these cameras; one that is gone is offline.
        let cameras = core.call(move |core| {
            Ok(watched
                .into_iter()
                .map(|id| {
                    let about = of_camera(core, &id);
                    (id, about)
                })
                .collect::<Vec<_>>())
        });
        let cameras = match cameras.await {
            Ok(cameras) => cameras,
            Err(error) => {
                tracing::error!(%error, "cameras could not be looked up");
                Vec::new()
            }
        };
        let about = |id: &CameraId| {
            cameras
                .iter()
                .find(|(camera, _)| camera == id)
                .map(|(_, about)| about)
        };
        let ask = hub.tick(Instant::now(), |id| match about(id) {
            Some(Ok(_)) | None => None,
            Some(Err(problem)) => Some(problem.clone()),
        });
        for camera in ask {
            if let Some(Ok(agent)) = about(&camera) {
                link.ask_live(agent, camera);
            }
        }
        for camera in hub.enrolments(Instant::now()) {
            if let Some(Ok(agent)) = about(&camera) {
                link.ask_enrol(agent, camera);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LIVE_EVERY) => {}
            () = hub.changed() => {}
        }
    }
}

/// The agent to ask, or why there is nothing to see.
fn of_camera(core: &Core, id: &CameraId) -> Result<AgentId, String> {
    let camera = core.camera(id).map_err(|error| error.to_string())?;
    match camera.state {
        CameraState::Streaming | CameraState::Stalled => Ok(camera.agent),
        CameraState::Disabled => Err("This camera is switched off.".into()),
        CameraState::Offline => Err(camera
            .problem
            .unwrap_or_else(|| format!("The device {} or this camera is offline.", camera.agent))),
    }
}

/// Puts revoked devices out.
async fn watch_devices(
    devices: Arc<Devices>,
    broker: Option<Arc<Broker>>,
    site: hadir_shared::id::SiteId,
) -> (&'static str, Option<String>) {
    loop {
        tokio::time::sleep(SCAN_EVERY).await;
        let scanned = devices.clone();
        let Ok(gone) = tokio::task::spawn_blocking(move || scanned.scan()).await else {
            continue;
        };
        for agent in gone {
            tracing::info!(%agent, "the device was revoked");
            if let Some(broker) = &broker {
                broker.disconnect(&site, &agent).await;
            }
        }
    }
}
