//! Employees, roles and enrolment.

use super::*;

#[tokio::test]
async fn employees_are_added_changed_and_deleted() {
    let bench = bench().await;
    let cookie = bench.login("hr").await;
    let body = json!({"id": "EMP001", "name": "Lee Min", "phone": "0812 3456 789", "areas": ["gudang"]});
    let made = bench.post("/api/employees", &cookie, &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["phone"], "+628123456789");
    assert_eq!(
        bench.post("/api/employees", &cookie, &body).await.error(),
        (409, "conflict".into())
    );

    let patch = bench
        .request(Method::PATCH, "/api/employees/EMP001", &cookie)
        .json(&json!({"name": "Lee M."}));
    assert_eq!(bench.send(patch).await.json()["name"], "Lee M.");
    let wrong = bench
        .request(Method::PATCH, "/api/employees/EMP001", &cookie)
        .json(&json!({"supervisor": "EMP001"}));
    let wrong = bench.send(wrong).await;
    assert!(matches!(wrong.status, 400 | 409), "{}", wrong.text);
    assert_eq!(wrong.json()["error"]["field"], "supervisor");

    let status = bench.get("/api/status", &cookie).await.json();
    assert_eq!(
        (&status[0]["employee"], &status[0]["state"]),
        (&json!("EMP001"), &json!("unknown"))
    );
    assert_eq!(bench.get("/api/summary", &cookie).await.json()["total"], 1);
    assert_eq!(bench.get("/api/notices", &cookie).await.json(), json!([]));
    assert_eq!(bench.get("/api/areas", &cookie).await.json()[0]["id"], "gudang");

    let csv = bench.get("/api/reports/daily?format=csv", &cookie).await;
    assert!(csv.text.contains(";EMP001;Lee M.;"), "{}", csv.text);
    assert!(csv.header("content-disposition").contains(".csv"));

    let gone = bench
        .send(bench.request(Method::DELETE, "/api/employees/EMP001", &cookie))
        .await;
    assert_eq!(gone.json()["deleted"], "EMP001");
    assert_eq!(bench.get("/api/employees/EMP001", &cookie).await.status, 404);
}

#[tokio::test]
async fn roles_limit_what_is_seen_and_done() {
    let bench = bench().await;
    for employee in [
        new("BOSS", "Sari", None),
        new("BELOW", "Budi", Some("BOSS")),
        new("OTHER", "Tini", None),
    ] {
        bench.core.create_employee(&admin(), employee).expect("made");
    }
    let supervisor = bench.login_supervisor("BOSS").await;
    let seen = bench.get("/api/employees", &supervisor).await.text;
    assert!(seen.contains("BELOW") && !seen.contains("OTHER"), "{seen}");
    assert_eq!(
        bench.get("/api/employees/OTHER", &supervisor).await.error(),
        (404, "not_found".into())
    );
    assert_eq!(
        bench
            .post("/api/employees", &supervisor, &json!({"name": "X"}))
            .await
            .error(),
        (403, "forbidden".into())
    );
    let delete = bench.request(Method::DELETE, "/api/employees/BELOW", &supervisor);
    assert_eq!(bench.send(delete).await.error(), (403, "forbidden".into()));
    assert_eq!(
        bench.photos("BELOW", &supervisor, vec![jpeg(8, 8)]).await.error(),
        (403, "forbidden".into())
    );
    assert_eq!(bench.get("/api/me", &supervisor).await.json()["name"], "Sari");

    let technician = bench.login("technician").await;
    for path in [
        "/api/status",
        "/api/employees",
        "/api/notices",
        "/api/alerts",
        "/api/reports/daily",
    ] {
        let answer = bench.get(path, &technician).await;
        assert!(
            !["BOSS", "Sari", "Budi"]
                .iter()
                .any(|word| answer.text.contains(word)),
            "{path}: {}",
            answer.text
        );
    }
    assert_eq!(bench.get("/api/cameras", &technician).await.status, 200);
    assert_eq!(bench.get("/api/agents", &technician).await.status, 200);
}

#[tokio::test]
async fn photos_that_cannot_be_used_are_refused_with_the_reason() {
    let bench = bench().await;
    let cookie = bench.login("hr").await;
    bench
        .core
        .create_employee(&admin(), new("E1", "Budi", None))
        .expect("made");
    bench
        .core
        .create_employee(
            &admin(),
            NewEmployee {
                consent: None,
                ..new("E2", "Tini", None)
            },
        )
        .expect("made");
    let refusal = |answer: &Answer| {
        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status, &error["code"], &error["field"]),
            (422, &json!("unprocessable"), &json!("photo"))
        );
        (
            error["reason"].as_str().expect("a reason").to_owned(),
            error["message"].as_str().expect("text").to_owned(),
        )
    };
    assert_eq!(
        refusal(&bench.photos("E2", &cookie, vec![jpeg(64, 64)]).await).0,
        "no_consent"
    );
    // Whom a photograph is like is as little to be asked of somebody who has not consented.
    let form = multipart::Form::new().part("photo", multipart::Part::bytes(jpeg(64, 64)).file_name("a.jpg"));
    let test = bench.request(Method::POST, "/api/employees/E2/test", &cookie);
    let refused = bench.send(test.multipart(form)).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["field"]),
        (409, &json!("consent"))
    );
    let mut cut = jpeg(640, 480);
    cut.truncate(cut.len() / 2);
    for (photo, reason) in [
        (jpeg(320, 240), "no_face"),
        (b"GIF89a".to_vec(), "unreadable"),
        (Vec::new(), "unreadable"),
        (cut, "unreadable"),
    ] {
        let answer = bench.photos("E1", &cookie, vec![photo]).await;
        assert_eq!(refusal(&answer).0, reason, "{}", answer.text);
    }
    let (reason, message) = refusal(
        &bench
            .photos("E1", &cookie, vec![jpeg(320, 240), jpeg(64, 64)])
            .await,
    );
    assert_eq!(reason, "no_face");
    assert!(message.starts_with("Photo 1 of 2"), "{message}");

    assert_eq!(
        bench.photos("E404", &cookie, vec![jpeg(8, 8)]).await.error(),
        (404, "not_found".into())
    );
    assert_eq!(
        bench.photos("E1", &cookie, vec![]).await.error(),
        (400, "invalid".into())
    );
    assert_eq!(
        bench.photos("E1", &cookie, vec![vec![0; 13 << 20]]).await.error(),
        (413, "too_large".into())
    );
    assert_eq!(
        bench.photos("E1", &cookie, vec![jpeg(8, 8); 21]).await.error(),
        (413, "too_large".into())
    );
    let form = multipart::Form::new().text("name", "x");
    let request = bench
        .request(Method::POST, "/api/employees/E1/photos", &cookie)
        .multipart(form);
    assert_eq!(bench.send(request).await.error(), (400, "invalid".into()));
    let request = bench
        .request(Method::POST, "/api/employees/E1/photos", &cookie)
        .header("content-type", "multipart/form-data; boundary=x")
        .body("--x\r\nno end");
    assert_eq!(bench.send(request).await.error(), (400, "invalid".into()));
    assert_eq!(
        bench.get("/api/employees/E1", &cookie).await.json()["photos"],
        0,
        "nothing was stored"
    );
}

#[tokio::test]
async fn a_photo_becomes_a_template_and_is_erased_again() {
    let bench = bench().await;
    let cookie = bench.login("hr").await;
    bench
        .core
        .create_employee(&admin(), new("E1", "Barack", None))
        .expect("made");
    bench
        .core
        .create_employee(&admin(), new("E2", "Joe", None))
        .expect("made");
    let portrait = |name: &str| {
        let path = format!(
            "{}/../tests/fixtures/portraits/{name}.jpg",
            env!("CARGO_MANIFEST_DIR")
        );
        std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
    };
    let taken = bench
        .photos("E1", &cookie, vec![portrait("obama-1"), portrait("obama-2")])
        .await;
    assert_eq!(taken.status, 201, "{}", taken.text);
    let body = taken.json();
    assert_eq!(body["photos"].as_array().map(Vec::len), Some(2));
    for photo in body["photos"].as_array().expect("a list") {
        assert!(
            photo["template"].is_i64() && photo["quality"]["score"].as_f64() > Some(0.0),
            "{photo}"
        );
        assert_eq!(photo["face"]["box"].as_array().map(Vec::len), Some(4));
    }
    assert_eq!(bench.get("/api/employees/E1", &cookie).await.json()["photos"], 2);
    assert_eq!(
        bench.get("/api/status", &cookie).await.json()[0]["enrolled"],
        true
    );

    let again = bench.photos("E2", &cookie, vec![portrait("obama-2")]).await;
    assert_eq!(
        again.json()["error"]["reason"],
        "already_enrolled",
        "{}",
        again.text
    );
    assert!(again.text.contains("Barack (E1)"), "{}", again.text);
    // More photos of the same employee are welcome.
    assert_eq!(
        bench
            .photos("E1", &cookie, vec![portrait("obama-2")])
            .await
            .status,
        201
    );

    let erase = bench.request(Method::DELETE, "/api/employees/E1/photos", &cookie);
    let erased = bench.send(erase).await.json();
    assert_eq!(erased["templates"], 3);
    assert!(erased["gallery_version"].as_u64() > body["gallery_version"].as_u64());
    assert_eq!(
        bench
            .photos("E2", &cookie, vec![portrait("obama-2")])
            .await
            .status,
        201,
        "nobody has it any more"
    );
}
