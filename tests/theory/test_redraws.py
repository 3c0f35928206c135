"""Mask-1 actions of T9 in the loop: exact for every network, keyed by network and level, the same in NumPy and torch."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from theory.algorithms import Algorithm, Rewind, levels
from theory.names import algorithm
from theory.redraws import REDRAWN, redrawn

SHAPES = {"conv": (3, 2, 2), "fc": (4, 3), "bias": (4,), "bn": (3,)}
PRUNABLE = ("conv", "fc")


class Still:
    """A trainer that moves every weight a little, elementwise, so that every library computes the same bits."""

    norm = frozenset({"bn"})

    def __init__(self, batch, keys):
        self.batch, self.keys = batch, np.asarray(keys, dtype=np.uint64)

    def train(self, params, mask, level, at, rewind):
        return {"final": {n: (0.5 * x - 0.125) * mask.get(n, 1) for n, x in params.items()}}


def network(batch):
    rng = np.random.default_rng(4)
    params = {n: rng.standard_normal((*batch, *shape)) for n, shape in SHAPES.items()}
    return params, {n: np.ones((*batch, *SHAPES[n]), dtype=bool) for n in PRUNABLE}


def run(rewind, batch=(), n=3, keys=None, tensor=lambda x: x, done=None):
    params, mask = network(batch)
    params, mask = ({k: tensor(v) for k, v in x.items()} for x in (params, mask))
    keys = np.arange(int(np.prod(batch))).reshape(batch) if keys is None else keys
    return list(levels(Algorithm("x", rewind, fraction=0.3), Still(len(batch), keys), params, mask, n, done))


def each(batch):
    return list(np.ndindex(batch))


@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
def test_a_reshuffle_permutes_the_kept_weights_of_a_layer(batch):
    for level in run(Rewind("reshuffle"), batch)[1:]:
        initial = network(batch)[0]
        for n in PRUNABLE:
            for b in each(batch):
                kept = level.mask[n][b]
                assert np.array_equal(np.sort(abs(level.start[n][b][kept])), np.sort(abs(initial[n][b][kept])))
                assert not level.start[n][b][~kept].any()
                assert np.array_equal(level.start[n][b][kept] < 0, initial[n][b][kept] < 0)
        moved = [not np.array_equal(abs(level.start[n][k]), abs(initial[n][k])) for n in PRUNABLE if (k := level.mask[n]).any()]
        assert any(moved)


@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
def test_a_reinit_draws_from_the_layer_s_initial_values(batch):
    for level in run(Rewind("reinit", "final"), batch)[1:]:
        initial = network(batch)[0]
        for n in PRUNABLE:
            for b in each(batch):
                kept = level.mask[n][b]
                assert np.isin(abs(level.start[n][b][kept]), abs(initial[n][b])).all()
                assert not level.start[n][b][~kept].any()


@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
def test_a_constant_is_the_deviation_of_the_layer(batch):
    for level in run(Rewind("constant", "init"), batch)[1:]:
        initial = network(batch)[0]
        for n in PRUNABLE:
            for b in each(batch):
                kept, signs = level.mask[n][b], np.where(initial[n][b] < 0, -1, 1)
                assert np.allclose(level.start[n][b], kept * signs * initial[n][b].std(), rtol=1e-14)


def test_draws_are_fair():
    """Of five values each is drawn by a weight as often as any other; of three kept ones each permutation is as likely."""
    initial, mask = np.tile(np.arange(1.0, 6.0), (6000, 1)), np.tile([True, False, True, True, False], (6000, 1))
    draws = np.random.default_rng(1).random((6000, 5))
    again = redrawn("reinit", initial, mask, draws, 1)
    assert all(chisquare(np.unique(again[:, j], return_counts=True)[1]).pvalue > 1e-3 for j in range(5))
    order = redrawn("reshuffle", initial, mask, draws, 1)[:, [0, 2, 3]] @ [100, 10, 1]
    kinds, counts = np.unique(order, return_counts=True)
    assert kinds.tolist() == [134, 143, 314, 341, 413, 431]
    assert chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("magnitude", REDRAWN)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_numpy_and_torch_agree(magnitude, batch, dtype):
    """To the bit, but for the standard deviation, whose sum each library takes in an order of its own."""
    rewind = Rewind(magnitude, "random", "final")
    kind = np.float64 if dtype == torch.float64 else np.float32
    ours = run(rewind, batch, tensor=lambda x: x if x.dtype == bool else x.astype(kind))
    theirs = run(rewind, batch, tensor=lambda x: torch.tensor(x if x.dtype == bool else x.astype(kind)))
    for one, other in zip(ours[1:], theirs[1:], strict=True):
        for n in SHAPES:
            x, y = one.start[n], other.start[n].numpy()
            assert x.dtype == y.dtype
            if magnitude == "constant":
                assert np.allclose(x, y, rtol=8 * np.finfo(kind).eps, atol=0)
            else:
                assert np.array_equal(x, y)


@pytest.mark.parametrize("magnitude", REDRAWN)
def test_going_on_after_a_stored_level_is_the_same_run(magnitude):
    rewind = Rewind(magnitude, "random")
    whole = run(rewind, (2,), n=4)
    for stored in whole[:-1]:
        rest = run(rewind, (2,), n=4, done=stored)
        for x, y in zip(rest, whole[stored.index + 1 :], strict=True):
            assert all(np.array_equal(x.start[n], y.start[n]) for n in SHAPES)


@pytest.mark.parametrize("magnitude", ["reinit", "reshuffle"])
def test_draws_are_keyed_by_network_and_level(magnitude):
    """A network's draws do not depend on its neighbours; another level or another key draws anew."""
    keys = np.array([7, 8, 9], dtype=np.uint64)
    params, mask = network((3,))
    together = run(Rewind(magnitude), (3,), keys=keys)
    for i in range(3):
        one = {n: v[i : i + 1] for n, v in params.items()}, {n: v[i : i + 1] for n, v in mask.items()}
        alone = list(levels(Algorithm("x", Rewind(magnitude), fraction=0.3), Still(1, keys[i : i + 1]), *one, 3))
        assert all(np.array_equal(x.start[n][i], y.start[n][0]) for x, y in zip(together, alone, strict=True) for n in SHAPES)
    other = run(Rewind(magnitude), (3,), keys=keys + np.uint64(1))
    assert not np.array_equal(together[1].start["fc"], other[1].start["fc"])
    whole = {"w": np.arange(1.0, 101.0)}, {"w": np.ones(100, dtype=bool)}
    stay = [v.start["w"] for v in levels(Algorithm("x", Rewind(magnitude), fraction=0.0), Still(0, 3), *whole, 2)]
    assert not np.array_equal(stay[1], stay[2])


def test_what_is_not_redrawn_restarts_as_before():
    for magnitude in REDRAWN:
        for level in run(Rewind(magnitude, "init", "final", "init"), (2,))[1:]:
            assert np.array_equal(level.start["bn"], network((2,))[0]["bn"])
            assert not np.array_equal(level.start["bias"], network((2,))[0]["bias"])


def test_a_layer_of_one_weight_has_no_deviation():
    assert redrawn("constant", np.array([[2.0], [3.0]]), np.ones((2, 1), dtype=bool), np.zeros((2, 1)), 1).tolist() == [
        [0.0],
        [0.0],
    ]


@pytest.mark.parametrize("magnitude", REDRAWN)
def test_nothing_to_restore_from(magnitude):
    for options in ({"optimiser": "restore"}, {"schedule": "replay"}):
        with pytest.raises(ValueError, match=f"'{magnitude}' have no moment"):
            Rewind(magnitude, **options)
    assert Rewind(magnitude, optimiser="carry", schedule="hold").moments == frozenset()


def test_restarts_by_name():
    found = algorithm("restart( sign='final', magnitude='reinit',criterion='movement')")
    assert found == Algorithm(
        "restart(magnitude='reinit', sign='final', criterion='movement')", Rewind("reinit", "final"), "movement"
    )
    assert algorithm(found.name) == found
    assert algorithm("restart(rest='final')").rewind == Rewind(rest="final")


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ("restart", "not nothing"),
        ("restart()", "not nothing"),
        ("restart(size='init')", "size='init'"),
        ("restart(magnitude=3)", "magnitude=3"),
        ("restart(magnitude='redraw')", "'redraw'"),
        ("restart(rest='random')", "'random'"),
        ("restart(magnitude='init', criterion='largest')", "'largest'"),
    ],
)
def test_restarts_that_mean_nothing(spec, shown):
    with pytest.raises(ValueError, match=shown) as error:
        algorithm(spec)
    assert "\n" not in str(error.value)
