//! The demo's own manners: it moves to a free port and says so, names its addresses, and stops in order.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hadir_tests::harness::client::Api;
use hadir_tests::harness::{alone, paths, ports};
use serde_json::Value;

/// Rendering both recordings for the first time is part of it.
const LIMIT: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comes_up_beside_a_taken_port_and_stops_in_order() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("port");
    let wished = taken.local_addr().expect("address").port();
    let phones = ports::from(wished.saturating_add(200), &[]).expect("port");
    let mqtt = ports::from(wished.saturating_add(400), &[]).expect("port");
    let mut demo = Command::new(paths::binary("hadir-demo").unwrap_or_else(|e| panic!("{e}")))
        .args(["--json", "--for", "600", "--dir"])
        .arg(folder.path())
        .args(["--web-port", &wished.to_string()])
        .args(["--phones-port", &phones.to_string()])
        .args(["--mqtt-port", &mqtt.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut errors = demo.stderr.take().expect("piped");
    let complaints = std::thread::spawn(move || {
        let mut text = String::new();
        // What could be read until then is what there is.
        let _ = errors.read_to_string(&mut text);
        text
    });
    let out = BufReader::new(demo.stdout.take().expect("piped"));
    let (to_us, first_line) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || to_us.send(out.lines().next()));
    let line = tokio::time::timeout(LIMIT, first_line).await;
    let Ok(Ok(Some(Ok(line)))) = line else {
        // It may have ended already.
        let _ = demo.kill();
        let _ = demo.wait();
        panic!("the demo did not come up: {}", complaints.join().expect("read"));
    };
    let info: Value = serde_json::from_str(&line).expect("JSON");
    let at = |key: &str| {
        info[key]
            .as_str()
            .unwrap_or_else(|| panic!("no {key}: {info}"))
            .to_owned()
    };
    assert_ne!(at("dashboard"), format!("http://127.0.0.1:{wished}"));
    for user in [at("username"), "sari".to_owned()] {
        let api = Api::login(&at("dashboard"), &user, &at("password"))
            .await
            .unwrap_or_else(|e| panic!("{e}"));
        let me = api.get("/api/me").await.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(me["presence"]["absent_after_s"], info["absent_after_s"], "{me}");
        assert_eq!(me["whatsapp"]["configured"], true, "{me}");
    }

    let asked = Instant::now();
    let kill = Command::new("sh")
        .args(["-c", "kill -INT \"$1\"", "sh", &demo.id().to_string()])
        .status();
    assert!(kill.expect("sh").success());
    let status = loop {
        match demo.try_wait().expect("its state") {
            Some(status) => break status,
            None if asked.elapsed() < Duration::from_secs(60) => {
                tokio::time::sleep(Duration::from_millis(100)).await
            }
            None => panic!("the demo still runs 60 s after Ctrl-C"),
        }
    };
    let said = complaints.join().expect("read");
    assert!(status.success(), "{status}: {said}");
    assert!(said.contains(&format!("Port {wished} is in use")), "{said}");
    let web = at("dashboard")
        .rsplit(':')
        .next()
        .and_then(|p| p.parse().ok())
        .expect("port");
    for port in [web, phones, mqtt] {
        assert!(
            tokio::net::TcpStream::connect(ports::local(port)).await.is_err(),
            "{port} still answers: {said}"
        );
    }
    assert!(
        folder.path().join("site/aggregator.toml").is_file(),
        "its data are gone"
    );
}
