# Everything a developer does with Muniment. `make` alone tells what there is.
# ARGS goes to the program: `make run ARGS="--port 9000"`, `make unit ARGS="-k settings"`.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/python -m pytest

# What `make run` sets for development; whatever the environment has already wins, also when empty.
DEVELOPMENT = \
	MUNIMENT_AUTH_POLICIES="$${MUNIMENT_AUTH_POLICIES-basicauth}" \
	MUNIMENT_FLUSH_ENABLED="$${MUNIMENT_FLUSH_ENABLED-true}" \
	MUNIMENT_WEBHOOKS_ALLOWED_NETWORKS="$${MUNIMENT_WEBHOOKS_ALLOWED_NETWORKS-127.0.0.0/8 ::1/128}"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test check format unit contract integration simulation clients clients-full \
	browser faults bench bench-webhooks demo reference lock clean

help: ## List the targets.
	@awk 'BEGIN { FS = ":.*## "; print "make <target>, where <target> is one of:\n" } \
		/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed-dev ## Make .venv with the pinned, hash-checked packages and this project.

run: $(VENV)/.installed-runtime ## Serve everything on port 8888; with DEMO=1, with demo keys to try.
	@$(DEVELOPMENT) exec $(BIN)/muniment up $(if $(DEMO),--seed-demo) $(ARGS)

test: setup ## Run all suites in their short form, two beside each other; ARGS takes options, no paths.
	$(BIN)/python -m tests.support.side_by_side -m "not long" $(ARGS)

check: setup ## Run what needs no server: format, lint, types (mypy and pyright), unit tests, layering.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(PYTEST) tests/unit $(ARGS)

format: setup ## Format the code and mend what the linter can mend.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

unit: setup ## Run the unit tests: pure, no network, seconds.
	$(PYTEST) tests/unit $(ARGS)

contract: setup ## Run one suite against each implementation of the log and of the store.
	$(PYTEST) tests/contract $(ARGS)

integration: setup ## Run the tests of whole services on a real Kafka and Postgres.
	$(PYTEST) tests/integration $(ARGS)

simulation: setup ## Run the tests that play many histories in memory, each from a printed seed.
	$(PYTEST) tests/simulation $(ARGS)

clients: setup ## Run stock clients and Kinto's contract in short; outcomes by its sections.
	$(PYTEST) tests/clients -m "not long" --by-section $(ARGS)

clients-full: setup ## The same in its long form: every client and each option of theirs.
	$(PYTEST) tests/clients --by-section --require-tools $(ARGS)

browser: setup ## Run kinto-admin and kinto.js in Chromium, which must be installed; npm's packages are fetched.
	$(PYTEST) tests/clients/test_browser.py --require-tools $(ARGS)

faults: setup ## Kill, freeze and cut off every part under load, then look for what was lost.
	$(PYTEST) tests/faults $(ARGS)

bench: setup ## Measure writes, reads and lists a second; prints the table of docs/benchmarks.md.
	$(BIN)/python -m tests.bench $(ARGS)

bench-webhooks: setup ## Measure webhook deliveries: drains, latency, memory, beside a bare client.
	$(BIN)/python -m tests.bench.webhooks $(ARGS)

demo: setup ## Load 13,000 real records through the stock client and compare every field.
	@$(DEVELOPMENT) exec $(BIN)/muniment demo $(ARGS)

reference: setup ## Re-make the pages of docs/ that are made from the code: settings, metrics.
	$(BIN)/python -m muniment.runtime.reference docs

lock: setup ## Resolve the newest allowed versions and re-make requirements/*.txt.
	$(BIN)/python requirements/lock.py

clean: ## Remove .venv and what the tools leave behind; the data folder .muniment/ stays.
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	find services shared tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- The environment, re-made only when its pins change -------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Muniment needs Python 3.11 or newer, and '$(PYTHON)' is not: \
	install one and say which, as in 'make PYTHON=python3.12'." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python's venv module is missing: install it (python3-venv on Debian and Ubuntu)." >&2; \
		exit 1; }

$(VENV)/.installed-runtime: requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing the packages of requirements/runtime.txt into $(VENV) …"
	@$(PIP) install --require-hashes --requirement requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing the packages of requirements/dev.txt into $(VENV) …"
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.installed-runtime
