//! The month as the aggregator's own rules see it, second by second.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use hadir_aggregator::core::types::Language;
use hadir_aggregator::escalation::{
    Action, Contact, Ladder, Leave, Outcome, Policy, QuietTime, TakenStep, Target, due_actions, next_due,
};
use hadir_aggregator::presence::{
    self, Consequence, Decision, Engine, Place, Rules, State, Terms, Thresholds, Watch,
};
use hadir_aggregator::schedule::{Calendar, Exception, Exemption};
use hadir_shared::id::{AreaId, CameraId, EmployeeId};
use hadir_shared::sighting::{Basis, Method};
use serde_json::json;

use super::Fault;
use super::company::{Company, DAY, Delivery, KINDS, ZONES};
use super::truth::{Absence, Line};

const SITE: Tz = Tz::Asia__Jakarta;

/// A Monday.
const FIRST: &str = "2026-11-02T00:00:00Z";

/// What came out.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub(super) absences: Vec<Absence>,
    pub(super) sightings: u64,
    /// Of these, those by the body alone.
    pub(super) by_body: u64,
    pub(super) decisions: u64,
}

/// An absence that is open.
struct Open {
    /// Where it stands in the course.
    index: usize,
    policy: Policy,
    taken: Vec<TakenStep>,
    due: Option<i64>,
    answered: bool,
}

struct Run<'c> {
    company: &'c Company,
    start: DateTime<Utc>,
    engine: Engine,
    ids: Vec<EmployeeId>,
    index_of: HashMap<EmployeeId, usize>,
    places: Vec<Place>,
    course: Course,
    open: BTreeMap<usize, Open>,
    /// When an open absence's climb has something to do.
    climbs: BTreeSet<(i64, usize)>,
    /// When, about which absence of the course, who.
    answers: BTreeSet<(i64, usize, usize)>,
    fault: Option<Fault>,
    raised: usize,
}

/// Lets the month go by.
pub(super) fn run(company: &Company, fault: Option<Fault>) -> Course {
    let start = hadir_shared::time::parse(FIRST).unwrap_or_default();
    let ids: Vec<EmployeeId> = (0..company.people.len())
        .map(|n| id(&format!("E{n:06}")))
        .collect();
    let places = company.cameras.iter().enumerate().map(|(n, camera)| Place {
        camera: CameraId::new(format!("cam-{n:04}")).expect("an id"),
        area: area(camera.area),
    });
    let mut run = Run {
        company,
        start,
        engine: Engine::restore(rules(company, start, fault), Vec::new(), Vec::new(), start),
        index_of: ids.iter().cloned().zip(0..).collect(),
        ids,
        places: places.collect(),
        course: Course::default(),
        open: BTreeMap::new(),
        climbs: BTreeSet::new(),
        answers: BTreeSet::new(),
        fault,
        raised: 0,
    };
    run.hire();
    run.live();
    run.course
}

fn id(text: &str) -> EmployeeId {
    EmployeeId::new(text).expect("an id")
}

fn area(number: usize) -> AreaId {
    AreaId::new(format!("area-{number}")).expect("an id")
}

/// The schedules as HR would write them.
fn rules(company: &Company, start: DateTime<Utc>, fault: Option<Fault>) -> Rules {
    let hhmm = |minute: i64| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let holiday = u64::try_from(company.holiday).unwrap_or(u64::MAX);
    let holidays = Arc::new(
        start
            .date_naive()
            .checked_add_days(chrono::Days::new(holiday))
            .into_iter()
            .collect(),
    );
    let mut calendars = HashMap::new();
    for kind in KINDS {
        for (zone, _) in ZONES {
            let shifts: Vec<_> = kind
                .shifts
                .iter()
                .map(|(from, to, breaks)| {
                    let breaks = if fault == Some(Fault::Break) { &[] } else { *breaks };
                    let breaks: Vec<_> = breaks
                        .iter()
                        .map(|(from, to)| json!({"from": hhmm(*from), "to": hhmm(*to)}))
                        .collect();
                    json!({"name": kind.name, "days": days[..kind.days], "from": hhmm(*from), "to": hhmm(*to),
                        "breaks": breaks})
                })
                .collect();
            let schedule: hadir_aggregator::schedule::Schedule =
                serde_json::from_value(json!({"timezone": zone, "shifts": shifts})).expect("a schedule");
            schedule.check().expect("makes sense");
            calendars.insert(
                format!("{}/{zone}", kind.name),
                Calendar::new(schedule, SITE, Arc::clone(&holidays)),
            );
        }
    }
    let canteen = Thresholds {
        off_after: TimeDelta::seconds(45),
        absent_after: TimeDelta::seconds(600),
    };
    Rules {
        thresholds: Thresholds::default(),
        areas: [(area(0), canteen)].into(),
        calendars,
        faces_only: fault == Some(Fault::Faces),
    }
}

impl Run<'_> {
    fn time(&self, second: i64) -> DateTime<Utc> {
        self.start + TimeDelta::seconds(second)
    }

    fn hire(&mut self) {
        for (person, id) in self.company.people.iter().zip(self.ids.clone()) {
            let ms = |second| self.time(second).timestamp_millis();
            let exceptions = person.leaves.iter().map(|one| Exception {
                kind: Exemption::OnLeave,
                from: ms(one.span.0),
                to: ms(one.span.1),
            });
            let terms = Terms {
                schedule: Some(format!("{}/{}", KINDS[person.kind].name, ZONES[person.zone].0)),
                exceptions: exceptions.collect(),
            };
            let _ = self.engine.set_person(&id, terms, self.start);
        }
        for (camera, place) in self.company.cameras.iter().zip(&self.places) {
            let watch = if camera.trouble(0).is_none() {
                Watch::On
            } else {
                Watch::Off
            };
            let _ = self
                .engine
                .set_camera(&place.camera, &place.area, watch, self.start, self.start);
        }
    }

    fn live(&mut self) {
        // When a camera begins or stops to watch.
        let mut switches: Vec<(i64, usize, Watch)> = Vec::new();
        for (number, camera) in self.company.cameras.iter().enumerate() {
            for ((from, to), _) in &camera.troubles {
                switches.push((*from, number, Watch::Off));
                switches.push((*to, number, Watch::On));
            }
        }
        switches.sort_by_key(|(at, number, _)| (*at, *number));
        let mut switches = switches.into_iter().peekable();
        let mut late: Vec<Delivery> = Vec::new();
        // Where in their life everybody is.
        let mut lived = vec![0; self.company.people.len()];
        for day in 0..self.company.end / DAY {
            let until = (day + 1) * DAY;
            let mut today = std::mem::take(&mut late);
            for (person, lived) in lived.iter_mut().enumerate() {
                let there = &self.company.people[person].there;
                while let Some(span) = there.get(*lived).filter(|((from, _), _)| *from < until) {
                    today.extend(self.company.deliveries(person, *span));
                    *lived += 1;
                }
            }
            late.extend(today.iter().filter(|one| one.at >= until).copied());
            today.retain(|one| one.at < until);
            today.sort_unstable();
            // What comes at once comes in no particular order: here from behind.
            today.reverse();
            today.sort_by_key(|one| one.at);
            let mut today = today.into_iter().peekable();
            for second in day * DAY..until {
                let now = self.time(second);
                while let Some((_, camera, watch)) = switches.next_if(|(at, ..)| *at == second) {
                    let place = self.places[camera].clone();
                    let decisions = self
                        .engine
                        .set_camera(&place.camera, &place.area, watch, now, now);
                    self.follow(decisions, second);
                }
                if self.engine.next_due().is_some_and(|due| due <= now) {
                    let decisions = self.engine.tick(now);
                    self.follow(decisions, second);
                }
                while let Some(one) = today.next_if(|one| one.at == second) {
                    self.see(&one, second);
                }
                while let Some((_, index, recipient)) =
                    self.answers.first().copied().filter(|one| one.0 <= second)
                {
                    self.answers.pop_first();
                    self.answer(index, recipient, second);
                }
                while let Some((_, person)) = self.climbs.first().copied().filter(|one| one.0 <= second) {
                    self.climb(person, second);
                }
            }
        }
    }

    fn see(&mut self, one: &Delivery, second: i64) {
        self.course.sightings += 1;
        let (now, seen) = (self.time(second), self.time(one.seen));
        let (who, place) = (&self.ids[one.person], &self.places[one.camera]);
        let how = presence::Seen {
            method: Method::Face,
            last_at: seen,
            basis: if one.verified == one.seen {
                Basis::Face
            } else {
                Basis::Body
            },
            verified_at: self.time(one.verified),
        };
        self.course.by_body += u64::from(how.basis == Basis::Body);
        let observed = self.engine.observe(who, place, &how, now);
        let Some(observed) = observed else { return };
        if observed.decision.is_none() && observed.state == State::Exempt {
            // Seen in a break, too long ago to be there now: back all the same.
            self.close(one.person, second);
        }
        self.follow(observed.decision, second);
    }

    /// What the aggregator does about decisions.
    fn follow(&mut self, decisions: impl IntoIterator<Item = Decision>, second: i64) {
        for decision in decisions {
            self.course.decisions += 1;
            let person = self.index_of[&decision.employee];
            match decision.consequence() {
                Consequence::Raise => self.raise(person, second),
                Consequence::Returned | Consequence::Over(_) => self.close(person, second),
                Consequence::None => {}
            }
        }
    }

    fn raise(&mut self, person: usize, second: i64) {
        if self.open.contains_key(&person) {
            return self.climb(person, second);
        }
        self.raised += 1;
        let number = self.raised;
        let due = match self.fault {
            Some(Fault::Miss) if number % 100 == 7 => return,
            Some(Fault::Late) if number % 100 == 7 => second + 5,
            _ => second,
        };
        let absence = Absence {
            person,
            due,
            over: i64::MAX,
            climb: Vec::new(),
        };
        if self.fault == Some(Fault::Twice) && number % 100 == 7 {
            self.course.absences.push(absence.clone());
        }
        self.course.absences.push(absence);
        let open = Open {
            index: self.course.absences.len() - 1,
            policy: Policy::standard(self.company.above(person).len()),
            taken: Vec::new(),
            due: None,
            answered: false,
        };
        self.open.insert(person, open);
        self.climb(person, second);
    }

    fn close(&mut self, person: usize, second: i64) {
        if let Some(open) = self.open.remove(&person) {
            self.course.absences[open.index].over = second;
            if let Some(due) = open.due {
                self.climbs.remove(&(due, person));
            }
        }
    }

    /// A button answers the absence that it was sent for, and no later one.
    fn answer(&mut self, index: usize, recipient: usize, second: i64) {
        let person = self.course.absences[index].person;
        let fits = |open: &&mut Open| open.index == index && !open.answered;
        let Some(open) = self.open.get_mut(&person).filter(fits) else {
            return;
        };
        open.answered = true;
        if let Some(due) = open.due.take() {
            self.climbs.remove(&(due, person));
        }
        self.course.absences[open.index]
            .climb
            .push((second, Line::Answered(recipient)));
    }

    /// Takes the steps that are due.
    fn climb(&mut self, person: usize, second: i64) {
        let now = self.time(second);
        let exempt = self.engine.state(&self.ids[person]) == Some(State::Exempt);
        let ladders = self.ladders(person, second);
        let Some(open) = self.open.get_mut(&person) else {
            return;
        };
        if let Some(due) = open.due.take() {
            self.climbs.remove(&(due, person));
        }
        if open.answered || exempt {
            return;
        }
        let absence = &mut self.course.absences[open.index];
        let raised_at = absence.due;
        let opened_at = self.start + TimeDelta::seconds(raised_at);
        loop {
            let quiet = QuietTime::never(SITE);
            for action in due_actions(&open.policy, &ladders, &open.taken, opened_at, now, &quiet) {
                let (step, recipient, outcome, line) = match action {
                    Action::Tell { step, recipient, .. } => {
                        let mut who = self.index_of[&recipient];
                        if self.fault == Some(Fault::Order) && step == 0 {
                            who = 0;
                        }
                        if let Some(after) = self.company.answers(person, raised_at, who) {
                            self.answers.insert((second + after, open.index, who));
                        }
                        (step, Some(recipient), Outcome::Told, Line::Told(who))
                    }
                    Action::PassOver {
                        step,
                        recipient,
                        reason,
                    } => {
                        let who = self.index_of[&recipient];
                        (
                            step,
                            Some(recipient),
                            Outcome::PassedOver,
                            Line::PassedOver(who, reason.code()),
                        )
                    }
                    Action::NobodyLeft { step } => (step, None, Outcome::NobodyLeft, Line::NobodyLeft),
                    Action::GiveUp { step } => (step, None, Outcome::GaveUp, Line::GaveUp),
                };
                if !(self.fault == Some(Fault::Silent) && matches!(line, Line::PassedOver(..))) {
                    absence.climb.push((second, line));
                }
                open.taken.push(TakenStep {
                    step,
                    recipient,
                    outcome,
                    at: now,
                });
            }
            let due = next_due(&open.policy, &open.taken, opened_at, &QuietTime::never(SITE));
            open.due = due.map(|due| (due - self.start).num_seconds());
            match open.due {
                Some(due) if due <= second => {}
                Some(due) => {
                    self.climbs.insert((due, person));
                    return;
                }
                None => return,
            }
        }
    }

    fn ladders(&self, person: usize, second: i64) -> Vec<Ladder> {
        let policy = Policy::standard(self.company.above(person).len());
        let chain = self.company.above(person);
        let contact = |who: usize| Contact {
            id: self.ids[who].clone(),
            phone: self.company.people[who].phone.then(|| "+62811".to_owned()),
            email: None,
            language: Language::Id,
            state: self.engine.state(&self.ids[who]).unwrap_or(State::Unknown),
            leave: match self.leave(who, second) {
                Some(_) => Leave::Away,
                None => Leave::Here,
            },
        };
        let mut ladders = Vec::new();
        for step in &policy.steps {
            let Target::Superior(level) = step.to else {
                ladders.push(Ladder::All(Vec::new()));
                continue;
            };
            let mut contacts = Vec::new();
            for who in chain.iter().skip(usize::from(level) - 1) {
                contacts.push(contact(*who));
                let deputy = self.leave(*who, second).and_then(|leave| leave.deputy);
                contacts.extend(deputy.map(contact));
            }
            contacts.retain(|contact| contact.id != self.ids[person]);
            ladders.push(Ladder::First(contacts));
        }
        ladders
    }

    fn leave(&self, who: usize, second: i64) -> Option<&super::company::Leave> {
        self.company.people[who]
            .leaves
            .iter()
            .find(|one| one.span.0 <= second && second < one.span.1)
    }
}
