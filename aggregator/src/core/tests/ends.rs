//! The aggregator ends between any two steps and starts again: no message is lost, and none goes out twice but where
//! nobody can know whether it did.
//!
//! A step is a change of the store that is committed, or a message that goes out. The end comes after the n-th, for every
//! n: nothing more is written and nothing more goes out, until the next start. What comes from outside (sightings,
//! webhooks) comes again until it is taken, as devices and Meta do it.

use std::collections::BTreeMap;

use super::*;
use crate::store::End;

const SARI: &str = "+628110000003";

/// The provider: what has gone out, by our reference.
#[derive(Default)]
struct Provider {
    sent: Mutex<Vec<(i64, String)>>,
    end: Mutex<Option<Arc<End>>>,
}

#[async_trait]
impl Messenger for Provider {
    async fn send(&self, message: &Outgoing) -> Result<String, Failure> {
        let end = self.end.lock().expect("lock").clone().expect("set");
        if !end.step() {
            return Err(Failure::Temporary {
                detail: "the power is gone".into(),
                uncertain: crate::notify::Uncertain::Yes,
            });
        }
        let mut sent = self.sent.lock().expect("lock");
        sent.push((message.reference, message.address.clone()));
        Ok(format!("wamid.{}", sent.len()))
    }

    fn credential(&self) -> Option<[u8; 32]> {
        None
    }
}

/// Whether the provider's webhooks say what became of messages.
#[derive(Clone, Copy, PartialEq)]
enum Statuses {
    Come,
    AreLost,
}

/// Something that comes from outside.
type Outside = Box<dyn Fn(&Core) -> Result<()> + Send>;

struct Run {
    site: Site,
    provider: Arc<Provider>,
    /// What comes from outside and was not taken yet: from when on, and what.
    outside: Vec<(i64, Outside)>,
    told_of: usize,
    /// Messages that were on their way when the end came.
    on_their_way: Vec<i64>,
}

impl Run {
    fn new(after: i64) -> Self {
        let site = Site::new();
        let joko = NewEmployee {
            id: Some("JOKO".into()),
            name: "Joko".into(),
            supervisor: Some("SARI".into()),
            ..NewEmployee::default()
        };
        site.core.create_employee(&admin(), joko).expect("employee");
        let provider = Arc::new(Provider::default());
        let run = Self {
            site,
            provider,
            outside: Vec::new(),
            told_of: 0,
            on_their_way: Vec::new(),
        };
        run.end_after(after);
        run
    }

    fn end_after(&self, steps: i64) {
        // The store of this core alone: the next start gets another.
        self.site.core.store.end.set(steps);
        *self.provider.end.lock().expect("lock") = Some(self.site.core.store.end.clone());
    }

    fn over(&self) -> bool {
        self.site.core.store.end.left() < 0
    }

    fn start_again(&mut self) {
        let store = rusqlite::Connection::open(self.site.folder.path().join("hadir.sqlite")).expect("store");
        let mut query = store
            .prepare("select id from message where state = 'sending'")
            .expect("query");
        let ids = query.query_map([], |row| row.get(0)).expect("rows");
        self.on_their_way = ids.collect::<rusqlite::Result<_>>().expect("ids");
        self.site.restart();
        self.end_after(i64::MAX);
        self.site.status(true);
    }

    fn comes(&mut self, second: i64, what: impl Fn(&Core) -> Result<()> + Send + 'static) {
        self.outside.push((second, Box::new(what)));
    }

    /// Lets everything happen that is to happen now.
    async fn happen(&mut self, second: i64, statuses: Statuses) {
        for _ in 0..3 {
            let core = self.site.core.clone();
            let mut left = Vec::new();
            for (from, what) in std::mem::take(&mut self.outside) {
                if from > second || what(&core).is_err() {
                    left.push((from, what));
                }
            }
            self.outside = left;
            let _ = core.tick();
            let messenger: Arc<dyn Messenger> = self.provider.clone();
            while core
                .deliver_due(Channel::Whatsapp, &messenger)
                .await
                .is_ok_and(|tried| tried > 0)
                && !self.over()
            {}
            if statuses == Statuses::Come {
                let sent = self.provider.sent.lock().expect("lock").clone();
                for (number, (reference, _)) in sent.iter().enumerate().skip(self.told_of) {
                    let status = format!(
                        r#"{{"statuses":[{{"id":"wamid.{}","status":"delivered","biz_opaque_callback_data":"hadir-{reference}"}}]}}"#,
                        number + 1
                    );
                    self.comes(second, move |core| signed(core, "messages", &status));
                }
                self.told_of = sent.len();
            }
            if self.over() {
                self.start_again();
            }
        }
    }
}

/// Two absences, a climb, an answer by text, a return; the power goes after so many steps. Gives how many steps there
/// were, and whether there was an end at all.
async fn day(after: i64, statuses: Statuses) -> i64 {
    let mut run = Run::new(after);
    let sighting = |seq: u64, second: i64| {
        let batch = SightingBatch {
            sightings: vec![seen(seq, "LEE", second), seen(seq + 1, "JOKO", second)],
        };
        move |core: &Core| core.take_sightings(&agent(), batch.clone()).map(|_| ())
    };
    run.comes(0, sighting(1, 10));
    run.comes(990, |core| {
        let text =
            r#"{"messages":[{"from":"628110000002","id":"wamid.text","type":"text","text":{"body":"ack"}}]}"#;
        signed(core, "messages", text)
    });
    run.comes(1300, sighting(3, 1300));
    let mut second = 0;
    // They are absent again at 1600.
    while second < 1580 {
        second += 20;
        run.site.clock.advance(TimeDelta::seconds(20));
        if second == 20 {
            // It was taken at 10 by the device's clock.
            run.happen(10, statuses).await;
        }
        run.happen(second, statuses).await;
    }
    check(&run, after, statuses);
    after - run.site.core.store.end.left()
}

/// What must hold, wherever the end came.
fn check(run: &Run, after: i64, statuses: Statuses) {
    let store = rusqlite::Connection::open(run.site.folder.path().join("hadir.sqlite")).expect("store");
    let mut query = store
        .prepare("select id, dedup, state, address from message order by id")
        .expect("query");
    let rows = query
        .query_map([], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
            ))
        })
        .expect("rows");
    let rows: Vec<_> = rows.collect::<rusqlite::Result<_>>().expect("messages");
    let mut times: BTreeMap<i64, usize> = BTreeMap::new();
    for (reference, _) in run.provider.sent.lock().expect("lock").iter() {
        *times.entry(*reference).or_default() += 1;
    }
    for (id, dedup, state) in &rows {
        assert!(
            ["sent", "delivered"].contains(&state.as_str()),
            "end after {after}: {dedup} is {state}"
        );
        let sent = times.get(id).copied().unwrap_or(0);
        assert!(sent >= 1, "end after {after}: {dedup} was lost");
        let most = match statuses {
            // The provider's word says that it did go out.
            Statuses::Come => 1,
            // Of what was on its way, nobody can know.
            Statuses::AreLost => 1 + usize::from(run.on_their_way.contains(id)),
        };
        assert!(sent <= most, "end after {after}: {dedup} went out {sent} times");
    }
    for alert in run.site.alerts() {
        let history = run.site.history(alert.id);
        for who in ["SARI", "BUDI"] {
            let told = |line: &&String| line.starts_with(&format!("Message {who} "));
            assert_eq!(
                history.iter().filter(told).count(),
                2,
                "end after {after}: of absence and return, {history:?}"
            );
        }
        assert_eq!(
            alert.close_reason,
            Some(CloseReason::Returned),
            "end after {after}"
        );
        assert_eq!(
            alert.acknowledged_by.as_deref(),
            Some("Budi"),
            "end after {after}"
        );
    }
    assert_eq!(run.site.alerts().len(), 2, "end after {after}");
    assert_eq!(
        run.site.core.check().expect("check"),
        Vec::<String>::new(),
        "end after {after}"
    );
    assert!(
        run.provider
            .sent
            .lock()
            .expect("lock")
            .iter()
            .any(|(_, to)| to == SARI)
    );
}

async fn everywhere(statuses: Statuses) {
    let steps = day(i64::MAX, statuses).await;
    assert!(steps > 30, "{steps} steps");
    for after in 0..steps {
        day(after, statuses).await;
    }
}

#[tokio::test]
async fn an_end_between_any_two_steps_loses_and_doubles_nothing() {
    everywhere(Statuses::Come).await;
}

#[tokio::test]
async fn without_the_providers_word_only_what_was_on_its_way_is_doubled() {
    everywhere(Statuses::AreLost).await;
}
