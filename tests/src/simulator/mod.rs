//! A WhatsApp Cloud API that runs on this machine, for the demo and the tests.
//!
//! It refuses what the real one refuses, in the same words, and sends the same signed webhooks. It follows
//! the pages of Meta's documentation that its modules name. What it leaves out: media but documents, interactive messages
//! but reply buttons, groups, pricing, quality ratings. `/` shows the conversations as on a phone; `/sim/` is for tests.

pub mod api;
mod control;
pub mod errors;
pub mod media;
pub mod state;
pub mod templates;
pub mod webhook;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use serde_json::Value;
use tokio::sync::mpsc;
use warp::Filter as _;
use warp::http::{Response, StatusCode};

use api::{Account, Incoming};
use state::{Event, Request, State};
use webhook::{Disorder, Subscription};

/// How long after its acceptance a message is sent, and after that delivered.
const STEP: Duration = Duration::from_millis(250);
/// The WhatsApp Business Account, whose templates there are.
pub const BUSINESS_ACCOUNT: &str = "102290129340398";
/// The largest body that is read.
const MAX_BODY: u64 = 256 << 10;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The account.
    pub account: Account,
    /// Where webhooks go; `None`: nowhere.
    pub webhook: Option<String>,
    /// The app's secret, with which webhooks are signed.
    pub app_secret: String,
    /// Names of phones: number (digits) and profile name.
    pub contacts: Vec<(String, String)>,
}

/// A running simulator; it ends when it is dropped.
pub struct Simulator {
    /// Where it listens.
    pub address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Simulator {
    /// Runs until the server ends, which it does by itself only on a defect.
    pub async fn run(mut self) {
        // A cancelled or panicked server is over in either case.
        let _ = (&mut self.server).await;
    }
}

/// Why it cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("{0} cannot be listened on ({1}); give another address with --listen")]
    Listen(SocketAddr, std::io::Error),
    /// No HTTP client.
    #[error("no HTTP client can be made: {0}")]
    Client(reqwest::Error),
}

struct Shared {
    account: Account,
    webhook: Option<String>,
    state: Mutex<State>,
    disorder: Mutex<Disorder>,
    client: reqwest::Client,
    events: mpsc::UnboundedSender<Event>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A handler that panicked leaves a state that is still whole: every change is a single step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disorder(&self) -> Disorder {
        *self.disorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn emit(&self, event: Event) {
        let times = if self.disorder().duplicated { 2 } else { 1 };
        for _ in 0..times {
            // Without a webhook nobody listens.
            let _ = self.events.send(event.clone());
        }
    }

    /// Brings the statuses that follow a message, one step after the other.
    fn follow(self: &Arc<Self>, mut events: Vec<Event>) {
        if self.disorder().reversed {
            events.reverse();
        }
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            for event in events {
                tokio::time::sleep(STEP).await;
                if let Event::Status { id, to, status, .. } = &event {
                    shared.state().advance(to, id, *status);
                }
                shared.emit(event);
            }
        });
    }
}

/// Starts it.
///
/// # Errors
/// When it cannot listen.
pub async fn start(options: Options) -> Result<Simulator, Error> {
    let listener = tokio::net::TcpListener::bind(options.listen)
        .await
        .map_err(|e| Error::Listen(options.listen, e))?;
    let address = listener
        .local_addr()
        .map_err(|e| Error::Listen(options.listen, e))?;
    // Webhooks go to this machine, never through a proxy.
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .map_err(Error::Client)?;
    let (events, queue) = mpsc::unbounded_channel();
    if let Some(url) = &options.webhook {
        let subscription = Subscription {
            url: url.clone(),
            app_secret: options.app_secret,
            account_id: BUSINESS_ACCOUNT.to_owned(),
            phone_number_id: options.account.phone_number_id.clone(),
            number: options.account.number.clone(),
        };
        tokio::spawn(webhook::deliver(client.clone(), subscription, queue));
    }
    let mut state = State::default();
    for (number, name) in options.contacts {
        state.conversation(&number).name = name;
    }
    let shared = Arc::new(Shared {
        account: options.account,
        webhook: options.webhook,
        state: Mutex::new(state),
        disorder: Mutex::new(Disorder::default()),
        client,
        events,
    });
    let uploads = {
        let shared = Arc::clone(&shared);
        warp::post()
            .and(warp::path!(String / String / "media"))
            .and(warp::header::optional::<String>("authorization"))
            .and(warp::multipart::form().max_length(media::MAX_DOCUMENT))
            .then(
                move |version: String, phone_number_id: String, authorization: Option<String>, form| {
                    let shared = Arc::clone(&shared);
                    async move {
                        let read = media::read(form).await;
                        let address = (version.as_str(), phone_number_id.as_str());
                        let authorization = authorization.as_deref();
                        let taken = read.and_then(|upload| {
                            media::take(
                                &shared.account,
                                &mut shared.state(),
                                address,
                                authorization,
                                upload,
                            )
                        });
                        match taken {
                            Ok(answer) => json_answer(200, &answer),
                            Err(error) => json_answer(error.http_status(), &error.body(&trace())),
                        }
                    }
                },
            )
    };
    let downloads = {
        let shared = Arc::clone(&shared);
        warp::get()
            .and(warp::path!("sim" / "media" / String))
            .map(move |id: String| match shared.state().media.get(&id).cloned() {
                Some(found) => {
                    let mut answer = Response::new(found.bytes.to_vec());
                    if let Ok(kind) = warp::http::HeaderValue::from_str(&found.kind) {
                        answer.headers_mut().insert("content-type", kind);
                    }
                    answer
                }
                None => {
                    let mut answer = Response::new(b"There is no such document.".to_vec());
                    *answer.status_mut() = StatusCode::NOT_FOUND;
                    answer
                }
            })
    };
    let others = warp::any()
        .and(warp::method())
        .and(warp::path::full())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::optional::<String>("authorization"))
        .and(
            warp::body::content_length_limit(MAX_BODY)
                .and(warp::body::bytes())
                .or(no_body())
                .unify(),
        )
        .then(
            move |method: warp::http::Method,
                  path: warp::path::FullPath,
                  query: String,
                  authorization: Option<String>,
                  body: bytes::Bytes| {
                let shared = Arc::clone(&shared);
                async move {
                    let path: Vec<&str> = path.as_str().split('/').filter(|p| !p.is_empty()).collect();
                    match (method.as_str(), path.as_slice()) {
                        ("POST", [version, phone_number_id, "messages"]) => {
                            let authorization = authorization.as_deref();
                            messages(
                                &shared,
                                Incoming {
                                    version,
                                    phone_number_id,
                                    authorization,
                                    body: &body,
                                },
                            )
                        }
                        ("GET", [_, account, "message_templates"]) if *account == BUSINESS_ACCOUNT => {
                            message_templates(&shared, authorization.as_deref(), &query)
                        }
                        (method, path) => control::answer(&shared, method, path, &body).await,
                    }
                }
            },
        );
    let routes = uploads.or(downloads).or(others);
    let server = tokio::spawn(warp::serve(routes).incoming(listener).run());
    Ok(Simulator { address, server })
}

/// A GET has no length and no body.
fn no_body() -> impl warp::Filter<Extract = (bytes::Bytes,), Error = warp::Rejection> + Clone {
    warp::get().map(bytes::Bytes::new)
}

fn messages(shared: &Arc<Shared>, request: Incoming<'_>) -> Response<String> {
    let now = Utc::now();
    let mut state = shared.state();
    let (status, answer, events) = match api::send(&shared.account, &mut state, now, request) {
        Ok(accepted) => (200, accepted.answer, accepted.events),
        Err(error) => (error.http_status(), error.body(&trace()), Vec::new()),
    };
    let body = serde_json::from_slice(request.body).unwrap_or(Value::Null);
    state.remember(Request {
        at: now,
        status,
        body,
        answer: answer.clone(),
    });
    drop(state);
    shared.follow(events);
    json_answer(status, &answer)
}

fn message_templates(shared: &Shared, authorization: Option<&str>, query: &str) -> Response<String> {
    let state = shared.state();
    let account = &shared.account;
    if let Err(error) = api::authorise_token(account, &state, authorization) {
        return json_answer(error.http_status(), &error.body(&trace()));
    }
    let asked = |name: &str| {
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let number = |name: &str, default| asked(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let page = account
        .templates
        .page(number("after", 0), number("limit", 25), |name, language| {
            let status = state.template_status.get(&(name.to_owned(), language.to_owned()));
            status.cloned().unwrap_or_else(|| "APPROVED".to_owned())
        });
    json_answer(200, &page)
}

fn trace() -> String {
    let bytes = hadir_shared::secret::random();
    // A trace id is a convenience; one without randomness does no harm.
    bytes.map_or_else(
        |_| "A".repeat(23),
        |b| format!("A{}", &hadir_shared::secret::encode(&b)[..22]),
    )
}

fn json_answer(status: u16, body: &Value) -> Response<String> {
    let mut answer = Response::new(body.to_string());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(
        "content-type",
        warp::http::HeaderValue::from_static("application/json; charset=UTF-8"),
    );
    answer
}
