//! The main job, with the real binaries: a recording goes in, sightings travel over MQTT, states follow, an
//! absence reaches the right supervisor's phone, their answer and the return are recorded.

use std::time::Duration;

use hadir_tests::harness::process::Group;
use hadir_tests::harness::site::{Camera, Source};
use hadir_tests::harness::system::{Agent, Broker, Plan, System};
use hadir_tests::harness::{Error, alone, eventually, paths};
use hadir_tests::recordings::script::{self, Script};
use hadir_tests::recordings::{self};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::Value;

const SARI: &str = "+6281100001002";
const BUDI: &str = "+6281100001003";

/// Whom the recordings show, where, and who is told.
const SEEN: [(&str, &str, &str, &str); 2] = [
    ("EMP101", "Barack Obama", "cam-1", SARI),
    ("EMP103", "Eileen Collins", "cam-2", BUDI),
];

fn agent(
    id: &'static str,
    camera: &'static str,
    number: u32,
    area: &'static str,
    script: &Script,
) -> Result<Agent, Error> {
    let recording = recordings::make(script, &paths::recordings()?)?;
    Ok(Agent {
        id,
        cameras: vec![Camera {
            id: camera,
            number,
            label: area,
            area,
            source: Source::Recording(recording),
        }],
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The states through which each person went, without repetitions.
#[derive(Default, Debug)]
struct Seen(Vec<(String, String, String)>);

impl Seen {
    fn note(&mut self, rows: &Value) {
        for row in rows.as_array().into_iter().flatten() {
            let entry = (
                text(&row["employee"]).to_owned(),
                text(&row["state"]).to_owned(),
                text(&row["camera"]).to_owned(),
            );
            let last = self.0.iter().rfind(|e| e.0 == entry.0);
            if last != Some(&entry) {
                self.0.push(entry);
            }
        }
    }

    fn states(&self, employee: &str) -> Vec<(&str, &str)> {
        self.0
            .iter()
            .filter(|e| e.0 == employee)
            .map(|e| (e.1.as_str(), e.2.as_str()))
            .collect()
    }

    /// Available on the camera, off, absent, available again: in this order.
    fn went_round(&self, employee: &str, camera: &str) -> Result<(), String> {
        let mut wanted = ["available", "off", "absent", "available"].into_iter().peekable();
        for (state, at) in self.states(employee) {
            if wanted.peek() == Some(&state) && at == camera {
                wanted.next();
            }
        }
        match wanted.next() {
            None => Ok(()),
            Some(missing) => Err(format!(
                "{employee} is not {missing} at {camera} yet; so far {:?}",
                self.states(employee)
            )),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_the_embedded_broker() {
    whole_line(Broker::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_mosquitto() {
    whole_line(Broker::Mosquitto).await;
}

async fn whole_line(broker: Broker) {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    let agents = vec![
        agent("gate-1", "cam-1", 1, "gudang", &script::short_store()).unwrap_or_else(|e| panic!("{e}")),
        agent("gate-2", "cam-2", 2, "lobi", &script::short_lobby()).unwrap_or_else(|e| panic!("{e}")),
    ];
    let plan = Plan::with_free_ports(folder.path().to_owned(), broker, agents).expect("ports");
    let plan = Plan {
        group: Group::Shared,
        ..plan
    };
    let mut system = System::start(plan).await.unwrap_or_else(|e| panic!("{e}"));
    let result = drive(&mut system).await;
    if let Err(e) = result {
        panic!("{}", system.explain(e));
    }
    refuses_strangers(&mut system, broker).await;
    system.stop().unwrap_or_else(|e| panic!("{e}"));
}

async fn drive(system: &mut System) -> Result<(), Error> {
    system.wait_for_cameras(Duration::from_secs(90)).await?;
    // The agents run already: templates reach them without a restart.
    system.register_staff().await?;

    let mut seen = Seen::default();
    follow(system, &mut seen, "both are absent", 150, |seen| {
        SEEN.iter().try_for_each(|(id, ..)| {
            if seen.states(id).iter().any(|(s, _)| *s == "absent") {
                Ok(())
            } else {
                Err(format!("{:?}", seen.states(id)))
            }
        })
    })
    .await?;

    for (id, name, _, phone) in SEEN {
        let message = alert_on(system, phone, name).await?;
        for (_, other, ..) in SEEN.iter().filter(|(_, other, ..)| *other != name) {
            let all = system.conversation(phone).await?;
            let told = all["messages"]
                .as_array()
                .is_some_and(|m| m.iter().any(|m| text(&m["text"]).contains(other)));
            expect(!told, || {
                format!("{phone} was told of {other}, who is not theirs: {all}")
            })?;
        }
        expect(!message["buttons"].as_array().is_none_or(Vec::is_empty), || {
            format!("no button: {message}")
        })?;
        system.press(phone, text(&message["id"]), 0).await?;
        acknowledged(system, id).await?;
    }

    follow(system, &mut seen, "both are back", 90, |seen| {
        SEEN.iter()
            .try_for_each(|(id, _, camera, _)| seen.went_round(id, camera))
    })
    .await?;
    for (id, name, _, phone) in SEEN {
        closed_by_return(system, id).await?;
        returned_message(system, phone, name).await?;
    }
    let summary = system.api.get("/api/summary").await?;
    let total = system.plan.staff.len() as u64;
    expect(summary["total"] == total, || {
        format!("the summary counts {summary}, not {total} employees")
    })
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Error> {
    if holds {
        Ok(())
    } else {
        Err(Error::Other(otherwise()))
    }
}

/// Reads the status again and again until `done`.
async fn follow(
    system: &mut System,
    seen: &mut Seen,
    what: &str,
    seconds: u64,
    done: impl Fn(&Seen) -> Result<(), String>,
) -> Result<(), Error> {
    eventually(what, Duration::from_secs(seconds), async || {
        system.check().map_err(|e| e.to_string())?;
        seen.note(&system.api.get("/api/status").await.map_err(|e| e.to_string())?);
        done(seen)
    })
    .await
}

/// The message about somebody on a supervisor's phone.
async fn alert_on(system: &System, phone: &str, name: &str) -> Result<Value, Error> {
    eventually(
        "the supervisor's phone shows the alert",
        Duration::from_secs(30),
        async || {
            let conversation = system.conversation(phone).await.map_err(|e| e.to_string())?;
            let messages = conversation["messages"].as_array().cloned().unwrap_or_default();
            let found = messages
                .into_iter()
                .find(|m| m["template"][0] == "hadir_absence" && text(&m["text"]).contains(name));
            found.ok_or_else(|| conversation.to_string())
        },
    )
    .await
}

async fn alert_of(system: &System, employee: &str) -> Result<Value, String> {
    let alerts = system
        .api
        .get("/api/alerts?state=all")
        .await
        .map_err(|e| e.to_string())?;
    let found = alerts
        .as_array()
        .and_then(|a| a.iter().find(|a| a["employee"] == employee));
    found
        .cloned()
        .ok_or_else(|| format!("no alert of {employee}: {alerts}"))
}

/// The names of what happened to an alert.
fn history(alert: &Value) -> Vec<&str> {
    alert["history"]
        .as_array()
        .map(|h| h.iter().map(|e| text(&e["what"])).collect())
        .unwrap_or_default()
}

async fn acknowledged(system: &System, employee: &str) -> Result<(), Error> {
    eventually(
        "the pressed button acknowledges the alert",
        Duration::from_secs(20),
        async || {
            let alert = alert_of(system, employee).await?;
            let taken = alert["acknowledged_at"].is_string() && alert["acknowledged_by"].is_string();
            let what = history(&alert);
            let told = ["opened", "message", "acknowledged"]
                .iter()
                .all(|w| what.contains(w));
            if taken && told {
                Ok(())
            } else {
                Err(alert.to_string())
            }
        },
    )
    .await
}

async fn closed_by_return(system: &System, employee: &str) -> Result<(), Error> {
    eventually(
        "the return closes the alert",
        Duration::from_secs(30),
        async || {
            let alert = alert_of(system, employee).await?;
            let delivered = alert["history"].as_array().is_some_and(|h| {
                h.iter().any(|e| {
                    e["what"] == "message" && ["delivered", "read"].contains(&text(&e["message_state"]))
                })
            });
            let closed = alert["state"] == "closed" && alert["close_reason"] == "returned";
            if closed && delivered && history(&alert).contains(&"returned") {
                Ok(())
            } else {
                Err(alert.to_string())
            }
        },
    )
    .await
}

/// That they are back: a message of its own, not the thanks for the answer.
async fn returned_message(system: &System, phone: &str, name: &str) -> Result<(), Error> {
    eventually(
        "the supervisor is told of the return",
        Duration::from_secs(30),
        async || {
            let conversation = system.conversation(phone).await.map_err(|e| e.to_string())?;
            let back = conversation["messages"].as_array().is_some_and(|messages| {
                messages
                    .iter()
                    // Text, since they answered within the last 24 hours.
                    .any(|m| {
                        text(&m["text"]).starts_with(&format!("*{name}* "))
                            && ["kembali", "again"]
                                .iter()
                                .any(|word| text(&m["text"]).contains(word))
                    })
            });
            if back {
                Ok(())
            } else {
                Err(conversation.to_string())
            }
        },
    )
    .await
}

/// Nobody is anonymous, and a device cannot write for another.
async fn refuses_strangers(system: &mut System, broker: Broker) {
    let port = system.plan.ports[2];
    let anonymous = connect(MqttOptions::new("stranger", "127.0.0.1", port)).await;
    assert!(anonymous.is_err(), "an anonymous client was let in by {broker:?}");
    let mut wrong = MqttOptions::new("cikarang.gate-1", "127.0.0.1", port);
    wrong.set_credentials("cikarang.gate-1", "a-wrong-password");
    assert!(
        connect(wrong).await.is_err(),
        "a wrong password was let in by {broker:?}"
    );

    let before = system.api.get("/api/agents").await.expect("agents");
    system.stop_agent(0).unwrap_or_else(|e| panic!("{e}"));
    eventually(
        "a stopped agent is offline",
        Duration::from_secs(20),
        async || {
            let agents = system.api.get("/api/agents").await.map_err(|e| e.to_string())?;
            let of = |id| {
                agents
                    .as_array()
                    .and_then(|a| a.iter().find(|a| a["id"] == id))
                    .map(|a| a["online"] == true)
            };
            if of("gate-1") == Some(false) && of("gate-2") == Some(true) {
                Ok(())
            } else {
                Err(agents.to_string())
            }
        },
    )
    .await
    .unwrap_or_else(|e| panic!("{e}; before: {before}"));
    // With the stopped device's own credentials: an offline status in another's name.
    let mut own = MqttOptions::new("cikarang.gate-1", "127.0.0.1", port);
    own.set_credentials(
        "cikarang.gate-1",
        system
            .site
            .credential("gate-1", "mqtt_password")
            .expect("credential"),
    );
    let (client, mut events) = connect(own).await.expect("its own credentials are good");
    let topic = "hadir/v1/cikarang/gate-2/status";
    client
        .publish(topic, QoS::AtLeastOnce, false, r#"{"online":false}"#)
        .await
        .expect("queued");
    // The broker may answer or cut the connection; it must not pass the message on.
    let _ = tokio::time::timeout(Duration::from_secs(3), async {
        while let Ok(event) = events.poll().await {
            if matches!(event, Event::Incoming(Packet::PubAck(_))) {
                break;
            }
        }
    })
    .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let agents = system.api.get("/api/agents").await.expect("agents");
    let other = agents
        .as_array()
        .and_then(|a| a.iter().find(|a| a["id"] == "gate-2"))
        .cloned()
        .unwrap_or_default();
    assert_eq!(
        other["online"], true,
        "gate-1 could speak for gate-2 at {broker:?}: {agents}"
    );
}

async fn connect(mut options: MqttOptions) -> Result<(AsyncClient, rumqttc::EventLoop), String> {
    options.set_keep_alive(Duration::from_secs(10));
    let (client, mut events) = AsyncClient::new(options, 10);
    let answer = tokio::time::timeout(Duration::from_secs(10), events.poll()).await;
    match answer {
        Ok(Ok(Event::Incoming(Packet::ConnAck(_)))) => Ok((client, events)),
        Ok(Ok(other)) => Err(format!("{other:?}")),
        Ok(Err(e)) => Err(e.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}
