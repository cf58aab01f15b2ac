//! A sentence for a reader, in both languages.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::core::types::Language;

/// One sentence, in English and Indonesian; [`say!`] makes it. One made of a `String` or `&str` is English for everybody:
/// what only a program, or whoever looks after the machine, can bring about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    en: Box<str>,
    id: Option<Box<str>>,
}

impl Sentence {
    /// See [`say!`].
    pub(crate) fn new(en: String, id: String) -> Self {
        Self {
            en: en.into(),
            id: Some(id.into()),
        }
    }

    /// This one, with what it is about before it, in English and Indonesian.
    pub(crate) fn of(&self, en: impl fmt::Display, id: impl fmt::Display) -> Self {
        Self::new(
            format!("{en}: {}", self.en),
            format!("{id}: {}", self.to(Language::Id)),
        )
    }

    /// In the reader's language.
    pub fn to(&self, language: Language) -> &str {
        match (language, &self.id) {
            (Language::Id, Some(id)) => id,
            (Language::Id, None) | (Language::En, _) => &self.en,
        }
    }

    /// In English, as it stands in logs and on the command line.
    pub fn en(&self) -> &str {
        &self.en
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

/// In English.
impl Serialize for Sentence {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.en)
    }
}

impl From<&str> for Sentence {
    fn from(en: &str) -> Self {
        Self {
            en: en.into(),
            id: None,
        }
    }
}

impl From<String> for Sentence {
    fn from(en: String) -> Self {
        Self {
            en: en.into(),
            id: None,
        }
    }
}

/// A [`Sentence`] of two format strings, English and Indonesian, and what they name.
macro_rules! say {
    ($en:literal, $id:literal $(, $arg:expr)* $(,)?) => {
        $crate::sentence::Sentence::new(
            format_args!($en $(, $arg)*).to_string(),
            format_args!($id $(, $arg)*).to_string(),
        )
    };
}
pub(crate) use say;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reads_it_in_their_language() {
        let name = "Sari";
        let both = say!("{name} has {} photos.", "{name} punya {} foto.", 3);
        assert_eq!(both.to(Language::En), "Sari has 3 photos.");
        assert_eq!(both.to(Language::Id), "Sari punya 3 foto.");
        assert_eq!(both.to_string(), both.en());
        let english = Sentence::from("For programs.");
        assert_eq!(english.to(Language::Id), "For programs.");
        let photo = english.of("Photo 1", "Foto 1");
        assert_eq!(
            (photo.en(), photo.to(Language::Id)),
            ("Photo 1: For programs.", "Foto 1: For programs.")
        );
    }
}
