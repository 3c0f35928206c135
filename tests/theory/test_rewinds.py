"""Sign perturbation and fixed signs as data of a rewind: exact shares, fair draws, projection; through the loop and exactly."""

import itertools
from dataclasses import replace
from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

import theory
from simulate.gd import BranchForce, descend
from theory import ExactTrainer, learns
from theory.algorithms import IMP, LRR, Algorithm, At, Rewind, flipped, into_orthant, levels, next_start, orthant
from theory.names import algorithm
from theory.one_input import Branches
from theory.streams import bits

SHAPES = {"conv": (3, 2, 2), "fc": (4, 3), "bias": (4,), "bn": (3,)}
PRUNABLE = ("conv", "fc")
BATCHES = st.sampled_from([(), (3,), (2, 2)])


class Toy:
    """Weights drift a little, elementwise, so that every library computes the same bits."""

    norm = frozenset({"bn"})

    def __init__(self, batch, keys):
        self.batch, self.keys = len(batch), np.asarray(keys, dtype=np.uint64).reshape(batch)

    def train(self, params, mask, level, at, rewind):
        return {"final": {n: (0.75 * x + 0.0625) * mask.get(n, 1) for n, x in params.items()}}


def run(law, batch=(), n=3, keys=None, tensor=np.asarray, done=None):
    rng = np.random.default_rng(2)
    params = {name: tensor(rng.standard_normal((*batch, *shape))) for name, shape in SHAPES.items()}
    mask = {name: tensor(np.ones((*batch, *SHAPES[name]), dtype=bool)) for name in PRUNABLE}
    trainer = Toy(batch, np.arange(prod(batch)) if keys is None else keys)
    return list(levels(law, trainer, params, mask, n, done))


def flat(tensors, batch):
    return np.concatenate([np.asarray(tensors[n]).reshape(prod(batch), -1) for n in PRUNABLE], axis=-1)


def masks_of(batch, seed):
    rng = np.random.default_rng(seed)
    return {n: rng.random((*batch, *SHAPES[n])) < rng.random() for n in PRUNABLE}


def broken(flips, batch, share, seed, level=1, k=0):
    """Which laws of a perturbation the function ``flips`` breaks."""
    keys, mask = bits(seed, "flips", size=prod(batch)).reshape(batch), masks_of(batch, seed)
    found, alive = flips(Rewind(flip=share), keys, mask, level, k, len(batch)), flat(mask, batch)
    changed = flat(found, batch)
    single = [flips(Rewind(flip=share), keys[b], {n: m[b] for n, m in mask.items()}, level, k, 0) for b in np.ndindex(batch)]
    laws = {
        "kept weights alone": not (changed & ~alive).any(),
        "exactly the share": np.array_equal(changed.sum(-1), [round(share * int(a)) for a in alive.sum(-1)]),
        "whatever runs beside": np.array_equal(changed, np.concatenate([flat(x, ()) for x in single])),
    }
    return [law for law, holds in laws.items() if not holds]


def each_by_chance(rewind, keys, mask, level, k, batch):
    """A faulty variant: every weight with this probability."""
    rng = np.random.default_rng([level, k, *np.ravel(keys)])
    return {n: m & (rng.random(m.shape) < rewind.flip) for n, m in mask.items()}


def of_all(rewind, keys, mask, level, k, batch):
    """A faulty variant: the share of all weights, pruned ones included."""
    return rewind.flips(keys, {n: m | True for n, m in mask.items()}, level, k, batch)


def rounded_down(rewind, keys, mask, level, k, batch):
    """A faulty variant: the floor of the share."""
    alive = sum(int(m.sum()) for m in mask.values())
    return Rewind(flip=np.floor(rewind.flip * alive) / max(alive, 1)).flips(keys, mask, level, k, batch)


@given(BATCHES, st.sampled_from([0, 0.1, 0.3, 0.5, 0.77, 1]), st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(0, 3))
def test_exactly_the_share_of_the_kept_weights_flips(batch, share, seed, level, k):
    assert broken(Rewind.flips, batch, share, seed, level, k) == []


@pytest.mark.parametrize(
    ("faulty", "law"),
    [(each_by_chance, "exactly the share"), (of_all, "kept weights alone"), (rounded_down, "exactly the share"),
     (each_by_chance, "whatever runs beside")],
)  # fmt: skip
def test_faulty_perturbations_are_caught(faulty, law):
    batch = () if faulty is rounded_down else (3,)
    assert any(law in broken(faulty, batch, 0.3, seed) for seed in range(10))


@given(BATCHES, st.sampled_from([0.3, 0.5, 1]), st.integers(0, 2**32 - 1))
def test_torch_flips_the_same(batch, share, seed):
    mask, keys = masks_of(batch, seed), bits(seed, "k", size=prod(batch)).reshape(batch)
    ours = Rewind(flip=share).flips(keys, mask, 2, 1, len(batch))
    theirs = Rewind(flip=share).flips(keys, {n: torch.tensor(m) for n, m in mask.items()}, 2, 1, len(batch))
    assert all(theirs[n].dtype == torch.bool and np.array_equal(ours[n], theirs[n].numpy()) for n in mask)


def test_draws_are_fair_and_anew_at_each_time_of_each_level():
    rewind, mask = Rewind(flip=0.3), {"w": np.ones((4000, 10), bool)}
    found = {at: rewind.flips(np.arange(4000), mask, *at, 1)["w"] for at in ((1, 0), (1, 1), (2, 0))}
    for flips in found.values():
        assert chisquare(flips.sum(0)).pvalue > 1e-3
    for one, other in itertools.combinations(found.values(), 2):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.03


def test_a_flip_changes_signs_alone_and_makes_no_minus_zero():
    x = np.array([1.5, -2.0, 0.0, 5e-324, -0.25])
    out = flipped({"w": x, "a": x}, {"w": np.array([True, True, True, True, False])})
    assert out["w"].tolist() == [-1.5, 2.0, 0.0, -5e-324, -0.25]
    assert not np.signbit(out["w"][2])
    assert out["a"] is x
    back = flipped({"w": torch.tensor(out["w"])}, {"w": torch.tensor([True, True, True, True, False])})
    assert back["w"].tolist() == x.tolist()


@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("tensor", [np.asarray, torch.tensor])
@pytest.mark.parametrize("rewind", [Rewind(), LRR.rewind, Rewind("reinit", "random")])
def test_the_loop_flips_at_the_start_of_each_level_from_one_on(batch, tensor, rewind):
    law = Algorithm("x", replace(rewind, flip=0.4), fraction=0.2)
    trace = run(law, batch, tensor=tensor)
    for before, after in itertools.pairwise(trace):
        plain = next_start(replace(law, rewind=rewind), Toy(batch, np.arange(prod(batch))), before)
        start, calm, alive = flat(after.start, batch), flat(plain[1], batch), flat(after.mask, batch)
        assert np.array_equal(abs(start), abs(calm))
        assert np.array_equal((start != calm).sum(-1), np.round(0.4 * alive.sum(-1)))
        assert not np.signbit(start[~alive]).any()
        assert all(np.array_equal(after.start[n], plain[1][n]) for n in ("bias", "bn"))
    assert np.array_equal(flat(trace[0].start, batch), flat(run(IMP, batch, n=0)[0].start, batch))


def test_next_start_is_what_the_loop_does_and_a_stored_level_goes_on():
    law = Algorithm("x", Rewind("final", "random", flip=0.3), "random", scope="erk", fraction=0.3)
    trace = run(law, (2,))
    for before, after in itertools.pairwise(trace):
        mask, params = next_start(law, Toy((2,), np.arange(2)), before)
        assert all(np.array_equal(params[n], after.start[n]) for n in SHAPES)
        assert all(np.array_equal(mask[n], after.mask[n]) for n in PRUNABLE)
        (again, *_) = run(law, (2,), done=before)
        assert all(np.array_equal(again.start[n], after.start[n]) for n in SHAPES)


VALUES = st.lists(st.sampled_from([-2.0, -0.0, 0.0, 1.0, np.nan]), min_size=3, max_size=3)


@given(VALUES, VALUES)
def test_the_projection_is_the_nearest_point_of_the_orthant(start, now):
    start, now = np.nan_to_num(np.array(start)), np.array(now)
    negative = orthant({"w": start, "a": start}, {"w": start > 0})
    assert list(negative) == ["w"]
    out = into_orthant(now, negative["w"])
    expected = [x if np.isnan(x) else min(x, 0.0) if s < 0 else max(x, 0.0) for s, x in zip(start, now, strict=True)]
    assert np.array_equal(out, expected, equal_nan=True)
    assert not np.signbit(out[out == 0]).any()
    assert np.array_equal(into_orthant(out, negative["w"]), out, equal_nan=True)
    in_torch = into_orthant(torch.tensor(now), torch.tensor(negative["w"])).numpy()
    assert np.array_equal(in_torch, out, equal_nan=True)
    assert np.array_equal(np.signbit(in_torch), np.signbit(out))


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"flip": 1.5}, "1.5"),
        ({"flip": float("nan")}, "nan"),
        ({"flip": "some"}, "'some'"),
        ({"flip_every": 30}, "30"),
        ({"flip_every": At(0, "epoch")}, "value=0"),
        ({"flip_every": At(float("inf"), "time")}, "value=inf"),
        ({"flip_every": At(3), "signs": "fixed"}, "step=3"),
        ({"flip_momentum": "lost"}, "'lost'"),
        ({"signs": "held"}, "'held'"),
        ({"magnitude": "donor", "optimiser": "restore"}, "'donor'"),
    ],
)
def test_bad_values_get_one_sentence(options, shown):
    with pytest.raises(ValueError, match=shown) as error:
        Rewind(**options)
    assert str(error.value).count(".") - str(shown).count(".") >= 1
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["step", "step=", "epoch=soon", "hours=3", "step=1.5", "=3"])
def test_a_moment_that_is_none_gets_one_sentence(text):
    with pytest.raises(ValueError):
        At.of(text)
    assert At.of(" epoch = 2.5".replace(" ", "")) == At(2.5, "epoch")
    assert At.of(str(At(1_234_567))) == At(1_234_567)


# The exact maps.

NOISY = Branches(0.5, 1.0, 0.5, 0.3)
STARTS = np.array([(a, w) for a in (-1.3, -0.4, 0.6, 1.2) for w in (-0.9, -0.5, 0.4, 1.1)])


def by_descent(fixed, branches, t=30.0, eta=4e-3):
    """Gradient descent of one input in small steps, with or without projection."""
    columns = (np.full(len(STARTS), b) for b in branches)
    run = descend(BranchForce(*columns), STARTS[:, 0], STARTS[:, 1:], eta, round(t / eta), fixed=fixed)
    return run.a, run.w[:, 0]


def last_level(rewind, branches, t=30.0):
    one = Algorithm("x", rewind, fraction=0.0, prunings=1)
    trainer = ExactTrainer(len(STARTS), Branches(*(np.full(len(STARTS), b) for b in branches)), t)
    params, mask = {"a": STARTS[:, 0], "w": STARTS[:, 1:]}, {"w": np.ones((len(STARTS), 1), bool)}
    return list(levels(one, trainer, params, mask, 1))[-1].points["final"]


@pytest.mark.parametrize("branches", [NOISY, NOISY._replace(beta_minus=-0.3), Branches(0.4, -0.2, 0.6, 0.5)])
def test_fixed_signs_of_one_weight_are_those_of_projected_descent(branches):
    end = last_level(Rewind(signs="fixed"), branches)
    a, w = by_descent(True, branches)
    assert np.allclose(end["a"], a, atol=8e-3)
    assert np.allclose(end["w"][:, 0], w, atol=8e-3)
    assert ((end["w"][:, 0] * STARTS[:, 1]) >= 0).all()
    free, crossed = last_level(Rewind(), branches)["w"][:, 0], by_descent(False, branches)[1] * STARTS[:, 1] < -0.05
    assert np.array_equal(abs(free - end["w"][:, 0]) > 0.05, crossed)
    assert crossed.any() == (branches == NOISY)


def test_in_the_population_fixed_signs_change_nothing_for_one_input():
    """T2a: w_1 < 0 never reaches zero, and what comes to zero from above rests there; so does projected descent."""
    free, fixed = (last_level(Rewind(signs=s), theory.POPULATION) for s in ("free", "fixed"))
    assert np.array_equal(free["w"], fixed["w"])
    assert np.array_equal(free["a"], fixed["a"])
    for one, other in zip(by_descent(False, theory.POPULATION), by_descent(True, theory.POPULATION), strict=True):
        assert np.allclose(one, other, atol=4e-3)
    law = algorithm("LRR(signs='fixed')")
    starts = np.random.default_rng(0).standard_normal((200, 4))
    assert np.array_equal(learns(law, starts[:, 0], starts[:, 1:]), learns("LRR", starts[:, 0], starts[:, 1:]))
    noisy = starts[:, 0], starts[:, 1:]
    assert learns("IMP(signs='fixed')", *noisy, branches=NOISY).tolist() == learns("IMP", *noisy).tolist()
    assert learns("IMP", *noisy, branches=NOISY).sum() > learns("IMP", *noisy).sum()


def test_flips_inside_a_finite_phase_are_the_phases_put_together():
    rewind, t = Rewind("final", "final", "final", flip=1.0, flip_every=At(4.0, "time")), 10.0
    trainer = ExactTrainer(len(STARTS), NOISY, t)
    params, mask = {"a": STARTS[:, 0], "w": STARTS[:, 1:]}, {"w": np.ones((len(STARTS), 1), bool)}
    end = trainer.train(params, mask, 1, frozenset(), rewind)["final"]
    for span, sign in ((4.0, -1), (4.0, -1), (2.0, 1)):
        params = ExactTrainer(len(STARTS), NOISY, span).train(params, mask, 0, frozenset(), Rewind())["final"]
        params = {"a": params["a"], "w": 0 + sign * params["w"]}
    assert np.array_equal(end["w"], params["w"])
    assert np.array_equal(end["a"], params["a"])
    calm = trainer.train({"a": STARTS[:, 0], "w": STARTS[:, 1:]}, mask, 0, frozenset(), rewind)["final"]
    assert not np.array_equal(calm["w"], end["w"])


def test_learns_knows_flips_that_are_certain():
    """One weight flips or it does not; of several some do, which is a draw."""
    rng = np.random.default_rng(1)
    a0, w0 = rng.standard_normal(100), rng.standard_normal((100, 3))
    lrr = learns("LRR", a0, w0)
    assert lrr.any()
    assert not learns("LRR(flip=1.0)", a0, w0).any()
    assert np.array_equal(learns("LRR(flip=0.5)", a0, w0), lrr)
    opposite = learns("IMP", a0, w0 * [-1, 1, 1])
    assert np.array_equal(learns("learned-signs(sign='init', flip=0.9)", a0, w0), opposite)
    with pytest.raises(ValueError, match="depends on which signs flip"):
        learns("LRR(flip=0.5, count=2)", a0, w0)
    with pytest.raises(ValueError, match=r"every time=2 in a phase that never ends"):
        learns("LRR(flip=1.0, flip_every='time=2')", a0, w0)
    assert learns("LRR(flip=1.0, flip_every='time=2')", a0, w0, t=7.0).shape == (100,)


@pytest.mark.parametrize("name", ["LRR(flip=1.0)", "IMP(signs='fixed')", "IMP(sign='donor')", "IMP(masks='donor')"])
def test_formulas_refuse_what_they_do_not_know(name):
    law = algorithm(name)
    for ask in (
        lambda: theory.success_probability(law, "balanced", 3),
        lambda: theory.succeeds(law, 1.0, [0.6, 0.8]),
        lambda: theory.restarts(law.rewind, 1.0, [0.6, 0.8]),
        lambda: theory.restart_condition(law.rewind),
        lambda: theory.restart_probability("movement", law.rewind, theory.Balanced(), 3),
    ):
        if law.masks == "scored" or ask.__code__.co_names[1] in ("success_probability", "succeeds"):
            with pytest.raises(ValueError, match=r"No formula is known for .*; simulate it\."):
                ask()


def test_several_fixed_weights_have_no_exact_map_and_no_explanation():
    with pytest.raises(ValueError, match=r"fixed signs of 2 weights; use simulate with engine='gd'"):
        learns("LRR(signs='fixed', count=2)", 1.0, [0.6, 0.8, 0.1])
    with pytest.raises(ValueError, match="not explained"):
        theory.explain("LRR(signs='fixed')", 1.0, [0.6, 0.8])
    assert "w_1 = -1" in theory.explain("LRR(flip=1.0)", 1.0, [0.6, 0.8])
