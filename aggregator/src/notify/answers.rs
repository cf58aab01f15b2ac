//! What we answer to somebody who wrote to us, in their language. Pure.
//!
//! WhatsApp takes 4,096 characters in a text; lists end before with how many more there are.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use super::templates::mark_free;
use crate::core::types::{AttendanceReport, Exemption, Language, State, StatusRow};

/// The longest answer, in characters; what stands around a list fits in beside it.
const MAX_LIST: usize = 3500;

/// What became of "I have it".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// They have it.
    Yours,
    /// Somebody else, this one, was first.
    Others(&'a str),
    /// It is closed.
    Over,
}

/// To "I have it".
pub fn answered(name: &str, answer: Answer<'_>, language: Language) -> String {
    let name = mark_free(name);
    match (language, answer) {
        (Language::Id, Answer::Yours) => format!("Terima kasih. Tercatat: Anda menangani {name}."),
        (Language::En, Answer::Yours) => format!("Thank you. Recorded: you have {name}."),
        (Language::Id, Answer::Others(who)) => format!("{name} sudah ditangani oleh {}.", mark_free(who)),
        (Language::En, Answer::Others(who)) => format!("{} already has {name}.", mark_free(who)),
        (Language::Id, Answer::Over) => format!("Peringatan tentang {name} sudah selesai."),
        (Language::En, Answer::Over) => format!("The alert about {name} is already over."),
    }
}

/// To "I have it" where there is nothing of the kind.
pub fn nothing_to_answer(language: Language) -> String {
    match language {
        Language::Id => {
            "Tidak ada peringatan terbuka yang dapat Anda tangani. Ketik *status* untuk keadaan terbaru."
        }
        Language::En => "There is no open alert that you could answer. Write *status* for how it stands.",
    }
    .to_owned()
}

/// To "excused" without an end.
pub fn how_to_excuse(alert: i64, name: &str, language: Language) -> String {
    let name = mark_free(name);
    match language {
        Language::Id => format!(
            "Sampai kapan {name} diizinkan, dan mengapa? Tulis misalnya:\nizin {alert} 15:30 ke dokter\nizin {alert} 2j rapat"
        ),
        Language::En => format!(
            "Until when is {name} excused, and why? Write for example:\nexcuse {alert} 15:30 at the doctor\nexcuse {alert} 2h meeting"
        ),
    }
}

/// To "excused".
pub fn excused(name: &str, until: DateTime<Utc>, now: DateTime<Utc>, language: Language, zone: Tz) -> String {
    let (name, until) = (mark_free(name), moment(until, now, language, zone));
    match language {
        Language::Id => format!("Tercatat: {name} diizinkan sampai {until}."),
        Language::En => format!("Recorded: {name} is excused until {until}."),
    }
}

/// To somebody who asks about people that are not theirs.
pub fn refused(language: Language) -> String {
    match language {
        Language::Id => {
            "Maaf, Anda hanya dapat bertanya dan menjawab tentang diri sendiri dan orang di bawah Anda. Bila ini keliru, hubungi HR."
        }
        Language::En => {
            "Sorry, you can ask and answer only about yourself and the people below you. If that is wrong, please ask HR."
        }
    }
    .to_owned()
}

/// To somebody who may not answer an alert about themselves.
pub fn not_your_own(language: Language) -> String {
    match language {
        Language::Id => "Peringatan ini tentang Anda sendiri; atasan Anda atau HR yang menjawabnya.",
        Language::En => "This alert is about you; your superior or HR answers it.",
    }
    .to_owned()
}

/// To a number that nobody registered has; in both languages, since theirs is not known.
pub fn stranger(site: &str) -> String {
    let site = mark_free(site);
    format!(
        "Maaf, nomor ini tidak terdaftar di Hadir {site}, jadi kami tidak dapat menjawab. Bila Anda bekerja di sini, hubungi HR.\n\n\
         Sorry, this number is not registered with Hadir {site}, so we cannot answer. If you work here, please ask HR."
    )
}

/// What can be asked.
pub fn help(language: Language) -> String {
    match language {
        Language::Id => {
            "Yang dapat Anda tulis:\n\
             *status* – siapa tidak di tempat sekarang\n\
             *di mana* NAMA – di mana seseorang terakhir terlihat\n\
             *laporan* atau *laporan 2026-11-21* – kehadiran satu hari\n\
             *12a* atau *ack 12* – Anda menangani peringatan 12\n\
             *izin 12 15:30 alasan* – diizinkan sampai pukul 15:30\n\
             *bantuan* – daftar ini"
        }
        Language::En => {
            "What you can write:\n\
             *status* – who is absent now\n\
             *where* NAME – where somebody was seen last\n\
             *report* or *report 2026-11-21* – a day's attendance\n\
             *12a* or *ack 12* – you have alert 12\n\
             *excuse 12 15:30 reason* – excused until 15:30\n\
             *help* – this list"
        }
    }
    .to_owned()
}

/// To a text that is none of these.
pub fn not_understood(language: Language) -> String {
    match language {
        Language::Id => "Maaf, pesan itu tidak saya pahami. Ketik *bantuan* untuk daftar perintah.",
        Language::En => "Sorry, I do not understand that. Write *help* for what you can ask.",
    }
    .to_owned()
}

/// How it stands: numbers, then who is absent and who is off. `rows` in order of urgency.
pub fn status(site: &str, rows: &[StatusRow], language: Language, zone: Tz, now: DateTime<Utc>) -> String {
    let mut text = format!(
        "*{}*, {}\n{}",
        mark_free(site),
        now.with_timezone(&zone).format("%H:%M"),
        numbers(rows, language)
    );
    let gone = rows
        .iter()
        .filter(|row| matches!(row.state, State::Absent | State::Off));
    let lines: Vec<String> = gone.map(|row| gone_line(row, language)).collect();
    if lines.is_empty() {
        text.push_str(match language {
            Language::Id => "\nTidak ada yang absen dari pantauan kamera.",
            Language::En => "\nNobody is gone.",
        });
    }
    push_lines(&mut text, lines, language);
    text
}

fn gone_line(row: &StatusRow, language: Language) -> String {
    let mut line = format!("{} {}", shape(row.state), mark_free(&row.name));
    if let Some(seconds) = row.seconds_since {
        line.push_str(&format!(", {}", duration(seconds, language)));
    }
    if let Some(place) = place(row) {
        line.push_str(&format!(", {place}"));
    }
    if let Some(alert) = row.alert {
        line.push_str(&match language {
            Language::Id => format!(" (balas {alert}a)"),
            Language::En => format!(" (reply {alert}a)"),
        });
    }
    line
}

/// The numbers of each state, in a line.
pub fn numbers(rows: &[StatusRow], language: Language) -> String {
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    let words = match language {
        Language::Id => [
            "hadir",
            "tidak di tempat",
            "tidak terdeteksi",
            "tidak diketahui",
            "dikecualikan",
        ],
        Language::En => ["available", "absent", "off", "unknown", "exempt"],
    };
    let states = [
        State::Available,
        State::Absent,
        State::Off,
        State::Unknown,
        State::Exempt,
    ];
    let parts: Vec<String> = states
        .into_iter()
        .zip(words)
        .map(|(state, word)| format!("{} {word}", count(state)))
        .collect();
    let of = match language {
        Language::Id => "dari",
        Language::En => "of",
    };
    format!("{}, {of} {}", parts.join(", "), rows.len())
}

/// Where somebody is, a line each.
pub fn whereabouts(rows: &[&StatusRow], language: Language, zone: Tz, now: DateTime<Utc>) -> String {
    let lines = rows.iter().map(|row| {
        let state = state_word(row, language);
        let (last, ago) = match language {
            Language::Id => ("terakhir", "lalu"),
            Language::En => ("last seen", "ago"),
        };
        let mut line = format!("{} *{}*: {state}", shape(row.state), mark_free(&row.name));
        if let (Some(seen), Some(seconds)) = (row.last_seen, row.seconds_since) {
            let (seen, long) = (moment(seen, now, language, zone), duration(seconds, language));
            line.push_str(&format!(", {last} {seen} ({long} {ago})"));
            if let Some(place) = place(row) {
                line.push_str(&format!(", {place}"));
            }
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Too many of that name.
pub fn too_many(number: usize, language: Language) -> String {
    match language {
        Language::Id => format!("Ada {number} orang dengan nama itu. Tulis nama lengkapnya."),
        Language::En => format!("There are {number} people of that name. Write the whole name."),
    }
}

/// What stands below the document with a day's attendance.
pub fn report_document(date: NaiveDate, language: Language) -> String {
    let date = date.format("%d-%m-%Y");
    match language {
        Language::Id => format!("Laporan kehadiran {date}"),
        Language::En => format!("Attendance report {date}"),
    }
}

/// A day's attendance.
pub fn report(report: &AttendanceReport, language: Language, zone: Tz) -> String {
    let (title, present, away, unseen) = match language {
        Language::Id => ("Kehadiran", "hadir", "di luar", "Tidak terlihat"),
        Language::En => ("Attendance on", "present", "away", "Not seen"),
    };
    let (seen, missing): (Vec<_>, Vec<_>) = report
        .of_one_day()
        .into_iter()
        .partition(|(_, row)| row.first_in.is_some());
    let all = seen.len() + missing.len();
    let mut text = format!("*{title} {}*: {} / {all}", report.from, seen.len());
    let clock = |at: Option<DateTime<Utc>>| {
        at.map_or_else(
            || "–".to_owned(),
            |at| at.with_timezone(&zone).format("%H:%M").to_string(),
        )
    };
    let lines = seen.iter().map(|(person, row)| {
        format!(
            "{} {}–{}, {present} {}, {away} {}",
            mark_free(&person.name),
            clock(row.first_in),
            clock(row.last_out),
            hours(row.figures.worked_s + row.figures.overtime_s),
            hours(row.figures.away_s)
        )
    });
    let missing: Vec<String> = missing
        .iter()
        .map(|(person, _)| mark_free(&person.name))
        .collect();
    let mut lines: Vec<String> = lines.collect();
    if !missing.is_empty() {
        lines.push(format!(
            "{unseen}: {}",
            super::templates::list(missing, 1000, language)
        ));
    }
    push_lines(&mut text, lines, language);
    text
}

/// Adds as many lines as there is room for, and how many more there are.
fn push_lines(text: &mut String, lines: Vec<String>, language: Language) {
    let all = lines.len();
    for (number, line) in lines.into_iter().enumerate() {
        if text.chars().count() + line.chars().count() > MAX_LIST {
            let rest = all - number;
            text.push_str(&match language {
                Language::Id => format!("\n… dan {rest} lainnya"),
                Language::En => format!("\n… and {rest} more"),
            });
            return;
        }
        text.push('\n');
        text.push_str(&line);
    }
}

fn place(row: &StatusRow) -> Option<String> {
    let number = row.camera_number?;
    let label = row.camera_label.as_deref().map(mark_free);
    Some(label.map_or_else(
        || format!("CAM {number}"),
        |label| format!("CAM {number} {label}"),
    ))
}

/// The same shapes as on the dashboard.
fn shape(state: State) -> char {
    match state {
        State::Available => '●',
        State::Off => '◐',
        State::Absent => '▲',
        State::Unknown => '◌',
        State::Exempt => '■',
    }
}

fn state_word(row: &StatusRow, language: Language) -> &'static str {
    match (language, row.state, row.exemption) {
        (Language::Id, State::Available, _) => "hadir",
        (Language::Id, State::Off, _) => "tidak terdeteksi",
        (Language::Id, State::Absent, _) => "tidak di tempat",
        (Language::Id, State::Unknown, _) => "tidak diketahui",
        (Language::Id, State::Exempt, Some(Exemption::OffShift)) => "di luar jam kerja",
        (Language::Id, State::Exempt, Some(Exemption::OnBreak)) => "istirahat",
        (Language::Id, State::Exempt, Some(Exemption::OnLeave)) => "cuti",
        (Language::Id, State::Exempt, _) => "diizinkan",
        (Language::En, State::Available, _) => "available",
        (Language::En, State::Off, _) => "off",
        (Language::En, State::Absent, _) => "absent",
        (Language::En, State::Unknown, _) => "unknown",
        (Language::En, State::Exempt, Some(Exemption::OffShift)) => "off shift",
        (Language::En, State::Exempt, Some(Exemption::OnBreak)) => "on break",
        (Language::En, State::Exempt, Some(Exemption::OnLeave)) => "on leave",
        (Language::En, State::Exempt, _) => "excused",
    }
}

/// A time of the day, with the day where it is not today.
fn moment(at: DateTime<Utc>, now: DateTime<Utc>, language: Language, zone: Tz) -> String {
    let (at, now) = (at.with_timezone(&zone), now.with_timezone(&zone));
    if at.date_naive() == now.date_naive() {
        return at.format("%H:%M").to_string();
    }
    at.format(day_and_time(language)).to_string()
}

/// How a day and a time are written.
pub fn day_and_time(language: Language) -> &'static str {
    match language {
        Language::Id => "%d-%m-%Y %H:%M",
        Language::En => "%Y-%m-%d %H:%M",
    }
}

/// `12 menit`, `1 jam 5 menit`.
pub fn duration(seconds: i64, language: Language) -> String {
    let minutes = TimeDelta::seconds(seconds).num_minutes();
    let (hour, minute) = match language {
        Language::Id => ("jam", "menit"),
        Language::En => ("h", "min"),
    };
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("<1 {minute}"),
        (0, minutes) => format!("{minutes} {minute}"),
        (hours, 0) => format!("{hours} {hour}"),
        (hours, minutes) => format!("{hours} {hour} {minutes} {minute}"),
    }
}

fn hours(seconds: i64) -> String {
    format!("{}:{:02}", seconds / 3600, seconds % 3600 / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, state: State) -> StatusRow {
        let seen = hadir_shared::time::parse("2026-11-22T06:53:00Z").expect("time");
        StatusRow {
            employee: hadir_shared::id::EmployeeId::new("E").expect("id"),
            name: name.into(),
            state,
            exemption: None,
            camera: None,
            camera_number: Some(3),
            camera_label: Some("Gudang A".into()),
            area: None,
            last_seen: Some(seen),
            basis: hadir_shared::sighting::Basis::Face,
            verified_at: Some(seen),
            seconds_since: Some(750),
            since: seen,
            alert: (state == State::Absent).then_some(12),
            enrolled: true,
        }
    }

    fn now() -> DateTime<Utc> {
        hadir_shared::time::parse("2026-11-22T07:05:30Z").expect("time")
    }

    const JAKARTA: Tz = Tz::Asia__Jakarta;

    #[test]
    fn how_it_stands() {
        let rows = [row("Lee *Min*", State::Absent), row("Sari", State::Available)];
        assert_eq!(
            status("Pabrik", &rows, Language::Id, JAKARTA, now()),
            "*Pabrik*, 14:05\n1 hadir, 1 tidak di tempat, 0 tidak terdeteksi, 0 tidak diketahui, 0 dikecualikan, dari 2\n\
             ▲ Lee Min, 12 menit, CAM 3 Gudang A (balas 12a)"
        );
        assert!(status("Pabrik", &rows[1..], Language::En, JAKARTA, now()).ends_with("Nobody is gone."));
        assert_eq!(
            whereabouts(&[&rows[0]], Language::En, JAKARTA, now()),
            "▲ *Lee Min*: absent, last seen 13:53 (12 min ago), CAM 3 Gudang A"
        );
    }

    /// Whatever the company's size, an answer fits into one text.
    #[test]
    fn answers_stay_within_whatsapps_limit() {
        let rows: Vec<_> = (0..3000)
            .map(|n| row(&format!("{n} {}", "x".repeat(90)), State::Absent))
            .collect();
        let text = status("Pabrik", &rows, Language::Id, JAKARTA, now());
        assert!(
            text.chars().count() <= 4096 && text.contains("lainnya"),
            "{}",
            text.chars().count()
        );
        let mut days = crate::report::example();
        let (person, day) = (days.people[0].clone(), days.days[0].clone());
        (days.people, days.days) = (0..3000)
            .map(|n| {
                let id = hadir_shared::id::EmployeeId::new(format!("E{n}")).expect("id");
                let name = format!("{n} {}", "x".repeat(90));
                let seen = (n % 2 == 0).then(now);
                let person = crate::core::AttendancePerson {
                    employee: id.clone(),
                    name,
                    ..person.clone()
                };
                (
                    person,
                    crate::core::AttendanceRow {
                        employee: id,
                        first_in: seen,
                        last_out: seen,
                        ..day.clone()
                    },
                )
            })
            .unzip();
        let text = report(&days, Language::En, JAKARTA);
        assert!(
            text.chars().count() <= 4096 && text.contains("more"),
            "{}",
            text.chars().count()
        );
        assert!(text.contains("14:05–14:05, present 7:30, away 0:01"), "{text}");
        for language in [Language::Id, Language::En] {
            assert!(help(language).chars().count() < 1000);
        }
    }

    #[test]
    fn durations() {
        for (seconds, text) in [
            (20, "<1 menit"),
            (750, "12 menit"),
            (3600, "1 jam"),
            (3900, "1 jam 5 menit"),
        ] {
            assert_eq!(duration(seconds, Language::Id), text);
        }
        assert_eq!(duration(3900, Language::En), "1 h 5 min");
    }
}
