//! A loopback address by which a browser's test cuts the aggregator off and starts it again.

use std::net::SocketAddr;

use tokio::sync::{mpsc, oneshot};
use warp::Filter as _;
use warp::http::StatusCode;

use super::system::System;
use super::{Error, ports};

/// What can be asked for: `POST /kill` and `POST /start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Kill,
    Start,
}

/// Serves until it is dropped.
pub struct Control {
    address: SocketAddr,
    asked: mpsc::Receiver<(Act, oneshot::Sender<Result<(), Error>>)>,
    server: tokio::task::JoinHandle<()>,
}

impl Control {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// When there is none.
    pub fn listen() -> Result<Self, Error> {
        let address = ports::local(ports::free()?);
        let (ask, asked) = mpsc::channel(1);
        let acts = warp::post().and(
            warp::path!("kill")
                .map(|| Act::Kill)
                .or(warp::path!("start").map(|| Act::Start))
                .unify(),
        );
        let routes = acts.then(move |act| {
            let ask = ask.clone();
            async move {
                let (reply, done) = oneshot::channel::<Result<(), Error>>();
                // Whoever owns the system is gone where either fails.
                let sent = ask.send((act, reply)).await;
                match (sent, done.await) {
                    (Ok(()), Ok(Ok(()))) => warp::reply::with_status(String::new(), StatusCode::OK),
                    (_, Ok(Err(e))) => {
                        warp::reply::with_status(e.to_string(), StatusCode::INTERNAL_SERVER_ERROR)
                    }
                    _ => warp::reply::with_status("the system is gone".into(), StatusCode::GONE),
                }
            }
        });
        Ok(Self {
            address,
            asked,
            server: tokio::spawn(warp::serve(routes).run(address)),
        })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Does what is asked for next; waits for it.
    pub async fn serve(&mut self, system: &mut System) {
        let Some((act, reply)) = self.asked.recv().await else {
            // The server is gone: nobody will ask any more.
            return std::future::pending().await;
        };
        let done = match act {
            Act::Kill => {
                system.cut_aggregator();
                Ok(())
            }
            Act::Start => system.start_aggregator().await,
        };
        // Whoever asked may be gone.
        let _ = reply.send(done);
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.server.abort();
    }
}
