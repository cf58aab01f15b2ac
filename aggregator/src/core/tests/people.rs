//! Employees: validation, who sees whom, deletion, galleries, users.

use hadir_shared::gallery::Template;
use hadir_shared::id::AreaId;

use super::*;

fn new(name: &str) -> NewEmployee {
    NewEmployee {
        name: name.into(),
        ..NewEmployee::default()
    }
}

#[test]
fn what_is_wrong_with_an_employee_is_named() {
    let site = Site::new();
    let text = |text: &str| Some(text.to_owned());
    #[track_caller]
    fn check(site: &Site, new: NewEmployee, kind: ErrorKind, field: &str) {
        let error = site.core.create_employee(&admin(), new).expect_err("was taken");
        assert_eq!((error.kind, error.field), (kind, Some(field)), "{error}");
    }
    use ErrorKind::{Conflict, Invalid};
    check(&site, new(" "), Invalid, "name");
    check(&site, new(&"x".repeat(101)), Invalid, "name");
    check(&site, new("a\nb"), Invalid, "name");
    check(
        &site,
        NewEmployee {
            id: text("a/b"),
            ..new("A")
        },
        Invalid,
        "id",
    );
    check(
        &site,
        NewEmployee {
            id: text("LEE"),
            ..new("A")
        },
        Conflict,
        "id",
    );
    check(
        &site,
        NewEmployee {
            supervisor: text("NOBODY"),
            ..new("A")
        },
        Invalid,
        "supervisor",
    );
    check(
        &site,
        NewEmployee {
            areas: vec!["a b".into()],
            ..new("A")
        },
        Invalid,
        "areas",
    );
    check(
        &site,
        NewEmployee {
            phone: text("call me"),
            ..new("A")
        },
        Invalid,
        "phone",
    );
    let first = site
        .core
        .create_employee(
            &admin(),
            NewEmployee {
                badge: text(" 7 "),
                ..new("A")
            },
        )
        .expect("taken");
    assert_eq!((first.id.as_str(), first.badge.as_deref()), ("EMP001", Some("7")));
    check(
        &site,
        NewEmployee {
            badge: text("7"),
            ..new("B")
        },
        Conflict,
        "badge",
    );
    assert_eq!(
        site.core
            .create_employee(&admin(), new("B"))
            .expect("taken")
            .id
            .as_str(),
        "EMP002"
    );

    let patch = |id: &str, supervisor: Option<&str>| {
        let patch = EmployeePatch {
            supervisor: Some(supervisor.map(str::to_owned)),
            ..EmployeePatch::default()
        };
        site.core.update_employee(&admin(), &who(id), patch)
    };
    let circle = patch("HR", Some("LEE")).expect_err("was taken");
    assert_eq!((circle.kind, circle.field), (Invalid, Some("supervisor")));
    assert!(circle.message.en().contains("Lee Min"), "{circle}");
    assert!(patch("HR", Some("HR")).is_err());
    assert_eq!(
        patch("LEE", Some("BUDI")).expect("taken").supervisor,
        Some(who("BUDI"))
    );
    assert_eq!(patch("LEE", None).expect("taken").supervisor, None);
    assert!(patch("NOBODY", None).is_err());

    let json = r#"{"supervisor":null,"areas":["lobi"],"phone":"0812 999 888 7"}"#;
    let patch: EmployeePatch = serde_json::from_str(json).expect("JSON");
    let lee = site
        .core
        .update_employee(&admin(), &who("LEE"), patch)
        .expect("taken");
    assert_eq!(
        (lee.name.as_str(), lee.phone.as_deref()),
        ("Lee Min", Some("+628129998887"))
    );
    assert_eq!(lee.areas, [AreaId::new("lobi").expect("id")]);
    assert!(serde_json::from_str::<EmployeePatch>(r#"{"nmae":"x"}"#).is_err());
    let json = serde_json::to_value(&lee).expect("JSON");
    assert_eq!(json["consent"], "2026-09-21T14:13:20.000Z");
    assert_eq!(json["language"], "id");
}

#[test]
fn everybody_sees_what_they_may() {
    let site = Site::new();
    let viewer = |role, employee: Option<&str>| Viewer {
        role,
        employee: employee.map(who),
        username: "u".into(),
    };
    let names = |viewer: &Viewer| {
        let rows = site.core.status(viewer).expect("status");
        rows.into_iter()
            .map(|row| row.employee.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(names(&viewer(Role::Hr, None)), "BUDI HR LEE SARI");
    assert_eq!(names(&viewer(Role::Supervisor, Some("SARI"))), "LEE SARI");
    assert_eq!(names(&viewer(Role::Supervisor, None)), "");
    assert_eq!(names(&viewer(Role::Technician, Some("HR"))), "");
    let sari = viewer(Role::Supervisor, Some("SARI"));
    assert_eq!(site.core.summary(&sari).expect("summary").total, 2);
    assert_eq!(
        site.core
            .employee(&sari, &who("BUDI"))
            .expect_err("was shown")
            .kind,
        ErrorKind::NotFound
    );
    assert_eq!(site.core.name_of(&sari, &who("LEE")).as_deref(), Some("Lee Min"));
    assert_eq!(site.core.name_of(&sari, &who("HR")), None);
    assert_eq!(
        site.core
            .create_employee(&sari, new("X"))
            .expect_err("was added")
            .kind,
        ErrorKind::Forbidden
    );
    assert_eq!(
        site.core
            .delete_employee(&sari, &who("LEE"))
            .expect_err("was deleted")
            .kind,
        ErrorKind::Forbidden
    );

    site.until(10);
    site.take(vec![seen(1, "LEE", 10), seen(2, "BUDI", 10)]);
    site.until(320);
    assert_eq!(
        site.core.alerts(&sari, AlertFilter::Open).expect("alerts").len(),
        1
    );
    assert_eq!(site.core.notices(&sari).expect("notices").len(), 1);
    let budi = site
        .alerts()
        .into_iter()
        .find(|a| a.employee == who("BUDI"))
        .expect("alert")
        .id;
    assert_eq!(
        site.core.acknowledge(&sari, budi).expect_err("was answered").kind,
        ErrorKind::NotFound
    );
    let lee = site
        .alerts()
        .into_iter()
        .find(|a| a.employee == who("LEE"))
        .expect("alert")
        .id;
    let alert = site.core.acknowledge(&sari, lee).expect("answered");
    assert_eq!(alert.acknowledged_by.as_deref(), Some("Sari"));
    let json = serde_json::to_value(&alert).expect("JSON");
    assert_eq!(
        (&json["state"], &json["history"][1]["what"]),
        (&"acknowledged".into(), &"message".into())
    );
    assert_eq!(
        json["history"][1]["detail"], "cancelled",
        "answered before it went out"
    );
}

#[test]
fn a_deleted_employee_is_gone_everywhere() {
    let site = Site::new();
    let template = |x: f32| Template(vec![x; 128]);
    let added = site
        .core
        .add_templates(&admin(), &who("SARI"), "m", vec![template(0.1), template(0.2)]);
    let version = added.expect("added").gallery_version;
    site.until(10);
    site.take(vec![seen(1, "SARI", 10), seen(2, "LEE", 10)]);
    site.until(320);
    let mut events = site.core.subscribe();
    let deleted = site
        .core
        .delete_employee(&admin(), &who("SARI"))
        .expect("deleted");
    assert_eq!(
        (deleted.templates, deleted.gallery_version, deleted.devices),
        (2, version + 1, 1)
    );
    let mut gallery = false;
    while let Ok(event) = events.try_recv() {
        gallery |= event
            == Event::Gallery {
                version: version + 1,
                agents: vec![agent()],
            };
    }
    assert!(gallery, "the agents are told");
    assert_eq!(
        site.core.employee(&admin(), &who("LEE")).expect("lee").supervisor,
        Some(who("BUDI"))
    );
    assert!(site.core.employee(&admin(), &who("SARI")).is_err());
    assert_eq!(site.core.check().expect("check"), Vec::<String>::new());
    for file in std::fs::read_dir(site.folder.path()).expect("folder") {
        let data = std::fs::read(file.expect("file").path()).expect("data");
        let piece = [0.1f32, 0.1, 0.1, 0.1].map(f32::to_le_bytes).concat();
        assert!(!data.windows(16).any(|window| window == piece));
    }
    // Who is deleted while standing before a camera is nobody.
    assert_eq!(
        site.take(vec![seen(3, "SARI", 320)]),
        Some(Ack { stored_through: 3 })
    );
    assert!(
        site.core
            .status(&admin())
            .expect("status")
            .iter()
            .all(|row| row.employee != who("SARI"))
    );
}

#[test]
fn galleries_hold_only_who_may_appear_there() {
    let site = Site::new();
    let template = || vec![Template(vec![1.0, 0.0])];
    for (id, areas) in [("LEE", vec!["gudang"]), ("SARI", vec!["lobi"]), ("BUDI", vec![])] {
        let areas = Some(areas.into_iter().map(str::to_owned).collect());
        let patch = EmployeePatch {
            areas,
            ..EmployeePatch::default()
        };
        site.core
            .update_employee(&admin(), &who(id), patch)
            .expect("patch");
        site.core
            .add_templates(&admin(), &who(id), "m", template())
            .expect("added");
    }
    let people = |areas: &[&str], model: &str| {
        let areas: Vec<AreaId> = areas.iter().map(|a| AreaId::new(*a).expect("id")).collect();
        let gallery = site.core.templates_for(&agent(), &areas, model).expect("gallery");
        gallery
            .people
            .iter()
            .map(|entry| entry.employee.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(people(&[], "m"), "BUDI LEE");
    assert_eq!(people(&["lobi"], "m"), "BUDI SARI");
    assert_eq!(people(&["lobi", "gudang"], "m"), "BUDI LEE SARI");
    assert_eq!(people(&[], "other"), "");
    assert_eq!(site.core.all_templates("m").expect("all").len(), 3);
    let version = site.core.gallery_version().expect("version");

    // Withdrawn consent erases; without consent nothing is enrolled.
    let withdrawn = EmployeePatch {
        consent: Some(None),
        ..EmployeePatch::default()
    };
    let lee = site
        .core
        .update_employee(&admin(), &who("LEE"), withdrawn)
        .expect("patch");
    assert_eq!((lee.photos, lee.consent), (0, None));
    assert_eq!(people(&[], "m"), "BUDI");
    assert_eq!(site.core.gallery_version().expect("version"), version + 1);
    let refused = site
        .core
        .add_templates(&admin(), &who("LEE"), "m", template())
        .expect_err("was added");
    assert_eq!(
        (refused.kind, refused.field),
        (ErrorKind::Conflict, Some("consent"))
    );
    let erased = site
        .core
        .delete_templates(&admin(), &who("BUDI"))
        .expect("erased");
    assert_eq!((erased.templates, erased.gallery_version), (1, version + 2));
}

#[test]
fn users_and_sessions() {
    let site = Site::new();
    let core = &site.core;
    let sari = who("SARI");
    core.create_user("sari", "hash", Role::Supervisor, Some(&sari))
        .expect("user");
    let refused = |name: &str, role, employee| {
        core.create_user(name, "h", role, employee)
            .expect_err("taken")
            .field
    };
    assert_eq!(refused("sari", Role::Admin, None), Some("username"));
    assert_eq!(refused("Sari B", Role::Admin, None), Some("username"));
    assert_eq!(refused("x", Role::Supervisor, None), Some("employee"));
    assert_eq!(refused("x", Role::Hr, Some(&who("NOBODY"))), Some("employee"));
    assert!(core.create_session(&[1; 32], "nobody", "hash", t(100)).is_err());
    let outdated = core.create_session(&[1; 32], "sari", "older", t(100));
    assert_eq!(
        outdated.expect_err("began").kind,
        ErrorKind::Conflict,
        "the password was changed meanwhile"
    );
    assert!(core.set_own_password("sari", "older", "mine").is_err());
    core.create_session(&[1; 32], "sari", "hash", t(100))
        .expect("session");
    let user = core.session(&[1; 32]).expect("read").expect("user");
    assert_eq!((user.name.as_str(), user.viewer().employee), ("Sari", Some(sari)));
    assert_eq!(core.session(&[2; 32]).expect("read"), None);
    core.create_session(&[2; 32], "sari", "hash", t(100))
        .expect("session");
    core.delete_session(&[2; 32]).expect("ended");
    assert_eq!(core.session(&[2; 32]).expect("read"), None);
    site.until(100);
    assert_eq!(core.session(&[1; 32]).expect("read"), None, "expired");
    core.create_session(&[3; 32], "sari", "hash", t(1000))
        .expect("session");
    core.set_password("sari", "other").expect("changed");
    assert_eq!(
        core.session(&[3; 32]).expect("read"),
        None,
        "another password ends all sessions"
    );
    assert!(core.set_password("nobody", "x").is_err());
}

#[test]
fn a_camera_belongs_to_one_agent() {
    let site = Site::new();
    let other = AgentId::new("gate-2").expect("id");
    let camera = |id: &str| CameraStatus {
        id: CameraId::new(id).expect("id"),
        number: None,
        label: "X".into(),
        area: AreaId::new("x").expect("id"),
        mode: CameraMode::Recognise,
        state: CameraState::Streaming,
        inference: Inference::Active,
        fps: 1.0,
        last_frame: None,
        people: None,
        cause: None,
        problem: None,
        counts: hadir_shared::status::CameraCounts::default(),
        placement: None,
    };
    let says = |cameras: Vec<CameraStatus>| {
        let status = AgentStatus {
            online: true,
            cameras,
            ..AgentStatus::default()
        };
        site.core.take_status(&other, status).expect("status");
    };
    says(vec![camera("cam-1"), camera("cam-2")]);
    let owners = || {
        let cameras = site.core.cameras(&admin()).expect("cameras");
        cameras
            .into_iter()
            .map(|c| (c.id.to_string(), c.agent.to_string(), c.state))
            .collect::<Vec<_>>()
    };
    let row = |id: &str, agent: &str, state| (id.to_owned(), agent.to_owned(), state);
    use CameraState::{Disabled, Streaming};
    assert_eq!(
        owners(),
        [
            row("cam-2", "gate-2", Streaming),
            row("cam-1", "gate-1", Streaming)
        ]
    );
    assert!(site.core.banners(&admin())[0].message.en().contains("cam-1"));
    // When the first one is gone, the camera may move; what is no longer configured is disabled.
    site.status(false);
    says(vec![camera("cam-1")]);
    assert_eq!(
        owners(),
        [
            row("cam-2", "gate-2", Disabled),
            row("cam-1", "gate-2", Streaming)
        ]
    );
    assert!(site.core.banners(&admin()).is_empty());
}
