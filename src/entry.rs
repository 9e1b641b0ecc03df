//! The entry points that DuckDB calls on `LOAD nats_js`: they name the functions, which the door registers.

crate::ffi::entry_point!(nats_js_init_c_api, crate::functions::register_all);
crate::ffi::entry_point_v2!(crate::functions::register_all);
