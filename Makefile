# Every command anyone must know. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
UV_VERSION := 0.13.9
LOCK   := tests/requirements.txt
STAMP  := $(VENV)/.installed
MEMBERS := libs/ece_common services/config-api services/retriever services/dispatcher
ARGS   ?=

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# The environment is rebuilt only when a lock file or a package's own pyproject changed.
$(STAMP): $(LOCK) $(MEMBERS:%=%/pyproject.toml)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV=$(VENV) $(UV) pip sync --quiet --require-hashes $(LOCK)
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation $(MEMBERS:%=-e ./%)
	@touch $@

.PHONY: help venv demo test check fmt bench score lock images

venv: $(STAMP) ## the locked environment in .venv

demo: $(STAMP) ## the main job, live, on an embedded Postgres and mail server (ARGS=--once to end with the result)
	@$(BIN)/python -m deploy.demo $(ARGS)

test: $(STAMP) ## every test, in two processes; real Postgres, Dovecot and Postfix (ARGS= picks some, in one process)
	@bash tests/install-servers
	@$(BIN)/python -m pytest $(or $(ARGS),-n 2 --dist worksteal)

check: $(STAMP) ## format, lint, types and import contracts, as CI runs them
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/basedpyright --warnings

fmt: $(STAMP) ## format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(STAMP) ## a table of ratios against peers in the same run (ARGS=--quick: within two minutes)
	@bash tests/install-servers --bench
	@$(BIN)/python -m bench $(ARGS)

score: $(STAMP) ## how well a collection of real mail is recognised (MAIL=folder with an index.csv)
	@test -n "$(MAIL)" || { echo "make score MAIL=<folder with an index.csv>"; exit 2; }
	@$(BIN)/python -m bench.score "$(MAIL)"

images: ## build the three images without a Docker engine and probe each started container
	@bash deploy/build-images

lock: ## compile the hash-pinned requirement files from the workspace
	@test -x $(UV) || { $(PYTHON) -m venv $(VENV); $(BIN)/python -m pip install --quiet uv==$(UV_VERSION); }
	@bash deploy/compile-locks $(UV)
