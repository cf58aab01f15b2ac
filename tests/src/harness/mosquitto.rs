//! A Mosquitto broker with the rules that a site's devices live by: nobody is anonymous, a device writes only
//! its own sightings and status and reads only its own acks and commands.

use std::path::{Path, PathBuf};
use std::process::Command;

use hadir_shared::topic::Leaf;

use super::process::{Group, Process};
use super::site::{Site, must_succeed};
use super::{Error, ports};

/// The aggregator's user name at the broker.
pub const AGGREGATOR: &str = "hadir-aggregator";

/// Where Debian puts it, which is not on everybody's PATH.
const PROGRAM: &str = "/usr/sbin/mosquitto";

/// Writes the broker's configuration into `dir` and starts it; the site's configuration is pointed at it.
///
/// # Errors
/// When Mosquitto is missing or does not start.
pub fn start(
    site: &Site,
    agents: &[&str],
    dir: &Path,
    port: u16,
    logs: &Path,
    group: Group,
) -> Result<Process, Error> {
    let config = configure(site, agents, dir, port)?;
    Ok(Process::start("mosquitto", &mut command(&config), logs, group)?)
}

/// What starts a broker with this configuration.
pub fn command(config: &Path) -> Command {
    let program = if Path::new(PROGRAM).exists() {
        PROGRAM
    } else {
        "mosquitto"
    };
    let mut command = Command::new(program);
    command.arg("-c").arg(config);
    command
}

/// Writes the broker's configuration into `dir` and points the site's at it; gives its path.
///
/// # Errors
/// When Mosquitto's tools are missing.
pub fn configure(site: &Site, agents: &[&str], dir: &Path, port: u16) -> Result<PathBuf, Error> {
    std::fs::create_dir_all(dir).map_err(|e| Error::File(dir.to_owned(), e))?;
    let passwords = dir.join("passwords");
    write(&passwords, "")?;
    let aggregator_password = site.dir.join("secrets/mqtt-password");
    let random = hadir_shared::secret::random().map_err(|e| Error::Other(e.to_string()))?;
    let secret = hadir_shared::secret::encode(&random);
    write(&aggregator_password, &secret)?;
    add_password(&passwords, AGGREGATOR, &secret)?;
    for agent in agents {
        let user = format!("{}.{agent}", site.id);
        add_password(&passwords, &user, &site.credential(agent, "mqtt_password")?)?;
    }
    let rules = dir.join("acl");
    write(&rules, &acl(site.id, agents))?;
    let config = dir.join("mosquitto.conf");
    write(
        &config,
        &format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\nacl_file {}\npersistence false\n\
             log_dest stderr\nlog_type error\nlog_type warning\nlog_type notice\nuser root\n",
            passwords.display(),
            rules.display()
        ),
    )?;
    site.edit_config(|table| {
        let mut mqtt = toml::Table::new();
        mqtt.insert("embedded".into(), toml::Value::Boolean(false));
        mqtt.insert("host".into(), "127.0.0.1".into());
        mqtt.insert("port".into(), toml::Value::Integer(port.into()));
        mqtt.insert("username".into(), AGGREGATOR.into());
        mqtt.insert("password_file".into(), "secrets/mqtt-password".into());
        table.insert("mqtt".into(), toml::Value::Table(mqtt));
    })?;
    Ok(config)
}

/// Whether something listens there.
pub async fn is_up(port: u16) -> bool {
    tokio::net::TcpStream::connect(ports::local(port)).await.is_ok()
}

fn acl(site: &str, agents: &[&str]) -> String {
    let mut text = format!("user {AGGREGATOR}\n");
    for leaf in Leaf::FROM_AGENT {
        text += &format!("topic read hadir/v1/{site}/+/{}\n", leaf.as_str());
    }
    for leaf in Leaf::TO_AGENT {
        text += &format!("topic write hadir/v1/{site}/+/{}\n", leaf.as_str());
    }
    for agent in agents {
        text += &format!("\nuser {site}.{agent}\n");
        for leaf in Leaf::FROM_AGENT {
            text += &format!("topic write hadir/v1/{site}/{agent}/{}\n", leaf.as_str());
        }
        for leaf in Leaf::TO_AGENT {
            text += &format!("topic read hadir/v1/{site}/{agent}/{}\n", leaf.as_str());
        }
    }
    text
}

fn add_password(file: &Path, user: &str, password: &str) -> Result<(), Error> {
    let mut command = Command::new("mosquitto_passwd");
    command.arg("-b").arg(file).args([user, password]);
    must_succeed("mosquitto_passwd", &mut command).map(|_| ())
}

fn write(path: &PathBuf, text: &str) -> Result<(), Error> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = std::fs::File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut f| f.write_all(text.as_bytes()))
        .map_err(|e| Error::File(path.clone(), e))
}
