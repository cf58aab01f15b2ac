//! Of boxes that lie over each other the best one stays, as OpenCV's `dnn::NMSBoxes` decides it.

/// Something that a detector found.
pub(crate) trait Scored {
    /// Left, top, width, height.
    fn bounds(&self) -> [f32; 4];
    /// How sure the detector is.
    fn score(&self) -> f32;
}

/// A box in whole pixels: OpenCV compares boxes after cutting off their fractions.
#[derive(Clone, Copy)]
struct Bounds {
    left: i64,
    top: i64,
    right: i64,
    bottom: i64,
}

impl Bounds {
    fn of(found: &impl Scored) -> Self {
        let [x, y, width, height] = found.bounds().map(|v| v as i64);
        Self {
            left: x,
            top: y,
            right: x.saturating_add(width),
            bottom: y.saturating_add(height),
        }
    }

    fn area(self) -> f64 {
        (self.right - self.left).max(0) as f64 * (self.bottom - self.top).max(0) as f64
    }

    /// Intersection over union; 1 for two empty boxes.
    fn overlap(self, other: Self) -> f32 {
        let shared = Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        };
        let (sum, shared) = (self.area() + other.area(), shared.area());
        if sum <= f64::EPSILON {
            1.0
        } else {
            (shared / (sum - shared)) as f32
        }
    }
}

/// Those that stay of the best `top_k`, best score first; of equal scores the earlier one first.
pub(crate) fn suppress<T: Scored>(mut found: Vec<T>, iou: f32, top_k: usize) -> Vec<T> {
    found.sort_by(|a, b| b.score().total_cmp(&a.score()));
    found.truncate(top_k);
    let mut kept: Vec<Bounds> = Vec::new();
    found.retain(|one| {
        let bounds = Bounds::of(one);
        let stays = kept.iter().all(|other| bounds.overlap(*other) <= iou);
        if stays {
            kept.push(bounds);
        }
        stays
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Face;

    fn check(faces: &[([f32; 4], f32)], top_k: usize, stay: &[f32]) {
        let faces = faces.iter().map(|&(bounds, score)| Face {
            bounds,
            landmarks: [[0.0; 2]; 5],
            score,
        });
        let scores: Vec<f32> = suppress(faces.collect(), 0.3, top_k)
            .iter()
            .map(|f| f.score)
            .collect();
        assert_eq!(scores, stay);
    }

    #[test]
    fn the_best_of_overlapping_boxes_stays() {
        let (a, nearly_a, b) = (
            [0.0, 0.0, 10.0, 10.0],
            [1.0, 1.0, 10.0, 10.0],
            [30.0, 0.0, 10.0, 10.0],
        );
        check(&[], 5000, &[]);
        check(&[(a, 0.7), (nearly_a, 0.9), (b, 0.8)], 5000, &[0.9, 0.8]);
        check(&[(a, 0.7), (nearly_a, 0.9), (b, 0.8)], 1, &[0.9]);
        check(&[(a, 0.7), (b, 0.8)], 0, &[]);
    }

    #[test]
    fn a_box_is_held_against_those_that_stay_only() {
        // The second falls to the first; the third overlaps the second alone, so it stays.
        let row = [
            ([0.0, 0.0, 10.0, 10.0], 0.9),
            ([5.0, 0.0, 10.0, 10.0], 0.8),
            ([10.0, 0.0, 10.0, 10.0], 0.7),
        ];
        check(&row, 5000, &[0.9, 0.7]);
    }

    #[test]
    fn an_overlap_of_exactly_the_threshold_stays() {
        // Intersection 30, union 100.
        check(
            &[([0.0, 0.0, 10.0, 10.0], 0.9), ([0.0, 0.0, 3.0, 10.0], 0.8)],
            5000,
            &[0.9, 0.8],
        );
        check(
            &[([0.0, 0.0, 10.0, 10.0], 0.9), ([0.0, 0.0, 4.0, 10.0], 0.8)],
            5000,
            &[0.9],
        );
    }

    #[test]
    fn empty_and_enormous_boxes_are_defined() {
        check(
            &[([0.5, 0.5, 0.2, 0.2], 0.9), ([5.0, 5.0, 0.2, 0.2], 0.8)],
            5000,
            &[0.9],
        );
        check(
            &[([-1e30, -1e30, 1e30, 1e30], 0.9), ([1e30, 1e30, 1e30, 1e30], 0.8)],
            5000,
            &[0.9, 0.8],
        );
    }
}
