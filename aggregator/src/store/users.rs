//! Users, their sessions, and the record of who changed what.

use chrono::{DateTime, Utc};
use hadir_shared::id::EmployeeId;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Reader, Tx, ms, read_as, read_option, time};
use crate::core::types::{AuditRow, Role, User};
use crate::error::Result;

const USER: &str =
    "select u.username, u.password_hash, u.role, u.employee, coalesce(e.name, u.username) as name
    from user u left join employee e on e.id = u.employee";

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        username: row.get("username")?,
        password_hash: row.get("password_hash")?,
        role: read_as(row, "role", Role::parse)?,
        employee: read_option(row, "employee", |t| EmployeeId::new(t).ok())?,
        name: row.get("name")?,
    })
}

impl Reader<'_> {
    /// One user.
    pub fn user(&self, username: &str) -> Result<Option<User>> {
        let mut query = self
            .conn
            .prepare_cached(&format!("{USER} where u.username = ?1"))?;
        Ok(query.query_row([username], user).optional()?)
    }

    /// All users, by name.
    pub fn users(&self) -> Result<Vec<User>> {
        let mut query = self.conn.prepare_cached(&format!("{USER} order by u.username"))?;
        let rows = query.query_map([], user)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The role of an employee who has a login; of several, the one that may do most.
    pub fn role_of(&self, employee: &EmployeeId) -> Result<Option<Role>> {
        let mut query = self.conn.prepare_cached(
            "select role from user where employee = ?1
             order by case role when 'admin' then 0 when 'hr' then 1 when 'supervisor' then 2 else 3 end limit 1",
        )?;
        Ok(query
            .query_row([employee.as_str()], |row| read_as(row, "role", Role::parse))
            .optional()?)
    }

    /// Who changed what, newest first, of what was noted before `before`.
    pub fn audited(&self, before: i64, limit: u32) -> Result<Vec<AuditRow>> {
        let mut query = self
            .conn
            .prepare_cached("select id, at, who, what from audit where id < ?1 order by id desc limit ?2")?;
        let rows = query.query_map(params![before, limit], |row| {
            Ok(AuditRow {
                id: row.get("id")?,
                at: time(row, "at")?,
                who: row.get("who")?,
                what: row.get("what")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The user of a session that has not expired.
    pub fn session_user(&self, token_sha256: &[u8; 32], now: DateTime<Utc>) -> Result<Option<User>> {
        let mut query = self.conn.prepare_cached(&format!(
            "{USER} join session s on s.username = u.username where s.token_sha256 = ?1 and s.expires_at > ?2"
        ))?;
        Ok(query.query_row(params![token_sha256, ms(now)], user).optional()?)
    }
}

impl Tx<'_> {
    /// Adds a user; false if the name is taken.
    pub fn add_user(
        &self,
        username: &str,
        password_hash: &str,
        role: Role,
        employee: Option<&EmployeeId>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let added = self.run(
            "insert or ignore into user (username, password_hash, role, employee, created_at)
             values (?1, ?2, ?3, ?4, ?5)",
            params![
                username,
                password_hash,
                role.as_str(),
                employee.map(EmployeeId::as_str),
                ms(now)
            ],
        )?;
        Ok(added == 1)
    }

    /// Changes what a user may do and who they are, and ends their sessions.
    pub fn change_user(&self, username: &str, role: Role, employee: Option<&EmployeeId>) -> Result<()> {
        self.run("delete from session where username = ?1", [username])?;
        self.run(
            "update user set role = ?2, employee = ?3 where username = ?1",
            params![username, role.as_str(), employee.map(EmployeeId::as_str)],
        )?;
        Ok(())
    }

    /// What somebody did under one name is told under another from now on.
    pub fn rename_author(&self, name: &str, other: &str) -> Result<()> {
        for sql in [
            "update audit set who = ?2 where who = ?1",
            "update exemption set created_by = ?2 where created_by = ?1",
            "update attendance_decision set who = ?2 where who = ?1",
            "update silence set created_by = ?2 where created_by = ?1",
            "update alert_comment set who = ?2 where who = ?1",
        ] {
            self.run(sql, [name, other])?;
        }
        Ok(())
    }

    /// Deletes a user with their sessions; false if there is none of that name.
    pub fn delete_user(&self, username: &str) -> Result<bool> {
        Ok(self.run("delete from user where username = ?1", [username])? > 0)
    }

    /// Changes a password and ends that user's sessions; false if there is no such user.
    pub fn set_password(&self, username: &str, password_hash: &str) -> Result<bool> {
        self.run("delete from session where username = ?1", [username])?;
        let changed = self.run(
            "update user set password_hash = ?2 where username = ?1",
            [username, password_hash],
        )?;
        Ok(changed == 1)
    }

    /// Begins a session; expired ones of anybody go.
    pub fn add_session(
        &self,
        token_sha256: &[u8; 32],
        username: &str,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.run("delete from session where expires_at <= ?1", [ms(now)])?;
        self.run(
            "insert into session (token_sha256, username, created_at, expires_at) values (?1, ?2, ?3, ?4)",
            params![token_sha256, username, ms(now), ms(expires_at)],
        )?;
        Ok(())
    }

    /// Ends a session.
    pub fn end_session(&self, token_sha256: &[u8; 32]) -> Result<()> {
        self.run("delete from session where token_sha256 = ?1", [token_sha256])?;
        Ok(())
    }

    /// Who changed what.
    pub fn audit(&self, who: &str, what: &str, now: DateTime<Utc>) -> Result<()> {
        self.run(
            "insert into audit (at, who, what) values (?1, ?2, ?3)",
            params![ms(now), who, what],
        )?;
        Ok(())
    }
}
