//! The WhatsApp simulator refuses what the real Cloud API refuses, and sends what it sends.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hadir_tests::harness::client::http;
use hadir_tests::harness::eventually;
use hadir_tests::simulator::api::Account;
use hadir_tests::simulator::templates::Templates;
use hadir_tests::simulator::webhook::signature;
use hadir_tests::simulator::{self, Options, Simulator};
use serde_json::{Value, json};
use warp::Filter as _;

const TOKEN: &str = "EAAGtoken";
const SECRET: &str = "app-secret";
const TO: &str = "6281100001002";
const TEMPLATES: &str = r#"[{"name": "absence", "language": "en", "category": "UTILITY", "components": [
    {"type": "BODY", "text": "*{{1}}* has not been seen since {{2}}."},
    {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "I have it"}]}]},
  {"name": "report", "language": "en", "category": "UTILITY", "components": [
    {"type": "HEADER", "format": "DOCUMENT", "example": {"header_handle": ["4::a"]}},
    {"type": "BODY", "text": "The report of {{1}}."}]}]"#;

/// A webhook receiver that can be down.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Received>>);

#[derive(Default)]
struct Received {
    bodies: Vec<Value>,
    refuse: u32,
    forged: u32,
}

impl Receiver {
    async fn start() -> (Self, SocketAddr) {
        let receiver = Self::default();
        let at_post = receiver.clone();
        let post = warp::post()
            .and(warp::header::<String>("x-hub-signature-256"))
            .and(warp::body::bytes())
            .map(move |signed: String, body: bytes::Bytes| {
                let mut received = at_post.0.lock().expect("lock");
                if received.refuse > 0 {
                    received.refuse -= 1;
                    return warp::http::StatusCode::SERVICE_UNAVAILABLE;
                }
                if signed == signature(SECRET, &body) {
                    received.bodies.push(serde_json::from_slice(&body).expect("JSON"));
                } else {
                    received.forged += 1;
                }
                warp::http::StatusCode::OK
            });
        let get = warp::get()
            .and(warp::query::<std::collections::HashMap<String, String>>())
            .map(|query: std::collections::HashMap<String, String>| {
                let right = query["hub.mode"] == "subscribe" && query["hub.verify_token"] == "token";
                if right {
                    query["hub.challenge"].clone()
                } else {
                    "no".to_owned()
                }
            });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port");
        let address = listener.local_addr().expect("address");
        tokio::spawn(warp::serve(post.or(get)).incoming(listener).run());
        (receiver, address)
    }

    /// The `value` of every webhook so far.
    fn values(&self) -> Vec<Value> {
        let received = self.0.lock().expect("lock");
        received
            .bodies
            .iter()
            .map(|b| b["entry"][0]["changes"][0]["value"].clone())
            .collect()
    }

    fn statuses(&self) -> Vec<String> {
        let all = self.values();
        all.iter()
            .filter_map(|v| v["statuses"][0]["status"].as_str().map(str::to_owned))
            .collect()
    }

    async fn wait(&self, what: &str, done: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let result = eventually(what, Duration::from_secs(20), async || {
            let values = self.values();
            if done(&values) {
                Ok(values)
            } else {
                Err(json!(values).to_string())
            }
        });
        result.await.unwrap_or_else(|e| panic!("{e}"))
    }
}

struct Bench {
    simulator: Simulator,
    receiver: Receiver,
}

impl Bench {
    async fn start() -> Self {
        let (receiver, address) = Receiver::start().await;
        let mut templates = Templates::default();
        templates.add(TEMPLATES).expect("templates");
        let account = Account {
            token: TOKEN.into(),
            phone_number_id: "1234567890".into(),
            number: "15550783881".into(),
            templates,
        };
        let options = Options {
            listen: "127.0.0.1:0".parse().expect("address"),
            account,
            webhook: Some(format!("http://{address}/hook")),
            app_secret: SECRET.into(),
            contacts: vec![(TO.into(), "Sari".into())],
        };
        let simulator = simulator::start(options).await.expect("starts");
        Self { simulator, receiver }
    }

    async fn post(&self, path: &str, token: Option<&str>, body: &str) -> (u16, Value) {
        let mut request = http()
            .expect("client")
            .post(format!("http://{}{path}", self.simulator.address));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.body(body.to_owned()).send().await.expect("answers");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn send(&self, body: &Value) -> (u16, Value) {
        self.post("/v23.0/1234567890/messages", Some(TOKEN), &body.to_string())
            .await
    }

    async fn sim(&self, path: &str, body: Value) -> (u16, Value) {
        self.post(&format!("/sim/{path}"), None, &body.to_string()).await
    }

    async fn messages(&self) -> Vec<Value> {
        let url = format!("http://{}/sim/conversations", self.simulator.address);
        let all: Value = http()
            .expect("client")
            .get(url)
            .send()
            .await
            .expect("answers")
            .json()
            .await
            .expect("JSON");
        all["conversations"][0]["messages"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }
}

fn template() -> Value {
    json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": TO, "type": "template",
        "template": {"name": "absence", "language": {"code": "en"}, "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "Lee Min"}, {"type": "text", "text": "13:53"}]},
            {"type": "button", "sub_type": "quick_reply", "index": "0",
             "parameters": [{"type": "payload", "payload": "ack:7"}]}]},
    })
}

fn text() -> Value {
    json!({"messaging_product": "whatsapp", "to": TO, "type": "text", "text": {"body": "Hello"}})
}

#[tokio::test]
async fn a_template_is_accepted_sent_delivered_and_read_and_its_button_answers() {
    let bench = Bench::start().await;
    let (status, answer) = bench.send(&template()).await;
    assert_eq!(status, 200, "{answer}");
    let id = answer["messages"][0]["id"].as_str().expect("id").to_owned();
    assert!(id.starts_with("wamid."));
    assert_eq!(answer["contacts"], json!([{"input": TO, "wa_id": TO}]));
    assert_eq!(answer["messages"][0]["message_status"], "accepted");

    bench.receiver.wait("sent and delivered", |v| v.len() >= 2).await;
    assert_eq!(bench.receiver.statuses(), ["sent", "delivered"]);
    bench.sim(&format!("conversations/{TO}/read"), json!({})).await;
    bench.receiver.wait("read", |v| v.len() >= 3).await;
    let press = json!({"message": id, "button": 0});
    assert_eq!(
        bench
            .sim(&format!("conversations/{TO}/press"), press.clone())
            .await
            .0,
        200
    );
    assert_eq!(
        bench.sim(&format!("conversations/{TO}/press"), press).await.0,
        400,
        "a second press"
    );
    let values = bench.receiver.wait("the button", |v| v.len() >= 4).await;
    let status = &values[2]["statuses"][0];
    assert_eq!(
        (status["status"].as_str(), status["id"].as_str()),
        (Some("read"), Some(id.as_str()))
    );
    assert_eq!(status["recipient_id"], TO);
    let pressed = &values[3]["messages"][0];
    assert_eq!(pressed["type"], "button");
    assert_eq!(
        pressed["button"],
        json!({"payload": "ack:7", "text": "I have it"})
    );
    assert_eq!(pressed["context"]["id"], id.as_str());
    assert_eq!(
        values[3]["contacts"][0],
        json!({"profile": {"name": "Sari"}, "wa_id": TO})
    );
    assert_eq!(values[3]["metadata"]["phone_number_id"], "1234567890");
    assert_eq!(bench.receiver.0.lock().expect("lock").forged, 0);
}

#[tokio::test]
async fn what_the_real_one_refuses_is_refused_in_its_format() {
    let bench = Bench::start().await;
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut body = template();
        change(&mut body);
        body
    };
    let cases = [
        (
            "no messaging_product",
            changed(&|b| b["messaging_product"] = Value::Null),
            400,
            100,
        ),
        ("no recipient", changed(&|b| b["to"] = Value::Null), 400, 100),
        (
            "a national number",
            changed(&|b| b["to"] = json!("0811000010")),
            400,
            100,
        ),
        (
            "the sender itself",
            changed(&|b| b["to"] = json!("15550783881")),
            400,
            131_021,
        ),
        (
            "another type",
            changed(&|b| b["type"] = json!("fax")),
            400,
            131_051,
        ),
        (
            "an unknown template",
            changed(&|b| b["template"]["name"] = json!("nothing")),
            404,
            132_001,
        ),
        (
            "another language",
            changed(&|b| b["template"]["language"]["code"] = json!("jv")),
            404,
            132_001,
        ),
        (
            "a parameter too few",
            changed(&|b| {
                b["template"]["components"][0]["parameters"] = json!([{"type": "text", "text": "x"}])
            }),
            400,
            132_000,
        ),
        (
            "a button that is not there",
            changed(&|b| b["template"]["components"][1]["index"] = json!("3")),
            400,
            132_018,
        ),
        (
            "an empty text",
            json!({"messaging_product": "whatsapp", "to": TO, "type": "text", "text": {}}),
            400,
            100,
        ),
    ];
    for (what, body, status, code) in cases {
        let (got, answer) = bench.send(&body).await;
        assert_eq!(
            (got, answer["error"]["code"].as_u64()),
            (status, Some(code)),
            "{what}: {answer}"
        );
        assert_eq!(answer["error"]["type"], "OAuthException", "{what}");
        assert!(
            answer["error"]["fbtrace_id"]
                .as_str()
                .is_some_and(|t| t.len() > 10),
            "{what}: {answer}"
        );
    }
    let body = template().to_string();
    for token in [None, Some("another")] {
        let (status, answer) = bench.post("/v23.0/1234567890/messages", token, &body).await;
        assert_eq!(
            (status, answer["error"]["code"].as_u64()),
            (401, Some(190)),
            "{answer}"
        );
    }
    let (status, answer) = bench.post("/v23.0/999/messages", Some(TOKEN), &body).await;
    assert_eq!(
        (status, answer["error"]["error_subcode"].as_u64()),
        (400, Some(33)),
        "{answer}"
    );
    let (status, _) = bench.post("/v23.0/1234567890/messages", Some(TOKEN), "{").await;
    assert_eq!(status, 400);
    assert!(
        bench.messages().await.is_empty(),
        "nothing refused reaches the phone"
    );
    assert!(bench.receiver.values().is_empty());
}

#[tokio::test]
async fn documents_are_uploaded_and_then_named() {
    let bench = Bench::start().await;
    let upload = async |product: &str, kind: &str, bytes: &'static [u8], token: &str| {
        let file = reqwest::multipart::Part::bytes(bytes)
            .file_name("report")
            .mime_str(kind)
            .expect("kind");
        let form = reqwest::multipart::Form::new()
            .text("messaging_product", product.to_owned())
            .part("file", file);
        let url = format!("http://{}/v23.0/1234567890/media", bench.simulator.address);
        let request = http()
            .expect("client")
            .post(url)
            .bearer_auth(token)
            .multipart(form);
        let answer = request.send().await.expect("answers");
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.expect("JSON");
        (
            status,
            body["error"]["code"].as_u64(),
            body["id"].as_str().map(str::to_owned),
        )
    };
    const PDF: &str = "application/pdf";
    for (product, kind, bytes, token, refused) in [
        ("telegram", PDF, &b"%PDF-1.7"[..], TOKEN, (400, Some(100))),
        ("whatsapp", "application/zip", b"PK", TOKEN, (400, Some(100))),
        ("whatsapp", "text/csv", b"a;b", TOKEN, (400, Some(100))),
        ("whatsapp", PDF, b"<html>", TOKEN, (500, Some(131_053))),
        ("whatsapp", PDF, b"%PDF-1.7", "another", (401, Some(190))),
    ] {
        let (status, code, _) = upload(product, kind, bytes, token).await;
        assert_eq!((status, code), refused, "{product} {kind}");
    }
    let (status, _, id) = upload("whatsapp", PDF, b"%PDF-1.7", TOKEN).await;
    let id = id.expect("an id");
    assert_eq!(status, 200);

    let report = |header: Value| {
        json!({"messaging_product": "whatsapp", "to": TO, "type": "template", "template": {
            "name": "report", "language": {"code": "en"}, "components": [
                {"type": "header", "parameters": header},
                {"type": "body", "parameters": [{"type": "text", "text": "today"}]}]}})
    };
    let named = |id: &str| json!([{"type": "document", "document": {"id": id, "filename": "today.pdf"}}]);
    for (header, code) in [
        (json!([]), 132_012),
        (json!([{"type": "text", "text": "x"}]), 132_012),
        (named("17"), 100),
    ] {
        let (_, answer) = bench.send(&report(header)).await;
        assert_eq!(answer["error"]["code"], code, "{answer}");
    }
    let mut without = template();
    without["template"]["components"]
        .as_array_mut()
        .expect("components")
        .push(json!({"type": "header", "parameters": named(&id)}));
    assert_eq!(bench.send(&without).await.1["error"]["code"], 132_000);
    assert_eq!(bench.send(&report(named(&id))).await.0, 200);
    let long = json!({"messaging_product": "whatsapp", "to": TO, "type": "document",
        "document": {"id": id, "filename": "today.pdf", "caption": "x".repeat(1025)}});
    assert_eq!(bench.send(&long).await.1["error"]["code"], 100);
    let messages = bench.messages().await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(
        messages[0]["document"],
        json!({"media": id, "filename": "today.pdf", "kind": PDF, "size": 8})
    );
}

#[tokio::test]
async fn free_text_needs_an_open_window() {
    let bench = Bench::start().await;
    // Accepted, and failed afterwards.
    assert_eq!(bench.send(&text()).await.0, 200);
    let values = bench.receiver.wait("failed", |v| !v.is_empty()).await;
    assert_eq!(values[0]["statuses"][0]["status"], "failed");
    assert_eq!(values[0]["statuses"][0]["errors"][0]["code"], 131_047);
    // The person writes, which opens the window for 24 hours.
    bench
        .sim(&format!("conversations/{TO}/text"), json!({"text": "status"}))
        .await;
    let values = bench.receiver.wait("the text", |v| v.len() >= 2).await;
    assert_eq!(values[1]["messages"][0]["text"]["body"], "status");
    assert_eq!(bench.send(&text()).await.0, 200);
    bench.receiver.wait("delivered", |v| v.len() >= 4).await;
    assert_eq!(bench.receiver.statuses(), ["failed", "sent", "delivered"]);
    // And a day later it is closed again.
    bench
        .sim(&format!("conversations/{TO}/close-window"), json!({}))
        .await;
    bench.send(&text()).await;
    bench.receiver.wait("failed again", |v| v.len() >= 5).await;
    assert_eq!(
        bench.receiver.statuses().last().map(String::as_str),
        Some("failed")
    );
}

#[tokio::test]
async fn errors_can_be_asked_for() {
    let bench = Bench::start().await;
    for code in [131_056, 130_429, 190] {
        bench.sim("errors", json!({"code": code, "count": 1})).await;
        let (status, answer) = bench.send(&template()).await;
        assert_eq!(answer["error"]["code"], code);
        assert_eq!(status, if code == 190 { 401 } else { 400 });
    }
    assert_eq!(bench.send(&template()).await.0, 200, "only as often as asked for");
    bench
        .sim("errors", json!({"code": 131_026, "count": 1, "later": true}))
        .await;
    assert_eq!(bench.send(&template()).await.0, 200);
    let values = bench
        .receiver
        .wait("failed", |v| {
            v.iter().any(|v| v["statuses"][0]["status"] == "failed")
        })
        .await;
    let failed = values
        .iter()
        .find(|v| v["statuses"][0]["status"] == "failed")
        .expect("failed");
    assert_eq!(failed["statuses"][0]["errors"][0]["code"], 131_026);
}

#[tokio::test]
async fn webhooks_wait_for_a_receiver_and_may_come_in_disorder() {
    let bench = Bench::start().await;
    bench.receiver.0.lock().expect("lock").refuse = 2;
    bench.send(&template()).await;
    bench
        .receiver
        .wait("both in spite of two refusals", |v| v.len() >= 2)
        .await;
    assert_eq!(bench.receiver.statuses(), ["sent", "delivered"]);
    bench
        .sim("webhooks", json!({"reversed": true, "duplicated": true}))
        .await;
    bench.send(&template()).await;
    bench.receiver.wait("four more", |v| v.len() >= 6).await;
    assert_eq!(
        bench.receiver.statuses()[2..],
        ["delivered", "delivered", "sent", "sent"]
    );
}

#[tokio::test]
async fn a_webhook_is_verified_by_its_challenge() {
    let bench = Bench::start().await;
    assert_eq!(bench.sim("verify", json!({"verify_token": "token"})).await.0, 200);
    assert_eq!(bench.sim("verify", json!({"verify_token": "wrong"})).await.0, 400);
}
