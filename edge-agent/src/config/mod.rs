//! The agent's configuration: `agent.toml`, `credentials.toml` and one file for each camera.
//!
//! The whole of it is checked before anything starts, and every mistake is reported at once, each with its
//! file, its key and what to do. No message repeats a secret's value. Relative paths in a file are relative
//! to the folder of that file.

mod camera;
mod error;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use hadir_shared::id::{AgentId, SiteId};
use hadir_shared::{secret, topic};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

#[cfg(test)]
pub(crate) use camera::RecordingSource;
pub(crate) use camera::{CameraConfig, DEFAULT_DETECT_WIDTH, DEFAULT_FPS, SourceConfig, UsbDevice};
pub(crate) use error::{ConfigError, ConfigErrors};

/// Everything the agent was told, checked.
#[derive(Debug)]
pub(crate) struct AgentConfig {
    /// The site it belongs to.
    pub(crate) site: SiteId,
    /// Its own id.
    pub(crate) agent: AgentId,
    /// Folder of `outbox.sqlite` and `gallery.sealed`.
    pub(crate) data: PathBuf,
    /// How many threads recognise: that many cameras at the same moment; fewer cameras share them.
    pub(crate) threads: usize,
    /// The broker.
    pub(crate) mqtt: MqttConfig,
    /// The aggregator, `http` or `https`, without a trailing slash.
    pub(crate) aggregator: String,
    /// What the device proves its identity with.
    pub(crate) credentials: Credentials,
    /// In the order of their files' names; at least one.
    pub(crate) cameras: Vec<CameraConfig>,
}

impl AgentConfig {
    /// MQTT user name and client id.
    pub(crate) fn user_name(&self) -> String {
        topic::user_name(&self.site, &self.agent)
    }
}

/// Where the broker is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MqttConfig {
    /// Host name or address.
    pub(crate) host: String,
    /// TCP port.
    pub(crate) port: u16,
}

/// The device's secrets. Never printed.
pub(crate) struct Credentials {
    /// Password at the broker.
    pub(crate) mqtt_password: Zeroizing<String>,
    /// Bearer token at the aggregator.
    pub(crate) token: Zeroizing<String>,
    /// Opens the sealed gallery.
    pub(crate) gallery_key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentFile {
    site: SiteId,
    agent: AgentId,
    #[serde(default = "default_data")]
    data: PathBuf,
    #[serde(default = "default_cameras")]
    camera_configs: PathBuf,
    #[serde(default = "default_credentials")]
    credentials: PathBuf,
    threads: Option<usize>,
    mqtt: MqttConfig,
    aggregator: AggregatorSection,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AggregatorSection {
    url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialsFile {
    mqtt_password: Secret,
    token: Secret,
    gallery_key: Secret,
}

/// Text that is wiped from memory when it is dropped.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Secret(Zeroizing<String>);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

fn default_data() -> PathBuf {
    "data".into()
}

fn default_cameras() -> PathBuf {
    "camera_configs".into()
}

fn default_credentials() -> PathBuf {
    "credentials.toml".into()
}

/// Reads and checks the bundle that `path` (an `agent.toml`) belongs to.
///
/// # Errors
/// Every mistake that was found, in one go.
pub(crate) fn load(path: &Path) -> Result<AgentConfig, ConfigErrors> {
    let mut errors = Vec::new();
    let file: AgentFile =
        read_toml(path, "Give the agent's file with --config.").map_err(ConfigErrors::from)?;
    let base = path.parent().unwrap_or(Path::new(""));

    let aggregator = check_url(path, &file.aggregator.url).unwrap_or_else(|e| {
        errors.push(e);
        String::new()
    });
    if file.mqtt.host.trim().is_empty() {
        errors.push(ConfigError::key(
            path,
            "mqtt.host",
            "is empty: give the broker's host name or address",
        ));
    }
    if file.mqtt.port == 0 {
        errors.push(ConfigError::key(
            path,
            "mqtt.port",
            "is 0: give the broker's port, usually 1883",
        ));
    }
    let threads = file.threads.unwrap_or(1);
    if !(1..=64).contains(&threads) {
        errors.push(ConfigError::key(path, "threads", "must be 1 to 64"));
    }
    let credentials = load_credentials(&base.join(&file.credentials)).unwrap_or_else(|mut e| {
        errors.append(&mut e);
        None
    });
    let cameras = load_cameras(&base.join(&file.camera_configs)).unwrap_or_else(|mut e| {
        errors.append(&mut e);
        Vec::new()
    });

    match credentials {
        Some(credentials) if errors.is_empty() => Ok(AgentConfig {
            site: file.site,
            agent: file.agent,
            data: base.join(file.data),
            threads,
            mqtt: file.mqtt,
            aggregator,
            credentials,
            cameras,
        }),
        _ => Err(ConfigErrors(errors)),
    }
}

/// Reads a TOML file; a mistake names the file and the line.
fn read_toml<T: DeserializeOwned>(path: &Path, missing: &str) -> Result<T, ConfigError> {
    let text = fs::read_to_string(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => ConfigError::file(path, format!("does not exist. {missing}")),
        _ => ConfigError::file(path, format!("cannot be read: {e}")),
    })?;
    toml::from_str(&text).map_err(|e| {
        let line = e
            .span()
            .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        // `message` alone: the full text of the error would repeat the line, which may hold a secret.
        ConfigError::line(path, line, e.message())
    })
}

fn check_url(path: &Path, url: &str) -> Result<String, ConfigError> {
    let wrong = |why: &str| ConfigError::key(path, "aggregator.url", why);
    let parsed = reqwest::Url::parse(url)
        .map_err(|_| wrong("is no address: give one like http://192.168.1.10:8080"))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err(wrong("must begin with http:// or https:// and name a host"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn load_credentials(path: &Path) -> Result<Option<Credentials>, Vec<ConfigError>> {
    let missing = "Copy credentials.toml from the device's bundle, which `hadir-provision device add` made.";
    let file: CredentialsFile = read_toml(path, missing).map_err(|e| vec![e])?;
    let mut errors = Vec::new();
    for (key, value) in [("mqtt_password", &file.mqtt_password), ("token", &file.token)] {
        if value.0.trim().is_empty() {
            errors.push(ConfigError::key(
                path,
                key,
                "is empty: copy it from the device's bundle",
            ));
        }
    }
    let gallery_key = secret::decode(&file.gallery_key.0);
    if gallery_key.is_none() {
        let why = "is no key (43 characters of A-Z, a-z, 0-9, - and _): copy it from the device's bundle";
        errors.push(ConfigError::key(path, "gallery_key", why));
    }
    match gallery_key {
        Some(gallery_key) if errors.is_empty() => Ok(Some(Credentials {
            mqtt_password: file.mqtt_password.0,
            token: file.token.0,
            gallery_key,
        })),
        _ => Err(errors),
    }
}

fn load_cameras(folder: &Path) -> Result<Vec<CameraConfig>, Vec<ConfigError>> {
    let entries = fs::read_dir(folder).map_err(|e| {
        vec![ConfigError::file(
            folder,
            format!("cannot be read: {e}. Create it and put one file for each camera in it."),
        )]
    })?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|p| p.extension().is_some_and(|x| x == "toml"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        let why = "holds no camera: put one .toml file for each camera in it";
        return Err(vec![ConfigError::file(folder, why)]);
    }
    let mut errors = Vec::new();
    let mut cameras: Vec<CameraConfig> = Vec::new();
    let mut ids = HashMap::new();
    let mut numbers = HashMap::new();
    for path in paths {
        match camera::load(&path) {
            Ok(camera) => {
                if let Some(other) = ids.insert(camera.id.clone(), path.clone()) {
                    let why = format!(
                        "is `{}`, which {} has too: give each camera its own",
                        camera.id,
                        other.display()
                    );
                    errors.push(ConfigError::key(&path, "id", why));
                }
                if let Some(number) = camera.number
                    && let Some(other) = numbers.insert(number, path.clone())
                {
                    let why = format!(
                        "is {number}, which {} has too: give each camera its own",
                        other.display()
                    );
                    errors.push(ConfigError::key(&path, "number", why));
                }
                cameras.push(camera);
            }
            Err(mut e) => errors.append(&mut e),
        }
    }
    if errors.is_empty() {
        Ok(cameras)
    } else {
        Err(errors)
    }
}

#[cfg(test)]
mod tests;
