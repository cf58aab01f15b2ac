//! Figures for Prometheus, on this machine only: `metrics = "127.0.0.1:9464"` in agent.toml.
//!
//! The text format 0.0.4 of https://prometheus.io/docs/instrumenting/exposition_formats/. No figure is about a person.

use std::fmt::{Display, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use hadir_shared::status::{AgentStatus, CameraState, CameraStatus, Inference};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// A request is short and comes at once, or it is none.
const LONGEST_REQUEST: usize = 4096;
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// Answers until `stop` turns true. One request at a time: there is one Prometheus.
pub(crate) async fn serve(
    address: SocketAddr,
    status: impl Fn() -> AgentStatus,
    mut stop: watch::Receiver<bool>,
) {
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(e) => {
            tracing::error!(%address, "metrics are not served ({e}): set `metrics` to a free port");
            return;
        }
    };
    loop {
        tokio::select! {
            connection = listener.accept() => if let Ok((stream, _)) = connection {
                // Who asks strangely gets nothing, and nobody waits for them.
                let _ = timeout(ANSWERED_WITHIN, answer(stream, &status)).await;
            },
            _ = stop.changed() => return,
        }
    }
}

async fn answer(mut stream: TcpStream, status: &impl Fn() -> AgentStatus) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && request.len() < LONGEST_REQUEST {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let (code, body) = match request.split(|byte| *byte == b' ').nth(1) {
        Some(b"/metrics") if request.starts_with(b"GET ") => ("200 OK", text(&status())),
        _ => ("404 Not Found", "Ask for /metrics.\n".to_owned()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {code}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// All figures.
fn text(status: &AgentStatus) -> String {
    let mut out = String::new();
    let mut figure = |name: &str, kind: &str, help: &str, values: &[(String, f64)]| {
        // Writing to a String cannot fail.
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (labels, value) in values {
            let _ = writeln!(out, "{name}{labels} {value}");
        }
    };
    let one = |value: f64| vec![(String::new(), value)];
    figure(
        "hadir_outbox_sightings",
        "gauge",
        "Sightings not yet acknowledged.",
        &one(status.outbox_depth as f64),
    );
    figure(
        "hadir_outbox_dropped_total",
        "counter",
        "Sightings dropped unsent.",
        &one(status.outbox_dropped as f64),
    );
    figure(
        "hadir_gallery_version",
        "gauge",
        "The gallery in use; 0: none.",
        &one(status.gallery_version as f64),
    );
    if let Some(offset) = status.clock_offset_ms {
        let seconds = offset as f64 / 1000.0;
        figure(
            "hadir_clock_offset_seconds",
            "gauge",
            "This clock minus the aggregator's.",
            &one(seconds),
        );
    }
    let cameras = |value: &dyn Fn(&CameraStatus) -> f64| -> Vec<(String, f64)> {
        let each = status.cameras.iter();
        each.map(|camera| (label(&[("camera", &camera.id)]), value(camera)))
            .collect()
    };
    let yes = |holds: bool| if holds { 1.0 } else { 0.0 };
    figure(
        "hadir_camera_streaming",
        "gauge",
        "1 while frames come.",
        &cameras(&|c| yes(c.state == CameraState::Streaming)),
    );
    figure(
        "hadir_camera_inference",
        "gauge",
        "1 while frames are recognised.",
        &cameras(&|c| yes(c.inference == Inference::Active)),
    );
    figure(
        "hadir_camera_fps",
        "gauge",
        "Frames analysed per second.",
        &cameras(&|c| f64::from(c.fps)),
    );
    let people = status.cameras.iter().filter_map(|camera| {
        let people = f64::from(camera.people?);
        Some((label(&[("camera", &camera.id), ("area", &camera.area)]), people))
    });
    figure(
        "hadir_camera_people",
        "gauge",
        "People in the picture for most of the last minute, named or not; left out while nobody looks.",
        &people.collect::<Vec<_>>(),
    );
    figure(
        "hadir_camera_frames_total",
        "counter",
        "Frames captured.",
        &cameras(&|c| c.counts.frames as f64),
    );
    figure(
        "hadir_camera_frames_skipped_total",
        "counter",
        "Frames skipped because recognition was busy.",
        &cameras(&|c| c.counts.skipped as f64),
    );
    figure(
        "hadir_camera_unknown_tracks_total",
        "counter",
        "Tracks that ended without a name.",
        &cameras(&|c| c.counts.unknown_tracks as f64),
    );
    let rejected: Vec<(String, f64)> = status
        .cameras
        .iter()
        .flat_map(|camera| {
            let reasons = camera.counts.rejected.iter();
            reasons.map(|(reason, count)| {
                (
                    label(&[("camera", &camera.id), ("reason", reason)]),
                    *count as f64,
                )
            })
        })
        .collect();
    figure(
        "hadir_camera_rejected_total",
        "counter",
        "Faces not used and tracks not named, by reason.",
        &rejected,
    );
    out
}

/// Ids and reasons hold nothing that would need escaping.
fn label(pairs: &[(&str, &dyn Display)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Camera;
    use crate::config::testing;
    use crate::pipeline::{Reason, Rejected};
    use hadir_shared::status::CameraMode;

    fn status() -> AgentStatus {
        let camera = Camera::new(testing::camera("cam-1", CameraMode::Recognise));
        camera.note_rejected(
            [(
                Reason::TooSmall,
                Rejected {
                    count: 4,
                    measured: Some((5.5, 8.0)),
                },
            )]
            .into_iter(),
        );
        camera.set_state(CameraState::Streaming, None);
        camera.note_people(2, std::time::Instant::now());
        AgentStatus {
            outbox_depth: 17,
            clock_offset_ms: Some(-250),
            cameras: vec![camera.status(std::time::Instant::now())],
            ..AgentStatus::default()
        }
    }

    #[tokio::test]
    async fn prometheus_gets_its_figures_and_others_nothing() {
        let free = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("port")
            .local_addr()
            .expect("address");
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(serve(free, status, stopped));
        let client = crate::gallery::client();
        let url = format!("http://{free}/metrics");
        let mut answer = client.get(&url).send().await;
        for _ in 0..50 {
            if answer.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            answer = client.get(&url).send().await;
        }
        let body = answer.expect("answered").text().await.expect("text");
        for line in [
            "hadir_outbox_sightings 17",
            "hadir_clock_offset_seconds -0.25",
            "hadir_camera_streaming{camera=\"cam-1\"} 1",
            "hadir_camera_people{camera=\"cam-1\",area=\"gudang\"} 2",
            "hadir_camera_rejected_total{camera=\"cam-1\",reason=\"too_small\"} 4",
            "# TYPE hadir_camera_frames_total counter",
        ] {
            assert!(body.lines().any(|l| l == line), "{line} is missing in:\n{body}");
        }
        let other = client
            .get(format!("http://{free}/"))
            .send()
            .await
            .expect("answered");
        assert_eq!(other.status(), 404);
        // Somebody who says nothing keeps nobody waiting for long.
        let _silent = TcpStream::connect(free).await.expect("connected");
        assert!(
            client
                .get(&url)
                .send()
                .await
                .expect("answered")
                .status()
                .is_success()
        );
        stop.send_replace(true);
        timeout(Duration::from_secs(5), server)
            .await
            .expect("in time")
            .expect("no panic");
    }
}
