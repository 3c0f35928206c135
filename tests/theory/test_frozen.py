"""T9, mask-0 actions: the flow with frozen w_⊥ against the full gradient and a solver, its asymptotics, Variant 2."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from theory.dense_flow import in_basin, population_flow
from theory.frozen import frozen_asymptote, frozen_pull, frozen_velocity, variant_two_learns
from theory.initialisations import initialisation
from theory.one_input import POPULATION, flow
from theory.population import angle, correlation, gradient, loss

VALUES = st.floats(-3, 3).map(lambda v: round(v, 3))
LENGTHS = st.floats(0.01, 3)


def solve(a0, first, rho, t):
    def speed(_, y):
        return np.array(frozen_velocity(y[0], y[1], rho))

    return solve_ivp(speed, (0, t), (a0, first), method="LSODA", rtol=1e-10, atol=1e-13).y[:, -1]


@given(VALUES, VALUES, LENGTHS)
def test_the_velocity_is_the_gradient_with_w_perp_frozen(a, first, rho):
    by_a, by_w = gradient(a, [first, 0.6 * rho, -0.8 * rho])
    assert np.allclose(frozen_velocity(a, first, rho), (-by_a, -by_w[0]), atol=1e-12)


@given(VALUES, LENGTHS)
def test_the_velocity_near_the_opposite_ray_keeps_its_digits(a, rho):
    """π − θ down to 1e-9, where the plain formulas cancel to nothing."""
    for far in (20.0, 1e3, 1e9):
        with mpmath.workdps(60):
            w, side = mpmath.mpf(-far * rho), mpmath.mpf(rho)
            psi = mpmath.atan2(side, -w)
            outer = (side + psi * w) / (2 * mpmath.pi)
            along = (psi + w * side / (w * w + side * side)) / (2 * mpmath.pi)
            expected = float(outer - a * (w * w + side**2) / 2), float(a * along - mpmath.mpf(a) ** 2 * w / 2)
            at_rest = float(outer), float(along)
        assert np.allclose(frozen_velocity(a, -far * rho, rho), expected, rtol=1e-11)
        assert frozen_velocity(0.0, -far * rho, rho)[0] == pytest.approx(at_rest[0], rel=1e-11)


def test_the_velocity_and_the_pull_as_identities():
    """The symbolic branches: −∇L at frozen ρ, and ẇ_1 where ȧ = 0."""
    a, x, rho, theta = sp.symbols("a x rho theta", positive=True)
    outer, along = (v.subs(sp.atan2(rho, x), theta).subs(x, rho / sp.tan(theta)) for v in frozen_velocity(a, x, rho))
    r = rho / sp.sin(theta)
    resting = 2 * correlation(theta) / r
    assert sp.simplify(outer.subs(a, resting)) == 0
    pull = frozen_pull(resting, x, rho).subs(sp.atan2(rho, x), theta).subs(x, rho / sp.tan(theta))
    assert sp.simplify(along.subs(a, resting) - pull) == 0
    assert sp.simplify(pull - resting / (2 * sp.pi) * (sp.pi - theta) * sp.sin(theta) ** 2) == 0


@given(VALUES, LENGTHS)
def test_no_critical_point(first, rho):
    """Where ȧ = 0, ẇ_1 equals the positive pull."""
    r, theta = np.hypot(first, rho), np.arctan2(rho, first)
    a = frozen_velocity(0.0, first, rho)[0] * 2 / r**2
    still, moving = frozen_velocity(a, first, rho)
    assert still == pytest.approx(0, abs=1e-12)
    assert moving == pytest.approx(frozen_pull(a, first, rho), rel=1e-6, abs=1e-12)
    assert frozen_pull(a, first, rho) > 0
    assert frozen_pull(a, first, rho) == pytest.approx(a / (2 * np.pi) * (np.pi - theta) * np.sin(theta) ** 2, rel=1e-9)


@pytest.mark.parametrize(("a0", "first", "rho"), [(1.0, 0.5, 0.8), (-2.0, -0.5, 0.7), (-3.0, 0.3, 0.5), (0.5, -1.0, 1.0)])
def test_every_start_escapes_to_the_asymptote(a0, first, rho):
    """Two of them with a0 < −‖w0‖, where the dense flow never learns. No floor: L falls like t^{−1/2}."""
    ends = []
    for t in (1e6, 1e8):
        a, w = solve(a0, first, rho, t)
        outer, inner, level = frozen_asymptote(rho, t)
        value = float(loss(a, np.hypot(w, rho), angle([w, rho])))
        assert (a / outer, w / inner, value / level) == pytest.approx((1, 1, 1), abs=0.2 * t**-0.25)
        ends.append(abs(w / inner - 1))
        assert value < 0.01
    assert ends[1] < ends[0] < 0.005


def test_c_is_not_conserved():
    """Negative control: with w_⊥ frozen T1 fails, and so would any basin built on it."""
    a, w = solve(-2.0, -0.5, 0.7, 1e3)
    assert a > 0 > (-2.0) + np.hypot(0.5, 0.7)
    assert abs((a * a - w * w - 0.49) - (4 - 0.25 - 0.49)) > 1


def test_the_asymptote_at_extreme_scales():
    a, w, level = frozen_asymptote(np.array([1e-200, 1e200]), np.array([1e200, 1e250]))
    assert np.allclose(np.log10(w), [-50 + np.log10(2) / 4, 162.5 + np.log10(2) / 4])
    assert np.allclose(a * w, 1)
    assert (level > 0).all()


@pytest.mark.parametrize("init", ["balanced", "bounded", "gaussian"])
def test_variant_two_by_its_own_steps(init):
    """Train, start kept weights that shrank at 0, retrain; against the condition on m∞. Fewer successes than IMP."""
    a0, w0 = initialisation(init).sample(np.random.default_rng(3), 3, 150)
    if init != "gaussian":
        a0, w0 = 2.5 * a0, 2.5 * w0
    _, w = population_flow(a0, w0, 60.0)
    shrank = np.abs(w[:, 0]) < np.abs(w0[:, 0])
    a, first = flow(a0, np.where(shrank, 0.0, w0[:, 0]), POPULATION, np.inf)
    simulated = (first > 0) & np.isclose(a * first, 1)
    clear = (np.abs(a0 + w0[:, 0]) > 0.02) & (np.abs(np.abs(w[:, 0]) - np.abs(w0[:, 0])) > 1e-3)
    found, imp = variant_two_learns(a0, w0), in_basin(a0, w0[:, :1])
    assert np.array_equal(found[clear], simulated[clear])
    assert (found <= imp).all()
    assert found.sum() < imp.sum()
    assert found.any()


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: frozen_velocity(1.0, 1.0, 0.0), "0.0"),
        (lambda: frozen_velocity(np.nan, 1.0, 1.0), "nan"),
        (lambda: frozen_pull(1.0, 1.0, -1.0), "-1.0"),
        (lambda: frozen_asymptote(1.0, 0.0), "0.0"),
        (lambda: frozen_asymptote(0.0, 1.0), "0.0"),
        (lambda: variant_two_learns(1.0, [np.inf, 1.0]), "inf"),
    ],
)
def test_bad_input_is_quoted(call, quoted):
    with pytest.raises(ValueError, match=quoted):
        call()
