//! The dashboard's files, which are part of this binary.

use std::collections::HashMap;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use sha2::{Digest as _, Sha256};
use warp::http::header::{CACHE_CONTROL, ETAG, HeaderValue};
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::error::ApiError;
use super::reply;
use super::request::Request;

static DASHBOARD: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../dashboard");

/// Each file's tag: by its contents, so that an unchanged file is not sent again after an update.
static TAGS: LazyLock<HashMap<&'static str, String>> = LazyLock::new(|| {
    let mut tags = HashMap::new();
    let mut folders = vec![&DASHBOARD];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        for file in folder.files() {
            if let Some(path) = file.path().to_str() {
                let digest = Sha256::digest(file.contents());
                let tag: String = digest[..12].iter().map(|b| format!("{b:02x}")).collect();
                tags.insert(path, format!("\"{tag}\""));
            }
        }
    }
    tags
});

/// A file of the dashboard. Where none has that name and a page is wanted, the dashboard itself: it shows
/// what the address says.
pub(crate) fn serve(request: &Request) -> Result<Response, ApiError> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(ApiError::method(&request.method, "GET"));
    }
    let path = request.path.trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let last = path.rsplit('/').next().unwrap_or(path);
    let path = match TAGS.contains_key(path) {
        true => path,
        false if !last.contains('.') && request.headers.wants_page() => "index.html",
        false => return Err(ApiError::not_found("There is nothing at this address.")),
    };
    let (Some(file), Some(tag)) = (DASHBOARD.get_file(path), TAGS.get(path)) else {
        return Err(ApiError::not_found("This build holds no dashboard."));
    };
    let mut response = if request.headers.has_already(tag) {
        reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        reply::bytes(StatusCode::OK, content_type(path), file.contents().to_vec())
    };
    // Kept, but asked after each time: a new version shows at once.
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
