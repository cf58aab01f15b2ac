# Every habit has one name. On Debian each target installs what it needs (scripts/setup).

CARGO ?= cargo

.PHONY: help setup build demo test fmt lint bench

help:
	@echo 'make demo    the whole system on this machine, with people on recordings (Ctrl-C stops it)'
	@echo 'make test    every test: units, the whole line, the browser'
	@echo 'make lint    formatting, clippy, licences of the dependencies'
	@echo 'make fmt     format the code'
	@echo 'make bench   how fast the networks run on this machine'
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
	$(CARGO) build --workspace --all-targets --locked
	$(CARGO) test --workspace --locked

fmt:
	$(CARGO) fmt --all

lint:
	@scripts/setup build
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check licenses bans sources

bench:
	@scripts/setup build
	$(CARGO) run --release --locked --bin hadir-agent -- bench
