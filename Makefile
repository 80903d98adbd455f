# All chores of FastOps. `make` alone lists them. Nothing outside this folder is changed.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv/bin
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
SOURCES := domain application adapters entrypoints migrations
# Last, so that an installer of the machine goes first; the tests of fetching models ask for one.
export PATH := $(PATH):$(CURDIR)/.uv/bin
PYTEST_ARGS ?= -n auto --dist loadfile
# Trust whom the machine trusts: companies put certificate authorities of their own there.
export UV_SYSTEM_CERTS ?= true

.PHONY: help install run test test-services check fuzz rights bench-search bench-journal bench-limits bench-storm bench-slow bench-rolling bench-crashes bench-audited bench-memory bench-sqlite bench-pages bench-revocation docs release-api lock clean bench-audit

help: ## List the chores
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.installed ## Put everything into .venv, as uv.lock says
	@$(VENV)/python -m compileall -q $(SOURCES)

.venv/.installed: pyproject.toml uv.lock | $(UV)
	$(UV) sync --all-extras --locked --compile-bytecode --python $(PYTHON)
	@touch $@

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check uv

run: install ## Start the service; the first start makes all that is missing
	$(VENV)/fastops serve

test: install ## Run the tests, without those on servers that are not here (PYTEST_ARGS="tests/cli -x" for some)
	$(VENV)/python -m pytest $(PYTEST_ARGS)

test-services: install ## Run the tests; fail where a server is missing (.ci/services installs them) or a code is not reached
	CI=true $(VENV)/python -m pytest $(PYTEST_ARGS)

check: install ## Lint, types, layers and architecture
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy --strict $(addprefix -p ,$(SOURCES))
	$(VENV)/lint-imports
	$(VENV)/python -m pytest -q tests/architecture

fuzz: install ## Send 200 generated requests to every operation, and every naughty text everywhere; takes minutes
	$(VENV)/python -m tests.http.fuzzing.run --examples 200
	NAUGHTY_SHARE=1 $(VENV)/python -m pytest -q tests/http/test_naughty_strings.py

rights: install ## Print which answer each operation owes to each kind of caller
	@$(VENV)/python -m tests.http.rights

bench-search: install ## Measure search: quality and speed
	$(VENV)/python -m benchmarks.search

bench-journal: install ## Measure the journal: numbering, sealing, following
	$(VENV)/python -m benchmarks.journal

bench-audit: install ## Verify a million entries of the audit trail, on SQLite and PostgreSQL
	$(VENV)/python -m benchmarks.audit_verify

bench-limits: install ## Measure what counting a request costs
	$(VENV)/python -m benchmarks.rate_limits

bench-storm: install ## Measure reads of others, and memory, while 400 people sign in at once
	$(VENV)/python -m benchmarks.sign_in_storm

bench-slow: install ## Measure reads beside clients that send slowly or nothing at all, and when those are cut off
	$(VENV)/python -m benchmarks.slow_clients

bench-rolling: install ## Restart two services behind a proxy twenty times under load, and count what fails
	$(VENV)/python -m benchmarks.rolling_restarts

bench-crashes: install ## Kill a service in the middle of its writes, on SQLite and PostgreSQL; count what is lost or done twice
	$(VENV)/python -m benchmarks.crashes --rounds 50
	$(VENV)/python -m benchmarks.crashes --rounds 10 --database postgresql

bench-audited: install ## Measure what the journal costs a commit on PostgreSQL
	$(VENV)/python -m benchmarks.audited

bench-memory: install ## Measure what huge pages and rare collections of garbage give
	$(VENV)/python -m benchmarks.memory

bench-sqlite: install ## Measure writes on SQLite beside a process that writes without pause, and shared commits
	$(VENV)/python -m benchmarks.sqlite_beside

bench-revocation: install ## Measure how soon a process refuses what another one has taken, with Redis and without
	$(VENV)/python -m benchmarks.revocation

bench-pages: install ## Measure pages of lists at a million rows against a thousand; takes minutes
	$(VENV)/python -m benchmarks.pages

docs: install ## Make the generated pages of the guide
	$(VENV)/python -m entrypoints.reference.main

release-api: install ## Take today's API as the released one; fails where that breaks a release that is out
	$(VENV)/python -m entrypoints.reference.api

lock: | $(UV) ## Resolve the dependencies anew into uv.lock
	$(UV) lock --upgrade

clean: ## Remove what was made here: environment, caches, development data
	rm -rf .venv .uv var build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*
	find $(SOURCES) tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
