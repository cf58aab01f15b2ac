//! The message templates: which there are and how their parameters are made.
//!
//! Their texts are files in the format that Meta takes for approval, `aggregator/templates/<name>.<language>.json`.
//! Times are in the site's time zone. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Deserialize;

use super::{Button, Content, Draft};
use crate::core::types::Language;

/// Somebody is absent: name, area, last-seen time, minutes, camera; two buttons.
pub const ABSENCE: &str = "hadir_absence";

/// Several are absent: how many, who; one button.
pub const ABSENCES: &str = "hadir_absences";

/// Somebody is back: name, time, minutes.
pub const RETURN: &str = "hadir_return";

/// How it stands: of what, when, numbers, who is absent, not seen, and away longest.
pub const DIGEST: &str = "hadir_digest";

/// The same with a document at its head.
pub const DIGEST_DOCUMENT: &str = "hadir_digest_document";

/// A month's report, the document at its head: of what, which month, numbers.
pub const MONTH: &str = "hadir_month";

macro_rules! file {
    ($name:literal, $language:literal) => {
        include_str!(concat!("../../templates/", $name, ".", $language, ".json"))
    };
}

/// The files, ready to be submitted.
pub const FILES: [(&str, Language, &str); 12] = [
    (ABSENCE, Language::Id, file!("hadir_absence", "id")),
    (ABSENCE, Language::En, file!("hadir_absence", "en")),
    (ABSENCES, Language::Id, file!("hadir_absences", "id")),
    (ABSENCES, Language::En, file!("hadir_absences", "en")),
    (RETURN, Language::Id, file!("hadir_return", "id")),
    (RETURN, Language::En, file!("hadir_return", "en")),
    (DIGEST, Language::Id, file!("hadir_digest", "id")),
    (DIGEST, Language::En, file!("hadir_digest", "en")),
    (
        DIGEST_DOCUMENT,
        Language::Id,
        file!("hadir_digest_document", "id"),
    ),
    (
        DIGEST_DOCUMENT,
        Language::En,
        file!("hadir_digest_document", "en"),
    ),
    (MONTH, Language::Id, file!("hadir_month", "id")),
    (MONTH, Language::En, file!("hadir_month", "en")),
];

/// The longest list in a parameter, in characters: a body has 1024 with everything filled in.
const MAX_LIST: usize = 800;

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

/// A message about absences that is filled in when it goes out, by [`absences`].
pub fn absence_draft() -> Draft {
    Draft::Template {
        name: ABSENCE.into(),
        parameters: Vec::new(),
        buttons: Vec::new(),
    }
}

/// The message `id` about one absence or several, at least one.
pub fn absences(id: i64, of: &[Absence<'_>], language: Language, zone: Tz, now: DateTime<Utc>) -> Draft {
    match of {
        [one] => absence(one, language, zone, now),
        several => Draft::Template {
            name: ABSENCES.into(),
            parameters: vec![several.len().to_string(), who(several, language, zone)],
            buttons: vec![Payload::AckAll(id).to_string()],
        },
    }
}

fn absence(of: &Absence<'_>, language: Language, zone: Tz, now: DateTime<Utc>) -> Draft {
    let unknown = match language {
        Language::Id => "tidak diketahui",
        Language::En => "unknown",
    };
    let camera = of
        .camera
        .map_or_else(|| unknown.to_owned(), |number| format!("CAM {number}"));
    Draft::Template {
        name: ABSENCE.into(),
        parameters: vec![
            parameter(of.name),
            parameter(of.area.unwrap_or(unknown)),
            clock(of.last_seen, zone),
            minutes(now - of.last_seen),
            camera,
        ],
        buttons: vec![
            Payload::Ack(of.alert).to_string(),
            Payload::Excuse(of.alert).to_string(),
        ],
    }
}

/// Those who are absent, in a line.
fn who(of: &[Absence<'_>], language: Language, zone: Tz) -> String {
    let items = of.iter().map(|one| {
        let since = match language {
            Language::Id => "sejak",
            Language::En => "since",
        };
        let area = one
            .area
            .map(|area| format!("{}, ", parameter(area)))
            .unwrap_or_default();
        format!(
            "{} ({area}{since} {})",
            parameter(one.name),
            clock(one.last_seen, zone)
        )
    });
    list(items.collect(), MAX_LIST, language)
}

/// As many items in a line as have at most so many characters, and how many more there are.
pub fn list(items: Vec<String>, most: usize, language: Language) -> String {
    let all = items.len();
    let mut text = String::new();
    for (number, item) in items.into_iter().enumerate() {
        if text.chars().count() + item.chars().count() + 2 > most {
            let rest = all - number;
            text.push_str(&match language {
                Language::Id => format!("; dan {rest} lainnya"),
                Language::En => format!("; and {rest} more"),
            });
            break;
        }
        if number > 0 {
            text.push_str("; ");
        }
        text.push_str(&item);
    }
    text
}

/// The message about a return at `seen` after having been away for `away`.
pub fn returned(name: &str, seen: DateTime<Utc>, away: TimeDelta, zone: Tz) -> Draft {
    Draft::Template {
        name: RETURN.into(),
        parameters: vec![parameter(name), clock(seen, zone), minutes(away)],
        buttons: Vec::new(),
    }
}

/// The message that says how it stands; each parameter is made plain.
pub fn digest(parameters: [&str; 6]) -> Draft {
    Draft::Template {
        name: DIGEST.into(),
        parameters: parameters.map(parameter).into(),
        buttons: Vec::new(),
    }
}

/// The message with a month's report; each parameter is made plain.
pub fn month(parameters: [&str; 3]) -> Draft {
    Draft::Template {
        name: MONTH.into(),
        parameters: parameters.map(parameter).into(),
        buttons: Vec::new(),
    }
}

/// The template that is sent where a document goes with one.
pub fn with_document(name: &str) -> &str {
    match name {
        DIGEST => DIGEST_DOCUMENT,
        other => other,
    }
}

/// Whether a message says something where its document does not go with it.
pub fn goes_without_document(name: Option<&str>) -> bool {
    name == Some(DIGEST)
}

/// A draft as a template to be sent, or `None` if it is text only.
pub fn template(draft: &Draft, language: Language) -> Option<Content> {
    match draft {
        Draft::Template {
            name,
            parameters,
            buttons,
        } => Some(Content::Template {
            name: name.clone(),
            language,
            parameters: parameters.clone(),
            buttons: buttons.clone(),
        }),
        Draft::Text(_) => None,
    }
}

/// A draft as text, with the buttons of its template.
pub fn text(draft: &Draft, language: Language) -> Content {
    match draft {
        Draft::Template {
            name,
            parameters,
            buttons,
        } => {
            let file = FILES.iter().find(|(n, l, _)| n == name && *l == language);
            let definition = file.and_then(|(_, _, file)| serde_json::from_str::<Definition>(file).ok());
            let components = definition
                .map(|definition| definition.components)
                .unwrap_or_default();
            let mut content = (String::new(), Vec::new());
            for component in components {
                match component {
                    Component::Body { text } => content.0 = fill(&text, parameters),
                    Component::Buttons { buttons: titles } => {
                        let both = titles.into_iter().zip(buttons);
                        content.1 = both
                            .map(|(button, payload)| Button {
                                title: button.text,
                                payload: payload.clone(),
                            })
                            .collect();
                    }
                    Component::Other => {}
                }
            }
            let (body, buttons) = content;
            Content::Text { body, buttons }
        }
        Draft::Text(body) => Content::Text {
            body: body.clone(),
            buttons: Vec::new(),
        },
    }
}

/// Text for a way that has no buttons: below it stands what can be answered instead.
pub fn plain(body: &str, buttons: &[Button], language: Language) -> String {
    let mut text = body.to_owned();
    for button in buttons {
        let answer = match Payload::parse(&button.payload) {
            Some(Payload::Ack(alert)) => format!("{alert}a"),
            Some(Payload::AckAll(_)) => "ack".to_owned(),
            // With a time, which the answer asks for.
            Some(Payload::Excuse(alert)) => match language {
                Language::Id => format!("izin {alert}"),
                Language::En => format!("excuse {alert}"),
            },
            None => continue,
        };
        let reply = match language {
            Language::Id => "balas",
            Language::En => "reply",
        };
        text.push_str(&format!("\n{}: {reply} \"{answer}\"", button.title));
    }
    text
}

/// A template's file.
#[derive(Deserialize)]
struct Definition {
    components: Vec<Component>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "UPPERCASE")]
enum Component {
    Body {
        text: String,
    },
    Buttons {
        buttons: Vec<Title>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Title {
    text: String,
}

/// A text with its parameters. One that looks like a placeholder stays as it is.
fn fill(text: &str, parameters: &[String]) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((number, after)) = behind.split_once("}}") else {
            rest = behind;
            continue;
        };
        let index = number
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        if let Some(parameter) = index.and_then(|index| parameters.get(index)) {
            filled.push_str(parameter);
        }
        rest = after;
    }
    filled + rest
}

/// What a button answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// "I have it", of this alert.
    Ack(i64),
    /// "I have it", of every alert that this message of ours is about.
    AckAll(i64),
    /// "Excused", of this alert.
    Excuse(i64),
}

impl Payload {
    /// Reads what `to_string` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (what, id) = text.split_once(':')?;
        let id = id.parse().ok()?;
        match what {
            "ack" => Some(Payload::Ack(id)),
            "ack-all" => Some(Payload::AckAll(id)),
            "excuse" => Some(Payload::Excuse(id)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Payload::Ack(alert) => write!(f, "ack:{alert}"),
            Payload::AckAll(message) => write!(f, "ack-all:{message}"),
            Payload::Excuse(alert) => write!(f, "excuse:{alert}"),
        }
    }
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
fn parameter(text: &str) -> String {
    let text = mark_free(text);
    if text.is_empty() { "-".into() } else { text }
}

/// A text in one line, without WhatsApp's marks for bold and the like, so that a name cannot change how the rest looks.
pub fn mark_free(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, '*' | '_' | '~' | '`'))
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text without those marks, its lines as they are.
pub fn mark_free_lines(text: &str) -> String {
    text.lines().map(mark_free).collect::<Vec<_>>().join("\n")
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
    fn render(draft: &Draft, language: Language) -> String {
        match text(draft, language) {
            Content::Text { body, .. } => body,
            Content::Template { .. } => panic!("no text"),
        }
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
        let one = |language, zone| render(&absences(1, &[lee()], language, zone, now), language);
        assert_eq!(
            one(Language::Id, JAKARTA),
            "*Lee Min* (Gudang A) tidak terdeteksi sejak 13:53 (12 menit). Terakhir di CAM 3."
        );
        assert_eq!(
            one(Language::En, Tz::Asia__Jayapura),
            "*Lee Min* (Gudang A) has not been detected since 15:53 (12 min). Last at CAM 3."
        );
        let joko = Absence {
            name: "Joko {{1}}",
            area: None,
            ..lee()
        };
        assert_eq!(
            render(
                &absences(1, &[lee(), joko], Language::Id, JAKARTA, now),
                Language::Id
            ),
            "Tidak terdeteksi, 2 orang: Lee Min (Gudang A, sejak 13:53); Joko {{1}} (sejak 13:53). Balas *status* untuk \
             keadaan terbaru."
        );
        let back = |language| {
            render(
                &returned("Lee Min", now, TimeDelta::seconds(750), JAKARTA),
                language,
            )
        };
        assert_eq!(
            back(Language::Id),
            "*Lee Min* terlihat kembali pukul 14:05, setelah 12 menit."
        );
        assert_eq!(
            back(Language::En),
            "*Lee Min* was seen again at 14:05, after 12 min."
        );
    }

    #[test]
    fn without_buttons_the_answers_stand_below() {
        let draft = absences(1, &[lee()], Language::Id, JAKARTA, at("2026-11-22T07:05:30Z"));
        let Content::Text { body, buttons } = text(&draft, Language::Id) else {
            panic!("no text")
        };
        let plain = plain(&body, &buttons, Language::Id);
        assert!(
            plain.ends_with("\nSaya tangani: balas \"12a\"\nDiizinkan: balas \"izin 12\""),
            "{plain}"
        );
    }

    /// However many are absent at once, the message stays within WhatsApp's limits.
    #[test]
    fn a_long_list_ends_with_how_many_more() {
        let long = "x".repeat(100);
        let many: Vec<_> = (0..200).map(|_| Absence { name: &long, ..lee() }).collect();
        let draft = absences(1, &many, Language::En, JAKARTA, at("2026-11-22T07:05:30Z"));
        let text = render(&draft, Language::En);
        assert!(
            text.chars().count() <= 1024 && text.contains("; and 194 more"),
            "{text}"
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
            let draft = match name {
                ABSENCE => absences(1, &[lee()], language, JAKARTA, now),
                ABSENCES => absences(1, &[lee(), lee()], language, JAKARTA, now),
                DIGEST | DIGEST_DOCUMENT => digest(["a", "b", "c", "d", "e", "f"]),
                MONTH => month(["a", "b", "c"]),
                _ => returned("Lee Min", now, TimeDelta::zero(), JAKARTA),
            };
            let Draft::Template {
                parameters, buttons, ..
            } = draft
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
            let header = component(&file, "HEADER").map(|header| &header["format"]);
            let expected = (with_document(name) == name && [DIGEST_DOCUMENT, MONTH].contains(&name))
                .then(|| serde_json::Value::from("DOCUMENT"));
            assert_eq!(header, expected.as_ref(), "{name}");
        }
        // A digest says the same with a document and without.
        let body = |wanted: &str, language| {
            let (_, _, file) = FILES
                .iter()
                .find(|(name, l, _)| *name == wanted && *l == language)?;
            component(&serde_json::from_str(file).ok()?, "BODY").cloned()
        };
        for language in [Language::Id, Language::En] {
            assert_eq!(body(DIGEST, language), body(DIGEST_DOCUMENT, language));
        }
    }

    #[test]
    fn a_name_cannot_break_a_message() {
        assert_eq!(parameter("*Budi*\n\tS.     Raharjo"), "Budi S. Raharjo");
        assert_eq!(parameter(" \n"), "-");
        for payload in [Payload::Ack(12), Payload::AckAll(3), Payload::Excuse(7)] {
            assert_eq!(Payload::parse(&payload.to_string()), Some(payload));
        }
        assert_eq!((Payload::parse("ack:x"), Payload::parse("ack12")), (None, None));
    }
}
