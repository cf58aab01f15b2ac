//! Somebody who sits still stays present: a picture held for minutes, with the noise of a sensor.

use std::path::Path;
use std::process::Command;

use hadir_tests::harness::{alone, paths};
use serde_json::Value;

/// How long the picture is held.
const SECONDS: u32 = 600;

#[tokio::test]
async fn who_sits_still_stays_present_in_one_track() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    let portraits = paths::repository().join("tests/fixtures/portraits");
    let gallery = folder.path().join("gallery");
    for (person, picture) in [("obama", "obama-1.jpg"), ("biden", "biden.jpg")] {
        std::fs::create_dir_all(gallery.join(person)).expect("folder");
        std::fs::copy(portraits.join(picture), gallery.join(person).join(picture)).expect("copied");
    }
    let clip = folder.path().join("still.mp4");
    hold(&portraits.join("obama-2.jpg"), &clip);

    let agent = paths::binary("hadir-agent").unwrap_or_else(|e| panic!("{e}"));
    let mut command = Command::new(agent);
    command
        .args(["test-recording", "--json", "--gallery"])
        .arg(&gallery)
        .arg(&clip);
    let output = command.output().expect("runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let clip = &report["clips"][0];
    let people = clip["people"].as_array().expect("a list");
    assert_eq!(people.len(), 1, "{clip}");
    assert_eq!(
        (&people[0]["name"], &people[0]["tracks"]),
        (&"obama".into(), &1.into()),
        "{clip}"
    );
    let present = people[0]["seconds"].as_f64().expect("a number");
    assert!(present >= f64::from(SECONDS) - 1.0, "{clip}");
}

/// A film of one picture, in which a face is about 90 pixels wide.
fn hold(picture: &Path, film: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-nostdin",
        "-v",
        "error",
        "-loop",
        "1",
        "-framerate",
        "7",
        "-t",
        &SECONDS.to_string(),
        "-i",
    ]);
    command.arg(picture);
    command.args([
        "-vf",
        "scale=-2:300,pad=640:360:(ow-iw)/2:(oh-ih)/2,noise=alls=6:allf=t,format=yuv420p",
    ]);
    command
        .args(["-c:v", "libx264", "-preset", "ultrafast"])
        .arg(film);
    let output = command.output().expect("ffmpeg");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
