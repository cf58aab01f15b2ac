//! Heads: hair all round, and on the front the face of a cut-out or a plain one.

use image::{GrayImage, ImageFormat, RgbImage};

use super::super::person::{FACE_METRES, Person};
use super::super::scene::{self, Vec3, mix};
use super::cast::hair;
use super::solid::{Frame, ease};

/// A photograph is laid on a head up to here, in radians from straight ahead; then it fades into the sides.
const PHOTOGRAPH_ENDS: [f32; 2] = [1.20, 1.45];
/// Turned farther than this from the camera, in radians, a head shows its sides only.
const FACE_TURNED_AWAY: [f32; 2] = [1.15, 1.45];

/// What a head measures, in face heights; its origin is the middle of the face.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadShape {
    /// The top of the hair above the middle.
    pub(super) top: f32,
    /// Half of the width at the temples, hair included.
    pub(super) temples: f32,
    /// The chin below the middle.
    pub(super) chin: f32,
    /// Half of the width of the jaw.
    pub(super) jaw: f32,
    /// The cut-out's middle of the head, to the left of that of the face.
    pub(super) middle: f32,
}

impl HeadShape {
    pub(super) fn of(face: Option<Person>) -> Self {
        let [top, temples, chin, jaw, middle] = match face {
            Some(Person::Obama) => [0.59, 0.43, 0.58, 0.345, -0.02],
            Some(Person::Biden) => [0.70, 0.455, 0.58, 0.345, -0.01],
            Some(Person::Collins) => [0.88, 0.625, 0.61, 0.365, 0.02],
            None => [0.62, 0.42, 0.56, 0.34, 0.0],
        };
        Self {
            top,
            temples,
            chin,
            jaw,
            middle,
        }
    }
}

/// A cut-out's picture, in linear light with alpha fourth, at full size and smaller ones.
pub(super) struct Photograph {
    levels: Vec<Level>,
    face: [f32; 2],
    per_metre: f32,
}

struct Level {
    width: usize,
    height: usize,
    pixels: Vec<[f32; 4]>,
}

impl Photograph {
    pub(super) fn load(person: Person) -> Result<Self, image::ImageError> {
        let [colours, mask] = person.cut_out_files();
        let colours: RgbImage = image::load_from_memory_with_format(colours, ImageFormat::Jpeg)?.into_rgb8();
        let mask: GrayImage = image::load_from_memory_with_format(mask, ImageFormat::Png)?.into_luma8();
        let measures = person.measures();
        let pixels = colours
            .pixels()
            .zip(mask.pixels())
            .map(|(c, a)| {
                let alpha = f32::from(a.0[0]) / 255.0;
                let light = |v: u8| scene::undevelop(f32::from(v)) * measures.lift * alpha;
                [light(c.0[0]), light(c.0[1]), light(c.0[2]), alpha]
            })
            .collect();
        let mut levels = vec![Level {
            width: colours.width() as usize,
            height: colours.height() as usize,
            pixels,
        }];
        while let Some(next) = levels.last().and_then(Level::halved) {
            levels.push(next);
        }
        Ok(Self {
            levels,
            face: measures.face,
            per_metre: measures.face_height / FACE_METRES,
        })
    }

    /// Colour and alpha at so many metres to the left of the face's middle and above it, in a picture whose
    /// pixels are `pixel` metres wide there.
    fn at(&self, left: f32, up: f32, pixel: f32) -> [f32; 4] {
        let size = (pixel * self.per_metre).max(1.0).log2();
        let level = (size.round() as usize).min(self.levels.len() - 1);
        let shrink = (1_u32 << level) as f32;
        let x = self.face[0] + left * self.per_metre;
        let y = self.face[1] - up * self.per_metre;
        self.levels[level].sample(x / shrink - 0.5, y / shrink - 0.5)
    }
}

impl Level {
    fn halved(&self) -> Option<Level> {
        let (width, height) = (self.width / 2, self.height / 2);
        if width < 8 || height < 8 {
            return None;
        }
        let pixels = (0..width * height)
            .map(|i| {
                let from = i / width * 2 * self.width + i % width * 2;
                let four = [from, from + 1, from + self.width, from + self.width + 1];
                std::array::from_fn(|c| four.iter().map(|&i| self.pixels[i][c]).sum::<f32>() / 4.0)
            })
            .collect();
        Some(Level {
            width,
            height,
            pixels,
        })
    }

    /// Bilinear; nothing outside.
    fn sample(&self, x: f32, y: f32) -> [f32; 4] {
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
        std::array::from_fn(|i| mix(mix(a[i], b[i], fx), mix(c[i], d[i], fx), fy))
    }
}

/// A head, where it is.
pub(super) struct Head<'a> {
    /// The middle of the face; ahead is where the face looks.
    pub(super) frame: Frame,
    pub(super) shape: HeadShape,
    pub(super) photograph: Option<&'a Photograph>,
    pub(super) hair: Vec3,
    pub(super) skin: Vec3,
    /// How far it is turned away from the camera, in radians.
    pub(super) turned_away: f32,
}

impl Head<'_> {
    /// The colour at a point of the surface, and which share of it (0 to 1) has its light and shade in it.
    pub(super) fn colour(&self, p: Vec3, normal: Vec3, pixel: f32) -> (Vec3, f32) {
        let [x, y, z] = self.frame.within(p);
        // Depth is counted from the head's axis.
        let ahead = z + 0.42 * FACE_METRES;
        let around = (x - self.shape.middle * FACE_METRES).atan2(ahead).abs();
        let outside = self.without_photograph([x, y, z], around);
        let Some(photograph) = self.photograph else {
            return (outside, 0.0);
        };
        let facing = self.frame.components(normal)[2];
        let share = (1.0 - ease(PHOTOGRAPH_ENDS[0], PHOTOGRAPH_ENDS[1], around))
            * (1.0 - ease(FACE_TURNED_AWAY[0], FACE_TURNED_AWAY[1], self.turned_away))
            * ease(-0.1, 0.1, facing)
            * self.above_collar(x, y);
        if share <= 0.0 {
            return (outside, 0.0);
        }
        let [r, g, b, alpha] = photograph.at(x, y, pixel);
        // The cut-out's edge is soft; what is beyond is hair or skin.
        let share = share * ease(0.5, 0.95, alpha);
        let shown = [r, g, b].map(|v| v / alpha.max(0.05));
        (std::array::from_fn(|i| mix(outside[i], shown[i], share)), share)
    }

    /// 0 where a cut-out shows the collar at the jaw's edge, 1 on the face itself.
    fn above_collar(&self, x: f32, y: f32) -> f32 {
        const MOUTH: f32 = -0.2;
        let (x, y) = (x / FACE_METRES, (y / FACE_METRES - MOUTH).min(0.0));
        let out = (x / self.shape.jaw).powi(2) + (y / (self.shape.chin + MOUTH)).powi(2);
        if y < 0.0 { 1.0 - ease(0.80, 1.05, out) } else { 1.0 }
    }

    fn without_photograph(&self, [x, y, z]: Vec3, around: f32) -> Vec3 {
        /// The lower end of the hair before the ear and in the neck, in face heights.
        const SIDEBURN: f32 = -0.18;
        const NAPE: f32 = -0.50;
        let (x, y) = (x / FACE_METRES, y / FACE_METRES);
        // The hairline: high over the brow, down before the ear, low in the neck.
        let brow = self.shape.top - 0.30;
        let line = match around {
            a if a < 1.3 => mix(brow, SIDEBURN, ease(0.9, 1.3, a)),
            a => mix(SIDEBURN, NAPE, ease(1.35, 1.8, a)),
        };
        let covered = ease(-0.03, 0.03, y - line);
        let strands = hair(self.hair, [x * FACE_METRES, y * FACE_METRES, z]);
        let skin = self.plain_face(x, y, around);
        std::array::from_fn(|i| mix(skin[i], strands[i], covered))
    }

    /// A face of nobody: brows, eyes and a mouth.
    fn plain_face(&self, x: f32, y: f32, around: f32) -> Vec3 {
        if self.photograph.is_some() || around > 1.1 {
            return self.skin;
        }
        let spot = |x0: f32, y0: f32, w: f32, h: f32| {
            let off = ((x.abs() - x0) / w).hypot((y - y0) / h);
            1.0 - ease(0.6, 1.2, off)
        };
        let brows = spot(0.17, 0.17, 0.13, 0.035);
        let eyes = spot(0.16, 0.08, 0.085, 0.035);
        let mouth = spot(0.0, -0.30, 0.16, 0.04);
        let under_nose = spot(0.0, -0.15, 0.08, 0.025);
        let dark = (0.6 * brows).max(0.75 * eyes).max(0.35 * under_nose);
        [
            self.skin[0] * (1.0 - dark) * (1.0 - 0.15 * mouth),
            self.skin[1] * (1.0 - dark) * (1.0 - 0.5 * mouth),
            self.skin[2] * (1.0 - dark) * (1.0 - 0.45 * mouth),
        ]
    }
}
