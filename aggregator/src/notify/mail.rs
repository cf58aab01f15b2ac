//! E-mail over SMTP (RFC 5321), by `lettre`: for steps of a policy that go there, and for whoever has to mend something.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::{AsyncSmtpTransport, AsyncSmtpTransportBuilder};
use lettre::{AsyncTransport as _, Message, Tokio1Executor};

use super::{Content, Failure, Messenger, Outgoing, Resume, Uncertain, http, templates};
use crate::sentence::say;

/// lettre's own limit ends with the connection; a server that says nothing would hold a message for ever. A document may
/// take longer to go up.
const TIMEOUT: Duration = Duration::from_secs(60);
const TIMEOUT_WITH_DOCUMENT: Duration = Duration::from_secs(180);

/// The longest subject, in characters.
const MAX_SUBJECT: usize = 120;

/// How the server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// From the start (port 465).
    Tls,
    /// After STARTTLS (port 587); without it nothing is sent.
    StartTls,
    /// Never: a server on this machine.
    None,
}

/// How mails are sent. The password is a file, read again with each mail.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub encryption: Encryption,
    /// The user name and the file with the password, if it wants some.
    pub login: Option<(String, PathBuf)>,
    /// Whom mails come from.
    pub from: Mailbox,
    /// Who is told when something has to be mended.
    pub administrators: Vec<String>,
}

/// Sends mails.
#[derive(Debug)]
pub struct Mail {
    settings: Settings,
}

impl Mail {
    /// Nothing is sent yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failure> {
        let Settings {
            host,
            port,
            encryption,
            login,
            ..
        } = &self.settings;
        let cannot = |error: lettre::transport::smtp::Error| stop(&format!("{host}: {error}"));
        let mut builder: AsyncSmtpTransportBuilder = match encryption {
            Encryption::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(host).map_err(cannot)?,
            Encryption::StartTls => {
                AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host).map_err(cannot)?
            }
            Encryption::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host),
        };
        if let Some((user, file)) = login {
            let password = http::secret(file).ok_or_else(|| Failure::Stop {
                detail: say!(
                    "E-mail: {} holds no password. Put it there; sending goes on by itself.",
                    "E-mail: {} tidak berisi kata sandi. Isikan di sana; pengiriman berlanjut sendiri.",
                    file.display()
                ),
                resume: Resume::NewToken,
            })?;
            builder = builder.credentials(Credentials::new(user.clone(), password.to_string()));
        }
        Ok(builder.port(*port).timeout(Some(Duration::from_secs(20))).build())
    }
}

fn stop(detail: &str) -> Failure {
    Failure::Stop {
        detail: say!(
            "E-mail: {detail}. Check the section [email].",
            "E-mail: {detail}. Periksa bagian [email]."
        ),
        resume: Resume::After(TimeDelta::minutes(5)),
    }
}

#[async_trait]
impl Messenger for Mail {
    async fn send(&self, message: &Outgoing) -> Result<String, Failure> {
        // What can be answered on WhatsApp cannot be answered by mail.
        let Content::Text { body, .. } = &message.content else {
            return Err(Failure::Refused {
                detail: "a mail is no template".into(),
            });
        };
        let refused = |detail: String| Failure::Undeliverable { detail };
        let to: Mailbox = message
            .address
            .parse()
            .map_err(|error| refused(format!("{error}")))?;
        let id = format!(
            "<hadir-{}@{}>",
            message.reference,
            self.settings.from.email.domain()
        );
        let builder = Message::builder()
            .from(self.settings.from.clone())
            .to(to)
            .subject(subject(body))
            // The same again with each try, so that a mail that went out twice can be recognised.
            .message_id(Some(id.clone()));
        let text = templates::mark_free_lines(body);
        let mail = match &message.document {
            None => builder.header(ContentType::TEXT_PLAIN).body(text),
            Some(document) => {
                let kind = ContentType::parse(document.content_type).map_err(|error| Failure::Document {
                    detail: error.to_string(),
                })?;
                let file = Attachment::new(document.name.clone()).body(document.bytes.to_vec(), kind);
                let parts = MultiPart::mixed()
                    .singlepart(SinglePart::plain(text))
                    .singlepart(file);
                builder.multipart(parts)
            }
        };
        let mail = mail.map_err(|error| refused(format!("{error}")))?;
        let transport = self.transport()?;
        let timeout = match &message.document {
            Some(_) => TIMEOUT_WITH_DOCUMENT,
            None => TIMEOUT,
        };
        match tokio::time::timeout(timeout, transport.send(mail)).await {
            Ok(Ok(_)) => Ok(id),
            Ok(Err(error)) => Err(match failure(&error) {
                // Too large, or of a kind that the server does not let through; without the document it shows whether it
                // was the recipient.
                Failure::Undeliverable { detail } if message.document.is_some() => {
                    Failure::Document { detail }
                }
                failure => failure,
            }),
            Err(_) => Err(Failure::Temporary {
                detail: "no answer in time".into(),
                uncertain: Uncertain::Yes,
            }),
        }
    }

    fn credential(&self) -> Option<[u8; 32]> {
        self.settings
            .login
            .as_ref()
            .and_then(|(_, file)| http::fingerprint(file))
    }
}

/// What an error of the server means (RFC 5321, 4.2; RFC 4954, 6).
fn failure(error: &lettre::transport::smtp::Error) -> Failure {
    let detail = error.to_string();
    match error
        .status()
        .map(|code| code.to_string().parse::<u16>().unwrap_or(0))
    {
        Some(530 | 534 | 535 | 538) => Failure::Stop {
            detail: say!(
                "E-mail: the server does not accept the login; mend the password file ({detail}).",
                "E-mail: server menolak login; perbaiki berkas kata sandi ({detail})."
            ),
            resume: Resume::NewToken,
        },
        _ if error.is_permanent() => Failure::Undeliverable { detail },
        _ if error.is_tls() || error.is_client() => stop(&detail),
        _ => Failure::Temporary {
            detail,
            uncertain: if error.is_transient() {
                Uncertain::No
            } else {
                Uncertain::Yes
            },
        },
    }
}

/// The first line of a text.
fn subject(body: &str) -> String {
    let line = body.lines().next().unwrap_or_default();
    let plain = templates::mark_free(line);
    if plain.chars().count() <= MAX_SUBJECT {
        return plain;
    }
    plain.chars().take(MAX_SUBJECT - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
