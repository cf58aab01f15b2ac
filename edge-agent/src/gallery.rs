//! The gallery on the device: fetched from the aggregator, kept sealed on disk, opened in memory only.
//!
//! What is on disk is what came over the network, still sealed to this device; it is loaded at start, so that
//! recognition works without a network. Nobody's template is ever written unsealed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use hadir_models::embed::Embedding;
use hadir_models::model::EMBEDDER;
use hadir_shared::gallery::{self, Gallery, SealError};
use reqwest::{StatusCode, header};
use tokio::sync::{Notify, watch};
use zeroize::Zeroizing;

use crate::clock::DeviceClock;
use crate::errors::innermost;
use crate::files::replace;
use crate::pipeline::people::People;

/// How often the aggregator is asked without a command.
const CHECK_EVERY: Duration = Duration::from_secs(60);
/// An answer that takes longer does not tell what time it is.
const TIME_WITHIN: Duration = Duration::from_secs(3);
/// First wait after a failure, doubled up to [`CHECK_EVERY`].
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Largest gallery that is taken: some 100,000 templates.
const MAX_BYTES: usize = 96 << 20;
const FILE: &str = "gallery.sealed";

/// Who the device is, for opening and fetching.
pub(crate) struct GalleryAccess {
    /// The aggregator's address.
    pub(crate) aggregator: String,
    /// The device's name.
    pub(crate) user_name: String,
    /// The device's token.
    pub(crate) token: Zeroizing<String>,
    /// Opens the seal.
    pub(crate) key: Zeroizing<[u8; 32]>,
    /// The data folder.
    pub(crate) data: PathBuf,
}

/// Why there is no (newer) gallery.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GalleryError {
    /// No answer.
    #[error(
        "the aggregator at {url} cannot be reached ({detail}): check the network and `aggregator.url` in agent.toml"
    )]
    Unreachable {
        /// Its address.
        url: String,
        /// Why.
        detail: String,
    },
    /// 401 or 403.
    #[error(
        "the aggregator refused this device: check `token` in credentials.toml, or the device was revoked"
    )]
    Refused,
    /// Another status.
    #[error("the aggregator answered {0} when asked for the gallery: look at its log")]
    Status(StatusCode),
    /// More than is taken.
    #[error("the aggregator sent a gallery of more than {} MB, which is not taken", MAX_BYTES >> 20)]
    TooLarge,
    /// The seal.
    #[error("{0}: copy the device's bundle again, `gallery_key` in credentials.toml does not fit")]
    Seal(#[from] SealError),
    /// Made with another model.
    #[error("the gallery is of the model {0}, this agent runs {model}: bring agent and aggregator to the same version", model = EMBEDDER.id)]
    OtherModel(String),
    /// The disk.
    #[error("the gallery cannot be kept in {} ({source}): check the disk", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The gallery that runs, and the way to a newer one.
pub(crate) struct GalleryStore {
    access: GalleryAccess,
    people: RwLock<Arc<People>>,
    /// The version that is on the disk.
    kept: AtomicU64,
    wanted: Notify,
    clock: Arc<DeviceClock>,
}

impl GalleryStore {
    /// Loads what the device kept, if it kept one.
    pub(crate) fn load(access: GalleryAccess, clock: Arc<DeviceClock>) -> Self {
        let path = access.data.join(FILE);
        let people = match std::fs::read(&path) {
            Ok(sealed) => match open(&sealed, &access) {
                Ok(people) => {
                    tracing::info!(
                        version = people.version,
                        people = people.len(),
                        "kept gallery loaded"
                    );
                    people
                }
                Err(e) => {
                    tracing::warn!("the kept gallery is not used: {e}");
                    People::default()
                }
            },
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => People::default(),
            Err(e) => {
                tracing::warn!(path = %path.display(), "the kept gallery cannot be read: {e}");
                People::default()
            }
        };
        let kept = AtomicU64::new(people.version);
        let people = RwLock::new(Arc::new(people));
        Self {
            access,
            people,
            kept,
            wanted: Notify::new(),
            clock,
        }
    }

    /// The people to compare with now.
    pub(crate) fn people(&self) -> Arc<People> {
        self.people.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A newer version is said to be there: fetch it now.
    pub(crate) fn want(&self, version: u64) {
        if self.people().version != version {
            self.wanted.notify_one();
        }
    }

    /// Keeps the gallery current until `stop` turns true.
    pub(crate) async fn keep_current(&self, mut stop: watch::Receiver<bool>) {
        let client = client();
        let mut wait = RETRY_AFTER;
        let mut last_problem = String::new();
        loop {
            let pause = match self.fetch(&client).await {
                Ok(changed) => {
                    if !last_problem.is_empty() {
                        last_problem.clear();
                        tracing::info!("the aggregator answers again");
                    }
                    if let Some((version, people)) = changed {
                        tracing::info!(version, people, "gallery taken over");
                    }
                    wait = RETRY_AFTER;
                    CHECK_EVERY
                }
                Err(e) => {
                    let problem = e.to_string();
                    if problem == last_problem {
                        tracing::debug!(retry_s = wait.as_secs(), "{problem}");
                    } else {
                        tracing::warn!(retry_s = wait.as_secs(), "{problem}");
                        last_problem = problem;
                    }
                    let pause = wait;
                    wait = (wait * 2).min(CHECK_EVERY);
                    pause
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wanted.notified() => {}
                _ = stop.changed() => return,
            }
        }
    }

    /// Asks once; gives version and number of people when something new came.
    async fn fetch(&self, client: &reqwest::Client) -> Result<Option<(u64, usize)>, GalleryError> {
        // What could not be written down is fetched again until it is.
        let have =
            Some(self.people().version).filter(|&have| have > 0 && have == self.kept.load(Ordering::Relaxed));
        let (sealed, date) = match download(client, &self.access, have).await? {
            Download::Unchanged { date } => (None, date),
            Download::New { sealed, date } => (Some(sealed), date),
        };
        if let Some(date) = date {
            // The header has whole seconds, cut off: half a second more is the best guess.
            self.clock.heard(date + TimeDelta::milliseconds(500));
        }
        let Some(sealed) = sealed else { return Ok(None) };
        let people = open(&sealed, &self.access)?;
        let taken = (people.version, people.len());
        // In use first: a full disk must not keep an erased face alive.
        *self.people.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(people);
        let path = self.access.data.join(FILE);
        let mut written = replace(&path, &sealed);
        if written.is_err() {
            // Nor may a restart bring the old one back; without it there may be space for the new one.
            let _ = std::fs::remove_file(&path);
            written = replace(&path, &sealed);
        }
        written.map_err(|source| GalleryError::Disk { path, source })?;
        self.kept.store(taken.0, Ordering::Relaxed);
        Ok(Some(taken))
    }
}

/// What the aggregator answered.
#[derive(Debug)]
pub(crate) enum Download {
    /// Nothing newer.
    Unchanged {
        /// The aggregator's time.
        date: Option<DateTime<Utc>>,
    },
    /// A sealed gallery.
    New {
        /// As it came.
        sealed: Vec<u8>,
        /// The aggregator's time.
        date: Option<DateTime<Utc>>,
    },
}

/// A client for the aggregator.
pub(crate) fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(60));
    builder.build().unwrap_or_default()
}

/// Asks for a gallery newer than `have`.
///
/// # Errors
/// See [`GalleryError`].
pub(crate) async fn download(
    client: &reqwest::Client,
    access: &GalleryAccess,
    have: Option<u64>,
) -> Result<Download, GalleryError> {
    let unreachable = |e: reqwest::Error| GalleryError::Unreachable {
        url: access.aggregator.clone(),
        detail: innermost(&e),
    };
    let mut request = client
        .get(format!("{}/agent/v1/gallery", access.aggregator))
        .bearer_auth(&*access.token)
        .header("x-hadir-device", &access.user_name);
    if let Some(version) = have {
        request = request.header(header::IF_NONE_MATCH, format!("\"{version}\""));
    }
    let asked = Instant::now();
    let mut response = request.send().await.map_err(unreachable)?;
    let answered = Instant::now();
    let date = response
        .headers()
        .get(header::DATE)
        .and_then(|value| value.to_str().ok());
    let date = date
        .and_then(|text| DateTime::parse_from_rfc2822(text).ok())
        .map(|date| date.with_timezone(&Utc))
        // What was long on its way tells no time.
        .filter(|_| answered - asked <= TIME_WITHIN);
    match response.status() {
        StatusCode::NOT_MODIFIED => return Ok(Download::Unchanged { date }),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(GalleryError::Refused),
        status if !status.is_success() => return Err(GalleryError::Status(status)),
        _ => {}
    }
    let mut sealed = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if sealed.len() + chunk.len() > MAX_BYTES {
            return Err(GalleryError::TooLarge);
        }
        sealed.extend_from_slice(&chunk);
    }
    // The aggregator said it before it sent the gallery.
    let date = date.map(|date| date + answered.elapsed());
    Ok(Download::New { sealed, date })
}

/// Opens a sealed gallery and checks that its templates can be compared.
///
/// # Errors
/// See [`GalleryError`].
pub(crate) fn open(sealed: &[u8], access: &GalleryAccess) -> Result<People, GalleryError> {
    let gallery = gallery::open(sealed, &access.user_name, &access.key)?;
    people(gallery)
}

fn people(gallery: Gallery) -> Result<People, GalleryError> {
    if gallery.model != EMBEDDER.id && !gallery.people.is_empty() {
        return Err(GalleryError::OtherModel(gallery.model));
    }
    let people = gallery.people.into_iter().map(|entry| {
        let templates = entry
            .templates
            .into_iter()
            .filter_map(|template| Embedding::new(template.0));
        (Arc::from(entry.employee.as_str()), templates.collect())
    });
    let badges = gallery.badges.into_iter();
    let badges = badges.map(|badge| (badge.code, Arc::from(badge.employee.as_str())));
    Ok(People::new(gallery.version, people).with_badges(badges))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use hadir_shared::gallery::{GalleryEntry, Template};
    use hadir_shared::id::EmployeeId;

    fn access(data: &Path) -> GalleryAccess {
        GalleryAccess {
            aggregator: "http://127.0.0.1:9".into(),
            user_name: "cikarang.gate-1".into(),
            token: Zeroizing::new("t".into()),
            key: Zeroizing::new([7; 32]),
            data: data.to_owned(),
        }
    }

    fn sealed(version: u64, model: &str) -> Vec<u8> {
        let mut values = vec![0.0; EMBEDDER.embedding_len];
        values[3] = 1.0;
        let employee = EmployeeId::new("EMP001").expect("id");
        let people = vec![GalleryEntry {
            employee,
            templates: vec![Template(values), Template(vec![1.0; 5])],
        }];
        let gallery = Gallery {
            version,
            model: model.into(),
            people,
            badges: Vec::new(),
        };
        gallery::seal(&gallery, "cikarang.gate-1", &[7; 32]).expect("seals")
    }

    #[test]
    fn a_kept_gallery_is_loaded_at_start_and_holds_only_fitting_templates() {
        let dir = tempfile::tempdir().expect("temporary folder");
        replace(&dir.path().join(FILE), &sealed(4, EMBEDDER.id)).expect("written");
        let people = GalleryStore::load(access(dir.path()), Arc::default()).people();
        assert_eq!((people.version, people.len()), (4, 1));
        assert_eq!(&**people.id(0), "EMP001");
    }

    #[test]
    fn a_damaged_or_foreign_gallery_is_not_used() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join(FILE);
        let mut damaged = sealed(4, EMBEDDER.id);
        damaged[40] ^= 1;
        for bytes in [damaged, sealed(4, "other-model"), b"HGAL1".to_vec(), Vec::new()] {
            replace(&path, &bytes).expect("written");
            assert_eq!(
                GalleryStore::load(access(dir.path()), Arc::default())
                    .people()
                    .version,
                0
            );
        }
        assert!(matches!(
            open(&sealed(1, "other-model"), &access(dir.path())),
            Err(GalleryError::OtherModel(_))
        ));
    }

    #[tokio::test]
    async fn an_unreachable_aggregator_is_one_sentence() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let error = download(&client(), &access(dir.path()), None)
            .await
            .expect_err("nobody listens");
        let message = error.to_string();
        assert!(
            message.contains("http://127.0.0.1:9") && message.contains("aggregator.url"),
            "{message}"
        );
    }
}
