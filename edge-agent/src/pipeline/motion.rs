//! The motion gate: whether a frame is worth a look, so that an empty corridor costs next to nothing.
//!
//! The frame's brightness is averaged over a grid of cells and compared with the frame that was last looked at, so
//! slow changes add up until they are seen. A cell has changed when it differs by more than the noise that it shows
//! while nothing happens; a change of all cells alike is the light, or the camera's exposure. Pure.

use hadir_models::frame::Frame;

use super::mask::Mask;

/// Cells across and down: about a face 3 m away in the picture of a usual camera.
const COLUMNS: usize = 48;
const ROWS: usize = 27;
/// Cells that differ by less than this (levels of 255) have not changed, however little noise they show.
const LEAST_CHANGE: f32 = 1.6;
/// And they have changed from so many times their usual noise on.
const TIMES_NOISE: f32 = 6.0;
/// How much of a cell's noise is learnt from one frame, at least; from the first ones more.
const LEARN: f32 = 0.05;
/// Noise is learnt from differences up to this; larger ones are movement.
const NOISE_MOST: f32 = 4.0;
/// More noise than this is never assumed, so that no cell goes blind.
const NOISE_LIMIT: f32 = 2.0;

/// What the gate knows.
#[derive(Clone, Debug, Default)]
pub(super) struct MotionGate {
    /// Of the frame before.
    last: Vec<f32>,
    /// Of the frame that was last looked at.
    looked_at: Vec<f32>,
    /// The usual difference from one frame to the next, and from how many frames it was learnt.
    noise: Vec<f32>,
    learnt: u16,
    size: (u32, u32),
    /// Cells that have changed since they were last looked at, as of the last frame.
    changed: Vec<usize>,
    /// Memory.
    now: Vec<f32>,
}

impl MotionGate {
    /// Where something outside the mask has changed since the last look: left, top, right and bottom in parts of the
    /// frame. The first frame has always changed, everywhere.
    pub(super) fn moved(&mut self, frame: Frame<'_>, mask: &Mask) -> Option<[f32; 4]> {
        let size = frame.dimensions();
        let mut now = std::mem::take(&mut self.now);
        averages(frame, &mut now);
        let first = self.size != size || self.looked_at.is_empty();
        if first {
            self.size = size;
            self.noise = vec![LEAST_CHANGE / TIMES_NOISE; now.len()];
            self.learnt = 0;
            self.looked_at.clone_from(&now);
        } else {
            self.learnt = self.learnt.saturating_add(1);
            let learn = LEARN.max(1.0 / f32::from(self.learnt));
            let light = median(now.iter().zip(&self.last).map(|(a, b)| a - b));
            for ((noise, now), last) in self.noise.iter_mut().zip(&now).zip(&self.last) {
                let change = (now - last - light).abs();
                if change < NOISE_MOST {
                    *noise = (*noise + learn * (change - *noise)).min(NOISE_LIMIT);
                }
            }
        }
        let light = median(now.iter().zip(&self.looked_at).map(|(a, b)| a - b));
        // What one cell has shown so far may be too little by chance; the sensor is the same everywhere.
        let usual = median(self.noise.iter().copied());
        self.changed.clear();
        self.changed.extend((0..now.len()).filter(|i| {
            let change = (now[*i] - self.looked_at[*i] - light).abs();
            change > LEAST_CHANGE.max(TIMES_NOISE * self.noise[*i].max(usual)) && !mask.hides(centre(*i))
        }));
        let cells = self.changed.iter().map(|i| cell(*i));
        let moved = match first {
            true => Some([0.0, 0.0, 1.0, 1.0]),
            false => cells.reduce(|[left, top, right, bottom], [l, t, r, b]| {
                [left.min(l), top.min(t), right.max(r), bottom.max(b)]
            }),
        };
        self.now = std::mem::replace(&mut self.last, now);
        moved
    }

    /// Whether something has changed, as of the last frame, in this part: left, top, right and bottom in parts of the
    /// frame.
    pub(super) fn changed_in(&self, [left, top, right, bottom]: [f32; 4]) -> bool {
        self.changed.iter().any(|i| {
            let [x, y] = centre(*i);
            (left..right).contains(&x) && (top..bottom).contains(&y)
        })
    }

    /// How much of the frame has changed, as of the last one: 0 to 1.
    pub(super) fn share_changed(&self) -> f32 {
        self.changed.len() as f32 / (COLUMNS * ROWS) as f32
    }

    /// The frame that was asked about last is being looked at, where this says so of a point in parts of the frame.
    pub(super) fn looked(&mut self, at: impl Fn([f32; 2]) -> bool) {
        for (i, (looked_at, last)) in self.looked_at.iter_mut().zip(&self.last).enumerate() {
            if at(centre(i)) {
                *looked_at = *last;
            }
        }
    }
}

/// Where a cell is: left, top, right and bottom in parts of the frame.
fn cell(i: usize) -> [f32; 4] {
    let (column, row) = ((i % COLUMNS) as f32, (i / COLUMNS) as f32);
    let (columns, rows) = (COLUMNS as f32, ROWS as f32);
    [
        column / columns,
        row / rows,
        (column + 1.0) / columns,
        (row + 1.0) / rows,
    ]
}

fn centre(i: usize) -> [f32; 2] {
    let [left, top, right, bottom] = cell(i);
    [(left + right) / 2.0, (top + bottom) / 2.0]
}

/// The average brightness of each cell; every second row is enough.
fn averages(frame: Frame<'_>, cells: &mut Vec<f32>) {
    let (width, height) = frame.dimensions();
    let (width, height) = (width as usize, height as usize);
    cells.clear();
    cells.resize(COLUMNS * ROWS, 0.0);
    if width < COLUMNS || height < ROWS {
        // Too small for a face, too: it never moves.
        return;
    }
    for (row, cells) in cells.chunks_exact_mut(COLUMNS).enumerate() {
        let (top, bottom) = (row * height / ROWS, (row + 1) * height / ROWS);
        let mut sums = [0u64; COLUMNS];
        let mut rows = 0;
        for y in (top..bottom).step_by(2) {
            rows += 1;
            let bytes = frame.brightness(y);
            let step = bytes.len() / width;
            for (column, sum) in sums.iter_mut().enumerate() {
                let (left, right) = (column * width / COLUMNS, (column + 1) * width / COLUMNS);
                let bytes = &bytes[left * step..right * step];
                *sum += bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            }
        }
        for (column, (cell, sum)) in cells.iter_mut().zip(sums).enumerate() {
            let columns = (column + 1) * width / COLUMNS - column * width / COLUMNS;
            let step = frame.brightness(top).len() / width;
            *cell = sum as f32 / (rows * columns * step) as f32;
        }
    }
}

fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        _ => *values.select_nth_unstable_by(middle, f32::total_cmp).1,
    }
}

#[cfg(test)]
mod tests {
    use hadir_models::FrameBuf;
    use image::{Rgb, RgbImage};

    use super::*;

    /// A scene with sensor noise of this standard deviation (about), and a grey square of 20 pixels at `at`.
    fn scene(seed: u32, noise: f32, light: f32, at: Option<u32>) -> FrameBuf {
        let mut state = seed.wrapping_mul(2_654_435_761).max(1);
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as f32 / 16_777_216.0 - 0.5
        };
        let image = RgbImage::from_fn(640, 360, |x, y| {
            let square = at.is_some_and(|at| (at..at + 20).contains(&x) && (100..120).contains(&y));
            let scene = if square {
                150.0
            } else {
                60.0 + (x / 8 % 2 * 40) as f32
            };
            let value = scene + light + noise * 3.46 * random();
            Rgb([value.clamp(0.0, 255.0) as u8; 3])
        });
        image.into()
    }

    fn moves(gate: &mut MotionGate, frame: &FrameBuf) -> bool {
        let moved = gate.moved(frame.into(), &Mask::default()).is_some();
        if moved {
            gate.looked(|_| true);
        }
        moved
    }

    #[test]
    fn noise_and_light_are_no_movement_and_a_face_is() {
        for noise in [0.0, 4.0, 12.0] {
            let mut gate = MotionGate::default();
            assert!(moves(&mut gate, &scene(1, noise, 0.0, None)), "the first");
            let still = (2..40)
                .filter(|i| moves(&mut gate, &scene(*i, noise, 0.0, None)))
                .count();
            assert!(still <= 3, "{noise}: {still} of 38 still frames moved");
            assert!(
                !moves(&mut gate, &scene(50, noise, 15.0, None)),
                "{noise}: the light changed"
            );
            assert!(
                moves(&mut gate, &scene(51, noise, 15.0, Some(200))),
                "{noise}: somebody came"
            );
            assert!(
                !moves(&mut gate, &scene(52, noise, 15.0, Some(200))),
                "{noise}: and stands"
            );
            assert!(
                moves(&mut gate, &scene(53, noise, 15.0, Some(206))),
                "{noise}: and moves a little"
            );
            assert!(
                moves(&mut gate, &scene(54, noise, 15.0, None)),
                "{noise}: and is gone"
            );
        }
    }

    #[test]
    fn slow_changes_add_up() {
        let mut gate = MotionGate::default();
        let moved = (0..20)
            .filter(|i| moves(&mut gate, &scene(i + 1, 1.0, 0.0, Some(200 + i))))
            .count();
        assert!(moved >= 3, "{moved}");
    }

    #[test]
    fn what_is_masked_does_not_move_and_sizes_may_change() {
        let mask = Mask::new(vec![vec![[0.2, 0.2], [0.5, 0.2], [0.5, 0.5], [0.2, 0.5]]]);
        let mut gate = MotionGate::default();
        let moved = gate.moved((&scene(1, 1.0, 0.0, None)).into(), &mask);
        assert_eq!(moved, Some([0.0, 0.0, 1.0, 1.0]));
        gate.looked(|_| true);
        assert_eq!(gate.moved((&scene(2, 1.0, 0.0, Some(220))).into(), &mask), None);
        let moved = gate.moved((&scene(3, 1.0, 0.0, Some(500))).into(), &mask);
        let [left, top, right, bottom] = moved.expect("moved").map(|x| (x * 1000.0).round() / 1000.0);
        // The square of 20 pixels at 500, 100 in 640 × 360.
        assert!(
            left <= 0.781 && right >= 0.812 && right - left < 0.06,
            "{left} {right}"
        );
        assert!(
            top <= 0.278 && bottom >= 0.333 && bottom - top < 0.12,
            "{top} {bottom}"
        );
        // Only what was looked at is forgotten.
        gate.looked(|[x, _]| x < 0.5);
        assert!(
            gate.moved((&scene(4, 1.0, 0.0, Some(500))).into(), &mask)
                .is_some()
        );
        gate.looked(|[x, _]| x > 0.5);
        assert_eq!(gate.moved((&scene(5, 1.0, 0.0, Some(500))).into(), &mask), None);
        for size in [(1, 1), (0, 0), (47, 400), (100, 30), (640, 360)] {
            let frame = FrameBuf::from(RgbImage::new(size.0, size.1));
            assert!(gate.moved((&frame).into(), &mask).is_some(), "{size:?}");
            gate.looked(|_| true);
            assert_eq!(gate.moved((&frame).into(), &mask), None, "{size:?}");
        }
    }
}
