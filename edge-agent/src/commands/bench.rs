//! `bench`: how long this machine takes for a detection and for an embedding.

use std::time::{Duration, Instant};

use hadir_models::Threads;
use hadir_models::align::CROP_SIDE;
use hadir_models::detect::{DetectOptions, Detector};
use hadir_models::embed::Embedder;
use image::{Rgb, RgbImage};
use serde::Serialize;

use super::Failure;
use super::output::{json_line, to_stdout};

/// Measure the time of a detection and of an embedding
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Threads of one inference
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// Medians in milliseconds.
#[derive(Serialize)]
struct Report {
    threads: u16,
    detect_ms: DetectMs,
    embed_ms: f64,
}

#[derive(Serialize)]
struct DetectMs {
    #[serde(rename = "640x640")]
    square: f64,
    #[serde(rename = "640x360")]
    wide: f64,
    #[serde(rename = "320x180")]
    small: f64,
}

/// At least so long, and so often, is each thing measured.
const LONG: Duration = Duration::from_millis(1500);
const OFTEN: usize = 20;

/// Carries out the command.
///
/// # Errors
/// [`Failure::NotRight`] when a network cannot be run.
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let report = measure(args.threads).map_err(|e| Failure::NotRight(e.to_string()))?;
    to_stdout(|out| {
        if args.json {
            return Ok(json_line(out, &report)?);
        }
        writeln!(out, "threads            {:8}", report.threads)?;
        writeln!(out, "detect 640x640     {:8.2} ms", report.detect_ms.square)?;
        writeln!(out, "detect 640x360     {:8.2} ms", report.detect_ms.wide)?;
        writeln!(out, "detect 320x180     {:8.2} ms", report.detect_ms.small)?;
        writeln!(out, "embed one face     {:8.2} ms", report.embed_ms)?;
        Ok(())
    })
}

fn measure(threads: u16) -> Result<Report, hadir_models::ModelError> {
    let pool = Threads::new(usize::from(threads))?;
    let (detector, embedder) = (Detector::with_threads(&pool)?, Embedder::with_threads(&pool)?);
    let detect = |width, height| {
        let frame = pattern(width, height);
        median_ms(|| detector.detect(&frame, &DetectOptions::default()).map(drop))
    };
    let crop = [pattern(CROP_SIDE, CROP_SIDE)];
    Ok(Report {
        threads,
        detect_ms: DetectMs {
            square: detect(640, 640)?,
            wide: detect(640, 360)?,
            small: detect(320, 180)?,
        },
        embed_ms: median_ms(|| embedder.embed(&crop).map(drop))?,
    })
}

/// A picture with structure at every size. The time does not depend on what it shows.
fn pattern(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * y / 7) as u8, ((3 * x) ^ y) as u8, (x + 2 * y) as u8])
    })
}

fn median_ms<E>(mut work: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    for _ in 0..3 {
        work()?;
    }
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < OFTEN || start.elapsed() < LONG {
        let before = Instant::now();
        work()?;
        times.push(before.elapsed());
    }
    times.sort();
    let median = times[times.len() / 2].as_secs_f64() * 1e3;
    Ok((median * 1e3).round() / 1e3)
}
