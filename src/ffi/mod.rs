//! The only room with hand-written `unsafe`, and the only one that knows DuckDB. It knows nothing of NATS.
//!
//! `port` says what a SQL function is. [`v1`] is the door to DuckDB's stable C API, through which one binary loads in
//! every host from 1.2 on. `docs/design/host.md` says why no exception of DuckDB and no panic of ours meets code that
//! it may not unwind.
#![allow(unsafe_code)]

mod contain;
mod port;
pub mod v1;

pub use port::{Bound, CopyFunction, Input, Registrar, ScalarFunction, ScalarSignature, TableFunction};
pub use v1::parse_types;

/// The function that DuckDB calls on `LOAD`, by the name that it looks for: `<extension>_init_c_api`.
macro_rules! entry_point {
    ($name:ident, $register:path) => {
        /// What DuckDB calls on `LOAD`.
        ///
        /// # Safety
        /// Called by DuckDB alone, with pointers that are valid during the call.
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(info: $crate::ffi::v1::Info, access: *const $crate::ffi::v1::Access) -> bool {
            // SAFETY: the pointers are DuckDB's own.
            unsafe { $crate::ffi::v1::load(info, access, $register) }
        }
    };
}
pub(crate) use entry_point;
