"""Each criterion against the formula of "Deconstructing Lottery Tickets", one number at a time."""

import math

import numpy as np
import pytest
import torch

from theory.criteria import CRITERIA, Criterion, large_init_large_final, small_init_small_final

PLAIN = {
    "large_final": lambda i, f: abs(f),
    "small_final": lambda i, f: -abs(f),
    "large_init": lambda i, f: abs(i),
    "small_init": lambda i, f: -abs(i),
    "large_init_large_final": lambda i, f: min(abs(f), abs(i)),
    "small_init_small_final": lambda i, f: -max(abs(f), abs(i)),
    "magnitude_increase": lambda i, f: abs(f) - abs(i),
    "movement": lambda i, f: abs(f - i),
}
SIGNED = ("large_final", "magnitude_increase", "movement")
VALUES = np.array([-2.0, -1.0, -0.3, -0.0, 0.0, 0.3, 1.0, 2.0])
INITIAL, FINAL = (v.ravel() for v in np.meshgrid(VALUES, VALUES))


def kept_sign(i, f):
    """sign(±0) = +."""
    return (i < 0) == (f < 0)


def expected(name, i, f):
    base, _, kind = name.rpartition("_")
    base, kind = (base.removesuffix("_same").removesuffix("_diff"), name) if kind == "sign" else (name, "")
    if not kind:
        return PLAIN[base](i, f)
    return PLAIN[base](i, f) * (kept_sign(i, f) if "same" in kind else not kept_sign(i, f))


def scores(name, initial, final):
    points = {"init": initial, "final": final, "random": final}
    return CRITERIA[name](*(points[p] for p in CRITERIA[name].needs))


def test_the_paper_s_criteria_are_all_there():
    variants = {f"{n}_{s}_sign" for n in SIGNED for s in ("same", "diff")}
    assert set(CRITERIA) == set(PLAIN) | variants | {"random"}
    assert all(c.name.partition("(")[0] == name for name, c in CRITERIA.items())


@pytest.mark.parametrize("library", [np.asarray, torch.tensor])
@pytest.mark.parametrize("name", [n for n in CRITERIA if n != "random"])
def test_the_formula(name, library):
    found = np.asarray(scores(name, library(INITIAL), library(FINAL)))
    assert found.tolist() == [expected(name, i, f) for i, f in zip(INITIAL, FINAL, strict=True)]


def test_random_scores_are_the_draws_themselves():
    draws = np.random.default_rng(0).random(5)
    assert CRITERIA["random"].needs == ("random",)
    assert CRITERIA["random"](draws) is draws


@pytest.mark.parametrize("alpha", [0.25, 4.0])
def test_alpha_matches_the_scales(alpha):
    pairs = list(zip(INITIAL, FINAL, strict=True))
    large, small = large_init_large_final(alpha), small_init_small_final(alpha)
    assert large(INITIAL, FINAL).tolist() == [min(alpha * abs(f), abs(i)) for i, f in pairs]
    assert small(INITIAL, FINAL).tolist() == [-max(alpha * abs(f), abs(i)) for i, f in pairs]
    assert large.spec == f"large_init_large_final({alpha:g})"


def test_nan_is_not_hidden():
    """keep_largest refuses NaN; a criterion must hand it on."""
    for name in CRITERIA:
        assert math.isnan(scores(name, np.array([1.0]), np.array([math.nan]))[0]) or "final" not in CRITERIA[name].needs


def test_a_criterion_of_one_s_own():
    own = Criterion("gradient", ("gradient", "final"), lambda g, f: abs(g * f))
    assert own.spec == "gradient"
    assert own(np.array([-2.0]), np.array([3.0])).tolist() == [6.0]
