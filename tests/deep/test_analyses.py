"""Tables and paired intervals, against SciPy and by hand."""

import numpy as np
import pytest
from scipy import stats

from deep import analyses, power


class Fake:
    """A stored run with given test accuracies and flips."""

    def __init__(self, algorithm, seed, correct, flipped=(10, 20, 30)):
        self.settings = type("S", (), {"algorithm": algorithm, "seed": seed})
        self.rows = [
            {
                "level": i,
                "weights": 100,
                "alive": 100 - 20 * i,
                "layers": {"a": 100 - 20 * i},
                "flips": {"start": {"a": f}, "init": {"a": 2 * f}} | ({"previous": {"a": f // 2}} if i else {}),
                "test": {"correct": c, "n": 1000, "loss": 1.0},
            }
            for i, (c, f) in enumerate(zip(correct, flipped, strict=False))
        ]


def runs():
    imp = [Fake("IMP", s, (900, 800 + s, 700)) for s in range(4)]
    return imp + [Fake("LRR", s, (900, 820 + 3 * s, 700 + (-1) ** s)) for s in range(4)]


def test_table():
    rows = {(r["algorithm"], r["level"]): r for r in analyses.table(runs())}
    row = rows["IMP", 1]
    assert (row["n"], row["left"]) == (4, 0.8)
    assert row["test"] == pytest.approx(0.8015)
    assert row["test_sd"] == pytest.approx(np.std([0, 1, 2, 3], ddof=1) / 1000)
    assert row["flips_start"] == pytest.approx(20 / 80)
    assert row["flips_start_sum"] == pytest.approx(10 / 100 + 20 / 80)
    assert row["flips_init"] == pytest.approx(40 / 80)
    assert rows["IMP", 0]["flips_previous"] is None
    assert row["validation"] is None


def test_differences_are_paired_by_seed():
    rows = {r["level"]: r for r in analyses.differences(runs()[::-1])}
    d = np.array([20, 22, 24, 26]) / 1000
    expected = stats.ttest_1samp(d, 0).confidence_interval(0.95)
    assert rows[1]["difference"] == pytest.approx(d.mean())
    assert (rows[1]["low"], rows[1]["high"]) == pytest.approx((expected.low, expected.high))
    assert (rows[1]["n"], rows[1]["verdict"]) == (4, "more")
    assert rows[1]["sd"] == pytest.approx(d.std(ddof=1))
    assert rows[1]["pairs_needed"] == power.pairs_needed(d.std(ddof=1)) == 3
    assert (rows[1]["left"], rows[1]["left_against"]) == (0.8, 0.8)
    assert rows[2]["verdict"] == "undecided"
    assert all(r["verdict"] != "less" for r in rows.values())
    (less,) = [r for r in analyses.differences(runs(), against="LRR") if r["level"] == 1]
    assert less["verdict"] == "less"


def test_one_pair_decides_nothing():
    (first, *_) = analyses.differences([Fake("IMP", 0, (900, 100)), Fake("LRR", 0, (900, 900)), Fake("LRR", 1, (900, 900))])
    assert (first["n"], first["low"], first["verdict"]) == (1, None, "undecided")
    assert (first["sd"], first["pairs_needed"]) == (None, None)


def test_unfinished_replicates_count_where_they_are():
    some = [
        Fake("IMP", 0, (900, 800, 700)),
        Fake("IMP", 1, (900,)),
        Fake("LRR", 0, (900, 800, 700)),
        Fake("LRR", 1, (900, 800)),
    ]
    assert [r["n"] for r in analyses.table(some) if r["algorithm"] == "IMP"] == [2, 1, 1]
    assert [r["n"] for r in analyses.differences(some)] == [1, 1]


def test_an_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = sum(r["low"] <= 2 <= r["high"] for r in (analyses._interval(rng.normal(2, 5, 3), 0.9) for _ in range(4000)))
    assert stats.binomtest(covered, 4000, 0.9).pvalue > 1e-4


def test_both_kinds_of_sign_flips_can_disagree():
    """(A) summed over levels more, (B) less: neither stands for the other."""
    one, other = Fake("IMP", 0, (900, 900)), Fake("LRR", 0, (900, 900))
    one.rows[1]["flips"] = {"start": {"a": 8}, "init": {"a": 8}}
    other.rows[1]["flips"] = {"start": {"a": 4}, "init": {"a": 12}}
    rows = {r["measure"]: r["difference"] for r in analyses.differences([one, other], "IMP", ("flips_start_sum", "flips_init"))}
    assert rows == {"flips_start_sum": pytest.approx(-4 / 80), "flips_init": pytest.approx(4 / 80)}


def test_a_training_of_ones_own_may_measure_something_else():
    run = Fake("IMP", 0, (900, 800))
    run.rows[0].pop("test")
    run.rows[1]["test"] = {"perplexity": 3.0}
    assert [row["test"] for row in analyses.table([run])] == [None, None]
    assert [row["flips_init"] for row in analyses.table([run])] == [0.2, 0.5]


def test_missing_reference():
    with pytest.raises(ValueError, match="no runs of 'WR' to compare with; there are IMP, LRR"):
        analyses.differences(runs(), against="WR")


def test_layers_of_a_stored_run(stored):
    rows = analyses.layers(stored["LRR"])
    assert len(rows) == 3 * 22
    assert sum(r["alive"] for r in rows if r["level"] == 1) == stored["LRR"].levels[1].rows[-1]["alive"]


def test_load(tmp_path, stored):
    assert analyses.load(stored["LRR"].path)[0].settings.algorithm == "LRR"
    with pytest.raises(ValueError, match="holds no run and no sweep"):
        analyses.load(tmp_path)
