//! The uplink: sightings and status out, acknowledgements and commands in, over MQTT 3.1.1.
//!
//! At most one batch of sightings is on its way. It is sent again when no acknowledgement came in time or the
//! connection was lost; the aggregator recognises repeated sightings by their ids. The session is a clean one:
//! what the broker would keep for us (acknowledgements, commands) is stale by the time we are back, and the
//! outbox, not the client library's queue, is what survives.

mod problem;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use hadir_shared::command::Command;
use hadir_shared::sighting::{Ack, MAX_BATCH, SightingBatch};
use hadir_shared::status::{AgentStatus, CameraCounts, LAST_WILL};
use hadir_shared::topic::{self, Leaf};
use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Packet, QoS};
use tokio::sync::{Notify, mpsc, watch};

use crate::config::AgentConfig;
use crate::outbox::Outbox;
use crate::watchdog::Pulse;
use problem::{Teller, problem};

/// No acknowledgement for this long: the batch is sent again.
const RESEND_AFTER: Duration = Duration::from_secs(5);
/// Sent so often without an acknowledgement, something is wrong that somebody has to mend.
const TOLD_AFTER: u32 = 6;
/// The status is looked at this often, and published when it changed …
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// … or when it was not for this long.
const STATUS_AT_LEAST_EVERY: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Waits between tries to connect.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Time for the outbox to empty at an orderly stop, and for the farewell.
const FLUSH_FOR: Duration = Duration::from_secs(2);
const FAREWELL_FOR: Duration = Duration::from_secs(1);
/// 500 sightings are about 180 kB.
const MAX_PACKET: usize = 1 << 20;

/// What the uplink gives and needs.
pub(crate) struct Uplink {
    /// What waits to be sent.
    pub(crate) outbox: Arc<Outbox>,
    /// Rings when something new is in the outbox.
    pub(crate) appended: Arc<Notify>,
    /// Where commands go.
    pub(crate) commands: mpsc::Sender<Command>,
    /// Told at every turn of its loop.
    pub(crate) pulse: Arc<Pulse>,
}

enum Signal {
    Connected,
    Lost,
    Received(Leaf, Vec<u8>),
    Published,
}

impl Uplink {
    /// Runs until `stop` turns true; then flushes the outbox for a moment and says farewell. `status` is asked
    /// for the agent's present state.
    pub(crate) async fn run(
        self,
        config: &AgentConfig,
        status: impl Fn() -> AgentStatus,
        mut stop: watch::Receiver<bool>,
    ) {
        let (client, event_loop) = AsyncClient::new(options(config), 16);
        let (signals_to, mut signals) = mpsc::channel(64);
        let connection = tokio::spawn(poll(event_loop, signals_to, Teller::new(config), stop.clone()));
        let mut session = Session::new(config, client, self.outbox);
        let mut tick = tokio::time::interval(STATUS_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(signal) = signals.recv() => {
                    if let Some(command) = session.take(signal, &status) {
                        // Commands are few; if they pile up, the oldest are as good as any.
                        let _ = self.commands.try_send(command);
                    }
                }
                () = self.appended.notified() => {}
                _ = tick.tick() => {
                    session.outbox.write_waiting(Utc::now());
                    session.publish_status(&status, Instant::now());
                }
                _ = stop.changed() => break,
            }
            session.send_due(Instant::now());
            self.pulse.beat(Instant::now());
        }
        session.outbox.write_waiting(Utc::now());
        flush(&mut session, &mut signals, &status).await;
        let mut farewell = status();
        farewell.online = false;
        session.farewell(&farewell, &mut signals).await;
        connection.abort();
    }
}

/// Sends what is left, for [`FLUSH_FOR`] at most.
async fn flush(
    session: &mut Session,
    signals: &mut mpsc::Receiver<Signal>,
    status: &impl Fn() -> AgentStatus,
) {
    let until = tokio::time::Instant::now() + FLUSH_FOR;
    while session.connected && session.depth() > 0 {
        session.send_due(Instant::now());
        match tokio::time::timeout_at(until, signals.recv()).await {
            Ok(Some(signal)) => _ = session.take(signal, status),
            _ => break,
        }
    }
    let left = session.depth();
    if left > 0 {
        tracing::info!(left, "sightings wait in the outbox for the next start");
    }
}

/// One agent's side of the conversation with the broker.
struct Session {
    client: AsyncClient,
    outbox: Arc<Outbox>,
    topics: Topics,
    connected: bool,
    /// The last seq of the batch on its way, and when it was sent.
    in_flight: Option<(u64, Instant)>,
    /// How often it was sent again.
    resent: u32,
    published: Option<(AgentStatus, Instant)>,
}

struct Topics {
    sightings: String,
    status: String,
    acks: String,
    commands: String,
}

impl Topics {
    fn new(config: &AgentConfig) -> Self {
        let topic = |leaf| topic::topic(&config.site, &config.agent, leaf);
        Self {
            sightings: topic(Leaf::Sightings),
            status: topic(Leaf::Status),
            acks: topic(Leaf::Acks),
            commands: topic(Leaf::Commands),
        }
    }
}

impl Session {
    fn new(config: &AgentConfig, client: AsyncClient, outbox: Arc<Outbox>) -> Self {
        Self {
            client,
            outbox,
            topics: Topics::new(config),
            connected: false,
            in_flight: None,
            resent: 0,
            published: None,
        }
    }

    /// Takes a signal of the connection in; gives a command that came.
    fn take(&mut self, signal: Signal, status: &impl Fn() -> AgentStatus) -> Option<Command> {
        match signal {
            Signal::Connected => {
                self.connected = true;
                self.in_flight = None;
                self.published = None;
                for topic in [&self.topics.acks, &self.topics.commands] {
                    // A full queue means a broken connection, whose end brings us here again.
                    let _ = self.client.try_subscribe(topic, QoS::AtLeastOnce);
                }
                self.publish_status(status, Instant::now());
            }
            Signal::Lost => {
                self.connected = false;
                self.in_flight = None;
            }
            Signal::Received(Leaf::Acks, payload) => self.acknowledged(&payload),
            Signal::Received(Leaf::Commands, payload) => match Command::parse(&payload) {
                Ok(command) => return Some(command),
                Err(e) => tracing::warn!("a command cannot be read and is ignored: {e}"),
            },
            Signal::Received(..) | Signal::Published => {}
        }
        None
    }

    fn acknowledged(&mut self, payload: &[u8]) {
        let ack: Ack = match serde_json::from_slice(payload) {
            Ok(ack) => ack,
            Err(e) => {
                tracing::warn!("an acknowledgement cannot be read and is ignored: {e}");
                return;
            }
        };
        match self.outbox.acknowledge(ack.stored_through) {
            Ok(_) if self.in_flight.is_some_and(|(last, _)| ack.stored_through >= last) => {
                self.in_flight = None
            }
            Ok(_) => {}
            Err(e) => tracing::error!("{e}"),
        }
    }

    /// Sends the next batch if none is on its way, or the same again if its acknowledgement is late.
    fn send_due(&mut self, now: Instant) {
        let waiting = self
            .in_flight
            .is_some_and(|(_, sent)| now.duration_since(sent) < RESEND_AFTER);
        if !self.connected || waiting || self.outbox.clock_may_be_unset() {
            return;
        }
        let sightings = match self.outbox.batch(MAX_BATCH) {
            Ok(sightings) => sightings,
            Err(e) => {
                tracing::error!("{e}");
                return;
            }
        };
        let Some(last) = sightings.last().map(|sighting| sighting.seq) else {
            self.in_flight = None;
            return;
        };
        let Ok(payload) = serde_json::to_vec(&SightingBatch { sightings }) else {
            return;
        };
        if self
            .client
            .try_publish(&self.topics.sightings, QoS::AtLeastOnce, false, payload)
            .is_ok()
        {
            self.resent = match self.in_flight {
                Some(_) => self.resent + 1,
                None => 0,
            };
            self.in_flight = Some((last, now));
            if self.resent == TOLD_AFTER {
                tracing::warn!(
                    "sightings are sent and not acknowledged: check that the aggregator runs, and that the broker lets \
                     this device read {}; they wait in the outbox meanwhile",
                    self.topics.acks
                );
            }
        }
    }

    fn publish_status(&mut self, status: &impl Fn() -> AgentStatus, now: Instant) {
        if !self.connected {
            return;
        }
        let status = status();
        let due = match &self.published {
            None => true,
            Some((before, at)) => {
                now.duration_since(*at) >= STATUS_AT_LEAST_EVERY || differs(before, &status)
            }
        };
        if due && self.publish(&status) {
            self.published = Some((status, now));
        }
    }

    fn publish(&self, status: &AgentStatus) -> bool {
        let Ok(payload) = serde_json::to_vec(status) else {
            return false;
        };
        self.client
            .try_publish(&self.topics.status, QoS::AtLeastOnce, true, payload)
            .is_ok()
    }

    async fn farewell(&self, status: &AgentStatus, signals: &mut mpsc::Receiver<Signal>) {
        if !self.connected || !self.publish(status) {
            return;
        }
        // Earlier messages are confirmed first; the last confirmation is the farewell's.
        let wait = async {
            let mut quiet = Duration::from_millis(500);
            while let Ok(Some(signal)) = tokio::time::timeout(quiet, signals.recv()).await {
                match signal {
                    Signal::Lost => return,
                    Signal::Published => quiet = Duration::from_millis(100),
                    _ => {}
                }
            }
        };
        let _ = tokio::time::timeout(FAREWELL_FOR, wait).await;
        // In MQTT 3.1.1 a disconnect withdraws the last will, so the farewell stays the retained status.
        if self.client.try_disconnect().is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn depth(&self) -> u64 {
        self.outbox.depth_and_dropped().map_or(0, |(depth, _)| depth)
    }
}

/// Whether a status tells something new, and not only a later time or a slightly other rate.
fn differs(before: &AgentStatus, now: &AgentStatus) -> bool {
    let essence = |status: &AgentStatus| {
        let mut status = status.clone();
        status.outbox_depth = u64::from(status.outbox_depth > 0);
        status.clock_offset_ms = None;
        for camera in &mut status.cameras {
            camera.last_frame = None;
            camera.fps = 0.0;
            camera.counts = CameraCounts::default();
        }
        status
    };
    essence(before) != essence(now)
}

fn options(config: &AgentConfig) -> MqttOptions {
    let user_name = config.user_name();
    let mut options = MqttOptions::new(&user_name, &config.mqtt.host, config.mqtt.port);
    options.set_credentials(user_name, config.credentials.mqtt_password.as_str());
    options.set_keep_alive(KEEP_ALIVE);
    options.set_clean_session(true);
    options.set_max_packet_size(MAX_PACKET, MAX_PACKET);
    let status = topic::topic(&config.site, &config.agent, Leaf::Status);
    options.set_last_will(LastWill::new(status, LAST_WILL, QoS::AtLeastOnce, true));
    options
}

/// Drives the connection, and starts it again with backoff. Lives on its own task, because driving must not be
/// interrupted half-way.
async fn poll(
    mut event_loop: EventLoop,
    to: mpsc::Sender<Signal>,
    mut teller: Teller,
    stopping: watch::Receiver<bool>,
) {
    let mut wait = FIRST_WAIT;
    loop {
        let signal = match event_loop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                wait = FIRST_WAIT;
                teller.connected();
                Some(Signal::Connected)
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => topic::parse(&publish.topic)
                .map(|(_, _, leaf)| Signal::Received(leaf, publish.payload.to_vec())),
            Ok(Event::Incoming(Packet::PubAck(_))) => Some(Signal::Published),
            Ok(_) => None,
            Err(e) => {
                // At an orderly stop the end of the connection is our own doing.
                if !*stopping.borrow() {
                    teller.lost(&e, wait, Instant::now());
                }
                if to.send(Signal::Lost).await.is_err() {
                    return;
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
                None
            }
        };
        if let Some(signal) = signal
            && to.send(signal).await.is_err()
        {
            return;
        }
    }
}

/// Tries to log in at the broker once, for the technician.
///
/// # Errors
/// A sentence on what is wrong and what to do.
pub(crate) async fn check(config: &AgentConfig) -> Result<(), String> {
    // Without a last will: the agent does not come online by this.
    let user_name = config.user_name();
    let mut probe = MqttOptions::new(&user_name, &config.mqtt.host, config.mqtt.port);
    probe.set_credentials(user_name, config.credentials.mqtt_password.as_str());
    let broker = format!("{}:{}", config.mqtt.host, config.mqtt.port);
    let (client, mut event_loop) = AsyncClient::new(probe, 4);
    match tokio::time::timeout(Duration::from_secs(8), event_loop.poll()).await {
        Ok(Ok(_)) => {
            let _ = client.try_disconnect();
            let _ = tokio::time::timeout(Duration::from_millis(300), event_loop.poll()).await;
            Ok(())
        }
        Ok(Err(e)) => Err(problem(&e, &broker, &config.user_name())),
        Err(_) => Err(problem(
            &ConnectionError::NetworkTimeout,
            &broker,
            &config.user_name(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hadir_shared::id::{AreaId, CameraId};
    use hadir_shared::status::{CameraMode, CameraState, CameraStatus, Inference};

    fn status() -> AgentStatus {
        let camera = CameraStatus {
            id: CameraId::new("cam-1").expect("id"),
            number: None,
            label: "Gudang A".into(),
            area: AreaId::new("gudang").expect("id"),
            mode: CameraMode::Recognise,
            state: CameraState::Streaming,
            inference: Inference::Active,
            fps: 9.8,
            last_frame: None,
            people: None,
            cause: None,
            problem: None,
            counts: hadir_shared::status::CameraCounts::default(),
            placement: None,
        };
        AgentStatus {
            online: true,
            gallery_version: 3,
            cameras: vec![camera],
            ..AgentStatus::default()
        }
    }

    /// The change is news worth a message at once, or not.
    fn check_differs(change: impl Fn(&mut AgentStatus), expected: bool) {
        let mut changed = status();
        change(&mut changed);
        assert_eq!(differs(&status(), &changed), expected, "{changed:?}");
    }

    #[test]
    fn changes_are_told_apart_from_the_passing_of_time() {
        check_differs(|_| {}, false);
        check_differs(|s| s.cameras[0].fps = 9.7, false);
        check_differs(
            |s| s.cameras[0].last_frame = Some(chrono::DateTime::UNIX_EPOCH),
            false,
        );
        check_differs(|s| s.clock_offset_ms = Some(12), false);
        check_differs(|s| s.cameras[0].counts.frames = 7, false);
        check_differs(|s| s.gallery_version = 4, true);
        check_differs(|s| s.cameras[0].state = CameraState::Stalled, true);
        check_differs(|s| s.cameras[0].inference = Inference::Offline, true);
        check_differs(|s| s.outbox_depth = 1, true);
    }
}
