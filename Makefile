# Every target sets up what it needs, once: a .venv from constraints.txt.
# PYTHON=python3.12 make test      takes another interpreter
# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make test      takes the CPU build of torch

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m
PARALLEL := --numprocesses auto --dist worksteal
export PYTHONDONTWRITEBYTECODE =  # tests start many interpreters: each would compile the package anew

.DEFAULT_GOAL := help
.PHONY: help setup verify test test-all lint smoke test-cuda test-browser test-dask bench audit docs clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

verify: setup ## Run rnncli verify on configs/default.yaml
	@$(VENV)/bin/rnncli verify configs/default.yaml

test: setup ## Run the fast tests and a sample of the exhaustive ones (two minutes on two cores)
	@$(RUN) pytest $(PARALLEL)

test-all: setup ## Run all tests, as CI does (about ten minutes on two cores)
	@$(RUN) pytest $(PARALLEL) --exhaustive

lint: setup ## Check style and types
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy

smoke: setup ## The CI smoke check: every argument and every layout, with gradients
	@$(VENV)/bin/rnncli verify configs/smoke.yaml --strict

test-cuda: setup ## The checks that need a GPU; skipped where there is none
	@$(RUN) pytest tests/cuda -m cuda -rs

test-browser: setup ## The HTML report in headless Chromium (Debian: apt-get install chromium); skipped without
	@$(RUN) pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,browser]'
	@$(RUN) pytest tests/browser -m browser -rs

test-dask: setup ## The checks that start a Dask cluster on this machine (about five minutes on two cores)
	@$(RUN) pytest tests/execution/test_dask.py -m dask -rs

bench: setup ## What start-up, a verdict, many cases and each implementation cost, as ratios (an hour)
	@$(RUN) benchmarks.startup
	@OMP_NUM_THREADS=1 $(RUN) benchmarks.cost
	@OMP_NUM_THREADS=1 $(RUN) benchmarks.grid
	@OMP_NUM_THREADS=1 $(RUN) benchmarks.dask
	@$(RUN) benchmarks.bench

audit: setup ## Hold the verdicts against thousands of cases, and write docs/verdicts.md (an hour and a half; resumes)
	@OMP_NUM_THREADS=1 $(RUN) benchmarks.reading > /dev/null || true  # what fails there fails on the page
	@OMP_NUM_THREADS=1 $(RUN) benchmarks.audit

docs: setup ## Make docs/cli.md and the pictures from the tool itself
	@$(RUN) docs.make

clean: ## Remove the virtual environment and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "rnncli needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1); name another: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up $(VENV) (once; torch is the large part)"
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
