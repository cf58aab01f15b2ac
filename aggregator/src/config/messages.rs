//! The sections about messages: `[whatsapp]`, `[email]`, `[messages]` and `[digest]`.

use std::path::PathBuf;

use chrono::{NaiveTime, TimeDelta, Weekday};
use serde::Deserialize;
use toml::Spanned;

use super::Check;
use crate::core::settings::{AttendanceRules, DigestTimes, MessageRules, MonthTime};
use crate::escalation::Hours;
use crate::notify::{WhatsApp, cloud_api, fonnte, mail, waha};
use crate::report::Format;
use crate::schedule::{days, hhmm};

/// Which provider carries WhatsApp messages.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Provider {
    #[default]
    Cloud,
    Waha,
    Fonnte,
    Log,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhatsAppFile {
    #[serde(default)]
    provider: Provider,
    base_url: Option<Spanned<String>>,
    phone_number_id: Option<Spanned<String>>,
    business_account_id: Option<Spanned<String>>,
    session: Option<String>,
    token_file: Option<Spanned<PathBuf>>,
    app_secret_file: Option<Spanned<PathBuf>>,
    webhook_key_file: Option<Spanned<PathBuf>>,
    verify_token: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Encryption {
    Tls,
    #[default]
    Starttls,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmailFile {
    host: Spanned<String>,
    port: Option<u16>,
    #[serde(default)]
    encryption: Encryption,
    username: Option<Spanned<String>>,
    password_file: Option<Spanned<PathBuf>>,
    from: Spanned<String>,
    #[serde(default)]
    administrators: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MessagesFile {
    group_s: Option<Spanned<u32>>,
    per_recipient_a_minute: Option<Spanned<u32>>,
    per_second: Option<Spanned<u32>>,
    quiet: Option<Spanned<QuietFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuietFile {
    #[serde(with = "hhmm")]
    from: NaiveTime,
    #[serde(with = "hhmm")]
    to: NaiveTime,
    #[serde(default = "every_day", with = "days")]
    days: Vec<Weekday>,
}

fn every_day() -> Vec<Weekday> {
    use Weekday::*;
    vec![Mon, Tue, Wed, Thu, Fri, Sat, Sun]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DigestFile {
    #[serde(default)]
    hr: Vec<Spanned<String>>,
    #[serde(default)]
    teams: Vec<Spanned<String>>,
    month: Option<Spanned<MonthFile>>,
    #[serde(default = "pdf")]
    document: DocumentFile,
}

impl Default for DigestFile {
    fn default() -> Self {
        Self {
            hr: Vec::new(),
            teams: Vec::new(),
            month: None,
            document: pdf(),
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct MonthFile {
    #[serde(default = "third")]
    day: u32,
    #[serde(with = "hhmm")]
    time: NaiveTime,
    #[serde(default = "xlsx")]
    document: DocumentFile,
}

/// As what a report goes with a message. WhatsApp takes no CSV.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DocumentFile {
    None,
    Pdf,
    Xlsx,
}

impl DocumentFile {
    fn format(self) -> Option<Format> {
        match self {
            DocumentFile::None => None,
            DocumentFile::Pdf => Some(Format::Pdf),
            DocumentFile::Xlsx => Some(Format::Xlsx),
        }
    }
}

fn pdf() -> DocumentFile {
    DocumentFile::Pdf
}

fn xlsx() -> DocumentFile {
    DocumentFile::Xlsx
}

fn third() -> u32 {
    3
}

impl Check<'_> {
    pub(super) fn whatsapp(&mut self, section: &Spanned<WhatsAppFile>) -> Option<WhatsApp> {
        let file = section.get_ref();
        let all = [
            ("base_url", file.base_url.is_some(), "cloud waha fonnte"),
            ("phone_number_id", file.phone_number_id.is_some(), "cloud"),
            ("business_account_id", file.business_account_id.is_some(), "cloud"),
            ("session", file.session.is_some(), "waha"),
            ("token_file", file.token_file.is_some(), "cloud waha fonnte"),
            ("app_secret_file", file.app_secret_file.is_some(), "cloud"),
            ("webhook_key_file", file.webhook_key_file.is_some(), "waha fonnte"),
            ("verify_token", file.verify_token.is_some(), "cloud"),
        ];
        let (name, optional): (&str, &[&str]) = match file.provider {
            Provider::Cloud => ("cloud", &["business_account_id"]),
            Provider::Waha => ("waha", &["session"]),
            Provider::Fonnte => ("fonnte", &["base_url"]),
            Provider::Log => ("log", &[]),
        };
        let before = self.problems.len();
        for (key, there, providers) in all {
            let fits = providers.split(' ').any(|provider| provider == name);
            if there && !fits {
                self.wrong(
                    &format!("whatsapp.{key}"),
                    section,
                    format!("not for the provider `{name}`: remove it"),
                );
            } else if !there && fits && !optional.contains(&key) {
                self.wrong(
                    &format!("whatsapp.{key}"),
                    section,
                    format!("missing: the provider `{name}` needs it"),
                );
            }
        }
        if let Some(url) = &file.base_url {
            self.url("whatsapp.base_url", url);
        }
        for (key, id) in [
            ("whatsapp.phone_number_id", &file.phone_number_id),
            ("whatsapp.business_account_id", &file.business_account_id),
        ] {
            if let Some(id) = id
                && (id.get_ref().is_empty() || !id.get_ref().bytes().all(|b| b.is_ascii_alphanumeric()))
            {
                self.wrong(key, id, "write the id from the WhatsApp Manager");
            }
        }
        if let Some(token) = &file.verify_token
            && token.get_ref().len() < 8
        {
            self.wrong(
                "whatsapp.verify_token",
                token,
                "write at least 8 characters of your own choice",
            );
        }
        // The core reads these again whenever they change; here they only have to be there.
        for (key, path) in [
            ("whatsapp.token_file", &file.token_file),
            ("whatsapp.app_secret_file", &file.app_secret_file),
            ("whatsapp.webhook_key_file", &file.webhook_key_file),
        ] {
            if let Some(path) = path {
                self.secret(key, path);
            }
        }
        if self.problems.len() > before {
            return None;
        }
        let path = |path: &Option<Spanned<PathBuf>>| Some(self.folder.join(path.as_ref()?.get_ref()));
        let text =
            |text: &Option<Spanned<String>>| Some(text.as_ref()?.get_ref().trim_end_matches('/').to_owned());
        Some(match file.provider {
            Provider::Cloud => WhatsApp::Cloud(cloud_api::Settings {
                base_url: text(&file.base_url)?,
                phone_number_id: text(&file.phone_number_id)?,
                token_file: path(&file.token_file)?,
                app_secret_file: path(&file.app_secret_file)?,
                verify_token: file.verify_token.as_ref()?.get_ref().clone(),
                business_account_id: text(&file.business_account_id),
            }),
            Provider::Waha => WhatsApp::Waha(waha::Settings {
                base_url: text(&file.base_url)?,
                session: file.session.clone().unwrap_or_else(|| "default".to_owned()),
                key_file: path(&file.token_file)?,
                webhook_key_file: path(&file.webhook_key_file)?,
            }),
            Provider::Fonnte => WhatsApp::Fonnte(fonnte::Settings {
                base_url: text(&file.base_url).unwrap_or_else(|| "https://api.fonnte.com".to_owned()),
                token_file: path(&file.token_file)?,
                webhook_key_file: path(&file.webhook_key_file)?,
            }),
            Provider::Log => WhatsApp::LogOnly,
        })
    }

    pub(super) fn email(&mut self, file: &EmailFile) -> Option<mail::Settings> {
        let host = file.host.get_ref();
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || matches!(c, '/' | ':')) {
            self.wrong(
                "email.host",
                &file.host,
                "write the mail server's name, like \"smtp.example.com\"",
            );
        }
        let from = file.from.get_ref().parse();
        if from.is_err() {
            self.wrong(
                "email.from",
                &file.from,
                "write an address, like \"Hadir <hadir@example.com>\"",
            );
        }
        for address in &file.administrators {
            if address.get_ref().parse::<lettre::Address>().is_err() {
                self.wrong("email.administrators", address, "this is no e-mail address");
            }
        }
        let login = match (&file.username, &file.password_file) {
            (Some(user), Some(path)) => {
                self.secret("email.password_file", path)?;
                Some((user.get_ref().clone(), self.folder.join(path.get_ref())))
            }
            (None, None) => None,
            (Some(user), None) => {
                self.wrong("email.username", user, "a user name needs `password_file`, too");
                return None;
            }
            (None, Some(path)) => {
                self.wrong("email.password_file", path, "a password needs `username`, too");
                return None;
            }
        };
        let (encryption, port) = match file.encryption {
            Encryption::Tls => (mail::Encryption::Tls, 465),
            Encryption::Starttls => (mail::Encryption::StartTls, 587),
            Encryption::None => (mail::Encryption::None, 25),
        };
        Some(mail::Settings {
            host: host.clone(),
            port: file.port.unwrap_or(port),
            encryption,
            login,
            from: from.ok()?,
            administrators: file
                .administrators
                .iter()
                .map(|one| one.get_ref().clone())
                .collect(),
        })
    }

    pub(super) fn messages(&mut self, file: &MessagesFile) -> MessageRules {
        let defaults = MessageRules::default();
        let mut number = |key, value: &Option<Spanned<u32>>, (least, most), default| match value {
            None => default,
            Some(value) if (least..=most).contains(value.get_ref()) => *value.get_ref(),
            Some(value) => {
                self.wrong(key, value, format!("write a number from {least} to {most}"));
                default
            }
        };
        let group_s = number("messages.group_s", &file.group_s, (0, 300), 30);
        let per_recipient = number(
            "messages.per_recipient_a_minute",
            &file.per_recipient_a_minute,
            (1, 1000),
            defaults.per_recipient,
        );
        let per_second = number(
            "messages.per_second",
            &file.per_second,
            (1, 1000),
            defaults.per_second,
        );
        let quiet = file.quiet.as_ref().map(|section| {
            let QuietFile { from, to, days } = section.get_ref();
            if from == to {
                self.wrong(
                    "messages.quiet",
                    section,
                    "`from` and `to` are the same: nothing would ever go out",
                );
            }
            if days.is_empty() {
                self.wrong(
                    "messages.quiet",
                    section,
                    "`days` is empty: remove it, for every day, or name some",
                );
            }
            Hours {
                days: days.clone(),
                from: *from,
                to: *to,
            }
        });
        MessageRules {
            group: TimeDelta::seconds(group_s.into()),
            per_recipient,
            per_second,
            quiet,
        }
    }

    pub(super) fn digest(&mut self, file: &DigestFile, attendance: &AttendanceRules) -> DigestTimes {
        let mut times = |key, texts: &[Spanned<String>]| {
            let mut times: Vec<NaiveTime> = Vec::new();
            for text in texts {
                match NaiveTime::parse_from_str(text.get_ref(), "%H:%M") {
                    Ok(time) if !times.contains(&time) => times.push(time),
                    Ok(_) => self.wrong(key, text, "this time stands there twice"),
                    Err(_) => self.wrong(key, text, "write times of the day, like \"17:30\""),
                }
            }
            times.sort_unstable();
            times
        };
        let (hr, teams) = (times("digest.hr", &file.hr), times("digest.teams", &file.teams));
        let month = file.month.as_ref().and_then(|section| {
            let MonthFile { day, time, document } = *section.get_ref();
            let after = TimeDelta::days(i64::from(day) - 1) + (time - NaiveTime::MIN);
            if !(1..=28).contains(&day) {
                self.wrong("digest.month", section, "write a `day` from 1 to 28, which every month has");
            } else if after < attendance.final_after {
                let hours = attendance.final_after.num_hours();
                self.wrong(
                    "digest.month",
                    section,
                    format!("the last day of the month is final {hours} hours after its end: give a later `day` or `time`"),
                );
            }
            let Some(document) = document.format() else {
                self.wrong(
                    "digest.month",
                    section,
                    "the message is its document: write `pdf` or `xlsx`, or remove `month`",
                );
                return None;
            };
            Some(MonthTime { day, time, document })
        });
        DigestTimes {
            hr,
            teams,
            month,
            document: file.document.format(),
        }
    }
}
