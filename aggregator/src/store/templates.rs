//! Templates: the only biometric data in the store. See `schema.sql` for why they are padded.

use chrono::{DateTime, Utc};
use hadir_shared::gallery::{Badge, GalleryEntry, Template};
use hadir_shared::id::{AgentId, AreaId, EmployeeId};
use rusqlite::params;

use super::{Reader, Tx, count, ms, read_as, wrong};
use crate::error::Result;

const PADDING: usize = 4096;

impl Reader<'_> {
    /// Counts every change of the templates, or of who may appear where.
    pub fn gallery_version(&self) -> Result<u64> {
        Ok(self
            .conn
            .query_row("select version from gallery", [], |row| count(row, "version"))?)
    }

    /// How many templates there are of an employee.
    pub fn template_count(&self, id: &EmployeeId) -> Result<u64> {
        let sql = "select count(*) as number from template where employee = ?1";
        Ok(self
            .conn
            .query_row(sql, [id.as_str()], |row| count(row, "number"))?)
    }

    /// The areas of an agent's cameras.
    pub fn areas_of(&self, agent: &AgentId) -> Result<Vec<AreaId>> {
        let mut query = self
            .conn
            .prepare_cached("select distinct area from camera where agent = ?1 order by area")?;
        let rows = query.query_map([agent.as_str()], |row| {
            read_as(row, "area", |t| AreaId::new(t).ok())
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The templates of one model, of those who may appear in one of `areas` or everywhere; of everybody
    /// when `areas` is `None`. By employee.
    pub fn gallery(&self, model: &str, areas: Option<&[AreaId]>) -> Result<Vec<GalleryEntry>> {
        let json = areas.map(json_array);
        let mut query = self.conn.prepare_cached(
            "select t.employee, t.embedding from template t
             where t.model = ?1 and (?2 is null
                 or not exists (select 1 from employee_area where employee = t.employee)
                 or exists (select 1 from employee_area a join json_each(?2) j on j.value = a.area
                            where a.employee = t.employee))
             order by t.employee, t.id",
        )?;
        let mut rows = query.query(params![model, json])?;
        let mut people: Vec<GalleryEntry> = Vec::new();
        while let Some(row) = rows.next()? {
            let employee = read_as(row, "employee", |t| EmployeeId::new(t).ok())?;
            let padded = row.get_ref("embedding")?.as_blob().unwrap_or_default();
            let template = padded.get(PADDING..).and_then(Template::from_bytes);
            let template = template.ok_or_else(|| wrong(row, "embedding", "a damaged template"))?;
            match people.last_mut() {
                Some(last) if last.employee == employee => last.templates.push(template),
                _ => people.push(GalleryEntry {
                    employee,
                    templates: vec![template],
                }),
            }
        }
        Ok(people)
    }

    /// The badges of those who may appear in one of `areas` or everywhere. By employee.
    pub fn badges(&self, areas: &[AreaId]) -> Result<Vec<Badge>> {
        let mut query = self.conn.prepare_cached(
            "select e.id, e.badge from employee e
             where e.badge is not null and (
                 not exists (select 1 from employee_area where employee = e.id)
                 or exists (select 1 from employee_area a join json_each(?1) j on j.value = a.area
                            where a.employee = e.id))
             order by e.id",
        )?;
        let rows = query.query_map([json_array(areas)], |row| {
            Ok(Badge {
                employee: read_as(row, "id", |t| EmployeeId::new(t).ok())?,
                code: row.get("badge")?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Area ids hold neither quotes nor spaces, so a JSON array of them is easily written.
fn json_array(areas: &[AreaId]) -> String {
    let quoted: Vec<String> = areas.iter().map(|area| format!("\"{area}\"")).collect();
    format!("[{}]", quoted.join(","))
}

impl Tx<'_> {
    /// Stores templates of an employee; gives their ids.
    pub fn add_templates(
        &self,
        id: &EmployeeId,
        model: &str,
        templates: &[Template],
        now: DateTime<Utc>,
    ) -> Result<Vec<i64>> {
        let mut insert = self.conn().prepare_cached(
            "insert into template (employee, model, embedding, created_at) values (?1, ?2, ?3, ?4)",
        )?;
        let mut ids = Vec::with_capacity(templates.len());
        for template in templates {
            let mut padded = zeroize::Zeroizing::new(vec![0; PADDING]);
            padded.extend(zeroize::Zeroizing::new(template.to_bytes()).iter());
            ids.push(insert.insert(params![id.as_str(), model, *padded, ms(now)])?);
        }
        Ok(ids)
    }

    /// Deletes all templates of an employee; gives how many. [`super::Store::erase_traces`] must follow the
    /// commit.
    pub fn delete_templates(&self, id: &EmployeeId) -> Result<u64> {
        let deleted = self.run("delete from template where employee = ?1", [id.as_str()])?;
        Ok(deleted as u64)
    }

    /// The gallery changed; gives its new version.
    pub fn next_gallery(&self) -> Result<u64> {
        self.run("update gallery set version = version + 1", [])?;
        self.gallery_version()
    }
}
