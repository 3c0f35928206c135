"""Layers with a share of their own: exact counts by layer, the others compete without them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep.groups import grouped
from theory.algorithms import IMP, WR, Algorithm

SHAPES = {"conv1.weight": (4, 3, 3, 3), "conv2.weight": (5, 4, 3, 3), "fc1.weight": (7, 20), "fc2.weight": (3, 7)}


class Trainer:
    batch, norm, keys = 0, frozenset(), np.uint64(7)


def pruned(law: Algorithm, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = {n: rng.normal(size=shape) for n, shape in SHAPES.items()}
    return law.prune({"init": weights, "final": weights}, {n: np.ones(s, bool) for n, s in SHAPES.items()}, 1, Trainer())


def gone(masks: dict[str, np.ndarray]) -> dict[str, int]:
    return {n: int((~m).sum()) for n, m in masks.items()}


@given(conv=st.floats(0, 1), last=st.floats(0, 1), rest=st.floats(0, 1), seed=st.integers(0, 99))
def test_counts_are_exact_in_every_group(conv, last, rest, seed):
    law = grouped(IMP.default(fraction=rest), (("conv", conv), ("last", last)))
    masks = pruned(law, seed)
    for name, share in (("conv1.weight", conv), ("conv2.weight", conv), ("fc2.weight", last), ("fc1.weight", rest)):
        size = masks[name].size
        assert int(masks[name].sum()) == max(1, size - round(share * size)), name


def test_a_name_goes_before_its_kind_and_only_the_rest_competes():
    law = grouped(IMP.default(fraction=0.5), (("conv2", 0.0), ("conv", 0.25)))
    counts = gone(pruned(law))
    assert counts["conv1.weight"] == round(0.25 * 108)
    assert counts["conv2.weight"] == 0
    assert counts["fc1.weight"] + counts["fc2.weight"] == round(0.5 * 161)


def test_halving_follows_the_fraction_of_each_level():
    law = grouped(IMP.default(fraction=(0.4, 0.2)), halve=True)
    assert gone(pruned(law))["fc2.weight"] == round(0.2 * 21)
    weights = {n: np.ones(s) for n, s in SHAPES.items()}
    second = law.prune({"init": weights, "final": weights}, {n: np.ones(s, bool) for n, s in SHAPES.items()}, 2, Trainer())
    assert gone(second)["fc2.weight"] == round(0.1 * 21)


def test_random_groups_share_no_draws():
    """Two layers of one shape, each a group: their random masks differ (they would not with one stream for both)."""
    ones = {n: np.ones((50, 50)) for n in ("a.weight", "b.weight", "c.weight")}
    law = grouped(Algorithm("r", criterion="random", fraction=0.5), (("a", 0.5), ("b", 0.5)))
    masks = law.prune({"init": ones, "final": ones}, {n: o > 0 for n, o in ones.items()}, 1, Trainer())
    for one, other in (("a", "b"), ("a", "c"), ("b", "c")):  # c is of the rest
        assert 0.4 < (masks[f"{one}.weight"] == masks[f"{other}.weight"]).mean() < 0.6, (one, other)


def test_nothing_to_group_is_the_law_itself():
    assert grouped(IMP) is IMP


def test_what_names_no_layer_or_no_fraction_is_refused():
    with pytest.raises(ValueError, match=r"No prunable layer is called 'fc9' \(fractions: fc9=0\.1\)"):
        pruned(grouped(IMP.default(fraction=0.2), (("fc9", 0.1),)))
    with pytest.raises(ValueError, match=r"last_layer='halve' needs an algorithm that prunes a fraction; 'x' does not"):
        grouped(Algorithm("x", count=3), halve=True)
    assert grouped(WR(step=3).default(fraction=0.2), halve=True).name == "WR(step=3)"
