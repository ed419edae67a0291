# Each of these does all of its own set-up: a virtual environment in .venv, the pinned packages, and for the tests the
# real servers (when root). On a fresh Debian 12 machine nothing but Python 3.11 and make has to be there.
PYTHON ?= python3
ARGS ?=
# How many tests run at once; 0: one after the other, which is what tests of processes that are killed like best.
PARALLEL ?= 0
VENV := .venv
BIN := $(VENV)/bin
PIP := -m pip install --quiet --disable-pip-version-check
INSTALL := $(BIN)/python $(PIP) -c constraints.txt
# Where other programs that read picks are installed.
READERS ?= build/readers

.PHONY: help demo test real readers bench soak lint format docs pages site constraints clean

help:
	@echo "make demo ARGS='--once'   a simulated microscope, a broker, the daemon and its page"
	@echo "make test [ARGS='-k mqtt'] all tests, against real servers where they are installed"
	@echo "make real                 the tests on real tomograms and with real programs, the long ones too"
	@echo "make readers              exported picks read back by cryoCAT, copick and imodmodel, installed apart (1.3 GB in build/readers)"
	@echo "make bench                the benchmarks"
	@echo "make soak                 the long fault tests: hours"
	@echo "make lint                 ruff, ruff format --check, mypy, the rules of import"
	@echo "make format               mend what ruff can mend"
	@echo "make docs                 write the pages that are made from the code, then the site (make pages, make site)"
	@echo "make constraints          resolve the dependencies anew and pin what came out"

demo: $(VENV)/demo.stamp
	$(BIN)/livetomo demo $(ARGS)

test: $(VENV)/dev.stamp
	@scripts/test-servers
	$(BIN)/python -m pytest -n $(PARALLEL) --dist load --maxschedchunk 1 $(ARGS)

real: $(VENV)/dev.stamp
	@scripts/test-servers
	LIVETOMO_LONG=1 $(BIN)/python -m pytest -m real $(ARGS)

readers: $(READERS)/readers.stamp
	LIVETOMO_READERS=required $(READERS)/bin/python -m pytest tests/formats/test_export.py $(ARGS)

# Where Python may keep nothing that it has compiled, whole commands would be timed with compiling all of it.
bench: $(VENV)/dev.stamp
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -o addopts='-ra --strict-markers' --benchmark-only $(ARGS)

soak: $(VENV)/dev.stamp
	@scripts/test-servers
	LIVETOMO_KILLS=3000 LIVETOMO_BROKER_STOPS=200 LIVETOMO_SOAK_TOMOGRAMS=10000 \
		$(BIN)/python -m pytest tests/faults -s --timeout 0 $(ARGS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy scripts/*.py
	$(BIN)/lint-imports --no-cache

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: pages site

pages: $(VENV)/dev.stamp
	$(BIN)/python -m tools.docs.reference docs
	$(BIN)/python -m tools.docs.schemas docs/schemas
	$(BIN)/python -m tools.docs.metrics_page docs/metrics.md
	$(BIN)/python -m tools.docs.quality_page docs/quality.md
	$(BIN)/python -m tools.docs.architecture docs
	$(BIN)/python -m dashboards

site: $(VENV)/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

constraints:
	PYTHON=$(PYTHON) scripts/pin-constraints

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks build dist site *.egg-info

# pip is run again when what it was given has changed; the developers' set holds the demo's.
$(VENV)/demo.stamp: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(INSTALL) -e '.[demo]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(INSTALL) -e '.[dev]'
	@touch $(VENV)/demo.stamp $@

$(VENV)/docs.stamp: pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(INSTALL) -e '.[docs]'
	@touch $@

$(READERS)/readers.stamp: pyproject.toml tests/readers.txt | $(READERS)/bin/pip
	$(READERS)/bin/python $(PIP) --only-binary :all: -r tests/readers.txt -e .
	@touch $@

$(VENV)/bin/pip $(READERS)/bin/pip:
	@PYTHON=$(PYTHON) scripts/make-venv $(@D:/bin=)
