# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
WORKERS ?= 2

.PHONY: setup demo test lint types check prove clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[offline,formats,dev]'
	@touch $@

# The whole ladder on the tickets that come with whet. Opens nothing; prints where the report is.
demo: setup
	@HF_HUB_OFFLINE=1 $(BIN)/whet demo --out whet-runs/demo

# Two test files at a time, each on one core.
test: setup
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

check: lint types test

# The long measurements; writes docs/proofs/.
prove: setup
	HF_HUB_OFFLINE=1 $(BIN)/python bench/prove.py

clean:
	rm -rf .venv whet-runs .mypy_cache .ruff_cache .pytest_cache
