//! What the providers that are reached over HTTP have in common.

use std::path::Path;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Document, Failure, Uncertain};
use crate::error::{Error, Result};

/// A slow answer still is one; a lost one may cost a message sent twice.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A document may take so long to go up.
pub(super) const UPLOAD_TIMEOUT: Duration = Duration::from_secs(120);

/// The largest answer that is read.
const MAX_ANSWER: usize = 1 << 20;

/// A client that follows no redirect, which would carry the token elsewhere.
pub(super) fn client() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| Error::internal(format!("The WhatsApp client cannot be made: {error}.")))
}

/// A document as a part of a form.
pub(super) fn part(document: &Document) -> Result<reqwest::multipart::Part, Failure> {
    let bytes = document.bytes.clone();
    let length = bytes.len() as u64;
    reqwest::multipart::Part::stream_with_length(bytes, length)
        .file_name(document.name.clone())
        .mime_str(document.content_type)
        .map_err(|error| Failure::Document {
            detail: error.to_string(),
        })
}

/// Sends a request; gives the status and the body of the answer.
pub(super) async fn answer(request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), Failure> {
    let mut response = request.send().await.map_err(|error| Failure::Temporary {
        detail: plain(&error),
        // Where there was no connection, nothing can have gone out.
        uncertain: if error.is_connect() {
            Uncertain::No
        } else {
            Uncertain::Yes
        },
    })?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER => body.extend_from_slice(&chunk),
            Ok(Some(_) | None) => return Ok((status, body)),
            Err(error) => {
                let uncertain = if status < 400 {
                    Uncertain::Yes
                } else {
                    Uncertain::No
                };
                return Err(Failure::Temporary {
                    detail: plain(&error),
                    uncertain,
                });
            }
        }
    }
}

/// An error of the client without the address, which is configuration and long.
fn plain(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "no answer in time".into()
    } else {
        error.to_string()
    };
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    text
}

/// The content of a secret's file without the line break; `None` if it cannot be read or is empty.
pub fn secret(path: &Path) -> Option<Zeroizing<String>> {
    let text = Zeroizing::new(std::fs::read_to_string(path).ok()?);
    let secret = text.trim();
    (!secret.is_empty()).then(|| Zeroizing::new(secret.to_owned()))
}

/// Something that changes whenever the secret in a file does.
pub(super) fn fingerprint(path: &Path) -> Option<[u8; 32]> {
    secret(path).map(|token| Sha256::digest(token.as_bytes()).into())
}
