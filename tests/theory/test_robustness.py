"""T11: distances to the edge of a basin by brute-force minimisation, repaired signs by the flow, repair times by a solver."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar

from theory.dense_flow import dense_limit, in_basin
from theory.one_input import POPULATION, flow
from theory.population import gradient
from theory.robustness import dense_distance, opposite_distance, repair_time, sign_repaired, sparse_distance
from theory.times import sign_escape_time

VALUES = st.floats(-3, 3).map(lambda v: round(v, 2))
WEIGHTS = st.integers(2, 5).flatmap(lambda d: arrays(float, d, elements=VALUES))


def nearest(distance, low=-10.0, high=10.0):
    """Minimum over a parameter of the boundary: a grid, then a bounded search around its best point."""
    grid = np.linspace(low, high, 401)
    values = [distance(x) for x in grid]
    best = int(np.argmin(values))
    around = grid[max(best - 1, 0)], grid[min(best + 1, 400)]
    return min(values[best], minimize_scalar(distance, bounds=around, method="bounded", options={"xatol": 1e-10}).fun)


@given(VALUES, WEIGHTS)
def test_the_distance_to_the_cone(a, w):
    """The nearest point of {a = −‖w‖} lies in the plane of (a, w): (−x, x ŵ), x ≥ 0."""
    r = np.linalg.norm(w)
    assume(a > -r)
    expected = nearest(lambda x: np.hypot(a + abs(x), r - abs(x)), 0.0, 10.0)
    assert dense_distance(a, w) == pytest.approx(expected, abs=1e-7)


@given(VALUES, WEIGHTS, st.integers(0, 2**32 - 1))
def test_no_smaller_perturbation_leaves_and_a_larger_one_does(a, w, seed):
    """Random perturbations a little shorter than the distance stay in a > −‖w‖; towards the boundary a little more leaves."""
    distance, r = float(dense_distance(a, w)), np.linalg.norm(w)
    assume(a > -r)
    assume(r > 1e-3)
    steps = np.random.default_rng(seed).normal(size=(200, w.size + 1))
    steps *= distance * (1 - 1e-9) / np.linalg.norm(steps, axis=-1, keepdims=True)
    assert (a + steps[:, 0] > -np.linalg.norm(w + steps[:, 1:], axis=-1)).all()
    foot = max((r - a) / 2, 0.0)  # on the ray (−x, x ŵ)
    over = np.array([-foot - a, foot - r])
    assert np.linalg.norm(over) == pytest.approx(distance)
    assert a + over[0] * (1 + 1e-9) <= -abs(r + over[1]) + 1e-8


@given(VALUES, WEIGHTS)
def test_the_distance_with_a_fixed(a, w):
    r = np.linalg.norm(w)
    found = dense_distance(a, w, weights_only=True)
    assume(a > -r)
    if a > 0:
        assert found == np.inf
    else:
        assert found == pytest.approx(nearest(lambda x: abs(r - x), a, -a + 1e-300))
        assert not in_basin(a, w * (1 - found / r * (1 + 1e-9 * (a < 0))) * (a < 0))
        assert in_basin(a, np.append(w * (1 - found / r * (1 - 1e-9)), 1e-200))
    assert found >= dense_distance(a, w) - 1e-12


@given(VALUES, WEIGHTS)
def test_the_distance_to_the_opposite_ray(a, w):
    expected = nearest(lambda x: np.hypot(w[0] + abs(x), np.linalg.norm(w[1:])))
    assert opposite_distance(a, w) == pytest.approx(expected, abs=1e-7)


@given(VALUES, VALUES)
def test_the_distance_to_the_sparse_boundary(a, first):
    """{w_1 = 0, a ≥ 0} and {a = −w_1 ≤ 0}."""
    found, inside = sparse_distance(a, first), first > 0 and a > -first
    edge = min(nearest(lambda x: np.hypot(a - abs(x), first)), nearest(lambda x: np.hypot(a + abs(x), first - abs(x))))
    assert found == pytest.approx(edge if inside else 0.0, abs=1e-7)
    if inside:
        assert (found == first) == (a >= (np.sqrt(2) - 1) * first) or a == pytest.approx((np.sqrt(2) - 1) * first)
        alone = sparse_distance(a, first, weights_only=True)
        assert alone >= found - 1e-12
        assert in_basin(a, [first - alone * (1 - 1e-9)])
        assert not in_basin(a, [first - alone * (1 + 1e-9) - 1e-300])


def test_distances_at_extreme_scales():
    for scale in (1e-300, 1e-200, 1e200, 1e300):
        assert dense_distance(0.5 * scale, [0.6 * scale, 0.8 * scale]) == pytest.approx(1.5 / np.sqrt(2) * scale)
        assert dense_distance(2 * scale, [0.6 * scale, 0.8 * scale]) == pytest.approx(np.sqrt(5) * scale)
        assert opposite_distance(1.0, [3 * scale, 4 * scale]) == pytest.approx(5 * scale)
        assert sparse_distance(-0.5 * scale, scale) == pytest.approx(0.5 / np.sqrt(2) * scale)


def test_distances_on_the_boundary():
    w = np.array([0.6, 0.8])
    r = np.linalg.norm(w)
    assert dense_distance(-r, w) == 0
    assert dense_distance(-2 * r, w) == 0
    assert 0 < dense_distance(np.nextafter(-r, 0), w) < 1e-15
    assert dense_distance(r, w) == pytest.approx(np.sqrt(2) * r)
    assert dense_distance([0.0, 1e-300], w, weights_only=True).tolist() == [pytest.approx(r), np.inf]
    assert opposite_distance(1.0, [-1.0, 0.0]) == 0


@given(VALUES, WEIGHTS, st.integers(0, 2**32 - 1), st.booleans())
def test_repaired_signs_by_the_flow(a, w, seed, outer):
    """The limit of the flow from the flipped point, against the conditions of T11 for a start in D or in B."""
    flips = np.random.default_rng(seed).integers(0, 2, w.size).astype(bool)
    turned, changed = (-a if outer else a), np.where(flips, -w, w)
    limit = dense_limit(turned, changed)
    assert sign_repaired(a, w, flips, outer=outer) == bool(np.isclose(limit[0] * limit[1][..., 0], 1))
    if in_basin(a, w):
        kept = not (flips[0] and not w[1:].any())
        assert sign_repaired(a, w, flips, outer=outer) == (kept and (not outer or a < np.linalg.norm(w)))
    ends = flow(turned, changed[0], POPULATION, np.inf)
    found = sign_repaired(a, w, flips, outer=outer, sparse=True)
    assert found == bool(ends[1] > 0 and np.isclose(ends[0] * ends[1], 1))
    if in_basin(a, w[:1]):
        assert found == (not flips[0] and (not outer or abs(a) < w[0]))


def test_a_balanced_flip_of_a_is_on_the_boundary():
    w = np.array([[0.6, 0.8], [3.0, 4.0]])
    a = np.linalg.norm(w, axis=-1)
    assert not sign_repaired(a, w, outer=True).any()
    assert sign_repaired(np.nextafter(a, 0), w, outer=True).all()


def escape(a, r, psi, horizon):
    """When w_1 turns positive, by an implicit solver in (a, r, ψ) from the gradient."""

    def speed(_, y):
        by_a, by_w = gradient(y[0], [-y[1] * np.cos(y[2]), y[1] * np.sin(y[2])])
        out = np.array([-np.cos(y[2]), np.sin(y[2])])
        side = np.array([np.sin(y[2]), np.cos(y[2])])
        return -by_a, -by_w @ out, -by_w @ side / y[1]

    def up(_, y):
        return y[2] - np.pi / 2

    up.terminal = True
    return solve_ivp(speed, (0, horizon), (a, r, psi), method="Radau", rtol=1e-9, atol=1e-12, events=up).t_events[0][0]


@pytest.mark.parametrize(("a", "r", "psi", "error"), [
    (1.0, 1.0, 1e-2, 4e-3), (2.0, 1.0, 1e-2, 1e-4), (1.2, 1.0, 1e-2, 1e-4), (1.01, 1.0, 3e-3, 2e-3),
    (0.5, 1.0, 0.1, 0.01), (0.2, 2.0, 0.1, 0.02), (0.9, 1.2, 0.06, 0.02),
])  # fmt: skip
def test_the_time_of_a_repair(a, r, psi, error):
    expected = float(repair_time(a, r, psi))
    assert escape(a, r, psi, 2 * expected) == pytest.approx(expected, rel=error)


def test_the_repair_time_without_its_corrections_is_worse():
    """Negative controls: (2/c) ln(π√c r/ψ), and |c|/ψ⁴ of the initial ψ."""
    a, r, psi = 1.2, 1.0, 1e-2
    c = a * a - r * r
    assert escape(a, r, psi, 100.0) != pytest.approx(2 / c * np.log(np.pi * np.sqrt(c) * r / psi), rel=0.05)
    a, r, psi = 0.9, 1.2, 0.06
    plain = 1.5 * np.pi**2 * (r * r - a * a) / psi**4
    assert escape(a, r, psi, 2 * plain) != pytest.approx(plain, rel=0.05)


def test_balanced_repair_tends_to_the_escape_time():
    psi = np.array([1e-2, 1e-3, 1e-4])
    ratio = sign_escape_time(np.pi - psi) / repair_time(1.0, 1.0, psi)
    assert (np.abs(ratio - 1) < psi).all()
    near = repair_time(np.sqrt(1 + np.array([1e-12, 0.0, -1e-12])), 1.0, 1e-2)
    assert near == pytest.approx(200 * np.pi, rel=1e-8)


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: dense_distance(1.0, [1.0]), "not 1"),
        (lambda: dense_distance(np.nan, [1.0, 2.0]), "nan"),
        (lambda: opposite_distance(1.0, [np.inf, 2.0]), "inf"),
        (lambda: sparse_distance("x", 1.0), "'x'"),
        (lambda: sign_repaired(1.0, [1.0, 1.0], [1, 0]), r"\[1, 0\]"),
        (lambda: sign_repaired(1.0, [1.0, 1.0], [True, False, True]), r"\(3,\)"),
        (lambda: repair_time(0.0, 1.0, 0.1), "0.0"),
        (lambda: repair_time(1.0, 1.0, 0.0), "0.0"),
        (lambda: repair_time(1.0, 1.0, 4.0), "4.0"),
    ],
)
def test_bad_input_is_quoted(call, quoted):
    with pytest.raises(ValueError, match=quoted):
        call()
