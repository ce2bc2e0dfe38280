# make demo   set everything up and run a search on the embedded data set (about three minutes)
# make test   set everything up and run every check and test
# Both can be run again at any time: what is done is not done twice.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt

.PHONY: demo test check install bench proxy clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@sed -n 's/^# //p' Makefile

demo: $(VENV)/installed
	@sh scripts/isolation
	$(BIN)/autorec search --budget 3m --run runs/demo-$$(date +%Y%m%d-%H%M%S)
	@echo; echo "The command is $(BIN)/autorec; '. $(BIN)/activate' puts it on the path."

test: $(VENV)/installed-test
	@sh scripts/isolation
	$(MAKE) --no-print-directory check

# What a change must pass: format, lint, types, layers, tests.
check: $(VENV)/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist loadfile

bench: $(VENV)/installed-test
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

# The model client against litellm's own proxy, which needs an environment of its own (an older rich).
proxy: $(VENV)/installed-test $(VENV)-proxy/bin/litellm
	AUTOREC_LITELLM_PROXY=$(CURDIR)/$(VENV)-proxy/bin/litellm $(BIN)/pytest tests/contract/test_litellm_proxy.py

$(VENV)-proxy/bin/litellm:
	@$(PYTHON) -m venv $(VENV)-proxy
	@$(VENV)-proxy/bin/python -m pip install --disable-pip-version-check --quiet 'litellm[proxy]>=1.106.2,<2'

install: $(VENV)/installed

$(VENV)/bin/python:
	@echo "making a virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "the venv module is missing: apt-get install python3-venv"; exit 1; }

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing autorec and what it stands on"
	@$(PIP) --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	@echo "installing what the tests need"
	@$(PIP) --editable '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-proxy dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
