//! The entry point that DuckDB calls on `LOAD nats_js`: it names the functions, which the door registers.

crate::ffi::entry_point!(nats_js_init_c_api, crate::functions::register_all);
