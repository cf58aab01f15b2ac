//! The WebSockets: events for the dashboard, the live view's two sides.
//!
//! Every socket's messages are bounded, a peer that neither answers nor takes what it is sent is let go, and
//! a session or device that may no longer be here loses its sockets within a minute.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::{SinkExt as _, StreamExt as _};
use hadir_shared::id::CameraId;
use hadir_shared::live::MAX_MESSAGE;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use warp::filters::ws::{Message, WebSocket, Ws};
use warp::reply::{Reply as _, Response};

use super::error::ApiError;
use super::request::Headers;
use super::{Web, auth, routes};
use crate::core::types::Language;
use crate::core::{Event, Role, Viewer};
use crate::devices::Device;
use crate::error::Result as CoreResult;
use crate::live::{LiveFrame, Purpose, View};
use crate::sentence::say;

/// What a browser sends is at most a close or a pong.
const MAX_FROM_BROWSER: usize = 4096;
const PING_EVERY: Duration = Duration::from_secs(20);
/// A peer that was silent for so long is gone.
const SILENT: Duration = Duration::from_secs(60);
/// So long a face is shown to whoever enrols somebody.
const ENROL_WITHIN: TimeDelta = TimeDelta::seconds(120);

/// However many states change, the summary is told this often.
const SUMMARY_EVERY: Duration = Duration::from_millis(500);
/// A message that cannot be sent by then is not sent at all.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// An agent that streams sends several frames a second.
const NO_FRAME: Duration = Duration::from_secs(30);

// Close codes of RFC 6455, section 7.4.1.
const DONE: u16 = 1000;
const GOING_AWAY: u16 = 1001;
const UNSUPPORTED: u16 = 1003;
const POLICY: u16 = 1008;
const TRY_AGAIN: u16 = 1013;

/// `GET /api/events`.
pub(super) async fn events(ws: Ws, headers: Headers, web: Arc<Web>) -> Response {
    let (viewer, session, permit) = match browser(&web, &headers).await {
        Ok(browser) => browser,
        Err(error) => return error.into_response(headers.language()),
    };
    ws.max_message_size(MAX_FROM_BROWSER)
        .max_frame_size(MAX_FROM_BROWSER)
        .on_upgrade(move |socket| async move {
            let mut peer = Peer::new(socket, &web, session);
            let end = send_events(&mut peer, &web, viewer).await;
            peer.close(end).await;
            drop(permit);
        })
        .into_response()
}

/// `GET /api/cameras/{id}/live`.
pub(super) async fn watch(
    camera: String,
    ws: Ws,
    query: HashMap<String, String>,
    headers: Headers,
    web: Arc<Web>,
) -> Response {
    let (viewer, session, permit) = match browser(&web, &headers).await {
        Ok(browser) => browser,
        Err(error) => return error.into_response(headers.language()),
    };
    let camera = match known_camera(&web, &camera).await {
        Ok((camera, _)) => camera,
        Err(error) => return error.into_response(headers.language()),
    };
    let purpose = match purpose(&web, &viewer, &camera, query.get("enrol")).await {
        Ok(purpose) => purpose,
        Err(error) => return error.into_response(headers.language()),
    };
    let Some(viewing) = web.hub.watch(&camera, purpose, Instant::now()) else {
        return ApiError::unavailable(say!(
            "Too many people watch this camera; try again later.",
            "Terlalu banyak orang melihat kamera ini; coba lagi nanti."
        ))
        .into_response(headers.language());
    };
    ws.max_message_size(MAX_FROM_BROWSER)
        .max_frame_size(MAX_FROM_BROWSER)
        .on_upgrade(move |socket| async move {
            let mut peer = Peer::new(socket, &web, session);
            let end = send_views(&mut peer, &web, viewer, purpose, viewing).await;
            peer.close(end).await;
            drop(permit);
        })
        .into_response()
}

/// `GET /agent/v1/live/{camera}`.
pub(super) async fn stream(camera: String, ws: Ws, headers: Headers, web: Arc<Web>) -> Response {
    let device = match routes::device(&web, &headers) {
        Ok(device) => device,
        Err(error) => return error.into_response(headers.language()),
    };
    let camera = match known_camera(&web, &camera).await {
        Ok((camera, agent)) if agent == device.agent => camera,
        Ok(_) => {
            return ApiError::forbidden("This camera belongs to another device.").into_response(Language::En);
        }
        Err(error) => return error.into_response(headers.language()),
    };
    let Ok(permit) = web.sockets.clone().try_acquire_owned() else {
        return too_many_sockets().into_response(Language::En);
    };
    ws.max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| async move {
            take_frames(socket, &web, &camera, &device).await;
            drop(permit);
        })
        .into_response()
}

/// What somebody watches for: with `enrol=ID`, to enrol that employee, which is recorded.
async fn purpose(
    web: &Web,
    viewer: &Viewer,
    camera: &CameraId,
    enrol: Option<&String>,
) -> Result<Purpose, ApiError> {
    let Some(employee) = enrol else {
        return Ok(Purpose::Look);
    };
    let employee = routes::employee_id(employee)?;
    let (viewer, camera) = (viewer.clone(), camera.clone());
    web.core
        .call(move |core| core.begin_enrolment(&viewer, &employee, &camera))
        .await?;
    Ok(Purpose::Enrol)
}

/// Somebody who is logged in at a page of ours, with a place among the sockets.
async fn browser(web: &Web, headers: &Headers) -> Result<(Viewer, [u8; 32], OwnedSemaphorePermit), ApiError> {
    // A WebSocket is not held to the same origin by the browser, so it is here.
    headers.check_origin(&web.public_url)?;
    let user = auth::user(web, headers).await?;
    let session =
        auth::session_of(headers).ok_or_else(|| ApiError::unauthenticated("You are not logged in."))?;
    let permit = web
        .sockets
        .clone()
        .try_acquire_owned()
        .map_err(|_| too_many_sockets())?;
    Ok((user.viewer(), session, permit))
}

fn too_many_sockets() -> ApiError {
    ApiError::unavailable(say!(
        "Too many connections are open; try again later.",
        "Terlalu banyak sambungan terbuka; coba lagi nanti."
    ))
}

async fn known_camera(web: &Web, id: &str) -> Result<(CameraId, hadir_shared::id::AgentId), ApiError> {
    let Ok(id) = CameraId::new(id) else {
        return Err(
            ApiError::not_found(say!("There is no such camera.", "Tidak ada kamera itu.")).field("id"),
        );
    };
    let camera = web.core.call(move |core| core.camera(&id)).await?;
    Ok((camera.id, camera.agent))
}

/// Why a socket ends, as the peer is told; `None`: the peer is gone already.
type End = Option<(u16, &'static str)>;

/// A browser's socket with what keeps it honest: pings, silence, the session's end.
struct Peer {
    socket: WebSocket,
    web: Arc<Web>,
    session: [u8; 32],
    beat: tokio::time::Interval,
    heard: Instant,
    /// When the session was last found alive.
    checked: Instant,
    stopping: watch::Receiver<bool>,
}

impl Peer {
    fn new(socket: WebSocket, web: &Arc<Web>, session: [u8; 32]) -> Self {
        let mut beat = interval(PING_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = web.stopping.clone();
        Self {
            socket,
            web: web.clone(),
            session,
            beat,
            heard: Instant::now(),
            checked: Instant::now(),
            stopping,
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(None),
        }
    }

    async fn send_json(&mut self, body: &Value) -> Result<(), End> {
        self.send(Message::text(body.to_string())).await
    }

    /// Whether the session has ended, asked at most every [`PING_EVERY`]. Apart from [`Self::attend`], which a busy
    /// socket drops before it gets an answer.
    async fn ended(&mut self) -> End {
        if self.checked.elapsed() < PING_EVERY {
            return None;
        }
        let session = self.session;
        let answer = self.web.core.call(move |core| core.session(&session)).await;
        // Only now: whoever drops this call before has not been answered.
        self.checked = Instant::now();
        match answer {
            Ok(Some(_)) => None,
            Ok(None) => Some((POLICY, "the session has ended")),
            Err(_) => Some((TRY_AGAIN, "try again")),
        }
    }

    /// Goes on until the socket has to end. May be dropped at any time.
    async fn attend(&mut self) -> End {
        loop {
            tokio::select! {
                message = self.socket.next() => match message {
                    // Nothing that a browser sends means anything; that it sends shows that it is there.
                    Some(Ok(message)) if !message.is_close() => {
                        self.heard = Instant::now();
                        continue;
                    }
                    _ => return None,
                },
                _ = self.beat.tick() => {}
                _ = self.stopping.wait_for(|stop| *stop) => return Some((GOING_AWAY, "the aggregator stops")),
            }
            if self.heard.elapsed() > SILENT {
                return None;
            }
            if let Err(end) = self.send(Message::ping(Vec::new())).await {
                return end;
            }
            if let Some(end) = self.ended().await {
                return Some(end);
            }
        }
    }

    async fn close(mut self, end: End) {
        if let Some((code, reason)) = end {
            let _ = self.send(Message::close_with(code, reason)).await;
        }
        let _ = timeout(SEND_WITHIN, self.socket.close()).await;
    }
}

async fn send_events(peer: &mut Peer, web: &Web, viewer: Viewer) -> End {
    // Before the greeting: what changes after it is not missed.
    let mut changes = web.core.subscribe();
    let mut greeting = vec![json!({"type": "hello", "now": hadir_shared::time::format(web.core.now())})];
    greeting.extend(web.core.banners(&viewer).iter().map(banner));
    for message in greeting {
        if let Err(end) = peer.send_json(&message).await {
            return end;
        }
    }
    // With many changes a second, each summary is told by the next.
    let (mut summed, mut sum_due) = (None::<Instant>, false);
    loop {
        let sum_at = summed.map_or_else(Instant::now, |at| at + SUMMARY_EVERY);
        let change = tokio::select! {
            end = peer.attend() => return end,
            () = tokio::time::sleep_until(sum_at.into()), if sum_due => {
                (summed, sum_due) = (Some(Instant::now()), false);
                Ok(Event::Summary)
            }
            change = changes.recv() => match change {
                Ok(Event::Summary) => {
                    sum_due = true;
                    continue;
                }
                change => change,
            },
        };
        if let Some(end) = peer.ended().await {
            return Some(end);
        }
        let change = match change {
            Ok(change) => change,
            Err(RecvError::Lagged(_)) => return Some((TRY_AGAIN, "too slow; connect again")),
            Err(RecvError::Closed) => return Some((GOING_AWAY, "the aggregator stops")),
        };
        match for_viewer(web, &viewer, change).await {
            Ok(Some(message)) => {
                if let Err(end) = peer.send_json(&message).await {
                    return end;
                }
            }
            Ok(None) => {}
            Err(_) => return Some((TRY_AGAIN, "try again")),
        }
    }
}

fn banner(banner: &crate::core::Banner) -> Value {
    let message = json!({"en": banner.message.to(Language::En), "id": banner.message.to(Language::Id)});
    json!({"type": "banner", "key": banner.key, "level": banner.level, "message": message})
}

/// The change as this viewer may know it.
async fn for_viewer(web: &Web, viewer: &Viewer, change: Event) -> CoreResult<Option<Value>> {
    let administers = matches!(viewer.role, Role::Admin | Role::Hr);
    Ok(match change {
        Event::Status(row) => web
            .core
            .may_see(viewer, &row.employee)
            .then(|| json!({"type": "status", "row": row})),
        Event::Alert(alert) => web
            .core
            .may_see(viewer, &alert.employee)
            .then(|| json!({"type": "alert", "alert": alert})),
        Event::Summary => {
            let viewer = viewer.clone();
            let summary = web.core.call(move |core| core.summary(&viewer)).await?;
            Some(json!({"type": "summary", "summary": summary}))
        }
        Event::Camera(camera) => Some(json!({"type": "camera", "camera": web.with_viewers(camera)})),
        Event::Employees => (viewer.role != Role::Technician).then(|| json!({"type": "employees"})),
        Event::Banner(raised) => administers.then(|| banner(&raised)),
        Event::BannerCleared(key) => administers.then(|| json!({"type": "banner_cleared", "key": key})),
        Event::Agent(_) | Event::Gallery { .. } | Event::CameraMode { .. } => None,
    })
}

async fn send_views(
    peer: &mut Peer,
    web: &Web,
    viewer: Viewer,
    purpose: Purpose,
    mut viewing: crate::live::Viewing,
) -> End {
    let enrolled_by = web.core.now() + ENROL_WITHIN;
    loop {
        let view = tokio::select! {
            end = peer.attend() => return end,
            view = viewing.next() => view,
        };
        if purpose == Purpose::Enrol && web.core.now() >= enrolled_by {
            // Whoever needs longer says so again: the consent is looked at again, and it is recorded again.
            return Some((TRY_AGAIN, "connect again"));
        }
        if let Some(end) = peer.ended().await {
            return Some(end);
        }
        let message = match view {
            None => return Some((TRY_AGAIN, "connect again")),
            Some(View::Frame(frame)) => {
                Message::binary(frame.for_viewer(purpose, |employee| web.core.name_of(&viewer, employee)))
            }
            Some(View::Connecting) => Message::text(json!({"state": "connecting"}).to_string()),
            Some(View::Stalled) => {
                let message = "The camera sends no picture at present.";
                Message::text(json!({"state": "stalled", "message": message}).to_string())
            }
            Some(View::Offline(message)) => {
                Message::text(json!({"state": "offline", "message": message}).to_string())
            }
        };
        if let Err(end) = peer.send(message).await {
            return end;
        }
    }
}

async fn take_frames(mut socket: WebSocket, web: &Arc<Web>, camera: &CameraId, device: &Arc<Device>) {
    let mut stream = web.hub.stream(camera, Instant::now());
    let mut stopping = web.stopping.clone();
    let mut fed = Instant::now();
    let mut beat = interval(Duration::from_secs(5));
    tracing::info!(%camera, agent = %device.agent, "live stream begins");
    let (code, reason) = loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(message)) if message.is_binary() => match LiveFrame::parse(&message.into_bytes()) {
                    Ok(frame) if frame.frame.camera == *camera => {
                        fed = Instant::now();
                        stream.push(frame, fed);
                    }
                    Ok(_) => break (POLICY, "a frame of another camera".to_owned()),
                    Err(error) => break (UNSUPPORTED, error.to_string()),
                },
                Some(Ok(message)) if !message.is_close() => {}
                _ => break (DONE, "the agent ended it".to_owned()),
            },
            () = stream.unwanted() => break (DONE, "nobody watches".to_owned()),
            _ = beat.tick() => {
                if !web.devices.is_known(&device.agent) {
                    break (POLICY, "the device was revoked".to_owned());
                }
                if fed.elapsed() > NO_FRAME {
                    break (POLICY, "no frame for 30 seconds".to_owned());
                }
            }
            _ = stopping.wait_for(|stop| *stop) => break (GOING_AWAY, "the aggregator stops".to_owned()),
        }
    };
    tracing::info!(%camera, agent = %device.agent, %reason, "live stream ends");
    // A close frame carries at most 123 bytes of reason.
    let reason: String = reason.chars().take(40).collect();
    let _ = timeout(SEND_WITHIN, socket.send(Message::close_with(code, reason))).await;
    let _ = timeout(SEND_WITHIN, socket.close()).await;
}
