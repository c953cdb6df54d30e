# One environment for all targets, created from the lock in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# One thread for each process: spinning threads slow each other down on shared cores.
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: run demo test lint test-fast test-slow docs bench bench-train soak lock clean

run: $(READY)
	$(BIN)/python main.py

demo: $(READY)
	$(BIN)/crypto-bot demo

# Each worker begins with its part of the tests in their order, so that a module's fixtures are made
# once, and takes from another when it is done. One worker more than cores, for slow tests wait.
PYTEST = $(BIN)/pytest --dist worksteal --numprocesses

test: lint
	$(PYTEST) 3

test-fast: $(READY)
	$(PYTEST) 2 -m "not slow"

# Trained models, killed processes, whole daemons and a browser.
test-slow: $(READY)
	$(PYTEST) 3 -m slow

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

# The locks have hashes. torch is not in them: which build is right, and what it needs, depends on the machine.
$(READY): requirements.lock requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock --requirement requirements-dev.lock
	$(BIN)/pip install --quiet --editable .
	touch $(READY)

# After a change of the dependencies; versions that still fit are kept.
COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --no-annotate --no-header --python-version 3.11
lock: $(READY)
	$(BIN)/pip install --quiet uv
	mkdir -p $(VENV)/lock && sed '/"torch==/d' pyproject.toml > $(VENV)/lock/pyproject.toml
	$(COMPILE) $(VENV)/lock/pyproject.toml --output-file requirements.lock
	$(COMPILE) $(VENV)/lock/pyproject.toml --all-extras --group $(VENV)/lock/pyproject.toml:dev \
		--constraint requirements.lock $$(sed -n 's/==.*//p' requirements.lock | sed 's/^/--no-emit-package /') \
		--output-file requirements-dev.lock

clean:
	rm -rf $(VENV)
