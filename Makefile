# Two commands for a newcomer: `make quickstart` and `make test`. Both set up `.venv` first, from the exact versions of requirements.lock.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1

.PHONY: help quickstart test lint types imports slow chaos fuzz mutants gpu docs bench figures gallery lock clean

help:
	@sed -n 's/^# //p; s/^\([a-z]*\):.*##/make \1 \t/p' Makefile

quickstart: .venv/installed   ## the whole job in miniature: simulate, train, score, fit, report
	$(BIN)/physscale run quickstart
	$(BIN)/physscale evaluate results/quickstart --which largest
	$(BIN)/physscale report results/quickstart

test: .venv/installed lint types imports   ## style, types, layers and the default tests, in two processes
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder

lint: .venv/installed   ## style; the second line finds undefined names, which pyproject.toml has to ignore
	$(BIN)/ruff check .
	$(BIN)/ruff check --isolated --select F821 physscale analysis experiments docs tests
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

imports: .venv/installed
	$(BIN)/lint-imports

slow: .venv/installed   ## tests that take minutes; and physics once more with every index of the compiled kernels checked
	$(BIN)/python -m pytest -m slow --timeout 3600 -n 2 --no-loadscope-reorder
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=build/numba_checked $(BIN)/python -m pytest -n 2 --no-loadscope-reorder tests/physics tests/unit/evaluate/abnormal tests/unit/evaluate/calibration tests/unit/simulate/test_scenarios.py

chaos: .venv/installed   ## faults by plan, as a table in tests/chaos/README.md; make chaos SEEDS="4 5 6"
	PHYSSCALE_CHAOS_TABLE=yes PHYSSCALE_CHAOS_SEEDS="$(or $(SEEDS),1 2 3)" $(BIN)/python -m pytest -m chaos --timeout 3600 -n 2 --no-loadscope-reorder tests/chaos

fuzz: .venv/installed   ## any bytes for every reader, ten minutes each; make fuzz SECONDS=60 ONLY="ledger mp4"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600) $(ONLY)

mutants: .venv/installed   ## do tests notice a changed ledger, lease, manifest, planner or --where? make mutants ONLY=where MOST=40
	$(BIN)/python -m tests.mutants $(ONLY) $(if $(MOST),--most $(MOST))

gpu: .venv/installed   ## what only a GPU can prove, as a table; make gpu ONLY="memory host_gap"
	$(BIN)/python -m tests.gpu $(ONLY)

docs: .venv/installed   ## the pages of docs/ as a site in build/site; a broken link is an error
	$(BIN)/mkdocs build --strict --site-dir build/site

bench: .venv/installed   ## ours beside its peers in one run; make bench ONLY="fit_bootstrap parse"
	$(BIN)/python -m tests.benchmarks $(ONLY)

figures: .venv/installed   ## the pictures of the README, from the results of the last quickstart
	$(BIN)/python -m analysis figures results/quickstart --out build/figures
	cp build/figures/quickstart.png experiments/figures/
	$(BIN)/python -m docs.truth_and_model results/quickstart

gallery: .venv/installed   ## figures of published scaling studies (DATA: folder with their public tables)
	$(BIN)/python -m analysis gallery $(if $(DATA),--data $(DATA)) --out build/gallery

.venv/installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "physscale needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@

lock:   ## exact versions of what is installed now
	$(BIN)/python -m pip freeze --exclude-editable --exclude physscale | grep -vE '^(nvidia|cuda|triton)' > requirements.lock

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache
