# What a person does with this repository. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
UV_VERSION := 0.13.8
WORKERS ?= 4
UV := .local/uv/bin/uv
UV_STAMP := .local/uv/$(UV_VERSION)
VENV_STAMP := .venv/.synced

# uv takes the interpreter that is here and never downloads another; nothing reports usage.
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export SCARF_ANALYTICS := false

EXPORT := $(UV) export --quiet --frozen --no-dev --no-emit-project --format requirements-txt

.PHONY: help setup system demo down test soak lint format bench bench-quick docs requirements

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1m%-13s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV_STAMP) ## Python environment (.venv, from the lock)

$(UV_STAMP):
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "make: Python 3.11 to 3.13 is needed, $(PYTHON) is %d.%d: make PYTHON=python3.11" % v)'
	@echo "setup: uv $(UV_VERSION) into .local/uv"
	@mkdir -p .local
	@$(PYTHON) -m venv --clear .local/uv
	@.local/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(VENV_STAMP): uv.lock pyproject.toml | $(UV_STAMP)
	@echo "setup: packages of uv.lock into .venv"
	@$(UV) sync --quiet --frozen --compile-bytecode --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"
	@touch $@

system: ## Chromium, Prometheus, node exporter, fonts: installed if missing (root), or named
	@sandbox/system-packages.sh

demo: setup system ## the whole product on this machine: 100 days of history, the last night through Airflow, the mails
	@.venv/bin/postlaunch demo

down: ## stop every process of the demonstration; its state stays in .local
	@if [ -x .venv/bin/postlaunch ]; then .venv/bin/postlaunch down; else echo "nothing runs: there is no .venv"; fi

test: setup system ## all tests, by four workers: much of it waits, for Airflow and for APIs (WORKERS=2)
	@.venv/bin/pytest --numprocesses $(WORKERS) --dist loadgroup --no-loadscope-reorder $(ARGS)

soak: setup system ## tests that take hours: 90 days backfilled through Airflow, 30 random nights against full refreshes, nights without raw
	@.venv/bin/pytest -m soak $(ARGS)

lint: setup ## ruff, mypy, sqlfluff, launch files, requirements.txt against the lock
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/sqlfluff lint --processes 2 dbt_project/models
	@POSTLAUNCH_LAUNCHES=launches .venv/bin/postlaunch launches check
	@diff <($(EXPORT) | grep -v '^#') <(grep -v '^#' requirements.txt) > /dev/null || { echo "requirements.txt is not what uv.lock says: run 'make requirements'" >&2; exit 1; }

format: setup ## let ruff put the Python files in order
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

bench: setup ## the performance figures of benchmarks/, about forty minutes
	@.venv/bin/python -m benchmarks $(ARGS)

bench-quick: setup ## the same at smaller sizes, under ten minutes
	@.venv/bin/python -m benchmarks --quick $(ARGS)

docs: setup ## write docs/reference anew from the code
	@.venv/bin/python docs/generate.py
	@.venv/bin/python -m postlaunch.orchestration.docs

requirements: $(UV_STAMP) ## write requirements.txt anew from uv.lock
	@$(EXPORT) --output-file requirements.txt
