.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup dev test test-stripe-live equivalence fuzz chaos soak lint types schema bench bench-peers words pictures graphiql clean

PYTHON ?= python3
BIN := .venv/bin
# Some images of Python forbid it to keep what it compiles; the tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=
CODE := app tests scripts
PEERS := benchmarks/peers/node

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with everything development needs
	@$(PYTHON) scripts/setup.py

dev: setup ## Run Atrium here (PORT=8000 DATA_DIR=.data, FRESH=1 deletes the data first)
	@$(BIN)/atrium dev

test: setup ## Run every test, a file at a time on each processor (ARGS="-k name" and such go to pytest)
	@$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

test-stripe-live: setup ## Ask Stripe itself what the tests take it to do (STRIPE_SECRET_KEY=sk_test_...; no real money)
	@test -n "$(STRIPE_SECRET_KEY)" || { echo "Give a key of Stripe's test mode: make $@ STRIPE_SECRET_KEY=sk_test_..." >&2; exit 2; }
	@STRIPE_TEST_KEY=$(STRIPE_SECRET_KEY) $(BIN)/pytest -v tests/stripe/test_contract.py -k live

equivalence: setup ## Compare compiled execution with graphql-core, at length (OPERATIONS=20000 SEED=1)
	@$(BIN)/pytest tests/equivalence
	@$(BIN)/python -m tests.equivalence.fuzz --operations $(or $(OPERATIONS),20000) --seed $(or $(SEED),1)

fuzz: setup ## Send random operations, bodies and frames (OPERATIONS=20000 SEED=1)
	@FUZZ_OPERATIONS=$(or $(OPERATIONS),20000) FUZZ_SEED=$(or $(SEED),1) $(BIN)/pytest tests/app/test_strangers.py

chaos: setup ## Run the long chaos tests: of the change log, conversations, failovers, restarts, crowds, jobs, backups, e-mail, money
	@$(BIN)/python -m tests.chaos.changes
	@$(BIN)/python -m tests.chaos.conversations
	@$(BIN)/python -m tests.chaos.conversations --nodes 3
	@$(BIN)/python -m tests.chaos.failover
	@$(BIN)/python -m tests.chaos.rolling
	@$(BIN)/python -m tests.chaos.crowd
	@$(BIN)/python -m tests.chaos.jobs
	@$(BIN)/python -m tests.chaos.backups
	@$(BIN)/python -m tests.chaos.mail
	@$(BIN)/python -m tests.chaos.billing
	@$(BIN)/python -m tests.chaos.ledger
	@STRIPE_SEEDS=20 STRIPE_WITHHELD=60 STRIPE_ORDERS=200 ESCROW_RACES=300 $(BIN)/pytest --timeout 3600 \
		tests/jobs/billing tests/services/ledger/test_escrow_races.py
	@WEBHOOK_ENDPOINTS=100 WEBHOOK_EVENTS=100 $(BIN)/pytest -s tests/jobs/webhooks/test_crowd.py
	@LEDGER_EXAMPLES=50 LEDGER_STEPS=2000 $(BIN)/pytest tests/core/ledger/test_machine.py

soak: setup ## Let people talk for HOURS=8, and say what grows
	@$(BIN)/python -m tests.chaos.soak --hours $(or $(HOURS),8)

lint: types ## Check style, types, layers and the committed schema
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/yamllint --strict compose.yaml
	@$(BIN)/atrium schema --check
	@$(BIN)/atrium permissions --check

types: setup ## Check types
	@$(BIN)/mypy

schema: setup ## Write schema.graphql and the table of who may use which field
	@$(BIN)/atrium schema
	@$(BIN)/atrium permissions

bench: setup ## Measure, beside the limits of the machine (ARGS="sending --seconds 10" and such)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-peers: setup $(PEERS)/node_modules/.package-lock.json ## Measure beside other servers (needs Node.js; ARGS="memory --rounds 2" and such)
	@$(BIN)/python -m benchmarks.peers $(ARGS)

$(PEERS)/node_modules/.package-lock.json: $(PEERS)/package-lock.json
	@cd $(PEERS) && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

words: setup ## Bring the catalogues of translations in step with the code
	@$(BIN)/python -m scripts.words

pictures: setup ## Draw every e-mail, light, dark and narrow, and invoices (needs Chromium)
	@$(BIN)/python -m scripts.pictures

graphiql: ## Build GraphiQL's files again (needs Node.js)
	@cd web/graphiql && npm ci --no-audit --no-fund && npm run build

clean: ## Delete .venv and caches; data stay
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .cache dist *.egg-info
	@find . -name __pycache__ -prune -exec rm -rf {} +
