//! Comparing embeddings: cosine similarity, and the people of a gallery in the order of likeness.

use crate::embed::Embedding;

/// Cosine of the angle between two embeddings: 1 for the same direction, about 0 for strangers.
pub fn cosine(a: &Embedding, b: &Embedding) -> f32 {
    dot(a.as_slice(), b.as_slice())
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Sixteen sums, so that the compiler may use wide registers.
    let mut sums = [0.0; 16];
    for (a, b) in a.chunks(16).zip(b.chunks(16)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// The templates of several people, ready to be searched.
#[derive(Clone, Debug)]
pub struct Index<K> {
    people: Vec<(K, Vec<Embedding>)>,
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self { people: Vec::new() }
    }
}

impl<K> Index<K> {
    /// People with their templates. Those without a template can never be found, and are left out.
    pub fn new(people: impl IntoIterator<Item = (K, Vec<Embedding>)>) -> Self {
        Self {
            people: people
                .into_iter()
                .filter(|(_, templates)| !templates.is_empty())
                .collect(),
        }
    }

    /// How many people can be found.
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// Whether there is nobody to be found.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Everybody, most alike first, with the cosine of the most alike of their templates; of equals the one
    /// who was given first.
    pub fn rank(&self, probe: &Embedding) -> Vec<(&K, f32)> {
        let best = |templates: &[Embedding]| templates.iter().map(|t| cosine(t, probe)).fold(-1.0, f32::max);
        let mut ranked: Vec<(&K, f32)> = self.people.iter().map(|(key, t)| (key, best(t))).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A direction in the plane of the first two axes.
    fn at(degrees: f32) -> Embedding {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let mut values = vec![0.0; 128];
        (values[0], values[1]) = (3.0 * cos, 3.0 * sin);
        Embedding::new(values).expect("a direction")
    }

    #[test]
    fn the_cosine_is_that_of_the_angle() {
        for (degrees, expected) in [(0.0, 1.0), (60.0, 0.5), (90.0, 0.0), (180.0, -1.0)] {
            assert!((cosine(&at(10.0), &at(10.0 + degrees)) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn people_are_ranked_by_their_most_alike_template() {
        let index = Index::new([
            ("far", vec![at(170.0)]),
            ("two", vec![at(90.0), at(20.0)]),
            ("one", vec![at(40.0)]),
        ]);
        let ranked = index.rank(&at(0.0));
        assert_eq!(
            ranked.iter().map(|(key, _)| **key).collect::<Vec<_>>(),
            ["two", "one", "far"]
        );
        assert!((ranked[0].1 - 20f32.to_radians().cos()).abs() < 1e-6);
    }

    #[test]
    fn nobody_is_found_without_templates() {
        let index = Index::new([("nobody", vec![])]);
        assert!(index.is_empty());
        assert!(index.rank(&at(0.0)).is_empty());
    }

    #[test]
    fn equal_people_keep_their_order() {
        let index = Index::new([("b", vec![at(0.0)]), ("a", vec![at(0.0)])]);
        assert_eq!(index.rank(&at(5.0))[0].0, &"b");
    }
}
