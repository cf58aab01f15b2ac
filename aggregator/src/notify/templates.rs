//! The message templates: which there are and how their parameters are made.
//!
//! Their texts are files in the format that Meta takes for approval, `aggregator/templates/<name>.<language>.json`.
//! Times are in the site's time zone. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::Content;
use crate::core::types::Language;

/// Somebody is absent: name, area, last-seen time, minutes, camera; one button.
pub const ABSENCE: &str = "hadir_absence";

/// Somebody is back: name, time, minutes.
pub const RETURN: &str = "hadir_return";

/// The files, ready to be submitted.
pub const FILES: [(&str, Language, &str); 4] = [
    (
        ABSENCE,
        Language::Id,
        include_str!("../../templates/hadir_absence.id.json"),
    ),
    (
        ABSENCE,
        Language::En,
        include_str!("../../templates/hadir_absence.en.json"),
    ),
    (
        RETURN,
        Language::Id,
        include_str!("../../templates/hadir_return.id.json"),
    ),
    (
        RETURN,
        Language::En,
        include_str!("../../templates/hadir_return.en.json"),
    ),
];

/// An absence, as it is told.
#[derive(Clone, Debug)]
pub struct Absence<'a> {
    /// The alert's id, which the button answers with.
    pub alert: i64,
    /// Who.
    pub name: &'a str,
    /// The name of the area where they were last seen.
    pub area: Option<&'a str>,
    /// The number of the camera that saw them last.
    pub camera: Option<u32>,
    /// When.
    pub last_seen: DateTime<Utc>,
}

/// The message about an absence.
pub fn absence(of: &Absence<'_>, language: Language, zone: Tz, now: DateTime<Utc>) -> Content {
    let unknown = match language {
        Language::Id => "tidak diketahui",
        Language::En => "unknown",
    };
    let camera = of
        .camera
        .map_or_else(|| unknown.to_owned(), |number| format!("CAM {number}"));
    Content::Template {
        name: ABSENCE.into(),
        language,
        parameters: vec![
            parameter(of.name),
            parameter(of.area.unwrap_or(unknown)),
            clock(of.last_seen, zone),
            minutes(now - of.last_seen),
            camera,
        ],
        buttons: vec![ack_payload(of.alert)],
    }
}

/// The message about a return at `seen` after having been away for `away`.
pub fn returned(name: &str, seen: DateTime<Utc>, away: TimeDelta, language: Language, zone: Tz) -> Content {
    Content::Template {
        name: RETURN.into(),
        language,
        parameters: vec![parameter(name), clock(seen, zone), minutes(away)],
        buttons: Vec::new(),
    }
}

/// The answer to somebody who pressed the button: `by` has it, or it is over.
pub fn answered(name: &str, answer: Answer<'_>, language: Language) -> Content {
    let body = match (language, answer) {
        (Language::Id, Answer::Yours) => format!("Terima kasih. Tercatat: Anda menangani {name}."),
        (Language::En, Answer::Yours) => format!("Thank you. Recorded: you have {name}."),
        (Language::Id, Answer::Others(who)) => format!("{name} sudah ditangani oleh {who}."),
        (Language::En, Answer::Others(who)) => format!("{who} already has {name}."),
        (Language::Id, Answer::Over) => format!("Peringatan tentang {name} sudah selesai."),
        (Language::En, Answer::Over) => format!("The alert about {name} is already over."),
    };
    Content::Text { body }
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// They have it.
    Yours,
    /// Somebody else, this one, was first.
    Others(&'a str),
    /// It is closed.
    Over,
}

/// What the button of an alert's message answers.
pub fn ack_payload(alert: i64) -> String {
    format!("ack:{alert}")
}

/// The alert that a button's payload answers.
pub fn parse_ack(payload: &str) -> Option<i64> {
    payload.strip_prefix("ack:")?.parse().ok()
}

fn clock(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%H:%M").to_string()
}

fn minutes(time: TimeDelta) -> String {
    match time.num_minutes() {
        ..1 => "<1".into(),
        minutes => minutes.to_string(),
    }
}

/// WhatsApp refuses parameters that are empty, or hold line breaks, tabs or more than four spaces in a row.
/// Its marks for bold and the like are taken out, so that a name cannot change how the rest looks.
fn parameter(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, '*' | '_' | '~' | '`'))
        .collect();
    let text = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "-".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        hadir_shared::time::parse(text).expect("time")
    }

    fn component<'f>(file: &'f serde_json::Value, kind: &str) -> Option<&'f serde_json::Value> {
        file["components"]
            .as_array()
            .expect("components")
            .iter()
            .find(|c| c["type"] == kind)
    }

    /// What the recipient reads.
    fn render(content: &Content) -> String {
        let Content::Template {
            name,
            language,
            parameters,
            ..
        } = content
        else {
            panic!("no template")
        };
        let (_, _, file) = FILES
            .iter()
            .find(|(n, l, _)| n == name && l == language)
            .expect("file");
        let file: serde_json::Value = serde_json::from_str(file).expect("JSON");
        let mut text = component(&file, "BODY").expect("body")["text"]
            .as_str()
            .expect("text")
            .to_owned();
        for (i, parameter) in parameters.iter().enumerate() {
            text = text.replace(&format!("{{{{{}}}}}", i + 1), parameter);
        }
        text
    }

    fn lee() -> Absence<'static> {
        Absence {
            alert: 12,
            name: "Lee Min",
            area: Some("Gudang A"),
            camera: Some(3),
            last_seen: at("2026-11-22T06:53:20Z"),
        }
    }

    const JAKARTA: Tz = Tz::Asia__Jakarta;

    #[test]
    fn they_read_as_the_interface_says() {
        let now = at("2026-11-22T07:05:30Z");
        assert_eq!(
            render(&absence(&lee(), Language::Id, JAKARTA, now)),
            "*Lee Min* (Gudang A) tidak terdeteksi sejak 13:53 (12 menit). Terakhir di CAM 3."
        );
        assert_eq!(
            render(&absence(&lee(), Language::En, Tz::Asia__Jayapura, now)),
            "*Lee Min* (Gudang A) has not been detected since 15:53 (12 min). Last at CAM 3."
        );
        let back = |language| returned("Lee Min", now, TimeDelta::seconds(750), language, JAKARTA);
        assert_eq!(
            render(&back(Language::Id)),
            "*Lee Min* terlihat kembali pukul 14:05, setelah 12 menit."
        );
        assert_eq!(
            render(&back(Language::En)),
            "*Lee Min* was seen again at 14:05, after 12 min."
        );
    }

    /// The parameters and buttons passed are as many as each file declares, and the files hold together.
    #[test]
    fn parameters_match_the_files() {
        let now = at("2026-11-22T07:05:30Z");
        for (name, language, text) in FILES {
            let file: serde_json::Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(
                (&file["name"], &file["language"]),
                (&name.into(), &language.as_str().into())
            );
            assert_eq!(file["category"], "UTILITY");
            let content = match name {
                ABSENCE => absence(&lee(), language, JAKARTA, now),
                _ => returned("Lee Min", now, TimeDelta::zero(), language, JAKARTA),
            };
            let Content::Template {
                parameters, buttons, ..
            } = content
            else {
                panic!("no template")
            };
            let body = component(&file, "BODY").expect("body");
            let text = body["text"].as_str().expect("text");
            let declared = text.matches("{{").count();
            assert_eq!(declared, parameters.len(), "{name} {language:?}");
            assert!(
                (1..=declared).all(|i| text.contains(&format!("{{{{{i}}}}}"))),
                "{text}"
            );
            // Meta refuses a body that begins or ends with a parameter, and wants an example of each.
            assert!(!text.starts_with("{{") && !text.ends_with("}}") && text.len() <= 1024);
            assert_eq!(
                body["example"]["body_text"][0].as_array().expect("example").len(),
                declared
            );
            let declared =
                component(&file, "BUTTONS").map_or(0, |b| b["buttons"].as_array().expect("list").len());
            assert_eq!(declared, buttons.len());
        }
    }

    #[test]
    fn a_name_cannot_break_a_message() {
        assert_eq!(parameter("*Budi*\n\tS.     Raharjo"), "Budi S. Raharjo");
        assert_eq!(parameter(" \n"), "-");
        assert_eq!(parse_ack(&ack_payload(12)), Some(12));
        assert_eq!(parse_ack("ack:x"), None);
    }
}
