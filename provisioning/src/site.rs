//! `init`: a site's folder with the aggregator's configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use hadir_shared::id::SiteId;
use hadir_shared::secret;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::files::{self, Access, NewFile};

/// The configuration's name in a site's folder.
pub(crate) const CONFIG: &str = "aggregator.toml";

/// Arguments of `init`.
#[derive(Args)]
pub(crate) struct InitArgs {
    /// The folder to be made.
    dir: PathBuf,
    /// The site's id: a-z, 0-9, - and _.
    #[arg(long, value_name = "ID")]
    site: SiteId,
    /// The site's name, as people call it.
    #[arg(long)]
    name: String,
    /// Its time zone.
    #[arg(long, default_value = "Asia/Jakarta", value_name = "ZONE")]
    timezone: String,
    /// Language of messages and reports: id or en.
    #[arg(long, default_value = "id", value_parser = ["id", "en"])]
    language: String,
    /// Country calling code of phone numbers that are written without one.
    #[arg(long, default_value = "62", value_name = "DIGITS")]
    country_code: String,
    /// Where the dashboard and the API listen.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    web_listen: SocketAddr,
    /// The dashboard's address as people and devices reach it; made from --web-listen when left out.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Where the embedded broker listens.
    #[arg(long, default_value = "127.0.0.1:1883", value_name = "ADDRESS")]
    mqtt_listen: SocketAddr,
    /// Seconds without detection until an employee counts as off.
    #[arg(long, default_value_t = 45, value_name = "SECONDS")]
    off_after: u32,
    /// Seconds without detection until an employee counts as absent and an alert goes out.
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    absent_after: u32,
    /// The WhatsApp phone number id, from Meta's developer pages; without it no messages are sent.
    #[arg(long, value_name = "ID")]
    whatsapp_phone_number_id: Option<String>,
    /// Base address of the WhatsApp Cloud API.
    #[arg(long, default_value = "https://graph.facebook.com/v23.0", value_name = "URL")]
    whatsapp_base_url: String,
    /// Print JSON instead of sentences.
    #[arg(long)]
    json: bool,
}

/// `aggregator.toml`, as far as `init` writes it and `device add` reads it.
#[derive(Serialize, Deserialize)]
pub(crate) struct SiteConfig {
    pub(crate) site: SiteId,
    name: String,
    timezone: String,
    language: String,
    country_code: String,
    data: PathBuf,
    pub(crate) devices: PathBuf,
    pub(crate) web: Web,
    pub(crate) mqtt: Mqtt,
    presence: Presence,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whatsapp: Option<WhatsApp>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Web {
    listen: SocketAddr,
    pub(crate) public_url: String,
}

/// The broker: the embedded one's address, or an external one's.
#[derive(Serialize, Deserialize)]
pub(crate) struct Mqtt {
    embedded: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

#[derive(Serialize, Deserialize)]
struct Presence {
    off_after_s: u32,
    absent_after_s: u32,
}

#[derive(Serialize, Deserialize)]
struct WhatsApp {
    base_url: String,
    phone_number_id: String,
    token_file: PathBuf,
    app_secret_file: PathBuf,
    verify_token: String,
}

#[derive(Serialize)]
struct Report<'a> {
    site: &'a SiteId,
    dir: &'a Path,
    config: PathBuf,
}

/// Makes the folder; the report says what to do next.
pub(crate) fn init(args: &InitArgs) -> Result<String, Error> {
    check(args)?;
    let whatsapp = args
        .whatsapp_phone_number_id
        .clone()
        .map(|phone_number_id| -> Result<_, Error> {
            let random = secret::random().map_err(|e| Error::Random(e.to_string()))?;
            Ok(WhatsApp {
                base_url: args.whatsapp_base_url.trim_end_matches('/').to_owned(),
                phone_number_id,
                token_file: "secrets/whatsapp-token".into(),
                app_secret_file: "secrets/whatsapp-app-secret".into(),
                verify_token: secret::encode(&random),
            })
        });
    let whatsapp = whatsapp.transpose()?;
    let next_whatsapp = match &whatsapp {
        Some(_) => {
            "2. Put the access token into secrets/whatsapp-token and the app secret into secrets/whatsapp-app-secret"
        }
        None => "2. For WhatsApp, add a [whatsapp] section to aggregator.toml (docs/operations.md)",
    };
    let config = SiteConfig {
        site: args.site.clone(),
        name: args.name.trim().to_owned(),
        timezone: args.timezone.clone(),
        language: args.language.clone(),
        country_code: args.country_code.clone(),
        data: "data".into(),
        devices: "devices".into(),
        web: Web {
            listen: args.web_listen,
            public_url: args
                .public_url
                .clone()
                .unwrap_or_else(|| format!("http://{}", args.web_listen)),
        },
        mqtt: Mqtt {
            embedded: true,
            listen: Some(args.mqtt_listen),
            host: None,
            port: None,
        },
        presence: Presence {
            off_after_s: args.off_after,
            absent_after_s: args.absent_after,
        },
        whatsapp,
    };
    let text = toml::to_string_pretty(&config).map_err(|e| Error::Config {
        path: CONFIG.into(),
        message: e.to_string(),
    })?;
    let text = format!(
        "# The aggregator of {}. Paths are relative to this file's folder.\n\n{text}",
        config.name
    );
    files::create_folder(
        &args.dir,
        &["secrets", "devices", "data", "bundles"],
        &[
            NewFile::new(CONFIG, text, Access::Secret),
            NewFile::new("secrets/whatsapp-token", "", Access::Secret),
            NewFile::new("secrets/whatsapp-app-secret", "", Access::Secret),
        ],
    )?;
    let report = Report {
        site: &args.site,
        dir: &args.dir,
        config: args.dir.join(CONFIG),
    };
    if args.json {
        return Ok(serde_json::to_string(&report).expect("a report of texts is JSON"));
    }
    let dir = args.dir.display();
    Ok(format!(
        "Made the site {site} in {dir}. Next:\n  1. hadir-provision device add --dir {dir} <agent id>   (one for each device)\n  \
         {next_whatsapp}\n  3. hadir-aggregator user add --config {dir}/{CONFIG} --role admin <name>\n  \
         4. hadir-aggregator run --config {dir}/{CONFIG}",
        site = args.site
    ))
}

/// Refuses what the aggregator would refuse at its start.
fn check(args: &InitArgs) -> Result<(), Error> {
    let usage = |text: &str| Err(Error::Usage(text.to_owned()));
    if args.name.trim().is_empty() {
        return usage("--name is empty; give the name by which people call the site");
    }
    if args.off_after == 0 || args.absent_after <= args.off_after {
        return usage("--absent-after has to be longer than --off-after, and that longer than nothing");
    }
    if args.country_code.is_empty()
        || args.country_code.len() > 3
        || !args.country_code.bytes().all(|b| b.is_ascii_digit())
    {
        return usage("--country-code is one to three digits, 62 for Indonesia");
    }
    let whatsapp = args.whatsapp_phone_number_id.is_none() || args.whatsapp_base_url.starts_with("http");
    if !whatsapp
        || args
            .public_url
            .as_ref()
            .is_some_and(|url| !url.starts_with("http"))
    {
        return usage("addresses begin with https:// or http://");
    }
    Ok(())
}

/// Reads the configuration of the site in `dir`.
pub(crate) fn read(dir: &Path) -> Result<SiteConfig, Error> {
    let path = dir.join(CONFIG);
    let text = std::fs::read_to_string(&path).map_err(|e| Error::Config {
        path: path.clone(),
        message: format!("{e}; name a folder made by `hadir-provision init` with --dir"),
    })?;
    toml::from_str(&text).map_err(|e| Error::Config {
        path,
        message: e.to_string(),
    })
}

impl Mqtt {
    /// Where devices reach the broker: an unspecified listening address is of no use to them.
    pub(crate) fn device_address(&self, public_url: &str) -> Option<(String, u16)> {
        if !self.embedded {
            return Some((self.host.clone()?, self.port.unwrap_or(1883)));
        }
        let listen = self.listen?;
        if !listen.ip().is_unspecified() {
            return Some((listen.ip().to_string(), listen.port()));
        }
        let host = public_url.split_once("://")?.1.split('/').next()?;
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        (!host.is_empty() && host != "0.0.0.0").then(|| (host.to_owned(), listen.port()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_told_an_address_that_they_can_reach() {
        let mqtt = |listen: &str| Mqtt {
            embedded: true,
            listen: Some(listen.parse().expect("address")),
            host: None,
            port: None,
        };
        let check = |listen: &str, url: &str, want: Option<(&str, u16)>| {
            assert_eq!(
                mqtt(listen).device_address(url),
                want.map(|(h, p)| (h.to_owned(), p)),
                "{listen} {url}"
            );
        };
        check("10.0.0.5:1883", "http://hadir.local", Some(("10.0.0.5", 1883)));
        check(
            "0.0.0.0:1884",
            "https://hadir.local:8443/x",
            Some(("hadir.local", 1884)),
        );
        check("0.0.0.0:1883", "http://0.0.0.0:8080", None);
    }
}
