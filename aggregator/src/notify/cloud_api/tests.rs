//! Against a server that answers as the documentation says.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use warp::Filter as _;

use super::*;
use crate::core::types::Language;

fn message() -> Outgoing {
    Outgoing {
        reference: 7,
        address: "+628123456789".into(),
        language: Language::Id,
        content: Content::Template {
            name: "hadir_absence".into(),
            language: Language::Id,
            parameters: vec!["Lee Min".into(), "13:53".into()],
            buttons: vec!["ack:12".into()],
        },
        document: None,
    }
}

/// A server that answers with `status` and `answer`; what it was asked comes out.
type Asked = Arc<Mutex<Vec<(String, String, Value)>>>;

fn serve(status: u16, answer: &'static str) -> (String, Asked) {
    let asked = Asked::default();
    let seen = asked.clone();
    let route = warp::post()
        .and(warp::path::full())
        .and(warp::header::<String>("authorization"))
        .and(warp::body::json())
        .map(move |path: warp::path::FullPath, authorization, body: Value| {
            seen.lock()
                .expect("lock")
                .push((path.as_str().to_owned(), authorization, body));
            warp::http::Response::builder()
                .status(status)
                .body(answer)
                .expect("response")
        });
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    listener.set_nonblocking(true).expect("nonblocking");
    let address = listener.local_addr().expect("address");
    let listener = tokio::net::TcpListener::from_std(listener).expect("listener");
    tokio::spawn(warp::serve(route).incoming(listener).run());
    (format!("http://{address}/v23.0/"), asked)
}

fn api(base_url: String, folder: &Path, token: &str) -> CloudApi {
    let token_file = folder.join("token");
    std::fs::write(&token_file, token).expect("token file");
    let app_secret_file = folder.join("app-secret");
    let (phone_number_id, verify_token) = ("42".into(), String::new());
    CloudApi::new(Settings {
        base_url,
        phone_number_id,
        token_file,
        app_secret_file,
        verify_token,
        business_account_id: None,
    })
    .expect("client")
}

async fn send(api: &CloudApi) -> Result<String, Failure> {
    let limit = Duration::from_secs(10);
    tokio::time::timeout(limit, api.send(&message()))
        .await
        .expect("an answer in time")
}

#[tokio::test]
async fn sends_what_the_documentation_asks_for() {
    let folder = tempfile::tempdir().expect("folder");
    let (url, asked) = serve(
        200,
        r#"{"messaging_product":"whatsapp","contacts":[{"input":"1","wa_id":"1"}],"messages":[{"id":"wamid.X"}]}"#,
    );
    let api = api(url, folder.path(), "secret-token\n");
    assert_eq!(send(&api).await, Ok("wamid.X".into()));
    let (path, authorization, body) = asked.lock().expect("lock").remove(0);
    assert_eq!(
        (path.as_str(), authorization.as_str()),
        ("/v23.0/42/messages", "Bearer secret-token")
    );
    assert_eq!(
        body,
        json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "628123456789",
            "biz_opaque_callback_data": "hadir-7",
            "type": "template",
            "template": {
                "name": "hadir_absence",
                "language": {"code": "id"},
                "components": [
                    {"type": "body", "parameters": [
                        {"type": "text", "text": "Lee Min"}, {"type": "text", "text": "13:53"}]},
                    {"type": "button", "sub_type": "quick_reply", "index": "0",
                     "parameters": [{"type": "payload", "payload": "ack:12"}]},
                ],
            },
        })
    );
}

/// What is uploaded, and the messages that name it. That it is taken is held against the simulator, in `tests/whatsapp.rs`.
#[test]
fn a_document_stands_at_the_head_of_a_template_and_above_a_text() {
    let named = || Some(("9".to_owned(), "a.pdf"));
    let template = body(&message(), named());
    assert_eq!(
        template["template"]["components"][0],
        json!({"type": "header", "parameters": [
            {"type": "document", "document": {"id": "9", "filename": "a.pdf"}}]})
    );
    assert_eq!(template["template"]["components"][1]["type"], "body");
    let text = |buttons| Outgoing {
        content: Content::Text {
            body: "Laporan".into(),
            buttons,
        },
        ..message()
    };
    let plain = body(&text(Vec::new()), named());
    assert_eq!(
        (&plain["type"], &plain["document"], &plain["text"]),
        (
            &"document".into(),
            &json!({"id": "9", "filename": "a.pdf", "caption": "Laporan"}),
            &Value::Null
        )
    );
    let button = super::super::Button {
        title: "Ya".into(),
        payload: "ack:1".into(),
    };
    let asked = body(&text(vec![button]), named());
    assert_eq!(
        asked["interactive"]["header"],
        json!({"type": "document", "document": {"id": "9", "filename": "a.pdf"}})
    );
}

#[test]
fn what_becomes_of_an_upload() {
    assert_eq!(
        read_upload(200, br#"{"id":"1037543291543636"}"#),
        Ok("1037543291543636".into())
    );
    let refused = read_upload(
        400,
        br#"{"error":{"message":"(#100) Param file must be a file with one of the following types","code":100}}"#,
    );
    assert!(matches!(refused, Err(Failure::Document { .. })), "{refused:?}");
    // Something in between: the messages themselves may go.
    for status in [403, 404, 413] {
        let refused = read_upload(status, b"<html>");
        assert!(matches!(refused, Err(Failure::Document { .. })), "{refused:?}");
    }
    let expired = read_upload(401, br#"{"error":{"message":"x","code":190}}"#);
    assert!(matches!(expired, Err(Failure::Stop { .. })), "{expired:?}");
    // The message itself was not sent: nothing is in doubt.
    for answer in [read_upload(502, b"<html>"), read_upload(200, b"{}")] {
        assert!(
            matches!(
                answer,
                Err(Failure::Temporary {
                    uncertain: Uncertain::No,
                    ..
                })
            ),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn errors_are_told_apart_by_their_code() {
    let folder = tempfile::tempdir().expect("folder");
    let (url, _) = serve(
        400,
        r#"{"error":{"message":"(#131026) Message undeliverable","type":"OAuthException","code":131026,
            "error_data":{"messaging_product":"whatsapp","details":"Not on WhatsApp"},"fbtrace_id":"x"}}"#,
    );
    let failed = send(&api(url, folder.path(), "t")).await;
    assert_eq!(
        failed,
        Err(Failure::Undeliverable {
            detail: "131026: Not on WhatsApp".into()
        })
    );

    let (url, _) = serve(
        401,
        r#"{"error":{"message":"Expired","type":"OAuthException","code":190}}"#,
    );
    let failed = send(&api(url, folder.path(), "t")).await;
    assert!(
        matches!(
            failed,
            Err(Failure::Stop {
                resume: Resume::NewToken,
                ..
            })
        ),
        "{failed:?}"
    );

    let (url, _) = serve(502, "<html>bad gateway</html>");
    let failed = send(&api(url, folder.path(), "t")).await;
    assert!(
        matches!(
            failed,
            Err(Failure::Temporary {
                uncertain: Uncertain::Yes,
                ..
            })
        ),
        "{failed:?}"
    );

    // Nobody listens there: certainly not sent.
    let failed = send(&api("http://127.0.0.1:9".into(), folder.path(), "t")).await;
    assert!(
        matches!(
            failed,
            Err(Failure::Temporary {
                uncertain: Uncertain::No,
                ..
            })
        ),
        "{failed:?}"
    );
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_message_says_where_it_belongs() {
    let folder = tempfile::tempdir().expect("folder");
    let (url, asked) = serve(200, "{}");
    let api = api(url, folder.path(), "\n");
    let Err(Failure::Stop {
        detail,
        resume: Resume::NewToken,
    }) = send(&api).await
    else {
        panic!("it was sent")
    };
    assert!(detail.en().contains("token"), "{detail}");
    assert!(asked.lock().expect("lock").is_empty() && api.credential().is_none());
    std::fs::write(folder.path().join("token"), "new").expect("token file");
    assert!(api.credential().is_some());
}

#[test]
fn every_documented_code_has_its_treatment() {
    let kind = |code| match failure(code, "x") {
        Failure::WindowClosed { .. } => "window",
        Failure::SlowRecipient { .. } => "slow recipient",
        Failure::SlowAll { .. } => "slow",
        Failure::Stop {
            resume: Resume::NewToken,
            ..
        } => "token",
        Failure::Stop { .. } => "stop",
        Failure::Undeliverable { .. } => "undeliverable",
        Failure::Template { .. } => "template",
        Failure::Document { .. } => "document",
        Failure::Temporary { .. } => "temporary",
        Failure::Refused { .. } => "refused",
    };
    for (code, expected) in [
        (131_047, "window"),
        (131_056, "slow recipient"),
        (130_429, "slow"),
        (80_007, "slow"),
        (190, "token"),
        (131_026, "undeliverable"),
        (132_000, "template"),
        (132_001, "template"),
        (132_012, "template"),
        (132_015, "template"),
        (131_053, "document"),
        (131_000, "temporary"),
        (131_042, "stop"),
        (100, "refused"),
    ] {
        assert_eq!(kind(code), expected, "{code}");
    }
}
