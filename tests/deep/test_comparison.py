"""Folders compared: algorithms that share their settings, settings that share their algorithm, and what is refused."""

import json
import shutil

import numpy as np
import pytest
from scipy import stats

from deep import analyses, load_run, run
from deep.comparison import compare
from deep.power import pairs_needed
from deep.sweeps import sweep

ALGORITHMS = ("IMP", "LRR")


@pytest.fixture(scope="module")
def folders(tiny, serial, tmp_path_factory):
    """Two sweeps with other learning rates, and the parts of a third that equals the first."""
    home = tmp_path_factory.mktemp("compare")
    small = {"model": "lenet-300-100", "width": None, "levels": 2, "epochs": 1, "milestones": ()}
    for name, rate in (("fast", 0.1), ("slow", 0.05)):
        sweep(tiny(home / name, learning_rate=rate, **small), ALGORITHMS, seeds=3, executor=serial)
    for seed in (0, 1):
        for law in ALGORITHMS:
            run(tiny(home / "alone" / f"{law}{seed}", algorithm=law, seed=seed, **small), quiet=True)
    return home


def accuracy(folder, level) -> float:
    test = load_run(folder).levels[level].rows[-1]["test"]
    return test["correct"] / test["n"]


def test_algorithms_of_one_sweep(folders):
    rows = compare([folders / "fast"], measures=("test", "flips_init"))
    old = analyses.differences(analyses.load(folders / "fast"), "IMP", ("test", "flips_init"))
    assert [{k: row[k] for k in old[0]} for row in rows] == old
    assert [(r["level"], r["measure"]) for r in rows] == [(i, m) for i in (1, 2) for m in ("test", "flips_init")]
    d = [
        accuracy(folders / "fast" / "LRR" / f"seed-{s}", 2) - accuracy(folders / "fast" / "IMP" / f"seed-{s}", 2)
        for s in range(3)
    ]
    row = rows[2]
    expected = stats.ttest_1samp(d, 0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert row["sd"] == pytest.approx(np.std(d, ddof=1))
    assert row["pairs_needed"] == pairs_needed(row["sd"])
    assert row["settings"] == {}


def test_settings_of_two_sweeps(folders):
    rows = compare([folders / "slow", folders / "fast"])
    between = [row for row in rows if row["folder"] != row["against_folder"]]
    assert {(row["folder"], row["against_folder"]) for row in between} == {("fast", "slow")}
    assert all(row["settings"] == {"learning_rate": [0.1, 0.05]} for row in between)
    assert [(row["algorithm"], row["level"]) for row in between] == [
        ("IMP", 1),
        ("IMP", 2),
        ("LRR", 1),
        ("LRR", 2),
        ("dense", 0),
    ]
    row = next(row for row in between if (row["algorithm"], row["level"]) == ("LRR", 2))
    d = [
        accuracy(folders / "fast" / "LRR" / f"seed-{s}", 2) - accuracy(folders / "slow" / "LRR" / f"seed-{s}", 2)
        for s in range(3)
    ]
    assert (row["n"], row["difference"]) == (3, pytest.approx(np.mean(d)))
    inside = [row for row in rows if row["folder"] == row["against_folder"]]
    assert {(row["folder"], row["algorithm"], row["against"]) for row in inside} == {
        (f, "LRR", "IMP") for f in ("fast", "slow")
    }


def test_runs_of_equal_settings_are_put_together_from_their_folders(folders):
    alone = [folders / "alone" / f"{law}{seed}" for law in ("IMP", "LRR") for seed in (0, 1)]
    rows = compare(alone)
    assert [(row["algorithm"], row["against"], row["level"], row["n"]) for row in rows] == [
        ("LRR", "IMP", 1, 2),
        ("LRR", "IMP", 2, 2),
    ]
    two = compare([folders / "fast", folders / "alone" / "LRR0"])  # the same run twice: kept apart, no setting differs
    (own,) = [row for row in two if row["against_folder"] == "fast" and row["folder"] == "LRR0" and row["level"] == 2]
    assert (own["settings"], own["difference"], own["n"], own["pairs_needed"]) == ({}, 0, 1, None)


def test_levels_and_measures(folders):
    assert {row["level"] for row in compare([folders / "fast"], levels=[2])} == {2}
    with pytest.raises(ValueError, match="No pair has level 7; the levels are 1, 2"):
        compare([folders / "fast"], levels=[1, 7])
    with pytest.raises(ValueError, match="Unknown measure 'loss'; there are test, "):
        compare([folders / "fast"], measures=["loss"])


def test_labels_tell_folders_of_one_name_apart(folders, tmp_path):
    for name, source in (("a", "fast"), ("b", "slow")):
        shutil.copytree(folders / source, tmp_path / name / "sweep")
    rows = compare([tmp_path / "a" / "sweep", tmp_path / "b" / "sweep"])
    assert {row["folder"] for row in rows} == {"a/sweep", "b/sweep"}


def test_two_algorithms_of_one_name_are_kept_apart(folders, tmp_path):
    folder = shutil.copytree(folders / "alone" / "LRR1", tmp_path / "other")
    record = json.loads((folder / "run.json").read_text())
    record["same"]["algorithm"]["scope"] = "layer"
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"nothing to compare by the same seed and level \(LRR0: LRR; other: LRR\)"):
        compare([folders / "alone" / "LRR0", folder])


def test_what_can_not_be_compared(folders, tmp_path):
    with pytest.raises(ValueError, match="There are no runs of 'WR' to compare with; there are IMP, LRR"):
        compare([folders / "fast"], against="WR")
    with pytest.raises(ValueError, match="is given twice"):
        compare([folders / "fast", folders / "slow" / ".." / "fast"])
    with pytest.raises(ValueError, match="nothing to compare"):
        compare([folders / "alone" / "LRR0"])
    with pytest.raises(ValueError, match="no run and no sweep"):
        compare([tmp_path])
    for law in ("IMP", "dense"):
        shutil.copytree(folders / "fast" / "LRR", tmp_path / law)
        for path in (tmp_path / law).glob("*/run.json"):
            record = json.loads(path.read_text())
            record["settings"]["algorithm"] = "random" if law == "IMP" else "LRR"
            path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match="no runs of 'IMP'; say which algorithm to compare --against: random, LRR"):
        compare([tmp_path])
    assert {row["difference"] for row in compare([tmp_path], against="LRR")} == {0}
