//! An agent's configuration: any text in any of its files gives a configuration or mistakes, and the mistakes of the
//! credentials' files do not repeat what stands there.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, unused_imports)]
#[path = "../../edge-agent/src/config/mod.rs"]
mod config;

/// What the configuration needs of the agent.
mod pipeline;

const AGENT: &str = "site = \"a\"\nagent = \"b\"\n[mqtt]\nhost = \"c\"\nport = 1\n[aggregator]\nurl = \"http://d\"\n";
const CREDENTIALS: &str =
    "mqtt_password = \"p\"\ntoken = \"t\"\ngallery_key = \"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\"\n";
const CAMERA: &str = "id = \"cam-1\"\nlabel = \"x\"\narea = \"y\"\nsource = { usb = 0 }\n";
const FILES: [(&str, &str); 4] = [
    ("agent.toml", AGENT),
    ("credentials.toml", CREDENTIALS),
    ("camera_credentials.toml", "[cam-1]\nuser = \"u\"\npassword = \"p\"\n"),
    ("camera_configs/1.toml", CAMERA),
];

fuzz_target!(|data: &[u8]| {
    let Some((&which, text)) = data.split_first() else { return };
    let folder = tempfile::tempdir().expect("folder");
    std::fs::create_dir(folder.path().join("camera_configs")).expect("folder");
    let which = usize::from(which) % FILES.len();
    for (i, (name, good)) in FILES.iter().enumerate() {
        let text = if i == which { text } else { good.as_bytes() };
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    if let Err(errors) = config::load(&folder.path().join("agent.toml")) {
        let _ = errors.to_string();
    }
});
