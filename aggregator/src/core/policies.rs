//! Escalation policies, who would be told of an absence, and what is wrong with the hierarchy.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hadir_shared::id::EmployeeId;

use super::Core;
use super::absences::ladders;
use super::alerts::must_manage;
use super::schedules::{plain_name, registered};
use super::templates::no_employee;
use super::types::{HierarchyProblem, Named, Obstacle, Plan, PlanStep, PolicyRow, Role, Viewer};
use crate::error::{Error, Result};
use crate::escalation::{
    Action, Ladder, Outcome, Policy, QuietTime, Step, TakenStep, Target, due_actions, next_due,
};
use crate::sentence::say;
use crate::store::Reader;

/// In place of the id of somebody whom the viewer may not see.
const HIDDEN: &str = "hidden";

impl Core {
    /// Every policy, by name. Of employees whom the viewer may not see, the id is [`HIDDEN`].
    ///
    /// # Errors
    /// `Forbidden` for technicians.
    pub fn policies(&self, viewer: &Viewer) -> Result<Vec<PolicyRow>> {
        no_technician(viewer)?;
        let mut rows = self.store.read(|reader| reader.policies())?;
        let people = self.people();
        for step in rows.iter_mut().flat_map(|row| &mut row.policy.steps) {
            if let Target::Employee(id) = &step.to
                && !people.sees(viewer, id)
                && let Ok(hidden) = EmployeeId::new(HIDDEN)
            {
                step.to = Target::Employee(hidden);
            }
        }
        Ok(rows)
    }

    /// Adds a policy or changes it, for alerts that are opened from now on. The one named `default` holds where no
    /// other does.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid` with the step that makes no sense, or where none can ever reach anybody.
    pub fn save_policy(&self, viewer: &Viewer, name: &str, policy: &Policy) -> Result<PolicyRow> {
        must_manage(viewer)?;
        plain_name(name)?;
        policy
            .check()
            .map_err(|problem| Error::invalid("steps", problem))?;
        let now = self.now();
        self.update(|_, tx, _| {
            for step in &policy.steps {
                if let Target::Employee(id) = &step.to {
                    registered(tx, "steps", id.as_str())?;
                }
            }
            if !reaches_anybody(tx, policy, now)? {
                return Err(Error::invalid(
                    "steps",
                    say!(
                        "This policy can never reach anybody: nobody whom it names, or above them, has the \
                         phone number or e-mail address it needs.",
                        "Kebijakan ini tidak akan pernah mencapai siapa pun: tidak seorang pun yang \
                         disebutnya, atau di atas mereka, memiliki nomor telepon atau alamat e-mail yang \
                         diperlukan."
                    ),
                ));
            }
            tx.save_policy(name, policy, now)?;
            tx.audit(&viewer.username, &format!("policy {name} saved"), now)?;
            let saved = tx.policies()?.into_iter().find(|row| row.name == name);
            saved.ok_or_else(|| no_policy(name))
        })
    }

    /// Deletes a policy that holds nowhere.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Conflict` while it holds somewhere.
    pub fn delete_policy(&self, viewer: &Viewer, name: &str) -> Result<()> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|_, tx, _| {
            let row = tx.policies()?.into_iter().find(|row| row.name == name);
            let row = row.ok_or_else(|| no_policy(name))?;
            if row.areas + row.teams > 0 {
                return Err(Error::conflict(
                    "name",
                    say!(
                        "The policy {name} holds in {} areas and for {} teams; give them another one first.",
                        "Kebijakan {name} berlaku di {} area dan untuk {} tim; beri mereka kebijakan lain \
                         dahulu.",
                        row.areas,
                        row.teams
                    ),
                ));
            }
            tx.delete_policy(name)?;
            tx.audit(&viewer.username, &format!("policy {name} deleted"), now)
        })
    }

    /// Who would be told if an employee were absent now and nobody answered.
    ///
    /// # Errors
    /// `NotFound`, also where the viewer may not see them.
    pub fn escalation_plan(&self, viewer: &Viewer, id: &EmployeeId) -> Result<Plan> {
        if !self.may_see(viewer, id) {
            return Err(no_employee(id));
        }
        let now = self.now();
        let (name, climb, area, site) = self.store.read(|reader| {
            reader.employee(id)?.ok_or_else(|| no_employee(id))?;
            let area = reader.last_area(id)?;
            let row = reader.policy_for(id, area.as_ref())?;
            let name = row.as_ref().map(|row| row.name.clone());
            let policy = match row {
                Some(row) => row.policy,
                None => Policy::standard(reader.above(id)?.len()),
            };
            let ladders = ladders(reader, &policy, id, area.as_ref(), now)?;
            let own = reader
                .areas()?
                .into_iter()
                .find(|one| Some(&one.id) == area.as_ref());
            let site = super::thresholds::in_force(reader, &self.settings)?
                .absent_after
                .num_seconds();
            Ok((name, self.imagine(policy, &ladders, now), own, site))
        })?;
        let people = self.people();
        let named = |id: &EmployeeId| {
            let seen = people.sees(viewer, id);
            Named {
                employee: seen.then(|| id.clone()),
                name: people.name(id).filter(|_| seen).map(str::to_owned),
            }
        };
        let own = area.and_then(|area| area.absent_after_s).map(i64::from);
        let steps = climb
            .steps
            .into_iter()
            .map(|((at, step, repeated), reached)| PlanStep {
                after_s: (at - now).num_seconds(),
                to: climb.policy.steps[step as usize].to.clone(),
                told: reached.told.iter().map(named).collect(),
                passed_over: reached
                    .passed_over
                    .iter()
                    .map(|(id, reason)| Obstacle {
                        who: named(id),
                        reason,
                    })
                    .collect(),
                repeated,
            });
        Ok(Plan {
            policy: name,
            absent_after_s: own.unwrap_or(site),
            steps: steps.collect(),
            gives_up_after_s: (climb.gives_up - now).num_seconds(),
        })
    }

    /// Climbs without an answer, in mind.
    fn imagine(&self, policy: Policy, ladders: &[Ladder], opened_at: DateTime<Utc>) -> Imagined {
        // What follows on what, whatever the time of day.
        let quiet = QuietTime::never(self.settings.timezone);
        let mut taken: Vec<TakenStep> = Vec::new();
        let mut steps = Steps::new();
        let mut gives_up = opened_at;
        // Every climb ends; a policy has at most 20 steps of 21 rounds.
        for _ in 0..1000 {
            let Some(at) = next_due(&policy, &taken, opened_at, &quiet) else {
                break;
            };
            let at = at.max(opened_at);
            for action in due_actions(&policy, ladders, &taken, opened_at, at, &quiet) {
                let (step, recipient, outcome) = match action {
                    Action::Tell {
                        step,
                        recipient,
                        round,
                    } => {
                        steps
                            .entry((at, step, round > 0))
                            .or_default()
                            .told
                            .push(recipient.clone());
                        (step, Some(recipient), Outcome::Told)
                    }
                    Action::PassOver {
                        step,
                        recipient,
                        reason,
                    } => {
                        let entry = steps.entry((at, step, false)).or_default();
                        entry.passed_over.push((recipient.clone(), reason.code()));
                        (step, Some(recipient), Outcome::PassedOver)
                    }
                    Action::NobodyLeft { step } => (step, None, Outcome::NobodyLeft),
                    Action::GiveUp { step } => {
                        gives_up = at;
                        (step, None, Outcome::GaveUp)
                    }
                };
                taken.push(TakenStep {
                    step,
                    recipient,
                    outcome,
                    at,
                });
            }
        }
        Imagined {
            policy,
            steps,
            gives_up,
        }
    }

    /// What keeps absences from being told to somebody: to be mended before it matters.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR.
    pub fn hierarchy_problems(&self, viewer: &Viewer) -> Result<Vec<HierarchyProblem>> {
        must_manage(viewer)?;
        let now = self.now();
        self.store.read(|reader| problems(reader, now))
    }
}

/// By time, step, and whether it is a repetition.
type Steps = BTreeMap<(DateTime<Utc>, u32, bool), Reached>;

#[derive(Default)]
struct Reached {
    told: Vec<EmployeeId>,
    passed_over: Vec<(EmployeeId, &'static str)>,
}

struct Imagined {
    policy: Policy,
    steps: Steps,
    gives_up: DateTime<Utc>,
}

/// Everything that is wrong with the hierarchy, by employee.
pub(super) fn problems(reader: &Reader<'_>, now: DateTime<Utc>) -> Result<Vec<HierarchyProblem>> {
    let mut found = Vec::new();
    let employees = reader.employees()?;
    let mut below: BTreeMap<&EmployeeId, usize> = BTreeMap::new();
    for superior in employees
        .iter()
        .filter_map(|employee| employee.supervisor.as_ref())
    {
        *below.entry(superior).or_default() += 1;
    }
    let hr = reader.holders(Role::Hr)?;
    let hr_reachable = reader
        .contacts(&hr, now)?
        .iter()
        .any(|contact| contact.phone.is_some());
    let phones: BTreeMap<&EmployeeId, bool> = employees
        .iter()
        .map(|employee| (&employee.id, employee.phone.is_some()))
        .collect();
    for employee in &employees {
        let (id, name) = (&employee.id, &employee.name);
        let team = below.get(id).copied().unwrap_or(0);
        let mut problem = |code, message| {
            found.push(HierarchyProblem {
                code,
                employee: Some(id.clone()),
                policy: None,
                message,
            });
        };
        if employee.supervisor.is_none() && team == 0 && !hr.contains(id) {
            problem(
                "no_superior",
                format!("{name} has no superior: nobody is told of their absence but HR."),
            );
        }
        if team > 0 && employee.phone.is_none() {
            problem(
                "no_phone",
                format!("{name} has {team} people below them and no phone number: absences pass them over."),
            );
        }
        let above = reader.above(id)?;
        if !above.is_empty() && !hr_reachable && !above.iter().any(|one| phones.get(one) == Some(&true)) {
            problem(
                "reaches_nobody",
                format!(
                    "Nobody above {name} has a phone number, and no login of role hr: nobody is told of their absence."
                ),
            );
        }
    }
    for row in reader.policies()? {
        if !reaches_anybody(reader, &row.policy, now)? {
            found.push(HierarchyProblem {
                code: "policy_reaches_nobody",
                employee: None,
                policy: Some(row.name.clone()),
                message: format!(
                    "The policy {} can never reach anybody: nobody whom it names, or above them, has the phone number or e-mail address it needs.",
                    row.name
                ),
            });
        }
    }
    Ok(found)
}

/// Whether any step of a policy could ever reach anybody.
fn reaches_anybody(reader: &Reader<'_>, policy: &Policy, now: DateTime<Utc>) -> Result<bool> {
    let mut steps = policy.steps.iter();
    steps.try_fold(false, |found, step| Ok(found || reaches(reader, step, now)?))
}

/// Whether a step could ever reach anybody.
fn reaches(reader: &Reader<'_>, step: &Step, now: DateTime<Utc>) -> Result<bool> {
    let address = |ids: &[EmployeeId]| -> Result<bool> {
        Ok(reader
            .contacts(ids, now)?
            .iter()
            .any(|contact| contact.address(step.channel).is_some()))
    };
    let from = |first: &EmployeeId| -> Result<bool> {
        let mut ids = vec![first.clone()];
        ids.extend(reader.above(first)?);
        address(&ids)
    };
    match &step.to {
        Target::Role(role) => address(&reader.holders(*role)?),
        Target::Employee(id) => from(id),
        Target::AreaSupervisor => {
            let mut supervisors = reader.areas()?.into_iter().filter_map(|area| area.supervisor);
            supervisors.try_fold(false, |found, first| Ok(found || from(&first)?))
        }
        Target::Superior(level) => {
            // Somebody at or above that level of anybody.
            let mut everybody = reader.superiors()?.into_iter();
            everybody.try_fold(false, |found, (id, _)| {
                if found {
                    return Ok(true);
                }
                let above = reader.above(&id)?;
                address(above.get(usize::from(*level) - 1..).unwrap_or_default())
            })
        }
    }
}

fn no_technician(viewer: &Viewer) -> Result<()> {
    match viewer.role {
        Role::Technician => Err(Error::forbidden(say!(
            "Policies are for those who see people.",
            "Kebijakan hanya untuk yang boleh melihat karyawan."
        ))),
        Role::Admin | Role::Hr | Role::Supervisor => Ok(()),
    }
}

fn no_policy(name: &str) -> Error {
    Error::not_found(
        "name",
        say!("There is no policy {name}.", "Tidak ada kebijakan {name}."),
    )
}
