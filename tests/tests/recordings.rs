//! `test-recording` looks at clips as the camera that made them would.

use std::fs;
use std::path::Path;
use std::process::Command;

use hadir_tests::harness::{alone, paths};
use hadir_tests::recordings::person::{self, Person};
use hadir_tests::recordings::{self, script};
use serde_json::Value;

#[tokio::test]
async fn what_the_cameras_file_says_holds_for_its_recordings() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    let gallery = person::gallery(&folder.path().join("gallery"), &Person::ALL).expect("written");
    let tried = |settings: &str, more: &[&str]| {
        let camera = folder.path().join("cam-1.toml");
        let rest = "id = \"cam-1\"\nlabel = \"Lobi\"\narea = \"lobi\"\nsource = { usb = 0 }\n";
        fs::write(&camera, format!("{rest}{settings}")).expect("written");
        try_out(&gallery, &camera, more)
    };

    // Biden stands in the middle.
    let (people, frames) = tried("mask = [[[0.0, 0.0], [0.1, 0.0], [0.1, 1.0], [0.0, 1.0]]]", &[]);
    assert_eq!(people, ["Joe Biden"]);
    assert!((114..=126).contains(&frames), "{frames}");
    let everything = "mask = [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]]";
    let (people, _) = tried(everything, &[]);
    assert!(people.is_empty(), "{people:?}");
    // A face of some 70 pixels in 640 is none for a detector that sees 96.
    let (people, frames) = tried("detect_width = 96\nrecognise_fps = 2.0", &[]);
    assert!(people.is_empty(), "{people:?}");
    assert!((38..=42).contains(&frames), "{frames}");
    let (people, frames) = tried(
        "detect_width = 96\nrecognise_fps = 2.0",
        &["--detect-width", "640", "--fps", "4"],
    );
    assert_eq!(people, ["Joe Biden"]);
    assert!((76..=84).contains(&frames), "{frames}");
}

/// Who was recognised in the recording of twenty seconds in which Biden stays, and in how many frames it was looked.
fn try_out(gallery: &Path, camera: &Path, more: &[&str]) -> (Vec<String>, u64) {
    let folder = paths::recordings().expect("folder");
    let clip = recordings::make(&script::stays(), &folder).unwrap_or_else(|e| panic!("{e}"));
    let agent = paths::binary("hadir-agent").unwrap_or_else(|e| panic!("{e}"));
    let mut command = Command::new(agent);
    command
        .args(["test-recording", "--json", "--gallery"])
        .arg(gallery);
    let output = command
        .arg("--camera")
        .arg(camera)
        .args(more)
        .arg(clip)
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let clip = &report["clips"][0];
    let people = clip["people"].as_array().expect("a list");
    let names = people
        .iter()
        .map(|person| person["name"].as_str().expect("a name"));
    (
        names.map(str::to_owned).collect(),
        clip["frames"].as_u64().expect("a number"),
    )
}
