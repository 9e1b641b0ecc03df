//! `LOAD` through this door.

use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libduckdb_sys as duckdb;

use super::{Registrar, host, type_text};
use crate::error::Result;
use crate::ffi::contain::c_text;
use crate::ffi::type_parser;

/// Registers functions with the database that loads the extension. False, with an error told to the host, when it cannot.
///
/// # Safety
/// `info` and `access` must be those that DuckDB passed to the entry point, during that call.
pub unsafe fn load(
    info: duckdb::duckdb_extension_info,
    access: *const duckdb::duckdb_extension_access,
    register: impl FnOnce(&Registrar) -> Result<()>,
) -> bool {
    // SAFETY: the caller vouches for both pointers.
    let loaded = catch_unwind(AssertUnwindSafe(|| unsafe { try_load(info, access, register) }));
    let message: CString = match loaded {
        Ok(Ok(loaded)) => return loaded,
        Ok(Err(message)) => c_text(&format!("nats_js: {message}")),
        Err(_) => c_text("nats_js: internal error while loading"),
    };
    // SAFETY: as above; the message outlives the call, which copies it.
    unsafe {
        if let Some(set_error) = (*access).set_error {
            set_error(info, message.as_ptr());
        }
    }
    false
}

/// # Safety
/// As [`load`].
unsafe fn try_load(
    info: duckdb::duckdb_extension_info,
    access: *const duckdb::duckdb_extension_access,
    register: impl FnOnce(&Registrar) -> Result<()>,
) -> std::result::Result<bool, String> {
    // SAFETY: the caller vouches for both pointers.
    let access = unsafe { host::initialise(info, access) }?;
    let Some(access) = access else { return Ok(false) };
    // SAFETY: as above; the struct outlives the call.
    if !unsafe { binding::nats_js_binding_init_c_api(info, &raw const access) } {
        return Ok(false);
    }
    // SAFETY: as above.
    let database = unsafe {
        let get_database = access.get_database.ok_or("the host has no get_database function")?;
        get_database(info)
    };
    if database.is_null() {
        return Ok(false);
    }
    // SAFETY: `database` points to a live database handle during the load.
    let mut registrar = Registrar { database: unsafe { *database }, connection: std::ptr::null_mut() };
    // SAFETY: as above.
    if unsafe { duckdb::duckdb_connect(*database, &raw mut registrar.connection) } != duckdb::DuckDBSuccess {
        return Err("cannot connect to the database that loads it".into());
    }
    type_parser::opened(type_text::parse_types);
    register(&registrar).map_err(|error| error.to_string())?;
    Ok(true)
}

/// The entry point that the crate `duckdb` makes: it takes the host's functions, and tells the host what goes wrong.
mod binding {
    use std::error::Error;

    use ::duckdb::Connection;
    use duckdb_loadable_macros::duckdb_entrypoint_c_api;

    /// The crate's connection says that the database can be connected to. It registers what implements the crate's own
    /// traits, which ours cannot (`docs/design/host.md`), so it is closed at once, and [`super::load`] opens one.
    #[duckdb_entrypoint_c_api(ext_name = "nats_js_binding", min_duckdb_version = "v1.2.0")]
    fn connected(connection: Connection) -> Result<(), Box<dyn Error>> {
        connection.close().map_err(|(_, error)| error.into())
    }
}

impl Drop for Registrar {
    fn drop(&mut self) {
        // SAFETY: the connection is ours and is closed once. Keeping it would keep the user's database open.
        unsafe { duckdb::duckdb_disconnect(&raw mut self.connection) };
    }
}
