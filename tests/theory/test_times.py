"""T6: the sign-escape time against its integral, its series, its asymptotics and the integrated flow."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp

from theory.population import gradient
from theory.times import escape_angle, sign_escape_time


@given(st.floats(np.pi / 2, np.pi - 1e-4))
def test_equals_its_integral(theta):
    """After the substitution ψ = e^{−u} the integrand u-wise is smooth."""
    psi = np.pi - theta
    value, _ = quad(lambda u: 1 / np.sin(np.exp(-u)), -np.log(np.pi / 2), -np.log(psi), epsabs=1e-13, epsrel=1e-12, limit=500)
    assert sign_escape_time(theta) == pytest.approx(2 * np.pi * value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("psi", [0.5, 0.1, 0.019, 1e-3, 1e-5])
def test_equals_its_integral_to_rounding(psi):
    theta = np.pi - psi
    exact = 2 * mpmath.pi * mpmath.quad(lambda x: 1 / (x * mpmath.sin(x)) - 1 / x**2, [np.pi - theta, mpmath.pi / 2])
    exact += 2 * mpmath.pi * (1 / mpmath.mpf(np.pi - theta) - 2 / mpmath.pi)
    assert sign_escape_time(theta) - 2 * np.pi / (np.pi - theta) == pytest.approx(
        float(exact - 2 * mpmath.pi / (np.pi - theta)), abs=1e-13 + 1e-14 / psi
    )


def crossing(theta, d, scale, seed):
    """When w_1 of the flow in all d coordinates crosses zero, from a0 = ‖w0‖ = scale."""
    across = np.random.default_rng(seed).normal(size=d - 1)
    w0 = scale * np.concatenate([[np.cos(theta)], np.sin(theta) * across / np.linalg.norm(across)])

    def speed(_, y):
        by_a, by_w = gradient(y[0], y[1:])
        return -np.concatenate([[by_a], by_w])

    def first(_, y):
        return y[1]

    first.terminal, first.direction = True, 1
    start = [np.linalg.norm(w0), *w0]
    found = solve_ivp(speed, (0, 100), start, method="DOP853", rtol=1e-11, atol=1e-13, events=first)
    return found.t_events[0][0]


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("d", [2, 5, 50, 500])
def test_equals_the_integrated_flow(d, scale):
    for theta in (1.7, 2.4, 2.9):
        assert sign_escape_time(theta) == pytest.approx(crossing(theta, d, scale, d), rel=1e-6)


@pytest.mark.parametrize("delta", [1e-1, 1e-2, 1e-3])
def test_series(delta):
    series = 4 * (delta + delta**2 / np.pi + (4 / np.pi**2 + 0.5) * delta**3 / 3)
    assert abs(sign_escape_time(np.pi / 2 + delta) - series) < 4 * delta**4


def test_asymptotics_near_the_opposite_ray():
    psi = np.array([1e-2, 1e-3, 1e-5])
    rest = sign_escape_time(np.pi - psi) - 2 * np.pi / psi
    assert np.allclose(rest, -2.16705, atol=np.maximum(1.1 * psi, 1e-4))


def test_it_grows_and_is_exact_at_the_ends():
    theta = np.linspace(0, np.pi, 10_001)
    time = sign_escape_time(theta)
    assert (time[theta <= np.pi / 2] == 0).all()
    assert time[-1] == np.inf
    assert (np.diff(time[theta >= np.pi / 2][:-1]) > 0).all()


@given(st.floats(np.pi / 2, np.pi - 1e-6))
def test_escape_angle_is_the_inverse(theta):
    assert escape_angle(sign_escape_time(theta)) == pytest.approx(theta, abs=1e-13 + 1e-15 * (np.pi - theta) ** -2)


def test_escape_angle_at_the_ends():
    assert escape_angle([0.0, np.inf]).tolist() == [np.pi / 2, np.pi]
    assert (np.diff(escape_angle(np.logspace(-3, 6, 50))) > 0).all()
    assert escape_angle(4e-6) == pytest.approx(np.pi / 2 + 1e-6, abs=1e-11)


@pytest.mark.parametrize("theta", [-1e-9, np.pi + 1e-9, np.nan, [1.0, 4.0]])
def test_other_angles_are_refused(theta):
    with pytest.raises(ValueError, match=r"\[0, π\]"):
        sign_escape_time(theta)


@pytest.mark.parametrize("t", [-1.0, np.nan])
def test_other_times_are_refused(t):
    with pytest.raises(ValueError, match="at least 0"):
        escape_angle(t)
