//! What people write to us, and what they may.

use super::*;

const HR: &str = "+628110000001";
const BUDI: &str = "+628110000002";
const SARI: &str = "+628110000003";
const LEE: &str = "+628110000004";

/// What somebody is answered.
async fn asks(site: &Site, phone: &str, text: &str) -> String {
    let number = site.audit().len();
    site.writes(phone, &format!("wamid.{phone}.{text}.{number}"), text);
    let answers = Arc::new(Phone::default()).deliver(site).await;
    let to = format!("{phone} ");
    let answer = answers.iter().rev().find_map(|answer| answer.strip_prefix(&to));
    answer
        .unwrap_or_else(|| panic!("no answer to {text}: {answers:?}"))
        .to_owned()
}

/// Lee is absent, and Sari was told.
async fn absent() -> (Site, i64) {
    let site = Site::new();
    site.until(10);
    site.take(vec![seen(1, "LEE", 10), seen(2, "SARI", 10)]);
    site.until(305);
    site.take(vec![seen(3, "SARI", 305)]);
    site.until(310);
    Arc::new(Phone::default()).deliver(&site).await;
    let id = site.alerts()[0].id;
    (site, id)
}

#[tokio::test]
async fn a_superior_asks_about_their_own() {
    let (site, id) = absent().await;
    let status = asks(&site, SARI, "status").await;
    assert_eq!(
        status,
        format!(
            "*Pabrik*, 21:18\n1 hadir, 1 tidak di tempat, 0 tidak terdeteksi, 0 tidak diketahui, 0 dikecualikan, dari 2\n\
             ▲ Lee Min, 5 menit, CAM 3 Gudang A (balas {id}a)"
        )
    );
    assert_eq!(
        asks(&site, SARI, "where lee").await,
        "▲ *Lee Min*: tidak di tempat, terakhir 21:13 (5 menit lalu), CAM 3 Gudang A"
    );
    let report = asks(&site, SARI, "report").await;
    assert!(
        report.starts_with("*Kehadiran 2026-09-21*: 2 / 2\nLee Min 21:13–21:13"),
        "{report}"
    );
    let before = asks(&site, SARI, "laporan kemarin").await;
    assert_eq!(
        before, "*Kehadiran 2026-09-20*: 0 / 0",
        "nobody was registered then"
    );
    assert!(asks(&site, SARI, "bantuan").await.contains("*12a*"));
    assert!(asks(&site, SARI, "apa kabar").await.contains("tidak saya pahami"));
}

/// Neither whether there is somebody of that name, nor what they do, is told to those who have no business with it.
#[tokio::test]
async fn nobody_learns_of_others() {
    let (site, id) = absent().await;
    let refusal = crate::notify::answers::refused(Language::Id);
    for (phone, text) in [
        (LEE, "where sari"),
        (LEE, "where nobody"),
        (SARI, "where budi"),
        (SARI, "di mana Hana"),
    ] {
        assert_eq!(asks(&site, phone, text).await, refusal, "{phone} {text}");
    }
    let own = asks(&site, LEE, "status").await;
    assert!(own.contains("dari 1") && !own.contains("Sari"), "{own}");
    assert_eq!(asks(&site, LEE, &format!("ack {}", id + 1)).await, refusal);
    let audit = site.audit();
    let refused: Vec<_> = audit.iter().filter(|line| line.contains("refused")).collect();
    assert_eq!(refused.len(), 5, "{audit:?}");
    assert_eq!(
        refused[0],
        "whatsapp LEE: refused: where, of somebody who is not below them"
    );
}

#[tokio::test]
async fn a_stranger_gets_a_polite_refusal_and_an_entry() {
    let (site, _) = absent().await;
    let answer = asks(&site, "+628999000111", "where lee").await;
    assert!(
        answer.contains("tidak terdaftar") && answer.contains("not registered") && !answer.contains("Lee")
    );
    let audit = site.audit();
    assert_eq!(
        audit.last().map(String::as_str),
        Some("whatsapp: refused: a number that is not registered, ending in 111")
    );
    // Nobody makes us send masses of messages.
    for n in 0..100 {
        site.writes(&format!("+62899900{n:04}"), &format!("wamid.s{n}"), "hello");
    }
    let sent = {
        let phone = Arc::new(Phone::default());
        let first = phone.deliver(&site).await.len();
        site.until(312);
        first + phone.deliver(&site).await.len()
    };
    assert_eq!(sent, 19);
}

#[tokio::test]
async fn hr_asks_about_everybody_and_a_shared_phone_is_that_of_whoever_has_a_login() {
    let (site, _) = absent().await;
    site.core
        .create_user("hana", "$argon2id$x", Role::Hr, Some(&who("HR")))
        .expect("user");
    assert!(asks(&site, HR, "where budi").await.contains("Budi"));
    assert!(asks(&site, HR, "status").await.contains("dari 4"));
    let shared = EmployeePatch {
        phone: Some(Some(HR.into())),
        ..EmployeePatch::default()
    };
    site.core
        .update_employee(&admin(), &who("BUDI"), shared)
        .expect("patch");
    assert!(asks(&site, HR, "status").await.contains("dari 4"));
    assert_eq!(
        asks(&site, BUDI, "status").await,
        crate::notify::answers::stranger("Pabrik")
    );
}

#[tokio::test]
async fn answers_by_text() {
    let (site, id) = absent().await;
    assert!(
        asks(&site, LEE, &format!("{id}a"))
            .await
            .contains("tentang Anda sendiri")
    );
    assert_eq!(
        asks(&site, SARI, &format!("{id}a")).await,
        "Terima kasih. Tercatat: Anda menangani Lee Min."
    );
    assert_eq!(
        asks(&site, BUDI, &format!("ack {id}")).await,
        "Lee Min sudah ditangani oleh Sari."
    );
    assert!(asks(&site, BUDI, "ack").await.contains("Tidak ada peringatan"));
    let (state, by) = (site.alerts()[0].state, site.alerts()[0].acknowledged_by.clone());
    assert_eq!((state, by.as_deref()), (AlertState::Acknowledged, Some("Sari")));
    // An excuse wants an end, and has a reason.
    let how = asks(&site, SARI, &format!("izin {id}")).await;
    assert!(how.contains(&format!("izin {id} 15:30")), "{how}");
    assert_eq!(
        asks(&site, SARI, &format!("izin {id} 22:00 ke dokter")).await,
        "Tercatat: Lee Min diizinkan sampai 22:00."
    );
    let alert = &site.alerts()[0];
    assert_eq!(
        (alert.state, alert.close_reason),
        (AlertState::Closed, Some(CloseReason::Excused))
    );
    assert!(
        site.history(id).contains(&"Excused SARI ke dokter".to_owned()),
        "{:?}",
        site.history(id)
    );
    assert_eq!(
        asks(&site, SARI, &format!("ack {id}")).await,
        "Peringatan tentang Lee Min sudah selesai."
    );
    assert_eq!(
        site.row("LEE").exemption,
        Some(crate::schedule::Exemption::Excused)
    );
}

/// A phone with an automatic reply does not talk to us for ever.
#[tokio::test]
async fn two_programs_do_not_answer_each_other_for_ever() {
    let (site, id) = absent().await;
    let phone = Arc::new(Phone::default());
    let mut answers = 0;
    for second in 0..120 {
        site.writes(LEE, &format!("wamid.{second}"), "I am on holiday");
        answers += phone.deliver(&site).await.len();
        site.until(311 + second * 6);
    }
    assert!((25..=70).contains(&answers), "{answers}");
    // Whoever has an alert to answer is heard all the same.
    for second in 0..40 {
        site.writes(SARI, &format!("wamid.s{second}"), "help");
        phone.deliver(&site).await;
        site.until(1100 + second * 7);
    }
    site.writes(SARI, "wamid.ack", &format!("ack {id}"));
    assert_eq!(site.alerts()[0].acknowledged_by.as_deref(), Some("Sari"));
}

#[tokio::test]
async fn a_repeated_or_very_late_message_is_dealt_with_once_or_not_at_all() {
    let (site, _) = absent().await;
    let phone = Arc::new(Phone::default());
    site.writes(SARI, "wamid.same", "help");
    site.writes(SARI, "wamid.same", "help");
    assert_eq!(phone.deliver(&site).await.len(), 1);
    let old = site.core.now().timestamp() - 13 * 3600;
    site.webhook(&format!(
        r#"{{"messages":[{{"from":"628110000003","id":"wamid.old","timestamp":"{old}","type":"text","text":{{"body":"ack"}}}}]}}"#
    ));
    assert_eq!(phone.deliver(&site).await.len(), 0);
}

/// The other providers' webhooks: what proves them, and that they are answered.
#[tokio::test]
async fn waha_and_fonnte_bring_messages_too() {
    use hmac::Mac as _;

    use crate::notify::{fonnte, waha};

    let of = |whatsapp: fn(&std::path::Path) -> WhatsApp| {
        let mut site = Site::new();
        std::fs::write(site.folder.path().join("key"), "a-key").expect("file");
        let settings = Settings {
            whatsapp: Some(whatsapp(site.folder.path())),
            ..settings(&site.folder)
        };
        site.core = Core::open(settings, site.clock.clone()).expect("core");
        site
    };
    let site = of(|folder| {
        WhatsApp::Fonnte(fonnte::Settings {
            base_url: "http://127.0.0.1:9".into(),
            token_file: folder.join("token"),
            webhook_key_file: folder.join("key"),
        })
    });
    let body = br#"{"device":"62811","sender":"628110000003","message":"help","name":"Sari"}"#;
    for proof in [None, Some("another"), Some("")] {
        let refused = site.core.take_webhook(proof, body).expect_err("was taken");
        assert_eq!(refused.kind, ErrorKind::Forbidden);
    }
    site.core.take_webhook(Some("a-key"), body).expect("taken");
    assert!(Arc::new(Phone::default()).deliver(&site).await[0].contains("*di mana* NAMA"));

    let site = of(|folder| {
        WhatsApp::Waha(waha::Settings {
            base_url: "http://127.0.0.1:9".into(),
            session: "default".into(),
            key_file: folder.join("token"),
            webhook_key_file: folder.join("key"),
        })
    });
    let body = br#"{"event":"message","session":"default","payload":{"id":"false_628110000003@c.us_3A","from":"628110000003@c.us","fromMe":false,"body":"help"}}"#;
    let mut mac = hmac::Hmac::<sha2::Sha512>::new_from_slice(b"a-key").expect("key");
    mac.update(body);
    let proof: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert!(site.core.take_webhook(Some("00"), body).is_err());
    site.core.take_webhook(Some(&proof), body).expect("taken");
    site.core
        .take_webhook(Some(&proof), body)
        .expect("taken again, and nothing more");
    let sent = Arc::new(Phone::default()).deliver(&site).await;
    assert!(sent.len() == 1 && sent[0].contains("*di mana* NAMA"), "{sent:?}");
}

/// The day's report comes behind the answer, of those whom the sender sees.
#[tokio::test]
async fn a_report_that_is_asked_for_comes_as_a_document_too() {
    let (mut site, _) = absent().await;
    let digest = settings::DigestTimes {
        document: Some(crate::report::Format::Csv),
        ..settings::DigestTimes::default()
    };
    let settings = Settings {
        digest,
        ..settings(&site.folder)
    };
    site.core = Core::open(settings, site.clock.clone()).expect("core");
    let phone = Arc::new(Phone::default());
    site.writes(SARI, "wamid.1", "laporan");
    let sent = phone.deliver(&site).await;
    assert!(
        sent[0].starts_with(&format!("{SARI} *Kehadiran 2026-09-21*")),
        "{sent:?}"
    );
    assert_eq!(sent[1], format!("{SARI} Laporan kehadiran 21-09-2026"));
    let document = phone.sent.lock().expect("lock")[1]
        .document
        .clone()
        .expect("a document");
    let text = String::from_utf8(document.bytes.to_vec()).expect("text");
    assert_eq!(document.name, "attendance-2026-09-21.csv");
    assert!(
        text.contains("Lee Min") && text.contains("Sari") && !text.contains("Budi;"),
        "{text}"
    );
    // Of a day that has no report, there is none.
    site.writes(SARI, "wamid.2", "laporan 1000-01-01");
    let sent = phone.deliver(&site).await;
    assert!(
        sent.len() == 1 && phone.sent.lock().expect("lock")[0].document.is_none(),
        "{sent:?}"
    );
}
