//! Time stamps on the wire: RFC 3339, UTC, milliseconds (`2026-11-22T07:05:09.120Z`).
//!
//! Use as `#[serde(with = "hadir_shared::time")]`, or `time::option` for an `Option`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Formats a time as it stands on the wire.
pub fn format(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Reads a time stamp with any offset; the result is UTC.
///
/// # Errors
/// When `text` is not RFC 3339.
pub fn parse(text: &str) -> Result<DateTime<Utc>, chrono::ParseError> {
    DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc))
}

/// Serialises a time in wire format.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format(*at))
}

/// Reads a time in wire format.
///
/// # Errors
/// When the value is not an RFC 3339 string.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).map_err(|_| D::Error::custom(format!("`{text}` is not an RFC 3339 time")))
}

/// The same for a time that may be missing (`null`).
pub mod option {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Serialises a time in wire format, or `null`.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(at: &Option<DateTime<Utc>>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => to.serialize_str(&super::format(*at)),
            None => to.serialize_none(),
        }
    }

    /// Reads a time in wire format, or `null`.
    ///
    /// # Errors
    /// When the value is neither `null` nor an RFC 3339 string.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        Option::<String>::deserialize(from)?
            .map(|text| {
                super::parse(&text).map_err(|_| D::Error::custom(format!("`{text}` is not an RFC 3339 time")))
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_milliseconds_and_changes_to_utc() {
        let at = parse("2026-11-22T14:05:09.1204+07:00").expect("valid");
        assert_eq!(format(at), "2026-11-22T07:05:09.120Z");
        assert!(parse("yesterday").is_err());
    }
}
