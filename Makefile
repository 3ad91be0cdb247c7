# Every target makes its own environment first: `.venv`, made once and again when pyproject.toml changes.
# It needs python3 (3.10 or later, with venv) and make. `make demo` is the quickest look at what this is.

PYTHON ?= python3
BIN := .venv/bin
PACKAGES := common datastream connectors taskmanager jobmanager dispatcher client testing metrics state_processor
# The generated code is made by the oldest protoc that we support: see docs/design/002-generated-code.md.
PROTOS := $(wildcard proto/millstream/common/wire/*.proto)

# Files of tests run side by side, one more than there are cores: many wait more than they compute.
SIDE_BY_SIDE := --numprocesses $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$((cores < 4 ? cores + 1 : 4))) --dist loadfile

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format proto docs bench mutations clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

demo: .venv/run.stamp  ## count the words of the standard library's sources on an embedded cluster
	@$(BIN)/python examples/word_count.py --parallelism 2

test: .venv/dev.stamp  ## run all tests
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)

SEEDS ?= 0..999
SIM_SUMMARY ?= build/sim.json

sim: .venv/dev.stamp  ## run whole clusters in simulation, under faults: make sim SEEDS=0..9999
	@mkdir -p $(dir $(SIM_SUMMARY))
	@$(BIN)/python -m tests.sim --seeds $(SEEDS) --summary $(SIM_SUMMARY)

check: .venv/dev.stamp  ## check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	MYPYPATH=.link $(BIN)/mypy $(PACKAGES:%=-p millstream.%)
	MYPYPATH=.link $(BIN)/mypy tests examples benchmarks

format: .venv/dev.stamp  ## lay out the code and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proto: .venv/dev.stamp  ## generate common/wire from proto
	$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=.link --pyi_out=.link $(PROTOS)

docs: .venv/dev.stamp  ## generate docs/configuration.md
	$(BIN)/python -m millstream.common.config.documentation

mutations: .venv/dev.stamp  ## break one promise at a time and see that tests notice (minutes)
	@$(BIN)/python -m tests.mutations

bench: .venv/dev.stamp  ## measure throughput and latency (minutes)
	$(BIN)/python -m benchmarks

setup: .venv/dev.stamp  ## make .venv with everything that development needs

clean:  ## remove .venv and all caches
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "Millstream needs Python 3.10 or later, but $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
			"Name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make virtual environments." \
			"On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@rm -rf .venv
	@echo "Making .venv (once; this takes a minute) ..."
	@$(PYTHON) -m venv .venv

.venv/run.stamp: pyproject.toml | .venv/bin/python
	@$(BIN)/python -m pip install -q -e .
	@touch $@

.venv/dev.stamp: pyproject.toml | .venv/bin/python
	@$(BIN)/python -m pip install -q -e '.[dev,uvloop]'
	@touch $@ .venv/run.stamp
