# Python 3.11 and make are all that is needed: each target makes .venv itself, and is quick the second time.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo up test check bench bench-phoenix bench-floor bench-far bench-outage bench-mixed bench-assembling bench-questions driver-tests docs format pins
.NOTPARALLEL:

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.set-up
# The rooms that are there; a part of the tree that is missing is not an error.
CODE := $(wildcard leeway tests benchmarks examples)
PYTEST_ARGS ?=

help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv from the pinned requirements

$(STAMP): requirements/dev.txt requirements/runtime.in requirements/install.sh pyproject.toml
	@PYTHON="$(PYTHON)" sh requirements/install.sh
	@touch $(STAMP)

demo: $(STAMP) ## The whole story, live: a bad rollout is found, and rolled back
	@$(PY) -m examples.demo

up: $(STAMP) ## Run Leeway on this machine (leeway up)
	@$(VENV)/bin/leeway up

# Tests wait for processes: three workers keep two cores busy. Each has a store of its own.
TEST_WORKERS ?= 3

test: $(STAMP) ## Run every test
	@$(PY) -m pytest -n $(TEST_WORKERS) --dist loadscope --no-loadscope-reorder $(PYTEST_ARGS)

check: $(STAMP) ## Format, lint, types, import arrows
	@$(PY) -m ruff format --check $(CODE)
	@$(PY) -m ruff check $(CODE)
	@$(PY) -m mypy $(CODE)
	@$(VENV)/bin/lint-imports
	@$(PY) -m pytest -q tests/house

BENCH_ARGS ?=
# The reports in docs/benchmarks are written anew; BENCH_ARGS='--seconds 5 --report build/benchmarks' writes elsewhere.

bench: $(STAMP) ## Measure: spans a second, CPU, disk and peak memory, for six kinds of load
	@$(PY) -m benchmarks.ingest --report docs/benchmarks $(BENCH_ARGS)

bench-phoenix: $(STAMP) ## Phoenix beside us, the same requests on this machine
	@$(PY) -m benchmarks.phoenix --report docs/benchmarks $(BENCH_ARGS)

bench-floor: $(STAMP) ## What ClickHouse alone takes for a span, in Leeway's table and in others
	@$(PY) -m benchmarks.floor --report docs/benchmarks $(BENCH_ARGS)

bench-far: $(STAMP) ## Large requests over a line of 100 ms
	@$(PY) -m benchmarks.far_line --report docs/benchmarks $(BENCH_ARGS)

bench-outage: $(STAMP) ## ClickHouse away for ten minutes under load, and back
	@$(PY) -m benchmarks.outage --report docs/benchmarks $(BENCH_ARGS)

bench-mixed: $(STAMP) ## All signals at half of the measured maximum, everything on, dashboards open
	@$(PY) -m benchmarks.mixed --report docs/benchmarks $(BENCH_ARGS)

bench-assembling: $(STAMP) ## What assembling and watching cost a span, with 1 to 10 million spans stored
	@$(PY) -m benchmarks.assembling --report docs/benchmarks $(BENCH_ARGS)

bench-questions: $(STAMP) ## Ten million spans stored: what answers take, and bytes a span
	@$(PY) -m benchmarks.questions --report docs/benchmarks $(BENCH_ARGS)

RUNS ?= 1000000
fuzz: $(STAMP) ## Fuzz every parser with RUNS inputs (docs/fuzzing.md)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/fuzz.txt
	@nice -n 19 $(PY) -m tests.fuzz --runs $(RUNS)

CHECKOUT ?= ../clickhouse-connect
driver-tests: $(STAMP) ## clickhouse-connect's own tests, from its source at CHECKOUT, against the embedded store
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/driver.txt
	@$(PY) -m benchmarks.driver --checkout $(CHECKOUT) --report docs/driver-tests.md $(DRIVER_ARGS)

docs: $(STAMP) ## Write docs/settings.md from the code
	@$(PY) -m leeway.runtime.reference > docs/settings.md

format: $(STAMP) ## Format, and mend what ruff can mend
	@$(PY) -m ruff format $(CODE)
	@$(PY) -m ruff check --fix $(CODE)

COMPILE := $(VENV)/bin/uv pip compile --quiet --no-config --generate-hashes --universal --python-version 3.11 \
	--no-annotate --no-header

pins: $(STAMP) ## Compile requirements/*.in; UPGRADE=-U for newer versions
	@$(COMPILE) $(UPGRADE) -o requirements/runtime.txt requirements/runtime.in
	@$(COMPILE) $(UPGRADE) -o requirements/build.txt requirements/build.in
	@$(COMPILE) $(UPGRADE) -c requirements/runtime.txt -c requirements/build.txt -o requirements/dev.txt requirements/dev.in
	@$(COMPILE) $(UPGRADE) -o requirements/fuzz.txt requirements/fuzz.in
	@$(COMPILE) $(UPGRADE) -c requirements/dev.txt -o requirements/driver.txt requirements/driver.in
