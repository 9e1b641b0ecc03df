//! Settings (`SET nats_url = ...`).

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use duckdb_neo as neo;
use neo::connection::{Context, SettingScope};
use neo::custom_option::{CustomOptionBuilder, CustomOptionCallbacks};
use neo::extension::Extension;

use super::{logical, value};
use crate::error::Result;
use crate::value::{EXTERNAL_ACCESS, Setting, Value};

/// The settings that some session of the process has set. The host is asked for these alone: it compares a name with those of all
/// of its options, one after the other, and a function reads its settings in each statement.
static EVER_SET: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Takes every value as it is; what reads a setting checks it.
struct Kept {
    name: &'static str,
}

impl CustomOptionCallbacks for Kept {
    /// DuckDB calls it for every write, of any scope and by any way; the default alone is there without one.
    fn update(
        &self,
        _context: &Context,
        value: neo::value::Value,
        _scope: SettingScope,
        _is_reset: bool,
    ) -> neo::Result<neo::value::Value> {
        EVER_SET.lock().unwrap_or_else(PoisonError::into_inner).insert(self.name);
        Ok(value)
    }
}

/// Registers settings, unset, for the session.
pub(super) fn register(extension: &Extension, settings: &[Setting]) -> neo::Result<()> {
    for setting in settings {
        let ty = logical::of_parameter(extension, setting.ty)?;
        let unset = neo::value::Value::null(extension, &ty)?;
        CustomOptionBuilder::new(setting.name, &*setting.doc, ty, Kept { name: setting.name })
            .default_value(unset)
            .default_scope(SettingScope::Session)
            .register(extension)?;
    }
    Ok(())
}

/// The settings that are set in the session of the context.
pub(super) fn read(context: &Context) -> Result<Vec<(&'static str, Value)>> {
    let names = EVER_SET.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let config = context.config().map_err(super::boundary::fault)?;
    let mut settings = Vec::new();
    for name in names.into_iter().chain([EXTERNAL_ACCESS]) {
        let Some((found, _)) = config.try_get_value(name).map_err(super::boundary::fault)? else { continue };
        match value::read(&found)? {
            Value::Null => {}
            found => settings.push((name, found)),
        }
    }
    Ok(settings)
}
