//! What the core is told when it opens; `config.rs` makes it from `aggregator.toml`.

use std::path::PathBuf;

use chrono::{NaiveTime, TimeDelta};
use hadir_shared::id::SiteId;

use super::types::Language;
use crate::escalation::Hours;
use crate::notify::{WhatsApp, mail};
pub use crate::presence::Thresholds;
use crate::report::{Format, Letterhead, Style};

/// The site and its rules.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The site's id.
    pub site: SiteId,
    /// What it is called.
    pub name: String,
    /// Days, and times in messages, are counted here.
    pub timezone: chrono_tz::Tz,
    /// Of whoever has no own.
    pub language: Language,
    /// For phone numbers in national spelling: digits only, `62`.
    pub country_code: String,
    /// The SQLite file. Its folder must exist.
    pub database: PathBuf,
    /// When somebody is off, and absent.
    pub thresholds: Thresholds,
    /// `None`: not configured; alerts are recorded and nobody is told.
    pub whatsapp: Option<WhatsApp>,
    /// `None`: no mail goes out.
    pub email: Option<mail::Settings>,
    /// How much goes out, and when nothing does.
    pub messages: MessageRules,
    /// When it is told how it stands.
    pub digest: DigestTimes,
    /// When days are final, and how long what is kept.
    pub attendance: AttendanceRules,
    /// What stands on reports.
    pub letterhead: Letterhead,
}

impl Settings {
    /// A site that is set up as Indonesian ones are, without messages.
    pub fn new(site: SiteId, name: &str, timezone: chrono_tz::Tz, database: PathBuf) -> Self {
        Self {
            site,
            name: name.to_owned(),
            timezone,
            language: Language::Id,
            country_code: "62".to_owned(),
            database,
            thresholds: Thresholds::default(),
            whatsapp: None,
            email: None,
            messages: MessageRules::default(),
            digest: DigestTimes::default(),
            attendance: AttendanceRules::default(),
            letterhead: Letterhead {
                company: name.to_owned(),
                address: String::new(),
                signatory: "HRD".to_owned(),
            },
        }
    }

    /// How reports are written, in a language.
    pub fn style(&self, language: Language) -> Style {
        Style {
            language,
            zone: self.timezone,
            letterhead: self.letterhead.clone(),
        }
    }
}

/// When days are final, and how long what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttendanceRules {
    /// How long after its midnight a day becomes final.
    pub final_after: TimeDelta,
    /// How long single sightings are kept.
    pub keep_sightings: TimeDelta,
    /// How long days, and when somebody was there, are kept.
    pub keep_days: TimeDelta,
}

/// The days for which single sightings may be kept: one that may still come must find its like.
pub const KEEP_SIGHTINGS_DAYS: (i64, i64) = (crate::ingest::MAX_AGE.num_days() + 1, 3650);

/// The days for which days and their evidence may be kept.
pub const KEEP_DAYS: (i64, i64) = (400, 36_500);

impl Default for AttendanceRules {
    fn default() -> Self {
        Self {
            final_after: TimeDelta::hours(36),
            keep_sightings: crate::ingest::MAX_AGE + TimeDelta::days(1),
            keep_days: TimeDelta::days(5 * 365),
        }
    }
}

/// How much goes out, and when nothing does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRules {
    /// Absences within this time become one message to the same recipient.
    pub group: TimeDelta,
    /// Messages to one address within a minute. The Cloud API takes ten on average, and 45 at once.
    pub per_recipient: u32,
    /// Messages altogether within a second. The Cloud API takes 80.
    pub per_second: u32,
    /// Nothing goes out in these hours but answers and digests.
    pub quiet: Option<Hours>,
}

impl Default for MessageRules {
    fn default() -> Self {
        Self {
            group: TimeDelta::seconds(30),
            per_recipient: 10,
            per_second: 20,
            quiet: None,
        }
    }
}

/// When it is told how it stands, in the site's time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DigestTimes {
    /// To HR, of everybody.
    pub hr: Vec<NaiveTime>,
    /// To every superior, of those directly below them.
    pub teams: Vec<NaiveTime>,
    /// To HR, of everybody's last month.
    pub month: Option<MonthTime>,
    /// As what a day's report goes with them and with answers; `None`: it does not.
    pub document: Option<Format>,
}

/// When the last month's report is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonthTime {
    /// On which day of the month after, 1 to 28.
    pub day: u32,
    /// When.
    pub time: NaiveTime,
    /// As what the report goes with it.
    pub document: Format,
}
