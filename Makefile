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

# The kernel-checked part of the proof, and what it assumes. Rocq (Debian: coq) is installed where that is allowed.
rocq:
	@command -v coqc > /dev/null && test -d "$$(coqc -where)/user-contrib/Coquelicot" || \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    apt-get update -q > /dev/null; apt-get install -y -q coq libcoq-coquelicot > /dev/null; \
	  else \
	    echo "make rocq needs Rocq (Coq 8.16 or later) with Coquelicot: apt-get install coq libcoq-coquelicot" >&2; exit 1; \
	  fi
	$(MAKE) --no-print-directory -C theory/rocq PYTHON=$(PYTHON)

venv: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt '$(TORCH)'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(READY)

clean:
	rm -rf .venv build *.egg-info report
