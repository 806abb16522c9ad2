# Everything that a fresh machine with Python, make and its package manager needs: `make demo`, `make test`.
# PYTHON chooses the interpreter (3.11 or later), JOBS how many tests run side by side (more than there are processors:
# a third of their time they wait for remote ends), ARGS is passed on.

PYTHON ?=
JOBS ?= 3
ARGS ?=
WILD ?= build/wild
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint check corpus wild docs clean sshd

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: pyproject.toml .ci/setup src/paramedic/trace/_rows.c src/paramedic/trace/_decoder.c
	@PYTHON="$(PYTHON)" .ci/setup $(VENV)
	@touch $@

sshd: $(VENV)/.ready
	@.ci/sshd

demo: $(VENV)/.ready ## show two hazards on the built-in server, and their cure
	@$(BIN)/paramedic demo $(ARGS)

test: $(VENV)/.ready sshd ## set everything up and run all tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

lint: $(VENV)/.ready ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

check: test lint ## what .ci/run does

corpus: $(VENV)/.ready sshd ## the table over ../shared/cases (ARGS="--cases two-readers --runs 5")
	@$(BIN)/python tests/corpus.py $(ARGS)

wild: $(VENV)/.ready ## fetch real packages at pinned versions (once) and compare what lint finds in them
	@$(BIN)/python benchmarks/lint_wild.py fetch $(WILD)
	@PARAMEDIC_WILD=$(WILD) $(BIN)/python -m pytest -q tests/lint/test_in_the_wild.py $(ARGS)

docs: $(VENV)/.ready ## write docs/reference/cli.md from the parsers
	@$(BIN)/python tests/meta/cli_reference.py

clean: ## remove what was set up
	rm -rf $(VENV) build src/*.egg-info src/paramedic/trace/_*.so .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
