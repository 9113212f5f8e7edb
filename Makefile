# One command a verb; each makes what it needs first. CI runs the same ones (.ci/run).
#   make demo            the whole product against practice sites on this machine      (ONCE=1: one cycle, one line of JSON)
#   make init            a commented configuration in config/ to begin with
#   make run             the daemon with that configuration                             (CONFIG=/path/to/spillwatch.toml)
#   make test            every test                                                     (ARGS="tests/storage -x")
#   make check           ruff, mypy --strict, import-linter, the tests of the docs
#   make bench           ratios of CPU time against named peers                         (ARGS="mentions")
# PYTHON=/path/to/python3.12 chooses the interpreter of a new environment.

.DEFAULT_GOAL := help
.PHONY: help demo init run test check lint types imports docs format bench lock clean
export PYTHON

CONFIG ?= config/spillwatch.toml
bin := .venv/bin
sources := alerts benchmarks cli configuration crawler daemon demo matching setup storage tests text

help:
	@sed -n 's/^#   //p' Makefile

# The folders from which an installation builds the native scanner and the tables: every source file in them counts.
build_inputs := $(shell find setup text matching/identifiers matching/native matching/scanning -name '*.py' -o -name '*.[ch]' -o -name '*.sh')

# Two locks, one environment: the second one only adds the tools of the tests.
.venv/runtime: requirements.lock pyproject.toml $(build_inputs)
	@setup/install.sh .venv requirements.lock --editable .
	@touch $@

.venv/dev: .venv/runtime requirements-dev.lock
	@setup/install.sh .venv requirements-dev.lock
	@touch $@

# Site software that we did not write and that the tests crawl. It has an environment of its own for its dependencies.
.venv-peers/lock: tests/peers/requirements-peers.lock setup/install.sh
	@setup/install.sh .venv-peers tests/peers/requirements-peers.lock
	@touch $@

demo: .venv/runtime
	@$(bin)/spillwatch demo $(if $(ONCE),--once --json)

init: .venv/runtime
	@$(bin)/spillwatch init $(dir $(CONFIG))

run: .venv/runtime
	@$(bin)/spillwatch --config $(CONFIG) run

test: .venv/dev .venv-peers/lock
	@without=$$(setup/test-programs.sh) && SPILLWATCH_TESTS_WITHOUT=$$without $(bin)/python -m pytest $(ARGS)

check: lint types imports docs

lint: .venv/dev
	$(bin)/ruff check
	$(bin)/ruff format --check

types: .venv/dev
	$(bin)/mypy --strict $(sources)

imports: .venv/dev
	$(bin)/lint-imports

docs: .venv/dev
	$(bin)/python -m pytest -q tests/docs

format: .venv/dev
	$(bin)/ruff check --fix
	$(bin)/ruff format

bench: .venv/dev
	@$(bin)/python -m benchmarks $(ARGS)

# The developers' lock takes its versions from the runtime lock, so that the tests run with what the image holds.
compile := $(bin)/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes --upgrade --no-annotate \
	--no-config --default-index https://pypi.org/simple --custom-compile-command "make lock"
lock: .venv/dev
	$(compile) pyproject.toml --extra install --output-file requirements.lock
	$(compile) pyproject.toml --extra install --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	$(compile) tests/peers/requirements-peers.in --emit-build-options --output-file tests/peers/requirements-peers.lock

clean:
	rm -rf .venv .venv-* .cache build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
