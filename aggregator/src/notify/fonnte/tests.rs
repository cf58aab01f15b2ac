//! Against a server that takes and refuses what Fonnte does, after <https://docs.fonnte.com/api-send-message/>, and what its
//! webhooks say.

use std::sync::{Arc, Mutex};

use warp::Filter as _;

use super::*;

#[test]
fn answers() {
    let taken = r#"{"detail":"success! message in queue","id":["80367170"],"process":"pending","requestid":2937124,"status":true,"target":["6282227097005"]}"#;
    assert_eq!(read(200, taken.as_bytes()), Ok("80367170".into()));
    assert_eq!(
        read(200, br#"{"Status":"true","id":80367171}"#),
        Ok("80367171".into())
    );
    let fails = |reason: &str| {
        read(
            200,
            format!(r#"{{"status":false,"reason":"{reason}","requestid":1}}"#).as_bytes(),
        )
        .expect_err("fails")
    };
    assert!(matches!(
        fails("token invalid"),
        Failure::Stop {
            resume: Resume::NewToken,
            ..
        }
    ));
    for (reason, mend) in [
        ("request invalid on disconnected device", "connect it"),
        ("insufficient quota", "top it up"),
    ] {
        let Failure::Stop { detail, .. } = fails(reason) else {
            panic!("{reason}")
        };
        assert!(detail.en().contains(mend), "{detail}");
    }
    assert!(matches!(fails("target invalid"), Failure::Undeliverable { .. }));
    assert!(matches!(fails("input invalid"), Failure::Refused { .. }));
    assert!(matches!(
        read(502, b"<html>"),
        Err(Failure::Temporary {
            uncertain: Uncertain::Yes,
            ..
        })
    ));
}

#[test]
fn webhooks() {
    let read = parse(br#"{"device":"62811","sender":"6281234567","message":"status","name":"Sari","timestamp":1732430000}"#).expect("JSON");
    assert_eq!(
        (read.messages[0].phone.as_str(), &read.messages[0].said),
        ("+6281234567", &Said::Text("status".into()))
    );
    let in_a_group = br#"{"sender":"120363@g.us","member":"6281234567","message":"status"}"#;
    assert_eq!(parse(in_a_group), Some(Notification::default()));
    let status = |body: &[u8]| {
        parse(body)
            .expect("JSON")
            .statuses
            .pop()
            .map(|status| status.news)
    };
    assert_eq!(
        status(br#"{"device":"62811","id":"80367170","stateid":"x","status":"sent","state":"delivered"}"#),
        Some(News::Reached(MessageState::Delivered))
    );
    assert!(matches!(
        status(br#"{"id":80367170,"status":"Invalid"}"#),
        Some(News::Failed(131_026, _))
    ));
    assert_eq!(
        (status(br#"{"id":1,"status":"processing"}"#), parse(b"[]")),
        (None, None)
    );
    assert!(signed(b"key", "key") && !signed(b"key", "kez") && !signed(b"", ""));
}

/// The forms that the simulated Fonnte was sent.
type Asked = Arc<Mutex<Vec<String>>>;

/// A Fonnte whose device has the token `right`. It always answers with 200.
fn simulator() -> (String, Asked) {
    let asked = Asked::default();
    let seen = asked.clone();
    let route = warp::post()
        .and(warp::path!("send"))
        .and(warp::header::optional::<String>("authorization"))
        .and(warp::header::<String>("content-type"))
        .and(warp::body::bytes())
        .map(move |token: Option<String>, kind: String, body: bytes::Bytes| {
            // The token alone, without a word before it.
            if token.as_deref() != Some("right") {
                return r#"{"status":false,"reason":"token invalid","requestid":1}"#.to_owned();
            }
            let form = String::from_utf8_lossy(&body).into_owned();
            let field = |name: &str| {
                let (_, rest) = form.split_once(&format!("name=\"{name}\""))?;
                let (_, rest) = rest.split_once("\r\n\r\n")?;
                rest.split_once("\r\n--").map(|(value, _)| value.to_owned())
            };
            if !kind.starts_with("multipart/form-data") || field("message").is_none() {
                return r#"{"status":false,"reason":"invalid/empty body value"}"#.to_owned();
            }
            let target = field("target").unwrap_or_default();
            if target.is_empty() || !target.bytes().all(|b| b.is_ascii_digit()) {
                return r#"{"status":false,"reason":"target invalid"}"#.to_owned();
            }
            // "File limitation": by its name's ending.
            let file = field("file");
            let name = field("filename").unwrap_or_default();
            if file.is_some() && !name.ends_with(".pdf") {
                return r#"{"status":false,"reason":"file format not supported"}"#.to_owned();
            }
            let mut seen = seen.lock().expect("lock");
            if let Some(file) = file {
                seen.push(format!("{name}: {file}"));
            }
            seen.push(format!("{target} {} {}", field("countryCode").unwrap_or_default(), field("message").unwrap_or_default()));
            format!(
                r#"{{"detail":"success! message in queue","id":["8036{}"],"process":"pending","requestid":2937124,"status":true,"target":["{target}"]}}"#,
                seen.len()
            )
        });
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    listener.set_nonblocking(true).expect("nonblocking");
    let address = listener.local_addr().expect("address");
    let listener = tokio::net::TcpListener::from_std(listener).expect("listener");
    tokio::spawn(warp::serve(route).incoming(listener).run());
    (format!("http://{address}"), asked)
}

#[tokio::test]
async fn a_message_goes_out_as_documented_and_refusals_say_what_to_do() {
    let (base_url, asked) = simulator();
    let folder = tempfile::tempdir().expect("folder");
    let token_file = folder.path().join("token");
    let fonnte = Fonnte::new(Settings {
        base_url,
        token_file: token_file.clone(),
        webhook_key_file: folder.path().join("none"),
    })
    .expect("client");
    let message = |address: &str| Outgoing {
        reference: 7,
        address: address.into(),
        language: crate::core::types::Language::En,
        content: Content::Text {
            body: "*Lee* has not been detected.".into(),
            buttons: vec![super::super::Button {
                title: "I have it".into(),
                payload: "ack:12".into(),
            }],
        },
        document: None,
    };
    for token in ["", "wrong"] {
        std::fs::write(&token_file, token).expect("file");
        let refused = fonnte.send(&message("+628123456789")).await;
        assert!(
            matches!(
                refused,
                Err(Failure::Stop {
                    resume: Resume::NewToken,
                    ..
                })
            ),
            "{refused:?}"
        );
    }
    std::fs::write(&token_file, "right\n").expect("file");
    assert_eq!(fonnte.send(&message("+628123456789")).await, Ok("80361".into()));
    let wrong = fonnte.send(&message("sari")).await;
    assert!(matches!(wrong, Err(Failure::Undeliverable { .. })), "{wrong:?}");
    let with_document = |name: &str| Outgoing {
        document: Some(super::super::Document {
            name: name.into(),
            content_type: "application/pdf",
            bytes: bytes::Bytes::from_static(b"%PDF-1.7"),
        }),
        ..message("+628123456789")
    };
    let not_taken = fonnte.send(&with_document("a.zip")).await;
    assert!(
        matches!(not_taken, Err(Failure::Document { .. })),
        "{not_taken:?}"
    );
    assert_eq!(fonnte.send(&with_document("a.pdf")).await, Ok("80363".into()));
    let said = "628123456789 0 *Lee* has not been detected.\nI have it: reply \"12a\"";
    assert_eq!(*asked.lock().expect("lock"), [said, "a.pdf: %PDF-1.7", said]);
}
