"""The table of T8 and T9, confirmed by the loop over the exact maps."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

import theory
from theory.algorithms import Rewind
from theory.conditions import CONDITIONS
from theory.tables import INITS, RESTARTS, confirm, markdown, store, success_table

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
TRIALS = 300_000 if THOROUGH else 6_000
KEY = ("criterion", "initialisation", "magnitude", "sign", "a", "d")
COLUMNS = ("criterion", "initialisation", "magnitude", "sign", "a", "probability")


@pytest.mark.parametrize("d", [2, 10, 100] if THOROUGH else [2, 10])
def test_every_cell_is_confirmed(d):
    """No start against the conditions; with 99.9 % in all (Bonferroni) every interval covers its probability."""
    rows = success_table(d) if d == 2 or THOROUGH else success_table(d, INITS[:2], restarts=RESTARTS[3:9])
    found = confirm(rows, TRIALS, level=1 - 1e-3 / len(rows))
    assert len(found) == len(rows) > 100
    assert sum(row["mismatches"] for row in found) == 0
    assert [row for row in found if row["holds"] is False] == []
    assert all(row["error"] < 1e-6 for row in found if row["error"])


def test_the_stored_table():
    """That of ``python -m theory.tables``: the values of this code, the intervals of these counts."""
    document = json.loads((Path(theory.__file__).parent / "results" / "success-table.json").read_text())
    rows = document["rows"]
    stored = {tuple(row[c] for c in KEY): row for row in rows}
    for row in success_table(2) + success_table(10, ["balanced"]) + success_table(100, ["balanced"]):
        old = stored[tuple(row[c] for c in KEY)]
        assert {c: old[c] for c in row if c not in ("probability", "error")} == {
            c: row[c] for c in row if c not in ("probability", "error")
        }
        assert old["probability"] == (row["probability"] and pytest.approx(row["probability"], abs=1e-7))
    decided = [row for row in rows if row["probability"] is not None]
    hits, n, p = (np.array([row[c] for row in decided]) for c in ("hits", "n", "probability"))
    tail = 5e-4 / len(decided)
    assert (binom.cdf(hits, n, p) >= tail).all()
    assert (binom.sf(hits - 1, n, p) >= tail).all()
    assert sum(row["mismatches"] for row in rows) == document["summary"]["starts against the conditions"] == 0
    assert [row["holds"] for row in decided].count(False) == document["summary"]["outside the 99.9 % interval"]


def test_a_false_cell_would_be_noticed():
    """Negative controls: a probability that is off by a twentieth, and proofs.md's 0 for IMP with large_final_diff_sign."""
    rows = success_table(10, ["balanced"], ["movement", "large_final_diff_sign"], [Rewind()])
    for row, false in zip(rows, (rows[0]["probability"] + 0.05, 0.0), strict=True):
        row["probability"] = false
    assert [row["holds"] for row in confirm(rows, 4000)] == [False, False]


def test_every_cell_has_its_place():
    rows = success_table(3, criteria=["large_final", "movement"])
    assert len(rows) == len(INITS) * 2 * len(RESTARTS)
    assert len({tuple(row[c] for c in COLUMNS[:5]) for row in rows}) == len(rows)
    assert {row["name"] for row in rows} == {"", "IMP", "LRR", "learned-signs", "initial-signs"}
    for row in rows:
        assert (row["probability"] is None) == (row["kind"] == "simulation only")
        assert row["mask in D"] == CONDITIONS[row["criterion"]].inside
    assert json.loads(json.dumps(rows)) == rows
    with pytest.raises(ValueError, match="'largest'"):
        success_table(3, criteria=["largest"])


def test_counts_depend_on_the_seed_alone():
    rows = success_table(3, ["balanced", "bounded"], ["large_final_diff_sign"], [Rewind(sign="random")])
    first = confirm(rows, 500, seed=3)
    assert first == confirm(rows, 500, seed=3)
    assert first[1:] == confirm(rows[1:], 500, seed=3)
    assert [row["hits"] for row in first] != [row["hits"] for row in confirm(rows, 500, seed=4)]
    assert "hits" not in rows[0]


def test_markdown():
    text = markdown(
        success_table(10, ["balanced"], ["movement"], [Rewind()]), ("criterion", "mask in D", "probability", "name")
    )
    assert text.splitlines()[0] == "| criterion | mask in D | probability | name |"
    assert text.splitlines()[2] == "| movement | \\|m − w_01\\| > M | 0.190845 | IMP |"


def test_what_is_stored(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("theory.tables.success_table", lambda d: success_table(d, ["balanced"], ["movement"], [Rewind()]))
    store(tmp_path / "table.json", (2, 3), 200, 1)
    document = json.loads((tmp_path / "table.json").read_text())
    assert document["settings"] == {"d": [2, 3], "n": 200, "seed": 1, "level": 0.999}
    assert document["command"] == "python -m theory.tables --d 2 3 --n 200 --seed 1"
    assert [row["d"] for row in document["rows"]] == [2, 3]
    assert {"commit", "versions", "summary"} <= set(document)
    assert json.loads(capsys.readouterr().out) == document["summary"]
