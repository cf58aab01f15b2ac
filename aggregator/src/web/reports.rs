//! Attendance: reports in every format, single days, what HR decides, the figures behind charts; how many people were
//! where.

use std::collections::HashMap;

use chrono::NaiveDate;
use hadir_shared::id::EmployeeId;
use warp::http::header::{CONTENT_DISPOSITION, HeaderValue};
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::Web;
use super::error::ApiError;
use super::reply;
use super::request::Request;
use crate::core::types::Language;
use crate::core::{AttendanceQuery, NewDecision, OccupancyQuery, Of, Viewer};
use crate::report::{self, Format};
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
        ["reports", "daily" | "range"]
        | ["patterns" | "timeline" | "occupancy"]
        | ["attendance", "differences"]
        | ["attendance", _, _, "sightings"]
            if method != Method::GET =>
        {
            Err(ApiError::method(&method, "GET"))
        }
        ["reports", kind @ ("daily" | "range")] => {
            let days: &[&str] = match *kind {
                "daily" => &["date"],
                _ => &["from", "to"],
            };
            known(
                &request.query,
                &[days, &OF, &["format", "language", "days"]].concat(),
            )?;
            let (from, to) = match *kind {
                "daily" => {
                    let date = day(&request.query, "date")?.unwrap_or_else(|| today(web));
                    (date, date)
                }
                _ => span(&request.query)?,
            };
            file(
                web,
                &request.query,
                AttendanceQuery {
                    from,
                    to,
                    of: of(&request.query)?,
                },
                viewer,
            )
            .await
        }
        ["timeline"] => {
            let query = asked(&request.query)?;
            Ok(reply::ok(
                &core.call(move |core| core.timeline(&viewer, &query)).await?,
            ))
        }
        ["patterns"] => {
            let query = asked(&request.query)?;
            Ok(reply::ok(
                &core.call(move |core| core.patterns(&viewer, &query)).await?,
            ))
        }
        ["occupancy"] => {
            let query = occupancy(&request.query)?;
            Ok(reply::ok(
                &core.call(move |core| core.occupancy(&viewer, &query)).await?,
            ))
        }
        ["attendance", "differences"] => {
            let rows = core.call(move |core| core.attendance_differences(&viewer));
            Ok(reply::ok(&rows.await?))
        }
        ["attendance", employee, date, "sightings"] => {
            let (employee, date) = (id("employee", employee)?, date_of("date", date)?);
            let rows = core.call(move |core| core.sightings_of(&viewer, &employee, date));
            Ok(reply::ok(&rows.await?))
        }
        ["attendance", employee, date] => {
            let employee = id("employee", employee)?;
            let date = date_of("date", date)?;
            match method {
                Method::GET => {
                    let day = core.call(move |core| core.attendance_day(&viewer, &employee, date));
                    Ok(reply::ok(&day.await?))
                }
                Method::POST => {
                    let new: NewDecision = request.json().await?;
                    let day = core.call(move |core| core.decide_attendance(&viewer, &employee, date, &new));
                    Ok(reply::ok(&day.await?))
                }
                _ => Err(ApiError::method(&method, "GET, POST")),
            }
        }
        _ => Err(ApiError::not_found("There is nothing at this address.")),
    }
}

/// Of whom a report is; one of them.
const OF: [&str; 3] = ["employee", "team", "below"];

/// Refuses what is not asked for: a slip (`employe=E1`) would give everybody's.
pub(super) fn known(query: &HashMap<String, String>, keys: &[&str]) -> Result<(), ApiError> {
    match query.keys().find(|key| !keys.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(ApiError::invalid(format!(
            "There is no `{}` to ask for here; there are {}.",
            key.chars().take(40).collect::<String>(),
            keys.join(", ")
        ))),
    }
}

fn today(web: &Web) -> NaiveDate {
    report::today(web.core.now(), web.core.settings().timezone)
}

fn date_of(field: &'static str, text: &str) -> Result<NaiveDate, ApiError> {
    text.parse()
        .map_err(|_| ApiError::invalid("Write the date as YYYY-MM-DD.").field(field))
}

fn day(query: &HashMap<String, String>, field: &'static str) -> Result<Option<NaiveDate>, ApiError> {
    query.get(field).map(|text| date_of(field, text)).transpose()
}

fn span(query: &HashMap<String, String>) -> Result<(NaiveDate, NaiveDate), ApiError> {
    let needed = |field: &'static str| {
        day(query, field)?.ok_or_else(|| {
            ApiError::invalid("Give the first and the last day: from=YYYY-MM-DD&to=YYYY-MM-DD.").field(field)
        })
    };
    Ok((needed("from")?, needed("to")?))
}

fn id(field: &'static str, text: &str) -> Result<EmployeeId, ApiError> {
    EmployeeId::new(text).map_err(|_| {
        ApiError::not_found(say!("There is no employee {text}.", "Tidak ada karyawan {text}.")).field(field)
    })
}

/// Days and people, and nothing else.
fn asked(query: &HashMap<String, String>) -> Result<AttendanceQuery, ApiError> {
    known(query, &[&["from", "to"][..], &OF].concat())?;
    let (from, to) = span(query)?;
    Ok(AttendanceQuery {
        from,
        to,
        of: of(query)?,
    })
}

fn occupancy(query: &HashMap<String, String>) -> Result<OccupancyQuery, ApiError> {
    known(query, &["from", "to", "step"])?;
    let (from, to) = span(query)?;
    let step_min = match query.get("step") {
        None => 15,
        Some(text) => text
            .parse()
            .map_err(|_| ApiError::invalid("Give the step in whole minutes.").field("step"))?,
    };
    Ok(OccupancyQuery { from, to, step_min })
}

fn of(query: &HashMap<String, String>) -> Result<Of, ApiError> {
    let asked = OF.into_iter().filter(|key| query.contains_key(*key));
    let asked: Vec<&'static str> = asked.collect();
    let [key] = asked[..] else {
        return match asked.first() {
            None => Ok(Of::Everybody),
            Some(first) => Err(ApiError::invalid("Ask for one of employee, team and below.").field(first)),
        };
    };
    let id = id(key, &query[key])?;
    Ok(match key {
        "employee" => Of::Employee(id),
        "team" => Of::Team(id),
        _ => Of::Below(id),
    })
}

async fn file(
    web: &Web,
    asked: &HashMap<String, String>,
    query: AttendanceQuery,
    viewer: Viewer,
) -> Result<Response, ApiError> {
    let format = match asked.get("format").map(String::as_str) {
        None | Some("json") => None,
        Some(text) => {
            let format = Format::parse(text);
            Some(format.ok_or_else(|| {
                ApiError::invalid("Ask for `json`, `csv`, `xlsx` or `pdf`.").field("format")
            })?)
        }
    };
    let with_days = match asked.get("days").map(String::as_str) {
        None | Some("true") => true,
        Some("false") if format.is_none() => false,
        Some(_) => {
            return Err(ApiError::invalid("Write `days=false` for sums alone, as JSON.").field("days"));
        }
    };
    let settings = web.core.settings();
    let language = match asked.get("language") {
        None => web.core.call(|core| core.language()).await?.language,
        Some(text) => {
            let language = Language::parse(text);
            language
                .ok_or_else(|| ApiError::invalid("Write the language as `id` or `en`.").field("language"))?
        }
    };
    let style = settings.style(language);
    let made = web.core.call(move |core| {
        let mut report = core.attendance(&viewer, &query)?;
        if !with_days {
            report.days.clear();
        }
        Ok(match format {
            None => Err(report),
            Some(format) => Ok((report::file_name(&report, format), format.write(&report, &style)?)),
        })
    });
    let (name, body, format) = match (made.await?, format) {
        (Ok((name, body)), Some(format)) => (name, body, format),
        (Err(report), _) => return Ok(reply::ok(&report)),
        (Ok(_), None) => return Err(ApiError::not_found("There is nothing at this address.")),
    };
    let mut response = reply::bytes(StatusCode::OK, format.content_type(), body);
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
