//! Network cameras that send one JPEG picture after the other over HTTP (`multipart/x-mixed-replace`), as cheap and
//! old ones do.

use std::time::Duration;

use async_trait::async_trait;
use hadir_models::FrameBuf;
use hadir_shared::status::Cause;
use reqwest::{StatusCode, header};
use tokio::time::{Instant, timeout};

use super::multipart::{Parts, boundary};
use super::{ENDED, NO_SUCH_STREAM, Picture, REFUSES_LOGIN, Source, SourceError};
use crate::config::MjpegSource;
use crate::errors::innermost;

/// A camera that does not answer for this long is not there.
const ANSWERS_WITHIN: Duration = Duration::from_secs(8);

/// A camera that sends.
pub(super) struct Mjpeg {
    source: MjpegSource,
    response: reqwest::Response,
    parts: Parts,
    began: Instant,
    due: Instant,
    interval: Duration,
}

impl Mjpeg {
    /// Connects; yields at most `fps` pictures a second.
    pub(super) async fn open(source: &MjpegSource, fps: f32) -> Result<Self, SourceError> {
        let silent = |_| {
            source.error(
                Cause::Unreachable,
                "it does not answer: check its power, cable and address",
            )
        };
        let response = timeout(ANSWERS_WITHIN, ask(source)).await.map_err(silent)??;
        let boundary = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(boundary)
            .ok_or_else(|| {
                source.error(
                    Cause::Address,
                    "it sends no MJPEG stream (multipart/x-mixed-replace): check the path of the address",
                )
            })?;
        let now = Instant::now();
        Ok(Self {
            source: source.clone(),
            response,
            parts: Parts::new(&boundary),
            began: now,
            due: now,
            interval: Duration::from_secs_f32(1.0 / fps),
        })
    }
}

#[async_trait]
impl Source for Mjpeg {
    fn format(&self) -> &'static str {
        "MJPEG"
    }

    async fn next(&mut self) -> Result<Option<Picture>, SourceError> {
        loop {
            while let Some(jpeg) = self
                .parts
                .next()
                .map_err(|e| self.source.error(Cause::Unreadable, e))?
            {
                let now = Instant::now();
                // A tenth of an interval early is on time: a camera's clock is not ours.
                if now + self.interval / 10 < self.due {
                    continue;
                }
                self.due = (self.due + self.interval).max(now);
                let decoded = tokio::task::spawn_blocking(move || decode(&jpeg)).await;
                // A damaged picture now and then is normal on a bad network: the next one will do.
                if let Ok(Some(frame)) = decoded {
                    let position = self.began.elapsed();
                    return Ok(Some(Picture { frame, position }));
                }
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.parts.push(&chunk),
                Ok(None) => return Err(self.source.error(Cause::Ended, ENDED)),
                Err(_) => {
                    return Err(self.source.error(
                        Cause::Unreachable,
                        "the connection was lost; it is connected again",
                    ));
                }
            }
        }
    }
}

fn decode(jpeg: &[u8]) -> Option<FrameBuf> {
    hadir_models::picture::decode(jpeg).ok().map(Into::into)
}

/// Asks for the stream, and proves who asks where the camera wants it.
async fn ask(source: &MjpegSource) -> Result<reqwest::Response, SourceError> {
    let unreachable = |e: reqwest::Error| {
        let what = if e.is_connect() {
            "it cannot be reached"
        } else {
            "the connection failed"
        };
        // The last cause says most ("Connection refused", "invalid peer certificate"), and holds no address.
        let why = innermost(&e);
        source.error(
            Cause::Unreachable,
            &format!("{what} ({why}): check its power, cable and address, and with https its certificate"),
        )
    };
    // No redirects: credentials go to the camera and to nobody else.
    let client = reqwest::Client::builder()
        .connect_timeout(ANSWERS_WITHIN)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(unreachable)?;
    let response = client.get(source.url.clone()).send().await.map_err(unreachable)?;
    let refused = || source.error(Cause::Login, REFUSES_LOGIN);
    let response = match (response.status(), &source.login) {
        (StatusCode::UNAUTHORIZED, Some(login)) => {
            let challenges = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
            let mut method = challenges
                .filter_map(|challenge| challenge.to_str().ok())
                .fold(http_auth::PasswordClient::builder(), |builder, challenge| {
                    builder.challenges(challenge)
                })
                .build()
                .map_err(|_| {
                    source.error(
                        Cause::CameraSettings,
                        "it asks for a kind of login that is not known here (not basic, not digest)",
                    )
                })?;
            let path = match source.url.query() {
                Some(query) => format!("{}?{query}", source.url.path()),
                None => source.url.path().to_owned(),
            };
            let answer = method
                .respond(&http_auth::PasswordParams {
                    username: &login.user,
                    password: &login.password,
                    uri: &path,
                    method: "GET",
                    body: Some(&[]),
                })
                .map_err(|_| refused())?;
            let request = client
                .get(source.url.clone())
                .header(header::AUTHORIZATION, answer);
            request.send().await.map_err(unreachable)?
        }
        _ => response,
    };
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(refused()),
        StatusCode::NOT_FOUND => Err(source.error(Cause::Address, NO_SUCH_STREAM)),
        status => Err(source.error(
            Cause::CameraSettings,
            &format!("it answers {status}: check the address and the camera's settings"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASIC: &str = "Basic realm=\"camera\"";
    const DIGEST: &str = "Digest realm=\"camera\", nonce=\"5f2a\", qop=\"auth\", algorithm=MD5";

    fn jpeg() -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let grey = image::RgbImage::from_pixel(32, 24, image::Rgb([90; 3]));
        grey.write_to(&mut bytes, image::ImageFormat::Jpeg)
            .expect("encoded");
        bytes.into_inner()
    }

    /// A camera that asks for this login where it is not given, and sends three pictures, the first of them damaged.
    /// Gives its address and the logins that it was given.
    async fn serve(challenge: &'static str) -> (MjpegSource, tokio::sync::mpsc::UnboundedReceiver<String>) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!(
            "http://{}/video.cgi?res=1",
            listener.local_addr().expect("address")
        );
        let (given_to, given) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(socket.read_u8().await.expect("a request"));
                }
                let request = String::from_utf8(request).expect("text");
                let login = request
                    .lines()
                    .find_map(|line| line.strip_prefix("authorization: "));
                let mut answer = match login {
                    None => format!(
                        "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: {challenge}\r\ncontent-length: 0\r\n"
                    )
                    .into_bytes(),
                    Some(_) => {
                        b"HTTP/1.0 200 OK\r\ncontent-type: multipart/x-mixed-replace; boundary=--frame\r\n"
                            .to_vec()
                    }
                };
                answer.extend_from_slice(b"connection: close\r\n\r\n");
                if let Some(login) = login {
                    given_to.send(login.to_owned()).expect("the test listens");
                    for picture in [b"damaged".to_vec(), jpeg(), jpeg()] {
                        let head = format!(
                            "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
                            picture.len()
                        );
                        answer.extend_from_slice(&[head.as_bytes(), &picture, b"\r\n"].concat());
                    }
                }
                let _ = socket.write_all(&answer).await;
            }
        });
        let login = crate::config::Login {
            user: "petugas".into(),
            password: zeroize::Zeroizing::new("rahasia".into()),
        };
        let url = reqwest::Url::parse(&url).expect("an address");
        (
            MjpegSource {
                url,
                login: Some(login),
            },
            given,
        )
    }

    #[tokio::test]
    async fn pictures_come_after_a_login_until_the_camera_ends() {
        for challenge in [BASIC, DIGEST] {
            let (source, mut given) = serve(challenge).await;
            let mut camera = Mjpeg::open(&source, 1e6).await.expect("opened");
            let login = given.recv().await.expect("a login");
            if challenge == BASIC {
                // "petugas:rahasia"
                assert_eq!(login, "Basic cGV0dWdhczpyYWhhc2lh");
            } else {
                for part in [
                    "Digest username=\"petugas\"",
                    "uri=\"/video.cgi?res=1\"",
                    "nonce=\"5f2a\"",
                    "response=",
                ] {
                    assert!(login.contains(part), "{part} is missing in {login}");
                }
                assert!(!login.contains("rahasia"), "{login}");
            }
            for _ in 0..2 {
                let picture = camera.next().await.expect("a picture").expect("a picture");
                assert_eq!(picture.frame.dimensions(), (32, 24));
            }
            let end = camera.next().await.expect_err("it ended").to_string();
            assert!(
                end.contains("ended the connection") && !end.contains("res=1"),
                "{end}"
            );
        }
    }

    #[tokio::test]
    async fn a_camera_that_refuses_says_where_the_login_belongs() {
        let (mut source, _given) = serve(BASIC).await;
        source.login = None;
        let error = Mjpeg::open(&source, 10.0).await.err().expect("refused");
        assert_eq!(error.cause(), Cause::Login);
        let error = error.to_string();
        assert!(error.contains("camera_credentials.toml"), "{error}");
        source.url.set_port(Some(9)).expect("a port");
        let error = Mjpeg::open(&source, 10.0).await.err().expect("nobody there");
        assert_eq!(error.cause(), Cause::Unreachable);
        let error = error.to_string();
        assert!(
            error.contains("cannot be reached (") && error.contains("check its power"),
            "{error}"
        );
    }
}
