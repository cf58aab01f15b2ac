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
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Failure;
use super::output::{Stop, complain, json_line, to_stdout};
use crate::config::{self, DEFAULT_FPS};
use crate::pipeline::people::People;
use crate::pipeline::{BodyRules, DetectWidth, Follow, Models, NAME_AT, rise};
use clip::{ClipReport, Faces};

/// A face should be this wide at least, in pixels.
const RECOMMENDED_WIDTH: f32 = 48.0;

/// Arguments of `test-recording`.
#[derive(Args, Debug)]
pub(crate) struct TestRecordingArgs {
    /// Folder with one folder for each person, named after them, with pictures or clips of their face in it
    #[arg(long, value_name = "DIR")]
    gallery: PathBuf,
    /// Recordings to look at, or folders of them
    #[arg(required = true, value_name = "CLIP")]
    clips: Vec<PathBuf>,
    /// This person must be recognised in one of the clips at least, or the exit status is 1; may be repeated
    #[arg(long, value_name = "NAME")]
    expect: Vec<String>,
    /// Write a report as one HTML file; it shows no face
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Show the best face of each recognised person in the report
    #[arg(long, requires = "report")]
    with_faces: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The file in camera_configs/ of the camera that made the recordings: its `mask`, `detect_width` and
    /// `recognise_fps` hold for them
    #[arg(long, value_name = "FILE.toml")]
    camera: Option<PathBuf>,
    /// The longer side of the picture that the detector sees, in pixels [default: the
    /// camera's, else 640, and 800 for 1920]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(96..=4096))]
    detect_width: Option<u32>,
    /// Write what is seen in every analysed frame, a line of JSON each: `{"clip","at","tracks":[{"track","name","basis",
    /// "matched","box"}]}`
    #[arg(long, value_name = "FILE.jsonl")]
    frames: Option<PathBuf>,
    /// Follow nobody by the body: whoever turns away is lost
    #[arg(long)]
    faces_only: bool,
    /// The most frames analysed for each second of a clip [default: the camera's, else 6]
    #[arg(long, value_name = "FPS", value_parser = fps)]
    fps: Option<f32>,
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
    gallery: &'a GalleryReport,
    /// Who was to be recognised and was not.
    missing: &'a [String],
}

/// What the gallery says of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct GalleryReport {
    /// How many people can be recognised.
    people: usize,
    /// The two who are most alike, and their cosine.
    most_alike: Option<(String, String, f32)>,
    /// A single threshold that would tell everybody apart. The agent raises it for those alone who need it.
    suggested_threshold: f32,
}

impl GalleryReport {
    fn of(people: &People) -> Self {
        let places = 0..people.len();
        let most_alike = places
            .clone()
            .filter_map(|place| {
                let (other, cosine) = people.look_alike(place)?;
                Some((people.id(place).to_string(), other.to_string(), cosine))
            })
            .max_by(|a, b| a.2.total_cmp(&b.2));
        let highest = places.map(|place| rise(people, place)).fold(0.0, f32::max);
        Self {
            people: people.len(),
            most_alike,
            suggested_threshold: NAME_AT + highest,
        }
    }
}

/// Enrols the gallery, runs every clip, prints and writes the reports.
///
/// # Errors
/// [`Failure::NotRight`] for a gallery without a usable face, a clip that cannot be read, or an expected person who was
/// not recognised; the other clips are reported all the same. [`Failure::Usage`] for somebody expected who is not in
/// the gallery.
pub(crate) fn run(args: &TestRecordingArgs, compute: &Compute) -> Result<(), Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::NotRight(e.to_string());
    let clips = clips(&args.clips)?;
    let options = options(args)?;
    let models = Arc::new(Models::new(compute).map_err(|e| wrong(&e))?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| wrong(&e))?;
    let people = Arc::new(runtime.block_on(enrol::gallery(&args.gallery, &models))?);
    if let Some(stranger) = args.expect.iter().find(|name| people.place(name).is_none()) {
        let gallery = args.gallery.display();
        return Err(Failure::Usage(format!(
            "{stranger} is expected, but has no usable picture in {gallery}: write the name as the folder's"
        )));
    }
    let mut reports: Vec<ClipReport> = Vec::new();
    let mut unreadable = 0;
    for (i, path) in clips.iter().enumerate() {
        let progress = progress(path, i, clips.len());
        let report = runtime.block_on(clip::run(path, &options, &people, &models, &progress));
        progress.finish_and_clear();
        match report {
            Ok(report) => reports.push(report),
            // A single clip says by itself what is wrong with it.
            Err(e) if clips.len() == 1 => return Err(e),
            Err(e) => {
                complain(path, &e.to_string());
                unreadable += 1;
            }
        }
    }
    let seen = |name: &&String| {
        reports
            .iter()
            .flat_map(|clip| &clip.people)
            .any(|person| person.name == **name)
    };
    let missing: Vec<String> = args.expect.iter().filter(|name| !seen(name)).cloned().collect();
    let gallery = GalleryReport::of(&people);
    if let Some(path) = &args.report {
        write_report(path, &html::page(&reports, &gallery, &missing))?;
    }
    to_stdout(|out| {
        if args.json {
            let report = Report {
                clips: &reports,
                gallery: &gallery,
                missing: &missing,
            };
            json_line(out, &report)?;
        } else {
            reports.iter().try_for_each(|report| table(out, report))?;
            about_gallery(out, &gallery)?;
        }
        if !missing.is_empty() {
            let names = missing.join(", ");
            return Err(Failure::NotRight(format!("expected, but not recognised: {names}")).into());
        }
        match unreadable {
            0 => Ok(()),
            n => Err(Failure::NotRight(format!(
                "{n} of {} clips could not be read (see above)",
                clips.len()
            ))
            .into()),
        }
    })
}

/// How the clips are looked at: as the camera's file says, where the command line does not.
fn options(args: &TestRecordingArgs) -> Result<clip::Options, Failure> {
    let camera = args.camera.as_deref().map(config::load_camera).transpose();
    let camera =
        camera.map_err(|errors| Failure::Usage(format!("the camera's file is not right:\n{errors}")))?;
    let of_camera = camera.as_ref();
    Ok(clip::Options {
        detect_width: args
            .detect_width
            .map(DetectWidth::Fixed)
            .or(of_camera.map(|camera| camera.detect_width))
            .unwrap_or_default(),
        fps: args
            .fps
            .or(of_camera.map(|camera| camera.recognise_fps))
            .unwrap_or(DEFAULT_FPS),
        bodies: BodyRules {
            follow: if args.faces_only {
                Follow::FacesOnly
            } else {
                Follow::Bodies
            },
            ..of_camera.map(|camera| camera.bodies).unwrap_or_default()
        },
        mask: camera.map(|camera| camera.mask).unwrap_or_default(),
        frames: args
            .frames
            .as_ref()
            .map(|path| {
                clip::FramesFile::create(path).map_err(|e| {
                    Failure::Usage(format!(
                        "{} cannot be written ({e}): choose another file",
                        path.display()
                    ))
                })
            })
            .transpose()?,
        faces: if args.with_faces {
            Faces::Shown
        } else {
            Faces::Hidden
        },
    })
}

/// The recordings, with folders replaced by what is in them.
fn clips(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut clips = Vec::new();
    for path in given {
        if !path.is_dir() {
            clips.push(path.clone());
            continue;
        }
        let before = clips.len();
        let found = enrol::sorted(path)?;
        clips.extend(found.into_iter().filter(|file| enrol::is_clip(file)));
        if clips.len() == before {
            return Err(Failure::NotRight(format!(
                "there is no recording in {}: give files that ffmpeg can play",
                path.display()
            )));
        }
    }
    Ok(clips)
}

/// A bar on the terminal; nothing where standard error is none.
fn progress(path: &Path, i: usize, all: usize) -> ProgressBar {
    let bar = ProgressBar::new(0);
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let template = "{msg} {bar:30} {percent:>3} %, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(format!("{} of {all}: {name}", i + 1))
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
            "  {:<24} {:>6.1} s to {:>6.1} s, {:>6.1} s in {} track(s), {:.1} s of it by the body, likeness {:.2}",
            person.name,
            person.first,
            person.last,
            person.seconds,
            person.tracks,
            person.by_body,
            person.best
        )?;
    }
    if report.people.is_empty() {
        writeln!(out, "  nobody of the gallery was recognised")?;
    }
    let clip::Tracks {
        recognised,
        unsure,
        unknown,
    } = report.tracks;
    writeln!(
        out,
        "  {} unknown track(s); of all: {recognised} recognised, {unsure} unsure, {unknown} unknown",
        report.unknown_tracks
    )?;
    if let Some(clip::Occupancy { median, most }) = report.occupancy {
        writeln!(
            out,
            "  {most} people at most at once, {median} in half of the looks"
        )?;
    }
    if let Some(width) = report.face_width {
        writeln!(
            out,
            "  faces {} to {} px wide, half of them below {}; {RECOMMENDED_WIDTH} px are recommended",
            width.min, width.max, width.median
        )?;
    }
    if !report.rejected.is_empty() {
        let reasons: Vec<_> = report
            .rejected
            .iter()
            .map(|(reason, count)| match report.measured.get(reason) {
                Some(figures) => format!("{reason} {count} (last: {})", measured(reason, *figures)),
                None => format!("{reason} {count}"),
            })
            .collect();
        writeln!(out, "  not used: {}", reasons.join(", "))?;
    }
    Ok(())
}

/// The last figure behind a reason and the limit that it missed, in words.
fn measured(reason: &str, [last, limit]: [f32; 2]) -> String {
    match reason {
        "too_small" => format!("eyes {last:.0} px apart, needs {limit:.0}"),
        "turned_away" => format!("{last:.0}°, at most {limit:.0}°"),
        "blurred" => format!("sharpness {last:.1}, needs {limit:.1}"),
        _ => format!("{last:.2}, needs {limit:.2}"),
    }
}

fn about_gallery(out: &mut dyn std::io::Write, gallery: &GalleryReport) -> Result<(), Stop> {
    let people = gallery.people;
    match &gallery.most_alike {
        Some((a, b, cosine)) => writeln!(
            out,
            "{people} people enrolled; most alike are {a} and {b} ({cosine:.2}); a threshold of {:.2} tells all apart",
            gallery.suggested_threshold
        )?,
        None => writeln!(out, "{people} people enrolled")?,
    }
    Ok(())
}
