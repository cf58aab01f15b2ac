//! What is taken, and what each refusal says.

use super::*;
use crate::report::Format;

const GOOD: &str = r#"site = "cikarang"
name = "Pabrik Cikarang"
timezone = "Asia/Jakarta"
language = "id"
country_code = "62"
data = "data"
devices = "devices"

[web]
listen = "127.0.0.1:8080"
public_url = "http://127.0.0.1:8080/"

[mqtt]
embedded = true
listen = "127.0.0.1:1883"

[presence]
off_after_s = 45
absent_after_s = 300
"#;

const WHATSAPP: &str = r#"
[whatsapp]
base_url = "https://graph.facebook.com/v23.0"
phone_number_id = "1234567890"
token_file = "token"
app_secret_file = "secret"
verify_token = "a-word-of-ours"
"#;

fn problems(text: &str) -> Vec<(usize, String, String)> {
    let found = Config::parse(text, Path::new("/nowhere")).expect_err("has to be refused");
    found.into_iter().map(|p| (p.line, p.key, p.what)).collect()
}

#[test]
fn a_good_file_is_taken() {
    let config = Config::parse(GOOD, Path::new("/etc/hadir")).expect("valid");
    assert_eq!(config.data, Path::new("/etc/hadir/data"));
    assert_eq!(config.web.public_url, "http://127.0.0.1:8080");
    assert_eq!(
        config.presence,
        Presence {
            off_after_s: 45,
            absent_after_s: 300
        }
    );
    assert!(matches!(config.mqtt, Mqtt::Embedded { .. }));
    assert!(config.whatsapp.is_none());
}

#[test]
fn every_refusal_names_line_and_key() {
    for (change, line, key, word) in [
        (("site =", "sight ="), 1, "sight", "unknown field"),
        (
            ("\"cikarang\"", "\"Cikarang Utara\""),
            1,
            "site",
            "not a valid site id",
        ),
        (("Asia/Jakarta", "Jakarta"), 3, "timezone", "Asia/Jakarta"),
        (("\"id\"", "\"jv\""), 4, "language", "unknown variant"),
        (("\"62\"", "\"+62\""), 5, "country_code", "digits"),
        (
            ("127.0.0.1:8080\"", "localhost\""),
            10,
            "listen",
            "socket address",
        ),
        (("http://", "ftp://"), 11, "web.public_url", "http://"),
        (("off_after_s = 45", "off_after_s = 400"), 18, "presence", "below"),
        (
            ("off_after_s = 45", "off_after_s = 0"),
            18,
            "presence.off_after_s",
            "3600",
        ),
        (("off_after_s = 45", "off_after_s = soon"), 18, "off_after_s", ""),
    ] {
        let found = problems(&GOOD.replacen(change.0, change.1, 1));
        assert_eq!(
            (found[0].0, found[0].1.as_str()),
            (line, key),
            "{change:?}: {found:?}"
        );
        assert!(found[0].2.contains(word), "{change:?}: {found:?}");
    }
    let found = problems(&GOOD.replace("[web]", "[wep]"));
    assert!(found[0].2.contains("wep"), "{found:?}");
}

#[test]
fn every_problem_is_named_at_once() {
    let text = GOOD
        .replace("Asia/Jakarta", "Jakarta")
        .replace("\"62\"", "\"\"")
        .replace("= 300", "= 30");
    assert_eq!(
        problems(&text).iter().map(|p| p.0).collect::<Vec<_>>(),
        [3, 5, 18]
    );
}

#[test]
fn another_broker_needs_its_credentials() {
    let text = GOOD.replace("embedded = true", "embedded = false");
    let keys: Vec<String> = problems(&text).into_iter().map(|p| p.1).collect();
    assert_eq!(
        keys,
        ["mqtt.listen", "mqtt.host", "mqtt.username", "mqtt.password_file"]
    );
}

#[test]
fn secrets_come_from_files() {
    let dir = tempfile::tempdir().expect("folder");
    let text = format!("{GOOD}{WHATSAPP}");
    let missing = Config::parse(&text, dir.path()).expect_err("no files yet");
    assert_eq!(
        missing.iter().map(|p| p.key.as_str()).collect::<Vec<_>>(),
        ["whatsapp.token_file", "whatsapp.app_secret_file"]
    );
    std::fs::write(dir.path().join("token"), "EAAG123\n").expect("written");
    std::fs::write(dir.path().join("secret"), "\n").expect("written");
    let whatsapp = Config::parse(&text, dir.path())
        .expect("valid")
        .whatsapp
        .expect("configured");
    let WhatsApp::Cloud(whatsapp) = whatsapp else {
        panic!("the Cloud API")
    };
    assert_eq!(whatsapp.token_file, dir.path().join("token"));
    std::fs::write(dir.path().join("token"), "two words").expect("written");
    let found = Config::parse(&text, dir.path()).expect_err("no token has a blank");
    assert!(found[0].what.contains("one word"), "{found:?}");
    assert!(!found[0].what.contains("two words"), "{found:?}");
}

#[test]
fn a_missing_file_says_what_to_do() {
    let error = Config::load(Path::new("/nowhere/aggregator.toml"))
        .expect_err("not there")
        .to_string();
    assert!(
        error.contains("/nowhere/aggregator.toml") && error.contains("--config"),
        "{error}"
    );
}

/// The sections about messages: what is taken, and what each refusal names.
#[test]
fn messages_digests_mail_and_other_providers() {
    let dir = tempfile::tempdir().expect("folder");
    for name in ["token", "key", "password"] {
        std::fs::write(dir.path().join(name), "secret").expect("written");
    }
    let read = |more: &str| Config::parse(&format!("{GOOD}\n{more}"), dir.path());
    let config = read(
        "[whatsapp]\nprovider = \"waha\"\nbase_url = \"http://127.0.0.1:3000/\"\ntoken_file = \"token\"\nwebhook_key_file = \"key\"\n\
         [messages]\ngroup_s = 0\nper_second = 5\nquiet = { from = \"22:00\", to = \"05:00\" }\n\
         [digest]\nhr = [\"17:30\", \"08:30\"]\nmonth = { time = \"08:00\" }\n\
         [email]\nhost = \"smtp.example.com\"\nencryption = \"tls\"\nusername = \"u\"\npassword_file = \"password\"\n\
         from = \"Hadir <hadir@example.com>\"\nadministrators = [\"it@example.com\"]",
    )
    .expect("valid");
    let Some(WhatsApp::Waha(waha)) = &config.whatsapp else {
        panic!("{:?}", config.whatsapp)
    };
    assert_eq!(
        (waha.base_url.as_str(), waha.session.as_str()),
        ("http://127.0.0.1:3000", "default")
    );
    let rules = &config.messages;
    assert_eq!(
        (rules.group, rules.per_second, rules.per_recipient),
        (TimeDelta::zero(), 5, 10)
    );
    assert_eq!(rules.quiet.as_ref().map(|quiet| quiet.days.len()), Some(7));
    let hours: Vec<String> = config
        .digest
        .hr
        .iter()
        .map(|time| time.format("%H:%M").to_string())
        .collect();
    assert_eq!(hours, ["08:30", "17:30"]);
    let month = config.digest.month.map(|month| (month.day, month.document));
    assert_eq!(
        (config.digest.document, month),
        (Some(Format::Pdf), Some((3, Format::Xlsx)))
    );
    let none = read("[digest]\ndocument = \"none\"").expect("valid");
    assert_eq!((none.digest.document, none.digest.month), (None, None));
    assert_eq!(config.email.as_ref().map(|email| email.port), Some(465));
    let fonnte =
        read("[whatsapp]\nprovider = \"fonnte\"\ntoken_file = \"token\"\nwebhook_key_file = \"key\"")
            .expect("valid");
    assert!(
        matches!(fonnte.whatsapp, Some(WhatsApp::Fonnte(one)) if one.base_url == "https://api.fonnte.com")
    );
    assert!(matches!(
        read("[whatsapp]\nprovider = \"log\"").expect("valid").whatsapp,
        Some(WhatsApp::LogOnly)
    ));

    for (more, key, word) in [
        (
            "[whatsapp]\nprovider = \"telegram\"",
            "provider",
            "unknown variant",
        ),
        (
            "[whatsapp]\nprovider = \"waha\"\nbase_url = \"http://x\"\nwebhook_key_file = \"key\"",
            "whatsapp.token_file",
            "needs it",
        ),
        (
            "[whatsapp]\nprovider = \"log\"\nverify_token = \"abcdefgh\"",
            "whatsapp.verify_token",
            "remove it",
        ),
        ("[messages]\ngroup_s = 301", "messages.group_s", "0 to 300"),
        (
            "[messages]\nquiet = { from = \"22:00\", to = \"22:00\" }",
            "messages.quiet",
            "nothing would ever",
        ),
        ("[messages]\nper_second = 0", "messages.per_second", "1 to 1000"),
        ("[digest]\nhr = [\"25:00\"]", "digest.hr", "17:30"),
        (
            "[digest]\nteams = [\"08:00\", \"08:00\"]",
            "digest.teams",
            "twice",
        ),
        (
            "[digest]\nmonth = { day = 29, time = \"08:00\" }",
            "digest.month",
            "1 to 28",
        ),
        (
            "[digest]\nmonth = { day = 2, time = \"08:00\" }",
            "digest.month",
            "final 36 hours after",
        ),
        ("[digest]\ndocument = \"csv\"", "document", "unknown variant"),
        (
            "[digest]\nmonth = { time = \"08:00\", document = \"none\" }",
            "digest.month",
            "pdf",
        ),
        (
            "[email]\nhost = \"smtp://x\"\nfrom = \"a@example.com\"",
            "email.host",
            "name",
        ),
        (
            "[email]\nhost = \"x\"\nfrom = \"nobody\"",
            "email.from",
            "address",
        ),
        (
            "[email]\nhost = \"x\"\nfrom = \"a@example.com\"\nusername = \"u\"",
            "email.username",
            "password_file",
        ),
        (
            "[email]\nhost = \"x\"\nfrom = \"a@example.com\"\nadministrators = [\"it\"]",
            "email.administrators",
            "no e-mail",
        ),
    ] {
        let found = read(more).expect_err(more);
        assert_eq!(found[0].key, key, "{found:?}");
        assert!(found[0].what.contains(word), "{more}: {found:?}");
    }
}
