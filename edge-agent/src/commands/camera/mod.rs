//! `camera check`: whether faces can be recognised where a camera hangs, and what to change.

mod placement;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use hadir_models::detect::{DetectOptions, Face};
use hadir_models::{Compute, FrameBuf, align, quality};
use hadir_shared::id::CameraId;
use hadir_shared::status::Placement;
use tokio::time::timeout;

use super::output::{complain, json_line, to_stdout};
use super::{Failure, run};
use crate::capture::{self, Source, open_clip, probe};
use crate::config::CameraConfig;
use crate::pipeline::{DetectWidth, Models, PEOPLE_WIDTH};
use crate::placements;
use placement::{Bodies, Mounting, Report, Sample};

/// Frames looked at for each second.
const FPS: f32 = 5.0;
/// A live camera is looked at for so long.
const LOOK_FOR: Duration = Duration::from_secs(10);
/// It answers within this time, and so does the next picture come.
const OPENED_WITHIN: Duration = Duration::from_secs(15);
/// Less sure than this, a face is not measured.
const SURE: f32 = 0.7;
/// And less sure than this, a body is not counted.
const BODY_SURE: f32 = 0.4;
/// People are looked for in every picture with a face, and in every so many of the others.
const BODIES_EVERY: usize = 4;

/// Look after a camera
#[derive(Args, Debug)]
pub(crate) struct CameraArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Whether faces can be recognised where it hangs: let somebody stand in front of it
    Check(CheckArgs),
}

#[derive(Args, Debug)]
struct CheckArgs {
    /// Which camera of the configuration; may be left out where there is one only
    #[arg(long, value_name = "ID", conflicts_with = "clip")]
    camera: Option<CameraId>,
    /// The agent's configuration
    #[arg(long, value_name = "FILE", default_value = "agent.toml")]
    config: PathBuf,
    /// A recording of the camera instead of its live picture
    #[arg(long, value_name = "CLIP")]
    clip: Option<PathBuf>,
    /// Horizontal field of view of the lens in degrees [default: `fov` of the camera's file]
    #[arg(long, value_name = "DEGREES", value_parser = degrees)]
    fov: Option<f32>,
    /// How far from the camera the person stands, in metres [default: `distance` of the camera's file]
    #[arg(long, value_name = "METRES", value_parser = metres)]
    distance: Option<f32>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

fn degrees(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(degrees) if (5.0..=170.0).contains(&degrees) => Ok(degrees),
        _ => Err("give degrees, from 5 to 170".into()),
    }
}

fn metres(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(metres) if (0.3..=50.0).contains(&metres) => Ok(metres),
        _ => Err("give metres, from 0.3 to 50".into()),
    }
}

/// Carries out the command.
///
/// # Errors
/// [`Failure::NotRight`] when something has to be changed, or the camera or the clip cannot be read;
/// [`Failure::Usage`] for a camera that is not configured.
pub(crate) fn run(args: &CameraArgs, compute: &Compute) -> Result<(), Failure> {
    let What::Check(args) = &args.what;
    let wrong = |e: &dyn std::fmt::Display| Failure::NotRight(e.to_string());
    let (data, camera) = match &args.clip {
        Some(_) => (None, None),
        None => {
            let (data, camera) = configured(args)?;
            (Some(data), Some(camera))
        }
    };
    let models = Models::new(compute).map_err(|e| wrong(&e))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| wrong(&e))?;
    let (width, samples, people) = runtime.block_on(async {
        let measured = match (&args.clip, &camera) {
            (Some(clip), _) => {
                let info = probe(clip).await.map_err(|e| wrong(&e))?;
                let source = open_clip(clip, &info, FPS).map_err(|e| wrong(&e))?;
                measure(
                    source,
                    OPENED_WITHIN,
                    Duration::MAX,
                    DetectWidth::Fitting,
                    &models,
                )
                .await
            }
            (None, Some(camera)) => {
                let opened = timeout(OPENED_WITHIN, capture::open(&camera.source, FPS)).await;
                let source = opened
                    .map_err(|_| wrong(&"the camera does not answer: `hadir-agent doctor` says more"))?
                    .map_err(|e| wrong(&e))?;
                let first_within = capture::first_within(&camera.source);
                measure(source, first_within, LOOK_FOR, camera.detect_width, &models).await
            }
            (None, None) => return Err(wrong(&"there is no camera")),
        };
        measured.map_err(Failure::NotRight)
    })?;
    runtime.shutdown_timeout(Duration::from_millis(200));
    let mounting = Mounting {
        width,
        field_of_view: args.fov.or(camera.as_ref().and_then(|c| c.fov)),
        distance: args.distance.or(camera.as_ref().and_then(|c| c.distance)),
    };
    let report = placement::judge(&samples, people, &mounting);
    if let (Some(data), Some(camera)) = (data, &camera)
        && let Err(e) = placements::keep(&data, &camera.id, &found(&report))
    {
        // The answer is what was asked for; that the dashboard does not hear of it is the lesser trouble.
        complain(&data, &format!("{e}: the dashboard will not show what was found"));
    }
    print(&report, args)
}

fn print(report: &Report, args: &CheckArgs) -> Result<(), Failure> {
    to_stdout(|out| {
        if args.json {
            json_line(out, report)?;
        } else {
            for check in &report.checks {
                let mark = if check.ok { "ok  " } else { "FAIL" };
                writeln!(out, "{mark}  {:<10} {}", check.check, check.message)?;
            }
        }
        if report.ok {
            Ok(())
        } else {
            let why = "faces will not be recognised well here; see above for what to change";
            Err(Failure::NotRight(why.into()).into())
        }
    })
}

/// What the dashboard is told of it.
fn found(report: &Report) -> Placement {
    let wrong = report.checks.iter().filter(|check| !check.ok);
    Placement {
        at: chrono::Utc::now(),
        eyes: report
            .eyes_at_3_m
            .or(report.eyes)
            .filter(|_| report.eyes.is_some()),
        wrong: wrong.map(|check| check.check.to_owned()).collect(),
    }
}

/// The camera that is meant, and the agent's data folder.
fn configured(args: &CheckArgs) -> Result<(PathBuf, CameraConfig), Failure> {
    let config = run::load(&args.config)?;
    let mut cameras = config.cameras;
    let ids: Vec<String> = cameras.iter().map(|camera| camera.id.to_string()).collect();
    let place = match &args.camera {
        Some(id) => cameras.iter().position(|camera| camera.id == *id),
        None if cameras.len() == 1 => Some(0),
        None => None,
    };
    match place {
        Some(place) => Ok((config.data, cameras.swap_remove(place))),
        None => Err(Failure::Usage(format!(
            "say which camera with --camera: one of {}",
            ids.join(", ")
        ))),
    }
}

/// Looks at a source for at most `long`; gives the width of its picture, and the faces that were measured.
async fn measure(
    mut source: Box<dyn Source>,
    first_within: Duration,
    long: Duration,
    detect_width: DetectWidth,
    models: &Models,
) -> Result<(u32, Vec<Sample>, Bodies), String> {
    // From the first picture on, which some cameras let one wait for.
    let mut began: Option<Instant> = None;
    let (mut width, mut samples, mut people) = (0, Vec::new(), Bodies::default());
    let mut pictures = 0usize;
    while began.is_none_or(|began| began.elapsed() < long) {
        let limit = if began.is_some() {
            OPENED_WITHIN
        } else {
            first_within
        };
        let picture = match timeout(limit, source.next()).await {
            Ok(Ok(Some(picture))) => picture,
            Ok(Ok(None)) => break,
            Ok(Err(e)) => return Err(e.to_string()),
            Err(_) => return Err("no picture comes: `hadir-agent doctor` says more".into()),
        };
        began.get_or_insert_with(Instant::now);
        width = picture.frame.dimensions().0;
        let options = DetectOptions {
            max_side: Some(detect_width.of(picture.frame.dimensions())),
            score_threshold: SURE,
            ..DetectOptions::default()
        };
        let faces = models
            .detector
            .detect(&picture.frame, &options)
            .map_err(|e| e.to_string())?;
        // The nearest one: who was asked to stand there.
        let nearest = faces.iter().max_by(|a, b| a.area().total_cmp(&b.area()));
        samples.extend(nearest.map(|face| sample(&picture.frame, face)));
        if nearest.is_some() || pictures.is_multiple_of(BODIES_EVERY) {
            let bodies = models
                .person_detector
                .detect(&picture.frame, PEOPLE_WIDTH, BODY_SURE)
                .map_err(|e| e.to_string())?;
            people.most = people.most.max(bodies.len());
            if let Some(face) = nearest {
                let [x, y] = face.center();
                let on = |[left, top, width, height]: [f32; 4]| {
                    (left..left + width).contains(&x) && (top..top + height).contains(&y)
                };
                people.faces += 1;
                people.on_bodies += usize::from(bodies.iter().any(|body| on(body.bounds)));
            }
        }
        pictures += 1;
    }
    Ok((width, samples, people))
}

fn sample(frame: &FrameBuf, face: &Face) -> Sample {
    let quality = quality::assess(&align::align_crop(frame, &face.landmarks), face);
    let (brightness, contrast) = inside(frame, face.bounds);
    let [x, y, width, height] = face.bounds;
    let (around, _) = inside(frame, [x - width, y - height / 2.0, 3.0 * width, 2.0 * height]);
    Sample {
        // Turned to the side, they look nearer to each other than they are.
        eyes: quality.eye_distance / quality.yaw.to_radians().cos().max(0.4),
        sharpness: quality.sharpness,
        brightness,
        contrast,
        around,
        pitch: quality.pitch,
        yaw: quality.yaw,
    }
}

/// Mean and standard deviation of the brightness in a box, as far as it is in the picture.
fn inside(frame: &FrameBuf, [x, y, width, height]: [f32; 4]) -> (f32, f32) {
    let (columns, rows) = frame.dimensions();
    // `as` saturates, so what lies outside becomes the border.
    let span = |from: f32, len: f32, most: u32| {
        (from as u32).min(most) as usize..((from + len) as u32).min(most) as usize
    };
    let (across, down) = (span(x, width, columns), span(y, height, rows));
    let frame = hadir_models::frame::Frame::from(frame);
    let (mut sum, mut squares, mut count) = (0.0f64, 0.0f64, 0.0f64);
    for y in down {
        let row = frame.brightness(y);
        let step = row.len() / columns.max(1) as usize;
        for value in &row[across.start * step..(across.end * step).max(across.start * step)] {
            sum += f64::from(*value);
            squares += f64::from(*value).powi(2);
            count += 1.0;
        }
    }
    let mean = sum / count.max(1.0);
    let deviation = (squares / count.max(1.0) - mean * mean).max(0.0).sqrt();
    (mean as f32, deviation as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_is_that_of_the_box_in_the_picture() {
        let image = image::RgbImage::from_fn(40, 20, |x, _| image::Rgb([if x < 20 { 10 } else { 210 }; 3]));
        let frame = FrameBuf::from(image);
        assert_eq!(inside(&frame, [0.0, 0.0, 20.0, 20.0]), (10.0, 0.0));
        assert_eq!(inside(&frame, [20.0, 5.0, 100.0, 100.0]), (210.0, 0.0));
        let (mean, deviation) = inside(&frame, [-50.0, -50.0, 500.0, 500.0]);
        assert!((mean - 110.0).abs() < 0.01 && (deviation - 100.0).abs() < 0.01);
        for nothing in [[90.0, 0.0, 5.0, 5.0], [5.0, 5.0, -9.0, 3.0], [f32::NAN; 4]] {
            assert_eq!(inside(&frame, nothing), (0.0, 0.0), "{nothing:?}");
        }
    }
}
