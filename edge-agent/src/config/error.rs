//! Mistakes in a configuration, told so that they can be mended.

use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake: where it is, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    file: PathBuf,
    line: Option<usize>,
    key: Option<String>,
    message: String,
}

impl ConfigError {
    /// A mistake of the file as a whole.
    pub(crate) fn file(file: &Path, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            key: None,
            message: message.into(),
        }
    }

    /// A mistake at a line, as the TOML reader found it.
    pub(crate) fn line(file: &Path, line: Option<usize>, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            key: None,
            message: message.into(),
        }
    }

    /// Line and message of a mistake at a line, as the TOML reader found it.
    pub(crate) fn at_line(&self) -> Option<(usize, &str)> {
        match (self.line, &self.key) {
            (Some(line), None) => Some((line, &self.message)),
            _ => None,
        }
    }

    /// A mistake of one key's value.
    pub(crate) fn key(file: &Path, line: Option<usize>, key: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            key: Some(key.to_owned()),
            message: message.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        match &self.key {
            Some(key) => write!(f, ": `{key}` {}", self.message),
            None if self.line.is_some() => write!(f, ": {}", self.message),
            None => write!(f, " {}", self.message),
        }
    }
}

/// All mistakes of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigErrors(pub(crate) Vec<ConfigError>);

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
