# `make demo`, `make test` and `make check` each work as the first command after a clone.
# They need Python 3.11 or newer, a C compiler, and PyPI within reach.

PYTHON ?= python3#  the interpreter that makes .venv
TORCH  ?= auto#     auto: where a small build can be had; 1: always; 0: never
JOBS   ?= 2#        test processes
BUDGET ?= 500#      seconds of bench-gpu
CARRY  ?= build/carried#  the folder that carry makes

VENV      := .venv
BIN       := $(VENV)/bin
INSTALLED := $(VENV)/.installed

AGREEMENT := tests/tiles tests/agreement tests/examples tests/library tests/gpu

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-gpu rehearse-gpu bench-gpu carry check format docs torch clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  settings: PYTHON=python3.12  TORCH=auto|1|0  JOBS=2  BUDGET=500  CARRY=build/carried"

demo: torch  ## compile and run the tour in examples/demo.py
	@$(BIN)/python examples/demo.py

test: torch  ## run the tests, the slow ones left out
	@$(BIN)/python -m pytest -n $(JOBS)

test-all: torch  ## run every test, and look for counterexamples longer
	@TILEVM_TEST_ALL=1 $(BIN)/python -m pytest -n $(JOBS)

test-gpu:  ## run the tests of agreement and of the CUDA runtime on a GPU, by PYTHON as it is: torch and the rest are installed there
	@PYTHONPATH=. PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(PYTHON) -m pytest -p xdist.plugin -n $(JOBS) -m gpu $(AGREEMENT)

rehearse-gpu: torch  ## run the same without a GPU: a driver stands in for NVIDIA's, and the emulator is its card
	@$(BIN)/python -m tests.cuda.rehearse -n $(JOBS) $(AGREEMENT)

bench-gpu:  ## compare kernels with cuBLAS, torch and Triton on a GPU, by PYTHON as it is
	@mkdir -p build
	@PYTHONPATH=. $(PYTHON) -m tilevm bench gpu --budget $(BUDGET) --json build/gpu.json; \
		status=$$?; PYTHONPATH=. $(PYTHON) -m tilevm bench report build/gpu.json && exit $$status

carry: torch  ## prepare a folder for a machine with a GPU and without a network
	@$(BIN)/python -m tilevm bench carry -o $(CARRY)

check: $(INSTALLED)  ## lint, formatting, types and architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_architecture.py

format: $(INSTALLED)  ## sort imports, mend what lint can mend, and format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

docs: $(INSTALLED)  ## renew the parts of docs/ that follow from the code
	@$(BIN)/python -m tilevm.report.docs

torch: $(INSTALLED)
	@$(BIN)/python .ci/torch_if_small.py $(TORCH)

clean:  ## remove what was built here; .venv stays
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "tilevm needs Python 3.11 or newer, and $(PYTHON) is not that;" \
			"name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "making $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@
