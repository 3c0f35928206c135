"""T11: distances to the boundaries of the basins by brute force, and repaired signs by the integrated flow."""

import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theory.claims import t11
from theory.robustness import dense_distance, opposite_distance, repair_time, sign_repaired, sparse_distance

VALUES = st.floats(-3, 3).map(lambda v: round(v, 3))
SEEDS = st.integers(0, 2**32 - 1)
CIRCLE = np.linspace(0, 2 * np.pi, 4001)


@st.composite
def inside(draw):
    """(a, w) with a > −‖w‖, d ≥ 2."""
    a, w = draw(VALUES), np.array(draw(st.lists(VALUES, min_size=2, max_size=5)))
    assume(a > -np.linalg.norm(w) + 1e-3)
    return a, w


def to_cone(a, w, directions):
    """Least distance from (a, w) to the rays (−s, s u) of the cone's side, for unit vectors u: s = max(0, (w·u − a)/2)."""
    s = np.maximum(0, (directions @ w - a) / 2)
    return np.sqrt(((a + s) ** 2 + ((w - s[:, None] * directions) ** 2).sum(-1)).min())


@given(inside(), SEEDS)
def test_the_distance_to_the_cone(state, seed):
    a, w = state
    found, r = dense_distance(a, w), np.linalg.norm(w)
    directions = np.random.default_rng(seed).normal(size=(300, len(w)))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    assert to_cone(a, w, directions) >= found - 1e-12
    nearest = np.vstack([directions, w / r if r else directions[:1]])
    assert to_cone(a, w, nearest) == pytest.approx(float(found), abs=1e-9)


@given(inside())
def test_in_the_plane_by_all_directions(state):
    a, w = state[0], state[1][:2]
    assume(a > -np.linalg.norm(w) + 1e-3)
    found = to_cone(a, w, np.stack([np.cos(CIRCLE), np.sin(CIRCLE)], -1))
    assert found == pytest.approx(float(dense_distance(a, w)), abs=1e-4)


@given(inside(), SEEDS)
def test_perturbing_w_alone(state, seed):
    """A w' with ‖w'‖ ≤ −a exists for a ≤ 0 only, and the nearest is at r + a."""
    a, w = state
    found, r = float(dense_distance(a, w, weights_only=True)), np.linalg.norm(w)
    if a > 0:
        assert found == np.inf
        return
    step = np.random.default_rng(seed).normal(size=w.shape)
    step *= found / np.linalg.norm(step)
    assert np.linalg.norm(w + 0.999 * step) >= -a - 1e-9
    assert np.linalg.norm(w - found * w / r) <= -a + 1e-9


@given(inside(), st.floats(0, 5))
def test_the_opposite_ray(state, x):
    a, w = state
    found = float(opposite_distance(a, w))
    point = np.zeros_like(w)
    point[0] = -x
    assert np.linalg.norm(w - point) >= found - 1e-12
    point[0] = min(w[0], 0.0)
    assert np.linalg.norm(w - point) == pytest.approx(found)


@given(VALUES, st.floats(0.01, 3), SEEDS)
def test_the_distance_to_the_sparse_boundary(a, w, seed):
    assume(a > -w + 1e-3)
    grid = np.linspace(0, 10, 20_001)
    faces = [np.hypot(a - grid, w), np.hypot(a + grid, w - grid), np.hypot(a + grid[:1], w)]
    found = float(sparse_distance(a, w))
    assert min(face.min() for face in faces) == pytest.approx(found, abs=1e-3)
    outside = np.random.default_rng(seed).uniform(-5, 5, (2000, 2))
    outside = outside[(outside[:, 1] <= 0) | (outside[:, 0] <= -outside[:, 1])]
    assert np.hypot(a - outside[:, 0], w - outside[:, 1]).min() >= found
    alone = float(sparse_distance(a, w, weights_only=True))
    left = np.linspace(-5, w, 5001)
    assert (w - left[(left <= 0) | (a <= -left)]).min() == pytest.approx(alone, abs=2e-3)


@given(inside())
def test_the_code_computes_the_expressions_that_are_proved(state):
    a, w = state
    r = float(np.linalg.norm(w))
    proved = sp.lambdify((t11.a, t11.r), t11.SIDE if a < r else t11.APEX)(a, r)
    assert float(dense_distance(a, w)) == pytest.approx(proved)
    if abs(w[0]) > 0.01 and a > -abs(w[0]):
        side = sp.lambdify((t11.a, t11.w), t11.SPARSE_SIDE)(a, abs(w[0]))
        assert float(sparse_distance(a, abs(w[0]))) == pytest.approx(min(abs(w[0]), side))


def learns(truth, a, w, sparse):
    """By the flow: the end has w_1 > 0 and a w_1 = 1."""
    if sparse or not w[1:].any():
        end = truth.line(a, w[0], (0.5, 1.0, 0.5, 0.0))
    else:
        end = truth.plane(a, np.linalg.norm(w), math.atan2(np.linalg.norm(w[1:]), -w[0]))
    return end.w1 > 1e-3 and abs(end.a * end.w1 - 1) < 1e-5


@given(inside(), st.lists(st.booleans(), min_size=5, max_size=5), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=60)
def test_which_flips_are_repaired(truth, state, flips, outer, sparse, converged):
    a, w = state
    if converged:
        w = np.where(np.arange(len(w)) == 0, w, 0.0)
    changed, turned = np.where(flips[: len(w)], -w, w), -a if outer else a
    size = abs(changed[0]) if sparse else np.linalg.norm(changed)
    assume(abs(turned + size) > 0.05 and abs(changed[0]) > 1e-2)
    expected = learns(truth, turned, changed, sparse)
    assert sign_repaired(a, w, flips=flips[: len(w)], outer=outer, sparse=sparse) == expected


def test_balanced_the_flip_of_a_leads_to_the_boundary(truth):
    w = np.array([3.0, 4.0])
    assert not sign_repaired(5.0, w, outer=True)
    assert not learns(truth, -5.0, w, sparse=False)


@given(st.floats(0.3, 2), st.floats(0, 1.5))
@settings(max_examples=20)
def test_the_time_of_a_repair(truth, r, excess):
    """Leading order in ψ, c ≥ 0: the time until w_1 > 0, integrated in ln tan(ψ/2)."""
    c, psi = excess, 2e-4
    a = math.sqrt(c + r * r)

    def speed(_, x):
        along, turn = truth.turning(float(x[2]))
        return x[1] * (along - x[0] * x[1] / 2), x[0] * (along - x[0] * x[1] / 2), x[0] / x[1] * turn

    go = truth.advance(speed, [a, r, math.log(math.tan(psi / 2))], 0.0, 1e-9, 1e-12)
    time = float(repair_time(a, r, psi))
    late = 4 + 6 / a**2
    assert go(time * 0.9 - late if time * 0.9 > late else 0.0)[2] < 0
    assert go(time * 1.1 + late)[2] > 0


def test_false_variants_are_falsified(truth):
    rays = np.stack([np.cos(CIRCLE), np.sin(CIRCLE)], -1)
    plane = inside().map(lambda state: (state[0], state[1][:2])).filter(lambda s: s[0] > -np.linalg.norm(s[1]) + 1e-3)
    for formula in (lambda a, r: (a + r) / math.sqrt(2), lambda a, r: math.hypot(a, r), lambda a, r: a + r):
        holds = lambda s, f=formula: abs(to_cone(*s, rays) - f(s[0], np.linalg.norm(s[1]))) < 1e-2  # noqa: E731
        assert truth.counterexample(plane, holds) is not None
    assert truth.counterexample(inside(), lambda s: -s[0] > -np.linalg.norm(s[1])) is not None
