# Needs Python 3.11 or newer and make, nothing else. `make` alone lists what there is.
PYTHON ?= python3
BIN := .venv/bin
DEMO := build/orders-service

.DEFAULT_GOAL := help
.PHONY: help run test test-faults test-fuzz test-mutants test-cluster soak check audit manifest benchmark lock servers

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

define INSTALL
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  echo "$(PYTHON) is $$($(PYTHON) --version 2>&1); this needs 3.11 or newer. Try: make PYTHON=python3.13" >&2; exit 1; }
@echo "Installing what $< names into .venv …"
@$(PYTHON) -m venv .venv
@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
@touch $@
endef

.venv/installed: requirements-dev.lock
	$(INSTALL)

# A newcomer does not wait for the tools of the tests.
.venv/baking: requirements-bake.lock
	$(INSTALL)

run: .venv/baking ## bake the default service into build/ and serve it at http://127.0.0.1:8000
	@echo "Baking the default service into $(DEMO) …"
	@$(BIN)/cookiecutter --no-input --overwrite-if-exists --output-dir build . > /dev/null
	@$(MAKE) --no-print-directory -C $(DEMO) run

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

servers: ## install what the tests run against, by apt-get
	@missing=""; \
	[ -n "$$(find /usr/lib/postgresql -name initdb 2>/dev/null)" ] || missing="$$missing postgresql"; \
	command -v redis-server > /dev/null || missing="$$missing redis-server"; \
	command -v chromium > /dev/null || missing="$$missing chromium"; \
	command -v wrk > /dev/null || missing="$$missing wrk"; \
	command -v docker-registry > /dev/null || missing="$$missing docker-registry"; \
	[ -z "$$missing" ] || { $(SUDO) apt-get update -qq && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing > /dev/null; }

test: .venv/installed ## prove the template
	$(BIN)/python -m pytest

# What is measured runs alone, one after the other.
test-faults: .venv/installed ## prove that a service can't be hung, lied to or made to leak, and write docs/resilience.md
	$(BIN)/python -m pytest tests/guard tests/truth
	$(BIN)/python -m pytest --numprocesses=0 --write-resilience=docs/resilience.md tests/fault

test-fuzz: .venv/installed ## send a service what nobody thought of; FUZZ_SEED=2 (or any) sends other things
	$(BIN)/python -m pytest tests/fuzz

MINUTES := 30

soak: .venv/installed ## half of its capacity for MINUTES=30, while faults come and go: nothing may grow
	$(BIN)/python -m pytest --numprocesses=0 --minutes=$(MINUTES) tests/soak

test-mutants: .venv/installed ## plant defects in a copy, and see each caught by the check that is meant for it
	$(BIN)/python -m pytest tests/mutants

test-cluster: .venv/installed ## prove the chart on the cluster of KUBECONFIG, or on one of its own
	tests/cluster/run

check: .venv/installed ## lint, format and types of the template's own Python
	$(BIN)/ruff check benchmarks hooks tests
	$(BIN)/ruff format --check benchmarks hooks tests
	$(BIN)/mypy

SERVICE := {{cookiecutter.project_slug}}
AUDIT := build/audit/bin/pip-audit --vulnerability-service osv --strict --disable-pip --progress-spinner off

audit: .venv/installed ## look for known vulnerabilities in what is locked: the template's tools, and what services are born with
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/audit
	@$(BIN)/uv pip install --quiet --python build/audit --require-hashes -r '$(SERVICE)/requirements-tools.lock'
	@failed=; for lock in requirements-dev.lock '$(SERVICE)/requirements-dev.lock' '$(SERVICE)/requirements-tools.lock'; do \
	  $(AUDIT) -r "$$lock" || failed="$$failed $$lock"; \
	done; [ -z "$$failed" ] || { echo "Not passed:$$failed. Renew the locked versions: make lock" >&2; exit 1; }

manifest: .venv/installed ## renew tests/bake/manifest.txt, which says what the template makes, file by file
	PYTHONPATH=tests $(BIN)/python -m support.manifest

benchmark: .venv/installed ## measure what a bake takes, and what a service costs beside bare FastAPI
	$(BIN)/python benchmarks/bake.py
	@$(BIN)/cookiecutter --no-input --overwrite-if-exists --output-dir build . > /dev/null
	@$(MAKE) --no-print-directory -C $(DEMO) .venv/installed PYTHON=$(CURDIR)/$(BIN)/python
	PYTHONPATH=tests $(BIN)/python benchmarks/budgets.py $(DEMO)

COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

# The service's pyproject.toml is no project before it is baked. Its `make lock` takes uv from here and installs nothing.
lock: .venv/installed ## renew the locked versions: the template's two locks, and those that services are born with
	$(COMPILE) requirements-dev.in -o requirements-dev.lock
	echo cookiecutter | $(COMPILE) - -c requirements-dev.lock -o requirements-bake.lock
	$(BIN)/cookiecutter --no-input --overwrite-if-exists --output-dir build/lock . > /dev/null
	$(MAKE) --no-print-directory -C build/lock/orders-service lock VENV=$(CURDIR)/.venv --old-file=$(CURDIR)/.venv/installed
	cp build/lock/orders-service/requirements*.lock '{{cookiecutter.project_slug}}'
