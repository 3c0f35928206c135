"""T13: gradient descent, simulated step by step, against its closed laws: drift of c, jumps over zero, momentum, stability."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from theory.dense_flow import in_basin
from theory.discrete import (
    branch_step,
    crosses,
    crossing_step,
    dense_drift,
    dense_step,
    drift_factor,
    ever_jumps,
    jump_number,
    momentum_roots,
    sparse_step,
    stable,
)
from theory.one_input import POPULATION, Branches, branch_statistics
from theory.population import angle, conserved, reduced_flow

VALUES = st.floats(-3, 3).map(lambda v: round(v, 3))
POSITIVE = st.floats(0.05, 2).map(lambda v: round(v, 3))
NEGATIVE = st.floats(-3, -0.05).map(lambda v: round(v, 3))
WEIGHTS = st.integers(2, 5).flatmap(lambda d: arrays(float, d, elements=VALUES))


def descend(a, w, s, eta, steps, mu=0.0, fixed=False):
    """Heavy ball on the noise-free population, sign by sign: did w turn positive, and is it positive at the end?"""
    va = vw = 0.0
    first = np.inf
    for k in range(1, steps + 1):
        beta = 1.0 if w > 0 else 0.0
        by_a, by_w = (s * (a * w - beta) * w, s * (a * w - beta) * a) if w else (0.0, 0.0)
        va, vw = mu * va - eta * by_a, mu * vw - eta * by_w
        a, w = (a if fixed else a + va), w + vw
        if w > 0:
            first = min(first, k)
            if fixed:
                break
        if (abs(w) < 1e-200 and abs(vw) < 1e-200) or not abs(w) < 1e100:
            break
    return first, a, w


@given(VALUES, VALUES, st.integers(0, 2**32 - 1), st.floats(0.01, 1))
def test_a_step_is_gradient_descent_on_the_sample(a, w, seed, eta):
    """Against the mean of the samples' own gradients, with φ'(0) = 0."""
    x, noise = np.random.default_rng(seed).normal(size=(2, 30))
    y = np.maximum(x, 0) + 0.3 * noise
    residual, on = a * np.maximum(w * x, 0) - y, w * x > 0
    expected = a - eta * (residual * np.maximum(w * x, 0)).mean(), w - eta * (residual * a * x * on).mean()
    assert np.allclose(sparse_step(a, w, branch_statistics(x, y), eta), expected, atol=1e-12)


@given(VALUES, WEIGHTS, st.floats(0.01, 2))
def test_the_drift_of_c(a, w, eta):
    r = np.linalg.norm(w)
    if r > 0.1:
        after = dense_step(a, w, eta)
        found = dense_drift(a, r, angle(w), eta)
        assert conserved(*after) - conserved(a, w) == pytest.approx(found, abs=1e-10)
    branches = Branches(0.4, 1.1, 0.6, 0.2)
    s, beta = branches[:2] if w[0] > 0 else branches[2:]
    if w[0]:
        outer, inner = sparse_step(a, w[0], branches, eta)
        factor = drift_factor(a, w[0], s, beta, eta)
        assert outer**2 - inner**2 == pytest.approx(factor * (a * a - w[0] ** 2), abs=1e-9)


def test_the_drifts_are_identities():
    a, w, s, beta, eta = sp.symbols("a w s beta eta", real=True)
    after = branch_step(a, w, s, beta, eta)
    assert sp.expand(after[0] ** 2 - after[1] ** 2 - drift_factor(a, w, s, beta, eta) * (a**2 - w**2)) == 0
    r, theta = sp.symbols("r theta", positive=True)
    outer, along, turn = reduced_flow(a, r, theta)
    step = (a + eta * outer) ** 2 - (r + eta * along) ** 2 - (eta * r * turn) ** 2
    assert sp.simplify(sp.expand(step - (a**2 - r**2) - dense_drift(a, r, theta, eta))) == 0


@given(VALUES, VALUES, POSITIVE, VALUES, st.floats(0.01, 2))
def test_zero_and_the_sign_of_c_stay(a, w, s, beta, eta):
    """In rational arithmetic: balanced stays balanced, and c keeps its sign while ηs|β − p| < 1."""
    a, w, s, beta, eta = (Fraction(v) for v in (a, w, s, beta, eta))
    force = eta * s * (beta - a * a)
    assert (a + force * a) ** 2 == (-a - force * a) ** 2
    force = eta * s * (beta - a * w)
    c, after = a * a - w * w, (a + force * w) ** 2 - (w + force * a) ** 2
    assert after == c * (1 - force**2)
    if abs(force) < 1:
        assert (after > 0) == (c > 0)


def test_descent_leaves_the_boundary_of_the_flow():
    """Balanced a0 = −‖w0‖, where the flow goes to 0, learns: c drifts below 0. Half the step takes over 8 times as long."""
    times = []
    for eta in (0.8, 0.4):
        a, w, k = np.float64(-1.0), np.array([0.6, 0.8]), 0
        while (a < 0 or w[0] < 0) and k < 20_000:
            a, w = dense_step(a, w, eta)
            k += 1
            assert conserved(a, w) < 0
        assert in_basin(a, w[:1])
        times.append(k * eta)
    assert times[1] > 8 * times[0]


@given(VALUES, st.floats(-3, 3).filter(lambda v: abs(v) > 1e-3), POSITIVE, VALUES, st.floats(0.05, 3))
def test_the_jump_number(a, w, s, beta, eta):
    number = float(jump_number(a, w, s, beta, eta))
    after = branch_step(a, w, s, beta, eta)[1]
    if abs(number - 1) > 1e-9:
        assert (after * w < 0) == (number > 1)
    assert after == pytest.approx(w * (1 - number), abs=1e-9)
    if w < 0:
        assert number == pytest.approx(eta * s * (a * a + a * beta / abs(w)))


def test_landing_on_zero_is_death():
    """ηsa² = 1 exactly."""
    a, w = sparse_step(2.0, -1.0, POPULATION, 0.5)
    assert jump_number(2.0, -1.0, 0.5, 0.0, 0.5) == 1
    assert w == 0
    assert [float(v) for v in sparse_step(a, w, POPULATION, 0.5)] == [a, 0]
    assert not ever_jumps(2.0, -1.0, 0.5, 0.5)
    assert ever_jumps(np.nextafter(2.0, 3), -1.0, 0.5, 0.5)


@given(VALUES, NEGATIVE, st.floats(0.05, 1.5))
@settings(max_examples=300)
def test_the_first_step_decides_while_w_is_short(a, w, h):
    """Simulated until w has faded, a jump comes at the first step or never, given ηsw0² ≤ 2."""
    if h * w * w > 2 or abs(h * a * a - 1) < 1e-9:
        return
    assert (descend(a, w, 0.5, 2 * h, 300)[0] < np.inf) == ever_jumps(a, w, 0.5, 2 * h)


def test_without_the_hypothesis_later_steps_jump():
    """Negative control: ηsa0² ≤ 1 but ηsw0² > 2, where a grows until it jumps; the law refuses to speak."""
    first, *_ = descend(0.9, -2.0, 0.5, 2.0, 300)
    assert 1 < first < np.inf
    with pytest.raises(ValueError, match=r"ηsw0² ≤ 2, not 4\.0"):
        ever_jumps(0.9, -2.0, 0.5, 2.0)


def test_after_the_jump():
    """a1 = a0(1 − hw0²), w1 = |w0|(ha0² − 1), c' = c(1 − h²p²)."""
    a, w, h = 1.6, -0.5, 0.6
    outer, inner = branch_step(a, w, h, 0.0, 1.0)
    assert (outer, inner) == pytest.approx((a * (1 - h * w * w), abs(w) * (h * a * a - 1)))
    assert outer**2 - inner**2 == pytest.approx((a * a - w * w) * (1 - (h * a * w) ** 2))


@pytest.mark.parametrize("c", [-2.0, 0.0, 1e-12, 3.0])
@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9])
def test_stability_of_the_minimum(c, mu):
    """Perturbed minima come back iff h√(c² + 4) < 2(1 + μ), 1 % on either side; else a flatter one is found, or none."""
    top = np.hypot(c, 2) / 2
    a0 = np.sqrt((c + np.hypot(c, 2)) / 2) if c >= 0 else np.sqrt(2 / (np.hypot(c, 2) - c))
    for factor, expected in ((0.99, True), (1.01, False)):
        eta = factor * 2 * (1 + mu) / top
        assert stable(c, 0.5, eta, momentum=mu) == expected
        away = 1e-9
        _, a, w = descend(a0, 1 / a0 + away, 0.5, eta, 3000, mu)
        back = abs(a * w - 1) < away / 10 and abs((a - w) * (a + w) - c) < 1e-6
        assert back == expected


@pytest.mark.parametrize("mu", [0.0, 0.3, 0.9, 0.99])
def test_momentum_crosses_beyond_its_bound(mu):
    """κ = ηsa² at (1 − √μ)²(1 ± 0.03), a held constant."""
    bound = (1 - np.sqrt(mu)) ** 2
    for factor in (0.5, 0.97, 1.03, 1.5):
        kappa = factor * bound
        first, *_ = descend(1.0, -1.0, 1.0, kappa, 60_000, mu, fixed=True)
        assert (first < np.inf) == (factor > 1) == crosses(1.0, 1.0, kappa, mu)
        assert first == crossing_step(kappa, mu)


@given(st.floats(0, 0.97), st.floats(0, 6))
def test_the_step_of_the_crossing(mu, kappa):
    bound = (1 - np.sqrt(mu)) ** 2
    if abs(kappa - bound) > 0.02 * bound and abs(kappa - (1 + np.sqrt(mu)) ** 2) > 1e-6:
        found = crossing_step(kappa, mu)
        first, *_ = descend(1.0, -1.0, 1.0, kappa, 20_000, mu, fixed=True)
        assert first == found or abs(_boundary(kappa, mu) - round(_boundary(kappa, mu))) < 1e-6
        assert (found < np.inf) == (kappa > bound)


def _boundary(kappa, mu):
    """The real time of the crossing; at an integer, rounding decides."""
    root = np.sqrt(mu)
    phi = np.arccos(np.clip((1 + mu - kappa) / (2 * root), -1, 1)) if root else 1.0
    return (np.pi / 2 + np.arctan2(1 - kappa - mu, 2 * root * np.sin(phi))) / phi if phi else 0.5


@given(st.floats(0, 0.999), st.floats(0, 6))
def test_the_roots_solve_the_recursion(mu, kappa):
    roots = np.array(momentum_roots(kappa, mu))
    assert np.allclose(roots.sum(), 1 + mu - kappa)
    assert np.allclose(roots.prod(), mu)
    positive = (abs(roots.imag) < 1e-12).all() and (roots.real >= 0).all()
    if abs(kappa - (1 - np.sqrt(mu)) ** 2) > 1e-9:
        assert positive == (kappa < (1 - np.sqrt(mu)) ** 2 or (mu == 0 and kappa <= 1))


def test_the_roots_as_an_identity():
    k, m = sp.symbols("kappa mu", positive=True)
    for root in momentum_roots(k, m):
        assert sp.expand(root**2 - (1 + m - k) * root + m) == 0
    threshold = momentum_roots((1 - sp.sqrt(m)) ** 2, m)
    assert all(sp.simplify(v - sp.sqrt(m)) == 0 for v in threshold)


def test_momentum_closes_the_gap_where_descent_does_not_cross():
    """μ = 0.9, η = 0.1, small |w0|: from (a, w) = (1, −0.1) momentum learns, plain descent does not; at η = 0.001 neither."""
    for eta, mu, expected in (
        (0.1, 0.9, True),
        (0.1, 0.0, False),
        (0.001, 0.9, False),
        (0.005, 0.9, False),
        (0.0056, 0.9, True),
    ):
        assert crosses(1.0, 0.5, eta, mu) == expected
        first, a, w = descend(1.0, -0.1, 0.5, eta, 200_000 if expected else 20_000, mu)
        assert (first < np.inf) == expected
        assert (abs(a * w - 1) < 1e-6) == expected


def test_bounds_near_momentum_one_keep_their_digits():
    mu = 1 - 1e-10
    bound = float((1 - sp.sqrt(sp.Rational(mu))).evalf(40) ** 2)
    assert crosses(1.0, 1.0, bound * (1 + 1e-14), mu)
    assert not crosses(1.0, 1.0, bound * (1 - 1e-14), mu)


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: branch_step(np.nan, 1.0, 1.0, 1.0, 0.1), "nan"),
        (lambda: sparse_step(1.0, 1.0, POPULATION, 0.0), "0.0"),
        (lambda: dense_step(1.0, [1.0, 0.0], -0.1), "-0.1"),
        (lambda: jump_number(1.0, 0.0, 1.0, 1.0, 0.1), "0.0"),
        (lambda: ever_jumps(1.0, 0.5, 0.5, 0.1), "0.5"),
        (lambda: ever_jumps(1.0, -0.5, -0.5, 0.1), "-0.5"),
        (lambda: stable(0.0, 0.0, 0.1), "0.0"),
        (lambda: stable(0.0, 0.5, 0.1, momentum=1.0), "1.0"),
        (lambda: momentum_roots(0.1, 1.5), "1.5"),
        (lambda: crosses(1.0, 0.5, 0.1, -0.1), "-0.1"),
        (lambda: crossing_step(-1.0, 0.5), "-1.0"),
    ],
)
def test_bad_input_is_quoted(call, quoted):
    with pytest.raises(ValueError, match=quoted):
        call()
