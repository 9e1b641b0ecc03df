//! The only room with hand-written `unsafe`, and the only one that knows DuckDB. It knows nothing of NATS.
//!
//! `port` defines a SQL function, whichever API it is registered through. [`v1`] is the door to DuckDB's stable C API, through
//! which one binary loads in every host from 1.2 on; [`v2`] is the one to the C API of DuckDB 2.0, which can do more. A host opens
//! the door that the footer of the loaded file names. `docs/design/host.md` explains why no exception of DuckDB and no panic of
//! ours meets code that it may not unwind.
#![allow(unsafe_code)]

mod contain;
mod port;
mod type_parser;
pub mod v1;
pub mod v2;

pub use port::{
    Bound, CopyFunction, Documentation, FunctionKind, Input, Registrar, ScalarFunction, ScalarSignature, TableFunction,
};
pub use type_parser::parse_types;

/// The function that DuckDB calls on `LOAD`, by the name that it looks for: `<extension>_init_c_api`, where the extension's name
/// is that of the file, and of the variable `NATS_JS_NAME` when this is compiled.
macro_rules! entry_point {
    ($register:path) => {
        /// DuckDB calls this on `LOAD`.
        ///
        /// # Safety
        /// Called by DuckDB alone, with pointers that are valid during the call.
        #[allow(unsafe_code)]
        #[unsafe(export_name = concat!(env!("NATS_JS_NAME"), "_init_c_api"))]
        pub unsafe extern "C" fn load(info: $crate::ffi::v1::Info, access: *const $crate::ffi::v1::Access) -> bool {
            // SAFETY: the pointers are DuckDB's own.
            unsafe { $crate::ffi::v1::load(info, access, $register) }
        }
    };
}
pub(crate) use entry_point;

/// The same for the v2 C API: `<extension>_init_c_api_v2`.
macro_rules! entry_point_v2 {
    ($register:path) => {
        /// DuckDB calls this on `LOAD` through its v2 C API.
        ///
        /// # Safety
        /// Called by DuckDB alone, with its own input.
        #[allow(unsafe_code)]
        #[unsafe(export_name = concat!(env!("NATS_JS_NAME"), "_init_c_api_v2"))]
        pub unsafe extern "C" fn load_v2(input: *mut duckdb_neo::ffi::duckdb_v2_extension_input) {
            // SAFETY: the input is DuckDB's own.
            unsafe {
                duckdb_neo::extension::run_extension_entrypoint(input, "v2.0.0", |extension| {
                    $crate::ffi::v2::load(extension, |registrar| $register(registrar)).map_err(Into::into)
                });
            }
        }
    };
}
pub(crate) use entry_point_v2;
