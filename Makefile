# `make help` lists the targets. Every target makes .venv and installs into it first. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin
, := ,
# Tests run on all processors, each with one thread of its own: two heavy ones would fight over the cores. A processor
# that has none left takes half of another's, so that none waits for the longest file.
# What they and the processes that they start compile is written, whatever the shell says: hundreds would compile it anew.
TEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
# Where a command begins, and what it took, is said at its end.
TIMED = start=$$(date +%s); { $(1); } && echo "make $@: $$(( $$(date +%s) - start )) seconds, installation not counted"

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast coverage fuzz calibration lint bench docs clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/installed  ## lead through everything: demo/index.html
	@$(call TIMED,$(BIN)/freqforensics demo --out demo --overwrite)

test: .venv/installed-dev  ## run all tests (some 15 minutes)
	@$(call TIMED,$(TEST) -n auto --maxprocesses 8 --dist worksteal)

test-fast: .venv/installed-dev  ## run the tests without those that take more than 0.7 seconds
	@$(call TIMED,$(TEST) -n auto --maxprocesses 8 --dist worksteal -m "not slow and not long")

coverage: .venv/installed-dev  ## run all tests and report the lines that none of them runs
	@$(call TIMED,$(TEST) -n auto --maxprocesses 8 --dist worksteal --cov --cov-report=term --cov-report=html)

# FUZZ damaged image files, read by WORKERS processes; counts by format and kind of damage.
FUZZ ?= 20000
WORKERS ?= 4
fuzz: .venv/installed-dev  ## read FUZZ damaged files
	@$(call TIMED,OMP_NUM_THREADS=1 $(BIN)/python tests/mutations.py $(FUZZ) --workers $(WORKERS))

# Every p-value and interval, simulated in full or by a SHARE, as 0.2; writes docs/results/calibration.md. `make test`
# runs the quick part.
SHARE ?= full
calibration: .venv/installed-dev  ## simulate every p-value and interval
	@$(call TIMED,FREQFORENSICS_CALIBRATION=$(SHARE) $(TEST) tests/calibration -n auto --maxprocesses 8)

SPELLED := freqforensics tests docs notebooks figures .github README.md CHANGELOG.md CODE_OF_CONDUCT.md CONTRIBUTING.md SECURITY.md
lint: .venv/installed-dev  ## ruff, codespell and mypy --strict
	@$(call TIMED,$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/codespell $(SPELLED) && $(BIN)/mypy)

# BENCH=short takes fewer images, in some eight minutes, BENCH=quick hardly any, in two; BENCH_IMAGES is the largest number of images of the curves.
BENCH ?= full
bench: .venv/installed-dev  ## measure speed; writes docs/results/benchmarks.md
	@$(call TIMED,run=$$(mktemp) && { BENCH=$(BENCH) $(BIN)/python -m pytest tests/benchmarks --benchmark-only --benchmark-json=$$run --benchmark-columns=median -s; \
		measured=$$?; $(BIN)/python tests/benchmarks/page.py $$run docs/results/benchmarks.md figures/benchmarks; rm -f $$run; (exit $$measured); })

# NOTEBOOKS: quick runs those under half a minute, all runs every one, none runs none.
NOTEBOOKS ?= quick
docs: .venv/installed-dev  ## build docs/_build/html
	@$(call TIMED,OMP_NUM_THREADS=1 NOTEBOOKS=$(NOTEBOOKS) $(BIN)/python -m sphinx -E -W --keep-going -q -b html docs docs/_build/html)

clean:  ## remove .venv and built pages
	rm -rf .venv docs/_build htmlcov

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON")'
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	@start=$$(date +%s); $(BIN)/python -m pip install --quiet --disable-pip-version-check -e . \
		&& touch $@ && echo "installed into .venv in $$(( $$(date +%s) - start )) seconds"

.venv/installed-dev: pyproject.toml | .venv/bin/python
	@start=$$(date +%s); $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' \
		&& touch $@ .venv/installed && echo "installed into .venv in $$(( $$(date +%s) - start )) seconds"
