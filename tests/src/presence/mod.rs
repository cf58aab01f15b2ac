//! People on recordings who come, sit, turn their backs for minutes, bend, cross, go behind something, swap places, leave
//! jackets and leave: drawn by seed, filmed, and what the agent says of them held against where they were.

mod judge;
mod story;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::paths;
use crate::recordings::figure::{Figure, draw};
use crate::recordings::person::{self, Person};
use crate::recordings::scene::{Camera, HEIGHT, Place, Scene, WIDTH};
use crate::recordings::{self, Film, script};

pub use judge::{Frame, Seen, Verdict};
pub use story::Kind;

use story::{Dice, Story};

/// Frames a second of these recordings: enough for an agent that analyses six.
const FPS: u32 = 8;
/// A body of which less is in the picture has left it.
const IN_PICTURE: f32 = 0.25;

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many recordings.
    pub scripts: usize,
    /// The same seed draws the same ones.
    pub seed: u64,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No recording.
    #[error(transparent)]
    Recording(#[from] recordings::Error),
    /// No agent.
    #[error(transparent)]
    Binary(#[from] paths::Error),
    /// A file.
    #[error("a file of the measurement: {0}")]
    File(#[from] io::Error),
    /// The agent failed, or said something else than it should.
    #[error("hadir-agent test-recording: {0}")]
    Agent(String),
}

/// Where somebody is at one moment.
#[derive(Clone, Debug)]
pub(crate) struct There {
    /// Their name, if they are enrolled.
    pub(crate) name: Option<&'static str>,
    /// Left, top, width, height in pixels, whether or not something hides them.
    pub(crate) bounds: [f32; 4],
    /// Whether enough of them is in the picture.
    pub(crate) in_picture: bool,
}

/// One recording and what came of it, with bodies followed and without.
pub struct Measured {
    /// What happens in it.
    pub kind: Kind,
    /// Its number.
    pub number: usize,
    /// Its length in seconds.
    pub seconds: f32,
    /// With bodies followed.
    pub bodies: Verdict,
    /// By faces alone.
    pub faces: Verdict,
}

fn office_story() -> Story {
    let (from, to) = script::OFFICE;
    // What it takes to come, to show the face, to get up and to go.
    Story::office(script::IN_OFFICE, from, to - from - 16.5, script::LOOP_S)
}

/// Films the demo's office into `folder`, unless it is there already, and gives the path.
///
/// # Errors
/// See [`recordings::Error`]. Nothing half-written stays.
pub fn office(folder: &Path) -> Result<PathBuf, recordings::Error> {
    let story = office_story();
    let sources = concat!(
        include_str!("mod.rs"),
        include_str!("story.rs"),
        include_str!("../recordings/script.rs"),
        include_str!("../recordings/figure/mod.rs"),
        include_str!("../recordings/figure/body.rs"),
        include_str!("../recordings/figure/cast.rs"),
        include_str!("../recordings/figure/furniture.rs"),
        include_str!("../recordings/figure/head.rs"),
        include_str!("../recordings/figure/shadow.rs"),
        include_str!("../recordings/figure/solid.rs"),
    );
    recordings::once(folder, "office", sources, |part| {
        let scene = Scene::paint_from(Place::Store, story::OFFICE_CAMERA);
        let figures = story.figures()?;
        recordings::encode(FPS, part, |write| {
            film(&story, &figures, &scene, &mut Vec::new(), write)
        })
    })
}

/// Films one recording into `folder` and measures it.
///
/// # Errors
/// See [`Error`].
pub fn measure(options: &Options, number: usize, folder: &Path) -> Result<Measured, Error> {
    let kind = Kind::of(number);
    let mut dice = Dice::new(options.seed, number as u64);
    let camera = dice.pick(&[Camera::NARROW, story::OFFICE_CAMERA]);
    let place = dice.pick(&[Place::Store, Place::Lobby]);
    let story = Story::draw(kind, camera, &mut dice);
    let clip = folder.join(format!("{number:02}-{kind}.mp4"));
    let scene = Scene::paint_from(place, camera);
    let figures = story.figures().map_err(recordings::Error::from)?;
    let mut truth = Vec::new();
    recordings::encode(FPS, &clip, |write| {
        film(&story, &figures, &scene, &mut truth, write)
    })?;
    let gallery = person::gallery(&folder.join("gallery"), &Person::ALL)?;
    let judged = |flags: &[&str]| {
        let (report, frames) = run_agent(&gallery, &clip, folder, flags)?;
        Ok::<_, Error>(judge::judge(&truth, FPS, &report, &frames))
    };
    Ok(Measured {
        kind,
        number,
        seconds: story.seconds,
        bodies: judged(&[])?,
        faces: judged(&["--faces-only"])?,
    })
}

/// Hands every frame to `write`, and notes where everybody is.
fn film(
    story: &Story,
    figures: &[Figure],
    scene: &Scene,
    truth: &mut Vec<Vec<There>>,
    write: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), recordings::Error> {
    let mut film = Film::new();
    let mut frame = scene.pixels.clone();
    let mut bytes = vec![0; WIDTH * HEIGHT * 3];
    let mut before = None;
    for number in 0..(story.seconds * FPS as f32) as u32 {
        let t = number as f32 / FPS as f32;
        let moment = story.at(t);
        // People are still for most of the time, sensors never.
        if before.as_ref() != Some(&moment) {
            frame.copy_from_slice(&scene.pixels);
            draw(&mut frame, scene, &moment.things(figures));
            before = Some(moment.clone());
        }
        let people = moment.stances.iter().zip(figures).zip(&story.actors);
        truth.push(
            people
                .filter_map(|((stance, figure), actor)| {
                    let bounds = figure.bounds(scene, stance.as_ref()?);
                    let [left, top] = [bounds.left, bounds.top];
                    let (width, height) = (bounds.right - left, bounds.bottom - top);
                    let inside = (bounds.right.min(WIDTH as f32) - left.max(0.0)).max(0.0)
                        * (bounds.bottom.min(HEIGHT as f32) - top.max(0.0)).max(0.0);
                    Some(There {
                        name: actor.face.map(Person::name),
                        bounds: [left, top, width, height],
                        in_picture: inside >= IN_PICTURE * width * height,
                    })
                })
                .collect(),
        );
        film.expose(&frame, 1.0, &mut bytes);
        write(&bytes).map_err(|e| recordings::Error::Ffmpeg(format!("it stopped reading ({e})")))?;
    }
    Ok(())
}

/// What the agent says of a clip: its report, and every frame.
fn run_agent(
    gallery: &Path,
    clip: &Path,
    folder: &Path,
    flags: &[&str],
) -> Result<(serde_json::Value, Vec<Frame>), Error> {
    let frames = folder.join("frames.jsonl");
    let output = Command::new(paths::binary("hadir-agent")?)
        .arg("test-recording")
        .arg("--gallery")
        .arg(gallery)
        .arg(clip)
        .arg("--frames")
        .arg(&frames)
        .arg("--json")
        .args(flags)
        .output()?;
    if !output.status.success() {
        return Err(Error::Agent(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let unreadable = |e: serde_json::Error| Error::Agent(format!("its JSON cannot be read: {e}"));
    let report = serde_json::from_slice(&output.stdout).map_err(unreadable)?;
    let lines = std::fs::read_to_string(&frames)?;
    let frames = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    Ok((report, frames.map_err(unreadable)?))
}

/// What came of all recordings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Total {
    /// Recordings.
    pub scripts: usize,
    /// Seconds that people with a name were in the picture.
    pub present_s: f32,
    /// Of these, those after they had been named.
    pub named_s: f32,
    /// Of these, those on record.
    pub kept_s: f32,
    /// Seconds in which a name was on somebody else, or on record though nobody of that name was there.
    pub wrong_s: f32,
    /// Gaps of five minutes and more in the record of somebody who was there.
    pub false_absences: u32,
    /// The longest time that somebody was on record after they had left.
    pub held_s: f32,
}

impl Total {
    /// Adds what came of one recording.
    pub fn add(&mut self, verdict: &Verdict) {
        self.scripts += 1;
        for person in &verdict.people {
            self.present_s += person.present_s;
            self.named_s += person.named_s;
            self.kept_s += person.kept_s;
            self.wrong_s += person.wrong_s;
            self.false_absences += person.false_absences;
            self.held_s = self.held_s.max(person.held_s);
        }
    }

    /// Whether it is as it must be.
    pub fn right(&self) -> bool {
        self.kept_s >= 0.97 * self.named_s
            && self.wrong_s == 0.0
            && self.held_s <= 5.0
            && self.false_absences == 0
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "scripts={} present={:.0} kept={:.1}% wrong_s={:.1} false_absences={} held_after_leaving_max_s={:.1}",
            self.scripts,
            self.present_s,
            100.0 * self.kept_s / self.named_s.max(f32::MIN_POSITIVE),
            self.wrong_s,
            self.false_absences,
            self.held_s
        )
    }
}
