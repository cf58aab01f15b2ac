//! A gallery from a folder: one folder for each person, with pictures or clips of their face.
//!
//! What a picture's main face gives is a template, and a second one when the head is tilted: the aggregator, whose
//! enrolment knows no tilt, would store the first, the pipeline compares with the second. From a clip up to ten
//! well-spread good frames are taken.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hadir_models::detect::{DetectOptions, Face, main_face};
use hadir_models::embed::Embedding;
use hadir_models::frame::Frame;
use hadir_models::{ModelError, align, matching, picture};

use crate::capture::{open_clip, probe};
use crate::commands::Failure;
use crate::pipeline::Models;
use crate::pipeline::people::People;
use crate::pipeline::view;

/// Frames taken from a clip.
const FRAMES: usize = 10;
/// Frames looked at for each second of a clip.
const CLIP_FPS: f32 = 5.0;
/// A second face this large, compared with the first, makes it unclear who is meant.
const OTHER_FACE: f32 = 0.5;
/// A frame of a clip that is less like the others than this shows somebody else.
const SAME_PERSON: f32 = 0.25;

/// Enrols everybody in the folder.
///
/// # Errors
/// [`Failure::NotRight`] when the folder cannot be read or nobody in it has a usable face. A single picture that
/// cannot be used is told on standard error and left out.
pub(super) async fn gallery(folder: &Path, models: &Models) -> Result<People, Failure> {
    let mut people = Vec::new();
    for person in sorted(folder)? {
        if !person.is_dir() {
            continue;
        }
        let Some(name) = person.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            continue;
        };
        let mut templates = Vec::new();
        for file in sorted(&person)? {
            let found = match kind(&file) {
                Some(Kind::Picture) => from_picture(&file, models),
                Some(Kind::Clip) => from_clip(&file, models).await,
                None => continue,
            };
            match found {
                Ok(found) => templates.extend(found),
                Err(why) => complain(&file, &why),
            }
        }
        if templates.is_empty() {
            complain(&person, "no usable face, so this person cannot be recognised");
        }
        people.push((Arc::from(name), templates));
    }
    let people = People::new(1, people);
    if people.len() == 0 {
        return Err(Failure::NotRight(format!(
            "the gallery {} has no usable face: make one folder for each person in it, named after them, with \
             pictures or clips that show their face from the front",
            folder.display()
        )));
    }
    Ok(people)
}

fn complain(path: &Path, why: &str) {
    // Where standard error is closed there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{}: {why}", path.display());
}

/// What is in a folder, in the order of the names.
///
/// # Errors
/// When it cannot be read.
pub(super) fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|e| {
        Failure::NotRight(format!(
            "the folder {} cannot be read ({e}): check the path",
            folder.display()
        ))
    })?;
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

enum Kind {
    Picture,
    Clip,
}

/// Whether a file is a recording, by its name.
pub(super) fn is_clip(path: &Path) -> bool {
    matches!(kind(path), Some(Kind::Clip)) && path.is_file()
}

fn kind(path: &Path) -> Option<Kind> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "jpg" | "jpeg" | "png" => Some(Kind::Picture),
        "mp4" | "mkv" | "avi" | "mov" | "m4v" | "webm" | "ts" | "mpg" | "mpeg" | "264" | "265" => {
            Some(Kind::Clip)
        }
        _ => None,
    }
}

fn from_picture(path: &Path, models: &Models) -> Result<Vec<Embedding>, String> {
    let frame = picture::load(path).map_err(|e| e.to_string())?;
    let face = only_face((&frame).into(), models)?;
    let seen = seen((&frame).into(), &face, models).map_err(|e| e.to_string())?;
    seen.map(|seen| seen.templates).ok_or_else(|| {
        "the face is too small, too blurred or turned away too far: take a picture from the front".into()
    })
}

/// The face that a picture is of.
fn only_face(frame: Frame<'_>, models: &Models) -> Result<Face, String> {
    let faces = models
        .detector
        .detect(frame, &DetectOptions::still())
        .map_err(|e| e.to_string())?;
    let main =
        main_face(&faces, frame).ok_or("no face was found: take a picture from the front, well lit")?;
    let area = faces[main].area();
    let other = faces
        .iter()
        .enumerate()
        .any(|(i, face)| i != main && face.area() >= OTHER_FACE * area);
    if other {
        return Err(
            "several faces of about the same size: crop the picture to the person who is meant".into(),
        );
    }
    Ok(faces[main].clone())
}

struct Seen {
    templates: Vec<Embedding>,
    weight: f32,
}

/// The templates of one face in one frame, and what they are worth; `None` where the view is no good.
fn seen(frame: Frame<'_>, face: &Face, models: &Models) -> Result<Option<Seen>, ModelError> {
    let Ok(upright) = view::take(frame, face, None, models)? else {
        return Ok(None);
    };
    let mut templates = models
        .embedder
        .embed(&[align::align_crop(frame, &face.landmarks)])?;
    if upright.tilt != 0 {
        templates.push(upright.embedding);
    }
    Ok(Some(Seen {
        templates,
        weight: upright.weight,
    }))
}

/// Up to ten frames: the clip in ten parts, the best frame of each.
async fn from_clip(path: &Path, models: &Models) -> Result<Vec<Embedding>, String> {
    let info = probe(path).await.map_err(|e| e.to_string())?;
    let mut source = open_clip(path, &info, CLIP_FPS).map_err(|e| e.to_string())?;
    let mut all = Vec::new();
    while let Some(picture) = source.next().await.map_err(|e| e.to_string())? {
        let frame = Frame::from(&picture.frame);
        let Ok(face) = only_face(frame, models) else {
            continue;
        };
        if let Some(seen) = seen(frame, &face, models).map_err(|e| e.to_string())? {
            all.push(seen);
        }
    }
    if all.is_empty() {
        return Err(
            "no frame with one usable face: give a clip that shows this person alone, from the front".into(),
        );
    }
    let parts = all.len().min(FRAMES);
    let count = all.len();
    let mut best: Vec<Option<Seen>> = (0..parts).map(|_| None).collect();
    for (i, seen) in all.into_iter().enumerate() {
        let slot = &mut best[i * parts / count];
        if slot.as_ref().is_none_or(|best| seen.weight > best.weight) {
            *slot = Some(seen);
        }
    }
    Ok(one_person(best.into_iter().flatten().collect()))
}

/// Leaves frames out that show somebody else than most do.
fn one_person(frames: Vec<Seen>) -> Vec<Embedding> {
    let first = |seen: &Seen| seen.templates.first().cloned();
    let alike = |a: &Seen, b: &Seen| match (first(a), first(b)) {
        (Some(a), Some(b)) => matching::cosine(&a, &b),
        _ => -1.0,
    };
    let likeness = |a: &Seen| frames.iter().map(|b| alike(a, b)).sum::<f32>();
    let Some(middle) = frames.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))) else {
        return Vec::new();
    };
    let keep: Vec<bool> = frames
        .iter()
        .map(|seen| alike(middle, seen) >= SAME_PERSON)
        .collect();
    frames
        .into_iter()
        .zip(keep)
        .filter(|(_, keep)| *keep)
        .flat_map(|(seen, _)| seen.templates)
        .collect()
}
