//! The real aggregator against the simulated Cloud API: groups, the 24 hours, each error as documented, an expired token,
//! a paused template, kills, strangers, and what people may ask. No picture is looked at, so these run side by side.

use std::time::Duration;

use hadir_tests::harness::device::Device;
use hadir_tests::harness::system::{Broker, Plan, System};
use hadir_tests::harness::{Error, eventually, paths};
use serde_json::{Value, json};

const HR: &str = "+6281100001001";
const SARI: &str = "+6281100001002";
const BUDI: &str = "+6281100001003";
const STRANGER: &str = "+628999000111";

/// Absent after so many seconds.
const ABSENT: u32 = 6;

struct Bench {
    system: System,
    device: Device,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let plan =
            Plan::with_free_ports(folder.path().to_owned(), Broker::Embedded, Vec::new()).expect("ports");
        let plan = Plan {
            off_after: 3,
            absent_after: ABSENT,
            ..plan
        };
        let system = System::start(plan).await.unwrap_or_else(|e| panic!("{e}"));
        for employee in &system.plan.staff {
            let added = system
                .api
                .must(reqwest::Method::POST, "/api/employees", Some(&employee.body()))
                .await;
            added.unwrap_or_else(|e| panic!("{e}"));
        }
        let device = Device::connect(&system, "gate-1", "cam-1", "gudang").await;
        let device = device.unwrap_or_else(|e| panic!("{e}"));
        Self {
            system,
            device,
            _folder: folder,
        }
    }

    /// What a phone got, oldest first: template (or `text`), text, status.
    async fn got(&self, phone: &str) -> Vec<(String, String, String)> {
        let conversation = self
            .system
            .conversation(phone)
            .await
            .unwrap_or_else(|e| panic!("{e}"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let messages = conversation["messages"].as_array().cloned().unwrap_or_default();
        messages
            .iter()
            .filter(|message| message["incoming"] == false)
            .map(|message| {
                let template = message["template"][0].as_str().unwrap_or("text");
                (
                    template.to_owned(),
                    text(&message["text"]),
                    text(&message["status"]),
                )
            })
            .collect()
    }

    /// Waits until a phone got something.
    async fn gets(&self, phone: &str, what: &str, fits: impl Fn(&(String, String, String)) -> bool) {
        let found = eventually(what, Duration::from_secs(60), async || {
            let got = self.got(phone).await;
            if got.iter().any(&fits) {
                Ok(())
            } else {
                Err(format!("{phone} got {got:?}"))
            }
        });
        found
            .await
            .unwrap_or_else(|e| panic!("{}", self.system.explain(e)));
    }

    async fn writes(&self, phone: &str, text: &str) {
        let path = format!("/sim/conversations/{}/text", &phone[1..]);
        self.sim(&path, json!({"text": text})).await;
    }

    async fn sim(&self, path: &str, body: Value) {
        let done = self.system.simulator("POST", path, &body).await;
        done.unwrap_or_else(|e: Error| panic!("{e}"));
    }

    /// Which errors were answered, or message types taken, in order, for a phone.
    async fn requests(&self, phone: &str) -> Vec<String> {
        let all = self
            .system
            .simulator("GET", "/sim/requests", &Value::Null)
            .await
            .expect("requests");
        let all = all.as_array().cloned().unwrap_or_default();
        let of = all.iter().filter(|request| request["body"]["to"] == phone[1..]);
        of.map(|request| match request["answer"]["error"]["code"].as_u64() {
            Some(code) => code.to_string(),
            None => request["body"]["type"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
    }

    async fn alert(&self, employee: &str) -> Value {
        let alerts = self
            .system
            .api
            .get("/api/alerts?state=all")
            .await
            .unwrap_or_else(|e| panic!("{e}"));
        let newest = alerts
            .as_array()
            .and_then(|all| all.iter().find(|alert| alert["employee"] == employee));
        newest.cloned().unwrap_or_default()
    }

    async fn eventually(&self, what: &str, check: impl AsyncFn() -> Result<(), String>) {
        let done = eventually(what, Duration::from_secs(60), check).await;
        done.unwrap_or_else(|e| panic!("{}", self.system.explain(e)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_its_button_the_window_and_questions() {
    let mut bench = Bench::start().await;
    // Two who are away at the same time are one message, and one button answers for both.
    bench
        .device
        .sees("cam-1", &["EMP101", "EMP102"])
        .await
        .expect("sent");
    bench
        .gets(SARI, "one message about both", |(template, text, status)| {
            template == "hadir_absences"
                && text.contains("Obama")
                && text.contains("Biden")
                && status == "delivered"
        })
        .await;
    let conversation = bench.system.conversation(SARI).await.expect("conversation");
    let message = conversation["messages"][0]["id"].as_str().expect("id").to_owned();
    bench.system.press(SARI, &message, 0).await.expect("pressed");
    for employee in ["EMP101", "EMP102"] {
        bench
            .eventually("the dashboard shows who has it", async || {
                let alert = bench.alert(employee).await;
                match (alert["state"].as_str(), alert["acknowledged_by"].as_str()) {
                    (Some("acknowledged"), Some("Sari Wulandari")) => Ok(()),
                    _ => Err(alert.to_string()),
                }
            })
            .await;
    }

    // Sari has written now: they are told of the return in text, with buttons of their own the next time.
    bench.device.sees("cam-1", &["EMP101"]).await.expect("sent");
    bench
        .gets(SARI, "the return", |(kind, text, _)| {
            kind == "text" && text.contains("Obama* terlihat kembali")
        })
        .await;
    bench
        .gets(SARI, "absent again", |(kind, text, _)| {
            kind == "text" && text.contains("Obama* (gudang) tidak")
        })
        .await;
    assert_eq!(
        bench.requests(SARI).await.last().map(String::as_str),
        Some("interactive")
    );

    // WhatsApp says that the 24 hours are over: the same again as a template.
    bench.device.sees("cam-1", &["EMP101"]).await.expect("sent");
    bench
        .gets(SARI, "the second return", |(_, text, _)| {
            text.contains("Obama* terlihat kembali")
        })
        .await;
    bench
        .sim(
            &format!("/sim/conversations/{}/close-window", &SARI[1..]),
            json!({}),
        )
        .await;
    bench
        .gets(SARI, "a template in place of text", |(kind, text, status)| {
            kind == "hadir_absence" && text.contains("Obama") && status == "delivered"
        })
        .await;
    let requests = bench.requests(SARI).await;
    assert!(
        requests.ends_with(&["interactive".into(), "template".into()]),
        "{requests:?}"
    );

    // Who may ask what.
    bench.writes(STRANGER, "where lee").await;
    bench
        .gets(STRANGER, "the refusal", |(_, text, _)| {
            text.contains("not registered") && text.contains("tidak terdaftar")
        })
        .await;
    bench.writes(SARI, "where obama").await;
    bench
        .gets(SARI, "an answer", |(_, text, _)| {
            text.starts_with("▲ *Barack Obama*: tidak di tempat")
        })
        .await;
    bench.writes(SARI, "where collins").await;
    bench
        .gets(SARI, "a refusal", |(_, text, _)| {
            text.starts_with("Maaf, Anda hanya dapat")
        })
        .await;
    bench.writes(BUDI, "help").await;
    bench
        .gets(BUDI, "help in English", |(_, text, _)| {
            text.contains("*where* NAME")
        })
        .await;
    let id = bench.alert("EMP101").await["id"].to_string();
    bench.writes(BUDI, &format!("ack {id}")).await;
    bench
        .gets(BUDI, "a refusal", |(_, text, _)| {
            text.starts_with("Sorry, you can ask")
        })
        .await;
    bench.writes(SARI, &format!("{id}a")).await;
    bench
        .gets(SARI, "thanks", |(_, text, _)| {
            text.ends_with("Anda menangani Barack Obama.")
        })
        .await;
    bench.writes(HR, "report").await;
    bench
        .gets(HR, "the day", |(_, text, _)| {
            text.starts_with("*Kehadiran ") && text.contains("Barack Obama")
        })
        .await;
    bench.system.stop().unwrap_or_else(|e| panic!("{e}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_error_is_handled_as_documented() {
    let mut bench = Bench::start().await;
    // 131056, too many to Sari: she waits, Budi does not. 130429: all wait. Then everything arrives.
    bench
        .sim("/sim/errors", json!({"to": SARI, "code": 131_056, "count": 1}))
        .await;
    bench
        .sim("/sim/errors", json!({"to": BUDI, "code": 130_429, "count": 1}))
        .await;
    bench
        .device
        .sees("cam-1", &["EMP101", "EMP103"])
        .await
        .expect("sent");
    let absence =
        |(kind, _, status): &(String, String, String)| kind == "hadir_absence" && status == "delivered";
    bench.gets(SARI, "Sari is told in the end", absence).await;
    bench.gets(BUDI, "Budi is told in the end", absence).await;
    assert_eq!(bench.requests(SARI).await, ["131056", "template"]);
    assert_eq!(bench.requests(BUDI).await, ["130429", "template"]);

    // 131026, Sari is not on WhatsApp, told later by webhook: whoever is above is told at once.
    bench
        .device
        .sees("cam-1", &["EMP101", "EMP103"])
        .await
        .expect("sent");
    bench
        .gets(SARI, "the return", |(kind, ..)| kind == "hadir_return")
        .await;
    bench
        .sim(
            "/sim/errors",
            json!({"to": SARI, "code": 131_026, "count": 1, "later": true}),
        )
        .await;
    bench
        .gets(HR, "Sari's superior is told", |(_, text, _)| {
            text.contains("Obama") && text.contains("tidak terdeteksi")
        })
        .await;
    let history = bench.alert("EMP101").await["history"].to_string();
    assert!(
        history.contains("undeliverable") && history.contains("failed_final"),
        "{history}"
    );

    // 190, the token has expired: nothing goes out, the page says so, and goes on with the new token by itself.
    bench.sim("/sim/token", json!({"token": "EAAGnew0token"})).await;
    bench
        .device
        .sees("cam-1", &["EMP101", "EMP103"])
        .await
        .expect("sent");
    bench
        .eventually("the page says that the token is not accepted", async || {
            let me = bench.system.api.get("/api/me").await.map_err(|e| e.to_string())?;
            let problem = me["whatsapp"]["problem"].as_str().unwrap_or_default();
            if problem.contains("access token is not accepted") {
                Ok(())
            } else {
                Err(me.to_string())
            }
        })
        .await;
    let token = bench.system.site.dir.join("secrets/whatsapp-token");
    std::fs::write(token, "EAAGnew0token").expect("written");
    bench
        .gets(BUDI, "the return", |(kind, text, _)| {
            kind == "hadir_return" && text.contains("Collins")
        })
        .await;
    bench
        .eventually("the page says nothing more", async || {
            let me = bench.system.api.get("/api/me").await.map_err(|e| e.to_string())?;
            if me["whatsapp"]["problem"].is_null() {
                Ok(())
            } else {
                Err(me.to_string())
            }
        })
        .await;

    // What Meta has approved is what our files say.
    let account = hadir_tests::simulator::BUSINESS_ACCOUNT.to_owned();
    let with_account = bench.system.site.edit_config(|config| {
        if let Some(whatsapp) = config
            .get_mut("whatsapp")
            .and_then(|section| section.as_table_mut())
        {
            whatsapp.insert("business_account_id".to_owned(), account.into());
        }
    });
    with_account.expect("configuration");
    let templates = || {
        let output = std::process::Command::new(paths::binary("hadir-aggregator").expect("binary"))
            .args(["templates", "--json", "--config"])
            .arg(bench.system.site.config())
            .output()
            .expect("templates runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    let (code, text) = templates();
    assert_eq!(code, Some(0), "{text}");

    // A paused template: a banner, until it is approved again.
    for (status, shown) in [("PAUSED", true), ("APPROVED", false)] {
        bench
            .sim("/sim/templates/hadir_absence/id", json!({"status": status}))
            .await;
        bench
            .eventually("the banner follows", async || {
                let me = bench.system.api.get("/api/me").await.map_err(|e| e.to_string())?;
                let problem = me["whatsapp"]["problem"].as_str().unwrap_or_default();
                if problem.contains("hadir_absence") == shown {
                    Ok(())
                } else {
                    Err(me.to_string())
                }
            })
            .await;
        let (code, text) = templates();
        assert_eq!(
            (code, text.contains("PAUSED")),
            (Some(i32::from(shown)), shown),
            "{text}"
        );
    }
    bench.system.stop().unwrap_or_else(|e| panic!("{e}"));
}

/// Digests carry the day's report, by template and in answer; one whose document is not taken comes without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_go_out_as_documents() {
    let mut bench = Bench::start().await;
    bench.device.sees("cam-1", &["EMP101"]).await.expect("sent");
    // To three superiors at the next full minute, and one upload fails.
    bench
        .sim(
            "/sim/errors",
            json!({"code": 131_053, "count": 1, "upload": true}),
        )
        .await;
    let soon = chrono::Utc::now() + chrono::TimeDelta::seconds(80);
    let soon = soon
        .with_timezone(&chrono_tz::Asia::Jakarta)
        .format("%H:%M")
        .to_string();
    let edited = bench.system.site.edit_config(|config| {
        let digest = [("teams".to_owned(), toml::Value::from(vec![soon]))];
        config.insert("digest".to_owned(), toml::Table::from_iter(digest).into());
    });
    edited.expect("configuration");
    bench
        .system
        .kill_aggregator()
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let digests = |got: Vec<(String, String, String)>| -> Vec<String> {
        let all = got.into_iter().map(|(template, ..)| template);
        all.filter(|template| template.starts_with("hadir_digest"))
            .collect()
    };
    let deadline = Duration::from_secs(120);
    let all = eventually("the digests", deadline, async || {
        let mut got = digests(bench.got(SARI).await);
        got.extend(digests(bench.got(BUDI).await));
        got.extend(digests(bench.got(HR).await));
        got.sort();
        if got == ["hadir_digest", "hadir_digest_document", "hadir_digest_document"] {
            Ok(())
        } else {
            Err(format!("{got:?}"))
        }
    });
    all.await
        .unwrap_or_else(|e| panic!("{}", bench.system.explain(e)));

    // In answer, within the 24 hours: a document with a caption, that a phone can open.
    bench.writes(SARI, "laporan").await;
    bench
        .gets(SARI, "the document", |(template, text, _)| {
            template == "text" && text.starts_with("Laporan kehadiran ")
        })
        .await;
    let conversation = bench.system.conversation(SARI).await.expect("conversation");
    let last = conversation["messages"]
        .as_array()
        .and_then(|all| all.iter().rfind(|message| !message["document"].is_null()))
        .cloned()
        .expect("a document");
    let name = last["document"]["filename"].as_str().unwrap_or_default();
    assert!(
        name.starts_with("attendance-") && name.ends_with(".pdf"),
        "{name}"
    );
    let media = last["document"]["media"].as_str().unwrap_or_default();
    let file = reqwest::get(format!("{}/sim/media/{media}", bench.system.phones()));
    let bytes = file.await.expect("an answer").bytes().await.expect("the file");
    let path = bench._folder.path().join("report.pdf");
    std::fs::write(&path, &bytes).expect("written");
    let read = std::process::Command::new("pdftotext")
        .args([path.as_os_str(), "-".as_ref()])
        .output()
        .expect("pdftotext runs (package poppler-utils)");
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(
        text.contains("Barack Obama") && !text.contains("Susan Collins"),
        "{text}"
    );
    bench.system.stop().unwrap_or_else(|e| panic!("{e}"));
}

/// The aggregator is killed while messages are on their way, again and again: each arrives, and none twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_and_double_nothing() {
    let mut bench = Bench::start().await;
    bench
        .device
        .sees("cam-1", &["EMP101", "EMP102", "EMP103"])
        .await
        .expect("sent");
    // Killed at moments before, while and after the messages go out; its downtime is no absence.
    for pause in [3000, 2900, 3500, 900, 300, 1700] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        bench
            .system
            .kill_aggregator()
            .await
            .unwrap_or_else(|e| panic!("{e}"));
    }
    let about = |text: &str, who: &str| text.contains(who) && text.contains("detect");
    bench
        .gets(SARI, "Obama's", |(_, text, _)| text.contains("Obama"))
        .await;
    bench
        .gets(SARI, "Biden's", |(_, text, _)| text.contains("Biden"))
        .await;
    bench
        .gets(BUDI, "Collins's", |(_, text, _)| about(text, "Collins"))
        .await;
    // A message that nobody knew the fate of would come again after a minute.
    tokio::time::sleep(Duration::from_secs(65)).await;
    for (phone, who) in [(SARI, "Obama"), (SARI, "Biden"), (BUDI, "Collins")] {
        let times = bench
            .got(phone)
            .await
            .into_iter()
            .filter(|(_, text, _)| text.contains(who))
            .count();
        assert_eq!(times, 1, "{who}: {:?}", bench.got(phone).await);
    }
    let check = std::process::Command::new(paths::binary("hadir-aggregator").expect("binary"))
        .args(["check", "--json", "--config"])
        .arg(bench.system.site.config())
        .output()
        .expect("check runs");
    assert!(
        check.status.success(),
        "{}",
        String::from_utf8_lossy(&check.stdout)
    );
    bench.system.stop().unwrap_or_else(|e| panic!("{e}"));
}
