//! The shadows that people and furniture throw on floor and walls.

use super::super::scene::{HEIGHT, POINT_STEP, Scene, Vec3, WIDTH, mix};

/// Something upright that stands in the light.
#[derive(Clone, Copy, Debug)]
pub(super) struct Post {
    pub(super) foot: [f32; 2],
    /// Its upper end in metres; 0 if it only touches the floor.
    pub(super) height: f32,
    pub(super) radius: f32,
}

/// Which share of all the light comes from the lamps and can be taken away.
const LAMPLIGHT: f32 = 0.72;
/// Where it stands on the floor, a post takes away this share of what light is left.
const CONTACT: f32 = 0.6;
/// Farther away than this, in metres, a shadow is too weak to be seen.
const FAR: f32 = 2.2;

/// Darkens a frame where the posts stand in the light.
pub(super) fn draw(frame: &mut [Vec3], scene: &Scene, posts: &[Post]) {
    let columns = WIDTH.div_ceil(POINT_STEP);
    let light: Vec<f32> = scene.points.iter().map(|p| left(*p, posts)).collect();
    let rows = light.len() / columns;
    for y in 0..HEIGHT {
        let (row, fy) = (y / POINT_STEP, (y % POINT_STEP) as f32 / POINT_STEP as f32);
        let below = (row + 1).min(rows - 1);
        let dark = |row: usize| light[row * columns..(row + 1) * columns].iter().any(|l| *l < 1.0);
        if !dark(row) && !dark(below) {
            continue;
        }
        for column in 0..columns {
            let right = (column + 1).min(columns - 1);
            let corners = [(row, column), (row, right), (below, column), (below, right)];
            let [a, b, c, d] = corners.map(|(r, c)| light[r * columns + c]);
            if a.min(b).min(c).min(d) >= 1.0 {
                continue;
            }
            let start = column * POINT_STEP;
            for x in start..(start + POINT_STEP).min(WIDTH) {
                let fx = (x - start) as f32 / POINT_STEP as f32;
                let keep = mix(mix(a, b, fx), mix(c, d, fx), fy);
                let pixel = &mut frame[y * WIDTH + x];
                *pixel = pixel.map(|v| v * keep);
            }
        }
    }
}

/// Which share of the light is left at a point.
fn left(p: Vec3, posts: &[Post]) -> f32 {
    posts
        .iter()
        .map(|post| {
            let (x, z) = (p[0] - post.foot[0], p[2] - post.foot[1]);
            let square = x * x + z * z;
            if square > FAR * FAR {
                return 1.0;
            }
            let fading = 1.0 - square / (FAR * FAR);
            // The lamps are above everything: what is higher than the post is not in its shadow.
            let shade = if p[1] < post.height {
                LAMPLIGHT * fading * Scene::shade_of_post(p, post.foot, post.height, post.radius)
            } else {
                0.0
            };
            let near = square / (1.6 * post.radius).powi(2) + (p[1] / 0.2).powi(2);
            let contact = if near < 8.0 { CONTACT * (-near).exp() } else { 0.0 };
            (1.0 - shade) * (1.0 - contact)
        })
        .product()
}
