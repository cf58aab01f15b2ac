//! Pushing one camera's live view over an outbound WebSocket.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use hadir_shared::id::CameraId;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::client_async_tls;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, Uri, header};
use tokio_tungstenite::tungstenite::{Error, Message};
use zeroize::Zeroizing;

use super::pace::Pacer;
use super::{Faces, message};
use crate::camera::Camera;

/// Not a frame could be sent for this long: it stops.
const STUCK_AFTER: Duration = Duration::from_secs(10);
/// Bytes that may wait in the system to be sent: about a frame.
const WAITING: u32 = 64 << 10;
/// A command that is valid for longer than this is not meant.
const LONGEST_ENROLMENT: Duration = Duration::from_secs(60);
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
    enrolling: Enrolling,
}

/// At which cameras somebody is being enrolled, and until when.
#[derive(Clone, Default)]
struct Enrolling(Arc<Mutex<HashMap<CameraId, Instant>>>);

impl Enrolling {
    fn at(&self, camera: &CameraId) -> bool {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.get(camera).is_some_and(|until| Instant::now() < *until)
    }
}

impl LiveViews {
    /// None runs yet.
    pub(crate) fn new(target: LiveTarget) -> Self {
        Self {
            target: Arc::new(target),
            running: Arc::default(),
            enrolling: Enrolling::default(),
        }
    }

    /// For so long the live view of this camera brings the face of whoever stands before it, if they have no name.
    pub(crate) fn enrol(&self, camera: CameraId, time: chrono::TimeDelta) {
        let time = time.to_std().unwrap_or_default().min(LONGEST_ENROLMENT);
        tracing::info!(%camera, seconds = time.as_secs(), "somebody is enrolled at this camera");
        let mut until = self.enrolling.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.insert(camera, Instant::now() + time);
    }

    /// Pushes this camera's live view until the aggregator closes it, or the camera ends (`stop`). Does nothing while it is being pushed.
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
        let (target, running, enrolling) =
            (self.target.clone(), self.running.clone(), self.enrolling.clone());
        tokio::spawn(async move {
            tracing::info!(camera = %id, "live view begins");
            match push(&target, &camera, &enrolling, stop).await {
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
    enrolling: &Enrolling,
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
    let connect = async {
        let stream = dial(request.uri()).await.map_err(Error::Io)?;
        client_async_tls(request, stream).await
    };
    let (socket, _) = timeout(STUCK_AFTER, connect)
        .await
        .map_err(|_| LiveError::Stuck)??;
    let (mut to, mut from) = socket.split();
    let mut shots = camera.watch();
    let mut next = Instant::now();
    let mut pacer = Pacer::default();
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
                Err(_) => {
                    // What is there was sent already.
                    send(&mut to, Message::Ping(Vec::new().into())).await?;
                    continue;
                }
                Ok(Err(_)) => return Ok(()),
                Ok(Ok(())) => {}
            },
        }
        sleep_until(next.into()).await;
        let shot = shots.borrow_and_update().clone();
        let Some(shot) = shot else { continue };
        let level = pacer.level();
        next = Instant::now() + level.interval;
        let camera = id.clone();
        let faces = match enrolling.at(&id) {
            true => Faces::Nameless,
            false => Faces::None,
        };
        let encoded = tokio::task::spawn_blocking(move || message(&camera, &shot, level, faces)).await;
        let encoded = encoded.map_err(|e| LiveError::Encode(e.to_string()))?;
        let encoded = encoded.map_err(|e| LiveError::Encode(e.to_string()))?;
        let began = Instant::now();
        let sent = send(&mut to, Message::Binary(encoded.into())).await;
        pacer.sent(began.elapsed());
        if pacer.level() != level {
            tracing::debug!(camera = %id, level = ?pacer.level(), "the live view fits itself to the link");
        }
        match sent {
            Err(LiveError::Connection(e)) if matches!(*e, Error::ConnectionClosed | Error::AlreadyClosed) => {
                return Ok(());
            }
            other => other?,
        }
    }
}

/// Connects with little room for what waits to be sent: a frame that waits in the system is late when it arrives, and
/// hides that the link is slow.
async fn dial(address: &Uri) -> std::io::Result<TcpStream> {
    let host = address.host().unwrap_or_default();
    let port = match (address.port_u16(), address.scheme_str()) {
        (Some(port), _) => port,
        (None, Some("wss")) => 443,
        (None, _) => 80,
    };
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    // An IPv6 address stands in brackets in a URL.
    for address in lookup_host((host.trim_matches(['[', ']']), port)).await? {
        let socket = match address {
            std::net::SocketAddr::V4(_) => TcpSocket::new_v4()?,
            std::net::SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_send_buffer_size(WAITING)?;
        match socket.connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(e) => last = e,
        }
    }
    Err(last)
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
