//! Message templates in the format in which they are submitted to Meta, and the check of a message against
//! one.
//!
//! After <https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview> and
//! `.../reference/whatsapp-business-phone-number/message-api` (template object).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::errors::ApiError;

/// The longest text of a template's body after its parameters were put in.
const MAX_BODY: usize = 1024;
/// The longest payload of a quick-reply button.
const MAX_PAYLOAD: usize = 256;

/// Why templates cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or a file cannot be read.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// A file is no template.
    #[error("{0} is no message template: {1}")]
    Format(PathBuf, String),
}

/// One template in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its language, such as `id` or `en`.
    pub language: String,
    /// `utility`, `marketing` or `authentication`.
    pub category: String,
    body: String,
    parameters: usize,
    /// Whether a document stands at its head.
    document: bool,
    footer: Option<String>,
    /// Texts of the quick-reply buttons, by their index among all buttons.
    quick_replies: BTreeMap<usize, String>,
    buttons: usize,
    /// As it was submitted.
    definition: Value,
}

/// A template message with its parameters put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The text.
    pub text: String,
    /// The small print under it.
    pub footer: Option<String>,
    /// Text and payload of each quick-reply button.
    pub buttons: Vec<(String, String)>,
    /// The body's parameters.
    pub parameters: Vec<String>,
    /// The document at its head, as the message names it.
    pub document: Option<Value>,
}

/// The approved templates of the account.
#[derive(Clone, Debug, Default)]
pub struct Templates(Vec<Template>);

#[derive(Deserialize)]
struct Submitted {
    name: String,
    language: String,
    category: String,
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    format: Option<String>,
    example: Option<Value>,
    #[serde(default)]
    buttons: Vec<Button>,
}

#[derive(Deserialize)]
struct Button {
    #[serde(rename = "type")]
    kind: String,
    text: String,
}

impl Templates {
    /// Loads every `.json` file of a folder; a file holds one template or an array of them.
    ///
    /// # Errors
    /// When a file cannot be read or would be refused on submission.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let entries = std::fs::read_dir(folder).map_err(|e| Error::File(folder.to_owned(), e))?;
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| Error::File(folder.to_owned(), e))?.path();
            if path.extension().is_some_and(|e| e == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut templates = Self::default();
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(|e| Error::File(path.clone(), e))?;
            templates.add(&text).map_err(|e| Error::Format(path, e))?;
        }
        Ok(templates)
    }

    /// Adds what a file of templates holds.
    ///
    /// # Errors
    /// A sentence that says why it would be refused.
    pub fn add(&mut self, json: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(json).map_err(|e| e.to_string())?;
        let list = if value.is_array() {
            value
        } else {
            Value::Array(vec![value])
        };
        for value in list.as_array().into_iter().flatten() {
            let submitted: Submitted = serde_json::from_value(value.clone()).map_err(|e| e.to_string())?;
            self.0.push(Template {
                definition: value.clone(),
                ..Template::check(submitted)?
            });
        }
        Ok(())
    }

    /// A page of the list, as `GET /{business account}/message_templates` answers it: after
    /// <https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account/message_templates/>.
    /// `status` gives what became of a template.
    pub fn page(&self, after: usize, limit: usize, status: impl Fn(&str, &str) -> String) -> Value {
        let all = self.0.iter().enumerate().skip(after).take(limit);
        let data: Vec<Value> = all
            .map(|(id, template)| {
                let mut one = template.definition.clone();
                one["id"] = Value::from(format!("{}", 594_425_479_261_596_u64 + id as u64));
                one["category"] = template.category.to_uppercase().into();
                one["parameter_format"] = "POSITIONAL".into();
                one["status"] = status(&template.name, &template.language).into();
                one
            })
            .collect();
        let end = (after + limit).min(self.0.len());
        let mut paging =
            serde_json::json!({"cursors": {"before": format!("{after}"), "after": format!("{end}")}});
        if end < self.0.len() {
            paging["next"] = format!("https://graph.facebook.com/v23.0/message_templates?after={end}").into();
        }
        serde_json::json!({"data": data, "paging": paging})
    }

    /// Whether there is one of that name and language.
    pub fn has(&self, name: &str, language: &str) -> bool {
        self.0.iter().any(|t| t.name == name && t.language == language)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks the `template` object of a message and puts its parameters in.
    ///
    /// # Errors
    /// As the Cloud API refuses it.
    pub fn fill(&self, message: &Value) -> Result<(&Template, Filled), ApiError> {
        let missing = |what: &str| ApiError::graph(100, format!("(#100) The parameter {what} is required."));
        let name = message["name"]
            .as_str()
            .ok_or_else(|| missing("template['name']"))?;
        let language = message["language"]["code"]
            .as_str()
            .ok_or_else(|| missing("template['language']['code']"))?;
        let template = self
            .0
            .iter()
            .find(|t| t.name == name && t.language == language)
            .ok_or_else(|| {
                ApiError::new(
                    132_001,
                    format!("template name ({name}) does not exist in {language}"),
                )
            })?;
        let components = match &message["components"] {
            Value::Null => &[],
            Value::Array(list) => list.as_slice(),
            _ => {
                return Err(ApiError::new(
                    100,
                    "Param template['components'] must be an array.",
                ));
            }
        };
        Ok((template, template.fill(components)?))
    }
}

impl Template {
    fn check(submitted: Submitted) -> Result<Self, String> {
        let Submitted {
            name,
            language,
            category,
            components,
        } = submitted;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > 512 || !name.chars().all(fits) {
            return Err(format!(
                "the name {name:?} may hold lower-case letters, digits and underscores alone"
            ));
        }
        let category = category.to_lowercase();
        if !["utility", "marketing", "authentication"].contains(&category.as_str()) {
            return Err(format!("the category {category:?} is not known"));
        }
        let text_of = |kind: &str| components.iter().find(|c| c.kind.eq_ignore_ascii_case(kind));
        let body = text_of("BODY")
            .and_then(|c| c.text.clone())
            .ok_or("it has no BODY")?;
        let parameters = count_parameters(&body)?;
        if body.starts_with("{{") || body.ends_with("}}") {
            return Err("a body may neither begin nor end with a parameter".to_owned());
        }
        let document = match text_of("HEADER") {
            None => false,
            Some(header) if header.format.as_deref() == Some("DOCUMENT") => {
                let handle = header
                    .example
                    .as_ref()
                    .map(|example| &example["header_handle"][0]);
                if handle.and_then(Value::as_str).is_none_or(str::is_empty) {
                    return Err("a header with a document needs an example's handle".to_owned());
                }
                true
            }
            Some(_) => return Err("a header that is no document is not known to this simulator".to_owned()),
        };
        let footer = text_of("FOOTER").and_then(|c| c.text.clone());
        let buttons: Vec<&Button> = components.iter().flat_map(|c| &c.buttons).collect();
        if buttons.len() > 10 {
            return Err("it has more than 10 buttons".to_owned());
        }
        if let Some(long) = buttons.iter().find(|b| b.text.chars().count() > 25) {
            return Err(format!("the button {:?} is longer than 25 characters", long.text));
        }
        let quick_replies = buttons
            .iter()
            .enumerate()
            .filter(|(_, b)| b.kind.eq_ignore_ascii_case("QUICK_REPLY"))
            .map(|(index, b)| (index, b.text.clone()))
            .collect();
        Ok(Self {
            name,
            language,
            category,
            body,
            parameters,
            document,
            footer,
            quick_replies,
            buttons: buttons.len(),
            definition: Value::Null,
        })
    }

    fn fill(&self, components: &[Value]) -> Result<Filled, ApiError> {
        let mut parameters = Vec::new();
        let mut document = None;
        // Without a payload of its own, a button answers with its text.
        let mut payloads = self.quick_replies.clone();
        for component in components {
            let kind = component["type"].as_str().unwrap_or_default().to_lowercase();
            let given = component["parameters"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            match kind.as_str() {
                "body" => parameters = given.iter().map(text_parameter).collect::<Result<_, _>>()?,
                "button" => {
                    let (index, payload) = self.button(component, given)?;
                    payloads.insert(index, payload);
                }
                "header" if given.is_empty() => {}
                "header" if self.document => match given {
                    [one] if one["type"] == "document" => document = Some(one["document"].clone()),
                    [one] => {
                        let received = one["type"].as_str().unwrap_or("unknown").to_uppercase();
                        return Err(header_mismatch(&received));
                    }
                    _ => return Err(mismatch("header", given.len(), 1)),
                },
                "header" => return Err(mismatch("header", given.len(), 0)),
                other => {
                    return Err(ApiError::new(
                        100,
                        format!("Invalid component type '{other}' in template['components']"),
                    ));
                }
            }
        }
        if self.document && document.is_none() {
            return Err(header_mismatch("UNKNOWN"));
        }
        if parameters.len() != self.parameters {
            return Err(mismatch("body", parameters.len(), self.parameters));
        }
        let mut text = self.body.clone();
        for (number, value) in parameters.iter().enumerate() {
            // A parameter that holds braces itself is not to be filled again: put a mark in first.
            text = text.replace(&format!("{{{{{}}}}}", number + 1), &format!("\u{0}{number}\u{0}"));
            let _ = value;
        }
        for (number, value) in parameters.iter().enumerate() {
            text = text.replace(&format!("\u{0}{number}\u{0}"), value);
        }
        if text.chars().count() > MAX_BODY {
            return Err(ApiError::new(
                132_005,
                format!("body: text is longer than {MAX_BODY} characters"),
            ));
        }
        let buttons = self
            .quick_replies
            .iter()
            .map(|(index, text)| (text.clone(), payloads[index].clone()))
            .collect();
        Ok(Filled {
            text,
            footer: self.footer.clone(),
            buttons,
            parameters,
            document,
        })
    }

    fn button(&self, component: &Value, given: &[Value]) -> Result<(usize, String), ApiError> {
        let sub_type = component["sub_type"].as_str().unwrap_or_default().to_lowercase();
        // Documented as a string; numbers are taken too.
        let index = match &component["index"] {
            Value::String(s) => s.parse().ok(),
            Value::Number(n) => n.as_u64().and_then(|n| usize::try_from(n).ok()),
            _ => None,
        };
        let index: usize =
            index.ok_or_else(|| ApiError::new(131_008, "buttons: parameter index is missing"))?;
        if index >= self.buttons {
            return Err(ApiError::new(
                132_018,
                format!("buttons: there is no button at index {index} in the template"),
            ));
        }
        if sub_type != "quick_reply" || !self.quick_replies.contains_key(&index) {
            return Err(ApiError::new(
                132_018,
                format!("buttons: button at index {index} is not of sub_type {sub_type}"),
            ));
        }
        let [parameter] = given else {
            return Err(mismatch(&format!("button at index {index}"), given.len(), 1));
        };
        if parameter["type"] != "payload" {
            return Err(ApiError::new(
                132_012,
                format!("buttons: parameter of button at index {index} must be of type payload"),
            ));
        }
        let payload = parameter["payload"].as_str().unwrap_or_default();
        if payload.is_empty() || payload.chars().count() > MAX_PAYLOAD {
            return Err(ApiError::new(
                131_009,
                format!(
                    "buttons: payload of button at index {index} must have 1 to {MAX_PAYLOAD} characters"
                ),
            ));
        }
        Ok((index, payload.to_owned()))
    }
}

fn header_mismatch(received: &str) -> ApiError {
    ApiError::new(
        132_012,
        format!("header: Format mismatch, expected DOCUMENT, received {received}"),
    )
}

fn mismatch(place: &str, given: usize, expected: usize) -> ApiError {
    ApiError::new(
        132_000,
        format!(
            "{place}: number of localizable_params ({given}) does not match the expected number of params ({expected})"
        ),
    )
}

fn text_parameter(parameter: &Value) -> Result<String, ApiError> {
    if parameter["type"] != "text" {
        return Err(ApiError::new(132_012, "body: Parameter of type text is expected"));
    }
    let text = parameter["text"].as_str().filter(|t| !t.is_empty());
    let text = text.ok_or_else(|| {
        ApiError::new(
            131_008,
            "Parameter 'text' is mandatory for component parameter type 'text'",
        )
    })?;
    if text.contains(['\n', '\t']) || text.contains("     ") {
        return Err(ApiError::new(
            132_018,
            "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
        ));
    }
    Ok(text.to_owned())
}

/// How many numbered parameters a body has; they must be 1, 2, 3 … without a gap.
fn count_parameters(body: &str) -> Result<usize, String> {
    let mut numbers = Vec::new();
    let mut rest = body;
    while let Some(start) = rest.find("{{") {
        let inside = &rest[start + 2..];
        let end = inside.find("}}").ok_or("a parameter is not closed")?;
        let number: usize = inside[..end]
            .trim()
            .parse()
            .map_err(|_| format!("{{{{{}}}}} is no number", &inside[..end]))?;
        numbers.push(number);
        rest = &inside[end + 2..];
    }
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.iter().enumerate().any(|(i, n)| i + 1 != *n) {
        return Err("parameters must be numbered 1, 2, 3 … without a gap".to_owned());
    }
    Ok(numbers.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ABSENCE: &str = r#"{"name": "absence", "language": "en", "category": "UTILITY", "components": [
        {"type": "BODY", "text": "*{{1}}* has not been seen since {{2}}.", "example": {"body_text": [["A", "B"]]}},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "I have it"}, {"type": "QUICK_REPLY", "text": "Allowed"}]}]}"#;

    fn check(message: Value, expected: Result<&str, u32>) {
        let mut templates = Templates::default();
        templates.add(ABSENCE).expect("a template");
        let got = templates
            .fill(&message)
            .map(|(_, filled)| filled.text)
            .map_err(|e| e.code);
        assert_eq!(got, expected.map(str::to_owned), "{message}");
    }

    fn message(body: &[&str], buttons: Value) -> Value {
        let parameters: Vec<Value> = body.iter().map(|t| json!({"type": "text", "text": t})).collect();
        let mut components = vec![json!({"type": "body", "parameters": parameters})];
        components.extend(buttons.as_array().cloned().unwrap_or_default());
        json!({"name": "absence", "language": {"code": "en"}, "components": components})
    }

    #[test]
    fn a_fitting_message_is_filled() {
        let button = json!([{"type": "button", "sub_type": "quick_reply", "index": "1",
            "parameters": [{"type": "payload", "payload": "excuse:7"}]}]);
        let mut templates = Templates::default();
        templates.add(ABSENCE).expect("a template");
        let message = message(&["Lee {{2}}", "13:53"], button);
        let (_, filled) = templates.fill(&message).expect("fits");
        assert_eq!(filled.text, "*Lee {{2}}* has not been seen since 13:53.");
        assert_eq!(
            filled.buttons,
            [
                ("I have it".into(), "I have it".into()),
                ("Allowed".to_owned(), "excuse:7".to_owned())
            ]
        );
    }

    #[test]
    fn what_the_real_one_refuses_is_refused() {
        let button = |index: Value, sub_type: &str, parameters: Value| {
            message(
                &["a", "b"],
                json!([{"type": "button", "sub_type": sub_type, "index": index, "parameters": parameters}]),
            )
        };
        check(message(&["a"], json!([])), Err(132_000));
        check(message(&["a", "b", "c"], json!([])), Err(132_000));
        check(message(&["a", ""], json!([])), Err(131_008));
        check(message(&["a", "b\nc"], json!([])), Err(132_018));
        check(message(&["a", &"b".repeat(1100)], json!([])), Err(132_005));
        check(
            json!({"name": "absent", "language": {"code": "en"}}),
            Err(132_001),
        );
        check(
            json!({"name": "absence", "language": {"code": "id"}}),
            Err(132_001),
        );
        check(json!({"name": "absence"}), Err(100));
        let payload = json!([{"type": "payload", "payload": "ack:1"}]);
        check(
            button(json!("0"), "quick_reply", payload.clone()),
            Ok("*a* has not been seen since b."),
        );
        check(
            button(json!(0), "quick_reply", payload.clone()),
            Ok("*a* has not been seen since b."),
        );
        check(button(json!("2"), "quick_reply", payload.clone()), Err(132_018));
        check(button(json!("0"), "url", payload), Err(132_018));
        check(button(json!("0"), "quick_reply", json!([])), Err(132_000));
        check(
            button(json!("0"), "quick_reply", json!([{"type": "text", "text": "x"}])),
            Err(132_012),
        );
    }

    #[test]
    fn what_would_be_refused_on_submission_is_refused() {
        let refused = |body: &str, name: &str| {
            let json = json!({"name": name, "language": "en", "category": "UTILITY",
                "components": [{"type": "BODY", "text": body}]});
            Templates::default().add(&json.to_string()).is_err()
        };
        assert!(!refused("Hello {{1}}, {{2}}.", "a_1"));
        assert!(refused("Hello {{2}}.", "a_1"), "a gap");
        assert!(refused("{{1}} is gone.", "a_1"), "begins with a parameter");
        assert!(refused("Hello.", "A-1"), "a name with capitals");
    }
}
