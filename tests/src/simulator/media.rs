//! `POST /{version}/{phone_number_id}/media`: documents that are uploaded to go with messages.
//!
//! After <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media> ("Upload media", "Supported media
//! types"). Of media, only documents are known here. Meta looks at what a file says it is; here it is opened, too, so that
//! a file that no phone could open fails a test.

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use warp::multipart::FormData;

use super::api::{self, Account};
use super::errors::ApiError;
use super::state::{Media, SentDocument, State};

/// The largest document.
pub const MAX_DOCUMENT: u64 = 100 << 20;

/// The kinds of documents, and how their files begin.
const KINDS: [(&str, &[u8]); 5] = [
    ("application/pdf", b"%PDF-"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        b"PK\x03\x04",
    ),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        b"PK\x03\x04",
    ),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        b"PK\x03\x04",
    ),
    ("text/plain", b""),
];

/// A form as it came.
#[derive(Debug, Default)]
pub struct Upload {
    product: Option<String>,
    file: Option<(Option<String>, String, Bytes)>,
}

/// Reads a form.
///
/// # Errors
/// As the Cloud API refuses it.
pub async fn read(mut form: FormData) -> Result<Upload, ApiError> {
    let broken = || ApiError::graph(100, "(#100) The request's body is no form.");
    let mut upload = Upload::default();
    while let Some(part) = form.next().await {
        let mut part = part.map_err(|_| broken())?;
        let mut bytes = Vec::new();
        while let Some(chunk) = part.data().await {
            let mut chunk = chunk.map_err(|_| broken())?;
            bytes.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
        }
        match part.name() {
            "messaging_product" => upload.product = String::from_utf8(bytes).ok(),
            "file" => {
                let kind = part.content_type().unwrap_or_default().to_owned();
                upload.file = Some((part.filename().map(str::to_owned), kind, bytes.into()));
            }
            _ => {}
        }
    }
    Ok(upload)
}

/// Takes a document; gives the answer's body.
///
/// # Errors
/// As the Cloud API refuses it.
pub fn take(
    account: &Account,
    state: &mut State,
    (version, phone_number_id): (&str, &str),
    authorization: Option<&str>,
    upload: Upload,
) -> Result<Value, ApiError> {
    api::authorise_token(account, state, authorization)?;
    api::check_address(account, version, phone_number_id)?;
    if let Some(refused) = state.take_injected_upload() {
        return Err(ApiError::new(refused, "Asked for by the simulator's operator"));
    }
    if upload.product.as_deref() != Some("whatsapp") {
        let message = "(#100) The parameter messaging_product is required.";
        return Err(ApiError::graph(100, message));
    }
    let Some((Some(_), kind, bytes)) = upload.file else {
        return Err(ApiError::graph(100, "(#100) The parameter file is required."));
    };
    let Some((_, begins)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        let known: Vec<&str> = KINDS.iter().map(|(known, _)| *known).collect();
        let message = format!(
            "(#100) Param file must be a file with one of the following types: {}. Received file of type '{kind}'.",
            known.join(", ")
        );
        return Err(ApiError::graph(100, message));
    };
    if bytes.is_empty() || !bytes.starts_with(begins) {
        return Err(ApiError::new(131_053, format!("The file is no {kind}")));
    }
    let id = state.keep_media(Media { kind, bytes });
    Ok(json!({"id": id}))
}

/// The document that a message names (`{"id": …, "filename": …}`).
///
/// # Errors
/// As the Cloud API refuses it.
pub fn named(state: &State, document: &Value) -> Result<SentDocument, ApiError> {
    let id = document["id"].as_str().unwrap_or_default();
    let Some(media) = state.media.get(id) else {
        let message =
            "(#100) Param document['id'] is not a valid whatsapp business account media attachment ID";
        return Err(ApiError::graph(100, message));
    };
    Ok(SentDocument {
        media: id.to_owned(),
        filename: document["filename"].as_str().unwrap_or("Untitled").to_owned(),
        kind: media.kind.clone(),
        size: media.bytes.len(),
    })
}
