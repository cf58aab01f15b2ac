//! `user`: who may log in. A password never stands on the command line, where others on the machine could
//! read it.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use hadir_shared::id::EmployeeId;
use serde_json::json;
use zeroize::Zeroizing;

use super::{Failure, complain, open, open_existing, print, print_json};
use crate::config::Config;
use crate::core::Role;
use crate::web::auth::{MAX_PASSWORD, MIN_PASSWORD, hash_password};

const VARIABLE: &str = "HADIR_PASSWORD";

pub(super) fn add(
    config: &Config,
    name: &str,
    role: Role,
    employee: Option<&EmployeeId>,
) -> Result<(), Failure> {
    let hash = read_and_hash()?;
    open(config)?.create_user(name, &hash, role, employee)?;
    print(&format!("{name} may log in as {}.\n", role.as_str()));
    Ok(())
}

pub(super) fn password(config: &Config, name: &str) -> Result<(), Failure> {
    let hash = read_and_hash()?;
    open_existing(config)?.set_password(name, &hash)?;
    print(&format!("{name} has a new password.\n"));
    Ok(())
}

pub(super) fn list(config: &Config, json: bool) -> Result<(), Failure> {
    let users = open_existing(config)?.users()?;
    if json {
        let rows: Vec<_> = users
            .iter()
            .map(|u| json!({"username": u.username, "role": u.role, "employee": u.employee, "name": u.name}))
            .collect();
        print_json(&rows);
    } else {
        for user in &users {
            print(&format!(
                "{:<20} {:<12} {}\n",
                user.username,
                user.role.as_str(),
                user.name
            ));
        }
    }
    Ok(())
}

fn read_and_hash() -> Result<String, Failure> {
    let password = read()?;
    let length = password.chars().count();
    if length < MIN_PASSWORD || password.len() > MAX_PASSWORD {
        return Err(Failure::Wrong(format!(
            "The password has {length} characters; use {MIN_PASSWORD} to {MAX_PASSWORD}."
        )));
    }
    hash_password(&password).map_err(|e| Failure::Wrong(format!("The password cannot be hashed: {e}.")))
}

fn read() -> Result<Zeroizing<String>, Failure> {
    if let Ok(password) = std::env::var(VARIABLE) {
        return Ok(Zeroizing::new(password));
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        complain(&format!(
            "Type the password and press Enter (it is shown; set {VARIABLE} to avoid that):"
        ));
    }
    let mut line = Zeroizing::new(String::new());
    stdin
        .lock()
        .take(8 * MAX_PASSWORD as u64)
        .read_line(&mut line)
        .map_err(|e| Failure::Wrong(format!("The password cannot be read from standard input: {e}.")))?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}
