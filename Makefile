# The small steps behind the two commands: `make demo` and `make test`. Each step prints how long it took.
#
# The crates come in two groups, always named alike (other selections have other features, and build everything again): ROOT, the default
# members, which do without libtorch; and TORCH, always in release, so that tests and lints use the demo's own build of libtorch's bindings. The
# root's tests are `dev`, where overflow and debug assertions are checked, and so are the statistics', optimised.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup build build-dev build-torch demo check fmt deny clippy-root clippy-torch docs-root docs-torch book \
  test test-fast test-long test-root test-torch test-quiet test-busy test-examples setup-vm test-vm test-vm-backend test-vm-cluster test-cluster \
  cluster cluster-packages cluster-setup cluster-up cluster-status cluster-down cluster-kubectl cluster-exec bench clean

STEP := .ci/step.sh
LANES := MAKE='$(MAKE)' .ci/lanes.sh
TARGET := $(or $(CARGO_TARGET_DIR),target)
ROOT := env -u LIBTORCH cargo
TORCH := --release --package jostle-model --package jostle-torch
# Tests with goals of their own, which a plain `cargo test` leaves out.
OWN_GOALS := --test machine --test local_backend --test examples --test long --test vm
ANALYSIS_TESTS := $(patsubst analysis/tests/%.rs,--test %,$(wildcard analysis/tests/*.rs))
# A libtorch of one's own is taken where LIBTORCH is set.
ifndef LIBTORCH
LIBTORCH := $(shell workloads/model/setup/libtorch.sh --path)
endif
export LIBTORCH

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## Debian packages (as root), libtorch, weights and pictures, once; into ~/.cache/jostle
	@$(STEP) packages .ci/packages.sh
	@$(STEP) libtorch workloads/model/setup/libtorch.sh
	@$(STEP) weights workloads/model/setup/weights.sh
	@$(STEP) pictures workloads/model/setup/pictures.sh

build: build-torch ## Everything, release; needs setup
	@$(STEP) build-root $(ROOT) build --locked --release

build-torch:
	@$(STEP) build-torch cargo build --locked $(TORCH)

demo: setup build ## The 2019 study's interference test on this machine, to a finished report; needs root
	@$(STEP) demo $(TARGET)/release/jostle run --fail-on never examples/demo.yaml

# Checks that need nothing fetched come first.
check: fmt clippy-root docs-root deny clippy-torch docs-torch book ## Format, licences, lints, documents; needs setup

fmt:
	@$(STEP) fmt cargo fmt --all --check

deny:
	@tool=$$(.ci/cargo-deny.sh); $(STEP) deny $$tool --locked --workspace check licenses bans sources

# Tests that only their own goals run are not among `--all-targets`.
clippy-root:
	@$(STEP) clippy-root $(ROOT) clippy --quiet --locked --all-targets -- -D warnings
	@$(STEP) clippy-tests $(ROOT) clippy --quiet --locked $(OWN_GOALS) -- -D warnings

clippy-torch:
	@$(STEP) clippy-torch cargo clippy --quiet --locked $(TORCH) --all-targets -- -D warnings

docs-root docs-torch: export RUSTDOCFLAGS := -D warnings
docs-root:
	@$(STEP) docs-root $(ROOT) doc --quiet --locked --no-deps --document-private-items
docs-torch:
	@$(STEP) docs-torch cargo doc --quiet --locked $(TORCH) --no-deps --document-private-items

book: ## The pages of docs/ as a book, into target/book
	@tool=$$(.ci/mdbook.sh); $(STEP) book $$tool build --dest-dir "$$(realpath -m $(TARGET))/book" docs

# Two lanes compile, in a profile each, for cargo locks a profile's folder; one of them fetches first what it wants. Then the tests that judge
# what they measure have the machine to themselves. Of the others, those that wait on processes stand beside those that compute, and the
# first build of the test cluster.
test: fmt ## Set up, check, and run every test but the long ones; cgroups need root
	@$(LANES) "setup deny setup-vm clippy-torch docs-torch build-torch book" "clippy-root docs-root build-dev"
	@$(MAKE) --no-print-directory test-examples test-quiet
	@$(LANES) "test-busy" "test-root test-torch test-vm-backend" "test-vm-cluster"
	@$(MAKE) --no-print-directory test-cluster

test-fast: fmt clippy-root ## Format, lints, statistics, pure modules, flows on the fake backend: no root, nothing fetched
	@$(STEP) test-fast $(ROOT) test --locked --no-fail-fast --lib $(ANALYSIS_TESTS) --test layers --test docs --test flows -- --skip browser::

# What only a long run can show; nothing else may use the machine meanwhile.
test-long: setup build ## The demo, whole, as it is shipped: seven minutes; needs root
	@$(STEP) test-long $(ROOT) test --locked --test long

test-torch:
	@$(STEP) test-torch cargo test --locked --no-fail-fast $(TORCH)

# The build comes first: tests that start the workers want their binaries.
build-dev:
	@$(STEP) build-dev $(ROOT) build --locked
	@$(STEP) build-tests $(ROOT) test --locked --no-run
	@$(STEP) build-own-tests $(ROOT) test --locked --no-run $(OWN_GOALS)

test-root: ## What needs no machine to itself: statistics, modules, processes, flows
	@$(STEP) test-root $(ROOT) test --locked --no-fail-fast

test-quiet: ## What judges its measurements on this machine's control groups, which nothing else may use; needs root
	@$(STEP) test-local-backend $(ROOT) test --locked --test local_backend
	@$(STEP) test-quiet $(ROOT) test --locked --no-fail-fast --test machine quiet::

test-busy: ## How runs on this machine's control groups end and what they leave, beside whatever else runs; needs root
	@$(STEP) test-busy $(ROOT) test --locked --no-fail-fast --test machine busy::

test-examples: ## Every example that runs on this machine, with shorter phases and its own thresholds; needs root, and build-torch
	@$(STEP) test-examples $(ROOT) test --locked --no-fail-fast --test examples

# Not part of setup: only tests want an emulator.
setup-vm: cluster-packages
	@$(STEP) packages-vm .ci/packages.sh vm
	@$(STEP) vm-kernel .ci/vm-kernel.sh

test-vm: test-vm-backend test-vm-cluster ## The local backend and the test cluster in virtual machines of both cgroup versions, with and without root; fetches qemu and a kernel

test-vm-backend: setup-vm
	@$(STEP) build-dev $(ROOT) build --locked
	@$(STEP) test-vm-backend $(ROOT) test --locked --test vm -- --skip version_2_cluster

test-vm-cluster: setup-vm cluster-setup
	@$(STEP) test-vm-cluster $(ROOT) test --locked --test vm -- version_2_cluster

cluster-packages:
	@$(STEP) packages-cluster .ci/packages.sh cluster

# The first build takes minutes, on every CPU; what it makes stays in the cache until a source or a version changes.
cluster-setup: cluster-packages ## Debian packages (as root) and the program of the test cluster, once; into ~/.cache/jostle
	@$(STEP) build-cluster .ci/cluster.sh

test-cluster: cluster-setup ## A real Kubernetes on this machine, of 2 hosts with 2 nodes each, and everything that it is for; needs root
	@$(STEP) test-cluster .ci/cluster.sh --test

NAME ?= dev
HOSTS ?= 4
NODES ?= 4
cluster-up: cluster-setup ## A real Kubernetes on this machine: make cluster-up [HOSTS=4] [NODES=4] [NAME=dev] [DNS=1] [PROXY=1]; needs root
	@tool=$$(.ci/cluster.sh --path); $$tool up --name $(NAME) --hosts $(HOSTS) --nodes $(NODES) $(if $(DNS),--dns) $(if $(PROXY),--proxy)

cluster-status: ## Its hosts, nodes, budgets and processes: make cluster-status [NAME=dev]
	@tool=$$(.ci/cluster.sh --path); $$tool status --name $(NAME) $(ARGS)

cluster-down: ## End it, and remove everything that is left of it: make cluster-down [NAME=dev]
	@tool=$$(.ci/cluster.sh --path); $$tool down --name $(NAME) $(ARGS)

cluster-kubectl: ## kubectl as its administrator: make cluster-kubectl ARGS='get nodes' [NAME=dev]
	@tool=$$(.ci/cluster.sh --path); $$tool kubectl --name $(NAME) $(ARGS)

cluster-exec: ## A command in its network: make cluster-exec ARGS='COMMAND' [NAME=dev]
	@tool=$$(.ci/cluster.sh --path); $$tool exec --name $(NAME) $(ARGS)

cluster: ## Its other commands (image, fault): make cluster ARGS='--help'
	@tool=$$(.ci/cluster.sh --path); $$tool $(ARGS)

# Words beside the goal are parts of rows' names, and no goals: `make bench paired`.
bench: ## Timings beside peers, of the rows whose name holds NAME: make bench [NAME]; into target/bench.json
	@$(STEP) bench $(ROOT) bench --quiet --locked --bench bench -- $(NAME)

clean: ## What was built; the cache, the runs and running cgroups stay (see `jostle clean`)
	@cargo clean

ifeq ($(firstword $(MAKECMDGOALS)),bench)
ifneq ($(origin NAME),command line)
NAME := $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
endif
$(filter-out bench,$(MAKECMDGOALS)):
	@:
endif
