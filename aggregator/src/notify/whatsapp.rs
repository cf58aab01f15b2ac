//! Which provider carries WhatsApp messages.

use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Messenger, cloud_api, fonnte, log_only, secret, waha};
use crate::error::Result;

/// The provider and how it is reached.
#[derive(Clone, Debug)]
pub enum WhatsApp {
    /// Meta's own.
    Cloud(cloud_api::Settings),
    /// WAHA, on a machine of one's own.
    Waha(waha::Settings),
    /// Fonnte.
    Fonnte(fonnte::Settings),
    /// None: what would be sent stands in the log.
    LogOnly,
}

/// What may be sent to somebody who did not write within the last 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// Approved message templates only.
    Templates,
    /// Anything.
    Text,
}

impl WhatsApp {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When none can be made.
    pub fn messenger(&self) -> Result<Arc<dyn Messenger>> {
        Ok(match self {
            WhatsApp::Cloud(settings) => Arc::new(cloud_api::CloudApi::new(settings.clone())?),
            WhatsApp::Waha(settings) => Arc::new(waha::Waha::new(settings.clone())?),
            WhatsApp::Fonnte(settings) => Arc::new(fonnte::Fonnte::new(settings.clone())?),
            WhatsApp::LogOnly => Arc::new(log_only::LogOnly),
        })
    }

    /// What may be sent unasked.
    pub fn unasked(&self) -> Unasked {
        match self {
            WhatsApp::Cloud(_) => Unasked::Templates,
            WhatsApp::Waha(_) | WhatsApp::Fonnte(_) | WhatsApp::LogOnly => Unasked::Text,
        }
    }

    /// What its webhooks are signed with, or name; empty when there is none, and then none is taken.
    pub fn webhook_secret(&self) -> Zeroizing<String> {
        let file: Option<&PathBuf> = match self {
            WhatsApp::Cloud(settings) => Some(&settings.app_secret_file),
            WhatsApp::Waha(settings) => Some(&settings.webhook_key_file),
            WhatsApp::Fonnte(settings) => Some(&settings.webhook_key_file),
            WhatsApp::LogOnly => None,
        };
        file.and_then(|file| secret(file)).unwrap_or_default()
    }
}
