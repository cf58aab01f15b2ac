//! Whether the message templates that Meta has approved are those of our files.
//!
//! <https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates>: `GET
//! /{business account}/message_templates`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cloud_api::{self, CloudApi};
use super::{Failure, Uncertain, templates};

/// So many pages of 100 are read.
const MAX_PAGES: usize = 50;

/// What is to be said of one of our templates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name.
    pub name: &'static str,
    /// In which language.
    pub language: &'static str,
    /// What is wrong, in a few words; `None`: it is approved as it is here.
    pub problem: Option<String>,
}

/// A template as Meta lists it.
#[derive(Clone, Debug, Deserialize)]
pub struct Listed {
    name: String,
    language: String,
    status: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    components: Vec<Value>,
}

impl CloudApi {
    /// Every template of the account; `None` where its id is not configured.
    ///
    /// # Errors
    /// When Meta cannot be asked.
    pub async fn listed(&self) -> Result<Option<Vec<Listed>>, Failure> {
        #[derive(Deserialize)]
        struct Page {
            data: Vec<Listed>,
            #[serde(default)]
            paging: Paging,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Paging {
            cursors: Cursors,
            next: Option<String>,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Cursors {
            after: Option<String>,
        }
        let Some(account) = &self.settings().business_account_id else {
            return Ok(None);
        };
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let fields = "name,status,language,category,components";
            let mut query = vec![("fields", fields), ("limit", "100")];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let (status, body) = self.get(&format!("{account}/message_templates"), &query).await?;
            let page: Page = match (status, serde_json::from_slice(&body)) {
                (200, Ok(page)) => page,
                _ => return Err(cloud_api::refusal(status, &body)),
            };
            all.extend(page.data);
            // Only `next` says that there is more; the address itself is not followed.
            after = page.paging.next.and(page.paging.cursors.after);
            if after.is_none() {
                return Ok(Some(all));
            }
        }
        Err(Failure::Temporary {
            detail: "the list of message templates does not end".into(),
            uncertain: Uncertain::No,
        })
    }
}

/// Holds what Meta lists against our files.
pub fn compare(listed: &[Listed]) -> Vec<Finding> {
    let finding = |(name, language, file): &(&'static str, crate::core::types::Language, &str)| {
        let language = language.as_str();
        let ours: Value = serde_json::from_str(file).unwrap_or_default();
        let theirs = listed
            .iter()
            .find(|one| one.name == *name && one.language.replace('-', "_").eq_ignore_ascii_case(language));
        Finding {
            name,
            language,
            problem: match theirs {
                None => Some("not submitted".to_owned()),
                Some(theirs) => differs(&ours, theirs),
            },
        }
    };
    templates::FILES.iter().map(finding).collect()
}

fn differs(ours: &Value, theirs: &Listed) -> Option<String> {
    if !theirs.status.eq_ignore_ascii_case("APPROVED") {
        return Some(format!("its status is {}", theirs.status));
    }
    let none = Vec::new();
    let ours_of = ours["components"].as_array().unwrap_or(&none);
    for kind in ["BODY", "BUTTONS", "HEADER", "FOOTER"] {
        let of = |components: &[Value]| {
            let found = components
                .iter()
                .find(|one| one["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case(kind)));
            found.map(said)
        };
        if of(ours_of) != of(&theirs.components) {
            return Some(format!("its {} differs from the file's", kind.to_lowercase()));
        }
    }
    let category = ours["category"].as_str().unwrap_or_default();
    (!theirs.category.eq_ignore_ascii_case(category)).then(|| {
        format!(
            "its category is {}, not {category}: it costs more and may not arrive",
            theirs.category
        )
    })
}

/// What a component says, without what Meta adds to it.
fn said(component: &Value) -> Vec<String> {
    let text = |value: &Value| value["text"].as_str().unwrap_or_default().trim().to_owned();
    let format = component["format"].as_str().unwrap_or_default().to_uppercase();
    let mut said = vec![text(component), format];
    said.extend(
        component["buttons"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|button| format!("{} {}", button["type"].as_str().unwrap_or_default(), text(button))),
    );
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_listed() -> Vec<Value> {
        let mut all: Vec<Value> = templates::FILES
            .iter()
            .map(|(_, _, file)| serde_json::from_str(file).expect("JSON"))
            .collect();
        for one in &mut all {
            one["status"] = "APPROVED".into();
        }
        all
    }

    /// The first problem, of the listed templates after a change to them.
    fn problem(change: impl FnOnce(&mut Vec<Value>)) -> Option<String> {
        let mut all = as_listed();
        change(&mut all);
        let listed: Vec<Listed> = all
            .into_iter()
            .map(|one| serde_json::from_value(one).expect("listed"))
            .collect();
        compare(&listed).into_iter().find_map(|finding| finding.problem)
    }

    #[test]
    fn every_difference_is_found() {
        assert_eq!(problem(|_| {}), None);
        for (expected, change) in [
            (
                "not submitted",
                Box::new(|all: &mut Vec<Value>| drop(all.remove(0))) as Box<dyn FnOnce(&mut Vec<Value>)>,
            ),
            (
                "its status is PAUSED",
                Box::new(|all| all[0]["status"] = "PAUSED".into()),
            ),
            (
                "its body differs",
                Box::new(|all| all[0]["components"][0]["text"] = "{{1}}".into()),
            ),
            (
                "its buttons differs",
                Box::new(|all| all[0]["components"][1]["buttons"][0]["text"] = "OK".into()),
            ),
            (
                "its buttons differs",
                Box::new(|all| drop(all[0]["components"].as_array_mut().map(Vec::pop))),
            ),
            (
                "its category is MARKETING",
                Box::new(|all| all[0]["category"] = "MARKETING".into()),
            ),
        ] {
            let found = problem(change);
            assert!(
                found.as_deref().is_some_and(|found| found.contains(expected)),
                "{expected}: {found:?}"
            );
        }
        let documents = |all: &mut Vec<Value>| {
            let with = all
                .iter_mut()
                .find(|one| one["components"][0]["type"] == "HEADER")
                .expect("one with a header");
            with["components"][0]["format"] = "IMAGE".into();
        };
        assert_eq!(
            problem(documents).as_deref(),
            Some("its header differs from the file's")
        );
        // Meta writes what it adds beside.
        let added = problem(|all| all[0]["components"][0]["example"] = Value::Null);
        assert_eq!(added, None);
    }
}
