//! Settings that were made on the dashboard instead of in the configuration.

use rusqlite::OptionalExtension as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Reader, Tx, read_as};
use crate::error::{Error, Result};

impl Reader<'_> {
    /// What was set; `None`: as configured.
    pub fn site_setting<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let mut query = self
            .conn
            .prepare_cached("select value from site_setting where key = ?1")?;
        let value = query
            .query_row([key], |row| {
                read_as(row, "value", |text| serde_json::from_str(text).ok())
            })
            .optional()?;
        Ok(value)
    }
}

impl Tx<'_> {
    /// Sets something otherwise than configured.
    pub fn set_site_setting(&self, key: &str, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(value)
            .map_err(|error| Error::internal(format!("A setting cannot be written: {error}.")))?;
        self.run(
            "insert into site_setting (key, value) values (?1, ?2)
             on conflict (key) do update set value = excluded.value",
            [key, &text],
        )?;
        Ok(())
    }

    /// As configured again.
    pub fn reset_site_setting(&self, key: &str) -> Result<()> {
        self.run("delete from site_setting where key = ?1", [key])?;
        Ok(())
    }
}
