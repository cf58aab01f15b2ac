//! The solids that people and furniture are put together from, as distances to their surfaces.

use super::super::scene::{Vec3, add, dot, mix, scale};
use super::head::Head;

/// A place with three directions at right angles, each of length 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) origin: Vec3,
    /// To the left of somebody who looks ahead.
    pub(super) left: Vec3,
    pub(super) up: Vec3,
    pub(super) ahead: Vec3,
}

impl Frame {
    /// Upright, looking along `yaw` radians from the camera's wall.
    pub(super) fn upright(origin: Vec3, yaw: f32) -> Self {
        let (sin, cos) = yaw.sin_cos();
        Self {
            origin,
            left: [cos, 0.0, sin],
            up: [0.0, 1.0, 0.0],
            ahead: [sin, 0.0, -cos],
        }
    }

    /// The world point with these coordinates: left, up, ahead.
    pub(super) fn point(&self, [x, y, z]: Vec3) -> Vec3 {
        add(self.origin, self.along([x, y, z]))
    }

    /// The world direction with these coordinates.
    pub(super) fn along(&self, [x, y, z]: Vec3) -> Vec3 {
        add(add(scale(self.left, x), scale(self.up, y)), scale(self.ahead, z))
    }

    /// The coordinates of a world point.
    pub(super) fn within(&self, point: Vec3) -> Vec3 {
        self.components(sub(point, self.origin))
    }

    /// The coordinates of a world direction.
    pub(super) fn components(&self, direction: Vec3) -> Vec3 {
        [
            dot(direction, self.left),
            dot(direction, self.up),
            dot(direction, self.ahead),
        ]
    }

    /// The same, elsewhere.
    pub(super) fn moved(&self, by: Vec3) -> Self {
        Self {
            origin: self.point(by),
            ..*self
        }
    }

    /// Bowed forward by so many radians.
    pub(super) fn bowed(&self, angle: f32) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self {
            up: add(scale(self.up, cos), scale(self.ahead, sin)),
            ahead: add(scale(self.ahead, cos), scale(self.up, -sin)),
            ..*self
        }
    }

    /// Leaning to the left by so many radians.
    pub(super) fn leaning(&self, angle: f32) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self {
            up: add(scale(self.up, cos), scale(self.left, sin)),
            left: add(scale(self.left, cos), scale(self.up, -sin)),
            ..*self
        }
    }

    /// Turned to the left by so many radians.
    pub(super) fn turned(&self, angle: f32) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self {
            ahead: add(scale(self.ahead, cos), scale(self.left, sin)),
            left: add(scale(self.left, cos), scale(self.ahead, -sin)),
            ..*self
        }
    }
}

/// What a solid looks like.
#[derive(Clone, Copy)]
pub(super) enum Surface<'a> {
    /// Cloth that falls in folds.
    Cloth(Vec3),
    /// Skin.
    Skin(Vec3),
    /// Anything smooth: leather, plastic, painted metal, wood.
    Smooth(Vec3),
    /// A head, with what is on its front.
    Head(&'a Head<'a>),
}

/// The form of a solid.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// From one ball to another.
    Limb {
        from: Vec3,
        axis: Vec3,
        /// 1 / the square of the axis' length.
        inverse: f32,
        radii: [f32; 2],
    },
    /// The same upright in a frame, with its depth multiplied by `depth` and cut off level at the lower end;
    /// `half` is from the middle to an end.
    Trunk {
        frame: Frame,
        half: f32,
        radii: [f32; 2],
        depth: f32,
    },
    /// An ellipsoid.
    Egg { frame: Frame, radii: Vec3 },
    /// A box with rounded edges.
    Slab { frame: Frame, half: Vec3, edge: f32 },
}

/// A part of a body or of a piece of furniture.
#[derive(Clone, Copy)]
pub(super) struct Solid<'a> {
    pub(super) shape: Shape,
    pub(super) surface: Surface<'a>,
    /// Solids of one group flow into each other; those of others meet in an edge.
    pub(super) group: u16,
    /// Over how many metres it flows into the others of its group.
    pub(super) blend: f32,
    /// Where the pattern of its cloth begins.
    pub(super) pattern: Frame,
}

/// A ball that belongs to the hull of a shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ball {
    pub(super) centre: Vec3,
    pub(super) radius: f32,
}

impl Shape {
    /// From one ball to another.
    pub(super) fn limb(from: Vec3, to: Vec3, radii: [f32; 2]) -> Self {
        let axis = sub(to, from);
        Shape::Limb {
            from,
            axis,
            inverse: 1.0 / dot(axis, axis).max(1e-6),
            radii,
        }
    }

    /// About how far a point is from the surface; below zero inside. Never much more than it really is.
    #[inline]
    pub(super) fn distance(&self, p: Vec3) -> f32 {
        match self {
            Shape::Limb {
                from,
                axis,
                inverse,
                radii,
            } => {
                let off = sub(p, *from);
                let along = (dot(off, *axis) * inverse).clamp(0.0, 1.0);
                length(sub(off, scale(*axis, along))) - mix(radii[0], radii[1], along)
            }
            Shape::Trunk {
                frame,
                half,
                radii,
                depth,
            } => {
                let [x, y, z] = frame.within(p);
                let off = y - y.clamp(-half, *half);
                let along = 0.5 + 0.5 * (y - off) / half;
                let z = z / depth;
                let across = length([x, off, z]).max(1e-6);
                // Divided by how fast this grows, which is faster along the squeezed depth.
                let steep = length([x, off, z / depth]).max(1e-6);
                let side = (across - mix(radii[0], radii[1], along)) * across / steep;
                side.max(-half - y)
            }
            Shape::Egg { frame, radii } => {
                let q = frame.within(p);
                let near: Vec3 = std::array::from_fn(|i| q[i] / radii[i]);
                let steep = length(std::array::from_fn(|i| near[i] / radii[i]));
                let near = length(near);
                near * (near - 1.0) / steep.max(1e-6)
            }
            Shape::Slab { frame, half, edge } => {
                let q = frame.within(p);
                let out: Vec3 = std::array::from_fn(|i| q[i].abs() - half[i] + edge);
                length(out.map(|v| v.max(0.0))) + out[0].max(out[1]).max(out[2]).min(0.0) - edge
            }
        }
    }

    /// Balls whose hull holds the shape.
    pub(super) fn hull(&self) -> Vec<Ball> {
        let ball = |centre, radius| Ball { centre, radius };
        match *self {
            Shape::Limb {
                from, axis, radii, ..
            } => vec![ball(from, radii[0]), ball(add(from, axis), radii[1])],
            Shape::Trunk {
                frame, half, radii, ..
            } => {
                vec![
                    ball(frame.point([0.0, -half, 0.0]), radii[0]),
                    ball(frame.point([0.0, half, 0.0]), radii[1]),
                ]
            }
            Shape::Egg { frame, radii } => vec![ball(frame.origin, radii[0].max(radii[1]).max(radii[2]))],
            Shape::Slab { frame, half, .. } => (0..8)
                .map(|corner| {
                    let sign = |bit: u32| if corner >> bit & 1 == 0 { -1.0 } else { 1.0 };
                    let at = std::array::from_fn(|i| sign(i as u32) * half[i]);
                    ball(frame.point(at), 0.0)
                })
                .collect(),
        }
    }
}

/// Two distances, flowing into each other over `width` metres.
pub(super) fn blend(a: f32, b: f32, width: f32) -> f32 {
    let near = (width - (a - b).abs()).max(0.0);
    a.min(b) - near * near / (4.0 * width.max(1e-6))
}

pub(super) fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn length(a: Vec3) -> f32 {
    dot(a, a).sqrt()
}

pub(super) fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// From 0 to 1 while `v` goes from `from` to `to`, without a kink.
pub(super) fn ease(from: f32, to: f32, v: f32) -> f32 {
    let t = ((v - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
