# make demo   try it                      make test    run all tests
# make setup  install what the demo needs make check   format, lint, types, import contracts
# make bench  the figures; ARGS=--write puts them into docs/performance.md
# make lock   resolve the dependencies anew
# make chaos  kill, freeze and cut off everything under load for half an hour, and check what came out;
#             ARGS="--minutes 3 --clicks 500 --seed 7" does less
# make coverage  run the tests, and print the lines and branches that they do not reach; ARGS="tests/bot" runs a part
# make newest run the tests of the adapters on the newest release of every dependency, make oldest on the oldest
# make server install a LangGraph Server for its tests, in an environment of its own
# make docs   build the documentation as a site, into site/       make pictures  take its pictures anew
# make fixture write what this version stores, for the upgrade tests of later ones: once before each release
# make reference  write docs/app.schema.json and docs/reference.md, as the models of app.yaml describe each key
# make wheels look up whether all that Signoff needs has a wheel, for each Python and system
# make first-card  time the way from an empty environment to the first decided card; ARGS="--matrix" goes it beside
#             what people use next to LangGraph, on each Python that this machine has: some minutes each
# make clean  remove what make made; what the bot keeps (.signoff) stays
#
# PYTHON=python3.12 chooses an interpreter, ARGS="--port 8000" passes options to the demo or to pytest.

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(VENV)/.packages
INSTALLED := $(VENV)/.installed
TOOLS := $(VENV)/.tools
SERVER := .venv-server
BENCH := .venv-bench
DOCS := .venv-docs
SCRATCH := .venv-scratch
PIP := -m pip --quiet --disable-pip-version-check
VERSION := import sys; print(*sys.version_info[:3])
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$name && break; done)

# $(call environment,FOLDER): an empty environment. What an earlier lock installed, or half installed, goes.
environment = $(or $(PYTHON),false) -c '$(NEW_ENOUGH)' 2>/dev/null || { \
	echo "make: Python 3.11 or newer is needed: PYTHON=... says where it is" >&2; exit 1; }; \
	rm -rf $(1) && $(PYTHON) -m venv $(1)

# $(call install,FOLDER,LOCK): what the lock names, and nothing is looked up beside it. By `--require-hashes` alone an
# older pip resolves a package named with extras anew, and fails as soon as a release appears that the lock lacks.
install = $(1)/bin/python $(PIP) install --no-deps --require-hashes -r $(2)

# $(call complete,FOLDER,LOCK): fails where a package is installed without one that it needs.
complete = missing=$$($(1)/bin/python -m pip --disable-pip-version-check check) || { echo "$$missing" >&2; \
	echo "make: $(2) lacks what is named above; make lock resolves it anew" >&2; exit 1; }

# $(call made,FOLDER,STAMP): the stamp holds where it was made, since scripts in an environment name their interpreter.
made = echo "$(CURDIR)" > $(2)
usable = [ "$$(cat $(2) 2>/dev/null)" = "$(CURDIR)" ] && \
	found=$$($(1)/bin/python -c '$(VERSION)' 2>/dev/null) && [ "$(if $(CHOSEN),$(CHOSEN),$$found)" = "$$found" ]
CHOSEN := $(if $(filter file,$(origin PYTHON)),,$(shell $(PYTHON) -c '$(VERSION)' 2>/dev/null))
STAMPS := $(PACKAGES) $(SERVER)/.installed $(BENCH)/.installed $(DOCS)/.installed

.PHONY: setup tools demo test coverage check fixture reference wheels first-card bench chaos lock resolved newest oldest server docs pictures clean
# An environment that was moved, whose interpreter is gone, or is not the one asked for, is made anew.
.PHONY: $(foreach stamp,$(STAMPS),$(shell $(call usable,$(patsubst %/,%,$(dir $(stamp))),$(stamp)) || echo $(stamp)))
.DELETE_ON_ERROR:

setup: $(INSTALLED)

tools: $(TOOLS)

demo: setup
	@$(BIN)/signoff demo $(ARGS)

test: tools
	@$(MAKE) --no-print-directory server || echo "make test: without a LangGraph Server its tests are skipped" >&2
	@$(MAKE) --no-print-directory $(DOCS)/.installed || echo "make test: without Zensical the test of the site is skipped" >&2
	@.ci/chromium || echo "make test: without Chromium the tests of the page cannot run" >&2
	@$(BIN)/pytest -n auto --dist worksteal $(ARGS)

coverage:
	@$(MAKE) --no-print-directory test ARGS="--cov --cov-report=term $(if $(ARGS),--cov-fail-under=0 $(ARGS))"

check: tools
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fixture: tools
	@PYTHONPATH=.:tests $(BIN)/python -m upgrade.write

reference: tools
	@$(BIN)/signoff schema > docs/app.schema.json
	@$(BIN)/python docs/reference.py > docs/reference.md

wheels: tools
	@$(BIN)/python bench/wheels.py

first-card: tools
	@$(BIN)/python bench/first_card.py $(ARGS)

bench: tools
	@$(MAKE) --no-print-directory $(BENCH)/.installed || echo "make bench: without the other savers" >&2
	@$(BIN)/python bench/run.py $(ARGS)

chaos: tools
	@.ci/faketime || echo "make chaos: without libfaketime no clock jumps" >&2
	@$(BIN)/python -m bench.chaos.run $(ARGS)

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links

# ARGS="--upgrade" takes the newest of all, ARGS="--upgrade-package langchain" of one.
lock: tools
	@$(MAKE) --no-print-directory resolved

resolved:
	@$(COMPILE) $(ARGS) --group build --extra examples pyproject.toml -o requirements.lock
	@$(COMPILE) $(ARGS) --group dev --constraints requirements.lock -o requirements-dev.lock
	@$(COMPILE) $(ARGS) --group bench --constraints requirements.lock pyproject.toml -o requirements-bench.lock
	@$(COMPILE) $(ARGS) --group server -o requirements-server.lock
	@$(COMPILE) $(ARGS) --group docs -o requirements-docs.lock

# The tests of what stands on other packages, with other releases of them than the locks have.
# anyio has a plugin for pytest, which an older anyio imports with a warning; no test uses it.
newest: RESOLUTION := highest
oldest: RESOLUTION := lowest-direct
newest oldest: tools
	@$(call environment,$(SCRATCH))
	@$(BIN)/uv pip install --quiet --python $(SCRATCH)/bin/python --resolution $(RESOLUTION) -e ".[examples]"
	@$(BIN)/uv pip install --quiet --python $(SCRATCH)/bin/python --group dev
	@$(SCRATCH)/bin/pytest -p no:anyio -n auto tests/engine tests/contracts tests/adapters $(ARGS)

server: $(SERVER)/.installed

$(SERVER)/.installed: requirements-server.lock
	@echo "Installing a LangGraph Server into $(SERVER) ..." >&2
	@$(call environment,$(SERVER))
	@$(call install,$(SERVER),$<)
	@$(call complete,$(SERVER),$<)
	@$(call made,$(SERVER),$@)

$(BENCH)/.installed: requirements-bench.lock
	@echo "Installing the other savers into $(BENCH) ..." >&2
	@$(call environment,$(BENCH))
	@$(call install,$(BENCH),$<)
	@$(call complete,$(BENCH),$<)
	@$(call made,$(BENCH),$@)

$(DOCS)/.installed: requirements-docs.lock
	@echo "Installing what builds the site into $(DOCS) ..." >&2
	@$(call environment,$(DOCS))
	@$(call install,$(DOCS),$<)
	@$(call complete,$(DOCS),$<)
	@$(call made,$(DOCS),$@)

docs: $(DOCS)/.installed
	@$(DOCS)/bin/python docs/build.py

# Chromium photographs real scenes: some minutes.
pictures: tools
	@$(BIN)/python docs/screenshots.py
	@$(BIN)/python docs/policies_screenshots.py
	@$(BIN)/python docs/patterns_screenshots.py

clean:
	@rm -rf $(VENV) $(SERVER) $(BENCH) $(DOCS) $(SCRATCH) site .cache dist .ruff_cache .mypy_cache .import_linter_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PACKAGES): requirements.lock
	@echo "Installing into $(VENV) ..." >&2
	@$(call environment,$(VENV))
	@$(call install,$(VENV),$<)
	@$(call made,$(VENV),$@)

# Nothing but what the lock installed is looked at: here pip finds out whether it is all that Signoff needs.
$(INSTALLED): $(PACKAGES) pyproject.toml
	@$(BIN)/python $(PIP) --isolated install --no-index --no-build-isolation -e ".[examples]"
	@$(call complete,$(VENV),requirements.lock)
	@touch $@

# Beside what the demo needs. An environment that has tools already, or half of them, is made anew.
$(TOOLS): requirements-dev.lock $(PACKAGES) | $(INSTALLED)
	@if [ -e $@-begun ]; then rm -rf $(VENV) && $(MAKE) --no-print-directory setup; fi
	@echo "Installing the tools of developers into $(VENV) ..." >&2
	@touch $@-begun
	@$(call install,$(VENV),$<)
	@$(call complete,$(VENV),$<)
	@touch $@
