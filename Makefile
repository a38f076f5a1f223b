# Targets that need the environment build it first if it is missing, or older than
# pyproject.toml or constraints.txt.

PYTHON ?= python3
OUT ?= out/demo
FILM ?=
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
PYTEST_FLAGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest
# The tests start hundreds of processes. Without cached bytecode each compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast test-long check docs bench fault-injection \
  fault-injection-long soak fuzz validators viewer format clean

help: ## Show this text
	@echo "OsteoScreen: targets"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=python3.12, FILM=film.dcm, OUT=folder, WORKERS=4, PYTEST_FLAGS='-k queue -x'"
	@echo "pip's own variables apply too, such as PIP_EXTRA_INDEX_URL for a CPU-only build of torch."

install: $(INSTALLED) ## Build .venv with the pinned release of every dependency

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "OsteoScreen needs Python 3.11 or newer: make install PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing into $(VENV) ..."
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(INSTALLED) ## Score FILM, or the shipped film, and write report and heatmap to OUT
	@$(BIN)/osteoscreen demo $(if $(FILM),"$(FILM)") --out "$(OUT)"

test: $(INSTALLED) ## Run the tests in parallel, with a real PACS and database if apt can install them
	@tests/install-tools.sh
	@$(PYTEST) --numprocesses $(WORKERS) --dist worksteal $(PYTEST_FLAGS)

test-fast: $(INSTALLED) ## Run the fast unit and contract tests (three minutes)
	@$(PYTEST) --numprocesses $(WORKERS) --dist worksteal -m "not slow and not long and not viewer" \
	  tests/unit tests/contract $(PYTEST_FLAGS)

test-long: $(INSTALLED) ## Run the tests that take minutes each
	@tests/install-tools.sh
	@$(PYTEST) -m long $(PYTEST_FLAGS)

check: $(INSTALLED) ## Check format, lint, types and import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(INSTALLED) ## Generate the reference and build the documentation site in out/site
	@$(BIN)/python docs/generate.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir out/site
	@echo "out/site/index.html"

bench: $(INSTALLED) ## Run the benchmarks
	@tests/install-tools.sh
	@$(BIN)/python -m bench.ingest
	@$(BIN)/python -m bench.node
	@$(BIN)/python -m bench.gradcam
	@$(BIN)/python -m bench.replay

fault-injection: $(INSTALLED) ## Inject each fault into a running node once on each database (8 minutes)
	@tests/install-tools.sh
	@$(BIN)/python -m tests.fault_injection

fault-injection-long: $(INSTALLED) ## The same with 500 kills (an hour); resumes; writes a report
	@tests/install-tools.sh
	@$(BIN)/python -m tests.fault_injection --kills 500 --trials 2 \
	  --journal out/fault_injection/long.jsonl --out docs/explanation/reliability.md

soak: $(INSTALLED) ## Send 10,000 films and check memory, descriptors and disk (two hours); writes a report
	@$(BIN)/python -m tests.soak --out docs/explanation/reliability.md

fuzz: $(INSTALLED) ## Send 200,000 hostile inputs (half an hour); writes a report
	@$(BIN)/python -m tests.fuzz --out docs/explanation/reliability.md

validators: $(INSTALLED) ## Check every kind of result with four validators; writes a report
	@tests/install-tools.sh
	@$(BIN)/python -m tests.validators.table --out docs/reference/validation.md

viewer: $(INSTALLED) ## Open results in OHIF in a real browser; screenshots in out/viewer
	@tests/install-tools.sh chromium
	@$(PYTEST) -m viewer $(PYTEST_FLAGS)

format: $(INSTALLED) ## Format the sources
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## Delete the environment and everything that was built or cached
	rm -rf $(VENV) out build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find node models tests migrations -name __pycache__ -type d -prune -exec rm -rf {} +
