//! The pipeline as a whole, with the real networks, on a synthetic frame: what needs no face.

use super::*;

fn pipeline() -> Pipeline {
    let models = Arc::new(Models::new(&hadir_models::Compute::default()).expect("models"));
    Pipeline::new(Settings { detect_width: 320 }, models)
}

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
}

/// Puts a face into the tracker, and a name on it.
fn name(pipeline: &mut Pipeline, person: &str, now: DateTime<Utc>) {
    let mut values = vec![0.0; 128];
    values[7] = 1.0;
    let embedding = hadir_models::embed::Embedding::new(values).expect("a direction");
    pipeline.set_people(&Arc::new(People::new(
        1,
        [(person.into(), vec![embedding.clone()])],
    )));
    let detection = Detection {
        bounds: [10.0, 10.0, 50.0, 60.0],
        score: 0.9,
    };
    let id = pipeline.tracker.update(&[detection], now).assigned[0].expect("a track");
    for _ in 0..3 {
        let view = View {
            embedding: embedding.clone(),
            weight: 0.5,
        };
        pipeline
            .evidence
            .entry(id)
            .or_default()
            .add(view, &pipeline.people, Doubt::None, now);
    }
}

/// The phases that a step without a frame reports.
fn phases(outcome: &Outcome) -> Vec<hadir_shared::sighting::Phase> {
    outcome.events.iter().map(|event| event.phase).collect()
}

use hadir_shared::sighting::Phase::{Began, Ended as SightingEnded};

#[test]
fn an_empty_picture_has_nobody() {
    let mut pipeline = pipeline();
    let grey = RgbImage::from_pixel(320, 180, image::Rgb([120; 3])).into();
    let outcome = pipeline.step(&grey, CameraMode::Recognise, at(0)).expect("runs");
    assert!(outcome.tracks.is_empty() && outcome.faces.is_empty() && outcome.events.is_empty());
}

#[test]
fn a_sighting_begins_outlives_a_short_absence_and_ends() {
    let mut pipeline = pipeline();
    name(&mut pipeline, "EMP001", at(0));
    assert_eq!(phases(&pipeline.idle(CameraMode::Recognise, at(0))), [Began]);
    assert_eq!(phases(&pipeline.idle(CameraMode::Recognise, at(4000))), []);
    let outcome = pipeline.idle(CameraMode::Recognise, at(6000));
    assert_eq!(
        (phases(&outcome), outcome.unknown_ended),
        (vec![SightingEnded], 0)
    );
}

#[test]
fn whoever_is_erased_is_ended_at_once_and_counts_as_nobody() {
    let mut pipeline = pipeline();
    name(&mut pipeline, "EMP001", at(0));
    pipeline.idle(CameraMode::Recognise, at(0));
    assert!(pipeline.shown(at(0))[0].person.is_some());
    pipeline.set_people(&Arc::new(People::new(2, [])));
    assert_eq!(
        phases(&pipeline.idle(CameraMode::Recognise, at(100))),
        [SightingEnded]
    );
    assert_eq!(pipeline.shown(at(100))[0].person, None);
}

#[test]
fn counting_names_nobody() {
    let mut pipeline = pipeline();
    name(&mut pipeline, "EMP001", at(0));
    pipeline.idle(CameraMode::Recognise, at(0));
    assert_eq!(
        phases(&pipeline.idle(CameraMode::Count, at(100))),
        [SightingEnded]
    );
    assert_eq!(pipeline.shown(at(100))[0].person, None);
}

#[test]
fn a_stop_and_a_clock_set_back_end_everything() {
    for set_back in [false, true] {
        let mut pipeline = pipeline();
        name(&mut pipeline, "EMP001", at(3_600_000));
        pipeline.idle(CameraMode::Recognise, at(3_600_000));
        let outcome = match set_back {
            true => pipeline.idle(CameraMode::Recognise, at(0)),
            false => pipeline.finish(CameraMode::Recognise),
        };
        assert_eq!(phases(&outcome), [SightingEnded]);
        assert!(pipeline.tracker.tracks().is_empty());
    }
}
