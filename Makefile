# Every habit has one name. On Debian each target installs what it needs (scripts/setup); arm64 and asan say what is
# missing.

CARGO ?= cargo

.PHONY: help setup build demo test chaos month bench-ingest bench-reports bench-dashboard bench-presence fmt lint bench bench-kernels bench-pipeline arm64 asan fuzz

help:
	@echo 'make demo    the whole system on this machine, with people on recordings (Ctrl-C stops it)'
	@echo 'make test    every test: units, the whole line, the browser'
	@echo 'make month   a month of shifts, breaks and broken cameras through the real rules, held against the truth'
	@echo 'make bench-ingest  sightings taken in a second, beside bare SQLite inserts'
	@echo 'make bench-reports  a month of a thousand people as CSV, XLSX and PDF, and the totals held against each other'
	@echo 'make bench-dashboard  the page with 5,000 people, 200 cameras and 200 changes a second'
	@echo 'make bench-presence  people who turn round, cross, hide and leave on drawn recordings, with bodies followed and without'
	@echo 'make chaos   kills agents, broker and aggregator while sightings are made, and counts what arrived'
	@echo 'make lint    formatting, clippy, licences of the dependencies'
	@echo 'make fmt     format the code'
	@echo 'make bench   how fast the networks run on this machine, beside other runtimes (BENCH="--threads 2")'
	@echo 'make bench-kernels   each kernel, and its share of what the processor can do'
	@echo 'make bench-pipeline CLIP=… GALLERY=…   processor time for a recording, beside a plain OpenCV program'
	@echo 'make arm64   build the agent for 64-bit Arm, test the networks there under emulation'
	@echo 'make asan    the tests of the networks with AddressSanitizer (needs a nightly Rust)'
	@echo 'make fuzz    what parses bytes from outside, fuzzed (needs a nightly Rust)'
	@echo 'make setup   install what tests and demo need, and nothing else'

setup:
	@scripts/setup test

build:
	@scripts/setup build
	$(CARGO) build --workspace --bins --locked

# ARGS="--for 60" and the like are handed on.
demo:
	@scripts/setup demo
	$(CARGO) build --workspace --bins --locked
	@target/debug/hadir-demo $(ARGS)

test:
	@scripts/setup test
# All targets at once: with the tests' own dependencies left out, others would be built twice.
# `simulate`: agents that make sightings up, for the test of faults.
	$(CARGO) build --workspace --all-targets --locked --features hadir-agent/simulate
	$(CARGO) test --workspace --locked --features hadir-agent/simulate

# KILLS=200 SIGHTINGS=10000 CUT=120 (seconds without a broker) SEED=…
chaos:
	@scripts/setup test
	$(CARGO) build --workspace --bins --locked --features hadir-agent/simulate
	@target/debug/hadir-chaos $(if $(KILLS),--kills $(KILLS)) $(if $(SIGHTINGS),--sightings $(SIGHTINGS)) \
		$(if $(CUT),--cut $(CUT)) $(if $(SEED),--seed $(SEED))

# PEOPLE=1000 DAYS=30 EVERY=20 (seconds between two sightings of a track) SEED=1 FAULT=miss|late|twice|break|order|silent|faces
month:
	@scripts/setup test
	$(CARGO) build --workspace --bins --locked --features hadir-agent/simulate
	@target/debug/hadir-month $(if $(PEOPLE),--people $(PEOPLE)) $(if $(DAYS),--days $(DAYS)) \
		$(if $(EVERY),--every $(EVERY)) $(if $(SEED),--seed $(SEED)) $(if $(FAULT),--fault $(FAULT))

# EMPLOYEES=100000 SIGHTINGS=1000000 BATCH=500. The stores lie in target/, on the disk of this machine.
bench-ingest:
	@scripts/setup build
	$(CARGO) build --release --locked -p hadir-tests --bin hadir-bench-ingest
	@target/release/hadir-bench-ingest --dir target $(if $(EMPLOYEES),--employees $(EMPLOYEES)) \
		$(if $(SIGHTINGS),--sightings $(SIGHTINGS)) $(if $(BATCH),--batch $(BATCH))

# PEOPLE=1000 DAYS=30 EVERY=60 (seconds between two sightings) SEED=1. The store lies in target/bench-reports.
bench-reports:
	@scripts/setup test
	$(CARGO) build --release --locked -p hadir-tests --bin hadir-bench-reports
	@target/release/hadir-bench-reports $(if $(PEOPLE),--people $(PEOPLE)) $(if $(DAYS),--days $(DAYS)) \
		$(if $(EVERY),--every $(EVERY)) $(if $(SEED),--seed $(SEED))

# PEOPLE=5000 CAMERAS=200 CHANGES=200 (a second) SECONDS_EACH=60
bench-dashboard:
	@scripts/setup test
	$(CARGO) build --release --locked -p hadir-tests -p hadir-aggregator -p hadir-provision --bins
	@target/release/hadir-bench-dashboard $(if $(PEOPLE),--people $(PEOPLE)) $(if $(CAMERAS),--cameras $(CAMERAS)) \
		$(if $(CHANGES),--changes $(CHANGES)) $(if $(SECONDS_EACH),--seconds $(SECONDS_EACH))

# SCRIPTS=30 SEED=… KEEP=folder of the recordings. About half an hour.
bench-presence:
	@scripts/setup demo
	$(CARGO) build --release --locked -p hadir-tests -p hadir-agent --bin hadir-bench-presence --bin hadir-agent
	@target/release/hadir-bench-presence $(if $(SCRIPTS),--scripts $(SCRIPTS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(KEEP),--keep "$(KEEP)")

fmt:
	$(CARGO) fmt --all

lint:
	@scripts/setup build
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked --features hadir-agent/simulate -- -D warnings
	$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --debug --locked cargo-deny
	$(CARGO) deny check licenses bans sources

# Python packages of the peers go into a virtual environment of their own. BENCH="--threads 2" and the like are handed on.
bench:
	@scripts/setup bench
	$(CARGO) build --release --locked --bin hadir-agent
	target/bench/venv/bin/python models/bench/peers.py --models target/bench $(BENCH)

bench-pipeline:
	@scripts/setup bench
	$(CARGO) build --release --locked --bin hadir-agent
	target/bench/venv/bin/python edge-agent/bench/pipeline.py --models target/bench --clip "$(CLIP)" \
		$(if $(GALLERY),--gallery "$(GALLERY)") $(BENCH)

bench-kernels:
	@scripts/setup build
	$(CARGO) bench --locked --package hadir-models --bench kernels

arm64:
	@scripts/cross-arm64

asan:
	@scripts/sanitize

# SECONDS_EACH=30
fuzz:
	@scripts/fuzz $(or $(SECONDS_EACH),30)
