//! Which frames the detector looks at, and where in them. It looks where something moves, at faces whose name is
//! open, and now and then at everything. Pure: time comes in.

use chrono::{DateTime, TimeDelta, Utc};
use hadir_models::frame::Frame;

use super::mask::Mask;
use super::motion::MotionGate;

/// A look at everything at least this often, whatever moves: somebody who sits still stays present by it.
const WHOLE_AT_LEAST_EVERY: TimeDelta = TimeDelta::milliseconds(2000);
/// Where something moves, and nobody is there whose name is still open, this often will do. A walking person moves
/// by a face's size or so.
const SPARING_EVERY: TimeDelta = TimeDelta::milliseconds(190);
/// What moves is looked at with so much around it, in parts of the frame: a face 3 m away.
const AROUND_MOVEMENT: f32 = 0.04;
/// And a face with so much around it, in its own sizes, because it has gone on meanwhile.
const AROUND_FACE: f32 = 1.0;
/// One that need not be looked for, but reaches into a part, with so much: where it has gone on, that has moved.
const AROUND_SETTLED: f32 = 0.3;
/// Sides of a part are multiples of this in the detector's picture, and at least so many of it.
const CELL: f32 = 32.0;
const CELLS_AT_LEAST: f32 = 4.0;
/// Where so much of the frame changes at once, it is the view that changes, not somebody in it.
const VIEW_CHANGED: f32 = 0.7;
/// A part that is more of the frame than this saves nothing.
const HARDLY_A_PART: f32 = 0.95;

/// How often the detector looks at frames that come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At every frame in which something moved, for somebody who watches.
    Every,
    /// Less often where nothing is lost by it.
    Sparing,
}

/// What was done with a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Look {
    /// The detector looked at all of it.
    #[default]
    Whole,
    /// The detector looked where something may have changed.
    Part(Part),
    /// Nothing moved: what was there is there still.
    Still,
    /// The next one will do.
    Spared,
}

impl Look {
    /// Whether this point, in pixels, was looked at.
    pub(super) fn covers(self, [x, y]: [f32; 2]) -> bool {
        match self {
            Look::Whole => true,
            Look::Part(part) => part.rect().contains([x, y]),
            Look::Still | Look::Spared => false,
        }
    }
}

/// A part of a frame, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Left and top.
    pub(super) corner: (u32, u32),
    /// Width and height.
    pub(super) size: (u32, u32),
}

impl Part {
    /// With sides that suit the detector, of which a pixel is `unit` of the frame's.
    fn around(rect: Rect, frame: [f32; 2], unit: f32) -> Self {
        let [(left, width), (top, height)] = [0, 1].map(|axis| {
            let (from, to) = (rect.from[axis].max(0.0), rect.to[axis].min(frame[axis]));
            let cells = ((to - from) / (CELL * unit)).ceil().max(CELLS_AT_LEAST);
            let size = (cells * CELL * unit).round().min(frame[axis]);
            let corner = (((from + to) - size) / 2.0).clamp(0.0, frame[axis] - size);
            // Rows and columns of colour belong to two of brightness.
            (corner as u32 & !1, size as u32)
        });
        Self {
            corner: (left, top),
            size: (width, height),
        }
    }

    fn rect(self) -> Rect {
        let ((left, top), (width, height)) = (self.corner, self.size);
        Rect {
            from: [left as f32, top as f32],
            to: [(left + width) as f32, (top + height) as f32],
        }
    }
}

/// A face that is being followed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Followed {
    /// Left, top, width, height in pixels.
    pub(super) bounds: [f32; 4],
    /// Its name is open or in doubt, or the last look did not find it again.
    pub(super) open: bool,
}

/// What it was asked before.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    gate: MotionGate,
    whole_at: Option<DateTime<Utc>>,
    last_at: Option<DateTime<Utc>>,
}

impl Looks {
    /// Where to look at this frame, whose longer side the detector sees with `detect_width` pixels.
    pub(super) fn decide(
        &mut self,
        frame: Frame<'_>,
        detect_width: u32,
        mask: &Mask,
        pace: Pace,
        followed: &[Followed],
        now: DateTime<Utc>,
    ) -> Look {
        // Who watches sees what moves behind a mask, too, so faces there have to be found to be hidden.
        let nothing = Mask::default();
        let mask = if pace == Pace::Every { &nothing } else { mask };
        let moved = self.gate.moved(frame, mask);
        let open = followed.iter().any(|face| face.open);
        let since =
            |at: Option<DateTime<Utc>>| at.map(|at| now - at).filter(|since| *since >= TimeDelta::zero());
        let (Some(since_whole), Some(since)) = (since(self.whole_at), since(self.last_at)) else {
            return self.look(Look::Whole, frame.dimensions(), now);
        };
        if since_whole >= WHOLE_AT_LEAST_EVERY {
            self.look(Look::Whole, frame.dimensions(), now)
        } else if open || moved.is_some() && (pace == Pace::Every || since >= SPARING_EVERY) {
            let look =
                part(moved, followed, frame.dimensions(), detect_width).map_or(Look::Whole, Look::Part);
            self.look(look, frame.dimensions(), now)
        } else if moved.is_some() {
            Look::Spared
        } else {
            Look::Still
        }
    }

    /// Whether something has changed in the last frame that was asked about since it was looked at: anywhere, or in a part
    /// (left, top, width, height in pixels).
    pub(super) fn moved(&self) -> bool {
        self.gate.share_changed() > 0.0
    }

    pub(super) fn moved_in(&self, [left, top, w, h]: [f32; 4], (width, height): (u32, u32)) -> bool {
        let (width, height) = (width as f32, height as f32);
        self.gate
            .changed_in([left / width, top / height, (left + w) / width, (top + h) / height])
    }

    /// Whether the view changed as a whole: lamps, a camera that was nudged, the change to infrared.
    pub(super) fn view_changed(&self) -> bool {
        self.gate.share_changed() > VIEW_CHANGED
    }

    fn look(&mut self, look: Look, (width, height): (u32, u32), now: DateTime<Utc>) -> Look {
        self.last_at = Some(now);
        if look == Look::Whole {
            self.whole_at = Some(now);
        }
        self.gate
            .looked(|[x, y]| look.covers([x * width as f32, y * height as f32]));
        look
    }
}

/// The part of a frame with what moved (in parts of the frame: left, top, right, bottom) and the faces to look at;
/// `None` if that is nearly everything. Faces that reach into it are all in it.
fn part(
    moved: Option<[f32; 4]>,
    followed: &[Followed],
    (width, height): (u32, u32),
    detect_width: u32,
) -> Option<Part> {
    let frame = [width as f32, height as f32];
    let moved = moved.map(|[left, top, right, bottom]| {
        Rect {
            from: [left * frame[0], top * frame[1]],
            to: [right * frame[0], bottom * frame[1]],
        }
        .grown(AROUND_MOVEMENT * frame[0])
    });
    let around =
        |face: &Followed, sizes: f32| Rect::of(face.bounds).grown(sizes * face.bounds[2].max(face.bounds[3]));
    let open = followed
        .iter()
        .filter(|face| face.open)
        .map(|face| around(face, AROUND_FACE));
    let mut rect = moved.into_iter().chain(open).reduce(Rect::join)?;
    // Of the frame, for one of the detector's pixels.
    let unit = (frame[0].max(frame[1]) / detect_width as f32).max(1.0);
    let mut part = Part::around(rect, frame, unit);
    let mut others: Vec<&Followed> = followed.iter().filter(|face| !face.open).collect();
    while let Some(at) = others
        .iter()
        .position(|face| Rect::of(face.bounds).touches(part.rect()))
    {
        rect = rect.join(around(others.swap_remove(at), AROUND_SETTLED));
        part = Part::around(rect, frame, unit);
    }
    let share = (part.size.0 as f32 * part.size.1 as f32) / (frame[0] * frame[1]);
    (share <= HARDLY_A_PART).then_some(part)
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Rect {
    from: [f32; 2],
    to: [f32; 2],
}

impl Rect {
    fn of([left, top, width, height]: [f32; 4]) -> Self {
        Self {
            from: [left, top],
            to: [left + width, top + height],
        }
    }

    fn grown(self, by: f32) -> Self {
        Self {
            from: self.from.map(|x| x - by),
            to: self.to.map(|x| x + by),
        }
    }

    fn join(self, other: Self) -> Self {
        Self {
            from: [0, 1].map(|i| self.from[i].min(other.from[i])),
            to: [0, 1].map(|i| self.to[i].max(other.to[i])),
        }
    }

    fn touches(self, other: Self) -> bool {
        (0..2).all(|i| self.from[i] < other.to[i] && other.from[i] < self.to[i])
    }

    fn contains(self, point: [f32; 2]) -> bool {
        (0..2).all(|i| (self.from[i]..self.to[i]).contains(&point[i]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u32, u32) = (1920, 1080);

    fn face(bounds: [f32; 4], open: bool) -> Followed {
        Followed { bounds, open }
    }

    #[test]
    fn a_part_holds_what_moved_and_whole_faces() {
        // A person walks on the left; beside them one face that they touch, on the right one that they do not.
        let beside = face([500.0, 300.0, 80.0, 100.0], false);
        let far = face([1500.0, 300.0, 80.0, 100.0], false);
        let part = part(Some([0.1, 0.2, 0.25, 0.9]), &[beside, far], SIZE, 640).expect("a part");
        let rect = part.rect();
        for corner in [[0.1 * 1920.0, 0.2 * 1080.0], [500.0, 300.0], [580.0, 400.0]] {
            assert!(rect.contains(corner), "{part:?} {corner:?}");
        }
        assert!(!Rect::of(far.bounds).touches(rect), "{part:?}");
        // A part is made larger to suit the detector; it must not cut a face then.
        let near = face([300.0, 300.0, 90.0, 100.0], false);
        let rect = super::part(Some([0.25, 0.3, 0.26, 0.31]), &[near], SIZE, 640)
            .expect("a part")
            .rect();
        assert!(rect.from[0] <= 300.0 && rect.to[1] >= 400.0, "{rect:?}");
        assert_eq!(
            (part.size.0 % 96, part.corner.0 % 2, part.corner.1 % 2),
            (0, 0, 0)
        );
        let part = super::part(None, &[beside, face(far.bounds, true)], SIZE, 640).expect("a part");
        assert!(
            part.rect().contains([1540.0, 350.0]) && part.size.0 < 500,
            "{part:?}"
        );
    }

    #[test]
    fn a_part_is_inside_and_not_tiny() {
        let corner = face([-20.0, 1000.0, 60.0, 70.0], true);
        let part = part(None, &[corner], SIZE, 640).expect("a part");
        assert_eq!((part.corner.0, part.corner.1 + part.size.1), (0, 1080));
        assert!(part.size.0 >= 384 && part.size.1 >= 384, "{part:?}");
        for size in [(640, 360), (1, 1), (33, 2000), (0, 0)] {
            let part = super::part(Some([0.5, 0.5, 0.6, 0.6]), &[corner], size, 640);
            if let Some(part) = part {
                assert!(part.corner.0 + part.size.0 <= size.0, "{part:?}");
                assert!(part.corner.1 + part.size.1 <= size.1, "{part:?}");
            }
        }
    }

    #[test]
    fn nearly_everything_is_everything_and_nothing_is_nothing() {
        assert_eq!(part(Some([0.0, 0.1, 1.0, 0.9]), &[], SIZE, 640), None);
        assert_eq!(part(None, &[face([1.0; 4], false)], SIZE, 640), None);
    }
}
