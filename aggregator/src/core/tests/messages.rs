//! Which message goes out when, as what, and to whom: groups, the 24 hours, limits, quiet time, mails.

use super::*;
use crate::notify::Content;
use crate::notify::mail;

const SARI: &str = "+628110000003";
const BUDI: &str = "+628110000002";

impl Site {
    /// The same with other settings.
    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut site = Self::new();
        let mut settings = settings(&site.folder);
        change(&mut settings);
        site.core = Core::open(settings, site.clock.clone()).expect("core");
        site.status(true);
        site
    }

    /// Joko and Rudi, who have Sari as superior like Lee.
    fn hire(&self) {
        for (id, name) in [("JOKO", "Joko"), ("RUDI", "Rudi")] {
            let new = NewEmployee {
                id: Some(id.into()),
                name: name.into(),
                supervisor: Some("SARI".into()),
                ..NewEmployee::default()
            };
            self.core.create_employee(&admin(), new).expect("employee");
        }
    }

    /// Lets the time go by, with the worker at work; gives what went out, each with its second.
    async fn watch(&self, phone: &Arc<Phone>, to: i64) -> Vec<String> {
        let mut all = Vec::new();
        while self.core.now() < t(to) {
            self.until((self.core.now() - t(0)).num_seconds() + 1);
            let second = (self.core.now() - t(0)).num_seconds();
            all.extend(
                phone
                    .deliver(self)
                    .await
                    .into_iter()
                    .map(|sent| format!("{second} {sent}")),
            );
        }
        all
    }
}

#[tokio::test]
async fn absences_within_thirty_seconds_are_one_message() {
    let site = Site::new();
    site.hire();
    let phone = Arc::new(Phone::default());
    site.until(40);
    site.take(vec![seen(1, "LEE", 10), seen(2, "JOKO", 20), seen(3, "RUDI", 35)]);
    let list = "Lee Min (Gudang A, sejak 21:13); Joko (Gudang A, sejak 21:13); Rudi (Gudang A, sejak 21:13)";
    assert_eq!(
        site.watch(&phone, 400).await,
        [format!("336 {SARI} hadir_absences 3|{list}")],
        "it waits for the last of them, and no longer"
    );
    let alerts: Vec<i64> = site.alerts().iter().map(|alert| alert.id).collect();
    for id in &alerts {
        assert_eq!(site.history(*id), ["Opened", "Message SARI sent"]);
    }
    // One button answers for all.
    let message: i64 = rusqlite::Connection::open(site.folder.path().join("hadir.sqlite"))
        .and_then(|store| store.query_row("select id from message", [], |row| row.get(0)))
        .expect("one message");
    site.presses(&SARI[1..], "wamid.a", &format!("ack-all:{message}"));
    assert!(
        site.alerts()
            .iter()
            .all(|alert| alert.state == AlertState::Acknowledged)
    );
    assert_eq!(
        phone.deliver(&site).await,
        [format!(
            "{SARI} Terima kasih. Tercatat: Anda menangani Lee Min.\nTerima kasih. Tercatat: Anda menangani Joko.\n\
             Terima kasih. Tercatat: Anda menangani Rudi."
        )]
    );
    assert_eq!(site.core.check().expect("check"), Vec::<String>::new());
}

#[tokio::test]
async fn nobody_waits_for_more_than_thirty_seconds_and_alone_for_nothing() {
    let site = Site::new();
    site.hire();
    let phone = Arc::new(Phone::default());
    site.until(90);
    // Rudi's comes half a minute after Joko's, which comes within half a minute of Lee's.
    site.take(vec![seen(1, "LEE", 10), seen(2, "JOKO", 30), seen(3, "RUDI", 70)]);
    let sent = site.watch(&phone, 400).await;
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(
        sent[0].starts_with("331 ") && sent[0].contains("hadir_absences 2|"),
        "{sent:?}"
    );
    assert!(
        sent[1].starts_with("370 ") && sent[1].contains("hadir_absence Rudi|"),
        "{sent:?}"
    );
}

#[tokio::test]
async fn whoever_comes_back_meanwhile_is_left_out() {
    let site = Site::new();
    site.hire();
    let phone = Arc::new(Phone::default());
    site.until(40);
    site.take(vec![seen(1, "LEE", 10), seen(2, "JOKO", 20), seen(3, "RUDI", 35)]);
    assert_eq!(site.watch(&phone, 325).await, [""; 0]);
    site.take(vec![seen(4, "JOKO", 325)]);
    let sent = site.watch(&phone, 340).await;
    assert_eq!(sent.len(), 1);
    assert!(
        sent[0].contains("2|Lee Min") && !sent[0].contains("Joko"),
        "{sent:?}"
    );
    let joko = site
        .alerts()
        .into_iter()
        .find(|alert| alert.employee == who("JOKO"))
        .expect("alert");
    assert_eq!(
        site.history(joko.id),
        ["Opened", "Message SARI cancelled", "Returned"]
    );
}

#[tokio::test]
async fn a_deleted_person_stands_in_no_message() {
    let site = Site::new();
    site.hire();
    let phone = Arc::new(Phone::default());
    site.until(40);
    site.take(vec![seen(1, "LEE", 10), seen(2, "JOKO", 20)]);
    assert_eq!(site.watch(&phone, 315).await, [""; 0]);
    site.core
        .delete_employee(&admin(), &who("JOKO"))
        .expect("deleted");
    let sent = site.watch(&phone, 340).await;
    assert!(
        sent.len() == 1 && sent[0].contains("hadir_absence Lee Min"),
        "{sent:?}"
    );
    site.core.delete_employee(&admin(), &who("LEE")).expect("deleted");
    let store = rusqlite::Connection::open(site.folder.path().join("hadir.sqlite")).expect("store");
    let left: i64 = store
        .query_row(
            "select count(*) from message where parameters like '%Lee%' or body like '%Lee%'",
            [],
            |r| r.get(0),
        )
        .expect("count");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn within_a_day_of_their_message_it_is_text_and_a_template_when_that_is_refused() {
    let site = Site::new();
    let phone = Arc::new(Phone::default());
    site.until(10);
    site.writes(SARI, "wamid.a", "help");
    let help = phone.deliver(&site).await;
    assert!(help[0].contains("*di mana* NAMA"), "{help:?}");
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(310);
    phone.fails(Failure::WindowClosed {
        detail: "131047".into(),
    });
    assert_eq!(
        phone.deliver(&site).await,
        [format!("{SARI} hadir_absence Lee Min|Gudang A|21:13|5|CAM 3")]
    );
    // A day later it is a template from the start.
    site.take(vec![seen(2, "LEE", 320)]);
    let texts = phone.deliver(&site).await;
    assert!(texts[0].contains("terlihat kembali"), "{texts:?}");
    site.clock.advance(TimeDelta::hours(24));
    site.core.tick().expect("tick");
    site.status(true);
    let second = (site.core.now() - t(0)).num_seconds();
    site.take(vec![seen(3, "LEE", second)]);
    site.until(second + 300);
    let template = phone.deliver(&site).await;
    assert!(template[0].contains("hadir_absence Lee Min"), "{template:?}");
}

#[tokio::test]
async fn inside_the_window_there_are_buttons() {
    let site = Site::new();
    site.until(10);
    site.writes(SARI, "wamid.a", "help");
    let phone = Arc::new(Phone::default());
    phone.deliver(&site).await;
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(310);
    phone.deliver(&site).await;
    let sent = phone.sent.lock().expect("lock");
    let Content::Text { body, buttons } = &sent[0].content else {
        panic!("{sent:?}")
    };
    assert!(body.starts_with("*Lee Min* (Gudang A)"), "{body}");
    let id = site.alerts()[0].id;
    let shown: Vec<_> = buttons
        .iter()
        .map(|b| (b.title.as_str(), b.payload.clone()))
        .collect();
    assert_eq!(
        shown,
        [
            ("Saya tangani", format!("ack:{id}")),
            ("Diizinkan", format!("excuse:{id}"))
        ]
    );
}

#[tokio::test]
async fn too_many_to_one_recipient_wait() {
    let site = Site::with(|settings| settings.messages.per_recipient = 3);
    let phone = Arc::new(Phone::default());
    for n in 0..5 {
        site.writes(SARI, &format!("wamid.{n}"), "help");
    }
    site.writes(BUDI, "wamid.b", "help");
    let sent = phone.deliver(&site).await;
    let to = |phone: &str| sent.iter().filter(|sent| sent.starts_with(phone)).count();
    assert_eq!((to(SARI), to(BUDI)), (3, 1));
    assert_eq!(phone.deliver(&site).await.len(), 0);
    site.until(61);
    assert_eq!(phone.deliver(&site).await.len(), 2, "none is lost");
}

#[tokio::test]
async fn groups_can_be_switched_off() {
    let site = Site::with(|settings| settings.messages.group = TimeDelta::zero());
    site.hire();
    let phone = Arc::new(Phone::default());
    site.until(10);
    site.take(vec![seen(1, "LEE", 10), seen(2, "JOKO", 10)]);
    let sent = site.watch(&phone, 320).await;
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(
        sent.iter()
            .all(|sent| sent.starts_with("310 ") && sent.contains("hadir_absence ")),
        "{sent:?}"
    );
}

/// What waits through quiet hours is not too old behind them.
#[tokio::test]
async fn quiet_time_makes_no_message_old() {
    let site = Site::with(|settings| {
        let hours = r#"{"days":["mon","tue","wed","thu","fri","sat","sun"],"from":"21:19","to":"05:00"}"#;
        settings.messages.quiet = Some(serde_json::from_str(hours).expect("hours"));
    });
    let phone = Arc::new(Phone::default());
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(310);
    phone.fails(Failure::Temporary {
        detail: "x".into(),
        uncertain: crate::notify::Uncertain::Yes,
    });
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    // 05:00:01; Lee was away all the time.
    site.clock.set(t(28_001));
    site.core.tick().expect("tick");
    let sent = phone.deliver(&site).await;
    assert!(sent.iter().any(|sent| sent.contains("Lee Min")), "{sent:?}");
}

#[tokio::test]
async fn too_many_altogether_wait() {
    let site = Site::with(|settings| settings.messages.per_second = 2);
    let phone = Arc::new(Phone::default());
    for (n, number) in [SARI, BUDI, "+628110000001", "+628110000004"]
        .into_iter()
        .enumerate()
    {
        site.writes(number, &format!("wamid.{n}"), "help");
    }
    assert_eq!(phone.deliver(&site).await.len(), 2);
    site.until(1);
    assert_eq!(phone.deliver(&site).await.len(), 2);
}

/// Quiet from 21:18 to 21:30: t(0) is 21:13:20, Lee is absent at 21:18:30.
#[tokio::test]
async fn in_quiet_hours_the_climb_stands_still_and_answers_go_out() {
    let site = Site::with(|settings| {
        let hours = r#"{"days":["mon","tue","wed","thu","fri","sat","sun"],"from":"21:18","to":"21:30"}"#;
        settings.messages.quiet = Some(serde_json::from_str(hours).expect("hours"));
    });
    let phone = Arc::new(Phone::default());
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    assert_eq!(site.watch(&phone, 900).await, [""; 0]);
    assert_eq!(site.history(site.alerts()[0].id), ["Opened"]);
    site.writes(BUDI, "wamid.a", "status");
    assert_eq!(phone.deliver(&site).await.len(), 1);
    // 21:30:00, and ten minutes to answer from then.
    let sent = site.watch(&phone, 2000).await;
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(
        sent[0].starts_with(&format!("1000 {SARI}")) && sent[1].starts_with(&format!("1600 {BUDI}")),
        "{sent:?}"
    );
}

#[tokio::test]
async fn a_silence_holds_everything_until_it_ends_or_is_ended() {
    let mut site = Site::new();
    let phone = Arc::new(Phone::default());
    let silence = |until| NewSilence {
        until: t(until),
        reason: "cameras are moved".into(),
    };
    let refused = |new: NewSilence| {
        site.core
            .begin_silence(&admin(), &new)
            .expect_err("was taken")
            .field
    };
    assert_eq!(refused(silence(0)), Some("until"));
    assert_eq!(refused(silence(8 * 86_400)), Some("until"));
    assert_eq!(
        refused(NewSilence {
            reason: " ".into(),
            ..silence(100)
        }),
        Some("reason")
    );
    let supervisor = Viewer {
        role: Role::Supervisor,
        employee: Some(who("SARI")),
        username: "sari".into(),
    };
    let forbidden = site
        .core
        .begin_silence(&supervisor, &silence(100))
        .expect_err("was taken");
    assert_eq!(forbidden.kind, ErrorKind::Forbidden);

    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.core
        .begin_silence(&admin(), &silence(3000))
        .expect("silence");
    assert!(
        site.core.banners(&admin())[0]
            .message
            .en()
            .contains("cameras are moved")
    );
    assert_eq!(site.watch(&phone, 400).await, [""; 0]);
    // It is still there after a restart.
    site.restart();
    site.status(true);
    assert_eq!(
        site.core.silence().expect("silence").map(|s| s.until),
        Some(t(3000))
    );
    assert_eq!(site.core.banners(&admin()).len(), 1);
    assert_eq!(site.watch(&phone, 800).await, [""; 0]);
    site.core.end_silence(&admin()).expect("ended");
    assert!(site.core.banners(&admin()).is_empty() && site.core.silence().expect("silence").is_none());
    let sent = phone.deliver(&site).await;
    assert!(
        sent.len() == 1 && sent[0].contains("hadir_absence Lee Min|Gudang A|21:13|13"),
        "{sent:?}"
    );
    // One that ends by itself.
    site.core
        .begin_silence(&admin(), &silence(1000))
        .expect("silence");
    site.until(1001);
    assert!(site.core.banners(&admin()).is_empty());
}

#[tokio::test]
async fn a_step_may_go_by_mail_and_trouble_is_told_by_mail() {
    let site = Site::with(|settings| {
        settings.email = Some(mail::Settings {
            host: "127.0.0.1".into(),
            port: 25,
            encryption: mail::Encryption::None,
            login: None,
            from: "Hadir <hadir@example.com>".parse().expect("mailbox"),
            administrators: vec!["it@example.com".into()],
        });
    });
    let patch = |email: &str| EmployeePatch {
        email: Some(Some(email.into())),
        ..EmployeePatch::default()
    };
    for wrong in ["budi", "budi@", "a b@example.com"] {
        let error = site
            .core
            .update_employee(&admin(), &who("BUDI"), patch(wrong))
            .expect_err("was taken");
        assert_eq!(error.field, Some("email"), "{wrong}");
    }
    site.core
        .update_employee(&admin(), &who("BUDI"), patch("budi@example.com"))
        .expect("patch");
    let steps = r#"{"steps":[{"after_s":0,"to":{"superior":1},"channel":"email"},{"after_s":60,"to":{"superior":1}}]}"#;
    let policy = serde_json::from_str(steps).expect("policy");
    site.core
        .save_policy(&admin(), "default", &policy)
        .expect("policy");
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(311);
    let id = site.alerts()[0].id;
    assert_eq!(
        site.history(id),
        ["Opened", "PassedOver SARI no_email", "Message BUDI queued"]
    );
    let mails = Arc::new(Phone::default());
    let messenger: Arc<dyn Messenger> = mails.clone();
    site.core
        .deliver_due(Channel::Email, &messenger)
        .await
        .expect("delivered");
    let sent = mails.sent.lock().expect("lock").clone();
    assert_eq!(sent[0].address, "budi@example.com");
    let Content::Text { body, .. } = &sent[0].content else {
        panic!("{sent:?}")
    };
    assert!(
        body.starts_with("*Lee Min* (Gudang A) tidak terdeteksi"),
        "{body}"
    );

    // WhatsApp's token expires: a banner, and a mail to whoever has to mend it, once.
    let phone = Arc::new(Phone::default());
    for second in [371, 372] {
        site.until(second);
        phone.fails(Failure::Stop {
            detail: crate::sentence::say!(
                "WhatsApp: the access token is not accepted.",
                "WhatsApp: token akses ditolak."
            ),
            resume: crate::notify::Resume::After(TimeDelta::zero()),
        });
        phone.deliver(&site).await;
    }
    mails.sent.lock().expect("lock").clear();
    while site
        .core
        .deliver_due(Channel::Email, &messenger)
        .await
        .expect("delivered")
        > 0
    {}
    let sent = mails.sent.lock().expect("lock").clone();
    let to: Vec<_> = sent.iter().map(|mail| mail.address.as_str()).collect();
    assert_eq!(to, ["it@example.com"], "{sent:?}");
    let said = format!("{:?}", sent[0].content);
    assert!(
        said.contains("token akses ditolak"),
        "in the site's language: {said}"
    );
}

#[tokio::test]
async fn a_paused_template_raises_a_banner_until_it_is_approved_again() {
    let site = Site::new();
    let event = |event: &str, name: &str| {
        let value = format!(
            r#"{{"event":"{event}","message_template_name":"{name}","message_template_language":"id","reason":"NONE"}}"#
        );
        signed(&site.core, "message_template_status_update", &value).expect("webhook");
    };
    event("PAUSED", "somebody_elses");
    assert!(site.core.banners(&admin()).is_empty());
    event("PAUSED", "hadir_absence");
    event("DISABLED", "hadir_return");
    let banner = site.core.banners(&admin()).remove(0).message;
    assert!(
        banner.en().contains("hadir_absence (id): its status is PAUSED") && banner.en().contains("DISABLED"),
        "{banner}"
    );
    event("REINSTATED", "hadir_return");
    event("APPROVED", "hadir_absence");
    assert!(site.core.banners(&admin()).is_empty());
}

/// Whoever was told and can no longer be, when it is time to tell them again, is no reason to stand still.
#[tokio::test]
async fn a_repetition_for_somebody_who_lost_their_phone_goes_on() {
    let site = Site::new();
    let steps = r#"{"steps":[{"after_s":0,"to":{"superior":1},"repeat":{"every_s":60,"times":2}},{"after_s":200,"to":{"superior":2}}]}"#;
    let policy = serde_json::from_str(steps).expect("policy");
    site.core
        .save_policy(&admin(), "default", &policy)
        .expect("policy");
    let phone = Arc::new(Phone::default());
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(311);
    assert_eq!(phone.deliver(&site).await.len(), 1);
    let none = EmployeePatch {
        phone: Some(None),
        ..EmployeePatch::default()
    };
    site.core
        .update_employee(&admin(), &who("SARI"), none)
        .expect("patch");
    site.until(520);
    let sent = phone.deliver(&site).await;
    assert!(sent.len() == 1 && sent[0].starts_with(BUDI), "{sent:?}");
    assert_eq!(
        site.history(site.alerts()[0].id)[..4],
        [
            "Opened",
            "Message SARI sent",
            "Message SARI not_reachable",
            "Message SARI not_reachable"
        ]
    );
}

#[tokio::test]
async fn a_group_whose_template_is_refused_goes_out_one_by_one() {
    let site = Site::new();
    site.hire();
    let phone = Arc::new(Phone::default());
    site.until(10);
    site.take(vec![seen(1, "LEE", 10), seen(2, "JOKO", 10)]);
    site.until(311);
    phone.fails(Failure::Template {
        detail: "132001".into(),
    });
    let sent = phone.deliver(&site).await;
    assert!(
        sent.len() == 2 && sent.iter().all(|sent| sent.contains("hadir_absence ")),
        "{sent:?}"
    );
    for alert in site.alerts() {
        assert_eq!(site.history(alert.id), ["Opened", "Message SARI sent"]);
    }
    let banner = site.core.banners(&admin()).remove(0).message;
    assert!(banner.en().contains("hadir_absences (id)"), "{banner}");
    // The next are not put together again.
    site.take(vec![seen(3, "LEE", 313), seen(4, "JOKO", 313)]);
    phone.deliver(&site).await;
    site.until(615);
    let sent = phone.deliver(&site).await;
    assert!(
        sent.iter().all(|sent| !sent.contains("hadir_absences")),
        "{sent:?}"
    );
}

#[tokio::test]
async fn what_a_silence_held_goes_out_when_it_is_ended_and_answers_go_meanwhile() {
    let site = Site::new();
    let phone = Arc::new(Phone::default());
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(310);
    // One about the absence waits for another try when the silence begins.
    phone.fails(Failure::Temporary {
        detail: "x".into(),
        uncertain: crate::notify::Uncertain::No,
    });
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    let silence = NewSilence {
        until: t(80_000),
        reason: "test".into(),
    };
    site.core.begin_silence(&admin(), &silence).expect("silence");
    site.until(330);
    site.writes(SARI, "wamid.q", "help");
    let sent = phone.deliver(&site).await;
    assert!(
        sent.len() == 1 && sent[0].contains("Yang dapat Anda tulis"),
        "{sent:?}"
    );
    site.core.end_silence(&admin()).expect("ended");
    let sent = phone.deliver(&site).await;
    assert!(sent.len() == 1 && sent[0].contains("Lee Min"), "{sent:?}");
    // The same with the message about a return.
    site.core.begin_silence(&admin(), &silence).expect("silence");
    site.take(vec![seen(2, "LEE", 330)]);
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    site.core.end_silence(&admin()).expect("ended");
    let sent = phone.deliver(&site).await;
    assert!(
        sent.len() == 1 && sent[0].contains("terlihat kembali"),
        "{sent:?}"
    );
}

#[tokio::test]
async fn an_answer_that_fails_holds_up_no_alert() {
    let site = Site::new();
    let phone = Arc::new(Phone::default());
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(309);
    site.writes(SARI, "wamid.q", "help");
    phone.fails(Failure::Temporary {
        detail: "131049".into(),
        uncertain: crate::notify::Uncertain::No,
    });
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    site.until(310);
    let sent = phone.deliver(&site).await;
    assert!(sent.len() == 1 && sent[0].contains("Lee Min"), "{sent:?}");
}

/// Meta takes a message and says by webhook that the account is locked: nothing goes out for a while.
#[tokio::test]
async fn a_stop_that_is_told_by_webhook_stops() {
    let site = Site::new();
    let phone = Arc::new(Phone::default());
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(310);
    phone.deliver(&site).await;
    let failed =
        r#"{"statuses":[{"id":"wamid.1","status":"failed","errors":[{"code":131042,"title":"payment"}]}]}"#;
    site.webhook(failed);
    assert!(site.core.banners(&admin())[0].message.en().contains("payment"));
    site.until(1000);
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    site.until(310 + 15 * 60);
    assert!(!phone.deliver(&site).await.is_empty());
    // The same news again is old.
    site.webhook(failed);
    site.until(310 + 15 * 60 + 2);
    assert_eq!(phone.deliver(&site).await, [""; 0]);
}
