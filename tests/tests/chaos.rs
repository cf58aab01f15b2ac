//! A short run of what `make chaos` does at length.

use std::time::Duration;

use hadir_tests::chaos::{self, Options};
use hadir_tests::harness::alone;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_counted_twice() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    let options = Options {
        dir: folder.path().join("chaos"),
        sightings: 600,
        kills: 14,
        cut: Duration::from_secs(4),
        seed: 20_261_124,
    };
    let outcome = chaos::run(&options).await.unwrap_or_else(|e| panic!("{e}"));
    assert!(outcome.sightings >= 600 && outcome.kills >= 14, "{outcome}");
    assert_eq!(
        (outcome.lost, outcome.duplicated, outcome.disordered),
        (0, 0, 0),
        "{outcome}"
    );
}
