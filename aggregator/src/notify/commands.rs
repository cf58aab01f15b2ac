//! What somebody may write to us on WhatsApp, in Indonesian or English. Pure.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// A text is read no further.
const MAX_TEXT: usize = 300;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// "I have it": this alert, or those of the last message.
    Ack(Option<i64>),
    /// The absence is excused.
    Excuse {
        /// Which alert.
        alert: i64,
        /// Until when; `None`: they did not say.
        until: Option<DateTime<Utc>>,
        /// Why, in their words.
        reason: String,
    },
    /// How it stands.
    Status,
    /// Who was there on a day.
    Report(NaiveDate),
    /// Where somebody is, by a part of their name.
    Where(String),
    /// What can be asked.
    Help,
    /// None of these.
    Unknown,
}

/// Reads a text. Days and times are those of `zone`.
pub fn parse(text: &str, now: DateTime<Utc>, zone: Tz) -> Command {
    let text: String = text.chars().take(MAX_TEXT).collect();
    let text = text.trim().trim_end_matches(['?', '.', '!']);
    // "12a", on a phone with one thumb.
    let folded = text.to_lowercase();
    let short = folded
        .strip_suffix('a')
        .and_then(|number| number.trim().parse().ok());
    if let Some(alert) = short {
        return Command::Ack(Some(alert));
    }
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match word.to_lowercase().trim_start_matches('/') {
        "ack" | "ambil" | "tangani" => match rest.trim_start_matches('#') {
            "" | "all" | "semua" => Command::Ack(None),
            number => number
                .parse()
                .map_or(Command::Unknown, |alert| Command::Ack(Some(alert))),
        },
        "excuse" | "izin" | "izinkan" => excuse(rest, now, zone),
        "status" | "keadaan" if rest.is_empty() => Command::Status,
        "report" | "laporan" => {
            let today = now.with_timezone(&zone).date_naive();
            day(rest, today).map_or(Command::Unknown, Command::Report)
        }
        "where" => named(rest.strip_prefix("is ").unwrap_or(rest)),
        "mana" | "dimana" | "cari" => named(rest),
        "di" => match rest.split_once(char::is_whitespace) {
            Some((mana, name)) if mana.eq_ignore_ascii_case("mana") => named(name),
            _ => Command::Unknown,
        },
        "help" | "bantuan" | "menu" if rest.is_empty() => Command::Help,
        _ => Command::Unknown,
    }
}

fn named(name: &str) -> Command {
    match name.trim() {
        "" => Command::Unknown,
        name => Command::Where(name.to_owned()),
    }
}

/// `12 15:30 at the doctor`, `12 2h`, `12`.
fn excuse(rest: &str, now: DateTime<Utc>, zone: Tz) -> Command {
    let mut words = rest.splitn(3, char::is_whitespace).map(str::trim);
    let Some(Ok(alert)) = words.next().map(|number| number.trim_start_matches('#').parse()) else {
        return Command::Unknown;
    };
    let until = words.next().and_then(|until| moment(until, now, zone));
    let reason = words.next().unwrap_or_default().to_owned();
    Command::Excuse { alert, until, reason }
}

/// A time of the day that comes, or so long from now: `15:30`, `15.30`, `45m`, `2h`, `2j`.
fn moment(text: &str, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    let text = text.to_lowercase();
    let minutes = [("menit", 1), ("jam", 60), ("m", 1), ("h", 60), ("j", 60)];
    let minutes = minutes.into_iter().find_map(|(unit, minutes)| {
        let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
        (1..=1440).contains(&number).then_some(number * minutes)
    });
    if let Some(minutes) = minutes {
        return Some(now + TimeDelta::minutes(minutes));
    }
    let time = NaiveTime::parse_from_str(&text.replace('.', ":"), "%H:%M").ok()?;
    let today = now.with_timezone(&zone).date_naive();
    [0, 1].into_iter().find_map(|days| {
        let day = today.checked_add_days(Days::new(days))?;
        let at = day.and_time(time).and_local_timezone(zone).earliest()?.to_utc();
        (at > now).then_some(at)
    })
}

/// `2026-11-21`, `21-11-2026`, `21/11`, `yesterday`, `kemarin`; nothing: today.
fn day(text: &str, today: NaiveDate) -> Option<NaiveDate> {
    match text.to_lowercase().as_str() {
        "" | "today" | "hari ini" => return Some(today),
        "yesterday" | "kemarin" => return today.pred_opt(),
        _ => {}
    }
    let text = text.replace(['/', '.'], "-");
    let full = ["%Y-%m-%d", "%d-%m-%Y"].into_iter();
    let full = full.filter_map(|format| NaiveDate::parse_from_str(&text, format).ok());
    // A year of two digits is read as one of the first century.
    let full = full.filter(|day| *day >= NaiveDate::MIN.max(today - Days::new(36_500)));
    full.chain(NaiveDate::parse_from_str(&format!("{text}-{}", today.format("%Y")), "%d-%m-%Y").ok())
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Tuesday, 14:05 in Jakarta.
    fn now() -> DateTime<Utc> {
        hadir_shared::time::parse("2026-11-24T14:05:00+07:00").expect("time")
    }

    fn read(text: &str) -> Command {
        parse(text, now(), Tz::Asia__Jakarta)
    }

    #[test]
    fn both_languages_and_thumbs() {
        for text in [
            "ack 12",
            "ACK  12",
            "12a",
            "12 A",
            " 12a ",
            "ambil 12",
            "tangani #12",
            "/ack 12",
        ] {
            assert_eq!(read(text), Command::Ack(Some(12)), "{text}");
        }
        for text in ["ack", "Ack all", "ambil semua"] {
            assert_eq!(read(text), Command::Ack(None), "{text}");
        }
        assert_eq!(
            (read("status"), read("Keadaan?")),
            (Command::Status, Command::Status)
        );
        for text in [
            "where Lee Min",
            "where is Lee Min?",
            "di mana Lee Min",
            "dimana Lee Min",
            "cari Lee Min",
        ] {
            assert_eq!(read(text), Command::Where("Lee Min".into()), "{text}");
        }
        for text in ["help", "bantuan", "Menu"] {
            assert_eq!(read(text), Command::Help, "{text}");
        }
        for text in [
            "",
            "ack x",
            "a",
            "where",
            "di sini",
            "status of things",
            "terima kasih",
            "excuse",
            "ack 12 13",
        ] {
            assert_eq!(read(text), Command::Unknown, "{text}");
        }
    }

    #[test]
    fn days() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("day");
        for (text, expected) in [
            ("report", "2026-11-24"),
            ("laporan hari ini", "2026-11-24"),
            ("report yesterday", "2026-11-23"),
            ("report 2026-11-21", "2026-11-21"),
            ("laporan 21-11-2026", "2026-11-21"),
            ("laporan 21/11", "2026-11-21"),
        ] {
            assert_eq!(read(text), Command::Report(day(expected)), "{text}");
        }
        for text in [
            "report 2026-13-01",
            "report 30/02",
            "report soon",
            "report 21-11-26",
        ] {
            assert_eq!(read(text), Command::Unknown, "{text}");
        }
    }

    #[test]
    fn an_excuse_has_an_end_and_a_reason() {
        let excuse = |until: Option<&str>, reason: &str| Command::Excuse {
            alert: 12,
            until: until
                .map(|text| hadir_shared::time::parse(&format!("2026-11-{text}:00+07:00")).expect("time")),
            reason: reason.into(),
        };
        assert_eq!(
            read("izin 12 15:30 ke dokter gigi"),
            excuse(Some("24T15:30"), "ke dokter gigi")
        );
        assert_eq!(read("excuse #12 2h"), excuse(Some("24T16:05"), ""));
        assert_eq!(read("izin 12 45m rapat"), excuse(Some("24T14:50"), "rapat"));
        // A time that has passed is tomorrow's.
        assert_eq!(read("izin 12 08.00 cuti"), excuse(Some("25T08:00"), "cuti"));
        assert_eq!(read("izin 12"), excuse(None, ""));
        assert_eq!(read("izin 12 nanti saja"), excuse(None, "saja"));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".*") {
            let _ = read(&text);
        }

        #[test]
        fn nothing_like_a_command_panics(text in "(ack|izin|report|where|di mana|laporan)[ /#]?[0-9:.hjm/-]{0,12} ?.{0,8}") {
            let _ = read(&text);
        }
    }
}
