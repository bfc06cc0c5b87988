# All that a user, a contributor or CI ever calls. `make help` lists it.

PYTHON ?= python3
PORT ?= 8010
WORKERS ?= 4
PYTEST_ARGS ?=
TARGETS ?=

VENV := .venv
BIN := $(VENV)/bin
PARTS := .parts
PIP = $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input

# The tests start hundreds of processes: each would compile what it imports once more.
unexport PYTHONDONTWRITEBYTECODE

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run test test-long mutants check format bench docs site parts chromium lock clean test-setup

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1@/' | column -t -s@

install: $(VENV)/.stamp-run ## prepare .venv: pinned dependencies and the postroom command

run: install ## start the server with its simulated networks (PORT=8010)
	@mkdir -p .data
	@exec $(BIN)/postroom serve --sandbox --data .data/sandbox --port $(PORT)

test: test-setup ## run every test, on real parts, at the small size
	@bash tests/parts/in_memory.sh 4 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS) $(TARGETS)

test-long: test-setup ## the same with full enumerations and 10,000 traces, on the disk
	@TEST_SIZE=long $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --timeout 7200 $(PYTEST_ARGS) $(TARGETS)

mutants: test-setup ## break each rule on purpose and see a test fail
	@bash tests/parts/in_memory.sh 4 $(BIN)/python tests/mutants/run.py $(TARGETS)

check: $(VENV)/.stamp-dev ## format, lint, types, imports
	@$(BIN)/ruff format --check --quiet . || { echo "format: run 'make format'"; $(BIN)/ruff format --check .; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > $(VENV)/.imports.log 2>&1 || { cat $(VENV)/.imports.log; exit 1; }
	@$(BIN)/python docs/generate.py --check
	@echo "check: format, lint, types and imports are as they should be"

docs: install ## write the reference pages that come from the code
	@$(BIN)/python docs/generate.py

site: $(PARTS)/docs/.stamp ## build the docs site in build/site
	@$(PARTS)/docs/bin/python docs/site/build.py

format: $(VENV)/.stamp-dev ## put the code into its one format
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

bench: $(VENV)/.stamp-bench ## measure, and write figures and plots to bench/results
	@$(BIN)/python -m bench $(TARGETS)

parts: $(PARTS)/pds/.stamp $(PARTS)/unipile/.stamp $(PARTS)/axe/.stamp $(PARTS)/swift/.stamp $(PARTS)/synapse/.stamp $(PARTS)/docs/.stamp chromium # the real parts that are not packages beside the server's own; PostgreSQL is one

clean: ## remove all that these targets made
	rm -rf $(VENV) $(PARTS) .data build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis .import_linter_cache

# Python packages and the PDS do not wait for each other; much of it is to wait for what comes over the network.
test-setup:
	@$(MAKE) --silent --no-print-directory -j3 $(VENV)/.stamp-test parts

# The environment. Each stamp is as new as the lock file that it was made from.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "POSTROOM CANNOT BE SET UP: Python 3.11 or later is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "POSTROOM CANNOT BE SET UP: $(PYTHON) has no venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "setting up $(VENV)"
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "POSTROOM CANNOT BE SET UP: $(PYTHON) -m venv failed" >&2; exit 1; }

$(VENV)/.stamp-run: requirements/run.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "installing what the server needs"
	@$(call pinned,run)
	@$(call pinned,build)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.stamp-test: requirements/test.txt $(VENV)/.stamp-run
	@echo "installing what the tests need"
	@$(call pinned,test)
	@touch $@

$(VENV)/.stamp-dev: requirements/dev.txt $(VENV)/.stamp-run
	@echo "installing what the checks need"
	@$(call pinned,dev)
	@touch $@

$(VENV)/.stamp-bench: requirements/bench.txt $(VENV)/.stamp-run
	@echo "installing what the benchmarks need"
	@$(call pinned,bench)
	@touch $@

# The real parts.

$(PARTS)/node/.stamp: requirements/node.txt | $(BIN)/python
	@echo "installing Node for the tests"
	@rm -rf $(PARTS)/node && mkdir -p $(PARTS) && $(PYTHON) -m venv $(PARTS)/node
	@$(PARTS)/node/bin/python -m pip install -qq --disable-pip-version-check --no-input -r requirements/node.txt \
	  || { echo "POSTROOM CANNOT BE TESTED: Node could not be installed from requirements/node.txt" >&2; exit 1; }
	@touch $@

$(PARTS)/pds/.stamp: tests/parts/pds/package.json tests/parts/pds/package-lock.json tests/parts/pds/install.sh $(PARTS)/node/.stamp
	@bash tests/parts/pds/install.sh $(PARTS)
	@touch $@

# After the PDS: both link Node into the same folder.
$(PARTS)/unipile/.stamp: tests/parts/unipile/package.json tests/parts/unipile/package-lock.json tests/parts/unipile/install.sh $(PARTS)/node/.stamp | $(PARTS)/pds/.stamp
	@bash tests/parts/unipile/install.sh $(PARTS)
	@touch $@

# After the other two: all three link Node into the same folder.
$(PARTS)/axe/.stamp: tests/parts/axe/package.json tests/parts/axe/package-lock.json tests/parts/axe/install.sh $(PARTS)/node/.stamp | $(PARTS)/unipile/.stamp
	@bash tests/parts/axe/install.sh $(PARTS)
	@touch $@

# Of this system, not of ours: looked for each time.
chromium:
	@bash tests/parts/chromium/install.sh

# An environment of its own: its packages have other versions than the server's.
$(PARTS)/swift/.stamp: requirements/swift.txt | $(BIN)/python
	@echo "installing an S3 server for the tests"
	@rm -rf $(PARTS)/swift && mkdir -p $(PARTS) && $(PYTHON) -m venv $(PARTS)/swift
	@$(PARTS)/swift/bin/python -m pip install -qq --disable-pip-version-check --no-input -r requirements/swift.txt \
	  || { echo "POSTROOM CANNOT BE TESTED: Swift could not be installed from requirements/swift.txt" >&2; exit 1; }
	@touch $@

$(PARTS)/synapse/.stamp: requirements/synapse.txt | $(BIN)/python
	@echo "installing a Matrix homeserver for the tests"
	@rm -rf $(PARTS)/synapse && mkdir -p $(PARTS) && $(PYTHON) -m venv $(PARTS)/synapse
	@$(PARTS)/synapse/bin/python -m pip install -qq --disable-pip-version-check --no-input -r requirements/synapse.txt \
	  || { echo "POSTROOM CANNOT BE TESTED: Synapse could not be installed from requirements/synapse.txt" >&2; exit 1; }
	@touch $@

# The docs site. What builds it is in nobody else's environment.

$(PARTS)/docs/.stamp: requirements/docs.txt | $(BIN)/python
	@echo "installing what the docs site needs"
	@rm -rf $(PARTS)/docs && mkdir -p $(PARTS) && $(PYTHON) -m venv $(PARTS)/docs
	@$(PARTS)/docs/bin/python -m pip install -qq --disable-pip-version-check --no-input -r requirements/docs.txt \
	  || { echo "POSTROOM'S SITE CANNOT BE BUILT: requirements/docs.txt could not be installed" >&2; exit 1; }
	@touch $@

# New versions: change pyproject.toml or the pins' bounds, then `make lock`, and read the difference.

UV = $(PARTS)/lock/bin/uv pip compile --quiet --universal --upgrade --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links
lock: ## renew the lock files
	@$(PYTHON) -m venv $(PARTS)/lock && $(PARTS)/lock/bin/pip install -qq --disable-pip-version-check uv==0.13.8
	$(UV) requirements/build.in -o requirements/build.txt
	$(UV) requirements/swift.in -o requirements/swift.txt
	$(UV) requirements/synapse.in -o requirements/synapse.txt
	$(UV) requirements/docs.in -o requirements/docs.txt
	$(UV) pyproject.toml --extra whatsapp --extra agents -o requirements/run.txt
	$(UV) pyproject.toml --extra whatsapp --extra agents --extra test -c requirements/run.txt -o requirements/test.txt
	$(UV) pyproject.toml --extra whatsapp --extra agents --extra test --extra dev -c requirements/test.txt -o requirements/dev.txt
	$(UV) pyproject.toml --extra bench -c requirements/dev.txt -o requirements/bench.txt

define pinned
$(PIP) -r requirements/$(1).txt || { echo "POSTROOM CANNOT BE SET UP: the packages of requirements/$(1).txt could not be installed" >&2; exit 1; }
endef
