# make demo   set up .venv and run the main job on an embedded model
# make test   set up .venv and run every check and test, the real engine included
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
OUT ?= silentzone-demo
DEMO_OPTIONS ?=

# A missing engine is a failure of `make test`, never a silent skip; set to 0 to allow skips.
SILENTZONE_REQUIRE_ENGINE ?= 1

.PHONY: help setup setup-test demo demo-quick test check-fast format docs site pins clean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: ## make .venv with everything the program needs
	@scripts/setup.sh run

setup-test:
	@scripts/setup.sh test

demo: setup ## the main job on an embedded model; OUT=folder
	@$(BIN)/silentzone demo --out "$(OUT)" $(DEMO_OPTIONS)

demo-quick: setup ## the same in little, for a first look
	@$(BIN)/silentzone demo --quick --out "$(OUT)-quick" $(DEMO_OPTIONS)

test: setup-test lint ## every check and test, the engine's and the browser's included
	@scripts/system_packages.sh
	@scripts/axe_core.sh
	SILENTZONE_REQUIRE_ENGINE=$(SILENTZONE_REQUIRE_ENGINE) $(BIN)/pytest

check-fast: setup-test lint ## the same without engine, browser and slow tests
	$(BIN)/pytest -m "not engine and not browser and not slow"

.PHONY: lint
lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup-test ## rewrite the code in the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup ## write docs/cli.md, docs/reference-*.md and docs/schemas from the code's own words
	$(BIN)/python scripts/write_cli_docs.py
	$(BIN)/python scripts/write_reference.py
	$(BIN)/python scripts/write_schemas.py

site: ## build the documentation into build/site; a lost link is an error
	@scripts/site.sh

pins: ## pin the dependencies anew (needs uv); PIN_OPTIONS=--upgrade for newer ones
	scripts/pin.sh $(PIN_OPTIONS)

clean: ## remove .venv and the tools' caches, never results
	rm -rf .venv .venv-site build/site build/site-doctrees .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
