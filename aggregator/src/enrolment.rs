//! Enrolment: photographs become templates, or the reason why not.
//!
//! One request is worked on at a time, on a thread where blocking is allowed: a photograph of 50 million
//! pixels takes 150 MB while it is looked at. Photographs are kept nowhere.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::sentence::{Sentence, say};
use bytes::Bytes;
use hadir_models::detect::{DetectOptions, Detector, Face};
use hadir_models::embed::{Embedder, Embedding};
use hadir_models::quality::{self, Quality};
use hadir_models::{align, matching, model, picture};
use hadir_shared::gallery::Template;
use hadir_shared::id::EmployeeId;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Smallest distance of the eyes in pixels: below, the crop of 112 pixels (35 between the eyes) is mostly
/// guessed.
const MIN_EYE_DISTANCE: f32 = 24.0;
/// Smallest variance of the Laplacian, see [`Quality::sharpness`].
const MIN_SHARPNESS: f32 = 20.0;
/// Largest turn of the head to either side, up or down, in degrees.
const MAX_TURN: f32 = 40.0;
/// A second face of at least this part of the largest one's size makes it unclear who is meant; smaller ones
/// stand in the background.
const RIVAL: f32 = 0.5;
/// From this similarity on a face counts as somebody else's who is enrolled. Above the model's threshold for
/// recognition (0.363), because each new face is compared with everybody's templates at once. Enrolling 426
/// people of LFW one after the other, 69 were refused as somebody else at 0.363, 16 at 0.4, none at 0.45;
/// second photos of 200 of them were recognised 197, 196 and 195 times.
const SAME_PERSON: f32 = 0.45;
/// Whoever would wait longer is sent away.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes templates. The networks are loaded with the first photograph: 38 MB that most starts do not need.
pub struct Enroller {
    networks: OnceLock<Result<Networks, String>>,
    turn: Semaphore,
}

struct Networks {
    detector: Detector,
    embedder: Embedder,
}

/// One photograph that was taken.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// What is stored.
    pub template: Template,
    /// How good the view is.
    pub quality: Quality,
    /// Left, top, width, height of the face in the photograph.
    pub bounds: [f32; 4],
    /// Somebody else whom the face is like, although it is not taken for theirs.
    pub alike: Option<Likeness>,
}

/// How much a face is like somebody's.
#[derive(Clone, Debug, PartialEq)]
pub struct Likeness {
    /// Whose.
    pub employee: EmployeeId,
    /// The cosine, 1 for the same.
    pub similarity: f32,
}

/// Whom a photograph would be taken for.
#[derive(Clone, Debug)]
pub struct Tried {
    /// How good the view is.
    pub quality: Quality,
    /// How much it is like whose it is said to be, if they have a template.
    pub own: Option<Likeness>,
    /// Who else it is most like.
    pub other: Option<Likeness>,
}

/// Why a photograph was not taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// No face in it.
    NoFace,
    /// More than one face.
    SeveralFaces,
    /// Too few pixels.
    TooSmall {
        /// Distance of the eyes in pixels.
        eye_distance: f32,
    },
    /// Not sharp.
    TooBlurred,
    /// Seen from the side.
    TurnedAway,
    /// Somebody else's face.
    AlreadyEnrolled {
        /// Whose.
        employee: EmployeeId,
        /// Their name, as far as it is known here.
        name: Option<String>,
    },
    /// No consent.
    NoConsent,
    /// Not a picture that can be used.
    Unreadable(String),
}

impl Reason {
    /// As it stands in `error.reason`.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::NoFace => "no_face",
            Reason::SeveralFaces => "several_faces",
            Reason::TooSmall { .. } => "too_small",
            Reason::TooBlurred => "too_blurred",
            Reason::TurnedAway => "turned_away",
            Reason::AlreadyEnrolled { .. } => "already_enrolled",
            Reason::NoConsent => "no_consent",
            Reason::Unreadable(_) => "unreadable",
        }
    }

    /// What is wrong, and what to do.
    pub fn sentence(&self) -> Sentence {
        match self {
            Reason::NoFace => say!(
                "There is no face in this photo; take one from the front, in good light.",
                "Tidak ada wajah di foto ini; ambil foto dari depan, dalam cahaya yang cukup."
            ),
            Reason::SeveralFaces => say!(
                "There are several faces in this photo; take one that shows only this employee.",
                "Ada lebih dari satu wajah di foto ini; ambil foto yang hanya memuat karyawan ini."
            ),
            Reason::TooSmall { eye_distance } => say!(
                "The face is too small ({eye_distance:.0} pixels between the eyes, at least 24 are needed); \
                 take the photo from nearer.",
                "Wajahnya terlalu kecil (jarak mata {eye_distance:.0} piksel, perlu paling sedikit 24); \
                 ambil foto dari lebih dekat."
            ),
            Reason::TooBlurred => say!(
                "The face is blurred; hold the camera still, in good light.",
                "Wajahnya kabur; tahan kamera diam, dalam cahaya yang cukup."
            ),
            Reason::TurnedAway => say!(
                "The face is turned away; look into the camera.",
                "Wajahnya menoleh; hadapkan wajah ke kamera."
            ),
            Reason::AlreadyEnrolled { employee, name } => {
                let who = match name {
                    Some(name) => format!("{name} ({employee})"),
                    None => employee.to_string(),
                };
                say!(
                    "This face is already enrolled as {who}; check who is in the photo.",
                    "Wajah ini sudah terdaftar sebagai {who}; periksa siapa yang ada di foto."
                )
            }
            Reason::NoConsent => say!(
                "This employee has not consented to face recognition; record the consent first, or give them a badge.",
                "Karyawan ini belum menyetujui pengenalan wajah; catat persetujuannya dahulu, atau beri ia kartu."
            ),
            Reason::Unreadable(why) => say!(
                "The photo cannot be used: {why}.",
                "Foto ini tidak dapat digunakan; kirim JPEG atau PNG yang utuh ({why})."
            ),
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.sentence().fmt(f)
    }
}

/// Why there are no templates.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EnrolmentError {
    /// A photograph was refused.
    #[error("{reason}")]
    Refused {
        /// Which one, from 1.
        photo: usize,
        /// Of how many.
        of: usize,
        /// Why.
        reason: Reason,
    },
    /// Too many wait.
    #[error("Other photos are being looked at; try again in a minute.")]
    Busy,
    /// Our own fault.
    #[error("The photo could not be looked at: {0}.")]
    Failed(String),
}

impl EnrolmentError {
    /// With the name of whoever the face is enrolled as.
    pub fn naming(mut self, name_of: impl FnOnce(&EmployeeId) -> Option<String>) -> Self {
        if let Self::Refused {
            reason: Reason::AlreadyEnrolled { employee, name },
            ..
        } = &mut self
        {
            *name = name_of(employee);
        }
        self
    }
}

/// The id of the model that templates are made with.
pub fn model_id() -> &'static str {
    model::EMBEDDER.id
}

/// From this similarity on the model takes two faces for one person's.
pub fn threshold() -> f32 {
    model::EMBEDDER.threshold
}

impl Default for Enroller {
    fn default() -> Self {
        Self {
            networks: OnceLock::new(),
            turn: Semaphore::new(1),
        }
    }
}

impl Enroller {
    /// Turns all photographs into templates, or none. `others` are everybody else's templates.
    ///
    /// # Errors
    /// See [`EnrolmentError`]; the first photograph that is refused is named.
    pub async fn enrol(
        self: &Arc<Self>,
        photos: Vec<Bytes>,
        others: Vec<(EmployeeId, Vec<Template>)>,
    ) -> Result<Vec<Enrolled>, EnrolmentError> {
        let _turn = self.turn().await?;
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.enrol_all(&photos, others))
            .await
            .unwrap_or_else(|e| Err(EnrolmentError::Failed(e.to_string())))
    }

    /// Tells whom a photograph would be taken for. Nothing is kept.
    ///
    /// # Errors
    /// See [`EnrolmentError`].
    pub async fn try_out(
        self: &Arc<Self>,
        whose: EmployeeId,
        photo: Bytes,
        everybody: Vec<(EmployeeId, Vec<Template>)>,
    ) -> Result<Tried, EnrolmentError> {
        let _turn = self.turn().await?;
        let this = self.clone();
        let tried = tokio::task::spawn_blocking(move || {
            let refused = |reason| EnrolmentError::Refused {
                photo: 1,
                of: 1,
                reason,
            };
            let view = this.networks()?.look(&photo)?.map_err(refused)?;
            let index = index(everybody);
            let (mut own, mut other) = (None, None);
            for one in index.rank(&view.embedding).into_iter().map(likeness) {
                let place = if one.employee == whose {
                    &mut own
                } else {
                    &mut other
                };
                place.get_or_insert(one);
            }
            Ok(Tried {
                quality: view.quality,
                own,
                other,
            })
        });
        tried
            .await
            .unwrap_or_else(|e| Err(EnrolmentError::Failed(e.to_string())))
    }

    /// The networks work for one at a time.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, EnrolmentError> {
        let turn = tokio::time::timeout(PATIENCE, self.turn.acquire()).await;
        turn.map_err(|_| EnrolmentError::Busy)?
            .map_err(|_| EnrolmentError::Busy)
    }

    fn networks(&self) -> Result<&Networks, EnrolmentError> {
        let networks = self.networks.get_or_init(Networks::load).as_ref();
        networks.map_err(|e| EnrolmentError::Failed(e.clone()))
    }

    fn enrol_all(
        &self,
        photos: &[Bytes],
        others: Vec<(EmployeeId, Vec<Template>)>,
    ) -> Result<Vec<Enrolled>, EnrolmentError> {
        let networks = self.networks()?;
        let others = index(others);
        let refused = |photo, reason| EnrolmentError::Refused {
            photo: photo + 1,
            of: photos.len(),
            reason,
        };
        let mut enrolled = Vec::with_capacity(photos.len());
        for (i, photo) in photos.iter().enumerate() {
            let view = networks.look(photo)?.map_err(|reason| refused(i, reason))?;
            let nearest = others.rank(&view.embedding).into_iter().next();
            if let Some((somebody, likeness)) = nearest
                && likeness >= SAME_PERSON
            {
                let employee = somebody.clone();
                return Err(refused(i, Reason::AlreadyEnrolled { employee, name: None }));
            }
            let alike = nearest.filter(|(_, likeness)| *likeness >= model::EMBEDDER.threshold);
            enrolled.push(Enrolled {
                alike: alike.map(likeness),
                template: Template(view.embedding.into_vec()),
                quality: view.quality,
                bounds: view.bounds,
            });
        }
        Ok(enrolled)
    }
}

fn index(people: Vec<(EmployeeId, Vec<Template>)>) -> matching::Index<EmployeeId> {
    matching::Index::new(people.into_iter().map(|(employee, templates)| {
        let templates = templates.into_iter();
        (employee, templates.filter_map(|t| Embedding::new(t.0)).collect())
    }))
}

fn likeness((employee, similarity): (&EmployeeId, f32)) -> Likeness {
    Likeness {
        employee: employee.clone(),
        similarity,
    }
}

struct View {
    embedding: Embedding,
    quality: Quality,
    bounds: [f32; 4],
}

impl Networks {
    fn load() -> Result<Self, String> {
        let detector = Detector::new().map_err(|e| e.to_string())?;
        let embedder = Embedder::new().map_err(|e| e.to_string())?;
        Ok(Self { detector, embedder })
    }

    /// Outer error: ours; inner: the photograph's.
    fn look(&self, photo: &[u8]) -> Result<Result<View, Reason>, EnrolmentError> {
        let failed = |e: hadir_models::ModelError| EnrolmentError::Failed(e.to_string());
        let picture = match picture::decode(photo) {
            Ok(picture) => picture,
            Err(error) => return Ok(Err(Reason::Unreadable(error.to_string()))),
        };
        let faces = self
            .detector
            .detect(&picture, &DetectOptions::still())
            .map_err(failed)?;
        let face = match only_face(&faces) {
            Ok(face) => face,
            Err(reason) => return Ok(Err(reason)),
        };
        let aligned = align::align_crop(&picture, &face.landmarks);
        let quality = quality::assess(&aligned, face);
        if let Some(reason) = objection(&quality) {
            return Ok(Err(reason));
        }
        let mut embeddings = self
            .embedder
            .embed(std::slice::from_ref(&aligned))
            .map_err(failed)?;
        let embedding = embeddings
            .pop()
            .ok_or_else(|| EnrolmentError::Failed("no embedding".into()))?;
        Ok(Ok(View {
            embedding,
            quality,
            bounds: face.bounds,
        }))
    }
}

/// The face that is meant.
fn only_face(faces: &[Face]) -> Result<&Face, Reason> {
    let size = |face: &Face| face.bounds[2].min(face.bounds[3]);
    let largest = faces
        .iter()
        .max_by(|a, b| size(a).total_cmp(&size(b)))
        .ok_or(Reason::NoFace)?;
    let rivals = faces
        .iter()
        .filter(|face| size(face) >= RIVAL * size(largest))
        .count();
    if rivals > 1 {
        Err(Reason::SeveralFaces)
    } else {
        Ok(largest)
    }
}

fn objection(quality: &Quality) -> Option<Reason> {
    if quality.eye_distance < MIN_EYE_DISTANCE {
        Some(Reason::TooSmall {
            eye_distance: quality.eye_distance,
        })
    } else if quality.yaw.abs() > MAX_TURN || quality.pitch.abs() > MAX_TURN {
        Some(Reason::TurnedAway)
    } else if quality.sharpness < MIN_SHARPNESS {
        Some(Reason::TooBlurred)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portrait(name: &str) -> Bytes {
        let path = format!(
            "{}/../tests/fixtures/portraits/{name}.jpg",
            env!("CARGO_MANIFEST_DIR")
        );
        std::fs::read(&path)
            .unwrap_or_else(|e| panic!("{path}: {e}"))
            .into()
    }

    fn employee(id: &str) -> EmployeeId {
        EmployeeId::new(id).expect("id")
    }

    #[tokio::test]
    async fn portraits_become_templates_of_one_person_each() {
        let enroller = Arc::new(Enroller::default());
        let taken = enroller
            .enrol(vec![portrait("obama-1"), portrait("obama-2")], Vec::new())
            .await
            .expect("taken");
        let templates: Vec<Template> = taken.iter().map(|e| e.template.clone()).collect();
        let length: f32 = templates[0].0.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-4 && templates[0].0.len() == 128);
        assert!(
            taken[0].quality.score > 0.3 && taken[0].bounds[2] > 30.0,
            "{taken:?}"
        );

        let others = vec![(employee("E1"), templates)];
        let again = enroller
            .enrol(vec![portrait("biden"), portrait("obama-2")], others.clone())
            .await;
        let reason = Reason::AlreadyEnrolled {
            employee: employee("E1"),
            name: None,
        };
        assert_eq!(
            again.expect_err("known"),
            EnrolmentError::Refused {
                photo: 2,
                of: 2,
                reason
            }
        );
        enroller
            .enrol(vec![portrait("biden")], others)
            .await
            .expect("a stranger");
    }

    #[tokio::test]
    async fn two_people_in_a_photo_are_one_too_many() {
        let [left, right] =
            ["obama-1", "biden"].map(|name| picture::decode(&portrait(name)).expect("decodes"));
        let mut both = image::RgbImage::new(left.width() + right.width(), left.height().max(right.height()));
        image::imageops::replace(&mut both, &left, 0, 0);
        image::imageops::replace(&mut both, &right, left.width().into(), 0);
        let mut file = std::io::Cursor::new(Vec::new());
        both.write_to(&mut file, image::ImageFormat::Png)
            .expect("written");
        let refused = Arc::new(Enroller::default())
            .enrol(vec![file.into_inner().into()], Vec::new())
            .await;
        let error = refused.expect_err("refused");
        assert_eq!(
            error,
            EnrolmentError::Refused {
                photo: 1,
                of: 1,
                reason: Reason::SeveralFaces
            }
        );
    }

    fn face(size: f32) -> Face {
        Face {
            bounds: [0.0, 0.0, size, size * 1.3],
            landmarks: [[0.0; 2]; 5],
            score: 0.9,
        }
    }

    #[test]
    fn a_rival_is_refused_and_a_face_in_the_background_is_not() {
        assert_eq!(only_face(&[]), Err(Reason::NoFace));
        let (large, rival, far) = (face(100.0), face(50.0), face(49.0));
        assert_eq!(only_face(&[far.clone(), large.clone()]), Ok(&large));
        assert_eq!(only_face(&[large.clone(), rival]), Err(Reason::SeveralFaces));
        assert_eq!(only_face(&[large.clone(), large]), Err(Reason::SeveralFaces));
    }

    #[test]
    fn views_are_refused_for_what_is_wrong_with_them() {
        let good = Quality {
            eye_distance: 60.0,
            size: 120.0,
            yaw: 5.0,
            pitch: -5.0,
            roll: 30.0,
            sharpness: 90.0,
            score: 0.9,
        };
        for (quality, reason) in [
            (good, None),
            (
                Quality {
                    eye_distance: 23.0,
                    ..good
                },
                Some("too_small"),
            ),
            (Quality { yaw: -50.0, ..good }, Some("turned_away")),
            (Quality { pitch: 50.0, ..good }, Some("turned_away")),
            (
                Quality {
                    sharpness: 10.0,
                    ..good
                },
                Some("too_blurred"),
            ),
        ] {
            assert_eq!(objection(&quality).map(|r| r.code()), reason, "{quality:?}");
        }
    }
}
