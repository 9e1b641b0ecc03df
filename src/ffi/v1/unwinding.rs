//! The functions of DuckDB that may throw, and the callbacks through which they do.
//!
//! DuckDB is C++. When it runs out of memory while a value is written into a vector, it throws, and the exception must
//! reach DuckDB's own frames below our callback. It may pass through Rust frames that are declared to unwind, where it
//! runs their drops, and through nothing else: a function called as `extern "C"` may not throw, and `catch_unwind` ends
//! the process when it meets an exception that is not Rust's. So these functions are called by their true convention, in callbacks
//! that are `extern "C-unwind"`, outside of [`crate::ffi::contain`].

use std::ffi::c_char;
use std::sync::OnceLock;

use libduckdb_sys as duckdb;

type AssignString = unsafe extern "C-unwind" fn(duckdb::duckdb_vector, duckdb::idx_t, *const c_char, duckdb::idx_t);
type ListSize = unsafe extern "C-unwind" fn(duckdb::duckdb_vector, duckdb::idx_t) -> duckdb::duckdb_state;
type EnsureValidity = unsafe extern "C-unwind" fn(duckdb::duckdb_vector);

/// The functions that allocate memory of DuckDB's, which has a limit.
pub(super) struct Unwinding {
    /// Copies bytes into a vector of strings. On hosts that have one, the form that does not check UTF-8 again.
    pub(super) assign_string: AssignString,
    /// Reserves room for a number of elements in a list's child.
    pub(super) list_reserve: ListSize,
    /// Sets the number of elements of a list's child.
    pub(super) list_set_size: ListSize,
    /// Makes the validity mask of a vector writable.
    pub(super) ensure_validity: EnsureValidity,
}

static FUNCTIONS: OnceLock<Unwinding> = OnceLock::new();

/// The functions of the host.
pub(super) fn functions() -> Option<&'static Unwinding> {
    FUNCTIONS.get()
}

/// Takes the functions from the host's table.
pub(super) fn initialise(api: &duckdb::duckdb_ext_api_v1) -> Result<(), String> {
    let assign_string =
        api.duckdb_unsafe_vector_assign_string_element_len.or(api.duckdb_vector_assign_string_element_len);
    let (Some(assign_string), Some(list_reserve), Some(list_set_size), Some(ensure_validity)) = (
        assign_string,
        api.duckdb_list_vector_reserve,
        api.duckdb_list_vector_set_size,
        api.duckdb_vector_ensure_validity_writable,
    ) else {
        return Err("the host cannot write vectors".into());
    };
    // SAFETY: the same functions with the same parameters; "C-unwind" is the C calling convention, and says of a
    // function that it may throw, which these may.
    let functions = unsafe {
        Unwinding {
            assign_string: std::mem::transmute::<AssignStringC, AssignString>(assign_string),
            list_reserve: std::mem::transmute::<ListSizeC, ListSize>(list_reserve),
            list_set_size: std::mem::transmute::<ListSizeC, ListSize>(list_set_size),
            ensure_validity: std::mem::transmute::<EnsureValidityC, EnsureValidity>(ensure_validity),
        }
    };
    FUNCTIONS.get_or_init(|| functions);
    Ok(())
}

type AssignStringC = unsafe extern "C" fn(duckdb::duckdb_vector, duckdb::idx_t, *const c_char, duckdb::idx_t);
type ListSizeC = unsafe extern "C" fn(duckdb::duckdb_vector, duckdb::idx_t) -> duckdb::duckdb_state;
type EnsureValidityC = unsafe extern "C" fn(duckdb::duckdb_vector);

type TableCallback = unsafe extern "C-unwind" fn(duckdb::duckdb_function_info, duckdb::duckdb_data_chunk);
type TableCallbackC = unsafe extern "C" fn(duckdb::duckdb_function_info, duckdb::duckdb_data_chunk);

/// The callback of a table function as the binding declares it.
pub(super) fn table(callback: TableCallback) -> TableCallbackC {
    // SAFETY: as in `initialise`; DuckDB, which calls it, expects exceptions of its own.
    unsafe { std::mem::transmute::<TableCallback, TableCallbackC>(callback) }
}

type ScalarCallback =
    unsafe extern "C-unwind" fn(duckdb::duckdb_function_info, duckdb::duckdb_data_chunk, duckdb::duckdb_vector);
type ScalarCallbackC =
    unsafe extern "C" fn(duckdb::duckdb_function_info, duckdb::duckdb_data_chunk, duckdb::duckdb_vector);

/// The callback of a scalar function as the binding declares it.
pub(super) fn scalar(callback: ScalarCallback) -> ScalarCallbackC {
    // SAFETY: as in `table`.
    unsafe { std::mem::transmute::<ScalarCallback, ScalarCallbackC>(callback) }
}
