//! Reports and charts: one query, whatever is made of it.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike as _, NaiveDate};
use hadir_shared::id::{AreaId, EmployeeId};

use super::{Bench, Worked};
use crate::attendance::{Flag, Outcome, State, Status};
use crate::core::Core;
use crate::core::types::{
    AttendancePerson, AttendanceQuery, AttendanceReport, AttendanceRow, AwayFrom, Employee, Of, PatternDay,
    PatternMember, Patterns, Totals, Viewer,
};
use crate::error::{Error, Result};
use crate::sentence::say;
use crate::store::{DayRow, PatternRow, Reader};

/// The superior whose team somebody is in, and the superior's name.
type Team = Option<(EmployeeId, String)>;

/// Of more people than this, each by themselves tells nobody anything.
const MAX_MEMBERS: usize = 200;

/// A report has so many days at most.
const MAX_DAYS: i64 = 366;

impl Core {
    /// A report of those whom the viewer sees.
    ///
    /// # Errors
    /// `Invalid` when the days make no sense; `NotFound` when the viewer sees no such employee.
    pub fn attendance(&self, viewer: &Viewer, query: &AttendanceQuery) -> Result<AttendanceReport> {
        self.write_all_stretches()?;
        self.store
            .read(|reader| self.attendance_in(reader, viewer, query))
    }

    pub(in crate::core) fn attendance_in(
        &self,
        reader: &Reader<'_>,
        viewer: &Viewer,
        query: &AttendanceQuery,
    ) -> Result<AttendanceReport> {
        let now = self.now();
        check(query, self.today(now))?;
        let selected = self.selected(reader, viewer, &query.of)?;
        let (from, to) = (query.from, query.to);
        let mut bench = Bench::new(reader, &self.settings, from, to, now)?;
        let mut report = AttendanceReport {
            from,
            to,
            timezone: self.settings.timezone.name().to_owned(),
            made_at: now,
            totals: Totals::default(),
            people: Vec::with_capacity(selected.len()),
            days: Vec::new(),
        };
        for (employee, team) in selected {
            let mut person = AttendancePerson {
                employee: employee.id.clone(),
                name: employee.name,
                team: team.as_ref().map(|(id, _)| id.clone()),
                team_name: team.map(|(_, name)| name),
                totals: Totals::default(),
            };
            for (row, worked) in bench.days(reader, &employee.id, &employee.areas, from, to)? {
                let row = told(&employee.id, &row, worked.as_ref())?;
                person.totals.add(&row);
                report.days.push(row);
            }
            report.totals = report.totals.plus(person.totals);
            report.people.push(person);
        }
        Ok(report)
    }

    /// Whom a report is about, by team and name, each with their superior if the viewer sees them.
    pub(super) fn selected(
        &self,
        reader: &Reader<'_>,
        viewer: &Viewer,
        of: &Of,
    ) -> Result<Vec<(Employee, Team)>> {
        let people = self.people();
        let sight = people.sight(viewer);
        if let Of::Team(id) | Of::Below(id) | Of::Employee(id) = of
            && !(sight.has(id) && people.name(id).is_some())
        {
            return Err(Error::not_found(
                "employee",
                say!("There is no employee {id}.", "Tidak ada karyawan {id}."),
            ));
        }
        let wanted = |employee: &Employee| match of {
            Of::Everybody => true,
            Of::Employee(id) => employee.id == *id,
            Of::Team(id) => employee.supervisor.as_ref() == Some(id),
            Of::Below(id) => employee.id != *id && people.is_under(&employee.id, id),
        };
        let team = |employee: &Employee| {
            let id = employee.supervisor.clone().filter(|id| sight.has(id))?;
            let name = people.name(&id)?.to_owned();
            Some((id, name))
        };
        let all = reader.employees()?.into_iter();
        let mut selected: Vec<_> = all
            .filter(|employee| sight.has(&employee.id) && wanted(employee))
            .map(|employee| {
                let team = team(&employee);
                (employee, team)
            })
            .collect();
        // Employees come by name; a team stays together, even beside one whose superior has the same name.
        selected.sort_by(|a, b| {
            let key = |team: &Option<(EmployeeId, String)>| team.clone().map(|(id, name)| (name, id));
            key(&a.1).cmp(&key(&b.1))
        });
        Ok(selected)
    }

    /// The figures behind charts, of those whom the viewer sees.
    ///
    /// # Errors
    /// As [`Self::attendance`].
    pub fn patterns(&self, viewer: &Viewer, query: &AttendanceQuery) -> Result<Patterns> {
        let now = self.now();
        check(query, self.today(now))?;
        self.write_all_stretches()?;
        self.store.read(|reader| {
            let selected = self.selected(reader, viewer, &query.of)?;
            let mut sums = Sums::new(query);
            let mut bench = Bench::new(reader, &self.settings, query.from, query.to, now)?;
            for (employee, _) in &selected {
                sums.begin(employee);
                for row in reader.patterns_of(&employee.id, query.from, query.to)? {
                    sums.add(&row);
                }
                // The last days are not final.
                for worked in bench.open_days(reader, &employee.id, &employee.areas, query.from, query.to)? {
                    let (pattern, _) = bench.keep(&worked, &employee.areas);
                    sums.add(&PatternRow {
                        date: worked.row.date,
                        status: worked.day.outcome.status,
                        planned_s: worked.day.outcome.figures.planned_s,
                        late_s: worked.day.outcome.figures.late_s,
                        pattern,
                    });
                }
            }
            let areas = reader
                .areas()?
                .into_iter()
                .map(|area| (area.id, area.name))
                .collect();
            Ok(sums.patterns(selected.len(), &areas))
        })
    }
}

/// A day as it stands in reports.
pub(super) fn told(employee: &EmployeeId, row: &DayRow, worked: Option<&Worked>) -> Result<AttendanceRow> {
    let (state, outcome, flags, difference): (State, &Outcome, Vec<Flag>, bool) = match (&row.settled, worked)
    {
        (Some(settled), _) => (
            settled.state,
            &settled.outcome,
            settled.flags.clone(),
            settled.difference.is_some(),
        ),
        (None, Some(worked)) => (
            match worked.correction {
                Some(_) => State::Corrected,
                None => State::Provisional,
            },
            &worked.day.outcome,
            worked.day.flags.iter().copied().collect(),
            false,
        ),
        (None, None) => return Err(Error::internal("A provisional day was not worked out.")),
    };
    Ok(AttendanceRow {
        employee: employee.clone(),
        date: row.date,
        kind: row.plan.kind,
        holiday: row.plan.holiday.clone(),
        state,
        status: outcome.status,
        first_in: outcome.first_in.and_then(DateTime::from_timestamp_millis),
        last_out: outcome.last_out.and_then(DateTime::from_timestamp_millis),
        figures: outcome.figures,
        flags,
        difference,
    })
}

/// Whether the days make sense.
pub(in crate::core) fn check(query: &AttendanceQuery, today: NaiveDate) -> Result<()> {
    let days = (query.to - query.from).num_days() + 1;
    if days < 1 {
        return Err(Error::invalid(
            "to",
            say!(
                "{} is before {}: give the earlier day first.",
                "{} mendahului {}: isi hari yang lebih awal dahulu.",
                query.to,
                query.from
            ),
        ));
    }
    if days > MAX_DAYS {
        return Err(Error::invalid(
            "to",
            say!(
                "These are {days} days; ask for at most {MAX_DAYS} at a time.",
                "Rentang ini {days} hari; mintalah paling banyak {MAX_DAYS} hari sekaligus."
            ),
        ));
    }
    let near = |date: NaiveDate| (date - today).num_days().abs() < 366 * 100;
    if !near(query.from) || !near(query.to) {
        return Err(Error::invalid(
            "from",
            say!(
                "This date is too far away; check the year.",
                "Tanggal ini terlalu jauh; periksa tahunnya."
            ),
        ));
    }
    Ok(())
}

/// What charts show, while it is counted.
struct Sums {
    query: (NaiveDate, NaiveDate),
    hours: [[i64; 24]; 7],
    /// How often each weekday was counted, for means.
    weekdays: [u32; 7],
    punctuality: [crate::core::types::Punctuality; 7],
    away: HashMap<AreaId, i64>,
    days: BTreeMap<NaiveDate, PatternDay>,
    members: Vec<MemberSums>,
}

/// The same of one person.
struct MemberSums {
    member: PatternMember,
    hours: [i64; 24],
    /// How many days had any presence.
    present: u32,
}

impl Sums {
    fn new(query: &AttendanceQuery) -> Self {
        Self {
            query: (query.from, query.to),
            hours: Default::default(),
            weekdays: Default::default(),
            punctuality: Default::default(),
            away: HashMap::new(),
            days: BTreeMap::new(),
            members: Vec::new(),
        }
    }

    /// What is added from now on is of this employee.
    fn begin(&mut self, employee: &Employee) {
        self.members.push(MemberSums {
            member: PatternMember {
                employee: employee.id.clone(),
                name: employee.name.clone(),
                workdays: 0,
                in_time: 0,
                late: 0,
                late_s: 0,
                absent: 0,
                away_s: 0,
                presence: [0.0; 24],
            },
            hours: [0; 24],
            present: 0,
        });
    }

    fn add(&mut self, row: &PatternRow) {
        let weekday = row.date.weekday().num_days_from_monday() as usize;
        self.weekdays[weekday] += 1;
        let mut there = 0;
        for (hour, minutes) in row.pattern.hours() {
            let minutes = i64::from(minutes);
            // What is after midnight is the next weekday's.
            let of = (weekday + usize::from(hour / 24)) % 7;
            self.hours[of][usize::from(hour % 24)] += minutes;
            there += minutes;
        }
        let punctuality = &mut self.punctuality[weekday];
        match row.status {
            Status::Present | Status::HalfDay if row.late_s > 0 => {
                punctuality.late += 1;
                punctuality.late_s += row.late_s;
            }
            // Nobody is in time for a rest day.
            Status::Present | Status::HalfDay if row.planned_s > 0 => punctuality.in_time += 1,
            Status::Absent => punctuality.absent += 1,
            Status::Present
            | Status::HalfDay
            | Status::OnLeave
            | Status::Excused
            | Status::NotExpected
            | Status::Pending
            | Status::Unknown => {}
        }
        let mut away = 0;
        for (area, seconds) in &row.pattern.away {
            *self.away.entry(area.clone()).or_default() += seconds;
            away += seconds;
        }
        let day = self.days.entry(row.date).or_insert_with(|| PatternDay {
            date: row.date,
            present_min: 0,
            away_s: 0,
            statuses: BTreeMap::new(),
        });
        day.present_min += u32::try_from(there).unwrap_or(0);
        day.away_s += away;
        *day.statuses.entry(row.status.as_str()).or_default() += 1;
        if let Some(MemberSums {
            member,
            hours,
            present,
        }) = self.members.last_mut()
        {
            for (hour, minutes) in row.pattern.hours() {
                hours[usize::from(hour % 24)] += i64::from(minutes);
            }
            *present += u32::from(there > 0);
            member.workdays += u32::from(row.planned_s > 0);
            member.late += u32::from(row.late_s > 0);
            member.late_s += row.late_s;
            member.in_time += u32::from(
                row.planned_s > 0
                    && row.late_s == 0
                    && matches!(row.status, Status::Present | Status::HalfDay),
            );
            member.absent += u32::from(row.status == Status::Absent);
            member.away_s += away;
        }
    }

    fn patterns(self, people: usize, names: &HashMap<AreaId, String>) -> Patterns {
        let mut presence = [[0.0; 24]; 7];
        for (weekday, hours) in self.hours.iter().enumerate() {
            let counted = f64::from(self.weekdays[weekday].max(1));
            for (hour, minutes) in hours.iter().enumerate() {
                // To a tenth of a minute.
                presence[weekday][hour] = (*minutes as f64 / counted * 10.0).round() / 10.0;
            }
        }
        let mut away: Vec<AwayFrom> = self
            .away
            .into_iter()
            .map(|(area, away_s)| AwayFrom {
                name: names.get(&area).cloned().unwrap_or_else(|| area.to_string()),
                area,
                away_s,
            })
            .collect();
        away.sort_by(|a, b| (b.away_s, &a.area).cmp(&(a.away_s, &b.area)));
        let members = if self.members.len() > MAX_MEMBERS {
            Vec::new()
        } else {
            let all = self.members.into_iter();
            all.map(
                |MemberSums {
                     member,
                     hours,
                     present,
                 }| PatternMember {
                    presence: hours
                        .map(|minutes| (minutes as f64 / f64::from(present.max(1)) * 10.0).round() / 10.0),
                    ..member
                },
            )
            .collect()
        };
        Patterns {
            from: self.query.0,
            to: self.query.1,
            people: u32::try_from(people).unwrap_or(u32::MAX),
            presence,
            punctuality: self.punctuality,
            away,
            days: self.days.into_values().collect(),
            members,
        }
    }
}
