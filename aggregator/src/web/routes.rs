//! The table of addresses: what is answered where, and by whom it may be asked.
//!
//! What each viewer sees and may change is for the core to say.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use warp::http::header::{ETAG, HeaderValue};
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use hadir_shared::id::{CameraId, EmployeeId};

use super::error::ApiError;
use super::reports::known;
use super::request::{Headers, Request};
use super::{Web, auth, organisation, reply, reports, site, statics};
use crate::config::{DEFAULT_ABSENT_AFTER_S, DEFAULT_OFF_AFTER_S};
use crate::core::import::Mode;
use crate::core::types::Language;
use crate::core::{AlertFilter, Camera, CameraPatch, Comment, EmployeePatch, Excuse, NewEmployee, User};
use crate::devices::{Credential, Device};
use crate::enrolment;
use crate::notify::webhook::MAX_BODY as MAX_WEBHOOK;
use crate::sentence::say;

/// What addresses there are, for other programs.
const OPENAPI: &str = include_str!("../../../docs/openapi.json");

/// The largest file of employees: some 50,000.
const MAX_IMPORT: usize = 8 << 20;

/// The header by which a device says who it is.
const DEVICE_HEADER: &str = "x-hadir-device";

/// Answers a request, whatever it is.
pub(crate) async fn answer(web: &Web, mut request: Request) -> Response {
    let path = request.path.clone();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let answered = match segments.as_slice() {
        ["healthz"] => match request.method {
            Method::GET | Method::HEAD => Ok(reply::ok(&json!({"status": "ok"}))),
            _ => Err(ApiError::method(&request.method, "GET")),
        },
        ["openapi.json"] => match request.method {
            Method::GET | Method::HEAD => Ok(reply::bytes(
                StatusCode::OK,
                "application/json",
                OPENAPI.as_bytes().to_vec(),
            )),
            _ => Err(ApiError::method(&request.method, "GET")),
        },
        ["api", "whatsapp", "webhook"] => webhook(web, &mut request).await,
        ["api", rest @ ..] => api(web, &mut request, rest).await,
        ["agent", "v1", "gallery"] => gallery(web, &request.method, &request.headers).await,
        ["agent", "v1", "live", _] => Err(ApiError::invalid("This address takes a WebSocket.")),
        ["agent", ..] => Err(ApiError::not_found("There is nothing at this address.")),
        _ => statics::serve(&request),
    };
    match answered {
        Ok(response) => response,
        Err(error) => {
            request.drain().await;
            error.into_response(request.headers.language())
        }
    }
}

async fn api(web: &Web, request: &mut Request, path: &[&str]) -> Result<Response, ApiError> {
    let method = if request.method == Method::HEAD {
        Method::GET
    } else {
        request.method.clone()
    };
    if method != Method::GET {
        request.headers.check_origin(&web.public_url)?;
    }
    match path {
        ["login"] => {
            return match method {
                Method::POST => auth::login(web, request).await,
                _ => Err(ApiError::method(&method, "POST")),
            };
        }
        ["logout"] => {
            return match method {
                Method::POST => auth::logout(web, &request.headers).await,
                _ => Err(ApiError::method(&method, "POST")),
            };
        }
        _ => {}
    }

    // Before the address is looked at: whoever is not logged in learns nothing about what is there.
    let user = auth::user(web, &request.headers).await?;
    let viewer = user.viewer();
    let core = &web.core;
    match path {
        ["me"] => match method {
            Method::GET => me(web, &user, request.headers.language()).await,
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["me", "password"] => match method {
            Method::POST => auth::change_password(web, request, &user).await,
            _ => Err(ApiError::method(&method, "POST")),
        },
        ["summary"] => match method {
            Method::GET => Ok(reply::ok(&core.call(move |core| core.summary(&viewer)).await?)),
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["status"] => match method {
            Method::GET => Ok(reply::ok(&core.call(move |core| core.status(&viewer)).await?)),
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["notices"] => match method {
            Method::GET => Ok(reply::ok(&core.call(move |core| core.notices(&viewer)).await?)),
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["employees"] => match method {
            Method::GET => Ok(reply::ok(&core.call(move |core| core.employees(&viewer)).await?)),
            Method::POST => {
                let new: NewEmployee = request.json().await?;
                let made = core.call(move |core| core.create_employee(&viewer, new)).await?;
                Ok(reply::json(StatusCode::CREATED, &made))
            }
            _ => Err(ApiError::method(&method, "GET, POST")),
        },
        ["employees", "import"] if method == Method::POST => {
            known(&request.query, &["dry_run"])?;
            let mode = match request.query.get("dry_run").map(String::as_str) {
                None | Some("false") => Mode::Write,
                Some("true") => Mode::Try,
                Some(_) => return Err(ApiError::invalid("Write `dry_run=true`.").field("dry_run")),
            };
            let file = request.body(MAX_IMPORT).await?;
            let import = core.call(move |core| core.import_employees(&viewer, &file, mode));
            Ok(reply::ok(&import.await?.to(request.headers.language())))
        }
        ["employees", id] => {
            let id = employee_id(id)?;
            match method {
                Method::GET => Ok(reply::ok(
                    &core.call(move |core| core.employee(&viewer, &id)).await?,
                )),
                Method::PATCH => {
                    let patch: EmployeePatch = request.json().await?;
                    Ok(reply::ok(
                        &core
                            .call(move |core| core.update_employee(&viewer, &id, patch))
                            .await?,
                    ))
                }
                Method::DELETE => Ok(reply::ok(
                    &core.call(move |core| core.delete_employee(&viewer, &id)).await?,
                )),
                _ => Err(ApiError::method(&method, "GET, PATCH, DELETE")),
            }
        }
        ["employees", id, "escalation"] => {
            let id = employee_id(id)?;
            match method {
                Method::GET => Ok(reply::ok(
                    &core.call(move |core| core.escalation_plan(&viewer, &id)).await?,
                )),
                _ => Err(ApiError::method(&method, "GET")),
            }
        }
        ["employees", id, "test"] => {
            employee_id(id)?;
            match method {
                // A multipart body goes another way and does not get here.
                Method::POST => Err(ApiError::unsupported(
                    "Send the photo as multipart/form-data, in a field named `photo`.",
                )),
                _ => Err(ApiError::method(&method, "POST")),
            }
        }
        ["employees", id, "photos"] => {
            let id = employee_id(id)?;
            match method {
                Method::DELETE => Ok(reply::ok(
                    &core.call(move |core| core.delete_templates(&viewer, &id)).await?,
                )),
                // A multipart body goes another way and does not get here.
                Method::POST => Err(ApiError::unsupported(
                    "Send the photos as multipart/form-data, in fields named `photo`.",
                )),
                _ => Err(ApiError::method(&method, "POST, DELETE")),
            }
        }
        [
            "areas" | "schedules" | "holidays" | "leaves" | "policies" | "hierarchy" | "silence"
            | "thresholds",
            ..,
        ] => organisation::answer(web, request, method, path, viewer).await,
        ["cameras"] => match method {
            Method::GET => {
                let cameras = core.call(move |core| core.cameras(&viewer)).await?;
                let cameras: Vec<Camera> = cameras
                    .into_iter()
                    .map(|camera| web.with_viewers(camera))
                    .collect();
                Ok(reply::ok(&cameras))
            }
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["cameras", id] => {
            let id = camera_id(id)?;
            match method {
                Method::PATCH => {
                    let patch: CameraPatch = request.json().await?;
                    let camera = core.call(move |core| core.update_camera(&viewer, &id, &patch));
                    Ok(reply::ok(&web.with_viewers(camera.await?)))
                }
                _ => Err(ApiError::method(&method, "PATCH")),
            }
        }
        ["cameras", id, "snapshot"] => {
            let id = camera_id(id)?;
            match method {
                Method::POST => {
                    let Nothing {} = request.json().await?;
                    core.call(move |core| core.note_snapshot(&viewer, &id)).await?;
                    Ok(reply::empty(StatusCode::NO_CONTENT))
                }
                _ => Err(ApiError::method(&method, "POST")),
            }
        }
        ["agents"] => match method {
            Method::GET => Ok(reply::ok(&core.call(move |core| core.agents(&viewer)).await?)),
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["set-aside"] => match method {
            Method::GET => Ok(reply::ok(&core.call(move |core| core.set_aside(&viewer)).await?)),
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["badge-conflicts"] => match method {
            Method::GET => Ok(reply::ok(
                &core.call(move |core| core.badge_conflicts(&viewer)).await?,
            )),
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["alerts"] => match method {
            Method::GET => {
                let filter = match request.query.get("state").map(String::as_str) {
                    None | Some("open") => AlertFilter::Open,
                    Some("all") => AlertFilter::All,
                    Some(_) => {
                        return Err(ApiError::invalid("Ask for `open` or `all` alerts.").field("state"));
                    }
                };
                Ok(reply::ok(
                    &core.call(move |core| core.alerts(&viewer, filter)).await?,
                ))
            }
            _ => Err(ApiError::method(&method, "GET")),
        },
        ["alerts", id] => {
            let id = alert_id(id)?;
            match method {
                Method::GET => Ok(reply::ok(&core.call(move |core| core.alert(&viewer, id)).await?)),
                _ => Err(ApiError::method(&method, "GET")),
            }
        }
        ["alerts", id, "ack"] => {
            let id = alert_id(id)?;
            match method {
                Method::POST => {
                    let Nothing {} = request.json().await?;
                    Ok(reply::ok(
                        &core.call(move |core| core.acknowledge(&viewer, id)).await?,
                    ))
                }
                _ => Err(ApiError::method(&method, "POST")),
            }
        }
        ["alerts", id, "excuse"] => {
            let id = alert_id(id)?;
            match method {
                Method::POST => {
                    let excuse: Excuse = request.json().await?;
                    Ok(reply::ok(
                        &core.call(move |core| core.excuse(&viewer, id, excuse)).await?,
                    ))
                }
                _ => Err(ApiError::method(&method, "POST")),
            }
        }
        ["alerts", id, "comment"] => {
            let id = alert_id(id)?;
            match method {
                Method::POST => {
                    let comment: Comment = request.json().await?;
                    let noted = core.call(move |core| core.comment(&viewer, id, &comment.text));
                    Ok(reply::ok(&noted.await?))
                }
                _ => Err(ApiError::method(&method, "POST")),
            }
        }
        [
            "users" | "audit" | "quiet-hours" | "retention" | "body-presence" | "site-language" | "messages"
            | "whatsapp",
            ..,
        ] => site::answer(web, request, method, path, viewer).await,
        [
            "reports" | "attendance" | "patterns" | "timeline" | "occupancy",
            ..,
        ] => reports::answer(web, request, method, path, viewer).await,
        ["events"] | ["cameras", _, "live"] => match method {
            Method::GET => Err(ApiError::invalid("This address takes a WebSocket.")),
            _ => Err(ApiError::method(&method, "GET")),
        },
        _ => Err(ApiError::not_found("There is nothing at this address.")),
    }
}

/// The body of a request that has nothing to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(crate) fn employee_id(text: &str) -> Result<EmployeeId, ApiError> {
    EmployeeId::new(text).map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        ApiError::not_found(say!(
            "There is no employee {shown}.",
            "Tidak ada karyawan {shown}."
        ))
        .field("id")
    })
}

fn camera_id(text: &str) -> Result<CameraId, ApiError> {
    CameraId::new(text).map_err(|_| {
        ApiError::not_found(say!("There is no such camera.", "Tidak ada kamera itu.")).field("id")
    })
}

fn alert_id(text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| {
        ApiError::not_found(say!("There is no such alert.", "Tidak ada peringatan itu.")).field("id")
    })
}

#[derive(Serialize)]
struct Me<'a> {
    username: &'a str,
    role: crate::core::Role,
    employee: Option<&'a EmployeeId>,
    name: &'a str,
    site: serde_json::Value,
    now: String,
    presence: Thresholds,
    defaults: Thresholds,
    whatsapp: serde_json::Value,
}

#[derive(Serialize)]
struct Thresholds {
    off_after_s: i64,
    absent_after_s: i64,
}

async fn me(web: &Web, user: &User, reader: Language) -> Result<Response, ApiError> {
    let (thresholds, language) = web
        .core
        .call(|core| Ok((core.thresholds()?, core.language()?)))
        .await?;
    let settings = web.core.settings();
    let banners = web.core.banners(&user.viewer());
    let problem = banners
        .into_iter()
        .find(|banner| banner.key.starts_with("whatsapp"))
        .map(|banner| banner.message.to(reader).to_owned());
    Ok(reply::ok(&Me {
        username: &user.username,
        role: user.role,
        employee: user.employee.as_ref(),
        name: &user.name,
        site: json!({
            "id": settings.site,
            "name": settings.name,
            "timezone": settings.timezone.name(),
            "language": language.language,
        }),
        now: hadir_shared::time::format(web.core.now()),
        presence: Thresholds {
            off_after_s: thresholds.off_after.num_seconds(),
            absent_after_s: thresholds.absent_after.num_seconds(),
        },
        defaults: Thresholds {
            off_after_s: DEFAULT_OFF_AFTER_S.into(),
            absent_after_s: DEFAULT_ABSENT_AFTER_S.into(),
        },
        whatsapp: json!({"configured": settings.whatsapp.is_some(), "problem": problem}),
    }))
}

async fn webhook(web: &Web, request: &mut Request) -> Result<Response, ApiError> {
    match request.method {
        Method::GET => {
            let asked = |key: &str| request.query.get(key).cloned().unwrap_or_default();
            let (mode, token, challenge) = (
                asked("hub.mode"),
                asked("hub.verify_token"),
                asked("hub.challenge"),
            );
            let text = web
                .core
                .call(move |core| core.webhook_challenge(&mode, &token, &challenge))
                .await?;
            Ok(reply::bytes(
                StatusCode::OK,
                "text/plain; charset=utf-8",
                text.into_bytes(),
            ))
        }
        Method::POST => {
            let body = request.body(MAX_WEBHOOK).await?;
            // The Cloud API's, WAHA's, Fonnte's.
            let headers = ["x-hub-signature-256", "x-webhook-hmac"];
            let signature = headers.into_iter().find_map(|name| request.headers.other(name));
            let proof = signature
                .map(ToOwned::to_owned)
                .or_else(|| request.query.get("key").cloned());
            web.core
                .call(move |core| core.take_webhook(proof.as_deref(), &body))
                .await?;
            Ok(reply::empty(StatusCode::OK))
        }
        _ => Err(ApiError::method(&request.method, "GET, POST")),
    }
}

/// The device that is asking.
pub(crate) fn device(web: &Web, headers: &Headers) -> Result<Arc<Device>, ApiError> {
    let shown = headers.other(DEVICE_HEADER).zip(headers.bearer());
    shown
        .and_then(|(name, token)| {
            web.devices
                .authenticate(name, Credential::Token(token.as_bytes()))
        })
        .ok_or_else(|| {
            ApiError::unauthenticated(
                "This device is not known here, or its token is wrong or revoked; add it again.",
            )
        })
}

async fn gallery(web: &Web, method: &Method, headers: &Headers) -> Result<Response, ApiError> {
    if *method != Method::GET {
        return Err(ApiError::method(method, "GET"));
    }
    let device = device(web, headers)?;
    let tag = |version: u64| format!("\"{version}\"");
    let version = web.core.call(|core| core.gallery_version()).await?;
    let (version, mut response) = if headers.has_already(&tag(version)) {
        (version, reply::empty(StatusCode::NOT_MODIFIED))
    } else {
        let asking = device.clone();
        let gallery = web
            .core
            .call(move |core| core.templates_for(&asking.agent, &asking.areas, enrolment::model_id()))
            .await?;
        let name = hadir_shared::topic::user_name(&web.core.settings().site, &device.agent);
        let sealed = hadir_shared::gallery::seal(&gallery, &name, &device.gallery_key)
            .map_err(|error| crate::error::Error::internal(error.to_string()))?;
        tracing::info!(agent = %device.agent, version = gallery.version, "gallery given");
        (
            gallery.version,
            reply::bytes(StatusCode::OK, "application/octet-stream", sealed),
        )
    };
    if let Ok(tag) = HeaderValue::from_str(&tag(version)) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}
