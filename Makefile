.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup dev test chaos soak lint types schema bench graphiql clean

PYTHON ?= python3
BIN := .venv/bin
CODE := app tests scripts

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with everything development needs
	@$(PYTHON) scripts/setup.py

dev: setup ## Run Atrium here (PORT=8000 DATA_DIR=.data, FRESH=1 deletes the data first)
	@$(BIN)/atrium dev

test: setup ## Run every test (ARGS="-k name" and such go to pytest)
	@$(BIN)/pytest $(ARGS)

chaos: setup ## Run the long chaos tests: of the change log, conversations, failovers, restarts, crowds, jobs, backups
	@$(BIN)/python -m tests.chaos.changes
	@$(BIN)/python -m tests.chaos.conversations
	@$(BIN)/python -m tests.chaos.conversations --nodes 3
	@$(BIN)/python -m tests.chaos.failover
	@$(BIN)/python -m tests.chaos.rolling
	@$(BIN)/python -m tests.chaos.crowd
	@$(BIN)/python -m tests.chaos.jobs
	@$(BIN)/python -m tests.chaos.backups

soak: setup ## Let people talk for HOURS=8, and say what grows
	@$(BIN)/python -m tests.chaos.soak --hours $(or $(HOURS),8)

lint: types ## Check style, types, layers and the committed schema
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/yamllint --strict compose.yaml
	@$(BIN)/atrium schema --check

types: setup ## Check types
	@$(BIN)/mypy

schema: setup ## Write schema.graphql
	@$(BIN)/atrium schema

bench: setup ## Measure, beside the limits of the machine (ARGS="sending --seconds 10" and such)
	@$(BIN)/python -m benchmarks $(ARGS)

graphiql: ## Build GraphiQL's files again (needs Node.js)
	@cd web/graphiql && npm ci --no-audit --no-fund && npm run build

clean: ## Delete .venv and caches; data stay
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache dist *.egg-info
	@find . -name __pycache__ -prune -exec rm -rf {} +
