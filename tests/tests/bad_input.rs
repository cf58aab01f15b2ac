//! Bad input ends in one sentence that says what is wrong, with the fitting exit status; nothing panics and
//! nothing half-written stays.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hadir_tests::harness::process::{self, Group, Outcome, Process};
use hadir_tests::harness::site::{Camera, Options, Site, Source};
use hadir_tests::harness::system::{Broker, Plan, System};
use hadir_tests::harness::{alone, eventually, paths, ports};
use hadir_tests::recordings::person::{self, Person};
use hadir_tests::recordings::{self, script};
use image::{DynamicImage, GenericImage as _, ImageFormat, Rgb, RgbImage};

const LIMIT: Duration = Duration::from_secs(60);

fn hadir(program: &str) -> Command {
    Command::new(paths::binary(program).unwrap_or_else(|e| panic!("{e}")))
}

/// Runs a command that has to fail: with one of these exit statuses, and a message that holds all these words.
fn check(what: &str, command: &mut Command, codes: &[i32], words: &[&str]) -> Outcome {
    let outcome = process::run(command, LIMIT).unwrap_or_else(|e| panic!("{what}: {e}"));
    let said = format!("{}{}", outcome.out, outcome.err);
    assert!(
        outcome.code.is_some_and(|c| codes.contains(&c)),
        "{what}: ended with {:?}: {said}",
        outcome.code
    );
    assert!(!said.contains("panicked"), "{what}: {said}");
    for word in words {
        assert!(
            said.to_lowercase().contains(&word.to_lowercase()),
            "{what}: {word:?} is not in: {said}"
        );
    }
    let sentences = outcome.err.lines().filter(|l| !l.trim().is_empty()).count();
    assert!(
        (1..=3).contains(&sentences),
        "{what}: that is no sentence: {}",
        outcome.err
    );
    outcome
}

/// A site with one device and a recording for its camera.
fn site(folder: &Path, recording: &Path, mqtt: u16) -> Site {
    let options = Options {
        dir: folder.join("site"),
        id: "cikarang",
        name: "Pabrik",
        web: ports::free().expect("port"),
        mqtt,
        whatsapp: ports::free().expect("port"),
        off_after: 10,
        absent_after: 25,
    };
    let site = Site::init(&options).unwrap_or_else(|e| panic!("{e}"));
    let camera = Camera {
        id: "cam-1",
        number: 1,
        label: "Gudang",
        area: "gudang",
        source: Source::Recording(recording.to_owned()),
    };
    site.add_device("gate-1", &[camera])
        .unwrap_or_else(|e| panic!("{e}"));
    site
}

fn stays() -> PathBuf {
    recordings::make(&script::stays(), &paths::recordings().expect("folder"))
        .unwrap_or_else(|e| panic!("{e}"))
}

/// A camera's file with this in its fifth line.
fn camera_file(line: &str) -> String {
    format!(
        "id = \"cam-1\"\nlabel = \"Gudang\"\narea = \"gudang\"\n\n{line}\n\n[source]\nrtsp = \"rtsp://192.168.1.20/1\"\n"
    )
}

#[tokio::test]
async fn recordings_that_are_none() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    let gallery = person::gallery(&folder.path().join("gallery"), &[Person::Biden]).expect("written");
    let whole = std::fs::read(stays()).expect("read");
    let cases: [(&str, Option<&[u8]>); 4] = [
        ("missing.mp4", None),
        ("empty.mp4", Some(b"")),
        ("text.mp4", Some(b"This is not a recording.")),
        ("cut.mp4", Some(&whole[..200])),
    ];
    for (name, contents) in cases {
        let clip = folder.path().join(name);
        if let Some(contents) = contents {
            std::fs::write(&clip, contents).expect("written");
        }
        let report = folder.path().join("report.html");
        let mut command = hadir("hadir-agent");
        command
            .args(["test-recording", "--gallery"])
            .arg(&gallery)
            .arg(&clip)
            .arg("--report")
            .arg(&report);
        check(name, &mut command, &[1, 2], &[name]);
        assert!(!report.exists(), "{name}: a report was left behind");
    }

    let camera = folder.path().join("cam-1.toml");
    for (contents, word) in [
        (None, "does not exist"),
        (
            Some(camera_file("mask = [[[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]]]")),
            "line 5: `mask`",
        ),
        (Some(camera_file("masks = []")), "line 5: unknown field"),
    ] {
        if let Some(contents) = contents {
            std::fs::write(&camera, contents).expect("written");
        }
        let mut command = hadir("hadir-agent");
        command.args(["test-recording", "--gallery"]).arg(&gallery);
        command.arg(stays()).arg("--camera").arg(&camera);
        check(word, &mut command, &[2], &["cam-1.toml", word]);
    }
}

#[tokio::test]
async fn pictures_that_are_none() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    for (name, contents) in [
        ("empty.jpg", Vec::new()),
        ("text.jpg", b"no picture".to_vec()),
        ("cut.jpg", Person::Biden.portraits()[0].1[..4000].to_vec()),
        ("huge.png", huge()),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, contents).expect("written");
        for what in ["detect", "embed"] {
            check(name, hadir("hadir-agent").arg(what).arg(&path), &[1, 2], &[name]);
        }
    }
}

#[tokio::test]
async fn keys_that_are_unknown() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    let site = site(folder.path(), &stays(), ports::free().expect("port"));
    let bundle = site.bundle("gate-1");
    site.edit_config(|t| drop(t.insert("abcent_after_s".into(), toml::Value::Integer(3))))
        .expect("edited");
    for what in ["run", "check"] {
        let mut command = hadir("hadir-aggregator");
        command.args([what, "--config"]).arg(site.config());
        check(
            "the aggregator's file",
            &mut command,
            &[2],
            &["aggregator.toml", "abcent_after_s"],
        );
    }
    assert!(
        !site.dir.join("data/hadir.sqlite").exists(),
        "a store came into being from a wrong configuration"
    );

    let camera = bundle.join("camera_configs/cam-1.toml");
    let text = std::fs::read_to_string(&camera).expect("read");
    std::fs::write(&camera, format!("colour = \"blue\"\n{text}")).expect("written");
    let mut command = hadir("hadir-agent");
    command.args(["run", "--config"]).arg(bundle.join("agent.toml"));
    check("a camera's file", &mut command, &[2], &["cam-1.toml", "colour"]);
    std::fs::write(&camera, text).expect("written");

    let agent = bundle.join("agent.toml");
    let text = std::fs::read_to_string(&agent).expect("read");
    std::fs::write(&agent, format!("thread = 3\n{text}")).expect("written");
    let mut command = hadir("hadir-agent");
    command.args(["run", "--config"]).arg(&agent);
    check("the agent's file", &mut command, &[2], &["agent.toml", "thread"]);
    let mut command = hadir("hadir-agent");
    command.args(["run", "--config", "/nowhere/agent.toml"]);
    check("no file", &mut command, &[2], &["/nowhere/agent.toml"]);
}

#[tokio::test]
async fn ports_that_are_in_use() {
    let _alone = alone().await;
    for key in ["web", "mqtt"] {
        let folder = tempfile::tempdir().expect("folder");
        let site = site(folder.path(), &stays(), ports::free().expect("port"));
        let taken = TcpListener::bind("127.0.0.1:0").expect("port");
        let address = taken.local_addr().expect("address");
        site.edit_config(|t| {
            if let Some(table) = t.get_mut(key).and_then(|v| v.as_table_mut()) {
                table.insert("listen".into(), address.to_string().into());
            }
        })
        .expect("edited");
        let mut command = hadir("hadir-aggregator");
        // Its log is no part of the sentence.
        command
            .env("RUST_LOG", "off")
            .args(["run", "--config"])
            .arg(site.config());
        check(
            key,
            &mut command,
            &[1, 2],
            &[&address.port().to_string(), "in use"],
        );
    }
    let taken = TcpListener::bind("127.0.0.1:0").expect("port");
    let mut command = hadir("hadir-whatsapp-sim");
    command.args([
        "--token",
        "t",
        "--app-secret",
        "s",
        "--listen",
        &taken.local_addr().expect("address").to_string(),
    ]);
    let templates = tempfile::tempdir().expect("folder");
    let template = r#"{"name": "a", "language": "en", "category": "UTILITY", "components": [{"type": "BODY", "text": "A."}]}"#;
    std::fs::write(templates.path().join("a.json"), template).expect("written");
    check(
        "simulator",
        command.arg("--templates").arg(templates.path()),
        &[2],
        &["in use", "--listen"],
    );
}

#[tokio::test]
async fn a_broker_that_refuses() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    // A broker that answers every client with "not authorised" (MQTT 3.1.1, return code 5).
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let port = listener.local_addr().expect("address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut connect = [0; 512];
            if stream.read(&mut connect).is_ok() {
                // The client may be gone already.
                let _ = stream.write_all(&[0x20, 2, 0, 5]);
            }
        }
    });
    let site = site(folder.path(), &stays(), port);
    let mut command = hadir("hadir-agent");
    command
        .args(["run", "--config"])
        .arg(site.bundle("gate-1").join("agent.toml"));
    let mut agent =
        Process::start("agent", &mut command, &folder.path().join("logs"), Group::Shared).expect("starts");
    let heard = eventually(
        "the agent says that the broker refuses it",
        Duration::from_secs(30),
        async || {
            let said = agent.said().to_lowercase();
            let line = said
                .lines()
                .find(|l| l.contains("refuse") && (l.contains("broker") || l.contains("mqtt")));
            line.map(str::to_owned).ok_or_else(|| agent.tail())
        },
    )
    .await;
    let line = heard.unwrap_or_else(|e| panic!("{e}"));
    assert!(
        line.contains("credentials") || line.contains("password"),
        "it does not say what to do: {line}"
    );
    assert!(!agent.said().contains("panicked"), "{}", agent.tail());
    // Whether it ends or tries on: it can be stopped.
    if agent.check().is_ok() {
        agent.stop().unwrap_or_else(|e| panic!("{e}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn photographs_that_cannot_be_enrolled() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    let plan = Plan::with_free_ports(folder.path().to_owned(), Broker::Embedded, Vec::new()).expect("ports");
    let system = System::start(plan).await.unwrap_or_else(|e| panic!("{e}"));
    system
        .register_staff()
        .await
        .unwrap_or_else(|e| panic!("{}", system.explain(e)));
    let (who, version) = ("EMP101", async || {
        system.api.get("/api/employees/EMP101").await.expect("employee")["photos"].clone()
    });
    let before = version().await;
    let biden = Person::Biden.portraits()[0].1;
    for (name, bytes, reason) in [
        (
            "nobody.jpg",
            jpeg(&RgbImage::from_pixel(640, 480, Rgb([120, 130, 140]))),
            "no_face",
        ),
        ("two.jpg", two_people(), "several_faces"),
        ("cut.jpg", biden[..4000].to_vec(), "unreadable"),
        ("huge.png", huge(), "unreadable"),
        ("text.jpg", b"no picture".to_vec(), "unreadable"),
        // He is enrolled as another employee.
        ("biden.jpg", biden.to_vec(), "already_enrolled"),
    ] {
        // With a good one in the same request, of which nothing may be stored either.
        let good = Person::Obama.portraits()[0].1;
        let (status, body) = system
            .api
            .photos(who, &[("good.jpg", good), (name, &bytes)])
            .await
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(status, 422, "{name}: {body}");
        assert_eq!(body["error"]["reason"], reason, "{name}: {body}");
        assert_eq!(body["error"]["field"], "photo", "{name}: {body}");
        assert!(
            body["error"]["message"].as_str().is_some_and(|m| m.len() > 15),
            "{name}: {body}"
        );
        assert_eq!(
            version().await,
            before,
            "{name}: something of the request was stored"
        );
    }
    // EMP002 never consented.
    let (status, body) = system
        .api
        .photos("EMP002", &Person::Obama.portraits())
        .await
        .expect("answers");
    assert_eq!(
        (status, body["error"]["reason"].as_str()),
        (422, Some("no_consent")),
        "{body}"
    );
    assert!(
        !system.said("aggregator").contains("panicked"),
        "{}",
        system.said("aggregator")
    );
    system.stop().unwrap_or_else(|e| panic!("{e}"));
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture.clone())
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .expect("encoded");
    bytes.into_inner()
}

/// Two portraits side by side, with faces of about the same size.
fn two_people() -> Vec<u8> {
    let load = |bytes| image::load_from_memory(bytes).expect("a picture").into_rgb8();
    let (a, b) = (
        load(Person::Obama.portraits()[0].1),
        load(Person::Collins.portraits()[0].1),
    );
    let mut both = RgbImage::new(a.width() + b.width(), a.height().max(b.height()));
    both.copy_from(&a, 0, 0).expect("fits");
    both.copy_from(&b, a.width(), 0).expect("fits");
    jpeg(&both)
}

/// A small file that claims to be a picture of 20,000 × 20,000 pixels.
fn huge() -> Vec<u8> {
    let chunk = |kind: &[u8], data: &[u8]| {
        let body = [kind, data].concat();
        let length = u32::try_from(data.len()).expect("short").to_be_bytes();
        [&length, body.as_slice(), &crc32(&body).to_be_bytes()].concat()
    };
    let side = 20_000_u32.to_be_bytes();
    let header = [&side[..], &side[..], &[8, 2, 0, 0, 0]].concat();
    // An empty deflate stream: the size is to be refused before any of it is read.
    let data = [0x78, 0x9c, 0x03, 0, 0, 0, 0, 1];
    [
        &b"\x89PNG\r\n\x1a\n"[..],
        &chunk(b"IHDR", &header),
        &chunk(b"IDAT", &data),
        &chunk(b"IEND", b""),
    ]
    .concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    })
}
