//! Schedules, holidays, leaves and areas over HTTP.

use super::*;

#[tokio::test]
async fn when_people_have_to_be_there() {
    let bench = bench().await;
    let hr = bench.login("hr").await;
    let put = |path: &str, body: Value| {
        let request = bench.request(Method::PUT, path, &hr).json(&body);
        bench.send(request)
    };
    let shift = json!({"name": "Pagi", "days": ["mon", "tue"], "from": "08:00", "to": "17:00",
        "breaks": [{"from": "12:00", "to": "13:00"}]});
    let saved = put("/api/schedules/kantor", json!({"shifts": [shift]})).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    let listed = bench.get("/api/schedules", &hr).await.json();
    assert_eq!(
        listed,
        json!([{"name": "kantor", "holidays": "free", "shifts": [shift], "employees": 0}])
    );
    let wrong = put(
        "/api/schedules/kantor",
        json!({"shifts": [{"name": "Pagi", "days": ["mon"], "from": "8", "to": "9"}]}),
    );
    assert!(wrong.await.text.contains("is no time of day"));
    let body = json!({"id": "EMP001", "name": "Lee Min", "areas": ["gudang"], "schedule": "kantor"});
    assert_eq!(
        bench.post("/api/employees", &hr, &body).await.json()["schedule"],
        "kantor"
    );
    let gone = |path: &str| bench.send(bench.request(Method::DELETE, path, &hr));
    assert_eq!(
        gone("/api/schedules/kantor").await.error(),
        (409, "conflict".into())
    );

    assert_eq!(
        put("/api/holidays/2026-12-25", json!({"name": "Natal"}))
            .await
            .status,
        200
    );
    assert_eq!(
        put("/api/holidays/25-12-2026", json!({"name": "Natal"}))
            .await
            .status,
        400
    );
    let holidays = bench.get("/api/holidays", &hr).await.json();
    assert_eq!(holidays, json!([{"date": "2026-12-25", "name": "Natal"}]));
    assert_eq!(gone("/api/holidays/2026-12-25").await.status, 204);
    assert_eq!(gone("/api/holidays/2026-12-25").await.status, 404);

    let day = |ahead| {
        (chrono::Utc::now() + TimeDelta::days(ahead))
            .date_naive()
            .to_string()
    };
    let (now, then) = (day(0), day(2));
    let leave = json!({"employee": "EMP001", "from": now, "to": then, "reason": "Cuti"});
    let made = bench.post("/api/leaves", &hr, &leave).await;
    assert_eq!(
        (made.status, &made.json()["kind"]),
        (201, &json!("on_leave")),
        "{}",
        made.text
    );
    assert_eq!(
        bench.get("/api/leaves", &hr).await.json()[0]["id"],
        made.json()["id"]
    );
    assert_eq!(
        gone(&format!("/api/leaves/{}", made.json()["id"])).await.status,
        204
    );
    let vague = json!({"employee": "EMP001", "from": "tomorrow", "to": now});
    assert_eq!(bench.post("/api/leaves", &hr, &vague).await.status, 400);

    let body = json!({"id": "EMP002", "name": "Sari", "phone": "0812 3456 789"});
    assert_eq!(bench.post("/api/employees", &hr, &body).await.status, 201);
    let steps = json!([{"after_s": 0, "to": {"employee": "EMP002"}, "repeat": {"every_s": 600, "times": 1}}]);
    let saved = put("/api/policies/default", json!({"steps": steps})).await;
    let expected = json!({"name": "default", "steps": steps, "areas": 0, "teams": 0});
    assert_eq!(saved.json(), expected, "{}", saved.text);
    let plan = bench.get("/api/employees/EMP001/escalation", &hr).await.json();
    assert_eq!(
        plan["steps"][0]["told"],
        json!([{"employee": "EMP002", "name": "Sari"}]),
        "{plan}"
    );
    assert_eq!(
        (&plan["steps"][1]["after_s"], &plan["steps"][1]["repeated"]),
        (&json!(600), &json!(true))
    );
    let problems = bench.get("/api/hierarchy", &hr).await.json();
    assert_eq!(problems[0]["code"], "no_superior", "{problems}");
    assert_eq!(gone("/api/policies/default").await.status, 204);

    let patch = bench
        .request(Method::PATCH, "/api/areas/gudang", &hr)
        .json(&json!({"absent_after_s": 600}));
    assert_eq!(bench.send(patch).await.json()["absent_after_s"], 600);
}

#[tokio::test]
async fn only_those_who_may_change_it() {
    let bench = bench().await;
    bench
        .core
        .create_employee(&admin(), new("BOSS", "Sari", None))
        .expect("made");
    let supervisor = bench.login_supervisor("BOSS").await;
    let technician = bench.login("technician").await;
    for cookie in [&supervisor, &technician] {
        for (method, path, body) in [
            (Method::PUT, "/api/schedules/x", json!({"shifts": []})),
            (Method::DELETE, "/api/schedules/x", Value::Null),
            (Method::PUT, "/api/holidays/2026-12-25", json!({"name": "Natal"})),
            (Method::DELETE, "/api/holidays/2026-12-25", Value::Null),
            (
                Method::POST,
                "/api/leaves",
                json!({"employee": "BOSS", "from": "2026-12-25", "to": "2026-12-25"}),
            ),
            (Method::DELETE, "/api/leaves/1", Value::Null),
            (Method::PATCH, "/api/areas/x", json!({})),
            (Method::PUT, "/api/policies/x", json!({"steps": []})),
            (Method::DELETE, "/api/policies/x", Value::Null),
            (Method::GET, "/api/hierarchy", Value::Null),
        ] {
            let request = bench.request(method, path, cookie).json(&body);
            assert_eq!(
                bench.send(request).await.error(),
                (403, "forbidden".into()),
                "{path}"
            );
        }
    }
}
