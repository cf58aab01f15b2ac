//! The core over a real store, with a clock set by hand and a messenger that answers what it is told to.

mod absences;
mod attendance;
mod bodies;
mod commands;
mod digests;
mod ends;
mod import;
mod ingest;
mod leaves;
mod messages;
mod nights;
mod occupancy;
mod people;
mod policies;
mod schedules;
mod site_settings;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::clock::ManualClock;
use hadir_shared::id::{AgentId, CameraId, EmployeeId};
use hadir_shared::sighting::{Ack, Basis, Method, Phase, Sighting, SightingBatch};
use hadir_shared::status::{AgentStatus, CameraMode, CameraState, CameraStatus, Inference};
use uuid::Uuid;

use super::*;
use crate::notify::{Failure, Outgoing, WhatsApp, cloud_api};

fn t(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).expect("time")
}

fn who(id: &str) -> EmployeeId {
    EmployeeId::new(id).expect("id")
}

fn agent() -> AgentId {
    AgentId::new("gate-1").expect("id")
}

fn admin() -> Viewer {
    Viewer::admin("test")
}

/// A site in a folder of its own, whose aggregator can be stopped and started again.
struct Site {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    core: Arc<Core>,
}

impl Site {
    /// LEE below SARI below BUDI below HR; one camera, watching.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("token"), "token").expect("file");
        std::fs::write(folder.path().join("app-secret"), "app-secret").expect("file");
        let clock = Arc::new(ManualClock::new(t(0)));
        let core = Core::open(settings(&folder), clock.clone()).expect("core");
        let site = Self { folder, clock, core };
        for (id, name, supervisor, phone) in [
            ("HR", "Ibu Hana", None, "0811-0000-001"),
            ("BUDI", "Budi", Some("HR"), "0811-0000-002"),
            ("SARI", "Sari", Some("BUDI"), "0811-0000-003"),
            ("LEE", "Lee Min", Some("SARI"), "0811-0000-004"),
        ] {
            let new = NewEmployee {
                id: Some(id.into()),
                name: name.into(),
                supervisor: supervisor.map(str::to_owned),
                phone: Some(phone.into()),
                consent: Some(t(0)),
                ..NewEmployee::default()
            };
            site.core.create_employee(&admin(), new).expect("employee");
        }
        site.status(true);
        site
    }

    /// The aggregator stops (as by a power cut) and starts again.
    fn restart(&mut self) {
        self.core = Core::open(settings(&self.folder), self.clock.clone()).expect("core");
    }

    fn status(&self, online: bool) {
        let camera = CameraStatus {
            number: Some(3),
            label: "Gudang A".into(),
            ..camera("cam-1", "gudang")
        };
        let status = match online {
            true => AgentStatus {
                online,
                cameras: vec![camera],
                ..AgentStatus::default()
            },
            false => AgentStatus::default(),
        };
        self.core.take_status(&agent(), status).expect("status");
    }

    /// Lets the time go by to `second`, a tick every second.
    fn until(&self, second: i64) {
        while self.core.now() < t(second) {
            self.clock.advance(TimeDelta::seconds(1));
            self.core.tick().expect("tick");
        }
    }

    fn state(&self, id: &str) -> types::State {
        self.row(id).state
    }

    fn row(&self, id: &str) -> StatusRow {
        let rows = self.core.status(&admin()).expect("status");
        rows.into_iter().find(|row| row.employee == who(id)).expect("row")
    }

    fn take(&self, sightings: Vec<Sighting>) -> Option<Ack> {
        self.core
            .take_sightings(&agent(), SightingBatch { sightings })
            .expect("taken")
    }

    fn alerts(&self) -> Vec<Alert> {
        let mut alerts = self.core.alerts(&admin(), AlertFilter::All).expect("alerts");
        alerts.reverse();
        alerts
    }

    /// What happened to an alert: what, to whom, how far, why.
    fn history(&self, id: i64) -> Vec<String> {
        let alert = self.core.alert(&admin(), id).expect("alert");
        let text = |event: AlertEvent| {
            let parts = [
                Some(format!("{:?}", event.what)),
                event.recipient.map(|r| r.to_string()),
                event.message_state.map(|s| s.as_str().to_owned()),
                event.detail,
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        alert.history.into_iter().map(text).collect()
    }

    /// A webhook, signed.
    fn webhook(&self, value: &str) {
        signed(&self.core, "messages", value).expect("webhook");
    }

    /// Somebody writes to us.
    fn writes(&self, phone: &str, wamid: &str, text: &str) {
        let at = self.core.now().timestamp();
        let digits = phone.trim_start_matches('+');
        self.webhook(&format!(
            r#"{{"messages":[{{"from":"{digits}","id":"{wamid}","timestamp":"{at}","type":"text","text":{{"body":"{text}"}}}}]}}"#
        ));
    }

    fn audit(&self) -> Vec<String> {
        let store = rusqlite::Connection::open(self.folder.path().join("hadir.sqlite")).expect("store");
        let mut query = store
            .prepare("select who || ': ' || what from audit order by id")
            .expect("query");
        let rows = query.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<rusqlite::Result<_>>().expect("audit")
    }

    fn presses(&self, phone: &str, wamid: &str, payload: &str) {
        self.webhook(&format!(
            r#"{{"messages":[{{"from":"{phone}","id":"{wamid}","type":"button","button":{{"payload":"{payload}"}}}}]}}"#
        ));
    }
}

/// The Cloud API's webhook of a field, signed.
fn signed(core: &Core, field: &str, value: &str) -> Result<()> {
    use hmac::Mac as _;
    let body = format!(r#"{{"entry":[{{"changes":[{{"field":"{field}","value":{value}}}]}}]}}"#);
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"app-secret").expect("key");
    mac.update(body.as_bytes());
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    core.take_webhook(Some(&format!("sha256={hex}")), body.as_bytes())
}

fn settings(folder: &tempfile::TempDir) -> Settings {
    let site = hadir_shared::id::SiteId::new("site").expect("id");
    let database = folder.path().join("hadir.sqlite");
    Settings {
        whatsapp: Some(WhatsApp::Cloud(cloud_api::Settings {
            base_url: "http://127.0.0.1:9".into(),
            phone_number_id: "1".into(),
            token_file: folder.path().join("token"),
            app_secret_file: folder.path().join("app-secret"),
            verify_token: "verify".into(),
            business_account_id: None,
        })),
        ..Settings::new(site, "Pabrik", chrono_tz::Asia::Jakarta, database)
    }
}

/// A camera that streams.
fn camera(id: &str, area: &str) -> CameraStatus {
    CameraStatus {
        id: CameraId::new(id).expect("id"),
        number: None,
        label: id.into(),
        area: hadir_shared::id::AreaId::new(area).expect("id"),
        mode: CameraMode::Recognise,
        state: CameraState::Streaming,
        inference: Inference::Active,
        fps: 7.0,
        last_frame: None,
        people: None,
        cause: None,
        problem: None,
        counts: hadir_shared::status::CameraCounts::default(),
        placement: None,
    }
}

/// A sighting of `employee` at `second`.
fn seen(seq: u64, employee: &str, second: i64) -> Sighting {
    Sighting {
        id: Uuid::now_v7(),
        seq,
        phase: Phase::Continued,
        employee: who(employee),
        camera: CameraId::new("cam-1").expect("id"),
        method: Method::Face,
        track: 1,
        first_at: t(second),
        last_at: t(second),
        basis: Basis::Face,
        verified_at: None,
        confidence: 0.9,
        model: "m".into(),
    }
}

/// Keeps what is sent, and answers as told: with success when told nothing.
#[derive(Default)]
struct Phone {
    sent: Mutex<Vec<Outgoing>>,
    number: Mutex<usize>,
    answers: Mutex<VecDeque<Failure>>,
    token: Mutex<u8>,
}

#[async_trait]
impl Messenger for Phone {
    async fn send(&self, message: &Outgoing) -> Result<String, Failure> {
        if let Some(failure) = self.answers.lock().expect("lock").pop_front() {
            return Err(failure);
        }
        self.sent.lock().expect("lock").push(message.clone());
        let mut number = self.number.lock().expect("lock");
        *number += 1;
        Ok(format!("wamid.{number}"))
    }

    fn credential(&self) -> Option<[u8; 32]> {
        Some([*self.token.lock().expect("lock"); 32])
    }
}

impl Phone {
    fn fails(&self, failure: Failure) {
        self.answers.lock().expect("lock").push_back(failure);
    }

    /// Lets the worker run dry; gives what went out: to where, and its first parameter or its text.
    async fn deliver(self: &Arc<Self>, site: &Site) -> Vec<String> {
        self.sent.lock().expect("lock").clear();
        let messenger: Arc<dyn Messenger> = self.clone();
        let all = async {
            while site
                .core
                .deliver_due(Channel::Whatsapp, &messenger)
                .await
                .expect("delivered")
                > 0
            {}
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), all)
            .await
            .expect("in time");
        let sent = self.sent.lock().expect("lock");
        let text = |message: &Outgoing| match &message.content {
            crate::notify::Content::Template { name, parameters, .. } => {
                format!("{} {name} {}", message.address, parameters.join("|"))
            }
            crate::notify::Content::Text { body, .. } => format!("{} {body}", message.address),
        };
        sent.iter().map(text).collect()
    }
}
