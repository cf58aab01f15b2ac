//! Digests: when, to whom, what they say, and that none goes out twice.

use super::*;

const HR: &str = "+628110000001";
const BUDI: &str = "+628110000002";
const SARI: &str = "+628110000003";

/// t(0) is 21:13:20 in Jakarta. HR hears at 21:30 and 22:00, teams at 21:30.
fn site() -> Site {
    let mut site = Site::new();
    site.core
        .create_user("hana", "$argon2id$x", Role::Hr, Some(&who("HR")))
        .expect("user");
    restart(&mut site);
    site
}

fn restart(site: &mut Site) {
    let time = |text: &str| chrono::NaiveTime::parse_from_str(text, "%H:%M").expect("time");
    let settings = Settings {
        digest: settings::DigestTimes {
            hr: vec![time("21:30"), time("22:00")],
            teams: vec![time("21:30")],
            ..settings::DigestTimes::default()
        },
        ..settings(&site.folder)
    };
    site.core = Core::open(settings, site.clock.clone()).expect("core");
    site.status(true);
}

fn to<'s>(sent: &'s [String], phone: &str) -> Vec<&'s str> {
    let all = sent
        .iter()
        .filter_map(|sent| sent.strip_prefix(&format!("{phone} hadir_digest ")));
    all.collect()
}

#[tokio::test]
async fn hr_hears_of_everybody_and_superiors_of_their_own() {
    let mut site = site();
    let phone = Arc::new(Phone::default());
    site.until(10);
    site.take(vec![seen(1, "LEE", 10), seen(2, "SARI", 10), seen(3, "BUDI", 10)]);
    site.until(990);
    site.take(vec![seen(4, "SARI", 990), seen(5, "BUDI", 990)]);
    phone.deliver(&site).await;
    // What was due before the very first start is not made up for.
    site.until(999);
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    site.until(1000);
    let sent = phone.deliver(&site).await;
    assert_eq!(
        to(&sent, HR)[0],
        "Pabrik|21-09-2026 21:30|3 dari 4 terlihat hari ini; sekarang 2 hadir, 1 tidak di tempat, 0 tidak terdeteksi|\
         Lee Min 16 menit|Ibu Hana|Budi 16 menit; Sari 16 menit"
    );
    assert_eq!(
        to(&sent, SARI),
        [
            "Sari|21-09-2026 21:30|1 dari 1 terlihat hari ini; sekarang 0 hadir, 1 tidak di tempat, 0 tidak terdeteksi|\
          Lee Min 16 menit|tidak ada|tidak ada"
        ]
    );
    // Those directly below, nobody else.
    assert!(
        to(&sent, BUDI)[0].starts_with("Budi|21-09-2026 21:30|1 dari 1 terlihat"),
        "{sent:?}"
    );
    // HR is a superior, too, with a team of one: the second to them.
    assert_eq!(sent.len(), 4, "{sent:?}");
    // Nothing again after a restart.
    restart(&mut site);
    site.until(1100);
    assert_eq!(to(&phone.deliver(&site).await, HR), [""; 0]);
}

#[tokio::test]
async fn a_missed_digest_is_late_and_says_so() {
    let mut site = site();
    let phone = Arc::new(Phone::default());
    // Down from 21:20 to 22:20: two were missed, the last is made up for.
    site.clock.set(t(4000));
    restart(&mut site);
    let sent = phone.deliver(&site).await;
    let hr = to(&sent, HR);
    assert!(
        hr.iter()
            .any(|sent| sent.starts_with("Pabrik|21-09-2026 22:00 (terlambat, keadaan pukul 22:20)|")),
        "{sent:?}"
    );
    assert_eq!(
        hr.iter().filter(|sent| sent.starts_with("Pabrik|")).count(),
        1,
        "{sent:?}"
    );
    // The next day's comes at its time.
    site.clock.set(t(1000 + 86_400 - 5));
    site.core.tick().expect("tick");
    site.until(1000 + 86_400);
    let sent = phone.deliver(&site).await;
    assert!(
        to(&sent, HR)
            .iter()
            .any(|sent| sent.starts_with("Pabrik|22-09-2026 21:30|")),
        "{sent:?}"
    );
    // A day of silence is too long ago.
    site.clock.set(t(1000 + 3 * 86_400 - 3600 * 10));
    restart(&mut site);
    assert_eq!(to(&phone.deliver(&site).await, HR), [""; 0]);
}

#[tokio::test]
async fn a_digest_waits_for_the_end_of_a_silence() {
    let site = site();
    let phone = Arc::new(Phone::default());
    let silence = NewSilence {
        until: t(1500),
        reason: "test".into(),
    };
    site.core.begin_silence(&admin(), &silence).expect("silence");
    site.until(1490);
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    site.until(1502);
    let sent = phone.deliver(&site).await;
    assert!(
        to(&sent, HR)[0].contains("(terlambat, keadaan pukul 21:38)"),
        "{sent:?}"
    );
}

#[tokio::test]
async fn whoever_is_on_leave_or_has_no_number_hears_nothing() {
    let site = site();
    let leave = NewLeave {
        employee: "SARI".into(),
        from: When::Moment(t(0)),
        to: When::Moment(t(5000)),
        reason: "cuti".into(),
        deputy: None,
    };
    site.core.add_leave(&admin(), &leave).expect("leave");
    let none = EmployeePatch {
        phone: Some(None),
        ..EmployeePatch::default()
    };
    site.core
        .update_employee(&admin(), &who("BUDI"), none)
        .expect("patch");
    site.until(1000);
    let sent = Arc::new(Phone::default()).deliver(&site).await;
    assert_eq!((to(&sent, SARI).len(), to(&sent, BUDI).len()), (0, 0), "{sent:?}");
    assert_eq!(to(&sent, HR).len(), 2, "{sent:?}");
}

/// The documents that went out: to where, and the file's name and beginning.
fn documents(phone: &Phone) -> Vec<String> {
    let sent = phone.sent.lock().expect("lock");
    let with = sent.iter().filter_map(|message| {
        let document = message.document.as_ref()?;
        let template = match &message.content {
            crate::notify::Content::Template { name, .. } => name.as_str(),
            crate::notify::Content::Text { .. } => "text",
        };
        let begins = String::from_utf8_lossy(document.bytes.get(..4).unwrap_or_default()).into_owned();
        Some(format!(
            "{} {template} {} {begins}",
            message.address, document.name
        ))
    });
    with.collect()
}

fn restart_with(site: &mut Site, digest: settings::DigestTimes) {
    let settings = Settings {
        digest,
        ..settings(&site.folder)
    };
    site.core = Core::open(settings, site.clock.clone()).expect("core");
    site.status(true);
}

fn at_half_past_nine() -> settings::DigestTimes {
    settings::DigestTimes {
        hr: vec![chrono::NaiveTime::from_hms_opt(21, 30, 0).expect("time")],
        document: Some(crate::report::Format::Pdf),
        ..settings::DigestTimes::default()
    }
}

#[tokio::test]
async fn the_days_report_goes_with_a_digest() {
    let mut site = site();
    let times = settings::DigestTimes {
        teams: at_half_past_nine().hr,
        ..at_half_past_nine()
    };
    restart_with(&mut site, times);
    let phone = Arc::new(Phone::default());
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(1000);
    phone.deliver(&site).await;
    let sent = documents(&phone);
    // To HR of everybody, and to each superior of their team: one document a message.
    assert_eq!(
        sent.iter()
            .filter(|sent| sent.starts_with(SARI))
            .collect::<Vec<_>>(),
        [&format!(
            "{SARI} hadir_digest_document attendance-2026-09-21.pdf %PDF"
        )]
    );
    assert_eq!(
        sent.iter().filter(|sent| sent.starts_with(HR)).count(),
        2,
        "{sent:?}"
    );
}

/// What the provider does not take goes out without: nobody is left without the digest.
#[tokio::test]
async fn a_document_that_is_not_taken_does_not_hold_the_digest_up() {
    let refusals = [
        Failure::Document {
            detail: "too large".into(),
        },
        // The template with a document is not approved yet.
        Failure::Template {
            detail: "132001".into(),
        },
        Failure::Refused {
            detail: "100: no such media".into(),
        },
    ];
    for refusal in refusals {
        let mut site = site();
        restart_with(&mut site, at_half_past_nine());
        let phone = Arc::new(Phone::default());
        phone.fails(refusal.clone());
        site.until(1000);
        let sent = phone.deliver(&site).await;
        assert_eq!(to(&sent, HR).len(), 1, "{refusal:?}: {sent:?}");
        assert_eq!(documents(&phone), [""; 0], "{refusal:?}");
        let banners: Vec<_> = site
            .core
            .banners(&admin())
            .into_iter()
            .map(|banner| banner.key)
            .collect();
        let expected = match refusal {
            Failure::Template { .. } => "whatsapp_template",
            _ => "whatsapp_document",
        };
        assert_eq!(banners, [expected]);
        // The next day it is tried again, but where its template is refused.
        site.clock.set(t(1000 + 86_400 - 5));
        site.core.tick().expect("tick");
        site.until(1000 + 86_400);
        phone.deliver(&site).await;
        let with = documents(&phone).len();
        match refusal {
            Failure::Template { .. } => assert_eq!(with, 0),
            _ => {
                assert_eq!(
                    (with, site.core.banners(&admin()).len()),
                    (1, 0),
                    "{:?}",
                    site.core.banners(&admin())
                );
            }
        }
    }
}

#[tokio::test]
async fn hr_gets_the_last_months_report_once() {
    let mut site = site();
    let month = settings::MonthTime {
        day: 3,
        time: chrono::NaiveTime::from_hms_opt(8, 0, 0).expect("time"),
        document: crate::report::Format::Xlsx,
    };
    let times = settings::DigestTimes {
        month: Some(month),
        ..settings::DigestTimes::default()
    };
    restart_with(&mut site, times.clone());
    let phone = Arc::new(Phone::default());
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(700);
    // 3 October 2026, 08:00 in Jakarta.
    let due = hadir_shared::time::parse("2026-10-03T01:00:00.000Z").expect("time");
    let seconds = (due - t(0)).num_seconds();
    site.clock.set(t(seconds - 2));
    site.core.tick().expect("tick");
    assert!(
        phone
            .deliver(&site)
            .await
            .iter()
            .all(|sent| !sent.contains("hadir_month"))
    );
    site.until(seconds);
    let sent = phone.deliver(&site).await;
    let months: Vec<_> = sent.iter().filter(|sent| sent.contains("hadir_month")).collect();
    assert_eq!(months.len(), 1, "{sent:?}");
    assert!(
        months[0].starts_with(&format!("{HR} hadir_month Pabrik|September 2026|4 orang, ")),
        "{months:?}"
    );
    assert_eq!(
        documents(&phone),
        [format!(
            "{HR} hadir_month attendance-2026-09-01-2026-09-30.xlsx PK\u{3}\u{4}"
        )]
    );
    // Not again, and not after a restart.
    restart_with(&mut site, times.clone());
    site.until(seconds + 10);
    assert!(phone.deliver(&site).await.is_empty());
    // The document is the message: without it there is none, and the dashboard says so.
    let next = hadir_shared::time::parse("2026-11-03T01:00:00.000Z").expect("time");
    let seconds = (next - t(0)).num_seconds();
    site.clock.set(t(seconds));
    phone.fails(Failure::Document {
        detail: "too large".into(),
    });
    restart_with(&mut site, times);
    let sent = phone.deliver(&site).await;
    assert!(sent.iter().all(|sent| !sent.contains("hadir_month")), "{sent:?}");
    assert!(
        site.core
            .banners(&admin())
            .iter()
            .any(|banner| banner.message.en().contains("page Reports")),
        "{:?}",
        site.core.banners(&admin())
    );
}

/// The upload fails for now, again: it goes out without.
#[tokio::test]
async fn a_digest_waits_for_its_document_once() {
    let mut site = site();
    restart_with(&mut site, at_half_past_nine());
    let phone = Arc::new(Phone::default());
    for _ in 0..2 {
        phone.fails(Failure::Temporary {
            detail: "503".into(),
            uncertain: crate::notify::Uncertain::No,
        });
    }
    site.until(1000);
    assert_eq!(phone.deliver(&site).await, [""; 0]);
    site.until(1060);
    let sent = phone.deliver(&site).await;
    assert_eq!((to(&sent, HR).len(), documents(&phone).len()), (1, 0), "{sent:?}");
}

/// A changed time tells nothing again that was told.
#[tokio::test]
async fn a_changed_time_tells_nothing_twice() {
    let mut site = site();
    site.until(1000);
    Arc::new(Phone::default()).deliver(&site).await;
    let earlier = settings::DigestTimes {
        hr: vec![chrono::NaiveTime::from_hms_opt(21, 15, 0).expect("time")],
        ..settings::DigestTimes::default()
    };
    restart_with(&mut site, earlier);
    site.until(1100);
    assert_eq!(Arc::new(Phone::default()).deliver(&site).await, [""; 0]);
}

/// What waits goes to the phone that they have now, and nothing about whoever is deleted goes anywhere.
#[tokio::test]
async fn a_waiting_digest_follows_its_reader_and_forgets_the_deleted() {
    let mut site = site();
    let named = |name: &str| EmployeePatch {
        name: Some(name.into()),
        ..EmployeePatch::default()
    };
    site.core
        .update_employee(&admin(), &who("BUDI"), named("Bu_di  *Raharjo*"))
        .expect("renamed");
    restart(&mut site);
    site.until(10);
    site.take(vec![seen(1, "LEE", 10), seen(2, "SARI", 10)]);
    site.until(1000);
    let moved = |phone: Option<&str>| EmployeePatch {
        phone: Some(phone.map(str::to_owned)),
        ..EmployeePatch::default()
    };
    site.core
        .update_employee(&admin(), &who("SARI"), moved(Some("+628110000009")))
        .expect("moved");
    site.core
        .update_employee(&admin(), &who("BUDI"), moved(None))
        .expect("moved");
    let sent = Arc::new(Phone::default()).deliver(&site).await;
    assert_eq!((to(&sent, SARI).len(), to(&sent, BUDI).len()), (0, 0), "{sent:?}");
    assert_eq!(to(&sent, "+628110000009").len(), 1, "{sent:?}");
    assert!(
        sent.iter()
            .any(|sent| sent.starts_with(HR) && sent.contains("Budi Raharjo")),
        "{sent:?}"
    );

    site.until(2800);
    site.core
        .delete_employee(&admin(), &who("BUDI"))
        .expect("deleted");
    let sent = Arc::new(Phone::default()).deliver(&site).await;
    assert!(sent.iter().all(|sent| !sent.contains("Raharjo")), "{sent:?}");
}
