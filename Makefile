# make help lists what there is. Everything runs in .venv, made from the lock on first use.

# What a user may give, on the command line or exported. The values are data: make expands none of
# them (`value`), and a shell sees each as one word ("$$NAME").
VALUES := PROFILE DATA WEIGHTS SEEDS MODELS SIZES SET RUN FROM OUT SIZE DATA_SET URL
# An error line names those that were exported, for they may have been meant for something else.
OCTMNIST_EXPORTED := $(strip $(foreach name,$(VALUES),$(if \
	$(findstring environment,$(origin $(name))),$(if $(value $(name)),$(name)))))
$(foreach name,$(VALUES) PYTHON,$(if $(findstring command line,$(origin $(name))),$(if \
	$(value $(name)),,$(error octmnist: $(name) is empty; give it a value, or leave it out))))
$(foreach name,$(VALUES) PYTHON,$(eval override $(name) := $$(value $(name))))
export $(VALUES) PYTHON OCTMNIST_EXPORTED

# No setting of the user's own Python reaches .venv's.
unexport __PYVENV_LAUNCHER__ $(filter-out PYTHON,$(filter PYTHON%,$(.VARIABLES)))
export PYTHONNOUSERSITE = 1
export PYTHONUTF8 = 1
export TF_CPP_MIN_LOG_LEVEL ?= 3
# glibc hands freed memory back to the kernel after every batch and faults it in again, which took a
# twentieth of an epoch's time on one machine and half of it on another.
export MALLOC_MMAP_THRESHOLD_ ?= 4294967296
export MALLOC_TRIM_THRESHOLD_ ?= 17179869184
export MALLOC_TOP_PAD_ ?= 67108864

# Sets $$python: what PYTHON names, else that of .venv, else the first on the path that will do.
define find_python
set -- "$$PYTHON"; \
test -n "$$PYTHON" || set -- .venv/bin/python python3 python3.13 python3.12 python3.11; \
for python do \
	works=$$("$$python" -E -s -S -c \
		'import sys; print((3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null </dev/null); \
	test "$$works" = True && break; \
done; \
test "$$works" = True || { printf 'octmnist: %s is not Python 3.11 to 3.13; %s\n' \
	"$${PYTHON:-python3}" 'name one with PYTHON=/path/to/python3.12' >&2; exit 2; }
endef

.PHONY: help environment book sweep render npz verify record pack test torture bench audit gpu lock address format clean
.DEFAULT_GOAL := help

help:
	@echo 'make book       execute the chapters and render the site (PROFILE=demo)'
	@echo '                PROFILE=local DATA=file.npz [WEIGHTS=file.h5]   your own MedMNIST-format file'
	@echo '                PROFILE=octmnist                                OCTMNIST itself'
	@echo '                PROFILE=paper                                   the same through ResNet50, on a GPU'
	@echo '                SEEDS=0,1,2  SET="epochs=3 batch_size=64"  RUN=name (folder under runs/)'
	@echo '                FROM=crate (a packed run: renders it, trains nothing)'
	@echo 'make sweep      train and measure a grid, and tell the accuracies in one table'
	@echo '                SEEDS=0-9 MODELS=custom-cnn,resnet50 SIZES=28,64, the others as for make book'
	@echo 'make render     render runs/RUN anew, executing nothing'
	@echo 'make npz        write the images of class folders to a file (FROM=folder OUT=my.npz SIZE=28)'
	@echo '                DATA_SET=octmnist (whose classes the folders are named after)'
	@echo 'make verify     execute runs/RUN again, and say whether its results are the same'
	@echo 'make record     keep runs/RUN, on real images, in results/ for the pages to show'
	@echo 'make pack       pack runs/RUN for an archive (OUT=run.zip)'
	@echo 'make test       unit tests, every chapter under nbval, the book with warnings as errors'
	@echo 'make torture    the long tests: kills, bad input by the thousand, attacks'
	@echo 'make bench      our ways beside the plain ones, in turn, in a table (FULL=1: at OCTMNIST'"'"'s size)'
	@echo 'make audit      known vulnerabilities among the locked packages'
	@echo 'make gpu        add CUDA to .venv; fails unless a GPU is seen'
	@echo 'make lock       refresh requirements.txt from pyproject.toml'
	@echo 'make address    point every link at a fork (URL=https://github.com/you/your-fork)'
	@echo 'make format     format, lint and strip the notebooks of outputs'
	@echo 'make clean      remove runs/ and .venv'

# Cheap when all is well; another Python asked for by PYTHON makes .venv anew.
environment:
	@$(find_python); exec "$$python" -E -s -S -m helpers.pipeline.install

# Python takes the shell's place, so that make itself is the caller with which a run ends.
book: environment
	@exec .venv/bin/python -m helpers.pipeline.book --end-with-caller --profile="$$PROFILE" \
		--data-path="$$DATA" --weights="$$WEIGHTS" --seeds="$$SEEDS" --overrides="$$SET" \
		--run="$$RUN" --from-crate="$$FROM"

sweep: environment
	@exec .venv/bin/python -m helpers.pipeline.sweep --end-with-caller --profile="$$PROFILE" \
		--data-path="$$DATA" --weights="$$WEIGHTS" --seeds="$$SEEDS" --models="$$MODELS" \
		--sizes="$$SIZES" --overrides="$$SET" --run="$$RUN"

render: environment
	@exec .venv/bin/python -m helpers.pipeline.site --run="$${RUN:-$${PROFILE:-demo}}"

npz: environment
	@exec .venv/bin/python -m helpers.pipeline.npz --source="$$FROM" --out="$$OUT" \
		--size="$$SIZE" --data-set="$$DATA_SET"

verify: environment
	@exec .venv/bin/python -m helpers.pipeline.verify --run="$$RUN" \
		--data-path="$$DATA" --weights="$$WEIGHTS"

record: environment
	@exec .venv/bin/python -m helpers.pipeline.record --run="$$RUN"

pack: environment
	@exec .venv/bin/python -m helpers.pipeline.pack --run="$$RUN" --out="$$OUT"

test: environment
	@.venv/bin/ruff check --quiet . && .venv/bin/ruff format --check --quiet .
	@exec .venv/bin/python -m pytest -q -m 'not torture'

torture: environment
	@exec .venv/bin/python -m pytest -q -m torture tests

bench: environment
	@exec .venv/bin/python -m benchmarks

# SECURITY.md lists the findings that are known, with the reason why each is no danger here.
audit: environment
	@exec .venv/bin/python -m pip_audit --strict --disable-pip --require-hashes \
		--requirement requirements.txt $$(sed -nE \
		's/^\| ((GHSA|CVE|PYSEC)-[A-Za-z0-9-]+) \|.*/--ignore-vuln=\1/p' SECURITY.md)

gpu lock:
	@$(find_python); exec "$$python" -E -s -S -m helpers.pipeline.install $@

address:
	@$(find_python); exec "$$python" -E -s -S -m helpers.pipeline.address "$$URL"

format: environment
	@.venv/bin/python -m nbstripout --keep-count --drop-empty-cells book/*.ipynb
	@.venv/bin/ruff check --quiet --fix . ; .venv/bin/ruff format --quiet .

clean:
	rm -rf runs .venv .venv.removed .venv.lock
