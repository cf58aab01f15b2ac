//! What the core is told when it opens; `config.rs` makes it from `aggregator.toml`.

use std::path::PathBuf;

use hadir_shared::id::SiteId;

use super::types::Language;
pub use crate::notify::cloud_api::Settings as WhatsApp;
pub use crate::presence::Thresholds;

/// The site and its rules.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The site's id.
    pub site: SiteId,
    /// What it is called.
    pub name: String,
    /// Days, and times in messages, are counted here.
    pub timezone: chrono_tz::Tz,
    /// Of whoever has no own.
    pub language: Language,
    /// For phone numbers in national spelling: digits only, `62`.
    pub country_code: String,
    /// The SQLite file. Its folder must exist.
    pub database: PathBuf,
    /// When somebody is off, and absent.
    pub thresholds: Thresholds,
    /// `None`: not configured; alerts are recorded and nobody is told.
    pub whatsapp: Option<WhatsApp>,
}
