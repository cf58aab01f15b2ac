//! What HR sets on the dashboard: quiet hours, retention, test messages, users; and notes on alerts.

use super::*;
use crate::error::ErrorKind;

fn supervisor() -> Viewer {
    Viewer {
        role: Role::Supervisor,
        employee: Some(who("SARI")),
        username: "sari".into(),
    }
}

/// 14:13:20 UTC is 21:13:20 in Jakarta.
fn quiet(text: &str) -> NewQuietHours {
    serde_json::from_str(text).expect("hours")
}

#[tokio::test]
async fn quiet_hours_that_are_set_hold_instead_of_the_configured_ones() {
    let mut site = Site::new();
    let core = &site.core;
    for (wrong, why) in [
        (
            r#"{"hours": {"days": ["mon"], "from": "22:00", "to": "22:00"}}"#,
            "no alert would ever",
        ),
        (
            r#"{"hours": {"days": [], "from": "22:00", "to": "05:00"}}"#,
            "one day",
        ),
    ] {
        let refused = core
            .set_quiet_hours(&admin(), Some(&quiet(wrong)))
            .expect_err("was taken");
        assert!(refused.message.en().contains(why), "{refused}");
    }
    let evening = quiet(r#"{"hours": {"days": ["mon"], "from": "21:00", "to": "21:30"}}"#);
    let refused = core
        .set_quiet_hours(&supervisor(), Some(&evening))
        .expect_err("was taken");
    assert_eq!(refused.kind, ErrorKind::Forbidden);
    let set = core.set_quiet_hours(&admin(), Some(&evening)).expect("set");
    assert_eq!(
        (set.set, set.hours, set.configured),
        (true, evening.hours.clone(), None)
    );

    let phone = Arc::new(Phone::default());
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(320);
    assert_eq!(
        phone.deliver(&site).await,
        Vec::<String>::new(),
        "it is quiet until second 1000"
    );
    site.restart();
    site.status(true);
    site.until(330);
    assert_eq!(
        phone.deliver(&site).await,
        Vec::<String>::new(),
        "also after a restart"
    );
    // None any more: what waited goes out.
    let none = site
        .core
        .set_quiet_hours(&admin(), Some(&quiet(r#"{"hours": null}"#)))
        .expect("set");
    assert_eq!((none.set, none.hours), (true, None));
    site.until(340);
    let sent = phone.deliver(&site).await;
    assert!(sent.len() == 1 && sent[0].contains("hadir_absence"), "{sent:?}");
    let reset = site.core.set_quiet_hours(&admin(), None).expect("reset");
    assert!(!reset.set);
    assert_eq!(
        site.audit()
            .iter()
            .filter(|line| line.contains("quiet hours changed"))
            .count(),
        3
    );
}

#[test]
fn retention_that_is_set_deletes_what_is_older() {
    let site = Site::new();
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    let sightings = || {
        let store = rusqlite::Connection::open(site.folder.path().join("hadir.sqlite")).expect("store");
        store
            .query_row("select count(*) from sighting", [], |row| row.get::<_, i64>(0))
            .expect("count")
    };
    let patch = |sightings, days| RetentionPatch {
        keep_sightings_days: sightings,
        keep_days: days,
    };
    for (wrong, field) in [
        (patch(Some(Some(30)), None), "keep_sightings_days"),
        (patch(None, Some(Some(399))), "keep_days"),
    ] {
        let refused = site.core.set_retention(&admin(), &wrong).expect_err("was taken");
        assert_eq!(refused.field, Some(field));
    }
    let longer = site
        .core
        .set_retention(&admin(), &patch(Some(Some(90)), None))
        .expect("set");
    assert_eq!(
        (longer.keep_sightings_days, longer.configured.keep_sightings_days),
        (90, 31)
    );
    site.clock.set(t(40 * 86_400));
    site.core.tick().expect("tick");
    assert_eq!(sightings(), 1, "kept for 90 days");
    site.core
        .set_retention(&admin(), &patch(Some(None), None))
        .expect("reset");
    site.core.tick().expect("tick");
    assert_eq!(sightings(), 0, "as configured again");
}

#[tokio::test]
async fn a_test_message_tells_what_its_reader_may_see() {
    let site = Site::new();
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    let phone = Arc::new(Phone::default());
    let refused = site
        .core
        .send_test_message(&supervisor(), &who("SARI"))
        .expect_err("was sent");
    assert_eq!(refused.kind, ErrorKind::Forbidden);
    let none = EmployeePatch {
        phone: Some(None),
        ..EmployeePatch::default()
    };
    site.core
        .update_employee(&admin(), &who("LEE"), none)
        .expect("patched");
    let refused = site
        .core
        .send_test_message(&admin(), &who("LEE"))
        .expect_err("was sent");
    assert_eq!(refused.field, Some("employee"), "{refused}");

    let queued = site
        .core
        .send_test_message(&admin(), &who("SARI"))
        .expect("queued");
    assert_eq!(queued.state, MessageState::Queued);
    let sent = phone.deliver(&site).await;
    assert!(
        sent.len() == 1 && sent[0].starts_with("+628110000003 hadir_digest Uji coba: Pabrik"),
        "{sent:?}"
    );
    // SARI sees herself and LEE, of four.
    assert!(sent[0].contains("1 dari 2 terlihat"), "{sent:?}");
    let state = site.core.message_state(&admin(), queued.id).expect("message");
    assert_eq!((state.state, state.attempts), (MessageState::Sent, 1));
    assert_eq!(
        site.core.message_state(&admin(), 999).expect_err("none").kind,
        ErrorKind::NotFound
    );
}

#[test]
fn there_is_always_an_administrator() {
    let site = Site::new();
    let core = &site.core;
    let hr = Viewer {
        role: Role::Hr,
        employee: None,
        username: "hr".into(),
    };
    core.create_user("ani", "hash", Role::Admin, None).expect("added");
    let ani = Viewer::admin("ani");
    assert_eq!(core.user_rows(&hr).expect_err("told").kind, ErrorKind::Forbidden);
    assert_eq!(
        core.add_user(&hr, "x", "hash", Role::Admin, None)
            .expect_err("added")
            .kind,
        ErrorKind::Forbidden
    );
    let role = |role| UserPatch {
        role: Some(role),
        ..UserPatch::default()
    };
    for refused in [
        core.change_user(&ani, "ani", &role(Role::Hr), None).map(|_| ()),
        core.delete_user(&ani, "ani"),
        core.delete_user(&Viewer::admin("other"), "ani"),
    ] {
        assert_eq!(refused.expect_err("was done").kind, ErrorKind::Conflict);
    }
    let unbound = core
        .add_user(&ani, "sari", "hash", Role::Supervisor, None)
        .expect_err("added");
    assert_eq!(unbound.field, Some("employee"));
    core.add_user(&ani, "sari", "hash", Role::Supervisor, Some("SARI"))
        .expect("added");
    let token = [7; 32];
    core.create_session(&token, "sari", "hash", t(3600))
        .expect("session");
    let changed = core
        .change_user(&ani, "sari", &role(Role::Admin), None)
        .expect("changed");
    assert_eq!((changed.role, changed.name.as_str()), (Role::Admin, "Sari"));
    assert_eq!(
        core.session(&token).expect("read"),
        None,
        "a session of the old role is over"
    );
    core.change_user(&ani, "ani", &role(Role::Hr), None)
        .expect("there is another one");
    core.delete_user(&Viewer::admin("sari"), "ani").expect("deleted");
    assert_eq!(core.user_rows(&Viewer::admin("sari")).expect("users").len(), 1);
    let record = core.audited(&hr, None).expect("record");
    assert_eq!(record[0].what, "user deleted, role hr");
    let older = core.audited(&hr, Some(record[0].id)).expect("record");
    assert_eq!(older[0].id, record[1].id);
}

#[test]
fn notes_stand_in_an_alerts_history() {
    let site = Site::new();
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(310);
    let id = site.alerts()[0].id;
    for wrong in ["  ", &"x".repeat(501)] {
        assert_eq!(
            site.core.comment(&admin(), id, wrong).expect_err("taken").field,
            Some("text")
        );
    }
    let other = Viewer {
        employee: Some(who("LEE")),
        ..supervisor()
    };
    let budi = Viewer {
        employee: Some(who("BUDI")),
        ..supervisor()
    };
    site.core.comment(&budi, id, "Sudah ditelepon.").expect("noted");
    site.core
        .comment(&other, id, "Saya di gudang B.")
        .expect("their own alert may be noted on");
    let stranger = Viewer {
        role: Role::Technician,
        employee: None,
        username: "tech".into(),
    };
    assert_eq!(
        site.core.comment(&stranger, id, "x").expect_err("seen").kind,
        ErrorKind::NotFound
    );
    let notes: Vec<_> = site.core.alert(&admin(), id).expect("alert").history;
    let notes: Vec<_> = notes
        .iter()
        .filter(|event| event.what == What::Commented)
        .map(|event| (event.recipient_name.as_deref(), event.detail.as_deref()))
        .collect();
    assert_eq!(
        notes,
        [
            (Some("Budi"), Some("Sudah ditelepon.")),
            (Some("Lee Min"), Some("Saya di gudang B."))
        ]
    );
    // What nobody reads any more is not taken: these are two, and room for 98.
    for _ in 0..98 {
        site.core.comment(&budi, id, "Belum.").expect("noted");
    }
    let full = site.core.comment(&budi, id, "Belum.").expect_err("was taken");
    assert_eq!((full.kind, full.field), (ErrorKind::Conflict, Some("text")));
    // Who is deleted is named no more; what was noted stays.
    site.core
        .delete_employee(&admin(), &who("BUDI"))
        .expect("deleted");
    let alert = site.core.alert(&admin(), id).expect("alert");
    let note = alert
        .history
        .iter()
        .find(|event| event.what == What::Commented)
        .expect("note");
    assert_eq!(
        (note.recipient.as_ref(), note.recipient_name.as_deref()),
        (None, Some(""))
    );
}

#[test]
fn with_an_employee_goes_their_login_and_their_name_but_never_the_last_administrator() {
    let site = Site::new();
    let core = &site.core;
    let sari = who("SARI");
    let hr = Viewer {
        role: Role::Hr,
        employee: None,
        username: "hr".into(),
    };
    core.create_user("sari.dewi", "hash", Role::Admin, Some(&sari))
        .expect("added");
    let refused = |viewer: &Viewer| core.delete_employee(viewer, &sari).expect_err("deleted").kind;
    assert_eq!(refused(&hr), ErrorKind::Forbidden);
    assert_eq!(refused(&admin()), ErrorKind::Conflict);
    core.create_user("other", "hash", Role::Admin, None)
        .expect("added");
    let did = Viewer {
        role: Role::Admin,
        employee: Some(sari.clone()),
        username: "sari.dewi".into(),
    };
    let patch = RetentionPatch {
        keep_days: Some(Some(500)),
        ..RetentionPatch::default()
    };
    core.set_retention(&did, &patch).expect("set");
    let authors = || {
        let record = core.audited(&hr, None).expect("record");
        record.into_iter().map(|row| row.who).collect::<Vec<_>>()
    };
    assert!(authors().contains(&"sari.dewi".to_owned()));
    // The login alone goes: what was done stays hers.
    core.delete_user(&Viewer::admin("other"), "sari.dewi")
        .expect("deleted");
    assert!(authors().contains(&"SARI".to_owned()));
    core.delete_employee(&hr, &sari).expect("deleted");
    let left = authors();
    assert!(
        !left.iter().any(|name| name == "SARI" || name == "sari.dewi"),
        "{left:?}"
    );
}
