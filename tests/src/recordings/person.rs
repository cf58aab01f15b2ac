//! The people in the recordings: public-domain portraits, cut out, put into the corridor and moved.
//!
//! See `fixtures/README.md` for where the pictures come from.

use std::io;
use std::path::{Path, PathBuf};

use image::{GrayImage, ImageFormat, RgbImage};

use super::scene::{self, HEIGHT, POINT_STEP, Scene, Vec3, WIDTH};

/// Somebody of whom there are pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Person {
    /// Barack Obama.
    Obama,
    /// Joe Biden.
    Biden,
    /// Eileen Collins.
    Collins,
}

impl Person {
    /// All of them.
    pub const ALL: [Person; 3] = [Person::Obama, Person::Biden, Person::Collins];

    /// Their name.
    pub fn name(self) -> &'static str {
        match self {
            Person::Obama => "Barack Obama",
            Person::Biden => "Joe Biden",
            Person::Collins => "Eileen Collins",
        }
    }

    /// The photographs to enrol them from, as JPEG files: (file name, contents).
    pub fn portraits(self) -> Vec<(&'static str, &'static [u8])> {
        match self {
            Person::Obama => vec![
                (
                    "obama-1.jpg",
                    include_bytes!("../../fixtures/portraits/obama-1.jpg").as_slice(),
                ),
                (
                    "obama-2.jpg",
                    include_bytes!("../../fixtures/portraits/obama-2.jpg").as_slice(),
                ),
            ],
            Person::Biden => {
                vec![(
                    "biden.jpg",
                    include_bytes!("../../fixtures/portraits/biden.jpg").as_slice(),
                )]
            }
            Person::Collins => {
                vec![(
                    "collins.jpg",
                    include_bytes!("../../fixtures/portraits/collins.jpg").as_slice(),
                )]
            }
        }
    }

    /// The cut-out's colours (JPEG) and mask (PNG).
    pub fn cut_out_files(self) -> [&'static [u8]; 2] {
        match self {
            Person::Obama => [
                include_bytes!("../../fixtures/people/obama.jpg"),
                include_bytes!("../../fixtures/people/obama-mask.png"),
            ],
            Person::Biden => [
                include_bytes!("../../fixtures/people/biden.jpg"),
                include_bytes!("../../fixtures/people/biden-mask.png"),
            ],
            Person::Collins => [
                include_bytes!("../../fixtures/people/collins.jpg"),
                include_bytes!("../../fixtures/people/collins-mask.png"),
            ],
        }
    }

    pub(super) fn measures(self) -> Measures {
        match self {
            Person::Obama => Measures {
                face: [226.0, 107.5],
                face_height: 117.0,
                eye_line: 1.74,
                lift: 1.45,
            },
            Person::Biden => Measures {
                face: [198.0, 130.0],
                face_height: 133.0,
                eye_line: 1.70,
                lift: 1.35,
            },
            Person::Collins => Measures {
                face: [223.0, 119.5],
                face_height: 113.0,
                eye_line: 1.60,
                lift: 0.80,
            },
        }
    }
}

/// Fills a folder with one folder of portraits for each of these people, as `--gallery` takes it; gives the folder.
///
/// # Errors
/// When it cannot be written.
pub fn gallery(folder: &Path, people: &[Person]) -> io::Result<PathBuf> {
    for person in people {
        let own = folder.join(person.name());
        std::fs::create_dir_all(&own)?;
        for (name, bytes) in person.portraits() {
            std::fs::write(own.join(name), bytes)?;
        }
    }
    Ok(folder.to_owned())
}

pub(super) struct Measures {
    /// Centre of the face in the cut-out, in pixels.
    pub(super) face: [f32; 2],
    /// Height of the face in the cut-out, in pixels.
    pub(super) face_height: f32,
    /// Height of the face's centre above the floor, in metres.
    pub(super) eye_line: f32,
    /// Exposure: the pictures were taken in different light.
    pub(super) lift: f32,
}

/// A face is this high, in metres, from brow to chin as detectors box it.
pub(super) const FACE_METRES: f32 = 0.225;

/// Where somebody is at one moment, and how they hold themselves.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Metres to the right of the corridor's middle.
    pub x: f32,
    /// Metres away from the camera's wall.
    pub z: f32,
    /// Metres by which a step lifts them.
    pub bob: f32,
    /// Turned to the side, in radians; positive: to their left.
    pub turn: f32,
    /// Leaning, in radians.
    pub lean: f32,
}

/// A cut-out, ready to be put into frames.
pub struct CutOut {
    width: usize,
    height: usize,
    /// Linear light, multiplied by the alpha that stands fourth.
    pixels: Vec<[f32; 4]>,
    measures: Measures,
}

impl CutOut {
    /// Loads a person's cut-out.
    ///
    /// # Errors
    /// When the fixture is no picture.
    pub fn load(person: Person) -> Result<Self, image::ImageError> {
        let [colours, mask] = person.cut_out_files();
        let colours: RgbImage = image::load_from_memory_with_format(colours, ImageFormat::Jpeg)?.into_rgb8();
        let mask: GrayImage = image::load_from_memory_with_format(mask, ImageFormat::Png)?.into_luma8();
        let measures = person.measures();
        let pixels = colours
            .pixels()
            .zip(mask.pixels())
            .map(|(c, a)| {
                let alpha = f32::from(a.0[0]) / 255.0;
                // Black cloth is not quite black under lamps.
                let light = |v: u8| (scene::undevelop(f32::from(v)) * measures.lift + 0.006) * alpha;
                [light(c.0[0]), light(c.0[1]), light(c.0[2]), alpha]
            })
            .collect();
        Ok(Self {
            width: colours.width() as usize,
            height: colours.height() as usize,
            pixels,
            measures,
        })
    }

    /// How far from the middle somebody at `z` must stand to be out of the picture.
    pub fn out_of_sight(&self, z: f32) -> f32 {
        let (_, _, per_metre) = scene::project([0.0, self.measures.eye_line, z]);
        let half_body = self.width as f32 * FACE_METRES / self.measures.face_height;
        WIDTH as f32 / 2.0 / per_metre + half_body
    }

    /// Puts the person into a frame of linear light, with the shadow that they throw.
    pub fn draw(&self, frame: &mut [Vec3], scene: &Scene, pose: Pose) {
        self.draw_shadow(frame, scene, pose);
        let eye = [pose.x, self.measures.eye_line + pose.bob, pose.z];
        let (cx, cy, per_metre) = scene::project(eye);
        let zoom = per_metre * FACE_METRES / self.measures.face_height;
        let light = scene.light_at(eye);
        let reach = self.width.max(self.height) as f32 * zoom * 1.1;
        let (x0, x1) = (clamp(cx - reach, WIDTH), clamp(cx + reach, WIDTH));
        let (y0, y1) = (clamp(cy - reach, HEIGHT), HEIGHT);
        let (sin, cos) = pose.lean.sin_cos();
        let (side, front) = pose.turn.sin_cos();
        for y in y0..y1 {
            for x in x0..x1 {
                let (dx, dy) = ((x as f32 - cx) / zoom, (y as f32 - cy) / zoom);
                let (dx, dy) = (dx * cos + dy * sin, dy * cos - dx * sin);
                // Seen from the side, the nearer half is wider and a little taller.
                let dx = dx / (front - side * dx / 1500.0).max(0.2);
                let dy = dy * (1.0 - side * dx / 2400.0);
                let [r, g, b, alpha] = self.sample(dx + self.measures.face[0], dy + self.measures.face[1]);
                if alpha <= 0.003 {
                    continue;
                }
                // The side that is turned away gets less light.
                let shade = 1.0 - 0.35 * (side * dx / 120.0).clamp(0.0, 1.0);
                let pixel = &mut frame[y * WIDTH + x];
                for (channel, value) in [r, g, b].into_iter().enumerate() {
                    pixel[channel] = pixel[channel] * (1.0 - alpha) + value * light[channel] * shade;
                }
            }
        }
    }

    fn draw_shadow(&self, frame: &mut [Vec3], scene: &Scene, pose: Pose) {
        let lamp = scene::lamp_before(pose.z);
        let metre = self.measures.face_height / FACE_METRES;
        let columns = WIDTH.div_ceil(POINT_STEP);
        let dark: Vec<f32> = scene
            .points
            .iter()
            .map(|p| {
                if p[2] <= pose.z + 0.05 {
                    return 0.0;
                }
                let t = (pose.z - lamp[2]) / (p[2] - lamp[2]);
                let at = |i: usize| lamp[i] + (p[i] - lamp[i]) * t;
                let x = (at(0) - pose.x) * metre + self.measures.face[0];
                let y = (self.measures.eye_line - at(1)) * metre + self.measures.face[1];
                // A lamp is wide, so a shadow's edge is soft; the body goes on below the picture.
                let y = y.min(self.height as f32 - 40.0);
                let soft = 26.0;
                let around = [
                    (0.0, 0.0),
                    (soft, 0.0),
                    (-soft, 0.0),
                    (0.0, soft),
                    (0.0, -soft),
                    (soft, soft),
                    (-soft, -soft),
                ];
                let sum: f32 = around.iter().map(|(dx, dy)| self.sample(x + dx, y + dy)[3]).sum();
                0.34 * sum / around.len() as f32
            })
            .collect();
        if dark.iter().all(|d| *d == 0.0) {
            return;
        }
        let rows = dark.len() / columns;
        for y in 0..HEIGHT {
            let (row, fy) = (y / POINT_STEP, (y % POINT_STEP) as f32 / POINT_STEP as f32);
            let below = (row + 1).min(rows - 1);
            for x in 0..WIDTH {
                let (column, fx) = (x / POINT_STEP, (x % POINT_STEP) as f32 / POINT_STEP as f32);
                let right = (column + 1).min(columns - 1);
                let at = |r: usize, c: usize| dark[r * columns + c];
                let top = scene::mix(at(row, column), at(row, right), fx);
                let bottom = scene::mix(at(below, column), at(below, right), fx);
                let keep = 1.0 - scene::mix(top, bottom, fy);
                if keep < 1.0 {
                    frame[y * WIDTH + x] = frame[y * WIDTH + x].map(|v| v * keep);
                }
            }
        }
    }

    /// Bilinear; nothing outside, but the bottom row goes on downwards a little (it is below the picture).
    fn sample(&self, x: f32, y: f32) -> [f32; 4] {
        let y = if y >= self.height as f32 - 1.001 && y < self.height as f32 + 60.0 {
            self.height as f32 - 1.002
        } else {
            y
        };
        if x < 0.0 || y < 0.0 || x >= self.width as f32 - 1.0 || y >= self.height as f32 - 1.0 {
            return [0.0; 4];
        }
        let (column, row) = (x as usize, y as usize);
        let (fx, fy) = (x - column as f32, y - row as f32);
        let start = row * self.width + column;
        let (a, b) = (self.pixels[start], self.pixels[start + 1]);
        let (c, d) = (
            self.pixels[start + self.width],
            self.pixels[start + self.width + 1],
        );
        std::array::from_fn(|i| scene::mix(scene::mix(a[i], b[i], fx), scene::mix(c[i], d[i], fx), fy))
    }
}

fn clamp(v: f32, max: usize) -> usize {
    (v.max(0.0) as usize).min(max)
}
