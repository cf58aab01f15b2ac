//! A request as the routes see it, with a body that is read only as far as it may be long.

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use warp::http::header::{
    ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, IF_NONE_MATCH, ORIGIN,
};
use warp::http::{HeaderMap, Method};

use super::error::ApiError;
use crate::core::types::Language;
use crate::sentence::say;

/// Largest JSON body.
pub(crate) const MAX_JSON: usize = 64 * 1024;
/// What is left of a body that was not wanted is still read, up to this length: whoever is cut off while
/// sending never sees the answer.
const MAX_LEFT: usize = 8 << 20;
const LEFT_WITHIN: Duration = Duration::from_secs(10);
/// A small body has to be there by then.
const BODY_WITHIN: Duration = Duration::from_secs(20);

/// A request whose body was not read yet.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: HashMap<String, String>,
    pub(crate) headers: Headers,
    body: BoxStream<'static, Result<Bytes, warp::Error>>,
}

/// A request's headers.
#[derive(Clone, Debug)]
pub(crate) struct Headers(pub(crate) HeaderMap);

impl Request {
    pub(crate) fn new<B: bytes::Buf>(
        method: Method,
        path: String,
        query: HashMap<String, String>,
        headers: HeaderMap,
        body: impl Stream<Item = Result<B, warp::Error>> + Send + 'static,
    ) -> Self {
        let body = body
            .map(|part| part.map(|mut part| part.copy_to_bytes(part.remaining())))
            .boxed();
        Self {
            method,
            path,
            query,
            headers: Headers(headers),
            body,
        }
    }

    /// The body, if it is no longer than `most` bytes.
    pub(crate) async fn body(&mut self, most: usize) -> Result<Bytes, ApiError> {
        let too_large = || {
            ApiError::too_large(say!(
                "The body is longer than {} KB.",
                "Kiriman ini lebih besar dari {} KB.",
                most / 1024
            ))
        };
        // Said before a byte is read, where the sender is honest about the length.
        let said = self
            .headers
            .text(CONTENT_LENGTH)
            .and_then(|length| length.parse::<usize>().ok());
        if said.is_some_and(|length| length > most) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        let read = async {
            while let Some(part) = self.body.next().await {
                let part = part.map_err(|_| {
                    ApiError::invalid(say!(
                        "The body broke off; send it again.",
                        "Kiriman terputus; kirim lagi."
                    ))
                })?;
                if body.len() + part.len() > most {
                    return Err(too_large());
                }
                body.extend_from_slice(&part);
            }
            Ok(())
        };
        tokio::time::timeout(BODY_WITHIN, read)
            .await
            .map_err(|_| ApiError::too_slow())??;
        Ok(body.freeze())
    }

    /// Reads what is left of the body and throws it away.
    pub(crate) async fn drain(&mut self) {
        let read = async {
            let mut left = MAX_LEFT;
            while let Some(Ok(part)) = self.body.next().await {
                match left.checked_sub(part.len()) {
                    Some(rest) => left = rest,
                    None => return,
                }
            }
        };
        // Whoever is slower than that is cut off.
        let _ = tokio::time::timeout(LEFT_WITHIN, read).await;
    }

    /// The body as JSON of the expected shape.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        // A form or plain text can be sent across origins without asking; JSON cannot.
        let json = self.headers.text(CONTENT_TYPE).is_some_and(|t| {
            t.split(';')
                .next()
                .is_some_and(|t| t.trim().eq_ignore_ascii_case("application/json"))
        });
        if !json {
            return Err(ApiError::unsupported(
                "Send JSON, with the header Content-Type: application/json.",
            ));
        }
        let body = self.body(MAX_JSON).await?;
        serde_json::from_slice(&body).map_err(|error| {
            ApiError::invalid(format!("The body is not the JSON that belongs here: {error}."))
        })
    }
}

impl Headers {
    fn text(&self, name: warp::http::HeaderName) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }

    /// A header that is not one of HTTP's own.
    pub(crate) fn other(&self, name: &'static str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }

    /// The value of one cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.0
            .get_all(COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .find_map(|pair| {
                let (key, value) = pair.trim().split_once('=')?;
                (key == name).then_some(value)
            })
    }

    /// The bearer token.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.text(AUTHORIZATION)?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    /// Whether the sender already has what this tag names.
    pub(crate) fn has_already(&self, etag: &str) -> bool {
        self.text(IF_NONE_MATCH).is_some_and(|tags| {
            tags.split(',')
                .any(|t| t.trim().trim_start_matches("W/") == etag || t.trim() == "*")
        })
    }

    /// Of Indonesian and English what `Accept-Language` would rather have (RFC 9110, section 12.5.4); English where
    /// it names neither.
    pub(crate) fn language(&self) -> Language {
        let ranges = self.text(ACCEPT_LANGUAGE).unwrap_or_default().split(',');
        let known = ranges.filter_map(|range| {
            let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
            let weight = match weight.trim().to_ascii_lowercase().strip_prefix("q=") {
                Some(weight) => weight.trim().parse::<f32>(),
                None => Ok(1.0),
            };
            let language = Language::parse(&tag.trim().split('-').next()?.to_ascii_lowercase())?;
            weight
                .ok()
                .filter(|weight| *weight > 0.0)
                .map(|weight| (language, weight))
        });
        known
            .reduce(|best, one| if one.1 > best.1 { one } else { best })
            .map_or(Language::En, |(language, _)| language)
    }

    /// Whether a page would rather be shown than an error in JSON.
    pub(crate) fn wants_page(&self) -> bool {
        self.text(warp::http::header::ACCEPT)
            .is_some_and(|types| types.contains("text/html"))
    }

    /// Refuses what another website makes a browser send: where there is an `Origin`, it has to name this
    /// host, as the browser addressed it or as `public_url` does.
    pub(crate) fn check_origin(&self, public_url: &str) -> Result<(), ApiError> {
        let Some(origin) = self.0.get(ORIGIN) else {
            return Ok(());
        };
        let origin = origin.to_str().unwrap_or("null");
        let host = origin.split_once("://").map(|(_, host)| host);
        let own = host.is_some() && host == self.text(HOST) || origin.eq_ignore_ascii_case(public_url);
        if own {
            Ok(())
        } else {
            Err(ApiError::forbidden(
                "This request comes from another website; use the dashboard of this host, or set `web.public_url`.",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> Headers {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, warp::http::HeaderValue::from_static(value));
        }
        Headers(map)
    }

    #[test]
    fn only_the_same_origin_is_taken() {
        for (origin, host, own) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("https://hadir.example", "hadir.example", true),
            ("https://hadir.example", "127.0.0.1:8080", true),
            ("http://evil.example", "127.0.0.1:8080", false),
            ("http://127.0.0.1:8081", "127.0.0.1:8080", false),
            ("null", "127.0.0.1:8080", false),
            ("null", "null", false),
            ("", "", false),
        ] {
            let taken = headers(&[("origin", origin), ("host", host)]).check_origin("https://hadir.example");
            assert_eq!(taken.is_ok(), own, "{origin} at {host}");
        }
        assert!(headers(&[("host", "a")]).check_origin("http://b").is_ok());
    }

    #[test]
    fn the_language_is_what_is_wanted_most() {
        for (wanted, language) in [
            ("id", Language::Id),
            ("id-ID,id;q=0.9,en-US;q=0.8,en;q=0.7", Language::Id),
            ("en-GB,en;q=0.9,id;q=0.8", Language::En),
            ("en;q=0.5, ID;q=0.6", Language::Id),
            ("fr, id;q=0.1", Language::Id),
            ("id;q=0, en;q=0.1", Language::En),
            ("id;Q=0, en", Language::En),
            ("id;q=much", Language::En),
            ("*", Language::En),
            ("", Language::En),
        ] {
            assert_eq!(
                headers(&[("accept-language", wanted)]).language(),
                language,
                "{wanted}"
            );
        }
        assert_eq!(headers(&[]).language(), Language::En);
    }

    #[test]
    fn cookies_tokens_and_tags_are_read() {
        let all = headers(&[
            ("cookie", "a=1; hadir_session=abc"),
            ("cookie", "b=2"),
            ("authorization", "bearer  xyz "),
            ("if-none-match", "\"1\", W/\"2\""),
        ]);
        assert_eq!(all.cookie("hadir_session"), Some("abc"));
        assert_eq!(all.cookie("b"), Some("2"));
        assert_eq!(all.cookie("session"), None);
        assert_eq!(all.bearer(), Some("xyz"));
        assert!(all.has_already("\"2\"") && !all.has_already("\"3\""));
    }
}
