# One command per verb; each first makes what it needs. CI runs the same ones (.ci/run).
#   make demo            run the whole product against practice sites on this machine   (ONCE=1: one cycle, one line of JSON)
#   make init            write a commented configuration into config/
#   make run             run the daemon with that configuration                         (CONFIG=/path/to/spillwatch.toml)
#   make test            run every test                                                 (ARGS="tests/storage -x", WORKERS=4)
#   make test-quick      run 5,200 tests that start no server, in under a minute
#   make check           run ruff, mypy --strict, import-linter and the tests of the docs
#   make bench           compare CPU time with named peers                              (ARGS="mentions")
#   make fuzz            read mutated dumps of every kind of reader                   (ARGS="100000 1 mail records")
#   make faults          kill, pause and cut off nodes for many rounds                  (ARGS="--kills 1000 --nodes 3")
#   make pictures        take the pictures of the console for the docs
#   make release         build and try the source archive and the wheel                 (PYTHONS="3.11 3.12")
# PYTHON=/path/to/python3.12 chooses the interpreter of a new environment.

.DEFAULT_GOAL := help
.PHONY: help demo init run test test-quick check lint types imports docs format bench fuzz faults pictures lock release clean
export PYTHON
# Where this is set, each of the many processes that the tests and the demo start would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

CONFIG ?= config/spillwatch.toml
bin := .venv/bin
sources := alerts benchmarks cli configuration crawler daemon demo matching network setup storage tests text web

help:
	@sed -n 's/^#   //p' Makefile

# The folders from which an installation builds the native scanner and the tables: every source file in them counts.
build_inputs := $(shell find setup text matching/identifiers matching/native matching/scanning -name '*.py' -o -name '*.[ch]' -o -name '*.sh')

# Two locks, one environment: the second adds only the test tools to what the first installs.
.venv/runtime: requirements.lock pyproject.toml $(build_inputs)
	@setup/install.sh .venv requirements.lock --editable .
	@touch $@

.venv/dev: .venv/runtime requirements-dev.lock
	@setup/install.sh .venv requirements-dev.lock
	@touch $@

# Site software that the tests crawl. Spillwatch does not depend on it.
.venv-peers/lock: tests/peers/requirements-peers.lock setup/install.sh
	@setup/install.sh .venv-peers tests/peers/requirements-peers.lock
	@touch $@

# The OpenID provider that the tests sign in with. npm compares each package with the hash in the lock, and runs no script of one.
.venv-provider/lock: tests/peers/openid_provider/package.json tests/peers/openid_provider/package-lock.json
	@echo "setup: installing the OpenID provider of the tests into $(@D)"; mkdir -p $(@D) && cp $^ $(@D)/ && \
		npm ci --silent --prefix $(@D) --ignore-scripts --no-audit --no-fund && touch $@

demo: .venv/runtime
	@$(bin)/spillwatch demo $(if $(ONCE),--once --json)

init: .venv/runtime
	@$(bin)/spillwatch init $(dir $(CONFIG))

run: .venv/runtime
	@$(bin)/spillwatch --config $(CONFIG) run

# One worker more than there are CPUs, because each waits for servers and child processes a quarter of its time. Then one
# test at a time of those that need the machine to themselves. Named tests run as named.
WORKERS ?= $(shell expr $$(nproc) + 1)
pytest := $(bin)/python -m pytest
# `make` and not its variable: else a dry run would run the whole recipe, too. npm may be installed by the line before.
test: .venv/dev .venv-peers/lock
	@export SPILLWATCH_TESTS_WITHOUT; SPILLWATCH_TESTS_WITHOUT=$$(setup/test-programs.sh) || exit; \
	if command -v npm >/dev/null; then make --no-print-directory .venv-provider/lock || exit; fi; \
	if [ -n "$(ARGS)" ]; then exec $(pytest) $(ARGS); fi; status=0; \
	$(pytest) -m "not alone" --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder || status=$$?; \
	$(pytest) -m alone $$(grep --recursive --files-with-matches --include='test_*.py' mark.alone tests) || status=$$?; exit $$status

# About a minute of CPU time. These tests wait for nothing, so there is one worker per CPU.
quick := tests/docs tests/text tests/configuration tests/crawler/clean tests/crawler/sources tests/matching/identifiers \
	tests/matching/mentions tests/matching/inputs
test-quick: .venv/dev
	@$(pytest) -m "not slow" --numprocesses auto --dist loadfile -q $(quick)

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

# A count, a seed, and the kinds of readers (none: all). An exception or an exceeded bound ends it with the mutant's number.
fuzz: .venv/dev
	@$(bin)/python -m tests.matching.inputs.hostile $(or $(ARGS),100000 1)

# The pictures of docs/how-to/first-hour.md, by the test that takes the same walk.
pictures: .venv/dev
	@SPILLWATCH_PICTURES=$(CURDIR)/docs/pictures $(pytest) -q tests/journeys/test_first_hour.py

# `make test` has one round of each fault, and a few kills. The result is in the folder that is named at the end.
faults: .venv/dev
	@folder=$$(mktemp -d) && unshare --net --mount $$([ "$$(id -u)" = 0 ] || echo --map-root-user) \
		$(bin)/python -m tests.faults.rounds "$$folder" $(or $(ARGS),--rounds 100) && cat "$$folder/found" && echo "$$folder"

# The developers' lock is constrained to the runtime's pins, so that the tests run with what the image contains. cpe, which
# the validator of STIX needs, is published only as source.
compile := $(bin)/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes --upgrade --no-annotate \
	--no-config --default-index https://pypi.org/simple --custom-compile-command "make lock"
lock: .venv/dev
	$(compile) pyproject.toml --extra install --extra demo --extra archives --extra apprise --extra objects --extra report --extra web --constraint setup/lock-constraints.in --output-file requirements.lock
	$(compile) pyproject.toml --extra install --extra demo --extra archives --extra apprise --extra objects --extra report --extra web --extra dev --no-binary cpe --emit-build-options --constraint requirements.lock --output-file requirements-dev.lock
	$(compile) tests/peers/requirements-peers.in --emit-build-options --output-file tests/peers/requirements-peers.lock

release: .venv/dev
	@setup/release.sh $(PYTHONS)

clean:
	rm -rf .venv .venv-* .cache build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
