//! `hadir-whatsapp-sim`: a WhatsApp Cloud API on this machine, with a page that shows the phones.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hadir_tests::simulator::api::Account;
use hadir_tests::simulator::templates::Templates;
use hadir_tests::simulator::{self, Options};

/// Simulates the WhatsApp Cloud API.
#[derive(Parser)]
#[command(name = "hadir-whatsapp-sim", version, about)]
struct Cli {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDR")]
    listen: SocketAddr,
    /// The access token that requests must bear.
    #[arg(long, env = "HADIR_SIM_TOKEN", hide_env_values = true)]
    token: String,
    /// The app secret that signs webhooks.
    #[arg(long, env = "HADIR_SIM_APP_SECRET", hide_env_values = true)]
    app_secret: String,
    /// The id of the business's phone number.
    #[arg(long, default_value = "106540352242922", value_name = "ID")]
    phone_number_id: String,
    /// The business's phone number.
    #[arg(long, default_value = "15550783881", value_name = "DIGITS")]
    number: String,
    /// Where webhooks go.
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// The folder of the approved templates.
    #[arg(long, value_name = "DIR")]
    templates: PathBuf,
    /// A phone and whose it is; may be repeated.
    #[arg(long = "contact", value_name = "DIGITS=NAME", value_parser = contact)]
    contacts: Vec<(String, String)>,
}

fn contact(text: &str) -> Result<(String, String), String> {
    let (number, name) = text.split_once('=').ok_or("write it as 628123456789=Name")?;
    let number = number.trim_start_matches('+');
    if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit()) {
        return Err(format!("{number:?} is no phone number of digits alone"));
    }
    Ok((number.to_owned(), name.to_owned()))
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Nothing is left to do where even stderr is closed.
            let _ = writeln!(std::io::stderr(), "hadir-whatsapp-sim: {e}");
            ExitCode::from(2)
        }
    }
}

async fn run(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let templates = Templates::load(&cli.templates)?;
    if templates.is_empty() {
        return Err(format!("{} holds no template (*.json)", cli.templates.display()).into());
    }
    let simulator = simulator::start(Options {
        listen: cli.listen,
        account: Account {
            token: cli.token,
            phone_number_id: cli.phone_number_id,
            number: cli.number,
            templates,
        },
        webhook: cli.webhook,
        app_secret: cli.app_secret,
        contacts: cli.contacts,
    })
    .await?;
    writeln!(std::io::stdout(), "http://{}/", simulator.address)?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        () = simulator.run() => Err("the server ended".into()),
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}
