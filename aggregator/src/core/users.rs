//! Users and their sessions. Hashing and tokens are the web's; this stores them.

use chrono::{DateTime, Utc};
use hadir_shared::id::EmployeeId;

use super::Core;
use super::types::{Role, User};
use crate::error::{Error, Result};

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
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | '@');
        if !(1..=64).contains(&username.len()) || !username.chars().all(allowed) {
            return Err(Error::invalid(
                "username",
                "A user name has 1 to 64 characters of a-z, 0-9, ., -, _ and @.",
            ));
        }
        if role == Role::Supervisor && employee.is_none() {
            return Err(Error::invalid(
                "employee",
                "A supervisor sees the employees below one employee: name that one.",
            ));
        }
        let now = self.now();
        self.update(|_, tx, _| {
            if let Some(id) = employee
                && tx.employee(id)?.is_none()
            {
                return Err(Error::invalid("employee", format!("There is no employee {id}.")));
            }
            if !tx.add_user(username, password_hash, role, employee, now)? {
                return Err(Error::conflict(
                    "username",
                    format!("There is a user {username} already."),
                ));
            }
            tx.audit("", &format!("user added with role {}", role.as_str()), now)
        })
    }

    /// Changes a password and ends all sessions of that user.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn set_password(&self, username: &str, password_hash: &str) -> Result<()> {
        self.update(|_, tx, _| match tx.set_password(username, password_hash)? {
            true => Ok(()),
            false => Err(Error::not_found(
                "username",
                format!("There is no user {username}."),
            )),
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

    /// Begins a session.
    ///
    /// # Errors
    /// `NotFound` when there is no such user.
    pub fn create_session(
        &self,
        token_sha256: &[u8; 32],
        username: &str,
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        let now = self.now();
        self.update(|_, tx, _| {
            if tx.user(username)?.is_none() {
                return Err(Error::not_found(
                    "username",
                    format!("There is no user {username}."),
                ));
            }
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
