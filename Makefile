# make demo: install, then one hypothesis end to end. make test: the same environment, every test. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/demo-$(shell date +%Y%m%d-%H%M%S)
PIP := $(BIN)/python -m pip --disable-pip-version-check
.DEFAULT_GOAL := help

.PHONY: help install grace browser demo paper test fast cluster-test lint bench recording licences bounds release vsix model site example-pages

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# torch without CUDA: on Linux, PyPI's has gigabytes of it. For a GPU: make install TORCH_INDEX=https://download.pytorch.org/whl/cu130
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

install: $(VENV)/.installed  ## environment in .venv with pinned packages

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) tools/interpreter.py
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --progress-bar off -q --retries 1 --extra-index-url $(TORCH_INDEX) -c constraints.txt torch
	$(PIP) install --progress-bar off -q -c constraints.txt -e '.[dev,chgnet]'
	$(PIP) install --progress-bar off -q --no-deps mattergen==1.0.3
	touch $@

grace: $(VENV)/.grace  ## what the tests of GRACE need: TensorFlow and tensorpotential (no commercial use)

# Without the CUDA libraries that tensorpotential asks for.
$(VENV)/.grace: $(VENV)/.installed
	$(PIP) install --progress-bar off -q -c constraints.txt tensorflow-cpu matscipy questionary scikit-learn
	$(PIP) install --progress-bar off -q -c constraints.txt --no-deps tf_keras tensorpotential
	touch $@

demo: install  ## the paper's quaternary case on the embedded model, guided and non-guided
	$(BIN)/scout run examples/paper/cu_si_p_ca.scout --count 96 --batch 48 --out $(RUN)

browser:  ## Chromium for the tests of the page and for figures as files, from the system's packages (Debian, Ubuntu; as root)
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || { apt-get update -q && apt-get install -y -q chromium; }

PAPER ?= runs/paper
PAPER_RUN = $(BIN)/scout run $(1) --out $(2) --resume --count 256 --batch 128 --steps 64 --trace-every 4
CASES := $(notdir $(basename $(wildcard examples/paper/*.scout)))
PAGES := $(CASES:%=$(PAPER)/%/report.html)

paper: install  ## Table 1 and Figures 2-7 of the paper on the embedded model, under an hour; goes on where it stopped
	OMP_NUM_THREADS=1 $(MAKE) -j2 $(PAGES)
	$(BIN)/scout table $(PAPER)
	for form in csv markdown latex; do $(BIN)/scout table $(PAPER) --format $$form --out $(PAPER)/table1.$$form; done

$(PAPER)/%/report.html: examples/paper/%.scout
	$(call PAPER_RUN,$<,$(@D)) $(if $(filter cu_si_p_cn4 cu_si_p_cn6,$*),--baseline $(PAPER)/cu_si_p_cn3)
	$(BIN)/scout report $(@D) --figures $(@D)/figures

# the three Cu-Si-P hypotheses are compared with the same non-guided structures, as in the paper
$(PAPER)/cu_si_p_cn4/report.html $(PAPER)/cu_si_p_cn6/report.html: $(PAPER)/cu_si_p_cn3/report.html

# A process on every core, each with one thread.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist worksteal

test: install grace lint  ## the whole test suite
	$(PYTEST)

fast: install  ## the tests that take seconds
	$(PYTEST) -m 'not slow'

cluster-test: install  ## the tests on SLURM, which is installed and started on this machine and stopped (Debian, Ubuntu; as root or with sudo)
	tools/slurm/start
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/cluster; code=$$?; tools/slurm/stop; exit $$code

lint: install  ## formatter, linter, types, import direction
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

vsix:  ## the extension for VS Code as one file in dist/ (needs Node.js and npm)
	$(PYTHON) -m tools.vsix

bench: install  ## Table 1 on the embedded model (hours, goes on where it stopped); results in benchmarks/RESULTS.md
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.table1 sample
	$(BIN)/python -m benchmarks.table1 report

site: install  ## the documentation in site/, strictly and without a network: open site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict -f tools/site/mkdocs.yml

example-pages: install  ## run every example small, for the site (an hour of one core, goes on where it stopped)
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.site.examples

recording: install  ## type the session of the README into the REPL, record it (tools/recording/session.cast) and draw it (session.svg); five minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.recording

model: install  ## train the embedded model again (hours)
	$(BIN)/scout train mini

$(VENV)/.release: $(VENV)/.installed
	$(PIP) install --progress-bar off -q -c constraints.txt -e '.[release]'
	touch $@

licences: $(VENV)/.release  ## docs/third-party.md: what scoutlang needs, and under which licences
	$(BIN)/python -m tools.licences

ENDS ?= lowest newest
bounds:  ## the fast tests with the lowest and the newest versions that pyproject.toml allows, in fresh environments (uv)
	$(PYTHON) -m venv $(VENV)-bounds && $(VENV)-bounds/bin/python -m pip install -q uv click
	PATH=$(CURDIR)/$(VENV)-bounds/bin:$$PATH $(VENV)-bounds/bin/python -m tools.bounds $(ENDS)

release: $(VENV)/.release  ## whether this tree can be released: version, changelog, licences, site, wheels; builds into dist/, publishes nothing
	$(BIN)/python -m tools.release
