//! Drawn people: clothed bodies that stand, walk, sit and bend, seen from any side, with the face of a cut-out
//! on the front of the head; and the furniture around them.
//!
//! Everything is put together from simple solids (see `solid`) and cast into the frame at once (see `cast`),
//! so what is nearer hides what is farther away, within a body as between a sitter and their chair.

mod body;
mod cast;
mod furniture;
mod head;
mod shadow;
mod solid;

use super::person::Person;
use super::scene::{Scene, Vec3};
use head::{Head, Photograph};
use solid::{Frame, Solid};

pub use cast::Bounds;
pub use furniture::{Block, Chair, Shelf};

/// How somebody is built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Build {
    /// Height in metres.
    pub height: f32,
    /// How stout, relative to somebody of middling girth.
    pub girth: f32,
}

/// What somebody looks like. Colours are the share of red, green and blue that is thrown back, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Whose face is on the front of the head; without one: nobody's.
    pub face: Option<Person>,
    /// The colour of shirt, jumper or jacket.
    pub top: Vec3,
    /// The colour of the collar.
    pub collar: Vec3,
    /// The colour of the trousers.
    pub trousers: Vec3,
    /// The colour of the shoes.
    pub shoes: Vec3,
    /// The colour of the hair.
    pub hair: Vec3,
    /// The colour of the skin.
    pub skin: Vec3,
    /// Height and girth.
    pub build: Build,
}

/// What somebody does with their body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Posture {
    /// On both feet.
    Standing,
    /// In the middle of a walk.
    Walking {
        /// How far into a double step, in radians.
        phase: f32,
    },
    /// On a chair of the usual height.
    Seated,
    /// Bowed forward with slack knees.
    Bending {
        /// How far: 0 (upright) to 1 (the back is level).
        share: f32,
    },
}

/// Where somebody is at one moment, and how they hold themselves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stance {
    /// Metres to the right of the corridor's middle, and away from the camera's wall.
    pub place: [f32; 2],
    /// Where the body looks, in radians: 0 is towards the camera, positive to their left.
    pub facing: f32,
    /// How far the head is turned from there, in radians.
    pub head: f32,
    /// What they do.
    pub posture: Posture,
    /// Leaning to their left, in radians.
    pub sway: f32,
}

/// The [`Stance::facing`] of somebody at `place` who goes in this direction (right, away from the camera).
pub fn facing_along(place: [f32; 2], [right, away]: [f32; 2]) -> f32 {
    right.atan2(-away) - towards_camera(place)
}

/// Which way the camera is from here, as the yaw of a [`Frame`].
fn towards_camera([x, z]: [f32; 2]) -> f32 {
    (-x).atan2(z)
}

/// Where furniture stands, which way it looks (0 is towards the camera).
fn ground([x, z]: [f32; 2], facing: f32) -> Frame {
    Frame::upright([x, 0.0, z], facing + towards_camera([x, z]))
}

/// Somebody who can be drawn.
pub struct Figure {
    /// What they look like.
    pub look: Look,
    photograph: Option<Photograph>,
}

impl Figure {
    /// Makes somebody with this look.
    ///
    /// # Errors
    /// When the fixture of the face is no picture.
    pub fn new(look: Look) -> Result<Self, image::ImageError> {
        let photograph = look.face.map(Photograph::load).transpose()?;
        Ok(Self { look, photograph })
    }

    /// Where they would be in the picture if nothing hid them.
    pub fn bounds(&self, scene: &Scene, stance: &Stance) -> Bounds {
        let skeleton = body::Skeleton::new(&self.look, stance, scene.camera);
        let head = self.head(&skeleton);
        let solids = body::solids(&self.look, &skeleton, &head);
        solids
            .iter()
            .map(|s| cast::bounds(scene.camera, s, 0.0))
            .reduce(Bounds::including)
            .unwrap_or(Bounds::NOTHING)
    }

    fn head(&self, skeleton: &body::Skeleton) -> Head<'_> {
        Head {
            frame: skeleton.head,
            shape: head::HeadShape::of(self.look.face),
            photograph: self.photograph.as_ref(),
            hair: self.look.hair,
            skin: self.look.skin,
            turned_away: skeleton.turned_away,
        }
    }
}

/// Something to draw.
#[derive(Clone, Copy)]
pub enum Thing<'a> {
    /// Somebody.
    Person(&'a Figure, Stance),
    /// An office chair.
    Chair(Chair),
    /// A pillar, a wall or a counter.
    Block(Block),
    /// A shelf with boxes.
    Shelf(Shelf),
}

/// Puts people and furniture into a frame of linear light, with the shadows that they throw on the place.
pub fn draw(frame: &mut [Vec3], scene: &Scene, things: &[Thing<'_>]) {
    let heads: Vec<Option<(body::Skeleton, Head<'_>)>> = things
        .iter()
        .map(|thing| match thing {
            Thing::Person(figure, stance) => {
                let skeleton = body::Skeleton::new(&figure.look, stance, scene.camera);
                let head = figure.head(&skeleton);
                Some((skeleton, head))
            }
            Thing::Chair(_) | Thing::Block(_) | Thing::Shelf(_) => None,
        })
        .collect();
    let mut solids: Vec<Solid<'_>> = Vec::new();
    let mut posts = Vec::new();
    for (thing, head) in things.iter().zip(&heads) {
        let first = solids.last().map_or(0, |s| s.group + 1);
        let parts = match (thing, head) {
            (Thing::Person(figure, _), Some((skeleton, head))) => {
                posts.extend(skeleton.posts());
                body::solids(&figure.look, skeleton, head)
            }
            (Thing::Chair(chair), _) => {
                posts.extend(chair.posts());
                chair.solids()
            }
            (Thing::Block(block), _) => {
                posts.push(block.post());
                block.solids()
            }
            (Thing::Shelf(shelf), _) => {
                posts.push(shelf.post());
                shelf.solids()
            }
            (Thing::Person(..), None) => Vec::new(),
        };
        solids.extend(parts.into_iter().map(|part| Solid {
            group: part.group + first,
            ..part
        }));
    }
    shadow::draw(frame, scene, &posts);
    cast::cast(frame, scene, &solids);
}

#[cfg(test)]
mod tests {
    use super::super::scene::{Camera, Place, WIDTH};
    use super::*;

    fn somebody() -> Figure {
        let look = Look {
            face: None,
            top: [0.3, 0.05, 0.05],
            collar: [0.5; 3],
            trousers: [0.03; 3],
            shoes: [0.02; 3],
            hair: [0.02; 3],
            skin: [0.36, 0.21, 0.13],
            build: Build {
                height: 1.75,
                girth: 1.0,
            },
        };
        Figure::new(look).expect("no fixture is read")
    }

    const STANCE: Stance = Stance {
        place: [0.3, 5.0],
        facing: 0.4,
        head: 0.0,
        posture: Posture::Standing,
        sway: 0.0,
    };

    fn drawn(scene: &Scene, things: &[Thing<'_>]) -> Vec<Vec3> {
        let mut frame = scene.pixels.clone();
        draw(&mut frame, scene, things);
        frame
    }

    #[test]
    fn somebody_is_where_their_bounds_say() {
        let scene = Scene::paint_from(Place::Store, Camera::WIDE);
        let figure = somebody();
        let bounds = figure.bounds(&scene, &STANCE);
        assert!(
            (150.0..200.0).contains(&(bounds.bottom - bounds.top)),
            "{bounds:?}"
        );
        let frame = drawn(&scene, &[Thing::Person(&figure, STANCE)]);
        let (x, y) = (
            (bounds.left + bounds.right) / 2.0,
            bounds.top + 0.35 * (bounds.bottom - bounds.top),
        );
        let [red, green, _] = frame[y as usize * WIDTH + x as usize];
        assert!(red > 2.0 * green, "the red top is not there: {red} {green}");
    }

    #[test]
    fn what_is_nearer_hides_what_is_farther_whatever_the_order() {
        let scene = Scene::paint_from(Place::Store, Camera::WIDE);
        let figure = somebody();
        let wall = Thing::Block(Block {
            place: [0.2, 3.5],
            facing: 0.0,
            size: [1.6, 2.2, 0.1],
            colour: [0.5; 3],
        });
        let person = Thing::Person(&figure, STANCE);
        let frame = drawn(&scene, &[wall, person]);
        assert!(frame == drawn(&scene, &[person, wall]));
        assert!(frame.iter().all(|[red, green, _]| *red < 2.0 * green));
    }

    #[test]
    fn somebody_who_comes_towards_the_camera_faces_it() {
        let place = [1.0, 4.0];
        assert!(facing_along(place, [-1.0, -4.0]).abs() < 1e-5);
        assert!(facing_along([0.0, 4.0], [1.0, 0.0]) > 1.5);
    }
}
