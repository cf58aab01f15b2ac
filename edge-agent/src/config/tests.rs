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
        &["agent.toml, line 7: `aggregator.url`", "http:// or https://"],
    );
    check(
        &format!("metrics = \"0.0.0.0:9464\"\n{AGENT}"),
        &good,
        &one,
        &["agent.toml, line 1: `metrics`", "127.0.0.1:9464"],
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
        &["credentials.toml, line 2: `token` is empty"],
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
        &["1.toml, line 5: `source` needs exactly one"],
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
    let second = CAMERA.replace(
        "gudang\"\n",
        "gudang\"\ndetect_width = 9\nbadge_reader = \"ttyUSB0\"\n",
    );
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
        "`badge_reader`",
        "`token`",
    ];
    check(&agent, &credentials().replace("\"t\"", "\" \""), &cameras, &parts);
}

/// A camera with this source, and `camera_credentials.toml`.
fn with_source(source: &str, logins: &str) -> Result<CameraConfig, String> {
    let camera = format!("id = \"cam-1\"\nlabel = \"Gudang A\"\narea = \"gudang\"\n[source]\n{source}\n");
    let dir = bundle(AGENT, &credentials(), &[("1.toml", &camera)]);
    fs::write(dir.path().join("camera_credentials.toml"), logins).expect("written");
    let mut config = load(&dir.path().join("agent.toml")).map_err(|e| e.to_string())?;
    Ok(config.cameras.remove(0))
}

#[test]
fn network_cameras_get_their_login_from_the_credentials() {
    let logins = "[cam-1]\nuser = \"hadir\"\npassword = \"SECRET\"\n";
    let source = "rtsp = \"rtsp://10.0.0.9/main\"\nsub = \"rtsp://10.0.0.9/sub\"\nstream = \"sub\"\n\
                  transport = \"udp\"\ndecoder = \"raspberry-pi-4\"";
    let camera = with_source(source, logins).expect("valid");
    assert!(!format!("{camera:?}").contains("SECRET"));
    let SourceConfig::Rtsp(rtsp) = camera.source else {
        panic!("{:?}", camera.source);
    };
    assert_eq!(rtsp.url.as_str(), "rtsp://10.0.0.9/sub");
    assert_eq!(
        (rtsp.transport, rtsp.decoder),
        (RtspTransport::Udp, DecoderPreset::RaspberryPi4)
    );
    assert_eq!(rtsp.login.expect("a login").password.as_str(), "SECRET");
    let camera = with_source("mjpeg = \"http://10.0.0.9/video.cgi?k=1\"", "").expect("valid");
    assert!(matches!(
        camera.source,
        SourceConfig::Mjpeg(MjpegSource { login: None, .. })
    ));
}

#[test]
fn mistakes_of_network_cameras_say_what_to_do() {
    for (source, logins, parts) in [
        (
            "rtsp = \"10.0.0.9\"",
            "",
            ["1.toml, line 5: `source.rtsp`", "rtsp://192.168.1.20/stream1"],
        ),
        (
            "rtsp = \"http://10.0.0.9/\"",
            "",
            ["line 5: `source.rtsp`", "is no address"],
        ),
        (
            "rtsp = \"rtsp://a:SECRET@10.0.0.9/\"",
            "",
            ["line 5: `source.rtsp`", "camera_credentials.toml"],
        ),
        (
            "mjpeg = \"http://SECRET@10.0.0.9/\"",
            "",
            ["line 5: `source.mjpeg`", "camera_credentials.toml"],
        ),
        (
            "rtsp = \"rtsp://a/b\"\nstream = \"sub\"",
            "",
            ["line 6: `source.stream`", "second stream"],
        ),
        (
            "rtsp = \"rtsp://a/b\"\nsub = \"x\"",
            "",
            ["line 6: `source.sub`", "is no address"],
        ),
        (
            "usb = 0\ntransport = \"tcp\"",
            "",
            ["line 6: `source.transport`", "belongs to `rtsp`"],
        ),
        (
            "rtsp = \"rtsp://a/b\"\nloop = true",
            "",
            ["line 6: `source.loop`", "belongs to `recording`"],
        ),
        (
            "rtsp = \"rtsp://a/b\"\ndecoder = \"magic\"",
            "",
            ["1.toml, line 6", "raspberry-pi-5"],
        ),
        (
            "rtsp = \"rtsp://a/b\"\nusb = 1",
            "",
            ["line 4: `source`", "exactly one"],
        ),
        (
            "usb = 0",
            "[cam-1]\nuser = \"\"\npassword = \"SECRET\"",
            ["credentials.toml, line 2", "`cam-1.user`"],
        ),
        (
            "usb = 0",
            "[cam-1]\nuser = \"x\"\npasword = \"SECRET\"",
            ["credentials.toml, line 3", "`pasword`"],
        ),
        (
            "usb = 0",
            "[\"no id\"]\nuser = \"x\"\npassword = \"SECRET\"",
            ["camera_credentials.toml, line 1", "`[its-id]`"],
        ),
        (
            "usb = 0",
            "[cam-1]\nuser = \"x\"\npassword = 5ECRET",
            ["camera_credentials.toml, line 3", "both in quotes"],
        ),
        (
            "usb = 0",
            "[cam-1]\nuser = \"x\"\npassword = 53537",
            ["camera_credentials.toml, line 3", "both in quotes"],
        ),
        (
            "usb = 0",
            "user = \"x\"\npassword = \"SECRET\"",
            ["camera_credentials.toml, line", "both in quotes"],
        ),
        (
            "usb = 0",
            "cam-1 = \"x:SECRET\"",
            ["camera_credentials.toml, line 1", "both in quotes"],
        ),
    ] {
        let message = with_source(source, logins).expect_err(source);
        for part in parts {
            assert!(message.contains(part), "`{part}` is missing in:\n{message}");
        }
        for secret in ["SECRET", "53537", "5ECRET"] {
            assert!(!message.contains(secret), "a secret is in:\n{message}");
        }
    }
}

#[test]
fn a_change_of_any_camera_file_is_seen() {
    let dir = bundle(AGENT, &credentials(), &[("1.toml", CAMERA)]);
    let files = load(&dir.path().join("agent.toml")).expect("valid").camera_files;
    let before = files.stamp();
    assert_eq!(before, files.stamp());
    fs::write(dir.path().join("camera_configs/2.toml"), "x").expect("written");
    let added = files.stamp();
    assert_ne!(before, added);
    fs::write(dir.path().join("camera_credentials.toml"), "x").expect("written");
    assert_ne!(added, files.stamp());
}
