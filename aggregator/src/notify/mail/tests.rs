//! Against a server that speaks enough of SMTP (RFC 5321), on this machine.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::core::types::Language;

/// Takes mails, answering RCPT and AUTH as told; what it was sent.
async fn server(rcpt: &'static str, auth: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let port = listener.local_addr().expect("address").port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let lines = heard.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (read, mut write) = socket.into_split();
            let mut read = BufReader::new(read).lines();
            let _ = write.write_all(b"220 test\r\n").await;
            let mut data = false;
            while let Ok(Some(line)) = read.next_line().await {
                lines.lock().expect("lock").push(line.clone());
                let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
                let answer = match (data, verb.as_str()) {
                    (true, _) if line == "." => {
                        data = false;
                        "250 taken"
                    }
                    (true, _) => continue,
                    (_, "EHLO") => "250-test\r\n250 AUTH PLAIN",
                    (_, "AUTH") => auth,
                    (_, "RCPT") => rcpt,
                    (_, "DATA") => {
                        data = true;
                        "354 go on"
                    }
                    (_, "QUIT") => "221 bye",
                    _ => "250 well",
                };
                if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    (port, heard)
}

fn settings(port: u16, login: Option<(String, PathBuf)>) -> Settings {
    Settings {
        host: "127.0.0.1".into(),
        port,
        encryption: Encryption::None,
        login,
        from: "Hadir <hadir@example.com>".parse().expect("mailbox"),
        administrators: Vec::new(),
    }
}

fn message(to: &str) -> Outgoing {
    Outgoing {
        reference: 7,
        address: to.into(),
        language: Language::Id,
        content: Content::Text {
            body: "*Lee Min* tidak terdeteksi.\nTerakhir di CAM 3.".into(),
            buttons: Vec::new(),
        },
        document: None,
    }
}

fn report(to: &str) -> Outgoing {
    Outgoing {
        document: Some(super::super::Document {
            name: "attendance-2026-11-26.pdf".into(),
            content_type: "application/pdf",
            bytes: bytes::Bytes::from_static(b"%PDF-1.7 \x00\xff"),
        }),
        ..message(to)
    }
}

#[tokio::test]
async fn a_document_is_attached() {
    let (port, heard) = server("250 ok", "235 welcome").await;
    let mail = Mail::new(settings(port, None));
    mail.send(&report("sari@example.com")).await.expect("sent");
    let heard = heard.lock().expect("lock").join("\n");
    for part in [
        "Content-Type: multipart/mixed",
        "Content-Type: text/plain",
        "Terakhir di CAM 3.",
        "Content-Disposition: attachment; filename=\"attendance-2026-11-26.pdf\"",
        "Content-Type: application/pdf",
        "JVBERi0xLjcgAP8=",
    ] {
        assert!(heard.contains(part), "{part} in\n{heard}");
    }
    let (port, _) = server("552 message size exceeds fixed limit", "235 welcome").await;
    let too_large = Mail::new(settings(port, None));
    let with = too_large.send(&report("sari@example.com")).await;
    assert!(matches!(with, Err(Failure::Document { .. })), "{with:?}");
    let without = too_large.send(&message("sari@example.com")).await;
    assert!(
        matches!(without, Err(Failure::Undeliverable { .. })),
        "{without:?}"
    );
}

#[tokio::test]
async fn a_mail_goes_out_whole() {
    let folder = tempfile::tempdir().expect("folder");
    let password = folder.path().join("password");
    std::fs::write(&password, "secret\n").expect("file");
    let (port, heard) = server("250 ok", "235 welcome").await;
    let mail = Mail::new(settings(port, Some(("hadir".into(), password))));
    let id = mail.send(&message("sari@example.com")).await.expect("sent");
    assert_eq!(id, "<hadir-7@example.com>");
    let heard = heard.lock().expect("lock").join("\n");
    for part in [
        "AUTH PLAIN AGhhZGlyAHNlY3JldA==",
        "MAIL FROM:<hadir@example.com>",
        "RCPT TO:<sari@example.com>",
        "Subject: Lee Min tidak terdeteksi.",
        "Message-ID: <hadir-7@example.com>",
        "Terakhir di CAM 3.",
    ] {
        assert!(heard.contains(part), "{part} in\n{heard}");
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_told_apart() {
    let (port, _) = server("550 no such user", "235 welcome").await;
    let refused = Mail::new(settings(port, None))
        .send(&message("nobody@example.com"))
        .await;
    assert!(
        matches!(refused, Err(Failure::Undeliverable { .. })),
        "{refused:?}"
    );
    let (port, _) = server("451 later", "235 welcome").await;
    let later = Mail::new(settings(port, None))
        .send(&message("sari@example.com"))
        .await;
    assert!(
        matches!(
            later,
            Err(Failure::Temporary {
                uncertain: Uncertain::No,
                ..
            })
        ),
        "{later:?}"
    );
    let folder = tempfile::tempdir().expect("folder");
    let password = folder.path().join("password");
    let mail = |port| Mail::new(settings(port, Some(("hadir".into(), password.clone()))));
    let (port, _) = server("250 ok", "535 no").await;
    for content in ["", "wrong"] {
        std::fs::write(&password, content).expect("file");
        let stopped = mail(port).send(&message("sari@example.com")).await;
        assert!(
            matches!(
                stopped,
                Err(Failure::Stop {
                    resume: Resume::NewToken,
                    ..
                })
            ),
            "{stopped:?}"
        );
    }
    let wrong = Mail::new(settings(port, None))
        .send(&message("not an address"))
        .await;
    assert!(matches!(wrong, Err(Failure::Undeliverable { .. })), "{wrong:?}");
}

#[test]
fn the_subject_is_the_first_line() {
    assert_eq!(subject("*Lee*  Min\nmore"), "Lee Min");
    assert_eq!(subject(&"x".repeat(500)).chars().count(), MAX_SUBJECT);
}
