# demo   install if needed, train the sentiment recipe on the sample, label two sentences with it
# test   the tests, slow ones left out        torture  the slow ones
# check  style and types                      bench    the speed comparisons, one JSON line each
# clean  remove what the others left behind, but for the virtual environment and your own runs
#
# `make PYTHON=python3.12 …` picks the interpreter, `make VENV=folder …` the virtual environment.
.POSIX:

PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
INSTALL = $(BIN)/python -m pip install -c constraints.txt

.PHONY: all demo test check bench torture clean

all: demo

demo: $(VENV)/installed
	$(BIN)/nlp-lstm train sentiment --out runs/demo
	$(BIN)/nlp-lstm predict runs/demo --format tsv \
	  --text "A warm, funny film with a wonderful cast." \
	  --text "The soup was cold, the waiter rude."

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2

torture: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2 -m slow

check: $(VENV)/installed-dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

bench: $(VENV)/installed-dev
	@for script in tests/benchmarks/bench_*.py; do \
	  test -f "$$script" || continue; \
	  $(BIN)/python "$$script" || exit 1; \
	done

clean:
	rm -rf build dist runs/demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find nlp_lstm tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Empty stamp files: an install happens once, and again when what it installs has changed.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e .
	touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e ".[dev]"
	touch $(VENV)/installed $@
