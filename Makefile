# One command for each: demo, test, lab, format. All paths are relative, so that a folder name may hold spaces.
PYTHON ?= python3
BUDGET ?= demo
# On Linux without a GPU: make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

PY := .venv/bin/python
STAMP := .venv/.installed

.PHONY: help install demo test lint reliability bench lab format clean
help:
	@echo "make demo [BUDGET=smoke]   install, run the notebooks, write runs/demo/\$$BUDGET/index.html"
	@echo "make test                  install, lint, types, tests, every notebook once"
	@echo "make reliability           check every promise of the README, 25 minutes at most"
	@echo "make bench [QUICK=1]       speed and memory against the naive way, runs/bench.json"
	@echo "make lab                   open notebook 00 in JupyterLab, the repository beside it"
	@echo "make format                format and fix what can be fixed"
	@echo "make clean                 remove .venv and caches (runs/ stays)"

install: $(STAMP)

# The stamp makes the second run quick and independent of the network.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed, this is ' + sys.version.split()[0] + ': make PYTHON=python3.11 ...' if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv .venv
	$(PY) -m pip install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -c constraints.txt torch
	$(PY) -m pip install -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)
	$(PY) -m unibert_lib.demo --budget $(BUDGET)

lint: $(STAMP)
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m nbstripout --verify --keep-id notebooks/*.ipynb notebooks/solutions/*.ipynb

test: lint
	$(PY) -m pytest -n 2 --dist loadgroup

reliability: $(STAMP)
	$(PY) -m tests.reliability

# An hour or two on two quiet cores; with QUICK=1 some minutes. Other sizes or parts: see --help.
bench: $(STAMP)
	$(PY) -m benchmarks $(if $(QUICK),--quick)

# The whole repository is in view, since the notebooks name its files. Announcements would ask the network, and the
# reader, before anything else; they are switched off in .venv alone.
lab: $(STAMP)
	$(PY) -m jupyterlab.labextensions disable @jupyterlab/apputils-extension:announcements
	$(PY) -m jupyterlab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=. \
		--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

format: $(STAMP)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	$(PY) -m nbstripout --keep-id notebooks/*.ipynb notebooks/solutions/*.ipynb

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache build dist *.egg-info
