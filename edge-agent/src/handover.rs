//! Who was seen by which camera of this device a moment ago: at its neighbours they are expected, and known by how their
//! face looked just now. It stays in memory, for minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use hadir_shared::id::CameraId;

use crate::pipeline::Known;
use crate::pipeline::people::{People, PersonId};

/// So long after a camera saw somebody they are expected at the others.
const EXPECTED_FOR: TimeDelta = TimeDelta::minutes(5);

/// Shared by all cameras of a device.
#[derive(Debug, Default)]
pub(crate) struct Handover(Mutex<Seen>);

/// When each camera last saw each person, and how they looked.
type Seen = HashMap<(CameraId, PersonId), (DateTime<Utc>, Known)>;

impl Handover {
    /// A camera sees these people, whose names are sure.
    pub(crate) fn note(&self, camera: &CameraId, known: Vec<Known>, now: DateTime<Utc>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for one in known {
            all.insert((camera.clone(), one.person.clone()), (now, one));
        }
    }

    /// Who is expected at a camera: whoever others saw. Who is in no gallery any more is forgotten.
    pub(crate) fn expected(&self, camera: &CameraId, people: &People, now: DateTime<Utc>) -> Arc<[Known]> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, person), (at, _)| {
            (-EXPECTED_FOR..=EXPECTED_FOR).contains(&(now - *at)) && people.place(person).is_some()
        });
        let others = all.iter().filter(|((by, _), _)| by != camera);
        others.map(|(_, (_, known))| known.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use hadir_models::embed::Embedding;

    use super::*;

    #[test]
    fn others_expect_whoever_was_seen_until_they_are_erased() {
        let mut values = vec![0.0; 128];
        values[3] = 1.0;
        let mean = Embedding::new(values).expect("a direction");
        let people = People::new(1, [("ani".into(), vec![mean.clone()])]);
        let known = Known {
            person: "ani".into(),
            mean,
        };
        let camera = |id| CameraId::new(id).expect("id");
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let handover = Handover::default();
        handover.note(&camera("cam-1"), vec![known.clone()], at(0));
        let expected =
            |id, people: &People, minutes| handover.expected(&camera(id), people, at(minutes)).len();
        assert_eq!(expected("cam-1", &people, 1), 0);
        assert_eq!(expected("cam-2", &people, 5), 1);
        assert_eq!(expected("cam-2", &people, 6), 0);
        handover.note(&camera("cam-1"), vec![known], at(6));
        assert_eq!(expected("cam-2", &People::new(2, []), 6), 0);
        assert_eq!(expected("cam-2", &people, 6), 0, "forgotten");
    }
}
