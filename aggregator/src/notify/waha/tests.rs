//! Against a server that takes and refuses what WAHA does, after <https://waha.devlike.pro/docs/how-to/send-messages/>,
//! `/how-to/security/` and `/how-to/sessions/`, and what its webhooks say.

use std::sync::{Arc, Mutex};

use warp::Filter as _;

use super::*;

#[test]
fn the_documentations_signature() {
    let body = br#"{"event":"message","session":"default","engine":"WEBJS"}"#;
    let signature = "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89";
    assert!(signed(b"my-secret-key", body, signature));
    assert!(!signed(b"another", body, signature) && !signed(b"", body, signature));
    assert!(!signed(b"my-secret-key", b"{}", signature) && !signed(b"my-secret-key", body, "zz"));
}

#[test]
fn the_id_is_found_with_every_engine() {
    for (answer, id) in [
        (
            r#"{"_data":{"id":{"fromMe":true,"id":"3EB0AA","_serialized":"true_628@c.us_3EB0AA"}}}"#,
            "3EB0AA",
        ),
        (
            r#"{"id":{"fromMe":true,"id":"3EB0AA","_serialized":"true_628@c.us_3EB0AA"}}"#,
            "3EB0AA",
        ),
        (
            r#"{"key":{"remoteJid":"628@s.whatsapp.net","fromMe":true,"id":"3EB0BB"},"status":"PENDING"}"#,
            "3EB0BB",
        ),
        (r#"{"id":"true_628@c.us_3EB0CC","_data":null}"#, "3EB0CC"),
        ("", "waha-7"),
    ] {
        assert_eq!(read(201, answer.as_bytes(), 7), Ok(id.to_owned()), "{answer}");
    }
}

#[test]
fn errors_say_what_to_do() {
    let expect = |status, body: &str| read(status, body.as_bytes(), 7).expect_err("fails");
    let not_working = r#"{"error":"Session status is not as expected. Try again later or restart the session","session":"default","status":"STARTING","expected":["WORKING"]}"#;
    let Failure::Stop { detail, resume } = expect(422, not_working) else {
        panic!("no stop")
    };
    assert!(
        detail.en().contains("scan the QR code") && resume == Resume::After(TimeDelta::minutes(1)),
        "{detail}"
    );
    let Failure::Stop { detail, .. } =
        expect(422, r#"{"error":"Session \"x\" does not exist","session":"x"}"#)
    else {
        panic!("no stop")
    };
    assert!(detail.en().contains("check `session`"), "{detail}");
    let unauthorised = expect(401, r#"{"message":"Unauthorized","statusCode":401}"#);
    assert!(matches!(
        unauthorised,
        Failure::Stop {
            resume: Resume::NewToken,
            ..
        }
    ));
    let restricted = r#"{"statusCode":500,"exception":{"message":"server returned error 463"}}"#;
    assert!(matches!(expect(500, restricted), Failure::SlowRecipient { .. }));
    assert!(matches!(
        expect(502, ""),
        Failure::Temporary {
            uncertain: Uncertain::Yes,
            ..
        }
    ));
}

#[test]
fn webhooks() {
    let message = |from: &str, more: &str| {
        format!(
            r#"{{"id":"evt_1","event":"message","session":"default","payload":{{"id":"false_{from}_3A01","timestamp":1732430000,
            "from":"{from}","fromMe":false,"to":"62811@c.us","body":"where lee","hasMedia":false{more}}}}}"#
        )
    };
    for (from, more, phone) in [
        ("62812@c.us", "", None),
        ("6281234567@c.us", "", Some("+6281234567")),
        (
            "99@lid",
            r#","_data":{"key":{"remoteJidAlt":"6281234567@s.whatsapp.net"}}"#,
            Some("+6281234567"),
        ),
        ("1203@g.us", "", None),
        // In a group it is the author's, who did not write to us.
        (
            "1203@g.us",
            r#","_data":{"Info":{"SenderAlt":"6281234567@s.whatsapp.net"}}"#,
            None,
        ),
        ("status@broadcast", "", None),
    ] {
        let read = parse(message(from, more).as_bytes()).expect("JSON").messages;
        let phones: Vec<&str> = read.iter().map(|message| message.phone.as_str()).collect();
        assert_eq!(phones, phone.into_iter().collect::<Vec<_>>(), "{from}");
        assert!(
            read.iter()
                .all(|message| message.said == Said::Text("where lee".into()))
        );
    }
    let ack = |ack: i64| {
        let body = format!(
            r#"{{"event":"message.ack","payload":{{"id":"true_628@c.us_3EB0AA","ack":{ack},"fromMe":true}}}}"#
        );
        parse(body.as_bytes())
            .expect("JSON")
            .statuses
            .pop()
            .map(|s| (s.provider_id, s.news))
    };
    let reached = |state| Some(("3EB0AA".to_owned(), News::Reached(state)));
    assert_eq!(
        (ack(2), ack(4)),
        (reached(MessageState::Delivered), reached(MessageState::Read))
    );
    assert!(matches!(ack(-1), Some((_, News::Failed(131_026, _)))) && ack(0).is_none());
    assert!(parse(b"[]").is_none() && parse(br#"{"event":"session.status"}"#).is_some());
}

/// What the simulated WAHA was asked.
type Asked = Arc<Mutex<Vec<Value>>>;

/// A WAHA whose session `default` works and whose key is `right`.
fn simulator() -> (String, Asked) {
    let asked = Asked::default();
    let seen = asked.clone();
    let answer = |status: u16, body: Value| {
        warp::http::Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(body.to_string())
            .expect("response")
    };
    let route = warp::post()
        .and(
            warp::path!("api" / "sendText")
                .or(warp::path!("api" / "sendFile"))
                .unify(),
        )
        .and(warp::path::full())
        .and(warp::header::optional::<String>("x-api-key"))
        .and(warp::body::json())
        .map(
            move |path: warp::path::FullPath, key: Option<String>, body: Value| {
                if key.as_deref() != Some("right") {
                    return answer(401, json!({"message": "Unauthorized", "statusCode": 401}));
                }
                if body["session"] != "default" {
                    let error = format!(
                        "Session \"{}\" does not exist",
                        body["session"].as_str().unwrap_or_default()
                    );
                    return answer(422, json!({"error": error, "session": body["session"]}));
                }
                // A private chat: digits and no plus sign.
                let chat = body["chatId"].as_str().unwrap_or_default();
                let digits = chat.strip_suffix("@c.us").unwrap_or_default();
                let said = match path.as_str() {
                    "/api/sendFile"
                        if body["session"] == "default" && body["chatId"] == "628000000000@c.us" =>
                    {
                        let error = "The feature is available only in Plus version for 'WEBJS' engine.";
                        return answer(422, json!({"statusCode": 422, "message": error}));
                    }
                    "/api/sendFile" => &body["file"]["data"],
                    _ => &body["text"],
                };
                if digits.len() < 7 || !digits.bytes().all(|b| b.is_ascii_digit()) || !said.is_string() {
                    return answer(
                        500,
                        json!({"statusCode": 500, "exception": {"message": "invalid chatId"}}),
                    );
                }
                seen.lock().expect("lock").push(body.clone());
                answer(201, json!({"id": format!("true_{chat}_3EB0AA"), "_data": null}))
            },
        );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    listener.set_nonblocking(true).expect("nonblocking");
    let address = listener.local_addr().expect("address");
    let listener = tokio::net::TcpListener::from_std(listener).expect("listener");
    tokio::spawn(warp::serve(route).incoming(listener).run());
    (format!("http://{address}/"), asked)
}

fn message() -> Outgoing {
    Outgoing {
        reference: 7,
        address: "+628123456789".into(),
        language: crate::core::types::Language::Id,
        content: Content::Text {
            body: "*Lee* tidak terdeteksi.".into(),
            buttons: vec![super::super::Button {
                title: "Saya tangani".into(),
                payload: "ack:12".into(),
            }],
        },
        document: None,
    }
}

#[tokio::test]
async fn a_message_goes_out_as_documented_and_refusals_say_what_to_do() {
    let (base_url, asked) = simulator();
    let folder = tempfile::tempdir().expect("folder");
    let key_file = folder.path().join("key");
    let waha = |session: &str| {
        let settings = Settings {
            base_url: base_url.clone(),
            session: session.into(),
            key_file: key_file.clone(),
            webhook_key_file: folder.path().join("none"),
        };
        Waha::new(settings).expect("client")
    };
    assert!(
        matches!(waha("default").send(&message()).await, Err(Failure::Stop { .. })),
        "no key yet"
    );
    std::fs::write(&key_file, "wrong").expect("file");
    let refused = waha("default").send(&message()).await;
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
    std::fs::write(&key_file, "right\n").expect("file");
    let Err(Failure::Stop { detail, .. }) = waha("other").send(&message()).await else {
        panic!("another session was taken")
    };
    assert!(detail.en().contains("check `session`"), "{detail}");
    assert_eq!(waha("default").send(&message()).await, Ok("3EB0AA".into()));
    let with_document = |address: &str| Outgoing {
        address: address.into(),
        document: Some(super::super::Document {
            name: "attendance-2026-11-26.pdf".into(),
            content_type: "application/pdf",
            bytes: bytes::Bytes::from_static(b"%PDF-1.7"),
        }),
        ..message()
    };
    let sent = waha("default").send(&with_document("+628123456789")).await;
    assert_eq!(sent, Ok("3EB0AA".into()));
    let without_plus = waha("default").send(&with_document("+628000000000")).await;
    assert!(
        matches!(without_plus, Err(Failure::Document { .. })),
        "{without_plus:?}"
    );
    let text = "*Lee* tidak terdeteksi.\nSaya tangani: balas \"12a\"";
    let file = json!({"mimetype": "application/pdf", "filename": "attendance-2026-11-26.pdf", "data": "JVBERi0xLjc="});
    assert_eq!(
        *asked.lock().expect("lock"),
        [
            json!({"session": "default", "chatId": "628123456789@c.us", "linkPreview": false, "text": text}),
            json!({"session": "default", "chatId": "628123456789@c.us", "caption": text, "file": file})
        ]
    );
}
