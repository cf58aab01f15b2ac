//! `eval identify`: naming probes against a gallery, picture by picture.
//!
//! A probe has one picture, so it is looked at closely ([`hadir_models::still`]) and named by
//! [`hadir_models::lineup`]; a track, which has many views, is named by a vote over them.

use std::path::PathBuf;

use hadir_models::detect::Detector;
use hadir_models::embed::{Embedder, Embedding};
use hadir_models::lineup::{Line, Lineup, NAME_AT};
use hadir_models::{Compute, ModelError, picture, still};
use image::RgbImage;
use serde::Serialize;

use super::super::output::{complain, json_line, to_stdout};
use super::super::pictures::{self, LookError, Networks};
use crate::commands::Failure;

/// Name the faces of probe pictures against a gallery (a folder for each person in both)
#[derive(Debug, clap::Args)]
pub(super) struct IdentifyArgs {
    /// Folder with a folder of pictures for each enrolled person
    #[arg(long, value_name = "DIR")]
    gallery: PathBuf,
    /// Folder with a folder of pictures for each person to be named, enrolled or not
    #[arg(long, value_name = "DIR")]
    probes: PathBuf,
    /// From this on, the likeness of the most alike person and its lead over the second give the name
    #[arg(long, value_name = "T", default_value_t = NAME_AT, value_parser = pictures::share)]
    threshold: f32,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// Counts; `rank1` is of probes whose person is enrolled and comes first, however surely.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Report {
    people: usize,
    probes: usize,
    detected: usize,
    rank1: usize,
    named_right: usize,
    named_wrong: usize,
    unnamed: usize,
}

impl Report {
    /// Takes in one probe: who it shows, and everybody by likeness.
    fn count(&mut self, person: &str, line: Option<&Line<'_, String>>, threshold: f32) {
        self.probes += 1;
        self.detected += usize::from(line.is_some());
        let Some((line, (name, _))) = line.and_then(|line| Some((line, line.0.first()?))) else {
            self.unnamed += 1;
            return;
        };
        let right = *name == person;
        self.rank1 += usize::from(right);
        match (line.certainty() >= threshold, right) {
            (true, true) => self.named_right += 1,
            (true, false) => self.named_wrong += 1,
            (false, _) => self.unnamed += 1,
        }
    }
}

pub(super) fn run(args: &IdentifyArgs, compute: &Compute) -> Result<(), Failure> {
    let (gallery, probes) = (pictures::people(&args.gallery)?, pictures::people(&args.probes)?);
    let networks = Networks::new(compute)?;
    let (gallery, gallery_failed) = look_at_all(&networks, gallery, still::templates);
    let (probes, probes_failed) = look_at_all(&networks, probes, still::probe);
    let known = |(name, looks): (String, Vec<Option<Vec<Embedding>>>)| {
        (name, looks.into_iter().flatten().flatten().collect())
    };
    let lineup = Lineup::new(gallery.into_iter().map(known));
    let threshold = args.threshold;
    let mut report = Report {
        people: lineup.len(),
        ..Report::default()
    };
    for (person, looks) in &probes {
        for look in looks {
            let line = look.as_ref().map(|embedding| lineup.rank(embedding));
            report.count(person, line.as_ref(), threshold);
        }
    }
    to_stdout(|out| {
        if args.json {
            json_line(out, &report)?;
        } else {
            writeln!(out, "{} people enrolled", report.people)?;
            writeln!(
                out,
                "{} probes, a face found in {}",
                report.probes, report.detected
            )?;
            writeln!(out, "  right person first          {}", report.rank1)?;
            writeln!(out, "with a likeness and lead of {threshold:.3} together:")?;
            writeln!(out, "  named rightly               {}", report.named_right)?;
            writeln!(out, "  named wrongly               {}", report.named_wrong)?;
            writeln!(out, "  not named                   {}", report.unnamed)?;
        }
        match gallery_failed + probes_failed {
            0 => Ok(()),
            n => Err(Failure::NotRight(format!("{n} pictures could not be used (see above)")).into()),
        }
    })
}

/// For each person what each of their pictures gave.
type LookedAt<T> = Vec<(String, Vec<Option<T>>)>;

/// For each person what each of their pictures gave, `None` where no face was found; and how many pictures could not
/// be read. Those are left out, and so counted as no probe.
fn look_at_all<T: Send>(
    networks: &Networks,
    people: Vec<(String, Vec<PathBuf>)>,
    look: impl Fn(&RgbImage, &Detector, &Embedder) -> Result<Option<T>, ModelError> + Sync,
) -> (LookedAt<T>, usize) {
    let look = |path: &PathBuf| -> Result<Option<T>, LookError> {
        let picture = picture::load(path)?;
        Ok(look(&picture, &networks.detector, &networks.embedder)?)
    };
    let mut failed = 0;
    let looked_at = people.into_iter().map(|(name, paths)| {
        let mut looks = Vec::new();
        for (path, look) in paths.iter().zip(pictures::on_all_cores(&paths, look)) {
            match look {
                Ok(look) => {
                    if look.is_none() {
                        complain(path, &LookError::NoFace.to_string());
                    }
                    looks.push(look);
                }
                Err(problem) => {
                    complain(path, &problem.to_string());
                    failed += 1;
                }
            }
        }
        (name, looks)
    });
    (looked_at.collect(), failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_counted_once_each() {
        let (a, b) = ("a".to_string(), "b".to_string());
        let line = |ranked: &[(&'static str, f32)]| {
            let named = |name: &str| if name == "a" { &a } else { &b };
            Line(ranked.iter().map(|(name, score)| (named(name), *score)).collect())
        };
        let mut report = Report {
            people: 2,
            ..Report::default()
        };
        report.count("a", Some(&line(&[("a", 0.4), ("b", 0.1)])), 0.56);
        report.count("a", Some(&line(&[("a", 0.2), ("b", 0.1)])), 0.56);
        report.count("a", Some(&line(&[("b", 0.5), ("a", 0.3)])), 0.56);
        report.count("stranger", Some(&line(&[("b", 0.3), ("a", 0.1)])), 0.56);
        report.count("stranger", Some(&line(&[])), 0.56);
        // Nearly as much like another: no name.
        report.count("a", Some(&line(&[("a", 0.5), ("b", 0.48)])), 0.56);
        report.count("a", None, 0.56);
        let expected = Report {
            people: 2,
            probes: 7,
            detected: 6,
            rank1: 3,
            named_right: 1,
            named_wrong: 1,
            unnamed: 5,
        };
        assert_eq!(report, expected);
    }
}
