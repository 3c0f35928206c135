"""T9, supermasks: losses of masked untrained neurons by integration, what beats chance, mean gains by sampling."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from theory.criteria import CRITERIA
from theory.supermask import CHANCE, beats_chance, mean_gain, mean_supermask_loss, supermask_loss

VALUES = st.floats(-2, 2).map(lambda v: round(v, 2))
WEIGHTS = st.integers(1, 5).flatmap(lambda d: st.tuples(arrays(float, d, elements=VALUES), arrays(bool, d)))


def integrated(a, w):
    """½E[(aφ(w·x) − φ(x_1))²] in the plane of e_1 and w, by the polar angle: E over the radius gives 2."""
    u = np.array([w[0], np.linalg.norm(w[1:])])
    t = (np.arange(200_000) + 0.5) / 200_000 * 2 * np.pi
    x = np.stack([np.cos(t), np.sin(t)])
    return ((a * np.maximum(u @ x, 0) - np.maximum(x[0], 0)) ** 2).mean()


@given(VALUES, WEIGHTS)
def test_the_loss_by_integration(a, pair):
    w, mask = pair
    assert supermask_loss(a, w, mask) == pytest.approx(integrated(a, w * mask), abs=1e-8)


@given(VALUES, st.floats(0.01, 2))
def test_one_weight_left(a, size):
    p, d = a * size, 3
    for index, sign, expected in ((0, 1, (1 - p) ** 2 / 4), (0, -1, (1 + p * p) / 4), (2, 1, (1 + p * p) / 4 - p / (2 * np.pi)),
                                  (2, -1, (1 + p * p) / 4 - p / (2 * np.pi))):  # fmt: skip
        w = np.where(np.arange(d) == index, sign * size, 0.7)
        found = supermask_loss(a, w, np.arange(d) == index)
        assert found == pytest.approx(expected, abs=1e-12)
        limit = {(0, 1): 2, (0, -1): 0}.get((index, sign), 2 / np.pi)
        if abs(p - limit) > 1e-9:
            assert beats_chance(a, w, np.arange(d) == index) == (0 < p < limit)


@given(VALUES, WEIGHTS)
def test_what_beats_chance_is_what_has_less_loss(a, pair):
    value = supermask_loss(a, *pair)
    if abs(value - CHANCE) > 1e-12:
        assert beats_chance(a, *pair) == (value < CHANCE)


def test_chance_and_the_opposite_ray_do_not_beat_chance():
    assert supermask_loss(1.0, [1.0, 2.0], [False, False]) == CHANCE
    assert not beats_chance(1.0, [1.0, 2.0], [False, False])
    assert not beats_chance(np.logspace(-300, 0, 7), np.tile([-1.0, 0.0], (7, 1))).any()
    assert not beats_chance(0.0, [1.0, 0.0])
    assert beats_chance(1e-300, [1.0, 0.0])
    assert not beats_chance(2.0, [1.0, 0.0])
    assert beats_chance(np.nextafter(2.0, 0), [1.0, 0.0])


@given(VALUES, WEIGHTS)
def test_the_mean_over_the_sign_of_a_never_beats_chance(a, pair):
    mean = mean_supermask_loss(a, *pair)
    assert mean == pytest.approx((supermask_loss(a, *pair) + supermask_loss(-a, *pair)) / 2, abs=1e-12)
    assert mean >= CHANCE


@pytest.mark.parametrize("name", ["large_final", "random", "large_final_same_sign", "large_final_diff_sign"])
@pytest.mark.parametrize("d", [2, 10])
def test_the_mean_gain_by_sampling(name, d):
    """The criteria themselves, with w_f = e_1 after training, ties at random, a0 > 0 small enough for the linear term."""
    rng, trials = np.random.default_rng(4), 200_000
    w0 = rng.normal(size=(trials, d))
    final = np.zeros((trials, d))
    final[:, 0] = 1.0
    final[:, 1:] = np.sign(w0[:, 1:]) * 1e-200  # w_⊥ fades, its signs stay (T7)
    points = {"init": w0, "final": final, "random": rng.uniform(size=(trials, d))}
    criterion = CRITERIA[name]
    score = np.where(np.abs(s := criterion(*(points[p] for p in criterion.needs))) < 1e-100, 0.0, s)
    best = np.where(score == score.max(-1, keepdims=True), 1 + rng.uniform(size=score.shape), 0).argmax(-1)
    mask = np.arange(d) == best[:, None]
    a = 1e-3
    p = a * np.abs(w0[np.arange(trials), best])
    gains = CHANCE + p * p / 4 - supermask_loss(a, w0, mask)
    error = gains.std() / np.sqrt(trials) / p.mean() + 1e-9
    assert gains.mean() / p.mean() == pytest.approx(mean_gain(name, d), abs=6 * error)


def test_one_input_leaves_no_choice():
    assert [float(mean_gain(name, 1)) for name in ("large_final", "random", "large_final_same_sign")] == [0.25] * 3


def test_given_the_right_sign_a_signed_mask_gains_twice_as_much():
    """½ where w0_1 > 0 and 0 where not: the gains of keeping e_1, before the ties."""
    p = 1e-6
    assert (CHANCE - supermask_loss(p, [1.0, 1.0], [True, False])) / p == pytest.approx(0.5, rel=1e-5)
    assert CHANCE - supermask_loss(p, [-1.0, 1.0], [True, False]) <= 0


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: supermask_loss(1.0, [1.0, 1.0], [1, 0]), r"\[1, 0\]"),
        (lambda: supermask_loss(1.0, [1.0, 1.0], [True] * 3), r"\(3,\)"),
        (lambda: beats_chance(np.nan, [1.0]), "nan"),
        (lambda: mean_supermask_loss(1.0, []), r"\(0,\)"),
        (lambda: mean_gain("movement", 3), "'movement'"),
        (lambda: mean_gain("random", 2.5), "2.5"),
    ],
)
def test_bad_input_is_quoted(call, quoted):
    with pytest.raises(ValueError, match=quoted):
        call()
