//! Puts solids into a frame: for each pixel of the tiles in which some are, a ray is walked to the nearest.

use super::super::scene::{
    Camera, HEIGHT, Scene, Vec3, WIDTH, add, mix, mul, normalise, scale, smooth_noise, speckle,
};
use super::solid::{Ball, Frame, Solid, Surface, blend, cross, length, sub};

/// Pixels to a side of the tiles; each has a list of the solids that can be in it.
const TILE: usize = 8;
/// Steps along a ray; one that grazes a body needs the most.
const STEPS: usize = 32;
/// In pixels: nearer than this a ray has arrived; and the shortest step.
const HIT: f32 = 0.12;
const LEAST_STEP: f32 = 0.4;
/// A solid still matters this far from its surface, in metres, besides half the width of its blend.
const REACH: f32 = 0.006;
/// The widest blend of all solids.
const BLEND: f32 = 0.08;
/// More solids than this of one group do not flow into each other at one point.
const OWN: usize = 8;
/// An edge nearer than this to what is behind it is a crease, not an edge.
const EDGE_DEPTH: f32 = 0.03;
/// Photographs were taken in better light than a corridor has.
const PHOTOGRAPH_LIGHT: f32 = 0.88;
/// Whatever is nearer to a surface than this, in metres, keeps light from it.
const CREVICE: f32 = 0.09;
/// How dark it is in the deepest crevice: the share of the light that is missing.
const CREVICE_DARK: f32 = 0.62;

/// Where something is in the picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Right edge.
    pub right: f32,
    /// Lower edge.
    pub bottom: f32,
}

impl Bounds {
    pub(super) const NOTHING: Bounds = Bounds {
        left: f32::MAX,
        top: f32::MAX,
        right: f32::MIN,
        bottom: f32::MIN,
    };

    pub(super) fn including(self, other: Bounds) -> Bounds {
        Bounds {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    fn touches(&self, x: usize, y: usize) -> bool {
        let (x, y, side) = (x as f32, y as f32, TILE as f32);
        self.left <= x + side && self.right >= x && self.top <= y + side && self.bottom >= y
    }
}

/// Where a solid is in the picture, with `margin` metres around it.
pub(super) fn bounds(camera: Camera, solid: &Solid<'_>, margin: f32) -> Bounds {
    solid
        .shape
        .hull()
        .into_iter()
        .map(|ball| seen(camera, ball, margin))
        .fold(Bounds::NOTHING, Bounds::including)
}

fn seen(camera: Camera, ball: Ball, margin: f32) -> Bounds {
    let (x, y, per_metre) = camera.project(ball.centre);
    if per_metre <= 0.0 {
        return Bounds::NOTHING;
    }
    // A ball off the axis is seen a little longer than wide.
    let slant = 1.0 + 0.5 * ((x - WIDTH as f32 / 2.0).hypot(y - HEIGHT as f32 / 2.0) / camera.focal).powi(2);
    let radius = (ball.radius * slant + margin) * per_metre;
    Bounds {
        left: x - radius,
        top: y - radius,
        right: x + radius,
        bottom: y + radius,
    }
}

/// Puts solids, sorted by group, into a frame of linear light.
pub(super) fn cast(frame: &mut [Vec3], scene: &Scene, solids: &[Solid<'_>]) {
    let placed: Vec<Placed<'_, '_>> = solids.iter().map(|s| Placed::new(scene.camera, s)).collect();
    let all = placed
        .iter()
        .map(|p| p.bounds)
        .fold(Bounds::NOTHING, Bounds::including);
    let first = |v: f32, max: usize| (v.max(0.0) as usize).min(max) / TILE * TILE;
    let last = |v: f32, max: usize| ((v.max(0.0) + 1.0) as usize).min(max);
    let mut near = Vec::new();
    for y in (first(all.top, HEIGHT)..last(all.bottom, HEIGHT)).step_by(TILE) {
        for x in (first(all.left, WIDTH)..last(all.right, WIDTH)).step_by(TILE) {
            near.clear();
            let (mut start, mut end) = (f32::MAX, 0.0_f32);
            for placed in placed.iter().filter(|p| p.bounds.touches(x, y)) {
                near.push(placed.solid);
                start = start.min(placed.from);
                end = end.max(placed.to);
            }
            if !near.is_empty() {
                tile(frame, scene, &near, [x, y], [start.max(0.1), end]);
            }
        }
    }
}

/// A solid with where it is in the picture and between which distances from the camera.
struct Placed<'s, 'a> {
    solid: &'s Solid<'a>,
    bounds: Bounds,
    from: f32,
    to: f32,
}

impl<'s, 'a> Placed<'s, 'a> {
    fn new(camera: Camera, solid: &'s Solid<'a>) -> Self {
        let reach = REACH + 0.5 * solid.blend;
        let (mut from, mut to) = (f32::MAX, 0.0_f32);
        for ball in solid.shape.hull() {
            let away = length(sub(ball.centre, camera.place()));
            from = from.min(away - ball.radius - reach);
            to = to.max(away + ball.radius + reach);
        }
        Self {
            solid,
            bounds: bounds(camera, solid, reach),
            // A ray can pass a slab nearer than its corners are.
            from: from - 0.1,
            to,
        }
    }
}

fn tile(
    frame: &mut [Vec3],
    scene: &Scene,
    solids: &[&Solid<'_>],
    [left, top]: [usize; 2],
    [start, end]: [f32; 2],
) {
    let walk = |x: f32, y: f32, start: f32| Walk {
        eye: scene.camera.place(),
        ray: scene.camera.ray(x, y),
        pixel: 1.0 / scene.camera.focal,
        start,
        end,
    };
    let half = TILE as f32 / 2.0;
    let Some(start) = walk(left as f32 + half, top as f32 + half, start).empty_until(solids) else {
        return;
    };
    for y in top..(top + TILE).min(HEIGHT) {
        for x in left..(left + TILE).min(WIDTH) {
            let walk = walk(x as f32 + 0.5, y as f32 + 0.5, start);
            let seen = walk.go(solids);
            let pixel = &mut frame[y * WIDTH + x];
            if let Some(at) = &seen.hit {
                *pixel = shade(scene, solids, &walk, at);
            }
            if let Some((at, share)) = &seen.edge {
                let (colour, share) = (shade(scene, solids, &walk, at), *share);
                *pixel = std::array::from_fn(|i| mix(pixel[i], colour[i], share));
            }
        }
    }
}

struct Walk {
    eye: Vec3,
    ray: Vec3,
    /// How wide a pixel is at a distance of 1.
    pixel: f32,
    start: f32,
    end: f32,
}

/// A place on a ray.
struct Spot<'s, 'a> {
    /// How far from the camera.
    away: f32,
    /// How far from the nearest surface.
    gap: f32,
    solid: &'s Solid<'a>,
}

/// What a pixel shows.
struct Seen<'s, 'a> {
    /// The surface in its middle.
    hit: Option<Spot<'s, 'a>>,
    /// An edge before it that covers a part of the pixel, and which share.
    edge: Option<(Spot<'s, 'a>, f32)>,
}

impl Walk {
    fn at(&self, t: f32) -> Vec3 {
        add(self.eye, scale(self.ray, t))
    }

    /// How far all rays of the tile around this one go through nothing; none: to the end.
    fn empty_until(&self, solids: &[&Solid<'_>]) -> Option<f32> {
        // From the middle of a tile to its corner, with a pixel to spare for edges.
        let spread = (TILE as f32 * std::f32::consts::FRAC_1_SQRT_2 + 1.5) * self.pixel;
        let mut t = self.start;
        for _ in 0..STEPS {
            let free = (nearest(solids, self.at(t)).0 - spread * t) / (1.0 + spread);
            if free < 0.02 {
                return Some(t);
            }
            t += free;
            if t > self.end {
                return None;
            }
        }
        Some(t)
    }

    fn go<'s, 'a>(&self, solids: &[&'s Solid<'a>]) -> Seen<'s, 'a> {
        let mut away = self.start;
        // The closest pass so far, and by how many pixels.
        let mut pass: Option<(Spot<'s, 'a>, f32)> = None;
        let mut hit = None;
        for _ in 0..STEPS {
            let width = self.pixel * away;
            let (gap, solid) = nearest(solids, self.at(away));
            // Half a pixel is taken off every surface, since a pass within a pixel counts as a share.
            let free = gap + 0.5 * width;
            if free < HIT * width {
                hit = solid.map(|solid| Spot { away, gap, solid });
                break;
            }
            let pixels = free / width;
            if pixels < pass.as_ref().map_or(1.0, |p| p.1) {
                pass = solid.map(|solid| (Spot { away, gap, solid }, pixels));
            }
            away += free.max(LEAST_STEP * width);
            if away > self.end {
                break;
            }
        }
        let edge = pass
            .filter(|(spot, _)| hit.as_ref().is_none_or(|h| h.away - spot.away > EDGE_DEPTH))
            .map(|(spot, pixels)| (spot, 1.0 - pixels));
        Seen { hit, edge }
    }
}

/// How far a point is from the nearest surface, and of which solid that is.
fn nearest<'s, 'a>(solids: &[&'s Solid<'a>], p: Vec3) -> (f32, Option<&'s Solid<'a>>) {
    let mut best: (f32, Option<&Solid<'_>>) = (f32::MAX, None);
    let mut own = (f32::MAX, None, f32::MAX);
    let mut group = u16::MAX;
    for &solid in solids {
        if solid.group != group {
            if own.0 < best.0 {
                best = (own.0, own.1);
            }
            own = (f32::MAX, None, f32::MAX);
            group = solid.group;
        }
        let distance = solid.shape.distance(p);
        own.0 = blend(own.0, distance, solid.blend);
        if distance < own.2 {
            own = (own.0, Some(solid), distance);
        }
    }
    if own.0 < best.0 { (own.0, own.1) } else { best }
}

fn shade(scene: &Scene, solids: &[&Solid<'_>], walk: &Walk, spot: &Spot<'_, '_>) -> Vec3 {
    let (p, solid) = (walk.at(spot.away), spot.solid);
    let pixel = walk.pixel * spot.away;
    let flat = normal(solids, spot, p, (0.4 * pixel).max(0.002));
    let around = nearest(solids, add(p, scale(flat, CREVICE))).0;
    let open = 1.0 - CREVICE_DARK * (1.0 - around / CREVICE).clamp(0.0, 1.0);
    let (colour, normal) = match solid.surface {
        Surface::Cloth(colour) => cloth(colour, &solid.pattern, p, flat),
        Surface::Skin(colour) | Surface::Smooth(colour) => (colour, flat),
        Surface::Head(head) => {
            let (colour, own_light) = head.colour(p, flat, pixel);
            let lit = mul(colour, scale(scene.light_on(p, flat), open));
            // A photograph has its light and shade in it already.
            let shown = scale(mul(colour, scene.light_at(p)), PHOTOGRAPH_LIGHT);
            return std::array::from_fn(|i| mix(lit[i], shown[i], own_light));
        }
    };
    mul(colour, scale(scene.light_on(p, normal), open))
}

/// The direction in which the distance from a group grows, at a point of its surface.
fn normal(solids: &[&Solid<'_>], spot: &Spot<'_, '_>, p: Vec3, step: f32) -> Vec3 {
    let mut own = [spot.solid; OWN];
    let mut count = 0;
    for &solid in solids.iter().filter(|s| s.group == spot.solid.group) {
        if count < OWN && solid.shape.distance(p) < spot.gap + BLEND + 2.0 * step {
            own[count] = solid;
            count += 1;
        }
    }
    let own = &own[..count];
    let gap = nearest(own, p).0;
    let along = |by: Vec3| nearest(own, add(p, by)).0 - gap;
    normalise([
        along([step, 0.0, 0.0]),
        along([0.0, step, 0.0]) + 1e-9,
        along([0.0, 0.0, step]),
    ])
}

/// Colour and normal of cloth, with its folds and its weave.
fn cloth(colour: Vec3, pattern: &Frame, p: Vec3, normal: Vec3) -> (Vec3, Vec3) {
    /// How much a fold tips the surface.
    const DEPTH: f32 = 0.16;
    /// How much lighter than its neighbourhood the ridge of a fold is.
    const PATCHES: f32 = 0.08;
    let [x, y, z] = pattern.within(p);
    // Folds run mostly down and a little across, wide ones and narrow ones.
    let (u, v) = ((x + 0.8 * z) * 13.0 + y * 4.0, y * 7.0 - x * 3.0);
    let [wide, wide_u, wide_v] = slope(u, v);
    let [narrow, narrow_u, narrow_v] = slope(u * 2.7 + 9.0, v * 2.1 + 4.0);
    let side = normalise(add(cross([0.0, 1.0, 0.0], normal), [1e-4, 0.0, 0.0]));
    let up = cross(normal, side);
    let tip = add(
        scale(side, (wide_u + 1.2 * narrow_u) * DEPTH),
        scale(up, (wide_v + 0.9 * narrow_v) * DEPTH),
    );
    let shade = 1.0 + PATCHES * (wide + 0.45 * narrow);
    (scale(colour, shade), normalise(sub(normal, tip)))
}

/// Value noise, about -1 to 1, and how fast it grows along both directions.
fn slope(x: f32, y: f32) -> [f32; 3] {
    let (cx, cy) = (x.floor(), y.floor());
    let at = |dx: i32, dy: i32| speckle(cx as i32 + dx, cy as i32 + dy, 11);
    let (a, b, c, d) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
    let (fx, fy) = (x - cx, y - cy);
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let steep = |t: f32| 6.0 * t * (1.0 - t);
    let (top, bottom) = (mix(a, b, ease(fx)), mix(c, d, ease(fx)));
    [
        mix(top, bottom, ease(fy)),
        mix(b - a, d - c, ease(fy)) * steep(fx),
        (bottom - top) * steep(fy),
    ]
}

/// Hair is darker between its strands.
pub(super) fn hair(colour: Vec3, [x, y, z]: Vec3) -> Vec3 {
    let strands =
        smooth_noise((x + z * 0.7) * 95.0, y * 22.0) + 0.6 * smooth_noise(x * 30.0 + 5.0, (y - z) * 30.0);
    scale(colour, 1.0 + 0.28 * strands)
}
