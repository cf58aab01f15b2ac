//! The broker as its clients see it: a real one on a free port, spoken to with rumqttc.

use std::path::Path;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Packet,
    Publish, QoS, SubscribeReasonCode,
};
use tokio::time::timeout;

use super::*;
use crate::devices::tests::{Made, make};

const SOON: Duration = Duration::from_secs(10);

struct Bench {
    broker: Broker,
    devices: Arc<Devices>,
    folder: tempfile::TempDir,
    gate_1: Made,
    gate_2: Made,
}

fn site() -> SiteId {
    SiteId::new("cikarang").expect("id")
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("folder");
    let gate_1 = make(folder.path(), "cikarang", "gate-1", "");
    let gate_2 = make(folder.path(), "cikarang", "gate-2", "");
    let devices = Arc::new(Devices::new(folder.path().to_owned(), site()));
    let listen = "127.0.0.1:0".parse().expect("address");
    let broker = Broker::start(listen, &site(), devices.clone())
        .await
        .expect("starts");
    Bench {
        broker,
        devices,
        folder,
        gate_1,
        gate_2,
    }
}

impl Bench {
    fn options(&self, id: &str, login: Option<(&str, &str)>) -> MqttOptions {
        let address = self.broker.address();
        let mut options = MqttOptions::new(id, address.ip().to_string(), address.port());
        if let Some((user, password)) = login {
            options.set_credentials(user, password);
        }
        options
    }

    fn device(&self, agent: &str) -> MqttOptions {
        let password = if agent == "gate-1" {
            &self.gate_1.password
        } else {
            &self.gate_2.password
        };
        let user = format!("cikarang.{agent}");
        self.options(&user, Some((&user, password)))
    }

    /// The aggregator's own client, subscribed to everything that devices send.
    async fn aggregator(&self) -> (AsyncClient, EventLoop) {
        let password = self.broker.password().expose().to_owned();
        let (client, mut events) = connect(self.options(AGGREGATOR, Some((AGGREGATOR, &password)))).await;
        for leaf in Leaf::FROM_AGENT {
            let filter = topic::every_agent(&site(), leaf);
            assert!(subscribe(&client, &mut events, &filter).await, "{filter}");
        }
        (client, events)
    }
}

async fn first_answer(options: MqttOptions) -> Result<(AsyncClient, EventLoop), ConnectReturnCode> {
    let (client, mut events) = AsyncClient::new(options, 10);
    match timeout(SOON, events.poll()).await.expect("an answer in time") {
        Ok(Event::Incoming(Packet::ConnAck(_))) => Ok((client, events)),
        Err(ConnectionError::ConnectionRefused(code)) => Err(code),
        other => panic!("{other:?}"),
    }
}

async fn connect(options: MqttOptions) -> (AsyncClient, EventLoop) {
    first_answer(options).await.expect("connects")
}

async fn subscribe(client: &AsyncClient, events: &mut EventLoop, filter: &str) -> bool {
    client.subscribe(filter, QoS::AtLeastOnce).await.expect("asked");
    loop {
        match timeout(SOON, events.poll())
            .await
            .expect("an answer in time")
            .expect("connected")
        {
            Event::Incoming(Packet::SubAck(ack)) => {
                return matches!(ack.return_codes[0], SubscribeReasonCode::Success(_));
            }
            _ => continue,
        }
    }
}

async fn next_message(events: &mut EventLoop) -> Publish {
    loop {
        let event = timeout(SOON, events.poll())
            .await
            .expect("a message in time")
            .expect("connected");
        if let Event::Incoming(Packet::Publish(publish)) = event {
            return publish;
        }
    }
}

/// Publishes; whether the broker takes it (the connection stays) or ends the connection.
async fn publish(
    client: &AsyncClient,
    events: &mut EventLoop,
    topic: &str,
    retain: bool,
    text: &str,
) -> bool {
    client
        .publish(topic, QoS::AtLeastOnce, retain, text)
        .await
        .expect("asked");
    loop {
        match timeout(SOON, events.poll()).await.expect("an answer in time") {
            Ok(Event::Incoming(Packet::PubAck(_))) => return true,
            Ok(_) => continue,
            Err(_) => return false,
        }
    }
}

#[tokio::test]
async fn nobody_unknown_gets_in() {
    let bench = bench().await;
    let user = "cikarang.gate-1";
    let right = bench.gate_1.password.clone();
    for (id, login) in [
        ("somebody", None),
        (user, None),
        (user, Some((user, "wrong"))),
        (user, Some((user, ""))),
        (user, Some(("cikarang.gate-9", right.as_str()))),
        // Another client id, by which another device could be pushed out.
        ("cikarang.gate-2", Some((user, right.as_str()))),
        (AGGREGATOR, Some((AGGREGATOR, right.as_str()))),
        (AGGREGATOR, Some((user, right.as_str()))),
    ] {
        let answer = first_answer(bench.options(id, login)).await.err();
        let refused = matches!(
            answer,
            Some(ConnectReturnCode::NotAuthorized | ConnectReturnCode::BadUserNamePassword)
        );
        assert!(refused, "{id} {login:?}: {answer:?}");
    }
    connect(bench.device("gate-1")).await;
}

#[tokio::test]
async fn a_device_writes_only_its_own_topics() {
    let bench = bench().await;
    let (_keep, mut aggregator) = bench.aggregator().await;
    for (topic, retain) in [
        ("hadir/v1/cikarang/gate-2/sightings", false),
        ("hadir/v1/cikarang/gate-2/status", true),
        ("hadir/v1/cikarang/gate-1/acks", false),
        ("hadir/v1/cikarang/gate-1/commands", false),
        ("hadir/v1/cikarang/gate-1/sightings", true),
        ("hadir/v1/bekasi/gate-1/status", false),
        ("hadir/v1/cikarang/gate-1/status/more", false),
        ("other", false),
    ] {
        let (client, mut events) = connect(bench.device("gate-1")).await;
        assert!(
            !publish(&client, &mut events, topic, retain, "no").await,
            "{topic} was taken"
        );
    }
    let (client, mut events) = connect(bench.device("gate-1")).await;
    assert!(
        publish(
            &client,
            &mut events,
            "hadir/v1/cikarang/gate-1/sightings",
            false,
            "yes"
        )
        .await
    );
    // The first message that arrives is the allowed one: nothing before it was delivered.
    let message = next_message(&mut aggregator).await;
    assert_eq!(
        (message.topic.as_str(), &*message.payload),
        ("hadir/v1/cikarang/gate-1/sightings", &b"yes"[..])
    );
}

#[tokio::test]
async fn a_device_reads_only_its_own_topics() {
    let bench = bench().await;
    let (client, mut events) = connect(bench.device("gate-1")).await;
    for filter in [
        "hadir/v1/cikarang/gate-2/acks",
        "hadir/v1/cikarang/+/commands",
        "hadir/v1/cikarang/gate-1/+",
        "hadir/v1/cikarang/gate-1/#",
        "hadir/v1/cikarang/gate-1/status",
        "#",
        "+/+/+/+/+",
    ] {
        assert!(
            !subscribe(&client, &mut events, filter).await,
            "{filter} was granted"
        );
    }
    assert!(subscribe(&client, &mut events, "hadir/v1/cikarang/gate-1/acks").await);

    let (aggregator, mut own) = bench.aggregator().await;
    for agent in ["gate-2", "gate-1"] {
        let topic = format!("hadir/v1/cikarang/{agent}/acks");
        assert!(publish(&aggregator, &mut own, &topic, false, agent).await);
    }
    assert_eq!(&*next_message(&mut events).await.payload, b"gate-1");
}

#[tokio::test]
async fn a_last_will_is_delivered_and_kept() {
    let bench = bench().await;
    let topic = "hadir/v1/cikarang/gate-1/status";
    let mut foreign = bench.device("gate-1");
    foreign.set_last_will(LastWill::new(
        "hadir/v1/cikarang/gate-2/status",
        "x",
        QoS::AtLeastOnce,
        true,
    ));
    assert_eq!(
        first_answer(foreign).await.err(),
        Some(ConnectReturnCode::NotAuthorized)
    );

    let (_keep, mut aggregator) = bench.aggregator().await;
    let mut options = bench.device("gate-1");
    options.set_last_will(LastWill::new(
        topic,
        hadir_shared::status::LAST_WILL,
        QoS::AtLeastOnce,
        true,
    ));
    let (client, mut events) = connect(options).await;
    assert!(publish(&client, &mut events, topic, true, "{\"online\":true}").await);
    assert_eq!(
        &*next_message(&mut aggregator).await.payload,
        b"{\"online\":true}"
    );
    // Dropping the event loop breaks the connection without a farewell.
    drop((client, events));
    let will = next_message(&mut aggregator).await;
    assert_eq!(
        (will.topic.as_str(), &*will.payload),
        (topic, hadir_shared::status::LAST_WILL.as_bytes())
    );

    // Whoever subscribes later gets it too.
    drop(aggregator);
    let (_keep, mut late) = bench.aggregator().await;
    let kept = next_message(&mut late).await;
    assert!(kept.retain && kept.topic == topic);
    assert_eq!(&*kept.payload, hadir_shared::status::LAST_WILL.as_bytes());
}

#[tokio::test]
async fn a_revoked_device_is_put_out() {
    let bench = bench().await;
    let (_client, mut events) = connect(bench.device("gate-1")).await;
    let path = bench.folder.path().join("gate-1.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, format!("{text}revoked = true\n")).expect("written");
    let gone = bench.devices.scan();
    assert_eq!(gone.len(), 1);
    bench.broker.disconnect(&site(), &gone[0]).await;
    let ended = timeout(SOON, async { while events.poll().await.is_ok() {} }).await;
    assert!(ended.is_ok(), "the connection goes on");
    assert!(first_answer(bench.device("gate-1")).await.is_err());
}

#[tokio::test]
async fn a_second_connection_takes_over() {
    let bench = bench().await;
    let (_first, mut events) = connect(bench.device("gate-1")).await;
    let (client, mut second) = connect(bench.device("gate-1")).await;
    assert!(
        timeout(SOON, async { while events.poll().await.is_ok() {} })
            .await
            .is_ok()
    );
    assert!(
        publish(
            &client,
            &mut second,
            "hadir/v1/cikarang/gate-1/status",
            true,
            "{}"
        )
        .await
    );
}

#[tokio::test]
async fn an_oversized_packet_ends_the_connection() {
    let bench = bench().await;
    let mut options = bench.device("gate-1");
    options.set_max_packet_size(8 << 20, 8 << 20);
    let (client, mut events) = connect(options).await;
    let text = "x".repeat(2 * MAX_PACKET as usize);
    assert!(
        !publish(
            &client,
            &mut events,
            "hadir/v1/cikarang/gate-1/sightings",
            false,
            &text
        )
        .await
    );
}

#[tokio::test]
async fn a_port_in_use_is_one_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("address");
    let devices = Arc::new(Devices::new(Path::new("/nowhere").to_owned(), site()));
    let error = Broker::start(address, &site(), devices)
        .await
        .err()
        .expect("refused")
        .to_string();
    assert!(
        error.starts_with(&format!("Port {} is in use", address.port())),
        "{error}"
    );
    assert!(!error.contains('\n'), "{error}");
}
