//! USB cameras through `nokhwa` (V4L2).
//!
//! The driver blocks, so it lives on a thread of its own that ends when nobody takes its pictures any more. A camera whose
//! firmware hangs keeps that thread, and the thread the device: nothing but the end of the process lets it go, so the
//! watchdog is told ([`hung`]).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use image::RgbImage;
use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};
use nokhwa::{Buffer, Camera};
use tokio::sync::{mpsc, oneshot};

use super::{Picture, Source, SourceError, yuyv};
use crate::config::UsbDevice;

/// What is asked of the driver; it gives the nearest that the camera has.
const WANTED: Resolution = Resolution {
    width_x: 1280,
    height_y: 720,
};

/// The devices that a thread holds, by number, and since when nobody takes its pictures any more.
static HELD: Mutex<BTreeMap<u32, Option<Instant>>> = Mutex::new(BTreeMap::new());

fn held() -> MutexGuard<'static, BTreeMap<u32, Option<Instant>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Held by the thread while it has the device.
struct Hold(u32);

impl Hold {
    fn new(index: u32) -> Self {
        held().insert(index, None);
        Self(index)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        held().remove(&self.0);
    }
}

/// Nobody takes the pictures of this device any more.
fn abandon(index: u32, now: Instant) {
    if let Some(abandoned) = held().get_mut(&index) {
        *abandoned = Some(now);
    }
}

/// A device whose thread has not ended for so long, though it should have.
pub(crate) fn hung(now: Instant, age: Duration) -> Option<u32> {
    let held = held();
    let hung = held
        .iter()
        .find(|(_, abandoned)| abandoned.is_some_and(|at| now.duration_since(at) > age));
    hung.map(|(index, _)| *index)
}

/// An open USB camera.
pub(super) struct UsbSource {
    index: u32,
    pictures: mpsc::Receiver<Result<Picture, SourceError>>,
}

impl UsbSource {
    /// Opens the camera, to yield at most `fps` pictures a second.
    pub(super) async fn open(device: &UsbDevice, fps: f32) -> Result<Self, SourceError> {
        let index = index_of(device)?;
        let (opened_to, opened) = oneshot::channel();
        // One picture at most waits; while it does, newer ones are dropped by the thread.
        let (pictures_to, pictures) = mpsc::channel(1);
        let device = device.clone();
        let for_thread = device.clone();
        std::thread::Builder::new()
            .name("usb-camera".into())
            .spawn(move || match start(index, &for_thread) {
                Ok(camera) => {
                    let _hold = Hold::new(index);
                    let _ = opened_to.send(Ok(()));
                    pump(camera, &for_thread, fps, &pictures_to);
                }
                Err(e) => {
                    let _ = opened_to.send(Err(e));
                }
            })
            .map_err(|e| usb_error(&device, &e))?;
        opened
            .await
            .map_err(|_| usb_error(&device, &"its driver stopped"))??;
        Ok(Self { index, pictures })
    }
}

impl Drop for UsbSource {
    fn drop(&mut self) {
        abandon(self.index, Instant::now());
    }
}

#[async_trait]
impl Source for UsbSource {
    fn format(&self) -> &'static str {
        "USB"
    }

    async fn next(&mut self) -> Result<Option<Picture>, SourceError> {
        self.pictures.recv().await.transpose()
    }
}

fn start(index: u32, device: &UsbDevice) -> Result<Camera, SourceError> {
    let wanted = CameraFormat::new(WANTED, FrameFormat::MJPEG, 15);
    let formats = [FrameFormat::MJPEG, FrameFormat::YUYV];
    let request = RequestedFormat::with_formats(RequestedFormatType::Closest(wanted), &formats);
    let mut camera = Camera::with_backend(CameraIndex::Index(index), request, ApiBackend::Video4Linux)
        .map_err(|e| usb_error(device, &e))?;
    camera.open_stream().map_err(|e| usb_error(device, &e))?;
    Ok(camera)
}

/// Reads the camera until it breaks or nobody listens.
fn pump(mut camera: Camera, device: &UsbDevice, fps: f32, to: &mpsc::Sender<Result<Picture, SourceError>>) {
    let began = Instant::now();
    let interval = Duration::from_secs_f32(1.0 / fps);
    let mut due = began;
    while !to.is_closed() {
        let buffer = match camera.frame() {
            Ok(buffer) => buffer,
            Err(e) => {
                let _ = to.blocking_send(Err(usb_error(device, &e)));
                break;
            }
        };
        let now = Instant::now();
        // Half an interval early is on time: a camera's clock is not ours.
        if now + interval / 2 < due || to.capacity() == 0 {
            continue;
        }
        due = (due + interval).max(now);
        // A torn JPEG now and then is normal on a bad cable: the next one will do.
        let Some(image) = decode(&buffer) else { continue };
        let _ = to.try_send(Ok(Picture {
            frame: image.into(),
            position: began.elapsed(),
        }));
    }
    let _ = camera.stop_stream();
}

fn decode(buffer: &Buffer) -> Option<RgbImage> {
    let Resolution { width_x, height_y } = buffer.resolution();
    match buffer.source_frame_format() {
        FrameFormat::MJPEG => image::load_from_memory_with_format(buffer.buffer(), image::ImageFormat::Jpeg)
            .ok()
            .map(|i| i.into_rgb8()),
        FrameFormat::YUYV => yuyv::to_rgb(width_x, height_y, buffer.buffer()),
        _ => None,
    }
}

/// The number of the device's `/dev/video` node, after a look whether it is there.
fn index_of(device: &UsbDevice) -> Result<u32, SourceError> {
    let node = match device {
        UsbDevice::Index(index) => PathBuf::from(format!("/dev/video{index}")),
        // A stable name is a link to the node.
        UsbDevice::Path(path) => std::fs::canonicalize(path).unwrap_or_else(|_| path.clone()),
    };
    let index = node_index(&node).filter(|_| node.exists());
    index.ok_or_else(|| SourceError::NoUsbCamera {
        device: device.clone(),
        found: found(),
    })
}

fn node_index(node: &Path) -> Option<u32> {
    node.to_str()?.strip_prefix("/dev/video")?.parse().ok()
}

/// A sentence on which cameras the system has.
fn found() -> String {
    let cameras: Vec<String> = nokhwa::query(ApiBackend::Video4Linux)
        .unwrap_or_default()
        .iter()
        .map(|camera| format!("{} ({})", camera.index(), camera.human_name()))
        .collect();
    if cameras.is_empty() {
        "no camera was found at all; plug it in and look with `ls /dev/video*`".into()
    } else {
        format!("found {}; set `usb` to one of them", cameras.join(", "))
    }
}

fn usb_error(device: &UsbDevice, detail: &dyn std::fmt::Display) -> SourceError {
    SourceError::Usb {
        device: device.clone(),
        detail: detail.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_not_let_go_hangs() {
        let (now, age) = (Instant::now(), Duration::from_secs(60));
        let hung = |seconds| hung(now + Duration::from_secs(seconds), age);
        let hold = Hold::new(9999);
        assert_eq!(hung(1000), None, "its pictures are taken");
        abandon(9999, now);
        assert_eq!((hung(59), hung(61)), (None, Some(9999)));
        drop(hold);
        assert_eq!(hung(61), None);
        // The thread ended first.
        abandon(9999, now);
        assert_eq!(hung(61), None);
    }

    #[tokio::test]
    async fn a_missing_camera_says_what_was_found() {
        let device = UsbDevice::Path("/dev/video-none".into());
        let error = UsbSource::open(&device, 10.0)
            .await
            .err()
            .expect("no such camera");
        let message = error.to_string();
        assert!(
            message.starts_with("there is no USB camera /dev/video-none: "),
            "{message}"
        );
        assert!(message.contains("found"), "{message}");
    }
}
