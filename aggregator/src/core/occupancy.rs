//! How many people were in which area over time: a number without identity.

use chrono::{DateTime, TimeDelta};

use super::Core;
use super::attendance::check;
use super::types::{
    AreaOccupancy, AttendanceQuery, Occupancy, OccupancyPoint, OccupancyQuery, Of, Role, Viewer,
};
use crate::error::{Error, Result};
use crate::schedule::local_moment;
use crate::sentence::say;

/// So many points of time are told of an area at most.
const MAX_POINTS: i64 = 3000;

impl Core {
    /// How many people were in each area, step by step. Steps in which no camera of the area looked are left out.
    ///
    /// # Errors
    /// `Forbidden` for technicians; `Invalid` days or step.
    pub fn occupancy(&self, viewer: &Viewer, query: &OccupancyQuery) -> Result<Occupancy> {
        if viewer.role == Role::Technician {
            return Err(Error::forbidden(say!(
                "Technicians do not see figures of areas.",
                "Teknisi tidak melihat angka area."
            )));
        }
        let OccupancyQuery { from, to, step_min } = *query;
        let days = AttendanceQuery {
            from,
            to,
            of: Of::Everybody,
        };
        check(&days, self.today(self.now()))?;
        let points = ((to - from).num_days() + 1) * 1440 / i64::from(step_min.max(1));
        if !(1..=1440).contains(&step_min) || points > MAX_POINTS {
            return Err(Error::invalid(
                "step",
                say!(
                    "Give steps of 1 to 1440 minutes, and longer ones for many days: at most {MAX_POINTS} in all.",
                    "Isi langkah 1 sampai 1440 menit, dan lebih panjang untuk banyak hari: paling banyak \
                     {MAX_POINTS} seluruhnya."
                ),
            ));
        }
        let zone = self.settings.timezone;
        let midnight = |date| local_moment(zone, date, 0);
        let (Some(begins), Some(ends)) = (midnight(from), to.succ_opt().and_then(midnight)) else {
            return Err(Error::internal("A day has no midnight."));
        };
        let at =
            |step: u32| -> DateTime<_> { begins + TimeDelta::minutes(i64::from(step) * i64::from(step_min)) };
        self.store.read(|reader| {
            let rows = reader.occupancy(begins, ends, step_min)?;
            let mut areas: Vec<AreaOccupancy> = Vec::new();
            for row in rows {
                if areas.last().is_none_or(|last| last.area != row.area) {
                    areas.push(AreaOccupancy {
                        area: row.area.clone(),
                        points: Vec::new(),
                    });
                }
                if let Some(area) = areas.last_mut() {
                    area.points.push(OccupancyPoint {
                        at: at(row.step),
                        mean: (row.mean * 100.0).round() / 100.0,
                        most: row.most,
                        minutes: row.minutes,
                    });
                }
            }
            Ok(Occupancy {
                from,
                to,
                step_min,
                areas,
            })
        })
    }
}
