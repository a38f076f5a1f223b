# Every target that needs the environment builds it first, when it is missing or older
# than pyproject.toml or constraints.txt.

PYTHON ?= python3
OUT ?= out/demo
FILM ?=
PYTEST_FLAGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-long check judges viewer faults faults-long soak fuzz bench format clean

help: ## Show this text
	@echo "OsteoScreen: targets"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=python3.12, FILM=film.dcm, OUT=folder, PYTEST_FLAGS='-k queue -x'"
	@echo "pip's own apply too, such as PIP_EXTRA_INDEX_URL for a CPU-only build of torch."

install: $(INSTALLED) ## Build .venv with the pinned releases of everything

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "OsteoScreen needs Python 3.11 or newer: make install PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing into $(VENV) ..."
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(INSTALLED) ## Score FILM, or a shipped film, and leave report and heatmap in OUT
	@$(BIN)/osteoscreen demo $(if $(FILM),"$(FILM)") --out "$(OUT)"

test: $(INSTALLED) ## Run the tests, against a real PACS and database where apt can install them
	@tests/install-tools.sh
	@$(BIN)/python -m pytest $(PYTEST_FLAGS)

test-long: $(INSTALLED) ## Run the tests that take minutes each
	@tests/install-tools.sh
	@$(BIN)/python -m pytest -m long $(PYTEST_FLAGS)

check: $(INSTALLED) ## Check format, lint, types and layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

judges: $(INSTALLED) ## Have validators judge every kind of result; writes docs/validation.md
	@tests/install-tools.sh
	@$(BIN)/python -m tests.validators.table --out docs/validation.md

viewer: $(INSTALLED) ## Open results in OHIF, in a real browser; screenshots in out/viewer
	@tests/install-tools.sh chromium
	@$(BIN)/python -m pytest -m viewer $(PYTEST_FLAGS)

faults: $(INSTALLED) ## Harm a real node in every way, once on each database (minutes)
	@tests/install-tools.sh
	@$(BIN)/python -m tests.fault_injection

faults-long: $(INSTALLED) ## The same with 500 kills (an hour); goes on where it was stopped; docs/reliability.md
	@tests/install-tools.sh
	@$(BIN)/python -m tests.fault_injection --kills 500 --trials 2 --journal out/faults/long.jsonl \
	  --out docs/reliability.md

soak: $(INSTALLED) ## Send 10,000 films at full speed and see that nothing grows; takes an hour or two
	@$(BIN)/python -m tests.soak --out docs/reliability.md

fuzz: $(INSTALLED) ## Send 200,000 hostile inputs (half an hour); writes docs/reliability.md
	@$(BIN)/python -m tests.fuzz --out docs/reliability.md

bench: $(INSTALLED) ## Measure acknowledgements beside peers, a film's way through the node, heatmaps, a replay
	@tests/install-tools.sh
	@$(BIN)/python -m bench.ingest
	@$(BIN)/python -m bench.node
	@$(BIN)/python -m bench.gradcam
	@$(BIN)/python -m bench.replay

format: $(INSTALLED) ## Rewrite the sources in the house's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## Remove the environment and everything that was built or cached
	rm -rf $(VENV) out build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find node models tests migrations -name __pycache__ -type d -prune -exec rm -rf {} +
