# Talon: `make demo` to watch it, `make test` to prove it. `make help` lists the rest.
SHELL := /bin/sh
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --frozen --all-extras
# Tests that may share the machine with each other; the rest runs alone, because it measures real servers.
SHARING := tests/gateway tests/forecasting tests/contract tests/sim tests/security tests/conformance tests/browser \
	$(wildcard tests/test_*.py) tests/integration/test_demo.py
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := 1
export UV_PYTHON ?= $(PYTHON)

.PHONY: help install demo test check format bench proof docs system clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

install: .venv/.synced ## fill .venv with everything, every extra included

.venv/.synced: uv.lock pyproject.toml | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Talon needs Python 3.11 or later; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(UV) sync --frozen --all-extras --quiet
	@touch $@

.uv/bin/uv:
	@$(PYTHON) -m venv .uv || { echo "$(PYTHON) has no venv; install it (Debian: apt-get install python3-venv)" >&2; exit 2; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

demo: install ## a real morning peak, without and with the gateway, on embedded parts
	@exec $(RUN) talon demo $(ARGS)

test: system install check ## install what tests need and pass every test; ARGS='tests/sim -x' for some of them
ifdef ARGS
	$(RUN) pytest $(ARGS)
else
	$(RUN) pytest --numprocesses 2 --dist worksteal $(SHARING)
	$(RUN) pytest $(SHARING:%=--ignore=%)
endif

check: install ## format, lint, types, layers: what a commit must pass
	$(RUN) ruff format --check --quiet .
	$(RUN) ruff check --quiet .
	$(RUN) mypy
	$(RUN) lint-imports --no-cache

format: install ## put the code into its form
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

bench: install ## measure peaks, store, polls, clocks, openings, waits, day; PART=polls for one of them
	$(RUN) python -m tests.bench $(PART) $(ARGS)

proof: install ## the long proofs: a day with a million visitors, 10,000 mornings, ten minutes of fuzzing, more examples
	$(RUN) python -m tests.bench day
	$(RUN) python -m tests.sim.control
	$(RUN) python -m tests.conformance.fuzz --minutes 10
	HYPOTHESIS_PROFILE=proof $(RUN) pytest -p no:randomly tests/gateway/core tests/contract tests/sim $(ARGS)

docs: install ## write the generated reference pages anew
	$(RUN) python docs/generate.py

system: ## real servers for the tests: Redis, nginx, Prometheus, Chromium, curl, zstd, wrk, faketime
	@sh .ci/system

clean: ## remove what the targets made
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
