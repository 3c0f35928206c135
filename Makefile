# `make report` and `make test` each work alone on a machine with python3, make and the package registry.
# Torch comes first, pinned to a build for CPU machines; elsewhere say e.g. `make test TORCH='torch>=2.11'`.
PYTHON ?= python3
TORCH ?= torch==2.13.0
WORKERS ?= 2
OUT ?= report
BIN := .venv/bin
READY := .venv/.ready

.PHONY: report test check rocq venv clean
report: $(READY)
	$(BIN)/signescape report --out $(OUT) --workers $(WORKERS)

test: $(READY)
	$(BIN)/python -m pytest -n $(WORKERS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The kernel-checked part of the proof, and what it assumes. Rocq is installed where that is allowed, else the recipe says how.
ROCQ_PACKAGES := coq libcoq-coquelicot
ROCQ_READY = command -v coqc > /dev/null && test -f "$$(coqc -where)/user-contrib/Coquelicot/Coquelicot.vo"
rocq:
	@$(ROCQ_READY) || { [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && apt-get update -q > /dev/null && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(ROCQ_PACKAGES) > /dev/null; } || true
	@$(ROCQ_READY) || { echo "make rocq needs Coq (8.16 or later) and Coquelicot (3.x): apt-get install $(ROCQ_PACKAGES)," \
	  "or opam install coq coq-coquelicot" >&2; exit 1; }
	@$(MAKE) --no-print-directory -C theory/rocq PYTHON=$(PYTHON)

venv: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt '$(TORCH)'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)

clean:
	rm -rf .venv build *.egg-info report
