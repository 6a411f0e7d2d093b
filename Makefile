# make demo       set up everything, then the main job on real data
# make test       set up everything, then every test
# make test-r     the tests of the bridge to R and of the R package alone
# make lint       ruff and mypy
# make bench      compare with other libraries, in an environment of its own
# make nightly    every test with more cases, on other backends, with the oldest releases, and long
# make messages   print every error and warning of the package
# make clean      remove environments, caches and what was written
#
# Set-up is done by .ci/setup into .venv, once, and again when pyproject.toml changes or R has come.
# PYTHON=python3.12 chooses a Python; PYTEST_FLAGS="-k name" goes to pytest.

PYTHON ?= python3
PYTEST_FLAGS ?=
export PYTHON

READY := .venv/.ready$(if $(shell command -v R || true),-with-r)
RUN := .venv/bin/python
RUFF := .venv/bin/ruff

# The R package is installed beside the environment, not into the user's library.
R_LIBRARY := $(CURDIR)/.venv/r-library
export R_LIBS := $(R_LIBRARY):$(R_LIBS)

# The questions that take minutes; others are asked by name, BENCHMARKS=benchmarks/quality.py.
BENCHMARKS ?= $(filter-out %/quality.py %/soak.py %/default_rate.py %_commands.py %_gpu.py,$(wildcard benchmarks/[a-z]*.py))

NIGHTLY := newest jax torch oldest soak

.PHONY: help demo test pytest test-r vignettes r-package lint bench nightly messages clean \
    $(NIGHTLY:%=nightly-%)

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

$(READY): pyproject.toml .ci/setup .ci/debian-r
	@.ci/setup
	@touch $@

demo: $(READY) r-package
	$(RUN) vignettes/demo.py
	@if ! command -v Rscript >/dev/null; then \
	    echo "R is missing: the R half of the demonstration is left out."; \
	elif [ -e vignettes/demo.R ]; then Rscript vignettes/demo.R; fi

test: lint pytest vignettes

# A module's tests stay in one process: they share the programs that are compiled for them. Modules
# come in the order of tests/conftest.py.
TWO_PROCESSES := --numprocesses 2 --dist loadfile --no-loadscope-reorder
pytest: $(READY)
	$(RUN) -m pytest $(TWO_PROCESSES) $(PYTEST_FLAGS)

test-r: $(READY)
	$(RUN) -m pytest tests/r_bridge $(PYTEST_FLAGS)

# Those in Python run with the tests.
RENDER = rmarkdown::render(commandArgs(TRUE), output_dir = "output", quiet = TRUE)
vignettes: $(READY) r-package
	@set -e; ! command -v Rscript >/dev/null || for file in $(wildcard vignettes/*.R); do \
	    echo "$$file"; Rscript "$$file"; \
	done
	@set -e; ! command -v Rscript >/dev/null || for file in $(wildcard vignettes/*.Rmd); do \
	    echo "$$file"; Rscript -e '$(RENDER)' "$$file"; \
	done

r-package: $(READY)
	@if command -v Rscript >/dev/null; then \
	    mkdir -p $(R_LIBRARY) && $(RUN) -m r_bridge install --library $(R_LIBRARY); fi

lint: $(READY)
	$(RUFF) check .
	$(RUFF) format --check .
	.venv/bin/mypy

bench: .venv-bench/.ready
	@set -e; for script in $(BENCHMARKS); do echo "$$script"; .venv-bench/bin/python $$script; done

.venv-bench/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --editable ".[bench,jax,plots,test]"
	@touch $@

# The oldest release of everything that pyproject.toml names, but for rpy2: few of them will do.
comma := ,
.venv-oldest/.ready: pyproject.toml
	$(PYTHON) -m venv --clear .venv-oldest
	sed -n '/^dependencies/,/^plots/ s/.*"\([a-z-]*\)>=\([0-9.]*\)".*/\1==\2/p' pyproject.toml \
	    > .venv-oldest/oldest.txt
	.venv-oldest/bin/python -m pip install --quiet --constraint .venv-oldest/oldest.txt \
	    --editable ".[jax,plots,test$(if $(shell command -v R || true),$(comma)r)]"
	@touch $@

# Legs of which each can be run alone; `make -k nightly` runs the others where one fails.
nightly: $(NIGHTLY:%=nightly-%)
# More examples once: the other legs ask whether the same holds elsewhere.
nightly-newest: export HYPOTHESIS_PROFILE = nightly
# R's tests make every known network, which takes a minute.
$(NIGHTLY:%=nightly-%): export SKLEARNCNN_ALL_NETWORKS = 1

nightly-newest: $(READY)
	$(RUN) -m pip install --quiet --upgrade scikit-learn
	$(RUN) -m pytest -m "" $(TWO_PROCESSES) $(PYTEST_FLAGS)

nightly-jax: $(READY)
	KERAS_BACKEND=jax $(RUN) -m pytest $(TWO_PROCESSES) $(PYTEST_FLAGS)

# One thread each: on busy cores two wait for one another at every small operation, and a fit by
# L-BFGS takes 22 s instead of 0.4.
nightly-torch: .venv-bench/.ready
	KERAS_BACKEND=torch OMP_NUM_THREADS=1 .venv-bench/bin/python -m pytest \
	    tests/estimators tests/backends/test_gradients.py tests/backends/test_torch.py \
	    $(TWO_PROCESSES) $(PYTEST_FLAGS)

nightly-oldest: .venv-oldest/.ready
	.venv-oldest/bin/python -m pytest $(TWO_PROCESSES) $(PYTEST_FLAGS)

nightly-soak: $(READY)
	$(RUN) benchmarks/soak.py

messages: $(READY)
	$(RUN) -m tests.messages

clean:
	rm -rf .venv .venv-bench .venv-oldest build dist output
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
