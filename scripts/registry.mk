# What the build of DuckDB's community registry calls beside `configure` and `release`; its workflow brings extension-ci-tools into
# the tree. https://github.com/duckdb/extension-ci-tools, makefiles/c_api_extensions/

.PHONY: set_duckdb_version set_duckdb_tag output_distribution_matrix configure_ci test_offline

# One file serves every DuckDB from 1.2 on, so the version that it is built for changes nothing.
set_duckdb_version set_duckdb_tag:
	@:

output_distribution_matrix:
	cat extension-ci-tools/config/distribution_matrix.json

configure_ci: configure

# Tests that need no server, on the DuckDB of the platform.
test_offline: configure release
	$(PYTHON) -m scripts.run_tests --profile release --file test/sql/offline
