# How DuckDB's own build includes this extension.
duckdb_extension_load(nats_js
    SOURCE_DIR ${CMAKE_CURRENT_LIST_DIR}
    LOAD_TESTS
)
