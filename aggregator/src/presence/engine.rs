//! The engine: everybody's state, and a queue of the moments when it may change by itself.
//!
//! A sighting costs one look-up; a tick costs what is due, not how many people there are; a camera that
//! starts or stops watching costs one pass over the people.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::id::{AreaId, CameraId, EmployeeId};
use hadir_shared::sighting::{Basis, Method, Sighting};

use super::rules::{Facts, assess, next_change};
use super::timeline::{OPEN, Timeline};
use super::{State, Thresholds};
use crate::schedule::{Calendar, Exception, Exemption, Phase};

/// How long what a camera watched is remembered. Who was last seen before that and is still waited for has
/// been absent, or nobody was watching all the time.
pub const MEMORY: TimeDelta = TimeDelta::hours(48);

/// Why a state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Time went by. Only this raises an alert: a late sighting can tell of a past absence, which is none now.
    Due,
    /// A sighting came in that is newer than all before.
    Sighting,
    /// An older one came in late.
    Late,
    /// A camera began or stopped watching.
    Cameras,
}

/// A state changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whose.
    pub employee: EmployeeId,
    /// From what.
    pub from: State,
    /// To what.
    pub to: State,
    /// Why they need not be there, if they need not.
    pub exemption: Option<Exemption>,
    /// Since when it holds.
    pub at: DateTime<Utc>,
    /// Why.
    pub cause: Cause,
}

/// What a sighting brought that is newer than all before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Whether they were last seen elsewhere.
    pub place: PlaceNow,
    /// The change of state, if it changed.
    pub decision: Option<Decision>,
    /// The state now.
    pub state: State,
}

/// Whether somebody is where they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlaceNow {
    /// Before the same camera.
    Same,
    /// Before another, or seen for the first time.
    Other,
}

/// What a change of state means for an absence that somebody may have been told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consequence {
    /// Nothing.
    None,
    /// Raise an absence, or go on with the one that is open.
    Raise,
    /// They are back: an open one is over.
    Returned,
    /// They need not be there any more: an open one is over.
    Over(Exemption),
}

impl Decision {
    /// What follows.
    pub fn consequence(&self) -> Consequence {
        // One may be open in any state: a break can end it without their having been seen.
        match (self.to, self.exemption, self.cause) {
            (State::Absent, _, Cause::Due) => Consequence::Raise,
            // In a break it waits.
            (State::Exempt, Some(Exemption::OnBreak), _) => Consequence::None,
            (State::Exempt, Some(why), _) => Consequence::Over(why),
            (State::Available, _, Cause::Sighting) => Consequence::Returned,
            (_, _, Cause::Sighting) if matches!(self.from, State::Absent | State::Exempt) => {
                Consequence::Returned
            }
            _ => Consequence::None,
        }
    }
}

/// Whether a camera watches: it streams, recognition runs on it, and its agent is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Watch {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// What is known of an employee: what a restart needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonFacts {
    /// Who.
    pub id: EmployeeId,
    /// What is registered of them.
    pub terms: Terms,
    /// What the rules said last.
    pub state: State,
    /// Why they need not be there, if they need not.
    pub exemption: Option<Exemption>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When they were last seen, and where.
    pub last_seen: Option<(DateTime<Utc>, Place)>,
    /// When a camera last knew their face.
    pub last_face: Option<DateTime<Utc>>,
}

/// Where a sighting was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// By which camera.
    pub camera: CameraId,
    /// In which area it was then.
    pub area: AreaId,
}

/// When somebody was seen, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// By what they are known.
    pub method: Method,
    /// When they were last matched to it, or to their body.
    pub last_at: DateTime<Utc>,
    /// To which of the two.
    pub basis: Basis,
    /// When a face or a badge last said who it is.
    pub verified_at: DateTime<Utc>,
}

impl Seen {
    /// As a sighting says.
    pub fn of(sighting: &Sighting) -> Self {
        let usual = match sighting.basis {
            Basis::Face => sighting.last_at,
            Basis::Body => sighting.first_at,
        };
        Self {
            method: sighting.method,
            last_at: sighting.last_at,
            basis: sighting.basis,
            verified_at: sighting.verified_at.unwrap_or(usual),
        }
    }
}

/// When an employee has to be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The schedule that they work by; `None`: they have to be there always.
    pub schedule: Option<String>,
    /// Their leaves and excuses.
    pub exceptions: Vec<Exception>,
}

/// What is the same for many: how long is too long, and when people work.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Where no area says otherwise.
    pub thresholds: Thresholds,
    /// Of those who were last seen in these areas.
    pub areas: HashMap<AreaId, Thresholds>,
    /// Schedules by name.
    pub calendars: HashMap<String, Calendar>,
    /// That somebody is known by their body alone holds off no absence.
    pub faces_only: bool,
}

impl Rules {
    /// After so many milliseconds nobody is off yet.
    fn soonest_off(&self) -> i64 {
        let all = self.areas.values().chain([&self.thresholds]);
        all.map(|own| own.off_after.num_milliseconds()).min().unwrap_or(0)
    }

    /// A gap that is no longer counts nowhere.
    pub fn shortest_absence(&self) -> TimeDelta {
        let areas = self.areas.values().map(|own| own.absent_after);
        areas.fold(self.thresholds.absent_after, TimeDelta::min)
    }
}

/// When a camera was watching: what a restart needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraLog {
    /// Which camera.
    pub id: CameraId,
    /// The area that it watches.
    pub area: AreaId,
    /// From when to when, in order; the last without an end if it still does.
    pub spans: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)>,
}

#[derive(Clone, Debug)]
struct Person {
    terms: Terms,
    state: State,
    exemption: Option<Exemption>,
    since: i64,
    last_seen: Option<(i64, Place)>,
    last_face: Option<i64>,
    /// The entry in the queue: at or before the next moment when the state may change.
    due: Option<i64>,
}

#[derive(Clone, Debug)]
struct CameraWatch {
    area: AreaId,
    spans: Vec<(i64, i64)>,
    /// The same, to count in.
    line: Timeline,
}

impl CameraWatch {
    /// It turns out not to watch since `from`; says whether that is news.
    fn ends(&mut self, from: i64) -> bool {
        let Some((begun, end)) = self.spans.last_mut().filter(|(_, end)| *end == OPEN) else {
            return false;
        };
        *end = from.max(*begun);
        if end == begun {
            self.spans.pop();
        }
        true
    }

    /// It watches since `from`; says whether that is news.
    fn begins(&mut self, from: i64) -> bool {
        let from = match self.spans.last() {
            Some((_, OPEN)) => return false,
            Some((_, end)) => from.max(*end),
            None => from,
        };
        self.spans.push((from, OPEN));
        true
    }

    fn count(&mut self) {
        self.line = Timeline::union(self.spans.clone());
    }
}

/// Everybody's presence. See the module's description.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    rules: Rules,
    /// Of the rules: kept, because every sighting asks.
    soonest_off: i64,
    /// What each schedule said last: most ask of the same moment.
    phases: HashMap<String, Phase>,
    people: HashMap<EmployeeId, Person>,
    cameras: HashMap<CameraId, CameraWatch>,
    queue: BTreeSet<(i64, EmployeeId)>,
}

impl Engine {
    /// The engine as it was when it knew these facts, at the time `now`; call [`Self::tick`] next.
    pub fn restore(
        rules: Rules,
        people: Vec<PersonFacts>,
        cameras: Vec<CameraLog>,
        now: DateTime<Utc>,
    ) -> Self {
        let mut engine = Self {
            soonest_off: rules.soonest_off(),
            rules,
            ..Self::default()
        };
        for camera in cameras {
            let spans = camera
                .spans
                .into_iter()
                .map(|(from, to)| (ms(from), to.map_or(OPEN, ms)));
            let mut watch = CameraWatch {
                area: camera.area,
                spans: spans.filter(|(from, to)| from < to).collect(),
                line: Timeline::default(),
            };
            watch.count();
            engine.cameras.insert(camera.id, watch);
        }
        for person in people {
            let facts = Person {
                terms: person.terms,
                state: person.state,
                exemption: person.exemption,
                since: ms(person.since),
                last_seen: person.last_seen.map(|(seen, place)| (ms(seen), place)),
                last_face: person.last_face.map(ms),
                due: None,
            };
            engine.people.insert(person.id, facts);
        }
        let ids: Vec<EmployeeId> = engine.people.keys().cloned().collect();
        for id in ids {
            // What changes at this very moment, or with other rules than before, is due now.
            engine.enqueue_right(&id, ms(now));
        }
        engine
    }

    /// Everybody's facts, for a restart, by id.
    pub fn people(&self) -> Vec<PersonFacts> {
        let mut people: Vec<PersonFacts> = self.people.keys().filter_map(|id| self.person(id)).collect();
        people.sort_by(|a, b| a.id.cmp(&b.id));
        people
    }

    /// What every camera watched, for a restart, by id.
    pub fn cameras(&self) -> Vec<CameraLog> {
        let mut cameras: Vec<CameraLog> = self.cameras.keys().filter_map(|id| self.camera(id)).collect();
        cameras.sort_by(|a, b| a.id.cmp(&b.id));
        cameras
    }

    /// What one camera watched.
    pub fn camera(&self, id: &CameraId) -> Option<CameraLog> {
        self.cameras.get(id).map(|camera| CameraLog {
            id: id.clone(),
            area: camera.area.clone(),
            spans: camera
                .spans
                .iter()
                .map(|&(from, to)| (at(from), (to != OPEN).then(|| at(to))))
                .collect(),
        })
    }

    /// One employee's facts.
    pub fn person(&self, id: &EmployeeId) -> Option<PersonFacts> {
        self.people.get(id).map(|person| PersonFacts {
            id: id.clone(),
            terms: person.terms.clone(),
            state: person.state,
            exemption: person.exemption,
            since: at(person.since),
            last_seen: person
                .last_seen
                .as_ref()
                .map(|(seen, place)| (at(*seen), place.clone())),
            last_face: person.last_face.map(at),
        })
    }

    /// One employee's state.
    pub fn state(&self, id: &EmployeeId) -> Option<State> {
        self.people.get(id).map(|person| person.state)
    }

    /// Whether a camera is watching.
    pub fn watch(&self, camera: &CameraId) -> Watch {
        match self.cameras.get(camera).and_then(|camera| camera.spans.last()) {
            Some((_, OPEN)) => Watch::On,
            _ => Watch::Off,
        }
    }

    /// When the next state may change by itself.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.queue.first().map(|(due, _)| at(*due))
    }

    /// Who will be absent by then unless somebody sees them before, and when: those who are off now.
    pub fn absent_by(&self, until: DateTime<Utc>) -> impl Iterator<Item = (&EmployeeId, DateTime<Utc>)> {
        let due = self.queue.iter().take_while(move |(due, _)| *due <= ms(until));
        due.filter(|(_, id)| self.state(id) == Some(State::Off))
            .map(|(due, id)| (id, at(*due)))
    }

    /// Registers an employee, unknown until seen, or changes when they have to be there.
    pub fn set_person(&mut self, id: &EmployeeId, mut terms: Terms, now: DateTime<Utc>) -> Vec<Decision> {
        let mut decisions = self.tick(now);
        let horizon = ms(now - MEMORY);
        terms.exceptions.retain(|one| one.to > horizon);
        let now = ms(now);
        match self.people.get_mut(id) {
            None => {
                let person = Person {
                    terms,
                    state: State::Unknown,
                    exemption: None,
                    since: now,
                    last_seen: None,
                    last_face: None,
                    due: None,
                };
                self.people.insert(id.clone(), person);
            }
            Some(person) => person.terms = terms,
        }
        decisions.extend(self.settle(id, now, Cause::Due));
        decisions
    }

    /// The rules in force.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Other rules than before, for everybody.
    pub fn set_rules(&mut self, rules: Rules, now: DateTime<Utc>) -> Vec<Decision> {
        let mut decisions = self.tick(now);
        self.soonest_off = rules.soonest_off();
        self.rules = rules;
        self.phases.clear();
        let mut ids: Vec<EmployeeId> = self.people.keys().cloned().collect();
        ids.sort_unstable();
        for id in ids {
            decisions.extend(self.settle(&id, ms(now), Cause::Due));
        }
        decisions
    }

    /// Forgets an employee.
    pub fn remove_person(&mut self, id: &EmployeeId) {
        if let Some(Person { due: Some(due), .. }) = self.people.remove(id) {
            self.queue.remove(&(due, id.clone()));
        }
    }

    /// A camera watches from `from` on, or has not watched since then. `from` may lie in the past: a lost
    /// connection is noticed late.
    pub fn set_camera(
        &mut self,
        id: &CameraId,
        area: &AreaId,
        watch: Watch,
        from: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Vec<Decision> {
        let mut decisions = self.tick(now);
        let entry = self.cameras.entry(id.clone());
        let camera = entry.or_insert_with(|| CameraWatch {
            area: area.clone(),
            spans: Vec::new(),
            line: Timeline::default(),
        });
        camera.area = area.clone();
        let changed = match watch {
            Watch::Off => camera.ends(ms(from)),
            Watch::On => camera.begins(ms(from)),
        };
        if changed {
            let horizon = ms(now - MEMORY);
            camera.spans.retain(|(_, end)| *end > horizon);
            camera.count();
            for id in self.last_seen_by(id) {
                decisions.extend(self.settle(&id, ms(now), Cause::Cameras));
            }
        }
        decisions
    }

    /// Those whom a camera saw last: what it watches is what counts for them.
    fn last_seen_by(&self, camera: &CameraId) -> Vec<EmployeeId> {
        let theirs = |person: &Person| {
            person
                .last_seen
                .as_ref()
                .is_some_and(|(_, place)| place.camera == *camera)
        };
        let mut ids: Vec<EmployeeId> = self
            .people
            .iter()
            .filter(|(_, person)| theirs(person))
            .map(|(id, _)| id.clone())
            .collect();
        ids.sort_unstable();
        ids
    }

    /// A camera turns out not to have watched since `from`, which must be taken into account before anything
    /// that has become due since: [`Self::set_camera`] or [`Self::tick`] must follow.
    pub fn stop_watching(&mut self, id: &CameraId, from: DateTime<Utc>) {
        if let Some(camera) = self.cameras.get_mut(id)
            && camera.ends(ms(from))
        {
            camera.count();
        }
    }

    /// An employee was seen. What is older than the newest sighting changes nothing (`None`), but that they are
    /// followed from their first face on; of two cameras at the same moment the one with the lesser id counts.
    pub fn observe(
        &mut self,
        id: &EmployeeId,
        place: &Place,
        seen: &Seen,
        now: DateTime<Utc>,
    ) -> Option<Observed> {
        let method = seen.method;
        let at = match seen.basis {
            Basis::Body if self.rules.faces_only => seen.verified_at,
            Basis::Face | Basis::Body => seen.last_at,
        };
        let (seen, now) = (ms(at), ms(now));
        let person = self.people.get_mut(id)?;
        let newer = |(last, at): &(i64, Place)| (seen, &at.camera) > (*last, &place.camera);
        let newer_face = method == Method::Face && person.last_face.is_none_or(|last| seen > last);
        if newer_face {
            person.last_face = Some(seen);
        }
        if !person.last_seen.as_ref().is_none_or(newer) {
            if !newer_face {
                return None;
            }
            // A late face beside a scan: what was not known of them may be now. What is due is left to the tick.
            if person.due.is_some_and(|due| due <= now) {
                return None;
            }
            let decision = self.settle(id, now, Cause::Late)?;
            return Some(Observed {
                place: PlaceNow::Same,
                state: decision.to,
                decision: Some(decision),
            });
        }
        let place_now = match &mut person.last_seen {
            Some((last, before)) if before == place => {
                *last = seen;
                PlaceNow::Same
            }
            last_seen => {
                *last_seen = Some((seen, place.clone()));
                PlaceNow::Other
            }
        };
        // Whoever was available there is so still, and nothing can change earlier than before: most sightings end here
        // (`make month` takes half the time).
        if place_now == PlaceNow::Same
            && person.state == State::Available
            && person.due.is_some()
            && now - seen < self.soonest_off
        {
            return Some(Observed {
                place: place_now,
                decision: None,
                state: State::Available,
            });
        }
        let (decision, next) = self.reassess(id, now, Cause::Sighting)?;
        let (due, state) = self.people.get(id).map(|person| (person.due, person.state))?;
        // An entry that comes too early is put back when it is reached: cheaper than to move it each time.
        let late = match (due, next) {
            (Some(due), Some(next)) => next < due,
            (due, next) => due != next,
        };
        if late {
            self.enqueue(id, next);
        }
        Some(Observed {
            place: place_now,
            decision,
            state,
        })
    }

    /// What has become due by `now`, in order of time.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Vec<Decision> {
        let now = ms(now);
        let mut decisions = Vec::new();
        while self.queue.first().is_some_and(|(due, _)| *due <= now) {
            let Some((due, id)) = self.queue.pop_first() else {
                break;
            };
            if let Some(person) = self.people.get_mut(&id) {
                person.due = None;
            }
            decisions.extend(self.settle(&id, due, Cause::Due));
        }
        decisions
    }

    /// The state that the facts alone give, for tests of the queue.
    #[cfg(test)]
    pub(super) fn expected(
        &mut self,
        id: &EmployeeId,
        now: DateTime<Utc>,
    ) -> Option<(State, Option<Exemption>)> {
        let before = self.people.get(id)?.state;
        let (state, exemption, _) = self.look(id, ms(now), Cause::Due)?;
        Some(if stays(before, state, Cause::Due) {
            (before, None)
        } else {
            (state, exemption)
        })
    }

    /// The state that the facts alone give, why, and when the state may change next.
    fn look(
        &mut self,
        id: &EmployeeId,
        now: i64,
        cause: Cause,
    ) -> Option<(State, Option<Exemption>, Option<i64>)> {
        let person = self.people.get(id)?;
        let always = Phase::ALWAYS;
        let scheduled = person.terms.schedule.as_deref().and_then(|name| {
            let calendar = self.rules.calendars.get(name)?;
            if !self.phases.get(name).is_some_and(|phase| phase.holds(now)) {
                self.phases.insert(name.to_owned(), calendar.phase(now));
            }
            self.phases.get(name)
        });
        let base = scheduled.unwrap_or(&always);
        let excepted;
        let phase = if person.terms.exceptions.is_empty() {
            base
        } else {
            excepted = base.clone().except(&person.terms.exceptions, now);
            &excepted
        };
        let place = person.last_seen.as_ref().map(|(_, place)| place);
        let own = place.and_then(|place| self.rules.areas.get(&place.area));
        let nothing = Timeline::default();
        let camera = place.and_then(|place| self.cameras.get(&place.camera));
        let facts = Facts {
            last_seen: person.last_seen.as_ref().map(|(seen, _)| *seen),
            last_face: person.last_face,
            line: camera.map_or(&nothing, |camera| &camera.line),
            phase,
            thresholds: own.copied().unwrap_or(self.rules.thresholds),
        };
        let (state, exemption) = assess(&facts, now);
        let holds = if stays(person.state, state, cause) {
            person.state
        } else {
            state
        };
        let next = next_change(&facts, holds, now);
        Some((state, exemption, next))
    }

    /// Takes over what the facts give; says what changed, and when it may change next.
    fn reassess(
        &mut self,
        id: &EmployeeId,
        now: i64,
        cause: Cause,
    ) -> Option<(Option<Decision>, Option<i64>)> {
        let (to, exemption, next) = self.look(id, now, cause)?;
        let person = self.people.get_mut(id)?;
        let from = person.state;
        if (to, exemption) == (from, person.exemption) || stays(from, to, cause) {
            return Some((None, next));
        }
        (person.state, person.exemption) = (to, exemption);
        person.since = match (cause, to, &person.last_seen) {
            (Cause::Sighting, State::Available, Some((seen, _))) => now.min(*seen),
            _ => now,
        };
        let decision = Decision {
            employee: id.clone(),
            from,
            to,
            exemption,
            at: at(person.since),
            cause,
        };
        Some((Some(decision), next))
    }

    /// [`Self::reassess`], and the queue.
    fn settle(&mut self, id: &EmployeeId, now: i64, cause: Cause) -> Option<Decision> {
        let (decision, next) = self.reassess(id, now, cause)?;
        self.enqueue(id, next);
        decision
    }

    /// Queues the next change; a state that does not follow from the facts is due at `now`.
    fn enqueue_right(&mut self, id: &EmployeeId, now: i64) {
        let Some((to, exemption, next)) = self.look(id, now, Cause::Due) else {
            return;
        };
        let right = self.people.get(id).is_some_and(|person| {
            (to, exemption) == (person.state, person.exemption) || stays(person.state, to, Cause::Due)
        });
        self.enqueue(id, if right { next } else { Some(now) });
    }

    fn enqueue(&mut self, id: &EmployeeId, next: Option<i64>) {
        let Some(person) = self.people.get_mut(id) else {
            return;
        };
        if person.due != next {
            if let Some(due) = person.due {
                self.queue.remove(&(due, id.clone()));
            }
            if let Some(next) = next {
                self.queue.insert((next, id.clone()));
            }
            person.due = next;
        }
    }
}

/// Who is absent stays so until they are seen or need not be there: a camera that turns out to have been blind for
/// the last seconds does not take an alert back.
fn stays(from: State, to: State, cause: Cause) -> bool {
    from == State::Absent && cause != Cause::Sighting && !matches!(to, State::Exempt)
}

fn ms(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

fn at(ms: i64) -> DateTime<Utc> {
    // Only times that were times before come here, and sums of them with minutes.
    DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
