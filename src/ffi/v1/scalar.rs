//! Scalar functions: the callbacks that DuckDB makes on one.

use std::ffi::c_void;
use std::sync::Arc;

use libduckdb_sys as duckdb;

use super::host::has_full_api;
use super::input::Input;
use super::logical::Logical;
use super::{Registrar, emit, settings, unwinding};
use crate::error::{Error, Kind};
use crate::ffi::contain::{c_text, contain, drop_box};
use crate::ffi::port::{Input as _, ScalarFunction};
use crate::value::Value;

/// Registers a scalar function with all its overloads.
pub(super) fn register<F: ScalarFunction>(registrar: &Registrar) -> duckdb::duckdb_state {
    let name = c_text(F::NAME);
    // SAFETY: the handles are ours until the end of the block, every argument outlives its call, and the callback
    // keeps nothing.
    unsafe {
        let mut set = duckdb::duckdb_create_scalar_function_set(name.as_ptr());
        for signature in F::SIGNATURES {
            let mut function = duckdb::duckdb_create_scalar_function();
            duckdb::duckdb_scalar_function_set_name(function, name.as_ptr());
            for parameter in *signature {
                duckdb::duckdb_scalar_function_add_parameter(function, Logical::from(*parameter).0);
            }
            duckdb::duckdb_scalar_function_set_return_type(function, Logical::from(&F::returns()).0);
            duckdb::duckdb_scalar_function_set_function(function, Some(unwinding::scalar(call::<F>)));
            duckdb::duckdb_scalar_function_set_special_handling(function);
            if has_full_api() {
                duckdb::duckdb_scalar_function_set_bind(function, Some(bind));
            }
            if F::VOLATILE {
                duckdb::duckdb_scalar_function_set_volatile(function);
            }
            duckdb::duckdb_add_scalar_function_to_set(set, function);
            duckdb::duckdb_destroy_scalar_function(&raw mut function);
        }
        let state = duckdb::duckdb_register_scalar_function_set(registrar.connection, set);
        duckdb::duckdb_destroy_scalar_function_set(&raw mut set);
        state
    }
}

/// The settings of the session that binds a call; shared by the copies of its plan.
type BindData = Arc<Vec<(&'static str, Value)>>;

/// # Safety
/// Called by DuckDB with a live bind info.
unsafe extern "C" fn bind(info: duckdb::duckdb_bind_info) {
    let outcome = contain("nats_js", || {
        // SAFETY: DuckDB vouches for `info`.
        Ok(BindData::new(unsafe { settings::of_scalar_function(info) }))
    });
    // SAFETY: as above; the box is freed by `drop_box` and copied by `copy_bind_data` of the same type.
    unsafe {
        match outcome {
            Ok(data) => {
                let data: *mut c_void = Box::into_raw(Box::new(data)).cast();
                duckdb::duckdb_scalar_function_set_bind_data(info, data, Some(drop_box::<BindData>));
                duckdb::duckdb_scalar_function_set_bind_data_copy(info, Some(copy_bind_data));
            }
            Err(message) => duckdb::duckdb_scalar_function_bind_set_error(info, message.as_ptr()),
        }
    }
}

/// # Safety
/// Called by DuckDB with the bind data that [`bind`] stored.
unsafe extern "C" fn copy_bind_data(data: *mut c_void) -> *mut c_void {
    // SAFETY: the caller vouches for the pointer; cloning an `Arc` does not panic.
    let data = unsafe { &*data.cast::<BindData>() };
    Box::into_raw(Box::new(Arc::clone(data))).cast()
}

/// # Safety
/// `info` must be a live function info of a function whose bind is [`bind`], on a host that has it.
unsafe fn bound_settings<'a>(info: duckdb::duckdb_function_info) -> &'a [(&'static str, Value)] {
    if !has_full_api() {
        return &[];
    }
    // SAFETY: the bind data, if any, is what `bind` stored and outlives the call.
    unsafe {
        let data = duckdb::duckdb_scalar_function_get_bind_data(info).cast::<BindData>();
        data.as_ref().map_or(&[], |settings| settings.as_slice())
    }
}

/// # Safety
/// Called by DuckDB with a live, flat input chunk and an output vector of the declared type.
unsafe extern "C-unwind" fn call<F: ScalarFunction>(
    info: duckdb::duckdb_function_info,
    input: duckdb::duckdb_data_chunk,
    output: duckdb::duckdb_vector,
) {
    let outcome = contain(F::NAME, || {
        // SAFETY: DuckDB vouches for the chunk and the info, which live through this call.
        let input = unsafe { Input::new(input, bound_settings(info)) };
        let result = F::call(&input)?;
        if result.len() != input.len() || !result.fits(&F::returns()) {
            return Err(Error::of(Kind::Internal, "internal error: the answer does not fit the question")
                .advice("please report it"));
        }
        Ok(result)
    });
    // SAFETY: DuckDB vouches for `info` and for an output vector of the declared type with room for the input's rows;
    // `set_error` copies the message. DuckDB may throw while the answer is written: nothing here contains that.
    unsafe {
        match outcome {
            Ok(result) => emit::buffer(output, &result),
            Err(message) => duckdb::duckdb_scalar_function_set_error(info, message.as_ptr()),
        }
    }
}
