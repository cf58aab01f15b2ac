//! The API as a browser and a device see it: a real server on a free port over a store of its own.

mod contract;
mod organisation;
mod people;
mod reports;
mod site;
mod sockets;

use std::io::Cursor;
use std::net::SocketAddr;

use chrono::TimeDelta;
use futures_util::{SinkExt as _, StreamExt as _};
use hadir_shared::clock::{Clock, ManualClock};
use hadir_shared::gallery::Template;
use hadir_shared::id::{AgentId, AreaId, CameraId, EmployeeId, SiteId};
use hadir_shared::live::{self, Frame, TrackBox};
use hadir_shared::status::{AgentStatus, CameraStatus};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, multipart};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::*;
use crate::core::settings::{Settings, Thresholds};
use crate::core::{EmployeePatch, NewEmployee, Role, Viewer};
use crate::devices::tests::{Made, make};
use crate::enrolment;

const SOON: Duration = Duration::from_secs(20);
const PASSWORD: &str = "correct horse battery";

struct Bench {
    address: SocketAddr,
    core: Arc<Core>,
    hub: Arc<Hub>,
    clock: Arc<ManualClock>,
    client: reqwest::Client,
    gate_1: Made,
    gate_2: Made,
    folder: tempfile::TempDir,
    stop: watch::Sender<bool>,
    sessions: std::sync::Mutex<HashMap<String, String>>,
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("folder");
    let site = SiteId::new("cikarang").expect("id");
    let clock = Arc::new(ManualClock::new(chrono::Utc::now()));
    let database = folder.path().join("hadir.sqlite");
    let settings = Settings {
        thresholds: Thresholds {
            off_after: TimeDelta::seconds(45),
            absent_after: TimeDelta::seconds(30 * 60),
        },
        ..Settings::new(
            site.clone(),
            "Pabrik Cikarang",
            chrono_tz::Asia::Jakarta,
            database,
        )
    };
    let core = Core::open(settings, clock.clone()).expect("opens");
    let gate_1 = make(&folder.path().join("devices"), "cikarang", "gate-1", "");
    let gate_2 = make(&folder.path().join("devices"), "cikarang", "gate-2", "");
    let devices = Arc::new(Devices::new(folder.path().join("devices"), site));
    let hub = Arc::new(Hub::default());
    let (stop, stopping) = watch::channel(false);
    let public = "https://hadir.example".to_owned();
    let web = Web::new(core.clone(), hub.clone(), devices, public, stopping).expect("made");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("address");
    tokio::spawn(serve(listener, Arc::new(web)));
    let client = reqwest::Client::builder().timeout(SOON).build().expect("client");
    let bench = Bench {
        address,
        core,
        hub,
        clock,
        client,
        gate_1,
        gate_2,
        folder,
        stop,
        sessions: std::sync::Mutex::default(),
    };
    let hash = auth::hash_password(PASSWORD).expect("hashed");
    for role in [Role::Admin, Role::Hr, Role::Technician] {
        bench
            .core
            .create_user(role.as_str(), &hash, role, None)
            .expect("a user for each role that is bound to nobody");
    }
    bench
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text))
    }

    /// Status and code, after a look at the form.
    fn error(&self) -> (u16, String) {
        let body = self.json();
        let error = body["error"]
            .as_object()
            .unwrap_or_else(|| panic!("no error: {body}"));
        let message = error["message"].as_str().expect("a message");
        assert!(
            message.ends_with('.') && !message.contains('\n'),
            "one sentence: {message}"
        );
        (self.status, error["code"].as_str().expect("a code").to_owned())
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    }
}

/// An employee as tests need one.
fn new(id: &str, name: &str, supervisor: Option<&str>) -> NewEmployee {
    NewEmployee {
        id: Some(id.into()),
        name: name.into(),
        supervisor: supervisor.map(Into::into),
        consent: Some(chrono::Utc::now()),
        ..NewEmployee::default()
    }
}

fn employee(id: &str) -> EmployeeId {
    EmployeeId::new(id).expect("id")
}

fn admin() -> Viewer {
    Viewer::admin("test")
}

impl Bench {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn request(&self, method: Method, path: &str, cookie: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, self.url(path));
        if cookie.is_empty() {
            request
        } else {
            request.header("cookie", cookie)
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer {
            status,
            headers,
            text: response.text().await.expect("text"),
        }
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.send(self.request(Method::GET, path, cookie)).await
    }

    async fn post(&self, path: &str, cookie: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path, cookie).json(body))
            .await
    }

    async fn try_login(&self, username: &str, password: &str) -> Answer {
        self.post(
            "/api/login",
            "",
            &json!({"username": username, "password": password}),
        )
        .await
    }

    async fn login(&self, username: &str) -> String {
        let answer = self.try_login(username, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    /// The session that the user has already, else a new one: a user name rests after five logins in a minute.
    async fn login_once(&self, username: &str) -> String {
        let known = self.sessions.lock().expect("lock").get(username).cloned();
        if let Some(cookie) = known {
            return cookie;
        }
        let cookie = self.login(username).await;
        self.sessions
            .lock()
            .expect("lock")
            .insert(username.to_owned(), cookie.clone());
        cookie
    }

    /// A supervisor who is the employee `id`.
    async fn login_supervisor(&self, id: &str) -> String {
        let hash = auth::hash_password(PASSWORD).expect("hashed");
        self.core
            .create_user("mandor", &hash, Role::Supervisor, Some(&employee(id)))
            .expect("made");
        self.login("mandor").await
    }

    async fn photos(&self, id: &str, cookie: &str, photos: Vec<Vec<u8>>) -> Answer {
        let form = photos.into_iter().fold(multipart::Form::new(), |form, photo| {
            form.part("photo", multipart::Part::bytes(photo).file_name("a.jpg"))
        });
        let path = format!("/api/employees/{id}/photos");
        self.send(self.request(Method::POST, &path, cookie).multipart(form))
            .await
    }

    async fn socket(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, u16> {
        let mut request = format!("ws://{}{path}", self.address)
            .into_client_request()
            .expect("request");
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(*name, HeaderValue::from_str(value).expect("header"));
        }
        match timeout(SOON, tokio_tungstenite::connect_async(request))
            .await
            .expect("in time")
        {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn agent_socket(
        &self,
        camera: &str,
        token: &str,
    ) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, u16> {
        let token = format!("Bearer {token}");
        let headers = [
            ("authorization", token.as_str()),
            ("x-hadir-device", "cikarang.gate-1"),
        ];
        self.socket(&format!("/agent/v1/live/{camera}"), &headers).await
    }

    /// Makes `cam-1` of `gate-1` known.
    fn camera_comes(&self) {
        let camera = CameraStatus {
            id: CameraId::new("cam-1").expect("id"),
            number: Some(1),
            label: "Gudang A".into(),
            area: AreaId::new("gudang").expect("id"),
            mode: hadir_shared::status::CameraMode::Recognise,
            state: hadir_shared::status::CameraState::Streaming,
            inference: hadir_shared::status::Inference::Active,
            fps: 9.8,
            last_frame: Some(self.clock.now()),
            people: None,
            cause: None,
            problem: None,
            counts: hadir_shared::status::CameraCounts::default(),
            placement: None,
        };
        let status = AgentStatus {
            online: true,
            cameras: vec![camera],
            ..AgentStatus::default()
        };
        self.core
            .take_status(&AgentId::new("gate-1").expect("id"), status)
            .expect("taken");
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The next message that is no ping.
async fn next(socket: &mut Socket) -> Message {
    loop {
        let message = timeout(SOON, socket.next()).await.expect("a message in time");
        match message.expect("the socket is open").expect("the socket works") {
            Message::Ping(_) | Message::Pong(_) => {}
            message => return message,
        }
    }
}

async fn next_json(socket: &mut Socket) -> Value {
    serde_json::from_str(next(socket).await.to_text().expect("text")).expect("JSON")
}

/// The next event of a type.
async fn next_event(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let event = next_json(socket).await;
        if event["type"] == kind {
            return event;
        }
    }
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 128]));
    picture
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .expect("written");
    bytes.into_inner()
}

#[tokio::test]
async fn logging_in_and_out() {
    let bench = bench().await;
    for (username, password) in [("admin", "wrong password"), ("nobody", PASSWORD), ("", "")] {
        assert_eq!(
            bench.try_login(username, password).await.error(),
            (401, "unauthenticated".into())
        );
    }
    let answer = bench.try_login("admin", PASSWORD).await;
    assert_eq!(answer.json()["role"], "admin");
    let set = answer.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/", "Max-Age=43200"] {
        assert!(set.contains(part), "{set}");
    }
    let cookie = set.split(';').next().expect("a cookie").to_owned();
    assert!(
        !std::fs::read_dir(bench.folder.path())
            .expect("folder")
            .flatten()
            .any(|file| {
                let token = cookie.trim_start_matches("hadir_session=").as_bytes().to_owned();
                std::fs::read(file.path()).is_ok_and(|bytes| bytes.windows(token.len()).any(|w| w == token))
            })
    );

    let me = bench.get("/api/me", &cookie).await.json();
    assert_eq!(me["username"], "admin");
    assert_eq!(me["site"]["timezone"], "Asia/Jakarta");
    assert_eq!(me["presence"], json!({"off_after_s": 45, "absent_after_s": 1800}));
    assert_eq!(me["defaults"], json!({"off_after_s": 45, "absent_after_s": 300}));
    assert_eq!(me["whatsapp"]["configured"], false);

    assert_eq!(bench.post("/api/logout", &cookie, &json!({})).await.status, 204);
    assert_eq!(
        bench.get("/api/me", &cookie).await.error(),
        (401, "unauthenticated".into())
    );

    let cookie = bench.login("admin").await;
    bench.clock.advance(TimeDelta::hours(12) + TimeDelta::seconds(1));
    assert_eq!(
        bench.get("/api/me", &cookie).await.status,
        401,
        "twelve hours later"
    );
}

#[tokio::test]
async fn five_wrong_passwords_are_enough() {
    let bench = bench().await;
    for _ in 0..5 {
        assert_eq!(bench.try_login("hr", "wrong password").await.status, 401);
    }
    let answer = bench.try_login("hr", PASSWORD).await;
    assert_eq!(answer.error(), (429, "too_many".into()));
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds));
    bench.login("admin").await;
}

#[tokio::test]
async fn every_failure_has_the_documented_form() {
    let bench = bench().await;
    let cookie = bench.login("admin").await;
    for (method, path, status, code) in [
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
        ("GET", "/nothing.js", 404, "not_found"),
        ("GET", "/agent/v1/other", 404, "not_found"),
        ("PUT", "/api/employees", 405, "method_not_allowed"),
        ("GET", "/api/login", 405, "method_not_allowed"),
        ("DELETE", "/api/cameras", 405, "method_not_allowed"),
        ("POST", "/", 405, "method_not_allowed"),
        ("POST", "/healthz", 405, "method_not_allowed"),
        ("GET", "/api/employees/EMP404", 404, "not_found"),
        ("GET", "/api/employees/a%2Fb", 404, "not_found"),
        ("DELETE", "/api/employees/EMP404", 404, "not_found"),
        ("GET", "/api/alerts/x", 404, "not_found"),
        ("GET", "/api/alerts/1", 404, "not_found"),
        ("GET", "/api/alerts?state=old", 400, "invalid"),
        ("GET", "/api/reports/daily?date=today", 400, "invalid"),
        ("GET", "/api/reports/daily?format=doc", 400, "invalid"),
        ("GET", "/api/events", 400, "invalid"),
        ("GET", "/api/cameras/cam-1/live", 400, "invalid"),
        ("GET", "/agent/v1/gallery", 401, "unauthenticated"),
        ("POST", "/api/employees", 415, "unsupported"),
        ("POST", "/api/employees/EMP404/photos", 415, "unsupported"),
        (
            "GET",
            "/api/whatsapp/webhook?hub.mode=subscribe&hub.verify_token=x",
            403,
            "forbidden",
        ),
    ] {
        let method = Method::from_bytes(method.as_bytes()).expect("method");
        let answer = bench.send(bench.request(method.clone(), path, &cookie)).await;
        assert_eq!(answer.error(), (status, code.into()), "{method} {path}");
    }
    let answer = bench
        .send(bench.request(Method::PUT, "/api/employees", &cookie))
        .await;
    assert_eq!(answer.header("allow"), "GET, POST");
    for path in [
        "/api/me",
        "/api/status",
        "/api/employees",
        "/api/nothing",
        "/api/agents",
    ] {
        assert_eq!(
            bench.get(path, "hadir_session=made-up").await.error(),
            (401, "unauthenticated".into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn bad_bodies_are_refused_with_a_reason() {
    let bench = bench().await;
    let cookie = bench.login("admin").await;
    let post = |body: String| {
        let request = bench.request(Method::POST, "/api/employees", &cookie);
        request
            .header("content-type", "application/json; charset=utf-8")
            .body(body)
    };
    for (body, word) in [
        ("", "EOF"),
        ("{", "EOF"),
        ("[]", "NewEmployee"),
        ("{\"name\": 1}", "invalid type"),
        ("{\"name\": \"A\", \"colour\": \"blue\"}", "colour"),
        ("{\"name\": \"\u{fffd}\u{0}\"", "control character"),
    ] {
        let answer = bench.send(post(body.into())).await;
        assert_eq!(answer.error().1, "invalid", "{body}");
        assert!(answer.text.contains(word), "{body}: {}", answer.text);
    }
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(70_000));
    assert_eq!(
        bench.send(post(long.clone())).await.error(),
        (413, "too_large".into())
    );
    // Without a length that says so beforehand.
    let parts = futures_util::stream::iter([Ok::<_, std::io::Error>(long.clone()), Ok(long)]);
    let request = bench
        .request(Method::POST, "/api/employees", &cookie)
        .header("content-type", "application/json");
    assert_eq!(
        bench
            .send(request.body(reqwest::Body::wrap_stream(parts)))
            .await
            .error(),
        (413, "too_large".into())
    );
    assert_eq!(bench.get("/api/employees", &cookie).await.json(), json!([]));
}

#[tokio::test]
async fn other_websites_change_nothing() {
    let bench = bench().await;
    let cookie = bench.login("admin").await;
    let own = format!("http://{}", bench.address);
    for (origin, status) in [
        ("https://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1:1", 403),
        (own.as_str(), 201),
        ("https://hadir.example", 201),
    ] {
        let request = bench
            .request(Method::POST, "/api/employees", &cookie)
            .header("origin", origin);
        let answer = bench.send(request.json(&json!({"name": "Budi"}))).await;
        assert_eq!(answer.status, status, "{origin}: {}", answer.text);
    }
    let form = multipart::Form::new().part("photo", multipart::Part::bytes(jpeg(8, 8)));
    let request = bench
        .request(Method::POST, "/api/employees/E1/photos", &cookie)
        .header("origin", "https://evil.example");
    assert_eq!(
        bench.send(request.multipart(form)).await.error(),
        (403, "forbidden".into())
    );
    assert_eq!(
        bench
            .socket(
                "/api/events",
                &[("cookie", &cookie), ("origin", "https://evil.example")]
            )
            .await
            .err(),
        Some(403)
    );
    assert_eq!(bench.socket("/api/events", &[]).await.err(), Some(401));
    bench
        .socket("/api/events", &[("cookie", &cookie), ("origin", &own)])
        .await
        .expect("our own page");
}

#[tokio::test]
async fn the_dashboard_is_served_with_its_headers() {
    let bench = bench().await;
    assert_eq!(bench.get("/healthz", "").await.json(), json!({"status": "ok"}));
    for path in ["/", "/healthz", "/api/me", "/nothing.js"] {
        let answer = bench.get(path, "").await;
        assert!(
            answer
                .header("content-security-policy")
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(
            !answer.header("referrer-policy").is_empty() && !answer.header("cache-control").is_empty(),
            "{path}"
        );
    }
    let page = bench.get("/", "").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    let tag = page.header("etag").to_owned();
    let again = bench
        .send(bench.request(Method::GET, "/", "").header("if-none-match", &tag))
        .await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    let deep = bench
        .send(
            bench
                .request(Method::GET, "/employees", "")
                .header("accept", "text/html"),
        )
        .await;
    assert_eq!(deep.text, page.text);
    assert_eq!(
        bench.get("/employees", "").await.status,
        404,
        "no page was asked for"
    );
    assert_eq!(bench.get("/../Cargo.toml", "").await.status, 404);
    assert_eq!(bench.get("/%2e%2e/Cargo.toml", "").await.status, 404);
}
