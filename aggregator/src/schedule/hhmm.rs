//! Times of day as `"08:00"` and days as `"mon"`, for serde.

use chrono::{NaiveTime, Timelike as _};
use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

pub(crate) fn serialize<S: Serializer>(time: &NaiveTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&time.format("%H:%M"))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text)
        .ok_or_else(|| D::Error::custom(format!("`{text}` is no time of day; write one like \"08:00\"")))
}

/// Reads `08:00`, and `24:00` as the midnight that ends a day.
fn parse(text: &str) -> Option<NaiveTime> {
    if text == "24:00" {
        return Some(NaiveTime::MIN);
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M").ok()?;
    (time.second() == 0).then_some(time)
}

/// Minutes since a midnight as a time of day.
pub(super) fn text(minute: i64) -> String {
    format!("{:02}:{:02}", minute / 60 % 24, minute % 60)
}

/// Days of the week.
pub(crate) mod days {
    use chrono::Weekday;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    pub(crate) fn serialize<S: Serializer>(days: &[Weekday], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(days.iter().map(|day| NAMES[day.num_days_from_monday() as usize]))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Weekday>, D::Error> {
        let mut days = Vec::new();
        for text in Vec::<String>::deserialize(from)? {
            let index = NAMES.iter().position(|name| *name == text);
            let day = index
                .and_then(|i| Weekday::try_from(i as u8).ok())
                .ok_or_else(|| {
                    D::Error::custom(format!("`{text}` is no day; write one of {}", NAMES.join(", ")))
                })?;
            if !days.contains(&day) {
                days.push(day);
            }
        }
        days.sort_by_key(Weekday::num_days_from_monday);
        Ok(days)
    }
}
