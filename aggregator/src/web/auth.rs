//! Who is asking: passwords, sessions and the roles' limits.
//!
//! A session is a cookie with 256 random bits, of which the store holds the SHA-256; it ends after twelve
//! hours, at the logout, or when the password is set anew. Passwords are argon2id; an unknown user name costs
//! the same work as a known one, and after five wrong passwords a user name rests for a minute.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::{self, PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use chrono::TimeDelta;
use hadir_shared::secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use warp::http::StatusCode;
use warp::http::header::{HeaderValue, SET_COOKIE};
use warp::reply::Response;

use super::Web;
use super::error::ApiError;
use super::reply;
use super::request::{Headers, Request};
use crate::core::{Role, User};
use crate::sentence::say;

/// The session cookie's name.
pub(crate) const COOKIE: &str = "hadir_session";
const SESSION: TimeDelta = TimeDelta::hours(12);
/// How long a password is, in characters and in bytes.
pub(crate) const MIN_PASSWORD: usize = 10;
pub(crate) const MAX_PASSWORD: usize = 1000;
/// Wrong passwords of one user name within [`WITHIN`] until it rests.
const ATTEMPTS: usize = 5;
const WITHIN: Duration = Duration::from_secs(60);
/// Passwords checked at the same time: each takes 19 MiB and some 20 ms of a core.
const CHECKS: usize = 2;
/// Whoever would wait longer for a check is sent away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the argon2id hash of a password, as a PHC string. Takes tens of milliseconds.
///
/// # Errors
/// When there is no randomness or the password is longer than argon2 takes.
pub(crate) fn hash_password(password: &str) -> Result<String, password_hash::Error> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| password_hash::Error::Crypto)?;
    let salt = SaltString::encode_b64(&salt)?;
    Ok(Argon2::default()
        .hash_password(password.as_bytes(), &salt)?
        .to_string())
}

fn is_right(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// What logging in needs to remember.
pub(crate) struct Logins {
    attempts: Mutex<HashMap<String, VecDeque<Instant>>>,
    checks: Semaphore,
    /// Checked in place of an unknown user's.
    nobody: String,
}

impl Logins {
    pub(crate) fn new() -> Result<Self, password_hash::Error> {
        let random = secret::random().map_err(|_| password_hash::Error::Crypto)?;
        let nobody = hash_password(&secret::encode(&random))?;
        Ok(Self {
            attempts: Mutex::default(),
            checks: Semaphore::new(CHECKS),
            nobody,
        })
    }

    /// Counts an attempt before it is checked, so that attempts side by side count too; how long the name
    /// has to rest, if it has to.
    fn begin(&self, username: &str, now: Instant) -> Result<(), Duration> {
        let mut all = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, times| {
            times.retain(|at| now.duration_since(*at) < WITHIN);
            !times.is_empty()
        });
        let times = all.entry(username.to_owned()).or_default();
        match times.front() {
            Some(first) if times.len() >= ATTEMPTS => Err(WITHIN.saturating_sub(now.duration_since(*first))),
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }

    /// A place among those whose passwords are worked on.
    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, ApiError> {
        let busy = || {
            ApiError::unavailable(say!(
                "Too many people log in at once; try again.",
                "Terlalu banyak orang masuk bersamaan; coba lagi."
            ))
        };
        let turn = tokio::time::timeout(PATIENCE, self.checks.acquire()).await;
        turn.map_err(|_| busy())?.map_err(|_| busy())
    }

    fn succeeded(&self, username: &str) {
        self.attempts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(username);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Serialize)]
struct LoggedIn<'a> {
    username: &'a str,
    role: Role,
    employee: Option<&'a str>,
    name: &'a str,
}

pub(crate) async fn login(web: &Web, request: &mut Request) -> Result<Response, ApiError> {
    let Credentials { username, password } = request.json().await?;
    let user = check(web, username, password).await?;
    begin_session(web, &user).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnPassword {
    current: String,
    new: String,
}

/// Somebody gives themselves another password: all their sessions end, and this one begins anew.
pub(crate) async fn change_password(
    web: &Web,
    request: &mut Request,
    user: &User,
) -> Result<Response, ApiError> {
    let OwnPassword { current, new } = request.json().await?;
    let hash = hash(web, new).await.map_err(|error| error.field("new"))?;
    let user = check(web, user.username.clone(), current)
        .await
        .map_err(|error| match error.is_unauthenticated() {
            // The session is right; the page must not end it.
            true => ApiError::invalid(say!(
                "The current password is wrong.",
                "Kata sandi saat ini salah."
            ))
            .field("current"),
            false => error,
        })?;
    let mut user = user;
    let (name, verified) = (
        user.username.clone(),
        std::mem::replace(&mut user.password_hash, hash.clone()),
    );
    web.core
        .call(move |core| core.set_own_password(&name, &verified, &hash))
        .await?;
    begin_session(web, &user).await
}

/// Hashes a new password, if it is one.
pub(crate) async fn hash(web: &Web, password: String) -> Result<String, ApiError> {
    let password = zeroize::Zeroizing::new(password);
    if password.chars().count() < MIN_PASSWORD || password.len() > MAX_PASSWORD {
        let message = say!(
            "A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.",
            "Kata sandi terdiri dari {MIN_PASSWORD} sampai {MAX_PASSWORD} karakter."
        );
        return Err(ApiError::invalid(message).field("password"));
    }
    let _turn = web.logins.turn().await?;
    let hashed = tokio::task::spawn_blocking(move || hash_password(&password)).await;
    match hashed {
        Ok(Ok(hash)) => Ok(hash),
        _ => Err(ApiError::unavailable(say!(
            "The password could not be hashed; try again.",
            "Kata sandi tidak dapat disimpan; coba lagi."
        ))),
    }
}

/// The user whose password it is.
async fn check(web: &Web, username: String, password: String) -> Result<User, ApiError> {
    let password = zeroize::Zeroizing::new(password);
    if username.len() > 200 || password.len() > MAX_PASSWORD {
        return Err(ApiError::unauthenticated(say!(
            "The user name or the password is wrong.",
            "Nama pengguna atau kata sandi salah."
        )));
    }
    web.logins.begin(&username, Instant::now()).map_err(|rest| {
        let seconds = rest.as_secs() + 1;
        ApiError::too_many(
            say!(
                "Too many wrong passwords for this user; try again in {seconds} seconds.",
                "Terlalu banyak kata sandi salah untuk pengguna ini; coba lagi dalam {seconds} detik."
            ),
            seconds,
        )
    })?;
    let name = username.clone();
    let user = web.core.call(move |core| core.user_by_name(&name)).await?;
    let hash = user
        .as_ref()
        .map_or_else(|| web.logins.nobody.clone(), |user| user.password_hash.clone());
    let _turn = web.logins.turn().await?;
    let right = tokio::task::spawn_blocking(move || is_right(&hash, &password))
        .await
        .unwrap_or(false);
    let Some(user) = user.filter(|_| right) else {
        return Err(ApiError::unauthenticated(say!(
            "The user name or the password is wrong.",
            "Nama pengguna atau kata sandi salah."
        )));
    };
    web.logins.succeeded(&username);
    Ok(user)
}

async fn begin_session(web: &Web, user: &User) -> Result<Response, ApiError> {
    let token = secret::random().map_err(|_| {
        ApiError::unavailable(say!(
            "No session could be made; try again.",
            "Sesi tidak dapat dibuat; coba lagi."
        ))
    })?;
    let token = secret::encode(&token);
    let (digest, expires_at) = (digest(&token), web.core.now() + SESSION);
    let (username, verified) = (user.username.clone(), user.password_hash.clone());
    web.core
        .call(move |core| core.create_session(&digest, &username, &verified, expires_at))
        .await?;
    let body = LoggedIn {
        username: &user.username,
        role: user.role,
        employee: user.employee.as_ref().map(|e| e.as_str()),
        name: &user.name,
    };
    let mut response = reply::ok(&body);
    set_cookie(web, &mut response, &token, SESSION.num_seconds());
    Ok(response)
}

pub(crate) async fn logout(web: &Web, headers: &Headers) -> Result<Response, ApiError> {
    if let Some(session) = session_of(headers) {
        web.core.call(move |core| core.delete_session(&session)).await?;
    }
    let mut response = reply::empty(StatusCode::NO_CONTENT);
    set_cookie(web, &mut response, "", 0);
    Ok(response)
}

/// The SHA-256 of the session that a request names, whether or not there is one.
pub(crate) fn session_of(headers: &Headers) -> Option<[u8; 32]> {
    let token = headers.cookie(COOKIE)?;
    secret::decode(token)?;
    Some(digest(token))
}

/// The user who is asking.
pub(crate) async fn user(web: &Web, headers: &Headers) -> Result<User, ApiError> {
    let nobody = || {
        ApiError::unauthenticated(say!(
            "You are not logged in, or not any more; log in.",
            "Anda belum masuk, atau sesi Anda telah berakhir; silakan masuk."
        ))
    };
    let session = session_of(headers).ok_or_else(nobody)?;
    web.core
        .call(move |core| core.session(&session))
        .await?
        .ok_or_else(nobody)
}

/// Refuses every role but these.
pub(crate) fn only(user: &User, roles: &[Role]) -> Result<(), ApiError> {
    if roles.contains(&user.role) {
        Ok(())
    } else {
        Err(ApiError::forbidden(say!(
            "Your account may not do this; ask an administrator.",
            "Akun Anda tidak diizinkan melakukan ini; tanyakan kepada administrator."
        )))
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn set_cookie(web: &Web, response: &mut Response, token: &str, seconds: i64) {
    let secure = if web.public_url.starts_with("https://") {
        "; Secure"
    } else {
        ""
    };
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    match HeaderValue::from_str(&cookie) {
        Ok(value) => {
            response.headers_mut().insert(SET_COOKIE, value);
        }
        Err(error) => tracing::error!(%error, "a cookie could not be written"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_rests_after_five_attempts() {
        let (logins, now) = (Logins::new().expect("made"), Instant::now());
        for n in 0..5 {
            assert_eq!(logins.begin("sari", now + Duration::from_secs(n)), Ok(()));
        }
        assert_eq!(
            logins.begin("sari", now + Duration::from_secs(10)),
            Err(Duration::from_secs(50))
        );
        assert_eq!(logins.begin("budi", now + Duration::from_secs(10)), Ok(()));
        assert_eq!(logins.begin("sari", now + Duration::from_secs(61)), Ok(()));
        logins.succeeded("sari");
        assert_eq!(logins.begin("sari", now + Duration::from_secs(62)), Ok(()));
    }

    #[test]
    fn only_the_password_fits_its_hash() {
        let hash = hash_password("correct horse").expect("hashed");
        assert!(hash.starts_with("$argon2id$"));
        assert!(is_right(&hash, "correct horse"));
        assert!(!is_right(&hash, "correct horse ") && !is_right(&hash, "") && !is_right("", "correct horse"));
        assert_ne!(hash, hash_password("correct horse").expect("hashed"), "salted");
    }
}
