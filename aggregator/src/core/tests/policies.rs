//! Policies from the API to the history of an alert. LEE is below SARI below BUDI below HR.

use super::*;
use crate::escalation::Policy;

fn policy(text: &str) -> Policy {
    serde_json::from_str(text).expect("policy")
}

/// LEE was seen at 10 and is absent from 310 on; nobody answers.
fn absent(site: &Site) -> i64 {
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(310);
    site.alerts()[0].id
}

fn patch(site: &Site, id: &str, patch: EmployeePatch) {
    site.core
        .update_employee(&admin(), &who(id), patch)
        .expect("patch");
}

#[tokio::test]
async fn the_standard_climb_goes_to_the_top_and_is_given_up() {
    let mut site = Site::new();
    site.until(10);
    let id = absent(&site);
    let phone = Arc::new(Phone::default());
    phone.deliver(&site).await;
    site.until(909);
    assert_eq!(site.history(id).len(), 2);
    // Nothing is lost or told twice by a restart between two steps.
    site.restart();
    site.status(true);
    site.until(911);
    phone.deliver(&site).await;
    site.until(4000);
    phone.deliver(&site).await;
    assert_eq!(
        site.history(id),
        [
            "Opened",
            "Message SARI sent",
            "Message BUDI sent",
            "Message HR sent",
            "PassedOver nobody_left",
            "GaveUp",
        ]
    );
    let at = |index: usize| (site.alerts()[0].history[index].at - t(310)).num_seconds();
    assert_eq!([at(1), at(2), at(3), at(5)], [0, 600, 1200, 1800]);
}

#[tokio::test]
async fn an_answer_stops_the_climb() {
    let site = Site::new();
    site.until(10);
    let id = absent(&site);
    let phone = Arc::new(Phone::default());
    phone.deliver(&site).await;
    site.presses("628110000003", "wamid.x", &format!("ack:{id}"));
    site.until(4000);
    assert_eq!(
        site.history(id),
        ["Opened", "Message SARI sent", "Acknowledged SARI"]
    );
}

#[test]
fn the_area_comes_before_the_team_and_the_team_before_the_default() {
    let site = Site::new();
    let one = |to: &str| policy(&format!(r#"{{"steps": [{{"after_s": 0, "to": {to}}}]}}"#));
    let save = |name: &str, to: &str| site.core.save_policy(&admin(), name, &one(to)).map(|_| ());
    let told = || {
        let plan = site.core.escalation_plan(&admin(), &who("LEE")).expect("plan");
        let names = plan
            .steps
            .iter()
            .flat_map(|step| &step.told)
            .filter_map(|told| told.name.clone());
        (
            plan.policy.unwrap_or_default(),
            names.collect::<Vec<_>>().join(", "),
        )
    };
    assert_eq!(told(), (String::new(), "Sari, Budi, Ibu Hana".into()));
    save("default", r#"{"superior": 2}"#).expect("saved");
    assert_eq!(told(), ("default".into(), "Budi".into()));
    save("team", r#"{"employee": "HR"}"#).expect("saved");
    patch(
        &site,
        "BUDI",
        EmployeePatch {
            policy: Some(Some("team".into())),
            ..EmployeePatch::default()
        },
    );
    assert_eq!(told(), ("team".into(), "Ibu Hana".into()));
    save("area", r#""area_supervisor""#).expect_err("no area has a supervisor");
    let gudang = hadir_shared::id::AreaId::new("gudang").expect("id");
    let supervisor = AreaPatch {
        supervisor: Some(Some("BUDI".into())),
        ..AreaPatch::default()
    };
    site.core
        .update_area(&admin(), &gudang, &supervisor)
        .expect("changed");
    save("area", r#""area_supervisor""#).expect("saved");
    let of_area = AreaPatch {
        policy: Some(Some("area".into())),
        ..AreaPatch::default()
    };
    site.core
        .update_area(&admin(), &gudang, &of_area)
        .expect("changed");
    assert_eq!(told().0, "team", "not seen anywhere yet");
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    assert_eq!(told(), ("area".into(), "Budi".into()));
    // An alert keeps the policy that it was opened with.
    site.until(310);
    save("area", r#"{"superior": 1}"#).expect("saved");
    assert_eq!(
        site.history(site.alerts()[0].id),
        ["Opened", "Message BUDI queued"]
    );
    let kept = site.core.delete_policy(&admin(), "area").expect_err("holds");
    assert_eq!(kept.kind, ErrorKind::Conflict);
    let nowhere = AreaPatch {
        policy: Some(None),
        ..AreaPatch::default()
    };
    site.core
        .update_area(&admin(), &gudang, &nowhere)
        .expect("changed");
    site.core.delete_policy(&admin(), "area").expect("deleted");
    for (name, to, field) in [
        ("x", r#"{"employee": "NOBODY"}"#, "steps"),
        ("x", r#"{"role": "hr"}"#, "steps"),
        ("a b", r#"{"superior": 1}"#, "name"),
    ] {
        assert_eq!(save(name, to).expect_err(to).field, Some(field));
    }
}

#[test]
fn a_deputy_is_told_for_somebody_on_leave() {
    let site = Site::new();
    let leave = NewLeave {
        employee: "SARI".into(),
        from: When::Moment(t(0)),
        to: When::Moment(t(90_000)),
        reason: String::new(),
        deputy: Some("HR".into()),
    };
    site.core.add_leave(&admin(), &leave).expect("registered");
    site.until(10);
    let id = absent(&site);
    assert_eq!(
        site.history(id),
        ["Opened", "PassedOver SARI on_leave", "Message HR queued"]
    );
}

#[test]
fn who_sees_whom_in_a_plan() {
    let site = Site::new();
    let sari = Viewer {
        role: Role::Supervisor,
        employee: Some(who("SARI")),
        ..admin()
    };
    let plan = site.core.escalation_plan(&sari, &who("LEE")).expect("plan");
    let names: Vec<_> = plan
        .steps
        .iter()
        .flat_map(|step| &step.told)
        .map(|told| told.name.as_deref())
        .collect();
    assert_eq!(names, [Some("Sari"), None, None]);
    assert_eq!((plan.absent_after_s, plan.gives_up_after_s), (300, 1800));
    assert_eq!(
        site.core
            .escalation_plan(&sari, &who("BUDI"))
            .expect_err("above")
            .kind,
        ErrorKind::NotFound
    );
}

#[test]
fn what_is_wrong_with_the_hierarchy_is_said_by_name() {
    let site = Site::new();
    let problems = || {
        let found = site.core.hierarchy_problems(&admin()).expect("problems");
        let line = |p: HierarchyProblem| {
            format!(
                "{} {}",
                p.code,
                p.employee.map(|id| id.to_string()).unwrap_or_default()
            )
        };
        found.into_iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(problems(), [""; 0]);
    site.core
        .save_policy(
            &admin(),
            "x",
            &policy(r#"{"steps": [{"after_s": 0, "to": {"superior": 3}}]}"#),
        )
        .expect("saved");
    let alone = NewEmployee {
        id: Some("ALONE".into()),
        name: "Tini".into(),
        ..NewEmployee::default()
    };
    site.core.create_employee(&admin(), alone).expect("made");
    patch(
        &site,
        "HR",
        EmployeePatch {
            phone: Some(None),
            ..EmployeePatch::default()
        },
    );
    patch(
        &site,
        "BUDI",
        EmployeePatch {
            phone: Some(None),
            ..EmployeePatch::default()
        },
    );
    assert_eq!(
        problems(),
        [
            "no_phone BUDI",
            "reaches_nobody BUDI",
            "no_phone HR",
            "reaches_nobody SARI",
            "no_superior ALONE",
            "policy_reaches_nobody "
        ]
    );
}
