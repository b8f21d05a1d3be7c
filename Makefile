# Every target makes .venv and installs into it first. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin
, := ,
# Tests run on all processors, each with one thread of its own: two heavy ones would fight over the cores. A processor
# that has none left takes half of another's, so that none waits for the longest file.
# Where a command begins, and what it took, is said at its end.
TIMED = start=$$(date +%s); { $(1); } && echo "make $@: $$(( $$(date +%s) - start )) seconds, installation not counted"

.PHONY: demo test fuzz calibration lint bench docs clean

demo: .venv/installed
	@$(call TIMED,$(BIN)/freqforensics demo --out demo --overwrite)

test: .venv/installed-dev
	@$(call TIMED,OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal)

# FUZZ damaged image files, read by WORKERS processes; counts by format and kind of damage.
FUZZ ?= 20000
WORKERS ?= 4
fuzz: .venv/installed-dev
	@$(call TIMED,OMP_NUM_THREADS=1 $(BIN)/python tests/mutations.py $(FUZZ) --workers $(WORKERS))

# Every p-value and interval, simulated in full or by a SHARE, as 0.2; writes docs/results/calibration.md. `make test`
# runs the quick part.
SHARE ?= full
calibration: .venv/installed-dev
	@$(call TIMED,OMP_NUM_THREADS=1 FREQFORENSICS_CALIBRATION=$(SHARE) $(BIN)/python -m pytest tests/calibration -n auto --maxprocesses 8)

lint: .venv/installed-dev
	@$(call TIMED,$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy)

bench: .venv/installed-dev
	@$(call TIMED,$(BIN)/python -m pytest tests/benchmarks --benchmark-only --benchmark-columns=min$(,)median$(,)max$(,)rounds -s)

docs: .venv/installed-dev
	@$(call TIMED,OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -E -W --keep-going -q -b html docs docs/_build/html)

clean:
	rm -rf .venv docs/_build



.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON")'
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	@start=$$(date +%s); $(BIN)/python -m pip install --quiet --disable-pip-version-check -e . \
		&& touch $@ && echo "installed into .venv in $$(( $$(date +%s) - start )) seconds"

.venv/installed-dev: pyproject.toml | .venv/bin/python
	@start=$$(date +%s); $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' \
		&& touch $@ .venv/installed && echo "installed into .venv in $$(( $$(date +%s) - start )) seconds"
