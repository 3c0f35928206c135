"""Layer-wise scopes: exact totals, published densities, numbers that never grow as the total falls."""

import itertools
from fractions import Fraction
from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from theory.algorithms import Algorithm, levels
from theory.names import algorithm
from theory.scopes import SCOPES, apportioned

RESNET = [(16, 3, 3, 3), *[(16, 16, 3, 3)] * 6, (32, 16, 3, 3), (32, 16, 1, 1), *[(32, 32, 3, 3)] * 5, (64, 32, 3, 3),
          (64, 32, 1, 1), *[(64, 64, 3, 3)] * 5, (10, 64)]  # fmt: skip
LAYERS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12)), min_size=1, max_size=6)


def one_by_one(total, weights, caps):
    """Each weight to the layer that is worth most, from the definition."""
    counts = [0] * len(caps)
    for _ in range(min(total, sum(caps))):
        room = [i for i in range(len(caps)) if counts[i] < caps[i]]
        empty = [i for i in room if counts[i] == 0]
        worth = {i: Fraction(weights[i], 2 * counts[i] + 1) for i in room}
        best = max(empty or room, key=lambda i: (weights[i] if empty else worth[i], -i))
        counts[best] += 1
    return counts


def largest_remainders(total, weights, caps):
    """The method that the others avoid: round down, then the largest remainders get what is left (caps wide here)."""
    exact = [Fraction(total * w, sum(weights)) for w in weights]
    counts = [int(x) for x in exact]
    for i in sorted(range(len(weights)), key=lambda i: (counts[i] - exact[i], i))[: total - sum(counts)]:
        counts[i] += 1
    return counts


def never_grows(method, weights, caps):
    """Does no layer's number rise where the total falls, for all totals?"""
    rows = np.array([method(total, weights, caps) for total in range(sum(caps) + 1)])
    return bool((np.diff(rows, axis=0) >= 0).all())


@given(LAYERS, st.integers(0, 80))
def test_it_is_the_divisor_method(layers, total):
    weights, caps = zip(*layers, strict=True)
    assert apportioned(total, weights, caps) == one_by_one(total, weights, caps)


@given(LAYERS)
def test_totals_are_exact_caps_hold_and_no_number_grows(layers):
    weights, caps = zip(*layers, strict=True)
    for total in range(sum(caps) + 2):
        counts = apportioned(total, weights, caps)
        assert sum(counts) == min(total, sum(caps))
        assert all(0 <= k <= cap for k, cap in zip(counts, caps, strict=True))
        if total >= sum(cap > 0 for cap in caps):
            assert all(k > 0 for k, cap in zip(counts, caps, strict=True) if cap)
    assert never_grows(apportioned, weights, caps)


@given(LAYERS, st.integers(0, 80), st.integers(0, 80))
def test_numbers_do_not_depend_on_the_totals_before(layers, one, other):
    """To cap a layer by what the level before left of it, as the loop does, changes nothing."""
    weights, caps = zip(*layers, strict=True)
    first, second = max(one, other), min(one, other)
    assert apportioned(second, weights, apportioned(first, weights, caps)) == apportioned(second, weights, caps)


def test_largest_remainders_are_caught():
    """Alabama: with weights 6, 6, 2 the third layer has 2 of 10 but 1 of 11."""
    weights, caps = [6, 6, 2], [12, 12, 12]
    assert largest_remainders(10, weights, caps)[2] > largest_remainders(11, weights, caps)[2]
    assert not never_grows(largest_remainders, weights, caps)
    assert never_grows(apportioned, weights, caps)


def published_erk(shapes, density):
    """Rigging the Lottery: scale (Σ dims / Π dims) to the density, make dense what exceeds 1, and again."""
    dense = set()
    while True:
        raw = [0 if i in dense else sum(s) for i, s in enumerate(shapes)]
        left = density * sum(map(prod, shapes)) - sum(prod(shapes[i]) for i in dense)
        counts = [prod(s) if i in dense else r * left / sum(raw) for i, (s, r) in enumerate(zip(shapes, raw, strict=True))]
        over = {i for i, s in enumerate(shapes) if counts[i] > prod(s) * (1 + 1e-12)}
        if not over:
            return counts
        dense |= over


@pytest.mark.parametrize("density", [0.9, 0.5, 0.2, 0.05, 0.01])
def test_erk_and_balanced_are_those_published(density):
    sizes, total = [prod(s) for s in RESNET], round(density * sum(map(prod, RESNET)))
    erk = apportioned(total, [sum(s) for s in RESNET], sizes)
    assert np.abs(np.array(erk) - published_erk(RESNET, total / sum(sizes))).max() < 1
    even = apportioned(total, [1] * len(sizes), sizes)
    level = max(even)
    assert all(k == size or level - k <= 1 for k, size in zip(even, sizes, strict=True))
    assert sum(erk) == sum(even) == total


class Still:
    """Nothing moves."""

    norm = frozenset()

    def __init__(self, batch, keys):
        self.batch, self.keys = batch, np.asarray(keys, dtype=np.uint64)

    def train(self, params, mask, level, at, rewind):
        return {"final": params}


SHAPES = {"conv": (4, 3, 2, 2), "middle": (6, 5), "fc": (3, 6)}


def run(law, batch=(), n=4, tensor=np.asarray, mask=None):
    rng = np.random.default_rng(0)
    params = {n: tensor(rng.standard_normal((*batch, *s))) for n, s in SHAPES.items()}
    mask = {n: tensor(np.ones((*batch, *s), bool)) for n, s in SHAPES.items()} if mask is None else mask
    return list(levels(law, Still(len(batch), np.arange(prod(batch)).reshape(batch)), params, mask, n))


@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("criterion", ["large_final", "random"])
def test_scopes_in_the_loop(batch, scope, criterion):
    """Exact totals, nested masks, the layers' numbers, the largest in each layer; torch alike."""
    law = algorithm(f"random(scope={scope!r}, criterion={criterion!r}, fraction=0.35)")
    trace = run(law, batch)
    axes = {n: tuple(range(len(batch), len(batch) + len(s))) for n, s in SHAPES.items()}
    weights = {"erk": [sum(s) for s in SHAPES.values()], "balanced": [1] * 3}
    for (before, after), other in zip(itertools.pairwise(trace), run(law, batch, tensor=torch.tensor)[1:], strict=True):
        old, new = (np.stack([v.mask[n].sum(axes[n]) for n in SHAPES], -1) for v in (before, after))
        stays = law.stays(old if scope == "layer" else old.sum(-1), after.index)
        assert np.array_equal(new if scope == "layer" else new.sum(-1), stays)
        if scope in weights:
            expected = apportioned(int(np.ravel(stays)[0]), weights[scope], [prod(s) for s in SHAPES.values()])
            assert (new == expected).all()
        for n in SHAPES:
            assert not (after.mask[n] & ~before.mask[n]).any()
            assert np.array_equal(after.mask[n], other.mask[n].numpy())
            if criterion == "large_final" and scope != "global":
                size = np.abs(before.points["final"][n])
                least = np.where(after.mask[n], size, np.inf).min(axes[n])
                most = np.where(before.mask[n] & ~after.mask[n], size, -np.inf).max(axes[n])
                assert (least >= most).all()


@pytest.mark.parametrize("scope", ["erk", "balanced"])
def test_masks_from_elsewhere_are_cut_too(scope):
    """Networks with different numbers of alive weights, in any layer, also none."""
    rng = np.random.default_rng(1)
    mask = {n: rng.random((5, *s)) < np.array([1, 0.5, 0.1, 0, 0.7]).reshape(-1, *[1] * len(s)) for n, s in SHAPES.items()}
    for before, after in itertools.pairwise(run(Algorithm("x", scope=scope, fraction=0.5), (5,), 3, mask=mask)):
        alive = sum(before.mask[n].reshape(5, -1).sum(-1) for n in SHAPES)
        stays = sum(after.mask[n].reshape(5, -1).sum(-1) for n in SHAPES)
        assert np.array_equal(stays, np.minimum(np.maximum(alive - np.round(alive / 2), 1), alive))
        assert not any((after.mask[n] & ~before.mask[n]).any() for n in SHAPES)


def test_random_masks_of_the_four_scopes_differ():
    counts = {
        scope: [int(m.sum()) for m in run(algorithm(f"random(scope={scope!r}, fraction=0.5)"), n=1)[1].mask.values()]
        for scope in SCOPES
    }
    assert {sum(c) for c in counts.values()} == {48}
    assert counts["layer"] == [24, 15, 9]
    assert counts["balanced"] == [16, 16, 16]
    assert counts["erk"] == apportioned(48, [11, 11, 9], [48, 30, 18])
