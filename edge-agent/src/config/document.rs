//! A TOML file that was read, for saying on which line of it a mistake is.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::error::ConfigError;

/// A file's path and text.
pub(super) struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    /// A file that was read.
    pub(super) fn new(path: &Path, text: String) -> Self {
        Self {
            path: path.to_owned(),
            text,
        }
    }

    /// What is in it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The folder that it is in.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// A mistake in the value of a key, such as `mqtt.host`.
    pub(super) fn wrong(&self, key: &str, message: impl Into<String>) -> ConfigError {
        let line = self.position(key).map(|position| self.line(position));
        ConfigError::key(&self.path, line, key, message)
    }

    /// The number of the line that this byte is on, from 1.
    pub(super) fn line(&self, position: usize) -> usize {
        self.text[..position.min(self.text.len())].matches('\n').count() + 1
    }

    /// Where the key stands, or the innermost table above it that does.
    fn position(&self, key: &str) -> Option<usize> {
        let root = DeTable::parse(&self.text).ok()?;
        let mut table = root.get_ref();
        let mut position = None;
        for part in key.split('.') {
            let Some((name, value)) = table.get_key_value(part) else {
                break;
            };
            position = Some(name.span().start);
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => break,
            }
        }
        position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_on_its_line() {
        let text = "a = 1\n\n[mqtt]\nhost = \"x\"\n[b.c]\nd = { e = 1 }\n";
        let document = Document::new(Path::new("x.toml"), text.into());
        let line = |key| document.position(key).map(|position| document.line(position));
        for (key, expected) in [
            ("a", Some(1)),
            ("mqtt.host", Some(4)),
            ("mqtt.port", Some(3)),
            ("b.c.d.e", Some(6)),
            ("none", None),
        ] {
            assert_eq!(line(key), expected, "{key}");
        }
    }
}
