//! Users, settings, the record, notes and timelines over HTTP.

use super::*;

#[tokio::test]
async fn administrators_manage_users() {
    let bench = bench().await;
    let (admin, hr) = (bench.login("admin").await, bench.login("hr").await);
    bench
        .core
        .create_employee(&super::admin(), new("EMP001", "Lee Min", None))
        .expect("employee");
    let user = |password: &str, employee: Value| json!({"username": "sari", "password": password, "role": "supervisor", "employee": employee});
    for (body, field) in [
        (user("too short", json!("EMP001")), "password"),
        (user(PASSWORD, json!(null)), "employee"),
        (user(PASSWORD, json!("EMP009")), "employee"),
    ] {
        let refused = bench.post("/api/users", &admin, &body).await;
        assert_eq!(
            (refused.status, &refused.json()["error"]["field"]),
            (400, &json!(field))
        );
    }
    let body = user(PASSWORD, json!("EMP001"));
    assert_eq!(bench.post("/api/users", &hr, &body).await.status, 403);
    let made = bench.post("/api/users", &admin, &body).await;
    assert_eq!(
        (made.status, made.json()["name"].as_str()),
        (201, Some("Lee Min"))
    );
    assert!(!made.text.contains("argon2"), "no hash is told: {}", made.text);
    assert_eq!(bench.post("/api/users", &admin, &body).await.status, 409);
    let sari = bench.login("sari").await;
    let patch = |body: Value| {
        bench
            .request(Method::PATCH, "/api/users/sari", &admin)
            .json(&body)
    };
    let changed = bench
        .send(patch(json!({"password": "another horse battery"})))
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(
        bench.get("/api/me", &sari).await.status,
        401,
        "their sessions are over"
    );
    assert_eq!(bench.try_login("sari", PASSWORD).await.status, 401);
    assert_eq!(bench.try_login("sari", "another horse battery").await.status, 200);
    let gone = |name: &str| bench.request(Method::DELETE, &format!("/api/users/{name}"), &admin);
    assert_eq!(bench.send(gone("sari")).await.status, 204);
    assert_eq!(bench.send(gone("admin")).await.status, 409);
    assert_eq!(bench.send(gone("nobody")).await.status, 404);
    let names = bench.get("/api/users", &admin).await.json();
    assert_eq!(names.as_array().map(Vec::len), Some(3), "{names}");
    let record = bench.get("/api/audit", &hr).await.json();
    assert_eq!(record[0]["what"], "user deleted, role supervisor");
    assert_eq!(record[0]["who"], "admin");
    assert_eq!(bench.get("/api/audit?before=x", &hr).await.status, 400);
}

#[tokio::test]
async fn everybody_may_change_their_own_password() {
    let bench = bench().await;
    let (session, other) = (bench.login("technician").await, bench.login("technician").await);
    let change = |current: &str, new: &str| json!({"current": current, "new": new});
    for (body, field) in [
        (change("wrong", "another horse battery"), "current"),
        (change(PASSWORD, "short"), "new"),
    ] {
        let refused = bench.post("/api/me/password", &session, &body).await;
        assert_eq!(
            (refused.status, &refused.json()["error"]["field"]),
            (400, &json!(field)),
            "{}",
            refused.text
        );
    }
    let changed = bench
        .post(
            "/api/me/password",
            &session,
            &change(PASSWORD, "another horse battery"),
        )
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let fresh = changed
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned();
    assert_eq!(bench.get("/api/me", &fresh).await.status, 200);
    for old in [session, other] {
        assert_eq!(bench.get("/api/me", &old).await.status, 401);
    }
}

#[tokio::test]
async fn settings_are_read_by_all_and_changed_by_hr() {
    let bench = bench().await;
    let (hr, technician) = (bench.login("hr").await, bench.login("technician").await);
    let hours = json!({"hours": {"days": ["mon"], "from": "22:00", "to": "05:00"}});
    let put = |cookie: &str, body: &Value| bench.request(Method::PUT, "/api/quiet-hours", cookie).json(body);
    assert_eq!(bench.send(put(&technician, &hours)).await.status, 403);
    assert_eq!(bench.send(put(&hr, &hours)).await.json()["set"], true);
    let told = bench.get("/api/quiet-hours", &technician).await.json();
    assert_eq!(told["hours"], hours["hours"]);
    let reset = bench.request(Method::DELETE, "/api/quiet-hours", &hr);
    assert_eq!(bench.send(reset).await.json()["hours"], Value::Null);
    let language = |cookie: &str, body: Value| {
        bench
            .request(Method::PUT, "/api/site-language", cookie)
            .json(&body)
    };
    let english = json!({"language": "en"});
    assert_eq!(
        bench.send(language(&technician, english.clone())).await.status,
        403
    );
    assert_eq!(
        bench.send(language(&hr, json!({"language": "fr"}))).await.status,
        400
    );
    assert_eq!(bench.send(language(&hr, english)).await.json()["language"], "en");
    assert_eq!(
        bench.get("/api/me", &technician).await.json()["site"]["language"],
        "en"
    );
    let new = bench
        .post("/api/employees", &hr, &json!({"name": "Wayan"}))
        .await
        .json();
    assert_eq!(new["language"], "en", "{new}");
    let reset = bench.request(Method::DELETE, "/api/site-language", &hr);
    assert_eq!(
        bench.send(reset).await.json(),
        json!({"language": "id", "configured": "id"})
    );
    let patch = |body: Value| bench.request(Method::PATCH, "/api/retention", &hr).json(&body);
    assert_eq!(
        bench.send(patch(json!({"keep_days": 800}))).await.json()["keep_days"],
        800
    );
    assert_eq!(bench.send(patch(json!({"keep_days": 3}))).await.status, 400);
    assert_eq!(bench.send(patch(json!({"keep_day": 800}))).await.status, 400);
    assert_eq!(
        bench.get("/api/retention", &hr).await.json()["configured"]["keep_days"],
        1825
    );
    let test = bench
        .post("/api/whatsapp/test", &hr, &json!({"employee": "EMP001"}))
        .await;
    assert_eq!(
        test.error(),
        (409, "conflict".into()),
        "WhatsApp is not configured here"
    );
    assert_eq!(bench.get("/api/messages/1", &hr).await.status, 404);
    assert_eq!(bench.get("/api/messages/1", &technician).await.status, 403);
}

#[tokio::test]
async fn days_are_lines_of_time_with_the_sightings_behind_them() {
    let bench = bench().await;
    let hr = bench.login("hr").await;
    for one in [new("EMP001", "Lee Min", None), new("EMP002", "Sari", None)] {
        bench
            .core
            .create_employee(&super::admin(), one)
            .expect("employee");
    }
    bench.core.tick().expect("tick");
    bench.camera_comes();
    let at = bench.clock.now();
    let sightings: Vec<_> = (0..3)
        .map(|n| hadir_shared::sighting::Sighting {
            id: uuid::Uuid::now_v7(),
            seq: n + 1,
            phase: hadir_shared::sighting::Phase::Continued,
            employee: employee("EMP001"),
            camera: CameraId::new("cam-1").expect("id"),
            method: hadir_shared::sighting::Method::Face,
            track: 7,
            first_at: at,
            last_at: at,
            basis: hadir_shared::sighting::Basis::Face,
            verified_at: None,
            confidence: 0.5 + n as f32 / 8.0,
            model: "m".into(),
        })
        .collect();
    let batch = hadir_shared::sighting::SightingBatch { sightings };
    bench
        .core
        .take_sightings(&AgentId::new("gate-1").expect("id"), batch)
        .expect("taken");
    let date = bench.get("/api/reports/daily", &hr).await.json()["from"]
        .as_str()
        .expect("date")
        .to_owned();
    let lines = bench
        .get(&format!("/api/timeline?from={date}&to={date}"), &hr)
        .await
        .json();
    assert_eq!(lines["rows"].as_array().map(Vec::len), Some(2), "{lines}");
    let lee = lines["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .find(|row| row["employee"] == "EMP001")
        .expect("row");
    assert_eq!(
        (&lee["seen"][0]["area"], &lee["name"]),
        (&json!("gudang"), &json!("Lee Min"))
    );
    let tracks = bench
        .get(&format!("/api/attendance/EMP001/{date}/sightings"), &hr)
        .await
        .json();
    assert_eq!(
        (
            tracks.as_array().map(Vec::len),
            &tracks[0]["sightings"],
            &tracks[0]["confidence"]
        ),
        (Some(1), &json!(3), &json!(0.75))
    );
    let patterns = bench
        .get(&format!("/api/patterns?from={date}&to={date}"), &hr)
        .await
        .json();
    assert_eq!(
        patterns["members"].as_array().map(Vec::len),
        Some(2),
        "{patterns}"
    );
    for (path, status) in [
        (format!("/api/attendance/NOBODY/{date}/sightings"), 404),
        (format!("/api/timeline?from={date}&to={date}&employe=EMP001"), 400),
        (
            "/api/timeline?from=2026-01-01&to=2026-12-31&employee=EMP001".into(),
            200,
        ),
        (
            "/api/timeline?from=2024-01-01&to=2026-12-31&employee=EMP001".into(),
            400,
        ),
    ] {
        assert_eq!(bench.get(&path, &hr).await.status, status, "{path}");
    }
    let mandor = bench.login_supervisor("EMP002").await;
    let theirs = bench
        .get(&format!("/api/timeline?from={date}&to={date}"), &mandor)
        .await
        .json();
    assert!(!theirs.to_string().contains("Lee Min"), "{theirs}");
    assert_eq!(
        bench
            .get(&format!("/api/attendance/EMP001/{date}/sightings"), &mandor)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn refusals_speak_the_language_that_is_asked_for() {
    let bench = bench().await;
    let hr = bench.login("hr").await;
    let shifts = json!({"shifts": [{"name": "Pagi", "days": ["mon"], "from": "08:00", "to": "16:00",
        "breaks": [{"from": "17:00", "to": "17:30"}]}]});
    for (language, says) in [
        ("id-ID,id;q=0.9,en;q=0.8", "tidak berada di dalam giliran Pagi"),
        ("en", "does not lie inside the shift Pagi"),
        ("", "does not lie inside the shift Pagi"),
    ] {
        let put = bench
            .request(Method::PUT, "/api/schedules/pagi", &hr)
            .header("accept-language", language);
        let refused = bench.send(put.json(&shifts)).await;
        let error = &refused.json()["error"];
        assert_eq!(
            (refused.status, &error["field"]),
            (400, &json!("shifts")),
            "{error}"
        );
        assert!(
            error["message"].as_str().is_some_and(|text| text.contains(says)),
            "{error}"
        );
    }
    let import = bench
        .request(Method::POST, "/api/employees/import?dry_run=true", &hr)
        .header("accept-language", "id")
        .body("id,name,phone\nEMP001,Lee Min,abc\n");
    let tried = bench.send(import).await.json();
    assert_eq!(
        tried["problems"][0]["message"],
        "Lee Min: Ini bukan nomor telepon: tulis seperti 0812-3456-7890 atau +62 812 3456 7890."
    );
}
