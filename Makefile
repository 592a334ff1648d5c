# Everything here sets itself up first: a private uv in .uv/, then the locked environment in .venv/.
# Needs python3 (any 3.8+), make and bash. Python 3.10 is taken from the machine, or else fetched by uv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

UV := .uv/bin/uv
BIN := .venv/bin
LIGHT_STAMP := .venv/.stamp-setup
DL_STAMP := .venv/.stamp-setup-dl
# Once `make setup-dl` has run, every target keeps to requirements-dl.lock: syncing to the light lock removes torch.
ENV_STAMP := $(if $(wildcard $(DL_STAMP))$(filter setup-dl,$(MAKECMDGOALS)),$(DL_STAMP),$(LIGHT_STAMP))
LAYERS := proc_models processes pruning energy
PYTEST_ARGS ?=
# A version, found on the path or fetched, or the path of an interpreter: make setup PYTHON=/opt/python3.10/bin/python3
PYTHON ?= $(shell cat .python-version)

# uv warns about every pyenv version that does not exist; errors still show.
UV_QUIET := $(UV) --quiet

.DEFAULT_GOAL := help
.PHONY: help setup setup-dl test test-slow demo bench lint types lock build clean distclean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

setup: $(ENV_STAMP)  ## make .venv from requirements.lock and install lavaprune editable in it

setup-dl: $(DL_STAMP)  ## the same with lava-dl and torch, 5.6 GB; `make distclean` goes back

# Under pyenv, .python-version can turn `python3` into a shim without a Python behind it; then the next one is tried.
$(UV): requirements-uv.lock
	@for python in python3 /usr/bin/python3 python3.11 python3.12; do \
	    if "$$python" -m venv --clear .uv; then break; fi; \
	done; \
	[ -x .uv/bin/pip ] || { echo "make setup: no python3 here can make a venv (Debian: apt install python3-venv)" >&2; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@touch $(UV)

# One environment, one stamp: an interrupted set-up leaves none, and the next one starts over. $(1) is the lock.
define SET_UP
	@$(UV_QUIET) venv --allow-existing --python "$(PYTHON)" .venv
	@rm -f $(LIGHT_STAMP) $(DL_STAMP)
	@$(UV_QUIET) pip sync --python $(BIN)/python --require-hashes $(1)
	@$(UV_QUIET) pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
endef

$(LIGHT_STAMP): $(UV) requirements.lock pyproject.toml .python-version
	$(call SET_UP,requirements.lock)

$(DL_STAMP): $(UV) requirements-dl.lock pyproject.toml .python-version
	$(call SET_UP,requirements-dl.lock)

test: setup  ## run the fast tests
	$(BIN)/pytest -m "not slow" $(PYTEST_ARGS)

test-slow: setup  ## run the slow tests
	$(BIN)/pytest -m slow $(PYTEST_ARGS)

demo: setup  ## train, prune and price a small network on the embedded digits
	$(BIN)/lavaprune demo

bench: setup  ## measure ms per image by engine and size
	$(BIN)/lavaprune bench

lint: setup  ## ruff
	$(BIN)/ruff check --output-format concise .

# mypy cannot see through the editable install, so it reads the layers under the names that they are
# imported by, from a tree of links made anew each time; its messages name the real files.
types: setup  ## mypy
	@rm -rf .mypy_tree
	@mkdir -p .mypy_tree/lavaprune
	@ln -s $(foreach entry,$(filter-out %/__pycache__,$(wildcard app/*)),../../$(entry)) $(foreach layer,$(LAYERS),../../$(layer)) .mypy_tree/lavaprune/
	$(BIN)/mypy | sed -E 's#^\.mypy_tree/lavaprune/(($(subst $() ,|,$(LAYERS)))/)#\1#; s#^\.mypy_tree/lavaprune/#app/#'

# The locks carry hashes and name no host, so that any mirror of the package index will do. The second holds the first's
# pins wherever lava-dl allows them. The third one is uv's own; pyproject.toml's Python range is not for it (--no-config).
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV_QUIET) pip compile --generate-hashes --universal \
    --python-version 3.10 --group dev

lock: $(UV)  ## resolve the dependencies anew into requirements.lock, requirements-dl.lock and requirements-uv.lock
	$(COMPILE) --upgrade --output-file requirements.lock pyproject.toml
	cp requirements.lock requirements-dl.lock
	$(COMPILE) --group dl-dev --extra dl --output-file requirements-dl.lock pyproject.toml
	echo uv | UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV_QUIET) pip compile --no-config --upgrade --generate-hashes \
	    --universal --python-version 3.8 --output-file requirements-uv.lock -

build: setup  ## source distribution and wheel in dist/
	@rm -rf build
	$(UV) build --no-build-isolation --python $(BIN)/python

clean:  ## remove builds and caches
	rm -rf build dist *.egg-info .mypy_tree .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . \( -name .venv -o -name .uv -o -name .git \) -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean  ## remove the environments too
	rm -rf .venv .uv
