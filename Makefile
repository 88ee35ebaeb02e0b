# make help lists what there is. Everything runs in .venv, made from the lock on first use.
PYTHON ?= python3
PROFILE ?= demo
BIN := .venv/bin
UV := uv==0.13.9
export PYTHONNOUSERSITE = 1
export TF_CPP_MIN_LOG_LEVEL ?= 3
# glibc hands freed memory back to the kernel after every batch and faults it in again; on two cores
# that was measured to double the time of an epoch.
export MALLOC_MMAP_THRESHOLD_ ?= 4294967296
export MALLOC_TRIM_THRESHOLD_ ?= 17179869184
export MALLOC_TOP_PAD_ ?= 67108864

.PHONY: help book test render gpu lock address format clean
.DEFAULT_GOAL := help

help:
	@echo 'make book       execute the chapters and render the site (PROFILE=demo)'
	@echo '                PROFILE=local DATA=file.npz [WEIGHTS=file.h5]   your own MedMNIST-format file'
	@echo '                PROFILE=paper                                   OCTMNIST itself (wants a GPU)'
	@echo '                SEEDS=0,1,2  SET="epochs=3 batch_size=64"  RUN=name (folder under runs/)'
	@echo 'make test       unit tests, every chapter under nbval, the book with warnings as errors'
	@echo 'make render     render runs/RUN anew, executing nothing'
	@echo 'make gpu        add CUDA to .venv; fails unless a GPU is seen'
	@echo 'make lock       refresh requirements.txt and its companions from pyproject.toml'
	@echo 'make address URL=https://github.com/you/your-fork     point every link at a fork'
	@echo 'make format     format, lint and strip the notebooks of outputs'
	@echo 'make clean      remove runs/ and .venv'

book: .venv/installed
	@$(BIN)/python -m helpers.pipeline.book --profile '$(PROFILE)' --data-path '$(DATA)' \
		--weights '$(WEIGHTS)' --seeds '$(SEEDS)' --overrides '$(SET)' --run '$(RUN)'

test: .venv/installed
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/python -m pytest -q

# Renders what is in runs/$(RUN) anew, without executing anything.
render: .venv/installed
	@$(BIN)/python -m helpers.pipeline.jobs render --folder 'runs/$(or $(RUN),$(PROFILE))'

# Adds CUDA to the environment and fails unless TensorFlow sees a GPU.
gpu: .venv/installed
	@$(BIN)/uv pip install --quiet -r requirements-gpu.txt
	@$(BIN)/python -c 'import tensorflow as tf, sys; \
		sys.exit(not tf.config.list_physical_devices("GPU") and "octmnist: TensorFlow sees no GPU")'

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo 'octmnist: $(PYTHON) is not Python 3.11 to 3.13; name one with PYTHON=python3.12' >&2; exit 2; }
	@echo 'installing the locked packages into .venv' >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV)
	@$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode requirements.txt
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

lock: .venv/installed
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--all-extras --no-emit-index-url pyproject.toml --output-file requirements.txt
	@touch pyproject.toml

address:
	@$(PYTHON) -m helpers.pipeline.address '$(URL)'

format: .venv/installed
	@$(BIN)/nbstripout --keep-count --drop-empty-cells book/*.ipynb
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

clean:
	rm -rf runs .venv
