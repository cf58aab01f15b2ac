//! Which absences there truly are, counted second by second from what was seen, and whom they must be told to: in the
//! plainest way that there is, to hold the engine's answers against.

use super::company::{Company, Delivery, HOUR, Span, Window};

/// A line of a climb: when, what, about whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Line {
    /// They are told.
    Told(usize),
    /// They are passed over: no phone, absent, or on leave.
    PassedOver(usize, &'static str),
    /// There is nobody to tell.
    NobodyLeft,
    /// Somebody answered.
    Answered(usize),
    /// Nobody did.
    GaveUp,
}

/// An absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Absence {
    pub(super) person: usize,
    /// When it is due to be raised.
    pub(super) due: i64,
    /// When it is over.
    pub(super) over: i64,
    /// What happens about it.
    pub(super) climb: Vec<(i64, Line)>,
}

/// What somebody has to do at a second.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Duty {
    Off,
    Leave,
    Break,
    /// With the beginning of the shift.
    On(i64),
}

/// One after the other: what somebody has to do from when on.
fn duties(company: &Company, person: usize) -> Vec<(i64, Duty)> {
    let person = &company.people[person];
    let mut edges: Vec<i64> = vec![i64::MIN];
    for window in &person.windows {
        edges.extend([window.span.0, window.span.1]);
        edges.extend(window.breaks.iter().flat_map(|(from, to)| [*from, *to]));
    }
    edges.extend(person.leaves.iter().flat_map(|one| [one.span.0, one.span.1]));
    edges.sort_unstable();
    edges.dedup();
    let within = |(from, to): Span, at: i64| from <= at && at < to;
    let duty = |at: i64| {
        if person.leaves.iter().any(|one| within(one.span, at)) {
            return Duty::Leave;
        }
        let Some(window) = person
            .windows
            .iter()
            .find(|window: &&Window| within(window.span, at))
        else {
            return Duty::Off;
        };
        if window.breaks.iter().any(|span| within(*span, at)) {
            Duty::Break
        } else {
            Duty::On(window.span.0)
        }
    };
    edges.into_iter().map(|at| (at, duty(at))).collect()
}

/// What an employee's newest sighting was, and since when that was known.
#[derive(Clone, Copy)]
struct Known {
    at: i64,
    seen: i64,
    camera: usize,
}

fn newest(deliveries: &[Delivery]) -> Vec<Known> {
    let mut known: Vec<Known> = Vec::new();
    for one in deliveries {
        let newer = |last: &Known| (one.seen, last.camera) > (last.seen, one.camera);
        if known.last().is_none_or(newer) {
            known.push(Known {
                at: one.at,
                seen: one.seen,
                camera: one.camera,
            });
        }
    }
    known
}

/// When somebody is absent to the eye. What is raised at a second is raised before anything is seen at it, and the later
/// steps of climbs are taken behind that; so there are two ends, neither of them part of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    since: i64,
    for_raising: i64,
    for_steps: i64,
}

/// The absences of one person, without their climbs, and when they are absent to the eye.
pub(super) fn absences(company: &Company, person: usize) -> (Vec<Absence>, Vec<Gone>) {
    let there = &company.people[person].there;
    let mut deliveries: Vec<Delivery> = there
        .iter()
        .flat_map(|one| company.deliveries(person, *one))
        .collect();
    deliveries.sort_unstable();
    let known = newest(&deliveries);
    let duties = duties(company, person);
    let duty_index = |at: i64| duties.partition_point(|(from, _)| *from <= at) - 1;

    let mut found: Vec<Absence> = Vec::new();
    let mut absent: Vec<Gone> = Vec::new();
    // Whether the last one found is still open.
    let mut open = false;
    for (i, now) in known.iter().enumerate() {
        let until = known.get(i + 1).map_or(company.end, |next| next.at);
        let limit = company.absent_after(now.camera);
        if until - now.seen < limit && !open {
            continue;
        }
        let mut index = duty_index(now.seen);
        let mut counted = 0;
        let mut was_absent = false;
        let mut absent_since: Option<i64> = None;
        let camera = &company.cameras[now.camera];
        let mut returned = false;
        let mut second = now.seen;
        // What is due at a second comes before what is seen at it.
        while second <= until {
            let duty_before = duties[index].1;
            while duties.get(index + 1).is_some_and(|(from, _)| *from <= second) {
                index += 1;
            }
            let duty = duties[index].1;
            if duty != duty_before || second == now.seen {
                let same_shift = matches!(
                    (duty_before, duty),
                    (Duty::On(_), Duty::Break) | (Duty::Break, Duty::On(_))
                );
                counted = 0;
                if !same_shift {
                    was_absent = false;
                }
                if let Some(since) = absent_since.take_if(|_| !matches!(duty, Duty::On(_))) {
                    absent.push(Gone {
                        since,
                        for_raising: second,
                        for_steps: second,
                    });
                }
                if matches!(duty, Duty::Off | Duty::Leave) && open && second > now.at {
                    close(&mut found, &mut open, second);
                }
            }
            if let Duty::On(began) = duty {
                let came = now.seen >= began - 2 * HOUR;
                if came && counted >= limit {
                    was_absent = true;
                }
                if was_absent && second >= now.at && absent_since.is_none() {
                    absent_since = Some(second);
                    if !open && (second > now.at || now.at == now.seen) {
                        open = true;
                        found.push(Absence {
                            person,
                            due: second,
                            over: i64::MAX,
                            climb: Vec::new(),
                        });
                    }
                }
                if camera.trouble(second).is_none() {
                    counted += 1;
                }
            }
            if second == now.at && open && !was_absent && !returned {
                // Seen since it was raised.
                returned = true;
                close(&mut found, &mut open, second);
            }
            second = match duty {
                Duty::On(_) => second + 1,
                // Nothing happens before the next change, or before they are heard of.
                _ => {
                    let change = duties.get(index + 1).map_or(i64::MAX, |(from, _)| *from);
                    let heard = if now.at > second { now.at } else { i64::MAX };
                    change.min(heard).min(until + 1).max(second + 1)
                }
            };
        }
        if let Some(since) = absent_since {
            absent.push(Gone {
                since,
                for_raising: until + 1,
                for_steps: until,
            });
        }
    }
    (found, absent)
}

fn close(found: &mut [Absence], open: &mut bool, at: i64) {
    *open = false;
    if let Some(last) = found.last_mut() {
        last.over = at;
    }
}

/// What must happen about an absence, if the climb is to go as the chart says: the direct superior at once, then level
/// by level every ten minutes, then HR, of whom nobody has a login here.
pub(super) fn climb(company: &Company, absence: &Absence, absent: &[Vec<Gone>]) -> Vec<(i64, Line)> {
    let person = absence.person;
    let chain = company.above(person);
    let breaks: Vec<Span> = company.people[person]
        .windows
        .iter()
        .flat_map(|window| window.breaks.clone())
        .collect();
    let mut lines: Vec<(i64, Line)> = Vec::new();
    let mut reached: Vec<usize> = Vec::new();
    let mut answer: Option<(i64, usize)> = None;
    let mut last_told: Option<i64> = None;
    let levels = chain.len().clamp(1, 15);
    let mut give_up_from = absence.due;
    for step in 0..=levels {
        let mut at = absence.due + step as i64 * 600;
        // In a break it waits.
        let mut raising = step == 0;
        if let Some((_, ends)) = breaks.iter().find(|(from, to)| *from <= at && at < *to) {
            at = *ends;
            raising = true;
        }
        give_up_from = give_up_from.max(at);
        let answered = answer.is_some_and(|(answered, _)| answered < at || answered == at && !raising);
        let over = absence.over < at || absence.over == at && !raising;
        if answered || over || at >= company.end {
            break;
        }
        let from = if step < levels { step } else { chain.len() };
        let mut told = false;
        for superior in chain.iter().skip(from) {
            // Behind somebody on leave stands their deputy.
            let leave = company.people[*superior]
                .leaves
                .iter()
                .find(|one| one.span.0 <= at && at < one.span.1);
            let deputy = leave.and_then(|one| one.deputy);
            for who in std::iter::once(*superior).chain(deputy) {
                if told || who == person || reached.contains(&who) {
                    continue;
                }
                reached.push(who);
                let on_leave = company.people[who]
                    .leaves
                    .iter()
                    .any(|one| one.span.0 <= at && at < one.span.1);
                let is_absent = absent[who].iter().any(|gone| {
                    let until = if raising { gone.for_raising } else { gone.for_steps };
                    gone.since <= at && at < until
                });
                if !company.people[who].phone {
                    lines.push((at, Line::PassedOver(who, "no_phone")));
                } else if on_leave {
                    lines.push((at, Line::PassedOver(who, "on_leave")));
                } else if is_absent {
                    lines.push((at, Line::PassedOver(who, "absent")));
                } else {
                    told = true;
                    last_told = Some(at);
                    lines.push((at, Line::Told(who)));
                    if let Some(after) = company.answers(person, absence.due, who) {
                        let this = (at + after, who);
                        answer = Some(answer.map_or(this, |first| first.min(this)));
                    }
                }
            }
            if told {
                break;
            }
        }
        if !told {
            lines.push((at, Line::NobodyLeft));
        }
    }
    let mut gives_up = last_told.map_or(give_up_from, |told| give_up_from.max(told + 600));
    let mut raising = false;
    if let Some((_, ends)) = breaks
        .iter()
        .find(|(from, to)| *from <= gives_up && gives_up < *to)
    {
        gives_up = *ends;
        raising = true;
    }
    let in_time = |at: i64| at < absence.over && at < company.end;
    let given_up = in_time(gives_up) || raising && gives_up == absence.over;
    match answer.filter(|(at, _)| in_time(*at)) {
        Some((at, who)) => {
            lines.retain(|(when, _)| *when <= at);
            // Whoever answers after that has it all the same.
            if given_up && (gives_up < at || raising && gives_up == at) {
                lines.push((gives_up, Line::GaveUp));
            }
            lines.push((at, Line::Answered(who)));
        }
        None if given_up => lines.push((gives_up, Line::GaveUp)),
        None => {}
    }
    lines
}
