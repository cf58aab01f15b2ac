//! Badges with a QR code, held in front of the camera.
//!
//! A badge that is shown is present like a track, with an id of its own, for as long as it is read and a moment longer; and
//! where exactly one body is beside it, for as long as that body is surely the same.
//! A code that belongs to nobody is counted and leaves nothing else. A badge beside the face of somebody else is
//! counted as a conflict; whose face it is says the track beside it.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use hadir_models::frame::Frame;
use hadir_shared::sighting::{Basis, Method};

use super::people::{People, PersonId};
use super::presence::Present;
use super::qr;
use super::tracker::TrackId;

/// The code is looked for this often.
const READ_EVERY: TimeDelta = TimeDelta::milliseconds(300);
/// A badge that was not read for so long is gone.
const GONE_AFTER: TimeDelta = TimeDelta::milliseconds(3000);
/// The picture in which codes are looked for is at most so wide: a badge is held near the camera.
const WIDTH: u32 = 800;
/// Ids of badges begin here, far above those of faces.
const FIRST_ID: TrackId = 1 << 40;
/// A face belongs to a badge at most so many sizes of the face away from it.
const BESIDE: f32 = 4.0;

/// A badge is held at most so many widths of the body beside it.
const BESIDE_BODY: f32 = 0.6;

/// A code that was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scan {
    /// The badge's number.
    pub(super) code: String,
    /// The middle of the code, in pixels of the frame.
    pub(super) at: [f32; 2],
}

/// A face in the picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BesideFace {
    /// Who it is, if that is known.
    pub(super) person: Option<PersonId>,
    /// Left, top, width, height.
    pub(super) bounds: [f32; 4],
}

/// What came of the codes of one frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Noticed {
    /// Codes that belong to nobody.
    pub(super) unknown: u64,
    /// Badges beside somebody else's face.
    pub(super) conflicts: u64,
}

/// Whether this is the id of a badge.
pub(super) fn is_badge(id: TrackId) -> bool {
    id > FIRST_ID
}

/// The badges that are shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Badges {
    shown: Vec<Shown>,
    last_id: TrackId,
    read_at: Option<DateTime<Utc>>,
    /// Codes of nobody that are being shown, so that each is counted once.
    strangers: HashMap<String, DateTime<Utc>>,
}

/// A badge that is shown, or was, and the body that it named is there still.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) id: TrackId,
    pub(super) person: PersonId,
    /// When it was last read, and where.
    pub(super) last_at: DateTime<Utc>,
    pub(super) at: [f32; 2],
    /// When the body that it named was last surely there.
    pub(super) body_at: Option<DateTime<Utc>>,
    conflict: bool,
}

impl Shown {
    fn is_gone(&self, now: DateTime<Utc>) -> bool {
        now - self.last_at > GONE_AFTER
    }
}

impl Badges {
    /// Whether it is time to look for codes.
    pub(super) fn due(&mut self, now: DateTime<Utc>) -> bool {
        let due = self
            .read_at
            .is_none_or(|at| !(TimeDelta::zero()..READ_EVERY).contains(&(now - at)));
        if due {
            self.read_at = Some(now);
        }
        due
    }

    /// Takes the codes of a frame in.
    pub(super) fn show(
        &mut self,
        scans: &[Scan],
        faces: &[BesideFace],
        people: &People,
        now: DateTime<Utc>,
    ) -> Noticed {
        let mut noticed = Noticed::default();
        for scan in scans {
            let Some(person) = people.of_badge(&scan.code) else {
                let last = self.strangers.insert(scan.code.clone(), now);
                noticed.unknown += u64::from(last.is_none_or(|at| now - at > GONE_AFTER));
                continue;
            };
            let conflict = conflicts(&person, scan, faces);
            let known = self.shown.iter_mut().find(|shown| shown.person == person);
            let shown = match known {
                Some(shown) => shown,
                None => {
                    self.last_id += 1;
                    self.shown.push(Shown {
                        id: FIRST_ID + self.last_id,
                        person,
                        last_at: now,
                        at: scan.at,
                        body_at: None,
                        conflict: false,
                    });
                    let last = self.shown.len() - 1;
                    &mut self.shown[last]
                }
            };
            (shown.last_at, shown.at) = (now, scan.at);
            noticed.conflicts += u64::from(conflict && !shown.conflict);
            shown.conflict |= conflict;
        }
        noticed
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Shown> {
        self.shown.iter()
    }

    pub(super) fn get(&self, id: TrackId) -> Option<&Shown> {
        self.shown.iter().find(|shown| shown.id == id)
    }

    /// The bodies with these ids (of [`Shown::id`]) are there: surely now, or perhaps.
    pub(super) fn note_bodies(&mut self, sure: impl Fn(TrackId) -> bool, now: DateTime<Utc>) {
        for shown in self.shown.iter_mut().filter(|shown| sure(shown.id)) {
            shown.body_at = Some(now);
        }
    }

    /// The badges that are shown now, and those whose body is `followed` still.
    pub(super) fn present(
        &mut self,
        people: &People,
        followed: impl Fn(&Shown) -> bool,
        now: DateTime<Utc>,
    ) -> Vec<Present> {
        // A badge that was taken back ends at once.
        self.shown
            .retain(|shown| (!shown.is_gone(now) || followed(shown)) && people.has_badge(&shown.person));
        self.strangers.retain(|_, at| now - *at <= GONE_AFTER);
        let present = self.shown.iter().map(|shown| {
            let (last_at, basis) = match shown.body_at {
                Some(at) if at > shown.last_at => (at, Basis::Body),
                _ => (shown.last_at, Basis::Face),
            };
            Present {
                track: shown.id,
                person: shown.person.clone(),
                method: Method::Qr,
                last_at,
                basis,
                verified_at: shown.last_at,
                confidence: 1.0,
            }
        });
        present.collect()
    }

    /// Everything ends.
    pub(super) fn finish(&mut self) {
        self.shown.clear();
    }
}

/// Which of these bodies (left, top, width, height) a badge is beside, if that is exactly one: it is held before the body or
/// next to it.
pub(super) fn beside(at: [f32; 2], bodies: &[[f32; 4]]) -> Option<usize> {
    let near = |[x, y, w, h]: [f32; 4]| {
        let room = BESIDE_BODY * w;
        (x - room..x + w + room).contains(&at[0]) && (y..y + h + room).contains(&at[1])
    };
    let mut all = (0..bodies.len()).filter(|b| near(bodies[*b]));
    all.next().filter(|_| all.next().is_none())
}

/// Whether a badge is beside the face of somebody else than its owner. Nobody knows whose a nearest face without a name
/// is: the owner's, as long as it is not recognised.
fn conflicts(owner: &PersonId, scan: &Scan, faces: &[BesideFace]) -> bool {
    let distance = |face: &BesideFace| {
        let [x, y, width, height] = face.bounds;
        let off = (x + width / 2.0 - scan.at[0]).hypot(y + height / 2.0 - scan.at[1]);
        off / width.max(height).max(1.0)
    };
    let nearest = faces
        .iter()
        .map(|face| (distance(face), &face.person))
        .filter(|(distance, _)| *distance <= BESIDE)
        .min_by(|a, b| a.0.total_cmp(&b.0));
    nearest.is_some_and(|(_, person)| person.as_ref().is_some_and(|person| person != owner))
}

/// Reads the codes in a frame.
pub(super) fn read(frame: Frame<'_>) -> Vec<Scan> {
    let (width, height) = frame.dimensions();
    let step = width.div_ceil(WIDTH).max(1);
    let size = ((width / step) as usize, (height / step) as usize);
    let step = step as usize;
    let grey = |x: usize, y: usize| {
        let row = frame.brightness(y * step);
        row[x * step * (row.len() / width as usize)]
    };
    let scans = qr::read(size, grey).into_iter();
    scans
        .map(|(code, at)| Scan {
            code,
            at: at.map(|x| x * step as f32),
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use hadir_models::{FrameBuf, I420Buf, frame::Colours};
    use image::{Rgb, RgbImage};

    use super::*;

    /// The code of `hadir:7341`, as `qrencode` draws it: a module a pixel, four around it.
    const CODE: &[u8] = include_bytes!("../../testdata/badge-7341.png");

    /// The code, so many pixels a module, on a grey picture.
    pub(in super::super) fn picture(pixels: u32) -> RgbImage {
        let code = image::load_from_memory(CODE).expect("a picture").into_rgb8();
        let side = code.width() * pixels;
        let code = image::imageops::resize(&code, side, side, image::imageops::FilterType::Nearest);
        let mut picture = RgbImage::from_pixel(640, 360, Rgb([110; 3]));
        image::imageops::overlay(&mut picture, &code, 100, 50);
        picture
    }

    fn people(badges: &[(&str, &str)]) -> People {
        let badges = badges
            .iter()
            .map(|(code, person)| ((*code).to_owned(), PersonId::from(*person)));
        People::default().with_badges(badges)
    }

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
    }

    fn scan(code: &str) -> Scan {
        Scan {
            code: code.into(),
            at: [100.0, 100.0],
        }
    }

    #[test]
    fn a_badge_is_read_from_either_kind_of_frame() {
        let rgb = picture(5);
        let grey: Vec<u8> = rgb.pixels().map(|p| p.0[0]).collect();
        let mut data = grey;
        data.resize(I420Buf::bytes((640, 360)).expect("small"), 128);
        let planes = I420Buf::new((640, 360), data, Colours::Bt601).expect("fits");
        for frame in [FrameBuf::from(rgb), FrameBuf::I420(planes)] {
            let scans = read((&frame).into());
            assert_eq!(scans.len(), 1);
            assert_eq!(scans[0].code, "7341");
            let [x, y] = scans[0].at;
            assert!(
                (160.0..190.0).contains(&x) && (110.0..140.0).contains(&y),
                "{x} {y}"
            );
        }
    }

    #[test]
    fn pictures_without_a_code_have_none() {
        for size in [(0, 0), (1, 1), (20, 400), (640, 360), (3000, 30)] {
            let noise = RgbImage::from_fn(size.0, size.1, |x, y| Rgb([(x * 31 + y * 17) as u8; 3]));
            assert_eq!(read((&FrameBuf::from(noise)).into()), []);
        }
    }

    #[test]
    fn a_badge_is_present_while_it_is_shown() {
        let people = people(&[("7341", "EMP007")]);
        let mut badges = Badges::default();
        assert_eq!(
            badges.show(&[scan("7341")], &[], &people, at(0)),
            Noticed::default()
        );
        let present = badges.present(&people, |_| false, at(0));
        assert_eq!(present.len(), 1);
        assert_eq!(
            (&*present[0].person, present[0].method, present[0].track),
            ("EMP007", Method::Qr, FIRST_ID + 1)
        );
        assert_eq!(badges.present(&people, |_| false, at(3000)).len(), 1);
        assert_eq!(badges.present(&people, |_| false, at(3100)).len(), 0);
        badges.show(&[scan("7341")], &[], &people, at(9000));
        assert_eq!(
            badges.present(&people, |_| false, at(9000))[0].track,
            FIRST_ID + 2
        );
        // Taken back: gone at once.
        assert_eq!(badges.present(&self::people(&[]), |_| false, at(9000)).len(), 0);
    }

    #[test]
    fn a_code_of_nobody_is_counted_once_while_it_is_shown() {
        let people = people(&[]);
        let mut badges = Badges::default();
        let mut unknown = 0;
        for ms in (0..3000).step_by(300) {
            unknown += badges.show(&[scan("9")], &[], &people, at(ms)).unknown;
            assert!(badges.present(&people, |_| false, at(ms)).is_empty());
        }
        assert_eq!(unknown, 1);
        badges.present(&people, |_| false, at(9000));
        assert_eq!(badges.show(&[scan("9")], &[], &people, at(9000)).unknown, 1);
    }

    #[test]
    fn a_badge_beside_another_face_is_a_conflict() {
        let people = people(&[("7341", "EMP007")]);
        let face = |person: &str, x: f32| BesideFace {
            person: (!person.is_empty()).then(|| person.into()),
            bounds: [x, 60.0, 40.0, 50.0],
        };
        let conflicts = |faces: &[BesideFace]| {
            let mut badges = Badges::default();
            let noticed = (0..4).map(|i| badges.show(&[scan("7341")], faces, &people, at(300 * i)));
            noticed.map(|noticed| noticed.conflicts).sum::<u64>()
        };
        assert_eq!(conflicts(&[]), 0);
        assert_eq!(conflicts(&[face("EMP007", 80.0)]), 0);
        assert_eq!(conflicts(&[face("EMP001", 80.0)]), 1);
        assert_eq!(conflicts(&[face("EMP001", 180.0), face("EMP007", 90.0)]), 0);
        assert_eq!(conflicts(&[face("EMP001", 900.0)]), 0);
        // The owner, not recognised yet, with a colleague behind.
        assert_eq!(conflicts(&[face("EMP001", 180.0), face("", 90.0)]), 0);
        // The colleague showed it first: the owner, who shows it then, is no conflict.
        let mut badges = Badges::default();
        let mut shown =
            |faces: &[BesideFace], ms| badges.show(&[scan("7341")], faces, &people, at(ms)).conflicts;
        assert_eq!(shown(&[face("EMP001", 80.0)], 0), 1);
        badges.present(&people, |_| false, at(60_000));
        let mut shown =
            |faces: &[BesideFace], ms| badges.show(&[scan("7341")], faces, &people, at(ms)).conflicts;
        assert_eq!(shown(&[face("EMP007", 80.0)], 60_000), 0);
    }

    #[test]
    fn a_badge_goes_on_with_the_one_body_beside_it() {
        let people = people(&[("7341", "EMP007")]);
        let mut badges = Badges::default();
        badges.show(&[scan("7341")], &[], &people, at(0));
        let id = FIRST_ID + 1;
        badges.note_bodies(|shown| shown == id, at(5000));
        let present = badges.present(&people, |shown| shown.id == id, at(5000));
        assert_eq!(
            (
                present[0].method,
                present[0].basis,
                present[0].last_at,
                present[0].verified_at
            ),
            (Method::Qr, Basis::Body, at(5000), at(0))
        );
        // The body is not sure: nothing is said, and nothing ends. Then it is gone.
        assert_eq!(badges.present(&people, |_| true, at(9000))[0].last_at, at(5000));
        assert!(badges.present(&people, |_| false, at(9000)).is_empty());

        let (one, other, far) = (
            [80.0, 50.0, 60.0, 150.0],
            [150.0, 50.0, 60.0, 150.0],
            [400.0, 50.0, 60.0, 150.0],
        );
        assert_eq!(beside([100.0, 100.0], &[far, one]), Some(1));
        assert_eq!(beside([100.0, 100.0], &[one, other]), Some(0));
        assert_eq!(
            beside([130.0, 100.0], &[one, other]),
            None,
            "whose it is nobody can say"
        );
        assert_eq!(beside([300.0, 100.0], &[one, far]), None);
    }

    #[test]
    fn codes_are_looked_for_now_and_then() {
        let mut badges = Badges::default();
        let looked = (0..30).filter(|i| badges.due(at(100 * i))).count();
        assert_eq!(looked, 10);
        assert!(badges.due(at(-5000)), "a clock set back");
    }
}
