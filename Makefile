# `make demo`, `make test` and `make docs` need Python 3.11 or newer and nothing else: each sets up what it uses.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test docs benchmarks clean

demo: $(VENV)/demo.done
	$(BIN)/python examples/spikes.py --out demo

test: $(VENV)/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto

# Every page afresh, its code executed: a page that was right yesterday is not taken over.
docs: $(VENV)/docs.done
	rm -rf docs/gallery
	$(BIN)/sphinx-build -W --keep-going -q -E -j auto -b html docs docs/_build/html

benchmarks: $(VENV)/test.done
	$(BIN)/python -m tests.benchmarks

# torch comes first and pinned: left to itself, a resolver takes gigabytes of CUDA builds that nothing here needs.
$(VENV)/base.done: constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "probcost needs Python 3.11 or newer; run make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt torch
	touch $@

$(VENV)/demo.done: $(VENV)/base.done pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[plots]'
	touch $@

$(VENV)/test.done: $(VENV)/base.done pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[plots,test]'
	touch $@

$(VENV)/docs.done: $(VENV)/base.done pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) demo docs/_build docs/gallery
