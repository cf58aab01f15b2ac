//! The client over a real broker and store.

use hadir_shared::clock::{Clock as _, SystemClock};
use hadir_shared::gallery::Template;
use hadir_shared::id::EmployeeId;
use hadir_shared::sighting::Ack;
use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::core::settings::Settings;
use crate::core::{NewEmployee, Viewer};
use crate::devices::Devices;
use crate::devices::tests::make;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn of_each_agent_only_the_newest_status_waits() {
    let site = SiteId::new("cikarang").expect("id");
    let (sightings, mut waiting) = mpsc::channel(1);
    let inbox = Inbox {
        newest_status: Mutex::default(),
        status_there: Notify::new(),
        sightings,
    };
    for (topic, payload) in [
        ("hadir/v1/cikarang/gate-1/status", "old"),
        ("hadir/v1/cikarang/gate-1/status", "new"),
        ("hadir/v1/cikarang/gate-2/status", "two"),
        ("hadir/v1/bekasi/gate-1/status", "foreign"),
        ("hadir/v1/cikarang/gate-1/acks", "ours"),
        ("hadir/v1/cikarang/gate-1/sightings", "first"),
        ("hadir/v1/cikarang/gate-1/sightings", "finds the queue full"),
    ] {
        inbox.put(topic, &site, Bytes::from(payload));
    }
    let mut statuses: Vec<_> = inbox
        .statuses()
        .into_iter()
        .map(|(a, p)| (a.to_string(), p))
        .collect();
    statuses.sort();
    assert_eq!(
        statuses,
        [
            ("gate-1".to_owned(), Bytes::from("new")),
            ("gate-2".to_owned(), Bytes::from("two"))
        ]
    );
    assert_eq!(
        waiting.recv().await.map(|(_, payload)| payload),
        Some(Bytes::from("first"))
    );
    assert!(waiting.try_recv().is_err());
}

/// A device as a plain MQTT client, and the aggregator's side over a real broker and store.
struct Bench {
    core: Arc<Core>,
    link: Link,
    device: AsyncClient,
    events: EventLoop,
    _broker: Broker,
    _folder: tempfile::TempDir,
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("folder");
    let site = SiteId::new("cikarang").expect("id");
    let database = folder.path().join("hadir.sqlite");
    let settings = Settings::new(
        site.clone(),
        "Pabrik Cikarang",
        chrono_tz::Asia::Jakarta,
        database,
    );
    let core = Core::open(settings, Arc::new(SystemClock)).expect("opens");
    let made = make(&folder.path().join("devices"), "cikarang", "gate-1", "");
    let devices = Arc::new(Devices::new(folder.path().join("devices"), site.clone()));
    let broker = Broker::start("127.0.0.1:0".parse().expect("address"), &site, devices)
        .await
        .expect("starts");
    let (link, connection) = prepare(&Login::embedded(&broker), core.clone());
    tokio::spawn(run(connection));

    let mut options = MqttOptions::new("cikarang.gate-1", "127.0.0.1", broker.address().port());
    options.set_credentials("cikarang.gate-1", made.password);
    let (device, events) = AsyncClient::new(options, 10);
    for leaf in Leaf::TO_AGENT {
        let filter = format!("hadir/v1/cikarang/gate-1/{}", leaf.as_str());
        device.subscribe(filter, QoS::AtLeastOnce).await.expect("asked");
    }
    Bench {
        core,
        link,
        device,
        events,
        _broker: broker,
        _folder: folder,
    }
}

impl Bench {
    async fn publish(&self, leaf: &str, payload: impl Into<Vec<u8>>) {
        let topic = format!("hadir/v1/cikarang/gate-1/{leaf}");
        self.device
            .publish(topic, QoS::AtLeastOnce, leaf == "status", payload)
            .await
            .expect("asked");
    }

    /// The next message from the aggregator: its leaf and payload.
    async fn next(&mut self) -> (Leaf, Bytes) {
        loop {
            let event = timeout(SOON, self.events.poll())
                .await
                .expect("in time")
                .expect("connected");
            if let Event::Incoming(Packet::Publish(publish)) = event {
                let (_, _, leaf) = topic::parse(&publish.topic).expect("one of ours");
                return (leaf, publish.payload);
            }
        }
    }

    fn status(&self) -> Vec<u8> {
        let camera = json!({"id": "cam-1", "number": 1, "label": "Gudang A", "area": "gudang",
            "mode": "recognise", "state": "streaming", "inference": "active", "fps": 9.5, "last_frame": null});
        json!({"online": true, "gallery_version": 0, "cameras": [camera]})
            .to_string()
            .into_bytes()
    }

    fn sightings(&self, seq: u64) -> Vec<u8> {
        let at = hadir_shared::time::format(SystemClock.now());
        json!({"sightings": [{"id": Uuid::now_v7(), "seq": seq, "phase": "began", "employee": "EMP001",
            "camera": "cam-1", "method": "face", "track": 1, "first_at": at, "last_at": at,
            "confidence": 0.9, "model": "sface-2021dec"}]})
        .to_string()
        .into_bytes()
    }
}

#[tokio::test]
async fn sightings_are_stored_and_acknowledged() {
    let mut bench = bench().await;
    let admin = Viewer::admin("test");
    let new = NewEmployee {
        id: Some("EMP001".into()),
        name: "Lee Min".into(),
        ..NewEmployee::default()
    };
    bench.core.create_employee(&admin, new).expect("made");
    bench.publish("status", bench.status()).await;
    // What cannot be read stops nothing; an administrator is told, until something readable comes.
    bench.publish("sightings", "\u{1}{").await;
    let told = || {
        bench
            .core
            .banners(&admin)
            .iter()
            .any(|b| b.message.en().contains("gate-1"))
    };
    while !told() {
        let _ = timeout(Duration::from_millis(50), bench.events.poll()).await;
    }
    for seq in 1..=2 {
        bench.publish("sightings", bench.sightings(seq)).await;
        loop {
            let (leaf, payload) = bench.next().await;
            if leaf == Leaf::Acks {
                let ack: Ack = serde_json::from_slice(&payload).expect("an ack");
                assert_eq!(ack.stored_through, seq);
                break;
            }
        }
    }
    let rows = bench.core.status(&admin).expect("status");
    assert_eq!(rows[0].camera.as_ref().map(CameraId::as_str), Some("cam-1"));
    assert_eq!(rows[0].state, crate::core::State::Available);
    assert!(bench.core.banners(&admin).is_empty(), "what could be read again");
}

#[tokio::test]
async fn devices_are_told_of_a_new_gallery_and_reminded_of_it() {
    let mut bench = bench().await;
    let admin = Viewer::admin("test");
    bench.publish("status", bench.status()).await;
    let new = NewEmployee {
        id: Some("EMP001".into()),
        name: "Lee Min".into(),
        consent: Some(SystemClock.now()),
        ..NewEmployee::default()
    };
    bench.core.create_employee(&admin, new).expect("made");
    let mut values = vec![0.0; 128];
    values[0] = 1.0;
    let id = EmployeeId::new("EMP001").expect("id");
    let newest = bench
        .core
        .add_templates(&admin, &id, "sface-2021dec", vec![Template(values)])
        .expect("added");
    // The announcement, or the reminder that follows the status which names version 0.
    bench.publish("status", bench.status()).await;
    loop {
        let (leaf, payload) = bench.next().await;
        assert_eq!(leaf, Leaf::Commands);
        let command = Command::parse(&payload).expect("a command");
        assert!(command.expires_at > SystemClock.now() && command.id.get_version_num() == 7);
        let Action::Gallery { version } = command.action else {
            panic!("{command:?}")
        };
        // The areas of the device's cameras, which its status names, make a version of their own.
        if version == bench.core.gallery_version().expect("a version") {
            assert!(version >= newest.gallery_version);
            break;
        }
    }
    bench.link.ask_live(
        &AgentId::new("gate-1").expect("id"),
        CameraId::new("cam-1").expect("id"),
    );
    loop {
        let command = Command::parse(&bench.next().await.1).expect("a command");
        if let Action::Live { camera } = command.action {
            assert_eq!(camera.as_str(), "cam-1");
            break;
        }
    }
}
