# make demo: install, then one hypothesis end to end. make test: the same environment, every test. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/demo-$(shell date +%Y%m%d-%H%M%S)
PIP := $(BIN)/python -m pip --disable-pip-version-check
.DEFAULT_GOAL := help

.PHONY: help install browser demo test fast lint bench model

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed  ## environment in .venv with pinned packages

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "scoutlang needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --progress-bar off -q -c constraints.txt torch
	$(PIP) install --progress-bar off -q -c constraints.txt -e '.[dev]'
	$(PIP) install --progress-bar off -q --no-deps mattergen==1.0.3
	touch $@

demo: install  ## the paper's quaternary case on the embedded model, guided and non-guided
	$(BIN)/scout run examples/paper/cu_si_p_ca.scout --count 96 --batch 48 --out $(RUN)

browser:  ## Chromium for the tests of the page and for figures as files, from the system's packages (Debian, Ubuntu; as root)
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || { apt-get update -q && apt-get install -y -q chromium; }

test: install lint  ## the whole test suite
	$(BIN)/python -m pytest -q

fast: install  ## the tests that take seconds
	$(BIN)/python -m pytest -q -m 'not slow'

lint: install  ## formatter, linter, types, import direction
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install  ## Table 1 on the embedded model (hours, goes on where it stopped); results in benchmarks/RESULTS.md
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.table1 sample
	$(BIN)/python -m benchmarks.table1 report

model: install  ## train the embedded model again (hours)
	$(BIN)/scout train mini
