//! The whole system: simulator, broker, aggregator and agents, each a process of its own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{self, Api};
use super::process::{Group, Process};
use super::site::{self, Camera, Options, Site};
use super::staff::{self, Employee};
use super::{Error, eventually, mosquitto, paths, ports};

/// The administrator's user name.
pub const ADMIN: &str = "admin";

/// How long a process may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Which broker carries the sightings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broker {
    /// The aggregator's own.
    Embedded,
    /// A Mosquitto beside it.
    Mosquitto,
}

/// A device and its cameras.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its id.
    pub id: &'static str,
    /// Its cameras.
    pub cameras: Vec<Camera>,
}

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The folder for everything; `site`, `logs` and `broker` come into being in it.
    pub dir: PathBuf,
    /// The site.
    pub site_id: &'static str,
    /// Its name.
    pub site_name: &'static str,
    /// Web, simulator and broker.
    pub ports: [u16; 3],
    /// Which broker.
    pub broker: Broker,
    /// Seconds until off.
    pub off_after: u32,
    /// Seconds until absent.
    pub absent_after: u32,
    /// The devices.
    pub agents: Vec<Agent>,
    /// Whose phones the simulator knows.
    pub staff: Vec<Employee>,
    /// Who gets a Ctrl-C.
    pub group: Group,
}

impl Plan {
    /// A plan with free ports and the thresholds of the demo (15 s and 30 s).
    ///
    /// # Errors
    /// When no port is free.
    pub fn with_free_ports(dir: PathBuf, broker: Broker, agents: Vec<Agent>) -> Result<Self, Error> {
        Ok(Self {
            dir,
            site_id: "cikarang",
            site_name: "Pabrik Cikarang",
            ports: [ports::free()?, ports::free()?, ports::free()?],
            broker,
            off_after: 15,
            absent_after: 30,
            agents,
            staff: staff::company(),
            group: Group::Shared,
        })
    }
}

/// A running system; dropping it kills all of it.
pub struct System {
    /// The plan that it follows.
    pub plan: Plan,
    /// Its folder.
    pub site: Site,
    /// An administrator.
    pub api: Api,
    /// The administrator's password.
    pub password: String,
    // In the order in which they are stopped: an agent before its broker.
    agents: Vec<Process>,
    aggregator: Process,
    mosquitto: Option<Process>,
    simulator: Process,
}

impl System {
    /// Makes the site anew and starts everything.
    ///
    /// # Errors
    /// When something does not start; with the end of its log.
    pub async fn start(plan: Plan) -> Result<Self, Error> {
        let [web, whatsapp, mqtt] = plan.ports;
        let site = Site::init(&Options {
            dir: plan.dir.join("site"),
            id: plan.site_id,
            name: plan.site_name,
            web,
            mqtt,
            whatsapp,
            off_after: plan.off_after,
            absent_after: plan.absent_after,
        })?;
        for agent in &plan.agents {
            site.add_device(agent.id, &agent.cameras)?;
        }
        let random = hadir_shared::secret::random().map_err(|e| Error::Other(e.to_string()))?;
        let password = hadir_shared::secret::encode(&random)[..16].to_owned();
        site.add_user(ADMIN, "admin", &password, None)?;
        Self::resume(plan, site, password).await
    }

    /// Starts everything for a site that is there already.
    ///
    /// # Errors
    /// When something does not start; with the end of its log.
    pub async fn resume(plan: Plan, site: Site, password: String) -> Result<Self, Error> {
        let [web, _, mqtt] = plan.ports;
        let logs = plan.dir.join("logs");
        let ids: Vec<&str> = plan.agents.iter().map(|a| a.id).collect();
        let mut simulator = start_simulator(&plan)?;
        wait_for_http(&mut simulator, &format!("{}/sim/health", Self::phones_of(&plan))).await?;
        let broker = match plan.broker {
            Broker::Embedded => None,
            Broker::Mosquitto => Some(mosquitto::start(
                &site,
                &ids,
                &plan.dir.join("broker"),
                mqtt,
                &logs,
                plan.group,
            )?),
        };
        if let Some(mut broker) = broker {
            eventually("mosquitto listens", START_LIMIT, async || {
                broker.check().map_err(|e| e.to_string())?;
                if mosquitto::is_up(mqtt).await {
                    Ok(())
                } else {
                    Err(broker.tail())
                }
            })
            .await?;
            return Self::start_rest(plan, site, password, simulator, Some(broker), web).await;
        }
        Self::start_rest(plan, site, password, simulator, None, web).await
    }

    async fn start_rest(
        plan: Plan,
        site: Site,
        password: String,
        simulator: Process,
        mosquitto: Option<Process>,
        web: u16,
    ) -> Result<Self, Error> {
        let aggregator = start_aggregator(&plan, &site).await?;
        let base = format!("http://127.0.0.1:{web}");
        let mut agents = Vec::new();
        for agent in &plan.agents {
            agents.push(start_agent(&plan, &site, agent.id)?);
        }
        let api = Api::login(&base, ADMIN, &password).await?;
        Ok(Self {
            plan,
            site,
            api,
            password,
            agents,
            aggregator,
            mosquitto,
            simulator,
        })
    }

    /// The dashboard's address.
    pub fn dashboard(&self) -> String {
        format!("http://127.0.0.1:{}", self.plan.ports[0])
    }

    /// The address of the page that shows the phones.
    pub fn phones(&self) -> String {
        Self::phones_of(&self.plan)
    }

    fn phones_of(plan: &Plan) -> String {
        format!("http://127.0.0.1:{}", plan.ports[1])
    }

    /// Registers everybody of the plan, in an order in which superiors come first, and enrols those who have
    /// a face, all through the HTTP interface.
    ///
    /// # Errors
    /// When the aggregator refuses.
    pub async fn register_staff(&self) -> Result<(), Error> {
        for employee in &self.plan.staff {
            self.api
                .must(Method::POST, "/api/employees", Some(&employee.body()))
                .await?;
            if let Some(person) = employee.person {
                match self.api.photos(employee.id, &person.portraits()).await? {
                    (201, _) => {}
                    (status, body) => {
                        return Err(Error::Http(format!(
                            "the photos of {} were answered with {status}: {body}",
                            employee.name
                        )));
                    }
                }
            }
        }
        Ok(())
    }

    /// Waits until every camera streams and is recognised.
    ///
    /// # Errors
    /// When one does not, or a process ended.
    pub async fn wait_for_cameras(&mut self, limit: Duration) -> Result<(), Error> {
        let expected = self.plan.agents.iter().map(|a| a.cameras.len()).sum::<usize>();
        let result = eventually("every camera streams and is recognised", limit, async || {
            self.check().map_err(|e| e.to_string())?;
            let cameras = self.api.get("/api/cameras").await.map_err(|e| e.to_string())?;
            let ready = |c: &&Value| c["state"] == "streaming" && c["inference"] == "active";
            let count = cameras
                .as_array()
                .map_or(0, |list| list.iter().filter(ready).count());
            if count == expected {
                Ok(())
            } else {
                Err(cameras.to_string())
            }
        })
        .await;
        result.map_err(|e| self.explain(e))
    }

    /// Whether everything still runs.
    ///
    /// # Errors
    /// When something ended by itself.
    pub fn check(&mut self) -> Result<(), Error> {
        for process in self.processes_mut() {
            process.check()?;
        }
        Ok(())
    }

    /// Adds the ends of all logs to an error.
    pub fn explain(&self, error: Error) -> Error {
        let tails: Vec<String> = self.processes().map(Process::tail).collect();
        Error::Other(format!("{error}\n{}", tails.join("\n")))
    }

    /// The log of one process.
    pub fn said(&self, name: &str) -> String {
        self.processes()
            .find(|p| p.name() == name)
            .map(Process::said)
            .unwrap_or_default()
    }

    /// The conversation with a phone, as the simulator has it; `Null` where there is none.
    ///
    /// # Errors
    /// When the simulator does not answer.
    pub async fn conversation(&self, phone: &str) -> Result<Value, Error> {
        let all = self.simulator("GET", "/sim/conversations", &Value::Null).await?;
        let list = all["conversations"].as_array();
        let number = staff::digits(phone);
        Ok(list
            .and_then(|l| l.iter().find(|c| c["wa_id"] == number.as_str()))
            .cloned()
            .unwrap_or_default())
    }

    /// Presses a button of a message on a phone.
    ///
    /// # Errors
    /// When it cannot be pressed.
    pub async fn press(&self, phone: &str, message: &str, button: usize) -> Result<(), Error> {
        let path = format!("/sim/conversations/{}/press", staff::digits(phone));
        self.simulator("POST", &path, &json!({"message": message, "button": button}))
            .await
            .map(|_| ())
    }

    /// Asks the simulator for something.
    ///
    /// # Errors
    /// When it answers with anything but 200.
    pub async fn simulator(&self, method: &str, path: &str, body: &Value) -> Result<Value, Error> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|e| Error::Http(e.to_string()))?;
        let mut request = client::http()?.request(method, format!("{}{path}", self.phones()));
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|e| Error::Http(e.to_string()))?;
        let status = answer.status();
        let value: Value = answer.json().await.map_err(|e| Error::Http(e.to_string()))?;
        if status == 200 {
            Ok(value)
        } else {
            Err(Error::Http(format!("{path}: {status} {value}")))
        }
    }

    /// Kills the aggregator as a power cut would, and starts it again.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn kill_aggregator(&mut self) -> Result<(), Error> {
        self.cut_aggregator();
        self.start_aggregator().await
    }

    /// Kills the aggregator as a power cut would.
    pub fn cut_aggregator(&mut self) {
        self.aggregator.kill();
    }

    /// Starts the aggregator again; the one before has to be gone, as it held the lock and the ports.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_aggregator(&mut self) -> Result<(), Error> {
        self.aggregator = start_aggregator(&self.plan, &self.site).await?;
        let base = format!("http://127.0.0.1:{}", self.plan.ports[0]);
        self.api = Api::login(&base, ADMIN, &self.password).await?;
        Ok(())
    }

    /// Stops an agent in order.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop_agent(&mut self, index: usize) -> Result<(), Error> {
        Ok(self.agents.remove(index).stop()?)
    }

    /// Stops everything in order: agents, aggregator, broker, simulator.
    ///
    /// # Errors
    /// The first thing that did not stop in order; the rest is stopped all the same.
    pub fn stop(self) -> Result<(), Error> {
        let mut first = Ok(());
        let all = self
            .agents
            .into_iter()
            .chain([self.aggregator])
            .chain(self.mosquitto)
            .chain([self.simulator]);
        for process in all {
            let result = process.stop();
            if first.is_ok() {
                first = result.map_err(Error::from);
            }
        }
        first
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        [&self.simulator]
            .into_iter()
            .chain(&self.mosquitto)
            .chain([&self.aggregator])
            .chain(&self.agents)
    }

    fn processes_mut(&mut self) -> impl Iterator<Item = &mut Process> {
        [&mut self.simulator]
            .into_iter()
            .chain(&mut self.mosquitto)
            .chain([&mut self.aggregator])
            .chain(&mut self.agents)
    }
}

fn start_simulator(plan: &Plan) -> Result<Process, Error> {
    let mut command = Command::new(paths::binary("hadir-whatsapp-sim")?);
    command.args(["--listen", &ports::local(plan.ports[1]).to_string()]);
    command.args([
        "--webhook",
        &format!("http://127.0.0.1:{}/api/whatsapp/webhook", plan.ports[0]),
    ]);
    command.args(["--phone-number-id", site::PHONE_NUMBER_ID]);
    command
        .arg("--templates")
        .arg(paths::repository().join("aggregator/templates"));
    command
        .env("HADIR_SIM_TOKEN", site::WHATSAPP_TOKEN)
        .env("HADIR_SIM_APP_SECRET", site::APP_SECRET);
    for employee in &plan.staff {
        if let Some(phone) = employee.phone {
            command.args([
                "--contact",
                &format!("{}={}", staff::digits(phone), employee.name),
            ]);
        }
    }
    Ok(Process::start(
        "whatsapp",
        &mut command,
        &plan.dir.join("logs"),
        plan.group,
    )?)
}

async fn start_aggregator(plan: &Plan, site: &Site) -> Result<Process, Error> {
    let mut command = Command::new(paths::binary("hadir-aggregator")?);
    command.args(["run", "--config"]).arg(site.config());
    let mut aggregator = Process::start("aggregator", &mut command, &plan.dir.join("logs"), plan.group)?;
    let url = format!("http://127.0.0.1:{}/healthz", plan.ports[0]);
    wait_for_http(&mut aggregator, &url).await?;
    Ok(aggregator)
}

fn start_agent(plan: &Plan, site: &Site, agent: &str) -> Result<Process, Error> {
    let mut command = Command::new(paths::binary("hadir-agent")?);
    command
        .args(["run", "--config"])
        .arg(site.bundle(agent).join("agent.toml"));
    Ok(Process::start(
        agent,
        &mut command,
        &plan.dir.join("logs"),
        plan.group,
    )?)
}

async fn wait_for_http(process: &mut Process, url: &str) -> Result<(), Error> {
    let client = client::http()?;
    let name = process.name().to_owned();
    let result = eventually(&format!("{name} answers at {url}"), START_LIMIT, async || {
        // Not worth waiting for what has ended.
        if process.check().is_err() {
            return Ok(());
        }
        match client.get(url).send().await {
            Ok(answer) if answer.status() == 200 => Ok(()),
            Ok(answer) => Err(format!("it answers {}", answer.status())),
            Err(e) => Err(e.to_string()),
        }
    })
    .await;
    process.check()?;
    result.map_err(|e| Error::Other(format!("{e}\n{}", process.tail())))
}
