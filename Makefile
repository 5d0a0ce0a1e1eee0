# Two commands for a newcomer: `make quickstart` and `make test`. Both set up `.venv` first, from the exact versions of requirements.lock.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1

.PHONY: quickstart test lint types imports slow chaos bench figures lock clean

quickstart: .venv/installed
	$(BIN)/physscale run quickstart
	$(BIN)/python -m analysis report results/quickstart

test: .venv/installed lint types imports
	$(BIN)/python -m pytest

# the second line finds undefined names, which jaxtyping's shape strings make impossible elsewhere
lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff check --isolated --select F821 physscale/cli.py physscale/ray_jobs physscale/run physscale/study physscale/tracking
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

imports: .venv/installed
	$(BIN)/lint-imports

slow: .venv/installed
	$(BIN)/python -m pytest -m slow --timeout 3600

chaos: .venv/installed
	$(BIN)/python -m pytest -m chaos --timeout 3600

bench: .venv/installed   ## make bench ONLY="fit_bootstrap parse"
	$(BIN)/python -m tests.benchmarks $(ONLY)

figures: .venv/installed   ## the pictures of the README, from the results of the last quickstart
	$(BIN)/python -m analysis figures results/quickstart --out experiments/figures

.venv/installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "physscale needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@

lock:   ## exact versions of what is installed now
	$(BIN)/python -m pip freeze --exclude-editable --exclude physscale | grep -vE '^(nvidia|cuda|triton)' > requirements.lock

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache
