# `make run` and `make test` need python3 with venv, make, git and curl; everything else they fetch themselves.
PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help run test bench trial lint messages-compile lock audit clean runtime development system

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 26

run: runtime ## the whole shop on http://localhost:8000 (another port: PORT=8001 make run); Ctrl-C stops it
	@PYTHONPATH=. $(PYTHON) tools/run.py

test: ## every check and every test, with a PostgreSQL, a Redis and a Chromium of its own
	@$(MAKE) --no-print-directory -j2 development system
	@$(PYTHON) tools/verify.py

bench: development ## how fast it is, against yardsticks (one figure: make bench ONLY=reserve_hot SECONDS=2); bench/README.md
	@TEST_DATABASE_URL= TEST_REDIS_URL= tools/system.sh bench
	@PYTHONPATH=tools $(PYTHON) -m bench $(if $(ONLY),--only $(ONLY)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(RUNS),--runs $(RUNS))

trial: runtime ## 20,000 arrivals, PostgreSQL killed in the middle, memory: yes or no (make trial ONLY=memory)
	@TEST_DATABASE_URL= TEST_REDIS_URL= tools/system.sh bench
	@PYTHONPATH=tools $(PYTHON) -m bench.trials $(ONLY)

lint: development ## the checks alone, without the tests
	@$(PYTHON) tools/verify.py --checks-only

messages-compile: runtime ## locale/*/LC_MESSAGES/django.po -> django.mo
	@$(PYTHON) tools/build.py messages --always

lock: ## requirements*.in -> requirements*.txt (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate requirements.in -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate requirements-dev.in -o requirements-dev.txt

audit: development ## known weaknesses in the locked packages
	@$(PYTHON) -m pip_audit --disable-pip --require-hashes -r requirements-dev.txt

clean: ## what was built; your data in var/ stays
	rm -rf .venv staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis var/static.sha256
	find . -name '*.mo' -delete -o -name __pycache__ -type d -prune -exec rm -rf {} +

runtime:
	@tools/venv.sh requirements.txt

development:
	@tools/venv.sh requirements-dev.txt

system:
	@tools/system.sh
