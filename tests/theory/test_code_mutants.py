"""The mutants of the code of the limit maps: some are put to the tests here, all of them by ``python -m tests.mutation``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AGAIN = "run `python -m tests.mutation` (about a second a mutant) and store theory/results/code-mutants.json with the change"


@pytest.fixture(scope="module")
def found():
    """Eight mutants, spread over the modules, put to the tests now; and the modules as they stand."""
    words = [sys.executable, "-m", "tests.mutation", "--sample", "8"]
    return json.loads(subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


@pytest.fixture(scope="module")
def modules():
    """The stored result."""
    return json.loads((ROOT / "theory/results/code-mutants.json").read_text(encoding="utf-8"))["data"]["modules"]


def test_a_sample_is_killed(found):
    assert len(found["verdicts"]) == 8
    assert len({name.partition(":")[0] for name in found["verdicts"]}) > 4
    for name, by in found["verdicts"].items():
        assert by is not None, f"survived: {name}"
        assert by.startswith("tests/theory/test_"), (name, by)


def test_no_mutant_survived(modules):
    for name, module in modules.items():
        assert module["survived"] == [], name
        assert module["killed"] == sum(module["killers"].values()) == module["mutants"] - len(module["equivalent"]), name
        assert all(len(reason) > 20 for reason in module["equivalent"].values()), name


def test_the_stored_result_is_that_of_these_sources(found, modules):
    """By a digest of the mutated functions, which comments, docstrings and the rest of the module do not change."""
    assert set(modules) == set(found["present"])
    for name, present in found["present"].items():
        assert {k: modules[name][k] for k in present} == present, f"the limit maps of {name} have changed: {AGAIN}"


def test_equivalent_mutants_are_those_listed(modules):
    groups = json.loads((ROOT / "tests/mutation/equivalent.json").read_text(encoding="utf-8"))
    listed = {(g["module"], name): g["reason"] for g in groups for name in g["mutants"]}
    kept = {(module, name): reason for module, m in modules.items() for name, reason in m["equivalent"].items()}
    assert kept == listed
