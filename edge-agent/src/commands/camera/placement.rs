//! Whether a camera hangs where faces can be recognised: the rules of `camera check`. Pure.

use serde::Serialize;

/// The distance at which people should be recognised, in metres.
const WANTED_DISTANCE: f32 = 3.0;
/// From pupil to pupil, in metres: the mean of adults (Dodgson, "Variation and extrema of human interpupillary
/// distance", 2004).
const EYES_APART: f32 = 0.063;
/// Eyes must be so many pixels apart; a face is then about 48 pixels wide.
const LEAST_EYES: f32 = 20.0;
/// With so many, more does not help.
const GOOD_EYES: f32 = 35.0;
/// Below this variance of the Laplacian a face is blurred (see [`hadir_models::quality`]).
const LEAST_SHARPNESS: f32 = 10.0;
/// Mean brightness of faces, of 255.
const DARK: f32 = 45.0;
const BRIGHT: f32 = 215.0;
/// Difference of light and dark in a face (standard deviation).
const LEAST_CONTRAST: f32 = 14.0;
/// So much brighter than the face may what is around it be.
const BACKLIGHT: f32 = 70.0;
/// Faces turned further than this, in degrees, in the middle of all.
const STEEP: f32 = 25.0;
const SIDEWAYS: f32 = 35.0;
/// People can be followed where of so many faces in a hundred the body is found.
const FOLLOWED_WELL: usize = 70;
/// In fewer looks with a face nothing is said of it.
const FEWEST_LOOKS: usize = 3;
/// Fewer faces say too little.
const FEWEST: usize = 5;

/// One face as it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// Pixels between the eyes, as if seen from the front.
    pub(super) eyes: f32,
    /// Variance of the Laplacian.
    pub(super) sharpness: f32,
    /// Mean brightness of the face, of 255.
    pub(super) brightness: f32,
    /// Its standard deviation.
    pub(super) contrast: f32,
    /// Mean brightness of what is around the face.
    pub(super) around: f32,
    /// Degrees; positive looks up.
    pub(super) pitch: f32,
    /// Degrees to either side.
    pub(super) yaw: f32,
}

/// What is known of the mounting.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Mounting {
    /// Width of the picture in pixels.
    pub(super) width: u32,
    /// Horizontal field of view of the lens, in degrees.
    pub(super) field_of_view: Option<f32>,
    /// How far from the camera people stood, in metres, measured with a tape.
    pub(super) distance: Option<f32>,
}

/// How people were found beside their faces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Bodies {
    /// The most people in the picture at once.
    pub(super) most: usize,
    /// Looks in which a face was found.
    pub(super) faces: usize,
    /// Of these, those in which the body was found, too.
    pub(super) on_bodies: usize,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Finding {
    /// What.
    pub(super) check: &'static str,
    /// Whether it is right.
    pub(super) ok: bool,
    /// What was found, and what to change.
    pub(super) message: String,
}

/// What is right and what has to be changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Report {
    /// Everything is right.
    pub(super) ok: bool,
    /// Faces that were measured.
    pub(super) faces: usize,
    /// Median pixels between the eyes where people stood.
    pub(super) eyes: Option<f32>,
    /// How far away they stood, in metres, as measured or as the lens tells.
    pub(super) distance: Option<f32>,
    /// Pixels between the eyes at 3 m.
    pub(super) eyes_at_3_m: Option<f32>,
    /// How people were found beside their faces.
    pub(super) people: Bodies,
    /// One by one.
    pub(super) checks: Vec<Finding>,
}

/// Judges what was measured.
pub(super) fn judge(samples: &[Sample], people: Bodies, mounting: &Mounting) -> Report {
    let focal = mounting.field_of_view.map(|degrees| {
        let half = (degrees / 2.0).to_radians();
        mounting.width as f32 / 2.0 / half.tan()
    });
    let from_lens = focal.map(|focal| focal * EYES_APART / WANTED_DISTANCE);
    if samples.len() < FEWEST {
        let hint = from_lens.map_or(String::new(), |eyes| {
            format!("; by the lens alone, eyes at 3 m are {eyes:.0} pixels apart, {LEAST_EYES:.0} are needed")
        });
        let found = samples.len();
        let message = format!(
            "{found} usable faces were found, {FEWEST} are needed: let somebody stand 3 m in front of the camera, look \
             at it and turn their head a little, for ten seconds{hint}"
        );
        return report(
            samples,
            people,
            [None, None, from_lens],
            vec![finding("faces", false, message)],
        );
    }
    let median = |value: fn(&Sample) -> f32| {
        let mut values: Vec<f32> = samples.iter().map(value).collect();
        values.sort_by(f32::total_cmp);
        values[values.len() / 2]
    };
    let eyes = median(|s| s.eyes);
    let distance = mounting.distance.or(focal.map(|focal| focal * EYES_APART / eyes));
    // What was measured with a tape counts for more than the lens's label.
    let at_wanted = match mounting.distance {
        Some(distance) => Some(eyes * distance / WANTED_DISTANCE),
        None => from_lens,
    };
    let checks = vec![
        size(eyes, distance, at_wanted),
        sharpness(median(|s| s.sharpness)),
        light(
            median(|s| s.brightness),
            median(|s| s.contrast),
            median(|s| s.around),
        ),
        angle(median(|s| s.pitch), median(|s| s.yaw.abs())),
        followed(people),
    ];
    report(samples, people, [Some(eyes), distance, at_wanted], checks)
}

/// Whether people can be followed when they turn away. A camera over a door need not, so nothing is wrong where they cannot.
fn followed(people: Bodies) -> Finding {
    let Bodies {
        most,
        faces,
        on_bodies,
    } = people;
    if faces < FEWEST_LOOKS {
        let message =
            format!("at most {most} people at once; too few faces to say whether they can be followed");
        return finding("people", true, message);
    }
    let share = 100 * on_bodies / faces;
    let mut message = format!(
        "at most {most} people at once; of faces {share} % had a body that can be followed when they turn away"
    );
    if share < FOLLOWED_WELL {
        message += ": people are too near, or too much of them is hidden; mount the camera so that it sees them to the hips";
    }
    finding("people", true, message)
}

fn report(
    samples: &[Sample],
    people: Bodies,
    [eyes, distance, eyes_at_3_m]: [Option<f32>; 3],
    checks: Vec<Finding>,
) -> Report {
    Report {
        ok: checks.iter().all(|check| check.ok),
        faces: samples.len(),
        eyes,
        distance,
        eyes_at_3_m,
        people,
        checks,
    }
}

fn finding(check: &'static str, ok: bool, message: String) -> Finding {
    Finding { check, ok, message }
}

fn size(eyes: f32, distance: Option<f32>, at_wanted: Option<f32>) -> Finding {
    let mut message = format!("eyes are {eyes:.0} pixels apart");
    if let Some(distance) = distance {
        message += &format!(" at {distance:.1} m");
    }
    // Where neither lens nor distance is known, what was measured has to do.
    let counts = at_wanted.unwrap_or(eyes);
    if let Some(at_wanted) = at_wanted {
        message += &format!(", {at_wanted:.0} at 3 m");
    }
    message += &format!("; {LEAST_EYES:.0} are needed, {GOOD_EYES:.0} are good");
    let ok = counts >= LEAST_EYES;
    if !ok {
        let factor = LEAST_EYES / counts.max(1.0);
        message += &format!(
            ": bring the camera nearer, take a lens of {factor:.1} times the focal length, or the camera's main stream"
        );
    }
    if at_wanted.is_none() {
        message += ". Give --distance or --fov to know about 3 m";
    }
    finding("size", ok, message)
}

fn sharpness(sharpness: f32) -> Finding {
    let ok = sharpness >= LEAST_SHARPNESS;
    let mend = if ok {
        ""
    } else {
        ": focus and clean the lens, and set a shorter exposure or a higher bit rate in the camera"
    };
    let message = format!("sharpness is {sharpness:.0}, {LEAST_SHARPNESS:.0} is needed{mend}");
    finding("sharpness", ok, message)
}

fn light(brightness: f32, contrast: f32, around: f32) -> Finding {
    let mend = if around - brightness > BACKLIGHT {
        Some(
            "people stand against the light: turn the camera away from the window, or switch its backlight compensation (WDR) on",
        )
    } else if brightness < DARK {
        Some("faces are too dark: add light from the camera's side")
    } else if brightness > BRIGHT {
        Some("faces are too bright: set a shorter exposure, or shade the lamp")
    } else if contrast < LEAST_CONTRAST {
        Some("faces are flat: add light from one side, or clean the lens")
    } else {
        None
    };
    let measured =
        format!("brightness of faces {brightness:.0}, contrast {contrast:.0}, around them {around:.0}");
    match mend {
        Some(mend) => finding("light", false, format!("{measured}: {mend}")),
        None => finding("light", true, measured),
    }
}

fn angle(pitch: f32, yaw: f32) -> Finding {
    let measured = format!(
        "faces are seen from {:.0}° above and {yaw:.0}° from the side",
        -pitch
    );
    if -pitch > STEEP {
        let mend = "the camera looks down too steeply: mount it lower, or farther away with a longer lens";
        finding("angle", false, format!("{measured}: {mend}"))
    } else if yaw > SIDEWAYS {
        let mend = "people walk past it: place it where they come towards it";
        finding("angle", false, format!("{measured}: {mend}"))
    } else {
        finding("angle", true, measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Sample = Sample {
        eyes: 40.0,
        sharpness: 60.0,
        brightness: 120.0,
        contrast: 40.0,
        around: 110.0,
        pitch: -5.0,
        yaw: 3.0,
    };

    const PEOPLE: Bodies = Bodies {
        most: 1,
        faces: 8,
        on_bodies: 8,
    };

    /// This mounting and these faces give a report whose wrong checks are these.
    fn check(sample: Sample, mounting: Mounting, wrong: &[(&str, &str)]) -> Report {
        let report = judge(&[sample; 8], PEOPLE, &mounting);
        let found: Vec<_> = report.checks.iter().filter(|check| !check.ok).collect();
        assert_eq!(found.len(), wrong.len(), "{report:?}");
        for (found, (check, part)) in found.iter().zip(wrong) {
            assert_eq!(found.check, *check, "{report:?}");
            assert!(
                found.message.contains(part),
                "{part} is missing in {}",
                found.message
            );
        }
        assert_eq!(report.ok, wrong.is_empty());
        report
    }

    fn lens(degrees: f32) -> Mounting {
        Mounting {
            width: 1920,
            field_of_view: Some(degrees),
            distance: None,
        }
    }

    #[test]
    fn size_is_told_for_the_wanted_distance() {
        // 1920 pixels over 90°: a focal length of 960 pixels; 63 mm are 40 pixels at 1.5 m and 20 at 3 m.
        let report = check(GOOD, lens(90.0), &[]);
        assert!(
            (report.distance.expect("known") - 1.51).abs() < 0.01,
            "{report:?}"
        );
        assert!(
            (report.eyes_at_3_m.expect("known") - 20.16).abs() < 0.01,
            "{report:?}"
        );
        check(GOOD, lens(110.0), &[("size", "1.4 times the focal length")]);
        let tape = Mounting {
            distance: Some(2.0),
            ..lens(110.0)
        };
        let report = check(GOOD, tape, &[]);
        assert!(
            (report.eyes_at_3_m.expect("known") - 26.67).abs() < 0.01,
            "{report:?}"
        );
        let unknown = Mounting {
            width: 1920,
            ..Mounting::default()
        };
        let report = check(GOOD, unknown, &[]);
        assert!(
            report.checks[0].message.contains("Give --distance or --fov"),
            "{report:?}"
        );
        check(
            Sample { eyes: 12.0, ..GOOD },
            unknown,
            &[("size", "bring the camera nearer")],
        );
    }

    #[test]
    fn each_fault_has_its_mend() {
        let good = lens(60.0);
        for (sample, check_name, part) in [
            (
                Sample {
                    sharpness: 5.0,
                    ..GOOD
                },
                "sharpness",
                "focus",
            ),
            (
                Sample {
                    brightness: 30.0,
                    ..GOOD
                },
                "light",
                "against the light",
            ),
            (
                Sample {
                    brightness: 30.0,
                    around: 40.0,
                    ..GOOD
                },
                "light",
                "too dark",
            ),
            (
                Sample {
                    brightness: 230.0,
                    ..GOOD
                },
                "light",
                "too bright",
            ),
            (
                Sample {
                    contrast: 5.0,
                    ..GOOD
                },
                "light",
                "flat",
            ),
            (Sample { pitch: -40.0, ..GOOD }, "angle", "mount it lower"),
            (Sample { yaw: -50.0, ..GOOD }, "angle", "come towards it"),
        ] {
            check(sample, good, &[(check_name, part)]);
        }
    }

    #[test]
    fn too_few_faces_are_no_answer() {
        let report = judge(&[GOOD; 2], PEOPLE, &lens(90.0));
        assert!(
            !report.ok && report.checks[0].message.contains("2 usable faces"),
            "{report:?}"
        );
        assert!(
            report.checks[0]
                .message
                .contains("by the lens alone, eyes at 3 m are 20 pixels"),
            "{report:?}"
        );
    }
}
