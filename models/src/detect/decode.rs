//! From the network's numbers to faces, as OpenCV's `FaceDetectorYNImpl::postProcess` does it.

use super::Face;
use super::network::OUTPUTS;
use crate::levels::Map;

/// Every face whose score reaches the threshold, level by level, row by row.
pub(super) fn faces(maps: &[Map<'_>], threshold: f32) -> Vec<Face> {
    // The score is the geometric mean of two probabilities, so each of them has to reach its square. Compared
    // before the sigmoid, this spares all but a few cells the exponentials.
    let least = logit(threshold.max(0.0).powi(2));
    let mut faces = Vec::new();
    for map in maps {
        for (i, cell) in map.cells.as_chunks::<OUTPUTS>().0.iter().enumerate() {
            let [cls, obj, rest @ ..] = cell;
            if *cls < least || *obj < least {
                continue;
            }
            let score = (sigmoid(*cls) * sigmoid(*obj)).sqrt();
            if score >= threshold {
                faces.push(face(
                    rest,
                    score,
                    (i % map.cols) as f32,
                    (i / map.cols) as f32,
                    map.stride as f32,
                ));
            }
        }
    }
    faces.retain(|face| {
        face.bounds
            .iter()
            .chain(face.landmarks.as_flattened())
            .all(|x| x.is_finite())
    });
    faces
}

fn face(numbers: &[f32; OUTPUTS - 2], score: f32, col: f32, row: f32, stride: f32) -> Face {
    let [dx, dy, log_width, log_height, points @ ..] = numbers;
    let (x, y) = ((col + dx) * stride, (row + dy) * stride);
    let (width, height) = (log_width.exp() * stride, log_height.exp() * stride);
    let landmark = |i: usize| [(points[2 * i] + col) * stride, (points[2 * i + 1] + row) * stride];
    Face {
        bounds: [x - width / 2.0, y - height / 2.0, width, height],
        landmarks: std::array::from_fn(landmark),
        score,
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The inverse of the sigmoid, a little lower, so that rounding loses nothing.
fn logit(p: f32) -> f32 {
    (p / (1.0 - p)).ln() - 1e-3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(cells: &[[f32; OUTPUTS]], cols: usize) -> Map<'_> {
        Map {
            stride: 8,
            cols,
            cells: cells.as_flattened(),
        }
    }

    #[test]
    fn a_cell_becomes_a_box_around_its_shifted_middle() {
        let mut cell = [0.0; OUTPUTS];
        (cell[0], cell[1]) = (2.0, 2.0);
        (cell[2], cell[3], cell[4], cell[5]) = (0.5, -0.5, 2.0f32.ln(), 4.0f32.ln());
        (cell[6], cell[7], cell[14], cell[15]) = (-0.25, 0.25, 1.0, 2.0);
        let off = [-9.0; OUTPUTS];
        let found = faces(&[map(&[off, off, off, off, off, cell], 3)], 0.6);
        let [face] = found.as_slice() else {
            panic!("one face, not {found:?}")
        };
        // Row 1, column 2.
        assert_eq!(face.bounds, [20.0 - 8.0, 4.0 - 16.0, 16.0, 32.0]);
        assert_eq!(face.landmarks[0], [14.0, 10.0]);
        assert_eq!(face.landmarks[4], [24.0, 24.0]);
        assert!((face.score - 0.880_797).abs() < 1e-5);
    }

    #[test]
    fn the_score_is_the_geometric_mean_of_both_probabilities() {
        let scored = |cls: f32, obj: f32| {
            let mut cell = [0.0; OUTPUTS];
            (cell[0], cell[1]) = (cls, obj);
            [cell]
        };
        let exact = |x: f32| 1.0 / (1.0 + (-f64::from(x)).exp());
        for cls in [-3.0, -0.6, 0.0, 0.4, 5.0, 40.0] {
            for obj in [-3.0, -0.6, 0.0, 0.4, 5.0, 40.0] {
                let expected = (exact(cls) * exact(obj)).sqrt() as f32;
                for threshold in [0.3, 0.6, 0.9] {
                    let found = faces(&[map(&scored(cls, obj), 1)], threshold);
                    assert_eq!(
                        found.len(),
                        usize::from(expected >= threshold),
                        "{cls} {obj} {threshold}"
                    );
                    assert!(found.iter().all(|face| (face.score - expected).abs() < 1e-6));
                }
            }
        }
    }

    #[test]
    fn numbers_beyond_reason_make_no_face() {
        let mut cell = [0.0; OUTPUTS];
        (cell[0], cell[1], cell[4]) = (9.0, 9.0, 1e9);
        assert!(faces(&[map(&[cell, [f32::NAN; OUTPUTS]], 2)], 0.6).is_empty());
    }

    #[test]
    fn every_threshold_is_defined() {
        let cell = [0.5; OUTPUTS];
        assert_eq!(faces(&[map(&[cell], 1)], 0.0).len(), 1);
        assert_eq!(faces(&[map(&[cell], 1)], 1.0).len(), 0);
        assert_eq!(faces(&[map(&[cell], 1)], 2.0).len(), 0);
    }
}
