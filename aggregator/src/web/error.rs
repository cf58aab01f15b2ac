//! What a request is answered with when it fails: the one place that maps failures to HTTP.

use serde::Serialize;
use warp::http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::reply;
use crate::core::types::Language;
use crate::enrolment::{EnrolmentError, Reason};
use crate::error::{Error, ErrorKind};
use crate::sentence::{Sentence, say};

/// A failure as `docs/api.md` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Sentence,
    field: Option<&'static str>,
    reason: Option<&'static str>,
    header: Option<Header>,
}

/// What a status asks for beside the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    /// Seconds.
    RetryAfter(u64),
    Allow(&'static str),
}

#[derive(Serialize)]
struct Body<'a> {
    error: Detail<'a>,
}

#[derive(Serialize)]
struct Detail<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl ApiError {
    /// Whether nobody is logged in, or a password is wrong.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<Sentence>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            field: None,
            reason: None,
            header: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<Sentence>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    pub(crate) fn unauthenticated(message: impl Into<Sentence>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", message)
    }

    pub(crate) fn forbidden(message: impl Into<Sentence>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    pub(crate) fn not_found(message: impl Into<Sentence>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn too_large(message: impl Into<Sentence>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    pub(crate) fn unsupported(message: impl Into<Sentence>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", message)
    }

    pub(crate) fn unavailable(message: impl Into<Sentence>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    pub(crate) fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "invalid",
            say!(
                "The request's body did not arrive in time; send it again.",
                "Kiriman tidak tiba pada waktunya; kirim lagi."
            ),
        )
    }

    pub(crate) fn too_many(message: impl Into<Sentence>, seconds: u64) -> Self {
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", message);
        error.header = Some(Header::RetryAfter(seconds));
        error
    }

    pub(crate) fn method(method: &Method, allowed: &'static str) -> Self {
        let message = format!("{method} is not possible here; use {allowed}.");
        let mut error = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
        error.header = Some(Header::Allow(allowed));
        error
    }

    pub(crate) fn field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    /// The answer, its sentence in the language that the request asked for.
    pub(crate) fn into_response(self, language: Language) -> Response {
        let detail = Detail {
            code: self.code,
            message: self.message.to(language),
            field: self.field,
            reason: self.reason,
        };
        let mut response = reply::json(self.status, &Body { error: detail });
        match self.header {
            Some(Header::RetryAfter(seconds)) => {
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
            }
            Some(Header::Allow(methods)) => {
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static(methods));
            }
            None => {}
        }
        response
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let status = match error.kind {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if matches!(error.kind, ErrorKind::Internal | ErrorKind::Unavailable) {
            tracing::error!(%error, "request failed");
        }
        let mut api = Self::new(status, error.kind.code(), error.message);
        api.field = error.field;
        api
    }
}

impl From<EnrolmentError> for ApiError {
    fn from(error: EnrolmentError) -> Self {
        match error {
            EnrolmentError::Refused { photo, of, reason } => {
                let mut refused = Self::from(reason);
                if of > 1 {
                    refused.message = refused.message.of(
                        format_args!("Photo {photo} of {of}"),
                        format_args!("Foto {photo} dari {of}"),
                    );
                }
                refused
            }
            EnrolmentError::Busy => Self::unavailable(say!(
                "Other photos are being looked at; try again in a minute.",
                "Foto lain sedang diperiksa; coba lagi sebentar lagi."
            )),
            EnrolmentError::Failed(_) => {
                tracing::error!(%error, "enrolment failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())
            }
        }
    }
}

impl From<Reason> for ApiError {
    fn from(reason: Reason) -> Self {
        let mut error = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unprocessable",
            reason.sentence(),
        );
        error.field = Some("photo");
        error.reason = Some(reason.code());
        error
    }
}
