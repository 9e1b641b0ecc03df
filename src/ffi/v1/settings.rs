//! Settings (`SET nats_url = ...`), on hosts that have them. Elsewhere nothing here is called, and nothing is set.

use std::sync::{Mutex, PoisonError};

use libduckdb_sys as duckdb;

use super::Registrar;
use super::host::has_full_api;
use super::logical::Logical;
use super::value::Handle;
use crate::error::{Error, Result};
use crate::ffi::contain::c_text;
use crate::value::{EXTERNAL_ACCESS, Setting, Value};

/// The names that are registered: the host is asked for no other.
static REGISTERED: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// Registers settings, unset, for the session. Does nothing on a host without settings.
pub(super) fn register(registrar: &Registrar, settings: &[Setting]) -> Result<()> {
    if !has_full_api() {
        return Ok(());
    }
    for setting in settings {
        register_one(registrar, setting)?;
    }
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    *registered = settings.iter().map(|setting| setting.name).collect();
    Ok(())
}

fn register_one(registrar: &Registrar, setting: &Setting) -> Result<()> {
    let (name, doc, ty) = (c_text(setting.name), c_text(&setting.doc), Logical::from(setting.ty));
    // SAFETY: the host has these functions; the option is ours until it is destroyed, and every argument outlives
    // its call, which copies it.
    let state = unsafe {
        let mut option = duckdb::duckdb_create_config_option();
        duckdb::duckdb_config_option_set_name(option, name.as_ptr());
        duckdb::duckdb_config_option_set_type(option, ty.0);
        duckdb::duckdb_config_option_set_default_value(option, Handle(duckdb::duckdb_create_null_value()).0);
        let scope = duckdb::duckdb_config_option_scope_DUCKDB_CONFIG_OPTION_SCOPE_SESSION;
        duckdb::duckdb_config_option_set_default_scope(option, scope);
        duckdb::duckdb_config_option_set_description(option, doc.as_ptr());
        let state = duckdb::duckdb_register_config_option(registrar.connection, option);
        duckdb::duckdb_destroy_config_option(&raw mut option);
        state
    };
    if state == duckdb::DuckDBSuccess {
        Ok(())
    } else {
        Err(Error::new(format!("cannot register the setting {}", setting.name)))
    }
}

/// The settings that are set in the session that binds a table function.
///
/// # Safety
/// `info` must be a live bind info of a table function.
pub(super) unsafe fn of_table_function(info: duckdb::duckdb_bind_info) -> Vec<(&'static str, Value)> {
    // SAFETY: the caller vouches for `info`; the function is called on hosts that have it.
    unsafe { read(|context| duckdb::duckdb_table_function_get_client_context(info, context)) }
}

/// The settings that are set in the session that binds a scalar function.
///
/// # Safety
/// `info` must be a live bind info of a scalar function.
pub(super) unsafe fn of_scalar_function(info: duckdb::duckdb_bind_info) -> Vec<(&'static str, Value)> {
    // SAFETY: as above.
    unsafe { read(|context| duckdb::duckdb_scalar_function_get_client_context(info, context)) }
}

/// The settings that are set in the session that binds a copy function.
///
/// # Safety
/// `info` must be a live bind info of a copy function.
pub(super) unsafe fn of_copy_function(info: duckdb::duckdb_copy_function_bind_info) -> Vec<(&'static str, Value)> {
    // SAFETY: as above.
    unsafe { read(|context| *context = duckdb::duckdb_copy_function_bind_get_client_context(info)) }
}

/// # Safety
/// `get_context` must store a client context that is ours to destroy, or leave the null pointer.
unsafe fn read(get_context: impl FnOnce(*mut duckdb::duckdb_client_context)) -> Vec<(&'static str, Value)> {
    if !has_full_api() {
        return Vec::new();
    }
    let names = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut context: duckdb::duckdb_client_context = std::ptr::null_mut();
    get_context(&raw mut context);
    if context.is_null() {
        return Vec::new();
    }
    let get = |name: &'static str| {
        let text = c_text(name);
        // SAFETY: the context is live, the name is registered, and the value is ours to destroy.
        let raw =
            unsafe { duckdb::duckdb_client_context_get_config_option(context, text.as_ptr(), std::ptr::null_mut()) };
        (!raw.is_null()).then(|| (name, Handle(raw).read())).filter(|(_, value)| *value != Value::Null)
    };
    let settings = names.into_iter().chain([EXTERNAL_ACCESS]).filter_map(get).collect();
    // SAFETY: the context is ours and is destroyed once.
    unsafe { duckdb::duckdb_destroy_client_context(&raw mut context) };
    settings
}
