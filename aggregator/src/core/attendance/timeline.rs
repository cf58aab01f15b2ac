//! Days as lines of time: when somebody was there and where, against what was planned; and the sightings behind a day.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use hadir_shared::id::{CameraId, EmployeeId};

use super::report::{check, told};
use super::settle::areas_of;
use super::{Bench, decide};
use crate::attendance::Evidence;
use crate::core::Core;
use crate::core::types::{AttendanceQuery, SeenTrack, Timeline, TimelineRow, TimelineSeen, Viewer};
use crate::error::{Error, Result};
use crate::sentence::say;
use crate::store::SightingRow;

/// More lines than this nobody reads.
const MAX_LINES: usize = 1000;

/// Sightings of a track further apart than this, in milliseconds, are of two: devices count their tracks anew.
const SAME_TRACK: i64 = 60_000;

impl Core {
    /// The days of those whom the viewer sees, each as a line of time.
    ///
    /// # Errors
    /// As those of a report; `Invalid` when these would be too many lines.
    pub fn timeline(&self, viewer: &Viewer, query: &AttendanceQuery) -> Result<Timeline> {
        let now = self.now();
        check(query, self.today(now))?;
        self.write_all_stretches()?;
        self.store.read(|reader| {
            let selected = self.selected(reader, viewer, &query.of)?;
            let days = (query.to - query.from).num_days() + 1;
            if selected
                .len()
                .saturating_mul(usize::try_from(days).unwrap_or(usize::MAX))
                > MAX_LINES
            {
                return Err(Error::invalid(
                    "to",
                    say!(
                        "These are {} people and {days} days; ask for at most {MAX_LINES} lines: fewer \
                         days, a team, or one person.",
                        "Ini {} orang dan {days} hari; mintalah paling banyak {MAX_LINES} baris: hari lebih \
                         sedikit, satu tim, atau satu orang.",
                        selected.len()
                    ),
                ));
            }
            let mut bench = Bench::new(reader, &self.settings, query.from, query.to, now)?;
            let mut rows = Vec::new();
            for (employee, _) in selected {
                let mut kept = reader.evidence_between(&employee.id, query.from, query.to)?;
                for (row, worked) in
                    bench.days(reader, &employee.id, &employee.areas, query.from, query.to)?
                {
                    let evidence = match &worked {
                        Some(worked) => bench.keep(worked, &employee.areas).1,
                        None => kept.remove(&row.date).unwrap_or_default(),
                    };
                    let told = told(&employee.id, &row, worked.as_ref())?;
                    rows.push(TimelineRow {
                        name: employee.name.clone(),
                        shifts: decide::shifts(&row, &evidence),
                        seen: seen(&bench, &evidence),
                        unobserved: decide::spans(&evidence.unobserved),
                        leaves: decide::leaves(&evidence),
                        row: told,
                    });
                }
            }
            Ok(Timeline {
                from: query.from,
                to: query.to,
                rows,
            })
        })
    }

    /// The sightings out of which a day of an employee was made, track by track, as far as they are still kept: of a
    /// night shift, those of the next morning too.
    ///
    /// # Errors
    /// `NotFound` when the viewer sees no such employee.
    pub fn sightings_of(
        &self,
        viewer: &Viewer,
        employee: &EmployeeId,
        date: NaiveDate,
    ) -> Result<Vec<SeenTrack>> {
        let known = {
            let people = self.people();
            people.sees(viewer, employee) && people.name(employee).is_some()
        };
        if !known {
            return Err(decide::no_employee(employee));
        }
        let now = self.now();
        self.write_all_stretches()?;
        let (rows, cameras) = self.store.read(|reader| {
            let mut bench = Bench::new(reader, &self.settings, date, date, now)?;
            let areas = areas_of(reader, employee)?;
            let worked = bench.days(reader, employee, &areas, date, date)?;
            let evidence = match worked.into_iter().next() {
                Some((_, Some(worked))) => bench.keep(&worked, &areas).1,
                Some((row, None)) => {
                    let kept = reader.evidence_between(employee, date, date)?.remove(&row.date);
                    kept.unwrap_or_default()
                }
                None => Evidence::default(),
            };
            let spans: Vec<(i64, i64)> = evidence.stretches.iter().map(|one| (one.from, one.to)).collect();
            let bounds = spans
                .iter()
                .map(|span| span.0)
                .min()
                .zip(spans.iter().map(|span| span.1).max());
            let bounds = bounds.and_then(|(from, to)| {
                Some((
                    DateTime::from_timestamp_millis(from)?,
                    DateTime::from_timestamp_millis(to + 1)?,
                ))
            });
            let mut rows = match bounds {
                Some((from, to)) => reader.sightings_between(employee, from, to)?,
                None => Vec::new(),
            };
            rows.retain(|row| {
                let touches = |span: &(i64, i64)| row.first_at <= span.1 && row.last_at >= span.0;
                spans.iter().any(touches)
            });
            Ok((rows, reader.camera_areas()?))
        })?;
        Ok(tracks(rows)
            .into_iter()
            .filter_map(|track| {
                Some(SeenTrack {
                    area: cameras.get(&track.camera).cloned(),
                    span: decide::span((track.first_at, track.last_at))?,
                    camera: track.camera,
                    method: track.method,
                    track: track.track,
                    sightings: track.number,
                    confidence: track.confidence,
                })
            })
            .collect())
    }
}

/// When and where somebody was seen.
fn seen(bench: &Bench, evidence: &Evidence) -> Vec<TimelineSeen> {
    let area = |camera: &CameraId| bench.cameras.get(camera).cloned();
    let stretches = evidence.stretches.iter();
    stretches
        .filter_map(|one| {
            Some(TimelineSeen {
                span: decide::span((one.from, one.to))?,
                camera: one.last_camera.clone(),
                area: area(&one.last_camera),
                methods: one.methods.clone(),
            })
        })
        .collect()
}

/// Puts the sightings of a track together. They come in order of time.
fn tracks(rows: Vec<SightingRow>) -> Vec<SightingRow> {
    let mut tracks: Vec<SightingRow> = Vec::new();
    // Where the newest piece of each track stands.
    let mut newest: BTreeMap<(CameraId, String, u64), usize> = BTreeMap::new();
    for row in rows {
        let key = (row.camera.clone(), row.method.clone(), row.track);
        if let Some(track) = newest.get(&key).and_then(|at| tracks.get_mut(*at))
            && row.first_at - track.last_at <= SAME_TRACK
        {
            track.last_at = track.last_at.max(row.last_at);
            track.number += row.number;
            track.confidence = track.confidence.max(row.confidence);
            continue;
        }
        newest.insert(key, tracks.len());
        tracks.push(row);
    }
    tracks.sort_by_key(|track| (track.first_at, track.last_at));
    tracks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_that_is_counted_anew_is_another_one() {
        let row = |first_at, last_at, track| SightingRow {
            camera: CameraId::new("cam-1").expect("id"),
            method: "face".into(),
            track,
            first_at,
            last_at,
            confidence: 0.5,
            number: 1,
        };
        let rows = vec![
            row(0, 10_000, 1),
            row(5_000, 20_000, 2),
            row(10_000, 20_000, 1),
            row(600_000, 610_000, 1),
        ];
        let spans: Vec<_> = tracks(rows)
            .iter()
            .map(|track| (track.track, track.first_at, track.last_at, track.number))
            .collect();
        assert_eq!(
            spans,
            [(1, 0, 20_000, 2), (2, 5_000, 20_000, 1), (1, 600_000, 610_000, 1)]
        );
    }
}
