//! How many people the cameras counted.

use super::*;

fn tells(site: &Site, at: i64, counts: &[(&str, &str, Option<u32>)]) {
    site.clock.set(t(at));
    let cameras = counts.iter().map(|(id, area, people)| CameraStatus {
        people: *people,
        ..camera(id, area)
    });
    let status = AgentStatus {
        online: true,
        cameras: cameras.collect(),
        ..AgentStatus::default()
    };
    site.core.take_status(&agent(), status).expect("status");
}

fn today(site: &Site, step_min: u32) -> Occupancy {
    let date = site
        .core
        .now()
        .with_timezone(&site.core.settings().timezone)
        .date_naive();
    let query = OccupancyQuery {
        from: date,
        to: date,
        step_min,
    };
    site.core.occupancy(&admin(), &query).expect("occupancy")
}

#[test]
fn a_minute_has_its_last_count_and_areas_the_sum_of_their_cameras() {
    let site = Site::new();
    let begins = 60 - t(0).timestamp() % 60;
    let pair = |a, b| {
        [
            ("cam-1", "gudang", a),
            ("cam-2", "gudang", b),
            ("cam-3", "kantor", Some(1)),
        ]
    };
    tells(&site, begins, &pair(Some(2), Some(1)));
    tells(&site, begins + 30, &pair(Some(4), Some(1)));
    tells(&site, begins + 60, &pair(Some(3), None));
    // More than anybody tells apart is not believed.
    tells(&site, begins + 120, &pair(Some(70_000), None));
    // Nobody is connected: a gap.
    site.status(false);
    site.clock.set(t(begins + 180));
    tells(&site, begins + 240, &pair(Some(0), Some(0)));
    let occupancy = today(&site, 1);
    let points = |area: &str| {
        let area = occupancy.areas.iter().find(|one| one.area.as_str() == area);
        let points = area.expect("the area").points.iter();
        let points = points.map(|point| ((point.at - t(begins)).num_minutes(), point.most));
        points.collect::<Vec<_>>()
    };
    assert_eq!(points("gudang"), [(0, 5), (1, 3), (4, 0)]);
    assert_eq!(points("kantor"), [(0, 1), (1, 1), (2, 1), (4, 1)]);
    let all = today(&site, 1440);
    let gudang = &all.areas[0].points;
    assert_eq!((gudang.len(), gudang[0].minutes, gudang[0].most), (1, 3, 5));
    assert!((gudang[0].mean - 2.67).abs() < 0.01, "{gudang:?}");
    assert_eq!(site.core.cameras(&admin()).expect("cameras")[0].people, Some(0));
    site.status(false);
    assert_eq!(site.core.cameras(&admin()).expect("cameras")[0].people, None);
}

#[test]
fn who_may_ask_and_for_what() {
    let site = Site::new();
    let date = site.core.now().date_naive();
    let ask = |role, days: i64, step_min| {
        let viewer = Viewer { role, ..admin() };
        let query = OccupancyQuery {
            from: date - TimeDelta::days(days - 1),
            to: date,
            step_min,
        };
        site.core.occupancy(&viewer, &query).map(|_| ())
    };
    assert!(ask(Role::Supervisor, 1, 1).is_ok());
    assert!(ask(Role::Hr, 30, 15).is_ok());
    for (role, days, step) in [
        (Role::Technician, 1, 15),
        (Role::Hr, 1, 0),
        (Role::Hr, 1, 1441),
        (Role::Hr, 30, 1),
        (Role::Hr, -3, 15),
    ] {
        assert!(ask(role, days, step).is_err(), "{role:?} {days} {step}");
    }
}

#[test]
fn it_is_forgotten_with_the_sightings() {
    let site = Site::new();
    tells(&site, 0, &[("cam-1", "gudang", Some(2))]);
    let rules = site.core.settings().attendance;
    let day = site
        .core
        .now()
        .with_timezone(&site.core.settings().timezone)
        .date_naive();
    let left = |after: TimeDelta| {
        site.core
            .store
            .write(|tx| tx.forget(&rules, t(0) + after))
            .expect("forgotten");
        let query = OccupancyQuery {
            from: day,
            to: day,
            step_min: 1440,
        };
        site.core
            .occupancy(&admin(), &query)
            .expect("occupancy")
            .areas
            .len()
    };
    assert_eq!(left(rules.keep_sightings - TimeDelta::minutes(5)), 1);
    assert_eq!(left(rules.keep_sightings + TimeDelta::minutes(5)), 0);
}
