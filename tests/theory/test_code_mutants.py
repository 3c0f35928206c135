"""The mutants of the code of the limit maps: some are put to the tests here, all of them by ``python -m tests.mutation``."""

import doctest
import importlib.util
import json
import marshal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AGAIN = "run `python -m tests.mutation` (about a second a mutant) and store theory/results/code-mutants.json with the change"


@pytest.fixture(scope="module")
def generator():
    """tests/mutation/mutants.py."""
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "tests/mutation/mutants.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


CODE = '''
def f(x: int = 3, *, also=True):
    """2 < 3"""
    if not x or also:
        raise ValueError(f"{x + 1}", 5 < 6)
    y = np.where(x >= 1, np.sin(x) / 2, -x) if x != 0 else x.min()
    return a * b * y**2 + np.pi & ~x
'''
WHERE = "np.where(x >= 1, np.sin(x) / 2, -x)"
KINDS = [
    "3 → 4", "3 → 2", "True → False", "not x or also → not x and also", "not x → x",
    "if not x or also: → if not (not x or also):", "x >= 1 → x > 1", "x >= 1 → x <= 1", "1 → 2", "1 → 0", "-x → x",
    "np.sin(x) / 2 → np.sin(x) * 2", "np.sin(x) → np.cos(x)", "2 → 3", "2 → 1",
    f"{WHERE} → np.where(x >= 1, -x, np.sin(x) / 2)", "x != 0 → x == 0", "0 → 1", "0 → -1", "x.min() → x.max()",
    f"{WHERE} if x != 0 else x.min() → x.min() if x != 0 else {WHERE}",
    "a * b * y ** 2 + np.pi & ~x → a * b * y ** 2 + np.pi | ~x", "a * b * y ** 2 + np.pi → a * b * y ** 2 - np.pi",
    "np.pi → 3", "~x → x", "a * b * y ** 2 → a * b / y ** 2", "a * b → a / b", "a * b → a * a * b", "y ** 2 → y * 2",
    "2 → 3", "2 → 1",
]  # fmt: skip


def test_the_kinds_of_mutants(generator):
    """Every kind, and none in messages, annotations or docstrings; no two give the same code."""
    assert doctest.testmod(generator).failed == 0
    functions = frozenset({"f"})
    found = generator.mutants(CODE, functions)
    changes = [m.name.removeprefix(f"f: {CODE.splitlines()[m.line - 1].strip()}: ") for m in found]
    assert sorted(changes) == sorted(KINDS)
    codes = {marshal.dumps(generator.compiled(CODE, functions, m.index, ROOT / "x.py")) for m in found}
    assert len(codes | {marshal.dumps(compile(CODE, ROOT / "x.py", "exec"))}) == len(KINDS) + 1


def test_the_digest_is_that_of_the_code(generator):
    functions = frozenset({"f"})
    digests = [
        generator.digest(text, functions)
        for text in (CODE, CODE.replace("2 < 3", "words"), f"{CODE}# more\nz = 1\n", CODE.replace("x >= 1", "x > 1"))
    ]
    assert digests[0] == digests[1] == digests[2] != digests[3]
    with pytest.raises(ValueError, match="Not found in the module: g"):
        generator.digest(CODE, frozenset({"f", "g"}))


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


def test_what_changes_nothing_is_not_killed(found):
    """Negative control: the runner accuses neither the sources nor a mutant with the same results."""
    assert len(found["controls"]) == 2
    assert set(found["controls"].values()) == {None}


def test_no_mutant_survived(modules):
    for name, module in modules.items():
        assert module["survived"] == [], name
        assert module["killed"] == sum(module["killers"].values()) == module["mutants"] - len(module["equivalent"]), name
        assert all(reason.endswith(".") for reason in module["equivalent"].values()), name


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
