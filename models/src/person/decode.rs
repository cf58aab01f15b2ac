//! From the network's numbers to bodies, as NanoDet's authors decode them: each side of a box is the expectation over
//! eleven distances (generalised focal loss, Li et al. 2020).

use super::Body;
use super::network::OUTPUTS;
use crate::levels::Map;

/// Distances that a side of a box is spread over, in cells: 0, 1, …
const BINS: usize = 11;
/// Sides of a box: left, top, right, bottom.
const SIDES: usize = 4;

/// Every body whose score reaches the threshold, level by level, row by row; pixels of the network's picture.
pub(super) fn bodies(maps: &[Map<'_>], threshold: f32) -> Vec<Body> {
    let mut bodies = Vec::new();
    for map in maps {
        for (i, cell) in map.cells.as_chunks::<OUTPUTS>().0.iter().enumerate() {
            let score = sigmoid(cell[0]);
            if score >= threshold {
                let sides = &cell[1..=SIDES * BINS];
                bodies.push(body(
                    sides,
                    score,
                    (i % map.cols) as f32,
                    (i / map.cols) as f32,
                    map.stride as f32,
                ));
            }
        }
    }
    bodies.retain(|body| body.bounds.iter().all(|x| x.is_finite()));
    bodies
}

fn body(sides: &[f32], score: f32, col: f32, row: f32, stride: f32) -> Body {
    let (x, y) = ((col + 0.5) * stride, (row + 0.5) * stride);
    let distance = |side: usize| expectation(&sides[side * BINS..][..BINS]) * stride;
    let (left, top) = (x - distance(0), y - distance(1));
    Body {
        bounds: [left, top, x + distance(2) - left, y + distance(3) - top],
        score,
    }
}

/// The mean of 0, 1, …, weighted by the softmax of these logits.
fn expectation(logits: &[f32]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut weights) = (0.0, 0.0);
    for (i, logit) in logits.iter().enumerate() {
        let weight = (logit - most).exp();
        sum += i as f32 * weight;
        weights += weight;
    }
    sum / weights
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_becomes_a_box_around_its_middle() {
        let off = {
            let mut cell = [0.0; OUTPUTS];
            cell[0] = -9.0;
            cell
        };
        let mut cell = [0.0; OUTPUTS];
        cell[0] = 2.0;
        // One distance alone: 1, 2, 3 and 4 cells.
        for side in 0..SIDES {
            cell[1 + side * BINS + side + 1] = 60.0;
        }
        let cells = [off, off, off, off, off, cell];
        let map = Map {
            stride: 16,
            cols: 3,
            cells: cells.as_flattened(),
        };
        let found = bodies(&[map], 0.4);
        let [found] = found.as_slice() else {
            panic!("one body, not {found:?}")
        };
        // Row 1, column 2.
        assert_eq!(found.bounds, [40.0 - 16.0, 24.0 - 32.0, 16.0 + 48.0, 32.0 + 64.0]);
        assert!((found.score - 0.880_797).abs() < 1e-5);
    }

    #[test]
    fn numbers_that_are_none_make_no_body() {
        let mut infinite = [f32::INFINITY; OUTPUTS];
        infinite[0] = 9.0;
        let cells = [[f32::NAN; OUTPUTS], infinite];
        let map = Map {
            stride: 8,
            cols: 2,
            cells: cells.as_flattened(),
        };
        assert_eq!(bodies(&[map], 0.0), []);
    }
}
