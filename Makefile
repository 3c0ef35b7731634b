# Everything happens in .venv. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
PACKAGES := autograder lib/chainrule benchmarks
# Two workers suit a laptop and a CI machine; a numerical library with threads of its own would fight them.
TEST_WORKERS ?= 2
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help setup demo test lab bench lint clean

help:  ## list what can be made
	@sed -n 's/^\([a-z]*\):.*  ## /\1\t/p' Makefile | while IFS=$$'\t' read -r name what; do printf 'make %-7s %s\n' "$$name" "$$what"; done

setup: .venv/.complete  ## install everything into .venv (one to five minutes, once)
	@scripts/system grading

.venv/.complete: requirements.txt pyproject.toml lib/pyproject.toml
	@echo "Setting up .venv: 150 packages; 1.7 GB with a CPU build of PyTorch, 5.4 GB with a CUDA build; one to five minutes, once."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, and $(PYTHON) is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.11 ...")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module is missing: sudo apt-get install -y python3-venv"; exit 1; }
	@test "$$($(BIN)/python --version 2>&1)" = "$$($(PYTHON) --version)" || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable ./lib --editable .
	@touch $@

demo: setup  ## the main job: a simulated class is handed out to, collected, graded and reported (one to two minutes)
	@echo "A class of 60 simulated students: notebooks released, handed in, graded, returned, reported. One to two minutes."
	@$(BIN)/autograder demo

test: setup  ## run the whole test suite (a few minutes)
	@scripts/system browser
	@echo "Running the test suite with $(TEST_WORKERS) workers: a few minutes. Pictures of pages go to build/screenshots."
	@$(ONE_THREAD) $(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadfile

lab: setup  ## open the assignments in JupyterLab
	@$(BIN)/jupyter lab --notebook-dir=assignments

bench: setup  ## measure against peers, as ratios (a few minutes)
	@$(ONE_THREAD) $(BIN)/python -m benchmarks

lint: setup  ## style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(PACKAGES)

clean:  ## remove .venv and caches; workspace/ with its gradebook stays
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
