# make demo   try it                      make test    run all tests
# make setup  install only                make check   format, lint, types, import contracts
# make bench  the figures                 make lock    resolve the dependencies anew
# make server install a LangGraph Server for its tests, in an environment of its own
# make clean  remove what make made; what the bot keeps (.signoff) stays
#
# PYTHON=python3.12 chooses an interpreter, ARGS="--port 8000" passes options to the demo or to pytest.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SERVER := .venv-server
BENCH := .venv-bench
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$name && break; done)

.PHONY: setup demo test check bench lock server clean
.DELETE_ON_ERROR:

setup: $(INSTALLED)

demo: setup
	@$(BIN)/signoff demo $(ARGS)

test: setup
	@$(MAKE) --no-print-directory server || echo "make test: without a LangGraph Server its tests are skipped" >&2
	@.ci/chromium || echo "make test: without Chromium the tests of the page cannot run" >&2
	@$(BIN)/pytest -n auto $(ARGS)

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup
	@$(MAKE) --no-print-directory $(BENCH)/.installed || echo "make bench: without the other savers" >&2
	@$(BIN)/python bench/run.py $(ARGS)

lock: setup
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --group dev --extra examples pyproject.toml -o requirements.lock
	@echo "langgraph-cli[inmem]>=0.4.40,<0.5 langchain>=1.4.6,<1.5" | tr ' ' '\n' | $(BIN)/uv pip compile --quiet \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links - \
		-o requirements-server.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --constraints requirements.lock --extra bench pyproject.toml -o requirements-bench.lock

server: $(SERVER)/.installed

$(SERVER)/.installed: requirements-server.lock | $(BIN)/pip
	@echo "Installing a LangGraph Server into $(SERVER) ..." >&2
	@rm -rf $(SERVER) && $(BIN)/python -m venv $(SERVER)
	@$(SERVER)/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements-server.lock
	@touch $@

$(BENCH)/.installed: requirements-bench.lock | $(BIN)/pip
	@echo "Installing the other savers into $(BENCH) ..." >&2
	@rm -rf $(BENCH) && $(BIN)/python -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements-bench.lock
	@touch $@

clean:
	@rm -rf $(VENV) $(SERVER) $(BENCH) dist .ruff_cache .mypy_cache .import_linter_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip is what `venv` installs last, so a folder that was left half made is made again.
$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed; PYTHON=... says where it is" >&2; exit 1; }
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo "make: $(PYTHON) is older than Python 3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(INSTALLED): requirements.lock pyproject.toml | $(BIN)/pip
	@echo "Installing into $(VENV) ..." >&2
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@
