# make app   sets up everything and opens the app
# make test  sets up everything and runs all checks, a real browser included
# make quick sets up everything and runs the tests that take two minutes
# make bench measures speed and memory against plain peers and prints one table

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A test file a process; each process works on one core, and takes the browser's files last.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: app test quick lint browser bench clean

app: $(VENV)/app.done
	$(BIN)/python -m streamlit run streamlit_app.py

test: lint browser
	$(PYTEST) --junit-xml=$(VENV)/tests.xml

quick: $(VENV)/test.done
	$(PYTEST) -m "not slow and not browser"

lint: $(VENV)/test.done
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

browser: $(VENV)/test.done
	$(BIN)/python tests/e2e/browser.py

bench: browser
	$(BIN)/python benchmarks/table.py --write docs/benchmarks.md

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Carmask needs Python 3.11 or newer; this is " + sys.version + ". Try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/app.done: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	touch $@

$(VENV)/test.done: requirements.txt requirements-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV)
