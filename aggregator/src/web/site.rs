//! Who may log in, settings of the site, the record of who changed what, and whether messages arrive.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::Web;
use super::auth;
use super::error::ApiError;
use super::reply;
use super::request::Request;
use super::routes::employee_id;
use crate::core::types::Language;
use crate::core::{BodyPresencePatch, NewQuietHours, NewUser, RetentionPatch, UserPatch, Viewer};
use crate::sentence::say;

/// Answers below `/api/`, where `path` begins with one of these.
pub(super) async fn answer(
    web: &Web,
    request: &mut Request,
    method: Method,
    path: &[&str],
    viewer: Viewer,
) -> Result<Response, ApiError> {
    let core = &web.core;
    match path {
        ["users"] => match method {
            Method::GET => Ok(reply::ok(&core.call(move |core| core.user_rows(&viewer)).await?)),
            Method::POST => {
                let NewUser {
                    username,
                    password,
                    role,
                    employee,
                } = request.json().await?;
                let hash = auth::hash(web, password).await?;
                let name = username.clone();
                core.call(move |core| core.add_user(&viewer, &name, &hash, role, employee.as_deref()))
                    .await?;
                let made = core.call(move |core| core.user_by_name(&username)).await?;
                Ok(reply::json(StatusCode::CREATED, &made.map(|user| user.row())))
            }
            _ => Err(ApiError::method(&method, "GET, POST")),
        },
        ["users", name] => {
            // They may hold an @, which browsers write as %40.
            let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
            match method {
                Method::PATCH => {
                    let mut patch: UserPatch = request.json().await?;
                    let hash = match patch.password.take() {
                        Some(password) => Some(auth::hash(web, password).await?),
                        None => None,
                    };
                    let changed =
                        core.call(move |core| core.change_user(&viewer, &name, &patch, hash.as_deref()));
                    Ok(reply::ok(&changed.await?))
                }
                Method::DELETE => {
                    core.call(move |core| core.delete_user(&viewer, &name)).await?;
                    Ok(reply::empty(StatusCode::NO_CONTENT))
                }
                _ => Err(ApiError::method(&method, "PATCH, DELETE")),
            }
        }
        ["audit"] => match method {
            Method::GET => {
                let before = request.query.get("before").map(|text| {
                    text.parse::<i64>()
                        .map_err(|_| ApiError::invalid("Give the id of a line.").field("before"))
                });
                let before = before.transpose()?;
                Ok(reply::ok(
                    &core.call(move |core| core.audited(&viewer, before)).await?,
                ))
            }
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["quiet-hours"] => match method {
            Method::GET => Ok(reply::ok(&core.call(|core| core.quiet_hours()).await?)),
            Method::PUT => {
                let new: NewQuietHours = request.json().await?;
                let set = core.call(move |core| core.set_quiet_hours(&viewer, Some(&new)));
                Ok(reply::ok(&set.await?))
            }
            Method::DELETE => Ok(reply::ok(
                &core.call(move |core| core.set_quiet_hours(&viewer, None)).await?,
            )),
            _ => Err(ApiError::method(&method, "GET, PUT, DELETE")),
        },
        ["site-language"] => match method {
            Method::GET => Ok(reply::ok(&core.call(|core| core.language()).await?)),
            Method::PUT => {
                let NewLanguage { language } = request.json().await?;
                let set = core.call(move |core| core.set_language(&viewer, Some(language)));
                Ok(reply::ok(&set.await?))
            }
            Method::DELETE => Ok(reply::ok(
                &core.call(move |core| core.set_language(&viewer, None)).await?,
            )),
            _ => Err(ApiError::method(&method, "GET, PUT, DELETE")),
        },
        ["body-presence"] => match method {
            Method::GET => Ok(reply::ok(&core.call(|core| core.body_presence()).await?)),
            Method::PATCH => {
                let patch: BodyPresencePatch = request.json().await?;
                let set = core.call(move |core| core.set_body_presence(&viewer, patch));
                Ok(reply::ok(&set.await?))
            }
            _ => Err(ApiError::method(&method, "GET, PATCH")),
        },
        ["retention"] => match method {
            Method::GET => Ok(reply::ok(&core.call(|core| core.retention()).await?)),
            Method::PATCH => {
                let patch: RetentionPatch = request.json().await?;
                Ok(reply::ok(
                    &core.call(move |core| core.set_retention(&viewer, &patch)).await?,
                ))
            }
            _ => Err(ApiError::method(&method, "GET, PATCH")),
        },
        ["whatsapp", "test"] => match method {
            Method::POST => {
                let To { employee } = request.json().await?;
                let employee = employee_id(&employee)?;
                let sent = core.call(move |core| core.send_test_message(&viewer, &employee));
                Ok(reply::json(StatusCode::ACCEPTED, &sent.await?))
            }
            _ => Err(ApiError::method(&method, "POST")),
        },
        ["messages", id] => {
            let none =
                || ApiError::not_found(say!("There is no such message.", "Tidak ada pesan itu.")).field("id");
            let id: i64 = id.parse().map_err(|_| none())?;
            match method {
                Method::GET => Ok(reply::ok(
                    &core.call(move |core| core.message_state(&viewer, id)).await?,
                )),
                _ => Err(ApiError::method(&method, "GET")),
            }
        }
        _ => Err(ApiError::not_found("There is nothing at this address.")),
    }
}

/// Body of `PUT /api/site-language`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLanguage {
    language: Language,
}

/// To whom a test message goes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct To {
    employee: String,
}
