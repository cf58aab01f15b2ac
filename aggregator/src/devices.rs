//! The devices that may connect: one file each in the folder `devices`, written by `hadir-provision`.
//!
//! A file is read at each authentication, so a new, changed or revoked device counts at once and without a
//! restart. Between authentications the folder is looked over every few seconds ([`Devices::scan`]); what
//! that last saw decides whether an open connection may go on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use hadir_shared::id::{AgentId, AreaId, SiteId};
use hadir_shared::{secret, topic};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// No device file is longer; a longer one is refused unread.
const MAX_FILE: u64 = 64 * 1024;

/// Every device of the site.
#[derive(Debug)]
pub struct Devices {
    folder: PathBuf,
    site: SiteId,
    known: RwLock<BTreeMap<AgentId, Arc<Device>>>,
}

/// One device that is not revoked.
pub struct Device {
    /// Its agent.
    pub agent: AgentId,
    /// Areas whose employees it gets the templates of; empty: the areas of its cameras.
    pub areas: Vec<AreaId>,
    /// The key that its galleries are sealed with.
    pub gallery_key: Zeroizing<[u8; 32]>,
    mqtt_password_sha256: [u8; 32],
    token_sha256: [u8; 32],
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("agent", &self.agent)
            .field("areas", &self.areas)
            .finish_non_exhaustive()
    }
}

/// Which secret a device shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential<'a> {
    /// Its MQTT password.
    MqttPassword(&'a [u8]),
    /// Its token for the aggregator's HTTP API.
    Token(&'a [u8]),
}

/// Why a device file was passed over.
#[derive(Debug, thiserror::Error)]
#[error("The device file {} {what}; make it again with `hadir-provision device add`.", path.display())]
pub struct DeviceFileError {
    path: PathBuf,
    what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    site: SiteId,
    agent: AgentId,
    #[serde(default)]
    areas: Vec<AreaId>,
    mqtt_password_sha256: String,
    token_sha256: String,
    gallery_key: String,
    #[serde(default)]
    revoked: bool,
}

impl Devices {
    /// The devices of `site` in `folder`, which need not be there yet.
    pub fn new(folder: PathBuf, site: SiteId) -> Self {
        let devices = Self {
            folder,
            site,
            known: RwLock::default(),
        };
        devices.scan();
        devices
    }

    /// The device behind `user_name`, if it is known, not revoked, and shows the right secret. Reads its
    /// file: a few hundred bytes.
    pub fn authenticate(&self, user_name: &str, credential: Credential<'_>) -> Option<Arc<Device>> {
        let (site, agent) = topic::parse_user_name(user_name)?;
        if site != self.site {
            return None;
        }
        let device = match self.read(&agent) {
            Ok(device) => device.map(Arc::new),
            Err(error) => {
                tracing::warn!(%error, "device refused");
                None
            }
        };
        // One that is gone stays in `known` until the next scan, which reports it, so that its connection is ended.
        let device = device?;
        self.known
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(agent, device.clone());
        device.shows(credential).then_some(device)
    }

    /// Whether a device that was authenticated may go on, as far as the last look at its file tells.
    pub fn is_known(&self, agent: &AgentId) -> bool {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(agent)
    }

    /// Every device that is not revoked, by agent.
    pub fn all(&self) -> Vec<Arc<Device>> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// Looks the folder over; the agents that were known and are no more.
    pub fn scan(&self) -> Vec<AgentId> {
        let mut found = BTreeMap::new();
        for agent in self.agents_in_folder() {
            match self.read(&agent) {
                Ok(Some(device)) => {
                    found.insert(agent, Arc::new(device));
                }
                Ok(None) => {}
                // Said at authentication, not every few seconds.
                Err(error) => tracing::debug!(%error, "device file passed over"),
            }
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let gone = known
            .keys()
            .filter(|agent| !found.contains_key(agent))
            .cloned()
            .collect();
        *known = found;
        gone
    }

    /// Every file of the folder that cannot be used, for `check`.
    pub fn problems(&self) -> Vec<DeviceFileError> {
        self.agents_in_folder()
            .filter_map(|agent| self.read(&agent).err())
            .collect()
    }

    fn agents_in_folder(&self) -> impl Iterator<Item = AgentId> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| {
            let path = entry.path();
            let toml = path.extension().is_some_and(|e| e == "toml");
            AgentId::new(path.file_stem()?.to_str()?).ok().filter(|_| toml)
        })
    }

    /// `Ok(None)`: there is no such device, or it is revoked.
    fn read(&self, agent: &AgentId) -> Result<Option<Device>, DeviceFileError> {
        let path = self.folder.join(format!("{agent}.toml"));
        let wrong = |what: String| DeviceFileError {
            path: path.clone(),
            what,
        };
        let Some(text) = read_bounded(&path).map_err(|e| wrong(format!("cannot be read: {e}")))? else {
            return Ok(None);
        };
        let file: File = toml::from_str(&text).map_err(|e| {
            let problem = crate::config::from_toml(&text, &e);
            wrong(format!("is wrong in line {}: {}", problem.line, problem.what))
        })?;
        if file.agent != *agent || file.site != self.site {
            return Err(wrong(format!(
                "is for `{}`",
                topic::user_name(&file.site, &file.agent)
            )));
        }
        let digest = |text: &str, key: &str| {
            from_hex(text).ok_or_else(|| wrong(format!("is wrong: `{key}` is not a SHA-256 in hex")))
        };
        let device = Device {
            mqtt_password_sha256: digest(&file.mqtt_password_sha256, "mqtt_password_sha256")?,
            token_sha256: digest(&file.token_sha256, "token_sha256")?,
            gallery_key: secret::decode(&Zeroizing::new(file.gallery_key))
                .ok_or_else(|| wrong("is wrong: `gallery_key` is not a key".into()))?,
            agent: file.agent,
            areas: file.areas,
        };
        Ok((!file.revoked).then_some(device))
    }
}

impl Device {
    fn shows(&self, credential: Credential<'_>) -> bool {
        let (expected, shown) = match credential {
            Credential::MqttPassword(shown) => (&self.mqtt_password_sha256, shown),
            Credential::Token(shown) => (&self.token_sha256, shown),
        };
        Sha256::digest(shown).as_slice().ct_eq(expected).into()
    }
}

fn read_bounded(path: &Path) -> std::io::Result<Option<Zeroizing<String>>> {
    match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
        Ok(about) if about.len() > MAX_FILE => Err(std::io::Error::other("it is far too long")),
        Ok(_) => std::fs::read_to_string(path).map(|text| Some(Zeroizing::new(text))),
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let (pairs, []) = text.trim().as_bytes().as_chunks::<2>() else {
        return None;
    };
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A device as `hadir-provision device add` makes one, for tests.
    pub(crate) struct Made {
        pub(crate) password: String,
        pub(crate) token: String,
        pub(crate) gallery_key: Zeroizing<[u8; 32]>,
    }

    pub(crate) fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    pub(crate) fn make(folder: &Path, site: &str, agent: &str, more: &str) -> Made {
        let random = || secret::encode(&secret::random().expect("randomness"));
        let made = Made {
            password: random(),
            token: random(),
            gallery_key: secret::random().expect("randomness"),
        };
        let text = format!(
            "site = \"{site}\"\nagent = \"{agent}\"\nmqtt_password_sha256 = \"{}\"\ntoken_sha256 = \"{}\"\n\
             gallery_key = \"{}\"\n{more}\n",
            hex(&Sha256::digest(&made.password)),
            hex(&Sha256::digest(&made.token)),
            secret::encode(&made.gallery_key),
        );
        std::fs::create_dir_all(folder).expect("folder");
        std::fs::write(folder.join(format!("{agent}.toml")), text).expect("written");
        made
    }

    fn devices(folder: &Path) -> Devices {
        Devices::new(folder.to_owned(), SiteId::new("cikarang").expect("id"))
    }

    #[test]
    fn only_the_right_secret_of_a_known_device_is_taken() {
        let dir = tempfile::tempdir().expect("folder");
        let made = make(dir.path(), "cikarang", "gate-1", "areas = [\"gudang\"]");
        let devices = devices(dir.path());
        let password = Credential::MqttPassword(made.password.as_bytes());
        let device = devices.authenticate("cikarang.gate-1", password).expect("taken");
        assert_eq!(device.areas, [AreaId::new("gudang").expect("id")]);
        assert_eq!(device.gallery_key, made.gallery_key);
        assert!(
            devices
                .authenticate("cikarang.gate-1", Credential::Token(made.token.as_bytes()))
                .is_some()
        );
        for (user, credential) in [
            ("cikarang.gate-1", Credential::Token(made.password.as_bytes())),
            ("cikarang.gate-1", Credential::MqttPassword(b"")),
            ("cikarang.gate-2", password),
            ("bekasi.gate-1", password),
            ("gate-1", password),
            ("cikarang.../gate-1", password),
            ("", password),
        ] {
            assert!(
                devices.authenticate(user, credential).is_none(),
                "{user} was taken"
            );
        }
    }

    #[test]
    fn new_and_revoked_devices_count_without_a_restart() {
        let dir = tempfile::tempdir().expect("folder");
        let devices = devices(&dir.path().join("devices"));
        let made = make(&dir.path().join("devices"), "cikarang", "gate-1", "");
        let credential = Credential::Token(made.token.as_bytes());
        assert!(devices.authenticate("cikarang.gate-1", credential).is_some());
        let agent = AgentId::new("gate-1").expect("id");
        assert!(devices.is_known(&agent) && devices.scan().is_empty());

        let path = dir.path().join("devices/gate-1.toml");
        let text = std::fs::read_to_string(&path).expect("read");
        std::fs::write(&path, format!("{text}revoked = true\n")).expect("written");
        assert_eq!(devices.scan(), std::slice::from_ref(&agent));
        assert!(!devices.is_known(&agent));
        assert!(devices.authenticate("cikarang.gate-1", credential).is_none());
    }

    #[test]
    fn a_damaged_file_is_no_device_and_says_why() {
        let dir = tempfile::tempdir().expect("folder");
        let made = make(dir.path(), "cikarang", "gate-1", "colour = \"blue\"");
        make(dir.path(), "bekasi", "gate-2", "");
        std::fs::write(dir.path().join("gate-3.toml"), "\u{0}").expect("written");
        std::fs::write(dir.path().join("notes.txt"), "").expect("written");
        let devices = devices(dir.path());
        assert!(
            devices
                .authenticate("cikarang.gate-1", Credential::Token(made.token.as_bytes()))
                .is_none()
        );
        assert!(devices.all().is_empty());
        let mut problems: Vec<String> = devices.problems().iter().map(ToString::to_string).collect();
        problems.sort();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(
            problems[0].contains("line 6") && problems[0].contains("colour"),
            "{problems:?}"
        );
        assert!(problems[1].contains("bekasi.gate-2"), "{problems:?}");
    }
}
