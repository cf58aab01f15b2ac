//! A messenger for trying things out: nothing is sent, and what would be stands in the log.

use async_trait::async_trait;

use super::{Content, Failure, Messenger, Outgoing, templates};

/// Writes messages to the log: that there was one at `info`, what it says and to whom at `debug`, since that names
/// people.
#[derive(Debug)]
pub struct LogOnly;

#[async_trait]
impl Messenger for LogOnly {
    async fn send(&self, message: &Outgoing) -> Result<String, Failure> {
        tracing::info!(message = message.reference, "a message, to nobody but this log");
        let text = match &message.content {
            Content::Text { body, buttons } => templates::plain(body, buttons, message.language),
            Content::Template { name, parameters, .. } => format!("{name} {parameters:?}"),
        };
        let document = message.document.as_ref().map(|document| &document.name);
        tracing::debug!(message = message.reference, to = message.address, text, ?document);
        Ok(format!("log-{}", message.reference))
    }

    fn credential(&self) -> Option<[u8; 32]> {
        None
    }
}
