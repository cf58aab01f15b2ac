//! What the picture tools share: the face of a picture as an embedding, folders of people, work on all cores.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hadir_models::align::align_crop;
use hadir_models::detect::{DetectOptions, Detector, Face, main_face};
use hadir_models::embed::{Embedder, Embedding};
use hadir_models::picture::{self, PictureError};
use hadir_models::quality::{self, Quality};
use hadir_models::{Compute, ModelError};

use super::Failure;

/// Both networks.
pub(super) struct Networks {
    pub(super) detector: Detector,
    pub(super) embedder: Embedder,
}

impl Networks {
    pub(super) fn new(compute: &Compute) -> Result<Self, Failure> {
        let networks = || {
            Ok(Self {
                detector: Detector::with_compute(compute)?,
                embedder: Embedder::with_compute(compute)?,
            })
        };
        networks().map_err(|e: ModelError| Failure::NotRight(e.to_string()))
    }

    /// The main face of a picture: largest, most in the middle.
    pub(super) fn look(&self, path: &Path, options: &DetectOptions) -> Result<Look, LookError> {
        let picture = picture::load(path)?;
        let mut faces = self.detector.detect(&picture, options)?;
        let main = main_face(&faces, &picture).ok_or(LookError::NoFace)?;
        let face = faces.swap_remove(main);
        let aligned = align_crop(&picture, &face.landmarks);
        let quality = quality::assess(&aligned, &face);
        let embedding = self.embedder.embed(&[aligned])?.pop().ok_or(LookError::NoFace)?;
        Ok(Look {
            face,
            quality,
            embedding,
        })
    }
}

/// A face that was looked at.
pub(super) struct Look {
    pub(super) face: Face,
    pub(super) quality: Quality,
    pub(super) embedding: Embedding,
}

/// Why a picture gave no embedding.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("no face was found; use a picture in which the face is larger, lit and seen from the front")]
    NoFace,
}

/// A score between 0 and 1, as an option gives it.
pub(super) fn share(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("give a number from 0 to 1".into()),
    }
}

/// A folder that holds a folder for each person: names and picture files, both in alphabetical order.
///
/// # Errors
/// [`Failure::Usage`] when it cannot be read or holds no picture.
pub(super) fn people(folder: &Path) -> Result<Vec<(String, Vec<PathBuf>)>, Failure> {
    let unreadable =
        |path: &Path, e| Failure::Usage(format!("the folder {} cannot be read: {e}", path.display()));
    let entries = |path: &Path| -> Result<Vec<PathBuf>, Failure> {
        let read = path
            .read_dir()
            .and_then(|entries| entries.map(|e| Ok(e?.path())).collect());
        let mut paths: Vec<PathBuf> = read.map_err(|e| unreadable(path, e))?;
        paths.sort();
        Ok(paths)
    };
    let mut people = Vec::new();
    for path in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let pictures: Vec<PathBuf> = entries(&path)?
            .into_iter()
            .filter(|path| is_picture(path))
            .collect();
        if !pictures.is_empty() {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            people.push((name, pictures));
        }
    }
    if people.is_empty() {
        let folder = folder.display();
        return Err(Failure::Usage(format!(
            "{folder} has no pictures; it needs a folder for each person, with .jpg or .png files in it"
        )));
    }
    Ok(people)
}

fn is_picture(path: &Path) -> bool {
    let extension = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    path.is_file() && matches!(extension.as_str(), "jpg" | "jpeg" | "png")
}

/// `work` on every item, on all cores; results in the order of the items.
pub(super) fn on_all_cores<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let run = || {
            let mut done = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                match items.get(i) {
                    Some(item) => done.push((i, work(item))),
                    None => return done,
                }
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
        let joined = workers
            .into_iter()
            .map(|w| w.join().unwrap_or_else(|p| std::panic::resume_unwind(p)));
        joined.flatten().collect()
    });
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_on_all_cores_keeps_the_order() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(
            on_all_cores(&items, |i| i * 2),
            (0..2000).step_by(2).collect::<Vec<_>>()
        );
        assert_eq!(on_all_cores(&[], |i: &usize| *i), Vec::<usize>::new());
    }

    #[test]
    fn people_are_folders_with_pictures() {
        let folder = tempfile::tempdir().expect("folder");
        for file in [
            "sari/2.JPG",
            "sari/1.png",
            "budi/a.jpeg",
            "budi/clip.mp4",
            "nobody/notes.txt",
            "stray.jpg",
        ] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            std::fs::write(path, b"").expect("file");
        }
        let found = people(folder.path()).expect("people");
        let found: Vec<(&str, usize)> = found
            .iter()
            .map(|(name, files)| (name.as_str(), files.len()))
            .collect();
        assert_eq!(found, [("budi", 1), ("sari", 2)]);
        assert!(matches!(
            people(&folder.path().join("nobody")),
            Err(Failure::Usage(_))
        ));
        assert!(matches!(
            people(&folder.path().join("missing")),
            Err(Failure::Usage(_))
        ));
    }

    #[test]
    fn shares_are_between_nought_and_one() {
        assert_eq!(share("0.363"), Ok(0.363));
        for bad in ["", "x", "-0.1", "1.1", "nan", "inf"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
