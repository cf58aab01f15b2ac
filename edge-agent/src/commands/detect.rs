//! `detect`: where the faces of pictures are.

use std::io::Write;
use std::path::{Path, PathBuf};

use hadir_models::detect::{DetectOptions, Detector, Face};
use hadir_models::{Compute, picture};
use serde::Serialize;

use super::output::{Stop, complain, json_line, to_stdout};
use super::{Failure, pictures};

/// Find the faces in pictures
#[derive(Debug, clap::Args)]
pub(crate) struct DetectArgs {
    /// JPEG or PNG pictures
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Scale pictures down to this many pixels on their longer side [default: 2560]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_side: Option<u32>,
    /// Leave out faces of a lower score, 0 to 1
    #[arg(long, value_name = "T", default_value = "0.6", value_parser = pictures::share)]
    score: f32,
}

#[derive(Serialize)]
struct Line<'a> {
    path: &'a Path,
    faces: &'a [Face],
}

/// Carries out the command.
///
/// # Errors
/// [`Failure::NotRight`] when a picture could not be read; the others are reported all the same.
pub(crate) fn run(args: &DetectArgs, compute: &Compute) -> Result<(), Failure> {
    let mut options = DetectOptions {
        score_threshold: args.score,
        ..DetectOptions::still()
    };
    if args.max_side.is_some() {
        options.max_side = args.max_side;
    }
    let detector = Detector::with_compute(compute).map_err(|e| Failure::NotRight(e.to_string()))?;
    to_stdout(|out| {
        let mut failed = 0;
        for path in &args.images {
            let found = picture::load(path).map_err(|e| e.to_string());
            match found.and_then(|frame| detector.detect(&frame, &options).map_err(|e| e.to_string())) {
                Ok(faces) if args.json => json_line(out, &Line { path, faces: &faces })?,
                Ok(faces) => table(out, path, &faces)?,
                Err(problem) => {
                    failed += 1;
                    complain(path, &problem);
                }
            }
        }
        unread(failed, args.images.len())
    })
}

/// The end of a tool that went through pictures.
pub(super) fn unread(failed: usize, all: usize) -> Result<(), Stop> {
    match failed {
        0 => Ok(()),
        _ => Err(Failure::NotRight(format!(
            "{failed} of {all} pictures could not be used (see above)"
        ))
        .into()),
    }
}

fn table(out: &mut dyn Write, path: &Path, faces: &[Face]) -> Result<(), Stop> {
    let count = faces.len();
    writeln!(
        out,
        "{}: {count} face{}",
        path.display(),
        if count == 1 { "" } else { "s" }
    )?;
    for face in faces {
        let [x, y, width, height] = face.bounds;
        let (score, eyes) = (face.score, face.eye_distance());
        writeln!(
            out,
            "  {width:4.0} x {height:<4.0} at {x:5.0},{y:<5.0} score {score:.2}  eyes {eyes:.0} px apart"
        )?;
    }
    Ok(())
}
