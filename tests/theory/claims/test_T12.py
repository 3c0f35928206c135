"""T12: the Hessian by differences of a loss that is integrated, its spectrum, and what pruning costs."""

import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given
from hypothesis import strategies as st

from theory.claims import t12
from theory.flatness import hessian, pruning_cost, pruning_gain, solution_hessian, solution_spectrum

VALUES = st.floats(-2, 2).map(lambda v: round(v, 3))
CONSTANTS = st.floats(-6, 6)
STEP = 1e-4
PROVED = sp.lambdify((t12.a, t12.r, t12.theta, t12.phi), t12.HESSIAN)


def loss(truth, a, w):
    """¼ + q²/4 − q E[φ(x_1) φ(ŵ·x)]."""
    q = a * np.linalg.norm(w)
    return 0.25 + q * q / 4 - q * truth.moments(math.atan2(np.linalg.norm(w[1:]), -w[0]))[0]


def differences(truth, a, w):
    """The Hessian in (a, w) by central differences."""
    point, d = np.array([a, *w]), len(w) + 1
    steps = STEP * np.eye(d)
    f = lambda v: loss(truth, v[0], v[1:])  # noqa: E731
    out = np.empty((d, d))
    for i in range(d):
        for j in range(d):
            signs = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
            out[i, j] = sum(k * f(point + p * steps[i] + m * steps[j]) for p, m, k in signs) / (4 * STEP**2)
    return out


def teacher(c, d):
    a = math.sqrt((c + math.hypot(c, 2)) / 2) if c > 0 else math.sqrt(2 / (math.hypot(c, 2) - c))
    return a, np.array([1 / a, *[0.0] * (d - 1)])


@given(CONSTANTS, st.integers(1, 4))
def test_the_hessian_at_the_teacher(truth, c, d):
    a, w = teacher(c, d)
    found = differences(truth, a, w)
    assert np.allclose(solution_hessian(a, w), found, atol=2e-4 * (1 + a * a))  # L is C² there, not C³
    assert np.allclose(np.linalg.eigvalsh(found), solution_spectrum(c, d), atol=2e-4 * (1 + a * a))


@given(CONSTANTS, st.integers(1, 5))
def test_the_spectrum(c, d):
    """0 along the hyperbola a w_1 = 1, a²/2 across, (a² + w_1²)/2 = √(c² + 4)/2 along the neuron."""
    a, w = teacher(c, d)
    values = np.linalg.eigvalsh(solution_hessian(a, w))
    expected = sorted([0.0, (a * a + w[0] ** 2) / 2, *[a * a / 2] * (d - 1)])
    assert np.allclose(values, expected, atol=1e-12)
    assert np.allclose(solution_spectrum(c, d), expected, atol=1e-12)
    assert expected[-1] == pytest.approx(math.hypot(c, 2) / 2)
    assert values[0] > -1e-12


@given(VALUES, st.lists(VALUES, min_size=3, max_size=3))
def test_the_hessian_anywhere(truth, a, w):
    w = np.array(w)
    r, across = np.linalg.norm(w), np.linalg.norm(w[1:])
    assume(r > 0.2 and across > 0.01)
    assert np.allclose(hessian(a, w), differences(truth, a, w), atol=1e-3 * (1 + abs(a)) / r**2)
    proved = PROVED(a, r, math.atan2(across, w[0]), math.atan2(w[2], w[1]))
    assert np.allclose(hessian(a, w), np.array(proved, dtype=float), atol=1e-10 * (1 + abs(a)) / r)


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.01, 2), st.floats(0, 1))
def test_pruning_by_the_loss(truth, a, first, across, part):
    """Exact gain; for a ≥ 0 at most (a²/4)(ρ² − ρ'²)."""
    kept = part * across
    before, after = (loss(truth, a, np.array([first, v])) for v in (across, kept))
    assert float(pruning_gain(a, first, across, kept)) == pytest.approx(before - after, abs=1e-10)
    if a >= 0:
        assert before - after <= a * a / 4 * (across**2 - kept**2) + 1e-12


@given(CONSTANTS, st.floats(1e-5, 1e-3))
def test_near_the_teacher_the_gain_is_the_curvature(truth, c, size):
    a, w = teacher(c, 2)
    gain = float(pruning_gain(a, w[0], size * w[0]))
    assert gain == pytest.approx(float(pruning_cost(a, [size * w[0]])), rel=size)


def test_false_variants_are_falsified(truth):
    """Without ½ along the neuron, without it across, and a bound on the gain for a < 0."""
    constants = st.tuples(CONSTANTS)
    for change in (lambda a, w: a * a + w * w, lambda a, w: a * a / 2 + w * w):
        holds = lambda c, f=change: abs(solution_spectrum(c[0], 2)[-1] - f(teacher(c[0], 1)[0], teacher(c[0], 1)[1][0])) < 1e-3  # noqa: E731
        assert truth.counterexample(constants, holds) is not None

    def bounded(point):
        a, first, across = point
        gain = loss(truth, a, np.array([first, across])) - loss(truth, a, np.array([first, 0.0]))
        return gain <= a * a / 4 * across**2 + 1e-9

    assert truth.counterexample(st.tuples(st.floats(-2, -0.1), VALUES, st.floats(0.1, 2)), bounded) is not None
