use super::*;
use crate::pipeline::tracker::{Detection, Tracker};

/// An embedding that lies at these cosines to the templates of `people()`, filled up to unit length.
fn at(cosines: [f32; 3]) -> Embedding {
    let rest = (1.0 - cosines.iter().map(|c| c * c).sum::<f32>()).max(0.0).sqrt();
    let mut values = vec![0.0; 128];
    values[..3].copy_from_slice(&cosines);
    values[3] = rest;
    Embedding::new(values).expect("a direction")
}

/// Three people on the axes: ani, budi, citra.
fn people() -> People {
    let axis = |i: usize| {
        let mut values = vec![0.0; 128];
        values[i] = 1.0;
        vec![Embedding::new(values).expect("a direction")]
    };
    People::new(
        1,
        [
            ("ani".into(), axis(0)),
            ("budi".into(), axis(1)),
            ("citra".into(), axis(2)),
        ],
    )
}

fn view(cosines: [f32; 3], weight: f32) -> View {
    View {
        embedding: at(cosines),
        weight,
    }
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn evidence(views: &[([f32; 3], f32)]) -> Evidence {
    let mut evidence = Evidence::default();
    for (cosines, weight) in views {
        evidence.add(view(*cosines, *weight), &people(), Doubt::None, now());
    }
    evidence
}

/// The views (cosines to ani, budi and citra; weight) lead to this name.
fn check(views: &[([f32; 3], f32)], expected: Result<&str, Unnamed>) {
    let evidence = evidence(views);
    let found = evidence
        .identity()
        .map(|i| i.person.to_string())
        .ok_or(evidence.why_not());
    assert_eq!(found, expected.map(str::to_owned), "{views:?}");
}

#[test]
fn whoever_was_seen_badly_first_does_not_wait_for_a_name() {
    // Half a minute in profile, then three views from the front.
    let mut evidence = evidence(&[([0.22, 0.1, 0.0], 0.2); 20]);
    assert_eq!(evidence.identity(), None);
    for i in 1..=3 {
        evidence.add(view([0.65, 0.1, 0.0], 0.8), &people(), Doubt::None, now());
        assert!(
            evidence.identity().is_some() || evidence.attempts <= 3,
            "view {i}"
        );
    }
    assert_eq!(
        evidence.identity().map(|i| i.person.to_string()).as_deref(),
        Some("ani")
    );
}

/// A face turned to the side and raised by about so many degrees: the nose leaves the middle of the face.
fn turned(yaw: f32, pitch: f32) -> Face {
    let off = |degrees: f32| 40.0 * 0.55 * degrees.to_radians().tan();
    Face {
        bounds: [0.0, 0.0, 100.0, 100.0],
        landmarks: [
            [30.0, 40.0],
            [70.0, 40.0],
            [50.0 + off(yaw), 63.0 - off(pitch)],
            [35.0, 86.0],
            [65.0, 86.0],
        ],
        score: 0.9,
    }
}

#[test]
fn a_face_is_looked_at_anew_when_it_is_turned_as_in_no_view() {
    let mut evidence = Evidence::default();
    assert!(evidence.is_turned_anew(&turned(0.0, 0.0)), "there is no view yet");
    // From one side to the other: what is between them was in no view.
    for yaw in [40.0, -40.0] {
        evidence.looks(&turned(yaw, 0.0));
    }
    for (yaw, pitch, expected) in [
        (40.0, 0.0, false),
        (30.0, 0.0, false),
        (-50.0, 8.0, false),
        (0.0, 0.0, true),
        (60.0, 0.0, true),
        (40.0, 20.0, true),
        (-40.0, -20.0, true),
    ] {
        assert_eq!(
            evidence.is_turned_anew(&turned(yaw, pitch)),
            expected,
            "{yaw} {pitch}"
        );
    }
}

#[test]
fn a_stranger_is_one_until_something_speaks_against_it() {
    let is_stranger = |evidence: &Evidence, width: f32, doubt: bool| {
        let mut tracker = Tracker::default();
        let detection = Detection {
            bounds: [0.0, 0.0, width, 100.0],
            score: 0.9,
        };
        tracker.update(&[detection], |_| true, &[], now());
        let id = tracker.tracks()[0].id;
        if doubt {
            tracker.doubt(id);
        }
        evidence.state(&tracker.tracks()[0]).stranger
    };
    let after = |views: &[([f32; 3], f32)]| {
        let mut evidence = evidence(views);
        evidence.looks(&turned(0.0, 0.0));
        evidence
    };
    let unlike = [([0.1, 0.0, 0.0], 0.6); 8];
    let stranger = after(&unlike);
    assert!(is_stranger(&stranger, 100.0, false));
    assert!(
        !is_stranger(&after(&unlike[..2]), 100.0, false),
        "two views say little"
    );
    assert!(!is_stranger(&stranger, 130.0, false), "they came nearer");
    assert!(
        !is_stranger(&stranger, 100.0, true),
        "somebody else may have come"
    );
    // Somebody looks into the camera, and the mean with the views before is still low.
    let mut known = stranger;
    known.add(view([0.5, 0.1, 0.0], 0.9), &people(), Doubt::None, now());
    assert!(known.nearest < STRANGE_BELOW, "{}", known.nearest);
    assert!(!is_stranger(&known, 100.0, false));
}

/// A fresh view of a track that is ani's says this, in this doubt.
fn check_again(cosines: [f32; 3], weight: f32, doubt: Doubt, expected: Checked) {
    let mut evidence = evidence(&[([0.6, 0.1, 0.0], 0.5); 4]);
    let checked = evidence.add(view(cosines, weight), &people(), doubt, now());
    assert_eq!(checked, expected, "{cosines:?} {weight} {doubt:?}");
}

#[test]
fn a_view_that_is_more_like_somebody_else_confirms_nobody() {
    check_again([0.35, 0.1, 0.0], 0.5, Doubt::None, Checked::Confirmed);
    check_again([0.35, 0.45, 0.0], 0.5, Doubt::None, Checked::Open);
    // Siblings: after a crossing this is the other one.
    check_again([0.42, 0.55, 0.0], 0.5, Doubt::None, Checked::Open);
    check_again([0.42, 0.55, 0.0], 0.5, Doubt::Crossing, Checked::Another);
    check_again([0.42, 0.55, 0.0], 0.1, Doubt::Crossing, Checked::Open);
}

#[test]
fn poor_views_that_agree_are_believed_in_doubt() {
    for doubt in [Doubt::Crossing, Doubt::Break] {
        let mut evidence = evidence(&[([0.6, 0.1, 0.0], 0.5); 4]);
        let mut add = || evidence.add(view([0.05, 0.1, 0.0], 0.1), &people(), doubt, now());
        assert_eq!(
            [add(), add(), add()],
            [Checked::Open, Checked::Open, Checked::Another],
            "{doubt:?}"
        );
    }
}

#[test]
fn a_single_poor_view_takes_nothing_from_a_track_without_a_name() {
    for (weight, expected) in [(0.1, Checked::Open), (0.5, Checked::Another)] {
        let mut evidence = evidence(&[([-0.9, 0.0, 0.0], 0.5); 4]);
        let checked = evidence.add(view([0.0, -0.9, 0.0], weight), &people(), Doubt::Break, now());
        assert_eq!(checked, expected);
    }
}

#[test]
fn several_agreeing_views_give_a_name() {
    check(&[([0.5, 0.1, 0.0], 0.5); 3], Ok("ani"));
    check(&[([0.7, 0.1, 0.0], 0.5); 2], Ok("ani"));
    check(&[([0.5, 0.1, 0.0], 0.5); 2], Err(Unnamed::TooFewViews));
    check(&[([0.9, 0.1, 0.0], 1.0)], Err(Unnamed::TooFewViews));
    check(&[], Err(Unnamed::TooFewViews));
}

#[test]
fn strangers_and_ties_give_none() {
    check(&[([0.38, 0.1, 0.0], 0.5); 8], Err(Unnamed::NotInGallery));
    check(&[([0.52, 0.48, 0.0], 0.5); 8], Err(Unnamed::ThinMargin));
    check(&[([0.5, 0.5, 0.0], 0.5); 8], Err(Unnamed::NotInGallery));
    // One lucky frame in a crowd of bad matches is no name, however good it is.
    let mut lucky = vec![([0.1, 0.05, 0.0], 0.3); 7];
    lucky.push(([0.9, 0.0, 0.0], 0.9));
    check(&lucky, Err(Unnamed::NotInGallery));
}

#[test]
fn good_views_outweigh_many_bad_ones() {
    // Profile frames that resemble somebody else a little, as measured on a real clip.
    let mut views = vec![([0.25, 0.42, 0.0], 0.1); 20];
    views.extend([([0.7, 0.2, 0.0], 0.8); 5]);
    check(&views, Ok("ani"));
}

/// One more view of a face that is known as ani.
fn add(held: &mut Evidence, cosines: [f32; 3], weight: f32, doubt: Doubt) -> Checked {
    held.add(view(cosines, weight), &people(), doubt, now())
}

fn name(evidence: &Evidence) -> Option<&str> {
    evidence.identity().map(|identity| &*identity.person)
}

const ANI: [f32; 3] = [0.6, 0.1, 0.0];
const BUDI: [f32; 3] = [0.05, 0.6, 0.0];
const NOBODY: [f32; 3] = [0.05, 0.1, 0.0];

#[test]
fn a_few_bad_views_do_not_take_a_name_but_contradiction_does() {
    let mut held = evidence(&[(ANI, 0.8); 4]);
    // Poor views say nothing.
    for _ in 0..10 {
        assert_eq!(add(&mut held, NOBODY, 0.1, Doubt::None), Checked::Open);
    }
    assert_eq!(name(&held), Some("ani"));
    // One good one that contradicts may be an accident, two are not.
    assert_eq!(add(&mut held, NOBODY, 0.8, Doubt::None), Checked::Suspicious);
    assert_eq!(name(&held), Some("ani"));
    assert_eq!(add(&mut held, BUDI, 0.8, Doubt::Break), Checked::Another);
    assert_eq!(name(&held), None);
    add(&mut held, BUDI, 0.8, Doubt::None);
    assert_eq!(name(&held), Some("budi"));
}

#[test]
fn a_doubtful_track_is_settled_or_forgotten_by_one_good_view() {
    for doubt in [Doubt::Break, Doubt::Crossing] {
        let mut held = evidence(&[(ANI, 0.8); 4]);
        assert_eq!(add(&mut held, [0.5, 0.1, 0.0], 0.8, doubt), Checked::Confirmed);
        assert_eq!(name(&held), Some("ani"));
        assert_eq!(add(&mut held, NOBODY, 0.8, doubt), Checked::Another);
        assert_eq!(name(&held), None);
    }
}

#[test]
fn after_a_break_agreeing_poor_views_are_believed_too() {
    let mut held = evidence(&[(ANI, 0.8); 4]);
    assert_eq!(add(&mut held, BUDI, 0.2, Doubt::Break), Checked::Open);
    assert_eq!(add(&mut held, BUDI, 0.2, Doubt::Break), Checked::Open);
    assert_eq!(add(&mut held, BUDI, 0.2, Doubt::Break), Checked::Another);
    assert_eq!(name(&held), None);
}

#[test]
fn a_stranger_after_another_is_not_the_same_track() {
    let mut unnamed = evidence(&[([0.1, 0.3, 0.9], 0.5)]);
    assert_eq!(
        add(&mut unnamed, [0.1, 0.25, 0.85], 0.5, Doubt::Break),
        Checked::Confirmed
    );
    assert_eq!(
        add(&mut unnamed, [0.9, -0.3, 0.0], 0.5, Doubt::Break),
        Checked::Another
    );
    assert_eq!(unnamed.attempts, 1);
}

#[test]
fn whoever_left_the_gallery_loses_the_name_at_once() {
    let mut held = evidence(&[([0.6, 0.1, 0.0], 0.8); 4]);
    held.regallery(&People::new(2, []));
    assert!(held.identity().is_none());
    held.regallery(&people());
    assert_eq!(held.identity().map(|i| &*i.person), Some("ani"));
}

#[test]
fn the_same_face_is_known_again() {
    let a = evidence(&[([0.6, 0.1, 0.0], 0.8); 3]);
    assert!(a.same_face(&evidence(&[([0.55, 0.12, 0.0], 0.8); 2])));
    assert!(!a.same_face(&evidence(&[([-0.6, 0.1, 0.7], 0.8); 2])));
    assert!(!a.same_face(&evidence(&[([0.6, 0.1, 0.0], 0.8)])));
    let mut merged = evidence(&[([0.38, 0.1, 0.0], 0.2); 2]);
    merged.absorb(a, &people());
    assert_eq!(merged.identity().map(|i| &*i.person), Some("ani"));
}

#[test]
fn one_person_is_on_one_track_only() {
    let claim = |track, person: &str, standing, visible, held| Claim {
        track,
        person: person.into(),
        standing,
        visible,
        in_doubt: false,
        held,
    };
    let in_doubt = Claim {
        in_doubt: true,
        ..claim(1, "ani", 0.70, true, true)
    };
    assert_eq!(losers(&[in_doubt, claim(2, "ani", 0.50, true, false)]), [1]);
    let claims = [
        claim(1, "ani", 0.50, true, true),
        claim(2, "ani", 0.53, true, false),
        claim(3, "ani", 0.90, false, true),
        claim(4, "budi", 0.44, true, false),
    ];
    assert_eq!(losers(&claims), [2, 3]);
    assert_eq!(
        losers(&[
            claim(1, "ani", 0.5, true, true),
            claim(2, "ani", 0.6, true, false)
        ]),
        [1]
    );
    assert_eq!(
        losers(&[
            claim(1, "ani", 0.5, true, false),
            claim(2, "ani", 0.5, true, false)
        ]),
        [2]
    );
}

#[test]
fn confidence_grows_with_the_standing() {
    let confidence = |standing| {
        Identity {
            person: "ani".into(),
            standing,
        }
        .confidence()
    };
    assert!((0.8..0.95).contains(&confidence(NAME_AT)));
    assert!(confidence(0.6) > 0.99 && confidence(0.3) < 0.25);
}

#[test]
fn look_alikes_need_more_to_be_named() {
    let direction = |values: &[f32]| {
        let mut all = vec![0.0; 128];
        all[..values.len()].copy_from_slice(values);
        Embedding::new(all).expect("a direction")
    };
    // Twins, at a cosine of 0.6, and somebody else.
    let people = People::new(
        1,
        [
            ("ani".into(), vec![direction(&[1.0])]),
            ("ana".into(), vec![direction(&[0.6, 0.8])]),
            ("budi".into(), vec![direction(&[0.0, 0.0, 1.0])]),
        ],
    );
    let named = |probe: &[f32]| {
        let rest = (1.0 - probe.iter().map(|x| x * x).sum::<f32>()).max(0.0).sqrt();
        let mut values = [probe, &[0.0; 3]].concat();
        values.truncate(3);
        values.push(rest);
        let mut evidence = Evidence::default();
        for _ in 0..4 {
            let view = View {
                embedding: direction(&values),
                weight: 0.5,
            };
            evidence.add(view, &people, Doubt::None, now());
        }
        evidence.identity().map(|i| i.person.to_string())
    };
    // Enough for anybody else, not for one of two who look alike.
    assert_eq!(named(&[0.0, 0.0, 0.5]).as_deref(), Some("budi"));
    assert_eq!(named(&[0.5, -0.2]), None);
    assert_eq!(named(&[0.75, -0.2]).as_deref(), Some("ani"));
}

/// How somebody looks who lies at these cosines, and a little in a direction of their own.
fn looks(person: &str, cosines: [f32; 3]) -> Known {
    Known {
        person: person.into(),
        mean: at(cosines),
    }
}

#[test]
fn whoever_was_seen_by_another_camera_just_now_is_known_by_how_they_looked_there() {
    // Too unlike the enrolled pictures for a name, and just as they looked there.
    let seen = [([0.33, 0.1, 0.05], 0.6); 3];
    check(&seen, Err(Unnamed::NotInGallery));
    let named = |expected: &[Known], views: &[([f32; 3], f32)]| {
        let mut evidence = Evidence::default();
        evidence.expect(&expected.to_vec().into());
        for (cosines, weight) in views {
            evidence.add(view(*cosines, *weight), &people(), Doubt::None, now());
        }
        evidence
    };
    let name = |evidence: &Evidence| evidence.identity().map(|identity| identity.person.to_string());
    let ani = looks("ani", [0.4, 0.1, 0.0]);
    let mut evidence = named(std::slice::from_ref(&ani), &seen);
    assert_eq!(name(&evidence).as_deref(), Some("ani"));
    assert!(
        evidence.known().is_none(),
        "what rests on another camera is not handed on"
    );
    // The name stays although nobody is expected any more, and views alone that are like nobody do not take it.
    evidence.expect(&Arc::default());
    for _ in 0..4 {
        let checked = evidence.add(view([0.18, 0.05, 0.0], 0.6), &people(), Doubt::None, now());
        assert!(
            matches!(checked, Checked::Confirmed | Checked::Open),
            "{checked:?}"
        );
    }
    assert_eq!(name(&evidence).as_deref(), Some("ani"));
    // A name that is handed over has to be earned: what would be enough to keep one is not.
    let near = named(std::slice::from_ref(&ani), &[([0.38, 0.1, 0.05], 0.6); 6]);
    assert_eq!(name(&near).as_deref(), Some("ani"));
    assert!(near.known().is_none());
    // Nobody whom the gallery hardly tells from somebody else, or who is like nobody in it.
    let thin = [([0.40, 0.38, 0.0], 0.6); 3];
    assert_eq!(name(&named(&[looks("ani", [0.40, 0.38, 0.0])], &thin)), None);
    let strange = [([0.2, 0.1, 0.0], 0.6); 3];
    assert_eq!(name(&named(&[looks("ani", [0.2, 0.1, 0.0])], &strange)), None);
    // Nobody else than the gallery's nearest; nobody where two are expected who look alike; nobody who is erased.
    assert_eq!(name(&named(&[looks("budi", [0.33, 0.1, 0.05])], &seen)), None);
    let both = [ani.clone(), looks("citra", [0.38, 0.1, 0.02])];
    assert_eq!(name(&named(&both, &seen)), None);
    assert_eq!(name(&named(&[looks("dewi", [0.33, 0.1, 0.05])], &seen)), None);
    // A stranger who is as like them as strangers are.
    let mut other = vec![0.0; 128];
    (other[0], other[4]) = (0.33, (1.0f32 - 0.33 * 0.33).sqrt());
    let mut evidence = Evidence::default();
    evidence.expect(&vec![ani].into());
    for _ in 0..5 {
        let view = View {
            embedding: Embedding::new(other.clone()).expect("a direction"),
            weight: 0.6,
        };
        evidence.add(view, &people(), Doubt::None, now());
    }
    assert_eq!(name(&evidence), None);
    let sure = self::evidence(&[([0.7, 0.1, 0.0], 0.8); 3]);
    assert!(sure.known().is_some_and(|known| &*known.person == "ani"));
}
