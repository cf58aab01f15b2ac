use super::*;
use proptest::prelude::*;

/// A look at everything.
const EVERYWHERE: fn([f32; 2]) -> bool = |_| true;

fn at(seconds: f32) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds((seconds * 1000.0) as i64)
}

fn face(x: f32, y: f32) -> Detection {
    Detection {
        bounds: [x, y, 50.0, 60.0],
        score: 0.9,
    }
}

/// Runs a path (seconds, faces) through a tracker; gives each frame's assigned ids.
fn run(path: &[(f32, Vec<Detection>)]) -> Vec<Vec<Option<TrackId>>> {
    let mut tracker = Tracker::default();
    path.iter()
        .map(|(t, faces)| tracker.update(faces, EVERYWHERE, &[], at(*t)).assigned)
        .collect()
}

/// Every face of the path keeps the id that its position in the list says.
fn check(path: &[(f32, Vec<Detection>)], expected: &[&[TrackId]]) {
    for (i, (assigned, expected)) in run(path).into_iter().zip(expected).enumerate() {
        let expected: Vec<_> = expected.iter().map(|id| Some(*id)).collect();
        assert_eq!(assigned, expected, "frame {i}");
    }
}

#[test]
fn a_walking_face_keeps_its_id_at_any_rate() {
    let ten: Vec<_> = (0..30)
        .map(|i| (i as f32 * 0.1, vec![face(10.0 + 25.0 * i as f32, 50.0)]))
        .collect();
    check(&ten, &[&[1][..]; 30]);
    // 1.5 m/s across the picture.
    let seven: Vec<_> = (0..14)
        .map(|i| (i as f32 / 7.0, vec![face(10.0 + 75.0 * i as f32, 50.0)]))
        .collect();
    check(&seven, &[&[1][..]; 14]);
    let two: Vec<_> = (0..8)
        .map(|i| (i as f32 * 0.5, vec![face(10.0 + 45.0 * i as f32, 50.0)]))
        .collect();
    check(&two, &[&[1][..]; 8]);
}

#[test]
fn missed_frames_do_not_end_a_track() {
    let path = [
        (0.0, vec![face(10.0, 10.0)]),
        (0.1, vec![face(12.0, 10.0)]),
        (0.2, vec![]),
        (1.2, vec![face(14.0, 10.0)]),
        (9.0, vec![face(14.0, 10.0)]),
    ];
    check(&path, &[&[1], &[1], &[], &[1], &[2]]);
}

#[test]
fn two_faces_that_pass_each_other_keep_their_ids() {
    let path: Vec<_> = (0..40)
        .map(|i| {
            let x = 12.0 * i as f32;
            (i as f32 * 0.1, vec![face(x, 50.0), face(468.0 - x, 85.0)])
        })
        .collect();
    check(&path, &[&[1, 2][..]; 40]);
}

#[test]
fn a_face_far_away_is_another() {
    check(
        &[(0.0, vec![face(10.0, 10.0)]), (0.1, vec![face(300.0, 10.0)])],
        &[&[1], &[2]],
    );
    let mut small = face(10.0, 10.0);
    small.bounds = [25.0, 30.0, 15.0, 18.0];
    check(
        &[(0.0, vec![face(10.0, 10.0)]), (0.1, vec![small])],
        &[&[1], &[2]],
    );
}

#[test]
fn a_weak_detection_carries_on_but_starts_nothing() {
    let weak = Detection {
        score: 0.45,
        ..face(10.0, 10.0)
    };
    let path = [
        (0.0, vec![weak]),
        (0.1, vec![face(10.0, 10.0)]),
        (0.2, vec![weak]),
        (1.2, vec![weak]),
    ];
    assert_eq!(run(&path), [vec![None], vec![Some(1)], vec![Some(1)], vec![None]]);
}

#[test]
fn a_gap_and_a_crossing_make_a_track_doubtful() {
    let mut tracker = Tracker::default();
    tracker.update(&[face(10.0, 10.0)], EVERYWHERE, &[], at(0.0));
    tracker.update(&[face(10.0, 10.0)], EVERYWHERE, &[], at(0.1));
    assert_eq!(tracker.tracks()[0].doubt, Doubt::None);
    tracker.update(&[face(10.0, 10.0)], EVERYWHERE, &[], at(0.9));
    assert_eq!(tracker.tracks()[0].doubt, Doubt::Break);
    tracker.settle(1);
    assert_eq!(tracker.tracks()[0].doubt, Doubt::None);
    tracker.update(&[face(10.0, 10.0), face(35.0, 10.0)], EVERYWHERE, &[], at(1.0));
    assert!(
        tracker
            .tracks()
            .iter()
            .all(|track| track.doubt == Doubt::Crossing)
    );
}

#[test]
fn a_jump_makes_a_track_doubtful_and_a_split_makes_it_another() {
    let mut tracker = Tracker::default();
    for i in 0..5 {
        tracker.update(&[face(10.0, 10.0)], EVERYWHERE, &[], at(0.1 * i as f32));
    }
    assert_eq!(tracker.tracks()[0].doubt, Doubt::None);
    assert_eq!(
        tracker
            .update(&[face(42.0, 14.0)], EVERYWHERE, &[], at(0.5))
            .assigned,
        [Some(1)]
    );
    assert_eq!(tracker.tracks()[0].doubt, Doubt::Break);
    assert_eq!(tracker.split(1, None, at(0.5)), 2);
    assert_eq!(
        (tracker.tracks()[0].id, tracker.tracks()[0].first_at),
        (2, at(0.5))
    );
    assert_eq!(
        tracker
            .update(&[face(42.0, 14.0)], EVERYWHERE, &[], at(0.6))
            .assigned,
        [Some(2)]
    );
    assert_eq!(
        tracker
            .update(&[face(300.0, 14.0)], EVERYWHERE, &[], at(0.7))
            .assigned,
        [Some(3)]
    );
}

#[test]
fn a_lost_face_is_rejoined_under_its_old_id() {
    let mut tracker = Tracker::default();
    tracker.update(&[face(10.0, 10.0)], EVERYWHERE, &[], at(0.0));
    tracker.update(&[face(10.0, 10.0)], EVERYWHERE, &[], at(0.1));
    let update = tracker.update(&[face(400.0, 10.0)], EVERYWHERE, &[], at(3.0));
    assert_eq!(update.assigned, [Some(2)]);
    tracker.rejoin(2, 1);
    assert_eq!(tracker.tracks().len(), 1);
    assert_eq!((tracker.tracks()[0].id, tracker.tracks()[0].hits), (1, 3));
    assert_eq!(tracker.tracks()[0].first_at, at(0.0));
    assert_eq!(
        tracker
            .update(&[face(402.0, 10.0)], EVERYWHERE, &[], at(3.1))
            .assigned,
        [Some(1)]
    );
    assert_eq!(
        tracker.update(&[], EVERYWHERE, &[], at(10.0)).ended,
        [Ended { id: 1, hits: 4 }]
    );
    assert!(tracker.finish().is_empty());
}

proptest! {
    /// Whatever the detector reports, and even if the clock jumps: no two detections of a frame are one track,
    /// every confident detection has a track, and no id comes back after its end.
    #[test]
    fn ids_are_unique_and_final(
        frames in proptest::collection::vec(
            (0u32..3000, proptest::collection::vec((0f32..600.0, 0f32..300.0, 0f32..90.0, 0f32..1.0), 0..6)),
            1..25,
        )
    ) {
        let mut tracker = Tracker::default();
        let mut now = 0.0;
        let mut gone = std::collections::HashSet::new();
        for (step, faces) in frames {
            now += step as f32 / 1000.0;
            let detections: Vec<_> =
                faces.iter().map(|&(x, y, s, score)| Detection { bounds: [x, y, s, s], score }).collect();
            let update = tracker.update(&detections, EVERYWHERE, &[], at(now));
            let ids: Vec<_> = update.assigned.iter().flatten().copied().collect();
            let unique: std::collections::HashSet<_> = ids.iter().copied().collect();
            prop_assert_eq!(ids.len(), unique.len());
            for (detection, id) in detections.iter().zip(&update.assigned) {
                prop_assert!(id.is_some() || detection.score < CONFIDENT);
            }
            prop_assert!(unique.is_disjoint(&gone));
            gone.extend(update.ended.iter().map(|ended| ended.id));
        }
    }
}
