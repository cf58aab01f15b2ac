//! Digests: at set times it is told how it stands, HR of everybody, every superior of those directly below them, and
//! once a month HR gets the last month's report.
//!
//! Each time of each kind is a row in the store, written together with its messages: none goes out twice after a restart.
//! One that was missed goes out late, and says so; of several that were missed, the last.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike as _, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use hadir_shared::id::EmployeeId;

use super::Core;
use super::state::{Changes, Memory};
use super::types::{
    AttendancePerson, AttendanceQuery, AttendanceRow, Language, Of, ReportRequest, Role, StatusRow, Viewer,
};
use crate::error::Result;
use crate::escalation::{Contact, Leave};
use crate::notify::digest::{self, Digest};
use crate::notify::{Channel, Draft};
use crate::schedule::local_moment;
use crate::store::{NewMessage, Tx};

/// How it stands in a team, and the day so far.
type Team<'a> = (Vec<StatusRow>, Vec<(&'a AttendancePerson, &'a AttendanceRow)>);

/// To whom a digest goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hr,
    Teams,
    Month,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Hr, Kind::Teams, Kind::Month];

    fn as_str(self) -> &'static str {
        match self {
            Kind::Hr => "hr",
            Kind::Teams => "teams",
            Kind::Month => "month",
        }
    }

    /// A digest that is later than this helps nobody.
    fn max_delay(self) -> TimeDelta {
        match self {
            Kind::Hr | Kind::Teams => TimeDelta::hours(12),
            Kind::Month => TimeDelta::days(7),
        }
    }
}

impl Core {
    /// What was missed before the very first start is not made up for.
    pub(super) fn begin_digests(&self, tx: &Tx<'_>, now: DateTime<Utc>) -> Result<()> {
        for kind in Kind::ALL {
            if let Some(last) = self.last_slot(kind, now)
                && !tx.has_digests(kind.as_str())?
            {
                tx.add_digest(kind.as_str(), last, now)?;
            }
        }
        Ok(())
    }

    /// When the next digest is due.
    pub(super) fn next_digest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let all = Kind::ALL.into_iter();
        all.filter_map(|kind| self.next_slot(kind, now)).min()
    }

    /// Queues what has become due, each kind by itself; what fails is tried again in a minute.
    pub(super) fn tell_digests(&self, now: DateTime<Utc>) -> Result<()> {
        let silence = self.store.read(|reader| reader.silences(now))?;
        let silent = silence.into_iter().find(|silence| silence.from <= now);
        let next = self.next_digest(now);
        self.lock().next_digest = Some(match &silent {
            // Late, then.
            Some(silence) => next.map_or(silence.until, |next| next.min(silence.until)),
            None => next.unwrap_or(DateTime::<Utc>::MAX_UTC),
        });
        if silent.is_some() {
            return Ok(());
        }
        let mut told = Ok(());
        for kind in Kind::ALL {
            let one = self.update(|state, tx, changes| self.tell_kind(state, tx, changes, kind, now));
            if one.is_err() {
                self.lock().next_digest = Some(now + TimeDelta::minutes(1));
            }
            told = told.and(one);
        }
        told
    }

    fn tell_kind(
        &self,
        state: &mut Memory,
        tx: &Tx<'_>,
        changes: &mut Changes,
        kind: Kind,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let late = |due: &DateTime<Utc>| now - *due > kind.max_delay();
        let Some(due) = self.last_slot(kind, now).filter(|due| !late(due)) else {
            return Ok(());
        };
        // Where the time was changed, what was told for a later one is not told again, nor a month twice.
        let told = |last: DateTime<Utc>| {
            let month = |at: DateTime<Utc>| {
                let date = at.with_timezone(&self.settings.timezone).date_naive();
                (date.year(), date.month())
            };
            last >= due || kind == Kind::Month && month(last) == month(due)
        };
        if tx.last_digest(kind.as_str())?.is_some_and(told) || !tx.add_digest(kind.as_str(), due, now)? {
            return Ok(());
        }
        state.stretches.write(tx, usize::MAX, now)?;
        match kind {
            Kind::Hr | Kind::Teams => self.tell_day(tx, changes, (kind, due), now),
            Kind::Month => self.tell_month(tx, changes, due, now),
        }
    }

    /// How it stands, and the day so far: to HR, or to the superiors.
    fn tell_day(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        (kind, due): (Kind, DateTime<Utc>),
        now: DateTime<Utc>,
    ) -> Result<()> {
        let everybody = Viewer::admin("digest");
        let status = self.status_in(tx, &everybody, now)?;
        let date = due.with_timezone(&self.settings.timezone).date_naive();
        let query = AttendanceQuery {
            from: date,
            to: date,
            of: Of::Everybody,
        };
        let report = self.attendance_in(tx, &everybody, &query)?;
        let day = report.of_one_day();
        let of_day = |of| {
            let format = self.settings.digest.document?;
            Some(ReportRequest {
                from: date,
                to: date,
                of,
                seen_by: None,
                format,
            })
        };
        if kind == Kind::Teams {
            return self.tell_teams(tx, changes, due, (&status, &day), &of_day, now);
        }
        let site = Digest {
            of: &self.settings.name,
            due,
            status: &status,
            day: &day,
        };
        for contact in hr_contacts(tx, now)? {
            let draft = self.digest_draft(&site, contact.language, now);
            let report = of_day(Of::Everybody);
            self.tell_digest(tx, changes, (kind, due), &contact, draft, report, now)?;
        }
        Ok(())
    }

    fn tell_teams(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        due: DateTime<Utc>,
        (status, day): (&[StatusRow], &[(&AttendancePerson, &AttendanceRow)]),
        report: &dyn Fn(Of) -> Option<ReportRequest>,
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
                    let draft = self.digest_draft(&of, contact.language, now);
                    let report = report(Of::Team(superior.clone()));
                    self.tell_digest(tx, changes, (Kind::Teams, due), &contact, draft, report, now)?;
                }
            }
        }
        Ok(())
    }

    /// The report of the month before `due`.
    fn tell_month(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        due: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let today = due.with_timezone(&self.settings.timezone).date_naive();
        let Some(month) = self.settings.digest.month else {
            return Ok(());
        };
        let (Some(from), Some(to)) = (
            today
                .with_day(1)
                .and_then(|first| first.checked_sub_months(Months::new(1))),
            today.with_day(1).and_then(|first| first.pred_opt()),
        ) else {
            return Ok(());
        };
        let query = AttendanceQuery {
            from,
            to,
            of: Of::Everybody,
        };
        let report = self.attendance_in(tx, &Viewer::admin("digest"), &query)?;
        let request = ReportRequest {
            from,
            to,
            of: Of::Everybody,
            seen_by: None,
            format: month.document,
        };
        for contact in hr_contacts(tx, now)? {
            let draft = digest::month_draft(&self.settings.name, &report, contact.language);
            let request = Some(request.clone());
            self.tell_digest(tx, changes, (Kind::Month, due), &contact, draft, request, now)?;
        }
        Ok(())
    }

    fn digest_draft(&self, of: &Digest<'_>, language: Language, now: DateTime<Utc>) -> Draft {
        digest::draft(of, language, self.settings.timezone, now)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a message and where it is written: nothing of it belongs together elsewhere"
    )]
    fn tell_digest(
        &self,
        tx: &Tx<'_>,
        changes: &mut Changes,
        (kind, due): (Kind, DateTime<Utc>),
        contact: &Contact,
        draft: Draft,
        report: Option<ReportRequest>,
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
            dedup: format!("digest/{}/{}/{}", kind.as_str(), due.timestamp(), contact.id),
            alert: None,
            recipient: Some(&contact.id),
            channel,
            address,
            language: contact.language,
            draft,
            report,
        };
        self.queue_at(tx, changes, &message, now, now).map(|_| ())
    }

    /// The last of the times at or before `now`.
    fn last_slot(&self, kind: Kind, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.slots(kind, now).into_iter().rfind(|slot| *slot <= now)
    }

    fn next_slot(&self, kind: Kind, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.slots(kind, now).into_iter().find(|slot| *slot > now)
    }

    /// The times of the days around today, or of the months around this, in order.
    fn slots(&self, kind: Kind, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let zone = self.settings.timezone;
        let digest = &self.settings.digest;
        let today = now.with_timezone(&zone).date_naive();
        let days = [today.pred_opt(), Some(today), today.succ_opt()];
        let (days, times): (_, &[NaiveTime]) = match (kind, &digest.month) {
            (Kind::Hr, _) => (days, &digest.hr),
            (Kind::Teams, _) => (days, &digest.teams),
            (Kind::Month, None) => (days, &[]),
            (Kind::Month, Some(month)) => (
                in_months_around(today, month.day),
                std::slice::from_ref(&month.time),
            ),
        };
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

/// That day of the month before, of this and of the next.
fn in_months_around(today: NaiveDate, day: u32) -> [Option<NaiveDate>; 3] {
    let this = today.with_day(day);
    let one = Months::new(1);
    [
        this.and_then(|this| this.checked_sub_months(one)),
        this,
        this.and_then(|this| this.checked_add_months(one)),
    ]
}

/// Those of HR; nobody's deputy is told of everybody.
fn hr_contacts(tx: &Tx<'_>, now: DateTime<Utc>) -> Result<Vec<Contact>> {
    let hr = tx.holders(Role::Hr)?;
    let mut contacts = tx.contacts(&hr, now)?;
    contacts.retain(|contact| hr.contains(&contact.id));
    Ok(contacts)
}
