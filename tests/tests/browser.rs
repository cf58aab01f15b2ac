//! The dashboard in a real browser: starts the demo and runs the tests of `browser/` against it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hadir_tests::harness::control::Control;
use hadir_tests::harness::site::{Camera, Source};
use hadir_tests::harness::system::{ADMIN, Agent, Broker, Plan, System};
use hadir_tests::harness::{alone, paths, process};
use hadir_tests::recordings::{self, script};

const LIMIT: Duration = Duration::from_secs(600);

/// What the code on a picture says, as a camera's device reads it.
fn read_code(picture: &Path) -> String {
    let picture = image::open(picture).expect("a picture").into_luma8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        picture.get_pixel(x as u32, y as u32).0[0]
    });
    let codes = prepared.detect_grids();
    let (_, text) = codes.first().expect("a code").decode().expect("it reads");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_in_chromium() {
    let _alone = alone().await;
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    assert!(
        tests.join("node_modules/playwright-core").is_dir(),
        "the browser's driver is not installed; run `make test`, or `npm ci` in tests/browser"
    );
    let folder = tempfile::tempdir().expect("folder");
    let camera = |id, number, label, area, script| {
        let recording = recordings::make(&script, &paths::recordings().expect("folder"))
            .unwrap_or_else(|e| panic!("{e}"));
        Camera {
            id,
            number,
            label,
            area,
            source: Source::Recording(recording),
        }
    };
    let agents = vec![
        Agent {
            id: "gate-1",
            cameras: vec![camera("cam-1", 1, "Gudang A", "gudang", script::store())],
        },
        Agent {
            id: "gate-2",
            cameras: vec![camera("cam-2", 2, "Lobi", "lobi", script::lobby())],
        },
    ];
    let plan = Plan::with_free_ports(folder.path().to_owned(), Broker::Embedded, agents).expect("ports");
    let mut system = System::start(plan).await.unwrap_or_else(|e| panic!("{e}"));
    let ready = async {
        system.register_staff().await?;
        system.wait_for_cameras(Duration::from_secs(90)).await
    };
    if let Err(e) = ready.await {
        panic!("{}", system.explain(e));
    }
    // As a technician does who has mounted it; the other camera stays unchecked.
    let mut check = Command::new(paths::binary("hadir-agent").expect("built"));
    check
        .args(["camera", "check", "--config"])
        .arg(system.site.bundle("gate-1").join("agent.toml"));
    let checked =
        tokio::task::block_in_place(|| process::run(&mut check, LIMIT)).unwrap_or_else(|e| panic!("{e}"));
    assert!(matches!(checked.code, Some(0 | 1)), "{checked:?}");
    let screenshots = paths::recordings().expect("folder").with_file_name("screenshots");
    let mut control = Control::listen().expect("port");
    // One after the other: they change the same system.
    for file in [
        "dashboard.test.mjs",
        "pages.test.mjs",
        "controls.test.mjs",
        "forms.test.mjs",
        "restart.test.mjs",
        "look.test.mjs",
    ] {
        let mut node = Command::new("node");
        node.args(["--test", file])
            .current_dir(&tests)
            .stdin(Stdio::null());
        node.env("HADIR_URL", system.dashboard())
            .env("HADIR_USER", ADMIN)
            .env("HADIR_PASSWORD", &system.password);
        node.env("HADIR_PHONES", system.phones())
            .env("HADIR_SCREENSHOTS", &screenshots);
        node.env("HADIR_CONTROL", control.url());
        let mut run = tokio::task::spawn_blocking(move || process::run(&mut node, LIMIT));
        let outcome = loop {
            tokio::select! {
                ended = &mut run => break ended.expect("it ends").unwrap_or_else(|e| panic!("{e}")),
                () = control.serve(&mut system) => {}
            }
        };
        let explain = hadir_tests::harness::Error::Other(format!("{}\n{}", outcome.out, outcome.err));
        assert_eq!(outcome.code, Some(0), "{file}: {}", system.explain(explain));
        // A run without a single test proves nothing.
        let passed = outcome
            .out
            .lines()
            .find_map(|l| l.trim_start_matches(['#', 'ℹ', ' ']).strip_prefix("pass "));
        assert!(
            passed
                .and_then(|n| n.trim().parse::<u32>().ok())
                .is_some_and(|n| n > 0),
            "{file}: no test ran: {}",
            outcome.out
        );
    }
    assert_eq!(
        read_code(&screenshots.join("badge.png")),
        format!(
            "hadir:{}",
            std::fs::read_to_string(screenshots.join("badge.txt")).expect("the badge's number")
        ),
        "the printed badge reads as its number"
    );
    system.stop().unwrap_or_else(|e| panic!("{e}"));
}
