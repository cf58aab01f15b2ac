//! A simulated month: a company's shifts, habits and broken cameras go through the real presence and escalation rules,
//! and what they raise is held against the truth, counted second by second by other code.
//!
//! The rules are those of the aggregator ([`hadir_aggregator::presence`], [`hadir_aggregator::escalation`],
//! [`hadir_aggregator::schedule`]); what stands between them there, the store, is left out here.

mod company;
mod course;
mod truth;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use self::company::{Company, Trouble};
use self::truth::{Absence, Line};

/// What a month is made of.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many people.
    pub people: usize,
    /// How many days, from a Monday on.
    pub days: usize,
    /// A track speaks every so many seconds.
    pub every: i64,
    /// The same seed makes the same month.
    pub seed: u64,
    /// A mistake that is planted in what the rules give, to show that it is noticed.
    pub fault: Option<Fault>,
}

/// A mistake in the engine's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// One absence in a hundred is not raised.
    Miss,
    /// One in a hundred is raised five seconds late.
    Late,
    /// One in a hundred is raised twice.
    Twice,
    /// Thresholds hold in breaks, too.
    Break,
    /// The first step goes to the top.
    Order,
    /// Whoever is passed over is not recorded.
    Silent,
    /// Whoever turns their back counts as gone.
    Faces,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    rows: Vec<(String, String)>,
    took: Duration,
    /// True absences.
    pub absences: usize,
    /// Not raised.
    pub missed: usize,
    /// Raised where there was none, or twice.
    pub false_: usize,
    /// Raised more than a second after they were due.
    pub late: usize,
    /// Climbs that went otherwise than the chart says.
    pub climbs_wrong: usize,
    first_wrong: Option<String>,
}

impl Outcome {
    /// Whether everything was as it should be.
    pub fn right(&self) -> bool {
        self.missed + self.false_ + self.late + self.climbs_wrong == 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, value) in &self.rows {
            writeln!(f, "{what:<44} {value:>12}")?;
        }
        writeln!(
            f,
            "{:<44} {:>12}",
            "time",
            format!("{:.1} s", self.took.as_secs_f32())
        )?;
        if let Some(wrong) = &self.first_wrong {
            writeln!(f, "{wrong}")?;
        }
        write!(
            f,
            "absences={} missed={} false={} late={}",
            self.absences, self.missed, self.false_, self.late
        )
    }
}

/// Lets a month go by.
pub fn run(options: &Options) -> Outcome {
    let began = Instant::now();
    let company = Company::new(options.people, options.days, options.every, options.seed);
    let (truth, course) = std::thread::scope(|scope| {
        let course = scope.spawn(|| course::run(&company, options.fault));
        let truth = true_absences(&company);
        (truth, course.join().unwrap_or_default())
    });
    let mut outcome = compare(&truth, &course.absences);
    outcome.rows = table(options, &company, &course);
    outcome.rows.push((
        "climbs otherwise than the chart says".into(),
        outcome.climbs_wrong.to_string(),
    ));
    outcome.took = began.elapsed();
    outcome
}

fn true_absences(company: &Company) -> Vec<Absence> {
    let mut found = Vec::new();
    let mut gone = Vec::new();
    for person in 0..company.people.len() {
        let (absences, absent) = truth::absences(company, person);
        found.extend(absences);
        gone.push(absent);
    }
    for absence in &mut found {
        absence.climb = truth::climb(company, absence, &gone);
    }
    found
}

fn compare(truth: &[Absence], raised: &[Absence]) -> Outcome {
    let mut of: BTreeMap<usize, Vec<&Absence>> = BTreeMap::new();
    for one in raised {
        of.entry(one.person).or_default().push(one);
    }
    let mut outcome = Outcome {
        absences: truth.len(),
        ..Outcome::default()
    };
    for one in truth {
        let of_person = of.entry(one.person).or_default();
        // Each is answered by one that was raised, within a minute.
        let Some(at) = of_person
            .iter()
            .position(|raised| (raised.due - one.due).abs() <= 60)
        else {
            outcome.missed += 1;
            outcome
                .first_wrong
                .get_or_insert_with(|| format!("missed: {one:?}"));
            continue;
        };
        let raised = of_person.remove(at);
        if (raised.due - one.due).abs() > 1 {
            outcome.late += 1;
        } else if raised.climb != one.climb {
            outcome.climbs_wrong += 1;
            outcome
                .first_wrong
                .get_or_insert_with(|| format!("wrong climb: {raised:?}\nbut in truth: {one:?}"));
        }
    }
    outcome.false_ = of.values().map(Vec::len).sum();
    if let Some(one) = of.values().flatten().next() {
        outcome.first_wrong = Some(format!("false: {one:?}"));
    }
    outcome
}

fn table(options: &Options, company: &Company, course: &course::Course) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |what: &str, value: String| rows.push((what.to_owned(), value));
    row("people", options.people.to_string());
    row("days", options.days.to_string());
    row("seed", options.seed.to_string());
    row("cameras", company.cameras.len().to_string());
    let troubles = |kind| {
        let all = company.cameras.iter().flat_map(|camera| &camera.troubles);
        let of_kind: Vec<_> = all.filter(|(_, trouble)| *trouble == kind).collect();
        let hours: i64 = of_kind.iter().map(|((from, to), _)| to - from).sum::<i64>() / company::HOUR;
        format!("{} ({hours} h)", of_kind.len())
    };
    row("cameras broken", troubles(Trouble::Camera));
    row("cameras cut off, sightings late", troubles(Trouble::Agent));
    let shifts: usize = company.people.iter().map(|person| person.windows.len()).sum();
    row("shifts", shifts.to_string());
    let leaves: usize = company.people.iter().map(|person| person.leaves.len()).sum();
    row("leaves", leaves.to_string());
    row("sightings", course.sightings.to_string());
    row("  by the body alone", course.by_body.to_string());
    row("changes of state", course.decisions.to_string());
    row("absences raised", course.absences.len().to_string());
    let lines = || {
        course
            .absences
            .iter()
            .flat_map(|absence| &absence.climb)
            .map(|(_, line)| line)
    };
    let count = |of: &dyn Fn(&Line) -> bool| lines().filter(|line| of(line)).count().to_string();
    row("  told", count(&|line| matches!(line, Line::Told(_))));
    for reason in ["no_phone", "absent", "on_leave"] {
        row(
            &format!("  passed over: {reason}"),
            count(&|line| matches!(line, Line::PassedOver(_, why) if *why == reason)),
        );
    }
    row("  nobody left to tell", count(&|line| *line == Line::NobodyLeft));
    row("  answered", count(&|line| matches!(line, Line::Answered(_))));
    row("  given up", count(&|line| *line == Line::GaveUp));
    rows
}

#[cfg(test)]
mod tests;
