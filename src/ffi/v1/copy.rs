//! `COPY ... TO`: the four callbacks that DuckDB makes on a format, on hosts that have copy functions. `COPY ... FROM` is a table
//! function.

use std::ffi::{CStr, c_void};
use std::sync::Mutex;

use libduckdb_sys as duckdb;

use super::host::has_full_api;
use super::input::Input;
use super::table::Described;
use super::value::Handle;
use super::{Registrar, settings};
use crate::error::{Error, Kind, Result};
use crate::ffi::contain::{c_text, contain, drop_box};
use crate::ffi::port::CopyFunction;
use crate::value::Value;

/// Registers a format. Does nothing on a host without copy functions.
pub(super) fn register<F: CopyFunction>(registrar: &Registrar) -> duckdb::duckdb_state {
    if !has_full_api() {
        return duckdb::DuckDBSuccess;
    }
    let name = c_text(F::NAME);
    let source = Described::of::<F::Source>();
    // SAFETY: the host has these functions; the handle is ours until the end of the block, and the callbacks match the
    // types that `bind` and `init` store.
    unsafe {
        let mut function = duckdb::duckdb_create_copy_function();
        duckdb::duckdb_copy_function_set_name(function, name.as_ptr());
        duckdb::duckdb_copy_function_set_bind(function, Some(bind::<F>));
        duckdb::duckdb_copy_function_set_global_init(function, Some(init::<F>));
        duckdb::duckdb_copy_function_set_sink(function, Some(sink::<F>));
        duckdb::duckdb_copy_function_set_finalize(function, Some(finish::<F>));
        duckdb::duckdb_copy_function_set_copy_from_function(function, source.0);
        let state = duckdb::duckdb_register_copy_function(registrar.connection, function);
        duckdb::duckdb_destroy_copy_function(&raw mut function);
        state
    }
}

type Guarded<R> = Mutex<R>;

/// # Safety
/// Called by DuckDB with a live bind info.
unsafe extern "C" fn bind<F: CopyFunction>(info: duckdb::duckdb_copy_function_bind_info) {
    let outcome = contain(F::NAME, || {
        // SAFETY: DuckDB vouches for `info`; the value is ours to destroy, which `Handle` does.
        let (options, settings, columns) = unsafe {
            let options = Handle(duckdb::duckdb_copy_function_bind_get_options(info)).read();
            let columns = duckdb::duckdb_copy_function_bind_get_column_count(info) as usize;
            (options, settings::of_copy_function(info), columns)
        };
        let options = match options {
            Value::Struct(members) => members,
            _ => Vec::new(),
        };
        F::bind(&options, &settings, columns, &[])
    });
    // SAFETY: as above; the box is freed by `drop_box` of the same type.
    unsafe {
        match outcome {
            Ok(plan) => {
                let plan: *mut c_void = Box::into_raw(Box::new(plan)).cast();
                duckdb::duckdb_copy_function_bind_set_bind_data(info, plan, Some(drop_box::<F::Plan>));
            }
            Err(message) => duckdb::duckdb_copy_function_bind_set_error(info, message.as_ptr()),
        }
    }
}

/// # Safety
/// Called by DuckDB with a live init info, after `bind` of the same `F` succeeded.
unsafe extern "C" fn init<F: CopyFunction>(info: duckdb::duckdb_copy_function_global_init_info) {
    let outcome = contain(F::NAME, || {
        // SAFETY: the bind data is what `bind::<F>` stored; the path lives through this call.
        let (plan, target) = unsafe {
            let plan = &*duckdb::duckdb_copy_function_global_init_get_bind_data(info).cast::<F::Plan>();
            let target = CStr::from_ptr(duckdb::duckdb_copy_function_global_init_get_file_path(info));
            (plan, target.to_string_lossy().into_owned())
        };
        F::open(plan, &target)
    });
    // SAFETY: as above; the box is freed by `drop_box` of the same type.
    unsafe {
        match outcome {
            Ok(run) => {
                let run: *mut c_void = Box::into_raw(Box::new(Guarded::new(run))).cast();
                let drop = Some(drop_box::<Guarded<F::Run>> as unsafe extern "C" fn(*mut c_void));
                duckdb::duckdb_copy_function_global_init_set_global_state(info, run, drop);
            }
            Err(message) => duckdb::duckdb_copy_function_global_init_set_error(info, message.as_ptr()),
        }
    }
}

/// Runs `action` on a run, unless an earlier panic left it half done.
///
/// # Safety
/// `state` must be what `init::<F>` stored.
unsafe fn with_run<F: CopyFunction>(state: *mut c_void, action: impl FnOnce(&mut F::Run) -> Result<()>) -> Result<()> {
    // SAFETY: the caller vouches for the state, which outlives the run.
    let run = unsafe { &*state.cast::<Guarded<F::Run>>() };
    let mut run =
        run.lock().map_err(|_| Error::of(Kind::Internal, "an earlier internal error ended this statement"))?;
    action(&mut run)
}

/// # Safety
/// Called by DuckDB with a live sink info and chunk, after `init` of the same `F` succeeded.
unsafe extern "C" fn sink<F: CopyFunction>(
    info: duckdb::duckdb_copy_function_sink_info,
    chunk: duckdb::duckdb_data_chunk,
) {
    let outcome = contain(F::NAME, || {
        // SAFETY: DuckDB vouches for both, and flattens the chunk before the call.
        unsafe {
            let state = duckdb::duckdb_copy_function_sink_get_global_state(info);
            with_run::<F>(state, |run| F::sink(run, &Input::new(chunk, &[])))
        }
    });
    if let Err(message) = outcome {
        // SAFETY: as above; the call copies the message.
        unsafe { duckdb::duckdb_copy_function_sink_set_error(info, message.as_ptr()) };
    }
}

/// # Safety
/// Called by DuckDB with a live finalize info, after the last `sink`.
unsafe extern "C" fn finish<F: CopyFunction>(info: duckdb::duckdb_copy_function_finalize_info) {
    let outcome = contain(F::NAME, || {
        // SAFETY: DuckDB vouches for `info`.
        unsafe { with_run::<F>(duckdb::duckdb_copy_function_finalize_get_global_state(info), F::finish) }
    });
    if let Err(message) = outcome {
        // SAFETY: as above; the call copies the message.
        unsafe { duckdb::duckdb_copy_function_finalize_set_error(info, message.as_ptr()) };
    }
}
