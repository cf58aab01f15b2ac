//! The pipeline as a whole, with the real networks, on a synthetic frame: what needs no face.

use super::*;

fn pipeline() -> Pipeline {
    let models = Arc::new(Models::new(&hadir_models::Compute::default()).expect("models"));
    Pipeline::new(
        Settings {
            detect_width: DetectWidth::Fixed(320),
            mask: Mask::default(),
            badges: BadgeReading::Qr,
            bodies: BodyRules::default(),
        },
        models,
    )
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
    let id = pipeline.tracker.update(&[detection], |_| true, &[], now).assigned[0].expect("a track");
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
    let outcome = pipeline
        .step(&grey, CameraMode::Recognise, Pace::Every, at(0))
        .expect("runs");
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

/// A portrait in a grey room, so far from the left; or nobody.
fn room(portrait_at: Option<i64>) -> FrameBuf {
    const PORTRAIT: &[u8] = include_bytes!("../../../models/tests/data/astronaut.png");
    let mut room = RgbImage::from_pixel(640, 360, image::Rgb([120; 3]));
    if let Some(left) = portrait_at {
        let portrait = image::load_from_memory(PORTRAIT).expect("a picture").into_rgb8();
        let portrait = image::imageops::resize(&portrait, 220, 220, image::imageops::FilterType::Triangle);
        image::imageops::overlay(&mut room, &portrait, left, 140);
    }
    room.into()
}

#[test]
fn where_people_are_counted_it_is_by_their_bodies() {
    let mut pipeline = pipeline();
    let mut counts = Vec::new();
    let mut gone = 0;
    for i in 0..20i64 {
        let frame = room((i < 10).then_some(100 + 20 * i));
        let outcome = pipeline
            .step(&frame, CameraMode::Count, Pace::Sparing, at(500 * i))
            .expect("runs");
        assert!(
            !matches!(outcome.look, Look::Whole | Look::Part(_)),
            "{i}: no face is looked for"
        );
        assert!(outcome.tracks.is_empty() && outcome.events.is_empty());
        counts.extend(outcome.people.map(|people| (i, people)));
        gone += outcome.unknown_ended;
    }
    gone += pipeline.finish(CameraMode::Count).unknown_ended;
    assert!(counts.len() >= 12, "{counts:?}");
    let right = counts
        .iter()
        .filter(|(i, people)| *people == usize::from(*i < 10));
    assert!(right.count() >= counts.len() - 1, "{counts:?}");
    assert_eq!(gone, 1, "{counts:?}");
}

#[test]
fn a_badge_names_the_one_body_beside_it_for_as_long_as_that_stays() {
    let badges = [("7341".to_owned(), PersonId::from("EMP007"))];
    let code = badge::tests::picture(4);
    let code = image::imageops::crop_imm(&code, 90, 40, 136, 136).to_image();
    for follow in [Follow::Bodies, Follow::FacesOnly] {
        let mut pipeline = pipeline();
        pipeline.settings.bodies.follow = follow;
        pipeline.set_people(&Arc::new(People::default().with_badges(badges.clone())));
        let mut said = Vec::new();
        for i in 0..220i64 {
            let mut room = room((i < 60).then_some(250 + i % 4)).to_rgb(u32::MAX);
            if i < 8 {
                image::imageops::overlay(&mut room, &code, 110, 160);
            }
            let outcome = pipeline
                .step(&room.into(), CameraMode::Recognise, Pace::Sparing, at(250 * i))
                .expect("runs");
            said.extend(
                outcome
                    .events
                    .iter()
                    .map(|event| (event.phase, event.basis, event.last_at)),
            );
        }
        let (phase, basis, last_at) = *said.last().expect("a sighting");
        assert_eq!((said[0].0, phase), (Began, SightingEnded), "{said:?}");
        let shown_until = at(8 * 250);
        match follow {
            // They left after fifteen seconds, and were waited for.
            Follow::Bodies => {
                assert!(
                    basis == Basis::Body && last_at >= at(13_000) && last_at <= at(17_500),
                    "{said:?}"
                );
            }
            Follow::FacesOnly => assert!(basis == Basis::Face && last_at <= shown_until, "{said:?}"),
        }
    }
}

#[test]
fn people_are_counted_now_and_then_where_they_are_recognised() {
    let mut pipeline = pipeline();
    let mut counts = Vec::new();
    for i in 0..60i64 {
        let frame = room(Some(100 + i % 2));
        let outcome = pipeline
            .step(&frame, CameraMode::Recognise, Pace::Sparing, at(500 * i))
            .expect("runs");
        counts.extend(outcome.people);
    }
    assert!((4..=9).contains(&counts.len()), "{counts:?}");
    assert!(counts.iter().all(|people| *people == 1), "{counts:?}");
    pipeline.settings.bodies.follow = Follow::FacesOnly;
    let outcome = pipeline.step(&room(Some(104)), CameraMode::Recognise, Pace::Sparing, at(40_000));
    assert_eq!(outcome.expect("runs").people, Some(1));
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

/// A frame of one grey level with a black square, as noise-free as no camera's.
fn frame(square_at: u32) -> FrameBuf {
    let inside = |x: u32, y: u32| (square_at..square_at + 40).contains(&x) && (60..100).contains(&y);
    RgbImage::from_fn(320, 180, |x, y| {
        image::Rgb([if inside(x, y) { 0 } else { 120 }; 3])
    })
    .into()
}

#[test]
fn still_frames_are_looked_at_now_and_then_and_moving_ones_as_often_as_needed() {
    let looks = |pace: Pace, moving: bool| {
        let mut pipeline = pipeline();
        let look = |i: u32| {
            let frame = frame(if moving { 10 + 2 * i } else { 10 });
            let at = at(100 * i64::from(i));
            pipeline
                .step(&frame, CameraMode::Recognise, pace, at)
                .expect("runs")
                .look
        };
        let looks: Vec<Look> = (0..41).map(look).collect();
        let others = if moving { Look::Spared } else { Look::Still };
        assert!(
            looks.iter().all(|look| [Look::Whole, others].contains(look)),
            "{looks:?}"
        );
        looks.into_iter().filter(|look| *look == Look::Whole).count()
    };
    assert_eq!(looks(Pace::Sparing, false), 3);
    assert_eq!(looks(Pace::Every, false), 3);
    assert_eq!(looks(Pace::Sparing, true), 21);
    assert_eq!(looks(Pace::Every, true), 41);
}

/// The same, in YUV as video decoders give it.
fn planes(square_at: u32) -> FrameBuf {
    let (width, height) = (320, 180);
    let mut data = vec![128; width * height * 3 / 2];
    for (i, luma) in data[..width * height].iter_mut().enumerate() {
        let (x, y) = ((i % width) as u32, i / width);
        let inside = (square_at..square_at + 40).contains(&x) && (60..100).contains(&y);
        *luma = if inside { 16 } else { 120 };
    }
    let colours = hadir_models::frame::Colours::Bt601;
    FrameBuf::I420(hadir_models::I420Buf::new((width as u32, height as u32), data, colours).expect("fits"))
}

#[test]
fn the_detector_looks_where_something_moves_and_faces_elsewhere_stay() {
    let mut pipeline = pipeline();
    let step = |pipeline: &mut Pipeline, square_at, ms| {
        pipeline
            .step(&planes(square_at), CameraMode::Recognise, Pace::Every, at(ms))
            .expect("runs")
    };
    assert_eq!(step(&mut pipeline, 200, 0).look, Look::Whole);
    // A face at the left, where nothing moves, and where the detector would find none.
    name(&mut pipeline, "EMP001", at(50));
    for (i, ms) in (100..1900).step_by(100).enumerate() {
        let outcome = step(&mut pipeline, 202 + 2 * i as u32, ms);
        let Look::Part(part) = outcome.look else {
            panic!("{ms}: {:?}", outcome.look)
        };
        assert!(part.corner.0 > 100, "{part:?}");
        assert!(
            outcome.tracks[0].matched && outcome.tracks[0].person.is_some(),
            "{ms}"
        );
    }
    // Then everything is looked at, and there is none.
    let outcome = step(&mut pipeline, 250, 2000);
    assert_eq!((outcome.look, outcome.tracks[0].matched), (Look::Whole, false));
}

#[test]
fn who_watches_sees_behind_masks_so_looks_are_taken_there() {
    for (pace, expected) in [(Pace::Sparing, Look::Still), (Pace::Every, Look::Whole)] {
        let mut pipeline = pipeline();
        pipeline.settings.mask = Mask::new(vec![vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]]);
        let mut step = |square, ms| {
            let outcome = pipeline.step(&frame(square), CameraMode::Recognise, pace, at(ms));
            outcome.expect("runs").look
        };
        assert_eq!(step(10, 0), Look::Whole);
        assert_eq!(step(100, 500), expected);
    }
}

#[test]
fn whoever_was_found_is_held_while_nothing_moves() {
    let mut pipeline = pipeline();
    let still = frame(10);
    let step = |pipeline: &mut Pipeline, ms| {
        let outcome = pipeline.step(&still, CameraMode::Recognise, Pace::Sparing, at(ms));
        outcome.expect("runs")
    };
    step(&mut pipeline, 0);
    name(&mut pipeline, "EMP001", at(100));
    for ms in (200..1900).step_by(100) {
        let outcome = step(&mut pipeline, ms);
        assert_eq!(
            (outcome.look, outcome.tracks[0].matched),
            (Look::Still, true),
            "{ms}"
        );
    }
    // The look that is due finds no face in a square; from then on the track ages.
    assert_eq!(step(&mut pipeline, 2100).look, Look::Whole);
    let ends = (2200..8000)
        .step_by(100)
        .find(|ms| phases(&step(&mut pipeline, *ms)) == [SightingEnded]);
    assert!(ends.is_some_and(|ms| (6900..7100).contains(&ms)), "{ends:?}");
}

#[test]
fn a_badge_that_is_held_still_stays_and_a_clock_set_back_ends_it() {
    let mut pipeline = pipeline();
    let badges = [("7341".to_owned(), PersonId::from("EMP007"))];
    pipeline.set_people(&Arc::new(People::default().with_badges(badges)));
    let shown = FrameBuf::from(badge::tests::picture(5));
    let step = |pipeline: &mut Pipeline, ms| {
        let outcome = pipeline.step(&shown, CameraMode::Recognise, Pace::Sparing, at(ms));
        phases(&outcome.expect("runs"))
    };
    assert_eq!(step(&mut pipeline, 100_000), [Began]);
    for ms in (100_100..109_900).step_by(100) {
        assert_eq!(step(&mut pipeline, ms), [], "{ms}");
    }
    assert_eq!(
        phases(&pipeline.idle(CameraMode::Recognise, at(0))),
        [SightingEnded]
    );
}

#[test]
fn what_was_missed_stays_hidden_a_moment_longer() {
    let mut found = Found {
        bounds: [100.0, 100.0, 50.0, 60.0],
        is_track: false,
        missed_at: None,
    };
    assert!(found.stays(Look::Still, &[], at(0)) && found.missed_at.is_none());
    assert!(found.stays(Look::Whole, &[], at(100)));
    assert!(found.stays(Look::Whole, &[[400.0, 100.0, 50.0, 60.0]], at(1000)));
    assert!(!found.stays(Look::Whole, &[], at(1200)));
    for (is_track, all) in [(false, vec![[110.0, 105.0, 50.0, 60.0]]), (true, Vec::new())] {
        let mut found = Found {
            is_track,
            missed_at: None,
            ..found
        };
        assert!(!found.stays(Look::Whole, &all, at(0)), "{is_track}");
    }
}
