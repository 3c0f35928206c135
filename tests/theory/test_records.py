"""Stored settings: plain JSON, stable names, files whole or not at all."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory import LRR, initialisation
from theory.criteria import large_init_large_final
from theory.records import plain, provenance, settings_hash, to_json, write


@dataclass(frozen=True)
class Settings:
    n: int = 3
    t: float = float("inf")
    init: object = field(default_factory=lambda: initialisation("gaussian(sigma_a=0.5)"))
    path: Path = Path("a/b")


def test_dataclasses_arrays_and_odd_numbers_become_plain():
    assert plain(Settings()) == {"n": 3, "t": "inf", "init": "gaussian(sigma_a=0.5)", "path": "a/b"}
    odd = np.array([np.nan, np.inf, -np.inf, 1.5])
    assert plain({"x": odd, 2: (np.bool_(True), np.float32(0.5), None)}) == {
        "x": ["nan", "inf", "-inf", 1.5],
        "2": [True, 0.5, None],
    }
    assert plain({3, 1, 2}) == [1, 2, 3]
    assert plain(large_init_large_final(0.5)) == "large_init_large_final(0.5)"
    assert plain(LRR)["rewind"]["sign"] == "final"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=3), x, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_what_is_plain_is_json_and_stays_as_it_is(value):
    once = plain(value)
    assert json.loads(to_json(value)) == once
    assert plain(once) == once


def test_the_hash_does_not_depend_on_order_or_process():
    settings = {"b": {"x", "y", "z"}, "a": 1}
    assert settings_hash(settings) == settings_hash(dict(reversed(settings.items()))) != settings_hash({"a": 1})
    code = "from theory.records import settings_hash; print(settings_hash({'a': 1, 'b': {'x', 'y', 'z'}}))"
    for seed in ("1", "2"):
        words = [sys.executable, "-c", code]
        other = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        assert other.stdout.strip() == settings_hash(settings)
    assert len(settings_hash({})) == 12


def test_provenance_says_where_a_number_comes_from():
    found = provenance("test/1", {"seed": 3}, n=np.int64(7))
    assert found["schema"] == "test/1"
    assert found["settings"] == {"seed": 3}
    assert found["settings_hash"] == settings_hash({"seed": 3})
    assert found["n"] == 7
    assert found["versions"]["numpy"] == np.__version__
    assert found["threads"] >= 1
    assert found["commit"] is None or len(found["commit"]) == 12


def test_a_file_is_written_whole_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "deep" / "x.json"
    write(path, "old ½")
    write(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["x.json"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path, monkeypatch, step):
    def full(*_):
        raise OSError("No space left on device")

    path = tmp_path / "x.json"
    write(path, "old")
    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space"):
        write(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.json"]
