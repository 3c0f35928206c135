"""The selection of weights: the same as by sorting all of them, ties by numbers drawn only where they are needed."""

from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from theory import selection
from theory.selection import drawn, keep_largest, later_draws
from theory.streams import bits, uniform

BATCHES = st.sampled_from([(), (3,), (2, 2), (1,)])
SHAPES = st.lists(st.sampled_from([(1,), (4,), (2, 3), (3, 1, 2)]), min_size=1, max_size=3)
KINDS = st.sampled_from([np.float64, np.float32])
SEEDS = st.integers(0, 2**32 - 1)


def by_sorting(score, mask, ties, stays, batch):
    """Rank by (score, tie, place): three stable sorts of all weights of each network."""
    networks = prod(next(iter(score.values())).shape[:batch])
    s, alive, t = (np.concatenate([np.reshape(x[n], (networks, -1)) for n in score], -1) for x in (score, mask, ties))
    order = np.argsort(t, axis=-1, stable=True)
    order = np.take_along_axis(
        order, np.argsort(np.take_along_axis(np.where(alive, s, -np.inf), order, -1), axis=-1, stable=True), -1
    )
    rank = np.argsort(order, axis=-1, stable=True)
    shape = next(iter(score.values())).shape[:batch]
    keep = alive & (rank >= s.shape[-1] - np.broadcast_to(stays(alive.sum(-1).reshape(shape)), shape).reshape(-1, 1))
    ends = np.cumsum([prod(x.shape[batch:]) for x in score.values()])[:-1]
    return {n: k.reshape(score[n].shape) for n, k in zip(score, np.split(keep, ends, -1), strict=True)}


def by_index(score, mask, ties, stays, batch):
    """A faulty variant: equal scores by their place alone."""
    return by_sorting(score, mask, {n: 0 * t for n, t in ties.items()}, stays, batch)


def network(batch, shapes, kind, seed):
    rng = np.random.default_rng(seed)
    score = {f"t{i}": rng.integers(-1, 3, (*batch, *s)).astype(kind) for i, s in enumerate(shapes)}
    score = {n: np.where(x == 0, rng.choice([-0.0, 0.0], x.shape), x).astype(kind) for n, x in score.items()}
    mask = {n: rng.random(x.shape) < 0.7 for n, x in score.items()}
    ties = {n: rng.integers(0, 4, x.shape) / 4 for n, x in score.items()}  # which tie in turn
    wanted = rng.integers(0, 8, batch)
    return score, mask, ties, lambda alive: np.minimum(wanted, alive)


def same(one, other):
    return all(np.array_equal(np.asarray(one[n]), np.asarray(other[n])) for n in other)


@given(BATCHES, SHAPES, KINDS, st.sampled_from([1, selection.WIDE]), SEEDS)
def test_it_is_the_choice_by_sorting(batch, shapes, kind, wide, seed):
    """Both ways to break ties (network by network, and all at once), NumPy and torch, any numbers that stay, 0 as well."""
    score, mask, ties, stays = network(batch, shapes, kind, seed)
    expected = by_sorting(score, mask, ties, stays, len(batch))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "WIDE", wide)
        assert same(keep_largest(score, mask, ties, stays, len(batch)), expected)
        tensors = ({n: torch.tensor(x) for n, x in part.items()} for part in (score, mask, ties))
        assert same(keep_largest(*tensors, stays, len(batch)), expected)


def test_the_law_above_catches_an_order_by_place():
    found = [network((3,), [(4,), (2, 3)], np.float64, seed) for seed in range(20)]
    assert not all(same(by_index(*x, 1), by_sorting(*x, 1)) for x in found)


@given(BATCHES, SHAPES, st.sampled_from([1, selection.WIDE]), SEEDS)
def test_numbers_drawn_on_demand_are_those_drawn_in_advance(batch, shapes, wide, seed):
    score, mask, _, stays = network(batch, shapes, np.float64, seed)
    keys, size = bits(seed, "keys", size=prod(batch)).reshape(batch), sum(map(prod, shapes))
    numbers = uniform(keys, "prune", 3, size=2 * size)
    ends = np.cumsum([prod(s) for s in shapes])[:-1]
    first, second = ({n: p.reshape(score[n].shape) for n, p in zip(score, np.split(half, ends, -1), strict=True)}
                     for half in np.split(numbers, 2, -1))  # fmt: skip
    assert same(drawn(keys, "prune", 3, mask=mask, batch=len(batch)), first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "WIDE", wide)
        later = later_draws(keys, "prune", 3, mask=mask, batch=len(batch))
        assert same(keep_largest(score, mask, later, stays, len(batch)), by_sorting(score, mask, second, stays, len(batch)))
        for n in score:
            later = later_draws(keys, "prune", 3, mask=mask, batch=len(batch), group=n)
            one = {n: score[n]}, {n: mask[n]}
            alone = keep_largest(*one, later, stays, len(batch))
            assert same(alone, by_sorting(*one, {n: second[n]}, stays, len(batch)))


@pytest.mark.parametrize("library", [np.asarray, torch.tensor])
def test_without_ties_at_the_threshold_nothing_is_drawn(library):
    def draws(networks, places):
        raise AssertionError("drawn")

    score = {"w": library([[3.0, 2.0, 2.0, 1.0, 1.0], [0.0, 0.0, 5.0, 5.0, 4.0]])}
    mask = {"w": library([[True] * 5, [True, True, True, True, False]])}
    kept = keep_largest(score, mask, draws, lambda alive: np.array([3, 2]), 1)
    assert kept["w"].tolist() == [[True, True, True, False, False], [False, False, True, True, False]]
    with pytest.raises(AssertionError, match="drawn"):
        keep_largest(score, mask, draws, lambda alive: np.array([2, 2]), 1)


def test_only_tied_places_are_drawn():
    asked = []

    def draws(networks, places):
        asked.append((networks.tolist(), places.tolist()))
        return np.linspace(0, 1, len(places))[None]

    score = {"w": torch.arange(10_000.0) % 5000}
    kept = keep_largest(score, {"w": score["w"] >= 0}, draws, lambda alive: 7, 0)["w"]
    assert asked == [([0], [4996, 9996])]
    assert kept.nonzero()[:, 0].tolist() == [4997, 4998, 4999, 9996, 9997, 9998, 9999]


def test_nothing_and_nobody():
    assert keep_largest({"w": np.zeros((0, 3))}, {"w": np.zeros((0, 3), bool)}, {"w": np.zeros((0, 3))}, abs, 1)["w"].shape == (
        0,
        3,
    )
    dead = {"w": np.zeros(4, bool)}
    assert not keep_largest({"w": np.ones(4)}, dead, {"w": np.ones(4)}, lambda alive: 2, 0)["w"].any()


@given(st.lists(st.integers(0, 10**6), max_size=5), st.integers(0, 2**64 - 1))
def test_a_place_alone_has_the_number_it_has_in_a_row(places, one_key):
    at = np.array(places, dtype=np.int64)
    some = uniform(np.array([one_key, 5], dtype=np.uint64), "x", 2, at=at)
    assert some.shape == (2, len(places))
    if places and max(places) < 100_000:
        row = uniform(np.array([one_key, 5], dtype=np.uint64), "x", 2, size=max(places) + 1)
        assert np.array_equal(some, row[:, at])
    for j, place in enumerate(places):
        assert some[1, j] == uniform(5, "x", 2, at=np.array([place]))[0]
