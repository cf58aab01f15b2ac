//! Sightings that the outbox could not be given: a disk that is full, or that can only be read. They are kept in memory,
//! in order, and written as soon as that is possible again. A restart loses them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::clock::Reading;
use crate::outbox::Draft;

/// The most that are kept: hours of a busy site, a few megabytes.
const MOST: usize = 10_000;

/// A sighting, with the clock by which its times were noted.
pub(crate) type Noted = (Draft, Option<Reading>);

/// What could not be written, and since when.
#[derive(Debug, Default)]
pub(crate) struct Unwritten {
    noted: VecDeque<Noted>,
    failing: Option<(Instant, String)>,
    lost: u64,
}

impl Unwritten {
    /// Takes sightings in; beyond the bound the oldest are lost, and counted.
    pub(crate) fn add(&mut self, drafts: &[Draft], reading: Option<&Reading>) {
        let noted = drafts.iter().map(|draft| (draft.clone(), reading.cloned()));
        self.noted.extend(noted);
        let over = self.noted.len().saturating_sub(MOST);
        self.noted.drain(..over);
        self.lost += over as u64;
    }

    /// What waits, the oldest first.
    pub(crate) fn noted(&mut self) -> &[Noted] {
        self.noted.make_contiguous()
    }

    /// All of it is written.
    pub(crate) fn written(&mut self) {
        if let Some((since, _)) = self.failing.take() {
            let (sightings, seconds) = (self.noted.len(), since.elapsed().as_secs());
            tracing::info!(sightings, seconds, "the outbox can be written again");
        }
        self.noted.clear();
    }

    /// It could not be written.
    pub(crate) fn failed(&mut self, why: String) {
        let told = self.failing.as_ref().is_some_and(|(_, before)| *before == why);
        if !told {
            tracing::error!("sightings are kept in memory until they can be written: {why}");
        }
        let since = self.failing.take().map_or_else(Instant::now, |(since, _)| since);
        self.failing = Some((since, why));
    }

    /// How many wait in memory, and how many were lost since the agent started.
    pub(crate) fn depth_and_lost(&self) -> (u64, u64) {
        (self.noted.len() as u64, self.lost)
    }

    /// Why nothing can be written, and for how long that has been so.
    pub(crate) fn problem(&self) -> Option<(&str, Duration)> {
        let (since, why) = self.failing.as_ref()?;
        Some((why, since.elapsed()))
    }
}
