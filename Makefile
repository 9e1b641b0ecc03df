# The targets that DuckDB extensions have, and what this one adds. `make test` is what CI runs.

PYTHON := .tools/venv/bin/python

# One target after the other: the last line of `make test` is the count of its run.
.NOTPARALLEL:

.PHONY: all configure configure_venv configure_demo debug release test test_release docs test_doors test_debug test_rust soak lake chaos simulate fuzz valgrind check cross_check docs-synopsis mutants demo play clean bench

all: release

include scripts/registry.mk

# The nats-servers that the tests run on: `make test SERVERS=2.15,2.12` leaves out the others, among them 2.9, which is a Debian package.
SERVERS :=
export NATS_JS_TEST_SERVERS := $(SERVERS)

# The name under which DuckDB loads the extension: `make release NAME=jetstream`, `make test NAME=jetstream`.
NAME := nats_js
export NATS_JS_NAME := $(NAME)

# Installs hosts, servers and test libraries into .tools/, which git ignores.
configure:
	python3 -m scripts.configure

# The Python environment alone.
configure_venv:
	python3 -m scripts.configure --venv

# Only what the demo needs.
configure_demo:
	python3 -m scripts.configure --demo

debug:
	cargo build --locked
	python3 -m scripts.package debug

release:
	cargo build --locked --release
	python3 -m scripts.package release

test: test_rust test_release

test_rust:
	cargo test --locked

test_release: configure release
	$(PYTHON) -m scripts.run_tests --profile release

# Every suite of the newest DuckDB through both of its doors.
test_doors: configure release
	$(PYTHON) -m scripts.run_tests --profile release --both-doors --host 2.0.0

test_debug: configure debug
	$(PYTHON) -m scripts.run_tests --profile debug

# The crash tests of ingesting in rounds of 100 000 events each, with one worker and with three; about ten minutes.
ROUNDS := 20

soak: configure release
	NATS_JS_SOAK=$(ROUNDS) $(PYTHON) -m scripts.run_tests --profile release --file test_ingest_crash

# Workers on one lake in rounds of 100 000 events with repeats, killed while what they need fails; then what 1, 2 and 4 of them do a second.
lake: configure release
	NATS_JS_SOAK=$(ROUNDS) $(PYTHON) -m scripts.run_tests --profile release --suite lake
	NATS_JS_PROFILE=release NATS_JS_TEST_SERVER=2.15.1 PYTHONPATH=.tools/lake-1.5.5:.:test $(PYTHON) -m lake.speed

# The fault suite, test/chaos, for so many seconds: what breaks and what is asked follows from the seed. Wrong answers are kept in
# build/chaos with all that is needed to look at them. JOBS run side by side: most of the time they wait for servers that come back, so a
# processor can have four. ROUNDS bounds it as well; PLACE is a part of the name of what is started:
# make chaos SEED=7 ROUNDS=1 PLACE='2.15.1, 3 servers'
SECONDS := 600
SEED := 1
PLACE :=
JOBS := 1

chaos: configure release
	$(PYTHON) -m scripts.chaos --jobs $(JOBS) --seconds $(SECONDS) --seed $(SEED) --servers '$(PLACE)' $(if $(filter command,$(origin ROUNDS)),--rounds $(ROUNDS))

# Whole reads without a server, so many of them, optimised: the window of requests against a world of lost, late and doubled replies, and
# the driver with its proof while streams are replaced and rewound. Some 250 steps each.
READS := 400000

simulate:
	NATS_JS_SIMULATED_READS=$(READS) cargo test --locked --release --lib simulation:: -- --nocapture

# The property tests of parsers and codecs, with so many cases each, which are others every time; optimised. What fails is written
# into proptest-regressions/, from where every later run takes it first.
CASES := 20000

fuzz:
	NATS_JS_FUZZ_CASES=$(CASES) cargo test --locked --release --lib -- property_tests round_trip damage_tests
	NATS_JS_FUZZ_CASES=$(CASES) cargo test --locked --release --test bounded_memory

# LOAD, reading, ingesting, publishing, COPY and errors under valgrind, which must be installed.
valgrind: export CARGO_PROFILE_RELEASE_STRIP = debuginfo
valgrind: configure release
	$(PYTHON) -m scripts.valgrind

check: cross_check
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

# That the library compiles for every platform; those whose targets rustup cannot add are skipped.
cross_check:
	python3 -m scripts.cross_check

# Writes the signatures in docs/functions and docs/function_descriptions.csv, which a test compares with the functions.
docs-synopsis:
	NATS_JS_WRITE_SYNOPSIS=1 cargo test --locked --lib synopsis

# The site of the documentation: build/site/book/index.html. mdbook is built into .tools/ once, which takes some minutes.
docs: configure_venv
	$(PYTHON) -m scripts.site

# Faults planted one at a time into the rooms without I/O; those that no unit test notices are listed in
# build/mutants/mutants.out/missed.txt. Needs `cargo install cargo-mutants`. FILES narrows it down, CHUNK is a part of it:
# make mutants FILES='src/plan/*.rs' CHUNK=1/4
FILES := src/**/*.rs
CHUNK := 0/1

mutants:
	python3 -m scripts.mutants --file '$(FILES)' --shard $(CHUNK)

demo: configure_demo release
	$(PYTHON) -m scripts.demo

# A server, a stream whose events keep coming, and a DuckDB shell: FILE is the example whose streams it has.
FILE := examples/quickstart.sql

play: configure_demo release
	$(PYTHON) -m scripts.play $(FILE)

# What reading, publishing and ingesting cost, beside other ways to do the same; scripts/bench/settings.py has its variables.
bench: configure release
	$(PYTHON) -m scripts.bench

clean:
	cargo clean
	rm -rf build
