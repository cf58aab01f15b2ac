//! The WebSockets and what devices ask for.

use super::*;

fn frame(camera: &str) -> Vec<u8> {
    let track = |track, id: &str| TrackBox {
        basis: hadir_shared::sighting::Basis::Face,
        track,
        bounds: [1.0, 2.0, 3.0, 4.0],
        employee: Some(employee(id)),
        name: None,
        confidence: 0.9,
    };
    let frame = Frame {
        camera: CameraId::new(camera).expect("id"),
        at: chrono::Utc::now(),
        width: 640,
        height: 360,
        fps: 9.5,
        tracks: vec![track(1, "BOSS"), track(2, "OTHER")],
        face: Some("a stranger's face".into()),
    };
    live::encode(&frame, &[0xff, 0xd8, 0xff, 0xd9])
}

async fn names(socket: &mut Socket) -> Vec<Option<String>> {
    loop {
        if let Message::Binary(message) = next(socket).await {
            let (frame, jpeg) = live::decode(&message).expect("a frame");
            assert_eq!(jpeg, [0xff, 0xd8, 0xff, 0xd9]);
            return frame.tracks.into_iter().map(|track| track.name).collect();
        }
    }
}

#[tokio::test]
async fn events_tell_each_viewer_what_they_may_know() {
    let bench = bench().await;
    bench
        .core
        .create_employee(&admin(), new("BOSS", "Sari", None))
        .expect("made");
    let (hr, supervisor) = (bench.login("hr").await, bench.login_supervisor("BOSS").await);
    let technician = bench.login("technician").await;
    let mut sockets = Vec::new();
    for cookie in [&hr, &supervisor, &technician] {
        let mut socket = bench
            .socket("/api/events", &[("cookie", cookie)])
            .await
            .expect("opens");
        assert_eq!(next_json(&mut socket).await["type"], "hello");
        sockets.push(socket);
    }
    let [hr, supervisor, technician] = &mut sockets[..] else {
        panic!("three sockets")
    };
    bench
        .core
        .create_employee(&admin(), new("OTHER", "Tini", None))
        .expect("made");
    next_event(hr, "employees").await;
    next_event(supervisor, "employees").await;
    bench.camera_comes();
    let camera = next_event(technician, "camera").await;
    assert_eq!(
        (&camera["camera"]["id"], &camera["camera"]["viewers"]),
        (&json!("cam-1"), &json!(0))
    );
    next_event(hr, "camera").await;

    // A banner is for those who can do something about it.
    bench.core.raise_banner(crate::core::Banner {
        key: "whatsapp_token",
        level: crate::core::Level::Error,
        message: crate::sentence::say!("WhatsApp refuses the token.", "WhatsApp menolak token."),
    });
    let banner = next_event(hr, "banner").await;
    assert_eq!(
        banner["message"],
        json!({"en": "WhatsApp refuses the token.", "id": "WhatsApp menolak token."})
    );
    bench
        .core
        .create_employee(&admin(), new("THIRD", "Joko", None))
        .expect("made");
    loop {
        let event = next_json(supervisor).await;
        assert_ne!(event["type"], "banner");
        if event["type"] == "employees" {
            break;
        }
    }
}

#[tokio::test]
async fn a_device_gets_its_gallery_sealed() {
    let bench = bench().await;
    bench.camera_comes();
    bench
        .core
        .create_employee(&admin(), new("E1", "Budi", None))
        .expect("made");
    let mut values = vec![0.0; 128];
    values[0] = 1.0;
    let template = Template(values);
    let id = employee("E1");
    let added = bench
        .core
        .add_templates(&admin(), &id, enrolment::model_id(), vec![template.clone()])
        .expect("added");
    let ask = |name: &str, token: &str| {
        bench
            .request(Method::GET, "/agent/v1/gallery", "")
            .bearer_auth(token)
            .header("x-hadir-device", name)
    };
    let response = ask("cikarang.gate-1", &bench.gate_1.token)
        .send()
        .await
        .expect("answered");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    let tag = response.headers()["etag"].to_str().expect("text").to_owned();
    assert_eq!(tag, format!("\"{}\"", added.gallery_version));
    let sealed = response.bytes().await.expect("body");
    let gallery =
        hadir_shared::gallery::open(&sealed, "cikarang.gate-1", &bench.gate_1.gallery_key).expect("opens");
    assert_eq!(
        (gallery.version, gallery.model.as_str()),
        (added.gallery_version, enrolment::model_id())
    );
    assert_eq!(gallery.people[0].templates, [template]);
    assert!(hadir_shared::gallery::open(&sealed, "cikarang.gate-1", &bench.gate_2.gallery_key).is_err());

    let same = bench
        .send(ask("cikarang.gate-1", &bench.gate_1.token).header("if-none-match", &tag))
        .await;
    assert_eq!((same.status, same.header("etag")), (304, tag.as_str()));
    for (name, token) in [
        ("cikarang.gate-1", bench.gate_2.token.as_str()),
        ("cikarang.gate-1", bench.gate_1.password.as_str()),
        ("cikarang.gate-9", bench.gate_1.token.as_str()),
        ("", bench.gate_1.token.as_str()),
    ] {
        assert_eq!(
            bench.send(ask(name, token)).await.error(),
            (401, "unauthenticated".into()),
            "{name}"
        );
    }
    let patch = EmployeePatch {
        consent: Some(None),
        ..EmployeePatch::default()
    };
    bench
        .core
        .update_employee(&admin(), &id, patch)
        .expect("withdrawn");
    let response = ask("cikarang.gate-1", &bench.gate_1.token)
        .header("if-none-match", &tag)
        .send()
        .await;
    let sealed = response.expect("answered").bytes().await.expect("body");
    let gallery =
        hadir_shared::gallery::open(&sealed, "cikarang.gate-1", &bench.gate_1.gallery_key).expect("opens");
    assert!(gallery.people.is_empty() && gallery.version > added.gallery_version);
}

#[tokio::test]
async fn the_live_view_shows_names_to_those_who_may_know_them() {
    let bench = bench().await;
    bench
        .core
        .create_employee(&admin(), new("BOSS", "Sari", None))
        .expect("made");
    bench
        .core
        .create_employee(&admin(), new("OTHER", "Tini", None))
        .expect("made");
    bench.camera_comes();
    let cookies = [
        bench.login("hr").await,
        bench.login_supervisor("BOSS").await,
        bench.login("technician").await,
    ];
    let mut viewers = Vec::new();
    for cookie in &cookies {
        let mut viewer = bench
            .socket("/api/cameras/cam-1/live", &[("cookie", cookie)])
            .await
            .expect("opens");
        assert_eq!(next_json(&mut viewer).await, json!({"state": "connecting"}));
        viewers.push(viewer);
    }
    assert_eq!(
        bench.get("/api/cameras", &cookies[0]).await.json()[0]["viewers"],
        3
    );
    let mut agent = bench
        .agent_socket("cam-1", &bench.gate_1.token)
        .await
        .expect("opens");
    agent.send(Message::binary(frame("cam-1"))).await.expect("sent");
    let (sari, tini) = (Some("Sari".to_owned()), Some("Tini".to_owned()));
    for (viewer, seen) in viewers
        .iter_mut()
        .zip([[sari.clone(), tini], [sari, None], [None, None]])
    {
        assert_eq!(names(viewer).await, seen);
    }

    // A second stream of the same camera takes over; the first is told to end.
    let mut second = bench
        .agent_socket("cam-1", &bench.gate_1.token)
        .await
        .expect("opens");
    assert!(matches!(next(&mut agent).await, Message::Close(_)));
    second.send(Message::binary(frame("cam-1"))).await.expect("sent");
    names(&mut viewers[0]).await;
    // Rubbish ends the stream and nothing else.
    second.send(Message::binary(vec![0; 20])).await.expect("sent");
    assert!(matches!(next(&mut second).await, Message::Close(_)));
    assert_eq!(next_json(&mut viewers[0]).await, json!({"state": "connecting"}));
    assert_eq!(bench.hub.viewers(&CameraId::new("cam-1").expect("id")), 3);
}

#[tokio::test]
async fn a_strangers_face_goes_to_whoever_enrols_them_and_is_recorded() {
    let bench = bench().await;
    bench.camera_comes();
    bench
        .core
        .create_employee(&admin(), new("BOSS", "Sari", None))
        .expect("made");
    let without = NewEmployee {
        consent: None,
        ..new("OTHER", "Tini", None)
    };
    bench.core.create_employee(&admin(), without).expect("made");
    let (hr, supervisor) = (bench.login("hr").await, bench.login_supervisor("BOSS").await);
    let watch = |path: &'static str, cookie: String| {
        let bench = &bench;
        async move { bench.socket(path, &[("cookie", cookie.as_str())]).await }
    };
    for (path, cookie, status) in [
        ("/api/cameras/cam-1/live?enrol=BOSS", &supervisor, 403),
        ("/api/cameras/cam-1/live?enrol=OTHER", &hr, 409),
        ("/api/cameras/cam-1/live?enrol=NOBODY", &hr, 404),
    ] {
        assert_eq!(watch(path, cookie.clone()).await.err(), Some(status), "{path}");
    }
    let mut enrolling = watch("/api/cameras/cam-1/live?enrol=BOSS", hr.clone())
        .await
        .expect("opens");
    let mut looking = watch("/api/cameras/cam-1/live", hr).await.expect("opens");
    let mut agent = bench
        .agent_socket("cam-1", &bench.gate_1.token)
        .await
        .expect("streams");
    agent
        .send(Message::Binary(frame("cam-1").into()))
        .await
        .expect("sent");
    for (socket, face) in [(&mut enrolling, Some("a stranger's face")), (&mut looking, None)] {
        let shown = loop {
            if let Message::Binary(message) = next(socket).await {
                break live::decode(&message).expect("a frame").0.face;
            }
        };
        assert_eq!(shown.as_deref(), face);
    }
    let record = bench.core.audited(&admin(), None).expect("record");
    assert_eq!(record[0].what, "employee BOSS enrolled at camera cam-1");

    // After two minutes the face is shown no more; whoever only looks goes on looking.
    bench.clock.advance(TimeDelta::seconds(119));
    let mut shown = async |socket: &mut Socket| {
        agent
            .send(Message::Binary(frame("cam-1").into()))
            .await
            .expect("sent");
        loop {
            match next(socket).await {
                Message::Text(_) => {}
                other => break other,
            }
        }
    };
    assert!(matches!(shown(&mut enrolling).await, Message::Binary(_)));
    bench.clock.advance(TimeDelta::seconds(1));
    let Message::Close(Some(end)) = shown(&mut enrolling).await else {
        panic!("it goes on")
    };
    assert_eq!(u16::from(end.code), 1013);
    // Two frames may still wait for it from before.
    for _ in 0..3 {
        assert!(matches!(shown(&mut looking).await, Message::Binary(_)));
    }
}

#[tokio::test]
async fn only_its_own_device_streams_a_camera() {
    let bench = bench().await;
    bench.camera_comes();
    assert_eq!(bench.agent_socket("cam-1", "wrong").await.err(), Some(401));
    assert_eq!(
        bench.agent_socket("cam-9", &bench.gate_1.token).await.err(),
        Some(404)
    );
    let token = format!("Bearer {}", bench.gate_2.token);
    let foreign = [
        ("authorization", token.as_str()),
        ("x-hadir-device", "cikarang.gate-2"),
    ];
    assert_eq!(
        bench.socket("/agent/v1/live/cam-1", &foreign).await.err(),
        Some(403)
    );
    let cookie = bench.login("hr").await;
    assert_eq!(
        bench
            .socket("/api/cameras/cam-9/live", &[("cookie", &cookie)])
            .await
            .err(),
        Some(404)
    );
    let mut agent = bench
        .agent_socket("cam-1", &bench.gate_1.token)
        .await
        .expect("opens");
    agent.send(Message::binary(frame("cam-2"))).await.expect("sent");
    assert!(
        matches!(next(&mut agent).await, Message::Close(_)),
        "a frame of another camera"
    );
}

#[tokio::test]
async fn sockets_are_told_that_the_aggregator_stops() {
    let bench = bench().await;
    let cookie = bench.login("hr").await;
    let mut socket = bench
        .socket("/api/events", &[("cookie", &cookie)])
        .await
        .expect("opens");
    assert_eq!(next_json(&mut socket).await["type"], "hello");
    bench.stop.send(true).expect("somebody listens");
    assert!(matches!(next(&mut socket).await, Message::Close(Some(frame)) if u16::from(frame.code) == 1001));
}
