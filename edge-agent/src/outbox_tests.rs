use super::*;
use proptest::prelude::*;

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn drafts(count: usize) -> Vec<Draft> {
    (0..count)
        .map(|i| Draft {
            phase: Phase::Began,
            employee: EmployeeId::new("EMP001").expect("id"),
            camera: CameraId::new("cam-1").expect("id"),
            method: Method::Face,
            track: i as u64,
            first_at: now(),
            last_at: now(),
            basis: Basis::Face,
            verified_at: None,
            confidence: 0.9,
            model: "sface-2021dec".into(),
        })
        .collect()
}

fn seqs(outbox: &Outbox, limit: usize) -> Vec<u64> {
    outbox.batch(limit).expect("read").iter().map(|s| s.seq).collect()
}

#[test]
fn seq_goes_on_without_a_gap_over_restarts_and_acks() {
    let dir = tempfile::tempdir().expect("temporary folder");
    {
        let outbox = Outbox::open(dir.path(), Arc::default()).expect("opens");
        outbox.append(&drafts(3), None, now()).expect("stored");
        assert_eq!(outbox.acknowledge(3).expect("acknowledged"), 3);
    }
    let outbox = Outbox::open(dir.path(), Arc::default()).expect("opens again");
    assert_eq!(outbox.depth_and_dropped().expect("read"), (0, 0));
    outbox.append(&drafts(2), None, now()).expect("stored");
    assert_eq!(seqs(&outbox, 500), [4, 5]);
    assert_eq!(seqs(&outbox, 1), [4]);
    assert_eq!(outbox.acknowledge(4).expect("acknowledged"), 1);
    assert_eq!(outbox.acknowledge(2).expect("an old ack"), 0);
    assert_eq!(seqs(&outbox, 500), [5]);
}

#[test]
fn a_resent_batch_is_the_same() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let outbox = Outbox::open(dir.path(), Arc::default()).expect("opens");
    outbox.append(&drafts(2), None, now()).expect("stored");
    let first = outbox.batch(500).expect("read");
    assert_eq!(first, outbox.batch(500).expect("read"));
    assert_ne!(first[0].id, first[1].id);
}

#[test]
fn what_is_dropped_is_counted() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let outbox = Outbox::open_bounded(dir.path(), Arc::default(), 5).expect("opens");
    outbox.append(&drafts(4), None, now()).expect("stored");
    outbox.append(&drafts(3), None, now()).expect("stored");
    assert_eq!(seqs(&outbox, 500), [3, 4, 5, 6, 7]);
    assert_eq!(outbox.depth_and_dropped().expect("read"), (5, 2));
}

#[test]
fn what_cannot_be_written_waits_in_memory() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let outbox = Outbox::open(dir.path(), Arc::default()).expect("opens");
    let read_only = |on: bool| {
        let set = outbox.with(|connection| connection.pragma_update(None, "query_only", on));
        set.expect("set");
    };
    outbox.append(&drafts(2), None, now()).expect("stored");
    read_only(true);
    for _ in 0..2 {
        outbox.append(&drafts(3), None, now()).expect_err("read-only");
    }
    outbox.write_waiting(now());
    assert_eq!(outbox.depth_and_dropped().expect("read"), (8, 0));
    assert_eq!(seqs(&outbox, 500), [1, 2]);
    let (why, _) = outbox.problem().expect("told");
    assert!(why.contains("check the disk's space"), "{why}");

    read_only(false);
    outbox.append(&drafts(1), None, now()).expect("stored");
    assert_eq!(outbox.problem(), None);
    assert_eq!(seqs(&outbox, 500), (1..=9).collect::<Vec<_>>());
    let tracks: Vec<u64> = outbox.batch(500).expect("read").iter().map(|s| s.track).collect();
    assert_eq!(
        tracks,
        [0, 1, 0, 1, 2, 0, 1, 2, 0],
        "in the order in which they were made"
    );

    read_only(true);
    outbox
        .append(&drafts(10_004), None, now())
        .expect_err("read-only");
    assert_eq!(outbox.depth_and_dropped().expect("read"), (10_009, 4));
    read_only(false);
    outbox.write_waiting(now());
    assert_eq!(
        outbox.depth_and_dropped().expect("read"),
        (10_009, 4),
        "what was lost stays counted"
    );
}

#[test]
fn old_sightings_are_dropped_in_time() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let outbox = Outbox::open(dir.path(), Arc::default()).expect("opens");
    outbox.append(&drafts(10), None, now()).expect("stored");
    let later = now() + TimeDelta::days(31);
    let mut fresh = drafts(300);
    fresh.iter_mut().for_each(|draft| draft.last_at = later);
    outbox.append(&fresh, None, later).expect("stored");
    assert_eq!(outbox.depth_and_dropped().expect("read"), (300, 10));
    assert_eq!(seqs(&outbox, 1), [11]);
}

#[test]
fn an_agent_that_lost_its_data_goes_on_after_what_is_known() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let outbox = Outbox::open(dir.path(), Arc::default()).expect("opens");
    outbox.append(&drafts(3), None, now()).expect("stored");
    assert_eq!(outbox.acknowledge(1000).expect("acknowledged"), 0);
    assert_eq!(seqs(&outbox, 500), [1001, 1002, 1003]);
    outbox.append(&drafts(1), None, now()).expect("stored");
    assert_eq!(outbox.acknowledge(1003).expect("acknowledged"), 3);
    assert_eq!(seqs(&outbox, 500), [1004]);
}

#[test]
fn a_damaged_file_and_a_bad_folder_are_told() {
    let dir = tempfile::tempdir().expect("temporary folder");
    std::fs::write(dir.path().join("outbox.sqlite"), vec![7; 5000]).expect("written");
    let message = Outbox::open(dir.path(), Arc::default())
        .err()
        .expect("refused")
        .to_string();
    assert!(message.contains("outbox.sqlite"), "{message}");
    std::fs::write(dir.path().join("file"), "").expect("written");
    let message = Outbox::open(&dir.path().join("file"), Arc::default())
        .err()
        .expect("refused")
        .to_string();
    assert!(
        message.contains("/file cannot be written") && message.contains("check its owner"),
        "{message}"
    );
}

#[test]
fn one_agent_only_works_with_a_data_folder() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let first = lock(dir.path()).expect("free");
    assert!(matches!(lock(dir.path()), Err(OutboxError::InUse(_))));
    drop(first);
    assert!(lock(dir.path()).is_ok());
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    /// Acknowledge so many of the sightings that wait.
    Acknowledge(usize),
    /// Close and open again, as after a kill.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..6).prop_map(Step::Append),
        3 => (0usize..8).prop_map(Step::Acknowledge),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is appended, acknowledged and restarted: the seqs that come out are 1, 2, 3, … with none
    /// skipped and none given twice to different sightings.
    #[test]
    fn seq_is_never_skipped_or_repeated(steps in proptest::collection::vec(step(), 1..25)) {
        let dir = tempfile::tempdir().expect("temporary folder");
        let mut outbox = Outbox::open(dir.path(), Arc::default()).expect("opens");
        let (mut appended, mut acknowledged) = (0, 0);
        let mut ids = std::collections::HashMap::new();
        for step in steps {
            match step {
                Step::Append(count) => {
                    outbox.append(&drafts(count), None, now()).expect("stored");
                    appended += count as u64;
                }
                Step::Acknowledge(count) => {
                    acknowledged = (acknowledged + count as u64).min(appended);
                    outbox.acknowledge(acknowledged).expect("acknowledged");
                }
                Step::Restart => {
                    drop(outbox);
                    outbox = Outbox::open(dir.path(), Arc::default()).expect("opens again");
                }
            }
            let waiting = outbox.batch(500).expect("read");
            let expected: Vec<u64> = (acknowledged + 1..=appended).collect();
            prop_assert_eq!(waiting.iter().map(|s| s.seq).collect::<Vec<_>>(), expected);
            for sighting in waiting {
                prop_assert_eq!(*ids.entry(sighting.seq).or_insert(sighting.id), sighting.id);
            }
        }
    }
}

#[test]
fn times_of_a_wrong_clock_are_corrected_when_it_is_set() {
    let hours = TimeDelta::hours;
    let reading = |boot: &str, ahead, right| Reading {
        boot: boot.into(),
        ahead,
        right,
        confirmed: false,
    };
    let dir = tempfile::tempdir().expect("temporary folder");
    let outbox = Outbox::open(dir.path(), Arc::default()).expect("opens");
    let append = |reading: &Reading, count| {
        outbox
            .append(&drafts(count), Some(reading), now())
            .expect("stored");
    };
    // Noted by a clock three hours behind, during two starts of the machine; then more than fit into one step.
    append(&reading("first", hours(7), hours(7)), 1);
    append(
        &reading("second", hours(7), hours(7)),
        1 + CORRECTED_AT_ONCE as usize,
    );
    // The clock is set.
    let set = reading("second", hours(10), hours(10));
    append(&set, 1);
    outbox.correct(&set).expect("corrected");
    // What was open when it was set ended by the old one; noted after all others were corrected.
    append(&reading("second", hours(7), hours(7)), 1);
    outbox.correct(&set).expect("corrected");
    // The aggregator agrees: then a machine that was paused moves nothing.
    let agreed = Reading {
        confirmed: true,
        ..reading("second", hours(7), hours(7))
    };
    append(&agreed, 1);
    outbox.correct(&set).expect("corrected");
    // Somebody sets it wrong, and the aggregator says so.
    append(&reading("second", hours(2), hours(10)), 1);
    let times: Vec<TimeDelta> = outbox
        .with(|connection| {
            let mut select = connection.prepare("select body from sighting order by seq")?;
            let bodies = select.query_map([], |row| row.get::<_, String>(0))?;
            bodies
                .map(|body| {
                    let sighting: Sighting = serde_json::from_str(&body?).map_err(to_sql)?;
                    assert_eq!(sighting.first_at, sighting.last_at);
                    Ok(sighting.last_at - now())
                })
                .collect()
        })
        .expect("read");
    let (first, second) = times.split_first().expect("rows");
    assert_eq!(*first, hours(0), "nobody knows how wrong it was");
    let (second, last) = second.split_at(second.len() - 4);
    assert_eq!(last, [hours(0), hours(3), hours(0), hours(8)]);
    assert!(second.iter().all(|moved| *moved == hours(3)), "{second:?}");
}

#[test]
fn a_nudged_clock_moves_nothing() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let outbox = Outbox::open(dir.path(), Arc::default()).expect("opens");
    let reading = |ms| Reading {
        boot: "one".into(),
        ahead: TimeDelta::milliseconds(ms),
        right: TimeDelta::milliseconds(ms),
        confirmed: false,
    };
    outbox
        .append(&drafts(1), Some(&reading(0)), now())
        .expect("stored");
    for ms in [700, 1900, -1500] {
        outbox.correct(&reading(ms)).expect("corrected");
    }
    let read = outbox.with(|c| c.query_row("select last_at from sighting", [], |row| row.get::<_, i64>(0)));
    assert_eq!(read.expect("read"), now().timestamp_millis());
}
