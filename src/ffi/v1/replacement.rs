//! Replacement scans: names of tables that a function reads.

use std::ffi::{CStr, c_char, c_void};

use libduckdb_sys as duckdb;

use super::Registrar;
use super::value::Handle;
use crate::error::Error;
use crate::ffi::contain::{c_text, contain, drop_box};

/// The prefixes of the names, and the function that reads them.
struct Replacement {
    prefixes: &'static [&'static str],
    function: &'static str,
}

/// Makes `FROM 'name'` a call `FROM function('name')` where the name begins with one of the prefixes, in any case.
pub(super) fn register(registrar: &Registrar, prefixes: &'static [&'static str], function: &'static str) {
    let data: *mut c_void = Box::into_raw(Box::new(Replacement { prefixes, function })).cast();
    // SAFETY: the database is live during the load; the data is freed by `drop_box` of the same type.
    unsafe {
        duckdb::duckdb_add_replacement_scan(registrar.database, Some(replace), data, Some(drop_box::<Replacement>));
    }
}

/// # Safety
/// Called by DuckDB with a live info, a NUL-terminated name, and the data that [`register`] stored.
unsafe extern "C" fn replace(info: duckdb::duckdb_replacement_scan_info, name: *const c_char, data: *mut c_void) {
    let outcome = contain("nats_js", || {
        // SAFETY: DuckDB vouches for both pointers.
        let (name, replacement) = unsafe { (CStr::from_ptr(name), &*data.cast::<Replacement>()) };
        let text = name.to_str().map_err(|_| Error::new("the table's name is not UTF-8"))?;
        let matches = |prefix: &&str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if !replacement.prefixes.iter().any(matches) {
            return Ok(());
        }
        let function = c_text(replacement.function);
        // SAFETY: as above; both calls copy what they are given.
        unsafe {
            duckdb::duckdb_replacement_scan_set_function_name(info, function.as_ptr());
            let value = Handle(duckdb::duckdb_create_varchar(name.as_ptr()));
            duckdb::duckdb_replacement_scan_add_parameter(info, value.0);
        }
        Ok(())
    });
    if let Err(message) = outcome {
        // SAFETY: as above; the call copies the message.
        unsafe { duckdb::duckdb_replacement_scan_set_error(info, message.as_ptr()) };
    }
}
