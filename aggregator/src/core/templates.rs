//! Enrolled templates, and the galleries that the agents get.

use hadir_shared::gallery::{Gallery, Template};
use hadir_shared::id::{AgentId, AreaId, EmployeeId};

use super::Core;
use super::alerts::must_manage;
use super::types::{AddedTemplates, ErasedTemplates, Viewer};
use crate::error::{Error, Result};
use crate::sentence::say;
use crate::store::Erased;

/// More than these add no accuracy.
const MAX_TEMPLATES: u64 = 20;

impl Core {
    /// Somebody tries whom a photograph would be taken for, which is recorded.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Conflict` when they have not consented to face recognition.
    pub fn try_photo(&self, viewer: &Viewer, id: &EmployeeId) -> Result<()> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|_, tx, _| {
            let employee = tx.employee(id)?.ok_or_else(|| no_employee(id))?;
            if employee.consent.is_none() {
                return Err(Error::conflict(
                    "consent",
                    say!(
                        "{} has not consented to face recognition.",
                        "{} belum menyetujui pengenalan wajah.",
                        employee.name
                    ),
                ));
            }
            tx.audit(&viewer.username, &format!("photo of employee {id} tried"), now)
        })
    }

    /// Stores templates of an employee, all or none.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`; `Conflict` on the field `consent` where there is none, and on `photo` where
    /// there are enough.
    pub fn add_templates(
        &self,
        viewer: &Viewer,
        id: &EmployeeId,
        model: &str,
        templates: Vec<Template>,
    ) -> Result<AddedTemplates> {
        must_manage(viewer)?;
        let now = self.now();
        self.update(|_, tx, changes| {
            let employee = tx.employee(id)?.ok_or_else(|| no_employee(id))?;
            if employee.consent.is_none() {
                return Err(Error::conflict(
                    "consent",
                    say!(
                        "{} has not consented to face recognition; record the consent first, or use a badge.",
                        "{} belum menyetujui pengenalan wajah; catat persetujuannya dahulu, atau gunakan \
                         kartu.",
                        employee.name
                    ),
                ));
            }
            if employee.photos + templates.len() as u64 > MAX_TEMPLATES {
                return Err(Error::conflict(
                    "photo",
                    say!(
                        "{} has {} face templates already, at most {MAX_TEMPLATES} are kept; add fewer \
                         photos, or erase all first.",
                        "{} sudah memiliki {} templat wajah, paling banyak {MAX_TEMPLATES}; tambahkan lebih \
                         sedikit foto, atau hapus dahulu semuanya.",
                        employee.name,
                        employee.photos
                    ),
                ));
            }
            let broken = |t: &Template| t.0.is_empty() || t.0.iter().any(|x| !x.is_finite());
            if templates.iter().any(broken) {
                return Err(Error::internal("A template is damaged; nothing was stored."));
            }
            let ids = tx.add_templates(id, model, &templates, now)?;
            let gallery_version = tx.next_gallery()?;
            tx.audit(&viewer.username, &format!("templates added: {}", ids.len()), now)?;
            changes.gallery = Some(gallery_version);
            changes.people = true;
            changes.status.insert(id.clone());
            Ok(AddedTemplates { ids, gallery_version })
        })
    }

    /// Erases all templates of an employee, so that nothing of them is left in any file of the store.
    ///
    /// # Errors
    /// `Forbidden`; `NotFound`.
    pub fn delete_templates(&self, viewer: &Viewer, id: &EmployeeId) -> Result<ErasedTemplates> {
        must_manage(viewer)?;
        let now = self.now();
        let erased = self.update(|_, tx, changes| {
            tx.employee(id)?.ok_or_else(|| no_employee(id))?;
            let templates = tx.delete_templates(id)?;
            let gallery_version = if templates > 0 {
                tx.next_gallery()?
            } else {
                tx.gallery_version()?
            };
            tx.audit(&viewer.username, &format!("templates erased: {templates}"), now)?;
            changes.gallery = (templates > 0).then_some(gallery_version);
            changes.people = true;
            changes.status.insert(id.clone());
            Ok(ErasedTemplates {
                templates,
                gallery_version,
            })
        })?;
        self.erase_traces();
        Ok(erased)
    }

    /// After a deletion was committed.
    pub(super) fn erase_traces(&self) {
        match self.store.erase_traces() {
            Ok(Erased::Yes) => {}
            Ok(Erased::NotYet) => {
                tracing::warn!("a reader delays the erasure; it is tried again every second")
            }
            Err(error) => tracing::error!(%error, "the erasure failed; it is tried again every second"),
        }
    }

    /// The gallery of a device whose configuration names `areas` (none: the areas of its cameras), of the
    /// embedding model `model`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn templates_for(&self, agent: &AgentId, areas: &[AreaId], model: &str) -> Result<Gallery> {
        self.store.read(|reader| {
            let areas = match areas {
                [] => reader.areas_of(agent)?,
                named => named.to_vec(),
            };
            // A device without a camera recognises nobody, so it gets nobody's template and nobody's badge.
            let (people, badges) = if areas.is_empty() {
                (Vec::new(), Vec::new())
            } else {
                (reader.gallery(model, Some(&areas))?, reader.badges(&areas)?)
            };
            Ok(Gallery {
                version: reader.gallery_version()?,
                model: model.to_owned(),
                people,
                badges,
            })
        })
    }

    /// Counts every change of the templates, or of who may appear where.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn gallery_version(&self) -> Result<u64> {
        self.store.read(|reader| reader.gallery_version())
    }

    /// Everybody's templates of one model, to see whether a face is enrolled already.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn all_templates(&self, model: &str) -> Result<Vec<(EmployeeId, Vec<Template>)>> {
        let people = self.store.read(|reader| reader.gallery(model, None))?;
        Ok(people
            .into_iter()
            .map(|entry| (entry.employee, entry.templates))
            .collect())
    }
}

/// The answer where an employee is not there, or may not be known of.
pub(super) fn no_employee(id: &EmployeeId) -> Error {
    Error::not_found(
        "id",
        say!("There is no employee {id}.", "Tidak ada karyawan {id}."),
    )
}
