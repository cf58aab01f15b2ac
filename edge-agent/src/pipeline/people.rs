//! The people whom faces are compared with: the gallery as the pipeline uses it.

use std::collections::HashMap;
use std::sync::Arc;

use hadir_models::embed::Embedding;
use hadir_models::matching;

/// Who somebody is: an employee's id, or a folder's name in a test.
pub(crate) type PersonId = Arc<str>;

/// More templates than this are not compared with each other: that would take seconds. Of more, each person's mean is,
/// which misses somebody who is like another in one template alone.
const COMPARED: usize = 8000;

/// Everybody who can be recognised, each with at least one template.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    /// The gallery's version; 0 when there is none.
    pub(crate) version: u64,
    people: Vec<(PersonId, Vec<Embedding>)>,
    /// For each person whom they are most alike, and how much.
    alike: Vec<Option<(usize, f32)>>,
    /// Who has which badge.
    badges: HashMap<String, PersonId>,
}

impl People {
    /// Leaves people without a template out: nobody can be recognised by nothing.
    pub(crate) fn new(version: u64, people: impl IntoIterator<Item = (PersonId, Vec<Embedding>)>) -> Self {
        let people: Vec<(PersonId, Vec<Embedding>)> = people
            .into_iter()
            .filter(|(_, templates)| !templates.is_empty())
            .collect();
        let alike = alike(&people, COMPARED);
        Self {
            version,
            people,
            alike,
            badges: HashMap::new(),
        }
    }

    /// The same people, with these badges (number and owner). Their owners need no template.
    pub(crate) fn with_badges(self, badges: impl IntoIterator<Item = (String, PersonId)>) -> Self {
        Self {
            badges: badges.into_iter().collect(),
            ..self
        }
    }

    /// Whose badge this is.
    pub(crate) fn of_badge(&self, code: &str) -> Option<PersonId> {
        self.badges.get(code).cloned()
    }

    /// Whether a person has a badge.
    pub(crate) fn has_badge(&self, person: &PersonId) -> bool {
        self.badges.values().any(|owner| owner == person)
    }

    /// Whom the person at a place is most alike, and the cosine between the two's most alike templates. `None` where
    /// there is nobody else, or more people than can be compared.
    pub(crate) fn look_alike(&self, place: usize) -> Option<(&PersonId, f32)> {
        let (other, cosine) = (*self.alike.get(place)?)?;
        Some((self.id(other), cosine))
    }

    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        self.people.len()
    }

    /// The person at a place.
    pub(crate) fn id(&self, place: usize) -> &PersonId {
        &self.people[place].0
    }

    /// The place of a person, if they are (still) here.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.people.iter().position(|(person, _)| &**person == id)
    }

    /// For each person the cosine to the most alike of their templates.
    pub(crate) fn scores(&self, probe: &Embedding) -> Vec<f32> {
        let best = |templates: &[Embedding]| {
            templates
                .iter()
                .map(|t| matching::cosine(t, probe))
                .fold(-1.0, f32::max)
        };
        self.people.iter().map(|(_, templates)| best(templates)).collect()
    }
}

/// For each person whom they are most alike; `most`: as many templates are compared with each other.
fn alike(people: &[(PersonId, Vec<Embedding>)], most: usize) -> Vec<Option<(usize, f32)>> {
    let mut alike = vec![None; people.len()];
    if people.len() > COMPARED {
        tracing::warn!(
            people = people.len(),
            "too many people to look for those who look alike"
        );
        return alike;
    }
    let templates: usize = people.iter().map(|(_, templates)| templates.len()).sum();
    let means: Vec<Option<Embedding>>;
    let compared: Vec<&[Embedding]> = if templates <= most {
        people.iter().map(|(_, templates)| templates.as_slice()).collect()
    } else {
        means = people
            .iter()
            .map(|(_, templates)| mean(templates.iter().map(|template| (template, 1.0))))
            .collect();
        means.iter().map(Option::as_slice).collect()
    };
    for (a, first) in compared.iter().enumerate() {
        for (b, second) in compared.iter().enumerate().take(a) {
            let cosines = first
                .iter()
                .flat_map(|t| second.iter().map(|u| matching::cosine(t, u)));
            let most = cosines.fold(-1.0, f32::max);
            for (person, other) in [(a, b), (b, a)] {
                let known: &mut Option<(usize, f32)> = &mut alike[person];
                if known.is_none_or(|(_, cosine)| most > cosine) {
                    *known = Some((other, most));
                }
            }
        }
    }
    alike
}

/// The direction between embeddings, each with its weight; `None` of none at all.
pub(super) fn mean<'a>(weighted: impl Iterator<Item = (&'a Embedding, f32)>) -> Option<Embedding> {
    let mut sum = Vec::new();
    for (embedding, weight) in weighted {
        sum.resize(embedding.as_slice().len(), 0.0);
        for (sum, value) in sum.iter_mut().zip(embedding.as_slice()) {
            *sum += weight * value;
        }
    }
    Embedding::new(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_are_found() {
        let at = |degrees: f32| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let mut values = vec![0.0; 128];
            (values[0], values[1]) = (cos, sin);
            Embedding::new(values).expect("a direction")
        };
        let people = People::new(
            1,
            [
                ("ani".into(), vec![at(0.0), at(20.0)]),
                ("budi".into(), vec![at(90.0)]),
                ("citra".into(), vec![at(50.0), at(200.0)]),
                ("nobody".into(), vec![]),
            ],
        );
        let found = |place| {
            people
                .look_alike(place)
                .map(|(id, cosine)| (id.to_string(), cosine))
        };
        let (id, cosine) = found(0).expect("somebody else");
        assert_eq!(id, "citra");
        assert!((cosine - 30f32.to_radians().cos()).abs() < 1e-5);
        assert_eq!(found(1).expect("somebody else").0, "citra");
        assert_eq!(found(9), None);
        // By their means, ani (10°) is more like budi than like citra (125°).
        let by_mean = alike(&people.people, 4);
        let (other, cosine) = by_mean[0].expect("somebody else");
        assert_eq!(&**people.id(other), "budi");
        assert!((cosine - 80f32.to_radians().cos()).abs() < 1e-5);
        assert_eq!(
            People::new(1, [("ani".into(), vec![at(0.0)])]).look_alike(0),
            None
        );
    }
}
