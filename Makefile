# Everything for a fresh machine that has python3 (3.11 or later), its venv module, and make.
#   make gallery    sets up, trains every family on real digits, writes gallery/index.html
#   make test       sets up, runs the tests
#   make docs       sets up, draws the pictures, runs the examples, writes docs/_build/html
PY   ?= python3
V    := .venv
JOBS ?= 2

PIP := $(V)/bin/python -m pip --disable-pip-version-check
EVERYTHING := -c constraints.txt -e '.[dev]'

# Two workers on two cores: one thread each, or they fight over the cores.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help setup gallery test soak mutants docs lint format bench results ci lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(V)/.ok ## make .venv with everything in it

# uv reads none of pip's settings, so it is told two of them. A machine that offers local wheels
# (find-links) is one where torch's CPU build is found there; elsewhere uv picks the CPU or CUDA
# build that fits the hardware. Unlike pip it has to be asked to compile, and where Python may not
# write bytecode every import would take three times as long. If uv cannot, pip does the same, slower.
$(V)/.ok: pyproject.toml constraints.txt
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  f"diabolo needs Python 3.11 or later, but $(PY) is {sys.version.split()[0]}. Name another: make PY=python3.12 setup")'
	@echo "Setting up $(V): once, half a minute to a few, by the speed of the network"
	$(PY) -m venv $(V)
	@links=$${PIP_FIND_LINKS:-$$($(PIP) config get global.find-links 2>/dev/null)}; \
	if [ "$$links" ]; then export UV_FIND_LINKS=$$(echo $$links | tr ' ' ','); \
	else export UV_TORCH_BACKEND=auto; fi; \
	if $(PIP) install -q uv && UV_SYSTEM_CERTS=1 $(V)/bin/uv pip install -q --compile-bytecode -p $(V)/bin/python $(EVERYTHING); \
	then true; else echo "uv could not; pip takes over, which is slower" && $(PIP) install -q $(EVERYTHING); fi
	@touch $@

gallery: setup ## train every family on real digits, write gallery/index.html
	@mkdir -p gallery
	$(V)/bin/diabolo gallery -f -o gallery/index.html

test: setup ## run the tests and the examples in docstrings
	$(ONE_THREAD) $(V)/bin/python -m pytest -n $(JOBS) --dist worksteal

soak: setup ## run the long counts: kills, faults, flips
	$(ONE_THREAD) $(V)/bin/python -m pytest tests -m soak --timeout 0 -s
	$(MAKE) results

mutants: setup ## break losses, readers and writers in small ways; the tests must notice
	$(PIP) install -q -c constraints.txt -e '.[mutants]'
	$(V)/bin/python tests/mutants.py
	$(MAKE) results

docs: setup ## write the site, docs/_build/html
	JOBS=$(JOBS) $(ONE_THREAD) $(V)/bin/python docs/pictures.py
	JOBS=$(JOBS) $(ONE_THREAD) $(V)/bin/sphinx-build -b html -W --keep-going -q docs docs/_build/html
	@echo "open docs/_build/html/index.html"

lint: setup ## check format, style, types, and the layers
	$(V)/bin/ruff format --check
	$(V)/bin/ruff check
	$(V)/bin/mypy
	$(V)/bin/lint-imports

format: setup ## put the code in form
	$(V)/bin/ruff format
	$(V)/bin/ruff check --fix

bench: setup ## measure speed and quality, print the ratios
	@for script in $(filter-out bench/kept.py bench/pages.py bench/peers.py,$(wildcard bench/[a-z]*.py)); do echo "== $$script"; $(V)/bin/python $$script || exit 1; done

results: setup ## write docs/results.md and the tables of pages from results/
	$(V)/bin/diabolo reproduce --write-docs docs/results.md
	$(V)/bin/python bench/pages.py

ci: ## what runs on every change
	.ci/run

# Without find-links, so that no path and no local version gets into the file.
lock: setup ## write constraints.txt anew from pyproject.toml and pins.in
	UV_FIND_LINKS= $(V)/bin/uv pip compile -q --universal --python-version 3.11 --all-extras -c pins.in \
	  --no-header --no-annotate -o constraints.txt pyproject.toml
	@touch $(V)/.ok

clean: ## remove what the other targets made
	rm -rf $(V) gallery dist docs/_build docs/examples docs/families .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -prune -exec rm -rf {} +
