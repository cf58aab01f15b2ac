//! The list of pairs of Labeled Faces in the Wild (Huang et al., 2007), and the figures of its protocol.
//!
//! A list begins with `300` (pairs of each kind) or `10<tab>300` (folds, pairs of each kind in a fold); then follow,
//! fold by fold, pairs of the same person (`name n m`) and of two (`name n name m`).

use std::path::PathBuf;

/// Two pictures, and whether they show the same person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// Pictures below the picture folder.
    pub(super) pictures: [PathBuf; 2],
    /// Whether both show one person.
    pub(super) same: bool,
}

/// A list of pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pairs {
    pub(super) pairs: Vec<Pair>,
    /// Pairs in a fold, where the list has folds.
    pub(super) fold: Option<usize>,
}

/// Reads a list.
///
/// # Errors
/// A sentence that names the line.
pub(super) fn parse(text: &str) -> Result<Pairs, String> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.split_whitespace().collect::<Vec<_>>()));
    let header = lines.next().map(|(_, fields)| fields).unwrap_or_default();
    let numbers: Option<Vec<usize>> = header.iter().map(|field| field.parse().ok()).collect();
    let (folds, each) = match numbers.as_deref() {
        Some(&[each]) => (None, each),
        Some(&[folds, each]) => (Some(folds), each),
        _ => return Err("line 1 has to be the number of pairs, or the numbers of folds and of pairs".into()),
    };
    let mut pairs = Vec::new();
    for (number, fields) in lines {
        let picture = |name: &str, n: &str| {
            let n: u32 = n
                .parse()
                .map_err(|_| format!("line {number}: {n} is not the number of a picture"))?;
            // A name is one folder's, so that no list reaches outside the picture folder.
            if name.contains(['/', '\\']) || name.starts_with('.') {
                return Err(format!("line {number}: {name} is not a name"));
            }
            Ok(PathBuf::from(name).join(format!("{name}_{n:04}.jpg")))
        };
        pairs.push(match fields[..] {
            [] => continue,
            [name, n, m] => Pair {
                pictures: [picture(name, n)?, picture(name, m)?],
                same: true,
            },
            [name, n, other, m] => Pair {
                pictures: [picture(name, n)?, picture(other, m)?],
                same: false,
            },
            _ => {
                return Err(format!(
                    "line {number} is no pair: it needs a name and two numbers, or two of each"
                ));
            }
        });
    }
    let expected = folds.unwrap_or(1).saturating_mul(each).saturating_mul(2);
    if pairs.is_empty() || pairs.len() != expected {
        return Err(format!(
            "it has {} pairs, but its first line promises {expected}",
            pairs.len()
        ));
    }
    Ok(Pairs {
        pairs,
        fold: folds.filter(|folds| *folds > 1).map(|_| 2 * each),
    })
}

/// A pair's likeness (`None` where a face was not found), and whether it shows one person.
pub(super) type Scored = (Option<f32>, bool);

/// Whether a pair is taken for one person.
fn accepted(score: Option<f32>, threshold: f32) -> bool {
    score.is_some_and(|score| score >= threshold)
}

/// Part of the pairs that is judged rightly at a threshold.
pub(super) fn accuracy(scored: &[Scored], threshold: f32) -> f64 {
    share(scored.iter(), |(score, same)| {
        accepted(*score, threshold) == *same
    })
}

/// Part of the pairs of one kind that is taken for one person.
pub(super) fn accepts(scored: &[Scored], same: bool, threshold: f32) -> f64 {
    share(scored.iter().filter(|s| s.1 == same), |(score, _)| {
        accepted(*score, threshold)
    })
}

fn share<'a>(scored: impl Iterator<Item = &'a Scored>, holds: impl Fn(&Scored) -> bool) -> f64 {
    let (mut all, mut right) = (0u32, 0u32);
    for item in scored {
        all += 1;
        right += u32::from(holds(item));
    }
    if all == 0 {
        0.0
    } else {
        f64::from(right) / f64::from(all)
    }
}

/// The threshold of the highest accuracy, in the middle between two likenesses, and that accuracy; of equals the
/// lowest threshold.
pub(super) fn best(scored: &[Scored]) -> (f32, f64) {
    let mut found: Vec<(f32, bool)> = scored
        .iter()
        .filter_map(|(score, same)| Some(((*score)?, *same)))
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Below the lowest likeness everything found is accepted; each step upwards rejects one pair more.
    let undetected_right = scored
        .iter()
        .filter(|(score, same)| score.is_none() && !same)
        .count();
    let mut right = undetected_right + found.iter().filter(|(_, same)| *same).count();
    let mut best = (-1.0, right);
    for (i, (score, same)) in found.iter().enumerate() {
        right = if *same { right - 1 } else { right + 1 };
        let next = found.get(i + 1).map_or(1.0, |(next, _)| *next);
        if right > best.1 && next > *score {
            best = ((score + next) / 2.0, right);
        }
    }
    let all = scored.len().max(1) as f64;
    (best.0, best.1 as f64 / all)
}

/// Mean accuracy over the folds, each at the threshold that is best for the others.
pub(super) fn folds_accuracy(scored: &[Scored], fold: usize) -> f64 {
    let folds: Vec<&[Scored]> = scored.chunks(fold.max(1)).collect();
    let of = |held_out: usize| {
        let others: Vec<Scored> = folds
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != held_out)
            .flat_map(|(_, fold)| fold.iter().copied())
            .collect();
        accuracy(folds[held_out], best(&others).0)
    };
    (0..folds.len()).map(of).sum::<f64>() / folds.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_list_are_read() {
        let one = parse("2\nAda_Byron\t1\t4\nB\t1\t2\nAda_Byron\t3\tB\t12\nB\t1\tC\t1\n").expect("a list");
        assert_eq!(one.fold, None);
        assert_eq!(one.pairs.len(), 4);
        let path = |name: &str| PathBuf::from(name);
        assert_eq!(
            one.pairs[2],
            Pair {
                pictures: [path("Ada_Byron/Ada_Byron_0003.jpg"), path("B/B_0012.jpg")],
                same: false
            }
        );
        let folds = parse("2\t1\nA 1 2\nA 1 B 1\nC 1 2\nC 1 B 1\n").expect("a list");
        assert_eq!((folds.fold, folds.pairs.len()), (Some(2), 4));
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_line() {
        for (text, expected) in [
            ("", "line 1"),
            ("x\n", "line 1"),
            ("1 2 3\n", "line 1"),
            ("1\nA 1 2\n", "1 pairs"),
            ("0\n", "0 pairs"),
            ("1\nA 1 2\nA 1\n", "line 3"),
            ("1\nA 1 x\nA 1 B 2\n", "line 2: x"),
            ("1\n../../etc/x 1 2\nA 1 B 2\n", "line 2: ../../etc/x"),
            ("99999999999 99999999999\nA 1 2\n", "1 pairs"),
        ] {
            let error = parse(text).expect_err("refused");
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn the_figures_count_an_undetected_face_as_a_stranger() {
        let scored = [
            (Some(0.9), true),
            (None, true),
            (Some(0.1), false),
            (Some(0.5), false),
            (None, false),
        ];
        assert!((accuracy(&scored, 0.4) - 0.6).abs() < 1e-9);
        assert!((accepts(&scored, true, 0.4) - 0.5).abs() < 1e-9);
        assert!((accepts(&scored, false, 0.4) - 1.0 / 3.0).abs() < 1e-9);
        let (threshold, accuracy) = best(&scored);
        assert!((threshold - 0.7).abs() < 1e-6 && (accuracy - 0.8).abs() < 1e-9);
        assert_eq!(best(&[]).1, 0.0);
        // Equal likenesses are not told apart by any threshold.
        assert!((best(&[(Some(0.5), true), (Some(0.5), false)]).1 - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_fold_is_judged_at_the_others_threshold() {
        let fold = |low: f32, high: f32| [(Some(high), true), (Some(low), false)];
        // The last fold's pairs lie wholly above the threshold of the two others.
        let scored = [fold(0.1, 0.3), fold(0.1, 0.3), fold(0.6, 0.9)].concat();
        assert!((folds_accuracy(&scored, 2) - (1.0 + 1.0 + 0.5) / 3.0).abs() < 1e-9);
    }
}
