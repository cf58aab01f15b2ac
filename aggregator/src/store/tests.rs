//! The store: erasure, merging of stretches, the order of message states, the check.

use std::collections::HashSet;

use chrono::TimeDelta;
use hadir_shared::gallery::Template;
use hadir_shared::id::{CameraId, EmployeeId};
use hadir_shared::status::{AgentStatus, CameraMode, CameraState, CameraStatus, Inference};
use rusqlite::params;

use super::*;
use crate::attendance::Methods;
use crate::core::settings::AttendanceRules;
use crate::core::types::{AlertFilter, Language};
use crate::escalation::Policy;
use crate::notify::{Channel, Draft, MessageState};

fn t(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).expect("time")
}

fn who(n: usize) -> EmployeeId {
    EmployeeId::new(format!("E{n}")).expect("id")
}

fn employee(n: usize, supervisor: Option<usize>) -> EmployeeRecord {
    EmployeeRecord {
        id: who(n),
        name: format!("Name {n}"),
        supervisor: supervisor.map(who),
        areas: Vec::new(),
        phone: None,
        email: None,
        badge: None,
        language: Language::Id,
        role_title: None,
        schedule: None,
        policy: None,
        consent: Some(t(0)),
    }
}

fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(&folder.path().join("hadir.sqlite")).expect("store")
}

/// A template whose bytes stand nowhere else.
fn template(seed: usize) -> Template {
    let mut x = (seed as u32 + 1).wrapping_mul(2_654_435_761);
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        x as f32 / u32::MAX as f32 - 0.5
    };
    Template((0..128).map(|_| next()).collect())
}

/// Whether any 16-byte piece of the template is in any file of the store.
fn traces(folder: &tempfile::TempDir, template: &Template) -> usize {
    let bytes = template.to_bytes();
    let pieces: std::collections::HashSet<&[u8]> = bytes.windows(16).collect();
    std::fs::read_dir(folder.path())
        .expect("folder")
        .map(|entry| std::fs::read(entry.expect("entry").path()).expect("file"))
        .map(|data| data.windows(16).filter(|window| pieces.contains(window)).count())
        .sum()
}

#[test]
fn a_deleted_template_leaves_no_trace_in_any_file() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(&folder);
    // Enough of them, added and deleted in a mixed order, that SQLite splits and joins pages.
    for n in 0..60 {
        store
            .write(|tx| tx.register(&employee(n, None), t(0)))
            .expect("register");
        store
            .write(|tx| tx.add_templates(&who(n), "m", &[template(2 * n), template(2 * n + 1)], t(0)))
            .expect("templates");
    }
    assert!(
        traces(&folder, &template(10)) > 0,
        "the test would see a template if it were there"
    );
    for n in (0..60).filter(|n| n % 3 != 0) {
        store
            .write(|tx| match n % 2 {
                0 => tx.delete_employee(&who(n)),
                _ => tx.delete_templates(&who(n)).map(|_| ()),
            })
            .expect("delete");
        assert_eq!(store.erase_traces().expect("erase"), Erased::Yes);
        for gone in [2 * n, 2 * n + 1] {
            assert_eq!(traces(&folder, &template(gone)), 0, "template {gone}");
        }
    }
    let left = store.read(|reader| reader.gallery("m", None)).expect("gallery");
    assert_eq!(left.len(), 20);
    assert_eq!(left[0].templates, [template(0), template(1)]);
    assert_eq!(store.check().expect("check"), Vec::<String>::new());
}

#[test]
fn an_open_reader_delays_the_erasure_but_does_not_prevent_it() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(&folder);
    store
        .write(|tx| tx.register(&employee(1, None), t(0)))
        .expect("register");
    store
        .write(|tx| tx.add_templates(&who(1), "m", &[template(1)], t(0)))
        .expect("template");
    store
        .read(|reader| {
            assert_eq!(reader.template_count(&who(1))?, 1);
            store.write(|tx| tx.delete_employee(&who(1)))?;
            assert_eq!(store.erase_traces()?, Erased::NotYet);
            // The reader still sees what it saw.
            assert_eq!(reader.template_count(&who(1))?, 1);
            Ok(())
        })
        .expect("read");
    assert_eq!(store.finish_erasure().expect("erase"), Erased::Yes);
    assert_eq!(traces(&folder, &template(1)), 0);
}

#[test]
fn stretches_merge_to_the_same_in_any_order() {
    let sightings = [
        (0, 10),
        (20, 30),
        (400, 450),
        (320, 330),
        (900, 900),
        (25, 60),
        (1300, 1400),
    ];
    let cameras = ["cam-1", "cam-2"].map(|id| CameraId::new(id).expect("id"));
    let methods = [Methods::FACE, Methods::RFID];
    let stretches = |order: &[usize]| {
        let folder = tempfile::tempdir().expect("folder");
        let store = open(&folder);
        store
            .write(|tx| tx.register(&employee(1, None), t(0)))
            .expect("register");
        store
            .write(|tx| {
                order.iter().try_for_each(|i| {
                    let (from, to) = sightings[*i];
                    let camera = &cameras[i % 2];
                    let seen = Seen {
                        from: t(from),
                        to: t(to),
                        camera,
                        last_camera: camera,
                        methods: methods[i % 2],
                    };
                    tx.extend_attendance(&who(1), &seen, TimeDelta::seconds(300))
                        .map(|_| ())
                })
            })
            .expect("extend");
        assert_eq!(store.check().expect("check"), Vec::<String>::new());
        let between = |from, to| {
            let found = store.read(|r| r.stretches_between(&who(1), t(from), t(to)));
            let found = found.expect("stretches").into_iter();
            let second = |at: i64| (at - t(0).timestamp_millis()) / 1000;
            found
                .map(|s| {
                    let cameras = (s.first_camera.to_string(), s.last_camera.to_string());
                    (second(s.from), second(s.to), cameras, s.methods.bits())
                })
                .collect::<Vec<_>>()
        };
        (
            between(-1000, 2000),
            between(5, 425).len(),
            between(1500, 3000).len(),
            between(900, 901).len(),
        )
    };
    let at = |first: &str, last: &str| (first.to_owned(), last.to_owned());
    let all = vec![
        (0, 450, at("cam-1", "cam-1"), 1 | 4),
        (900, 900, at("cam-1", "cam-1"), 1),
        (1300, 1400, at("cam-1", "cam-1"), 1),
    ];
    let expected = (all, 1, 0, 1);
    for order in [
        [0, 1, 2, 3, 4, 5, 6],
        [6, 5, 4, 3, 2, 1, 0],
        [2, 0, 4, 3, 6, 1, 5],
        [3, 3, 2, 1, 0, 6, 4],
    ] {
        let mut all = order.to_vec();
        all.extend(0..7);
        assert_eq!(stretches(&all), expected, "{order:?}");
    }
}

const LIMITS: Limits = Limits {
    at_once: 8,
    load: Load::Plain,
    per_recipient: 10,
    per_second: 20,
    kinds: Kinds::All,
};

#[test]
fn message_states_never_go_back_and_each_dedup_goes_once() {
    use MessageState::{Delivered, Read, Sent};
    let folder = tempfile::tempdir().expect("folder");
    let store = open(&folder);
    let message = |dedup: &str| NewMessage {
        dedup: dedup.into(),
        alert: None,
        recipient: None,
        channel: Channel::Whatsapp,
        address: "+1",
        language: Language::Id,
        draft: Draft::Text("x".into()),
        report: None,
    };
    let id = store
        .write(|tx| tx.enqueue(&message("a"), Form::Text, t(0), t(0)))
        .expect("enqueue")
        .expect("new");
    assert_eq!(
        store
            .write(|tx| tx.enqueue(&message("a"), Form::Text, t(0), t(0)))
            .expect("enqueue"),
        None
    );
    store
        .write(|tx| tx.enqueue(&message("b"), Form::Text, t(0), t(0)))
        .expect("enqueue");
    // One at a time to one phone.
    let claimed = store
        .write(|tx| tx.claim_due(Channel::Whatsapp, LIMITS, t(0)))
        .expect("claim");
    assert_eq!(claimed.iter().map(|m| m.id).collect::<Vec<_>>(), [id]);
    assert!(
        store
            .write(|tx| tx.claim_due(Channel::Whatsapp, LIMITS, t(0)))
            .expect("claim")
            .is_empty()
    );
    // Alerts first, and documents by themselves.
    let to = |dedup: &str, address: &'static str, report: bool| NewMessage {
        address,
        report: report.then(|| crate::core::types::ReportRequest {
            from: t(0).date_naive(),
            to: t(0).date_naive(),
            of: crate::core::types::Of::Everybody,
            seen_by: None,
            format: crate::report::Format::Pdf,
        }),
        ..message(dedup)
    };
    let queued = [
        to("digest/1", "+2", true),
        to("digest/2", "+3", false),
        to("alert/1", "+4", false),
    ];
    let ids: Vec<i64> = queued
        .iter()
        .map(|one| {
            store
                .write(|tx| tx.enqueue(one, Form::Text, t(0), t(0)))
                .expect("enqueue")
                .expect("new")
        })
        .collect();
    let claim = |load, at_once| {
        let limits = Limits {
            load,
            at_once,
            ..LIMITS
        };
        let claimed = store
            .write(|tx| tx.claim_due(Channel::Whatsapp, limits, t(0)))
            .expect("claim");
        claimed
            .into_iter()
            .map(|m| (m.id, m.report.is_some()))
            .collect::<Vec<_>>()
    };
    assert_eq!(claim(Load::Plain, 1), [(ids[2], false)]);
    assert_eq!(claim(Load::Plain, 8), [(ids[1], false)]);
    assert_eq!(claim(Load::Documents, 8), [(ids[0], true)]);
    // Webhooks may come before the answer to the sending, and in any order.
    let state = || store.read(|r| r.message(id)).expect("read").expect("there").state;
    for (news, expected) in [
        (Delivered, Delivered),
        (Sent, Delivered),
        (Read, Read),
        (Delivered, Read),
    ] {
        store
            .write(|tx| tx.record_status(id, news, "wamid.1", t(1)))
            .expect("status");
        assert_eq!(state(), expected);
    }
    store
        .write(|tx| tx.record_sent(id, "wamid.1", t(2)))
        .expect("sent");
    assert_eq!(state(), Read);
    store
        .write(|tx| tx.record_failed(id, "late", t(3)))
        .expect("failed");
    assert_eq!(state(), Read);
    assert_eq!(
        store
            .write(|tx| tx.claim_due(Channel::Whatsapp, LIMITS, t(3)))
            .expect("claim")
            .len(),
        1,
        "the next one goes"
    );
}

#[test]
fn cameras_get_the_number_they_wish_if_it_is_free() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(&folder);
    let agent = hadir_shared::id::AgentId::new("gate-1").expect("id");
    let camera = |id: &str, number| CameraStatus {
        id: CameraId::new(id).expect("id"),
        number,
        label: id.into(),
        area: hadir_shared::id::AreaId::new("hall").expect("id"),
        mode: CameraMode::Recognise,
        state: CameraState::Streaming,
        inference: Inference::Active,
        fps: f32::NAN,
        last_frame: None,
        people: None,
        cause: None,
        problem: None,
        counts: hadir_shared::status::CameraCounts::default(),
        placement: None,
    };
    let numbers = store
        .write(|tx| {
            tx.save_agent(
                &agent,
                &AgentStatus {
                    online: true,
                    ..AgentStatus::default()
                },
                t(0),
            )?;
            for (id, number) in [
                ("b", None),
                ("a", Some(1)),
                ("c", Some(7)),
                ("d", None),
                ("a", Some(3)),
                ("b", None),
            ] {
                tx.save_camera(&agent, &camera(id, number))?;
            }
            tx.cameras()
        })
        .expect("cameras");
    let numbers: Vec<(&str, u32)> = numbers.iter().map(|c| (c.id.as_str(), c.number)).collect();
    assert_eq!(numbers, [("b", 1), ("a", 2), ("d", 3), ("c", 7)]);
}

#[test]
fn the_check_finds_what_the_schema_cannot_forbid() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(&folder);
    store
        .write(|tx| {
            tx.register(&employee(1, None), t(0))?;
            tx.register(&employee(2, Some(1)), t(0))?;
            tx.conn()
                .execute("update employee set supervisor = 'E2' where id = 'E1'", [])?;
            tx.conn()
                .execute("delete from employee_status where employee = 'E2'", [])?;
            Ok(())
        })
        .expect("damage");
    let findings = store.check().expect("check");
    assert!(
        findings.iter().any(|f| f.contains("own superior")),
        "{findings:?}"
    );
    assert!(
        findings.iter().any(|f| f.contains("without a status")),
        "{findings:?}"
    );
}

#[test]
fn a_backup_is_whole_and_overwrites_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(&folder);
    store
        .write(|tx| tx.register(&employee(1, None), t(0)))
        .expect("register");
    let copy = folder.path().join("copy.sqlite");
    store.backup(&copy).expect("backup");
    let restored = Store::open(&copy).expect("copy");
    assert_eq!(restored.read(|r| r.employees()).expect("read").len(), 1);
    assert_eq!(
        store.backup(&copy).expect_err("was overwritten").kind,
        crate::error::ErrorKind::Conflict
    );
    assert!(store.backup(&folder.path().join("nowhere/copy.sqlite")).is_err());
}

#[test]
fn what_is_no_store_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("hadir.sqlite");
    std::fs::write(&path, vec![b'x'; 10_000]).expect("file");
    let error = Store::open(&path).expect_err("was opened");
    assert!(error.message.en().contains("damaged"), "{error}");
    let error = Store::open(&folder.path().join("no/hadir.sqlite")).expect_err("was opened");
    assert!(error.message.en().contains("folder"), "{error}");
}

/// A store of the schema before is brought to this one with everything that it held.
#[test]
fn an_older_store_keeps_its_messages() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("hadir.sqlite");
    let mut old = Connection::open(&path).expect("store");
    Migrations::from_slice(&MIGRATIONS[..3])
        .to_latest(&mut old)
        .expect("schema 3");
    old.execute_batch(
        "insert into employee (id, name, created_at, updated_at) values ('E1', 'Lee', 0, 0), ('E2', 'Sari', 0, 0);
         insert into employee_status (employee, state, since) values ('E1', 'absent', 0), ('E2', 'available', 0);
         insert into alert (id, employee, last_seen, opened_at, state) values (7, 'E1', 0, 0, 'open');
         insert into message (id, dedup, alert, recipient, phone, form, template, language, parameters, buttons, state,
             due_at, created_at, updated_at)
             values (3, 'alert/7/0/E2', 7, 'E2', '+1', 'template', 'hadir_absence', 'id', '[]', '[]', 'delivered', 5, 5, 5);
         insert into alert_event (alert, at, what, recipient, step, message) values (7, 5, 'message', 'E2', 0, 3);",
    )
    .expect("rows");
    drop(old);
    let store = open(&folder);
    store
        .read(|reader| {
            assert_eq!(reader.about(3)?, [7]);
            let alert = reader.alert(7)?.expect("alert");
            let event = &alert.history[0];
            assert_eq!(
                (event.channel, event.message_state),
                (Some(Channel::Whatsapp), Some(MessageState::Delivered))
            );
            assert_eq!(reader.told(7)?[0].address, "+1");
            Ok(())
        })
        .expect("read");
    assert_eq!(store.check().expect("check"), Vec::<String>::new());
}

/// What happens to others does not push somebody's own alerts out of sight, and all that are open are there.
#[test]
fn the_newest_alerts_are_those_of_whom_one_asks() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(&folder);
    store
        .write(|tx| {
            for n in 1..=520 {
                tx.register(&employee(n, None), t(0))?;
                tx.open_alert_for(&who(n), t(0), &Policy::standard(1), t(n as i64))?;
            }
            Ok(())
        })
        .expect("alerts");
    let found = |filter, of: Option<&[usize]>| {
        let of: Option<HashSet<EmployeeId>> = of.map(|these| these.iter().map(|n| who(*n)).collect());
        store
            .read(|reader| reader.alerts(filter, of.as_ref()))
            .expect("read")
            .into_iter()
            .map(|alert| alert.employee)
            .collect::<Vec<_>>()
    };
    assert_eq!(found(AlertFilter::All, None).len(), 500);
    assert_eq!(found(AlertFilter::Open, None).len(), 520);
    let ids = [who(519), who(2)];
    assert_eq!(found(AlertFilter::All, Some(&[2, 519])), ids);
    assert_eq!(found(AlertFilter::Open, Some(&[2, 519])), ids);
    assert_eq!(found(AlertFilter::All, Some(&[])), []);
}

/// What is too old goes in pieces, each whole, and only as far as it is too old.
#[test]
fn old_days_go_some_at_a_time() {
    let folder = tempfile::tempdir().expect("folder");
    let store = open(&folder);
    let now = t(0);
    let day = |back: i64| (now - TimeDelta::days(back)).date_naive().to_string();
    store
        .write(|tx| {
            tx.run("insert into day_plan (id, definition) values (1, '{}')", [])?;
            for n in 1..=5 {
                tx.register(&employee(n, None), t(0))?;
                for back in 399..=899 {
                    let (id, date) = (who(n), day(back));
                    let row = params![id.as_str(), date];
                    tx.run(
                        "insert into attendance_day (employee, date, plan, state) values (?1, ?2, 1, 'provisional')",
                        row,
                    )?;
                    tx.run(
                        "insert into attendance_evidence (employee, date, evidence) values (?1, ?2, '{}')",
                        row,
                    )?;
                }
            }
            Ok(())
        })
        .expect("days");
    let rules = AttendanceRules {
        keep_days: TimeDelta::days(400),
        ..AttendanceRules::default()
    };
    let left = || {
        store
            .read(|r| {
                let count = |table: &str| {
                    let of = format!("select count(*), min(date) from {table}");
                    r.conn.query_row(&of, [], |row| Ok((row.get(0)?, row.get(1)?)))
                };
                let days: (i64, String) = count("attendance_day")?;
                assert_eq!(days, count("attendance_evidence")?, "each with its evidence");
                Ok(days)
            })
            .expect("read")
    };
    assert_eq!(left().0, 2505);
    assert!(
        store.write(|tx| tx.forget(&rules, now)).expect("forget"),
        "there is more"
    );
    assert_eq!(left(), (505, day(499)), "the oldest first");
    assert!(!store.write(|tx| tx.forget(&rules, now)).expect("forget"));
    assert_eq!(left(), (10, day(400)), "400 days are kept");
}
