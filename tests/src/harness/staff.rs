//! Who works at the demo's and the tests' site.

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::recordings::person::Person;

/// An employee to be registered.
#[derive(Clone, Debug)]
pub struct Employee {
    /// Employee number.
    pub id: &'static str,
    /// Name.
    pub name: &'static str,
    /// Their superior's number.
    pub supervisor: Option<&'static str>,
    /// What they do.
    pub role_title: &'static str,
    /// E.164. Numbers of this kind (+62 811 0000 …) are placeholders.
    pub phone: Option<&'static str>,
    /// In which language they get messages: `id` or `en`.
    pub language: &'static str,
    /// Whose face they have, for those who stand in front of cameras.
    pub person: Option<Person>,
}

impl Employee {
    /// The body of `POST /api/employees`.
    pub fn body(&self) -> Value {
        let consent = self
            .person
            .map(|_| Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true));
        json!({
            "id": self.id, "name": self.name, "supervisor": self.supervisor, "areas": [], "phone": self.phone,
            "badge": null, "consent": consent, "language": self.language, "role_title": self.role_title,
        })
    }
}

/// The phone's number as the Cloud API writes it: digits alone.
pub fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

/// The company: HR on top, supervisors, and the three people of the recordings.
pub fn company() -> Vec<Employee> {
    let worker = |id, supervisor, role_title, person: Person| Employee {
        id,
        name: person.name(),
        supervisor: Some(supervisor),
        role_title,
        phone: None,
        language: "id",
        person: Some(person),
    };
    vec![
        Employee {
            id: "EMP001",
            name: "Dewi Lestari",
            supervisor: None,
            role_title: "HR manager",
            phone: Some("+6281100001001"),
            language: "id",
            person: None,
        },
        Employee {
            id: "EMP002",
            name: "Sari Wulandari",
            supervisor: Some("EMP001"),
            role_title: "Warehouse supervisor",
            phone: Some("+6281100001002"),
            language: "id",
            person: None,
        },
        Employee {
            id: "EMP003",
            name: "Budi Santoso",
            supervisor: Some("EMP001"),
            role_title: "Front office supervisor",
            phone: Some("+6281100001003"),
            language: "en",
            person: None,
        },
        worker("EMP101", "EMP002", "Storekeeper", Person::Obama),
        worker("EMP102", "EMP002", "Forklift driver", Person::Biden),
        worker("EMP103", "EMP003", "Receptionist", Person::Collins),
    ]
}
