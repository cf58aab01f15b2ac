//! Parts of a picture in which nothing is looked for: a street behind a window, a screen with faces on it.

/// Polygons, in parts of the frame from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mask {
    polygons: Vec<Vec<[f32; 2]>>,
}

impl Mask {
    /// Hides what is inside of any of these.
    pub(crate) fn new(polygons: Vec<Vec<[f32; 2]>>) -> Self {
        Self { polygons }
    }

    /// Whether a point is inside.
    pub(crate) fn hides(&self, point: [f32; 2]) -> bool {
        self.polygons.iter().any(|polygon| inside(polygon, point))
    }
}

/// By the number of edges to the right of the point: odd inside.
fn inside(polygon: &[[f32; 2]], [x, y]: [f32; 2]) -> bool {
    let next = polygon.iter().cycle().skip(1);
    let crossed = polygon
        .iter()
        .zip(next)
        .filter(|([x0, y0], [x1, y1])| (*y0 > y) != (*y1 > y) && x < x0 + (y - y0) / (y1 - y0) * (x1 - x0));
    crossed.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_inside_are_hidden() {
        let mask = Mask::new(vec![
            vec![[0.1, 0.1], [0.4, 0.1], [0.1, 0.4]],
            // Not convex: a notch from above.
            vec![[0.5, 0.5], [0.9, 0.5], [0.9, 0.9], [0.7, 0.6], [0.5, 0.9]],
        ]);
        for (point, hidden) in [
            ([0.15, 0.15], true),
            ([0.35, 0.35], false),
            ([0.55, 0.7], true),
            ([0.7, 0.8], false),
            ([0.7, 0.55], true),
            ([0.95, 0.7], false),
            ([f32::NAN, 0.2], false),
        ] {
            assert_eq!(mask.hides(point), hidden, "{point:?}");
        }
        assert!(!Mask::default().hides([0.5, 0.5]));
    }
}
