//! Sightings: nothing lost, nothing twice.

use hadir_shared::status::{CameraCounts, Measured};

use super::*;

fn ack(stored_through: u64) -> Option<Ack> {
    Some(Ack { stored_through })
}

fn attendance(site: &Site, id: &str) -> (i64, i64) {
    let day = t(0).with_timezone(&chrono_tz::Asia::Jakarta).date_naive();
    let query = AttendanceQuery {
        from: day,
        to: day,
        of: Of::Employee(who(id)),
    };
    let report = site.core.attendance(&admin(), &query).expect("report");
    let figures = report.days[0].figures;
    (figures.worked_s, figures.away_s)
}

fn stored(site: &Site) -> u64 {
    let agents = site.core.agents(&admin()).expect("agents");
    assert_eq!(agents.len(), 1);
    site.core
        .store
        .read(|r| r.stored_through(&agent()))
        .expect("read")
        .expect("agent")
}

fn aside(site: &Site) -> Vec<(String, u64)> {
    let list = site.core.set_aside(&admin()).expect("list");
    list.into_iter()
        .rev()
        .map(|entry| (entry.reason, entry.count))
        .collect()
}

#[test]
fn a_repeated_delivery_changes_nothing() {
    let mut site = Site::new();
    site.until(100);
    let batch = vec![seen(1, "LEE", 10), seen(2, "LEE", 60), seen(3, "NOBODY", 60)];
    assert_eq!(site.take(batch.clone()), ack(3));
    // Killed after the commit, before the acknowledgement: the agent sends it again.
    site.restart();
    site.status(true);
    assert_eq!(site.take(batch.clone()), ack(3));
    assert_eq!(site.take(batch), ack(3));
    assert_eq!(stored(&site), 3);
    assert_eq!(attendance(&site, "LEE"), (50, 0));
    assert_eq!(
        aside(&site),
        [("of an employee who is not registered".to_owned(), 1)]
    );
    assert_eq!(site.core.check().expect("check"), Vec::<String>::new());
}

#[test]
fn nothing_is_acknowledged_before_what_is_missing() {
    let site = Site::new();
    site.until(100);
    assert_eq!(site.take(vec![seen(1, "LEE", 10)]), ack(1));
    // 2 and 3 could not be stored; 4 and 5 come.
    let late = vec![seen(4, "LEE", 40), seen(5, "LEE", 50)];
    assert_eq!(site.take(late.clone()), None);
    assert_eq!(
        site.row("LEE").last_seen,
        Some(t(50)),
        "what is there counts at once"
    );
    // The agent sends its oldest again: the missing ones come, and all is acknowledged.
    assert_eq!(site.take(vec![seen(2, "LEE", 20), seen(3, "LEE", 30)]), ack(3));
    assert_eq!(site.take(late), ack(5));
    assert!(aside(&site).is_empty());
}

#[test]
fn what_the_agent_dropped_is_counted_and_the_rest_goes_on() {
    let site = Site::new();
    site.until(100);
    assert_eq!(site.take(vec![seen(1, "LEE", 10)]), ack(1));
    let after = vec![seen(8, "LEE", 80), seen(9, "LEE", 90)];
    assert_eq!(site.take(after.clone()), None);
    site.until(110);
    assert_eq!(site.take(after.clone()), None);
    site.until(121);
    assert_eq!(site.take(after), ack(9));
    assert_eq!(
        aside(&site),
        [("that never came: lost or dropped by the agent".to_owned(), 6)]
    );
    assert_eq!(site.take(vec![seen(10, "LEE", 100)]), ack(10));
}

#[test]
fn an_agent_that_was_set_up_anew_counts_anew() {
    let site = Site::new();
    site.until(100);
    assert_eq!(
        site.take((1..=50).map(|seq| seen(seq, "LEE", 10)).collect()),
        ack(50)
    );
    assert_eq!(site.take(vec![seen(1, "LEE", 20), seen(2, "LEE", 30)]), ack(2));
    assert_eq!(site.take(vec![seen(5, "LEE", 50)]), None, "3 and 4 are missing");
    assert_eq!(site.take(vec![seen(3, "LEE", 35), seen(4, "LEE", 40)]), ack(4));
}

#[test]
fn what_cannot_be_right_is_set_aside_with_the_reason() {
    let site = Site::new();
    site.until(100);
    let foreign = Sighting {
        camera: CameraId::new("cam-9").expect("id"),
        ..seen(2, "LEE", 90)
    };
    let batch = vec![
        seen(1, "LEE", 1000),
        foreign,
        seen(3, "LEE", 90),
        seen(4, "LEE", -40 * 86_400),
    ];
    assert_eq!(site.take(batch), ack(4));
    assert_eq!(site.row("LEE").last_seen, Some(t(90)));
    let reasons: Vec<String> = aside(&site).into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(reasons.len(), 3);
    for part in ["cam-9", "future", "30 days"] {
        assert!(
            reasons.iter().any(|reason| reason.contains(part)),
            "{part}: {reasons:?}"
        );
    }
    let supervisor = Viewer {
        role: Role::Supervisor,
        ..admin()
    };
    assert_eq!(
        site.core.set_aside(&supervisor).expect_err("was shown").kind,
        ErrorKind::Forbidden
    );
}

#[test]
fn before_the_first_status_nothing_is_acknowledged() {
    let site = Site::new();
    let stranger = AgentId::new("gate-2").expect("id");
    let batch = SightingBatch {
        sightings: vec![seen(1, "LEE", 0)],
    };
    assert_eq!(site.core.take_sightings(&stranger, batch).expect("taken"), None);
    assert_eq!(site.take(Vec::new()), None);
    let broken = SightingBatch {
        sightings: vec![seen(u64::MAX, "LEE", 0)],
    };
    assert_eq!(
        site.core
            .take_sightings(&agent(), broken)
            .expect_err("was taken")
            .kind,
        ErrorKind::Invalid
    );
}

#[test]
fn a_backlog_corrects_attendance_and_raises_no_alert_for_the_past() {
    let site = Site::new();
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(20);
    site.status(false);
    site.until(4000);
    // Cut off for over an hour; Lee was there until 2000.
    site.status(true);
    let backlog: Vec<Sighting> = (2..200).map(|seq| seen(seq, "LEE", (seq as i64) * 10)).collect();
    let (first, second) = backlog.split_at(100);
    assert_eq!(site.take(first.to_vec()), ack(101));
    assert_eq!(site.take(second.to_vec()), ack(199));
    assert_eq!(attendance(&site, "LEE"), (1980, 0));
    assert_eq!(site.row("LEE").last_seen, Some(t(1990)));
    site.until(4299);
    assert!(site.alerts().is_empty());
    site.until(4301);
    assert_eq!(site.alerts().len(), 1, "gone since the cameras watch again");
}

/// Catches something absurd, such as a cost that grows with the number of people; benches measure.
#[test]
fn a_thousand_employees_are_no_load() {
    let site = Site::new();
    for n in 0..1000 {
        let new = NewEmployee {
            name: format!("N{n}"),
            supervisor: Some("SARI".into()),
            ..NewEmployee::default()
        };
        site.core.create_employee(&admin(), new).expect("employee");
    }
    let batch = |round: u64| {
        (0..500)
            .map(|i| {
                seen(
                    round * 500 + i + 1,
                    &format!("EMP{:03}", i * 2 + 1),
                    10 + round as i64 * 10,
                )
            })
            .collect()
    };
    site.until(60);
    let mut taken = Vec::new();
    for round in 0..5 {
        let batch = batch(round);
        let start = std::time::Instant::now();
        assert_eq!(site.take(batch), ack((round + 1) * 500));
        taken.push(start.elapsed());
    }
    let start = std::time::Instant::now();
    for _ in 0..100 {
        site.core.tick().expect("tick");
    }
    let ticks = start.elapsed();
    let start = std::time::Instant::now();
    assert_eq!(site.core.status(&admin()).expect("status").len(), 1004);
    let status = start.elapsed();
    assert!(taken.iter().all(|time| time.as_secs() < 5) && ticks.as_secs() < 5 && status.as_secs() < 5);
}

#[test]
fn a_badge_in_two_places_at_once_is_a_conflict() {
    let site = Site::new();
    let other = AgentId::new("gate-2").expect("id");
    let status = AgentStatus {
        online: true,
        cameras: vec![camera("cam-2", "kantor"), camera("cam-3", "kantor")],
        ..AgentStatus::default()
    };
    site.core.take_status(&other, status).expect("status");
    let noted = |camera: &str, method, from, to| {
        let mut sighting = seen(1, "LEE", to);
        sighting.camera = CameraId::new(camera).expect("id");
        (sighting.method, sighting.first_at) = (method, t(from));
        let from = if camera == "cam-1" { agent() } else { other.clone() };
        let batch = SightingBatch {
            sightings: vec![sighting],
        };
        site.core.take_sightings(&from, batch).expect("taken");
        let all = site.core.badge_conflicts(&admin()).expect("list");
        all.into_iter()
            .map(|c| (c.camera.to_string(), c.other.to_string(), c.shown_at))
            .collect::<Vec<_>>()
    };
    let between = |a: &str, b: &str, at| vec![(a.to_owned(), b.to_owned(), t(at))];
    assert_eq!(noted("cam-1", Method::Qr, 0, 4), []);
    // Ten seconds later at the other gate: they walked. And two cameras of one area may see the same person.
    assert_eq!(noted("cam-2", Method::Qr, 14, 16), []);
    assert_eq!(noted("cam-3", Method::Face, 14, 40), []);
    // Through the door at once: the face was not there before.
    assert_eq!(noted("cam-1", Method::Qr, 18, 19), []);
    // The badge here, the face there; whichever is heard of first.
    assert_eq!(noted("cam-1", Method::Qr, 28, 29), between("cam-1", "cam-3", 28));
    assert_eq!(
        noted("cam-1", Method::Qr, 28, 29),
        between("cam-1", "cam-3", 28),
        "said once"
    );
    assert_eq!(noted("cam-1", Method::Rfid, 60, 64).len(), 1);
    let mut both = between("cam-1", "cam-2", 60);
    both.extend(between("cam-1", "cam-3", 28));
    assert_eq!(noted("cam-2", Method::Face, 50, 75), both);
    // A copy of the badge at the other gate.
    assert_eq!(noted("cam-2", Method::Rfid, 62, 62).len(), 3);
    let technician = Viewer {
        role: Role::Technician,
        ..admin()
    };
    assert!(site.core.badge_conflicts(&technician).is_err());
    site.core.delete_employee(&admin(), &who("LEE")).expect("deleted");
    assert_eq!(site.core.badge_conflicts(&admin()).expect("list"), []);
}

#[test]
fn what_devices_say_of_themselves_is_kept_within_bounds() {
    let site = Site::new();
    for (reasons, kept, measured) in [(0, 0, 0), (3, 3, 2), (1000, 0, 0)] {
        let mut counts = CameraCounts {
            unknown_tracks: 7,
            ..CameraCounts::default()
        };
        for i in 0..reasons {
            let last = if i == 0 { f32::NAN } else { 5.5 };
            counts.rejected.insert(format!("reason_{i}"), 3);
            counts
                .measured
                .insert(format!("reason_{i}"), Measured { last, limit: 8.0 });
        }
        let camera = CameraStatus {
            counts,
            ..camera("cam-1", "gudang")
        };
        let status = AgentStatus {
            online: true,
            problem: Some("x".repeat(2000)),
            cameras: vec![camera],
            ..AgentStatus::default()
        };
        site.core.take_status(&agent(), status).expect("status");
        let (agents, cameras) = (site.core.agents(&admin()), site.core.cameras(&admin()));
        let told = agents.expect("agents")[0].problem.as_ref().map(String::len);
        assert_eq!(told, Some(200));
        let counts = &cameras.expect("cameras")[0].counts;
        let found = (
            counts.unknown_tracks,
            counts.rejected.len(),
            counts.measured.len(),
        );
        assert_eq!(found, (7, kept, measured));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// The same sightings in any order, some of them twice, in whatever batches, with a restart in between or without:
    /// the same stretches of presence, and the same place. (A restart is blind time, so the state may differ.)
    #[test]
    fn any_order_gives_the_same_presence(
        sighted in proptest::collection::vec((0..4000i64, 0..400i64, 1..3u8), 1..12),
        order in proptest::collection::vec(0..1_000_000usize, 24),
        batch in 1..5usize,
        restart_at in 0..8usize,
    ) {
        let cameras = |site: &Site| {
            let status = AgentStatus {
                online: true,
                cameras: vec![camera("cam-1", "gudang"), camera("cam-2", "kantor")],
                ..AgentStatus::default()
            };
            site.core.take_status(&agent(), status).expect("status");
        };
        let sightings: Vec<Sighting> = sighted
            .iter()
            .map(|(from, length, camera)| Sighting {
                camera: CameraId::new(format!("cam-{camera}")).expect("id"),
                first_at: t(*from),
                last_at: t(from + length),
                method: if from % 2 == 0 { Method::Face } else { Method::Qr },
                ..seen(0, "LEE", 0)
            })
            .collect();
        let presence = |taken: Vec<Vec<Sighting>>, restart_at: Option<usize>| {
            let mut site = Site::new();
            cameras(&site);
            site.clock.set(t(5000));
            let mut seq = 0;
            for (number, mut batch) in taken.into_iter().enumerate() {
                if restart_at == Some(number) {
                    site.restart();
                    cameras(&site);
                }
                for sighting in &mut batch {
                    seq += 1;
                    sighting.seq = seq;
                }
                site.take(batch);
            }
            site.core.write_all_stretches().expect("written");
            let spans = site.core.store.read(|r| r.stretches_between(&who("LEE"), t(-100_000), t(100_000))).expect("stretches");
            let row = site.row("LEE");
            (spans, row.camera, row.area, row.last_seen)
        };
        let mut shuffled: Vec<(usize, Sighting)> =
            order.iter().zip(sightings.iter().chain(&sightings)).map(|(key, one)| (*key, one.clone())).collect();
        shuffled.sort_by_key(|(key, _)| *key);
        let shuffled: Vec<Sighting> = shuffled.into_iter().map(|(_, one)| one).collect();
        let other = shuffled.chunks(batch).map(<[Sighting]>::to_vec).collect();
        proptest::prop_assert_eq!(presence(vec![sightings.clone()], None), presence(other, Some(restart_at)));
    }
}

/// What goes on is written now and then; a stop in between loses none of it.
#[test]
fn unwritten_presence_is_made_up_from_sightings() {
    let mut site = Site::new();
    let stored = |site: &Site| {
        let stretches = site
            .core
            .store
            .read(|r| r.stretches_between(&who("LEE"), t(-1000), t(10_000)));
        let second = |at: i64| (at - t(0).timestamp_millis()) / 1000;
        let stretches = stretches.expect("stretches");
        stretches
            .iter()
            .map(|s| (second(s.from), second(s.to)))
            .collect::<Vec<_>>()
    };
    site.until(10);
    site.take(vec![seen(1, "LEE", 5)]);
    site.take(vec![seen(2, "LEE", 10)]);
    site.until(50);
    site.take(vec![seen(3, "LEE", 50)]);
    assert_eq!(stored(&site), [(5, 5)], "not every sighting is written");
    assert_eq!(attendance(&site, "LEE").0, 45, "but whoever asks is told");
    assert_eq!(stored(&site), [(5, 50)]);
    site.until(80);
    site.take(vec![seen(4, "LEE", 80)]);
    site.until(139);
    assert_eq!(stored(&site), [(5, 50)]);
    site.until(141);
    assert_eq!(stored(&site), [(5, 80)], "after a minute it is");
    // The power fails.
    site.take(vec![seen(5, "LEE", 140)]);
    site.restart();
    assert_eq!(stored(&site), [(5, 140)]);
    site.status(true);
    // A new stretch leaves the old one complete.
    site.take(vec![seen(6, "LEE", 141)]);
    site.until(600);
    site.take(vec![seen(7, "LEE", 600)]);
    assert_eq!(stored(&site), [(5, 141), (600, 600)]);
    // A transaction that fails takes nothing with it.
    site.take(vec![seen(8, "LEE", 601)]);
    site.core.store.end.set(0);
    let batch = SightingBatch {
        sightings: vec![seen(9, "LEE", 602)],
    };
    site.core
        .take_sightings(&agent(), batch.clone())
        .expect_err("no power");
    site.core.store.end.set(i64::MAX);
    site.core.take_sightings(&agent(), batch).expect("taken");
    assert_eq!(attendance(&site, "LEE"), (138, 459));
    assert_eq!(site.core.check().expect("check"), Vec::<String>::new());
}
