//! `doctor`: is everything as it must be for this agent to work? Each check with its mend.

mod machine;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use clap::Args;
use hadir_models::detect::DetectOptions;
use hadir_models::model::{DETECTOR, EMBEDDER, PERSON_DETECTOR};
use hadir_models::{Compute, ModelError};
use hadir_shared::status::CameraMode;
use image::RgbImage;
use serde::Serialize;

use super::Failure;
use super::output::{json_line, to_stdout};
use crate::config::{AgentConfig, CameraConfig, SourceConfig};
use crate::outbox::{self, Outbox};
use crate::pipeline::{Follow, Models, PEOPLE_WIDTH};
use crate::{agent, capture, config, gallery, uplink};

/// Each network is timed for so long.
const MEASURED_FOR: Duration = Duration::from_millis(300);

/// Arguments of `doctor`.
#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    /// The agent's configuration
    #[arg(long, value_name = "FILE", default_value = "agent.toml")]
    config: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Check {
    check: String,
    ok: bool,
    message: String,
}

impl Check {
    fn new(check: impl Into<String>, result: Result<String, String>) -> Self {
        let (ok, message) = match result {
            Ok(message) => (true, message),
            Err(message) => (false, message),
        };
        Self {
            check: check.into(),
            ok,
            message,
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    checks: &'a [Check],
}

/// Makes every check, prints them, and fails if one failed.
///
/// # Errors
/// [`Failure::NotRight`] if a check failed.
pub(crate) fn run(args: &DoctorArgs, compute: Result<Compute, Failure>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::NotRight(format!("the checks cannot start: {e}")))?;
    let models = compute
        .map_err(|e| e.to_string())
        .and_then(|compute| check_models(&compute));
    let mut checks = vec![
        Check::new("models", models),
        Check::new("temperature", machine::check_temperature()),
    ];
    match config::load(&args.config) {
        Err(errors) => {
            checks.extend(
                errors
                    .0
                    .iter()
                    .map(|e| Check::new("configuration", Err(e.to_string()))),
            );
        }
        Ok(config) => {
            let cameras = config.cameras.len();
            checks.push(Check::new(
                "configuration",
                Ok(format!("{} with {cameras} camera(s)", config.user_name())),
            ));
            checks.push(Check::new("credentials", check_private(&config.secrets)));
            runtime.block_on(check_all(&config, &mut checks));
        }
    }
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    let failed = checks.iter().filter(|check| !check.ok).count();
    to_stdout(|out| {
        if args.json {
            json_line(
                out,
                &Report {
                    ok: failed == 0,
                    checks: &checks,
                },
            )?;
        } else {
            for check in &checks {
                let mark = if check.ok { "ok  " } else { "FAIL" };
                writeln!(out, "{mark}  {:<22} {}", check.check, check.message)?;
            }
        }
        match failed {
            0 => Ok(()),
            1 => Err(Failure::NotRight("one check failed; see above for what to do".into()).into()),
            n => Err(Failure::NotRight(format!("{n} checks failed; see above for what to do")).into()),
        }
    })
}

async fn check_all(config: &AgentConfig, checks: &mut Vec<Check>) {
    for camera in &config.cameras {
        let usb = matches!(camera.source, SourceConfig::Usb(_));
        let checked = if usb && outbox::is_in_use(&config.data) {
            Ok("not tried: the agent runs and holds the camera; its log tells how the camera is".into())
        } else {
            check_camera(camera).await
        };
        checks.push(Check::new(format!("camera {}", camera.id), checked));
    }
    checks.push(Check::new("broker", check_broker(config).await));
    let aggregator = check_aggregator(config).await;
    let (aggregator, its_time) = match aggregator {
        Ok((said, time)) => (Ok(said), time),
        Err(why) => (Err(why), None),
    };
    checks.push(Check::new("aggregator", aggregator));
    checks.push(Check::new("clock", machine::check_clock(its_time)));
    checks.push(Check::new("outbox", check_outbox(&config.data)));
    checks.push(Check::new("disk", machine::check_disk(&config.data)));
}

/// Runs the networks once and looks whether the answer is sane.
fn check_models(compute: &Compute) -> Result<String, String> {
    let broken = |e: &dyn std::fmt::Display| format!("{e}: the program file is damaged, install it again");
    let models = Models::new(compute).map_err(|e| match e {
        e @ ModelError::Weights { .. } => broken(&e),
        e => e.to_string(),
    })?;
    let grey = RgbImage::from_pixel(320, 180, image::Rgb([128; 3]));
    let faces = models
        .detector
        .detect(&grey, &DetectOptions::default())
        .map_err(|e| broken(&e))?;
    if !faces.is_empty() {
        return Err(broken(&"the detector sees a face in a plain grey picture"));
    }
    let people = models
        .person_detector
        .detect(&grey, PEOPLE_WIDTH, 0.5)
        .map_err(|e| broken(&e))?;
    if !people.is_empty() {
        return Err(broken(&"the detector sees a person in a plain grey picture"));
    }
    let crops =
        [120, 40].map(|v| RgbImage::from_fn(112, 112, |x, y| image::Rgb([v, (2 * x) as u8, (2 * y) as u8])));
    let embeddings = models.embedder.embed(&crops).map_err(|e| broken(&e))?;
    let finite = embeddings
        .iter()
        .all(|e| e.as_slice().iter().all(|x| x.is_finite()));
    if embeddings.len() != 2 || !finite || embeddings[0] == embeddings[1] {
        return Err(broken(&"the embedder gives no sane answer"));
    }
    for model in [&DETECTOR, &EMBEDDER, &PERSON_DETECTOR] {
        let found = model.weights_sha256();
        if found != model.sha256 {
            let why = format!(
                "the weights of {} have the sha256 {found}, not {}",
                model.id, model.sha256
            );
            return Err(broken(&why));
        }
    }
    let rate = |work: &dyn Fn() -> Result<(), ModelError>| -> Result<f64, String> {
        let began = Instant::now();
        let mut times = 0;
        while times < 3 || began.elapsed() < MEASURED_FOR {
            work().map_err(|e| broken(&e))?;
            times += 1;
        }
        Ok(f64::from(times) / began.elapsed().as_secs_f64())
    };
    let frame = RgbImage::from_pixel(640, 360, image::Rgb([128; 3]));
    let detections = rate(&|| {
        models
            .detector
            .detect(&frame, &DetectOptions::default())
            .map(drop)
    })?;
    let looks = rate(&|| models.person_detector.detect(&frame, PEOPLE_WIDTH, 0.5).map(drop))?;
    let embedded = rate(&|| models.embedder.embed(&crops[..1]).map(drop))?;
    Ok(format!(
        "{}, {} and {} run, with {compute}: {detections:.0} frames, {embedded:.0} faces and {looks:.0} looks for people \
         a second",
        DETECTOR.id, EMBEDDER.id, PERSON_DETECTOR.id
    ))
}

async fn check_camera(camera: &CameraConfig) -> Result<String, String> {
    if camera.mode == CameraMode::Off {
        return Ok("off, by its configuration".into());
    }
    let plays = capture::check(&camera.source).await.map_err(|e| e.to_string())?;
    Ok(match camera.bodies.follow {
        Follow::Bodies => plays,
        Follow::FacesOnly => format!("{plays}; whoever turns their back is lost here: it follows faces only"),
    })
}

async fn check_broker(config: &AgentConfig) -> Result<String, String> {
    // The broker takes a device once: a second connection would throw the running agent out.
    if outbox::is_in_use(&config.data) {
        return Ok(
            "not tried: the agent runs and holds the connection; its log tells how the broker is".into(),
        );
    }
    uplink::check(config).await?;
    Ok(format!(
        "{}:{} lets this device in",
        config.mqtt.host, config.mqtt.port
    ))
}

/// What it says, and what time it has.
async fn check_aggregator(config: &AgentConfig) -> Result<(String, Option<TimeDelta>), String> {
    let access = agent::gallery_access(config);
    let download = gallery::download(&gallery::client(), &access, None).await;
    let (said, date) = match download.map_err(|e| e.to_string())? {
        gallery::Download::Unchanged { date } => ("answers".into(), date),
        gallery::Download::New { sealed, date } => {
            let people = gallery::open(&sealed, &access).map_err(|e| e.to_string())?;
            let said = format!("gallery version {} with {} people", people.version, people.len());
            (said, date)
        }
    };
    Ok((said, date.map(|date| Utc::now() - date)))
}

fn check_outbox(data: &Path) -> Result<String, String> {
    // Nothing is made here: it would belong to whoever looks, and the agent could not write it.
    if !Outbox::exists(data) {
        return Ok("nothing is kept yet".into());
    }
    let outbox = Outbox::open(data, Arc::default()).map_err(|e| e.to_string())?;
    let (depth, dropped) = outbox.depth_and_dropped().map_err(|e| e.to_string())?;
    Ok(format!("{depth} sightings wait, {dropped} were ever dropped"))
}

/// Secrets that others can read are none. A file that is not there holds none.
fn check_private(files: &[PathBuf]) -> Result<String, String> {
    use std::os::unix::fs::PermissionsExt as _;
    let open = files.iter().find(|path| {
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    });
    match open {
        Some(path) => Err(format!("others may read {0}: chmod 600 {0}", path.display())),
        None => Ok("readable by their owner only".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_models_pass_their_self_test() {
        let said = check_models(&Compute::default()).expect("they run");
        assert!(
            said.contains(Compute::default().instructions().as_str()),
            "{said}"
        );
    }
}
