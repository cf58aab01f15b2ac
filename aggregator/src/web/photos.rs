//! Photographs for enrolment: a bounded multipart body becomes templates.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::StreamExt as _;
use hadir_shared::id::EmployeeId;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;
use warp::filters::multipart::{FormData, Part};
use warp::http::StatusCode;
use warp::reply::Response;

use super::error::ApiError;
use super::request::Headers;
use super::routes::employee_id;
use super::{Web, auth, reply};
use crate::core::{Role, Viewer};
use crate::enrolment::{self, Likeness, Reason};
use crate::error::ErrorKind;
use crate::sentence::say;

const MAX_PHOTO: usize = 12 << 20;
const MAX_TOTAL: usize = 64 << 20;
const MAX_PHOTOS: usize = 20;
/// The whole body: the photographs, and what multipart puts around them. Without this bound the reader of the
/// parts would keep whatever comes before the first boundary.
pub(crate) const MAX_BODY: u64 = (MAX_TOTAL as u64) + (1 << 20);
/// All of it has to be there by then.
const BODY_WITHIN: Duration = Duration::from_secs(180);
const DRAIN_WITHIN: Duration = Duration::from_secs(20);

#[derive(Serialize)]
struct Taken {
    photos: Vec<Value>,
    gallery_version: u64,
}

/// `POST /api/employees/{id}/photos`.
pub(crate) async fn post(web: &Web, id: &str, headers: &Headers, mut form: FormData) -> Response {
    let taken = take(web, id, headers, &mut form).await;
    answer(taken, form, headers).await
}

/// `POST /api/employees/{id}/test`: whom a photograph would be taken for.
pub(crate) async fn test(web: &Web, id: &str, headers: &Headers, mut form: FormData) -> Response {
    let tried = try_out(web, id, headers, &mut form).await;
    answer(tried, form, headers).await
}

async fn answer(outcome: Result<Response, ApiError>, form: FormData, headers: &Headers) -> Response {
    match outcome {
        Ok(response) => response,
        Err(error) => {
            // Whoever is cut off while sending never sees the answer.
            let _ = tokio::time::timeout(DRAIN_WITHIN, drain(form)).await;
            error.into_response(headers.language())
        }
    }
}

/// Reads what is left and throws it away, up to the length that a good request may have.
async fn drain(mut form: FormData) {
    let mut left = MAX_TOTAL;
    while let Some(Ok(mut part)) = form.next().await {
        while let Some(Ok(data)) = part.data().await {
            match left.checked_sub(data.remaining()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }
}

/// Whose photographs somebody sends who may, from this website.
async fn asked(web: &Web, id: &str, headers: &Headers) -> Result<(EmployeeId, Viewer), ApiError> {
    headers.check_origin(&web.public_url)?;
    let user = auth::user(web, headers).await?;
    auth::only(&user, &[Role::Admin, Role::Hr])?;
    Ok((employee_id(id)?, user.viewer()))
}

/// The photographs of a request, with the permit under which they are held: together, uploads take bounded memory.
async fn upload<'w>(
    web: &'w Web,
    form: &mut FormData,
) -> Result<(SemaphorePermit<'w>, Vec<Bytes>), ApiError> {
    let Ok(permit) = web.uploads.try_acquire() else {
        return Err(ApiError::unavailable(say!(
            "Other photos are being uploaded; try again in a minute.",
            "Foto lain sedang diunggah; coba lagi sebentar lagi."
        )));
    };
    let photos = tokio::time::timeout(BODY_WITHIN, read(form))
        .await
        .map_err(|_| ApiError::too_slow())??;
    Ok((permit, photos))
}

async fn take(web: &Web, id: &str, headers: &Headers, form: &mut FormData) -> Result<Response, ApiError> {
    let (id, viewer) = asked(web, id, headers).await?;
    let (who, asking, seer) = (id.clone(), viewer.clone(), viewer.clone());
    let employee = web.core.call(move |core| core.employee(&asking, &who)).await?;
    if employee.consent.is_none() {
        return Err(Reason::NoConsent.into());
    }

    let (_upload, photos) = upload(web, form).await?;
    let mut others = web
        .core
        .call(|core| core.all_templates(enrolment::model_id()))
        .await?;
    others.retain(|(other, _)| *other != id);
    let enrolled = web.enroller.enrol(photos, others).await;
    let enrolled = enrolled.map_err(|error| error.naming(|somebody| web.core.name_of(&viewer, somebody)))?;

    let templates = enrolled.iter().map(|e| e.template.clone()).collect();
    let added = web
        .core
        .call(move |core| core.add_templates(&viewer, &id, enrolment::model_id(), templates))
        .await;
    let added = match added {
        // The consent was withdrawn in this very moment.
        Err(error) if error.kind == ErrorKind::Conflict && error.field == Some("consent") => {
            return Err(Reason::NoConsent.into());
        }
        other => other?,
    };
    let photos = added.ids.iter().zip(&enrolled).map(|(template, e)| {
        let alike = e.alike.as_ref().map(|alike| named(web, &seer, alike));
        json!({"template": template, "quality": e.quality, "face": {"box": e.bounds}, "alike": alike})
    });
    let taken = Taken {
        photos: photos.collect(),
        gallery_version: added.gallery_version,
    };
    Ok(reply::json(StatusCode::CREATED, &taken))
}

async fn try_out(web: &Web, id: &str, headers: &Headers, form: &mut FormData) -> Result<Response, ApiError> {
    let (id, viewer) = asked(web, id, headers).await?;
    let (who, seer) = (id.clone(), viewer.clone());
    web.core.call(move |core| core.try_photo(&viewer, &who)).await?;
    let (_upload, photos) = upload(web, form).await?;
    let [photo] = &photos[..] else {
        return Err(ApiError::invalid(say!("Send one photo.", "Kirim satu foto.")).field("photo"));
    };
    let everybody = web
        .core
        .call(|core| core.all_templates(enrolment::model_id()))
        .await?;
    let tried = web.enroller.try_out(id, photo.clone(), everybody).await?;
    let threshold = enrolment::threshold();
    // Whom no camera would name is not named here.
    let other = tried.other.filter(|other| other.similarity >= threshold);
    let nearer = |own: &Likeness| {
        other
            .as_ref()
            .is_none_or(|other| own.similarity >= other.similarity)
    };
    let own = tried.own;
    let recognised = own
        .as_ref()
        .is_some_and(|own| own.similarity >= threshold && nearer(own));
    Ok(reply::ok(&json!({
        "recognised": recognised,
        "similarity": own.map(|own| own.similarity),
        "threshold": threshold,
        "nearest_other": other.as_ref().map(|other| named(web, &seer, other)),
        "quality": tried.quality,
    })))
}

fn named(web: &Web, viewer: &Viewer, likeness: &Likeness) -> Value {
    json!({
        "employee": likeness.employee,
        "name": web.core.name_of(viewer, &likeness.employee),
        "similarity": likeness.similarity,
    })
}

async fn read(form: &mut FormData) -> Result<Vec<Bytes>, ApiError> {
    let (mut photos, mut total) = (Vec::new(), 0);
    while let Some(part) = form.next().await {
        let part = part.map_err(|error| broken(&error))?;
        if part.name() != "photo" {
            let shown: String = part.name().chars().take(40).collect();
            return Err(ApiError::invalid(format!(
                "The field `{shown}` does not belong here; send only `photo`."
            )));
        }
        if photos.len() == MAX_PHOTOS {
            return Err(ApiError::too_large(say!(
                "Send at most {MAX_PHOTOS} photos at once.",
                "Kirim paling banyak {MAX_PHOTOS} foto sekaligus."
            ))
            .field("photo"));
        }
        let photo = read_part(part, &mut total).await?;
        if photo.is_empty() {
            return Err(Reason::Unreadable("the file is empty; choose a JPEG or PNG picture".into()).into());
        }
        photos.push(photo);
    }
    if photos.is_empty() {
        return Err(ApiError::invalid(say!(
            "There is no photo in this request; send at least one.",
            "Tidak ada foto; kirim paling sedikit satu."
        ))
        .field("photo"));
    }
    Ok(photos)
}

async fn read_part(mut part: Part, total: &mut usize) -> Result<Bytes, ApiError> {
    let mut photo = BytesMut::new();
    while let Some(data) = part.data().await {
        let mut data = data.map_err(|error| broken(&error))?;
        let length = data.remaining();
        *total += length;
        if photo.len() + length > MAX_PHOTO {
            return Err(ApiError::too_large(say!(
                "A photo has at most 12 MB; scale it down.",
                "Satu foto paling besar 12 MB; perkecil fotonya."
            ))
            .field("photo"));
        }
        if *total > MAX_TOTAL {
            return Err(ApiError::too_large(say!(
                "The photos of one request have at most 64 MB; send fewer.",
                "Semua foto sekaligus paling besar 64 MB; kirim lebih sedikit."
            ))
            .field("photo"));
        }
        photo.extend_from_slice(&data.copy_to_bytes(length));
    }
    Ok(photo.freeze())
}

fn broken(error: &warp::Error) -> ApiError {
    ApiError::invalid(format!("The multipart body is broken: {error}."))
}
