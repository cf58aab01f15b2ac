//! The HTTP and WebSocket API of `docs/api.md`, and the dashboard.
//!
//! [`serve`] puts the addresses together; `routes` is the table of the plain ones, `photos` and `sockets`
//! have those with a multipart body and the WebSockets. Every failure is answered in the documented form,
//! which `error` alone gives it. No state is kept here but sockets, uploads and login attempts.

pub(crate) mod auth;
mod error;
mod organisation;
mod photos;
mod reply;
mod reports;
mod request;
mod routes;
mod site;
mod sockets;
mod statics;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use warp::Filter;
use warp::http::HeaderMap;
use warp::reply::Response;

use self::error::ApiError;
use self::request::{Headers, Request};
use crate::core::types::Language;
use crate::core::{Camera, Core};
use crate::devices::Devices;
use crate::enrolment::Enroller;
use crate::live::Hub;

/// WebSockets open at the same time, of all kinds together.
const MAX_SOCKETS: usize = 1000;
/// Photo uploads at the same time; each may hold 64 MB.
const MAX_UPLOADS: usize = 2;
/// Requests under way get this long to end when the aggregator stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// What requests are answered from.
pub struct Web {
    core: Arc<Core>,
    hub: Arc<Hub>,
    devices: Arc<Devices>,
    enroller: Arc<Enroller>,
    public_url: String,
    logins: auth::Logins,
    uploads: Semaphore,
    sockets: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl Web {
    /// Answers from these. `stopping` becomes true when the aggregator stops.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn new(
        core: Arc<Core>,
        hub: Arc<Hub>,
        devices: Arc<Devices>,
        public_url: String,
        stopping: watch::Receiver<bool>,
    ) -> crate::error::Result<Self> {
        let logins = auth::Logins::new().map_err(|e| crate::error::Error::internal(e.to_string()))?;
        Ok(Self {
            core,
            hub,
            devices,
            enroller: Arc::default(),
            public_url,
            logins,
            uploads: Semaphore::new(MAX_UPLOADS),
            sockets: Arc::new(Semaphore::new(MAX_SOCKETS)),
            stopping,
        })
    }

    /// A camera's row with what only the live view knows.
    fn with_viewers(&self, mut camera: Camera) -> Camera {
        camera.viewers = self.hub.viewers(&camera.id);
        camera
    }
}

/// Answers whoever connects, until the aggregator stops.
pub async fn serve(listener: TcpListener, web: Arc<Web>) {
    let mut stopping = web.stopping.clone();
    let mut stopped = stopping.clone();
    let server = warp::serve(routes(web)).incoming(listener).graceful(async move {
        // An error means that whoever would stop us is gone, which is a stop too.
        let _ = stopping.wait_for(|stop| *stop).await;
    });
    tokio::select! {
        () = server.run() => {}
        () = async {
            let _ = stopped.wait_for(|stop| *stop).await;
            tokio::time::sleep(FAREWELL).await;
        } => tracing::info!("requests under way were cut off"),
    }
}

fn routes(web: Arc<Web>) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone {
    let with_web = warp::any().map(move || web.clone());
    let headers = warp::header::headers_cloned().map(Headers);

    let events = warp::path!("api" / "events")
        .and(warp::ws())
        .and(headers)
        .and(with_web.clone())
        .then(sockets::events);
    let watch = warp::path!("api" / "cameras" / String / "live")
        .and(warp::ws())
        .and(warp::query::<HashMap<String, String>>())
        .and(headers)
        .and(with_web.clone())
        .then(sockets::watch);
    let stream = warp::path!("agent" / "v1" / "live" / String)
        .and(warp::ws())
        .and(headers)
        .and(with_web.clone())
        .then(sockets::stream);
    // Where the body is no multipart body, or does not say how long it is, the request falls through to the table, which says so.
    let photos = warp::path!("api" / "employees" / String / "photos")
        .and(warp::post())
        .and(headers)
        .and(with_web.clone())
        .and(warp::multipart::form().max_length(Some(photos::MAX_BODY)))
        .then(|id: String, headers: Headers, web: Arc<Web>, form| async move {
            photos::post(&web, &id, &headers, form).await
        });
    let test = warp::path!("api" / "employees" / String / "test")
        .and(warp::post())
        .and(headers)
        .and(with_web.clone())
        .and(warp::multipart::form().max_length(Some(photos::MAX_BODY)))
        .then(|id: String, headers: Headers, web: Arc<Web>, form| async move {
            photos::test(&web, &id, &headers, form).await
        });
    let table = warp::method()
        .and(warp::path::full())
        .and(warp::query::<HashMap<String, String>>())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .and(with_web)
        .then(
            |method, path: warp::path::FullPath, query, headers: HeaderMap, body, web: Arc<Web>| async move {
                let request = Request::new(method, path.as_str().to_owned(), query, headers, body);
                routes::answer(&web, request).await
            },
        );

    events
        .or(watch)
        .unify()
        .or(stream)
        .unify()
        .or(photos)
        .unify()
        .or(test)
        .unify()
        .or(table)
        .unify()
        .recover(refused)
        .unify()
        .map(reply::secure)
}

/// What no filter took: only a query that cannot be read gets here.
async fn refused(rejection: warp::Rejection) -> Result<Response, Infallible> {
    tracing::debug!(?rejection, "request refused");
    Ok(
        ApiError::invalid("The address cannot be read; check what stands after the question mark.")
            .into_response(Language::En),
    )
}
