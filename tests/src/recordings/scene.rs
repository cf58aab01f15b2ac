//! The corridor that the recordings show: a box with doors, shelves, lamps and a polished floor, ray-cast
//! once into a still picture.
//!
//! World coordinates in metres: x to the right, y up from the floor, z away from the camera's wall. The
//! camera's height, tilt and focal length are those of a 4 mm CCTV lens that sees a face 3 m away at about
//! 80 pixels in a picture 960 pixels wide.

/// Width of the recordings in pixels.
pub const WIDTH: usize = 960;
/// Height of the recordings in pixels.
pub const HEIGHT: usize = 540;

const HALF_WIDTH: f32 = 1.9;
const CEILING: f32 = 2.9;
const DEPTH: f32 = 10.5;
/// Lamps in the ceiling, by their z.
const LAMPS: [f32; 4] = [1.2, 4.0, 6.8, 9.6];

/// A point or direction in the world, in metres.
pub type Vec3 = [f32; 3];

/// A camera on the wall at z = 0, above the middle of the corridor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Focal length in pixels of the recording.
    pub focal: f32,
    /// Height above the floor in metres.
    pub height: f32,
    /// How far it looks down, in radians.
    pub tilt: f32,
}

impl Camera {
    /// A 4 mm lens: faces of about 80 pixels at 3 m.
    pub const NARROW: Camera = Camera {
        focal: 1100.0,
        height: 2.35,
        tilt: 0.172,
    };
    /// A 2.8 mm lens that looks down far enough to see whole people from 2.4 m on (about 90°).
    pub const WIDE: Camera = Camera {
        focal: 500.0,
        height: 2.5,
        tilt: 0.34,
    };

    /// Where it hangs.
    pub fn place(self) -> Vec3 {
        [0.0, self.height, 0.0]
    }

    /// Where a world point is in the picture (x and y in pixels), and how many pixels a metre has there.
    pub fn project(self, [x, y, z]: Vec3) -> (f32, f32, f32) {
        let (sin, cos) = self.tilt.sin_cos();
        let rise = y - self.height;
        let (up, ahead) = (rise * cos + z * sin, z * cos - rise * sin);
        let per_metre = self.focal / ahead;
        (
            WIDTH as f32 / 2.0 + x * per_metre,
            HEIGHT as f32 / 2.0 - up * per_metre,
            per_metre,
        )
    }

    /// The direction, of length 1, in which a point of the picture lies.
    pub fn ray(self, px: f32, py: f32) -> Vec3 {
        let (x, y) = (
            (px - WIDTH as f32 / 2.0) / self.focal,
            (HEIGHT as f32 / 2.0 - py) / self.focal,
        );
        let (sin, cos) = self.tilt.sin_cos();
        normalise([x, y * cos - sin, cos + y * sin])
    }
}

/// Which of the two corridors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A store with shelves.
    Store,
    /// A lobby with doors.
    Lobby,
}

/// The still picture, with what lies behind each pixel (for shadows).
pub struct Scene {
    /// Linear light, `WIDTH * HEIGHT` pixels.
    pub pixels: Vec<Vec3>,
    /// The world point behind every fourth pixel of every fourth row (for shadows).
    pub points: Vec<Vec3>,
    /// The camera that sees it.
    pub camera: Camera,
    /// What the lamps throw on somebody's front in the middle of the corridor.
    front: f32,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Surface {
    Floor,
    Ceiling,
    Left,
    Right,
    Back,
}

/// Every how many pixels [`Scene::points`] has one.
pub const POINT_STEP: usize = 4;

impl Scene {
    /// Paints the place without people, as the camera with the 4 mm lens sees it.
    pub fn paint(place: Place) -> Self {
        Self::paint_from(place, Camera::NARROW)
    }

    /// Paints the place without people, as a camera sees it.
    pub fn paint_from(place: Place, camera: Camera) -> Self {
        let mut pixels = Vec::with_capacity(WIDTH * HEIGHT);
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let mut sum = [0.0; 3];
                for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
                    let ray = camera.ray(x as f32 + dx, y as f32 + dy);
                    sum = add(sum, trace(place, camera.place(), ray, true));
                }
                pixels.push(scale(sum, 0.25));
            }
        }
        let points = (0..HEIGHT.div_ceil(POINT_STEP))
            .flat_map(|y| (0..WIDTH.div_ceil(POINT_STEP)).map(move |x| (x, y)))
            .map(|(x, y)| {
                let ray = camera.ray((x * POINT_STEP) as f32, (y * POINT_STEP) as f32);
                hit(camera.place(), ray).0
            })
            .collect();
        Self {
            pixels,
            points,
            camera,
            front: lamps_on([0.0, 1.6, 3.0], [0.0, 0.0, -1.0]),
            place,
        }
    }

    /// The light that falls on somebody who stands at this point, relative to the middle of the corridor.
    pub fn light_at(&self, at: Vec3) -> Vec3 {
        let strength = lamps_on(at, [0.0, 0.0, -1.0]) / self.front;
        scale(tint(self.place), 0.55 + 0.45 * strength)
    }

    /// The light that falls on a surface with this normal, relative to somebody's front in the middle of the
    /// corridor: the lamps, and what walls and floor throw back.
    pub(super) fn light_on(&self, at: Vec3, normal: Vec3) -> Vec3 {
        let lamps = lamps_on(at, normal) / self.front;
        let thrown_back = 0.12 + 0.10 * normal[1];
        scale(tint(self.place), thrown_back + 0.23 * lamps)
    }

    /// How much of the lamps' light at a point of the still picture is taken away by an upright post:
    /// 0 (none) to 1.
    pub(super) fn shade_of_post(at: Vec3, foot: [f32; 2], height: f32, radius: f32) -> f32 {
        let (mut all, mut taken) = (1e-6, 0.0);
        for z in LAMPS {
            let to = [-at[0], CEILING - at[1], z - at[2]];
            let level = (to[0] * to[0] + to[2] * to[2]).max(1e-6);
            let weight = (level + to[1] * to[1] + 0.6).recip();
            all += weight;
            let ahead = ((foot[0] - at[0]) * to[0] + (foot[1] - at[2]) * to[2]) / level;
            if !(0.0..1.0).contains(&ahead) {
                continue;
            }
            let (x, z) = (at[0] + to[0] * ahead - foot[0], at[2] + to[2] * ahead - foot[1]);
            // The lamps are half a metre wide: the farther from the post, the softer the edge.
            let soft = 0.06 + 0.35 * ahead;
            let beside = ((radius + soft - (x * x + z * z).sqrt()) / (2.0 * soft)).clamp(0.0, 1.0);
            let above = ((height + soft - at[1] - to[1] * ahead) / (2.0 * soft)).clamp(0.0, 1.0);
            taken += weight * beside * above;
        }
        taken / all
    }
}

/// Where a world point is in the picture of [`Camera::NARROW`]; see [`Camera::project`].
pub fn project(point: Vec3) -> (f32, f32, f32) {
    Camera::NARROW.project(point)
}

/// The lamp whose light throws the shadow of somebody at `z`: the nearest one in front of them.
pub fn lamp_before(z: f32) -> Vec3 {
    let lamp = LAMPS.into_iter().rfind(|l| *l < z - 0.4).unwrap_or(LAMPS[0]);
    [0.0, CEILING, lamp]
}

/// From linear light to what a screen shows, 0 to 255.
pub fn develop(linear: f32) -> f32 {
    255.0 * (1.0 - (-1.5 * linear).exp()).clamp(0.0, 1.0).powf(1.0 / 2.2)
}

/// The inverse of [`develop`].
pub fn undevelop(shown: f32) -> f32 {
    -(1.0 - (shown / 255.0).clamp(0.0, 0.995).powf(2.2)).ln() / 1.5
}

fn hit(from: Vec3, ray: Vec3) -> (Vec3, Surface) {
    let planes = [
        ((0.0 - from[1]) / ray[1], Surface::Floor),
        ((CEILING - from[1]) / ray[1], Surface::Ceiling),
        ((-HALF_WIDTH - from[0]) / ray[0], Surface::Left),
        ((HALF_WIDTH - from[0]) / ray[0], Surface::Right),
        ((DEPTH - from[2]) / ray[2], Surface::Back),
    ];
    let ahead = planes.into_iter().filter(|(t, _)| t.is_finite() && *t > 1e-4);
    let (t, surface) = ahead
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap_or((DEPTH, Surface::Back));
    (add(from, scale(ray, t)), surface)
}

fn trace(place: Place, from: Vec3, ray: Vec3, polished: bool) -> Vec3 {
    let (point, surface) = hit(from, ray);
    let (albedo, glow) = paint(place, point, surface);
    let normal = match surface {
        Surface::Floor => [0.0, 1.0, 0.0],
        Surface::Ceiling => [0.0, -1.0, 0.0],
        Surface::Left => [1.0, 0.0, 0.0],
        Surface::Right => [-1.0, 0.0, 0.0],
        Surface::Back => [0.0, 0.0, -1.0],
    };
    // The ceiling sees no lamp directly, but what the walls throw back.
    let light = if surface == Surface::Ceiling {
        0.34
    } else {
        0.16 + lamps_on(point, normal)
    };
    let mut colour = mul(scale(albedo, light * corner_shade(point)), tint(place));
    if surface == Surface::Floor && polished {
        let mirrored = trace(place, point, [ray[0], -ray[1], ray[2]], false);
        let grazing = (1.0 - ray[1].abs()).powi(4);
        colour = add(colour, scale(mirrored, 0.05 + 0.22 * grazing));
    }
    add(colour, glow)
}

fn lamps_on(point: Vec3, normal: Vec3) -> f32 {
    LAMPS
        .into_iter()
        .map(|z| {
            let to = [-point[0], CEILING - point[1], z - point[2]];
            let square = dot(to, to).max(0.25);
            let ray = scale(to, square.sqrt().recip());
            2.1 * dot(ray, normal).max(0.0) * (0.25 + 0.75 * ray[1].max(0.0)) / (0.6 + square)
        })
        .sum()
}

/// Less light reaches the corners: how far the two nearest planes are.
fn corner_shade(p: Vec3) -> f32 {
    let gaps = [
        p[1],
        CEILING - p[1],
        p[0] + HALF_WIDTH,
        HALF_WIDTH - p[0],
        DEPTH - p[2],
    ];
    // The plane on which the point lies has gap 0 and does not count.
    gaps.into_iter()
        .filter(|g| *g > 1e-3)
        .map(|g| 1.0 - 0.38 * (-4.5 * g).exp())
        .product()
}

/// Albedo and own glow of a point.
fn paint(place: Place, p: Vec3, surface: Surface) -> (Vec3, Vec3) {
    const DARK: Vec3 = [0.0; 3];
    match surface {
        Surface::Floor => (floor(place, p), DARK),
        Surface::Ceiling => ceiling(p),
        Surface::Back => back(place, p[0], p[1]),
        Surface::Left => (side(place, p[2], p[1], [2.6, 6.3]), DARK),
        Surface::Right if place == Place::Store => (shelves(p[2], p[1]), DARK),
        Surface::Right => (side(place, p[2], p[1], [4.9, 8.2]), DARK),
    }
}

fn floor(place: Place, p: Vec3) -> Vec3 {
    match place {
        Place::Lobby => {
            let (cx, cz) = ((p[0] / 0.6).floor(), (p[2] / 0.6).floor());
            let grout = (p[0] / 0.6 - cx).min(p[2] / 0.6 - cz) < 0.018;
            let shade = 0.47 + 0.05 * speckle(cx as i32, cz as i32, 3);
            if grout {
                [0.26, 0.25, 0.24]
            } else {
                [shade, shade * 0.97, shade * 0.91]
            }
        }
        Place::Store => {
            let stripe = (p[0].abs() - 1.42).abs() < 0.05;
            let wear = 0.30
                + 0.05 * smooth_noise(p[0] * 1.7, p[2] * 0.9)
                + 0.02 * smooth_noise(p[0] * 9.0, p[2] * 9.0);
            if stripe {
                [0.62, 0.50, 0.10]
            } else {
                [wear, wear * 1.02, wear * 1.03]
            }
        }
    }
}

fn ceiling(p: Vec3) -> (Vec3, Vec3) {
    let lamp = LAMPS.into_iter().any(|z| (p[2] - z).abs() < 0.55) && p[0].abs() < 0.22;
    if lamp {
        return ([0.9; 3], [1.7, 1.75, 1.7]);
    }
    let seam = ((p[0] + 9.0) / 0.6).fract().min((p[2] / 0.6).fract()) < 0.03;
    let shade = if seam { 0.52 } else { 0.74 };
    ([shade, shade, shade * 0.98], [0.0; 3])
}

fn wall(place: Place, along: f32, y: f32) -> Vec3 {
    let grain = 1.0 + 0.03 * smooth_noise(along * 2.3, y * 2.3);
    let base = match (place, y) {
        (_, y) if y < 0.11 => [0.13, 0.13, 0.14],
        (Place::Store, y) if y < 1.15 => [0.22, 0.30, 0.36],
        (Place::Store, y) if y < 1.19 => [0.14, 0.15, 0.16],
        (Place::Store, _) => [0.58, 0.59, 0.57],
        (Place::Lobby, y) if y < 0.98 => [0.46, 0.37, 0.28],
        (Place::Lobby, y) if y < 1.03 => [0.62, 0.58, 0.52],
        (Place::Lobby, _) => [0.68, 0.64, 0.57],
    };
    scale(base, grain)
}

fn side(place: Place, z: f32, y: f32, doors: [f32; 2]) -> Vec3 {
    for start in doors {
        let across = z - start;
        if !(-0.08..1.03).contains(&across) || y > 2.18 {
            continue;
        }
        if !(0.0..0.95).contains(&across) || y > 2.1 {
            return [0.33, 0.32, 0.31];
        }
        if (across - 0.09).hypot(y - 1.02) < 0.045 {
            return [0.75, 0.74, 0.70];
        }
        let pane = (0.3..0.65).contains(&across) && (1.25..1.85).contains(&y);
        return match (pane, place) {
            (true, _) => [0.17, 0.21, 0.23],
            (false, Place::Store) => [0.30, 0.36, 0.33],
            (false, Place::Lobby) => {
                let ring = 0.02 * smooth_noise(across * 22.0, y * 1.4);
                [0.36 + ring, 0.22 + ring, 0.12 + ring * 0.5]
            }
        };
    }
    let picture = (4.4..5.3).contains(&z) && (1.35..1.95).contains(&y) && place == Place::Lobby;
    if picture {
        let edge = (z - 4.4).min(5.3 - z).min(y - 1.35).min(1.95 - y);
        let hill = 1.55 + 0.12 * (z * 6.0).sin();
        return match edge {
            e if e < 0.035 => [0.10, 0.09, 0.08],
            _ if y < hill => [0.20, 0.33, 0.22],
            _ => [0.45, 0.58, 0.66],
        };
    }
    wall(place, z, y)
}

fn shelves(z: f32, y: f32) -> Vec3 {
    if !(3.4..9.6).contains(&z) || y > 2.45 {
        return wall(Place::Store, z, y);
    }
    let (bay, level) = ((z - 3.4) / 1.24, y / 0.61);
    let (in_bay, in_level) = (bay.fract(), level.fract());
    if in_bay < 0.035 {
        return [0.16, 0.24, 0.42];
    }
    if in_level < 0.085 {
        return [0.55, 0.27, 0.08];
    }
    // Three boxes to a bay, each with its own height and colour; behind them it is dark.
    let slot = (in_bay * 3.0).floor();
    let cell = speckle((bay.floor() * 3.0 + slot) as i32, level.floor() as i32, 7);
    let inside = (in_bay * 3.0).fract();
    if cell < -0.72 || in_level > 0.62 + 0.28 * cell.abs() || !(0.05..0.95).contains(&inside) {
        return [0.05, 0.05, 0.055];
    }
    let brown = 0.40 + 0.10 * cell;
    let tape = (inside - 0.5).abs() < 0.05;
    let label = (0.62..0.86).contains(&inside) && (0.2..0.36).contains(&in_level);
    match (label, tape) {
        (true, _) => [0.68, 0.68, 0.66],
        (false, true) => [brown * 1.18, brown * 0.98, brown * 0.68],
        (false, false) => [brown, brown * 0.74, brown * 0.47],
    }
}

fn back(place: Place, x: f32, y: f32) -> (Vec3, Vec3) {
    let sign = x.abs() < 0.24 && (2.32..2.5).contains(&y);
    if sign {
        let arrow = (x + 0.02).abs() < 0.13 && (y - 2.41).abs() < 0.035;
        return (
            [0.1, 0.4, 0.2],
            if arrow {
                [0.5, 0.75, 0.6]
            } else {
                [0.02, 0.30, 0.13]
            },
        );
    }
    let door = x.abs() < 0.98 && y < 2.16;
    if !door {
        return (wall(place, x, y), [0.0; 3]);
    }
    let leaf = x.abs();
    if leaf > 0.92 || y > 2.1 || leaf < 0.012 {
        return ([0.22, 0.22, 0.22], [0.0; 3]);
    }
    let pane = (0.25..0.75).contains(&leaf) && (1.15..1.9).contains(&y);
    match (pane, place) {
        // Daylight behind the lobby's doors.
        (true, Place::Lobby) => ([0.3, 0.3, 0.3], [0.46, 0.54, 0.60]),
        (true, Place::Store) => ([0.2, 0.22, 0.24], [0.05, 0.06, 0.06]),
        (false, Place::Lobby) => ([0.42, 0.40, 0.38], [0.0; 3]),
        (false, Place::Store) => ([0.40, 0.42, 0.40], [0.0; 3]),
    }
}

fn tint(place: Place) -> Vec3 {
    match place {
        Place::Store => [0.96, 1.0, 0.99],
        Place::Lobby => [1.06, 1.0, 0.90],
    }
}

/// A fixed pseudo-random number of a cell, -1 to 1.
pub(super) fn speckle(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1)
        ^ (y as u32).wrapping_mul(0x85EB_CA77)
        ^ seed.wrapping_mul(0xC2B2_AE3D);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    ((h ^ (h >> 15)) >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// Value noise, about -1 to 1.
pub(super) fn smooth_noise(x: f32, y: f32) -> f32 {
    let (cx, cy) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (fx, fy) = (ease(x - cx), ease(y - cy));
    let at = |dx: i32, dy: i32| speckle(cx as i32 + dx, cy as i32 + dy, 1);
    let (top, bottom) = (mix(at(0, 0), at(1, 0), fx), mix(at(0, 1), at(1, 1), fx));
    mix(top, bottom, fy)
}

/// From `a` to `b` by `t`.
pub fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

pub(super) fn add(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub(super) fn mul(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] * b[0], a[1] * b[1], a[2] * b[2]]
}

pub(super) fn scale(a: Vec3, by: f32) -> Vec3 {
    a.map(|v| v * by)
}

pub(super) fn dot(a: Vec3, b: Vec3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn normalise(a: Vec3) -> Vec3 {
    scale(a, dot(a, a).sqrt().recip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_three_metres_away_has_the_size_that_a_camera_sees() {
        let (_, _, per_metre) = project([0.0, 1.65, 3.0]);
        assert!(
            (70.0..110.0).contains(&(per_metre * 0.22)),
            "{}",
            per_metre * 0.22
        );
    }

    #[test]
    fn a_point_is_seen_where_its_ray_leads() {
        let ray = Camera::NARROW.ray(300.0, 400.0);
        let (point, _) = hit(Camera::NARROW.place(), ray);
        let (x, y, _) = project(point);
        assert!((x - 300.0).abs() < 0.1 && (y - 400.0).abs() < 0.1, "{x} {y}");
    }

    #[test]
    fn developing_can_be_undone() {
        for shown in [0.0, 10.0, 128.0, 240.0] {
            assert!((develop(undevelop(shown)) - shown).abs() < 0.5);
        }
    }
}
