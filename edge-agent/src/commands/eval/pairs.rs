//! `eval pairs`: telling the same person from two, by the protocol of Labeled Faces in the Wild.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hadir_models::Compute;
use hadir_models::detect::DetectOptions;
use hadir_models::matching::cosine;
use hadir_models::model;
use serde::Serialize;

use super::super::output::{complain, json_line, to_stdout};
use super::super::pictures::{self, LookError, Networks};
use super::lfw::{self, Scored};
use crate::commands::Failure;

/// Tell pairs of the same person from pairs of two (protocol of Labeled Faces in the Wild)
#[derive(Debug, clap::Args)]
pub(super) struct PairsArgs {
    /// Folder with a folder for each person: NAME/NAME_0001.jpg
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// List of pairs, as pairs.txt or pairsDevTest.txt
    #[arg(long, value_name = "FILE")]
    pairs: PathBuf,
    /// From this cosine on, two faces are taken for one person [default: the model's published threshold]
    #[arg(long, value_name = "T", value_parser = pictures::share)]
    threshold: Option<f32>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    pairs: usize,
    undetected: usize,
    threshold: f32,
    accuracy: f64,
    true_accept: f64,
    false_accept: f64,
    best_accuracy: f64,
    best_threshold: f32,
    folds_accuracy: Option<f64>,
}

pub(super) fn run(args: &PairsArgs, compute: &Compute) -> Result<(), Failure> {
    let usage = |problem: String| Failure::Usage(format!("{}: {problem}", args.pairs.display()));
    let text =
        std::fs::read_to_string(&args.pairs).map_err(|e| usage(format!("the list cannot be read: {e}")))?;
    let list = lfw::parse(&text).map_err(usage)?;
    if !args.images.is_dir() {
        return Err(Failure::Usage(format!(
            "{} is not a folder with pictures",
            args.images.display()
        )));
    }
    let networks = Networks::new(compute)?;
    let mut pictures: Vec<&Path> = list
        .pairs
        .iter()
        .flat_map(|pair| &pair.pictures)
        .map(PathBuf::as_path)
        .collect();
    pictures.sort();
    pictures.dedup();
    let looks = pictures::on_all_cores(&pictures, |path| {
        networks
            .look(&args.images.join(path), &DetectOptions::still())
            .map(|look| look.embedding)
    });
    let (mut embeddings, mut undetected, mut unread) = (BTreeMap::new(), 0, 0);
    for (path, look) in pictures.iter().zip(looks) {
        match look {
            Ok(embedding) => {
                embeddings.insert(*path, embedding);
            }
            Err(problem) => {
                undetected += usize::from(matches!(problem, LookError::NoFace));
                unread += usize::from(!matches!(problem, LookError::NoFace));
                complain(&args.images.join(path), &problem.to_string());
            }
        }
    }
    if unread > 0 {
        return Err(Failure::NotRight(format!(
            "{unread} of {} pictures could not be read",
            pictures.len()
        )));
    }
    let score = |pictures: &[PathBuf; 2]| {
        let [a, b] = pictures.each_ref().map(|path| embeddings.get(path.as_path()));
        Some(cosine(a?, b?))
    };
    let scored: Vec<Scored> = list
        .pairs
        .iter()
        .map(|pair| (score(&pair.pictures), pair.same))
        .collect();
    let threshold = args.threshold.unwrap_or(model::EMBEDDER.threshold);
    let (best_threshold, best_accuracy) = lfw::best(&scored);
    let report = Report {
        pairs: scored.len(),
        undetected,
        threshold,
        accuracy: lfw::accuracy(&scored, threshold),
        true_accept: lfw::accepts(&scored, true, threshold),
        false_accept: lfw::accepts(&scored, false, threshold),
        best_accuracy,
        best_threshold,
        folds_accuracy: list.fold.map(|fold| lfw::folds_accuracy(&scored, fold)),
    };
    to_stdout(|out| {
        if args.json {
            return Ok(json_line(out, &report)?);
        }
        let percent = |share: f64| format!("{:.2} %", 100.0 * share);
        writeln!(
            out,
            "{} pairs, {undetected} pictures without a face",
            report.pairs
        )?;
        writeln!(
            out,
            "at the threshold {threshold:.3}: accuracy {}",
            percent(report.accuracy)
        )?;
        writeln!(out, "  same person accepted {}", percent(report.true_accept))?;
        writeln!(out, "  two people accepted  {}", percent(report.false_accept))?;
        writeln!(out, "best: {} at {best_threshold:.3}", percent(best_accuracy))?;
        if let Some(folds) = report.folds_accuracy {
            writeln!(
                out,
                "over the folds, each at the others' best threshold: {}",
                percent(folds)
            )?;
        }
        Ok(())
    })
}
