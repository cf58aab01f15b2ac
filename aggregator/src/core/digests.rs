//! Digests: at set times it is told how it stands, HR of everybody, every superior of those directly below them.
//!
//! Each time of each kind is a row in the store, written together with its messages: none goes out twice after a restart.
//! One that was missed goes out late, and says so; of several that were missed, the last.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use hadir_shared::id::EmployeeId;

use super::Core;
use super::state::{Changes, Memory};
use super::types::{AttendancePerson, AttendanceQuery, AttendanceRow, Of, Role, StatusRow, Viewer};
use crate::error::Result;
use crate::escalation::{Contact, Leave};
use crate::notify::Channel;
use crate::notify::digest::{self, Digest};
use crate::schedule::local_moment;
use crate::store::{NewMessage, Tx};

/// A digest that is later than this helps nobody.
const MAX_DELAY: TimeDelta = TimeDelta::hours(12);

/// How it stands in a team, and the day so far.
type Team<'a> = (Vec<StatusRow>, Vec<(&'a AttendancePerson, &'a AttendanceRow)>);

/// To whom a digest goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hr,
    Teams,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Hr => "hr",
            Kind::Teams => "teams",
        }
    }
}

impl Core {
    /// Both kinds with their times.
    fn digests(&self) -> [(Kind, &[NaiveTime]); 2] {
        let times = &self.settings.digest;
        [(Kind::Hr, &times.hr), (Kind::Teams, &times.teams)]
    }

    /// What was missed before the very first start is not made up for.
    pub(super) fn begin_digests(&self, tx: &Tx<'_>, now: DateTime<Utc>) -> Result<()> {
        for (kind, times) in self.digests() {
            if let Some(last) = self.last_slot(times, now)
                && !tx.has_digests(kind.as_str())?
            {
                tx.add_digest(kind.as_str(), last, now)?;
            }
        }
        Ok(())
    }

    /// When the next digest is due.
    pub(super) fn next_digest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let all = self.digests();
        all.iter()
            .filter_map(|(_, times)| self.next_slot(times, now))
            .min()
    }

    /// Queues what has become due.
    pub(super) fn tell_digests(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        now: DateTime<Utc>,
    ) -> Result<()> {
        state.next_digest = self.next_digest(now);
        if let Some(silence) = tx.silences(now)?.into_iter().find(|silence| silence.from <= now) {
            // Late, then.
            state.next_digest = state.next_digest.min(Some(silence.until));
            return Ok(());
        }
        for (kind, times) in self.digests() {
            let Some(due) = self.last_slot(times, now).filter(|due| now - *due <= MAX_DELAY) else {
                continue;
            };
            if !tx.add_digest(kind.as_str(), due, now)? {
                continue;
            }
            let everybody = Viewer::admin("digest");
            let status = self.status_in(tx, &everybody, now)?;
            let date = due.with_timezone(&self.settings.timezone).date_naive();
            state.stretches.write(tx, usize::MAX, now)?;
            let query = AttendanceQuery {
                from: date,
                to: date,
                of: Of::Everybody,
            };
            let report = self.attendance_in(tx, &everybody, &query)?;
            let day = report.of_one_day();
            match kind {
                Kind::Hr => {
                    let site = Digest {
                        of: &self.settings.name,
                        due,
                        status: &status,
                        day: &day,
                    };
                    let hr = tx.holders(Role::Hr)?;
                    // Nobody's deputy is told of everybody.
                    let contacts = tx.contacts(&hr, now)?;
                    for contact in contacts.into_iter().filter(|contact| hr.contains(&contact.id)) {
                        self.tell_digest(tx, changes, kind, &contact, &site, now)?;
                    }
                }
                Kind::Teams => self.tell_teams(tx, changes, due, &status, &day, now)?,
            }
        }
        Ok(())
    }

    fn tell_teams(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        due: DateTime<Utc>,
        status: &[StatusRow],
        day: &[(&AttendancePerson, &AttendanceRow)],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let superiors: HashMap<EmployeeId, EmployeeId> = tx
            .superiors()?
            .into_iter()
            .filter_map(|(id, superior)| Some((id, superior?)))
            .collect();
        let mut teams: BTreeMap<&EmployeeId, Team<'_>> = BTreeMap::new();
        for row in status {
            if let Some(superior) = superiors.get(&row.employee) {
                teams.entry(superior).or_default().0.push(row.clone());
            }
        }
        for (person, row) in day {
            if let Some(superior) = superiors.get(&row.employee) {
                teams.entry(superior).or_default().1.push((person, row));
            }
        }
        for (superior, (status, day)) in teams {
            let Some(employee) = tx.employee(superior)? else {
                continue;
            };
            let of = Digest {
                of: &employee.name,
                due,
                status: &status,
                day: &day,
            };
            for contact in tx.contacts(std::slice::from_ref(superior), now)? {
                // A deputy has enough with their own.
                if contact.id == employee.id {
                    self.tell_digest(tx, changes, Kind::Teams, &contact, &of, now)?;
                }
            }
        }
        Ok(())
    }

    fn tell_digest(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        kind: Kind,
        contact: &Contact,
        digest: &Digest<'_>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let ways = Channel::ALL.into_iter().filter(|channel| self.has(*channel));
        let way = ways
            .filter_map(|channel| Some((channel, contact.address(channel)?)))
            .next();
        let (Some((channel, address)), Leave::Here) = (way, contact.leave) else {
            return Ok(());
        };
        let message = NewMessage {
            dedup: format!(
                "digest/{}/{}/{}",
                kind.as_str(),
                digest.due.timestamp(),
                contact.id
            ),
            alert: None,
            recipient: Some(&contact.id),
            channel,
            address,
            language: contact.language,
            draft: digest::draft(digest, contact.language, self.settings.timezone, now),
        };
        self.queue_at(tx, changes, &message, now, now).map(|_| ())
    }

    /// The last of the day's times at or before `now`.
    fn last_slot(&self, times: &[NaiveTime], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.slots(times, now).into_iter().rfind(|slot| *slot <= now)
    }

    fn next_slot(&self, times: &[NaiveTime], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.slots(times, now).into_iter().find(|slot| *slot > now)
    }

    /// The times of yesterday, today and tomorrow, in order.
    fn slots(&self, times: &[NaiveTime], now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let zone = self.settings.timezone;
        let today = now.with_timezone(&zone).date_naive();
        let days = [today.pred_opt(), Some(today), today.succ_opt()];
        let minute = |time: &NaiveTime| (*time - NaiveTime::MIN).num_minutes();
        days.into_iter()
            .flatten()
            .flat_map(|day| {
                times
                    .iter()
                    .filter_map(move |time| local_moment(zone, day, minute(time)))
            })
            .collect()
    }
}
