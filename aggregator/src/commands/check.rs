//! `check`: the configuration, the device files and the store.

use serde::Serialize;

use super::{Failure, open, print, print_json};
use crate::config::Config;
use crate::devices::Devices;

#[derive(Serialize)]
struct Report {
    site: String,
    devices: usize,
    store: &'static str,
    problems: Vec<String>,
}

/// A wrong configuration does not get here.
pub(super) fn check(config: &Config, json: bool) -> Result<(), Failure> {
    let devices = Devices::new(config.devices.clone(), config.site.clone());
    let mut problems: Vec<String> = devices.problems().iter().map(|p| p.to_string()).collect();
    let there = config.settings().database.exists();
    if there {
        match open(config).and_then(|core| Ok(core.check()?)) {
            Ok(found) => problems.extend(found),
            Err(failure) => problems.push(failure.to_string()),
        }
    }
    let store = if there { "checked" } else { "not there yet" };
    let report = Report {
        site: config.site.to_string(),
        devices: devices.all().len(),
        store,
        problems,
    };
    if json {
        print_json(&report);
    } else {
        let Report {
            site,
            devices,
            store,
            problems,
        } = &report;
        print(&format!(
            "site {site}: configuration right, {devices} devices, store {store}\n"
        ));
        for problem in problems {
            print(&format!("wrong: {problem}\n"));
        }
    }
    if report.problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::Reported)
    }
}
