# Two commands matter: `make demo` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
READY := .venv/.ready
export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true
export OMP_WAIT_POLICY := PASSIVE

help: ## List what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 16

$(READY): requirements.lock pyproject.toml setup.sh
	@./setup.sh .venv
	@touch $@

demo: $(READY) ## Set up, judge a model of census data, compare the next year, print the page of both
	@$(BIN)/toolkit demo

test: export OMP_NUM_THREADS := 1# the tests themselves run side by side
test: $(READY) ## Run everything: ruff, mypy, tests, doctests, notebooks, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist loadfile
	TOOLKIT_OUT=$$(mktemp -d)/reports $(BIN)/python -m pytest -n logical --maxprocesses 8 --dist loadfile --nbval-lax notebooks -p no:cacheprovider -o testpaths= -o addopts=

slow: $(READY) ## Run the long simulations that `make test` leaves out
	$(BIN)/python -m pytest -m slow

lint: $(READY) ## Format and lint the code, check its types
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy

lab: $(READY) ## Open JupyterLab in the project with the right kernel
	$(BIN)/python -m ipykernel install --sys-prefix --name python3 --display-name "toolkit (.venv)" >/dev/null
	TOOLKIT_OUT=$(CURDIR)/reports $(BIN)/jupyter lab notebooks

bench: $(READY) ## Print what things cost here
	$(BIN)/python -m benchmarks

gallery: $(READY) ## Run every template and take the pictures of its report into docs/gallery (needs Chromium)
	@$(BIN)/python -m tests.screenshots

lock: ## Pin every dependency with its hashes, without an index address (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --upgrade --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --extra dev pyproject.toml -o requirements.lock

clean: ## Remove the environment, caches and everything that runs wrote
	rm -rf .venv build dist mlflow.db mlruns .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find reports -mindepth 1 ! -name README.md -exec rm -rf {} +
	find toolkit tests benchmarks -name __pycache__ -exec rm -rf {} +

.PHONY: help demo test slow lint lab bench gallery lock clean
