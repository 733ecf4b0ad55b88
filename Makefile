# `make demo` and `make test` work on a fresh clone: each makes .venv with Python 3.10+ and pip.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test lint format types imports unit coverage docs bench clean

help:
	@echo "make demo     run three small tasks on the mock server"
	@echo "make test     lint, types, import floors and tests"
	@echo "make coverage the tests once more, with the share of lines that they run"
	@echo "make docs     build the documentation site"
	@echo "make bench    measure against a plain aiohttp loop and the reference harness"
	@echo "make format   format the code and mend what ruff can"
	@echo "make clean    remove the environment and the caches"

$(VENV)/base.stamp: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "Python 3.10 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/dev.stamp: $(VENV)/base.stamp
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: $(VENV)/base.stamp
	$(BIN)/lm_eval demo

test: lint types imports unit

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

imports: $(VENV)/dev.stamp
	$(BIN)/lint-imports

unit: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto

# Apart from `make test`: counting each line costs time.
coverage: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto --cov --cov-report=
	@echo "Coverage of lm_eval, without what runs in other processes: $$($(BIN)/coverage report --format=total) %"

$(VENV)/docs.stamp: $(VENV)/base.stamp
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

docs: $(VENV)/docs.stamp
	$(BIN)/python docs/build_site.py

bench: $(VENV)/base.stamp
	$(BIN)/python -m benchmarks

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
