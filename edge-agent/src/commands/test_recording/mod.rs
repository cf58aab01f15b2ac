//! `test-recording`: runs the agent's own pipeline over clips and says who was recognised, when, how surely, and
//! why others were not.
//!
//! The clips are read as fast as they can be; time is the clip's own, counted from its start.

mod clip;
mod enrol;
mod html;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use hadir_models::Compute;
use serde::Serialize;

use super::Failure;
use super::output::{Stop, json_line, to_stdout};
use crate::config::{DEFAULT_DETECT_WIDTH, DEFAULT_FPS};
use crate::pipeline::Models;
use clip::ClipReport;

/// Arguments of `test-recording`.
#[derive(Args, Debug)]
pub(crate) struct TestRecordingArgs {
    /// Folder with one folder for each person, named after them, with pictures or clips of their face in it
    #[arg(long, value_name = "DIR")]
    gallery: PathBuf,
    /// Recordings to look at
    #[arg(required = true, value_name = "CLIP")]
    clips: Vec<PathBuf>,
    /// Write a report as one HTML file; it shows no face
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The longer side of the picture that the detector sees, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = DEFAULT_DETECT_WIDTH,
          value_parser = clap::value_parser!(u32).range(96..=4096))]
    detect_width: u32,
    /// The most frames analysed for each second of a clip
    #[arg(long, value_name = "FPS", default_value_t = DEFAULT_FPS, value_parser = fps)]
    fps: f32,
}

fn fps(text: &str) -> Result<f32, String> {
    let fps = text.parse().map_err(|_| "is no number".to_owned())?;
    if (0.5..=60.0).contains(&fps) {
        Ok(fps)
    } else {
        Err("must be 0.5 to 60".into())
    }
}

#[derive(Serialize)]
struct Report<'a> {
    clips: &'a [ClipReport],
}

/// Enrols the gallery, runs every clip, prints and writes the reports.
///
/// # Errors
/// [`Failure::NotRight`] for a gallery without a usable face or a clip that cannot be read.
pub(crate) fn run(args: &TestRecordingArgs, compute: &Compute) -> Result<(), Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::NotRight(e.to_string());
    let models = Arc::new(Models::new(compute).map_err(|e| wrong(&e))?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| wrong(&e))?;
    let people = Arc::new(runtime.block_on(enrol::gallery(&args.gallery, &models))?);
    let mut reports = Vec::new();
    for path in &args.clips {
        let options = clip::Options {
            detect_width: args.detect_width,
            fps: args.fps,
        };
        reports.push(runtime.block_on(clip::run(path, &options, &people, &models))?);
    }
    if let Some(path) = &args.report {
        write_report(path, &html::page(&reports, people.len()))?;
    }
    to_stdout(|out| {
        if args.json {
            return Ok(json_line(out, &Report { clips: &reports })?);
        }
        reports.iter().try_for_each(|report| table(out, report))
    })
}

fn write_report(path: &Path, page: &str) -> Result<(), Failure> {
    std::fs::write(path, page).map_err(|e| {
        Failure::NotRight(format!(
            "the report {} cannot be written ({e}): choose another place",
            path.display()
        ))
    })
}

fn table(out: &mut dyn std::io::Write, report: &ClipReport) -> Result<(), Stop> {
    writeln!(
        out,
        "{}  ({:.1} s, {} frames analysed)",
        report.clip.display(),
        report.seconds,
        report.frames
    )?;
    for person in &report.people {
        writeln!(
            out,
            "  {:<24} {:>6.1} s to {:>6.1} s, {:>6.1} s in {} track(s), likeness {:.2}",
            person.name, person.first, person.last, person.seconds, person.tracks, person.best
        )?;
    }
    if report.people.is_empty() {
        writeln!(out, "  nobody of the gallery was recognised")?;
    }
    writeln!(out, "  {} unknown track(s)", report.unknown_tracks)?;
    if !report.rejected.is_empty() {
        let reasons: Vec<_> = report
            .rejected
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        writeln!(out, "  not used: {}", reasons.join(", "))?;
    }
    Ok(())
}
