//! The aggregator's own MQTT client, at the embedded broker or at any other.
//!
//! What agents send is taken off the connection at once and handed to the core by one worker, statuses first
//! and of each agent only the newest. Sightings wait in a bounded queue; what finds it full is left out and
//! counted: its agent gets no acknowledgement and sends it again. Nothing that this client sends has to
//! arrive either: acknowledgements follow the next delivery, commands are given again.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::TimeDelta;
use hadir_shared::command::{Action, Command};
use hadir_shared::id::{AgentId, CameraId, SiteId};
use hadir_shared::sighting::SightingBatch;
use hadir_shared::status::AgentStatus;
use hadir_shared::topic::{self, Leaf};
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, Packet, QoS,
    SubscribeReasonCode,
};
use serde::Serialize;
use tokio::sync::{Notify, broadcast, mpsc};
use uuid::Uuid;

use crate::broker::{AGGREGATOR, Broker, MAX_PACKET};
use crate::config::Secret;
use crate::core::{Banner, Core, Event as Change, Level};
use crate::sentence::say;

/// Batches that may wait for the core. Each agent has one on its way, so this is a site of 256 devices.
const QUEUE: usize = 256;
/// Messages that may wait for the broker.
const OUTGOING: usize = 1024;
/// A live command that was not carried out by then is void; the next one follows after seconds.
const LIVE_VALID: TimeDelta = TimeDelta::seconds(15);
/// A gallery command may wait for a device that is away; its own check finds the version later anyway.
const GALLERY_VALID: TimeDelta = TimeDelta::hours(1);
/// Asked anew while somebody is being enrolled.
const ENROL_VALID: TimeDelta = TimeDelta::seconds(15);
/// Whoever switched a camera looks whether it was done; later it would surprise.
const MODE_VALID: TimeDelta = TimeDelta::seconds(30);
/// A device with an old gallery is told again after this time.
const REMIND_EVERY: Duration = Duration::from_secs(10);
/// The banner that tells of messages which cannot be read.
const UNREADABLE: &str = "unreadable_message";
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// Where the broker is and who we are there.
#[derive(Clone, Debug)]
pub struct Login {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Client id; has to be unique at the broker.
    pub client_id: String,
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret,
}

impl Login {
    /// At the embedded broker.
    pub fn embedded(broker: &Broker) -> Self {
        let mut address = broker.address();
        if address.ip().is_unspecified() {
            let local: std::net::IpAddr = if address.is_ipv4() {
                std::net::Ipv4Addr::LOCALHOST.into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            };
            address.set_ip(local);
        }
        Self {
            host: address.ip().to_string(),
            port: address.port(),
            // The embedded broker wants the user name.
            client_id: AGGREGATOR.into(),
            username: AGGREGATOR.into(),
            password: broker.password().clone(),
        }
    }
}

/// The sending side.
#[derive(Clone)]
pub struct Link {
    client: AsyncClient,
    site: SiteId,
    core: Arc<Core>,
}

/// The connection, to be given to [`run`].
pub struct Connection {
    link: Link,
    events: EventLoop,
    address: String,
}

/// Prepares a connection; [`run`] makes it and keeps it.
pub fn prepare(login: &Login, core: Arc<Core>) -> (Link, Connection) {
    let site = core.settings().site.clone();
    let mut options = MqttOptions::new(&login.client_id, &login.host, login.port);
    options.set_credentials(&login.username, login.password.expose());
    options.set_keep_alive(Duration::from_secs(15));
    options.set_max_packet_size(MAX_PACKET as usize, MAX_PACKET as usize);
    let (client, events) = AsyncClient::new(options, OUTGOING);
    let link = Link { client, site, core };
    let address = format!("{}:{}", login.host, login.port);
    (
        link.clone(),
        Connection {
            link,
            events,
            address,
        },
    )
}

impl Link {
    /// Asks an agent for a camera's live stream.
    pub fn ask_live(&self, agent: &AgentId, camera: CameraId) {
        self.command(agent, Action::Live { camera }, LIVE_VALID);
    }

    /// Asks an agent for the face of whoever is enrolled at a camera.
    pub fn ask_enrol(&self, agent: &AgentId, camera: CameraId) {
        self.command(agent, Action::Enrol { camera }, ENROL_VALID);
    }

    /// Tells an agent that there is another gallery.
    pub fn announce_gallery(&self, agent: &AgentId, version: u64) {
        self.command(agent, Action::Gallery { version }, GALLERY_VALID);
    }

    /// Says goodbye to the broker.
    pub fn disconnect(&self) {
        // Where the queue is full or the connection gone, ending the process says it too.
        let _ = self.client.try_disconnect();
    }

    fn command(&self, agent: &AgentId, action: Action, valid: TimeDelta) {
        let command = Command {
            id: Uuid::now_v7(),
            expires_at: self.core.now() + valid,
            action,
        };
        self.send(agent, Leaf::Commands, &command);
    }

    fn send(&self, agent: &AgentId, leaf: Leaf, payload: &impl Serialize) {
        let topic = topic::topic(&self.site, agent, leaf);
        let payload = match serde_json::to_vec(payload) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(%topic, %error, "message cannot be written as JSON");
                return;
            }
        };
        if self
            .client
            .try_publish(&topic, QoS::AtLeastOnce, false, payload)
            .is_err()
        {
            tracing::debug!(%topic, "message left out: the broker takes none at present");
        }
    }
}

/// Keeps the connection, takes in what agents send and tells them of new galleries; until dropped.
pub async fn run(connection: Connection) {
    let Connection {
        link,
        events,
        address,
    } = connection;
    let (sightings, waiting) = mpsc::channel(QUEUE);
    let inbox = Inbox {
        newest_status: Mutex::default(),
        status_there: Notify::new(),
        sightings,
    };
    let changes = link.core.subscribe();
    tokio::join!(
        receive(events, &address, &link, &inbox),
        Worker {
            link: &link,
            reminded: HashMap::new(),
            unreadable: BTreeSet::new()
        }
        .run(&inbox, waiting),
        announce(&link, changes),
    );
}

/// What arrived and waits for the core.
struct Inbox {
    newest_status: Mutex<HashMap<AgentId, Bytes>>,
    status_there: Notify,
    sightings: mpsc::Sender<(AgentId, Bytes)>,
}

impl Inbox {
    fn put(&self, topic: &str, site: &SiteId, payload: Bytes) {
        match topic::parse(topic) {
            Some((from, agent, Leaf::Status)) if from == *site => {
                self.newest_status
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(agent, payload);
                self.status_there.notify_one();
            }
            Some((from, agent, Leaf::Sightings)) if from == *site => {
                if let Err(mpsc::error::TrySendError::Full((agent, _))) =
                    self.sightings.try_send((agent, payload))
                {
                    tracing::warn!(%agent, "sightings left out: too many wait to be stored; the agent sends them again");
                }
            }
            _ => tracing::debug!(%topic, "a message that is none of ours"),
        }
    }

    fn statuses(&self) -> HashMap<AgentId, Bytes> {
        std::mem::take(&mut *self.newest_status.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn receive(mut events: EventLoop, address: &str, link: &Link, inbox: &Inbox) {
    let mut retry = FIRST_RETRY;
    // Said once for each loss, not at every attempt.
    let mut told = false;
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                tracing::info!(%address, "connected to the MQTT broker");
                (retry, told) = (FIRST_RETRY, false);
                for leaf in Leaf::FROM_AGENT {
                    let filter = topic::every_agent(&link.site, leaf);
                    if let Err(error) = link.client.try_subscribe(&filter, QoS::AtLeastOnce) {
                        tracing::error!(%filter, %error, "cannot subscribe");
                    }
                }
            }
            Ok(Event::Incoming(Packet::SubAck(ack))) => {
                if ack.return_codes.contains(&SubscribeReasonCode::Failure) {
                    tracing::error!(
                        %address,
                        "the broker does not let the aggregator read what agents send; allow it everything below hadir/v1/{}/",
                        link.site
                    );
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                inbox.put(&publish.topic, &link.site, publish.payload)
            }
            Ok(_) => {}
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%address, reason = %describe(&error), "no connection to the MQTT broker; trying again");
                    // From here on nobody can be seen; that is no absence.
                    if let Err(error) = link.core.call(|core| core.uplink_lost()).await {
                        tracing::error!(%error, "the loss of the broker was not noted");
                    }
                }
                tokio::time::sleep(retry).await;
                retry = (retry * 2).min(LAST_RETRY);
            }
        }
    }
}

/// The reason in words that say what to do.
fn describe(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => "it refused user name or password; check `mqtt.username` and the password file".into(),
        ConnectionError::ConnectionRefused(code) => format!("it refused the connection ({code:?})"),
        ConnectionError::Io(error) => {
            format!("{error}; check that the broker runs and `mqtt.host` and `mqtt.port`")
        }
        other => other.to_string(),
    }
}

/// Hands what arrived to the core.
struct Worker<'a> {
    link: &'a Link,
    reminded: HashMap<AgentId, Instant>,
    /// Whose messages of which kind could not be read lately.
    unreadable: BTreeSet<(AgentId, &'static str)>,
}

impl Worker<'_> {
    async fn run(mut self, inbox: &Inbox, mut waiting: mpsc::Receiver<(AgentId, Bytes)>) {
        loop {
            // First, because a status makes its cameras known, which sightings then name.
            for (agent, payload) in inbox.statuses() {
                self.status(agent, &payload).await;
            }
            // A device that sends statuses without pause must not keep the others' sightings waiting.
            if let Ok((agent, payload)) = waiting.try_recv() {
                self.sightings(agent, &payload).await;
                continue;
            }
            tokio::select! {
                () = inbox.status_there.notified() => {}
                Some((agent, payload)) = waiting.recv() => self.sightings(agent, &payload).await,
            }
        }
    }

    async fn status(&mut self, agent: AgentId, payload: &Bytes) {
        if payload.is_empty() {
            // How MQTT clears a retained message; nothing is said by it.
            return;
        }
        let status = match AgentStatus::parse(payload) {
            Ok(status) => status,
            Err(error) => return self.unreadable(&agent, "status", &error.to_string()),
        };
        self.readable(&agent, "status");
        let (online, theirs) = (status.online, status.gallery_version);
        let id = agent.clone();
        let taken = self
            .link
            .core
            .call(move |core| {
                core.take_status(&id, status)
                    .and_then(|()| core.gallery_version())
            })
            .await;
        match taken {
            Ok(newest) if online && theirs != newest => self.remind(agent, newest, Instant::now()),
            Ok(_) => {}
            Err(error) => tracing::error!(%agent, %error, "status not taken in"),
        }
    }

    fn remind(&mut self, agent: AgentId, version: u64, now: Instant) {
        let told = self.reminded.get(&agent);
        if told.is_none_or(|at| now.duration_since(*at) >= REMIND_EVERY) {
            self.link.announce_gallery(&agent, version);
            self.reminded.insert(agent, now);
        }
    }

    async fn sightings(&mut self, agent: AgentId, payload: &Bytes) {
        let batch = match SightingBatch::parse(payload) {
            Ok(batch) => batch,
            Err(error) => return self.unreadable(&agent, "sightings", &error.to_string()),
        };
        self.readable(&agent, "sightings");
        let id = agent.clone();
        match self
            .link
            .core
            .call(move |core| core.take_sightings(&id, batch))
            .await
        {
            Ok(Some(ack)) => self.link.send(&agent, Leaf::Acks, &ack),
            Ok(None) => {}
            Err(error) => tracing::error!(%agent, %error, "sightings not stored; the agent sends them again"),
        }
    }

    fn readable(&mut self, agent: &AgentId, what: &'static str) {
        if self.unreadable.remove(&(agent.clone(), what)) && self.unreadable.is_empty() {
            self.link.core.clear_banner(UNREADABLE);
        }
    }

    /// Nothing can be acknowledged of a message that cannot be read, so its agent is stuck until somebody
    /// looks: an administrator is told.
    fn unreadable(&mut self, agent: &AgentId, what: &'static str, error: &str) {
        self.unreadable.insert((agent.clone(), what));
        tracing::warn!(%agent, %what, %error, "message set aside: it cannot be read");
        self.link.core.raise_banner(Banner {
            key: UNREADABLE,
            level: Level::Warning,
            message: say!(
                "The device {agent} sends messages that cannot be read ({what}: {error}). Update the device or the \
                 aggregator, so that both have the same version.",
                "Perangkat {agent} mengirim pesan yang tidak terbaca ({what}: {error}). Perbarui perangkat atau \
                 agregator, supaya versinya sama."
            ),
        });
    }
}

/// Tells the agents of each new gallery, and of cameras that are to be used differently.
async fn announce(link: &Link, mut changes: broadcast::Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change::Gallery { version, agents }) => {
                for agent in &agents {
                    link.announce_gallery(agent, version);
                }
            }
            Ok(Change::CameraMode { agent, camera, mode }) => {
                link.command(&agent, Action::Mode { camera, mode }, MODE_VALID);
            }
            Ok(_) => {}
            // What was missed, the agents' next statuses show.
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests;
