//! The recordings of the demo and the tests: people from the fixtures in a corridor, filmed as a CCTV camera
//! films (960 × 540, 12 frames a second, sensor noise, H.264).
//!
//! The same on every run. A finished recording is kept under a name that holds a hash of everything it was
//! made from, so it is rendered again only when something changed. ffmpeg with libx264 must be there.

pub mod figure;
mod film;
pub mod person;
pub mod scene;
pub mod script;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

pub use film::Film;
use person::{CutOut, Person};
use scene::{HEIGHT, Scene, WIDTH};
use script::Script;

/// Frames a second.
pub const FPS: u32 = 12;

const ENCODER: [&str; 18] = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-crf",
    "26",
    "-g",
    "24",
    "-threads",
    "2",
    "-pix_fmt",
    "yuv420p",
    "-fflags",
    "+bitexact",
    "-movflags",
    "+faststart",
    "-f",
    "mp4",
];

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A fixture cannot be read.
    #[error("a picture of the fixtures cannot be read: {0}")]
    Fixture(#[from] image::ImageError),
    /// ffmpeg is missing.
    #[error("ffmpeg cannot be started ({0}); install it (`make demo` does it on Debian)")]
    NoFfmpeg(io::Error),
    /// ffmpeg failed.
    #[error("ffmpeg could not write the recording: {0}")]
    Ffmpeg(String),
    /// A file cannot be written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
}

/// Renders a recording into `folder`, unless it is there already, and returns its path.
///
/// # Errors
/// See [`Error`]. Nothing half-written stays.
pub fn make(script: &Script, folder: &Path) -> Result<PathBuf, Error> {
    let from = format!("{script:?}{FPS}{}", include_str!("script.rs"));
    once(folder, script.name, &from, |part| {
        encode(FPS, part, |write| render(script, write))
    })
}

/// Makes a recording of this name into `folder`, unless it is there already, made `from` the same; gives the path.
///
/// # Errors
/// Those of `make`. Nothing half-written stays.
pub(crate) fn once(
    folder: &Path,
    name: &str,
    from: &str,
    make: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let path = folder.join(format!("{name}-{}.mp4", fingerprint(from)));
    if path.is_file() {
        return Ok(path);
    }
    std::fs::create_dir_all(folder).map_err(|e| Error::File(folder.to_owned(), e))?;
    // Of this process alone: two that render the same at once do not write into one file.
    let part = path.with_extension(format!("{}.part", std::process::id()));
    if let Err(e) = make(&part) {
        // It may not have come into being.
        let _ = std::fs::remove_file(&part);
        return Err(e);
    }
    std::fs::rename(&part, &path).map_err(|e| Error::File(path.clone(), e))?;
    Ok(path)
}

/// A hash of all that a recording is made from, the painting code included.
fn fingerprint(from: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{ENCODER:?}"));
    for source in [
        from,
        include_str!("mod.rs"),
        include_str!("film.rs"),
        include_str!("scene.rs"),
        include_str!("person.rs"),
    ] {
        hash.update(source);
    }
    for file in Person::ALL.into_iter().flat_map(Person::cut_out_files) {
        hash.update(file);
    }
    hash.finalize()
        .iter()
        .take(6)
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// Writes a recording of so many frames a second from the frames that `render` hands to what it is given.
///
/// # Errors
/// Without ffmpeg, and those of `render`.
pub fn encode(
    fps: u32,
    to: &Path,
    render: impl FnOnce(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut ffmpeg = Command::new("ffmpeg")
        .args([
            "-hide_banner",
            "-loglevel",
            "error",
            "-y",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
        ])
        .args([
            "-s",
            &format!("{WIDTH}x{HEIGHT}"),
            "-r",
            &fps.to_string(),
            "-i",
            "-",
        ])
        .args(ENCODER)
        .arg(to)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::NoFfmpeg)?;
    let written = match ffmpeg.stdin.take() {
        Some(mut pipe) => render(&mut |frame| pipe.write_all(frame)),
        None => Ok(()),
    };
    let output = ffmpeg.wait_with_output().map_err(Error::NoFfmpeg)?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(Error::Ffmpeg(
            said.lines().last().unwrap_or("it gave no reason").to_owned(),
        ));
    }
    written
}

/// Hands every frame, as RGB bytes, to `each`.
///
/// # Errors
/// When a fixture cannot be read or `each` fails.
pub fn render(script: &Script, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
    let scene = Scene::paint(script.place);
    let mut cast = Vec::new();
    for visit in &script.visits {
        cast.push((visit, CutOut::load(visit.person)?));
    }
    let mut film = Film::new();
    let mut bytes = vec![0; WIDTH * HEIGHT * 3];
    let mut frame = scene.pixels.clone();
    let frames = (script.seconds * FPS as f32).round() as u32;
    for number in 0..frames {
        let t = number as f32 / FPS as f32;
        frame.copy_from_slice(&scene.pixels);
        let mut there: Vec<_> = cast
            .iter()
            .filter_map(|(visit, cut_out)| {
                let out = cut_out.out_of_sight(visit.stands[1]);
                visit.pose(t, out).map(|pose| (pose, cut_out))
            })
            .collect();
        // Whoever is farther away is drawn first.
        there.sort_by(|a, b| b.0.z.total_cmp(&a.0.z));
        for (pose, cut_out) in there {
            cut_out.draw(&mut frame, &scene, pose);
        }
        // Mains hum in the lamps.
        let flicker = 1.0 + 0.004 * (t * 7.9).sin();
        film.expose(&frame, flicker, &mut bytes);
        each(&bytes).map_err(|e| Error::Ffmpeg(format!("it stopped reading ({e})")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_the_same_on_every_run() {
        let mut script = script::short_store();
        script.seconds = 0.25;
        let film = || {
            let mut all = Vec::new();
            render(&script, |frame| {
                all.extend_from_slice(frame);
                Ok(())
            })
            .expect("rendered");
            all
        };
        let first = film();
        assert_eq!(first.len(), 3 * WIDTH * HEIGHT * 3);
        assert!(first == film());
        assert_ne!(fingerprint("one"), fingerprint("another"));
    }
}
