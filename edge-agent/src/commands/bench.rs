//! `bench`: how long this machine takes to find faces and people, and for embeddings.

use std::time::{Duration, Instant};

use hadir_models::align::CROP_SIDE;
use hadir_models::detect::{DetectOptions, Detector};
use hadir_models::embed::Embedder;
use hadir_models::model::PERSON_DETECTOR;
use hadir_models::person::PersonDetector;
use hadir_models::{Compute, ModelError};
use image::{Rgb, RgbImage};
use serde::Serialize;

use super::Failure;
use super::output::{json_line, to_stdout};

/// Measure how long detections and embeddings take
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Threads of one inference
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
    /// Measure each thing for about so long
    #[arg(long, value_name = "S", default_value = "1.5", value_parser = seconds, allow_negative_numbers = true)]
    seconds: f64,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("give seconds, from 0.01 to 600".into()),
    }
}

/// Medians in milliseconds.
#[derive(Serialize)]
struct Report {
    threads: u16,
    instructions: &'static str,
    detect_ms: DetectMs,
    people_ms: PeopleMs,
    embed_ms: f64,
    /// Five faces in one pass.
    embed_five_ms: f64,
    /// The same five, one after the other.
    embed_five_singly_ms: f64,
}

#[derive(Serialize)]
struct DetectMs {
    #[serde(rename = "640x640")]
    square: f64,
    #[serde(rename = "640x360")]
    wide: f64,
    #[serde(rename = "320x180")]
    small: f64,
    /// A frame of 1920×1080 pixels, scaled down to 640×360 for the network.
    #[serde(rename = "1920x1080 at 640x360")]
    scaled: f64,
}

#[derive(Serialize)]
struct PeopleMs {
    #[serde(rename = "288x160")]
    usual: f64,
    #[serde(rename = "352x192")]
    large: f64,
}

/// So often at least is each thing measured.
const OFTEN: usize = 5;

/// Carries out the command.
///
/// # Errors
/// [`Failure::NotRight`] when a network cannot be run.
pub(crate) fn run(args: &BenchArgs, compute: &Compute) -> Result<(), Failure> {
    let report = measure(args, compute).map_err(|e| Failure::NotRight(e.to_string()))?;
    to_stdout(|out| {
        if args.json {
            return Ok(json_line(out, &report)?);
        }
        writeln!(out, "{compute}")?;
        for (what, ms) in [
            ("detect 640x640", report.detect_ms.square),
            ("detect 640x360", report.detect_ms.wide),
            ("detect 320x180", report.detect_ms.small),
            ("detect 1920x1080 at 640x360", report.detect_ms.scaled),
            ("people 288x160", report.people_ms.usual),
            ("people 352x192", report.people_ms.large),
            ("embed one face", report.embed_ms),
            ("embed five faces together", report.embed_five_ms),
            ("embed five faces singly", report.embed_five_singly_ms),
        ] {
            writeln!(out, "{what:<29} {ms:8.2} ms")?;
        }
        Ok(())
    })
}

fn measure(args: &BenchArgs, compute: &Compute) -> Result<Report, ModelError> {
    let (detector, embedder) = (Detector::with_compute(compute)?, Embedder::with_compute(compute)?);
    let person_detector = PersonDetector::with_compute(compute)?;
    let long = Duration::from_secs_f64(args.seconds);
    let detect = |width, height| {
        let frame = pattern(width, height);
        let options = DetectOptions {
            max_side: Some(640),
            ..DetectOptions::default()
        };
        median_ms(long, || detector.detect(&frame, &options).map(drop))
    };
    let people = |width, height| {
        let frame = pattern(width, height);
        let threshold = PERSON_DETECTOR.threshold;
        median_ms(long, || {
            person_detector.detect(&frame, width, threshold).map(drop)
        })
    };
    let crops = [0, 1, 2, 3, 4].map(|shift| {
        let mut crop = pattern(CROP_SIDE, CROP_SIDE);
        crop.iter_mut().for_each(|v| *v = v.wrapping_add(shift));
        crop
    });
    Ok(Report {
        threads: args.threads,
        instructions: compute.instructions().as_str(),
        detect_ms: DetectMs {
            square: detect(640, 640)?,
            wide: detect(640, 360)?,
            small: detect(320, 180)?,
            scaled: detect(1920, 1080)?,
        },
        people_ms: PeopleMs {
            usual: people(288, 160)?,
            large: people(352, 192)?,
        },
        embed_ms: median_ms(long, || embedder.embed(&crops[..1]).map(drop))?,
        embed_five_ms: median_ms(long, || embedder.embed(&crops).map(drop))?,
        embed_five_singly_ms: median_ms(long, || {
            crops
                .chunks(1)
                .try_for_each(|crop| embedder.embed(crop).map(drop))
        })?,
    })
}

/// A picture with structure at every size. The time does not depend on what it shows.
fn pattern(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * y / 7) as u8, ((3 * x) ^ y) as u8, (x + 2 * y) as u8])
    })
}

fn median_ms<E>(long: Duration, mut work: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    for _ in 0..3 {
        work()?;
    }
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < OFTEN || start.elapsed() < long {
        let before = Instant::now();
        work()?;
        times.push(before.elapsed());
    }
    times.sort();
    let median = times[times.len() / 2].as_secs_f64() * 1e3;
    Ok((median * 1e3).round() / 1e3)
}
