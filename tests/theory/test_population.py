"""T1, T3: moments, loss and gradient of the population against numerical integration of their definitions."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad
from scipy.stats import ortho_group

from theory.one_input import POPULATION, flow
from theory.population import angle, conserved, correlation, gradient, gradient_moment, loss, reduced_flow

ANGLES = [0.0, 1e-6, 0.3, np.pi / 2, 2.0, 3.0, np.pi - 1e-3, np.pi]
WEIGHTS = st.integers(2, 6).flatmap(lambda d: arrays(float, d, elements=st.floats(-2, 2).map(lambda v: round(v, 2))))
OUTER = st.floats(-2, 2).map(lambda v: round(v, 2))


def expectation(f, kinks):
    """E f(x) over the standard normal plane for a homogeneous f of degree 2: ∫ f(cos α, sin α) dα · ∫ ρ³ e^{−ρ²/2} dρ / 2π."""
    edges = sorted({-np.pi, np.pi, *((k + np.pi) % (2 * np.pi) - np.pi for k in kinks)})
    radial, _ = quad(lambda rho: rho**3 * np.exp(-rho * rho / 2), 0, 40, points=[1, 3], epsabs=1e-13)
    parts = itertools.pairwise(edges)
    around = sum(quad(lambda alpha: f(np.cos(alpha), np.sin(alpha)), *p, epsabs=1e-13)[0] for p in parts)
    return radial * around / (2 * np.pi)


def relu(z):
    return max(z, 0.0)


def corners(theta):
    return -np.pi / 2, np.pi / 2, theta - np.pi / 2, theta + np.pi / 2


@pytest.mark.parametrize("theta", ANGLES)
def test_moments_by_integration(theta):
    cos, sin = np.cos(theta), np.sin(theta)
    on = corners(theta)
    product = expectation(lambda x, y: relu(x) * relu(cos * x + sin * y), on)
    along = expectation(lambda x, y: relu(x) * x * (cos * x + sin * y > 0), on)
    across = expectation(lambda x, y: relu(x) * y * (cos * x + sin * y > 0), on)
    assert correlation(theta) == pytest.approx(product, abs=1e-9)
    assert np.allclose(gradient_moment(theta), (along, across), atol=1e-9, rtol=0)


@pytest.mark.parametrize("theta", ANGLES)
@pytest.mark.parametrize(("a", "r"), [(1.0, 1.0), (-0.7, 1.3), (2.0, 0.1), (0.0, 1.0)])
def test_loss_by_integration(theta, a, r):
    cos, sin = np.cos(theta), np.sin(theta)
    value = expectation(lambda x, y: (a * relu(r * (cos * x + sin * y)) - relu(x)) ** 2 / 2, corners(theta))
    assert loss(a, r, theta) == pytest.approx(value, abs=1e-9)


def full_loss(a, w):
    return loss(a, np.linalg.norm(w), angle(w))


@given(OUTER, WEIGHTS)
def test_gradient_by_differences(a, w):
    if np.linalg.norm(w) < 0.1:
        return
    h = 1e-5
    by_a, by_w = gradient(a, w)
    assert by_a == pytest.approx((full_loss(a + h, w) - full_loss(a - h, w)) / (2 * h), abs=1e-8)
    differences = [(full_loss(a, w + h * e) - full_loss(a, w - h * e)) / (2 * h) for e in np.eye(w.size)]
    assert np.allclose(by_w, differences, atol=1e-7, rtol=0)


@given(OUTER, WEIGHTS)
def test_the_velocity_conserves_c(a, w):
    """T1: a ȧ = w·ẇ."""
    by_a, by_w = gradient(a, w)
    assert a * by_a == pytest.approx(w @ by_w, abs=1e-12)


@given(OUTER, WEIGHTS, st.integers(0, 2**32 - 1))
def test_only_the_length_of_w_perp_matters(a, w, seed):
    """Rotating x_⊥ rotates the gradient."""
    turn = np.eye(w.size)
    if w.size > 2:
        turn[1:, 1:] = ortho_group.rvs(w.size - 1, random_state=seed)
    by_a, by_w = gradient(a, w)
    turned_a, turned_w = gradient(a, turn @ w)
    assert turned_a == pytest.approx(by_a, abs=1e-12)
    assert np.allclose(turned_w, turn @ by_w, atol=1e-12, rtol=0)


@given(OUTER, st.floats(0.1, 2), st.floats(0.01, 3.1))
def test_polar_and_cartesian_flow_agree(a, r, theta):
    w = np.array([r * np.cos(theta), r * np.sin(theta)])
    outward, speed, turn = reduced_flow(a, r, theta)
    by_a, by_w = gradient(a, w)
    assert outward == pytest.approx(-by_a, abs=1e-12)
    sideways = np.array([-np.sin(theta), np.cos(theta)])
    assert np.allclose(speed * w / r + r * turn * sideways, -by_w, atol=1e-12, rtol=0)


@given(OUTER, st.floats(-2, 2).filter(lambda v: abs(v) > 0.05))
def test_one_input_is_the_case_of_angles_zero_and_pi(a, w):
    """d = 1 is θ ∈ {0, π}: the same velocity as T2 with s = ½, β₊ = 1, β₋ = 0."""
    beta = 1.0 if w > 0 else 0.0
    by_a, by_w = gradient(a, np.array([w]))
    assert (float(by_a), float(by_w[0])) == pytest.approx((-w * (beta - a * w) / 2, -a * (beta - a * w) / 2), abs=1e-12)
    h = 1e-6
    ahead = np.array(flow(a, w, POPULATION, h))
    assert np.allclose((ahead - (a, w)) / h, (-by_a, -by_w[0]), atol=1e-4)


def test_facts_of_sign():
    """g > 0 and (π − θ) + sin θ cos θ > 0 on [0, π), both zero at π; sampled here, proved elsewhere."""
    theta = np.linspace(0, np.pi, 1001)[:-1]
    assert (correlation(theta) > 0).all()
    assert (gradient_moment(theta)[0] > 0).all()
    assert (np.diff(correlation(theta)) < 0).all()
    assert correlation(np.pi) == pytest.approx(0, abs=1e-16)


def test_edges():
    assert gradient(1.0, [0.0, 0.0])[1].tolist() == [0.0, 0.0]
    assert float(gradient(1.0, [0.0, 0.0])[0]) == 0.0
    assert angle([[1.0, 0.0], [-1.0, 0.0], [0.0, -3.0]]).tolist() == [0.0, np.pi, np.pi / 2]
    assert angle([0.0, 0.0]) == 0
    assert angle([-1.0, 1e-3]) == pytest.approx(np.pi - 1e-3, rel=1e-6)
    assert conserved(-np.sqrt(2.0), [1.0, 1.0]) == pytest.approx(0, abs=1e-15)


def test_shapes():
    a, w = np.ones((2, 3)), np.ones((2, 3, 4))
    by_a, by_w = gradient(a, w)
    assert (by_a.shape, by_w.shape) == ((2, 3), (2, 3, 4))
    assert np.array_equal(gradient(1.0, w)[1], by_w)
    assert conserved(a, w).shape == angle(w).shape == (2, 3)
