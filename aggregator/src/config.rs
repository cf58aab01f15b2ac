//! The aggregator's configuration: `aggregator.toml`, read whole and checked whole.
//!
//! Relative paths in the file are relative to its folder. Secrets stand in files of their own. Whatever is
//! wrong is said with the line and the key, and every problem of the file is named, not only the first.

mod attendance;
mod messages;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use chrono_tz::Tz;
use hadir_shared::id::SiteId;
use serde::Deserialize;
use toml::Spanned;
use zeroize::Zeroizing;

use self::attendance::{AttendanceFile, ReportsFile};
use self::messages::{DigestFile, EmailFile, MessagesFile, WhatsAppFile};
use crate::core::Language;
use crate::core::settings::{AttendanceRules, DigestTimes, MessageRules, Settings, Thresholds};
use crate::notify::{WhatsApp, mail};
use crate::report::Letterhead;

/// `presence.off_after_s` when the file does not say.
pub const DEFAULT_OFF_AFTER_S: u32 = 45;
/// `presence.absent_after_s` when the file does not say.
pub const DEFAULT_ABSENT_AFTER_S: u32 = 300;

/// What the file says, checked, with every path absolute or relative to the working directory.
#[derive(Clone, Debug)]
pub struct Config {
    /// The site that this aggregator serves.
    pub site: SiteId,
    /// What the site is called, for people.
    pub name: String,
    /// The site's time zone: days begin and end in it.
    pub timezone: Tz,
    /// The language of messages and reports without a reader's own setting.
    pub language: Language,
    /// Put before phone numbers in national spelling: digits, without the plus sign.
    pub country_code: String,
    /// The folder of the store.
    pub data: PathBuf,
    /// The folder of the device files.
    pub devices: PathBuf,
    /// Where the dashboard is served.
    pub web: Web,
    /// Which broker is used.
    pub mqtt: Mqtt,
    /// When somebody counts as off and as absent.
    pub presence: Presence,
    /// How WhatsApp messages go out, if they do.
    pub whatsapp: Option<WhatsApp>,
    /// How mails go out, if they do.
    pub email: Option<mail::Settings>,
    /// How much goes out, and when nothing does.
    pub messages: MessageRules,
    /// When it is told how it stands.
    pub digest: DigestTimes,
    /// When days are final, and how long what is kept.
    pub attendance: AttendanceRules,
    /// What stands on reports.
    pub letterhead: Letterhead,
}

/// Where the dashboard is served.
#[derive(Clone, Debug)]
pub struct Web {
    /// Address and port.
    pub listen: SocketAddr,
    /// The address in the links of messages, without a slash at its end.
    pub public_url: String,
}

/// Which broker is used.
#[derive(Clone, Debug)]
pub enum Mqtt {
    /// The aggregator's own, for the small site.
    Embedded {
        /// Address and port.
        listen: SocketAddr,
    },
    /// Any other broker.
    External {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
        /// The aggregator's user name there.
        username: String,
        /// Its password.
        password: Secret,
    },
}

/// When somebody counts as off and as absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Seconds without a sighting until `off`.
    pub off_after_s: u32,
    /// Seconds without a sighting until `absent`.
    pub absent_after_s: u32,
}

/// A text that is never shown in a log and is overwritten in memory when it goes.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or may not be read.
    #[error(
        "The configuration {} cannot be read: {source}; name it with --config, or make one with `hadir-provision init`.",
        path.display()
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{}", list(path, problems))]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Everything that is wrong, in order of the file.
        problems: Vec<Problem>,
    },
}

/// One thing that is wrong in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The key, as far as it is known.
    pub key: String,
    /// What is wrong and what to do.
    pub what: String,
}

fn list(path: &Path, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|p| {
            let key = if p.key.is_empty() {
                String::new()
            } else {
                format!(", `{}`", p.key)
            };
            format!("{}, line {}{key}: {}", path.display(), p.line, p.what)
        })
        .collect();
    lines.join("\n")
}

impl Config {
    /// Reads and checks a configuration and the secrets that it names.
    ///
    /// # Errors
    /// When the file cannot be read or anything in it is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|problems| ConfigError::Invalid {
            path: path.to_owned(),
            problems,
        })
    }

    /// What the core is told.
    pub fn settings(&self) -> Settings {
        Settings {
            site: self.site.clone(),
            name: self.name.clone(),
            timezone: self.timezone,
            language: self.language,
            country_code: self.country_code.clone(),
            database: self.data.join("hadir.sqlite"),
            thresholds: Thresholds {
                off_after: TimeDelta::seconds(self.presence.off_after_s.into()),
                absent_after: TimeDelta::seconds(self.presence.absent_after_s.into()),
            },
            whatsapp: self.whatsapp.clone(),
            email: self.email.clone(),
            messages: self.messages.clone(),
            digest: self.digest.clone(),
            attendance: self.attendance,
            letterhead: self.letterhead.clone(),
        }
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, Vec<Problem>> {
        let file: File = toml::from_str(text).map_err(|e| vec![from_toml(text, &e)])?;
        let mut check = Check {
            text,
            folder,
            problems: Vec::new(),
        };
        let config = check.file(file);
        if check.problems.is_empty() {
            Ok(config.expect("a file without problems gives a configuration"))
        } else {
            check.problems.sort_by_key(|p| p.line);
            Err(check.problems)
        }
    }
}

/// The file as it is written. Spans lead from a value that is wrong to its line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    site: SiteId,
    name: Spanned<String>,
    timezone: Spanned<String>,
    #[serde(default)]
    language: Language,
    #[serde(default = "indonesia")]
    country_code: Spanned<String>,
    data: PathBuf,
    devices: PathBuf,
    web: WebFile,
    mqtt: Spanned<MqttFile>,
    #[serde(default)]
    presence: PresenceFile,
    whatsapp: Option<Spanned<WhatsAppFile>>,
    email: Option<EmailFile>,
    #[serde(default)]
    messages: MessagesFile,
    #[serde(default)]
    digest: DigestFile,
    #[serde(default)]
    attendance: AttendanceFile,
    #[serde(default)]
    reports: ReportsFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebFile {
    listen: SocketAddr,
    public_url: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MqttFile {
    embedded: bool,
    listen: Option<SocketAddr>,
    host: Option<String>,
    port: Option<u16>,
    username: Option<String>,
    password_file: Option<Spanned<PathBuf>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PresenceFile {
    off_after_s: Option<Spanned<u32>>,
    absent_after_s: Option<Spanned<u32>>,
}

fn indonesia() -> Spanned<String> {
    Spanned::new(0..0, "62".into())
}

/// Turns the TOML reader's error into one of ours: its first line, with the key of the line it points at.
pub(crate) fn from_toml(text: &str, error: &toml::de::Error) -> Problem {
    let at = error.span().map_or(0, |s| s.start);
    let line = line_of(text, at);
    let written = text.lines().nth(line - 1).unwrap_or_default();
    let key = match written.split_once('=') {
        Some((key, _)) if !error.message().starts_with("missing field") => key.trim().to_owned(),
        _ => String::new(),
    };
    let what = error
        .message()
        .lines()
        .next()
        .unwrap_or("this is not TOML")
        .to_owned();
    Problem { line, key, what }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1
}

struct Check<'a> {
    text: &'a str,
    folder: &'a Path,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn wrong<T>(&mut self, key: &str, value: &Spanned<T>, what: impl Into<String>) {
        let line = line_of(self.text, value.span().start);
        self.problems.push(Problem {
            line,
            key: key.into(),
            what: what.into(),
        });
    }

    /// `None` only after a problem was noted.
    fn file(&mut self, file: File) -> Option<Config> {
        if !(1..=100).contains(&file.name.get_ref().chars().count()) {
            self.wrong("name", &file.name, "give the site a name of 1 to 100 characters");
        }
        let timezone = file.timezone.get_ref().parse::<Tz>().ok();
        if timezone.is_none() {
            let what = format!(
                "there is no time zone `{}`; write one like `Asia/Jakarta`",
                file.timezone.get_ref()
            );
            self.wrong("timezone", &file.timezone, what);
        }
        let code = file.country_code.get_ref();
        if !(1..=3).contains(&code.len()) || !code.bytes().all(|b| b.is_ascii_digit()) {
            self.wrong(
                "country_code",
                &file.country_code,
                "write 1 to 3 digits, like \"62\"",
            );
        }
        let public_url = self.url("web.public_url", &file.web.public_url);
        let presence = self.presence(&file.presence);
        let mqtt = self.mqtt(&file.mqtt);
        let whatsapp = file.whatsapp.map(|w| self.whatsapp(&w));
        let email = file.email.map(|e| self.email(&e));
        let messages = self.messages(&file.messages);
        let attendance = self.attendance(&file.attendance);
        let digest = self.digest(&file.digest, &attendance);
        let letterhead = self.reports(file.reports, file.name.get_ref());
        if !self.problems.is_empty() {
            return None;
        }
        Some(Config {
            site: file.site,
            name: file.name.into_inner(),
            timezone: timezone?,
            language: file.language,
            country_code: file.country_code.into_inner(),
            data: self.folder.join(file.data),
            devices: self.folder.join(file.devices),
            web: Web {
                listen: file.web.listen,
                public_url,
            },
            mqtt: mqtt?,
            presence,
            whatsapp: whatsapp.flatten(),
            email: email.flatten(),
            messages,
            digest,
            attendance,
            letterhead,
        })
    }

    fn url(&mut self, key: &str, value: &Spanned<String>) -> String {
        let url = value.get_ref().trim_end_matches('/');
        let host = url
            .strip_prefix("http://")
            .or_else(|| url.strip_prefix("https://"));
        if host.is_none_or(|h| h.is_empty() || h.starts_with('/') || h.contains(char::is_whitespace)) {
            self.wrong(
                key,
                value,
                "write an address that begins with http:// or https://",
            );
        }
        url.to_owned()
    }

    fn presence(&mut self, file: &PresenceFile) -> Presence {
        let seconds =
            |value: &Option<Spanned<u32>>, default| value.as_ref().map_or(default, |v| *v.get_ref());
        let presence = Presence {
            off_after_s: seconds(&file.off_after_s, DEFAULT_OFF_AFTER_S),
            absent_after_s: seconds(&file.absent_after_s, DEFAULT_ABSENT_AFTER_S),
        };
        if let Some(off) = &file.off_after_s
            && !(1..=3600).contains(off.get_ref())
        {
            self.wrong("presence.off_after_s", off, "write 1 to 3600 seconds");
        }
        if let Some(absent) = &file.absent_after_s
            && !(2..=86_400).contains(absent.get_ref())
        {
            self.wrong("presence.absent_after_s", absent, "write 2 to 86400 seconds");
        }
        if presence.off_after_s >= presence.absent_after_s
            && let Some(value) = file.off_after_s.as_ref().or(file.absent_after_s.as_ref())
        {
            let what = format!(
                "`off_after_s` ({}) has to be below `absent_after_s` ({})",
                presence.off_after_s, presence.absent_after_s
            );
            self.wrong("presence", value, what);
        }
        presence
    }

    fn mqtt(&mut self, section: &Spanned<MqttFile>) -> Option<Mqtt> {
        let file = section.get_ref();
        if file.embedded {
            let foreign = [
                ("mqtt.host", file.host.is_some()),
                ("mqtt.port", file.port.is_some()),
                ("mqtt.username", file.username.is_some()),
                ("mqtt.password_file", file.password_file.is_some()),
            ];
            for (key, _) in foreign.into_iter().filter(|(_, there)| *there) {
                self.wrong(
                    key,
                    section,
                    "only for another broker: remove it, or set `embedded = false`",
                );
            }
            if file.listen.is_none() {
                self.wrong(
                    "mqtt.listen",
                    section,
                    "missing: write the address, like \"127.0.0.1:1883\"",
                );
            }
            return file.listen.map(|listen| Mqtt::Embedded { listen });
        }
        if file.listen.is_some() {
            self.wrong(
                "mqtt.listen",
                section,
                "only for the embedded broker: remove it, or set `embedded = true`",
            );
        }
        for (key, there) in [
            ("mqtt.host", file.host.is_some()),
            ("mqtt.username", file.username.is_some()),
            ("mqtt.password_file", file.password_file.is_some()),
        ] {
            if !there {
                self.wrong(
                    key,
                    section,
                    "missing: another broker needs host, username and password_file",
                );
            }
        }
        let password = self.secret("mqtt.password_file", file.password_file.as_ref()?)?;
        let Some(password) = password else {
            self.wrong(
                "mqtt.password_file",
                file.password_file.as_ref()?,
                "the file is empty",
            );
            return None;
        };
        Some(Mqtt::External {
            host: file.host.clone()?,
            port: file.port.unwrap_or(1883),
            username: file.username.clone()?,
            password,
        })
    }

    /// A secret's file: `None` after a problem, `Some(None)` for an empty file.
    fn secret(&mut self, key: &str, file: &Spanned<PathBuf>) -> Option<Option<Secret>> {
        let path = self.folder.join(file.get_ref());
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let text = Zeroizing::new(text);
                warn_if_open(&path);
                let text = text.trim();
                if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
                    self.wrong(
                        key,
                        file,
                        format!("{} has to hold one word on one line", path.display()),
                    );
                    return None;
                }
                Some((!text.is_empty()).then(|| Secret::new(text)))
            }
            Err(e) => {
                self.wrong(key, file, format!("{} cannot be read: {e}", path.display()));
                None
            }
        }
    }
}

/// Warns where others on this machine can read a secret.
#[cfg(unix)]
fn warn_if_open(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if let Ok(about) = std::fs::metadata(path)
        && about.permissions().mode() & 0o077 != 0
    {
        tracing::warn!(file = %path.display(), "others on this machine can read this secret; run chmod 600 on it");
    }
}

#[cfg(not(unix))]
fn warn_if_open(_path: &Path) {}

#[cfg(test)]
mod tests;
