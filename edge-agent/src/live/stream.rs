//! Pushing one camera's live view over an outbound WebSocket.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use hadir_shared::id::CameraId;
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::{Error, Message};
use zeroize::Zeroizing;

use super::message;
use crate::camera::Camera;

/// Not a frame could be sent for this long: it stops.
const STUCK_AFTER: Duration = Duration::from_secs(10);
/// At most twelve frames a second.
const INTERVAL: Duration = Duration::from_millis(80);
/// Without a new frame the connection is tried this often.
const PING_EVERY: Duration = Duration::from_secs(5);

/// Where live views go, and as whom.
pub(crate) struct LiveTarget {
    /// The aggregator, `http` or `https`.
    pub(crate) aggregator: String,
    /// The device's name.
    pub(crate) user_name: String,
    /// The device's token.
    pub(crate) token: Zeroizing<String>,
}

/// Why a live view ended other than by the aggregator's wish.
#[derive(Debug, thiserror::Error)]
enum LiveError {
    #[error("the aggregator did not take the live view within {} s", STUCK_AFTER.as_secs())]
    Stuck,
    #[error(
        "the aggregator refused the live view ({0}): check `token` in credentials.toml, or the device was revoked"
    )]
    Refused(StatusCode),
    #[error("the connection for the live view failed: {0}")]
    Connection(Box<Error>),
    #[error("a frame could not be encoded: {0}")]
    Encode(String),
}

impl From<Error> for LiveError {
    fn from(error: Error) -> Self {
        match error {
            Error::Http(response) if matches!(response.status().as_u16(), 401 | 403) => {
                LiveError::Refused(response.status())
            }
            other => LiveError::Connection(Box::new(other)),
        }
    }
}

/// The live views that run: at most one for each camera.
pub(crate) struct LiveViews {
    target: Arc<LiveTarget>,
    running: Arc<Mutex<HashSet<CameraId>>>,
}

impl LiveViews {
    /// None runs yet.
    pub(crate) fn new(target: LiveTarget) -> Self {
        Self {
            target: Arc::new(target),
            running: Arc::default(),
        }
    }

    /// Pushes this camera's live view until the aggregator closes it. Does nothing while it is being pushed.
    pub(crate) fn start(&self, camera: Arc<Camera>, stop: watch::Receiver<bool>) {
        let id = camera.config().id.clone();
        if !self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone())
        {
            return;
        }
        let (target, running) = (self.target.clone(), self.running.clone());
        tokio::spawn(async move {
            tracing::info!(camera = %id, "live view begins");
            match push(&target, &camera, stop).await {
                Ok(()) => tracing::info!(camera = %id, "live view ends"),
                Err(e) => tracing::warn!(camera = %id, "live view ends: {e}"),
            }
            running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        });
    }
}

async fn push(
    target: &LiveTarget,
    camera: &Arc<Camera>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), LiveError> {
    let id = camera.config().id.clone();
    let mut request = address(&target.aggregator, &id).into_client_request()?;
    let value = |text: &str| HeaderValue::from_str(text).map_err(|e| Error::HttpFormat(e.into()));
    request.headers_mut().insert(
        header::AUTHORIZATION,
        value(&format!("Bearer {}", &*target.token))?,
    );
    request
        .headers_mut()
        .insert("x-hadir-device", value(&target.user_name)?);
    let (socket, _) = timeout(STUCK_AFTER, connect_async(request))
        .await
        .map_err(|_| LiveError::Stuck)??;
    let (mut to, mut from) = socket.split();
    let mut shots = camera.watch();
    let mut next = Instant::now();
    loop {
        tokio::select! {
            // Nothing is expected but the end; reading also answers pings.
            received = from.next() => match received {
                None | Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed)) => return Ok(()),
                Some(Ok(_)) => continue,
                Some(Err(e)) => return Err(e.into()),
            },
            _ = stop.changed() => {
                let _ = timeout(Duration::from_secs(1), to.close()).await;
                return Ok(());
            }
            changed = timeout(PING_EVERY, shots.changed()) => match changed {
                Err(_) => send(&mut to, Message::Ping(Vec::new().into())).await?,
                // The camera was removed.
                Ok(Err(_)) => return Ok(()),
                Ok(Ok(())) => {}
            },
        }
        sleep_until(next.into()).await;
        let shot = shots.borrow_and_update().clone();
        let Some(shot) = shot else { continue };
        next = Instant::now() + INTERVAL;
        let camera = id.clone();
        let encoded = tokio::task::spawn_blocking(move || message(&camera, &shot)).await;
        let encoded = encoded.map_err(|e| LiveError::Encode(e.to_string()))?;
        let encoded = encoded.map_err(|e| LiveError::Encode(e.to_string()))?;
        match send(&mut to, Message::Binary(encoded.into())).await {
            Err(LiveError::Connection(e)) if matches!(*e, Error::ConnectionClosed | Error::AlreadyClosed) => {
                return Ok(());
            }
            other => other?,
        }
    }
}

async fn send(
    to: &mut (impl futures_util::Sink<Message, Error = Error> + Unpin),
    message: Message,
) -> Result<(), LiveError> {
    timeout(STUCK_AFTER, to.send(message))
        .await
        .map_err(|_| LiveError::Stuck)?
        .map_err(Into::into)
}

/// `http` becomes `ws`, `https` becomes `wss`.
fn address(aggregator: &str, camera: &CameraId) -> String {
    let rest = aggregator.strip_prefix("http").unwrap_or(aggregator);
    format!("ws{rest}/agent/v1/live/{camera}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_follows_the_aggregators() {
        let camera = CameraId::new("cam-1").expect("id");
        assert_eq!(
            address("http://10.0.0.1:8080", &camera),
            "ws://10.0.0.1:8080/agent/v1/live/cam-1"
        );
        assert_eq!(
            address("https://hadir.example", &camera),
            "wss://hadir.example/agent/v1/live/cam-1"
        );
    }
}
