//! From an absence to an answer.

use super::*;
use crate::notify::{Resume, Uncertain};
use crate::presence::State;

const SARI: &str = "+628110000003";
const BUDI: &str = "+628110000002";

fn absence(phone: &str) -> String {
    absence_after(phone, 5)
}

/// As it is said when it goes out, so many minutes after the last sighting.
fn absence_after(phone: &str, minutes: u32) -> String {
    // t(10) is 21:13:30 in Jakarta.
    format!("{phone} hadir_absence Lee Min|Gudang A|21:13|{minutes}|CAM 3")
}

/// Lee was seen at 10 and not again; five minutes later the alert is there.
fn absent() -> Site {
    let site = Site::new();
    assert_eq!(site.state("LEE"), State::Unknown);
    site.until(10);
    assert_eq!(
        site.take(vec![seen(1, "LEE", 10)]),
        Some(Ack { stored_through: 1 })
    );
    assert_eq!(site.state("LEE"), State::Available);
    site.until(54);
    assert_eq!(site.state("LEE"), State::Available);
    site.until(55);
    assert_eq!(site.state("LEE"), State::Off);
    site.until(309);
    assert!(site.alerts().is_empty());
    site.until(310);
    assert_eq!(site.state("LEE"), State::Absent);
    site
}

#[tokio::test]
async fn the_supervisor_is_told_answers_and_is_told_of_the_return() {
    let site = absent();
    let phone = Arc::new(Phone::default());
    assert_eq!(phone.deliver(&site).await, [absence(SARI)]);
    let id = site.alerts()[0].id;
    assert_eq!(site.row("LEE").alert, Some(id));
    assert_eq!(site.history(id), ["Opened", "Message SARI sent"]);

    // A stranger, and whoever it is about, change nothing.
    site.presses("62899999", "wamid.x1", &format!("ack:{id}"));
    site.presses("628110000004", "wamid.x2", &format!("ack:{id}"));
    assert_eq!(site.alerts()[0].state, AlertState::Open);
    let refused = phone.deliver(&site).await;
    assert!(
        refused[0].starts_with("+62899999 Maaf, nomor ini tidak terdaftar di Hadir Pabrik")
            && refused[1].starts_with("+628110000004 Peringatan ini tentang Anda sendiri"),
        "{refused:?}"
    );
    site.presses(&SARI[1..], "wamid.x3", &format!("ack:{id}"));
    site.presses(&SARI[1..], "wamid.x3", &format!("ack:{id}"));
    let alert = &site.alerts()[0];
    assert_eq!(
        (alert.state, alert.acknowledged_by.as_deref()),
        (AlertState::Acknowledged, Some("Sari"))
    );
    let thanks = format!("{SARI} Terima kasih. Tercatat: Anda menangani Lee Min.");
    assert_eq!(phone.deliver(&site).await, [thanks]);

    site.until(700);
    assert_eq!(site.alerts().len(), 1, "one absence is one alert");
    site.take(vec![seen(2, "LEE", 700)]);
    assert_eq!(site.state("LEE"), State::Available);
    assert_eq!(
        phone.deliver(&site).await,
        [format!(
            "{SARI} *Lee Min* terlihat kembali pukul 21:25, setelah 11 menit."
        )],
        "text, since Sari wrote less than a day ago"
    );
    site.webhook(r#"{"statuses":[{"id":"wamid.1","status":"read"}]}"#);
    let alert = &site.alerts()[0];
    assert_eq!(
        (alert.state, alert.close_reason),
        (AlertState::Closed, Some(CloseReason::Returned))
    );
    let closed = site.core.acknowledge(&admin(), id).expect_err("was answered");
    assert_eq!(closed.kind, ErrorKind::Conflict);
    assert_eq!(site.core.check().expect("check"), Vec::<String>::new());
}

#[tokio::test]
async fn who_cannot_be_told_is_passed_over() {
    let site = Site::new();
    site.core
        .update_employee(
            &admin(),
            &who("SARI"),
            EmployeePatch {
                phone: Some(None),
                ..EmployeePatch::default()
            },
        )
        .expect("patch");
    let phone = Arc::new(Phone::default());
    // Budi is absent himself; the number of HR does not work.
    site.until(5);
    site.take(vec![seen(1, "BUDI", 5)]);
    site.until(10);
    site.take(vec![seen(2, "LEE", 10)]);
    site.until(310);
    assert_eq!(phone.deliver(&site).await, [""; 0], "Budi's waits for Lee's");
    site.until(311);
    phone.fails(Failure::Undeliverable {
        detail: "131026".into(),
    });
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    let lee = site
        .alerts()
        .into_iter()
        .find(|alert| alert.employee == who("LEE"))
        .expect("alert");
    assert_eq!(
        site.history(lee.id),
        [
            "Opened",
            "PassedOver SARI no_phone",
            "PassedOver BUDI absent",
            "Message HR failed_final",
            "PassedOver HR undeliverable",
            "PassedOver nobody_left",
        ]
    );
    // Nobody was told, so nobody is told of the return.
    site.take(vec![seen(3, "LEE", 310)]);
    assert_eq!(phone.deliver(&site).await, [""; 0]);
}

#[tokio::test]
async fn a_message_that_fails_later_goes_to_the_next() {
    let site = absent();
    let phone = Arc::new(Phone::default());
    assert_eq!(phone.deliver(&site).await, [absence(SARI)]);
    site.webhook(
        r#"{"statuses":[{"id":"wamid.1","status":"failed","errors":[{"code":131026,"title":"x"}]}]}"#,
    );
    assert_eq!(phone.deliver(&site).await, [absence(BUDI)]);
    let id = site.alerts()[0].id;
    assert_eq!(
        site.history(id),
        [
            "Opened",
            "Message SARI failed_final",
            "PassedOver SARI undeliverable",
            "Message BUDI sent"
        ]
    );
}

#[tokio::test]
async fn nothing_goes_out_after_the_return_to_who_was_not_told() {
    let site = absent();
    let phone = Arc::new(Phone::default());
    site.take(vec![seen(2, "LEE", 310)]);
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    let id = site.alerts()[0].id;
    assert_eq!(site.history(id), ["Opened", "Message SARI cancelled", "Returned"]);
}

#[tokio::test]
async fn an_expired_token_stops_and_a_new_one_goes_on() {
    let site = absent();
    let phone = Arc::new(Phone::default());
    let detail = "WhatsApp: the access token is not accepted.".into();
    phone.fails(Failure::Stop {
        detail,
        resume: Resume::NewToken,
    });
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    let banners = site.core.banners(&admin());
    assert!(
        banners[0].message.en().contains("token") && banners.len() == 1,
        "{banners:?}"
    );
    site.until(600);
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    *phone.token.lock().expect("lock") = 1;
    assert_eq!(phone.deliver(&site).await, [absence_after(SARI, 9)]);
    assert!(site.core.banners(&admin()).is_empty());
}

#[tokio::test]
async fn retries_wait_and_slow_recipients_are_slowed_alone() {
    let site = absent();
    let phone = Arc::new(Phone::default());
    let detail = || "x".to_owned();
    phone.fails(Failure::Temporary {
        detail: detail(),
        uncertain: Uncertain::No,
    });
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    site.until(313);
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    site.until(317);
    phone.fails(Failure::SlowRecipient { detail: detail() });
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    site.until(327);
    assert_eq!(phone.deliver(&site).await, [""; 0], "4 to the power of 2 seconds");
    site.until(337);
    phone.fails(Failure::SlowAll { detail: detail() });
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    site.until(344);
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    site.until(350);
    assert_eq!(phone.deliver(&site).await, [absence(SARI)]);
}

const LIMITS: crate::store::Limits = crate::store::Limits {
    at_once: 8,
    per_recipient: 10,
    per_second: 20,
    kinds: crate::store::Kinds::All,
    load: crate::store::Load::Plain,
};

#[tokio::test]
async fn a_stop_while_sending_loses_nothing() {
    let mut site = absent();
    let phone = Arc::new(Phone::default());
    let claim = |site: &Site| {
        site.core
            .store
            .write(|tx| tx.claim_due(Channel::Whatsapp, LIMITS, site.core.now()))
            .expect("claim")
    };
    let claimed = claim(&site);
    assert_eq!(claimed.len(), 1);
    site.restart();
    site.status(true);
    assert_eq!(
        phone.deliver(&site).await,
        [""; 0],
        "it may have gone out: wait for a webhook"
    );
    site.until(371);
    assert_eq!(phone.deliver(&site).await, [absence_after(SARI, 6)]);

    // The same, but a webhook says that it did go out.
    let mut site = absent();
    let claimed = claim(&site);
    site.restart();
    site.status(true);
    site.webhook(&format!(
        r#"{{"statuses":[{{"id":"wamid.Z","status":"delivered","biz_opaque_callback_data":"hadir-{}"}}]}}"#,
        claimed[0].id
    ));
    site.until(400);
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    let id = site.alerts()[0].id;
    assert_eq!(site.history(id), ["Opened", "Message SARI delivered"]);
}

/// A message that may have gone out is followed by that of the return, even if it was not tried again.
#[tokio::test]
async fn whoever_may_have_been_told_is_told_of_the_return() {
    let mut site = absent();
    let phone = Arc::new(Phone::default());
    site.core
        .store
        .write(|tx| tx.claim_due(Channel::Whatsapp, LIMITS, site.core.now()))
        .expect("claim");
    site.restart();
    site.status(true);
    site.until(320);
    site.take(vec![seen(2, "LEE", 320)]);
    assert_eq!(
        phone.deliver(&site).await,
        [format!("{SARI} hadir_return Lee Min|21:18|5")]
    );
}

#[tokio::test]
async fn an_excuse_closes_and_holds() {
    let site = absent();
    let id = site.alerts()[0].id;
    let excuse = |reason: &str, until| Excuse {
        reason: reason.into(),
        until,
    };
    let refused = |e: Excuse| site.core.excuse(&admin(), id, e).expect_err("was taken").field;
    assert_eq!(refused(excuse(" ", t(1000))), Some("reason"));
    assert_eq!(refused(excuse("x", t(0))), Some("until"));
    assert_eq!(refused(excuse("x", t(40 * 86_400))), Some("until"));
    let alert = site
        .core
        .excuse(&admin(), id, excuse("Rapat", t(2000)))
        .expect("excused");
    assert_eq!(
        (alert.state, alert.close_reason),
        (AlertState::Closed, Some(CloseReason::Excused))
    );
    assert_eq!(site.history(id).last().map(String::as_str), Some("Excused Rapat"));
    let phone = Arc::new(Phone::default());
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    // Back and gone again before the excuse ends: no alert. After it the count begins anew.
    assert_eq!(site.row("LEE").exemption, Some(Exemption::Excused));
    site.take(vec![seen(2, "LEE", 310)]);
    assert_eq!(
        (site.state("LEE"), site.row("LEE").exemption),
        (State::Available, None)
    );
    site.until(1999);
    assert_eq!((site.state("LEE"), site.alerts().len()), (State::Exempt, 1));
    site.until(2000);
    assert_eq!((site.state("LEE"), site.alerts().len()), (State::Off, 1));
    site.until(2299);
    assert_eq!(site.alerts().len(), 1);
    site.until(2300);
    assert_eq!(site.alerts().len(), 2);
}

#[test]
fn a_restart_changes_nothing_and_counts_as_blind_time() {
    let mut site = Site::new();
    site.until(10);
    site.take(vec![seen(1, "LEE", 10), seen(2, "SARI", 10)]);
    site.until(100);
    site.take(vec![seen(3, "SARI", 100)]);
    let rows = |site: &Site| site.core.status(&admin()).expect("status");
    let before = rows(&site);
    site.restart();
    assert_eq!(rows(&site), before);

    // An hour later the agent is heard again: nobody is accused of that hour.
    site.clock.set(t(3700));
    site.restart();
    assert_eq!(site.state("LEE"), State::Unknown);
    site.status(true);
    site.until(3800);
    assert_eq!(site.alerts().len(), 0);
    // Watched from 10 to about 100 and from 3700 on.
    site.until(3925);
    let alerts = site.alerts();
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].employee, who("LEE"));
    let opened = (alerts[0].opened_at - t(0)).num_seconds();
    assert!((3909..=3920).contains(&opened), "{opened}");
}

#[test]
fn a_lost_agent_or_a_pause_accuses_nobody() {
    let site = Site::new();
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    // The broker notices after 40 s that the agent is gone.
    site.until(50);
    site.status(false);
    let camera = site
        .core
        .camera(&CameraId::new("cam-1").expect("id"))
        .expect("camera");
    assert_eq!(
        (camera.state, camera.cause.as_deref(), camera.problem),
        (CameraState::Offline, Some("agent_offline"), None)
    );
    site.until(2000);
    assert_eq!(site.state("LEE"), State::Unknown);
    site.status(true);
    site.until(2010);
    // The machine sleeps for an hour.
    site.clock.advance(TimeDelta::hours(1));
    site.core.tick().expect("tick");
    assert_eq!(site.state("LEE"), State::Unknown);
    site.until(2010 + 3600 + 280);
    assert!(site.alerts().is_empty());
    site.until(2010 + 3600 + 300);
    assert_eq!(site.alerts().len(), 1);
}

#[tokio::test]
async fn without_whatsapp_alerts_are_recorded() {
    let mut site = Site::new();
    let unconfigured = Settings {
        whatsapp: None,
        ..settings(&site.folder)
    };
    site.core = Core::open(unconfigured, site.clock.clone()).expect("core");
    site.status(true);
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(320);
    let id = site.alerts()[0].id;
    assert_eq!(site.history(id), ["Opened", "Message SARI not_configured"]);
}

#[test]
fn a_webhook_without_our_signature_is_refused() {
    let site = Site::new();
    for signature in [None, Some("sha256=00"), Some("")] {
        let refused = site.core.take_webhook(signature, b"{}").expect_err("was taken");
        assert_eq!(refused.kind, ErrorKind::Forbidden);
    }
    assert_eq!(
        site.core
            .webhook_challenge("subscribe", "verify", "7")
            .expect("ours"),
        "7"
    );
    assert!(site.core.webhook_challenge("subscribe", "other", "7").is_err());
}

#[test]
fn nobody_but_hr_answers_for_their_own_absence() {
    let site = Site::new();
    site.take(vec![seen(1, "SARI", 0)]);
    site.until(400);
    let id = site.alerts()[0].id;
    let user = |role, employee: &str| Viewer {
        role,
        employee: Some(who(employee)),
        username: employee.to_lowercase(),
    };
    let refused = site.core.acknowledge(&user(Role::Supervisor, "SARI"), id);
    assert_eq!(refused.expect_err("was taken").kind, ErrorKind::Forbidden);
    let answered = site.core.acknowledge(&user(Role::Supervisor, "BUDI"), id);
    assert_eq!(answered.expect("answered").state, AlertState::Acknowledged);
}

#[test]
fn a_command_beside_a_running_aggregator_changes_nothing() {
    let site = Site::new();
    let online = |core: &Core| core.agents(&admin()).expect("agents")[0].online;
    Core::visit(settings(&site.folder), site.clock.clone()).expect("opens");
    assert!(online(&site.core), "a visit put the agents offline");
    // Starting does.
    Core::open(settings(&site.folder), site.clock.clone()).expect("opens");
    assert!(!online(&site.core));
}

/// Somebody without a template scans their badge: they are seen there, and nobody is told that they are gone, before a
/// restart or after it.
#[tokio::test]
async fn who_is_known_by_a_badge_alone_is_never_absent() {
    let mut site = Site::new();
    site.until(10);
    let scan = Sighting {
        method: Method::Rfid,
        ..seen(1, "LEE", 10)
    };
    site.take(vec![scan, seen(2, "SARI", 10)]);
    assert_eq!(site.state("LEE"), State::Available);
    site.until(55);
    assert_eq!(
        (site.state("LEE"), site.state("SARI")),
        (State::Unknown, State::Off)
    );
    site.core = Core::open(settings(&site.folder), site.clock.clone()).expect("core");
    site.status(true);
    site.until(400);
    assert_eq!(
        (site.state("LEE"), site.state("SARI")),
        (State::Unknown, State::Absent)
    );
    let about: Vec<_> = site.alerts().into_iter().map(|alert| alert.employee).collect();
    assert_eq!(about, [who("SARI")]);
    // A face, and from then on they are followed, after a restart too.
    site.take(vec![seen(3, "LEE", 400)]);
    site.core = Core::open(settings(&site.folder), site.clock.clone()).expect("core");
    site.status(true);
    site.until(701);
    assert_eq!(site.state("LEE"), State::Absent);
}
