//! The aggregator's one error type: a coded kind, a sentence for whoever caused it, and the field to blame.
//!
//! The kinds are mapped to HTTP statuses in one place, in `web/`.

use std::fmt;

use crate::sentence::{Sentence, say};

/// A result with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// What was asked for makes no sense; asking again will not help.
    Invalid,
    /// There is no such thing, or the asker may not know of it.
    NotFound,
    /// It contradicts what is there.
    Conflict,
    /// The asker may not do this.
    Forbidden,
    /// Not possible now; asking again later may help.
    Unavailable,
    /// Our own fault.
    Internal,
}

impl ErrorKind {
    /// As it stands in `error.code` of the HTTP API.
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Forbidden => "forbidden",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

/// An error: what kind, what is wrong and what to do, and which field is to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// One sentence for the reader: what is wrong and what to do.
    pub message: Sentence,
    /// The field of the request that is to blame, as it is called in the API.
    pub field: Option<&'static str>,
}

impl Error {
    fn new(kind: ErrorKind, message: impl Into<Sentence>, field: Option<&'static str>) -> Self {
        Self {
            kind,
            message: message.into(),
            field,
        }
    }

    /// [`ErrorKind::Invalid`], with the field that is to blame.
    pub fn invalid(field: &'static str, message: impl Into<Sentence>) -> Self {
        Self::new(ErrorKind::Invalid, message, Some(field))
    }

    /// [`ErrorKind::Invalid`] where no one field is to blame.
    pub fn malformed(message: impl Into<Sentence>) -> Self {
        Self::new(ErrorKind::Invalid, message, None)
    }

    /// [`ErrorKind::NotFound`].
    pub fn not_found(field: &'static str, message: impl Into<Sentence>) -> Self {
        Self::new(ErrorKind::NotFound, message, Some(field))
    }

    /// [`ErrorKind::Conflict`], with the field that is to blame.
    pub fn conflict(field: &'static str, message: impl Into<Sentence>) -> Self {
        Self::new(ErrorKind::Conflict, message, Some(field))
    }

    /// [`ErrorKind::Forbidden`].
    pub fn forbidden(message: impl Into<Sentence>) -> Self {
        Self::new(ErrorKind::Forbidden, message, None)
    }

    /// [`ErrorKind::Unavailable`].
    pub fn unavailable(message: impl Into<Sentence>) -> Self {
        Self::new(ErrorKind::Unavailable, message, None)
    }

    /// [`ErrorKind::Internal`].
    pub fn internal(message: impl Into<Sentence>) -> Self {
        Self::new(ErrorKind::Internal, message, None)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::unavailable(say!(
                "The store's disk is full: free some space, nothing was changed.",
                "Disk penyimpanan penuh: kosongkan sebagian; tidak ada yang berubah."
            )),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::unavailable(say!(
                "The store is busy: another program holds it; try again.",
                "Penyimpanan sedang sibuk dipakai program lain; coba lagi."
            )),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::unavailable(say!(
                    "The store cannot be opened for writing ({error}): check that its folder exists and \
                     belongs to this user.",
                    "Penyimpanan tidak dapat ditulis ({error}): periksa apakah foldernya ada dan milik \
                     pengguna ini."
                ))
            }
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::internal(format!(
                "The store is damaged ({error}): run `hadir-aggregator check` and restore a backup."
            )),
            _ => Self::internal(format!("The store failed: {error}.")),
        }
    }
}
