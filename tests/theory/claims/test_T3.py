"""T3: moments, loss, gradient and flow of the population, against integrals over the plane of e_1 and w."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.population import correlation, gradient, gradient_moment, loss, reduced_flow

ANGLES = st.one_of(
    st.sampled_from([0.0, 1e-9, 1e-4, math.pi / 2, math.pi - 1e-4, math.pi - 1e-6, math.pi]), st.floats(0, math.pi)
)
SCALES = st.sampled_from([1e-6, 1e-3, 1.0, 1e3, 1e6])
STARTS = st.tuples(SCALES, st.floats(-3, 3), SCALES, st.floats(0.01, 3), ANGLES).map(lambda v: (v[0] * v[1], v[2] * v[3], v[4]))
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)


def sector(theta):
    """Directions (cos, sin) with x_1 > 0 and w·x > 0, and weights with which E[ρ² f] = Σ weight f(direction), E[ρ²] = 2."""
    psi = math.pi - theta
    angle = math.pi / 2 - psi * (NODES + 1) / 2
    return np.stack([np.cos(angle), np.sin(angle)]), psi / 2 * WEIGHTS / math.pi


def moment(theta):
    """E[φ(x_1) x 1{w·x > 0}] in the plane of e_1 and w."""
    x, weight = sector(theta)
    return (x * x[0] * weight).sum(-1)


def published(theta):
    return np.array([math.pi - theta + math.sin(theta) * math.cos(theta), math.sin(theta) ** 2]) / (2 * math.pi)


MOMENTS = {
    "true": published,
    "code": lambda theta: np.array(gradient_moment(theta)),
    "θ for π − θ": lambda theta: published(math.pi - theta),
    "without sin θ cos θ": lambda theta: np.array([math.pi - theta, math.sin(theta) ** 2]) / (2 * math.pi),
}


def moment_holds(theta, name="true"):
    return np.allclose(MOMENTS[name](theta), moment(theta), rtol=1e-12, atol=2e-16)


@given(ANGLES)
def test_the_moment(theta):
    assert moment_holds(theta)
    assert moment_holds(theta, "code")
    assert correlation(theta) == pytest.approx(moment(theta) @ [math.cos(theta), math.sin(theta)], rel=1e-12, abs=2e-16)


def test_false_moments_are_falsified(truth):
    for name in list(MOMENTS)[2:]:
        assert truth.counterexample(ANGLES, lambda theta, name=name: moment_holds(theta, name)) is not None


def true_loss(a, r, theta):
    """½ E[(a φ(w·x) − φ(x_1))²]: both squares over a half plane, the product over the sector."""
    return (a * r) ** 2 / 4 + 0.25 - a * r * (moment(theta) @ [math.cos(theta), math.sin(theta)])


@given(STARTS)
def test_the_loss(start):
    a, r, _ = start
    assert loss(*start) == pytest.approx(true_loss(*start), rel=1e-12, abs=1e-15 * (1 + (a * r) ** 2))


def velocity(a, r, theta):
    """−∇L by definition: ȧ = E[(t − f) φ(w·x)], ẇ = a E[(t − f) x 1{w·x > 0}], along w and from w towards e_1."""
    v, w = moment(theta), np.array([math.cos(theta), math.sin(theta)])
    to_teacher = np.array([math.sin(theta), -math.cos(theta)])
    return r * (v @ w) - a * r * r / 2, a * (v @ w) - a * a * r / 2, a * (v @ to_teacher)


@given(STARTS)
def test_the_gradient_and_the_reduced_flow(start):
    a, r, theta = start
    by_a, by_r, turn = velocity(*start)
    size_a, size_r = r + abs(a) * r * r, abs(a) + a * a * r
    found = reduced_flow(*start)
    for value, truth, size in zip(found, (by_a, by_r, -turn / r), (size_a, size_r, size_r / r), strict=True):
        assert value == pytest.approx(truth, rel=1e-9, abs=1e-14 * size + 1e-280)
    down_a, down_w = gradient(a, r * np.array([math.cos(theta), math.sin(theta)]))
    direction = np.array([[math.cos(theta), math.sin(theta)], [math.sin(theta), -math.cos(theta)]])
    assert -down_a == pytest.approx(by_a, rel=1e-9, abs=1e-14 * size_a + 1e-280)
    assert np.allclose(-direction @ down_w, (by_r, turn), rtol=1e-9, atol=1e-14 * size_r + 1e-280)


@given(STARTS.filter(lambda s: 1e-3 < s[1] < 1e3 and abs(s[0]) < 1e3))
def test_the_velocity_is_minus_the_slope_of_the_loss(start):
    a, r, theta = start
    h, size = 1e-5, 1 + (a * r) ** 2

    def slope(f):
        return (f(h) - f(-h)) / (2 * h)

    by_a, by_r, turn = velocity(*start)
    assert -slope(lambda h: true_loss(a * (1 + h), r, theta)) == pytest.approx(a * by_a, abs=1e-9 * size)
    assert -slope(lambda h: true_loss(a, r * (1 + h), theta)) == pytest.approx(r * by_r, abs=1e-9 * size)
    assert (
        slope(lambda h: true_loss(a, r, theta + h)) == pytest.approx(r * turn, abs=1e-9 * size) or not h < theta < math.pi - h
    )


def sign_facts(theta, closed=False):
    """g > 0 and (π − θ) + sin θ cos θ > 0 on [0, π), at 60 digits."""
    with mpmath.workdps(60):
        psi = mpmath.pi - mpmath.mpf(theta) if theta < math.pi else mpmath.mpf(0)
        g, pull = mpmath.sin(psi) - psi * mpmath.cos(psi), psi - mpmath.sin(psi) * mpmath.cos(psi)
        return (psi == 0 and not closed) or bool(g > 0 and pull > 0)


@given(st.one_of(ANGLES, st.floats(1e-12, 1e-3).map(lambda x: math.pi - x)))
def test_the_sign_facts(theta):
    assert sign_facts(theta)


def test_on_the_closed_interval_they_are_false(truth):
    assert truth.counterexample(ANGLES, lambda theta: sign_facts(theta, closed=True)) is not None


def turns(start, positive=True):
    """While a > 0 (θ ∈ (0, π)) θ decreases, and a w_1 ≤ 0 grows."""
    a, _, theta = start
    if not 1e-3 < theta < math.pi - 1e-3 or (positive and a <= 1e-3) or (not positive and abs(a) <= 1e-3):
        return True
    _, by_r, turn = velocity(*start)
    by_first = by_r * math.cos(theta) + turn * math.sin(theta)
    return turn > 0 and (theta < math.pi / 2 or by_first > 0)


@given(STARTS)
def test_a_positive_a_turns_towards_the_teacher(start):
    assert turns(start)


def test_a_negative_a_does_not(truth):
    assert truth.counterexample(STARTS, lambda start: turns(start, positive=False)) is not None


def test_at_the_opposite_ray_w_1_shrinks_but_keeps_its_sign():
    for a in (-2.0, 0.5, 3.0):
        _, by_r, turn = velocity(a, 1.0, math.pi)
        assert turn == 0
        assert by_r == pytest.approx(-a * a / 2)


def test_it_is_about_rotation_invariant_inputs(truth):
    """Negative control: for U[−1, 1]² the sector has another weight, E[ρ²] over directions being R⁴/16, and T3 is false."""

    def holds(theta):
        x, weight = sector(theta)
        weight = weight * math.pi / (16 * np.abs(x).max(0) ** 4)
        return np.allclose((x * x[0] * weight).sum(-1), published(theta) / 3, rtol=1e-2)

    assert truth.counterexample(ANGLES.filter(lambda t: 0.1 < t < 3), holds) is not None
