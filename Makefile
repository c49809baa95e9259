# The small steps behind the two commands: `make demo` and `make test`. Each step prints how long it took.
#
# Two cargo profiles, so that nothing is built thrice: whatever links libtorch, and every lint and document, is `release`, whose build the demo
# needs anyway; the tests of the other crates are `dev`, where overflow and debug assertions are checked.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup build demo check fmt deny clippy docs test test-root test-torch clean

STEP := .ci/step.sh
TARGET := $(or $(CARGO_TARGET_DIR),target)
TORCH := --package jostle-model --package jostle-torch
# A libtorch of one's own is taken where LIBTORCH is set.
ifndef LIBTORCH
LIBTORCH := $(shell workloads/model/setup/libtorch.sh --path)
endif
export LIBTORCH

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## Debian packages (as root), libtorch, weights and pictures, once; into ~/.cache/jostle
	@$(STEP) packages .ci/packages.sh
	@$(STEP) libtorch workloads/model/setup/libtorch.sh
	@$(STEP) weights workloads/model/setup/weights.sh
	@$(STEP) pictures workloads/model/setup/pictures.sh

build: ## Everything, release; needs setup
	@$(STEP) build cargo build --locked --release --workspace

demo: setup build ## The 2019 study's interference test on this machine, to a finished report; needs root
	@$(STEP) demo $(TARGET)/release/jostle run --fail-on never examples/demo.yaml

check: fmt deny clippy docs ## Format, licences, lints, documents; needs setup

fmt:
	@$(STEP) fmt cargo fmt --all --check

deny:
	@tool=$$(.ci/cargo-deny.sh); $(STEP) deny $$tool --locked --workspace check licenses bans sources

clippy:
	@$(STEP) clippy cargo clippy --quiet --locked --release --workspace --all-targets -- -D warnings

docs:
	@RUSTDOCFLAGS="-D warnings" $(STEP) docs cargo doc --quiet --locked --release --workspace --no-deps --document-private-items

test: setup check build test-torch test-root ## Set up, check, and run every test; cgroups need root

test-torch:
	@$(STEP) test-torch cargo test --locked --release $(TORCH)

# The build comes first: tests that start the workers want their binaries, and it must do without libtorch.
test-root:
	@$(STEP) build-root env -u LIBTORCH cargo build --locked
	@$(STEP) test-root env -u LIBTORCH cargo test --locked

clean: ## What was built; the cache, the runs and running cgroups stay (see `jostle clean`)
	@cargo clean
