use std::fs;

use super::*;

const AGENT: &str = "site = \"cikarang\"\nagent = \"gate-1\"\n[mqtt]\nhost = \"127.0.0.1\"\nport = 1883\n\
    [aggregator]\nurl = \"http://127.0.0.1:8080/\"\n";
const CAMERA: &str = "id = \"cam-1\"\nnumber = 1\nlabel = \"Gudang A\"\narea = \"gudang\"\n\
    source = { recording = \"clips/a.mp4\", loop = true }\n";

fn credentials() -> String {
    format!(
        "mqtt_password = \"p\"\ntoken = \"t\"\ngallery_key = \"{}\"\n",
        secret::encode(&[1; 32])
    )
}

fn bundle(agent: &str, credentials: &str, cameras: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("temporary folder");
    fs::write(dir.path().join("agent.toml"), agent).expect("written");
    fs::write(dir.path().join("credentials.toml"), credentials).expect("written");
    fs::create_dir(dir.path().join("camera_configs")).expect("created");
    for (name, text) in cameras {
        fs::write(dir.path().join("camera_configs").join(name), text).expect("written");
    }
    dir
}

/// The bundle is refused, and the message holds every one of `parts`.
fn check(agent: &str, credentials: &str, cameras: &[(&str, &str)], parts: &[&str]) {
    let dir = bundle(agent, credentials, cameras);
    let message = load(&dir.path().join("agent.toml"))
        .expect_err("refused")
        .to_string();
    for part in parts {
        assert!(message.contains(part), "`{part}` is missing in:\n{message}");
    }
    assert!(!message.contains("SECRET"), "a secret is in:\n{message}");
}

#[test]
fn a_good_bundle_is_read_with_paths_beside_its_files() {
    let dir = bundle(
        AGENT,
        &credentials(),
        &[("1.toml", CAMERA), ("readme.txt", "no camera")],
    );
    let config = load(&dir.path().join("agent.toml")).expect("valid");
    assert_eq!(config.aggregator, "http://127.0.0.1:8080");
    assert_eq!(config.user_name(), "cikarang.gate-1");
    assert_eq!(config.data, dir.path().join("data"));
    assert_eq!(config.cameras.len(), 1);
    let expected = RecordingSource {
        path: dir.path().join("camera_configs/clips/a.mp4"),
        looped: true,
        realtime: true,
    };
    assert_eq!(config.cameras[0].source, SourceConfig::Recording(expected));
    assert!(!format!("{config:?}").contains("mqtt_password"));
}

#[test]
fn each_mistake_names_file_and_key() {
    let good = credentials();
    let one = [("1.toml", CAMERA)];
    check(
        &format!("{AGENT}colour = 1\n"),
        &good,
        &one,
        &["agent.toml, line 8", "`colour`", "`url`"],
    );
    check(
        &AGENT.replace("1883", "70000"),
        &good,
        &one,
        &["agent.toml, line 5"],
    );
    check(
        &AGENT.replace("http://", "ftp://"),
        &good,
        &one,
        &["`aggregator.url`", "http:// or https://"],
    );
    check(
        &AGENT.replace("gate-1", "Gate 1"),
        &good,
        &one,
        &["agent.toml, line 2", "valid agent id"],
    );
    check(
        AGENT,
        "token = \"t\"\nmqtt_password = SECRET",
        &one,
        &["credentials.toml, line 2"],
    );
    check(
        AGENT,
        &good.replace("\"t\"", "\"\""),
        &one,
        &["credentials.toml: `token` is empty"],
    );
    let short = "mqtt_password = \"p\"\ntoken = \"t\"\ngallery_key = \"SECRET\"\n";
    check(AGENT, short, &one, &["`gallery_key`", "43 characters"]);
    check(AGENT, &good, &[], &["camera_configs holds no camera"]);
    let misspelt = CAMERA.replace("loop", "lop");
    check(
        AGENT,
        &good,
        &[("1.toml", &misspelt)],
        &["1.toml, line 5", "`lop`", "`loop`"],
    );
    let both = CAMERA.replace("loop = true", "usb = 0");
    check(
        AGENT,
        &good,
        &[("1.toml", &both)],
        &["`source` needs exactly one"],
    );
    let mode = format!("mode = \"recognize\"\n{CAMERA}");
    check(
        AGENT,
        &good,
        &[("1.toml", &mode)],
        &["1.toml, line 1", "`recognise`"],
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let second = CAMERA.replace("gudang\"\n", "gudang\"\ndetect_width = 9\n");
    let cameras = [
        ("1.toml", CAMERA),
        ("2.toml", CAMERA),
        ("3.toml", second.as_str()),
    ];
    let agent = AGENT.replace("127.0.0.1\"", " \"");
    let parts = [
        "`mqtt.host`",
        "`id` is `cam-1`",
        "`number` is 1",
        "1.toml",
        "`detect_width`",
        "`token`",
    ];
    check(&agent, &credentials().replace("\"t\"", "\" \""), &cameras, &parts);
}
