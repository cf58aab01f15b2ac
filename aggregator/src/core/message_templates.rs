//! The message templates that WhatsApp has approved, as far as we know: checked at the start and every few hours, told
//! of by webhook, and by what becomes of messages.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Core;
use super::outbox::TEMPLATE;
use super::state::Changes;
use super::types::{Banner, Language, Level};
use crate::error::Result;
use crate::notify::cloud_api::{self, CloudApi};
use crate::notify::webhook::TemplateNews;
use crate::notify::{Failure, WhatsApp, template_check, templates};
use crate::sentence::{Sentence, say};
use crate::store::Tx;

/// How often Meta is asked, and how soon again when it did not answer.
const CHECK_EVERY: Duration = Duration::from_secs(6 * 3600);
const CHECK_AGAIN: Duration = Duration::from_secs(600);

/// What is wrong with which template, by name and language.
pub(super) type Problems = BTreeMap<(String, String), Problem>;

/// What is wrong with a template, and how we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// Meta refused a message; one that goes out shows that it is mended.
    Refused(String),
    /// Meta lists it so, or told us.
    Listed(String),
}

impl Core {
    /// Holds what Meta has approved against our files, for as long as it runs.
    pub(super) async fn check_templates(self: &Arc<Self>) {
        let Some(WhatsApp::Cloud(settings)) = self.settings.whatsapp.clone() else {
            return std::future::pending().await;
        };
        loop {
            let wait = match self.check_templates_once(&settings).await {
                Ok(()) => CHECK_EVERY,
                Err(failure) => {
                    tracing::warn!(
                        detail = failure.detail(),
                        "the message templates could not be checked"
                    );
                    CHECK_AGAIN
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn check_templates_once(self: &Arc<Self>, settings: &cloud_api::Settings) -> Result<(), Failure> {
        let cannot = |error: crate::error::Error| Failure::Refused {
            detail: error.to_string(),
        };
        let api = CloudApi::new(settings.clone()).map_err(cannot)?;
        let Some(listed) = api.listed().await? else {
            return Ok(());
        };
        let findings = template_check::compare(&listed);
        let noted = self.call(move |core| {
            for finding in &findings {
                let (name, language) = (finding.name, finding.language);
                core.update(|_, tx, changes| {
                    core.note_template(
                        tx,
                        changes,
                        name,
                        language,
                        finding.problem.clone().map(Problem::Listed),
                    )
                })?;
            }
            Ok(())
        });
        noted.await.map_err(cannot)
    }

    /// What Meta says of a template by webhook.
    pub(super) fn take_template_news(&self, news: &TemplateNews) -> Result<()> {
        let ours = templates::FILES.iter().any(|(name, language, _)| {
            *name == news.name && news.language.eq_ignore_ascii_case(language.as_str())
        });
        if !ours {
            return Ok(());
        }
        let problem = match news.event.as_str() {
            "APPROVED" | "REINSTATED" | "UNARCHIVED" => None,
            // Its quality is low, and it still goes out.
            "FLAGGED" => return Ok(()),
            event => Some(match &news.reason {
                Some(reason) => format!("its status is {event}: {reason}"),
                None => format!("its status is {event}"),
            }),
        };
        self.update(|_, tx, changes| {
            self.note_template(
                tx,
                changes,
                &news.name,
                &news.language,
                problem.clone().map(Problem::Listed),
            )
        })
    }

    /// Whether messages of a template are refused, as far as we know.
    pub(super) fn is_refused(&self, name: &str, language: Language) -> bool {
        let problems = self
            .template_problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), language.as_str().to_owned());
        matches!(problems.get(&key), Some(Problem::Refused(_)))
    }

    /// A message of this template went out, so a refusal before is no more.
    pub(super) fn template_went_out(&self, name: &str, language: Language) {
        let mut problems = self
            .template_problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), language.as_str().to_owned());
        if !matches!(problems.get(&key), Some(Problem::Refused(_))) {
            return;
        }
        problems.remove(&key);
        let text = banner(&problems);
        drop(problems);
        match text {
            None => self.clear_banner(TEMPLATE),
            Some(message) => self.raise_banner(Banner {
                key: TEMPLATE,
                level: Level::Error,
                message,
            }),
        }
    }

    /// Notes that something is wrong with a template, or no longer is.
    pub(super) fn note_template(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        name: &str,
        language: &str,
        problem: Option<Problem>,
    ) -> Result<()> {
        let key = (name.to_owned(), language.to_lowercase());
        let mut problems = self
            .template_problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = problems.clone();
        match problem {
            Some(problem) => problems.insert(key, problem),
            None => problems.remove(&key),
        };
        if *problems == before {
            return Ok(());
        }
        let text = banner(&problems);
        drop(problems);
        match text {
            None => {
                self.clear_banner(TEMPLATE);
                Ok(())
            }
            Some(message) => {
                let banner = Banner {
                    key: TEMPLATE,
                    level: Level::Error,
                    message,
                };
                self.alarm(tx, changes, banner, self.now())
            }
        }
    }
}

fn banner(problems: &Problems) -> Option<Sentence> {
    let list = problems.iter().map(|((name, language), problem)| match problem {
        Problem::Refused(what) | Problem::Listed(what) => format!("{name} ({language}): {what}"),
    });
    let list: Vec<String> = list.collect();
    (!list.is_empty()).then(|| {
        say!(
            "WhatsApp: message templates do not go out as they are. {}. Submit the file of that name and have it approved.",
            "WhatsApp: templat pesan tidak terkirim seperti adanya. {}. Ajukan berkas bernama itu dan mintakan persetujuan.",
            list.join("; ")
        )
    })
}
