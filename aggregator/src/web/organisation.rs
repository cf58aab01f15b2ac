//! When people have to be there, and who is responsible: schedules, holidays, leaves, areas, policies.

use serde::Deserialize;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use chrono::NaiveDate;
use hadir_shared::id::AreaId;

use super::Web;
use super::error::ApiError;
use super::reply;
use super::reports::known;
use super::request::Request;
use crate::core::{AreaPatch, Ending, NewLeave, NewSilence, ThresholdsPatch, Viewer};
use crate::escalation::Policy;
use crate::schedule::Schedule;
use crate::sentence::say;

/// Answers below `/api/`, where `path` is one of these.
pub(super) async fn answer(
    web: &Web,
    request: &mut Request,
    method: Method,
    path: &[&str],
    viewer: Viewer,
) -> Result<Response, ApiError> {
    let core = &web.core;
    match path {
        ["schedules"] => match method {
            Method::GET => Ok(reply::ok(&core.call(move |core| core.schedules(&viewer)).await?)),
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["schedules", name] => {
            let name = (*name).to_owned();
            match method {
                Method::PUT => {
                    let schedule: Schedule = request.json().await?;
                    let saved = core.call(move |core| core.save_schedule(&viewer, &name, &schedule));
                    Ok(reply::ok(&saved.await?))
                }
                Method::DELETE => {
                    core.call(move |core| core.delete_schedule(&viewer, &name))
                        .await?;
                    Ok(reply::empty(StatusCode::NO_CONTENT))
                }
                _ => Err(ApiError::method(&method, "PUT, DELETE")),
            }
        }
        ["policies"] => match method {
            Method::GET => Ok(reply::ok(&core.call(move |core| core.policies(&viewer)).await?)),
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["policies", name] => {
            let name = (*name).to_owned();
            match method {
                Method::PUT => {
                    let policy: Policy = request.json().await?;
                    let saved = core.call(move |core| core.save_policy(&viewer, &name, &policy));
                    Ok(reply::ok(&saved.await?))
                }
                Method::DELETE => {
                    core.call(move |core| core.delete_policy(&viewer, &name)).await?;
                    Ok(reply::empty(StatusCode::NO_CONTENT))
                }
                _ => Err(ApiError::method(&method, "PUT, DELETE")),
            }
        }
        ["thresholds"] => match method {
            Method::GET => Ok(reply::ok(&core.call(|core| core.site_thresholds()).await?)),
            Method::PATCH => {
                let patch: ThresholdsPatch = request.json().await?;
                let set = core.call(move |core| core.set_thresholds(&viewer, &patch));
                Ok(reply::ok(&set.await?))
            }
            _ => Err(ApiError::method(&method, "GET, PATCH")),
        },
        ["silence"] => match method {
            Method::GET => Ok(reply::ok(&core.call(move |core| core.silence()).await?)),
            Method::PUT => {
                let new: NewSilence = request.json().await?;
                let silence = core.call(move |core| core.begin_silence(&viewer, &new));
                Ok(reply::ok(&silence.await?))
            }
            Method::DELETE => {
                core.call(move |core| core.end_silence(&viewer)).await?;
                Ok(reply::empty(StatusCode::NO_CONTENT))
            }
            _ => Err(ApiError::method(&method, "GET, PUT, DELETE")),
        },
        ["hierarchy"] => match method {
            Method::GET => {
                let problems = core.call(move |core| core.hierarchy_problems(&viewer));
                Ok(reply::ok(&problems.await?))
            }
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["holidays"] => match method {
            Method::GET => Ok(reply::ok(&core.call(move |core| core.holidays(&viewer)).await?)),
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["holidays", date] => {
            let date: NaiveDate = date.parse().map_err(|_| {
                ApiError::invalid(say!(
                    "Write the day like 2026-12-25.",
                    "Tulis harinya seperti 2026-12-25."
                ))
                .field("date")
            })?;
            match method {
                Method::PUT => {
                    let Named { name } = request.json().await?;
                    let saved = core.call(move |core| core.save_holiday(&viewer, date, &name));
                    Ok(reply::ok(&saved.await?))
                }
                Method::DELETE => {
                    core.call(move |core| core.delete_holiday(&viewer, date)).await?;
                    Ok(reply::empty(StatusCode::NO_CONTENT))
                }
                _ => Err(ApiError::method(&method, "PUT, DELETE")),
            }
        }
        ["leaves"] => match method {
            Method::GET => {
                let since = request.query.get("from").map(|text| {
                    text.parse().map_err(|_| {
                        ApiError::invalid(say!(
                            "Write the day like 2026-12-25.",
                            "Tulis harinya seperti 2026-12-25."
                        ))
                        .field("from")
                    })
                });
                let since = since.transpose()?;
                Ok(reply::ok(
                    &core.call(move |core| core.leaves(&viewer, since)).await?,
                ))
            }
            Method::POST => {
                let new: NewLeave = request.json().await?;
                let made = core.call(move |core| core.add_leave(&viewer, &new)).await?;
                Ok(reply::json(StatusCode::CREATED, &made))
            }
            _ => Err(ApiError::method(&method, "GET, POST")),
        },
        ["leaves", id] => {
            let none =
                || ApiError::not_found(say!("There is no such leave.", "Tidak ada cuti itu.")).field("id");
            let id: i64 = id.parse().map_err(|_| none())?;
            match method {
                Method::DELETE => {
                    known(&request.query, &["take_back"])?;
                    let how = match request.query.get("take_back").map(String::as_str) {
                        None | Some("false") => Ending::Now,
                        Some("true") => Ending::TakenBack,
                        Some(_) => {
                            return Err(ApiError::invalid("Write `take_back=true`.").field("take_back"));
                        }
                    };
                    core.call(move |core| core.end_leave(&viewer, id, how)).await?;
                    Ok(reply::empty(StatusCode::NO_CONTENT))
                }
                _ => Err(ApiError::method(&method, "DELETE")),
            }
        }
        ["areas"] => match method {
            Method::GET => Ok(reply::ok(&core.call(move |core| core.areas(&viewer)).await?)),
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["areas", id] => {
            let id = AreaId::new(*id).map_err(|_| {
                ApiError::not_found(say!("There is no such area.", "Tidak ada area itu.")).field("id")
            })?;
            match method {
                Method::PATCH => {
                    let patch: AreaPatch = request.json().await?;
                    let area = core.call(move |core| core.update_area(&viewer, &id, &patch));
                    Ok(reply::ok(&area.await?))
                }
                _ => Err(ApiError::method(&method, "PATCH")),
            }
        }
        _ => Err(ApiError::not_found("There is nothing at this address.")),
    }
}

/// Body of `PUT /api/holidays/{date}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}
