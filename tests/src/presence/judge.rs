//! What the agent said, held against where people were.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::There;

/// An absence is raised after this time.
const ABSENT_AFTER_S: f32 = 300.0;
/// The record of somebody who left may go on for so long before it counts as wrong.
const HELD_AT_MOST_S: f32 = 5.0;

/// A frame as the agent saw it.
#[derive(Clone, Debug, Deserialize)]
pub struct Frame {
    at: f32,
    tracks: Vec<Seen>,
}

/// A track in it.
#[derive(Clone, Debug, Deserialize)]
pub struct Seen {
    name: Option<String>,
    basis: String,
    matched: bool,
    #[serde(rename = "box")]
    bounds: [f32; 4],
}

/// What came of one person in a recording; seconds.
#[derive(Clone, Debug, Default)]
pub struct PersonVerdict {
    /// Who.
    pub name: &'static str,
    /// In the picture, hidden by something or not.
    pub present_s: f32,
    /// Of that, after they had been named.
    pub named_s: f32,
    /// Of that, on record.
    pub kept_s: f32,
    /// Seen by the face, and by the body.
    pub by_face_s: f32,
    pub by_body_s: f32,
    /// Their name on somebody else, or on record while they were not there.
    pub wrong_s: f32,
    /// On record after they had left.
    pub held_s: f32,
    /// Gaps of five minutes in their record while they were there.
    pub false_absences: u32,
}

/// What came of a recording.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Everybody with a name.
    pub people: Vec<PersonVerdict>,
}

/// Judges a recording whose truth is known for so many frames a second.
pub(super) fn judge(truth: &[Vec<There>], fps: u32, report: &serde_json::Value, frames: &[Frame]) -> Verdict {
    let names: BTreeSet<&'static str> = truth.iter().flatten().filter_map(|there| there.name).collect();
    let people = names
        .into_iter()
        .map(|name| person(name, truth, fps as f32, report, frames));
    Verdict {
        people: people.collect(),
    }
}

fn person(
    name: &'static str,
    truth: &[Vec<There>],
    fps: f32,
    report: &serde_json::Value,
    frames: &[Frame],
) -> PersonVerdict {
    let record = sightings(report, name);
    let on_record = |t: f32| record.iter().any(|[from, to]| (*from..=*to).contains(&t));
    let named_at = record.iter().map(|[from, _]| *from).fold(f32::INFINITY, f32::min);
    let there: Vec<bool> = truth
        .iter()
        .map(|people| {
            people
                .iter()
                .any(|there| there.name == Some(name) && there.in_picture)
        })
        .collect();
    let mut verdict = PersonVerdict {
        name,
        ..PersonVerdict::default()
    };
    let (mut gap, mut since_there) = (0.0, f32::INFINITY);
    for (i, there) in there.iter().enumerate() {
        let t = i as f32 / fps;
        let recorded = on_record(t);
        if *there {
            verdict.present_s += 1.0 / fps;
            if t >= named_at {
                verdict.named_s += 1.0 / fps;
                verdict.kept_s += if recorded { 1.0 / fps } else { 0.0 };
            }
            gap = if recorded || t < named_at {
                0.0
            } else {
                gap + 1.0 / fps
            };
            if gap >= ABSENT_AFTER_S {
                verdict.false_absences += 1;
                gap = f32::NEG_INFINITY;
            }
            since_there = 0.0;
        } else {
            since_there += 1.0 / fps;
            gap = 0.0;
            if recorded && since_there <= HELD_AT_MOST_S {
                verdict.held_s = verdict.held_s.max(since_there);
            } else if recorded {
                verdict.wrong_s += 1.0 / fps;
            }
        }
    }
    // Seconds that a frame stands for.
    let step = match frames {
        [first, .., last] => (last.at - first.at) / (frames.len() - 1) as f32,
        _ => 0.0,
    };
    for frame in frames {
        let moment = truth.get((frame.at * fps).round() as usize).or(truth.last());
        for seen in frame
            .tracks
            .iter()
            .filter(|seen| seen.name.as_deref() == Some(name))
        {
            if !moment.is_some_and(|people| is_on(seen, name, people)) {
                verdict.wrong_s += step;
            } else if seen.matched && seen.basis == "body" {
                verdict.by_body_s += step;
            } else if seen.matched {
                verdict.by_face_s += step;
            }
        }
    }
    verdict
}

/// From when to when the agent's sightings of somebody are, in the first clip of a report.
fn sightings(report: &serde_json::Value, name: &str) -> Vec<[f32; 2]> {
    let people = report["clips"][0]["people"].as_array().into_iter().flatten();
    let own = people.filter(|person| person["name"] == name);
    let spans = own.flat_map(|person| person["sightings"].as_array().into_iter().flatten());
    spans
        .filter_map(|span| Some([span[0].as_f64()? as f32, span[1].as_f64()? as f32]))
        .collect()
}

/// Whether a name is on the person of that name, and on nobody who is clearly nearer to the box.
fn is_on(seen: &Seen, name: &str, people: &[There]) -> bool {
    let [x, y, width, height] = seen.bounds;
    // Of a body the head and shoulders count: a desk may hide the rest.
    let down = if seen.basis == "body" { 0.25 } else { 0.5 };
    let middle = [x + width / 2.0, y + down * height];
    let off = |there: &There| (middle[0] - there.bounds[0] - there.bounds[2] / 2.0).abs();
    let Some(own) = people.iter().find(|there| there.name == Some(name)) else {
        return false;
    };
    let [left, top, width, height] = own.bounds;
    let inside = (left - 0.15 * width..left + 1.15 * width).contains(&middle[0])
        && (top - 0.1 * height..top + 1.1 * height).contains(&middle[1]);
    let mut others = people.iter().filter(|there| there.name != Some(name));
    inside && others.all(|other| off(own) <= off(other) + 0.35 * width)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANI: &str = "Ani";
    const BUDI: &str = "Budi";

    fn there(name: &'static str, x: f32) -> There {
        There {
            name: Some(name),
            bounds: [x, 100.0, 100.0, 300.0],
            in_picture: true,
        }
    }

    fn seen(at: f32, name: &str, x: f32) -> Frame {
        Frame {
            at,
            tracks: vec![Seen {
                name: Some(name.into()),
                basis: "body".into(),
                matched: true,
                bounds: [x, 100.0, 100.0, 300.0],
            }],
        }
    }

    /// Ani is there for `seconds`, a frame a second, and then nobody; Budi beside her all the time.
    fn ani(seconds: usize, record: [f32; 2], boxes_at: f32) -> PersonVerdict {
        let mut truth = vec![vec![there(ANI, 100.0), there(BUDI, 400.0)]; seconds];
        truth.extend(vec![vec![there(BUDI, 400.0)]; 20]);
        let report = serde_json::json!({"clips": [{"people": [{"name": ANI, "sightings": [record]}]}]});
        let frames: Vec<Frame> = (0..seconds).map(|t| seen(t as f32, ANI, boxes_at)).collect();
        judge(&truth, 1, &report, &frames).people.remove(0)
    }

    #[test]
    fn what_is_right_is_right() {
        let verdict = ani(60, [2.0, 60.0], 100.0);
        assert_eq!(
            (verdict.present_s, verdict.named_s, verdict.kept_s),
            (60.0, 58.0, 58.0)
        );
        assert_eq!((verdict.wrong_s, verdict.false_absences), (0.0, 0));
        assert!(verdict.by_body_s > 58.0 && verdict.held_s <= 1.0);
    }

    #[test]
    fn mistakes_are_found() {
        assert_eq!(ani(400, [2.0, 30.0], 100.0).false_absences, 1);
        assert_eq!(ani(400, [2.0, 30.0], 100.0).kept_s, 29.0);
        assert!(ani(60, [2.0, 60.0], 400.0).wrong_s >= 59.0, "on somebody else");
        assert!(ani(60, [2.0, 75.0], 100.0).wrong_s > 5.0, "long gone");
        assert!((3.0..=5.0).contains(&ani(60, [2.0, 63.0], 100.0).held_s));
    }
}
