"""T7: decay of w_⊥, masks kept at time T and under noise, against the flow, integrals and least squares."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from theory.dense_flow import population_flow, teacher_weights
from theory.identification import (
    decay_rate,
    keeps_teacher,
    mask_probability,
    mask_time,
    noise_scale,
    spread,
    turning_time,
)
from theory.initialisations import initialisation
from theory.population import angle, gradient, reduced_flow
from theory.times import sign_escape_time

VALUES = st.floats(-2, 2).map(lambda v: round(v, 3))


@given(VALUES, VALUES, st.floats(0.05, 2), st.floats(0, 2 * np.pi))
def test_the_decay_rate_is_in_the_gradient(a, first, across, phi):
    """ẇ_⊥ ∝ w_⊥, in every direction."""
    w = np.array([first, across * np.cos(phi), across * np.sin(phi)])
    r, theta = np.linalg.norm(w), angle(w)
    assert np.allclose(-gradient(a, w)[1][1:], -decay_rate(a, r, theta) * w[1:], atol=1e-13)


def test_the_decay_rate_as_an_identity():
    """d/dt ln(r sin θ) along the reduced flow."""
    a, r, theta = sp.symbols("a r theta", positive=True)
    _, along, turn = reduced_flow(a, r, theta)
    assert sp.simplify(along / r + turn * sp.cos(theta) / sp.sin(theta) + decay_rate(a, r, theta)) == 0


@pytest.mark.parametrize("a0", [-0.1, 0.9, 1.5])
def test_the_late_decay_is_that_of_the_limit(a0):
    """ln‖w_⊥‖ falls by a∞²/2 a unit of time, with a∞ and not a0."""
    w0 = np.array([0.4, 0.7, -0.4])
    c = a0**2 - w0 @ w0
    (_, early), (_, late) = population_flow(a0, w0, 60.0), population_flow(a0, w0, 62.0)
    rate = teacher_weights(c)[0] ** 2 / 2
    assert np.log(early[1] / late[1]) / 2 == pytest.approx(rate, rel=1e-5)
    assert rate == pytest.approx(decay_rate(teacher_weights(c)[0], teacher_weights(c)[1], 0.0))
    assert rate != pytest.approx(a0**2 / 2, rel=1e-2)


def test_the_spread_is_conserved_and_free_of_scale():
    a0, w0 = initialisation("gaussian").sample(np.random.default_rng(0), 6, 20)
    _, w = population_flow(a0, w0, 3.0)
    assert np.allclose(spread(w), spread(w0), rtol=1e-9)
    for scale in (1e-300, 1e-160, 1e160, 1e300):
        assert np.allclose(spread(scale * w0), spread(w0), rtol=1e-12)
    assert ((spread(w0) >= 1 / np.sqrt(5)) & (spread(w0) <= 1)).all()
    assert spread([[1.0, 0.0], [1.0, -2.0]]).tolist() == [0, 1]
    assert spread([3.0]) == 0


@given(st.integers(0, 2**32 - 1), st.sampled_from(["balanced", "bounded", "gaussian"]), st.floats(0, 6))
@settings(max_examples=20)
def test_which_masks_are_right_at_time_t(seed, init, t):
    """|cot θ(T)| > κ against the argmax of |w_j(T)|."""
    a0, w0 = initialisation(init).sample(np.random.default_rng(seed), 5, 30)
    _, w = population_flow(a0, w0, t)
    size = np.sort(np.abs(w), axis=-1)
    clear = size[:, -1] > size[:, -2] * (1 + 1e-6)
    kept = keeps_teacher(angle(w), spread(w0))
    assert np.array_equal(kept[clear], np.abs(w).argmax(-1)[clear] == 0)


def test_both_signs_are_kept():
    assert keeps_teacher([0.0, np.pi], 1.0).all()
    assert keeps_teacher([0.3, np.pi - 0.3], 1.0).all()
    assert not keeps_teacher([1.2, np.pi - 1.2], 1.0).any()


@given(st.floats(0.2, 3.0), st.floats(0.1, 1), st.floats(0.1, 10))
@settings(max_examples=15)
def test_the_time_of_the_right_mask(theta, kappa, scale):
    """Balanced: before, w_1 > κ‖w_⊥‖ is false, and afterwards true, whatever the scale."""
    time = float(mask_time(theta, kappa))
    w0 = scale * np.array([np.cos(theta), np.sin(theta)])
    if time == 0:
        assert w0[0] >= kappa * w0[1] * (1 - 1e-12)
        return
    for factor, right in ((1 - 1e-4, False), (1 + 1e-4, True)):
        _, w = population_flow(scale, w0, time * factor)
        assert (w[0] > kappa * w[1]) == right


def test_a_mask_can_be_right_early_with_the_wrong_sign():
    """Near θ = π the weight w_1 < 0 is the largest: kept, lost for a while, and kept again."""
    w0, kappa = np.array([-0.95, 0.2, 0.2]), 1 / np.sqrt(2)
    a0 = np.linalg.norm(w0)
    back = float(mask_time(angle(w0), kappa))
    out = float(turning_time(angle(w0), np.pi - np.arctan2(1.0, kappa)))
    assert 0 < out < back
    moments = [0.0, 0.99 * out, 1.01 * out, 0.99 * back, 1.01 * back]
    ends = [population_flow(a0, w0, t)[1] for t in moments]
    assert [bool(keeps_teacher(angle(w), kappa)) for w in ends] == [True, True, False, False, True]


@given(st.floats(0.01, 3.1), st.floats(0.01, 3.1))
def test_the_turning_time_equals_its_integral(x, y):
    start, end = max(x, y), min(x, y)
    value, _ = quad(lambda u: 2 * np.pi / ((np.pi - u) * np.sin(u)), end, start, epsabs=1e-13, epsrel=1e-12, limit=500)
    assert turning_time(start, end) == pytest.approx(value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("start", "end"), [(1.0, 1e-300), (1e-200, 1e-201), (1.5, 1.5 - 1e-9), (3.0, 1e-8), (0.02, 0.019), (2.0, np.pi / 2)]
)
def test_the_turning_time_to_rounding(start, end):
    with mpmath.workdps(40):
        x, y, pi = mpmath.mpf(start), mpmath.mpf(end), mpmath.pi
        exact = mpmath.quad(lambda u: u / (pi * (pi - u) * mpmath.sin(u)), [y, x])
        exact = float(2 * pi * (exact + mpmath.log(mpmath.tan(x / 2) / mpmath.tan(y / 2)) / pi))
    assert turning_time(start, end) == pytest.approx(exact, rel=1e-13)


def test_the_turning_time_at_the_ends():
    assert turning_time(np.pi, 1.0) == np.inf
    assert turning_time(1.0, 0.0) == np.inf
    assert turning_time([0.0, 1.0, np.pi], [0.0, 1.0, np.pi]).tolist() == [0, 0, 0]
    theta = np.linspace(np.pi / 2, np.pi, 50)
    assert np.allclose(turning_time(theta[:-1], np.pi / 2), sign_escape_time(theta[:-1]), rtol=1e-13)
    assert turning_time(2.5, 0.3) == pytest.approx(turning_time(2.5, 1.1) + turning_time(1.1, 0.3), rel=1e-13)


@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_the_noise_of_the_weights(law):
    """a w at the noisy minimum, least squares on its own active half: n = 500, σ = 0.2, 400 data sets."""
    rng, n, d, sigma = np.random.default_rng(1), 500, 5, 0.2
    variance = 1.0 if law == "normal" else 1 / 3
    across = []
    for _ in range(400):
        x = rng.normal(size=(n, d)) if law == "normal" else rng.uniform(-1, 1, size=(n, d))
        y = np.maximum(x[:, 0], 0) + sigma * rng.normal(size=n)
        v = np.eye(d)[0]
        for _ in range(6):
            on = x @ v > 0
            v = np.linalg.lstsq(x[on], y[on])[0]
        across.append(v[1:])
    expected = noise_scale(sigma, n, 1.0, variance)
    assert np.std(across) == pytest.approx(expected, rel=0.08)
    assert noise_scale(sigma, n, 2.0, variance) == pytest.approx(expected / 2)


@pytest.mark.parametrize(("sigma", "n", "d"), [(1.0, 50, 10), (2.0, 100, 3), (1.0, 20, 2), (5.0, 50, 10), (0.3, 10, 100)])
def test_the_probability_of_the_right_mask(sigma, n, d):
    rng, trials = np.random.default_rng(2), 100_000
    w = rng.normal(size=(trials, d)) * noise_scale(sigma, n, 1.0)
    hits = (np.abs(w[:, 0] + 1) > np.abs(w[:, 1:]).max(-1)).mean()
    found = mask_probability(sigma, n, d)
    assert hits == pytest.approx(found, abs=4.5 * np.sqrt(found * (1 - found) / trials) + 1e-9)


def test_the_probability_at_its_ends():
    assert mask_probability(0.0, 10, 5) == 1
    assert mask_probability(1.0, 10, 1) == 1
    for d in (2, 5, 20):
        assert mask_probability(1e9, 10, d) == pytest.approx(1 / d, rel=1e-6)
    values = [mask_probability(s, 100, 10) for s in (1e-3, 1.0, 2.0, 4.0, 8.0)]
    assert values[0] == pytest.approx(1, abs=1e-13)
    assert (np.diff(values) < 0).all()
    assert mask_probability(1.0, 100, 10, 1 / 3) == pytest.approx(mask_probability(np.sqrt(3), 100, 10))


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: decay_rate(1.0, 0.0, 1.0), "0.0"),
        (lambda: spread([1.0, np.nan]), "nan"),
        (lambda: keeps_teacher(4.0, 0.5), "4.0"),
        (lambda: keeps_teacher(1.0, -0.5), "-0.5"),
        (lambda: mask_time(1.0, -0.1), "-0.1"),
        (lambda: mask_time(4.0, 0.1), "4.0"),
        (lambda: turning_time(1.0, 1.5), "1.5"),
        (lambda: turning_time(1.0, -1.5), "-1.5"),
        (lambda: turning_time(np.nan, 0.0), "nan"),
        (lambda: noise_scale(-1.0, 10, 1.0), "-1.0"),
        (lambda: noise_scale(1.0, 0, 1.0), "0.0"),
        (lambda: noise_scale(1.0, 10, 0.0), "0.0"),
        (lambda: noise_scale(1.0, 10, 1.0, 0.0), "0.0"),
        (lambda: mask_probability(1.0, 10, 2.5), "2.5"),
    ],
)
def test_bad_input_is_quoted(call, quoted):
    with pytest.raises(ValueError, match=quoted):
        call()
