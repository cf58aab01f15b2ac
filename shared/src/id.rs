//! Ids: short names that are safe in an MQTT topic, a file name and a URL.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest id, in bytes.
pub const MAX_LEN: usize = 64;

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {what}: use 1 to 64 of {allowed}, beginning with a letter or digit")]
pub struct InvalidId {
    what: &'static str,
    text: String,
    allowed: &'static str,
}

impl InvalidId {
    /// The text that is none.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The characters of which it may be made: `a-z, 0-9, - and _`.
    pub fn allowed(&self) -> &'static str {
        self.allowed
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, $ok:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and takes an id.
            ///
            /// # Errors
            /// When the text is empty, too long, or has a character that is not allowed.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let ok: fn(u8) -> bool = $ok;
                let valid = (1..=MAX_LEN).contains(&text.len())
                    && text.bytes().all(ok)
                    && text.as_bytes()[0].is_ascii_alphanumeric();
                if valid {
                    Ok(Self(text))
                } else {
                    let text = text.chars().take(MAX_LEN + 1).collect();
                    Err(InvalidId { what: $what, text, allowed: $allowed })
                }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

fn lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_')
}

id!(
    /// A site: one factory, office or shop, served by one aggregator.
    SiteId, "site id", "a-z, 0-9, - and _", lower
);
id!(
    /// An edge agent, unique within its site.
    AgentId, "agent id", "a-z, 0-9, - and _", lower
);
id!(
    /// A camera, unique within its site.
    CameraId, "camera id", "a-z, 0-9, - and _", lower
);
id!(
    /// An area that cameras watch, unique within its site.
    AreaId, "area id", "a-z, 0-9, - and _", lower
);
id!(
    /// An employee: the company's own employee number where there is one.
    EmployeeId, "employee id", "A-Z, a-z, 0-9, ., - and _",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_would_break_a_topic_or_a_path() {
        for text in [
            "",
            "+",
            "#",
            "a/b",
            "..",
            "-a",
            "Gate",
            "a b",
            "é",
            &"a".repeat(65),
        ] {
            assert!(AgentId::new(text).is_err(), "{text:?} was taken");
        }
        for text in ["a", "gate-1", "7_b", &"a".repeat(64)] {
            assert_eq!(AgentId::new(text).expect("valid").as_str(), text);
        }
        assert!(EmployeeId::new("EMP.007").is_ok());
        assert!(serde_json::from_str::<CameraId>("\"cam 1\"").is_err());
    }
}
