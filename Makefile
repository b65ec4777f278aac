# Two commands do everything: `make demo` and `make test`. Both build their own virtual environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The CPU build where the index has one: `torch` alone would pull gigabytes of CUDA packages on Linux.
TORCH ?= torch==2.13.0

DATA ?=
SFT ?=
RFT ?=
EVAL ?=
QUERY ?= query
RESPONSE ?= response
DEMO_FLAGS := $(if $(DATA),--data "$(DATA)") $(if $(SFT),--sft "$(SFT)") $(if $(RFT),--rft "$(RFT)") \
	$(if $(EVAL),--eval "$(EVAL)") --query "$(QUERY)" --response "$(RESPONSE)" \
	$(if $(filter 1 yes true,$(YES)),--yes) $(if $(filter 1 yes true,$(SMALL)),--small)

.PHONY: demo test lint fix docs inspect bench clean

demo: $(VENV)/.sandbox
	$(BIN)/novaforge-mcp demo $(DEMO_FLAGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev
	$(BIN)/python tests/repository/readme_tables.py --write

inspect: $(VENV)/.dev
	benchmarks/inspector.sh $(BIN)/python

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/cold_start.py
	$(BIN)/python benchmarks/data_path.py

clean:
	rm -rf $(VENV) build *.egg-info .demo demo-report

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip "setuptools>=80" wheel

$(VENV)/.sandbox: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet -e ".[sandbox]"
	touch $@

$(VENV)/.dev: $(VENV)/.sandbox
	$(BIN)/python -m pip install --quiet -e ".[sandbox,postgres,dev]"
	touch $@

# The parity tests against AWS's own SDK run when this extra is there; they skip and say so otherwise.
$(VENV)/.sagemaker: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet -e ".[sandbox,postgres,dev,sagemaker]"
	touch $@
