//! Employees from a file: all or none, and every mistake named.

use super::*;
use crate::core::import::{Import, ImportProblem, Mode};

fn import(core: &Core, csv: &str) -> Import {
    core.import_employees(&admin(), csv.as_bytes(), Mode::Write)
        .expect("import")
}

/// The problems of a file, a line each, and that nothing was written.
fn problems(csv: &[u8]) -> Vec<String> {
    let site = Site::new();
    let before = site.core.employees(&admin()).expect("employees");
    let found = site
        .core
        .import_employees(&admin(), csv, Mode::Write)
        .expect("import");
    assert_eq!(
        site.core.employees(&admin()).expect("employees"),
        before,
        "something was written"
    );
    let line = |problem: ImportProblem| {
        format!(
            "{} {} {}",
            problem.line,
            problem.column.unwrap_or("-"),
            problem.message
        )
    };
    found.problems.into_iter().map(line).collect()
}

#[test]
fn a_company_is_taken_in_whole() {
    let site = Site::new();
    // Superiors stand below, Excel's semicolons and mark, quotes, national spellings, an existing employee.
    let csv = "\u{feff}ID;Name;supervisor;areas;phone;badge;language;consent\r\n\
        E1;\"Rudi \"\"Ru\"\"; junior\";E2;gudang|lobi;0812-3456-789;B1;en;2026-01-05\r\n\
        E2;Tini;HR;;+62 812 0000 111;;;ya\r\n\
        LEE;Lee Min Ho;E2;;;;;\r\n\
        ;;;;;;;\r\n";
    let done = import(&site.core, csv);
    assert_eq!(
        (done.added, done.changed, done.unchanged, &done.problems),
        (2, 1, 0, &vec![]),
        "{done:?}"
    );
    let rudi = site.core.employee(&admin(), &who("E1")).expect("Rudi");
    assert_eq!(
        (rudi.name.as_str(), rudi.supervisor, rudi.phone.as_deref()),
        ("Rudi \"Ru\"; junior", Some(who("E2")), Some("+628123456789"))
    );
    assert_eq!(
        (rudi.areas.len(), rudi.badge.as_deref(), rudi.language),
        (2, Some("B1"), Language::En)
    );
    assert_eq!(
        rudi.consent.map(|at| at.to_rfc3339()),
        Some("2026-01-04T17:00:00+00:00".into())
    );
    let lee = site.core.employee(&admin(), &who("LEE")).expect("Lee");
    assert_eq!(
        (lee.name.as_str(), lee.supervisor, lee.phone),
        ("Lee Min Ho", Some(who("E2")), None)
    );
    assert_eq!(lee.consent, Some(t(0)), "an empty cell withdraws no consent");
    // Again changes nothing.
    let again = import(&site.core, csv);
    assert_eq!((again.added, again.changed, again.unchanged), (0, 0, 3));
    // A column that is not there leaves what is.
    import(&site.core, "id,name\nE1,Rudi");
    let rudi = site.core.employee(&admin(), &who("E1")).expect("Rudi");
    assert_eq!(
        (rudi.name.as_str(), rudi.phone.as_deref()),
        ("Rudi", Some("+628123456789"))
    );
    // Badges may change hands in one file.
    let swapped = import(&site.core, "id,name,badge\nE1,Rudi,\nE2,Tini,B1");
    assert_eq!((swapped.changed, swapped.problems), (2, vec![]));
    // What is missing above is told by name.
    let alone = import(&site.core, "id,name\nE9,Udin");
    assert!(
        alone
            .hierarchy
            .iter()
            .any(|p| p.message.starts_with("Udin has no superior")),
        "{alone:?}"
    );
    assert_eq!(site.core.check().expect("check"), Vec::<String>::new());
}

#[test]
fn every_mistake_is_named_and_nothing_is_written() {
    let found = problems(
        b"id,name,supervisor,phone,badge,email,language,schedule,consent\n\
          E1,Rudi,E2,12,,,,,\n\
          E2,Tini,E3,,B1,,,,\n\
          E3,Udin,E1,,B1,x@,de,Pagi,soon\n\
          E4,,HR,,,,,,\n\
          ,Nobody,,,,,,,\n\
          E2,Tini again,NONE,,,,,,\n",
    );
    let expect = [
        "2 phone Rudi: This is no phone number: write it like 0812-3456-7890 or +62 812 3456 7890.",
        "4 email Udin: This is no e-mail address: write it like sari@example.com.",
        "4 schedule Udin: There is no schedule Pagi; there is none yet.",
        "4 language Udin: write the language as id or en.",
        "4 consent Udin: Write when they consented, like 2026-11-24, or yes for today.",
        "5 name E4: A name has 1 to 100 characters, in one line.",
        "6 id Nobody: the id has 1 to 64 letters, digits, -, _ or .; give everybody one.",
        "7 id Tini again: the id E2 stands in line 3 already.",
        "7 supervisor Tini again: there is no employee NONE, neither in this file nor registered.",
    ];
    for line in expect {
        assert!(found.iter().any(|one| one == line), "{line} is not in {found:#?}");
    }
    let circle = problems(b"id,name,supervisor\nE1,Rudi,E2\nE2,Tini,E3\nE3,Udin,E1\nBUDI,Budi,LEE\n");
    assert_eq!(
        circle,
        [
            "2 supervisor Nobody can be above themselves: Rudi \u{2192} Tini \u{2192} Udin \u{2192} Rudi.",
            "5 supervisor Nobody can be above themselves: Budi \u{2192} Lee Min \u{2192} Sari \u{2192} Budi.",
        ]
    );
    let badge = problems(b"id,name,badge\nE1,Rudi,B1\nE2,Tini,B1\n");
    assert_eq!(badge, ["3 badge Tini: the badge B1 is that of Rudi."]);
    for (csv, word) in [
        (&b""[..], "id is missing"),
        (b"name\nRudi", "id is missing"),
        (b"id,name,wage\nE1,Rudi,1", "a column \"wage\""),
        (b"id,name,id\nE1,Rudi,1", "id twice"),
        (b"id,name\n", "names nobody"),
        (b"id,name\nE1,Rudi,3", "3 cells, the first one 2"),
        (b"id,name\nE1,Ru\xffdi", "not UTF-8"),
        (b"id,name\nE 1,Rudi", "the id has"),
    ] {
        let found = problems(csv);
        assert!(found.len() == 1 && found[0].contains(word), "{word}: {found:?}");
    }
    let many: String = (0..1000).map(|n| format!("E{n},,\n")).collect();
    let found = problems(format!("id,name,phone\n{many}").as_bytes());
    assert!(
        found.len() == 201 && found[200].contains("800 more problems"),
        "{}",
        found.len()
    );
}

#[test]
fn only_those_who_manage_people_and_a_try_writes_nothing() {
    let site = Site::new();
    let supervisor = Viewer {
        role: Role::Supervisor,
        employee: Some(who("SARI")),
        username: "sari".into(),
    };
    let refused = site
        .core
        .import_employees(&supervisor, b"id,name\nE1,Rudi", Mode::Write)
        .expect_err("refused");
    assert_eq!(refused.kind, ErrorKind::Forbidden);
    let tried = site
        .core
        .import_employees(&admin(), b"id,name\nE1,Rudi", Mode::Try)
        .expect("import");
    assert_eq!(tried.added, 1);
    assert!(site.core.employee(&admin(), &who("E1")).is_err());
}

/// A command that looks in while the aggregator is down is not the aggregator: nobody counts as watched by it.
#[test]
fn an_import_while_it_is_down_accuses_nobody() {
    let mut site = Site::new();
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.until(20);
    site.clock.set(t(4000));
    for mode in [Mode::Try, Mode::Write] {
        let visiting = Core::visit(settings(&site.folder), site.clock.clone()).expect("core");
        visiting
            .import_employees(&admin(), b"id,name\nE1,Rudi", mode)
            .expect("import");
    }
    site.restart();
    assert!(site.alerts().is_empty(), "{:?}", site.alerts());
    assert_ne!(site.state("LEE"), types::State::Absent);
}

/// The command writes beside a running aggregator, which takes it up with its next tick.
#[test]
fn a_running_aggregator_takes_it_up() {
    let site = Site::new();
    site.until(10);
    let visiting = Core::visit(settings(&site.folder), site.clock.clone()).expect("core");
    import(&visiting, "id,name,supervisor\nE1,Rudi,SARI");
    drop(visiting);
    let sari = Viewer {
        role: Role::Supervisor,
        employee: Some(who("SARI")),
        username: "sari".into(),
    };
    assert_eq!(site.core.name_of(&sari, &who("E1")), None);
    let mut events = site.core.subscribe();
    site.until(11);
    assert_eq!(site.core.name_of(&sari, &who("E1")).as_deref(), Some("Rudi"));
    assert!(std::iter::from_fn(|| events.try_recv().ok()).any(|event| matches!(event, Event::Employees)));
    // And what was known of the others still is.
    site.take(vec![seen(1, "E1", 11)]);
    assert_eq!(
        (site.state("E1"), site.state("LEE")),
        (types::State::Available, types::State::Unknown)
    );
    site.until(312);
    assert_eq!(site.alerts()[0].employee, who("E1"));
}

/// So is what HR sends to the one that runs.
#[test]
fn what_is_sent_while_it_runs_holds_at_once() {
    let site = Site::new();
    site.until(10);
    let done = import(&site.core, "id,name\nE1,Rudi\nLEE,Lee Min");
    assert_eq!((done.added, done.changed, done.unchanged), (1, 0, 1), "{done:?}");
    site.take(vec![seen(1, "E1", 11)]);
    assert_eq!(site.state("E1"), types::State::Available);
    site.until(312);
    assert_eq!(site.alerts()[0].employee, who("E1"));
    // And whose schedule does not expect them is not missed.
    let sundays =
        r#"{"timezone": "UTC", "shifts": [{"name": "S", "days": ["sun"], "from": "08:00", "to": "16:00"}]}"#;
    let sundays = serde_json::from_str(sundays).expect("schedule");
    site.core
        .save_schedule(&admin(), "never", &sundays)
        .expect("schedule");
    import(&site.core, "id,name,schedule\nE1,Rudi,never");
    assert_eq!(site.state("E1"), types::State::Exempt);
}
