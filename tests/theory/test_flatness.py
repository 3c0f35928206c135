"""T12: Hessians against differences of the loss and exact expectations; what pruning gains or costs."""

import itertools

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from theory.dense_flow import teacher_weights
from theory.flatness import hessian, prunable_dimension, pruning_cost, pruning_gain, solution_hessian, solution_spectrum
from theory.identification import decay_rate
from theory.population import angle, gradient, loss

OUTER = st.floats(-2, 2).map(lambda v: round(v, 2))
WEIGHTS = st.integers(1, 5).flatmap(lambda d: arrays(float, d, elements=OUTER)).filter(lambda w: np.linalg.norm(w) > 0.2)
CONSERVED = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([0.0, 1e-12, -1e-12]))


def at(c, d):
    a, m = teacher_weights(c)
    return a, np.append(m, np.zeros(d - 1))


def differences(a, w, h=1e-4):
    """Second differences of the loss itself, without its gradient."""

    def value(x):
        return loss(x[0], np.linalg.norm(x[1:]), angle(x[1:]))

    x, steps = np.append(a, w), h * np.eye(w.size + 1)
    out = np.empty((x.size, x.size))
    for i, j in itertools.product(range(x.size), repeat=2):
        e, f = steps[i], steps[j]
        out[i, j] = (value(x + e + f) - value(x + e - f) - value(x - e + f) + value(x - e - f)) / (4 * h * h)
    return out


@given(OUTER, WEIGHTS)
def test_the_hessian_by_differences_of_the_loss(a, w):
    if np.linalg.norm(w[1:]) < 0.1:
        w = w * (np.arange(w.size) == 0)
    kink = not w[1:].any()  # |w_⊥| w_⊥: differences err by O(h) there
    assert np.allclose(hessian(a, w), differences(a, w), atol=1e-3 if kink else 1e-5, rtol=0)


@given(OUTER, WEIGHTS)
def test_the_hessian_by_differences_of_the_gradient(a, w):
    h = 1e-6
    columns = []
    for e in np.eye(w.size + 1):
        up, down = gradient(a + h * e[0], w + h * e[1:]), gradient(a - h * e[0], w - h * e[1:])
        columns.append((np.append(*up) - np.append(*down)) / (2 * h))
    assert np.allclose(hessian(a, w), columns, atol=2e-5, rtol=0)


@given(CONSERVED, st.integers(1, 6))
def test_the_spectrum_at_the_teacher(c, d):
    a, w = at(c, d)
    values = np.linalg.eigvalsh(solution_hessian(a, w))
    assert np.allclose(values, solution_spectrum(c, d), rtol=1e-9, atol=1e-12 * values[-1])
    assert np.allclose(hessian(a, w), solution_hessian(a, w), rtol=1e-12, atol=1e-15)
    along = np.append(a, -w) / np.hypot(a, w[0])  # the tangent of the hyperbola a w_1 = 1
    assert np.allclose(solution_hessian(a, w) @ along, 0, atol=1e-12 * values[-1])
    third = solution_spectrum(c, d, 1 / 3)
    assert np.allclose(3 * third, solution_spectrum(c, d))


@given(CONSERVED)
def test_the_printed_spectrum_is_twice_too_large(c):
    """Negative control: a² + w² instead of half of it, along the neuron."""
    a, w = at(c, 2)
    top = np.linalg.eigvalsh(hessian(a, w))[-1]
    assert top == pytest.approx((a * a + w[0] ** 2) / 2)
    assert top != pytest.approx(a * a + w[0] ** 2, rel=0.4)


@pytest.mark.parametrize("c", [-1e-12, 1e-12, -1e8, -1e100, 1e100])
def test_the_spectrum_at_extreme_scales(c):
    """a²/2 ≈ 1/(2|c|) for c ≪ 0, where c + √(c² + 4) cancels."""
    exact = sp.Rational(c) + sp.sqrt(sp.Rational(c) ** 2 + 4)
    assert solution_spectrum(c, 2)[1] == pytest.approx(float(sp.N(exact / 4, 30, maxn=1000)), rel=1e-14)
    assert solution_spectrum(c, 2)[2] == pytest.approx(float(sp.N(sp.sqrt(sp.Rational(c) ** 2 + 4) / 2, 30)), rel=1e-14)


@pytest.mark.parametrize("d", [1, 2])
def test_the_uniform_cube_by_exact_quadrature(d):
    """E[∇f ∇fᵀ] over U[-1, 1]^d at a w = e_1: piecewise polynomial, exact by Gauss–Legendre on x_1 > 0 and x_1 < 0."""
    a, w = at(0.7, d)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    halves = np.concatenate([(nodes - 1) / 2, (nodes + 1) / 2]), np.tile(weights / 4, 2)
    grids = [halves, (nodes, weights / 2)][:d]
    total = np.zeros((d + 1, d + 1))
    for point in itertools.product(*(zip(*g, strict=True) for g in grids)):
        x, weight = np.array([p[0] for p in point]), np.prod([p[1] for p in point])
        by = np.append(max(w @ x, 0.0), a * x * (w @ x > 0))
        total += weight * np.outer(by, by)
    assert np.allclose(total, solution_hessian(a, w, 1 / 3), atol=1e-14)


@given(OUTER, OUTER.filter(lambda v: abs(v) > 0.05), st.floats(0, 3), st.floats(0, 1))
def test_the_gain_of_pruning_is_the_difference_of_losses(a, first, across, share):
    kept = share * across
    before, after = (loss(a, np.hypot(first, y), angle([first, y])) for y in (across, kept))
    assert pruning_gain(a, first, across, kept) == pytest.approx(before - after, abs=1e-13)


@given(st.floats(0, 3), OUTER, st.floats(0, 3), st.floats(0, 1))
def test_the_gain_is_at_most_the_quadratic(a, first, across, share):
    kept = share * across
    removed = np.sqrt((across - kept) * (across + kept))
    assert pruning_gain(a, first, across, kept) <= pruning_cost(a, [removed]) + 1e-14


@given(st.floats(-5, 5), st.floats(1e-9, 1e-3))
def test_near_the_teacher_the_gain_is_the_quadratic(c, epsilon):
    """Third order: F = ρ³/(3w_1²), so the gain is (a²/4)ρ²(1 − 2ρ/(3π a w_1²) + …)."""
    a, m = teacher_weights(c)
    rho = epsilon * m
    share = float(pruning_gain(a, m, rho)) / float(pruning_cost(a, [rho]))
    assert share == pytest.approx(1 - 2 * rho / (3 * np.pi * a * m * m), abs=epsilon**2 + 1e-13)


def test_pruning_at_a_population_minimum_never_costs():
    """Negative control for "costs (a²/4)‖pruned w_⊥‖²": on the population the sign is the other one."""
    assert pruning_gain(1.0, 1.0, 0.1) > 0
    assert loss(1.0, 1.0, 0.0) < loss(1.0, np.hypot(1.0, 0.1), angle([1.0, 0.1]))


@given(st.floats(0.01, 3), OUTER.filter(lambda v: abs(v) > 0.05), st.floats(0.05, 3))
def test_a_little_pruning_gains_iff_the_flow_shrinks_w_perp(a, first, across):
    """∂L/∂ρ = ρ × the decay rate of T7."""
    h = 1e-6 * across
    slope = pruning_gain(a, first, across + h, across - h) / (2 * h)
    r = np.hypot(first, across)
    assert slope == pytest.approx(across * decay_rate(a, r, angle([first, across])), abs=1e-8)


def test_the_gain_as_an_identity():
    """The symbolic branch grows with ρ as the symbolic loss does, for w_1 > 0, and vanishes without pruning."""
    a, x, y = sp.symbols("a x y", positive=True)
    theta = sp.atan(y / x)
    gap = sp.diff(pruning_gain(a, x, y, 0).subs(sp.atan2(y, x), theta) - loss(a, sp.sqrt(x**2 + y**2), theta), y)
    assert sp.simplify(gap) == 0
    assert sp.simplify(pruning_gain(a, x, y, y)) == 0


def test_a_noisy_minimum_pays_the_cost():
    """At the minimum of a sample with label noise, zeroing w_⊥ raises the training loss by about (a²/4)‖w_⊥‖²."""
    rng = np.random.default_rng(0)
    n, d, sigma = 200_000, 4, 0.3
    x = rng.normal(size=(n, d))
    y = np.maximum(x[:, 0], 0) + sigma * rng.normal(size=n)
    v = np.eye(d)[0]
    for _ in range(60):  # a w = v: least squares on the active half, iterated
        on = x @ v > 0
        v = np.linalg.solve(x[on].T @ x[on], x[on].T @ y[on])

    def training(u):
        return ((np.maximum(x @ u, 0) - y) ** 2).mean() / 2

    rise = training(v * (np.arange(d) == 0)) - training(v)
    assert rise == pytest.approx(pruning_cost(1.0, v[1:]), rel=0.05)


def test_the_bound_on_prunable_directions():
    spectrum = solution_spectrum(0.0, 10)
    assert prunable_dimension(spectrum, 0.0, 0.1) == 11
    values = [prunable_dimension(spectrum, x, 0.01) for x in (0.1, 0.5, 1.0, 5.0)]
    assert (np.diff(values) < 0).all()
    assert values[-1] == pytest.approx(1, abs=0.05)  # only the hyperbola
    direct = sum(2 * 0.01 / v / (1 + 2 * 0.01 / v) for v in spectrum[1:]) + 1
    assert values[2] == pytest.approx(direct)
    assert prunable_dimension(spectrum, 1.0, 0.01) < 9  # d − 1 = 9 weights go at no cost


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: hessian(1.0, [0.0, 0.0]), "not 0.0"),
        (lambda: hessian(np.nan, [1.0]), "nan"),
        (lambda: solution_hessian(1.0, [1.0], 0.0), "0.0"),
        (lambda: solution_spectrum(0.0, 2.5), "2.5"),
        (lambda: solution_spectrum(np.inf, 2), "inf"),
        (lambda: solution_spectrum(0.0, 0), "not 0"),
        (lambda: pruning_gain(1.0, 1.0, 0.5, 0.6), "0.6"),
        (lambda: pruning_cost(1.0, 0.5), r"\(\)"),
        (lambda: prunable_dimension([-1.0], 1.0, 0.1), "-1.0"),
        (lambda: prunable_dimension([1.0], -1.0, 0.1), "-1.0"),
        (lambda: prunable_dimension([1.0], 1.0, 0.0), "0.0"),
    ],
)
def test_bad_input_is_quoted(call, quoted):
    with pytest.raises(ValueError, match=quoted):
        call()
