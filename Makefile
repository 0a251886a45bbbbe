# Every task of the project, for a machine that has nothing but python3 (3.11 or newer) and make.
# `make` alone prints the targets. Options of a command go into ARGS: make run ARGS="--market sample"

PYTHON ?= python3
ARGS ?=
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -qq
CODE := app.py bookrouting crm_sync dealing exposure feeds
COMPILE = $(PY) -m uv pip compile $(ARGS) --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header

# An installation is named after what went into it, so a second `make run` has nothing to do and a
# changed lock, or a moved folder, installs again.
fingerprint = $(firstword $(shell { pwd; cat $(1) pyproject.toml; } | cksum))
RUN_READY := $(VENV)/.ready-run-$(call fingerprint,requirements.lock)
DEV_READY := $(VENV)/.ready-dev-$(call fingerprint,requirements-dev.lock)

# $(call debian_package,NAME,WHY): install it when we may, otherwise say how and stop.
debian_package = if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "$(2) Installing the Debian package $(1) ..."; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $(1) >/dev/null; \
	else \
	  echo "$(2) Install it and run make again: sudo apt-get install $(1)" >&2; exit 2; \
	fi

# $(call install,LOCK): exactly the locked packages, then the project itself without any index.
define install
@$(MAKE) --no-print-directory venv
@echo "Installing $(1) into $(VENV) (the first time takes a minute or two) ..."
@$(PIP) install --no-compile --require-hashes -r $(1)
@$(PIP) install --no-compile --no-deps --no-build-isolation --no-index -e .
@echo "Compiling, so that the first start is quick ..."
@$(PY) -m compileall -qq -j 0 -x 'site-packages/.*/tests/' $(VENV)/lib $(CODE) & \
	$(PY) -c 'from bookrouting.warmup import compile_kernels; compile_kernels()'; \
	compiled=$$?; wait; exit $$compiled
endef

# Files are handed out in the order that tests/conftest.py gives them.
ON_TWO_CORES := -n 2 --dist loadfile --no-loadscope-reorder

# $(call in_two_parts,OPTIONS,ENVIRONMENT): the tests, then those with a browser, which must not be
# kept waiting by others. A part that ARGS leaves without a test (pytest's 5) is no failure.
define in_two_parts
$(2) $(PY) -m pytest $(ON_TWO_CORES) -m "not browser" $(1) $(ARGS) || [ $$? = 5 ]
$(2) $(PY) -m pytest $(ON_TWO_CORES) -m browser $(1) $(ARGS) || [ $$? = 5 ]
endef

.DEFAULT_GOAL := help
.PHONY: help setup run replay bench test test-all kills soak browser fmt lint types arch check build lock \
	clean venv chromium

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(RUN_READY) ## install what `make run` needs into .venv
	@echo "Installed. Start with: make run"

run: $(RUN_READY) ## start the platform, the engine and the desk, and print the address
	@exec $(VENV)/bin/plimsoll run $(ARGS)

replay: $(RUN_READY) ## compute a day of files: make replay ARGS="DIR --json -"
	@exec $(VENV)/bin/plimsoll replay $(ARGS)

bench: $(RUN_READY) ## measure this machine: make bench ARGS="--quick"
	@exec $(VENV)/bin/plimsoll bench $(ARGS)

test: $(DEV_READY) chromium ## run all tests, the fast ones first
	$(call in_two_parts,--durations=15)

test-all: $(DEV_READY) chromium ## run all tests in their long forms
	$(call in_two_parts,--durations=25,PLIMSOLL_LONG_TESTS=1)

kills: $(DEV_READY) ## kill the engine 200 times at random while it works: PLIMSOLL_KILLS=200
	PLIMSOLL_KILLS=$${PLIMSOLL_KILLS:-200} $(PY) -m pytest -s tests/dealing/test_kills.py $(ARGS)

soak: $(RUN_READY) ## load a whole run for a while: make soak ARGS="--minutes 20"
	$(PY) -m dealing.bench.soak $(ARGS)

browser: $(DEV_READY) chromium ## run the tests that drive a real Chromium
	$(PY) -m pytest $(ON_TWO_CORES) -m browser $(ARGS)

fmt: $(DEV_READY) ## format the code and repair what can be repaired
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

lint: $(DEV_READY) ## check style and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(DEV_READY) ## check types
	$(PY) -m mypy

arch: $(DEV_READY) ## check who imports whom
	$(VENV)/bin/lint-imports
	$(PY) -m pytest -q tests/test_architecture.py

check: lint types arch ## everything to run before a push: lint, types, arch, fast tests
	$(PY) -m pytest -q $(ON_TWO_CORES) -m "not slow and not browser"

build: $(DEV_READY) ## build the wheel into dist/
	$(PY) -m hatchling build -t wheel

lock: $(DEV_READY) ## resolve both locks; newest versions: make lock ARGS=--upgrade
	@$(PY) -m uv --version >/dev/null 2>&1 || $(PIP) install uv
	$(COMPILE) --extra build -o requirements.lock pyproject.toml
	$(COMPILE) --extra build --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean: ## remove what was installed and built; your data stays
	rm -rf $(VENV) dist test-results .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find $(CODE) tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN_READY):
	$(call install,requirements.lock)
	@touch $@

$(DEV_READY):
	$(call install,requirements-dev.lock)
	@touch $(RUN_READY) $@

venv:
	@if $(PY) -m pip --version >/dev/null 2>&1; then exit 0; fi; \
	command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) was not found: install Python 3.11 or newer, or name it: make run PYTHON=..." >&2; \
	  exit 2; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) -V 2>&1), but Plimsoll needs Python 3.11 or newer:" \
	    "name another one: make run PYTHON=python3.11" >&2; \
	  exit 2; }; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { $(call debian_package,python3-venv,Python's module venv is missing.); }; \
	$(PYTHON) -m venv --clear $(VENV)

chromium: $(DEV_READY)
	@command -v chromium >/dev/null || \
	  { $(call debian_package,chromium,The browser tests need Chromium.); }
	@$(VENV)/lib/python3*/site-packages/playwright/driver/node --version >/dev/null 2>&1 || \
	  { $(call debian_package,libatomic1,The browser tests' driver needs a library.); }
