//! Stretches of presence: what goes on is noted in memory and written now and then, for a write with every sighting
//! would double the cost of taking sightings in.
//!
//! Nothing is lost by that: the sightings themselves are stored. What a stop left unwritten is made up from them at the
//! next start, and whoever asks for attendance has it written first.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::id::EmployeeId;

use super::Core;
use super::state::Memory;
use crate::error::Result;
use crate::store::{Seen, Stretch, Tx};

/// How long what goes on may stay unwritten, about.
const WRITE_EVERY: TimeDelta = TimeDelta::seconds(60);

/// So many are written at once, so that nothing else has to wait for long.
const AT_ONCE: usize = 2000;

/// The newest stretch of each who was seen since the start.
#[derive(Debug)]
pub(super) struct Stretches {
    newest: HashMap<EmployeeId, Stretch>,
    /// Whose went on since it was written.
    unwritten: HashSet<EmployeeId>,
    write_at: Option<DateTime<Utc>>,
    /// The store may lack what was known before a stop.
    incomplete: bool,
    /// Something of it was changed together with the transaction that runs.
    touched: bool,
}

impl Stretches {
    /// Nothing is known yet.
    pub(super) fn begin() -> Self {
        Self {
            newest: HashMap::new(),
            unwritten: HashSet::new(),
            write_at: None,
            incomplete: true,
            touched: false,
        }
    }

    /// A transaction begins.
    pub(super) fn begin_change(&mut self) {
        self.touched = false;
    }

    /// The transaction was undone: what was changed with it is found out anew.
    pub(super) fn undo_change(&mut self) {
        if self.touched {
            *self = Self::begin();
        }
    }

    /// Whether there is something to write.
    pub(super) fn due(&self, now: DateTime<Utc>) -> bool {
        self.incomplete || self.write_at.is_some_and(|at| at <= now)
    }

    /// An employee is deleted.
    pub(super) fn forget(&mut self, employee: &EmployeeId) {
        self.newest.remove(employee);
        self.unwritten.remove(employee);
    }

    /// Somebody was seen for a time. A gap of at least `gap` begins a new stretch.
    pub(super) fn attend(
        &mut self,
        tx: &Tx<'_>,
        employee: &EmployeeId,
        seen: &Seen<'_>,
        gap: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.touched = true;
        if let Some(newest) = self.newest.get_mut(employee)
            && newest.began < seen.from
            && seen.from - newest.ended <= gap
        {
            let methods = newest.methods.or(seen.methods);
            let longer = (seen.to, seen.last_camera) > (newest.ended, &newest.last_camera);
            if longer {
                newest.ended = seen.to;
                if newest.last_camera != *seen.last_camera {
                    newest.last_camera = seen.last_camera.clone();
                }
            }
            let otherwise = methods != newest.methods;
            newest.methods = methods;
            if (longer || otherwise) && !self.unwritten.contains(employee) {
                self.unwritten.insert(employee.clone());
                self.write_at.get_or_insert(now + WRITE_EVERY);
            }
            if otherwise && !longer {
                // It may have ended before what is written did, and would not be made up for.
                self.write_one(tx, employee)?;
            }
            return Ok(());
        }
        // The store is to know all that it puts together.
        self.write_one(tx, employee)?;
        let written = tx.extend_attendance(employee, seen, gap)?;
        let newest = match self.newest.get(employee) {
            // The first since the start: there may be a newer one from before.
            None => tx.newest_stretch(employee)?,
            Some(known) if known.id == written.id || known.began <= written.began => Some(written),
            Some(_) => None,
        };
        if let Some(newest) = newest {
            self.newest.insert(employee.clone(), newest);
        }
        Ok(())
    }

    fn write_one(&mut self, tx: &Tx<'_>, employee: &EmployeeId) -> Result<()> {
        if self.unwritten.remove(employee)
            && let Some(stretch) = self.newest.get(employee)
        {
            tx.prolong_attendance(&[stretch])?;
        }
        Ok(())
    }

    /// Writes what is not written, at most so many.
    pub(super) fn write(&mut self, tx: &Tx<'_>, limit: usize, now: DateTime<Utc>) -> Result<()> {
        self.touched = true;
        let employees: Vec<EmployeeId> = self.unwritten.iter().take(limit).cloned().collect();
        let mut stretches: Vec<&Stretch> = employees.iter().filter_map(|id| self.newest.get(id)).collect();
        // Neighbours are on the same page.
        stretches.sort_by_key(|stretch| stretch.id);
        tx.prolong_attendance(&stretches)?;
        for employee in &employees {
            self.unwritten.remove(employee);
        }
        // Whatever is left goes with the next tick.
        self.write_at = (!self.unwritten.is_empty()).then_some(now);
        Ok(())
    }
}

impl Core {
    /// Makes up for what a stop left unwritten, and writes what has waited long enough.
    pub(super) fn write_stretches(&self, state: &mut Memory, tx: &Tx<'_>, now: DateTime<Utc>) -> Result<()> {
        if state.stretches.incomplete {
            let gap = state.engine.rules().shortest_absence();
            for (employee, since) in tx.unfinished_stretches()? {
                for sighting in tx.sightings_after(&employee, since)? {
                    state
                        .stretches
                        .attend(tx, &employee, &sighting.seen(), gap, now)?;
                }
            }
            state.stretches.incomplete = false;
        }
        if state.stretches.write_at.is_some_and(|at| at <= now) {
            state.stretches.write(tx, AT_ONCE, now)?;
        }
        Ok(())
    }

    /// Writes all of it, for whoever is about to read.
    pub(super) fn write_all_stretches(&self) -> Result<()> {
        let now = self.now();
        if self.lock().stretches.unwritten.is_empty() {
            return Ok(());
        }
        self.update(|state, tx, _| state.stretches.write(tx, usize::MAX, now))
    }
}
