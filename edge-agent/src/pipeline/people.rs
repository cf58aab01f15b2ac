//! The people whom faces are compared with: the gallery as the pipeline uses it.

use std::sync::Arc;

use hadir_models::embed::Embedding;
use hadir_models::matching;

/// Who somebody is: an employee's id, or a folder's name in a test.
pub(crate) type PersonId = Arc<str>;

/// Everybody who can be recognised, each with at least one template.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    /// The gallery's version; 0 when there is none.
    pub(crate) version: u64,
    people: Vec<(PersonId, Vec<Embedding>)>,
}

impl People {
    /// Leaves people without a template out: nobody can be recognised by nothing.
    pub(crate) fn new(version: u64, people: impl IntoIterator<Item = (PersonId, Vec<Embedding>)>) -> Self {
        Self {
            version,
            people: people
                .into_iter()
                .filter(|(_, templates)| !templates.is_empty())
                .collect(),
        }
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
