# The project's commands. `make` alone lists them. Each target installs what it needs on first use.

VENV    := .venv
BIN     := $(VENV)/bin
ENGINE  ?= embedded
ARGS    ?=
# LocalStack is written for 3.13, so the newest that runs is taken. A shim of a version manager may exist and not run.
PYTHON  ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
             $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { command -v $$p; break; }; done)
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help up down status test check format lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(INSTALLED) ## start the engine and deploy the stacks (ENGINE=embedded)
	@$(BIN)/harness up $(ARGS)

down: $(INSTALLED) ## stop it
	@$(BIN)/harness down

status: $(INSTALLED) ## say what runs
	@$(BIN)/harness status $(ARGS) || [ $$? -eq 3 ]

test: $(INSTALLED) ## drive every flow through it (ARGS="-k welcome -n 2")
	@$(BIN)/pytest --engine=$(ENGINE) $(ARGS)

check: $(INSTALLED) ## format, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/cfn-lint 'stack/*/template.yaml'

format: $(INSTALLED) ## format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(INSTALLED) ## write requirements.lock anew from pyproject.toml (no index address in it)
	@$(BIN)/uv lock --quiet --upgrade
	@$(BIN)/uv export --quiet --all-extras --no-hashes --no-emit-project --no-emit-index-url --no-header -o requirements.lock

clean: ## stop it and remove everything that the project made
	@if [ -x $(BIN)/harness ]; then $(BIN)/harness down; fi
	@rm -rf $(VENV) .harness build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(INSTALLED): requirements.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
	  echo "Python 3.11, 3.12 or 3.13 is needed and none was found. Install one, or say where: make up PYTHON=/path/to/python3.13" >&2; exit 1; fi
	@echo "Installing into $(VENV) (Python at $(PYTHON)); the first time this takes a minute or two."
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python "$(PYTHON)" $(VENV); \
	else \
	  "$(PYTHON)" -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; \
	fi
	@PATH="$(CURDIR)/$(BIN):$$PATH" uv pip install --quiet --python $(BIN)/python -r requirements.lock
	@PATH="$(CURDIR)/$(BIN):$$PATH" uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@
