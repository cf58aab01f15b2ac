//! `eval identify`: naming probes against a gallery, picture by picture.

use std::path::PathBuf;

use hadir_models::Compute;
use hadir_models::detect::DetectOptions;
use hadir_models::embed::Embedding;
use hadir_models::matching::Index;
use serde::Serialize;

use super::super::output::{complain, json_line, to_stdout};
use super::super::pictures::{self, LookError, Networks};
use crate::commands::Failure;
use crate::pipeline::{MARGIN, NAME_AT};

/// Name the faces of probe pictures against a gallery (a folder for each person in both)
#[derive(Debug, clap::Args)]
pub(super) struct IdentifyArgs {
    /// Folder with a folder of pictures for each enrolled person
    #[arg(long, value_name = "DIR")]
    gallery: PathBuf,
    /// Folder with a folder of pictures for each person to be named, enrolled or not
    #[arg(long, value_name = "DIR")]
    probes: PathBuf,
    /// From this cosine on, the most alike person gives the name [default: what naming a track needs]
    #[arg(long, value_name = "T", value_parser = pictures::share)]
    threshold: Option<f32>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// Counts; `rank1` is of probes whose person is enrolled and comes first, at whatever cosine.
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
    fn count(&mut self, person: &str, ranked: Option<&[(&String, f32)]>, threshold: f32) {
        self.probes += 1;
        self.detected += usize::from(ranked.is_some());
        match ranked.unwrap_or_default().first() {
            Some((name, score)) => {
                let right = *name == person;
                self.rank1 += usize::from(right);
                let second = ranked
                    .and_then(|ranked| ranked.get(1))
                    .map_or(-1.0, |(_, score)| *score);
                match (*score >= threshold && score - second >= MARGIN, right) {
                    (true, true) => self.named_right += 1,
                    (true, false) => self.named_wrong += 1,
                    (false, _) => self.unnamed += 1,
                }
            }
            None => self.unnamed += 1,
        }
    }
}

pub(super) fn run(args: &IdentifyArgs, compute: &Compute) -> Result<(), Failure> {
    let (gallery, probes) = (pictures::people(&args.gallery)?, pictures::people(&args.probes)?);
    let networks = Networks::new(compute)?;
    let (gallery, gallery_failed) = embed_all(&networks, gallery);
    let (probes, probes_failed) = embed_all(&networks, probes);
    let known =
        |(name, looks): (String, Vec<Option<Embedding>>)| (name, looks.into_iter().flatten().collect());
    let index = Index::new(gallery.into_iter().map(known));
    let threshold = args.threshold.unwrap_or(NAME_AT);
    let mut report = Report {
        people: index.len(),
        ..Report::default()
    };
    for (person, looks) in &probes {
        for look in looks {
            let ranked = look.as_ref().map(|embedding| index.rank(embedding));
            report.count(person, ranked.as_deref(), threshold);
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
            writeln!(
                out,
                "at the threshold {threshold:.3}, and {MARGIN:.2} above the second:"
            )?;
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

type Embedded = Vec<(String, Vec<Option<Embedding>>)>;

/// Every picture's embedding, `None` where no face was found; and how many pictures could not be read. Those are
/// left out, and so counted as no probe.
fn embed_all(networks: &Networks, people: Vec<(String, Vec<PathBuf>)>) -> (Embedded, usize) {
    let mut failed = 0;
    let embedded = people.into_iter().map(|(name, paths)| {
        let looks = pictures::on_all_cores(&paths, |path| networks.look(path, &DetectOptions::still()));
        let mut embeddings = Vec::new();
        for (path, look) in paths.iter().zip(looks) {
            match look {
                Ok(look) => embeddings.push(Some(look.embedding)),
                Err(problem) => {
                    complain(path, &problem.to_string());
                    match problem {
                        LookError::NoFace => embeddings.push(None),
                        _ => failed += 1,
                    }
                }
            }
        }
        (name, embeddings)
    });
    (embedded.collect(), failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_counted_once_each() {
        let (a, b) = ("a".to_string(), "b".to_string());
        let mut report = Report {
            people: 2,
            ..Report::default()
        };
        report.count("a", Some(&[(&a, 0.8), (&b, 0.1)]), 0.363);
        report.count("a", Some(&[(&a, 0.2), (&b, 0.1)]), 0.363);
        report.count("a", Some(&[(&b, 0.5), (&a, 0.3)]), 0.363);
        report.count("stranger", Some(&[(&b, 0.3), (&a, 0.1)]), 0.363);
        report.count("stranger", Some(&[]), 0.363);
        // Nearly as much like another: no name.
        report.count("a", Some(&[(&a, 0.6), (&b, 0.58)]), 0.363);
        report.count("a", None, 0.363);
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
