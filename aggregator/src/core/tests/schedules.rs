//! Shifts, breaks, leaves and areas' own rules, from the API to the alert. Second 0 is 14:13:20 UTC, a Monday.

use super::*;
use crate::presence::State;
use crate::schedule::Schedule;

/// A break from second 400 to 1000; the shift ends at 1600; the next begins the next day.
const DAY: &str = r#"{"timezone": "UTC", "shifts": [{"name": "Day", "days": ["mon", "tue"], "from": "08:00",
    "to": "14:40", "breaks": [{"from": "14:20", "to": "14:30"}]}]}"#;

fn schedule(text: &str) -> Schedule {
    serde_json::from_str(text).expect("schedule")
}

/// LEE works by `day` and was seen at second 10.
fn site() -> Site {
    let site = Site::new();
    site.core
        .save_schedule(&admin(), "day", &schedule(DAY))
        .expect("saved");
    works(&site, Some("day")).expect("works by it");
    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site
}

fn works(site: &Site, name: Option<&str>) -> Result<Employee> {
    let patch = EmployeePatch {
        schedule: Some(name.map(str::to_owned)),
        ..EmployeePatch::default()
    };
    site.core.update_employee(&admin(), &who("LEE"), patch)
}

fn exempt(site: &Site) -> (State, Option<Exemption>) {
    let row = site.row("LEE");
    (row.state, row.exemption)
}

fn leave(employee: &str, from: When, to: When) -> NewLeave {
    NewLeave {
        employee: employee.into(),
        from,
        to,
        reason: "Cuti".into(),
        deputy: None,
    }
}

#[test]
fn an_absence_goes_on_behind_a_break_and_ends_with_the_shift() {
    let mut site = site();
    site.until(399);
    let id = site.alerts()[0].id;
    site.until(400);
    assert_eq!(exempt(&site), (State::Exempt, Some(Exemption::OnBreak)));
    site.restart();
    site.status(true);
    assert_eq!(
        exempt(&site),
        (State::Exempt, Some(Exemption::OnBreak)),
        "after a restart"
    );
    site.until(1000);
    assert_eq!((site.state("LEE"), site.alerts().len()), (State::Absent, 1));
    site.until(1600);
    assert_eq!(exempt(&site), (State::Exempt, Some(Exemption::OffShift)));
    let alert = &site.alerts()[0];
    assert_eq!(
        (alert.state, alert.close_reason),
        (AlertState::Closed, Some(CloseReason::OffShift))
    );
    // What became due in the break went out when it ended; what had not gone out when the shift did, never will.
    assert_eq!(
        site.history(id),
        [
            "Opened",
            "Message SARI cancelled",
            "Message BUDI cancelled",
            "Message HR cancelled",
            "Closed off_shift"
        ]
    );
    let told: Vec<_> = site.alerts()[0]
        .history
        .iter()
        .map(|event| (event.at - t(0)).num_seconds())
        .collect();
    assert_eq!(told, [310, 310, 1000, 1510, 1600]);
    assert_eq!(site.core.check().expect("check"), Vec::<String>::new());
}

#[test]
fn who_comes_back_in_a_break_is_back() {
    let site = site();
    site.until(500);
    site.take(vec![seen(2, "LEE", 500)]);
    assert_eq!(exempt(&site), (State::Available, None));
    assert_eq!(site.alerts()[0].close_reason, Some(CloseReason::Returned));
    // Gone before the break, and seen in it; that is told only a minute later.
    let other = self::site();
    other.until(600);
    other.take(vec![seen(2, "LEE", 500)]);
    assert_eq!(exempt(&other), (State::Exempt, Some(Exemption::OnBreak)));
    assert_eq!(other.alerts()[0].close_reason, Some(CloseReason::Returned));
}

#[test]
fn a_leave_holds_while_it_lasts() {
    let site = site();
    let moment = |second| When::Moment(t(second));
    for (wrong, field) in [
        (leave("NOBODY", moment(0), moment(900)), "employee"),
        (leave("LEE", moment(900), moment(100)), "to"),
        (leave("LEE", moment(-40 * 86_400), moment(5)), "from"),
        (leave("LEE", moment(0), moment(500 * 86_400)), "to"),
        (
            NewLeave {
                deputy: Some("LEE".into()),
                ..leave("LEE", moment(0), moment(900))
            },
            "deputy",
        ),
    ] {
        let refused = site.core.add_leave(&admin(), &wrong).expect_err("was taken");
        assert_eq!(refused.field, Some(field), "{refused}");
    }
    site.until(310);
    assert_eq!(site.alerts()[0].state, AlertState::Open);
    let until_350 = leave("LEE", moment(300), moment(350));
    let registered = site.core.add_leave(&admin(), &until_350).expect("registered");
    assert_eq!(exempt(&site), (State::Exempt, Some(Exemption::OnLeave)));
    assert_eq!(site.alerts()[0].close_reason, Some(CloseReason::Excused));
    assert_eq!(site.core.leaves(&admin(), None).expect("leaves"), [registered]);
    site.until(350);
    assert_eq!(exempt(&site), (State::Off, None));
    assert_eq!(site.core.leaves(&admin(), None).expect("leaves"), []);

    // Whole days of the site, the last one included; ended early.
    let day = |text: &str| When::Day(text.parse().expect("date"));
    let days = leave("LEE", day("2026-09-21"), day("2026-09-22"));
    let registered = site.core.add_leave(&admin(), &days).expect("registered");
    assert_eq!((registered.to - registered.from).num_hours(), 48);
    site.until(360);
    assert_eq!(exempt(&site), (State::Exempt, Some(Exemption::OnLeave)));
    let end = |how| site.core.end_leave(&admin(), registered.id, how);
    end(Ending::Now).expect("ended");
    assert_eq!(exempt(&site), (State::Off, None));
    // Who clicks twice takes nothing back; who says so does.
    assert_eq!(end(Ending::Now).expect_err("is over").kind, ErrorKind::Conflict);
    end(Ending::TakenBack).expect("taken back");
    let again = end(Ending::TakenBack).expect_err("is gone");
    assert_eq!(again.kind, ErrorKind::NotFound);
}

#[test]
fn schedules_are_checked_and_kept_while_somebody_works_by_them() {
    let site = site();
    let wrong = schedule(&DAY.replace("14:30", "14:50"));
    let refused = site
        .core
        .save_schedule(&admin(), "day", &wrong)
        .expect_err("a break outside");
    assert_eq!(refused.field, Some("shifts"));
    assert_eq!(
        site.core
            .save_schedule(&admin(), "a b", &schedule(DAY))
            .expect_err("a name")
            .field,
        Some("name")
    );
    assert_eq!(
        works(&site, Some("night")).expect_err("no such").field,
        Some("schedule")
    );
    let kept = site.core.delete_schedule(&admin(), "day").expect_err("is used");
    assert_eq!(kept.kind, ErrorKind::Conflict);
    // A holiday: nobody has to be there from now on, and its end begins a shift anew.
    let today = "2026-09-21".parse().expect("date");
    site.until(60);
    site.core
        .save_holiday(&admin(), today, "Hari libur")
        .expect("saved");
    assert_eq!(exempt(&site), (State::Exempt, Some(Exemption::OffShift)));
    site.core.delete_holiday(&admin(), today).expect("deleted");
    assert_eq!(exempt(&site), (State::Off, None));
    works(&site, None).expect("none");
    site.core
        .delete_schedule(&admin(), "day")
        .expect("nobody works by it");
    assert_eq!(site.core.schedules(&admin()).expect("schedules"), []);
}

#[test]
fn an_area_has_its_own_patience() {
    let site = site();
    let area = hadir_shared::id::AreaId::new("gudang").expect("id");
    let patch = |off, absent| AreaPatch {
        supervisor: Some(Some("BUDI".into())),
        off_after_s: Some(off),
        absent_after_s: Some(absent),
        ..AreaPatch::default()
    };
    for (wrong, field) in [
        (patch(Some(0), None), "off_after_s"),
        (patch(Some(60), Some(60)), "absent_after_s"),
        (patch(Some(400), None), "absent_after_s"),
        (
            AreaPatch {
                supervisor: Some(Some("NOBODY".into())),
                ..AreaPatch::default()
            },
            "supervisor",
        ),
    ] {
        let refused = site
            .core
            .update_area(&admin(), &area, &wrong)
            .expect_err("was taken");
        assert_eq!(refused.field, Some(field));
    }
    let changed = site
        .core
        .update_area(&admin(), &area, &patch(Some(20), Some(100)))
        .expect("changed");
    assert_eq!(
        (changed.absent_after_s, changed.supervisor),
        (Some(100), Some(who("BUDI")))
    );
    site.until(30);
    assert_eq!(site.state("LEE"), State::Off);
    site.until(109);
    assert_eq!(site.alerts().len(), 0);
    site.until(110);
    assert_eq!(site.alerts().len(), 1);
    // Whoever may not see Budi does not learn who is responsible.
    let technician = Viewer {
        role: Role::Technician,
        ..admin()
    };
    assert_eq!(site.core.areas(&technician).expect("areas")[0].supervisor, None);
}

#[test]
fn the_sites_thresholds_can_be_set_and_stay_set() {
    let mut site = Site::new();
    let patch = |off: Option<u32>, absent: Option<u32>| ThresholdsPatch {
        off_after_s: Some(off),
        absent_after_s: Some(absent),
    };
    let refused = |off, absent| {
        let error = site
            .core
            .set_thresholds(&admin(), &patch(Some(off), Some(absent)));
        error.expect_err("was taken").field
    };
    assert_eq!(refused(0, 300), Some("off_after_s"));
    assert_eq!(refused(60, 90_000), Some("absent_after_s"));
    assert_eq!(refused(60, 60), Some("absent_after_s"));
    let supervisor = Viewer {
        role: Role::Supervisor,
        employee: Some(who("SARI")),
        username: "sari".into(),
    };
    let forbidden = site
        .core
        .set_thresholds(&supervisor, &patch(Some(30), None))
        .expect_err("was taken");
    assert_eq!(forbidden.kind, ErrorKind::Forbidden);

    site.until(10);
    site.take(vec![seen(1, "LEE", 10)]);
    site.core
        .set_thresholds(&admin(), &patch(Some(30), Some(120)))
        .expect("set");
    site.restart();
    site.status(true);
    site.until(39);
    assert_eq!(site.state("LEE"), State::Available);
    site.until(40);
    assert_eq!(site.state("LEE"), State::Off);
    site.until(130);
    assert_eq!(site.alerts().len(), 1);
    assert_eq!(
        site.core
            .escalation_plan(&admin(), &who("LEE"))
            .expect("plan")
            .absent_after_s,
        120
    );
    // An area's own must go with them.
    let area = AreaPatch {
        absent_after_s: Some(Some(100)),
        ..AreaPatch::default()
    };
    let gudang = hadir_shared::id::AreaId::new("gudang").expect("id");
    site.core.update_area(&admin(), &gudang, &area).expect("area");
    let error = site
        .core
        .set_thresholds(&admin(), &patch(Some(110), Some(500)))
        .expect_err("was taken");
    assert!(error.message.en().contains("Gudang A"), "{}", error.message);
    // As configured again.
    site.core
        .set_thresholds(&admin(), &patch(None, None))
        .expect("set");
    assert_eq!(
        site.core.thresholds().expect("thresholds"),
        settings::Thresholds::default()
    );
}
