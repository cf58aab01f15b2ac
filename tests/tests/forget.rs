//! Deleting an employee who stands in front of the camera: at once an unknown face, and no template anywhere.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hadir_shared::{gallery, secret};
use hadir_tests::harness::site::{Camera, Source};
use hadir_tests::harness::system::{Agent, Broker, Plan, System};
use hadir_tests::harness::{Error, alone, paths};
use hadir_tests::recordings::{self, script};
use reqwest::Method;

const WHO: &str = "EMP102";
/// Within which time the deletion has to be felt everywhere.
const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_employee_is_an_unknown_face_within_ten_seconds() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("folder");
    let recording = recordings::make(&script::stays(), &paths::recordings().expect("folder"))
        .unwrap_or_else(|e| panic!("{e}"));
    let camera = Camera {
        id: "cam-1",
        number: 1,
        label: "Lobi",
        area: "lobi",
        source: Source::Recording(recording),
    };
    let agents = vec![Agent {
        id: "gate-1",
        cameras: vec![camera],
    }];
    let plan = Plan::with_free_ports(folder.path().to_owned(), Broker::Embedded, agents).expect("ports");
    let mut system = System::start(plan).await.unwrap_or_else(|e| panic!("{e}"));
    if let Err(e) = forget(&mut system).await {
        panic!("{}", system.explain(e));
    }
    system.stop().unwrap_or_else(|e| panic!("{e}"));
}

async fn forget(system: &mut System) -> Result<(), Error> {
    system.wait_for_cameras(Duration::from_secs(90)).await?;
    system.register_staff().await?;
    let mut live = system.api.watch("cam-1").await?;
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let (frame, _) = live.next(Duration::from_secs(20)).await?;
        if frame
            .tracks
            .iter()
            .any(|t| t.employee.as_ref().is_some_and(|e| e.as_str() == WHO))
        {
            break;
        }
        if Instant::now() > end {
            return Err(Error::Other(format!(
                "{WHO} was not named on the live view: {frame:?}"
            )));
        }
    }
    let templates = templates_of(system, WHO)?;
    if templates.is_empty() {
        return Err(Error::Other("there is no template to be erased".into()));
    }
    if holding(&system.site.dir, &templates)?.is_empty() {
        return Err(Error::Other(
            "the search does not even find a template that is there".into(),
        ));
    }

    let answer = system
        .api
        .must(Method::DELETE, &format!("/api/employees/{WHO}"), None)
        .await?;
    let deleted = Instant::now();
    if answer["deleted"] != WHO || answer["templates"] != templates.len() {
        return Err(Error::Other(format!(
            "the deletion says {answer}, not {} templates",
            templates.len()
        )));
    }
    // Unknown as soon as the agent has the new gallery; from then on for good.
    let mut unknown_since = None;
    while deleted.elapsed() < LIMIT + Duration::from_secs(5) {
        let (frame, _) = live.next(Duration::from_secs(10)).await?;
        let named = frame
            .tracks
            .iter()
            .any(|t| t.employee.is_some() || t.name.is_some());
        match (named, frame.tracks.is_empty()) {
            (true, _) if deleted.elapsed() > LIMIT => {
                return Err(Error::Other(format!(
                    "named {} s after the deletion: {frame:?}",
                    deleted.elapsed().as_secs()
                )));
            }
            (true, _) => unknown_since = None,
            // A face without a name, not an empty picture.
            (false, false) => unknown_since = unknown_since.or(Some(deleted.elapsed())),
            (false, true) => {}
        }
    }
    if unknown_since.is_none_or(|since| since > LIMIT) {
        return Err(Error::Other(format!(
            "no unknown face on the live view within {LIMIT:?} ({unknown_since:?})"
        )));
    }
    let status = system.api.get("/api/status").await?;
    if status.to_string().contains(WHO) {
        return Err(Error::Other(format!("the status still knows {WHO}: {status}")));
    }

    let left = holding(&system.site.dir, &templates)?;
    if !left.is_empty() {
        return Err(Error::Other(format!("a template is still in {left:?}")));
    }
    // What the agent keeps sealed cannot be searched; it has to be opened.
    let sealed = std::fs::read(system.site.bundle("gate-1").join("data/gallery.sealed"));
    let sealed = sealed.map_err(|e| Error::Other(format!("gallery.sealed: {e}")))?;
    let key = secret::decode(&system.site.credential("gate-1", "gallery_key")?);
    let key = key.ok_or_else(|| Error::Other("the gallery key is none".into()))?;
    let gallery = gallery::open(&sealed, "cikarang.gate-1", &key).map_err(|e| Error::Other(e.to_string()))?;
    if gallery.people.iter().any(|p| p.employee.as_str() == WHO) || gallery.people.is_empty() {
        return Err(Error::Other(format!(
            "the device's gallery is not the one without {WHO}"
        )));
    }
    Ok(())
}

/// The templates of one employee as the store holds them.
fn templates_of(system: &System, employee: &str) -> Result<Vec<Vec<u8>>, Error> {
    let at = |e: rusqlite::Error| Error::Other(format!("the store cannot be read: {e}"));
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let store = rusqlite::Connection::open_with_flags(system.site.dir.join("data/hadir.sqlite"), flags)
        .map_err(at)?;
    let mut statement = store
        .prepare("select embedding from template where employee = ?1")
        .map_err(at)?;
    let rows = statement.query_map([employee], |row| row.get(0)).map_err(at)?;
    rows.collect::<Result<_, _>>().map_err(at)
}

/// The files below a folder that hold any part of a template, and in which form.
fn holding(folder: &Path, templates: &[Vec<u8>]) -> Result<Vec<(PathBuf, &'static str)>, Error> {
    let traces = traces(templates);
    let mut found = Vec::new();
    for file in files(folder) {
        let bytes = std::fs::read(&file).map_err(|e| Error::File(file.clone(), e))?;
        if let Some((how, _)) = traces.iter().find(|(_, trace)| contains(&bytes, trace)) {
            found.push((file, *how));
        }
    }
    Ok(found)
}

/// The forms in which a template could have been left: parts of it raw, and as base64.
fn traces(templates: &[Vec<u8>]) -> Vec<(&'static str, Vec<u8>)> {
    let mut traces = Vec::new();
    for template in templates {
        // The store pads templates with zeros, which are found anywhere.
        let from = template.iter().position(|b| *b != 0).unwrap_or(0) / 4 * 4;
        let template = &template[from..];
        assert!(template.len() >= 256, "a template of {} bytes", template.len());
        traces.extend(template.chunks_exact(32).map(|part| ("raw", part.to_vec())));
        traces.push(("base64", STANDARD.encode(template).as_bytes()[..64].to_vec()));
    }
    traces
}

fn contains(bytes: &[u8], trace: &[u8]) -> bool {
    // The first byte is looked for first: a plain search over windows takes minutes in a debug build.
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|b| *b == trace[0]) {
        if bytes[from + at..].starts_with(trace) {
            return true;
        }
        from += at + 1;
    }
    false
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found
}

#[test]
fn the_search_finds_what_is_there() {
    let template: Vec<u8> = (0..512).map(|i| (i * 7 % 251) as u8 | 1).collect();
    let traces = traces(std::slice::from_ref(&template));
    let whole = [b"SQLite".as_slice(), &template, b"end"].concat();
    assert!(
        traces
            .iter()
            .filter(|(how, _)| *how == "raw")
            .all(|(_, t)| contains(&whole, t))
    );
    let json = format!("[\"{}\"]", STANDARD.encode(&template));
    assert!(
        traces
            .iter()
            .any(|(how, t)| *how == "base64" && contains(json.as_bytes(), t))
    );
    assert!(!traces.iter().any(|(_, t)| contains(b"SQLite format 3", t)));
}
