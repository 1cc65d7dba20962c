# Lyceum. `make run` serves it, `make test` runs the tests; both set themselves up. They need Python 3.11 and make.

PYTHON ?= python3.11
VENV ?= .venv
PORT ?= 8000
BIND ?= 127.0.0.1
PYTEST_ARGS ?=

BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
CONSTRAINTS := $(wildcard constraints.txt)
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet $(if $(CONSTRAINTS),-c $(CONSTRAINTS))

.DEFAULT_GOAL := help
.PHONY: help run serve demo-files test check lint types ladder templates-check migrations-check format bench vendor lock clean

run serve: export LYCEUM_DEMO ?= 1

help: ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: $(VENV)/.installed ## install, fetch the models, load the demo course and serve on http://localhost:8000
	@$(MANAGE) models fetch
	@$(MANAGE) migrate --verbosity 0
	@if [ "$$LYCEUM_DEMO" = 1 ]; then $(MANAGE) demo; fi
	@exec $(MANAGE) serve --bind $(BIND) --port $(PORT)

serve: run

test: $(VENV)/.installed-dev ## run all tests
	@$(MANAGE) models fetch
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint types ladder templates-check migrations-check ## lint, types, import ladder, templates, migrations

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

ladder: $(VENV)/.installed-dev
	$(BIN)/lint-imports

templates-check: $(VENV)/.installed-dev
	$(BIN)/djlint templates --lint --quiet

migrations-check: $(VENV)/.installed-dev
	$(MANAGE) makemigrations --check --dry-run

format: $(VENV)/.installed-dev ## put the code into the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev ## measure speed and size; a table, and JSON under var/bench
	@$(MANAGE) models fetch
	@$(BIN)/python -m bench $(BENCH)

vendor: ## fetch the browser libraries again (needs npm)
	$(PYTHON) static/vendor/refresh.py

demo-files: $(VENV)/.installed-dev ## build the demo's files from their sources (needs flite and fonts-lato)
	$(INSTALL) -e '.[demo]'
	$(BIN)/python -m courses.demo.build
	$(BIN)/python -m coach.demo.build

lock: $(VENV)/.installed-dev ## write the installed versions to constraints.txt
	$(BIN)/python -m pip freeze --exclude-editable --exclude torch --exclude lyceum > constraints.txt

clean: ## remove the virtual environment, not the data
	rm -rf $(VENV)

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Lyceum needs Python 3.11, and there is no '$(PYTHON)' here."; \
	  echo "Install it (Debian, Ubuntu: apt-get install python3.11 python3.11-venv; macOS: brew install python@3.11),"; \
	  echo "or say where it is: make run PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "Lyceum needs Python 3.11; '$(PYTHON)' is $$($(PYTHON) --version)."; exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python could not make a virtual environment. On Debian and Ubuntu: apt-get install python3.11-venv"; exit 1; }

$(VENV)/.installed: pyproject.toml $(CONSTRAINTS) | $(VENV)/bin/python
	@echo "Installing (the first time takes a few minutes)"
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(CONSTRAINTS) | $(VENV)/bin/python
	@echo "Installing, with what the tests need"
	@$(INSTALL) -e '.[dev]'
	@touch $(VENV)/.installed $@
