# Everything needs Python 3.11 or newer, make and a package registry, and nothing else. `make` alone says what there is.
.DEFAULT_GOAL := help
.PHONY: help run test lint lock bench clean
MAKEFLAGS += --no-print-directory
UV_VERSION := 0.13.9
ARGS ?=

# Registries may be behind a certificate that only this machine's own store knows.
export UV_SYSTEM_CERTS := 1
export UV_CUSTOM_COMPILE_COMMAND := make lock

UV := .venv/bin/uv
UV_READY := .venv/.uv-$(UV_VERSION)
# Both sets live in one environment: the development set holds the other at the same versions, so adding one never
# removes or changes what the other installed. A stamp newer than its requirements means there is nothing to do.
RUN_READY := .venv/.run-requirements
DEV_READY := .venv/.dev-requirements

help: ## say what can be done
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUN_READY) ## set up, fill in sample data, and serve on http://localhost:8000
	@exec .venv/bin/python manage.py serve $(ARGS)

test: $(DEV_READY) ## every test, on SQLite and PostgreSQL and in a browser; make test ARGS="-k seats"
	@.venv/bin/python -m tests.services.run $(ARGS)

lint: $(DEV_READY) ## style, types, imports, migrations
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	DATABASE_URL=sqlite://:memory: .venv/bin/python manage.py makemigrations --check --dry-run
	DATABASE_URL=sqlite://:memory: .venv/bin/python manage.py check --fail-level WARNING

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-find-links --no-emit-index-url
lock: $(UV_READY) ## pin both requirements files to pyproject.toml; make lock ARGS=--upgrade for newer versions
	$(COMPILE) $(ARGS) pyproject.toml -o requirements.txt
	$(COMPILE) $(ARGS) -c requirements.txt pyproject.toml --group dev -o requirements-dev.txt

bench: $(DEV_READY) ## measure
	@.venv/bin/python -m tests.benchmarks $(ARGS)

clean: ## remove what was installed and cached, never the data in var/
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN_READY): requirements.txt $(UV_READY)
	@$(UV) pip install --quiet --python .venv/bin/python --require-hashes -r requirements.txt
	@touch $@

$(DEV_READY): requirements-dev.txt $(UV_READY)
	@$(UV) pip install --quiet --python .venv/bin/python --require-hashes -r requirements-dev.txt
	@touch $@

# An environment that still works is kept. Otherwise: the first Python that is new enough and can make one.
$(UV_READY):
	@fit='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'; \
	if ! .venv/bin/python -c "$$fit" 2>/dev/null; then \
		for python in $(PYTHON) python3.11 python3.12 python3.13 python3 python3.14 python; do \
			"$$python" -c "$$fit" 2>/dev/null && break; python=; \
		done; \
		test -n "$$python" || { echo "Python 3.11 or newer with its venv module is needed (or: make PYTHON=/path/to/python)." >&2; exit 1; }; \
		"$$python" -m venv --clear .venv; \
	fi
	@.venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@
