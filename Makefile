# The project's commands. `make` alone lists them. Each target installs what it needs on first use.

VENV    := .venv
BIN     := $(VENV)/bin
# The environment's uv if it exists: a uv on PATH may be a shim of a version manager that does not run.
UV      := PATH="$(CURDIR)/$(BIN):$$PATH" uv
# embedded, docker, endpoint or aws; unset: the running engine, else the setting.
ENGINE  ?=
# enforce, report or off; unset: the setting, else enforce.
IAM     ?=
ARGS    ?=
OPTIONS  = $(if $(ENGINE),--engine=$(ENGINE)) $(if $(IAM),--iam=$(IAM))
# `make test-unit` skips tests that start a browser or programs, or take seconds.
FAST    := not browser and not subprocess and not slow
# Duration of `make fuzz` (default: 10 minutes) and `make soak` (60).
MINUTES ?=
# The environment's Python if it exists, so that it does not change unintentionally; else the newest that runs, preferably
# 3.13, which LocalStack is written for. A shim of a version manager may exist and not run.
SUPPORTED := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'
OWN     := -c 'import sys; print(sys._base_executable)'
PYTHON  ?= $(shell for p in "$$($(BIN)/python $(OWN) 2>/dev/null)" python3.13 python3.12 python3.11 python3 python; do \
             "$$p" $(SUPPORTED) 2>/dev/null && { command -v "$$p"; break; }; done)
INSTALLED := $(VENV)/.installed
# Recreated if the environment was moved here (its programs name the old folder), if its Python was deleted, or if
# PYTHON=... names another Python.
WHICH   := -c 'import sys; print(sys.base_prefix, sys.version)'
ASKED   := $(if $(filter command environment,$(firstword $(origin PYTHON))),$(PYTHON))
STALE   := $(if $(wildcard $(INSTALLED)),$(shell \
             [ "$$(cat $(INSTALLED))" = "$(CURDIR)" ] && has=$$($(BIN)/python $(WHICH) 2>&1) && \
             { [ -z "$(ASKED)" ] || [ "$$has" = "$$("$(ASKED)" $(WHICH) 2>&1)" ]; } || echo stale))
# Not the program `harness`, which does not run in a moved environment.
STOP    := if $(BIN)/python -c '' 2>/dev/null; then $(BIN)/python -m harness down || true; fi

# Some images and shells forbid Python to write bytecode. Each engine, worker and command would then compile LocalStack
# again, which takes half of the engine's start time.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help up down status test test-unit test-all fuzz soak check patches docs format lock clean stale

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(INSTALLED) ## start the engine and deploy the stacks (ENGINE=docker, IAM=report)
	@$(BIN)/harness up $(if $(ENGINE),--engine=$(ENGINE)) $(if $(IAM),--iam=$(IAM)) $(ARGS)

down: $(INSTALLED) ## stop the engine
	@$(BIN)/harness down

status: $(INSTALLED) ## report which engine and stacks are running
	@$(BIN)/harness status $(ARGS) || [ $$? -eq 3 ]

test: $(INSTALLED) ## run the unit tests and the scenarios, on all cores (ARGS="-k welcome" instead)
	@$(BIN)/pytest $(OPTIONS) $(or $(ARGS),-n logical)

test-unit: $(INSTALLED) ## run the fast unit tests: no engine, no browser (ARGS="-k topology")
	@$(BIN)/pytest tests/unit -m "$(FAST)" -q -n logical $(ARGS)

test-all: $(INSTALLED) ## run every test, including the contract with AWS and robustness
	@$(BIN)/pytest $(OPTIONS) tests scenarios $(or $(ARGS),-n logical)

fuzz: $(INSTALLED) ## send new malformed requests to every entry point (MINUTES=10)
	@FUZZ_MINUTES=$(or $(MINUTES),10) $(BIN)/pytest tests/robustness -m fuzz $(if $(ENGINE),--engine=$(ENGINE)) $(ARGS)

soak: $(INSTALLED) ## run mixed flows with faults and resets; report what grows or is lost (MINUTES=60, SEED=1)
	@$(BIN)/python -m tests.robustness.soak --minutes $(or $(MINUTES),60) $(if $(SEED),--seed $(SEED))

check: $(INSTALLED) ## check format, lint, types, layers, templates, docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/cfn-lint 'stack/*/template.yaml'
	@$(BIN)/zensical build --clean --strict

patches: $(INSTALLED) ## accept the installed LocalStack as the code that the patches replace, and write their page
	@$(BIN)/python -m harness.emulator.patch_audit --accept

docs: $(INSTALLED) ## write the generated pages of docs/ and build the site into build/site
	@$(BIN)/python docs/generate/reference.py
	@$(BIN)/zensical build --clean --strict

format: $(INSTALLED) ## format the code and fix lint findings
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(INSTALLED) ## resolve pyproject.toml into requirements.lock, without index addresses
	@$(BIN)/uv lock --quiet --upgrade
	@$(BIN)/uv export --quiet --all-extras --no-hashes --no-emit-project --no-emit-index-url --no-header -o requirements.lock

clean: ## stop the engine and delete everything that the project created
	@$(STOP)
	@rm -rf $(VENV) .harness build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache

$(INSTALLED): requirements.lock pyproject.toml $(STALE)
	@if [ -z "$(PYTHON)" ]; then \
	  echo "Python 3.11, 3.12 or 3.13 is needed and none was found. Install one, or name it: make up PYTHON=/path/to/python3.13" >&2; exit 1; fi
	@"$(PYTHON)" $(SUPPORTED) || { \
	  echo "PYTHON=$(PYTHON) is not a Python 3.11, 3.12 or 3.13 that runs. Name one that is: make up PYTHON=/path/to/python3.13" >&2; exit 1; }
	@$(if $(STALE),$(STOP); rm -rf $(VENV))
	@echo "Installing into $(VENV) (Python at $(PYTHON)); the first time this takes a minute or two."
	@if uv --version >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python "$(PYTHON)" $(VENV); \
	else \
	  "$(PYTHON)" -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; \
	fi
	@$(UV) pip install --quiet --python $(BIN)/python -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@echo "$(CURDIR)" > $@

stale:
