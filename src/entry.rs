//! The entry points that DuckDB calls on `LOAD`: they name the functions, which the door registers.

crate::ffi::entry_point!(crate::functions::register_all);
crate::ffi::entry_point_v2!(crate::functions::register_all);
