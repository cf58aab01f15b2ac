//! The live view: on demand, one stream however many watch, and none when nobody does.

use std::time::{Duration, Instant};

use hadir_tests::harness::site::{Camera, Source};
use hadir_tests::harness::system::{Agent, Broker, Plan, System};
use hadir_tests::harness::{Error, alone, eventually, paths};
use hadir_tests::recordings::{self, script};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_viewers_cost_one_stream_that_ends_without_them() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    let recording = recordings::make(&script::stays(), &paths::recordings().expect("folder"))
        .unwrap_or_else(|e| panic!("{e}"));
    let agents = vec![Agent {
        id: "gate-1",
        cameras: vec![Camera {
            id: "cam-1",
            number: 1,
            label: "Lobi",
            area: "lobi",
            source: Source::Recording(recording),
        }],
    }];
    let plan = Plan::with_free_ports(folder.path().to_owned(), Broker::Embedded, agents).expect("ports");
    let mut system = System::start(plan).await.unwrap_or_else(|e| panic!("{e}"));
    if let Err(e) = watch(&mut system).await {
        panic!("{}", system.explain(e));
    }
    system.stop().unwrap_or_else(|e| panic!("{e}"));
}

async fn watch(system: &mut System) -> Result<(), Error> {
    system.wait_for_cameras(Duration::from_secs(90)).await?;
    let begun = |system: &System| system.said("gate-1").matches("live view begins").count();
    assert_eq!(begun(system), 0, "nobody watches, so nothing is sent");
    let asked = Instant::now();
    let mut first = system.api.watch("cam-1").await?;
    let (frame, picture) = first.next(Duration::from_secs(10)).await?;
    let waited = asked.elapsed();
    // A bound for a busy machine; it is about a tenth of a second.
    assert!(waited < Duration::from_secs(3), "the first frame took {waited:?}");
    assert!(frame.width > 0 && picture.starts_with(&[0xff, 0xd8]), "{frame:?}");
    let mut second = system.api.watch("cam-1").await?;
    for _ in 0..5 {
        first.next(Duration::from_secs(10)).await?;
        second.next(Duration::from_secs(10)).await?;
    }
    assert_eq!(begun(system), 1, "each viewer has a stream of their own");
    drop(first);
    second.next(Duration::from_secs(10)).await?;
    assert_eq!(system.said("gate-1").matches("live view ends").count(), 0);
    drop(second);
    eventually(
        "the stream ends without viewers",
        Duration::from_secs(20),
        async || match system.said("gate-1").matches("live view ends").count() {
            1 => Ok(()),
            n => Err(format!("{n} ended")),
        },
    )
    .await
}
