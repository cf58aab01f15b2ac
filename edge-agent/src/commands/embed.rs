//! `embed`: the embeddings of the faces in pictures.

use std::path::{Path, PathBuf};

use hadir_models::align::CROP_SIDE;
use hadir_models::detect::DetectOptions;
use hadir_models::embed::{Embedder, Embedding};
use hadir_models::{Compute, ModelError, picture};
use serde::Serialize;

use super::detect::unread;
use super::output::{complain, json_line, to_stdout};
use super::{Failure, pictures};

/// Turn the main face of each picture into an embedding
#[derive(Debug, clap::Args)]
pub(crate) struct EmbedArgs {
    /// JPEG or PNG pictures
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// The pictures are aligned 112x112 crops already
    #[arg(long)]
    aligned: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    path: &'a Path,
    #[serde(rename = "box")]
    bounds: Option<[f32; 4]>,
    landmarks: Option<[[f32; 2]; 5]>,
    embedding: &'a [f32],
}

/// Carries out the command.
///
/// # Errors
/// [`Failure::NotRight`] when a picture could not be read or shows no face; the others are reported all the same.
pub(crate) fn run(args: &EmbedArgs, compute: &Compute) -> Result<(), Failure> {
    if args.aligned {
        run_aligned(args, compute)
    } else {
        run_whole(args, compute)
    }
}

fn run_whole(args: &EmbedArgs, compute: &Compute) -> Result<(), Failure> {
    let networks = pictures::Networks::new(compute)?;
    to_stdout(|out| {
        let mut failed = 0;
        for path in &args.images {
            match networks.look(path, &DetectOptions::still()) {
                Ok(look) if args.json => {
                    let (bounds, landmarks) = (Some(look.face.bounds), Some(look.face.landmarks));
                    let embedding = look.embedding.as_slice();
                    json_line(
                        out,
                        &Line {
                            path,
                            bounds,
                            landmarks,
                            embedding,
                        },
                    )?;
                }
                Ok(look) => {
                    let [x, y, width, height] = look.face.bounds;
                    let q = look.quality;
                    writeln!(
                        out,
                        "{}: face {width:.0}x{height:.0} at {x:.0},{y:.0}; eyes {:.0} px apart, turned {:.0}°, \
                         raised {:.0}°, tilted {:.0}°, sharpness {:.0}, quality {:.2}",
                        path.display(),
                        q.eye_distance,
                        q.yaw,
                        q.pitch,
                        q.roll,
                        q.sharpness,
                        q.score
                    )?;
                }
                Err(problem) => {
                    failed += 1;
                    complain(path, &problem.to_string());
                }
            }
        }
        unread(failed, args.images.len())
    })
}

fn run_aligned(args: &EmbedArgs, compute: &Compute) -> Result<(), Failure> {
    let embedder = Embedder::with_compute(compute).map_err(|e| Failure::NotRight(e.to_string()))?;
    to_stdout(|out| {
        let mut failed = 0;
        for path in &args.images {
            match embed_crop(&embedder, path) {
                Ok(embedding) if args.json => {
                    let embedding = embedding.as_slice();
                    json_line(
                        out,
                        &Line {
                            path,
                            bounds: None,
                            landmarks: None,
                            embedding,
                        },
                    )?;
                }
                Ok(_) => writeln!(out, "{}: embedded; --json prints the numbers", path.display())?,
                Err(problem) => {
                    failed += 1;
                    complain(path, &problem);
                }
            }
        }
        unread(failed, args.images.len())
    })
}

fn embed_crop(embedder: &Embedder, path: &Path) -> Result<Embedding, String> {
    let crop = picture::load(path).map_err(|e| e.to_string())?;
    let embedded = embedder.embed(&[crop]).map_err(|e| match e {
        ModelError::CropSize { width, height, .. } => format!(
            "an aligned crop has {CROP_SIDE}x{CROP_SIDE} pixels, this picture has {width}x{height}; \
             leave --aligned out to find the face in it"
        ),
        e => e.to_string(),
    })?;
    embedded
        .into_iter()
        .next()
        .ok_or_else(|| "no embedding was made".into())
}
