"""Pruning, rewinding and the loop: exact counts, nested masks, fair ties, the same in NumPy and torch."""

import itertools
from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from theory.algorithms import (
    DENSE,
    FINE_TUNING,
    IMP,
    LRR,
    RANDOM,
    WR,
    Algorithm,
    At,
    Borrowed,
    Rewind,
    keep_largest,
    levels,
)
from theory.criteria import CRITERIA
from theory.names import ALGORITHMS

SHAPES = {"conv": (3, 2, 2), "fc": (4, 3), "bias": (4,), "bn": (3,)}
PRUNABLE = ("conv", "fc")
POINT = At(2)


class Toy:
    """A trainer whose levels are a few elementwise steps, so that every library computes the same bits."""

    norm = frozenset({"bn"})

    def __init__(self, batch, keys):
        self.batch, self.keys, self.asked = batch, np.asarray(keys, dtype=np.uint64), []

    def train(self, params, mask, level, at, rewind):
        """x ← 0.8 x + (level + 1)/16, six times; pruned weights stay at zero."""
        self.asked.append((level, at))
        points = {}
        for step in range(6):
            points |= {p: dict(params) for p in at if p.count(step=1) == step}
            params = {n: self._step(x, mask.get(n), level) for n, x in params.items()}
        return {**points, "final": params}

    @staticmethod
    def _step(x, alive, level):
        moved = 0.8 * x + (level + 1) / 16
        return moved if alive is None else moved * alive


def network(batch, seed=0):
    rng = np.random.default_rng(seed)
    params = {n: rng.standard_normal((*batch, *shape)).round(1) for n, shape in SHAPES.items()}
    return params, {n: np.ones((*batch, *SHAPES[n]), dtype=bool) for n in PRUNABLE}


def run(algorithm, batch=(), n=3, seed=0, keys=None, tensor=lambda x: x):
    params, mask = network(batch, seed)
    trainer = Toy(len(batch), np.arange(prod(batch)).reshape(batch) if keys is None else keys)
    params, mask = ({k: tensor(v) for k, v in x.items()} for x in (params, mask))
    return list(levels(algorithm, trainer, params, mask, n))


def identical(left, right):
    """Equal arrays, signs of zeros included."""
    left, right = np.asarray(left), np.asarray(right)
    return left.dtype == right.dtype and np.array_equal(left, right) and np.array_equal(np.signbit(left), np.signbit(right))


def same_level(one, two):
    points = one.points.keys() == two.points.keys() and all(
        identical(one.points[p][n], two.points[p][n]) for p in one.points for n in SHAPES
    )
    masks = all(np.array_equal(one.mask[n], two.mask[n]) for n in one.mask)
    return one.index == two.index and masks and points and all(identical(one.start[n], two.start[n]) for n in SHAPES)


def brute_force(score, mask, ties, stays, batch):
    """Sort each network's alive weights by (score, tie) and keep the first ones, one Python list at a time."""
    out = {n: np.zeros(m.shape, dtype=bool) for n, m in mask.items()}
    for b in np.ndindex(next(iter(mask.values())).shape[:batch]):
        alive = [(score[n][b][i], ties[n][b][i], n, i) for n in score for i in np.ndindex(mask[n][b].shape) if mask[n][b][i]]
        number = int(stays(np.array(len(alive))))
        for *_, n, i in sorted(alive, reverse=True)[:number]:
            out[n][b + i] = True
    return out


AMOUNTS = st.one_of(
    st.sampled_from([{"fraction": f} for f in (0, 0.2, 0.35, 0.5, 0.9, 1)]), st.integers(1, 9).map(lambda k: {"count": k})
)
BATCHES = st.sampled_from([(), (3,), (2, 2), (1,)])
SIZES = st.lists(st.sampled_from([(1,), (4,), (2, 3), (3, 1, 2)]), min_size=1, max_size=3)


@given(BATCHES, SIZES, AMOUNTS, st.integers(0, 2**32 - 1))
def test_keep_largest_equals_brute_force(batch, shapes, amount, seed):
    rng = np.random.default_rng(seed)
    score = {f"t{i}": rng.integers(-1, 3, (*batch, *s)).astype(float) for i, s in enumerate(shapes)}
    mask = {n: rng.random(v.shape) < 0.7 for n, v in score.items()}
    ties = {n: rng.random(v.shape) for n, v in score.items()}
    algorithm = Algorithm("x", **amount)
    kept = keep_largest(score, mask, ties, lambda n: algorithm.stays(n, 1), len(batch))
    expected = brute_force(score, mask, ties, lambda n: algorithm.stays(n, 1), len(batch))
    assert all(np.array_equal(kept[n], expected[n]) for n in score)


@given(st.integers(0, 400), st.floats(0, 1))
def test_exactly_the_fraction_goes_and_one_stays(alive, fraction):
    stays = int(Algorithm("x", fraction=fraction).stays(np.array(alive), 1))
    assert stays == min(alive, max(1, alive - round(fraction * alive)))


@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("amount", [{"fraction": 0.0}, {"fraction": 1.0}, {"fraction": (0.5, 0.25)}, {"count": (7, 3, 2)}])
def test_pruning_is_exact_nested_and_keeps_the_largest(batch, scope, amount):
    algorithm = Algorithm("x", scope=scope, **amount)
    trace = run(algorithm, batch)
    groups = [PRUNABLE] if scope == "global" else [(n,) for n in PRUNABLE]

    def flat(tensors, group):
        return np.concatenate([tensors[n].reshape(*batch, -1) for n in group], axis=-1)

    for before, after in itertools.pairwise(trace):
        for group in groups:
            old, new = flat(before.mask, group), flat(after.mask, group)
            score = np.abs(flat(before.points["final"], group))
            assert not (new & ~old).any()
            assert np.array_equal(new.sum(-1), algorithm.stays(old.sum(-1), after.index))
            least, most = np.where(new, score, np.inf).min(-1), np.where(old & ~new, score, -np.inf).max(-1)
            assert (least >= most).all()


def test_the_default_amounts():
    assert Algorithm("x").stays(np.array([10, 1]), 1).tolist() == [8, 1]
    assert Algorithm("x").default(count=1).count == 1
    assert Algorithm("x", fraction=0.5).default(count=1).count is None
    assert Algorithm("x", count=(4, 2)).named_levels == 2


@pytest.mark.parametrize("library", [np.asarray, torch.tensor])
@pytest.mark.parametrize(("bad", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_a_score_that_is_not_finite_names_its_tensor(library, bad, shown):
    score = {"stem": library([1.0, 2.0]), "head": library([bad, 3.0])}
    mask = {n: library([True, True]) for n in score}
    with pytest.raises(ValueError, match=f"'head' hold {shown}"):
        keep_largest(score, mask, score, lambda n: n - 1, 0)
    dead = {**mask, "head": library([False, True])}
    kept = keep_largest(score, dead, {n: library([0.0, 0.0]) for n in score}, lambda n: n - 1, 0)
    assert kept["head"].tolist() == [False, True]


class Tied(Toy):
    """Nothing moves, so all weights tie."""

    def train(self, params, mask, level, at, rewind):
        return {"final": params}


def winners(networks, width, keys=None):
    trainer = Tied(1, np.arange(networks) if keys is None else keys)
    params = {"w": np.ones((len(trainer.keys), width))}
    *_, last = levels(Algorithm("x", count=1), trainer, params, {"w": np.ones_like(params["w"], dtype=bool)}, 1)
    return last.mask["w"].argmax(-1)


def fair(places, width):
    return chisquare(np.bincount(places, minlength=width)).pvalue > 1e-3


def test_ties_are_decided_fairly():
    assert fair(winners(20_000, 5), 5)


def test_a_stable_index_is_not_fair():
    score = {"w": np.ones((20_000, 5))}
    kept = keep_largest(score, {"w": score["w"] > 0}, {"w": 0 * score["w"]}, lambda n: 0 * n + 1, 1)
    assert not fair(kept["w"].argmax(-1), 5)


def test_ties_do_not_depend_on_the_other_networks():
    keys = np.random.default_rng(1).integers(0, 2**63, 50, dtype=np.uint64)
    together = winners(50, 7, keys)
    assert [int(winners(1, 7, keys[i : i + 1])[0]) for i in range(50)] == together.tolist()
    assert np.array_equal(winners(50, 7, keys[::-1]), together[::-1])


def test_ties_and_random_scores_are_independent():
    """A random criterion must not win by the numbers that decide ties."""
    first = run(Algorithm("x", criterion="random", count=6), (2000,), n=1)[-1].mask["fc"].reshape(2000, -1)
    flat = Algorithm("x", criterion="large_final", count=6)
    trainer = Tied(1, np.arange(2000))
    params, mask = network((2000,))
    params = {n: np.ones_like(v) for n, v in params.items()}
    second = list(levels(flat, trainer, params, mask, 1))[-1].mask["fc"].reshape(2000, -1)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.03


@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("name", [*ALGORITHMS, "WR"])
def test_numpy_and_torch_agree_bit_for_bit(name, batch):
    named = ALGORITHMS.get(name, WR(POINT))
    for criterion in CRITERIA:
        algorithm = Algorithm(name, named.rewind, criterion, fraction=0.3, prunings=named.prunings)
        in_numpy, in_torch = run(algorithm, batch), run(algorithm, batch, tensor=torch.tensor)
        assert len(in_numpy) == len(in_torch)
        assert all(same_level(x, y) for x, y in zip(in_numpy, in_torch, strict=True)), criterion


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_random_signs_agree_too(scope):
    algorithm = Algorithm("x", Rewind(sign="random"), scope=scope, fraction=0.3)
    in_numpy, in_torch = run(algorithm, (3,)), run(algorithm, (3,), tensor=torch.tensor)
    assert all(same_level(x, y) for x, y in zip(in_numpy, in_torch, strict=True))
    kept = in_numpy[-1].mask["fc"]
    assert 0 < (in_numpy[-1].start["fc"][kept] < 0).mean() < 1


SOURCES = ("init", "final", POINT)


@given(*(st.sampled_from(SOURCES) for _ in range(4)), st.integers(0, 2**32 - 1))
def test_a_rewind_is_magnitude_times_sign_on_the_mask(magnitude, sign, rest, norm, seed):
    rng = np.random.default_rng(seed)
    values = np.array([-2.0, -0.5, -0.0, 0.0, 1.5])
    points = {p: {n: rng.choice(values, shape) for n, shape in SHAPES.items()} for p in SOURCES}
    mask = {n: rng.random(SHAPES[n]) < 0.6 for n in PRUNABLE}
    found = Rewind(magnitude, sign, rest, norm)(points, mask, frozenset({"bn"}))
    for n in PRUNABLE:
        size, negative = np.abs(points[magnitude][n]), points[sign][n] < 0
        assert np.array_equal(found[n], np.where(mask[n], np.where(negative, -size, size), 0.0))
        assert not np.signbit(found[n][~mask[n]]).any()
    assert np.array_equal(found["bias"], points[rest]["bias"])
    assert np.array_equal(found["bn"], points[norm]["bn"])
    assert all(found[n] is not points[p][n] for n in SHAPES for p in SOURCES)


def test_the_sign_of_a_signed_zero_is_plus():
    points = {"init": {"w": np.array([-3.0, 3.0, 3.0])}, "final": {"w": np.array([-0.0, 0.0, -1.0])}}
    assert Rewind("init", "final")(points, {"w": np.ones(3, dtype=bool)})["w"].tolist() == [3.0, 3.0, -3.0]


def test_moments_are_what_the_trainer_is_asked_for_at_level_zero_only():
    rewind = Rewind(At(1), At(3), "final", At(1))
    assert rewind.moments == {At(1), At(3)}
    params, mask = network(())
    trainer = Toy(0, 0)
    list(levels(Algorithm("x", rewind, fraction=0.2), trainer, params, mask, 2))
    assert trainer.asked == [(0, frozenset({At(1), At(3)})), (1, frozenset()), (2, frozenset())]


def test_the_named_algorithms_restart_where_they_say():
    for algorithm, source in ((IMP, "init"), (WR(POINT), POINT), (LRR, "final"), (FINE_TUNING, "final")):
        trace = run(algorithm, (2,))
        for before, after in itertools.pairwise(trace):
            for n in SHAPES:
                mask = after.mask.get(n, True)
                assert np.array_equal(after.start[n], np.where(mask, before.points[source][n], 0.0)), (algorithm, n)


@pytest.mark.parametrize("algorithm", [IMP, LRR, WR(POINT), RANDOM, Algorithm("x", Rewind(sign="random"))])
def test_going_on_after_any_stored_level_is_the_same_run(algorithm):
    whole = run(algorithm, (2,), n=4)
    params, mask = network((2,))
    for stored in whole[:-1]:
        rest = list(levels(algorithm, Toy(1, np.arange(2)), params, mask, 4, stored))
        assert len(rest) == 4 - stored.index
        assert all(same_level(x, y) for x, y in zip(rest, whole[stored.index + 1 :], strict=True))
    assert list(levels(algorithm, Toy(1, np.arange(2)), params, mask, 4, whole[-1])) == []


def test_algorithms_share_level_zero():
    params, mask = network(())
    shared = run(WR(POINT))[0]
    for algorithm in (IMP, LRR, WR(POINT)):
        alone = run(algorithm)[1:]
        paired = list(levels(algorithm, Toy(0, 0), params, mask, 3, shared))
        for x, y in zip(alone, paired, strict=True):
            assert all(identical(x.start[n], y.start[n]) for n in SHAPES)


def test_prunings_limits_the_levels():
    assert [x.index for x in run(DENSE)] == [0]
    assert [x.index for x in run(Algorithm("x", prunings=2, fraction=0.1), n=5)] == [0, 1, 2]
    assert [x.index for x in run(Algorithm("x", prunings=9, fraction=0.1), n=1)] == [0, 1]


def test_borrowed_masks_are_given_and_nested():
    _, mask = network(())
    given_mask = {n: np.random.default_rng(3).random(m.shape) < 0.5 for n, m in mask.items()}
    trace = run(Borrowed("x", given=given_mask), n=2)
    assert all(np.array_equal(level.mask[n], given_mask[n]) for level in trace[1:] for n in mask)
    half = {n: np.zeros_like(m) for n, m in mask.items()}
    params, _ = network(())
    first = next(iter(levels(Borrowed("x", given=given_mask), Toy(0, 0), params, half, 0)))
    (after,) = levels(Borrowed("x", given=given_mask), Toy(0, 0), params, half, 1, first)
    assert not any(m.any() for m in after.mask.values())


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(500, "step", "step=500"), (1_234_567, "step", "step=1234567"), (3.2, "time", "time=3.2"), (2.0, "epoch", "epoch=2")],
)
def test_the_name_of_a_moment_loses_nothing(value, unit, text):
    assert str(At(value, unit)) == text
    assert WR(At(value, unit)).name == f"WR({text})"


def test_units_convert_or_are_refused():
    assert At(3, "epoch").count(step=1, epoch=100) == 300
    with pytest.raises(ValueError, match="units of epoch"):
        At(3, "epoch").count(time=1.0)


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: At(-1), "-1"),
        (lambda: At(1.5), "1.5"),
        (lambda: At(float("nan")), "nan"),
        (lambda: At(float("inf")), "inf"),
        (lambda: At("soon"), "'soon'"),
        (lambda: At(1, "hours"), "'hours'"),
        (lambda: Rewind("random"), "'random'"),
        (lambda: Rewind(sign="learned"), "'learned'"),
        (lambda: Rewind(norm=3), "3"),
        (lambda: Rewind(optimiser="old"), "'old'"),
        (lambda: Rewind(schedule="none"), "'none'"),
        (lambda: Algorithm("x", criterion="largest"), "'largest'"),
        (lambda: Algorithm("x", scope="local"), "'local'"),
        (lambda: Algorithm("x", fraction=1.5), "1.5"),
        (lambda: Algorithm("x", fraction=float("nan")), "nan"),
        (lambda: Algorithm("x", fraction="much"), "'much'"),
        (lambda: Algorithm("x", fraction=()), r"\(\)"),
        (lambda: Algorithm("x", fraction=(0.2, -0.1)), "-0.1"),
        (lambda: Algorithm("x", count=0), "0"),
        (lambda: Algorithm("x", count=2.5), "2.5"),
        (lambda: Algorithm("x", count=1, fraction=0.5), "0.5 and 1"),
        (lambda: Algorithm("x", prunings=-1), "-1"),
        (lambda: WR(), "{}"),
        (lambda: WR(step=1, time=2), "'time': 2"),
        (lambda: WR(minutes=1), "'minutes'"),
    ],
)
def test_bad_values_get_one_sentence(make, shown):
    with pytest.raises(ValueError, match=shown) as error:
        make()
    text = str(error.value)
    assert text.endswith(".")
    assert "\n" not in text
