//! What stands around people: chairs, with a jacket over the back or without, blocks and shelves.

use std::f32::consts::TAU;

use super::super::scene::{Vec3, add, scale};
use super::ground;
use super::shadow::Post;
use super::solid::{Frame, Shape, Solid, Surface};

/// An office chair; who sits on it stands at its place and faces where it faces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chair {
    /// Metres to the right of the corridor's middle, and away from the camera's wall.
    pub place: [f32; 2],
    /// Where the sitter looks, in radians: 0 is towards the camera.
    pub facing: f32,
    /// The colour of seat and back.
    pub colour: Vec3,
    /// The colour of the jacket that hangs over the back, if one does.
    pub jacket: Option<Vec3>,
}

/// A box: a pillar, a wall, a counter or a desk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// Metres to the right of the corridor's middle, and away from the camera's wall.
    pub place: [f32; 2],
    /// Where its front looks, in radians: 0 is towards the camera.
    pub facing: f32,
    /// Width, height and depth in metres.
    pub size: Vec3,
    /// Its colour.
    pub colour: Vec3,
}

/// A shelf of boards with boxes on them, through which little is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shelf {
    /// Metres to the right of the corridor's middle, and away from the camera's wall.
    pub place: [f32; 2],
    /// Where its front looks, in radians: 0 is towards the camera.
    pub facing: f32,
    /// Width and height in metres.
    pub size: [f32; 2],
}

const STEEL: Vec3 = [0.10, 0.10, 0.11];
const SEAT_LEVEL: f32 = 0.455;
/// The middle of the backrest above the floor, and how far behind the middle of the seat it is.
const BACKREST: [f32; 2] = [0.72, -0.25];
const BACKREST_HALF: Vec3 = [0.205, 0.175, 0.028];
/// How far the backrest leans back, in radians.
const BACKREST_LEAN: f32 = 0.12;

fn part<'a>(shape: Shape, surface: Surface<'a>, group: u16, blend: f32, pattern: Frame) -> Solid<'a> {
    Solid {
        shape,
        surface,
        group,
        blend,
        pattern,
    }
}

impl Chair {
    pub(super) fn solids(&self) -> Vec<Solid<'static>> {
        let ground = ground(self.place, self.facing);
        let at = |x, y, z| ground.point([x, y, z]);
        let backrest = ground
            .moved([0.0, BACKREST[0], BACKREST[1]])
            .bowed(-BACKREST_LEAN);
        let (padded, steel) = (Surface::Smooth(self.colour), Surface::Smooth(STEEL));
        let limb = |from, to, radius| Shape::limb(from, to, [radius, radius]);
        let slab = |frame, half, edge| Shape::Slab { frame, half, edge };
        let mut parts = vec![
            slab(
                ground.moved([0.0, SEAT_LEVEL - 0.035, 0.0]),
                [0.24, 0.04, 0.23],
                0.035,
            ),
            slab(backrest, BACKREST_HALF, 0.028),
        ]
        .into_iter()
        .map(|shape| part(shape, padded, 0, 0.0, ground))
        .collect::<Vec<_>>();
        let mut frame = vec![
            limb(at(0.0, 0.10, 0.0), at(0.0, 0.40, 0.0), 0.028),
            limb(at(0.0, 0.40, -0.15), at(0.0, 0.62, -0.30), 0.025),
        ];
        for leg in 0..5 {
            let (sin, cos) = (leg as f32 * TAU / 5.0).sin_cos();
            frame.push(limb(at(0.0, 0.11, 0.0), at(0.29 * sin, 0.065, 0.29 * cos), 0.02));
            frame.push(limb(
                at(0.30 * sin, 0.03, 0.30 * cos),
                at(0.31 * sin, 0.035, 0.31 * cos),
                0.03,
            ));
        }
        for side in [-1.0, 1.0] {
            frame.push(limb(
                at(0.25 * side, 0.40, -0.02),
                at(0.28 * side, 0.60, -0.02),
                0.014,
            ));
            frame.push(limb(
                at(0.28 * side, 0.61, -0.12),
                at(0.28 * side, 0.61, 0.10),
                0.022,
            ));
        }
        parts.extend(frame.into_iter().map(|shape| part(shape, steel, 1, 0.0, ground)));
        if let Some(colour) = self.jacket {
            parts.extend(jacket(backrest, colour));
        }
        parts
    }

    pub(super) fn posts(&self) -> [Post; 2] {
        let back = ground(self.place, self.facing).point([0.0, 0.0, BACKREST[1]]);
        [
            Post {
                foot: self.place,
                height: SEAT_LEVEL,
                radius: 0.24,
            },
            Post {
                foot: [back[0], back[2]],
                height: BACKREST[0] + BACKREST_HALF[1],
                radius: 0.18,
            },
        ]
    }
}

/// A jacket over a backrest: its shoulders on the upper edge, back and sleeves hanging behind.
fn jacket(backrest: Frame, colour: Vec3) -> impl Iterator<Item = Solid<'static>> {
    let top = backrest.moved([0.0, BACKREST_HALF[1], 0.0]);
    let mut shapes = vec![
        (
            Shape::Slab {
                frame: top.moved([0.0, -0.22, -0.03]),
                half: [0.225, 0.25, 0.05],
                edge: 0.05,
            },
            0.04,
        ),
        (
            Shape::limb(
                top.point([-0.05, 0.035, -0.01]),
                top.point([0.05, 0.035, -0.01]),
                [0.05, 0.05],
            ),
            0.06,
        ),
    ];
    for side in [-1.0, 1.0] {
        let shoulder = top.point([0.215 * side, -0.02, -0.02]);
        let elbow = add(shoulder, top.along([0.035 * side, -0.29, -0.04]));
        let cuff = add(elbow, top.along([-0.01 * side, -0.25, 0.03]));
        for (from, to, radii) in [
            (top.point([0.05 * side, 0.035, -0.01]), shoulder, [0.05, 0.062]),
            (shoulder, elbow, [0.062, 0.05]),
            (elbow, cuff, [0.05, 0.045]),
        ] {
            shapes.push((Shape::limb(from, to, radii), 0.04));
        }
    }
    shapes
        .into_iter()
        .map(move |(shape, blend)| part(shape, Surface::Cloth(colour), 2, blend, top))
}

impl Block {
    pub(super) fn solids(&self) -> Vec<Solid<'static>> {
        let half = scale(self.size, 0.5);
        let frame = ground(self.place, self.facing).moved([0.0, half[1], 0.0]);
        let shape = Shape::Slab {
            frame,
            half,
            edge: 0.01,
        };
        vec![part(shape, Surface::Smooth(self.colour), 0, 0.0, frame)]
    }

    pub(super) fn post(&self) -> Post {
        Post {
            foot: self.place,
            height: self.size[1],
            radius: 0.5 * self.size[0].min(self.size[2]),
        }
    }
}

impl Shelf {
    const DEPTH: f32 = 0.4;
    const BOARD_EVERY: f32 = 0.42;
    const BOXES: [Vec3; 4] = [
        [0.42, 0.31, 0.20],
        [0.36, 0.26, 0.16],
        [0.28, 0.32, 0.38],
        [0.50, 0.48, 0.44],
    ];

    pub(super) fn solids(&self) -> Vec<Solid<'static>> {
        let ground = ground(self.place, self.facing);
        let [width, height] = self.size;
        let slab = |centre: Vec3, half: Vec3| Shape::Slab {
            frame: ground.moved(centre),
            half,
            edge: 0.006,
        };
        let metal = Surface::Smooth([0.30, 0.33, 0.36]);
        let mut parts = Vec::new();
        for side in [-1.0, 1.0] {
            let shape = slab(
                [side * width / 2.0, height / 2.0, 0.0],
                [0.02, height / 2.0, Self::DEPTH / 2.0],
            );
            parts.push(part(shape, metal, 0, 0.0, ground));
        }
        let boards = (height / Self::BOARD_EVERY).floor() as usize;
        let boxes = ((width / 0.34).floor() as usize).max(1);
        for board in 0..=boards {
            let level = 0.08 + board as f32 * Self::BOARD_EVERY;
            if level > height {
                continue;
            }
            let shape = slab([0.0, level, 0.0], [width / 2.0, 0.015, Self::DEPTH / 2.0]);
            parts.push(part(shape, metal, 0, 0.0, ground));
            for number in 0..boxes {
                let kind = (board * 7 + number * 5) % 4;
                let half = [0.44 * width / boxes as f32, 0.13 + 0.015 * kind as f32, 0.15];
                let x = (number as f32 + 0.5) / boxes as f32 - 0.5;
                let shape = slab([x * width, level + 0.015 + half[1], 0.0], half);
                parts.push(part(shape, Surface::Smooth(Self::BOXES[kind]), 0, 0.0, ground));
            }
        }
        parts
    }

    pub(super) fn post(&self) -> Post {
        Post {
            foot: self.place,
            height: self.size[1],
            radius: 0.2,
        }
    }
}
