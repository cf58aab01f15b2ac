//! Bodies: from a look and a stance to joints, and from joints to solids.

use std::f32::consts::PI;

use super::super::person::FACE_METRES;
use super::super::scene::{Camera, Vec3, add, dot, mix, scale};
use super::head::Head;
use super::shadow::Post;
use super::solid::{Frame, Shape, Solid, Surface, length, sub};
use super::{Look, Posture, Stance, ground};

/// Somebody of this height, in metres, is what the lengths below were taken from.
const USUAL_HEIGHT: f32 = 1.75;
const THIGH: f32 = 0.43;
const SHIN: f32 = 0.42;
const ANKLE: f32 = 0.08;
const UPPER_ARM: f32 = 0.29;
const FOREARM: f32 = 0.26;
/// The middle of the face is at this share of the height.
const FACE_LEVEL: f32 = 0.925;
/// The middle of the face above the root of the neck and before it, in metres. Heads are all of a size.
const FACE_FROM_NECK: [f32; 2] = [0.135, 0.075];
/// The hips of somebody on a chair, in metres: its seat and what is on it.
const SEATED_HIPS: f32 = 0.55;

/// Left first, as a sign of the coordinate to the left.
const SIDES: [f32; 2] = [1.0, -1.0];

/// The angles of a posture in radians; limbs hang down at 0 and swing forward.
struct Angles {
    bow: f32,
    thighs: [f32; 2],
    shins: [f32; 2],
    upper_arms: [f32; 2],
    forearms: [f32; 2],
    /// How far the elbows are held off the body.
    elbows_out: f32,
    /// How far the knees are apart.
    knees_out: f32,
    /// How far the head follows the back when it bows.
    nod: f32,
}

impl Angles {
    fn of(posture: Posture) -> Self {
        match posture {
            Posture::Standing => Self {
                bow: 0.02,
                thighs: [0.16, -0.09],
                shins: [0.02, -0.16],
                upper_arms: [0.05, -0.06],
                forearms: [0.70, 0.55],
                elbows_out: 0.17,
                knees_out: 0.05,
                nod: 0.0,
            },
            Posture::Walking { phase } => {
                let of_side = |side: usize| phase + PI * side as f32;
                let thighs = [0, 1].map(|i| 0.44 * of_side(i).sin() + 0.05);
                // The leg that swings forward is bent.
                let flex = [0, 1].map(|i| 0.10 + 0.85 * of_side(i).cos().max(0.0).powf(1.4));
                let upper_arms = [0, 1].map(|i| -0.48 * of_side(i).sin());
                Self {
                    bow: 0.06,
                    thighs,
                    shins: [0, 1].map(|i| thighs[i] - flex[i]),
                    upper_arms,
                    forearms: [0, 1].map(|i| upper_arms[i] + 0.42),
                    elbows_out: 0.14,
                    knees_out: 0.02,
                    nod: 0.0,
                }
            }
            Posture::Seated => Self {
                bow: 0.05,
                thighs: [1.48, 1.44],
                shins: [0.10, -0.12],
                upper_arms: [0.30, 0.22],
                forearms: [1.18, 1.10],
                elbows_out: 0.20,
                knees_out: 0.14,
                nod: 0.0,
            },
            Posture::Bending { share } => Self {
                bow: 1.40 * share,
                thighs: [0.62 * share, 0.26 * share],
                shins: [-0.22 * share, -0.52 * share],
                upper_arms: [0.40 * share, 0.10 * share],
                forearms: [0.15 + 0.60 * share, 0.15 + 0.30 * share],
                elbows_out: 0.16,
                knees_out: 0.08,
                nod: 0.75,
            },
        }
    }
}

/// Where the joints are.
pub(super) struct Skeleton {
    ground: Frame,
    size: f32,
    /// At the hips, along the back.
    back: Frame,
    hips: Frame,
    legs: [[Vec3; 3]; 2],
    arms: [[Vec3; 3]; 2],
    neck: Vec3,
    /// The middle of the face.
    pub(super) head: Frame,
    /// How far the face is turned away from the camera, in radians.
    pub(super) turned_away: f32,
}

impl Skeleton {
    pub(super) fn new(look: &Look, stance: &Stance, camera: Camera) -> Self {
        let size = look.build.height / USUAL_HEIGHT;
        let angles = Angles::of(stance.posture);
        let ground = ground(stance.place, stance.facing);
        let reach = |side: usize| {
            size * (THIGH * angles.thighs[side].cos() + SHIN * angles.shins[side].cos() + ANKLE)
        };
        let level = match stance.posture {
            Posture::Seated => SEATED_HIPS,
            _ => reach(0).max(reach(1)),
        };
        // Who bows moves their hips back, or they would fall.
        let hips = ground.moved([0.0, level, -0.20 * angles.bow.max(0.0) * size]);
        let back = hips.leaning(stance.sway).bowed(angles.bow);
        let legs = [0, 1].map(|side| {
            let hip = hips.point([SIDES[side] * 0.095 * size, 0.0, 0.0]);
            let limb = |angle: f32, long: f32| {
                let out = SIDES[side] * angles.knees_out;
                scale(
                    ground.along([out * angle.cos().max(0.4), -angle.cos(), angle.sin()]),
                    long * size,
                )
            };
            let knee = add(hip, limb(angles.thighs[side], THIGH));
            let shin = ground.along([0.0, -angles.shins[side].cos(), angles.shins[side].sin()]);
            [hip, knee, add(knee, scale(shin, SHIN * size))]
        });
        let face_level = FACE_LEVEL * look.build.height - FACE_FROM_NECK[0];
        let upright = size * (THIGH + SHIN + ANKLE);
        let long = (face_level - upright).max(0.3);
        let arms = [0, 1].map(|side| {
            let shoulder = back.point([
                SIDES[side] * 0.185 * look.build.girth.sqrt() * size,
                long - 0.075 * size,
                -0.01,
            ]);
            let limb = |angle: f32, out: f32, long: f32| {
                let way = ground.along([SIDES[side] * out, -angle.cos(), angle.sin()]);
                scale(way, long * size / length(way))
            };
            let elbow = add(
                shoulder,
                limb(angles.upper_arms[side], angles.elbows_out, UPPER_ARM),
            );
            let wrist = add(
                elbow,
                limb(angles.forearms[side], -0.5 * angles.elbows_out, FOREARM),
            );
            [shoulder, elbow, wrist]
        });
        let neck = back.point([0.0, long, 0.0]);
        let yaw = stance.facing + stance.head;
        let turned_away = yaw.sin().atan2(yaw.cos()).abs();
        // Whoever looks towards the camera looks into it.
        let [x, _, z] = neck;
        let rise = (camera.height - neck[1] - FACE_FROM_NECK[0]).atan2(x.hypot(z));
        let up = rise * turned_away.cos().max(0.0) * (1.0 - angles.nod * angles.bow.clamp(0.0, 1.0));
        let carriage = ground.leaning(0.6 * stance.sway).bowed(angles.nod * angles.bow);
        let head = Frame {
            origin: neck,
            ..carriage.turned(stance.head).bowed(-up)
        };
        let head = head.moved([0.0, FACE_FROM_NECK[0], FACE_FROM_NECK[1]]);
        Self {
            ground,
            size,
            back,
            hips,
            legs,
            arms,
            neck,
            head,
            turned_away,
        }
    }

    /// What throws their shadow.
    pub(super) fn posts(&self) -> Vec<Post> {
        let trunk = Post {
            foot: [0, 2].map(|i| 0.5 * self.neck[i] + 0.25 * (self.legs[0][2][i] + self.legs[1][2][i])),
            height: self.head.origin[1] + 0.1,
            radius: 0.17 * self.size,
        };
        let legs = self.legs.map(|[_, _, ankle]| Post {
            foot: [ankle[0], ankle[2]],
            height: 0.0,
            radius: 0.12,
        });
        vec![trunk, legs[0], legs[1]]
    }
}

const TROUSERS: u16 = 0;
const TOP: u16 = 1;
const COLLAR: u16 = 2;
const SKIN: u16 = 3;
const SHOES: u16 = 4;
const HEAD: u16 = 5;

/// A body's parts, by group.
pub(super) fn solids<'a>(look: &Look, skeleton: &Skeleton, head: &'a Head<'a>) -> Vec<Solid<'a>> {
    let mut parts = Vec::with_capacity(40);
    legs(&mut parts, look, skeleton);
    top(&mut parts, look, skeleton);
    skin_and_shoes(&mut parts, look, skeleton);
    head_parts(&mut parts, head);
    parts.sort_by_key(|part| part.group);
    parts
}

fn legs(parts: &mut Vec<Solid<'_>>, look: &Look, skeleton: &Skeleton) {
    let (size, girth) = (skeleton.size, look.build.girth);
    let mut put = |shape, blend| {
        parts.push(Solid {
            shape,
            surface: Surface::Cloth(look.trousers),
            group: TROUSERS,
            blend,
            pattern: skeleton.hips,
        });
    };
    let seat = Frame {
        origin: skeleton.hips.point([0.0, 0.02, -0.01]),
        ..skeleton.back
    };
    put(
        Shape::Egg {
            frame: seat,
            radii: [0.152 * girth * size, 0.15 * size, 0.118 * girth * size],
        },
        0.05,
    );
    for [hip, knee, ankle] in skeleton.legs {
        let hem = add(ankle, scale(skeleton.ground.up, -0.02));
        put(Shape::limb(hip, knee, [0.092 * girth * size, 0.070 * size]), 0.05);
        put(Shape::limb(knee, hem, [0.070 * size, 0.062 * size]), 0.04);
    }
}

fn top(parts: &mut Vec<Solid<'_>>, look: &Look, skeleton: &Skeleton) {
    let (size, girth) = (skeleton.size, look.build.girth);
    let back = skeleton.back;
    let long = length(sub(skeleton.neck, back.origin));
    let at = |share: f32| back.moved([0.0, share * long, 0.0]);
    // Bowing pulls the hem up.
    let pulled = 0.07 * (1.0 - dot(back.up, skeleton.ground.up)).min(1.0);
    let mut put = |shape, blend| {
        parts.push(Solid {
            shape,
            surface: Surface::Cloth(look.top),
            group: TOP,
            blend,
            pattern: back,
        });
    };
    // Hem to waist, waist to chest, and the shoulders across.
    put(
        Shape::Trunk {
            frame: at(0.13).moved([0.0, pulled, 0.0]),
            half: 0.13 * size - pulled,
            radii: [0.172 * girth * size, 0.156 * girth * size],
            depth: 0.92,
        },
        0.06,
    );
    put(
        Shape::Trunk {
            frame: at(0.55).moved([0.0, 0.0, 0.005]),
            half: 0.13 * size,
            radii: [0.138 * girth * size, 0.172 * girth.sqrt() * size],
            depth: 0.92,
        },
        0.08,
    );
    for ([shoulder, elbow, wrist], side) in skeleton.arms.into_iter().zip(SIDES) {
        let neck = back.point([side * 0.02, 0.985 * long, -0.015]);
        let inner = add(shoulder, back.along([-side * 0.03, 0.005, 0.0]));
        put(Shape::limb(neck, inner, [0.055 * size, 0.066 * size]), 0.06);
        put(
            Shape::limb(shoulder, elbow, [0.066 * girth.sqrt() * size, 0.053 * size]),
            0.03,
        );
        put(Shape::limb(elbow, wrist, [0.053 * size, 0.040 * size]), 0.03);
    }
    parts.push(Solid {
        shape: Shape::limb(
            back.point([0.0, 0.95 * long, 0.012]),
            back.point([0.0, 1.045 * long, -0.005]),
            [0.082, 0.067],
        ),
        surface: Surface::Cloth(look.collar),
        group: COLLAR,
        blend: 0.0,
        pattern: back,
    });
}

fn skin_and_shoes(parts: &mut Vec<Solid<'_>>, look: &Look, skeleton: &Skeleton) {
    let size = skeleton.size;
    let mut put = |shape, surface, group| {
        parts.push(Solid {
            shape,
            surface,
            group,
            blend: 0.02,
            pattern: skeleton.ground,
        });
    };
    let skin = Surface::Skin(look.skin);
    let under_chin = skeleton
        .head
        .point([0.0, -0.3 * FACE_METRES, -0.42 * FACE_METRES]);
    put(Shape::limb(skeleton.neck, under_chin, [0.058, 0.055]), skin, SKIN);
    for [_, elbow, wrist] in skeleton.arms {
        let along = scale(sub(wrist, elbow), 1.0 / length(sub(wrist, elbow)));
        let knuckles = add(wrist, scale(along, 0.085 * size));
        let drop = add(knuckles, skeleton.ground.along([0.0, -0.05, 0.005]));
        put(Shape::limb(wrist, knuckles, [0.030, 0.040]), skin, SKIN);
        put(Shape::limb(knuckles, drop, [0.036, 0.024]), skin, SKIN);
    }
    for [_, knee, ankle] in skeleton.legs {
        // A foot is at a right angle to the shin, and never below the floor.
        let shin = skeleton.ground.components(sub(ankle, knee));
        let tip = shin[2].atan2(-shin[1]);
        let foot = |ahead: f32, down: f32| {
            let (sin, cos) = tip.sin_cos();
            let at = add(
                ankle,
                skeleton
                    .ground
                    .along([0.0, ahead * sin - down * cos, ahead * cos + down * sin]),
            );
            [at[0], at[1].max(0.036), at[2]]
        };
        put(
            Shape::limb(foot(-0.035, 0.04), foot(0.16, 0.045), [0.044, 0.036]),
            Surface::Smooth(look.shoes),
            SHOES,
        );
    }
}

fn head_parts<'a>(parts: &mut Vec<Solid<'a>>, head: &'a Head<'a>) {
    let shape = head.shape;
    // The skull with its hair reaches from the top to the middle of the cheeks; below it is the jaw.
    const CHEEKS: f32 = -0.36;
    let round = (shape.top - CHEEKS) / 2.0;
    let egg = |centre: Vec3, radii: Vec3| Shape::Egg {
        frame: head.frame.moved(scale(centre, FACE_METRES)),
        radii: scale(radii, FACE_METRES),
    };
    let jaw_round = (shape.chin + 0.12) / 2.0;
    let shapes = [
        (
            egg(
                [shape.middle, shape.top - round, -0.42],
                [shape.temples, round, mix(0.50, shape.temples, 0.5)],
            ),
            0.0,
        ),
        (
            egg([0.0, 0.12 - jaw_round, -0.30], [shape.jaw, jaw_round, 0.36]),
            0.12,
        ),
        // The nose.
        (
            Shape::limb(
                head.frame.point([0.0, 0.04 * FACE_METRES, 0.02 * FACE_METRES]),
                head.frame.point([0.0, -0.10 * FACE_METRES, 0.10 * FACE_METRES]),
                [0.010, 0.017],
            ),
            0.05,
        ),
    ];
    for (shape, blend) in shapes {
        parts.push(Solid {
            shape,
            surface: Surface::Head(head),
            group: HEAD,
            blend: blend * FACE_METRES,
            pattern: head.frame,
        });
    }
    for side in SIDES {
        parts.push(Solid {
            shape: egg([side * (shape.temples - 0.03), -0.02, -0.48], [0.045, 0.15, 0.09]),
            surface: Surface::Skin(head.skin),
            group: HEAD,
            blend: 0.01,
            pattern: head.frame,
        });
    }
}
