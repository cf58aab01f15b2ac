//! A site's folder: made by `hadir-provision`, completed here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use toml::{Table, Value};

use super::process::{self, Outcome};
use super::{Error, paths, ports};

/// Longest run of a command-line tool. Hashing a password in a debug build takes a while.
const TOOL_LIMIT: Duration = Duration::from_secs(60);

/// The simulated business's phone number id.
pub const PHONE_NUMBER_ID: &str = "106540352242922";
/// The simulated access token.
pub const WHATSAPP_TOKEN: &str = "EAAGsimulated0token";
/// The simulated app's secret.
pub const APP_SECRET: &str = "5imulated0app0secret";

/// What a site is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its folder, which must not exist.
    pub dir: PathBuf,
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Port of the web interface.
    pub web: u16,
    /// Port of the broker.
    pub mqtt: u16,
    /// Port of the WhatsApp simulator.
    pub whatsapp: u16,
    /// Seconds until off.
    pub off_after: u32,
    /// Seconds until absent.
    pub absent_after: u32,
}

/// A site's folder.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where it is.
    pub dir: PathBuf,
    /// Its id.
    pub id: &'static str,
}

/// Where a camera's pictures come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A recording, in a loop, at its own speed.
    Recording(PathBuf),
    /// A network camera.
    Rtsp {
        /// Its address.
        url: String,
        /// `tcp` or `udp`.
        transport: &'static str,
        /// User and password.
        login: [&'static str; 2],
    },
}

/// A camera of a device.
#[derive(Clone, Debug)]
pub struct Camera {
    /// Its id.
    pub id: &'static str,
    /// CAM 1 …
    pub number: u32,
    /// What it is called.
    pub label: &'static str,
    /// What it watches.
    pub area: &'static str,
    /// What it shows.
    pub source: Source,
}

impl Site {
    /// Makes the folder with `hadir-provision init`.
    ///
    /// # Errors
    /// When it refuses.
    pub fn init(options: &Options) -> Result<Self, Error> {
        let mut command = Command::new(paths::binary("hadir-provision")?);
        command
            .arg("init")
            .arg(&options.dir)
            .args(["--site", options.id, "--name", options.name]);
        command.args(["--timezone", "Asia/Jakarta", "--language", "id"]);
        command.args(["--web-listen", &ports::local(options.web).to_string()]);
        command.args(["--mqtt-listen", &ports::local(options.mqtt).to_string()]);
        command.args(["--off-after", &options.off_after.to_string()]);
        command.args(["--absent-after", &options.absent_after.to_string()]);
        command.args(["--whatsapp-phone-number-id", PHONE_NUMBER_ID]);
        command.args([
            "--whatsapp-base-url",
            &format!("http://127.0.0.1:{}/v23.0", options.whatsapp),
        ]);
        must_succeed("hadir-provision init", &mut command)?;
        let site = Self {
            dir: options.dir.clone(),
            id: options.id,
        };
        site.write("secrets/whatsapp-token", WHATSAPP_TOKEN)?;
        site.write("secrets/whatsapp-app-secret", APP_SECRET)?;
        Ok(site)
    }

    /// The aggregator's configuration.
    pub fn config(&self) -> PathBuf {
        self.dir.join("aggregator.toml")
    }

    /// Adds a device with its cameras and returns its bundle.
    ///
    /// # Errors
    /// When `hadir-provision device add` refuses or a file cannot be written.
    pub fn add_device(&self, agent: &str, cameras: &[Camera]) -> Result<PathBuf, Error> {
        let mut command = Command::new(paths::binary("hadir-provision")?);
        command.args(["device", "add", agent, "--dir"]).arg(&self.dir);
        must_succeed("hadir-provision device add", &mut command)?;
        for camera in cameras {
            self.put_camera(agent, camera)?;
        }
        let mut logins = Table::new();
        for camera in cameras {
            if let Source::Rtsp {
                login: [user, password],
                ..
            } = camera.source
            {
                let login = Table::from_iter([("user", user), ("password", password)].map(own));
                logins.insert(camera.id.into(), Value::Table(login));
            }
        }
        if !logins.is_empty() {
            self.write(
                &format!("bundles/{agent}/camera_credentials.toml"),
                &logins.to_string(),
            )?;
        }
        Ok(self.bundle(agent))
    }

    /// Registers the employees of a CSV file, as `hadir-aggregator import employees` does beside the running aggregator.
    ///
    /// # Errors
    /// When it refuses.
    pub fn import(&self, csv: &Path) -> Result<(), Error> {
        let mut command = Command::new(paths::binary("hadir-aggregator")?);
        command.args(["import", "employees"]).arg(csv);
        command.arg("--config").arg(self.config());
        must_succeed("hadir-aggregator import", &mut command).map(|_| ())
    }

    /// Writes a camera's file, whether the device runs or not.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_camera(&self, agent: &str, camera: &Camera) -> Result<(), Error> {
        let source = match &camera.source {
            Source::Recording(path) => Table::from_iter([
                ("recording".into(), Value::String(path.display().to_string())),
                ("loop".into(), Value::Boolean(true)),
                ("realtime".into(), Value::Boolean(true)),
            ]),
            Source::Rtsp { url, transport, .. } => {
                Table::from_iter([("rtsp", url.as_str()), ("transport", transport)].map(own))
            }
        };
        let mut file = Table::new();
        file.insert("id".into(), camera.id.into());
        file.insert("number".into(), Value::Integer(camera.number.into()));
        file.insert("label".into(), camera.label.into());
        file.insert("area".into(), camera.area.into());
        file.insert("mode".into(), "recognise".into());
        file.insert("source".into(), Value::Table(source));
        self.write(&camera_file(agent, camera.id), &file.to_string())
    }

    /// Removes a camera's file.
    ///
    /// # Errors
    /// When there is none.
    pub fn remove_camera(&self, agent: &str, camera: &str) -> Result<(), Error> {
        let path = self.dir.join(camera_file(agent, camera));
        std::fs::remove_file(&path).map_err(|e| Error::File(path, e))
    }

    /// A device's bundle.
    pub fn bundle(&self, agent: &str) -> PathBuf {
        self.dir.join("bundles").join(agent)
    }

    /// A value of a device's credentials.
    ///
    /// # Errors
    /// When the bundle holds none of that name.
    pub fn credential(&self, agent: &str, key: &str) -> Result<String, Error> {
        let path = self.bundle(agent).join("credentials.toml");
        let text = std::fs::read_to_string(&path).map_err(|e| Error::File(path.clone(), e))?;
        let table: Table = text
            .parse()
            .map_err(|e| Error::Other(format!("{}: {e}", path.display())))?;
        let value = table.get(key).and_then(Value::as_str);
        value
            .map(str::to_owned)
            .ok_or_else(|| Error::Other(format!("{} has no {key}", path.display())))
    }

    /// Changes the aggregator's configuration.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn edit_config(&self, change: impl FnOnce(&mut Table)) -> Result<(), Error> {
        let path = self.config();
        let text = std::fs::read_to_string(&path).map_err(|e| Error::File(path.clone(), e))?;
        let mut table: Table = text
            .parse()
            .map_err(|e| Error::Other(format!("{}: {e}", path.display())))?;
        change(&mut table);
        std::fs::write(&path, table.to_string()).map_err(|e| Error::File(path, e))
    }

    /// Adds somebody who may log in.
    ///
    /// # Errors
    /// When `hadir-aggregator user add` refuses.
    pub fn add_user(
        &self,
        name: &str,
        role: &str,
        password: &str,
        employee: Option<&str>,
    ) -> Result<(), Error> {
        let mut command = Command::new(paths::binary("hadir-aggregator")?);
        command
            .args(["user", "add", name, "--role", role, "--config"])
            .arg(self.config());
        command.env("HADIR_PASSWORD", password);
        if let Some(employee) = employee {
            command.args(["--employee", employee]);
        }
        must_succeed("hadir-aggregator user add", &mut command).map(|_| ())
    }

    fn write(&self, path: &str, text: &str) -> Result<(), Error> {
        let path = self.dir.join(path);
        std::fs::write(&path, text).map_err(|e| Error::File(path, e))
    }
}

fn camera_file(agent: &str, camera: &str) -> String {
    format!("bundles/{agent}/camera_configs/{camera}.toml")
}

fn own((key, value): (&str, &str)) -> (String, Value) {
    (key.into(), Value::String(value.into()))
}

/// Runs a tool that must exit with 0.
///
/// # Errors
/// When it does not, with what it said.
pub fn must_succeed(what: &str, command: &mut Command) -> Result<Outcome, Error> {
    let outcome = process::run(command, TOOL_LIMIT)?;
    if outcome.code == Some(0) {
        return Ok(outcome);
    }
    Err(Error::Other(format!(
        "{what} ended with {:?}: {}{}",
        outcome.code, outcome.out, outcome.err
    )))
}
