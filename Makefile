# Everything a newcomer needs is Python >= 3.11 and make: `make run`, `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q
# What is locked is complete.
LOCKED := install --no-deps --require-hashes
# One more than there are cores: many tests wait for other processes.
JOBS   ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.DEFAULT_GOAL := help
.PHONY: help setup run demo test test-system check bench chaos sim gallery flow format lock schema openapi types wheel clean

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Photoplay needs Python 3.11 or newer; set PYTHON=…")'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) $(LOCKED) -r requirements-pip.txt  # Python's own may be much slower.

$(VENV)/.run: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing Photoplay into $(VENV) …"
	@$(PIP) $(LOCKED) -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing Photoplay and its test tools into $(VENV) …"
	@$(PIP) $(LOCKED) -r requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

setup: $(VENV)/.run ## Install only.

demo: setup ## Animate a shipped photograph into out/.
	@mkdir -p out
	$(BIN)/photoplay animate photoplay/samples/dandelion.jpg -o out/dandelion.mp4

run: demo ## Animate a shipped photograph, then serve the studio.
	$(BIN)/photoplay serve

test: $(VENV)/.dev ## Every test that needs Python only.
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder -m "not system" $(ARGS)

test-system: $(VENV)/.dev ## Tests that need Debian packages or Node.
	$(BIN)/python scripts/test_system.py

check: $(VENV)/.dev ## Lint, types, import contracts, budgets, rights in the database, migrations twice, OpenAPI snapshot.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python lints/budgets.py
	$(BIN)/python lints/vocabulary.py
	$(BIN)/lint-imports
	$(BIN)/basedpyright
	$(BIN)/python scripts/schema.py --check
	$(BIN)/python -m lints.database
	$(BIN)/python scripts/openapi.py --check
	$(BIN)/python scripts/typescript.py --check

bench: $(VENV)/.dev ## Measure; prints ratios against references of the same run.
	$(BIN)/python -m benchmarks $(ARGS)

chaos: $(VENV)/.dev ## 300 jobs against the sandbox while everything breaks; ARGS="--jobs 2000 --seed 7" for more.
	$(BIN)/python -m tests.chaos $(ARGS)

sim: $(VENV)/.dev ## A million lives of jobs in virtual time; ARGS="--lives 5000 --seed 70001" for others.
	$(BIN)/python -m tests.simulation $(ARGS)

gallery: $(VENV)/.dev ## Contact sheets of all samples and moves into out/gallery.
	$(BIN)/python scripts/gallery.py

flow: $(VENV)/.dev ## Record the clip of the studio in README.md anew; needs Chromium.
	$(BIN)/python -m scripts.record_flow

format: $(VENV)/.dev ## Format and fix what can be fixed.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: $(VENV)/.dev ## Write photoplay/db/schema.sql from the migrations.
	$(BIN)/python scripts/schema.py

openapi: $(VENV)/.dev ## Write docs/openapi.json from the application, and the types from it.
	$(BIN)/python scripts/openapi.py

types: $(VENV)/.dev ## Write web/types/photoplay.ts from the API and the schema.
	$(BIN)/python scripts/typescript.py

lock: $(VENV)/.dev ## Recompute the hash-pinned requirements.
	echo pip | $(BIN)/uv pip compile - --universal --generate-hashes --python-version 3.11 --no-annotate --no-header -q -o requirements-pip.txt
	$(BIN)/uv pip compile pyproject.toml --extra build --universal --generate-hashes --python-version 3.11 --no-annotate --no-header -q -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml --extra build --extra dev --universal --generate-hashes --python-version 3.11 --no-annotate --no-header -q -c requirements.txt -o requirements-dev.txt

wheel: $(VENV)/.dev ## Build dist/*.whl.
	$(BIN)/python -m build --wheel --no-isolation

clean: ## Remove what make made.
	rm -rf $(VENV) dist out .pytest_cache .ruff_cache .hypothesis
