# One environment for all targets, created from the lock in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# One thread for each process: spinning threads slow each other down on shared cores.
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: run demo test lint test-fast test-slow docs bench bench-train soak clean

run: $(READY)
	$(BIN)/python main.py

demo: $(READY)
	$(BIN)/crypto-bot demo

test: lint test-fast test-slow

# Each worker begins with half of the tests in their order, so that a module's fixtures are made
# once, and takes from the other when it is done.
test-fast: $(READY)
	$(BIN)/pytest --numprocesses 2 --dist worksteal -m "not slow"

# Trained models, killed processes, whole daemons and a browser.
test-slow: $(READY)
	$(BIN)/pytest --numprocesses 2 --dist worksteal -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The guide as a site in build/site; a page that is missing, or a link to none, is an error.
docs: $(READY)
	$(BIN)/python docs/generate.py
	$(BIN)/zensical build --strict

bench: $(READY)
	$(BIN)/python -m benchmarks

bench-train: $(READY)
	$(BIN)/python -m benchmarks.training

# Days of every fault, fifteen minutes for seven of them; DAYS=60 takes two and a half hours.
soak: DAYS ?= 7
soak: $(READY)
	$(BIN)/python -m benchmarks.soak --days $(DAYS)

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $(READY)

clean:
	rm -rf $(VENV)
