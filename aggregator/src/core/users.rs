//! Users and their sessions. Hashing and tokens are the web's; this stores them.

use chrono::{DateTime, Utc};
use hadir_shared::id::EmployeeId;

use super::Core;
use super::alerts::must_manage;
use super::schedules::registered;
use super::types::{AuditRow, Role, User, UserPatch, UserRow, Viewer};
use crate::error::{Error, Result};
use crate::sentence::say;
use crate::store::Tx;

/// So many lines of the record are told at once.
const AUDIT_AT_ONCE: u32 = 200;

impl Core {
    /// Adds a user. A supervisor is bound to the employee whose subtree they see.
    ///
    /// # Errors
    /// `Invalid` name or employee; `Conflict` when the name is taken.
    pub fn create_user(
        &self,
        username: &str,
        password_hash: &str,
        role: Role,
        employee: Option<&EmployeeId>,
    ) -> Result<()> {
        self.register_user("", username, password_hash, role, employee)
    }

    /// The same by somebody who is logged in.
    ///
    /// # Errors
    /// As above; `Forbidden` but for administrators.
    pub fn add_user(
        &self,
        viewer: &Viewer,
        username: &str,
        password_hash: &str,
        role: Role,
        employee: Option<&str>,
    ) -> Result<()> {
        must_administer(viewer)?;
        let employee = self.bound_to(employee)?;
        self.register_user(&viewer.username, username, password_hash, role, employee.as_ref())
    }

    /// The employee whom a user is to be.
    fn bound_to(&self, employee: Option<&str>) -> Result<Option<EmployeeId>> {
        let text = employee.map(str::trim).filter(|text| !text.is_empty());
        self.store
            .read(|reader| text.map(|text| registered(reader, "employee", text)).transpose())
    }

    fn register_user(
        &self,
        by: &str,
        username: &str,
        password_hash: &str,
        role: Role,
        employee: Option<&EmployeeId>,
    ) -> Result<()> {
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | '@');
        if !(1..=64).contains(&username.len()) || !username.chars().all(allowed) {
            return Err(Error::invalid(
                "username",
                say!(
                    "A user name has 1 to 64 characters of a-z, 0-9, ., -, _ and @.",
                    "Nama pengguna terdiri dari 1 sampai 64 karakter a-z, 0-9, ., -, _ dan @."
                ),
            ));
        }
        must_be_bound(role, employee)?;
        let now = self.now();
        self.update(|_, tx, _| {
            if let Some(id) = employee
                && tx.employee(id)?.is_none()
            {
                return Err(Error::invalid(
                    "employee",
                    say!("There is no employee {id}.", "Tidak ada karyawan {id}."),
                ));
            }
            if !tx.add_user(username, password_hash, role, employee, now)? {
                return Err(Error::conflict(
                    "username",
                    say!(
                        "There is a user {username} already.",
                        "Pengguna {username} sudah ada."
                    ),
                ));
            }
            // A name of the login may be one of a person, who may be deleted: the record says the role alone.
            tx.audit(by, &format!("user added with role {}", role.as_str()), now)
        })
    }

    /// Changes what a user may do, who they are, or their password; their sessions end.
    ///
    /// # Errors
    /// `Forbidden` but for administrators; `NotFound`; `Invalid` with the field that is to blame; `Conflict` when no
    /// administrator would be left.
    pub fn change_user(
        &self,
        viewer: &Viewer,
        username: &str,
        patch: &UserPatch,
        password_hash: Option<&str>,
    ) -> Result<UserRow> {
        must_administer(viewer)?;
        let employee = match &patch.employee {
            Some(employee) => Some(self.bound_to(employee.as_deref())?),
            None => None,
        };
        let now = self.now();
        self.update(|_, tx, _| {
            let user = tx.user(username)?.ok_or_else(|| no_user(username))?;
            let role = patch.role.unwrap_or(user.role);
            let employee = employee.clone().unwrap_or_else(|| user.employee.clone());
            must_be_bound(role, employee.as_ref())?;
            if role != Role::Admin {
                keep_an_administrator(tx, &user)?;
            }
            tx.change_user(username, role, employee.as_ref())?;
            if let Some(hash) = password_hash {
                tx.set_password(username, hash)?;
            }
            tx.audit(
                &viewer.username,
                &format!("user changed, role {}", role.as_str()),
                now,
            )?;
            let user = tx.user(username)?.ok_or_else(|| no_user(username))?;
            Ok(user.row())
        })
    }

    /// Deletes a user; their sessions end.
    ///
    /// # Errors
    /// `Forbidden` but for administrators; `NotFound`; `Conflict` when no administrator would be left, or for oneself.
    pub fn delete_user(&self, viewer: &Viewer, username: &str) -> Result<()> {
        must_administer(viewer)?;
        if viewer.username == username {
            return Err(Error::conflict(
                "username",
                say!(
                    "You are logged in as this user; another administrator has to delete it.",
                    "Anda sedang masuk sebagai pengguna ini; administrator lain yang harus menghapusnya."
                ),
            ));
        }
        let now = self.now();
        self.update(|_, tx, _| {
            let user = tx.user(username)?.ok_or_else(|| no_user(username))?;
            keep_an_administrator(tx, &user)?;
            // What they did stays theirs, and goes when the employee does.
            if let Some(employee) = &user.employee {
                tx.rename_author(username, employee.as_str())?;
            }
            tx.delete_user(username)?;
            tx.audit(
                &viewer.username,
                &format!("user deleted, role {}", user.role.as_str()),
                now,
            )
        })
    }

    /// Who may log in.
    ///
    /// # Errors
    /// `Forbidden` but for administrators.
    pub fn user_rows(&self, viewer: &Viewer) -> Result<Vec<UserRow>> {
        must_administer(viewer)?;
        Ok(self.users()?.iter().map(User::row).collect())
    }

    /// Who changed what, newest first; `before`: only what was noted before that line.
    ///
    /// # Errors
    /// `Forbidden` but for administrators and HR.
    pub fn audited(&self, viewer: &Viewer, before: Option<i64>) -> Result<Vec<AuditRow>> {
        must_manage(viewer)?;
        self.store
            .read(|reader| reader.audited(before.unwrap_or(i64::MAX), AUDIT_AT_ONCE))
    }

    /// Changes a password and ends all sessions of that user.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn set_password(&self, username: &str, password_hash: &str) -> Result<()> {
        self.update(|_, tx, _| match tx.set_password(username, password_hash)? {
            true => Ok(()),
            false => Err(no_user(username)),
        })
    }

    /// Somebody who showed their password, which `verified` is the hash of, changed it.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it was changed since.
    pub fn set_own_password(&self, username: &str, verified: &str, password_hash: &str) -> Result<()> {
        let now = self.now();
        self.update(|_, tx, _| {
            must_be_current(tx, username, verified)?;
            tx.set_password(username, password_hash)?;
            tx.audit(username, "own password changed", now)
        })
    }

    /// One user.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn user_by_name(&self, username: &str) -> Result<Option<User>> {
        self.store.read(|reader| reader.user(username))
    }

    /// All users, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn users(&self) -> Result<Vec<User>> {
        self.store.read(|reader| reader.users())
    }

    /// Begins a session of somebody who showed their password, which `verified` is the hash of.
    ///
    /// # Errors
    /// `NotFound` when there is no such user; `Conflict` when the password was changed since.
    pub fn create_session(
        &self,
        token_sha256: &[u8; 32],
        username: &str,
        verified: &str,
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        let now = self.now();
        self.update(|_, tx, _| {
            must_be_current(tx, username, verified)?;
            tx.add_session(token_sha256, username, expires_at, now)
        })
    }

    /// The user of a session that has not expired.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn session(&self, token_sha256: &[u8; 32]) -> Result<Option<User>> {
        let now = self.now();
        self.store.read(|reader| reader.session_user(token_sha256, now))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn delete_session(&self, token_sha256: &[u8; 32]) -> Result<()> {
        self.update(|_, tx, _| tx.end_session(token_sha256))
    }
}

fn no_user(username: &str) -> Error {
    Error::not_found(
        "username",
        say!("There is no user {username}.", "Tidak ada pengguna {username}."),
    )
}

/// Between the check of a password and what it allows, the password may be changed.
fn must_be_current(tx: &Tx<'_>, username: &str, verified: &str) -> Result<()> {
    let user = tx.user(username)?.ok_or_else(|| no_user(username))?;
    if user.password_hash != verified {
        return Err(Error::conflict(
            "password",
            say!(
                "The password was changed just now; log in with the new one.",
                "Kata sandi baru saja diubah; masuklah dengan yang baru."
            ),
        ));
    }
    Ok(())
}

fn must_administer(viewer: &Viewer) -> Result<()> {
    match viewer.role {
        Role::Admin => Ok(()),
        Role::Hr | Role::Supervisor | Role::Technician => Err(Error::forbidden(say!(
            "Only administrators change who may log in.",
            "Hanya administrator yang dapat mengubah siapa yang boleh masuk."
        ))),
    }
}

fn must_be_bound(role: Role, employee: Option<&EmployeeId>) -> Result<()> {
    if role == Role::Supervisor && employee.is_none() {
        return Err(Error::invalid(
            "employee",
            say!(
                "A supervisor sees one employee and everybody below: name that employee.",
                "Pengguna dengan peran Atasan melihat satu orang dan semua bawahannya: pilih orang itu."
            ),
        ));
    }
    Ok(())
}

/// With an employee goes their login: of an administrator only by another one, and never the last.
pub(super) fn may_go_with(tx: &Tx<'_>, viewer: &Viewer, employee: &EmployeeId) -> Result<()> {
    let users = tx.users()?;
    let (theirs, others): (Vec<&User>, Vec<&User>) = users
        .iter()
        .partition(|user| user.employee.as_ref() == Some(employee));
    let administers = |users: &[&User]| users.iter().any(|user| user.role == Role::Admin);
    if !administers(&theirs) {
        return Ok(());
    }
    if viewer.role != Role::Admin {
        return Err(Error::forbidden(say!(
            "This employee logs in as an administrator; another administrator has to delete them.",
            "Karyawan ini masuk sebagai administrator; administrator lain yang harus menghapusnya."
        )));
    }
    if !administers(&others) {
        return Err(Error::conflict(
            "id",
            say!(
                "This employee is the last administrator; make another one first.",
                "Karyawan ini administrator terakhir; buat administrator lain dahulu."
            ),
        ));
    }
    Ok(())
}

/// Somebody has to be able to change all this.
fn keep_an_administrator(tx: &Tx<'_>, user: &User) -> Result<()> {
    let others = tx.users()?;
    let left = others
        .iter()
        .any(|other| other.role == Role::Admin && other.username != user.username);
    if user.role == Role::Admin && !left {
        return Err(Error::conflict(
            "role",
            say!(
                "This is the last administrator; make another one first.",
                "Ini administrator terakhir; buat administrator lain dahulu."
            ),
        ));
    }
    Ok(())
}
