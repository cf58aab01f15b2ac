//! The aggregator's HTTP interface, as a logged-in user calls it.

use std::time::Duration;

use futures_util::StreamExt as _;
use hadir_shared::live;
use reqwest::Method;
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::Error;

/// A logged-in user.
#[derive(Clone, Debug)]
pub struct Api {
    /// `http://127.0.0.1:8080`
    pub base: String,
    client: reqwest::Client,
    cookie: String,
}

/// A client for this machine, without a proxy.
///
/// # Errors
/// When none can be made.
pub fn http() -> Result<reqwest::Client, Error> {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30));
    builder.build().map_err(|e| Error::Http(e.to_string()))
}

impl Api {
    /// Logs in.
    ///
    /// # Errors
    /// When the aggregator refuses.
    pub async fn login(base: &str, username: &str, password: &str) -> Result<Self, Error> {
        let client = http()?;
        let answer = client
            .post(format!("{base}/api/login"))
            .json(&json!({"username": username, "password": password}))
            .send()
            .await
            .map_err(|e| Error::Http(format!("login: {e}")))?;
        let status = answer.status();
        let cookie = answer
            .headers()
            .get(SET_COOKIE)
            .and_then(|c| c.to_str().ok())
            .map(str::to_owned);
        match cookie {
            Some(cookie) if status == 200 => {
                let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
                Ok(Self {
                    base: base.to_owned(),
                    client,
                    cookie,
                })
            }
            _ => Err(Error::Http(format!(
                "the login of {username} was answered with {status}"
            ))),
        }
    }

    /// A request with a JSON body; returns status and body.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value), Error> {
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.base));
        request = request.header(COOKIE, &self.cookie);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .await
            .map_err(|e| Error::Http(format!("{method} {path}: {e}")))?;
        let status = answer.status().as_u16();
        let text = answer
            .text()
            .await
            .map_err(|e| Error::Http(format!("{method} {path}: {e}")))?;
        // An empty body is null; one that is no JSON is shown as it is.
        let value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        Ok((status, value))
    }

    /// A call that must be answered with a status of 200 to 299.
    ///
    /// # Errors
    /// When it is not.
    pub async fn must(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        match self.call(method.clone(), path, body).await? {
            (200..=299, value) => Ok(value),
            (status, value) => Err(Error::Http(format!(
                "{method} {path} was answered with {status}: {value}"
            ))),
        }
    }

    /// `GET`, which must succeed.
    ///
    /// # Errors
    /// When it does not.
    pub async fn get(&self, path: &str) -> Result<Value, Error> {
        self.must(Method::GET, path, None).await
    }

    /// Uploads photographs of an employee; returns status and body.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn photos(&self, employee: &str, photos: &[(&str, &[u8])]) -> Result<(u16, Value), Error> {
        let mut form = Form::new();
        for (name, bytes) in photos {
            let kind = if name.ends_with(".png") {
                "image/png"
            } else {
                "image/jpeg"
            };
            let part = Part::bytes(bytes.to_vec())
                .file_name((*name).to_owned())
                .mime_str(kind);
            form = form.part("photo", part.map_err(|e| Error::Http(e.to_string()))?);
        }
        let path = format!("/api/employees/{employee}/photos");
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header(COOKIE, &self.cookie)
            .multipart(form);
        let answer = request
            .send()
            .await
            .map_err(|e| Error::Http(format!("POST {path}: {e}")))?;
        let status = answer.status().as_u16();
        let body = answer
            .json()
            .await
            .map_err(|e| Error::Http(format!("POST {path}: {e}")))?;
        Ok((status, body))
    }

    /// The row of one employee in `/api/status`.
    ///
    /// # Errors
    /// When there is none.
    pub async fn status_of(&self, employee: &str) -> Result<Value, Error> {
        let rows = self.get("/api/status").await?;
        let row = rows
            .as_array()
            .and_then(|rows| rows.iter().find(|r| r["employee"] == employee));
        row.cloned()
            .ok_or_else(|| Error::Http(format!("/api/status has no {employee}: {rows}")))
    }

    /// Watches a camera.
    ///
    /// # Errors
    /// When the aggregator refuses.
    pub async fn watch(&self, camera: &str) -> Result<Live, Error> {
        let url = format!(
            "{}/api/cameras/{camera}/live",
            self.base.replacen("http", "ws", 1)
        );
        let mut request = url
            .into_client_request()
            .map_err(|e| Error::Http(e.to_string()))?;
        let cookie = self
            .cookie
            .parse()
            .map_err(|_| Error::Http("the cookie is no header".to_owned()))?;
        request.headers_mut().insert("cookie", cookie);
        let origin = self
            .base
            .parse()
            .map_err(|_| Error::Http("the address is no header".to_owned()))?;
        request.headers_mut().insert("origin", origin);
        let (socket, _) = tokio_tungstenite::connect_async(request)
            .await
            .map_err(|e| Error::Http(format!("the live view of {camera}: {e}")))?;
        Ok(Live(socket))
    }
}

/// A camera's live view.
pub struct Live(tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>);

impl Live {
    /// The next frame with its picture; texts about the stream's state are passed over.
    ///
    /// # Errors
    /// When none comes within `limit` or it cannot be read.
    pub async fn next(&mut self, limit: Duration) -> Result<(live::Frame, Vec<u8>), Error> {
        let end = tokio::time::Instant::now() + limit;
        let mut last = "nothing came".to_owned();
        loop {
            let message = tokio::time::timeout_at(end, self.0.next()).await;
            match message {
                Ok(Some(Ok(Message::Binary(bytes)))) => {
                    let (frame, jpeg) = live::decode(&bytes).map_err(|e| Error::Http(e.to_string()))?;
                    return Ok((frame, jpeg.to_vec()));
                }
                Ok(Some(Ok(Message::Text(text)))) => last = format!("the last word was {text}"),
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(e))) => return Err(Error::Http(format!("the live view broke off: {e}"))),
                Ok(None) => return Err(Error::Http(format!("the live view was closed; {last}"))),
                Err(_) => {
                    return Err(Error::Timeout {
                        what: format!("no live frame; {last}"),
                        limit,
                    });
                }
            }
        }
    }
}
