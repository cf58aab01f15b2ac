//! A company's days, sighting by sighting through the real core: what reports are measured and checked on.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc, Weekday};
use chrono_tz::Asia::Jakarta;
use hadir_aggregator::core::settings::Settings;
use hadir_aggregator::core::{Core, EmployeePatch, NewEmployee, Viewer};
use hadir_shared::clock::ManualClock;
use hadir_shared::id::{AgentId, AreaId, CameraId, EmployeeId, SiteId};
use hadir_shared::sighting::{Basis, Method, Phase, Sighting, SightingBatch};
use hadir_shared::status::{AgentStatus, CameraCounts, CameraMode, CameraState, CameraStatus, Inference};
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::dice::Dice;

/// What a step gives, or why it could not be made.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How many stand under one superior.
const TEAM: usize = 25;
const CAMERAS: i64 = 8;
const AGENT: &str = "gate";

const OFFICE: &str = r#"{"shifts": [{"name": "Kantor", "days": ["mon","tue","wed","thu","fri"], "from": "08:00",
    "to": "17:00", "breaks": [{"from": "12:00", "to": "13:00"}]}]}"#;
const NIGHT: &str = r#"{"shifts": [{"name": "Malam", "days": ["mon","tue","wed","thu","fri"], "from": "22:00",
    "to": "06:00", "breaks": [{"from": "02:00", "to": "02:30"}]}]}"#;

/// How large, how long, how densely.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many employees.
    pub people: usize,
    /// The first day.
    pub from: NaiveDate,
    /// How many days.
    pub days: u64,
    /// Seconds between two sightings of somebody who is there.
    pub every: i64,
    /// On the days before these only the first team is there, so many days; with a sighting every ten minutes.
    pub before: u64,
    /// Another seed, another company.
    pub seed: u64,
}

/// A company whose days are over.
pub struct Company {
    /// Its core, when all days are final.
    pub core: Arc<Core>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// How many sightings it took in.
    pub sightings: u64,
}

/// The settings of its site, whose store is in a folder.
///
/// # Errors
/// None that a reader has to know.
pub fn settings(folder: &Path) -> Outcome<Settings> {
    let site = SiteId::new("pabrik")?;
    Ok(Settings::new(
        site,
        "Pabrik Cikarang",
        Jakarta,
        folder.join("hadir.sqlite"),
    ))
}

/// The id of the n-th employee; every 25th, from the first on, is the superior of those behind.
///
/// # Errors
/// None that a reader has to know.
pub fn employee(n: usize) -> Outcome<EmployeeId> {
    Ok(EmployeeId::new(format!("EMP{n:05}"))?)
}

fn moment(date: NaiveDate, minute: i64) -> Outcome<DateTime<Utc>> {
    let local = date.and_time(NaiveTime::MIN) + TimeDelta::minutes(minute);
    let at = Jakarta.from_local_datetime(&local).earliest().ok_or("a moment")?;
    Ok(at.with_timezone(&Utc))
}

/// Makes the company and lives through its days; `progress` is told of each.
///
/// # Errors
/// Those of the core.
pub fn live(folder: &Path, plan: &Plan, mut progress: impl FnMut(NaiveDate)) -> Outcome<Company> {
    std::fs::create_dir_all(folder)?;
    let first = plan
        .from
        .checked_sub_days(Days::new(plan.before))
        .ok_or("a date")?;
    let last = plan.from + Days::new(plan.days);
    let clock = Arc::new(ManualClock::new(moment(first, -60)?));
    let core = Core::open(settings(folder)?, clock.clone())?;
    found(&core, plan)?;
    let store = Connection::open(folder.join("hadir.sqlite"))?;
    let mut company = Company {
        core,
        clock,
        sightings: 0,
    };
    for date in first.iter_days().take_while(|date| *date < last) {
        progress(date);
        company.wait_until(moment(date, 10)?)?;
        let (people, every) = if date < plan.from {
            (plan.people.min(TEAM), 600)
        } else {
            (plan.people, plan.every)
        };
        let mut seen = Vec::new();
        for person in 0..people {
            day(plan.seed, person, date, every, &mut seen)?;
        }
        seen.sort_by_key(|sighting| sighting.last_at);
        // Those of the night arrive in the morning.
        company.clock.set(moment(date, 31 * 60)?);
        for batch in seen.chunks(500) {
            let mut sightings = batch.to_vec();
            for sighting in &mut sightings {
                company.sightings += 1;
                sighting.seq = company.sightings;
            }
            let taken = company
                .core
                .take_sightings(&AgentId::new(AGENT)?, SightingBatch { sightings })?;
            taken.ok_or("a batch was not taken")?;
        }
        watch(&store, date)?;
    }
    for days in 0..=3 {
        company.wait_until(moment(last, 1440 * days + 31 * 60)?)?;
    }
    Ok(company)
}

impl Company {
    fn wait_until(&self, at: DateTime<Utc>) -> Outcome<()> {
        self.clock.set(self.clock_now().max(at));
        // Days are settled in portions.
        for _ in 0..self.core.employees(&Viewer::admin("bench"))?.len().div_ceil(500) + 3 {
            self.core.tick()?;
        }
        Ok(())
    }

    fn clock_now(&self) -> DateTime<Utc> {
        self.core.now()
    }
}

/// The cameras watched all day, but for two hours on Tuesdays, one after the other. What they watch by themselves is
/// lost with each leap of the clock.
fn watch(store: &Connection, date: NaiveDate) -> Outcome<()> {
    for camera in 0..CAMERAS {
        let fails = 540 + camera * 30;
        let spans = match date.weekday() {
            Weekday::Tue => vec![(10, fails), (fails + 120, 1450)],
            _ => vec![(10, 1450)],
        };
        for (from, to) in spans {
            store.execute(
                "insert or ignore into camera_watch (camera, from_at, to_at) values (?1, ?2, ?3)",
                params![
                    format!("cam-{camera}"),
                    moment(date, from)?.timestamp_millis(),
                    moment(date, to)?.timestamp_millis()
                ],
            )?;
        }
    }
    Ok(())
}

/// Everybody, their superiors and schedules, and the cameras.
fn found(core: &Core, plan: &Plan) -> Outcome<()> {
    let admin = Viewer::admin("bench");
    core.save_schedule(&admin, "kantor", &serde_json::from_str(OFFICE)?)?;
    core.save_schedule(&admin, "malam", &serde_json::from_str(NIGHT)?)?;
    let names = [
        "Budi", "Sari", "Agus", "Dewi", "Rina", "Eko", "Putri", "Joko", "Wati", "Hadi",
    ];
    for n in 0..plan.people {
        let leads = n % TEAM == 0;
        let superior = if leads {
            None
        } else {
            Some(employee(n - n % TEAM)?.to_string())
        };
        let new = NewEmployee {
            id: Some(employee(n)?.to_string()),
            name: format!("{} {n:05}", names[n % names.len()]),
            supervisor: superior,
            ..NewEmployee::default()
        };
        core.create_employee(&admin, new)?;
        let schedule = if (n / TEAM) % 5 == 4 { "malam" } else { "kantor" };
        let patch = EmployeePatch {
            schedule: Some(Some(schedule.into())),
            ..EmployeePatch::default()
        };
        core.update_employee(&admin, &employee(n)?, patch)?;
    }
    let cameras = (0..CAMERAS).map(|n| {
        Ok(CameraStatus {
            id: CameraId::new(format!("cam-{n}"))?,
            number: None,
            label: format!("Kamera {n}"),
            area: AreaId::new(["gudang", "produksi", "kantor", "lobi"][(n % 4) as usize])?,
            mode: CameraMode::Recognise,
            state: CameraState::Streaming,
            inference: Inference::Active,
            fps: 7.0,
            last_frame: None,
            people: None,
            cause: None,
            problem: None,
            counts: CameraCounts::default(),
            placement: None,
        })
    });
    let status = AgentStatus {
        online: true,
        cameras: cameras.collect::<Outcome<_>>()?,
        ..AgentStatus::default()
    };
    core.take_status(&AgentId::new(AGENT)?, status)?;
    Ok(())
}

/// One person's day, as they have it with some luck.
fn day(seed: u64, person: usize, date: NaiveDate, every: i64, seen: &mut Vec<Sighting>) -> Outcome<()> {
    let mut dice = Dice::new(
        seed,
        &[person as u64, u64::from(date.num_days_from_ce().unsigned_abs())],
    );
    if date.weekday().num_days_from_monday() >= 5 || dice.percent(3) {
        return Ok(());
    }
    let night = (person / TEAM) % 5 == 4;
    let (begins, pause, goes_on, ends) = if night {
        (22 * 60, 26 * 60, 26 * 60 + 30, 30 * 60)
    } else {
        (8 * 60, 12 * 60, 13 * 60, 17 * 60)
    };
    // Minutes of the day; many come in time, some late, some stay.
    let came = begins
        + if dice.percent(15) {
            dice.between(6, 50)
        } else {
            dice.between(-15, 5)
        };
    let went = ends
        + if dice.percent(10) {
            dice.between(30, 150)
        } else if dice.percent(5) {
            dice.between(-60, -6)
        } else {
            dice.between(0, 10)
        };
    let mut there = vec![
        (came, pause + dice.between(-3, 3)),
        (goes_on + dice.between(-3, 4), went),
    ];
    if dice.percent(30) {
        let gone = dice.between(begins + 60, pause - 60);
        let (from, to) = there[0];
        there[0] = (from, gone);
        there.insert(1, (gone + dice.between(6, 40), to));
    }
    let camera = dice.between(0, CAMERAS);
    for (from, to) in there.into_iter().filter(|(from, to)| from < to) {
        let (mut at, end) = (moment(date, from)?, moment(date, to)?);
        while at < end {
            let until = (at + TimeDelta::seconds(every)).min(end);
            seen.push(Sighting {
                id: Uuid::now_v7(),
                seq: 0,
                phase: Phase::Continued,
                employee: employee(person)?,
                camera: CameraId::new(format!("cam-{camera}"))?,
                method: if dice.percent(2) { Method::Qr } else { Method::Face },
                track: person as u64,
                first_at: at,
                last_at: until,
                basis: Basis::Face,
                verified_at: None,
                confidence: 0.9,
                model: "bench".into(),
            });
            at = until;
        }
    }
    Ok(())
}
