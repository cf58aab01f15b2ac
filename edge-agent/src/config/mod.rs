//! The agent's configuration: `agent.toml`, `credentials.toml`, one file for each camera, and
//! `camera_credentials.toml` for those that ask for a password.
//!
//! The whole of it is checked before anything starts, and every mistake is reported at once, each with its
//! file, its line, its key and what to do. No message repeats a secret's value. Relative paths in a file are relative
//! to the folder of that file.

mod camera;
mod document;
mod error;
mod source;

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use hadir_shared::id::{AgentId, SiteId};
use hadir_shared::{secret, topic};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub(crate) use camera::{CameraConfig, DEFAULT_FPS};
use document::Document;
pub(crate) use error::{ConfigError, ConfigErrors};
pub(crate) use source::{DecoderPreset, MjpegSource, RtspSource, RtspTransport, SourceConfig, UsbDevice};
#[cfg(test)]
pub(crate) use source::{Login, RecordingSource};

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
    /// The files that hold secrets; the second need not be there.
    pub(crate) secrets: [PathBuf; 2],
    /// Where figures for Prometheus are served, if they are.
    pub(crate) metrics: Option<SocketAddr>,
    /// Where the cameras are described.
    pub(crate) camera_files: CameraFiles,
    /// Of the files before they were read.
    pub(crate) camera_stamp: CameraStamp,
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
    #[serde(default = "default_camera_credentials")]
    camera_credentials: PathBuf,
    threads: Option<usize>,
    metrics: Option<SocketAddr>,
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

fn default_camera_credentials() -> PathBuf {
    "camera_credentials.toml".into()
}

/// Reads and checks the bundle that `path` (an `agent.toml`) belongs to.
///
/// # Errors
/// Every mistake that was found, in one go.
pub(crate) fn load(path: &Path) -> Result<AgentConfig, ConfigErrors> {
    let mut errors = ConfigErrors(Vec::new());
    let (document, file): (Document, AgentFile) =
        read(path, "Give the agent's file with --config.").map_err(ConfigErrors::from)?;
    let base = document.folder();

    let aggregator = check_url(&document, &file.aggregator.url).unwrap_or_else(|e| {
        errors.0.push(e);
        String::new()
    });
    if file.mqtt.host.trim().is_empty() {
        errors
            .0
            .push(document.wrong("mqtt.host", "is empty: give the broker's host name or address"));
    }
    if file.mqtt.port == 0 {
        errors
            .0
            .push(document.wrong("mqtt.port", "is 0: give the broker's port, usually 1883"));
    }
    let threads = file.threads.unwrap_or(1);
    if !(1..=64).contains(&threads) {
        errors.0.push(document.wrong("threads", "must be 1 to 64"));
    }
    if file.metrics.is_some_and(|address| !address.ip().is_loopback()) {
        errors.0.push(document.wrong(
            "metrics",
            "must be on this machine, as 127.0.0.1:9464 is: the agent opens no port to the network",
        ));
    }
    let credentials_file = base.join(&file.credentials);
    let credentials = load_credentials(&credentials_file).unwrap_or_else(|mut e| {
        errors.0.append(&mut e);
        None
    });
    let camera_files = CameraFiles {
        folder: base.join(&file.camera_configs),
        credentials: base.join(&file.camera_credentials),
    };
    let camera_stamp = camera_files.stamp();
    let cameras = camera_files.load().unwrap_or_else(|mut e| {
        errors.0.append(&mut e.0);
        Vec::new()
    });

    match credentials {
        Some(credentials) if errors.0.is_empty() => Ok(AgentConfig {
            site: file.site,
            agent: file.agent,
            data: base.join(file.data),
            threads,
            mqtt: file.mqtt,
            aggregator,
            credentials,
            secrets: [credentials_file, camera_files.credentials.clone()],
            metrics: file.metrics,
            camera_files,
            camera_stamp,
            cameras,
        }),
        _ => Err(errors),
    }
}

/// Reads and checks a single camera's file. Who logs in there stays unknown.
///
/// # Errors
/// Every mistake that was found, in one go.
pub(crate) fn load_camera(path: &Path) -> Result<CameraConfig, ConfigErrors> {
    let loaded = camera::load(path, &source::Logins::new());
    loaded.map(|(_, camera)| camera).map_err(ConfigErrors)
}

/// Reads a TOML file; a mistake names the file and the line.
fn read<T: DeserializeOwned>(path: &Path, missing: &str) -> Result<(Document, T), ConfigError> {
    let text = fs::read_to_string(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => ConfigError::file(path, format!("does not exist. {missing}")),
        _ => ConfigError::file(path, format!("cannot be read: {e}")),
    })?;
    let document = Document::new(path, text);
    match toml::from_str(document.text()) {
        Ok(value) => Ok((document, value)),
        Err(e) => {
            let line = e.span().map(|span| document.line(span.start));
            // `message` alone: the full text of the error would repeat the line.
            Err(ConfigError::line(path, line, e.message()))
        }
    }
}

/// Reads a TOML file that holds secrets. The reader's own words may quote a value (a number where a text belongs), so
/// only those that name keys are passed on.
fn read_secrets<T: DeserializeOwned>(
    path: &Path,
    missing: &str,
    form: &str,
) -> Result<(Document, T), ConfigError> {
    let harmless = |message: &str| {
        ["unknown field", "missing field", "duplicate key"]
            .iter()
            .any(|beginning| message.starts_with(beginning))
    };
    read(path, missing).map_err(|e| match e.at_line() {
        Some((line, message)) if !harmless(message) => {
            ConfigError::line(path, Some(line), format!("is not as it must be: {form}"))
        }
        _ => e,
    })
}

fn check_url(document: &Document, url: &str) -> Result<String, ConfigError> {
    let wrong = |why: &str| document.wrong("aggregator.url", why);
    let parsed = reqwest::Url::parse(url)
        .map_err(|_| wrong("is no address: give one like http://192.168.1.10:8080"))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err(wrong("must begin with http:// or https:// and name a host"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn load_credentials(path: &Path) -> Result<Option<Credentials>, Vec<ConfigError>> {
    let missing = "Copy credentials.toml from the device's bundle, which `hadir-provision device add` made.";
    let form = "mqtt_password, token and gallery_key, each as `key = \"value\"`; copy the file from the device's bundle";
    let (document, file): (Document, CredentialsFile) =
        read_secrets(path, missing, form).map_err(|e| vec![e])?;
    let mut errors = Vec::new();
    for (key, value) in [("mqtt_password", &file.mqtt_password), ("token", &file.token)] {
        if value.0.trim().is_empty() {
            errors.push(document.wrong(key, "is empty: copy it from the device's bundle"));
        }
    }
    let gallery_key = secret::decode(&file.gallery_key.0);
    if gallery_key.is_none() {
        let why = "is no key (43 characters of A-Z, a-z, 0-9, - and _): copy it from the device's bundle";
        errors.push(document.wrong("gallery_key", why));
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

/// Where the cameras are described.
#[derive(Clone, Debug)]
pub(crate) struct CameraFiles {
    /// One file for each camera.
    folder: PathBuf,
    /// Who logs in where.
    credentials: PathBuf,
}

impl CameraFiles {
    /// Reads and checks every camera's file.
    ///
    /// # Errors
    /// Every mistake that was found, in one go.
    pub(crate) fn load(&self) -> Result<Vec<CameraConfig>, ConfigErrors> {
        let logins = source::load_logins(&self.credentials).map_err(ConfigErrors)?;
        let paths = self.paths().map_err(|e| {
            ConfigErrors(vec![ConfigError::file(
                &self.folder,
                format!("cannot be read: {e}. Create it and put one file for each camera in it."),
            )])
        })?;
        if paths.is_empty() {
            let why = "holds no camera: put one .toml file for each camera in it";
            return Err(ConfigErrors(vec![ConfigError::file(&self.folder, why)]));
        }
        let mut errors = Vec::new();
        let mut cameras: Vec<CameraConfig> = Vec::new();
        let (mut ids, mut numbers) = (HashMap::new(), HashMap::new());
        for path in paths {
            match camera::load(&path, &logins) {
                Ok((document, camera)) => {
                    let mut taken = |key: &str, value: String, other: &Path| {
                        let other = other.display();
                        let why = format!("is {value}, which {other} has too: give each camera its own");
                        errors.push(document.wrong(key, why));
                    };
                    if let Some(other) = ids.insert(camera.id.clone(), path.clone()) {
                        taken("id", format!("`{}`", camera.id), &other);
                    }
                    if let Some(number) = camera.number
                        && let Some(other) = numbers.insert(number, path.clone())
                    {
                        taken("number", number.to_string(), &other);
                    }
                    cameras.push(camera);
                }
                Err(mut e) => errors.append(&mut e),
            }
        }
        if errors.is_empty() {
            Ok(cameras)
        } else {
            Err(ConfigErrors(errors))
        }
    }

    /// The cameras' files, in the order of their names.
    fn paths(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut paths: Vec<PathBuf> = fs::read_dir(&self.folder)?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|p| p.extension().is_some_and(|x| x == "toml"))
            .collect();
        paths.sort();
        Ok(paths)
    }

    /// Something that is another when any of the files was changed.
    pub(crate) fn stamp(&self) -> CameraStamp {
        let mut paths = self.paths().unwrap_or_default();
        paths.push(self.credentials.clone());
        let stamp = |path: PathBuf| {
            // The time of the last change of its contents, its name, its owner or who may read it.
            let changed = fs::metadata(&path).map(|file| (file.len(), file.ctime(), file.ctime_nsec()));
            (path, changed.ok())
        };
        CameraStamp(paths.into_iter().map(stamp).collect())
    }
}

/// See [`CameraFiles::stamp`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CameraStamp(Vec<(PathBuf, Option<FileStamp>)>);

/// Size, and seconds and nanoseconds of the last change.
type FileStamp = (u64, i64, i64);

/// A camera for tests.
#[cfg(test)]
pub(crate) mod testing {
    use hadir_shared::id::{AreaId, CameraId};
    use hadir_shared::status::CameraMode;

    use super::{CameraConfig, RecordingSource, SourceConfig};

    pub(crate) fn camera(id: &str, mode: CameraMode) -> CameraConfig {
        CameraConfig {
            id: CameraId::new(id).expect("id"),
            number: Some(1),
            label: "Gudang A".into(),
            area: AreaId::new("gudang").expect("id"),
            mode,
            source: SourceConfig::Recording(RecordingSource {
                path: "a".into(),
                looped: true,
                realtime: true,
            }),
            detect_width: crate::pipeline::DetectWidth::Fitting,
            recognise_fps: 10.0,
            mask: crate::pipeline::Mask::default(),
            badges: crate::pipeline::BadgeReading::No,
            badge_reader: None,
            bodies: crate::pipeline::BodyRules::default(),
            fov: None,
            distance: None,
        }
    }
}

#[cfg(test)]
mod tests;
