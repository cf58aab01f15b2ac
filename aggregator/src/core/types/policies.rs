//! Escalation policies, and who would be told of an absence.

use hadir_shared::id::EmployeeId;
use serde::Serialize;

use crate::escalation::{Policy, Target};

/// One row of `GET /api/policies`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyRow {
    /// Its name; the one named `default` holds where no other does.
    pub name: String,
    /// Its steps.
    #[serde(flatten)]
    pub policy: Policy,
    /// In how many areas it holds.
    pub areas: u64,
    /// For how many employees, and those below them, it holds.
    pub teams: u64,
}

/// `GET /api/employees/{id}/escalation`: who would be told if the employee were absent now and nobody answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The name of the policy that holds; `None`: the standard one.
    pub policy: Option<String>,
    /// Seconds without detection until the alert.
    pub absent_after_s: i64,
    /// What would happen, in order of time.
    pub steps: Vec<PlanStep>,
    /// Seconds after the alert when the climb would be given up.
    pub gives_up_after_s: i64,
}

/// What would happen at a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanStep {
    /// Seconds after the alert.
    pub after_s: i64,
    /// Whom the step is for.
    pub to: Target,
    /// Who would be told.
    pub told: Vec<Named>,
    /// Who could not be.
    pub passed_over: Vec<Obstacle>,
    /// Whether they were told before.
    pub repeated: bool,
}

/// An employee; nothing but that there is somebody where the viewer may not see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Who.
    pub employee: Option<EmployeeId>,
    /// Their name.
    pub name: Option<String>,
}

/// One line of `GET /api/hierarchy`: what keeps absences from being told to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HierarchyProblem {
    /// `no_superior`, `no_phone`, `reaches_nobody` or `policy_reaches_nobody`.
    pub code: &'static str,
    /// Whom it concerns.
    pub employee: Option<EmployeeId>,
    /// The policy that it concerns.
    pub policy: Option<String>,
    /// A sentence that says what to do.
    pub message: String,
}

/// Somebody who could not be told, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// Who.
    #[serde(flatten)]
    pub who: Named,
    /// `no_phone`, `absent` or `on_leave`.
    pub reason: &'static str,
}
