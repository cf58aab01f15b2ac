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
