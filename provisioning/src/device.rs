//! `device add`, `device revoke`, `device list`: the devices of a site.
//!
//! A device's file on the aggregator's side holds hashes of its password and token, and the key that its
//! gallery is sealed with; the bundle holds the secrets themselves and belongs on the device alone.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use hadir_shared::id::{AgentId, AreaId, SiteId};
use hadir_shared::{secret, topic};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::files::{self, Access, NewFile};
use crate::site::{self, SiteConfig};
use crate::{Error, SiteFolder};

/// Arguments of `device add`.
#[derive(Args)]
pub(crate) struct AddArgs {
    /// The device's id, unique within the site: a-z, 0-9, - and _.
    agent: AgentId,
    /// An area whose employees the device may recognise; may be given several times. Left out: the areas of
    /// its own cameras.
    #[arg(long = "area", value_name = "ID")]
    areas: Vec<AreaId>,
    /// The broker's host, as the device reaches it.
    #[arg(long, value_name = "HOST")]
    mqtt_host: Option<String>,
    /// The broker's port.
    #[arg(long, value_name = "PORT")]
    mqtt_port: Option<u16>,
    /// Inference threads on the device.
    #[arg(long, value_name = "N")]
    threads: Option<u8>,
    #[command(flatten)]
    site: SiteFolder,
}

/// Arguments of `device revoke`.
#[derive(Args)]
pub(crate) struct RevokeArgs {
    /// The device's id.
    agent: AgentId,
    #[command(flatten)]
    site: SiteFolder,
}

/// Arguments of `device list`.
#[derive(Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    site: SiteFolder,
}

/// A device as the aggregator knows it: `devices/<agent>.toml`.
#[derive(Serialize, Deserialize)]
struct DeviceFile {
    site: SiteId,
    agent: AgentId,
    areas: Vec<AreaId>,
    mqtt_password_sha256: String,
    token_sha256: String,
    gallery_key: String,
    revoked: bool,
}

/// What the agent is told: `agent.toml` of the bundle.
#[derive(Serialize)]
struct AgentConfig<'a> {
    site: &'a SiteId,
    agent: &'a AgentId,
    data: &'static str,
    camera_configs: &'static str,
    credentials: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<u8>,
    mqtt: Broker,
    aggregator: Aggregator<'a>,
}

#[derive(Serialize)]
struct Broker {
    host: String,
    port: u16,
}

#[derive(Serialize)]
struct Aggregator<'a> {
    url: &'a str,
}

/// The bundle's secrets: `credentials.toml`.
#[derive(Serialize)]
struct Credentials {
    mqtt_password: String,
    token: String,
    gallery_key: String,
}

impl Credentials {
    fn random() -> Result<Self, Error> {
        let one = || secret::random().map(|bytes| secret::encode(&bytes));
        let random = |e: getrandom::Error| Error::Random(e.to_string());
        Ok(Self {
            mqtt_password: one().map_err(random)?,
            token: one().map_err(random)?,
            gallery_key: one().map_err(random)?,
        })
    }
}

/// Makes the device's file and its bundle.
pub(crate) fn add(args: &AddArgs) -> Result<String, Error> {
    let dir = &args.site.dir;
    let config = site::read(dir)?;
    let device_path = device_path(dir, &config, &args.agent);
    if device_path.exists() {
        return Err(Error::Usage(format!(
            "the site has a device {agent} already; choose another id, or remove {path} to make its credentials anew",
            agent = args.agent,
            path = device_path.display()
        )));
    }
    let known = config.mqtt.device_address(&config.web.public_url);
    let host = args.mqtt_host.clone().or(known.as_ref().map(|(host, _)| host.clone())).ok_or_else(|| {
        Error::Usage("say with --mqtt-host where the device reaches the broker: its configuration names no address that others can use".into())
    })?;
    let port = args.mqtt_port.or(known.map(|(_, port)| port)).unwrap_or(1883);

    let credentials = Credentials::random()?;
    let device = DeviceFile {
        site: config.site.clone(),
        agent: args.agent.clone(),
        areas: args.areas.clone(),
        mqtt_password_sha256: sha256(&credentials.mqtt_password),
        token_sha256: sha256(&credentials.token),
        gallery_key: credentials.gallery_key.clone(),
        revoked: false,
    };
    let agent = AgentConfig {
        site: &config.site,
        agent: &args.agent,
        data: "data",
        camera_configs: "camera_configs",
        credentials: "credentials.toml",
        threads: args.threads,
        mqtt: Broker { host, port },
        aggregator: Aggregator {
            url: &config.web.public_url,
        },
    };
    let bundle = dir.join("bundles").join(args.agent.as_str());
    let name = topic::user_name(&config.site, &args.agent);
    files::create_folder(
        &bundle,
        &["camera_configs", "data"],
        &[
            NewFile::new(
                "agent.toml",
                commented(&format!("The edge agent {name}."), &agent)?,
                Access::Public,
            ),
            NewFile::new(
                "credentials.toml",
                commented("Belongs on this device alone.", &credentials)?,
                Access::Secret,
            ),
        ],
    )?;
    let text = commented(
        &format!("What the aggregator knows of the device {name}."),
        &device,
    )?;
    if let Err(error) = files::write_file(&device_path, &text, Access::Secret) {
        // A bundle whose device the aggregator does not know is of no use.
        let _ = fs::remove_dir_all(&bundle);
        return Err(error);
    }
    if args.site.json {
        let report = serde_json::json!({"agent": args.agent, "device": device_path, "bundle": bundle});
        return Ok(report.to_string());
    }
    Ok(format!(
        "Made the device {name}. Copy {bundle} onto it (it holds its credentials: remove the copy here afterwards), \
         put a file for each camera into its camera_configs/, and start `hadir-agent run --config agent.toml` there.",
        bundle = bundle.display()
    ))
}

/// Marks the device as revoked; the aggregator refuses it from then on.
pub(crate) fn revoke(args: &RevokeArgs) -> Result<String, Error> {
    let config = site::read(&args.site.dir)?;
    let path = device_path(&args.site.dir, &config, &args.agent);
    if !path.exists() {
        return Err(Error::Usage(format!(
            "the site has no device {}; `hadir-provision device list` names those that it has",
            args.agent
        )));
    }
    let mut device = read_device(&path)?;
    device.revoked = true;
    let name = topic::user_name(&config.site, &args.agent);
    let text = commented(
        &format!("What the aggregator knows of the device {name}."),
        &device,
    )?;
    files::write_file(&path, &text, Access::Secret)?;
    if args.site.json {
        return Ok(serde_json::json!({"agent": args.agent, "revoked": true}).to_string());
    }
    Ok(format!(
        "The device {name} is refused from now on. A broker of your own needs its user removed, too."
    ))
}

/// Names the devices.
pub(crate) fn list(args: &ListArgs) -> Result<String, Error> {
    let config = site::read(&args.site.dir)?;
    let folder = args.site.dir.join(&config.devices);
    let mut devices = fs::read_dir(&folder)
        .map_err(files::at(&folder))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .map(|path| read_device(&path))
        .collect::<Result<Vec<_>, _>>()?;
    devices.sort_by(|a, b| a.agent.cmp(&b.agent));
    if args.site.json {
        let rows: Vec<_> = devices
            .iter()
            .map(|d| serde_json::json!({"agent": d.agent, "areas": d.areas, "revoked": d.revoked}))
            .collect();
        return Ok(serde_json::Value::from(rows).to_string());
    }
    if devices.is_empty() {
        return Ok("No device yet: hadir-provision device add <agent id>".into());
    }
    let lines: Vec<_> = devices
        .iter()
        .map(|d| format!("{}{}", d.agent, if d.revoked { "  (revoked)" } else { "" }))
        .collect();
    Ok(lines.join("\n"))
}

fn device_path(dir: &Path, config: &SiteConfig, agent: &AgentId) -> PathBuf {
    dir.join(&config.devices).join(format!("{agent}.toml"))
}

fn read_device(path: &Path) -> Result<DeviceFile, Error> {
    let text = fs::read_to_string(path).map_err(files::at(path))?;
    toml::from_str(&text).map_err(|e| Error::Config {
        path: path.to_owned(),
        message: e.to_string(),
    })
}

fn commented(comment: &str, value: &impl Serialize) -> Result<String, Error> {
    let text = toml::to_string_pretty(value).map_err(|e| Error::Config {
        path: comment.into(),
        message: e.to_string(),
    })?;
    Ok(format!("# {comment}\n\n{text}"))
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
