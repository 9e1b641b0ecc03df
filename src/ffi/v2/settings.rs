//! Settings (`SET nats_url = ...`).

use std::sync::{Mutex, PoisonError};

use duckdb_neo as neo;
use neo::connection::{Context, SettingScope};
use neo::custom_option::{CustomOptionBuilder, CustomOptionCallbacks};
use neo::extension::Extension;

use super::{logical, value};
use crate::error::Result;
use crate::value::{EXTERNAL_ACCESS, Setting, Value};

/// The names that are registered: the host is asked for no other.
static REGISTERED: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// Takes every value as it is; what reads a setting checks it.
struct Kept;

impl CustomOptionCallbacks for Kept {
    fn update(
        &self,
        _context: &Context,
        value: neo::value::Value,
        _scope: SettingScope,
        _is_reset: bool,
    ) -> neo::Result<neo::value::Value> {
        Ok(value)
    }
}

/// Registers settings, unset, for the session.
pub(super) fn register(extension: &Extension, settings: &[Setting]) -> neo::Result<()> {
    for setting in settings {
        let ty = logical::of_parameter(extension, setting.ty)?;
        let unset = neo::value::Value::null(extension, &ty)?;
        CustomOptionBuilder::new(setting.name, &*setting.doc, ty, Kept)
            .default_value(unset)
            .default_scope(SettingScope::Session)
            .register(extension)?;
    }
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    *registered = settings.iter().map(|setting| setting.name).collect();
    Ok(())
}

/// The settings that are set in the session of the context.
pub(super) fn read(context: &Context) -> Result<Vec<(&'static str, Value)>> {
    let names = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner).clone();
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
