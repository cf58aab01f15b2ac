//! `openapi.json` against the server: it names every address of `docs/api.md`, every role gets what it says and no other,
//! and nobody reads by any of them who is outside of their subtree.

use std::collections::BTreeSet;

use super::*;

/// Whom the supervisor must not see. Nothing else has these words in it.
const OUTSIDE: &str = "LUAR77";
const SECRETS: [&str; 5] = [
    "Rahasia Sekali",
    "+628999777555",
    "rahasia@luar.example",
    "KARTU-LUAR",
    "alasan rahasia",
];

struct Call {
    path: String,
    method: Method,
    roles: Vec<String>,
    operation: Value,
}

fn calls() -> Vec<Call> {
    let document: Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let mut calls = Vec::new();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().expect("operations") {
            let roles = operation["x-roles"].as_array().expect("roles").iter();
            calls.push(Call {
                path: path.clone(),
                method: method.to_uppercase().parse().expect("method"),
                roles: roles
                    .map(|role| role.as_str().expect("role").to_owned())
                    .collect(),
                operation: operation.clone(),
            });
        }
    }
    calls
}

#[test]
fn the_description_names_what_the_documentation_does() {
    let page = include_str!("../../../../docs/api.md");
    let mut told = BTreeSet::new();
    for part in page.split('`').skip(1).step_by(2) {
        for word in part
            .split([' ', '?', ','])
            .filter(|word| word.starts_with("/api/"))
        {
            told.insert(word.to_owned());
        }
    }
    // Not an address: what all of them begin with.
    told.remove("/api");
    let described: BTreeSet<String> = calls().into_iter().map(|call| call.path).collect();
    let missing: Vec<_> = told.difference(&described).collect();
    assert!(missing.is_empty(), "docs/openapi.json lacks {missing:?}");
    let untold: Vec<_> = described
        .iter()
        .filter(|path| path.starts_with("/api/") && !told.contains(*path))
        .collect();
    assert!(untold.is_empty(), "docs/api.md lacks {untold:?}");
}

/// The outsider, with everything that there can be of somebody: an alert with a note and a leave, sightings, a decided day,
/// a message.
async fn company(bench: &Bench) -> (i64, i64) {
    let outsider = NewEmployee {
        phone: Some("+628999777555".into()),
        email: Some("rahasia@luar.example".into()),
        badge: Some("KARTU-LUAR".into()),
        ..new(OUTSIDE, "Rahasia Sekali", Some("ATASAN"))
    };
    let all = [
        new("ATASAN", "Bapak Atasan", None),
        new("EMP010", "Mandor", Some("ATASAN")),
        new("EMP011", "Bawahan", Some("EMP010")),
        outsider,
    ];
    for one in all {
        bench.core.create_employee(&admin(), one).expect("employee");
    }
    bench.camera_comes();
    bench.core.tick().expect("tick");
    let sighting = |seq, at| hadir_shared::sighting::Sighting {
        id: uuid::Uuid::now_v7(),
        seq,
        phase: hadir_shared::sighting::Phase::Continued,
        employee: employee(OUTSIDE),
        camera: CameraId::new("cam-1").expect("id"),
        method: hadir_shared::sighting::Method::Face,
        track: 7,
        first_at: at,
        last_at: at,
        basis: hadir_shared::sighting::Basis::Face,
        verified_at: None,
        confidence: 0.75,
        model: "m".into(),
    };
    let batch = |sightings| hadir_shared::sighting::SightingBatch { sightings };
    let gate = AgentId::new("gate-1").expect("id");
    bench
        .core
        .take_sightings(&gate, batch(vec![sighting(1, bench.clock.now())]))
        .expect("taken");
    // In steps, or the time would be taken for a pause in which nobody watched.
    for _ in 0..190 {
        bench.clock.advance(TimeDelta::seconds(10));
        bench.core.tick().expect("tick");
    }
    let alert = bench
        .core
        .alerts(&admin(), crate::core::AlertFilter::All)
        .expect("alerts")[0]
        .id;
    bench
        .core
        .comment(&admin(), alert, "alasan rahasia")
        .expect("noted");
    let day = bench
        .core
        .now()
        .with_timezone(&chrono_tz::Asia::Jakarta)
        .date_naive();
    let leave = crate::core::NewLeave {
        employee: OUTSIDE.into(),
        from: crate::core::When::Day(day + TimeDelta::days(2)),
        to: crate::core::When::Day(day + TimeDelta::days(3)),
        reason: "alasan rahasia".into(),
        deputy: None,
    };
    let leave = bench.core.add_leave(&admin(), &leave).expect("leave").id;
    let policy = json!({"steps": [{"after_s": 0, "to": {"employee": OUTSIDE}}]});
    let policy = serde_json::from_value(policy).expect("policy");
    bench.core.save_policy(&admin(), "luar", &policy).expect("saved");
    let decision = crate::core::NewDecision {
        what: crate::core::Decision::Corrected,
        reason: "alasan rahasia".into(),
        correction: Some(crate::core::CorrectionBody {
            late_s: Some(0),
            ..crate::core::CorrectionBody::default()
        }),
    };
    bench
        .core
        .decide_attendance(&admin(), &employee(OUTSIDE), day, &decision)
        .expect("decided");
    (alert, leave)
}

/// A body with which the call would do something to `who`.
fn body(call: &Call, who: &str, later: &str) -> Value {
    match (call.method.as_str(), call.path.as_str()) {
        ("POST", "/api/employees") => json!({"name": "Neu", "supervisor": who}),
        ("PATCH", "/api/employees/{id}") => json!({"role_title": "x"}),
        ("PATCH", "/api/areas/{id}") => json!({"supervisor": who}),
        ("PUT", "/api/schedules/{name}") => {
            json!({"shifts": [{"name": "a", "days": ["mon"], "from": "08:00", "to": "17:00"}]})
        }
        ("PUT", "/api/holidays/{date}") => json!({"name": "Libur"}),
        ("POST", "/api/leaves") => json!({"employee": who, "from": later, "to": later, "reason": "x"}),
        ("PUT", "/api/policies/{name}") => json!({"steps": [{"after_s": 0, "to": {"employee": who}}]}),
        ("PUT", "/api/silence") => json!({"until": "2000-01-01T00:00:00.000Z", "reason": "x"}),
        ("PUT", "/api/quiet-hours") => json!({"hours": null}),
        ("PUT", "/api/site-language") => json!({"language": "en"}),
        ("POST", "/api/alerts/{id}/excuse") => json!({"reason": "x", "until": "2000-01-01T00:00:00.000Z"}),
        ("POST", "/api/alerts/{id}/comment") => json!({"text": "x"}),
        ("POST", "/api/attendance/{employee}/{date}") => {
            json!({"what": "corrected", "reason": "x", "correction": {"late_s": 60}})
        }
        ("POST", "/api/users") => {
            json!({"username": "neu", "password": "too short", "role": "supervisor", "employee": who})
        }
        ("POST", "/api/me/password") => json!({"current": "wrong", "new": "another horse battery"}),
        ("POST", "/api/whatsapp/test") => json!({"employee": who}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn every_address_gives_each_role_what_it_may_see_and_no_more() {
    let bench = bench().await;
    let (alert, leave) = company(&bench).await;
    let today = bench
        .core
        .now()
        .with_timezone(&chrono_tz::Asia::Jakarta)
        .date_naive();
    let later = (today + TimeDelta::days(5)).to_string();
    let hash = auth::hash_password(PASSWORD).expect("hashed");
    bench
        .core
        .create_user("supervisor", &hash, Role::Supervisor, Some(&employee("EMP010")))
        .expect("made");
    let mut wrong: Vec<String> = Vec::new();
    let mut asked = 0;
    for role in ["supervisor", "technician", "hr", "admin", ""] {
        for call in calls() {
            // Ends sessions, is a WebSocket, or is asked by others than browsers: tested by themselves.
            let alone = [
                "/api/login",
                "/api/logout",
                "/api/events",
                "/api/cameras/{id}/live",
                "/api/whatsapp/webhook",
            ];
            if alone.contains(&call.path.as_str()) || (!role.is_empty() && call.roles == ["anybody"]) {
                continue;
            }
            // Those who may do everything are only asked to read, or the outsider would be gone.
            let reads = call.method == Method::GET;
            if !reads && ["hr", "admin"].contains(&role) && call.roles.contains(&role.to_owned()) {
                continue;
            }
            let id = match call.path.split('/').nth(2).unwrap_or_default() {
                "alerts" => alert.to_string(),
                "leaves" => leave.to_string(),
                "messages" => "1".to_owned(),
                "areas" => "gudang".to_owned(),
                "cameras" => "cam-1".to_owned(),
                _ => OUTSIDE.to_owned(),
            };
            let path = call
                .path
                .replace("{id}", &id)
                .replace("{employee}", OUTSIDE)
                .replace("{date}", &today.to_string())
                .replace("{name}", "x")
                .replace("{username}", "admin");
            let mut queries = vec![String::new()];
            let parameters = call.operation["parameters"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let has = |name: &str| {
                parameters
                    .iter()
                    .any(|one| one["name"] == name && one["in"] == "query")
            };
            if has("to") {
                queries = vec![format!("?from={today}&to={today}")];
                let of = ["employee", "team", "below"].into_iter().filter(|of| has(of));
                queries.extend(of.map(|of| format!("?from={today}&to={today}&{of}={OUTSIDE}")));
            }
            if has("format") {
                let first = queries[0].clone();
                let and = if first.is_empty() { "?" } else { "&" };
                queries.extend(["csv", "xlsx", "pdf"].map(|format| format!("{first}{and}format={format}")));
            }
            if has("state") {
                queries.push("?state=all".into());
            }
            for query in queries {
                let cookie = match role {
                    "" => String::new(),
                    role => bench.login_once(role).await,
                };
                let mut request = bench.request(call.method.clone(), &format!("{path}{query}"), &cookie);
                let media = call.operation["requestBody"]["content"].as_object();
                match media.and_then(|media| media.keys().next()).map(String::as_str) {
                    Some("multipart/form-data") => {
                        let part = multipart::Part::bytes(jpeg(64, 64)).file_name("a.jpg");
                        request = request.multipart(multipart::Form::new().part("photo", part));
                    }
                    Some("text/csv") => {
                        request = request
                            .header("content-type", "text/csv")
                            .body("id,name\nX1,Neu\n")
                    }
                    Some(_) => request = request.json(&body(&call, OUTSIDE, &later)),
                    None => {}
                }
                let answer = bench.send(request).await;
                asked += 1;
                let what = format!("{role}: {} {path}{query} -> {}", call.method, answer.status);
                let may = call.roles.iter().any(|one| one == role || one == "anybody");
                match (role, answer.status) {
                    ("", 401) if !may => {}
                    ("", _) if may => {}
                    ("", _) => wrong.push(format!("{what}, without a login")),
                    (_, 500..) => wrong.push(format!("{what}: {}", answer.text)),
                    (_, 403 | 404) if !may => {}
                    // A technician reads lists of nobody; where a body is looked at first, it is refused as such.
                    (_, 400 | 415) if !may && !reads => {}
                    (_, _) if !may => wrong.push(format!("{what}, and that role may not")),
                    (_, 401 | 403) => wrong.push(format!("{what}, and that role may")),
                    _ => {}
                }
                if ["supervisor", "technician", ""].contains(&role) {
                    let leaks: Vec<_> = SECRETS
                        .iter()
                        .filter(|secret| answer.text.contains(**secret))
                        .collect();
                    if !leaks.is_empty() {
                        wrong.push(format!("{what} tells {leaks:?}"));
                    }
                    // What was asked for may be named in a refusal.
                    if answer.status < 400 && answer.text.contains(OUTSIDE) {
                        wrong.push(format!("{what} names {OUTSIDE}"));
                    }
                } else if reads && may && path.contains(OUTSIDE) && answer.status != 200 {
                    wrong.push(format!("{what}: {}", answer.text));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {asked}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(asked > 250, "only {asked} requests were made");
    let still = bench
        .core
        .employee(&admin(), &employee(OUTSIDE))
        .expect("still there");
    assert_eq!(
        (still.name.as_str(), still.role_title),
        ("Rahasia Sekali", None),
        "nobody changed them"
    );
}
