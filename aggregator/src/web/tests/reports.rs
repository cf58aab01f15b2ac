//! Reports, days and decisions over HTTP.

use super::*;

const YEAR_LATER: &str = "2027-11-29";

async fn office() -> (Bench, String) {
    let bench = bench().await;
    let hr = bench.login("hr").await;
    let body = json!({"id": "EMP001", "name": "Lee Min", "areas": ["gudang"]});
    assert_eq!(bench.post("/api/employees", &hr, &body).await.status, 201);
    (bench, hr)
}

#[tokio::test]
async fn one_report_in_every_format() {
    let (bench, hr) = office().await;
    let today = bench.get("/api/reports/daily", &hr).await.json();
    let date = today["from"].as_str().expect("date").to_owned();
    assert_eq!(today["people"][0]["employee"], "EMP001");
    assert_eq!(
        (&today["days"][0]["kind"], &today["days"][0]["state"]),
        (&json!("unplanned"), &json!("provisional"))
    );
    let range = format!("/api/reports/range?from={date}&to={date}&employee=EMP001");
    assert_eq!(bench.get(&range, &hr).await.json()["totals"], today["totals"]);
    for (format, content_type, begins) in [
        ("csv", "text/csv; charset=utf-8", "Date,"),
        (
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "PK",
        ),
        ("pdf", "application/pdf", "%PDF-"),
    ] {
        let file = bench
            .get(&format!("{range}&format={format}&language=en"), &hr)
            .await;
        assert_eq!((file.status, file.header("content-type")), (200, content_type));
        // The mark of UTF-8 is taken off here.
        assert!(
            file.text.trim_start_matches('\u{feff}').starts_with(begins),
            "{format}"
        );
        let name = format!("attachment; filename=\"attendance-{date}.{format}\"");
        assert_eq!(file.header("content-disposition"), name);
    }
    for (path, field) in [
        ("/api/reports/daily?date=yesterday", "date"),
        ("/api/reports/daily?format=doc", "format"),
        ("/api/reports/daily?format=pdf&language=fr", "language"),
        ("/api/reports/range", "from"),
        ("/api/reports/range?from=2026-11-22", "to"),
        ("/api/reports/range?from=2026-11-22&to=2026-11-21", "to"),
        ("/api/reports/range?from=2016-11-22&to=2026-11-21", "to"),
        ("/api/reports/daily?employee=EMP001&team=EMP001", "employee"),
        ("/api/patterns?from=2016-11-22&to=2026-11-21", "to"),
        ("/api/reports/daily?employe=EMP001", ""),
        ("/api/reports/daily?format=pdf&days=false", "days"),
        ("/api/patterns?from=2026-11-22&to=2026-11-22&format=pdf", ""),
    ] {
        let refused = bench.get(path, &hr).await;
        assert_eq!(
            (
                refused.status,
                refused.json()["error"]["field"].as_str().unwrap_or_default()
            ),
            (400, field),
            "{path}"
        );
    }
    assert_eq!(
        bench.get("/api/reports/daily?employee=NOBODY", &hr).await.status,
        404
    );
    assert_eq!(
        bench.post("/api/reports/daily", &hr, &json!({})).await.status,
        405
    );
    assert_eq!(bench.get("/api/reports/daily", "").await.status, 401);
    let sums = bench.get("/api/reports/daily?days=false", &hr).await.json();
    assert_eq!(
        (
            &sums["days"],
            &sums["totals"]["days"],
            &sums["totals"]["provisional"]
        ),
        (&json!([]), &json!(1), &json!(1))
    );
    let patterns = format!("/api/patterns?from={date}&to={date}");
    assert_eq!(bench.get(&patterns, &hr).await.json()["people"], 1);
}

#[tokio::test]
async fn hr_decides_over_a_day() {
    let (bench, hr) = office().await;
    let date = bench.get("/api/reports/daily", &hr).await.json()["from"]
        .as_str()
        .expect("date")
        .to_owned();
    let day = format!("/api/attendance/EMP001/{date}");
    assert_eq!(bench.get(&day, &hr).await.json()["name"], "Lee Min");
    let body = json!({"what": "corrected", "reason": "dinas luar", "correction": {"worked_s": 3600}});
    let corrected = bench.post(&day, &hr, &body).await;
    assert_eq!(corrected.status, 200, "{}", corrected.text);
    let corrected = corrected.json();
    assert_eq!(
        (&corrected["state"], &corrected["worked_s"]),
        (&json!("corrected"), &json!(3600))
    );
    assert_eq!(corrected["decisions"][0]["correction"], json!({"worked_s": 3600}));
    assert_eq!(
        bench.get("/api/attendance/differences", &hr).await.json(),
        json!([])
    );
    for (path, body, status) in [
        (day.as_str(), json!({"what": "corrected"}), 400),
        (
            &day,
            json!({"what": "corrected", "reason": "x", "correction": {"worked": 1}}),
            400,
        ),
        (&day, json!({"what": "shouted", "reason": "x"}), 400),
        (&day, json!({"what": "accepted", "reason": "x"}), 409),
        (
            &format!("/api/attendance/EMP001/{YEAR_LATER}"),
            json!({"what": "withdrawn", "reason": "x"}),
            400,
        ),
        (
            "/api/attendance/EMP001/today",
            json!({"what": "withdrawn", "reason": "x"}),
            400,
        ),
        (
            "/api/attendance/EMP009/2026-11-21",
            json!({"what": "withdrawn", "reason": "x"}),
            404,
        ),
    ] {
        let refused = bench.post(path, &hr, &body).await;
        assert_eq!(refused.status, status, "{path} {body}: {}", refused.text);
    }
}
